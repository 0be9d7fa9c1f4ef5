//! Every reader under damaged bytes: all files of `fuzz/corpus` and `fuzz/regressions`, and some thousand mutations of them.
//!
//! The bodies are those that libFuzzer runs (`tests/fuzz.sh`). Mutations here are blind but the same in every run, and need
//! nothing but this test. `STOPGRAD_WRITE_SEEDS=1` writes the seeds of `seeds.rs` into the corpus.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]
#![allow(unsafe_code, reason = "an allocator that counts can only be written with it; a test, and nothing else here")]
#![allow(clippy::print_stderr, reason = "what was tried, and what broke, is told")]
#![allow(unreachable_pub, reason = "the modules are those of fuzz/ too, where all is one program")]

mod allocation;
mod mutation;
#[cfg(feature = "train")]
mod run_targets;
mod seeds;
mod targets;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use mutation::Mutator;

/// Mutations of each reader: less than two seconds each on one slow core.
const MUTATIONS: usize = 2500;

fn fuzz_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

/// Files of a folder, by name; none where there is no folder.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// What a reader is tried with: its corpus and what broke it once.
fn known(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folders = ["corpus", "regressions"].map(|kind| fuzz_folder().join(kind).join(name));
    folders.iter().flat_map(|folder| files(folder)).collect()
}

/// Runs a body, and says under which bytes it failed.
fn run(name: &str, body: fn(&[u8]), bytes: &[u8], from: &str) {
    if let Err(panic) = std::panic::catch_unwind(|| body(bytes)) {
        let found = fuzz_folder().join("found");
        fs::create_dir_all(&found).unwrap();
        let path = found.join(format!("{name}-{}", from.replace(['/', ' '], "-")));
        fs::write(&path, bytes).unwrap();
        eprintln!("{name}: {from} breaks it; the bytes are in {}", path.display());
        std::panic::resume_unwind(panic);
    }
}

/// One test, because the allocator counts for all threads together.
#[test]
fn no_bytes_break_a_reader() {
    if std::env::var_os("STOPGRAD_WRITE_SEEDS").is_some() {
        seeds::write(&fuzz_folder().join("corpus"));
    }
    check_seeds();
    for target in targets::all() {
        let known = known(target.name);
        assert!(known.len() >= 2, "{} has no corpus: run this test with STOPGRAD_WRITE_SEEDS=1", target.name);
        for (path, bytes) in &known {
            run(target.name, target.body, bytes, &path.file_name().unwrap().to_string_lossy());
        }
        let seeds: Vec<&[u8]> = known.iter().map(|(_, bytes)| bytes.as_slice()).collect();
        let began = std::time::Instant::now();
        for round in 0..MUTATIONS {
            let mutated = Mutator::new(target.name, round).mutate(&seeds, target.longest);
            run(target.name, target.body, &mutated, &format!("mutation {round}"));
        }
        eprintln!("{}: {} files, {MUTATIONS} mutations, {:.1?}", target.name, known.len(), began.elapsed());
    }
    fs::remove_dir_all(targets::place()).unwrap();
}

/// A corpus that is refused at the first byte would find nothing behind it.
fn check_seeds() {
    for (target, name, bytes) in seeds::all() {
        assert!(!bytes.is_empty(), "{target}/{name}");
        let stored = fuzz_folder().join("corpus").join(target).join(&name);
        assert!(stored.exists(), "{} is missing: run this test with STOPGRAD_WRITE_SEEDS=1", stored.display());
    }
    let here = tempfile::tempdir().unwrap();
    for (target, file) in
        [("idx", "x-idx3-ubyte"), ("cifar", "x.bin"), ("npy", "x.npy"), ("npz", "x.npz"), ("csv", "x.csv")]
    {
        let good = seeds::all().into_iter().filter(|(name, ..)| *name == target);
        let opened = good.filter(|(.., bytes)| {
            let path = here.path().join(file);
            fs::write(&path, bytes).unwrap();
            stopgrad_data::open_source(path.to_str().unwrap(), "").is_ok()
        });
        assert!(opened.count() >= 2, "{target}");
    }
    for (.., bytes) in seeds::all().into_iter().filter(|(name, ..)| *name == "safetensors") {
        stopgrad_data::arrays::decode_safetensors(&bytes, Path::new("z.safetensors")).unwrap();
    }
}
