//! Methods by name: each trains, and those that are known to collapse do.

use super::*;

/// Digits, small filters, a few steps: a second or less.
const SMALL: &str = "--batch-size 64 --encoder-width 16 --set network.encoder_hidden=[8] --set network.projector_hidden=[32] \
                     --set evaluation.descent_steps=0 --set training.checkpoint_every=3 --steps 8 --quiet --json";

fn trained(folder: &Path, preset: &str, out: &str, more: &str) -> Output {
    let words = format!("train digits --preset {preset} --out {out} {SMALL} {more}");
    stopgrad(folder, &words.split_whitespace().collect::<Vec<_>>())
}

/// Every preset that the command lists: each method alone, each addition on SimSiam; on other threads after a stop.
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
        let model = |out: &str| std::fs::read(here.path().join(out).join("checkpoint/model.safetensors"));
        let (whole, cut) = (format!("{name}-whole"), format!("{name}-cut"));
        let output = trained(here.path(), &preset, &whole, "--threads 1");
        assert_eq!(output.status.code(), Some(0), "{preset}: {}", stderr(&output));
        assert_eq!(document(&output)["options"]["preset"], preset);
        // Stopped before the first step or behind one of the next, and gone on with.
        trained(here.path(), &preset, &cut, "--threads 3 --time-limit 0.02s");
        let output = trained(here.path(), &preset, &cut, "--threads 3");
        assert_eq!(output.status.code(), Some(0), "{preset}: {}", stderr(&output));
        assert!(model(&whole).expect("a checkpoint") == model(&cut).expect("a checkpoint"), "{preset}: other bits");
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
