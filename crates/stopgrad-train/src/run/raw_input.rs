//! The raw input as probes see it: normalized samples, read when they are asked for.

use std::borrow::Cow;
use std::ops::Range;

use rayon::prelude::*;
use stopgrad_data::Source;

use crate::features::Preprocessing;
use crate::network::Input;
use stopgrad_dynamics::probe::Rows;

/// Samples of a part, in the order of their indices.
pub(super) struct RawInput<'a> {
    source: &'a dyn Source,
    preprocessing: &'a Preprocessing,
    indices: &'a [usize],
    pool: Option<Pooling>,
    width: usize,
}

impl<'a> RawInput<'a> {
    pub(super) fn of(source: &'a dyn Source, preprocessing: &'a Preprocessing, indices: &'a [usize]) -> Self {
        let full = preprocessing.shape_of_input();
        let pool = Pooling::of(&full);
        let width = pool.as_ref().map_or(full.width, Pooling::width);
        Self { source, preprocessing, indices, pool, width }
    }

    fn write(&self, index: usize, row: &mut [f32]) {
        // A sample that can be read no more is left at 0, which is near nothing.
        let Ok(sample) = self.source.sample(index) else { return };
        let values = self.preprocessing.input(sample.values);
        row.copy_from_slice(&match &self.pool {
            Some(pool) => pool.apply(&values),
            None => values,
        });
    }
}

impl Rows for RawInput<'_> {
    fn width(&self) -> usize {
        self.width
    }

    fn count(&self) -> usize {
        self.indices.len()
    }

    fn read(&self, rows: Range<usize>) -> Cow<'_, [f32]> {
        let mut values = vec![0.0; rows.len() * self.width];
        let rows = values.par_chunks_mut(self.width).zip(&self.indices[rows]);
        rows.for_each(|(row, &index)| self.write(index, row));
        values.into()
    }
}

/// Largest side of the images that are probed as they are.
const RAW_SIDE: usize = 32;

/// Means over squares of pixels.
struct Pooling {
    planes: usize,
    height: usize,
    width: usize,
    side: usize,
}

impl Pooling {
    /// One that brings images to 32 pixels or fewer; none where they are not larger.
    fn of(input: &Input) -> Option<Self> {
        let [planes, height, width] = input.image?;
        let side = height.max(width).div_ceil(RAW_SIDE);
        (side > 1 && height.min(width) >= side).then_some(Self { planes, height, width, side })
    }

    /// Numbers of what is left of an image; a rest at the right and at the bottom goes.
    fn width(&self) -> usize {
        self.planes * (self.height / self.side) * (self.width / self.side)
    }

    fn apply(&self, images: &[f32]) -> Vec<f32> {
        let Self { height, width, side, .. } = *self;
        let share = 1.0 / (side * side) as f32;
        let mut out = Vec::new();
        for plane in images.chunks_exact(height * width) {
            for (y, x) in (0..height / side).flat_map(|y| (0..width / side).map(move |x| (y, x))) {
                let rows = plane.chunks_exact(width).skip(y * side).take(side);
                out.push(rows.map(|row| row[x * side..(x + 1) * side].iter().sum::<f32>()).sum::<f32>() * share);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_images_are_averaged_over_squares() {
        let input = Input { width: 2 * 65 * 70, image: Some([2, 65, 70]) };
        let pool = Pooling::of(&input).expect("larger than 32");
        assert_eq!((pool.side, pool.width()), (3, 2 * 21 * 23));
        let image: Vec<f32> = (0..input.width).map(|at| (at % 70) as f32).collect();
        let small = pool.apply(&image);
        assert_eq!(small.len(), pool.width());
        // Columns 0, 1, 2 and then 3, 4, 5.
        assert!((small[0] - 1.0).abs() < 1e-6 && (small[1] - 4.0).abs() < 1e-5 && (small[23] - 1.0).abs() < 1e-6);
        assert!(Pooling::of(&Input { width: 3072, image: Some([3, 32, 32]) }).is_none());
        assert!(Pooling::of(&Input::from(5000)).is_none());
    }
}
