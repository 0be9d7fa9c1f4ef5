//! PyTorch's `.pt` and `.pth`: the tensors in them by name, read as data; nothing in the file is run.
//!
//! Such a file is a ZIP archive of a pickle, which is a program for a stack machine, and of the numbers beside it. `pickle`
//! knows the instructions that `torch.save` writes for dictionaries of tensors, and no others; what would call anything but
//! the makers of a tensor and of a dictionary is refused by name. The alternatives were a reader of any pickle, which has to
//! be told what not to do, and the framework's, which is left out of our build.

mod error;
mod pickle;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};
use std::path::Path;

use zip::{CompressionMethod, ZipArchive};

pub use error::{PickleError, TorchFileError};
use pickle::{Machine, Node, Place, Tensor};

use crate::npy::{self, NpyArray, NpyData};

/// Dictionaries inside one another.
const DEEPEST: usize = 8;
/// Bytes of tensors, and letters of names, for a byte of the file: several names may share one storage, and several entries
/// one dictionary, but not for ever.
const SHARED: u64 = 16;

/// All tensors of a file; those of inner dictionaries are named `outer.inner`. What is neither is left out.
///
/// # Errors
/// [`TorchFileError`], by what is wrong
pub fn read(path: &Path) -> Result<BTreeMap<String, NpyArray>, TorchFileError> {
    let bytes = std::fs::read(path).map_err(|cause| TorchFileError::Io { path: path.into(), cause })?;
    decode(path, &bytes)
}

/// The tensors in the bytes of a file; `path` is for messages.
///
/// # Errors
/// As [`read`]
pub fn decode(path: &Path, bytes: &[u8]) -> Result<BTreeMap<String, NpyArray>, TorchFileError> {
    let mut archive = Archive::open(path, bytes)?;
    let program = archive.entry("data.pkl")?;
    let machine = Machine::run(&program).map_err(|cause| TorchFileError::Pickle { path: path.into(), cause })?;
    let (mut found, mut letters) = (Vec::new(), SHARED as usize * program.len());
    collect(&machine, machine.result(), (String::new(), 0), &mut letters, &mut found)
        .ok_or_else(|| TorchFileError::Nested { path: path.into() })?;
    if found.is_empty() {
        return Err(TorchFileError::NoTensors { path: path.into() });
    }
    let mut left = SHARED * bytes.len() as u64;
    let mut arrays = BTreeMap::new();
    for (name, tensor) in found {
        let refused = |what| TorchFileError::Tensor { path: path.into(), name: name.clone(), what };
        let count = tensor.shape.iter().try_fold(1_u64, |all, &size| all.checked_mul(size));
        let size = count.and_then(|count| count.checked_mul(tensor.kind.size()));
        let size = size.filter(|&size| size <= left).ok_or_else(|| refused("claims more numbers than the file has"))?;
        left -= size;
        let storage = archive.entry(&format!("data/{}", tensor.key))?;
        let data = numbers(tensor, &storage).ok_or_else(|| refused("reaches beyond its storage"))?;
        let shape: Vec<usize> = tensor.shape.iter().map(|&length| length as usize).collect();
        arrays.insert(name, NpyArray::new(&shape, data));
    }
    Ok(arrays)
}

/// The entries of a file, which lie in one folder of any name.
struct Archive<'a> {
    path: &'a Path,
    zip: ZipArchive<Cursor<&'a [u8]>>,
    folder: String,
}

impl<'a> Archive<'a> {
    fn open(path: &'a Path, bytes: &'a [u8]) -> Result<Self, TorchFileError> {
        // What torch.save wrote before version 1.6 is a bare pickle.
        if bytes.first() == Some(&pickle::PROTO) {
            return Err(TorchFileError::Old { path: path.into() });
        }
        let zip = ZipArchive::new(Cursor::new(bytes))
            .map_err(|cause| TorchFileError::Archive { path: path.into(), cause })?;
        let folder = zip.file_names().find_map(|name| name.ok()?.strip_suffix("data.pkl").map(str::to_owned));
        let folder = folder.ok_or_else(|| TorchFileError::Entry { path: path.into(), name: "data.pkl".into() })?;
        let mut archive = Self { path, zip, folder };
        if archive.zip.index_for_name(&format!("{}byteorder", archive.folder)).is_some()
            && archive.entry("byteorder")? != b"little"
        {
            return Err(TorchFileError::ByteOrder { path: path.into() });
        }
        Ok(archive)
    }

