//! One pass over the samples: views are prepared on all threads, then added up on all threads, in turn, so that the
//! rate of the sums can be measured and nothing waits for memory that the other uses.

use std::time::Instant;

use stopgrad_data::{DrawnViews, Draws, Skipped};
use stopgrad_dynamics::features::FeatureMap;
use stopgrad_dynamics::linalg::plain_product;
use stopgrad_dynamics::moments::{MomentSums, MomentsAccumulator, ROWS};

use super::coordinates::random_map;
use super::{Input, MomentsCommandError};
use crate::CommandError;
use crate::args::{Halves, MomentsArguments};
use crate::bar::Bar;
use crate::moments_file::{self, RandomMap};
use crate::output::Output;

/// Samples of a block: twice what is added at once, since halves take every other one.
const BLOCK_SAMPLES: usize = 2 * ROWS;
/// Bytes of views, and of their features, that a block may have; fewer samples are taken where they are large.
const BLOCK_BYTES: usize = 64 << 20;
/// Plain products are timed for so long, before and after the pass.
const TIMED_SECONDS: f64 = 0.15;

/// What a pass leaves.
pub(super) struct Summed {
    pub(super) sums: MomentSums,
    /// Random features, where they were taken.
    pub(super) map: Option<RandomMap>,
    pub(super) rates: Rates,
    pub(super) skipped: Vec<Skipped>,
}

/// How fast it went.
pub(super) struct Rates {
    pub(super) samples: usize,
    pub(super) pairs_per_sample: u64,
    pub(super) seconds_views: f64,
    pub(super) seconds_features: f64,
    pub(super) seconds_sums: f64,
    /// Floating-point operations that the sums need: two a multiply-add, a symmetric product counted as half.
    flops: f64,
    size: usize,
    /// Operations and seconds of plain products of a block, in this process.
    product: (f64, f64),
}

impl Rates {
    /// Rate of the sums, in 10⁹ operations a second.
    pub(super) fn gigaflops(&self) -> f64 {
        self.flops / self.seconds_sums / 1e9
    }

    /// Rate of the sums over that of a plain product of the same block.
    pub(super) fn gemm_fraction(&self) -> f64 {
        self.gigaflops() / self.product_gigaflops()
    }

    /// Rate of a plain product.
    pub(super) fn product_gigaflops(&self) -> f64 {
        self.product.0 / self.product.1 / 1e9
    }

    /// Times plain products once more, when the sums are gone: a machine may be busier before a pass than after, and
    /// the mean of both is nearer to what the sums met.
    pub(super) fn time_again(&mut self) {
        let (flops, seconds) = time_product(self.size);
        self.product = (self.product.0 + flops, self.product.1 + seconds);
    }
}

/// As many threads as asked for, or as the machine runs at once.
pub(super) fn threads(asked: u16) -> usize {
    match asked {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        asked => usize::from(asked),
    }
}

/// The sums over all samples of the input.
///
/// # Requires    to be called inside the pool of `threads` threads
pub(super) fn sum(
    asked: &MomentsArguments, input: &Input, threads: usize, output: Output,
) -> Result<Summed, CommandError> {
    let pairing = input.pairing(asked.augmentations);
    let map = random_map(asked.features, input.dimensions(), asked.seed);
    let size = map.as_ref().map_or(input.dimensions(), FeatureMap::outputs);
    if asked.merge.is_empty() && !matches!(asked.features, crate::args::Features::Pca(_)) {
        moments_file::check_path(&asked.out, size)?;
    }
    let product = time_product(size);
    let mut pass = Pass {
        sums: MomentsAccumulator::new(size, pairing, asked.halves == Halves::On),
        map,
        features: [vec![], vec![]],
        seconds: [0.0; 3],
        samples: 0,
        flops: 0.0,
    };
    let bytes = pairing.views() * (4 * input.dimensions()).max(pass.map.as_ref().map_or(0, |_| 8 * size));
    let block = (BLOCK_BYTES / bytes).clamp(1, BLOCK_SAMPLES);
    let bar = Bar::new("moments", input.len() as u64, output);
    let mut skipped = input.skipped().to_vec();
    let before = skipped.len();
    let mut views = DrawnViews::default();
    let mut pairs = [vec![], vec![]];
    for start in (0..input.len()).step_by(block) {
        let positions = start..(start + block).min(input.len());
        let done = positions.len();
        let clock = Instant::now();
        match input {
            Input::Drawn { source, indices, recipe, normalizer, .. } => {
                let source = source.as_ref();
                let views_each = pairing.views();
                let draws = Draws { source, indices, recipe, normalizer, views: views_each, seed: asked.seed, threads };
                draws.fill(positions, &mut views);
                skipped.append(&mut views.skipped);
                pass.seconds[0] += clock.elapsed().as_secs_f64();
                pass.add(&views.x, &views.y, views.samples);
            }
            Input::Paired { rows, symmetrize } => {
                let [x, y] = &mut pairs;
                rows.fill(positions, x, y);
                if *symmetrize {
                    interleave(x, y, rows.columns());
                }
                pass.seconds[0] += clock.elapsed().as_secs_f64();
                pass.add_wide(x, y, done);
            }
        }
        bar.advance(done as u64);
    }
    if pass.samples == 0 {
        let first = skipped.swap_remove(before);
        return Err(MomentsCommandError::NoSample { samples: input.len(), first }.into());
    }
    bar.say("adding up");
    let Pass { sums, map, seconds: [seconds_views, seconds_features, seconds_sums], samples, flops, .. } = pass;
    let sums = sums.finish();
    let rates = Rates {
        samples,
        pairs_per_sample: pairing.pairs_per_sample(),
        seconds_views,
        seconds_features,
        seconds_sums,
        flops,
        size,
        product,
    };
    Ok(Summed { sums, map: map.map(super::coordinates::stored), rates, skipped })
}

