//! Conformance: every source keeps the promises of the trait.

use std::path::PathBuf;

use super::*;
use crate::Shape;

/// One small file or folder of each kind, made here.
fn examples(folder: &Path) -> Vec<String> {
    use crate::npy::{self, NpyArray, NpyData};
    let at = |name: &str| folder.join(name);
    let mut idx = vec![0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2];
    idx.extend([0, 64, 128, 255]);
    std::fs::write(at("a-idx3-ubyte"), idx).unwrap();
    std::fs::write(at("a.bin"), vec![1; 2 * 3073]).unwrap();
    std::fs::write(at("a.csv"), "p,q,label\n1,2,x\n3,4,y\n5,NaN,x\n").unwrap();
    let array = NpyArray::new(&[3, 2, 2], NpyData::F64((0..12).map(|v| f64::from(v) / 16.0).collect()));
    npy::write(at("a.npy"), &array).unwrap();
    crate::npz::write(at("a.npz"), &[("x", &array)]).unwrap();
    std::fs::create_dir(at("pictures")).unwrap();
    for (name, shade) in [("a.png", 10), ("b.jpg", 200)] {
        image::RgbImage::from_pixel(40, 50, image::Rgb([shade, 0, shade])).save(at("pictures").join(name)).unwrap();
    }
    let files =
        ["a-idx3-ubyte", "a.bin", "a.csv", "a.npy", "a.npz", "pictures"].map(|name| at(name).display().to_string());
    std::iter::once("digits".to_owned()).chain(files).collect()
}

fn conform(name: &str) {
    let source = open_source(name, "").unwrap_or_else(|error| panic!("{error}"));
    let again = open_source(name, "").unwrap();
    assert_eq!(source.name(), name);
    assert!(!source.is_empty());
    let (low, high) = source.range();
    let (mut seen_low, mut seen_high) = (f32::INFINITY, f32::NEG_INFINITY);
    for index in 0..source.len() {
        let values = source.sample(index).unwrap().values;
        assert_eq!(values, again.sample(index).unwrap().values);
        assert_eq!(values.len(), source.shape().len());
        assert!(values.iter().all(|value| value.is_finite()));
        seen_low = values.iter().copied().fold(seen_low, f32::min);
        seen_high = values.iter().copied().fold(seen_high, f32::max);
        assert!(source.label(index).is_none_or(|label| (label as usize) < source.classes().len()));
    }
    assert_eq!((low.to_bits(), high.to_bits()), (seen_low.to_bits(), seen_high.to_bits()));
    if matches!(source.shape(), Shape::Image { .. }) {
        assert!(0.0 <= low && high <= 1.0);
    }
    let beyond = source.sample(source.len());
    assert!(matches!(beyond, Err(SourceError::Index { .. })));
    assert!(!source.inputs().is_empty());
    assert!(source.inputs().iter().all(|input| input.sha256.len() == 64));
}

#[test]
fn every_kind_of_source_conforms() {
    let folder = tempfile::tempdir().unwrap();
    for name in examples(folder.path()) {
        conform(&name);
    }
}

#[test]
fn what_cannot_be_opened_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = |path: &Path| open_source(path.to_str().unwrap(), "").err().unwrap().to_string();
    assert!(refusal(&folder.path().join("absent")).contains("neither `digits` nor an existing file"));
    assert!(refusal(folder.path()).contains("holds neither images"));
    let photo = folder.path().join("photo.jpg");
    std::fs::write(&photo, "x").unwrap();
    assert!(refusal(&photo).contains("is of no known kind"));
}

/// The project's real data, where this machine has it.
fn real_data() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("STOPGRAD_DATA")?);
    assert!(folder.is_dir(), "STOPGRAD_DATA = {} is no folder", folder.display());
    Some(folder)
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn real_data_is_what_its_readme_says() {
    let Some(folder) = real_data() else {
        eprintln!("skipped: no real data; set STOPGRAD_DATA");
        return;
    };
    let open = |name: &str| open_source(folder.join(name).to_str().unwrap(), "").unwrap_or_else(|e| panic!("{e}"));
    let count = |source: &dyn Source, split| {
        (0..source.len()).filter(|&index| source.official_split(index) == Some(split)).count()
    };

    let mnist = open("mnist");
    assert_eq!((mnist.len(), mnist.classes().len(), mnist.range()), (70_000, 10, (0.0, 1.0)));
    assert_eq!(count(&*mnist, Split::Test), 10_000);
    let train: Vec<usize> = (0..60_000).collect();
    let normalizer = crate::Normalizer::fit(&*mnist, &train).unwrap();
    // Both figures from the data's README, to its number of digits.
    assert!((normalizer.mean[0] - 0.130_660_5).abs() < 1e-6);
    assert!((normalizer.std[0] - 0.308_107_8).abs() < 1e-6);

    let cifar = open("cifar10-subset");
    assert_eq!((cifar.len(), cifar.classes()[3].as_str()), (12_000, "cat"));
    assert_eq!(count(&*cifar, Split::Test), 2000);

    // Folders of images get an index: of a copy, not of what others read.
    let copies = tempfile::tempdir().unwrap();
    let open_copy = |name: &str| {
        let copy = copies.path().join(name);
        copy_folder(&folder.join(name), &copy);
        open_source(copy.to_str().unwrap(), "").unwrap_or_else(|e| panic!("{e}"))
    };
    let tiles = open_copy("photo-tiles");
    assert_eq!((tiles.len(), tiles.classes().len(), tiles.skipped().len()), (700, 14, 0));
    assert_eq!((count(&*tiles, Split::Train), count(&*tiles, Split::Validation)), (560, 140));
    let pngs = open_copy("cifar10-png");
    assert_eq!((pngs.len(), pngs.classes().len(), count(&*pngs, Split::Validation)), (1000, 10, 200));
    let photos = open_copy("photos");
    assert_eq!((photos.len(), photos.classes().len(), photos.official_split(0)), (23, 0, None));
    let edge = open_copy("image-edge-cases");
    assert_eq!((edge.len(), edge.skipped().len()), (6, 2));

    let (table, digits) = (open("digits/digits.csv.gz"), open("digits/digits_x.npy"));
    let embedded = open_source("digits", "").unwrap();
    for index in 0..1797 {
        assert_eq!(table.label(index), embedded.label(index));
        assert_eq!(digits.label(index), embedded.label(index));
    }
    assert_eq!(table.shape(), &Shape::Row { columns: 64 });
    let view = open("multiview/mfeat_fac.npy");
    assert_eq!((view.len(), view.shape(), view.classes().len()), (2000, &Shape::Row { columns: 216 }, 10));
}
