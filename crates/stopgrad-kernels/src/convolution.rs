//! Convolution of images, and both its gradients.
//!
//! 3 × 3 filters at every pixel go by minimal filtering (`minimal`), all others as products of gathered rows (`gathered`).
//! Which one it is depends on the sizes alone. Minimal filtering rounds more: the error of a result is some 1e-6 of the largest
//! in f32; and a number that is not finite reaches all results of its tile, 4 × 4 pixels.

mod gathered;
mod maps;
mod minimal;
mod tiles;

use crate::Number;

/// Sizes of a convolution of square filters, with `side / 2` pixels of zeros around each image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Rows of an image.
    pub height: usize,
    /// Pixels in a row.
    pub width: usize,
    /// Numbers in a pixel.
    pub channels: usize,
    /// Numbers in a pixel of the result.
    pub filters: usize,
    /// Rows of a filter, and pixels in a row of it; odd.
    pub side: usize,
    /// Pixels from one place of the filter to the next.
    pub stride: usize,
}

impl Geometry {
    /// Rows of the result.
    pub fn out_height(&self) -> usize {
        (self.height - 1) / self.stride + 1
    }

    /// Pixels in a row of the result.
    pub fn out_width(&self) -> usize {
        (self.width - 1) / self.stride + 1
    }

    /// Numbers that a pixel of the result looks at: filter rows × pixels × channels.
    pub fn taps(&self) -> usize {
        self.side * self.side * self.channels
    }

    /// Numbers of an image.
    pub fn image(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Numbers of an image of the result.
    pub fn out_image(&self) -> usize {
        self.out_height() * self.out_width() * self.filters
    }

    /// The same filters, as many as they are, over the result.
    #[must_use]
    pub fn behind(&self) -> Self {
        Self { height: self.out_height(), width: self.out_width(), channels: self.filters, stride: 1, ..*self }
    }

    /// Multiply-adds for one image.
    pub fn multiply_adds(&self) -> usize {
        self.out_image() * self.taps()
    }
}

/// Σ over filter rows, pixels and channels of weight · x.
///
/// # Shapes      x: n images of `geometry.image()` numbers; weight: taps × filters, row-major, a tap being (row, pixel,
/// channel) → out: n images of `geometry.out_image()` numbers, overwritten
/// # Cost        n · `multiply_adds`, a quarter of them by minimal filtering, with 36 / 9 times the weight's memory
/// # Source      minimal filtering: Winograd 1980; Lavin, Gray 2016
pub fn forward<T: Number>(geometry: &Geometry, x: &[T], weight: &[T], out: &mut [T]) {
    if minimal::suits(geometry) {
        minimal::forward(geometry, x, weight, out);
    } else {
        gathered::forward(geometry, x, weight, out);
    }
}

/// What Σ upstream · out says of x.
///
/// # Shapes      upstream: as `out` of [`forward`]; weight: as there → as `x` there, overwritten
/// # Cost        as [`forward`]
pub fn input_gradient<T: Number>(geometry: &Geometry, upstream: &[T], weight: &[T], out: &mut [T]) {
    if minimal::suits(geometry) {
        minimal::input_gradient(geometry, upstream, weight, out);
    } else {
        gathered::input_gradient(geometry, upstream, weight, out);
    }
}

/// What Σ upstream · out says of the weight.
///
/// # Shapes      x, upstream: as `x` and `out` of [`forward`] → taps × filters, overwritten
/// # Cost        as [`forward`]; and memory for 4 sums, or for 8 pieces and a sum of transformed numbers
pub fn weight_gradient<T: Number>(geometry: &Geometry, x: &[T], upstream: &[T], out: &mut [T]) {
    if minimal::suits(geometry) {
        minimal::weight_gradient(geometry, x, upstream, out);
    } else {
        gathered::weight_gradient(geometry, x, upstream, out);
    }
}

#[cfg(test)]
mod tests;
