//! Maps of the image plane and the one place where an image is resampled.

use serde::{Deserialize, Serialize};

use crate::Shape;

/// What stands where a geometric augmentation looks outside the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fill {
    /// Black: right for strokes on a dark ground.
    #[default]
    Zero,
    /// The nearest pixel of the image: right for photographs.
    Edge,
}

/// Size of an image.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plane {
    pub(super) height: usize,
    pub(super) width: usize,
}

/// An affine map from the pixels of the result to those of the image, (0, 0) being the center of the first pixel:
/// `column = xx·x + xy·y + x0`, `row = yx·x + yy·y + y0`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct PlaneMap {
    pub(super) xx: f64,
    pub(super) xy: f64,
    pub(super) x0: f64,
    pub(super) yx: f64,
    pub(super) yy: f64,
    pub(super) y0: f64,
    /// `None` for a map that never looks outside.
    pub(super) fill: Option<Fill>,
}

/// A place along an axis of a framed plane: the pixel before it and the weight of the pixel after.
#[derive(Clone, Copy)]
struct Tap {
    near: usize,
    far_weight: f32,
}

/// Pixels that a frame adds to a side.
const FRAME: usize = 3;

impl PlaneMap {
    /// `linear` about the center of the plane.
    pub(super) fn about_center(plane: Plane, [xx, xy, yx, yy]: [f64; 4], fill: Option<Fill>) -> Self {
        let center_x = (plane.width as f64 - 1.0) / 2.0;
        let center_y = (plane.height as f64 - 1.0) / 2.0;
        let x0 = center_x - xx * center_x - xy * center_y;
        let y0 = center_y - yx * center_x - yy * center_y;
        Self { xx, xy, x0, yx, yy, y0, fill }
    }

    /// One map for this change and then `next`; `None` when they fill differently.
    pub(super) fn then(&self, next: &Self) -> Option<Self> {
        let fill = match (self.fill, next.fill) {
            (Some(first), Some(second)) if first != second => return None,
            (first, second) => first.or(second),
        };
        // A pixel of the result is looked up through `next` first.
        Some(Self {
            xx: self.xx * next.xx + self.xy * next.yx,
            xy: self.xx * next.xy + self.xy * next.yy,
            x0: self.xx * next.x0 + self.xy * next.y0 + self.x0,
            yx: self.yx * next.xx + self.yy * next.yx,
            yy: self.yx * next.xy + self.yy * next.yy,
            y0: self.yx * next.x0 + self.yy * next.y0 + self.y0,
            fill,
        })
    }
}

impl Plane {
    pub(super) fn of(shape: &Shape) -> Option<Self> {
        match *shape {
            Shape::Image { height, width, .. } => Some(Self { height, width }),
            Shape::Row { .. } => None,
        }
    }

    /// Replaces every plane in `values` by its image under the map, interpolating bilinearly.
    pub(super) fn resample(self, values: &mut [f32], map: &PlaneMap) {
        let Self { height, width } = self;
        let tap = |place: f64, len: usize| {
            let place = (place as f32 + 1.0).clamp(0.0, (len + 1) as f32);
            // Not negative, so that cutting off the digits is the floor, and needs no call of a library.
            let near = place as u32;
            Tap { near: near as usize, far_weight: place - near as f32 }
        };
        // Without a turn the column in the image depends on the column of the result alone.
        let upright = map.xy == 0.0 && map.yx == 0.0;
        let across: Vec<Tap> = (0..width).map(|column| tap(map.xx * column as f64 + map.x0, width)).collect();
        let mut between_rows = vec![0.0; width + FRAME];
        for plane in values.chunks_exact_mut(height * width) {
            let framed = self.framed(plane, map.fill.unwrap_or(Fill::Edge));
            for (row, out) in plane.chunks_exact_mut(width).enumerate() {
                let (row_x, row_y) = (map.xy * row as f64 + map.x0, map.yy * row as f64 + map.y0);
                if upright {
                    self.blend_rows(&framed, tap(row_y, height), &mut between_rows);
                    for (out, h) in out.iter_mut().zip(&across) {
                        *out = blend([between_rows[h.near], between_rows[h.near + 1]], h.far_weight);
                    }
                    continue;
                }
                for (column, out) in out.iter_mut().enumerate() {
                    let h = tap(map.xx * column as f64 + row_x, width);
                    *out = self.interpolated(&framed, h, tap(map.yx * column as f64 + row_y, height));
                }
            }
        }
    }

