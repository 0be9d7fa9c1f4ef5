//! Invariant 1 of ARCHITECTURE.md: nothing in this crate reads a file, a clock, the environment or global randomness.

use std::path::Path;

const FORBIDDEN: [&str; 8] =
    ["std::fs", "std::io", "std::time", "std::env", "std::net", "std::process", "std::thread", "rand::"];

fn check(folder: &Path, files: &mut usize) {
    for entry in std::fs::read_dir(folder).expect("the crate's own source") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            check(&path, files);
        } else {
            *files += 1;
            let text = std::fs::read_to_string(&path).expect("source is UTF-8");
            for name in FORBIDDEN {
                assert!(!text.contains(name), "{} uses {name}", path.display());
            }
        }
    }
}

#[test]
fn dynamics_touches_nothing_outside_its_arguments() {
    let mut files = 0;
    check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    assert!(files >= 5, "only {files} files were looked at");
}
