//! `stopgrad moments`.

use std::path::Path;

use stopgrad::moments_file::{MomentsFile, RandomFeatures};
use stopgrad_data::{Normalizer, SplitSpec, Splits, ViewRecipe, npy, open_source};
use stopgrad_dynamics::Moments;

use super::{document, folder, refused, stderr, stdout, stopgrad};

fn done(folder: &Path, words: &[&str]) -> serde_json::Value {
    let output = stopgrad(folder, &[&["moments", "--json"], words].concat());
    assert_eq!(output.status.code(), Some(0), "{words:?}: {}", stderr(&output));
    document(&output)
}

fn read(folder: &Path, name: &str) -> MomentsFile {
    MomentsFile::read(&folder.join(name)).expect("moments that can be read").0
}

/// Largest difference of X and Y to others, as a share of the largest entry of X.
fn gap(a: &Moments, b: &Moments) -> f64 {
    ((&a.xx - &b.xx).norm_max()).max((&a.yx - &b.yx).norm_max()) / b.xx.norm_max()
}

/// Rows of numbers that vary in every column.
fn rows(folder: &Path, name: &str, count: usize, columns: usize, factor: usize) {
    let value = |i: usize| ((i * i * factor + 5 * i) % 89) as f64 / 20.0 + (i % columns) as f64;
    let values: Vec<f64> = (0..count * columns).map(value).collect();
    npy::write_f64(folder.join(name), &[count, columns], &values).expect("written");
}

#[test]
fn moments_of_digits_tell_what_they_are() {
    let here = folder();
    let said = done(here.path(), &["digits", "--views", "digits", "--center", "--out", "d.npz"]);
    assert_eq!(said["command"], "moments");
    assert_eq!((said["m"].as_u64(), said["count"].as_u64()), (Some(64), Some(2 * 1258)));
    assert_eq!(said["pairs_per_sample"], 2);
    assert_eq!(said["support_rank"], 64);
    for key in ["seconds", "gemm_fraction"] {
        assert!(said[key].as_f64().is_some_and(|value| value > 0.0), "{key}: {said}");
    }
    assert_eq!(said["options"]["halves"], "on");
    assert_eq!(said["inputs"][0]["sha256"].as_str().map(str::len), Some(64));
    let MomentsFile { moments, half, features } = read(here.path(), "d.npz");
    assert!(moments.centered && moments.symmetrized && features.is_none());
    assert_eq!(moments.yy.as_ref(), Some(&moments.xx));
    let half = half.expect("halves are kept by default");
    assert_eq!((moments.count, half.count), (Some(2516), Some(2 * 629)));
    let text = stdout(&stopgrad(here.path(), &["moments", "digits", "--halves", "off", "--out", "e.npz"]));
    assert!(text.contains("64 coordinates") && text.contains("without halves"), "{text}");
    assert!(read(here.path(), "e.npz").half.is_none());
}

#[test]
fn moments_are_those_of_the_pairs_that_training_would_see() {
    let here = folder();
    rows(here.path(), "r.npy", 30, 3, 7);
    done(here.path(), &["r.npy", "--views", "noise", "--seed", "4", "--out", "r.npz"]);
    let found = read(here.path(), "r.npz").moments;
    let source = open_source(here.path().join("r.npy").to_str().expect("UTF-8"), "").expect("rows");
    let train = Splits::new(source.as_ref(), &SplitSpec::default()).expect("parts").train;
    let normalizer = Normalizer::fit(source.as_ref(), &train).expect("rows");
    let recipe = ViewRecipe::preset("noise").expect("a preset");
    let (mut xx, mut yx) = ([[0.0; 3]; 3], [[0.0; 3]; 3]);
    for &index in &train {
        let sample = source.sample(index).expect("a row").values;
        let pair = recipe.pair(&sample, source.shape(), &normalizer, 4, "moments", index as u64);
        for i in 0..3 {
            for j in 0..3 {
                let product = |a: &[f32], b: &[f32]| f64::from(a[i]) * f64::from(b[j]) / (2 * train.len()) as f64;
                xx[i][j] += product(&pair.x, &pair.x) + product(&pair.y, &pair.y);
                yx[i][j] += product(&pair.y, &pair.x) + product(&pair.x, &pair.y);
            }
        }
    }
    for i in 0..3 {
        for j in 0..3 {
            assert!((found.xx[(i, j)] - xx[i][j]).abs() < 1e-12 && (found.yx[(i, j)] - yx[i][j]).abs() < 1e-12);
        }
    }
}

