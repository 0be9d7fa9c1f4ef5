//! Where searches start: rows along modes.

use faer::Mat;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::linalg::product;
use crate::modes::Mode;

/// Modes that attract first, by the size they attract at; then the others, the longest-lived first.
pub(super) fn by_outer_root(modes: &[Mode], weight_decay: f64) -> Vec<Mode> {
    let mut order = modes.to_vec();
    let size = |mode: &Mode| mode.outer_root(weight_decay).unwrap_or(0.0);
    order.sort_by(|a, b| size(b).total_cmp(&size(a)));
    order
}

/// Rows along the first modes, at the size each would have without decay.
pub(super) fn rows_of(order: &[Mode], rows: usize) -> Mat<f64> {
    let k = order.first().map_or(0, |mode| mode.direction.len());
    Mat::from_fn(rows, k, |i, j| order[i].direction[j] * (order[i].cross / order[i].variance).abs())
}

/// The rows of [`rows_of`], mixed by a random matrix a third of their size.
pub(super) fn random_rows(order: &[Mode], rows: usize, seed: u64, draw: u64) -> Mat<f64> {
    let mut stream = ChaCha8Rng::seed_from_u64(seed);
    stream.set_stream(draw);
    let mut uniform = || (stream.next_u64() >> 11) as f64 / (1u64 << 53) as f64 - 0.5;
    let scale = 2.0 / (rows.max(1) as f64).sqrt();
    let mix = Mat::from_fn(rows, rows, |i, j| f64::from(u8::from(i == j)) + scale * uniform());
    product(mix.as_ref(), rows_of(order, rows).as_ref())
}
