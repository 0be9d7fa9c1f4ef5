//! A file of `stopgrad fibre`, read from a path.

use std::path::{Path, PathBuf};

use stopgrad_dynamics::polynomial::fibre_file::{FibreError, FibreHeader, read_header};

/// A file that cannot be read, or is no fibre.
#[derive(Debug, thiserror::Error)]
pub enum FibreFileError {
    /// The system refuses it.
    #[error("{}: {cause}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// It is something else, or damaged.
    #[error("{}: {cause}; make it again with `stopgrad fibre`", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: FibreError,
    },
}

/// The header of a file, checked against its numbers, and all its bytes.
///
/// # Errors
/// [`FibreFileError`], with the path
pub fn read(path: &Path) -> Result<(FibreHeader, Vec<u8>), FibreFileError> {
    let file = std::fs::read(path).map_err(|cause| FibreFileError::Io { path: path.to_owned(), cause })?;
    let header = read_header(&file).map_err(|cause| FibreFileError::Content { path: path.to_owned(), cause })?;
    Ok((header, file))
}
