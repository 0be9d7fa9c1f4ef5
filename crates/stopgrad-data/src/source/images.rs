//! A folder of images: any depth, any size, any color type; `train/`, `val/` and `test/` are splits, other sub-folders classes.

use std::path::{Component, Path, PathBuf};

use image::imageops::{self, FilterType};
use image::{DynamicImage, ImageDecoder, ImageReader, Rgb, RgbImage};
use rayon::prelude::*;

use super::file::sha256_hex;
use super::memory::{MemorySource, Parts, Store};
use super::{InputFile, Skipped, SourceError, Split};
use crate::Shape;

/// Rows and columns of a sample.
const SIDE: u32 = 32;
/// Endings of files that are taken for images; what they hold is told from their first bytes.
const ENDINGS: [&str; 8] = ["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff"];

/// Whether a folder holds an image at any depth.
pub(super) fn is_folder(folder: &Path) -> bool {
    let mut pending = vec![folder.to_path_buf()];
    while let Some(next) = pending.pop() {
        let Ok(entries) = entries(&next) else { continue };
        if entries.iter().any(|path| path.is_file() && is_image(path)) {
            return true;
        }
        pending.extend(entries.into_iter().filter(|path| is_searched(path)));
    }
    false
}

/// Every image of a folder, at 32 × 32: the shorter side scaled to 32, the middle of the longer one kept.
///
/// Transparent parts become white, gray becomes three equal channels, the EXIF rotation is applied, of an animation the first
/// picture is taken. What cannot be read is left out and listed.
pub(super) fn open_folder(folder: &Path) -> Result<MemorySource, SourceError> {
    let paths = all_images(folder)?;
    let places: Vec<Place> = paths.iter().map(|path| Place::of(path.strip_prefix(folder).unwrap_or(path))).collect();
    let read: Vec<Result<(Vec<u8>, String), String>> = paths.par_iter().map(|path| sample(path)).collect();
    let has_splits = places.iter().any(|place| place.split.is_some());
    let (mut bytes, mut labels, mut splits, mut skipped, mut hashes) = (vec![], vec![], vec![], vec![], vec![]);
    for ((path, place), read) in paths.iter().zip(places).zip(read) {
        match read {
            Ok((planes, hash)) => {
                bytes.extend_from_slice(&planes);
                labels.push(place.class);
                if has_splits {
                    splits.push(place.split.unwrap_or(Split::Train));
                }
                hashes.push(format!("{} {hash}", path.strip_prefix(folder).unwrap_or(path).display()));
            }
            Err(reason) => skipped.push(Skipped { path: path.display().to_string(), reason }),
        }
    }
    let name = folder.display().to_string();
    MemorySource::new(Parts {
        // Names and contents of all files, as one.
        inputs: vec![InputFile { path: name.clone(), sha256: sha256_hex(hashes.join("\n").as_bytes()) }],
        name,
        shape: Shape::Image { channels: 3, height: SIDE as usize, width: SIDE as usize },
        store: Store::Bytes { bytes, divisor: 255.0 },
        labels: if labels.iter().all(Option::is_none) { vec![] } else { labels },
        splits,
        skipped,
        attribution: None,
    })
}

/// What the folders of an image say of it.
#[derive(Debug, PartialEq)]
struct Place {
    split: Option<Split>,
    class: Option<String>,
}

impl Place {
    /// # Requires    a path relative to the source's folder
    fn of(path: &Path) -> Self {
        let mut folders = path.parent().into_iter().flat_map(Path::components).filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
            _ => None,
        });
        let first = folders.next();
        let split = first.as_deref().and_then(split_named);
        Self { split, class: if split.is_some() { folders.next() } else { first } }
    }
}

fn split_named(folder: &str) -> Option<Split> {
    match folder.to_ascii_lowercase().as_str() {
        "train" | "training" => Some(Split::Train),
        "val" | "valid" | "validation" => Some(Split::Validation),
        "test" => Some(Split::Test),
        _ => None,
    }
}

