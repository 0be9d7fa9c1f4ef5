//! The readers of configurations and runs; see `targets.rs`.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use stopgrad::configuration;
use stopgrad::manifest::Manifest;
use stopgrad_train::checkpoint::{Arrays, Checkpoint};
use stopgrad_train::config::Config;
use stopgrad_train::gallery::Gallery;
use stopgrad_train::{Embedder, Observer, Plan, Progress, RunRecord, folder, run};

use super::targets::{PACKED, PLAIN, Target, place, reads, telling};

/// Every reader of the feature `train`.
pub fn all() -> Vec<Target> {
    vec![
        Target { name: "toml", body: toml, longest: 4096 },
        Target { name: "checkpoint", body: checkpoint, longest: 16384 },
        Target { name: "preprocessing", body: preprocessing, longest: 4096 },
        Target { name: "metrics", body: metrics, longest: 4096 },
        Target { name: "spectra", body: spectra, longest: 8192 },
        Target { name: "gallery", body: gallery, longest: 16384 },
        Target { name: "record", body: record, longest: 8192 },
        Target { name: "manifest", body: manifest, longest: 4096 },
    ]
}

/// What serde's trees of a text may take, a byte.
const TREE: usize = 1024;

fn toml(bytes: &[u8]) {
    let said = |error: &dyn std::error::Error| {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    };
    reads("c.toml", bytes, TREE, |path| {
        let written = configuration::Written { preset: None, file: Some(path), typed: &[] };
        configuration::read(&written, &[], &|_| None).map(drop).map_err(|e| said(&e))
    });
    reads("config.toml", bytes, TREE, |path| configuration::read_stored(path).map(drop).map_err(|e| said(&e)));
    reads("config.toml", bytes, TREE, |path| {
        folder::read_config(path.parent().expect("a folder")).map(drop).map_err(|e| e.to_string())
    });
}

fn checkpoint(bytes: &[u8]) {
    for name in ["checkpoint/model.safetensors", "checkpoint/state.safetensors"] {
        in_run(name, bytes, PLAIN, |run| Checkpoint::<f32>::read(run).map(drop).map_err(|e| e.to_string()));
    }
    in_run("checkpoint/model.safetensors", bytes, PLAIN, |run| {
        Checkpoint::<f64>::read(run).map(drop).map_err(|e| e.to_string())
    });
}

/// The text beside the weights, under a checksum that is right: what lies behind the checksum has to hold as well.
fn preprocessing(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let run = good();
    let path = run.join("checkpoint/model.safetensors");
    let whole = fs::read(&path).expect("a model");
    let mut model: Arrays<f32> = Arrays::read(&path).expect("a model");
    model.texts.insert("preprocessing".into(), text.into());
    model.write(&path).expect("written");
    let answer = Embedder::read(run).map(drop).map_err(|e| e.to_string());
    fs::write(&path, whole).expect("written");
    if let Err(message) = answer {
        telling(&message, run.to_str().expect("text"));
    }
}

fn metrics(bytes: &[u8]) {
    reads("metrics.csv", bytes, TREE, |path| folder::read_rows(path).map(drop).map_err(|e| e.to_string()));
}

fn spectra(bytes: &[u8]) {
    reads("spectra.npz", bytes, PACKED, |path| {
        folder::read_spectra(path.parent().expect("a folder")).map(drop).map_err(|e| e.to_string())
    });
}

fn gallery(bytes: &[u8]) {
    reads("gallery.npz", bytes, PACKED, |path| Gallery::read(path).map(drop).map_err(|e| e.to_string()));
}

fn record(bytes: &[u8]) {
    for name in ["run.json", "verdict.json", "theory.json"] {
        in_run(name, bytes, TREE, |run| RunRecord::read(run).map(drop).map_err(|e| e.to_string()));
    }
}

fn manifest(bytes: &[u8]) {
    in_run("command.json", bytes, TREE, |run| Manifest::read(run).map(drop).map_err(|e| e.to_string()));
}

/// With one file of a finished run replaced; it is put back, or taken away if the run has none.
fn in_run(name: &str, bytes: &[u8], factor: usize, read: impl Fn(&Path) -> Result<(), String>) {
    let run = good();
    let path = run.join(name);
    let whole = fs::read(&path).ok();
    let inside = path.strip_prefix(place()).expect("below").to_str().expect("text").to_owned();
    reads(&inside, bytes, factor, |_| read(run));
    match whole {
        Some(whole) => fs::write(&path, whole).expect("written"),
        None => fs::remove_file(&path).expect("removed"),
    }
}

struct Patience;

impl Observer for Patience {
    fn progress(&mut self, _: &Progress) {}
    fn should_stop(&mut self) -> bool {
        false
    }
}

/// The folder of a finished run, made once a process.
pub fn good() -> &'static Path {
    static GOOD: OnceLock<std::path::PathBuf> = OnceLock::new();
    GOOD.get_or_init(|| {
        let mut config = Config::default();
        config.source.path = "digits".into();
        config.network.encoder_hidden = vec![2];
        config.network.encoder_width = 2;
        config.training.steps = 4;
        config.training.batch_size = 16;
        config.evaluation.descent_steps = 2;
        let folder = place().join("run");
        let plan = Plan::new(config).expect("a plan");
        run(&plan, "sg", &folder, &mut Patience).expect("a run");
        folder
    })
}
