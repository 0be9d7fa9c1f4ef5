//! Sources and views: files to samples to pairs (x, y).
//!
//! The question answered here: given a path, what are its samples, and what are the two views of each that a
//! training step sees? No networks and no mathematics of the method live here; pictures of samples do.
//!
//! Two decisions shape the crate. Every random draw comes from a stream named by (seed, purpose, index)
//! ([`random::stream`]), so a batch is a pure function of the seed and its number, whatever the number of
//! threads and wherever a run was resumed; the rejected alternative, one generator handed along, makes each draw
//! depend on all before it. And images stay encoded as bytes in memory and become floats one sample at a time,
//! which keeps a large set four times smaller and costs a division per pixel.
//!
//! Where augmentation and normalization meet is said once, in [`views`].
//!
//! Reading order: [`source`] (what a sample is), [`augment`], [`views`], [`loader`].

pub mod arrays;
pub mod augment;
mod draws;
mod fixed;
pub mod loader;
mod normalizer;
pub mod npy;
pub mod npz;
mod order;
mod paired;
mod projection;
pub mod random;
mod shape;
pub mod sheet;
pub mod source;
mod splits;
pub mod torch_file;
pub mod views;
mod whole;

pub use augment::Augmentation;
pub use draws::{DrawnViews, Draws};
pub use fixed::{FixedPairs, each_block};
pub use loader::{Batch, Loader, LoaderError, LoaderSpec};
pub use normalizer::Normalizer;
pub use npy::{NpyArray, NpyData, NpyError};
pub use npz::NpzError;
pub use paired::{PairedError, PairedRows};
pub use projection::Projection;
pub use random::stream;
pub use shape::Shape;
pub use sheet::{PicturedPair, SheetError, contact_sheet, encode_picture, pair_sheet};
pub use source::{InputFile, OpenParams, Sample, Skipped, Source, SourceError, Split, open_source, open_source_with};
pub use splits::{SplitError, SplitSpec, Splits};
pub use views::{ViewError, ViewPair, ViewRecipe};
pub use whole::{write_whole, write_whole_with};
