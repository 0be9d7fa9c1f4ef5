//! Forward and backward passes on slices, with explicit shapes: no framework, no files, no clock.
//!
//! Images lie pixel after pixel, channels together (NHWC): a convolution is then one product of matrices, and a batch
//! norm runs over rows. Work is cut into blocks that depend on the shapes alone, and sums over blocks are added in the
//! order of the blocks, so that the bits are the same for any number of threads. A NaN stays one: a run that diverges must
//! be seen to.
//!
//! Reading order: [`Number`], [`convolution`], [`max_pool`], [`norm`] (batch norm), [`layer_norm`], [`gelu`], [`softmax`], [`attention`];
//! [`product`] is what dense layers are made of, [`linear`]; [`update`] moves what
//! was trained.

#![forbid(unsafe_code)]

pub mod attention;
pub mod convolution;
pub mod gelu;
mod lanes;
pub mod layer_norm;
pub mod linear;
pub mod max_pool;
pub mod norm;
mod number;
pub mod product;
mod scratch;
pub mod softmax;
#[cfg(test)]
mod testing;
pub mod update;
mod vectors;

pub use lanes::Lanes;
pub use number::Number;
pub use vectors::vectors;

/// Numbers in a block of rows: what a task takes, and what stays in the cache between its passes.
const BLOCK: usize = 1 << 14;

/// Numbers in a block of whole rows.
fn block(d: usize) -> usize {
    (BLOCK / d).max(1) * d
}
