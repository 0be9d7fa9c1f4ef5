//! NumPy's `.npy`: one array, read into and written from plain vectors.
//!
//! Format: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>, versions 1 to 3. What the
//! header claims is compared with the bytes that are there before anything is allocated. Object arrays (pickles)
//! are refused: to read one is to run a program.

mod header;

use crate::write_whole;
use std::path::{Path, PathBuf};

use thiserror::Error;

use header::{Header, Kind};

/// An array in C order (the last index runs fastest).
#[derive(Debug, Clone, PartialEq)]
pub struct NpyArray {
    /// Lengths, outermost first; empty for a single number.
    pub shape: Vec<usize>,
    /// The numbers.
    pub data: NpyData,
}

/// The numbers of an array, in the widest of four types that holds the file's type exactly.
#[derive(Debug, Clone, PartialEq)]
pub enum NpyData {
    /// From `bool` and `uint8`.
    U8(Vec<u8>),
    /// From every other integer.
    I64(Vec<i64>),
    /// From `float16` and `float32`.
    F32(Vec<f32>),
    /// From `float64`.
    F64(Vec<f64>),
}

/// Why a file could not be read or written as `.npy`.
#[derive(Debug, Error)]
pub enum NpyError {
    /// The operating system refused.
    #[error("{path}: {cause}; check that the path exists, may be used, and has room")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// The content is not a `.npy` array that we read.
    #[error("{path}: {damage}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        damage: NpyDamage,
    },
}

/// What is wrong with the bytes of a `.npy` array.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NpyDamage {
    /// The first six bytes differ.
    #[error("does not start with \\x93NUMPY; save it with numpy.save")]
    Magic,
    /// A version that does not exist yet.
    #[error("is of format version {major}, known are 1 to 3; save it again with numpy.save")]
    Version {
        /// Byte 6.
        major: u8,
    },
    /// The header does not end inside the file.
    #[error("the header needs {needed} bytes and the file has {found}; the file is cut short, copy it again")]
    HeaderCut {
        /// Bytes up to the end of the header.
        needed: u64,
        /// Bytes in the file.
        found: u64,
    },
    /// A key of the header is absent or not understood.
    #[error("the header has no readable `{key}`; save it again with numpy.save")]
    Header {
        /// `descr`, `fortran_order` or `shape`.
        key: &'static str,
    },
    /// A type that is not read.
    #[error("holds values of type {descr:?}; convert with .astype(\"float32\") (objects and text are not read)")]
    Type {
        /// As the header has it.
        descr: String,
    },
    /// Header and bytes disagree.
    #[error(
        "the header claims {claimed} bytes of values and the file holds {found}; the file is damaged, copy it again"
    )]
    Length {
        /// Shape times size of a value; saturated.
        claimed: u64,
        /// Bytes after the header.
        found: u64,
    },
    /// An unsigned value beyond 63 bits.
    #[error("value {index} is {value}, beyond 63 bits; convert with .astype(\"float64\")")]
    TooLarge {
        /// Position in file order.
        index: usize,
        /// The value.
        value: u64,
    },
}

impl NpyArray {
    /// An array from its parts.
    ///
    /// # Panics
    /// When the shape does not multiply to the number of values.
    pub fn new(shape: &[usize], data: NpyData) -> Self {
        assert_eq!(shape.iter().product::<usize>(), data.len(), "shape {shape:?} does not fit the values");
        Self { shape: shape.to_vec(), data }
    }

    /// The values as f64, rounded where an integer has more than 53 bits.
    pub fn to_f64(&self) -> Vec<f64> {
        match &self.data {
            NpyData::U8(values) => values.iter().map(|&v| f64::from(v)).collect(),
            NpyData::I64(values) => values.iter().map(|&v| v as f64).collect(),
            NpyData::F32(values) => values.iter().map(|&v| f64::from(v)).collect(),
            NpyData::F64(values) => values.clone(),
        }
    }
}

impl NpyData {
    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::U8(values) => values.len(),
            Self::I64(values) => values.len(),
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
        }
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The array in a file.
///
/// # Errors
/// [`NpyError::Io`] when the file cannot be read, [`NpyError::Damaged`] when it is no array that we read.
pub fn read(path: impl AsRef<Path>) -> Result<NpyArray, NpyError> {
    let path = path.as_ref();
    let bytes = std::fs::read(path).map_err(|cause| NpyError::Io { path: path.into(), cause })?;
    decode(&bytes).map_err(|damage| NpyError::Damaged { path: path.into(), damage })
}

/// The array in the bytes of a `.npy` file.
///
/// # Errors
/// [`NpyDamage`], by what is wrong.
pub fn decode(bytes: &[u8]) -> Result<NpyArray, NpyDamage> {
    let (header, values) = header::parse(bytes)?;
    let Header { kind, big_endian, fortran, shape } = header;
    let data = match kind {
        Kind::Unsigned(1) => NpyData::U8(values.to_vec()),
        Kind::Unsigned(size) => NpyData::I64(integers(values, size, big_endian, false)?),
        Kind::Signed(size) => NpyData::I64(integers(values, size, big_endian, true)?),
        Kind::Float(2) => NpyData::F32(words(values, 2, big_endian).map(|w| half(w as u16)).collect()),
        Kind::Float(4) => NpyData::F32(words(values, 4, big_endian).map(|w| f32::from_bits(w as u32)).collect()),
        Kind::Float(_) => NpyData::F64(words(values, 8, big_endian).map(f64::from_bits).collect()),
    };
    let data = if fortran && shape.len() > 1 { to_c_order(data, &shape) } else { data };
    Ok(NpyArray { shape, data })
}