/// All images below a folder, in the order of their paths.
fn all_images(folder: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let (mut found, mut pending) = (vec![], vec![folder.to_path_buf()]);
    while let Some(next) = pending.pop() {
        let unreadable = |cause| SourceError::Unreadable { path: next.display().to_string(), cause };
        for path in entries(&next).map_err(unreadable)? {
            if is_searched(&path) {
                pending.push(path);
            } else if is_image(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// What lies in a folder, but hidden things.
fn entries(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = vec![];
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// A folder, not a link to one: links can run in circles.
fn is_searched(path: &Path) -> bool {
    path.is_dir() && !path.is_symlink()
}

fn is_image(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    ENDINGS.iter().any(|known| known.eq_ignore_ascii_case(ending))
}

/// Three planes, and the hash of the file; or why not.
fn sample(path: &Path) -> Result<(Vec<u8>, String), String> {
    let bytes = std::fs::read(path).map_err(|cause| format!("cannot be read: {cause}"))?;
    let picture = upright(&bytes).map_err(|cause| format!("is no readable image: {cause}"))?;
    let square = squared(&opaque(picture));
    let planes = (0..3).flat_map(|channel| square.pixels().map(move |pixel| pixel[channel])).collect();
    Ok((planes, sha256_hex(&bytes)))
}

/// Decoded and turned as its EXIF data say.
fn upright(bytes: &[u8]) -> image::ImageResult<DynamicImage> {
    let mut decoder = ImageReader::new(std::io::Cursor::new(bytes)).with_guessed_format()?.into_decoder()?;
    let orientation = decoder.orientation()?;
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// On white.
fn opaque(picture: DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.into_rgb8();
    }
    let picture = picture.into_rgba8();
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [red, green, blue, alpha] = picture.get_pixel(x, y).0.map(u32::from);
        Rgb([red, green, blue].map(|value| ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8))
    })
}

/// The middle square, scaled to 32 × 32.
fn squared(picture: &RgbImage) -> RgbImage {
    let side = picture.width().min(picture.height());
    let (x, y) = ((picture.width() - side) / 2, (picture.height() - side) / 2);
    let middle = imageops::crop_imm(picture, x, y, side, side).to_image();
    if side == SIDE { middle } else { imageops::resize(&middle, SIDE, SIDE, FilterType::Triangle) }
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, Luma, Rgba, RgbaImage};

    use super::*;
    use crate::Source;

    fn write(folder: &Path, name: &str, picture: impl Into<DynamicImage>) {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        picture.into().save(path).unwrap();
    }

    fn plain(width: u32, height: u32, color: [u8; 3]) -> RgbImage {
        RgbImage::from_pixel(width, height, Rgb(color))
    }

    #[test]
    fn folders_are_splits_and_classes_at_any_depth() {
        let here = tempfile::tempdir().unwrap();
        write(here.path(), "train/cat/a.png", plain(40, 30, [255, 0, 0]));
        write(here.path(), "train/dog/deep/er/b.png", plain(7, 5, [0, 255, 0]));
        write(here.path(), "Val/cat/c.bmp", plain(32, 32, [0, 0, 255]));
        write(here.path(), "train/.hidden/d.png", plain(9, 9, [0, 0, 0]));
        std::fs::write(here.path().join("train/notes.txt"), "no image").unwrap();
        assert!(is_folder(here.path()));
        let source = open_folder(here.path()).unwrap();
        assert_eq!((source.len(), source.classes()), (3, &["cat".to_owned(), "dog".to_owned()][..]));
        let said: Vec<_> = (0..3).map(|i| (source.official_split(i).unwrap(), source.label(i).unwrap())).collect();
        assert_eq!(said, [(Split::Validation, 0), (Split::Train, 0), (Split::Train, 1)]);
        let values = source.sample(1).unwrap().values;
        assert_eq!(values, [vec![1.0; 1024], vec![0.0; 2048]].concat());
    }

    #[test]
    fn a_folder_without_sub_folders_has_neither_classes_nor_splits() {
        let here = tempfile::tempdir().unwrap();
        assert!(!is_folder(here.path()));
        write(here.path(), "b.png", GrayImage::from_pixel(33, 64, Luma([51])));
        let half = Rgba([0, 0, 0, 128]);
        write(here.path(), "a.png", RgbaImage::from_pixel(32, 32, half));
        let source = open_folder(here.path()).unwrap();
        assert_eq!((source.classes().len(), source.official_split(0), source.label(0)), (0, None, None));
        // Half black on white; then gray, three times.
        assert!(source.sample(0).unwrap().values.iter().all(|value| (value - 127.0 / 255.0).abs() < 1e-6));
        assert!(source.sample(1).unwrap().values.iter().all(|value| (value - 0.2).abs() < 1e-6));
        let hash = source.inputs()[0].sha256.clone();
        write(here.path(), "b.png", GrayImage::from_pixel(33, 64, Luma([52])));
        assert_ne!(open_folder(here.path()).unwrap().inputs()[0].sha256, hash);
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
        let values = open_folder(here.path()).unwrap().sample(0).unwrap().values;
        let (top, bottom) = (values[..32 * 12].iter(), values[32 * 20..1024].iter());
        assert!(top.clone().all(|red| *red > 0.9) && bottom.clone().all(|red| *red < 0.1));
    }

    #[test]
    fn sixteen_bits_become_eight() {
        let here = tempfile::tempdir().unwrap();
        let picture = image::ImageBuffer::from_pixel(32, 32, Luma([0x3333u16]));
        write(here.path(), "a.png", DynamicImage::ImageLuma16(picture));
        let values = open_folder(here.path()).unwrap().sample(0).unwrap().values;
        assert!(values.iter().all(|value| (value - 0.2).abs() < 1e-6));
    }

    #[test]
    fn the_middle_of_the_longer_side_is_kept() {
        let wide = RgbImage::from_fn(96, 32, |x, _| Rgb([if (32..64).contains(&x) { 200 } else { 0 }; 3]));
        assert!(squared(&wide).pixels().all(|pixel| pixel[0] == 200));
        let high = RgbImage::from_fn(64, 128, |_, y| Rgb([if (32..96).contains(&y) { 100 } else { 0 }; 3]));
        assert!(squared(&high).pixels().all(|pixel| pixel[0] == 100));
    }

    #[test]
    fn what_is_no_image_is_left_out_with_its_reason() {
        let here = tempfile::tempdir().unwrap();
        write(here.path(), "a.png", plain(40, 40, [9, 9, 9]));
        write(here.path(), "c.png", plain(40, 40, [9, 9, 9]));
        let whole = std::fs::read(here.path().join("a.png")).unwrap();
        std::fs::write(here.path().join("cut.png"), &whole[..whole.len() / 2]).unwrap();
        std::fs::write(here.path().join("none.jpg"), "hello").unwrap();
        let source = open_folder(here.path()).unwrap();
        assert_eq!((source.len(), source.skipped().len()), (2, 2));
        assert!(source.skipped()[0].path.ends_with("cut.png"), "{:?}", source.skipped());
        assert!(source.skipped().iter().all(|left| left.reason.starts_with("is no readable image")));
        std::fs::remove_file(here.path().join("c.png")).unwrap();
        assert!(open_folder(here.path()).err().unwrap().to_string().contains("2 of 3 samples cannot be used"));
    }
}
