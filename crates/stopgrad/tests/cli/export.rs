//! Weights out of a run and into another; and into PyTorch, where that is installed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use stopgrad_data::arrays::read_arrays;
use stopgrad_data::{NpyArray, NpyData, npy};

use super::*;

const IMAGES: usize = 24;

/// Images of 3 × 12 × 8 pixels, as a file.
fn images(here: &Path) {
    let count = IMAGES * 3 * 12 * 8;
    let values =
        (0..count).map(|i| f32::midpoint((i * 7919 % 1009) as f32 / 1009.0, (i / 288) as f32 / 24.0)).collect();
    npy::write(here.join("images.npy"), &NpyArray::new(&[IMAGES, 3, 12, 8], NpyData::F32(values))).expect("written");
}

const SMALL: &str = "--steps 3 --batch-size 4 --views noise --set evaluation.descent_steps=1 --quiet \
                     --set network.projector_hidden=[8] --set network.projector_width=6 --set network.predictor_hidden=[8]";

fn trained(here: &Path, out: &str, more: &str) -> Output {
    let words = format!("train images.npy --out {out} {SMALL} {more}");
    stopgrad(here, &words.split_whitespace().collect::<Vec<_>>())
}

fn done(output: Output) -> Output {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    output
}

fn exported(here: &Path, run: &str, to: &str, out: &str) -> Value {
    document(&done(stopgrad(here, &["export", run, "--to", to, "--out", out, "--json"])))
}

fn arrays(here: &Path, name: &str) -> BTreeMap<String, NpyArray> {
    read_arrays(&here.join(name)).expect("arrays")
}

const NARROW: &str = "--encoder resnet18 --set network.encoder_base_width=2";

#[test]
fn what_is_exported_can_be_started_from_and_comes_back_as_it_was() {
    let here = folder();
    let here = here.path();
    images(here);
    done(trained(here, "first", NARROW));
    let told = exported(here, "first", "safetensors", "a.safetensors");
    assert_eq!((told["told"]["encoder"].as_str(), told["told"]["stem"].as_str()), (Some("resnet18"), Some("cifar")));
    assert_eq!(told["told"]["input"], serde_json::json!([3, 12, 8]));
    let first = arrays(here, "a.safetensors");
    assert_eq!(first["encoder.layer2.0.downsample.0.weight"].shape, [4, 2, 1, 1]);
    assert_eq!(first["projector.0.weight"].shape, [8, 16]);
    // Two views a step go through the student under `sg`.
    assert_eq!(first["encoder.bn1.num_batches_tracked"].data, NpyData::I64(vec![6]));
    let bytes = std::fs::read(here.join("a.safetensors")).expect("a file");
    exported(here, "first", "safetensors", "a.safetensors");
    assert_eq!(bytes, std::fs::read(here.join("a.safetensors")).expect("a file"), "the same bytes again");

    // Steps that move nothing: of the parameters every number is as it was, of the statistics none.
    let still = "--init a.safetensors --learning-rate 1e-30 --set optimizer.schedule=constant --seed 5";
    let told = document(&done(trained(here, "second", &format!("{NARROW} {still} --json"))));
    assert!(told["inputs"].as_array().expect("a list").iter().any(|file| file["path"] == "a.safetensors"));
    exported(here, "second", "safetensors", "b.safetensors");
    let second = arrays(here, "b.safetensors");
    assert_eq!(first.keys().collect::<Vec<_>>(), second.keys().collect::<Vec<_>>());
    for (name, array) in first.iter().filter(|(name, _)| !name.contains("running") && !name.contains("num_batches")) {
        assert!(second[name] == *array, "{name} is another");
    }

    // Another file under the same name is another run.
    std::fs::copy(here.join("b.safetensors"), here.join("a.safetensors")).expect("copied");
    let message = stderr(&trained(here, "second", &format!("{NARROW} {still}")));
    assert!(message.contains("a.safetensors has changed since the run"), "{message}");
}

#[test]
fn the_teacher_is_written_where_there_is_one() {
    let here = folder();
    let here = here.path();
    images(here);
    let vit = "--encoder vit --encoder-width 12 --set network.encoder_patch=4 --set network.encoder_pool=token \
               --set network.encoder_depth=1 --set network.encoder_heads=2 --field ema";
    done(trained(here, "run", vit));
    for part in ["student", "teacher"] {
        let out = format!("{part}.safetensors");
        done(stopgrad(here, &["export", "run", "--to", "timm", "--out", &out, "--part", part, "--quiet"]));
        let out = format!("{part}.npy");
        done(stopgrad(here, &["embed", "run", "images.npy", "--part", part, "--out", &out, "--quiet"]));
    }
    let [of_student, of_teacher] =
        ["student", "teacher"].map(|part| npy::read(here.join(format!("{part}.npy"))).unwrap());
    assert_eq!((&of_student.shape[..], &of_teacher.shape), (&[IMAGES, 12][..], &of_student.shape));
    assert!(of_student != of_teacher, "the teacher lags");
    let [student, teacher] = ["student", "teacher"].map(|part| arrays(here, &format!("{part}.safetensors")));
    assert_eq!(student["cls_token"].shape, [1, 1, 12]);
    assert_eq!(student["pos_embed"].shape, [1, 7, 12]);
    assert_eq!(student["patch_embed.proj.weight"].shape, [12, 3, 4, 4]);
    assert_eq!(student.keys().collect::<Vec<_>>(), teacher.keys().collect::<Vec<_>>());
    assert!(student["blocks.0.attn.qkv.weight"] != teacher["blocks.0.attn.qkv.weight"], "the teacher lags");
    let message = refused(here, &["export", "run", "--to", "torchvision"]);
    assert!(message.contains("torchvision has no encoder `vit`"), "{message}");
}

