//! The linear maps of minimal filtering, on lanes: 16 channels at a time.
//!
//! F(4 × 4, 3 × 3) of Lavin and Gray 2016, points 0, ±1, ±2 and ∞: with d a tile of 6 × 6 pixels, g a filter and y the 4 × 4
//! results, y = Aᵀ ((G g Gᵀ) ⊙ (Bᵀ d B)) A. What a loss says of g is the adjoint: Gᵀ ((A u Aᵀ) ⊙ (Bᵀ d B)) G.

#![allow(
    clippy::inline_always,
    clippy::needless_range_loop,
    reason = "a loop is made for the vector instructions of the function that it becomes part of; squares are read by place"
)]

use crate::Number;

/// Results of a tile in a row.
pub(super) const OUT: usize = 4;
/// Pixels of a tile in a row.
pub(super) const IN: usize = 6;
/// Rows of a filter.
pub(super) const FILTER: usize = 3;
/// Products of a tile.
pub(super) const POSITIONS: usize = IN * IN;
/// Channels that are transformed side by side: a vector of f32 under AVX-512.
pub(super) const LANES: usize = 16;
const SIXTH: f64 = 1.0 / 6.0;

pub(super) type Lanes<T> = [T; LANES];

/// A linear map M of columns. A type and no function, for a function handed on is called by one that is not inlined.
pub(super) trait Map<const I: usize, const O: usize> {
    /// M x.
    fn column<T: Number>(x: &[Lanes<T>; I]) -> [Lanes<T>; O];
}

/// M x Mᵀ; `half` is for what lies between. `x` and `out` must be `#[inline(always)]`.
///
/// Lanes are asked for and handed on one by one: an array of them all would be cleared for every tile.
#[inline(always)]
pub(super) fn both_ways<M: Map<I, O>, T: Number, const I: usize, const O: usize>(
    x: impl Fn(usize, usize) -> Lanes<T>, half: &mut [[Lanes<T>; I]; O], mut out: impl FnMut(usize, usize, &Lanes<T>),
) {
    let mut column = [zeros(); I];
    for j in 0..I {
        for i in 0..I {
            column[i] = x(i, j);
        }
        let done = M::column(&column);
        for i in 0..O {
            half[i][j] = done[i];
        }
    }
    for i in 0..O {
        let done = M::column(&half[i]);
        for j in 0..O {
            out(i, j, &done[j]);
        }
    }
}

#[inline(always)]
pub(super) fn zeros<T: Number>() -> Lanes<T> {
    [T::from_f64(0.0); LANES]
}

#[inline(always)]
fn plus<T: Number>(a: &Lanes<T>, b: &Lanes<T>) -> Lanes<T> {
    let mut out = zeros();
    for lane in 0..LANES {
        out[lane] = a[lane] + b[lane];
    }
    out
}

#[inline(always)]
fn minus<T: Number>(a: &Lanes<T>, b: &Lanes<T>) -> Lanes<T> {
    let mut out = zeros();
    for lane in 0..LANES {
        out[lane] = a[lane] - b[lane];
    }
    out
}

/// a + factor · b.
#[inline(always)]
fn more<T: Number>(a: &Lanes<T>, factor: f64, b: &Lanes<T>) -> Lanes<T> {
    let (mut out, factor) = (zeros(), T::from_f64(factor));
    for lane in 0..LANES {
        out[lane] = a[lane] + factor * b[lane];
    }
    out
}

#[inline(always)]
fn times<T: Number>(factor: f64, a: &Lanes<T>) -> Lanes<T> {
    let (mut out, factor) = (zeros(), T::from_f64(factor));
    for lane in 0..LANES {
        out[lane] = factor * a[lane];
    }
    out
}

/// Bᵀ.
pub(super) struct OfPixels;

impl Map<IN, IN> for OfPixels {
    #[inline(always)]
    fn column<T: Number>(d: &[Lanes<T>; IN]) -> [Lanes<T>; IN] {
        let (even, odd) = (more(&d[4], -4.0, &d[2]), more(&d[3], -4.0, &d[1]));
        let (far_even, far_odd) = (minus(&d[4], &d[2]), times(2.0, &minus(&d[3], &d[1])));
        [
            more(&more(&d[4], -5.0, &d[2]), 4.0, &d[0]),
            plus(&even, &odd),
            minus(&even, &odd),
            plus(&far_even, &far_odd),
            minus(&far_even, &far_odd),
            more(&more(&d[5], -5.0, &d[3]), 4.0, &d[1]),
        ]
    }
}

/// Aᵀ.
pub(super) struct ToResults;

impl Map<IN, OUT> for ToResults {
    #[inline(always)]
    fn column<T: Number>(m: &[Lanes<T>; IN]) -> [Lanes<T>; OUT] {
        let (near, near_gap) = (plus(&m[1], &m[2]), minus(&m[1], &m[2]));
        let (far, far_gap) = (plus(&m[3], &m[4]), minus(&m[3], &m[4]));
        [
            plus(&plus(&m[0], &near), &far),
            more(&near_gap, 2.0, &far_gap),
            more(&near, 4.0, &far),
            more(&plus(&near_gap, &m[5]), 8.0, &far_gap),
        ]
    }
}

/// A.
pub(super) struct OfResults;

