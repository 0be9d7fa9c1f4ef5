//! A damaged file never makes a reader allocate more than the file could justify.
//!
//! Counted by the allocator itself. What a file can justify: a reader may hold the bytes, what they unpack to (deflate
//! reaches 1032 to 1), and a few wider copies of it (one byte of a pixel becomes up to eight of a number).

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]
#![allow(unsafe_code, reason = "an allocator that counts can only be written with it; a test, and nothing else here")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::test_runner::{Config, TestRunner};
use stopgrad_data::{NpyArray, NpyData, npy, npz, open_source};

struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is handed to the system's allocator unchanged; counting touches no memory of the caller.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(now, Ordering::Relaxed);
        // SAFETY: the caller's promises are the system allocator's.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Room for paths, messages, and the fixed buffers of zip, gzip and CSV readers.
const ROOM: usize = 1 << 20;
/// Copies of the plain bytes, widened.
const WIDER: usize = 64;
/// Unpacked bytes a packed byte can stand for, in copies.
const UNPACKED: usize = 1032 * 40;

fn files(folder: &Path) -> Vec<(&'static str, Vec<u8>, usize)> {
    let pixels: Vec<u8> = (0..=255).cycle().take(40 * 64).collect();
    let array = NpyArray::new(&[40, 8, 8], NpyData::U8(pixels.clone()));
    npz::write(folder.join("good.npz"), &[("x", &array)]).unwrap();
    let mut idx = vec![0, 0, 8, 3];
    for size in [40_u32, 8, 8] {
        idx.extend(size.to_be_bytes());
    }
    idx.extend(&pixels);
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all(&idx).unwrap();
    let csv = (0..60).fold("a,b,label\n".to_owned(), |text, i| text + &format!("{i},{},x\n", i * i));
    vec![
        ("x.npy", npy::encode(&array), WIDER),
        ("x.npz", std::fs::read(folder.join("good.npz")).unwrap(), UNPACKED),
        ("train-images-idx3-ubyte", idx, WIDER),
        ("train-images-idx3-ubyte.gz", gz.finish().unwrap(), UNPACKED),
        ("data_batch_1.bin", [3_u8].iter().chain(&[7; 3072]).copied().collect::<Vec<_>>().repeat(3), WIDER),
        ("x.csv", csv.into_bytes(), WIDER),
    ]
}

/// Alone in its program: another test's memory would be counted here.
#[test]
fn damage_never_allocates_more_than_the_file_justifies() {
    let good = tempfile::tempdir().unwrap();
    for (name, bytes, factor) in files(good.path()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let mut runner = TestRunner::new(Config { cases: 300, failure_persistence: None, ..Config::default() });
        // Headers are short and stand first: half of the flips go there.
        let place = proptest::prop_oneof![0.0..0.02_f64, 0.0..1.0_f64];
        let flips = proptest::collection::vec((place, proptest::num::u8::ANY), 1..6);
        runner
            .run(&(flips, 0.3..1.7_f64), |(flips, keep)| {
                let mut damaged = bytes.clone();
                for (place, value) in flips {
                    let place = (place * damaged.len() as f64) as usize;
                    damaged[place] = value;
                }
                damaged.truncate((keep * damaged.len() as f64) as usize);
                std::fs::write(&path, &damaged).unwrap();
                let before = NOW.load(Ordering::Relaxed);
                PEAK.store(before, Ordering::Relaxed);
                drop(open_source(path.to_str().unwrap(), ""));
                let peak = PEAK.load(Ordering::Relaxed) - before;
                let justified = ROOM + factor * damaged.len();
                proptest::prop_assert!(peak <= justified, "{name}: {peak} bytes for a file of {}", damaged.len());
                Ok(())
            })
            .unwrap();
    }
}
