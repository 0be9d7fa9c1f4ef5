use std::path::Path;

use image::{DynamicImage, GrayImage, Luma, Rgb, RgbImage, Rgba, RgbaImage};

use super::*;
use crate::source::Source as _;

pub(super) fn write(folder: &Path, name: &str, picture: impl Into<DynamicImage>) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    picture.into().save(path).unwrap();
}

pub(super) fn plain(width: u32, height: u32, color: [u8; 3]) -> RgbImage {
    RgbImage::from_pixel(width, height, Rgb(color))
}

pub(super) fn open(folder: &Path) -> Result<StoredSource, SourceError> {
    open_folder(folder, &OpenParams { image_side: 32, ..OpenParams::default() })
}

#[test]
fn folders_are_splits_and_classes_at_any_depth() {
    let here = tempfile::tempdir().unwrap();
    write(here.path(), "train/cat/a.png", plain(40, 30, [255, 0, 0]));
    write(here.path(), "train/dog/deep/er/b.png", plain(7, 5, [0, 255, 0]));
    write(here.path(), "Val/cat/c.bmp", plain(32, 32, [0, 0, 255]));
    write(here.path(), "train/.hidden/d.png", plain(9, 9, [0, 0, 0]));
    std::fs::write(here.path().join("train/notes.txt"), "no image").unwrap();
    assert!(scan::is_folder(here.path()));
    let source = open(here.path()).unwrap();
    assert_eq!((source.len(), source.classes()), (3, &["cat".to_owned(), "dog".to_owned()][..]));
    let said: Vec<_> = (0..3).map(|i| (source.official_split(i).unwrap(), source.label(i).unwrap())).collect();
    assert_eq!(said, [(Split::Validation, 0), (Split::Train, 0), (Split::Train, 1)]);
    let values = source.sample(1).unwrap().values;
    assert_eq!(values, [vec![1.0; 1024], vec![0.0; 2048]].concat());
}

#[test]
fn a_folder_without_sub_folders_has_neither_classes_nor_splits() {
    let here = tempfile::tempdir().unwrap();
    assert!(!scan::is_folder(here.path()));
    write(here.path(), "b.png", GrayImage::from_pixel(33, 64, Luma([51])));
    let half = Rgba([0, 0, 0, 128]);
    write(here.path(), "a.png", RgbaImage::from_pixel(32, 32, half));
    let source = open(here.path()).unwrap();
    assert_eq!((source.classes().len(), source.official_split(0), source.label(0)), (0, None, None));
    // Half black on white; then gray, three times.
    assert!(source.sample(0).unwrap().values.iter().all(|value| (value - 127.0 / 255.0).abs() < 1e-6));
    assert!(source.sample(1).unwrap().values.iter().all(|value| (value - 0.2).abs() < 1e-6));
    let hash = source.inputs()[0].sha256.clone();
    write(here.path(), "b.png", GrayImage::from_pixel(33, 64, Luma([52])));
    assert_ne!(open(here.path()).unwrap().inputs()[0].sha256, hash);
}

#[test]
fn a_photograph_is_turned_as_its_exif_data_say() {
    let here = tempfile::tempdir().unwrap();
    let left_red = RgbImage::from_fn(64, 64, |x, _| Rgb(if x < 32 { [255, 0, 0] } else { [0, 0, 255] }));
    let path = here.path().join("a.jpg");
    left_red.save(&path).unwrap();
    // Orientation 6, to be turned clockwise: one entry (tag 0x112, a short) in a big-endian directory.
    let exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let bytes = std::fs::read(&path).unwrap();
    let length = (exif.len() as u16 + 2).to_be_bytes();
    std::fs::write(&path, [&bytes[..2], &[0xff, 0xe1][..], &length, exif, &bytes[2..]].concat()).unwrap();
    let values = open(here.path()).unwrap().sample(0).unwrap().values;
    let (top, bottom) = (values[..32 * 12].iter(), values[32 * 20..1024].iter());
    assert!(top.clone().all(|red| *red > 0.9) && bottom.clone().all(|red| *red < 0.1));
}

