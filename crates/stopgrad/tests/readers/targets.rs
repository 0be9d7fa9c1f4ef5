//! What a reader must not do, whatever bytes it is given: one function a reader, for fuzzing and for ordinary tests.
//!
//! A body writes the bytes where the reader looks for them and reads. It panics where a promise is broken: the reader
//! panics, its message is empty or names no file, a number that was read is not finite, or a claim was believed and
//! memory asked for that no file of this size can justify. `fuzz/` calls the same bodies under libFuzzer.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use stopgrad::moments_file::MomentsFile;
use stopgrad::roots_file::RootsFile;
use stopgrad::state_file::StateFile;
use stopgrad_data::arrays::read_arrays;
use stopgrad_data::{SourceError, open_source};

use super::allocation::peak_of;

/// A reader under any bytes.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its corpus is the folder of this name.
    pub name: &'static str,
    /// The body.
    pub body: fn(&[u8]),
    /// Largest input that is worth trying, in bytes.
    pub longest: usize,
}

/// Every reader.
pub fn all() -> Vec<Target> {
    let mut targets = vec![
        Target { name: "idx", body: idx, longest: 4096 },
        Target { name: "cifar", body: cifar, longest: 8192 },
        Target { name: "npy", body: npy, longest: 4096 },
        Target { name: "npz", body: npz, longest: 8192 },
        Target { name: "safetensors", body: safetensors, longest: 4096 },
        Target { name: "torch", body: torch, longest: 8192 },
        Target { name: "csv", body: csv, longest: 4096 },
        Target { name: "images", body: images, longest: 16384 },
        Target { name: "moments_npz", body: moments_npz, longest: 8192 },
        Target { name: "moments_json", body: moments_json, longest: 4096 },
        Target { name: "roots", body: roots, longest: 8192 },
        Target { name: "state", body: state, longest: 8192 },
        Target { name: "fibre", body: fibre, longest: 4096 },
    ];
    #[cfg(feature = "train")]
    targets.extend(super::run_targets::all());
    targets
}

/// Room for paths, messages, thread-local buffers, and the fixed buffers of zip, gzip and CSV readers.
pub const ROOM: usize = 4 << 20;
/// Bytes that a byte of a plain file may become: a pixel becomes up to eight of a number, in a few copies.
pub const PLAIN: usize = 64;
/// The same of a compressed file: deflate reaches 1032 to 1.
pub const PACKED: usize = 1032 * 40;
/// Most that one picture may take, whatever it claims: the limit of the decoders (512 MiB) and the picture once more.
const PICTURE: usize = 1536 << 20;

fn idx(bytes: &[u8]) {
    source(&[("train-images-idx3-ubyte", bytes)], "train-images-idx3-ubyte", PACKED);
    let images = [&[0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 2][..], &[7; 16]].concat();
    source(&[("t-images-idx3-ubyte", &images), ("t-labels-idx1-ubyte", bytes)], "t-images-idx3-ubyte", PACKED);
}

fn cifar(bytes: &[u8]) {
    source(&[("data.bin", bytes)], "data.bin", PLAIN);
    let records = [&[3][..], &[9; 3072]].concat().repeat(2);
    source(&[("f/train.bin", &records), ("f/batches.meta.txt", bytes)], "f", PLAIN);
}

fn npy(bytes: &[u8]) {
    source(&[("x.npy", bytes)], "x.npy", PLAIN);
    let rows = stopgrad_data::npy::encode(&stopgrad_data::NpyArray::new(
        &[3, 2],
        stopgrad_data::NpyData::F32(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
    ));
    source(&[("l.npy", &rows), ("l_y.npy", bytes)], "l.npy", PLAIN);
}

fn npz(bytes: &[u8]) {
    source(&[("x.npz", bytes)], "x.npz", PACKED);
}

fn safetensors(bytes: &[u8]) {
    let read = |path: &Path| read_arrays(path).map(drop).map_err(|e| e.to_string());
    reads("z.safetensors", bytes, PLAIN, read);
}

fn torch(bytes: &[u8]) {
    let read = |path: &Path| read_arrays(path).map(drop).map_err(|e| e.to_string());
    reads("z.pt", bytes, PLAIN, read);
    // The pickle alone, behind an archive that is whole: what lies behind the checksums has to hold as well.
    reads("p.pt", &pickled(bytes), PLAIN, read);
}

/// A file as PyTorch lays it out, of this pickle and eight numbers.
fn pickled(program: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, content) in [("z/data.pkl", program), ("z/data/0", &[1; 32][..])] {
        archive.start_file(name, stored).expect("written into memory");
        archive.write_all(content).expect("written into memory");
    }
    archive.finish().expect("written into memory").into_inner()
}

