//! Forward and backward passes on slices, with explicit shapes: no framework, no files, no clock.
//!
//! Images lie pixel after pixel, channels together (NHWC): a convolution is then one product of matrices, and a batch
//! norm runs over rows. Work is cut into blocks that depend on the shapes alone, and sums over blocks are added in the
//! order of the blocks, so that the bits are the same for any number of threads.
//!
//! Reading order: [`convolution`], [`norm`].

pub mod convolution;
pub mod norm;