/// The bytes of a `.npy` file (version 1, little-endian) that [`decode`] reads back to the same array.
pub fn encode(array: &NpyArray) -> Vec<u8> {
    let descr = match array.data {
        NpyData::U8(_) => "|u1",
        NpyData::I64(_) => "<i8",
        NpyData::F32(_) => "<f4",
        NpyData::F64(_) => "<f8",
    };
    let mut bytes = header::format(descr, &array.shape);
    match &array.data {
        NpyData::U8(values) => bytes.extend_from_slice(values),
        NpyData::I64(values) => values.iter().for_each(|v| bytes.extend_from_slice(&v.to_le_bytes())),
        NpyData::F32(values) => values.iter().for_each(|v| bytes.extend_from_slice(&v.to_le_bytes())),
        NpyData::F64(values) => values.iter().for_each(|v| bytes.extend_from_slice(&v.to_le_bytes())),
    }
    bytes
}

/// The header of a `.npy` file of f64 values, little-endian, in C order.
pub(crate) fn f64_header(shape: &[usize]) -> Vec<u8> {
    header::format("<f8", shape)
}

/// Writes an array to a file: beside it first, then renamed, so that a full disk leaves the old file whole.
///
/// # Errors
/// [`NpyError::Io`].
pub fn write(path: impl AsRef<Path>, array: &NpyArray) -> Result<(), NpyError> {
    let path = path.as_ref();
    write_whole(path, &encode(array)).map_err(|cause| NpyError::Io { path: path.into(), cause })
}

/// [`write()`] of `float32` values.
///
/// # Errors
/// [`NpyError::Io`].
///
/// # Panics
/// When the shape does not multiply to the number of values.
pub fn write_f32(path: impl AsRef<Path>, shape: &[usize], values: &[f32]) -> Result<(), NpyError> {
    write(path, &NpyArray::new(shape, NpyData::F32(values.to_vec())))
}

/// [`write()`] of `float64` values.
///
/// # Errors
/// [`NpyError::Io`].
///
/// # Panics
/// When the shape does not multiply to the number of values.
pub fn write_f64(path: impl AsRef<Path>, shape: &[usize], values: &[f64]) -> Result<(), NpyError> {
    write(path, &NpyArray::new(shape, NpyData::F64(values.to_vec())))
}

/// Raw words of `size` bytes, widened to 64 bits.
fn words(bytes: &[u8], size: usize, big_endian: bool) -> impl Iterator<Item = u64> {
    bytes.chunks_exact(size).map(move |chunk| {
        let fold = |word: u64, byte: &u8| (word << 8) | u64::from(*byte);
        if big_endian { chunk.iter().fold(0, fold) } else { chunk.iter().rev().fold(0, fold) }
    })
}

fn integers(bytes: &[u8], size: usize, big_endian: bool, signed: bool) -> Result<Vec<i64>, NpyDamage> {
    let unused = 64 - 8 * size as u32;
    words(bytes, size, big_endian)
        .enumerate()
        .map(|(index, word)| {
            if signed {
                // Shifted up and back, the sign bit fills the upper bytes.
                return Ok(((word << unused) as i64) >> unused);
            }
            i64::try_from(word).map_err(|_| NpyDamage::TooLarge { index, value: word })
        })
        .collect()
}

/// IEEE 754 binary16 to binary32, exactly.
pub(crate) fn half(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let fraction = f32::from(bits & 0x3ff);
    match (bits >> 10) & 0x1f {
        0 => sign * fraction * 2.0f32.powi(-24),
        31 if fraction > 0.0 => f32::NAN,
        31 => sign * f32::INFINITY,
        exponent => sign * (1024.0 + fraction) * 2.0f32.powi(i32::from(exponent) - 25),
    }
}

fn to_c_order(data: NpyData, shape: &[usize]) -> NpyData {
    match data {
        NpyData::U8(values) => NpyData::U8(transposed(&values, shape)),
        NpyData::I64(values) => NpyData::I64(transposed(&values, shape)),
        NpyData::F32(values) => NpyData::F32(transposed(&values, shape)),
        NpyData::F64(values) => NpyData::F64(transposed(&values, shape)),
    }
}

/// Values in Fortran order (first index fastest) put into C order.
fn transposed<T: Copy>(values: &[T], shape: &[usize]) -> Vec<T> {
    let mut strides = vec![1; shape.len()];
    for axis in 1..shape.len() {
        strides[axis] = strides[axis - 1] * shape[axis - 1];
    }
    let mut index = vec![0; shape.len()];
    let mut at = 0;
    let mut out = Vec::with_capacity(values.len());
    while out.len() < values.len() {
        out.push(values[at]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            at += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            at -= strides[axis] * shape[axis];
            index[axis] = 0;
        }
    }
    out
}

#[cfg(test)]
mod tests;