#[test]
fn files_that_do_not_fit_are_refused_by_name() {
    let here = folder();
    let here = here.path();
    images(here);
    done(trained(here, "run", NARROW));
    let message = refused(here, &["embed", "run", "images.npy", "--part", "teacher", "--out", "none.npy"]);
    assert!(message.contains("has no teacher"), "{message}");
    let message = refused(here, &["export", "run", "--to", "torchvision"]);
    assert!(message.contains("network.encoder_base_width = 2"), "{message}");
    let message = refused(here, &["export", "run", "--to", "timm", "--part", "teacher"]);
    assert!(message.contains("has no teacher: its field is sg"), "{message}");
    exported(here, "run", "safetensors", "w.safetensors");
    let said = |more: &str| stderr(&trained(here, "never", more));
    let message = said(&format!("{NARROW} --init run/checkpoint/model.safetensors"));
    assert!(message.contains("is the checkpoint of a run") && message.contains("stopgrad export"), "{message}");
    let message = said("--encoder resnet34 --set network.encoder_base_width=2 --init w.safetensors");
    assert!(message.contains("the file lacks: encoder.layer1.2.conv1.weight"), "{message}");
    let message = said("--encoder resnet18 --set network.encoder_base_width=3 --init w.safetensors");
    assert!(
        message.contains("of other shapes: encoder.conv1.weight is [2, 3, 3, 3] there and [3, 3, 3, 3] here"),
        "{message}"
    );
    let message = said("--encoder vit --encoder-width 12 --init w.safetensors");
    assert!(message.contains("has no `patch_embed.proj.weight`"), "{message}");
    let message = said(&format!("{NARROW} --init nowhere.pt"));
    assert!(message.contains("nowhere.pt") && message.contains("check that the path exists"), "{message}");
    assert!(!here.join("never").exists(), "nothing is begun");
}

/// A Python with PyTorch, torchvision, timm and safetensors, if there is one: `STOPGRAD_PYTHON` or `python3`.
fn python() -> Option<PathBuf> {
    let python = std::env::var_os("STOPGRAD_PYTHON").map_or_else(|| "python3".into(), PathBuf::from);
    let tried = Command::new(&python).args(["-c", "import timm, torch, torchvision, safetensors"]).output();
    tried.is_ok_and(|output| output.status.success()).then_some(python)
}

/// Every line that is printed stands in docs/pytorch.md, but for the names and sizes that are the run's.
fn are_in_the_docs(lines: &str) {
    let docs = include_str!("../../../../docs/pytorch.md");
    for line in lines.lines().filter(|line| !line.starts_with('#')) {
        // What follows the mean's options, or is timm's name of a ResNet, is told there in words.
        let as_there = line
            .replace("(12, 8), patch_size=4", "(128, 128), patch_size=16")
            .replace(", class_token=False, global_pool=\"avg\"", "")
            .replace("timm.create_model(\"resnet18\", num_classes=0)", "torchvision.models.resnet18()");
        let named = ["resnet18", "vit_tiny"].map(|name| as_there.replace("\"w.", &format!("\"{name}.")));
        assert!(named.iter().any(|line| docs.lines().any(|known| known == line)), "{line}");
    }
}

#[test]
fn ten_lines_of_python_load_the_weights_with_the_same_features() {
    let Some(python) = python() else {
        println!("skipped: no Python with torch, torchvision, timm and safetensors (STOPGRAD_PYTHON names one)");
        return;
    };
    let here = folder();
    let here = here.path();
    images(here);
    for (name, to, more) in [
        ("resnet", "torchvision", "--encoder resnet18"),
        ("resnet-timm", "timm", "--encoder resnet18 --set network.encoder_stem=imagenet"),
        ("vit", "timm", "--encoder vit_tiny --set network.encoder_patch=4"),
        ("vit-token", "timm", "--encoder vit_tiny --set network.encoder_patch=4 --set network.encoder_pool=token"),
    ] {
        done(trained(here, name, more));
        let told = exported(here, name, to, "w.safetensors");
        let lines = told["python"].as_str().expect("text");
        are_in_the_docs(lines);
        assert!(lines.lines().filter(|line| !line.starts_with('#')).count() <= 10, "{lines}");
        done(stopgrad(here, &["embed", name, "images.npy", "--out", "ours.npy"]));
        let program = format!(
            "{lines}import numpy\nx = torch.from_numpy(numpy.load('images.npy'))\n\
             with torch.no_grad(): theirs = model((x - mean) / std).numpy()\nours = numpy.load('ours.npy')\n\
             print('off by', abs(ours - theirs).max() / abs(theirs).max())\n\
             assert abs(ours - theirs).max() <= 1e-5 * abs(theirs).max()\n"
        );
        let output = Command::new(&python).current_dir(here).args(["-c", &program]).output().expect("Python");
        assert!(output.status.success(), "{name}: {}{}\n{program}", stdout(&output), stderr(&output));
        println!("{name}: {}", stdout(&output).lines().last().unwrap_or_default());
        // And back: a file that torch.save wrote of the model.
        let save = format!("{lines}torch.save(model.state_dict(), 'back.pth')\n");
        let output = Command::new(&python).current_dir(here).args(["-c", &save]).output().expect("Python");
        assert!(output.status.success(), "{}", stderr(&output));
        let [ours, theirs] = ["w.safetensors", "back.pth"].map(|file| arrays(here, file));
        assert!(ours == theirs, "{name}: what PyTorch saved is what was exported");
        done(trained(here, &format!("{name}-again"), &format!("{more} --init back.pth")));
    }
}