/// What is kept from block to block.
struct Pass {
    sums: MomentsAccumulator,
    map: Option<FeatureMap>,
    features: [Vec<f64>; 2],
    /// Of views, features and sums.
    seconds: [f64; 3],
    samples: usize,
    flops: f64,
}

impl Pass {
    fn add(&mut self, x: &[f32], y: &[f32], samples: usize) {
        if self.map.is_none() {
            let clock = Instant::now();
            self.sums.add_f32(x, y);
            return self.count(samples, clock);
        }
        self.add_features(x, y, samples);
    }

    /// Rows of files, which may be f64; random features are taken of them in f32, as of views.
    fn add_wide(&mut self, x: &[f64], y: &[f64], samples: usize) {
        if self.map.is_none() {
            let clock = Instant::now();
            self.sums.add(x, y);
            return self.count(samples, clock);
        }
        let narrow = |values: &[f64]| values.iter().map(|&value| value as f32).collect::<Vec<f32>>();
        self.add_features(&narrow(x), &narrow(y), samples);
    }

    fn add_features(&mut self, x: &[f32], y: &[f32], samples: usize) {
        let Some(map) = &self.map else { return };
        let clock = Instant::now();
        let [out_x, out_y] = &mut self.features;
        map.apply(x, out_x);
        map.apply(y, out_y);
        self.seconds[1] += clock.elapsed().as_secs_f64();
        let clock = Instant::now();
        self.sums.add(out_x, out_y);
        self.count(samples, clock);
    }

    fn count(&mut self, samples: usize, clock: Instant) {
        self.seconds[2] += clock.elapsed().as_secs_f64();
        self.samples += samples;
        self.flops += 2.0 * self.sums.multiply_adds(samples);
    }
}

/// x and y as the two views of each sample, in `x`.
fn interleave(x: &mut Vec<f64>, y: &mut Vec<f64>, columns: usize) {
    let rows = x.chunks_exact(columns).zip(y.chunks_exact(columns));
    *x = rows.flat_map(|(x, y)| x.iter().chain(y)).copied().collect();
    y.clear();
}

/// Operations and seconds of plain products of a block, on one thread or on all, whichever is faster: a small product
/// loses more by being spread than it gains, and a slow yardstick would flatter the sums.
fn time_product(size: usize) -> (f64, f64) {
    let rows: Vec<f64> = (0..ROWS * size).map(|at| (at % 17) as f64 / 8.0 - 1.0).collect();
    let mut out = vec![0.0; size * size];
    let [alone, spread] = [false, true].map(|spread| {
        // The first touches the memory.
        plain_product(&rows, size, &mut out, spread);
        let (clock, mut products) = (Instant::now(), 0.0);
        loop {
            plain_product(&rows, size, &mut out, spread);
            products += 1.0;
            let seconds = clock.elapsed().as_secs_f64();
            if seconds > TIMED_SECONDS {
                return (2.0 * products * (ROWS * size * size) as f64, seconds);
            }
        }
    });
    if alone.0 * spread.1 > spread.0 * alone.1 { alone } else { spread }
}
