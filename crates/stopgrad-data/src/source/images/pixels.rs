//! The scaled images of a folder, one after the other: in a file, or in memory where no file can be written.

use std::fs::File;
use std::path::PathBuf;

use crate::source::SourceError;

/// Three planes of bytes an image.
pub(in crate::source) enum Pixels {
    /// In a file, read when asked for.
    Kept { file: File, path: PathBuf },
    /// In memory.
    Held(Vec<u8>),
}

impl Pixels {
    /// The bytes of one image.
    ///
    /// # Errors
    /// [`SourceError::Unreadable`] when the file ends before, or the system refuses
    pub(in crate::source) fn read(&self, index: usize, bytes: &mut [u8]) -> Result<(), SourceError> {
        let offset = index * bytes.len();
        match self {
            Self::Kept { file, path } => read_at(file, bytes, offset as u64)
                .map_err(|cause| SourceError::Unreadable { path: path.display().to_string(), cause }),
            Self::Held(all) => {
                bytes.copy_from_slice(&all[offset..offset + bytes.len()]);
                Ok(())
            }
        }
    }
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(windows)]
fn read_at(file: &File, mut bytes: &mut [u8], mut offset: u64) -> std::io::Result<()> {
    while !bytes.is_empty() {
        let count = std::os::windows::fs::FileExt::seek_read(file, bytes, offset)?;
        if count == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        bytes = &mut bytes[count..];
        offset += count as u64;
    }
    Ok(())
}