#[test]
fn sixteen_bits_become_eight() {
    let here = tempfile::tempdir().unwrap();
    let picture = image::ImageBuffer::from_pixel(32, 32, Luma([0x3333u16]));
    write(here.path(), "a.png", DynamicImage::ImageLuma16(picture));
    let values = open(here.path()).unwrap().sample(0).unwrap().values;
    assert!(values.iter().all(|value| (value - 0.2).abs() < 1e-6));
}

#[test]
fn the_middle_of_the_longer_side_is_kept() {
    let wide = RgbImage::from_fn(96, 32, |x, _| Rgb([if (32..64).contains(&x) { 200 } else { 0 }; 3]));
    assert!(decode::squared(&wide, 32).pixels().all(|pixel| pixel[0] == 200));
    let high = RgbImage::from_fn(64, 128, |_, y| Rgb([if (32..96).contains(&y) { 100 } else { 0 }; 3]));
    assert!(decode::squared(&high, 32).pixels().all(|pixel| pixel[0] == 100));
}

#[test]
fn what_is_no_image_is_left_out_with_its_reason() {
    let here = tempfile::tempdir().unwrap();
    write(here.path(), "a.png", plain(40, 40, [9, 9, 9]));
    write(here.path(), "c.png", plain(40, 40, [9, 9, 9]));
    let whole = std::fs::read(here.path().join("a.png")).unwrap();
    std::fs::write(here.path().join("cut.png"), &whole[..whole.len() / 2]).unwrap();
    std::fs::write(here.path().join("none.jpg"), "hello").unwrap();
    let source = open(here.path()).unwrap();
    assert_eq!((source.len(), source.skipped().len()), (2, 2));
    assert!(source.skipped()[0].path.ends_with("cut.png"), "{:?}", source.skipped());
    assert!(source.skipped().iter().all(|left| left.reason.starts_with("is no readable image")));
    std::fs::remove_file(here.path().join("c.png")).unwrap();
    assert!(open(here.path()).err().unwrap().to_string().contains("2 of 3 samples cannot be used"));
}

#[test]
fn the_side_is_that_asked_for_or_one_that_most_images_have() {
    let here = tempfile::tempdir().unwrap();
    for (name, side) in [("a.png", 40), ("b.png", 41), ("c.png", 200)] {
        write(here.path(), name, plain(side, side + 9, [1, 2, 3]));
    }
    let shape = |image_side| {
        let params = OpenParams { image_side, ..OpenParams::default() };
        open_folder(here.path(), &params).map(|source| source.shape().len())
    };
    assert_eq!(shape(0).unwrap(), 3 * 32 * 32);
    assert_eq!(shape(48).unwrap(), 3 * 48 * 48);
    assert!(shape(7).unwrap_err().to_string().contains("source.image_side = 7 is out of range: write 8 to 512"));
    write(here.path(), "d.png", plain(64, 90, [1, 2, 3]));
    write(here.path(), "e.png", plain(64, 90, [1, 2, 3]));
    assert_eq!(shape(0).unwrap(), 3 * 64 * 64);
}

/// Written by Pillow (tests/golden/cmyk.py): JPEG and TIFF store the inks of a printer, JPEG inverted as Adobe does.
#[test]
fn the_inks_of_a_printer_become_the_color_they_print() {
    let here = tempfile::tempdir().unwrap();
    std::fs::write(here.path().join("a.jpg"), include_bytes!("../../../tests/golden/cmyk.jpg")).unwrap();
    std::fs::write(here.path().join("b.tif"), include_bytes!("../../../tests/golden/cmyk.tif")).unwrap();
    let source = open(here.path()).unwrap();
    for index in 0..2 {
        let values = source.sample(index).unwrap().values;
        for (plane, expected) in values.chunks_exact(1024).zip([200.0, 40.0, 90.0]) {
            // A level or two are lost in the transform of JPEG.
            assert!(
                plane.iter().all(|v| (v * 255.0 - expected).abs() < 3.0),
                "{index}: {} {expected}",
                plane[0] * 255.0
            );
        }
    }
}
