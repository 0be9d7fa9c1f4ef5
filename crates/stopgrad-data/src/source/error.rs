//! Why a source cannot be opened or a sample not be read.

use thiserror::Error;

use super::Skipped;
use crate::npy::{NpyDamage, NpyError};
use crate::npz::NpzError;

/// Why a source cannot be opened or a sample not be read.
#[derive(Debug, Error)]
pub enum SourceError {
    /// Neither a built-in name nor a path.
    #[error("no source `{path}`: it is neither `digits` nor an existing file or folder; check the path")]
    NotFound {
        /// As the user named it.
        path: String,
    },
    /// A file whose name tells no kind.
    #[error(
        "{path} is of no known kind; known are IDX (`…-idx3-ubyte`, also .gz), CIFAR-10 (.bin), .npy, .npz, .csv, .csv.gz, and folders of images"
    )]
    UnknownKind {
        /// The file.
        path: String,
    },
    /// A folder without the files we look for.
    #[error(
        "the folder {path} holds neither images (.jpg, .png, .webp, .gif, .bmp, .tif) nor `train-images-idx3-ubyte` (also .gz) nor `train.bin` nor `data_batch_1.bin`; name one file, or convert the folder to .npz"
    )]
    UnknownFolder {
        /// The folder.
        path: String,
    },
    /// The operating system refused.
    #[error("cannot read {path}: {cause}; check that the file exists and may be read")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// The bytes contradict each other.
    #[error("{path}: {damage}")]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong with it.
        damage: Damage,
    },
    /// A `.npy` file that cannot be read.
    #[error(transparent)]
    Npy(#[from] NpyError),
    /// A `.npz` file that cannot be read.
    #[error(transparent)]
    Npz(#[from] NpzError),
    /// A size that images are not scaled to.
    #[error("source.image_side = {side} is out of range: write {} to {}, or 0 for a size that fits the images", range.start(), range.end())]
    ImageSide {
        /// As written.
        side: usize,
        /// What is allowed.
        range: std::ops::RangeInclusive<usize>,
    },
    /// Nothing in it.
    #[error("{path} holds no sample; a source needs at least one, so check that this is the right file")]
    Empty {
        /// The file.
        path: String,
    },
    /// Most samples are damaged, so the file is not what it was taken for.
    #[error(
        "{path}: {damaged} of {total} samples cannot be used, the first at {first_path}: {first_reason}; correct what is damaged, or remove it (of a table the column or the rows)"
    )]
    MostlyDamaged {
        /// The file.
        path: String,
        /// Samples left out.
        damaged: usize,
        /// All samples.
        total: usize,
        /// Place of the first one left out.
        first_path: String,
        /// Why it was.
        first_reason: String,
    },
    /// The label column does not exist.
    #[error("{path} has no column `{column}` for the label; its columns are {}; name one of them with --label-column", available.join(", "))]
    NoLabelColumn {
        /// The file.
        path: String,
        /// As the user named it.
        column: String,
        /// What there is.
        available: Vec<String>,
    },
    /// As many labels as samples are needed.
    #[error("{path} has {labels} labels for {samples} samples; give one label to each, or move the label file away")]
    LabelCount {
        /// The file with the labels.
        path: String,
        /// Labels found.
        labels: usize,
        /// Samples found.
        samples: usize,
    },
    /// Labels that are no whole numbers.
    #[error(
        "{path}: label {index} is {value}; labels are whole numbers, so convert them, or move the file away to go without"
    )]
    Label {
        /// The file with the labels.
        path: String,
        /// Which one, from 0.
        index: usize,
        /// What stands there.
        value: f64,
    },
    /// An array whose shape is neither a table nor images.
    #[error(
        "{path}: an array of shape {shape:?} is neither rows (n × d) nor images (n × h × w, n × h × w × c or n × c × h × w with c 1 or 3); reshape it"
    )]
    ArrayShape {
        /// The file.
        path: String,
        /// Lengths found.
        shape: Vec<usize>,
    },
    /// No array with a name that we look for.
    #[error("{path} has no array `x`, `images` or `data`; save it with numpy.savez(path, x=…, y=…)")]
    NoArray {
        /// The file.
        path: String,
    },
    /// Image values that are neither 0 to 1 nor 0 to 255.
    #[error(
        "{path}: image values run from {low} to {high}; scale them to 0 to 1 or 0 to 255, or reshape to n × d to read them as rows"
    )]
    ImageRange {
        /// The file.
        path: String,
        /// Smallest.
        low: f64,
        /// Largest.
        high: f64,
    },
    /// Two files of one source with images of different size.
    #[error("{path} holds images of {} × {} pixels, and those before are {} × {}; put them into different folders", found.0, found.1, expected.0, expected.1)]
    ImageSize {
        /// The file.
        path: String,
        /// Height and width in it.
        found: (usize, usize),
        /// Height and width before.
        expected: (usize, usize),
    },
    /// A bug of the caller, as an error because samples are read on worker threads.
    #[error("sample {index} of {name} was asked for, which has {len}")]
    Index {
        /// The source.
        name: String,
        /// Asked for.
        index: usize,
        /// Number of samples.
        len: usize,
    },
}