impl Map<OUT, IN> for OfResults {
    #[inline(always)]
    fn column<T: Number>(y: &[Lanes<T>; OUT]) -> [Lanes<T>; IN] {
        let (even, odd) = (plus(&y[0], &y[2]), plus(&y[1], &y[3]));
        let (far_even, far_odd) = (more(&y[0], 4.0, &y[2]), times(2.0, &more(&y[1], 4.0, &y[3])));
        [y[0], plus(&even, &odd), minus(&even, &odd), plus(&far_even, &far_odd), minus(&far_even, &far_odd), y[3]]
    }
}

/// G.
pub(super) struct OfFilter;

impl Map<FILTER, IN> for OfFilter {
    #[inline(always)]
    fn column<T: Number>(g: &[Lanes<T>; FILTER]) -> [Lanes<T>; IN] {
        let (ends, middle) = (times(-SIXTH, &plus(&g[0], &g[2])), times(SIXTH, &g[1]));
        let far_ends = times(SIXTH / 4.0, &more(&g[0], 4.0, &g[2]));
        [
            times(0.25, &g[0]),
            minus(&ends, &middle),
            plus(&ends, &middle),
            more(&far_ends, 0.5, &middle),
            more(&far_ends, -0.5, &middle),
            g[2],
        ]
    }
}

/// Gᵀ.
pub(super) struct ToFilter;

impl Map<IN, FILTER> for ToFilter {
    #[inline(always)]
    fn column<T: Number>(u: &[Lanes<T>; IN]) -> [Lanes<T>; FILTER] {
        let (near, near_gap) = (times(SIXTH, &plus(&u[1], &u[2])), times(SIXTH, &minus(&u[2], &u[1])));
        let (far, far_gap) = (times(SIXTH, &plus(&u[3], &u[4])), times(SIXTH, &minus(&u[3], &u[4])));
        [
            more(&minus(&times(0.25, &u[0]), &near), 0.25, &far),
            more(&near_gap, 0.5, &far_gap),
            plus(&minus(&far, &near), &u[5]),
        ]
    }
}

/// Up to 16 numbers, zeros behind them.
#[inline(always)]
pub(super) fn load<T: Number>(from: &[T]) -> Lanes<T> {
    if let Ok(whole) = from.try_into() {
        return whole;
    }
    let mut lanes = zeros();
    lanes[..from.len()].copy_from_slice(from);
    lanes
}

/// As many of the lanes as there is room for.
#[inline(always)]
pub(super) fn store<T: Number>(lanes: &Lanes<T>, to: &mut [T]) {
    if let Ok(whole) = <&mut Lanes<T>>::try_from(&mut *to) {
        *whole = *lanes;
    } else {
        let length = to.len();
        to.copy_from_slice(&lanes[..length]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One lane of one tile against the sum that a convolution is.
    #[test]
    fn a_tile_is_sixteen_sums_of_nine_products() {
        let pixel = |i: usize, j: usize| ((i * 7 + j * 3) % 11) as f64 - 5.0;
        let tap = |i: usize, j: usize| ((i * 5 + j * 2) % 7) as f64 - 3.0;
        let (mut v, mut u, mut y) = ([[0.0; IN]; IN], [[0.0; IN]; IN], [[0.0; OUT]; OUT]);
        let half = &mut [[zeros(); IN]; IN];
        both_ways::<OfPixels, _, _, _>(|i, j| [pixel(i, j); LANES], half, |i, j, lanes| v[i][j] = lanes[3]);
        let half = &mut [[zeros(); FILTER]; IN];
        both_ways::<OfFilter, _, _, _>(|i, j| [tap(i, j); LANES], half, |i, j, lanes| u[i][j] = lanes[3]);
        let half = &mut [[zeros(); IN]; OUT];
        both_ways::<ToResults, _, _, _>(|i, j| [v[i][j] * u[i][j]; LANES], half, |i, j, lanes| y[i][j] = lanes[3]);
        for i in 0..OUT {
            for j in 0..OUT {
                let product = |a: usize, b: usize| pixel(i + a, j + b) * tap(a, b);
                let wanted: f64 = (0..FILTER).flat_map(|a| (0..FILTER).map(move |b| product(a, b))).sum();
                assert!((y[i][j] - wanted).abs() < 1e-12, "{} for {wanted}", y[i][j]);
            }
        }
    }

    /// ⟨M x, y⟩ = ⟨x, Mᵀ y⟩.
    #[test]
    fn adjoints_are_adjoint() {
        let lanes =
            |seed: usize| -> Lanes<f64> { std::array::from_fn(|lane| ((lane * 5 + seed * 3) % 13) as f64 - 6.0) };
        let inner = |a: &[Lanes<f64>], b: &[Lanes<f64>]| -> f64 {
            a.iter().flatten().zip(b.iter().flatten()).map(|(a, b)| a * b).sum()
        };
        let (six, four, three) = ([1, 2, 3, 4, 5, 6].map(lanes), [7, 8, 9, 10].map(lanes), [11, 12, 13].map(lanes));
        let gap = inner(&ToResults::column(&six), &four) - inner(&six, &OfResults::column(&four));
        assert!(gap.abs() < 1e-10);
        let gap = inner(&ToFilter::column(&six), &three) - inner(&six, &OfFilter::column(&three));
        assert!(gap.abs() < 1e-10);
    }
}
