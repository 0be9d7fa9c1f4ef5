//! Fibres in files: a line of JSON, then the numbers of the instance and of its solutions.
//!
//! Both are complex numbers, each two little-endian doubles. The solutions come last, N numbers each.

use faer::c64;
use serde::{Deserialize, Serialize};

use super::family::Family;
use super::vector::{MAX_UNKNOWNS, Vector};

/// The first line of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FibreHeader {
    /// `stopgrad-fibre-1`.
    pub format: String,
    /// m.
    pub size: usize,
    /// r.
    pub rank: usize,
    /// Names the instance and the loops.
    pub seed: u64,
    /// Solutions in the file.
    pub solutions: usize,
    /// N: numbers of a solution.
    pub unknowns: usize,
    /// How many a generic instance has by an argument that does not come from these loops, if there is one.
    pub expected: Option<usize>,
    /// Loops that were followed, and those at the end that lost no path and found nothing new.
    pub loops: usize,
    /// See `loops`.
    pub idle_loops: usize,
    /// Paths followed and lost in all loops.
    pub paths: usize,
    /// See `paths`.
    pub lost: usize,
    /// Largest last Newton step of a solution, relative to it.
    pub residual: f64,
    /// FNV-1a of the numbers' bytes, hexadecimal.
    pub checksum: String,
}

/// What a file starts with.
pub(crate) const FORMAT: &str = "stopgrad-fibre-1";

/// Why bytes are no fibre.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FibreError {
    /// No first line of JSON with the fields of [`FibreHeader`].
    #[error("its first line is no header of a fibre: {0}")]
    Header(String),
    /// Fields that contradict each other or the length.
    #[error("{0}")]
    Inconsistent(String),
    /// The numbers are not those that were written.
    #[error("its numbers were changed since it was written (checksum {found}, written {written})")]
    Checksum {
        /// Of the bytes.
        found: String,
        /// In the header.
        written: String,
    },
}

/// FNV-1a, 64 bits.
///
/// # Source      Fowler, Noll, Vo 1991
fn checksum(bytes: &[u8]) -> String {
    let hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325u64, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("{hash:016x}")
}

/// A file of a fibre; the checksum is put in.
pub(crate) fn write(mut header: FibreHeader, numbers: &[c64], roots: &[Vector<c64>]) -> Vec<u8> {
    let all = numbers.iter().copied().chain(roots.iter().flat_map(Vector::iter));
    let bytes: Vec<u8> = all.flat_map(|x| [x.re.to_le_bytes(), x.im.to_le_bytes()]).flatten().collect();
    header.checksum = checksum(&bytes);
    let mut out = serde_json::to_vec(&header).expect("numbers and text");
    out.push(b'\n');
    out.extend(bytes);
    out
}

/// The header of a file, checked against its numbers.
///
/// # Errors
/// [`FibreError`]
pub fn read_header(file: &[u8]) -> Result<FibreHeader, FibreError> {
    split(file).map(|(header, _)| header)
}

fn split(file: &[u8]) -> Result<(FibreHeader, Vec<c64>), FibreError> {
    let end = file.iter().take(4096).position(|&byte| byte == b'\n');
    let end = end.ok_or_else(|| FibreError::Header("no line end in its first 4096 bytes".into()))?;
    let header: FibreHeader =
        serde_json::from_slice(&file[..end]).map_err(|cause| FibreError::Header(cause.to_string()))?;
    if header.format != FORMAT {
        return Err(FibreError::Header(format!("its format is `{}`, not `{FORMAT}`", header.format)));
    }
    let bytes = &file[end + 1..];
    let (whole, rest) = bytes.as_chunks::<16>();
    let roots = header.solutions.checked_mul(header.unknowns);
    if !rest.is_empty() || header.unknowns > MAX_UNKNOWNS || roots.is_none_or(|roots| roots > whole.len()) {
        let what = format!(
            "{} bytes of numbers do not hold {} solutions of {} numbers: it was cut off",
            bytes.len(),
            header.solutions,
            header.unknowns
        );
        return Err(FibreError::Inconsistent(what));
    }
    let found = checksum(bytes);
    if found != header.checksum {
        return Err(FibreError::Checksum { found, written: header.checksum });
    }
    let number = |part: &[u8; 16]| {
        let half = |from: usize| f64::from_le_bytes(std::array::from_fn(|k| part[from + k]));
        c64::new(half(0), half(8))
    };
    let numbers: Vec<c64> = whole.iter().map(number).collect();
    if numbers.iter().any(|x| !(x.re.is_finite() && x.im.is_finite())) {
        return Err(FibreError::Inconsistent("it holds what is no finite number".into()));
    }
    Ok((header, numbers))
}

/// The instance and its solutions.
///
/// # Errors
/// [`FibreError`]
pub(crate) fn read<F: Family>(family: F, file: &[u8]) -> Result<(F::Parameters, Vec<Vector<c64>>), FibreError> {
    let (header, numbers) = split(file)?;
    let (first, roots) = numbers.split_at(numbers.len() - header.solutions * header.unknowns);
    let parameters = family.of_numbers(first).filter(|_| header.unknowns == family.unknowns());
    let parameters = parameters
        .ok_or_else(|| FibreError::Inconsistent(format!("it is of size {} and rank {}", header.size, header.rank)))?;
    let roots = roots.chunks_exact(header.unknowns.max(1));
    Ok((parameters, roots.map(|root| Vector::from_fn(header.unknowns, |i| root[i])).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::polynomial::fibre::shipped;
    use crate::polynomial::full::FullFamily;

    #[test]
    fn a_damaged_file_is_refused_wherever_it_is_damaged() {
        let family = FullFamily { size: 2 };
        let whole = shipped(2, 2).expect("there is one").to_vec();
        let (_, roots) = read(family, &whole).expect("whole");
        assert_eq!(roots.len(), 6);
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            // A bit of the header's counts of loops may flip unseen; nothing that is computed with may.
            if let Ok((_, found)) = read(family, &bytes) {
                assert_eq!(found, roots, "byte {at}");
            }
            assert!(read(family, &whole[..at]).is_err(), "cut at {at}");
        }
        assert!(matches!(read_header(b"not a fibre"), Err(FibreError::Header(_))));
        assert!(read(FullFamily { size: 3 }, &whole).is_err());
        let mut changed = whole.clone();
        *changed.last_mut().expect("bytes") ^= 1;
        assert!(matches!(read_header(&changed), Err(FibreError::Checksum { .. })));
        changed.push(0);
        assert!(matches!(read_header(&changed), Err(FibreError::Inconsistent(_))));
    }
}
