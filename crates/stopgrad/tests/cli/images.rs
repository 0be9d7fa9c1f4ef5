//! A folder of images, from the first look to representations.

use super::*;

/// A picture of 40 × 30 pixels as BMP: a ramp in a color of its own.
fn bmp(shade: u8) -> Vec<u8> {
    let (width, height) = (40_u32, 30_u32);
    let mut bytes = b"BM".to_vec();
    for number in [54 + width * height * 3, 0, 54, 40, width, height, 1 | 24 << 16, 0, 0, 0, 0, 0, 0] {
        bytes.extend(number.to_le_bytes());
    }
    // Rows are multiples of four bytes as they are.
    bytes.extend((0..width * height).flat_map(|at| [shade, (at % width * 6) as u8, (at / width * 8) as u8]));
    bytes
}

/// Two classes of twenty pictures, one file that is none.
fn pictures(here: &Path) {
    for (class, first) in [("dark", 0), ("light", 200)] {
        let folder = here.join("pictures").join(class);
        std::fs::create_dir_all(&folder).expect("a folder");
        for i in 0..20 {
            std::fs::write(folder.join(format!("{i:02}.bmp")), bmp(first + i)).expect("written");
        }
    }
    std::fs::write(here.join("pictures/dark/broken.png"), "no picture").expect("written");
}

fn done(folder: &Path, words: &[&str]) -> Output {
    let output = stopgrad(folder, words);
    assert_eq!(output.status.code(), Some(0), "{words:?}: {}", stderr(&output));
    output
}

const SMALL: [&str; 8] = [
    "--set",
    "network.encoder_hidden=[4]",
    "--encoder-width",
    "6",
    "--steps",
    "6",
    "--set",
    "evaluation.descent_steps=2",
];

#[test]
fn a_dry_run_tells_the_plan_and_begins_nothing() {
    let here = folder();
    pictures(here.path());
    let words = [&["train", "pictures", "--dry-run"], &SMALL[..]].concat();
    let told = stdout(&done(here.path(), &words));
    for part in [
        "40 samples of 3 × 32 × 32, 2 classes; train 28, validation 4 and test 8; 1 left out",
        "encoder conv 4-6, projector mlp 512-256, predictor mlp 512-256",
        "6 steps",
        "memory",
        "disk",
        "no run was begun",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(!here.path().join("runs").exists());
    let plan = document(&done(here.path(), &[&words[..], &["--json"]].concat()));
    assert!(plan["dry_run"] == true && plan["seconds"].as_f64().is_some_and(|s| s > 0.0), "{plan}");
    assert!(plan["runs"][0]["seconds_a_step"].as_f64().is_some_and(|s| s > 0.0), "{plan}");
}

#[test]
fn a_run_on_a_folder_uses_its_index_and_embeds_at_its_own_size() {
    let here = folder();
    pictures(here.path());
    let words = [&["train", "pictures", "--image-side", "24", "--out", "run"], &SMALL[..]].concat();
    let first = done(here.path(), &words);
    let told = stderr(&first);
    assert!(told.contains("40 images indexed at 24 × 24 in pictures"), "{told}");
    assert!(told.contains("1 of 41 samples are left out") && told.contains("encoder conv 4-6"), "{told}");
    assert!(here.path().join("pictures/.stopgrad-24.json").exists());
    let stored = std::fs::read_to_string(here.path().join("run/config.toml")).expect("stored");
    assert!(stored.contains("image_side = 24"), "{stored}");

    let embedded = done(here.path(), &["embed", "run", "pictures", "--out", "e.npy", "--json"]);
    assert_eq!(document(&embedded)["count"], 40);
    let seen = document(&done(here.path(), &["data", "pictures", "--image-side", "48", "--json"]));
    assert_eq!(seen["shape"], serde_json::json!([3, 48, 48]));
    assert_eq!(seen["skipped"].as_array().map(Vec::len), Some(1));
    let message = refused(here.path(), &["data", "pictures", "--image-side", "4"]);
    assert!(message.contains("write 8 to 512"), "{message}");
    let message = refused(here.path(), &["train", "digits", "--image-side", "32"]);
    assert!(message.contains("only folders of images are scaled"), "{message}");
}
