//! How parameters lie in files that PyTorch, torchvision and timm read, and how they lie here.

use super::ParameterSpec;

/// What stands between our order of a parameter's numbers and PyTorch's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Nothing: a vector.
    Same,
    /// Ours is `d_in` × `d_out`, theirs `d_out` × `d_in`.
    Matrix,
    /// Ours is row × pixel × channel × filter, theirs filter × channel × row × pixel.
    Filters,
    /// Ours is a matrix of (channel, row, pixel) × `d_out`, theirs `d_out` × channel × row × pixel.
    Patches {
        /// Of the images.
        channels: usize,
        /// Rows and columns of a patch.
        side: usize,
    },
    /// Theirs has axes of length 1 before ours, three in all.
    Tokens,
}

impl ParameterSpec {
    /// The shape in PyTorch's files.
    pub fn foreign_shape(&self) -> Vec<usize> {
        let ours = &self.shape;
        match self.layout {
            Layout::Same => ours.clone(),
            Layout::Matrix => vec![ours[1], ours[0]],
            Layout::Filters => vec![ours[3], ours[2], ours[0], ours[1]],
            Layout::Patches { channels, side } => vec![ours[1], channels, side, side],
            Layout::Tokens => [&vec![1; 3 - ours.len()][..], ours].concat(),
        }
    }

    /// Our numbers in PyTorch's order.
    pub fn to_foreign<T: Copy>(&self, ours: &[T]) -> Vec<T> {
        let mut theirs = Vec::with_capacity(ours.len());
        self.each_place(|place| theirs.push(ours[place]));
        theirs
    }

    /// Numbers in PyTorch's order in ours.
    ///
    /// # Panics
    /// When there are not as many as the parameter has.
    pub fn from_foreign<T: Copy>(&self, theirs: &[T]) -> Vec<T> {
        assert_eq!(theirs.len(), self.len(), "as many numbers as `{}` has", self.name);
        let mut ours = theirs.to_vec();
        let mut next = theirs.iter();
        self.each_place(|place| ours[place] = *next.next().expect("as many places as numbers"));
        ours
    }

    /// Calls `visit` with our place of each number, in PyTorch's order.
    fn each_place(&self, mut visit: impl FnMut(usize)) {
        match (self.layout, &self.shape[..]) {
            (Layout::Same | Layout::Tokens, _) => (0..self.len()).for_each(visit),
            (Layout::Matrix | Layout::Patches { .. }, &[inputs, outputs]) => {
                for output in 0..outputs {
                    (0..inputs).for_each(|input| visit(input * outputs + output));
                }
            }
            (Layout::Filters, &[rows, pixels, channels, filters]) => {
                for (filter, channel) in (0..filters).flat_map(|f| (0..channels).map(move |c| (f, c))) {
                    (0..rows * pixels).for_each(|tap| visit((tap * channels + channel) * filters + filter));
                }
            }
            (layout, shape) => unreachable!("{layout:?} of {shape:?}: the builder makes no such parameter"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Initial;

    fn spec(shape: &[usize], layout: Layout) -> ParameterSpec {
        ParameterSpec { name: "p".into(), shape: shape.to_vec(), initial: Initial::Constant(0.0), layout }
    }

    #[test]
    fn matrices_are_transposed_and_filters_turned() {
        let matrix = spec(&[2, 3], Layout::Matrix);
        assert_eq!(matrix.to_foreign(&[1, 2, 3, 4, 5, 6]), [1, 4, 2, 5, 3, 6]);
        assert_eq!(matrix.foreign_shape(), [3, 2]);
        // (row, pixel, channel, filter) as digits of the number.
        let filters = spec(&[2, 2, 2, 2], Layout::Filters);
        let ours: Vec<u8> = (0..16).collect();
        let theirs = filters.to_foreign(&ours);
        // Filter 1, channel 0, row 1, pixel 0 is number 8 + 2 of theirs, and 0b1001 of ours.
        assert_eq!(theirs[0b1010], 0b1001);
        assert_eq!(filters.from_foreign(&theirs), ours);
    }

    #[test]
    fn every_layout_comes_back() {
        let patches = spec(&[2 * 3 * 3, 4], Layout::Patches { channels: 2, side: 3 });
        assert_eq!(patches.foreign_shape(), [4, 2, 3, 3]);
        let tokens = [spec(&[5], Layout::Tokens), spec(&[3, 5], Layout::Tokens)];
        assert_eq!(tokens.each_ref().map(ParameterSpec::foreign_shape), [vec![1, 1, 5], vec![1, 3, 5]]);
        let [one, two] = tokens;
        for spec in [one, two, patches, spec(&[3, 3, 2, 5], Layout::Filters), spec(&[7], Layout::Same)] {
            let ours: Vec<usize> = (0..spec.len()).collect();
            assert_eq!(spec.from_foreign(&spec.to_foreign(&ours)), ours, "{spec:?}");
            assert_eq!(spec.foreign_shape().iter().product::<usize>(), spec.len());
        }
    }
}
