use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::tests::{open, plain, write};
use super::super::{OpenParams, open_folder};
use super::*;
use crate::Source;
use image::{Rgb, RgbImage};

/// How many files are gone through when the folder is opened; 0: the stored index was true.
fn gone_through(folder: &Path) -> usize {
    let most = AtomicUsize::new(0);
    let progress = |_, all| most.store(all, Ordering::Relaxed);
    open_folder(folder, &OpenParams { image_side: 32, progress: &progress, ..OpenParams::default() }).unwrap();
    most.load(Ordering::Relaxed)
}

fn kept(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut hidden: Vec<String> = names.filter(|name| name.starts_with('.')).collect();
    hidden.sort();
    hidden
}

fn reds(folder: &Path) -> Vec<u8> {
    let source = open(folder).unwrap();
    (0..source.len()).map(|index| (source.sample(index).unwrap().values[0] * 255.0).round() as u8).collect()
}

#[test]
fn an_index_is_made_once_and_follows_what_changes() {
    let here = tempfile::tempdir().unwrap();
    for (name, red) in [("a.png", 10), ("b.png", 20), ("c/d.png", 30)] {
        write(here.path(), name, plain(32, 32, [red, 0, 0]));
    }
    fs::write(here.path().join("e.jpg"), "hello").unwrap();
    assert_eq!(gone_through(here.path()), 4);
    let first = open(here.path()).unwrap();
    assert_eq!(gone_through(here.path()), 0);
    let stored = kept(here.path());
    assert!(stored.len() == 2 && stored[1] == ".stopgrad-32.json", "{stored:?}");

    // Removed, changed, added: the others come from the stored pixels.
    fs::remove_file(here.path().join("a.png")).unwrap();
    write(here.path(), "b.png", plain(40, 40, [25, 0, 0]));
    write(here.path(), "c/a.png", plain(32, 32, [5, 0, 0]));
    assert_eq!(reds(here.path()), [25, 5, 30]);
    assert_eq!((gone_through(here.path()), kept(here.path()).len()), (0, 2));
    // One that was open before still has its own.
    assert_eq!(first.sample(0).unwrap().values[0].to_bits(), (10.0_f32 / 255.0).to_bits());
}

#[test]
fn what_is_taken_from_an_index_is_what_decoding_gives() {
    let here = tempfile::tempdir().unwrap();
    for i in 0..5 {
        write(here.path(), &format!("{i}.png"), RgbImage::from_fn(50, 40, |x, y| Rgb([x as u8 * 3, y as u8, i * 9])));
    }
    let fresh = tempfile::tempdir().unwrap();
    open(here.path()).unwrap();
    fs::remove_file(here.path().join("2.png")).unwrap();
    for i in [0, 1, 3, 4] {
        fs::copy(here.path().join(format!("{i}.png")), fresh.path().join(format!("{i}.png"))).unwrap();
    }
    let (updated, decoded) = (open(here.path()).unwrap(), open(fresh.path()).unwrap());
    assert!((0..4).all(|i| updated.sample(i).unwrap() == decoded.sample(i).unwrap()));
    assert_eq!(updated.inputs()[0].sha256, decoded.inputs()[0].sha256);
    assert_eq!(updated.range(), decoded.range());
}

#[test]
fn a_damaged_index_is_made_again() {
    let here = tempfile::tempdir().unwrap();
    write(here.path(), "a.png", plain(32, 32, [7, 0, 0]));
    write(here.path(), "b.png", plain(32, 32, [8, 0, 0]));
    let json = here.path().join(".stopgrad-32.json");
    open(here.path()).unwrap();
    let (text, pixels) = (fs::read_to_string(&json).unwrap(), here.path().join(&kept(here.path())[0]));
    let bytes = fs::read(&pixels).unwrap();
    let damages: [&dyn Fn(); 6] = [
        &|| fs::write(&json, "").unwrap(),
        &|| fs::write(&json, &text[..text.len() / 2]).unwrap(),
        &|| fs::write(&json, text.replace("\"version\":1", "\"version\":0")).unwrap(),
        &|| fs::write(&json, text.replace("\"pixels\":\"", "\"pixels\":\"../")).unwrap(),
        &|| fs::write(&pixels, &bytes[1..]).unwrap(),
        &|| fs::remove_file(&pixels).unwrap(),
    ];
    for damage in damages {
        damage();
        assert_eq!(gone_through(here.path()), 2);
        assert_eq!(reds(here.path()), [7, 8]);
    }
    // While it is read: an error that names the file, not rubbish.
    let source = open(here.path()).unwrap();
    fs::OpenOptions::new().write(true).open(&pixels).unwrap().set_len(100).unwrap();
    assert!(source.sample(1).unwrap_err().to_string().contains(".pixels"));
}

#[test]
fn where_nothing_can_be_written_images_are_held_in_memory() {
    let here = tempfile::tempdir().unwrap();
    write(here.path(), "a.png", plain(32, 32, [7, 0, 0]));
    let files = super::super::scan::all_images(here.path()).unwrap();
    // A place below a file can never be made, whoever asks.
    let nowhere = [here.path().join("a.png").join("below")];
    let (index, pixels, remark) = build(here.path(), 32, &files, None, &nowhere, &|_, _| {}).unwrap();
    let mut planes = vec![0; image_len(32)];
    pixels.read(0, &mut planes).unwrap();
    assert!(planes[0] == 7 && count(&index) == 1 && remark.contains("held in memory"), "{remark}");
    // The second place is taken where the first refuses.
    let places = [nowhere[0].clone(), here.path().join("cache")];
    let (_, _, remark) = build(here.path(), 32, &files, None, &places, &|_, _| {}).unwrap();
    assert!(remark.ends_with("cache") && read(&places[1], 32).is_some(), "{remark}");
}
