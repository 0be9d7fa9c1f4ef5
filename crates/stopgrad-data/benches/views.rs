//! Microseconds a view, or an image decoded, on one thread; `benches/data_peer.py` runs it beside torchvision.
//!
//! `views augment PATH SIDE PRESET SECONDS`: views of the images of a folder at SIDE × SIDE, held decoded, with normalization.
//! `views decode PATH SIDE SECONDS`: files of a folder read, decoded and scaled to SIDE × SIDE.
//! Prints the median over repetitions of about a tenth of a second.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program for the terminal that may panic")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use stopgrad_data::source::decode_image;
use stopgrad_data::{Normalizer, Shape, ViewRecipe};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let texts: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match texts[..] {
        ["augment", path, side, preset, seconds] => {
            augment(path, side.parse().unwrap(), preset, seconds.parse().unwrap());
        }
        ["decode", path, side, seconds] => decode(path, side.parse().unwrap(), seconds.parse().unwrap()),
        // As `cargo bench` and `cargo test --benches` call it.
        _ => println!("usage: views augment PATH SIDE PRESET SECONDS | views decode PATH SIDE SECONDS"),
    }
}

/// All files below a folder but hidden ones, in order, at most 512.
fn files(path: &str) -> Vec<PathBuf> {
    let (mut found, mut pending) = (vec![], vec![PathBuf::from(path)]);
    while let Some(next) = pending.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) {
                continue;
            }
            if path.is_dir() { &mut pending } else { &mut found }.push(path);
        }
    }
    found.sort();
    let step = found.len().div_ceil(512);
    found.into_iter().step_by(step).collect()
}

/// As a folder of images is read.
fn picture(path: &Path, side: u32) -> Vec<u8> {
    decode_image(path, side).unwrap_or_else(|reason| panic!("{}: {reason}", path.display()))
}

fn decode(path: &str, side: u32, seconds: f64) {
    let files = files(path);
    time(seconds, files.len(), |at| f32::from(picture(&files[at], side)[7]));
}

fn augment(path: &str, side: u32, preset: &str, seconds: f64) {
    let samples: Vec<Vec<u8>> = files(path).iter().map(|file| picture(file, side)).collect();
    let shape = Shape::Image { channels: 3, height: side as usize, width: side as usize };
    let normalizer = Normalizer { mean: vec![0.49, 0.48, 0.45], std: vec![0.25, 0.24, 0.26] };
    let recipe = ViewRecipe::preset(preset).unwrap();
    recipe.check(&shape).unwrap();
    let mut draw = 0;
    // A pair is two views: time of a pair, halved below by counting two.
    time(seconds, 2 * samples.len(), |at| {
        if at % 2 == 1 {
            return 0.0;
        }
        draw += 1;
        let sample: Vec<f32> = samples[at / 2].iter().map(|&byte| f32::from(byte) / 255.0).collect();
        let pair = recipe.pair(&sample, &shape, &normalizer, 0, "views", draw);
        pair.x[5] + pair.y[5]
    });
}

/// Median microseconds of one of `count` pieces of work.
fn time(seconds: f64, count: usize, mut work: impl FnMut(usize) -> f32) {
    let (clock, mut found, mut at, mut sum) = (Instant::now(), vec![], 0, 0.0);
    while clock.elapsed().as_secs_f64() < seconds || found.is_empty() {
        let (repetition, mut done) = (Instant::now(), 0);
        while repetition.elapsed().as_secs_f64() < 0.1 {
            for _ in 0..32 {
                sum += work(at);
                at = (at + 1) % count;
            }
            done += 32;
        }
        found.push(repetition.elapsed().as_secs_f64() / f64::from(done) * 1e6);
    }
    assert!(sum.is_finite());
    found.sort_by(f64::total_cmp);
    println!("{:.3}", found[found.len() / 2]);
}
