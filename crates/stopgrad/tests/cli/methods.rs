//! Methods by name: each trains, and those that are known to collapse do.

use super::*;

/// Digits, small filters, few samples to look at: half a second for a few steps.
const SMALL: &str = "--batch-size 64 --encoder-width 16 --set network.encoder_hidden=[8] --set network.projector_hidden=[64] \
                     --set evaluation.descent_steps=0 --set evaluation.probe_samples=100 --quiet --json";

fn trained(folder: &Path, preset: &str, out: &str, more: &str) -> Output {
    let words = format!("train digits --preset {preset} --out {out} {SMALL} {more}");
    stopgrad(folder, &words.split_whitespace().collect::<Vec<_>>())
}

/// Every preset that the command lists: each addition on SimSiam; each method alone, and on other threads after a stop.
#[test]
fn every_method_trains_and_resumes() {
    let here = folder();
    let listed = document(&stopgrad(here.path(), &["train", "--preset", "list", "--json"]));
    let presets = listed["presets"].as_array().expect("a list");
    assert!(presets.len() > 10);
    for preset in presets {
        let name = preset["name"].as_str().expect("a name");
        let is_method = preset["method"] == true;
        // The larger networks take images of three channels; theirs are the same keys with other numbers.
        if is_method && !name.ends_with("-small") {
            continue;
        }
        let preset = if is_method { name.to_owned() } else { format!("simsiam-small+{name}") };
        let short = "--steps 8 --set training.checkpoint_every=3 --set evaluation.pairs=64";
        let whole = format!("{name}-whole");
        let output = trained(here.path(), &preset, &whole, &format!("{short} --threads 1"));
        assert_eq!(output.status.code(), Some(0), "{preset}: {}", stderr(&output));
        assert_eq!(document(&output)["options"]["preset"], preset);
        if !is_method {
            continue;
        }
        let model = |out: &str| std::fs::read(here.path().join(out).join("checkpoint/model.safetensors"));
        let cut = format!("{name}-cut");
        // Stopped before the first step or behind one of the next, and gone on with.
        trained(here.path(), &preset, &cut, &format!("{short} --threads 3 --time-limit 0.02s"));
        let output = trained(here.path(), &preset, &cut, &format!("{short} --threads 3"));
        assert_eq!(output.status.code(), Some(0), "{preset}: {}", stderr(&output));
        assert!(model(&whole).expect("a checkpoint") == model(&cut).expect("a checkpoint"), "{preset}: other bits");
    }
}

/// Controls whose outcome is known, in three hundred steps: without predictor, and by joint descent, embeddings lose most of their
/// dimensions; not so with both in place, nor by joint descent with the terms of VICReg in Ω.
#[test]
fn joint_descent_and_a_missing_predictor_collapse_and_terms_in_omega_prevent_it() {
    let here = folder();
    for (preset, known) in [
        ("simsiam-small", "no"),
        ("simsiam-small+no-predictor", "dimensional"),
        ("byol-small+joint", "dimensional"),
        ("byol-small+joint+vicreg", "no"),
    ] {
        let once = "--steps 300 --set evaluation.measure_every=300 --set evaluation.probe_every=300";
        let output = trained(here.path(), preset, preset, once);
        assert_eq!(output.status.code(), Some(0), "{preset}: {}", stderr(&output));
        let answer = &document(&output)["runs"][0]["verdict"]["collapses"];
        assert_eq!(answer["answer"], known, "{preset}: {answer}");
    }
}

#[test]
fn a_preset_that_there_is_not_is_refused_with_the_nearest() {
    let here = folder();
    let message = refused(here.path(), &["train", "digits", "--preset", "byol-smal"]);
    assert!(message.contains("did you mean `byol-small`?"), "{message}");
    assert!(refused(here.path(), &["train", "digits", "--preset", "joint"]).contains("byol-small+joint"));
    assert!(refused(here.path(), &["compare", "--preset", "byol-small"]).contains("names no source"));
}
