//! Small files of every kind that is read, made here: what mutations and libFuzzer start from.

use std::io::{Cursor, Write as _};
use std::path::Path;

use image::{DynamicImage, GrayImage, ImageFormat, Luma, LumaA, Rgb, RgbImage, Rgba};
use stopgrad_data::{NpyArray, NpyData, npy, npz};
use stopgrad_dynamics::polynomial::fibre::shipped;

/// Target, name, bytes.
type Seed = (&'static str, String, Vec<u8>);

/// Writes all seeds below a folder.
pub(crate) fn write(corpus: &Path) {
    for (target, name, bytes) in all() {
        let folder = corpus.join(target);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(name), bytes).unwrap();
    }
}

/// All seeds.
pub(crate) fn all() -> Vec<Seed> {
    let mut seeds = [idx(), cifar(), arrays(), archives(), tensors(), torch(), tables(), pictures(), linear()].concat();
    #[cfg(feature = "train")]
    seeds.extend(runs());
    seeds
}

fn seed(target: &'static str, name: &str, bytes: Vec<u8>) -> Seed {
    (target, name.into(), bytes)
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn ramp(count: usize) -> Vec<u8> {
    (0..count).map(|i| (i * 37 % 251) as u8).collect()
}

fn idx() -> Vec<Seed> {
    let file = |kind: u8, sizes: &[u32]| {
        let sizes_in_bytes: Vec<u8> = sizes.iter().flat_map(|size| size.to_be_bytes()).collect();
        [&[0, 0, 8, kind][..], &sizes_in_bytes, &ramp(sizes.iter().product::<u32>() as usize)].concat()
    };
    let images = file(3, &[4, 3, 5]);
    let labels = [&file(1, &[4])[..8], &[3, 0, 1, 3]].concat();
    vec![
        seed("idx", "images.gz", gzipped(&images)),
        seed("idx", "images", images),
        seed("idx", "labels.gz", gzipped(&labels)),
        seed("idx", "labels", labels),
    ]
}

fn tensors() -> Vec<Seed> {
    let file = |header: &str, data: &[u8]| [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat();
    let two = r#"{"__metadata__":{"by":"hand"},"x":{"dtype":"F32","shape":[3,2],"data_offsets":[0,24]},"y":{"dtype":"BF16","shape":[3,2],"data_offsets":[24,36]}}"#;
    let labels = r#"{"labels":{"dtype":"I64","shape":[2],"data_offsets":[0,16]}}"#;
    vec![
        seed("safetensors", "two.safetensors", file(two, &ramp(36))),
        seed("safetensors", "labels.safetensors", file(labels, &ramp(16))),
    ]
}

/// Files that PyTorch saved (crates/stopgrad-data/tests/golden/torch_file.py), and a pickle by hand.
fn torch() -> Vec<Seed> {
    let program = b"\x80\x02}q\x00X\x06\x00\x00\x00weightctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x08tQK\x00K\x02K\x04\x86K\x04K\x01\x86\x89}tRs.";
    vec![
        seed("torch", "state.pt", include_bytes!("../../../stopgrad-data/tests/golden/state.pt").to_vec()),
        seed("torch", "nested.pt", include_bytes!("../../../stopgrad-data/tests/golden/nested.pt").to_vec()),
        seed("torch", "program.pkl", program.to_vec()),
    ]
}

fn cifar() -> Vec<Seed> {
    let record = |label: u8| [&[label][..], &ramp(3072)].concat();
    vec![
        seed("cifar", "one.bin", record(7)),
        seed("cifar", "two-and-a-part.bin", [record(0), record(9), record(10)[..100].to_vec()].concat()),
        seed("cifar", "batches.meta.txt", b"a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n".to_vec()),
    ]
}

fn arrays() -> Vec<Seed> {
    let numbers = |n: usize| (0..n).map(|i| i as f64 / 4.0).collect::<Vec<_>>();
    let images = NpyArray::new(&[3, 4, 4], NpyData::U8(ramp(48)));
    let color = NpyArray::new(&[2, 3, 2, 2], NpyData::F32(numbers(24).iter().map(|v| *v as f32 / 8.0).collect()));
    let labels = NpyArray::new(&[3], NpyData::I64(vec![2, 0, 2]));
    let mut fortran = npy::encode(&NpyArray::new(&[3, 2], NpyData::F64(numbers(6))));
    let at = fortran.windows(5).position(|window| window == b"False").unwrap();
    fortran.splice(at..at + 5, *b"True ");
    vec![
        seed("npy", "rows-f64.npy", npy::encode(&NpyArray::new(&[3, 2], NpyData::F64(numbers(6))))),
        seed("npy", "fortran.npy", fortran),
        seed("npy", "images-u8.npy", npy::encode(&images)),
        seed("npy", "color-f32.npy", npy::encode(&color)),
        seed("npy", "labels-i64.npy", npy::encode(&labels)),
    ]
}

fn packed(arrays: &[(&str, &NpyArray)]) -> Vec<u8> {
    let here = tempfile::tempdir().unwrap();
    let path = here.path().join("x.npz");
    npz::write(&path, arrays).unwrap();
    std::fs::read(path).unwrap()
}

fn deflated(arrays: &[(&str, &NpyArray)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, array) in arrays {
        let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        archive.start_file(format!("{name}.npy"), options).unwrap();
        archive.write_all(&npy::encode(array)).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn archives() -> Vec<Seed> {
    let x = NpyArray::new(&[3, 2], NpyData::F64(vec![0.5, 1.0, 1.5, 2.0, 2.5, 3.0]));
    let images = NpyArray::new(&[3, 2, 2, 3], NpyData::U8(ramp(36)));
    let y = NpyArray::new(&[3], NpyData::U8(vec![1, 0, 1]));
    vec![
        seed("npz", "rows.npz", packed(&[("x", &x), ("y", &y)])),
        seed("npz", "images.npz", deflated(&[("images", &images), ("labels", &y)])),
        seed("npz", "data.npz", deflated(&[("data", &x)])),
    ]
}

fn tables() -> Vec<Seed> {
    let plain = "a,b,label\n1,2.5,x\n-3e2,0,y\n,1,x\n4,nan,x\n5,6,x\n7,8,\n";
    let quoted = "\u{feff}\"a, b\";c\r\n1;2\r\n";
    vec![
        seed("csv", "plain.csv", plain.into()),
        seed("csv", "plain.csv.gz", gzipped(plain.as_bytes())),
        seed("csv", "quoted.csv", "\"a, b\",\"say \"\"c\"\"\"\r\n1,2\r\n3,4\r\n".into()),
        seed("csv", "semicolons.csv", quoted.into()),
        seed("csv", "numbers.csv", "1,2\n3,4\n".into()),
    ]
}

fn pictures() -> Vec<Seed> {
    let encode = |picture: &DynamicImage, format| {
        let mut out = Cursor::new(Vec::new());
        picture.write_to(&mut out, format).unwrap();
        out.into_inner()
    };
    let color = RgbImage::from_fn(13, 9, |x, y| Rgb([x as u8 * 19, y as u8 * 28, (x * y) as u8]));
    let color = DynamicImage::from(color);
    let gray = DynamicImage::from(GrayImage::from_fn(8, 8, |x, y| Luma([(x * 30 + y) as u8])));
    let clear = DynamicImage::from(image::RgbaImage::from_fn(7, 5, |x, _| Rgba([9, 99, 199, x as u8 * 36])));
    let two = DynamicImage::from(image::GrayAlphaImage::from_pixel(3, 3, LumaA([90, 200])));
    let deep = image::ImageBuffer::from_fn(6, 4, |x, y| Rgb([x as u16 * 9000, y as u16 * 9000, 7]));
    vec![
        seed("images", "color.png", encode(&color, ImageFormat::Png)),
        seed("images", "color.jpg", encode(&color, ImageFormat::Jpeg)),
        seed("images", "color.bmp", encode(&color, ImageFormat::Bmp)),
        seed("images", "color.gif", encode(&color, ImageFormat::Gif)),
        seed("images", "color.tiff", encode(&color, ImageFormat::Tiff)),
        seed("images", "color.webp", encode(&color, ImageFormat::WebP)),
        seed("images", "gray.png", encode(&gray, ImageFormat::Png)),
        seed("images", "gray.jpg", encode(&gray, ImageFormat::Jpeg)),
        seed("images", "gray.tiff", encode(&gray, ImageFormat::Tiff)),
        seed("images", "clear.png", encode(&clear, ImageFormat::Png)),
        seed("images", "clear.webp", encode(&clear, ImageFormat::WebP)),
        seed("images", "gray-clear.png", encode(&two, ImageFormat::Png)),
        seed("images", "deep.png", encode(&DynamicImage::ImageRgb16(deep.clone()), ImageFormat::Png)),
        seed("images", "deep.tiff", encode(&DynamicImage::ImageRgb16(deep), ImageFormat::Tiff)),
        seed("images", "turned.jpg", turned(&encode(&color, ImageFormat::Jpeg))),
    ]
}

/// With EXIF data that say "rotate by 90 degrees", in front of the rest.
fn turned(jpeg: &[u8]) -> Vec<u8> {
    let tiff: &[u8] = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let body = [b"Exif\0\0", tiff].concat();
    let length = (body.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &body, &jpeg[2..]].concat()
}

fn linear() -> Vec<Seed> {
    let square = |values: [f64; 9]| NpyArray::new(&[3, 3], NpyData::F64(values.to_vec()));
    let xx = square([2.0, 0.1, 0.0, 0.1, 1.0, 0.2, 0.0, 0.2, 0.5]);
    let yx = square([1.5, 0.1, 0.0, 0.1, 0.5, 0.1, 0.0, 0.1, 0.2]);
    let number = |value: f64| NpyArray::new(&[], NpyData::F64(vec![value]));
    let mean = NpyArray::new(&[3], NpyData::F64(vec![0.1, 0.2, 0.3]));
    let (count, half) = (number(40.0), number(20.0));
    let one = number(1.0);
    let halves = [
        ("xx", &xx),
        ("yx", &yx),
        ("count", &count),
        ("mean_x", &mean),
        ("centered", &one),
        ("symmetrized", &one),
        ("half_xx", &xx),
        ("half_yx", &yx),
        ("half_count", &half),
        ("feature_kind", &one),
        ("feature_phase", &mean),
    ];
    let json = r#"{"xx": [[2.0, 0.1], [0.1, 1.0]], "yx": [[1.5, 0.1], [0.1, 0.5]], "yy": [[2.0, 0.1], [0.1, 1.0]],
"count": 40, "mean_x": [0.1, 0.2], "centered": 0, "symmetrized": 1, "basis": [[1, 0, 0], [0, 1, 0]]}"#;
    let b = NpyArray::new(&[2, 2], NpyData::F64(vec![1.0, 0.0, 0.0, 1.0]));
    let a = NpyArray::new(&[2, 3], NpyData::F64(vec![1.0, 0.0, 0.5, 0.0, 1.0, 0.25]));
    vec![
        seed("moments_npz", "plain.npz", packed(&[("xx", &xx), ("yx", &yx), ("yy", &xx)])),
        seed("moments_npz", "halves.npz", deflated(&halves)),
        seed("moments_json", "all.json", json.into()),
        seed("moments_json", "least.json", r#"{"xx": [[2.0]], "yx": [[1.5]]}"#.into()),
        seed("roots", "least.json", LEAST_ROOTS.into()),
        seed("roots", "one.json", ROOTS.into()),
        seed("fibre", "one.fibre", shipped(1, 1).expect("there is one").to_vec()),
        seed("fibre", "two.fibre", shipped(2, 2).expect("there is one").to_vec()),
        seed("state", "ab.npz", packed(&[("a", &a), ("b", &b)])),
        seed("state", "abc.npz", deflated(&[("a", &a), ("b", &b), ("c", &a)])),
    ]
}

#[cfg(feature = "train")]
fn runs() -> Vec<Seed> {
    let run = super::run_targets::good();
    let read = |name: &str| std::fs::read(run.join(name)).unwrap();
    let asked = "[source]\npath = \"digits\"\n\n[views]\nrecipe = [{ kind = \"noise\", sigma = 0.2 }]\n\n[network]\n\
                 encoder_hidden = [8]\n\n[field]\nkind = \"ema\"\n\n[optimizer]\nbetas = [0.9, 0.99]\n";
    let summary = serde_json::json!({
        "name": "digits", "count": 1797, "shape": [8, 8], "classes": 10, "splits": [["train", 1437]],
        "attribution": "", "skipped": 0, "skipped_first": [["a.csv:3", "a cell is empty"]],
    });
    let manifest = serde_json::json!({
        "command": "train", "command_line": "stopgrad train digits", "version": "0", "seed": 0, "options": {"set": []},
        "inputs": [{"path": "digits", "sha256": "00"}], "source": summary, "environment": [["Processor cores", "2"]],
        "title": "sg on digits", "runs": [{"name": "sg", "seed": 0, "folder": "."}],
    });
    let preprocessing =
        r#"{"shape":{"Image":{"channels":1,"height":8,"width":8}},"normalizer":{"mean":[0.3],"std":[0.4]}}"#;
    let projected = r#"{"shape":{"Row":{"columns":2}},"normalizer":{"mean":[0,0],"std":[1,1]},"projection":{"center":[0,0],"rows":[1,0]}}"#;
    vec![
        seed("toml", "asked.toml", asked.into()),
        seed("toml", "resolved.toml", read("config.toml")),
        seed("checkpoint", "model.safetensors", read("checkpoint/model.safetensors")),
        seed("checkpoint", "state.safetensors", read("checkpoint/state.safetensors")),
        seed("preprocessing", "image.json", preprocessing.into()),
        seed("preprocessing", "projected.json", projected.into()),
        seed("metrics", "metrics.csv", read("metrics.csv")),
        seed("metrics", "cut.csv", {
            let all = read("metrics.csv");
            all[..all.len() - 40].to_vec()
        }),
        seed("spectra", "spectra.npz", read("spectra.npz")),
        seed("gallery", "gallery.npz", read("gallery.npz")),
        seed("gallery", "deflated.npz", {
            let arrays = stopgrad_data::npz::read(run.join("gallery.npz")).expect("a gallery");
            deflated(&arrays.iter().map(|(name, array)| (name.as_str(), array)).collect::<Vec<_>>())
        }),
        seed(
            "spectra",
            "deflated.npz",
            deflated(&[
                ("student_encoder", &NpyArray::new(&[1, 2], NpyData::F64(vec![2.0, 1.0]))),
                ("student_encoder_steps", &NpyArray::new(&[1], NpyData::I64(vec![0]))),
            ]),
        ),
        seed("record", "run.json", read("run.json")),
        seed("record", "verdict.json", read("verdict.json")),
        seed("manifest", "command.json", manifest.to_string().into_bytes()),
        seed("manifest", "pretty.json", format!("{manifest:#}").into_bytes()),
    ]
}

/// One coordinate, ρ = 1, τ = 0.8, λ = 0.07: r = 0.7 and r = 0.1.
const ROOTS: &str = r#"{"moments": {"xx": [[1.0]], "yx": [[0.8]], "weight_decay": 0.07},
"strata": [{"rank": 1, "solutions": 2, "expected": 2, "complete": true}],
"roots": [{"rank": 1, "rows": [0], "center": [[0.49, 0.0]], "certified": true, "reality": "real", "boxes": [[0.4, 0.5, -1e-9, 1e-9]]},
{"rank": 1, "rows": [0], "center": [[0.01, 0.0]], "certified": true, "reality": "real", "boxes": []}]}"#;

/// No solution at all.
const LEAST_ROOTS: &str =
    r#"{"moments": {"xx": [[2.0]], "yx": [[0.1]], "weight_decay": 0.5}, "strata": [], "roots": []}"#;