    fn entry(&mut self, name: &str) -> Result<Vec<u8>, TorchFileError> {
        let missing = || TorchFileError::Entry { path: self.path.into(), name: name.into() };
        let entry = self.zip.by_name(&format!("{}{name}", self.folder)).map_err(|_| missing())?;
        // PyTorch compresses nothing, so that an entry is no longer than the file.
        if entry.compression() != CompressionMethod::Stored {
            return Err(missing());
        }
        let mut content = Vec::new();
        entry.take(u64::MAX).read_to_end(&mut content).map_err(|_| missing())?;
        Ok(content)
    }
}

/// Tensors below a node, with their names; none when the letters of all names are more than `left`.
fn collect<'m>(
    machine: &'m Machine, place: Place, (name, depth): (String, usize), left: &mut usize,
    found: &mut Vec<(String, &'m Tensor)>,
) -> Option<()> {
    *left = left.checked_sub(1 + name.len())?;
    match machine.node(place) {
        Node::Tensor(tensor) => found.push((name, tensor)),
        Node::Dictionary(entries) => {
            (depth < DEEPEST).then_some(())?;
            for (key, value) in entries {
                if let Node::Text(key) = machine.node(*key) {
                    let inner = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                    collect(machine, *value, (inner, depth + 1), left, found)?;
                }
            }
        }
        _ => {}
    }
    Some(())
}

/// The numbers of a tensor in row-major order; none when one lies outside of the storage.
fn numbers(tensor: &Tensor, storage: &[u8]) -> Option<NpyData> {
    use pickle::Kind;
    Some(match tensor.kind {
        Kind::F32 => NpyData::F32(strided(tensor, storage, f32::from_le_bytes)?),
        Kind::F64 => NpyData::F64(strided(tensor, storage, f64::from_le_bytes)?),
        Kind::F16 => NpyData::F32(strided(tensor, storage, |word| npy::half(u16::from_le_bytes(word)))?),
        // The upper half of an f32.
        Kind::Bf16 => {
            NpyData::F32(strided(tensor, storage, |word| f32::from_bits(u32::from(u16::from_le_bytes(word)) << 16))?)
        }
        Kind::U8 => NpyData::U8(strided(tensor, storage, |[byte]| byte)?),
        Kind::I8 => NpyData::I64(strided(tensor, storage, |word| i64::from(i8::from_le_bytes(word)))?),
        Kind::I16 => NpyData::I64(strided(tensor, storage, |word| i64::from(i16::from_le_bytes(word)))?),
        Kind::I32 => NpyData::I64(strided(tensor, storage, |word| i64::from(i32::from_le_bytes(word)))?),
        Kind::I64 => NpyData::I64(strided(tensor, storage, i64::from_le_bytes)?),
    })
}

fn strided<const N: usize, T>(tensor: &Tensor, storage: &[u8], read: impl Fn([u8; N]) -> T) -> Option<Vec<T>> {
    let (words, shape) = (storage.as_chunks::<N>().0, &tensor.shape);
    if shape.contains(&0) {
        return Some(Vec::new());
    }
    // The farthest number is inside, so all are.
    let reach = shape
        .iter()
        .zip(&tensor.strides)
        .try_fold(tensor.offset, |reach, (&length, &stride)| reach.checked_add(stride.checked_mul(length - 1)?))?;
    if reach >= words.len() as u64 {
        return None;
    }
    let count: u64 = shape.iter().product();
    let mut values = Vec::with_capacity(count as usize);
    let mut at = vec![0_u64; shape.len()];
    let mut place = tensor.offset;
    for _ in 0..count {
        values.push(read(words[place as usize]));
        for axis in (0..shape.len()).rev() {
            at[axis] += 1;
            place += tensor.strides[axis];
            if at[axis] < shape[axis] {
                break;
            }
            place -= tensor.strides[axis] * shape[axis];
            at[axis] = 0;
        }
    }
    Some(values)
}