impl SourceError {
    /// [`SourceError::MostlyDamaged`] from the samples left out and the number of good ones.
    pub(super) fn mostly_damaged(path: &str, skipped: &[Skipped], good: usize) -> Self {
        let first = skipped.first().cloned().unwrap_or_default();
        let (damaged, total) = (skipped.len(), skipped.len() + good);
        Self::MostlyDamaged { path: path.into(), damaged, total, first_path: first.path, first_reason: first.reason }
    }
}

/// What is wrong with the bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Damage {
    /// The header does not fit.
    #[error("the header needs {needed} bytes and there are {found}; the file is cut short, copy it again")]
    HeaderCut {
        /// Bytes of a header.
        needed: u64,
        /// Bytes there are.
        found: u64,
    },
    /// Not the kind of file it was taken for.
    #[error(
        "starts with bytes {found:02x?}, and {expected} start with {wanted:02x?}; check that this is the right file"
    )]
    Magic {
        /// First bytes.
        found: [u8; 4],
        /// What they should be.
        wanted: [u8; 4],
        /// Kind of file.
        expected: &'static str,
    },
    /// Header and length disagree.
    #[error("the header claims {claimed} bytes and there are {found}; the file is damaged, copy it again")]
    Length {
        /// By the header; saturated.
        claimed: u64,
        /// Bytes there are.
        found: u64,
    },
    /// A compressed file too short for its claim, whatever it contains.
    #[error(
        "the header claims {claimed} bytes, and a compressed file of this size can hold {possible}; the file is damaged, copy it again"
    )]
    Claim {
        /// By the header; saturated.
        claimed: u64,
        /// File size times the largest ratio of the compression.
        possible: u64,
    },
    /// The gzip stream breaks off or fails its checksum.
    #[error("cannot be unpacked after {unpacked} bytes ({cause}); the file is damaged, copy it again")]
    Gzip {
        /// Bytes that came out before.
        unpacked: u64,
        /// What the decompressor said.
        cause: String,
    },
    /// A CIFAR-10 file of the wrong length.
    #[error(
        "{found} bytes are not a whole number of 3,073-byte CIFAR-10 records, and not one is whole; check that this is the right file"
    )]
    NoRecord {
        /// Bytes there are.
        found: u64,
    },
    /// A table without names for its columns.
    #[error("the first line holds only numbers; it has to name the columns, add a line such as {example}")]
    NoHeader {
        /// A line that would do.
        example: String,
    },
    /// A table without a numeric column.
    #[error("has no column besides the label; a sample needs at least one, so add one or name another --label-column")]
    NoColumns,
    /// Columns that are not separated by commas.
    #[error("the columns are separated by {found:?}, not by commas; save the table again with commas")]
    Separator {
        /// What separates them.
        found: char,
    },
    /// A column of text, which leaves no row to use.
    #[error(
        "line {line}: column `{column}` is `{text}`, not a number, and no row can be used; remove the column, or name it with --label-column if it holds the labels"
    )]
    TextColumn {
        /// From 1, the header included.
        line: u64,
        /// Its name.
        column: String,
        /// What stands there.
        text: String,
    },
    /// The CSV reader gave up.
    #[error("line {line}: {cause}; correct the line")]
    Csv {
        /// From 1, the header included; 0 where unknown.
        line: u64,
        /// What the reader said.
        cause: String,
    },
    /// Labels of this type are not read.
    #[error("labels {damage}")]
    Labels {
        /// What is wrong.
        damage: NpyDamage,
    },
}
