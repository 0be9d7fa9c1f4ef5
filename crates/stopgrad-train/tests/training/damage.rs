//! Damaged run folders: an error that says which file, never a panic.

use std::path::Path;

use proptest::prelude::*;
use stopgrad_train::checkpoint::Checkpoint;
use stopgrad_train::record::RunRecord;
use stopgrad_train::run::run;

use super::support::{Patience, config, finish, plan};

const FILES: [&str; 8] = [
    "config.toml",
    "metrics.csv",
    "spectra.npz",
    "gallery.npz",
    "verdict.json",
    "run.json",
    "checkpoint/model.safetensors",
    "checkpoint/state.safetensors",
];

/// A finished run, made once.
fn finished() -> &'static Path {
    static FOLDER: std::sync::OnceLock<tempfile::TempDir> = std::sync::OnceLock::new();
    FOLDER
        .get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            finish(&plan(&config(20)), folder.path());
            folder
        })
        .path()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to.join("checkpoint")).unwrap();
    for file in FILES {
        std::fs::copy(from.join(file), to.join(file)).unwrap();
    }
}

fn read_everything(folder: &Path) {
    if let Err(error) = RunRecord::read(folder) {
        assert!(!error.to_string().is_empty());
    }
    if let Err(error) = Checkpoint::<f32>::read(folder) {
        assert!(error.to_string().contains("checkpoint"), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn flipped_and_cut_files_are_errors_or_harmless(
        file in 0..FILES.len(), cut in 0.0..1.0_f64, flips in prop::collection::vec((0.0..1.0_f64, any::<u8>()), 0..4),
    ) {
        let folder = tempfile::tempdir().unwrap();
        copy(finished(), folder.path());
        let path = folder.path().join(FILES[file]);
        let mut bytes = std::fs::read(&path).unwrap();
        for (place, value) in &flips {
            let place = (place * bytes.len() as f64) as usize;
            bytes[place] ^= value;
        }
        if cut > 0.5 {
            bytes.truncate((bytes.len() as f64 * (cut - 0.5) * 2.0) as usize);
        }
        std::fs::write(&path, bytes).unwrap();
        read_everything(folder.path());
    }
}

/// A header that claims more than the file holds is refused before anything is allocated for it.
#[test]
fn a_checkpoint_that_claims_a_terabyte_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    copy(finished(), folder.path());
    let header = br#"{"a":{"dtype":"F32","shape":[250000000000],"data_offsets":[0,1000000000000]}}"#;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header);
    std::fs::write(folder.path().join("checkpoint/model.safetensors"), bytes).unwrap();
    let error = Checkpoint::<f32>::read(folder.path()).unwrap_err().to_string();
    assert!(error.contains("model.safetensors") && error.contains("delete the folder"), "{error}");
}

/// A checkpoint of another network is refused, with the name of what does not fit.
#[test]
fn a_foreign_checkpoint_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let mut patience = Patience { steps_left: Some(5), seen: 0 };
    run(&plan(&config(20)), "test", folder.path(), &mut patience).unwrap();
    let mut wider = config(20);
    wider.network.encoder_width = 9;
    let error = run(&plan(&wider), "test", folder.path(), &mut Patience::default()).unwrap_err().to_string();
    assert!(error.contains("encoder.2.weight"), "{error}");
}

/// A checkpoint knows the options it was made under, even where config.toml is gone.
#[test]
fn a_checkpoint_is_not_resumed_under_other_options() {
    let folder = tempfile::tempdir().unwrap();
    let mut patience = Patience { steps_left: Some(5), seen: 0 };
    run(&plan(&config(20)), "test", folder.path(), &mut patience).unwrap();
    std::fs::remove_file(folder.path().join("config.toml")).unwrap();
    let mut other = config(20);
    other.optimizer.learning_rate = 0.001;
    let error = run(&plan(&other), "test", folder.path(), &mut Patience::default()).unwrap_err().to_string();
    assert!(error.contains("other options"), "{error}");
}

/// What cannot be written is an error that names the file; what was written before stays.
#[test]
fn an_unwritable_folder_is_an_error_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("file");
    std::fs::write(&blocked, b"in the way").unwrap();
    let error =
        run(&plan(&config(20)), "test", &blocked.join("run"), &mut Patience::default()).unwrap_err().to_string();
    assert!(error.contains("file/run") && error.contains("--out"), "{error}");
    assert_eq!(std::fs::read(&blocked).unwrap(), b"in the way");
}

/// Any flipped bit of a checkpoint is noticed: it would go on as another run.
#[test]
fn a_flipped_bit_in_a_checkpoint_is_refused() {
    for file in &FILES[6..] {
        let bytes = std::fs::read(finished().join(file)).unwrap();
        for place in [bytes.len() / 3, bytes.len() / 2, bytes.len() - 1] {
            let folder = tempfile::tempdir().unwrap();
            copy(finished(), folder.path());
            let mut damaged = bytes.clone();
            damaged[place] ^= 1;
            std::fs::write(folder.path().join(file), damaged).unwrap();
            let error = Checkpoint::<f32>::read(folder.path()).unwrap_err().to_string();
            assert!(error.contains(file), "{error}");
        }
    }
}

/// Rows that a checkpoint counts and the file has not are noticed when the run goes on.
#[test]
fn lost_rows_are_refused_on_resume() {
    for file in ["metrics.csv", "spectra.npz"] {
        let folder = tempfile::tempdir().unwrap();
        let mut patience = Patience { steps_left: Some(15), seen: 0 };
        run(&plan(&config(20)), "test", folder.path(), &mut patience).unwrap();
        std::fs::remove_file(folder.path().join(file)).unwrap();
        let error = run(&plan(&config(20)), "test", folder.path(), &mut Patience::default()).unwrap_err().to_string();
        assert!(error.contains(file), "{error}");
    }
}

/// Widths that no machine can hold are refused before anything is allocated for them.
#[test]
fn absurd_networks_are_refused() {
    let mut wide = config(20);
    wide.network.encoder_hidden = vec![1_000_000_000, 1_000_000_000];
    let mut deep = config(20);
    deep.network.encoder_hidden = vec![4; 40_000];
    for config in [wide, deep] {
        let error = stopgrad_train::Plan::new(config).err().unwrap().to_string();
        assert!(error.contains("network.encoder_hidden") && error.contains("at most"), "{error}");
    }
}
