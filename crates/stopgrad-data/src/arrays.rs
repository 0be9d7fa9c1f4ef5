//! Files of named arrays, as a training script writes them with one line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::npy::{self, NpyArray, NpyData, NpyError};
use crate::npz::{self, NpzError};
use crate::torch_file::{self, TorchFileError};

/// Bytes of a header that are looked at: the format allows no more.
const LONGEST_HEADER: u64 = 100_000_000;

/// A file that holds no arrays.
#[derive(Debug, thiserror::Error)]
pub enum ArraysError {
    /// An `.npy` that cannot be read.
    #[error(transparent)]
    Npy(#[from] NpyError),
    /// An `.npz` that cannot be read.
    #[error(transparent)]
    Npz(#[from] NpzError),
    /// A `.pt` that cannot be read.
    #[error(transparent)]
    Torch(#[from] TorchFileError),
    /// The operating system refused.
    #[error("{path}: {cause}; check that the path exists and may be read")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// A `.safetensors` file that is none.
    #[error("{path}: is no safetensors file ({cause}); write it again with safetensors.numpy.save_file")]
    SafeTensors {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        cause: String,
    },
    /// Numbers of a type that is not read.
    #[error("{path}: `{name}` holds values of type {kind}; write it as float32")]
    Type {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its type.
        kind: String,
    },
    /// A file of another kind.
    #[error(
        "{path}: arrays are read from .npy, .npz, .safetensors, .pt and .pth; write them with numpy.save, numpy.savez, \
         safetensors.numpy.save_file or torch.save"
    )]
    Kind {
        /// The file.
        path: PathBuf,
    },
}

/// The arrays of a file by name; that of an `.npy` has the empty name.
///
/// Numbers of 16 bits come as f32.
///
/// # Errors
/// [`ArraysError`]; arrays of objects (pickles) are refused, and of PyTorch's files tensors are read as data: nothing is run
pub fn read_arrays(path: &Path) -> Result<BTreeMap<String, NpyArray>, ArraysError> {
    let extension = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    match extension.as_deref() {
        Some("npy") => Ok(BTreeMap::from([(String::new(), npy::read(path)?)])),
        Some("npz") => Ok(npz::read(path)?),
        Some("safetensors") => {
            let bytes = std::fs::read(path).map_err(|cause| ArraysError::Io { path: path.into(), cause })?;
            decode_safetensors(&bytes, path)
        }
        Some("pt" | "pth") => Ok(torch_file::read(path)?),
        _ => Err(ArraysError::Kind { path: path.into() }),
    }
}

/// A text beside the tensors of a `.safetensors` file; none where it has none of this name, or is of another kind.
pub fn safetensors_text(path: &Path, name: &str) -> Option<String> {
    use std::io::Read as _;
    // The header alone: the tensors are read by whoever wants them.
    let mut file = std::fs::File::open(path).ok()?;
    let mut length = [0; 8];
    file.read_exact(&mut length).ok()?;
    let mut header = Vec::new();
    file.take(u64::from_le_bytes(length).min(LONGEST_HEADER)).read_to_end(&mut header).ok()?;
    let header: serde_json::Value = serde_json::from_slice(&header).ok()?;
    header.get("__metadata__")?.get(name)?.as_str().map(str::to_owned)
}

/// The tensors of a `.safetensors` file; `path` is for messages.
///
/// # Errors
/// [`ArraysError::SafeTensors`], [`ArraysError::Type`]
pub fn decode_safetensors(bytes: &[u8], path: &Path) -> Result<BTreeMap<String, NpyArray>, ArraysError> {
    let tensors = SafeTensors::deserialize(bytes)
        .map_err(|cause| ArraysError::SafeTensors { path: path.into(), cause: cause.to_string() })?;
    let of = |(name, view): (String, TensorView<'_>)| {
        let kind = format!("{:?}", view.dtype());
        let data = numbers(&view).ok_or_else(|| ArraysError::Type { path: path.into(), name: name.clone(), kind })?;
        Ok((name, NpyArray::new(view.shape(), data)))
    };
    tensors.tensors().into_iter().map(of).collect()
}

fn numbers(view: &TensorView<'_>) -> Option<NpyData> {
    fn words<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
        bytes.as_chunks::<N>().0.iter().copied()
    }
    let bytes = view.data();
    Some(match view.dtype() {
        Dtype::F32 => NpyData::F32(words(bytes).map(f32::from_le_bytes).collect()),
        Dtype::F64 => NpyData::F64(words(bytes).map(f64::from_le_bytes).collect()),
        Dtype::F16 => NpyData::F32(words(bytes).map(|w| npy::half(u16::from_le_bytes(w))).collect()),
        // The upper half of an f32.
        Dtype::BF16 => {
            NpyData::F32(words(bytes).map(|w| f32::from_bits(u32::from(u16::from_le_bytes(w)) << 16)).collect())
        }
        Dtype::U8 => NpyData::U8(bytes.to_vec()),
        Dtype::I32 => NpyData::I64(words(bytes).map(|w| i64::from(i32::from_le_bytes(w))).collect()),
        Dtype::I64 => NpyData::I64(words(bytes).map(i64::from_le_bytes).collect()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header and two tensors, put together by hand from the format's description.
    fn by_hand(header: &str, data: &[u8]) -> Vec<u8> {
        [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
    }

    #[test]
    fn safetensors_are_read_in_every_type_that_networks_write() {
        let header = r#"{"a":{"dtype":"BF16","shape":[1,2],"data_offsets":[0,4]},"b":{"dtype":"F16","shape":[1],"data_offsets":[4,6]},"l":{"dtype":"I64","shape":[1],"data_offsets":[6,14]}}"#;
        let bytes = by_hand(header, &[0x80, 0x3f, 0x00, 0xc0, 0x00, 0xc0, 7, 0, 0, 0, 0, 0, 0, 0]);
        let arrays = decode_safetensors(&bytes, Path::new("a.safetensors")).unwrap();
        assert_eq!(arrays["a"], NpyArray::new(&[1, 2], NpyData::F32(vec![1.0, -2.0])));
        assert_eq!(arrays["b"].data, NpyData::F32(vec![-2.0]));
        assert_eq!(arrays["l"].data, NpyData::I64(vec![7]));
    }

    #[test]
    fn damaged_safetensors_are_refused_with_what_is_wrong() {
        let header = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
        let whole = by_hand(header, &[0; 8]);
        let said = |bytes: &[u8]| decode_safetensors(bytes, Path::new("z.safetensors")).unwrap_err().to_string();
        for length in 0..whole.len() {
            assert!(said(&whole[..length]).starts_with("z.safetensors: is no safetensors file"), "cut at {length}");
        }
        let strange = by_hand(r#"{"a":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}}"#, &[1]);
        assert!(said(&strange).contains("`a` holds values of type BOOL"));
        let huge = by_hand(r#"{"a":{"dtype":"F32","shape":[99999999999],"data_offsets":[0,8]}}"#, &[0; 8]);
        assert!(said(&huge).starts_with("z.safetensors: is no safetensors file"));
    }

    #[test]
    fn files_of_another_kind_say_what_is_read() {
        assert!(read_arrays(Path::new("model.h5")).unwrap_err().to_string().contains("numpy.save"));
    }
}
