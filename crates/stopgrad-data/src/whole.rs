//! Files that are whole or not there.

use std::io::Write as _;
use std::path::Path;

/// Writes a whole file under a temporary name in the same folder, syncs it and renames it into place: a reader, or a
/// program that starts again after a kill, sees the old file or the new one, never half of one.
///
/// # Errors
/// Whatever the system says; the old file is still there then.
pub fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    write_whole_with(path, |mut file| file.write_all(bytes).map(|()| file))
}

/// [`write_whole`] of what `fill` writes, for files that are too large to be held in memory.
///
/// # Errors
/// Whatever the system or `fill` says; the old file is still there then.
pub fn write_whole_with<E: From<std::io::Error>>(
    path: &Path, fill: impl FnOnce(std::fs::File) -> Result<std::fs::File, E>,
) -> Result<(), E> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".partial-{}", std::process::id()));
    let partial = path.with_file_name(name);
    let written = std::fs::File::create(&partial)
        .map_err(E::from)
        .and_then(fill)
        .and_then(|file| Ok(file.sync_all()?))
        .and_then(|()| Ok(std::fs::rename(&partial, path)?));
    if written.is_err() {
        // The first error is the one to tell; a leftover that cannot be removed adds nothing.
        let _ = std::fs::remove_file(&partial);
    }
    written
}