#[test]
fn the_file_does_not_depend_on_threads_but_on_the_seed() {
    let here = folder();
    let bytes = |words: &[&str]| {
        done(here.path(), &[&["digits", "--augmentations", "3", "--out", "t.npz"], words].concat());
        std::fs::read(here.path().join("t.npz")).expect("written")
    };
    let first = bytes(&["--threads", "1"]);
    assert_eq!(first, bytes(&["--threads", "3"]));
    assert_ne!(first, bytes(&["--seed", "1"]));
}

#[test]
fn parts_computed_apart_add_up_to_the_whole() {
    let here = folder();
    for (name, factor) in [("x", 7), ("y", 11)] {
        rows(here.path(), &format!("{name}.npy"), 40, 4, factor);
        let whole = npy::read(here.path().join(format!("{name}.npy"))).expect("rows").to_f64();
        for (part, range) in [("0", 0..64), ("1", 64..160)] {
            let path = here.path().join(format!("{name}{part}.npy"));
            npy::write_f64(path, &[range.len() / 4, 4], &whole[range]).expect("written");
        }
    }
    for center in [&["--center"][..], &[]] {
        let take = |files: [&str; 2], out: &str| {
            done(here.path(), &[&["--out", out, "--view-files", files[0], files[1]], center].concat())
        };
        let said = take(["x.npy", "y.npy"], "whole.npz");
        assert_eq!((said["count"].as_u64(), said["pairs_per_sample"].as_u64()), (Some(40), Some(1)));
        take(["x0.npy", "y0.npy"], "0.npz");
        take(["x1.npy", "y1.npy"], "1.npz");
        done(here.path(), &["--out", "sum.npz", "--merge", "0.npz", "1.npz"]);
        // The same with one part computed in the same call.
        let words = ["--out", "sum2.npz", "--view-files", "x0.npy", "y0.npy", "--merge", "1.npz"];
        done(here.path(), &[&words[..], center].concat());
        let (whole, sum, sum2) =
            (read(here.path(), "whole.npz"), read(here.path(), "sum.npz"), read(here.path(), "sum2.npz"));
        assert!(!whole.moments.symmetrized && whole.moments.yy.is_some());
        for sum in [sum, sum2] {
            assert!(gap(&sum.moments, &whole.moments) < 1e-13);
            assert_eq!(sum.moments.count, whole.moments.count);
            // The parts have an even number of rows, so that their even rows are those of the whole.
            assert!(gap(&sum.half.expect("halves"), whole.half.as_ref().expect("halves")) < 1e-13);
        }
    }
    done(here.path(), &["--out", "both.npz", "--view-files", "x.npy", "y.npy", "--symmetrize"]);
    let (both, one) = (read(here.path(), "both.npz").moments, read(here.path(), "whole.npz").moments);
    let mean =
        Moments { xx: (&one.xx + one.yy.as_ref().expect("V")) * 0.5, yx: (&one.yx + one.yx.transpose()) * 0.5, ..one };
    assert!(both.symmetrized && gap(&both, &mean) < 1e-13);
}

#[test]
fn features_are_taken_before_moments() {
    let here = folder();
    let take = |kind: &str, out: &str| done(here.path(), &["digits", "--center", "--features", kind, "--out", out]);
    let said = take("pca:9", "p.json");
    assert_eq!((said["m"].as_u64(), said["support_rank"].as_u64()), (Some(9), Some(9)));
    let pca = read(here.path(), "p.json").moments;
    take("whiten", "w.npz");
    let white = read(here.path(), "w.npz").moments;
    take("none", "n.npz");
    let plain = read(here.path(), "n.npz");
    let eigenvalues = plain.moments.eigenvalues().expect("finite");
    for i in 0..9 {
        for j in 0..9 {
            let unit = f64::from(u8::from(i == j));
            assert!((pca.xx[(i, j)] - unit * eigenvalues[i]).abs() < 1e-12 * eigenvalues[0]);
            assert!((white.xx[(i, j)] - unit).abs() < 1e-9);
        }
    }
    let basis = pca.basis.as_ref().expect("a basis");
    assert_eq!(basis.shape(), (9, 64));
    assert!(gap(&plain.moments.in_coordinates(basis), &pca) < 1e-12);

    assert_eq!(take("fourier:24", "f.npz")["m"], 24);
    let fourier = read(here.path(), "f.npz");
    assert!(matches!(&fourier.features, Some(RandomFeatures::Fourier { phases }) if phases.len() == 24));
    assert_eq!(fourier.moments.basis.as_ref().map(faer::Mat::shape), Some((24, 64)));
    // cos² is at most 1 and there are 24 features of 2/24: the trace of the second moment is at most 2.
    done(here.path(), &["digits", "--features", "fourier:24", "--out", "u.npz"]);
    let trace: f64 = (0..24).map(|i| read(here.path(), "u.npz").moments.xx[(i, i)]).sum();
    assert!(trace > 0.5 && trace < 2.0, "{trace}");
}