fn csv(bytes: &[u8]) {
    source(&[("x.csv", bytes)], "x.csv", PACKED);
}

fn images(bytes: &[u8]) {
    static GOOD: OnceLock<Vec<u8>> = OnceLock::new();
    let good = GOOD.get_or_init(|| {
        let mut png = std::io::Cursor::new(Vec::new());
        image::RgbImage::from_fn(9, 7, |x, y| image::Rgb([x as u8 * 20, y as u8 * 30, 99]))
            .write_to(&mut png, image::ImageFormat::Png)
            .expect("a picture is written into memory");
        png.into_inner()
    });
    source(&[("pictures/a.png", good), ("pictures/b/b.jpg", bytes)], "pictures", PICTURE);
    source(&[("alone/b.png", bytes)], "alone", PICTURE);
}

fn moments_npz(bytes: &[u8]) {
    reads("m.npz", bytes, PACKED, |path| MomentsFile::read(path).map(drop).map_err(|e| e.to_string()));
}

fn moments_json(bytes: &[u8]) {
    reads("m.json", bytes, PLAIN * 16, |path| MomentsFile::read(path).map(drop).map_err(|e| e.to_string()));
}

fn roots(bytes: &[u8]) {
    reads("r.json", bytes, PLAIN * 16, |path| RootsFile::read(path).map(drop).map_err(|e| e.to_string()));
}

fn state(bytes: &[u8]) {
    reads("s.npz", bytes, PACKED, |path| StateFile::read(path, 3, None).map(drop).map_err(|e| e.to_string()));
}

fn fibre(bytes: &[u8]) {
    reads("f.fibre", bytes, PLAIN * 16, |path| stopgrad::fibre_file::read(path).map(drop).map_err(|e| e.to_string()));
}

/// Opens a source made of files, and looks at all that it says.
fn source(files: &[(&str, &[u8])], opened: &str, factor: usize) {
    let paths: Vec<PathBuf> = files.iter().map(|(name, bytes)| put(name, bytes)).collect();
    let path = place().join(opened);
    let path = path.to_str().expect("a temporary path of text");
    let size: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    bounded(size, factor, || match open_source(path, "") {
        Ok(source) => {
            assert!(!source.is_empty(), "an empty source was opened");
            for index in [0, source.len() - 1] {
                match source.sample(index) {
                    Ok(sample) => {
                        assert_eq!(sample.values.len(), source.shape().len());
                        assert!(sample.values.iter().all(|value| value.is_finite()), "sample {index} is not finite");
                    }
                    Err(error) => telling(&error.to_string(), path),
                }
                if let Some(label) = source.label(index) {
                    assert!((label as usize) < source.classes().len(), "label {label} has no class");
                }
            }
            let (low, high) = source.range();
            assert!(low.is_finite() && low <= high, "range {low} to {high}");
            for skipped in source.skipped() {
                assert!(!skipped.path.is_empty() && !skipped.reason.is_empty());
            }
            assert!(source.sample(source.len()).is_err());
        }
        Err(SourceError::NotFound { path }) => panic!("{path} is there"),
        Err(error) => telling(&error.to_string(), place().to_str().expect("text")),
    });
    for path in paths {
        let _ = std::fs::remove_file(path);
    }
}

/// Reads one file.
pub fn reads(name: &str, bytes: &[u8], factor: usize, read: impl Fn(&Path) -> Result<(), String>) {
    let path = put(name, bytes);
    bounded(bytes.len(), factor, || {
        if let Err(message) = read(&path) {
            telling(&message, path.parent().and_then(Path::to_str).expect("a temporary path of text"));
        }
    });
}

fn bounded(size: usize, factor: usize, work: impl FnOnce()) {
    let peak = peak_of(work);
    // A factor above a gibibyte is a limit of its own.
    let justified = if factor > 1 << 29 { factor } else { ROOM + factor * size };
    assert!(peak <= justified, "{peak} bytes were asked for, and {size} bytes of files justify {justified}");
}

/// A message has to say which file.
pub fn telling(message: &str, path: &str) {
    assert!(message.contains(path), "the message names no file of {path}: {message}");
}

/// Puts bytes at a name in this process's folder.
pub fn put(name: &str, bytes: &[u8]) -> PathBuf {
    let path = place().join(name);
    if std::fs::write(&path, bytes).is_err() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder is made");
        std::fs::write(&path, bytes).expect("a file is written");
    }
    path
}

/// This process's folder, in memory where the system offers that.
pub fn place() -> &'static Path {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    PLACE.get_or_init(|| {
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let path = parent.join(format!("stopgrad-readers-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary folder");
        path
    })
}