    /// The row of a framed plane that lies between two of its rows.
    fn blend_rows(self, framed: &[f32], v: Tap, out: &mut [f32]) {
        let stride = self.width + FRAME;
        let (upper, lower) = framed[v.near * stride..(v.near + 2) * stride].split_at(stride);
        for (out, (&upper, &lower)) in out.iter_mut().zip(upper.iter().zip(lower)) {
            *out = blend([upper, lower], v.far_weight);
        }
    }

    /// The plane with one pixel of border at the left and top and two at the right and bottom, so that a tap and
    /// its neighbor always lie inside, wherever the map looks.
    fn framed(self, plane: &[f32], fill: Fill) -> Vec<f32> {
        let Self { height, width } = self;
        let stride = width + FRAME;
        let mut framed = vec![0.0; (height + FRAME) * stride];
        for (row, out) in framed.chunks_exact_mut(stride).enumerate() {
            let inside = (1..=height).contains(&row);
            if inside || fill == Fill::Edge {
                let from = row.clamp(1, height) - 1;
                let pixels = &plane[from * width..(from + 1) * width];
                out[1..=width].copy_from_slice(pixels);
                if fill == Fill::Edge {
                    out[0] = pixels[0];
                    out[width + 1..].fill(pixels[width - 1]);
                }
            }
        }
        framed
    }

    /// The value between four pixels of a framed plane.
    #[inline]
    fn interpolated(self, framed: &[f32], h: Tap, v: Tap) -> f32 {
        let stride = self.width + FRAME;
        let at = v.near * stride + h.near;
        let (upper, lower) = (&framed[at..at + 2], &framed[at + stride..at + stride + 2]);
        // Rows first, then columns, as for an upright map.
        let column = |i: usize| blend([upper[i], lower[i]], v.far_weight);
        blend([column(0), column(1)], h.far_weight)
    }
}

fn blend([near, far]: [f32; 2], far_weight: f32) -> f32 {
    near * (1.0 - far_weight) + far * far_weight
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLANE: Plane = Plane { height: 2, width: 3 };

    fn moved(by: f64, fill: Fill) -> Vec<f32> {
        let mut values = vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let map = PlaneMap { xx: 1.0, xy: 0.0, x0: -by, yx: 0.0, yy: 1.0, y0: 0.0, fill: Some(fill) };
        PLANE.resample(&mut values, &map);
        values
    }

    #[test]
    fn whole_pixels_move_exactly_and_fractions_interpolate() {
        assert_eq!(moved(1.0, Fill::Zero), [0.0, 1.0, 2.0, 0.0, 4.0, 5.0]);
        assert_eq!(moved(1.0, Fill::Edge), [1.0, 1.0, 2.0, 4.0, 4.0, 5.0]);
        assert_eq!(moved(-0.5, Fill::Zero), [1.5, 2.5, 1.5, 4.5, 5.5, 3.0]);
        assert_eq!(moved(9.0, Fill::Zero), [0.0; 6]);
        assert_eq!(moved(-9.0, Fill::Edge), [3.0, 3.0, 3.0, 6.0, 6.0, 6.0]);
    }

    #[test]
    fn a_product_of_maps_is_one_after_the_other() {
        let plane = Plane { height: 5, width: 5 };
        let quarter_turn = PlaneMap::about_center(plane, [0.0, 1.0, -1.0, 0.0], None);
        let step = PlaneMap { xx: 1.0, xy: 0.0, x0: 1.0, yx: 0.0, yy: 1.0, y0: 0.0, fill: Some(Fill::Zero) };
        let image: Vec<f32> = (0..25).map(|v| v as f32).collect();
        let mut separately = image.clone();
        plane.resample(&mut separately, &quarter_turn);
        plane.resample(&mut separately, &step);
        let mut at_once = image;
        plane.resample(&mut at_once, &quarter_turn.then(&step).unwrap());
        assert_eq!(separately, at_once);
        let edge = PlaneMap { fill: Some(Fill::Edge), ..step };
        assert!(step.then(&edge).is_none());
    }
}
