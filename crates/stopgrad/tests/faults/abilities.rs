//! What the system lets a test do to a program.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_stopgrad");
/// User and group `nobody` of most systems: any number that is not ours would do.
pub(crate) const NOBODY: u32 = 65534;

/// What can be done here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Abilities {
    /// File systems of any size can be mounted.
    pub(crate) mounts: bool,
    /// Programs can be started as another user, who may run ours.
    pub(crate) other_user: bool,
    /// Programs can be started with another clock.
    pub(crate) clocks: bool,
}

impl Abilities {
    pub(crate) fn find() -> Self {
        let place = tempfile::tempdir().unwrap();
        let mounts = Mount::new(place.path(), 64).is_some();
        let setpriv = ["--reuid=65534", "--regid=65534", "--clear-groups", PROGRAM, "--version"];
        Self {
            mounts,
            other_user: succeeds("setpriv", &setpriv),
            clocks: succeeds("unshare", &["-T", "--monotonic", "1000", PROGRAM, "--version"]),
        }
    }
}

pub(crate) fn succeeds(program: &str, words: &[&str]) -> bool {
    let mut command = Command::new(program);
    let status = command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// A file system in memory at a folder, taken away when this is dropped.
pub(crate) struct Mount {
    place: PathBuf,
}

impl Mount {
    /// None where the system refuses.
    pub(crate) fn new(place: &Path, kibibytes: u64) -> Option<Self> {
        let options = format!("size={kibibytes}k");
        let path = place.to_str().unwrap();
        succeeds("mount", &["-t", "tmpfs", "-o", &options, "stopgrad-faults", path])
            .then(|| Self { place: place.into() })
    }

    pub(crate) fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        assert!(succeeds("mount", &["-o", &options, self.place.to_str().unwrap()]), "{options}");
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let path = self.place.to_str().unwrap();
        // A program that is being killed may still hold it for a moment.
        if !succeeds("umount", &[path]) {
            succeeds("umount", &["--lazy", path]);
        }
    }
}