#[test]
fn a_recipe_whose_views_differ_gives_all_pairs_of_one_x_and_one_y() {
    let here = folder();
    let list = "x = [{ kind = \"noise\", sigma = 0.3 }]\ny = []\n";
    std::fs::write(here.path().join("r.toml"), list).expect("written");
    std::fs::write(here.path().join("c.toml"), format!("[views.recipe]\n{list}")).expect("written");
    let said = done(here.path(), &["digits", "--views", "r.toml", "--out", "a.npz"]);
    assert_eq!((said["pairs_per_sample"].as_u64(), said["symmetrized"].as_bool()), (Some(4), Some(false)));
    assert!(said["recipe"]["y"].as_array().is_some_and(Vec::is_empty));
    done(here.path(), &["digits", "--views", "c.toml", "--out", "b.npz"]);
    let moments = read(here.path(), "a.npz").moments;
    assert_eq!(moments, read(here.path(), "b.npz").moments);
    let clean = moments.yy.as_ref().expect("V is another matrix than X");
    assert!((&moments.xx - clean).norm_max() > 1e-3);
}

#[test]
fn what_cannot_be_done_is_said_before_the_work() {
    let here = folder();
    rows(here.path(), "a.npy", 6, 3, 7);
    rows(here.path(), "b.npy", 6, 4, 7);
    std::fs::write(here.path().join("wrong.toml"), "x = [{ kind = \"shfit\" }]").expect("written");
    std::fs::write(here.path().join("bad.npz"), "no archive").expect("written");
    done(here.path(), &["digits", "--center", "--out", "c.npz"]);
    done(here.path(), &["digits", "--out", "u.npz"]);
    for (words, message) in [
        (&["digits"][..], "--out"),
        (&["--out", "o.npz"], "SOURCE"),
        (&["digits", "--out", "o.txt"], "o.txt: moments are files .npz"),
        (&["digits", "--out", "o.json"], "at most 16 coordinates, and these have 64"),
        (&["digits", "--views", "nonsense", "--out", "o.npz"], "no preset is called `nonsense`"),
        (&["digits", "--views", "wrong.toml", "--out", "o.npz"], "wrong.toml"),
        (&["digits", "--views", "table", "--out", "o.npz"], "views.recipe.x[0]"),
        (&["digits", "--augmentations", "1", "--out", "o.npz"], "ask for at least 2"),
        (&["digits", "--features", "pca:65", "--out", "o.npz"], "at most 64"),
        (&["digits", "--features", "pca:0", "--out", "o.npz"], "expected none, pca:16"),
        (&["nowhere.npy", "--out", "o.npz"], "nowhere.npy"),
        (&["--view-files", "a.npy", "b.npy", "--out", "o.npz"], "[6, 3]"),
        (&["--merge", "bad.npz", "--out", "o.npz"], "bad.npz"),
        (&["--merge", "c.npz", "u.npz", "--out", "o.npz"], "another centered"),
        (&["digits", "--merge", "c.npz", "--out", "o.npz"], "another centered"),
        (&["--center", "--merge", "u.npz", "--out", "o.npz"], "not centered"),
        (&["--merge", "u.npz", "--features", "relu:3", "--out", "o.npz"], "--features relu:3 needs the views"),
        (&["digits", "--out", "a.npy/o.npz"], "a.npy"),
    ] {
        let said = refused(here.path(), &[&["moments"], words].concat());
        assert!(said.contains(message), "{words:?}: {said}");
        assert!(!here.path().join("o.npz").exists());
    }
}
