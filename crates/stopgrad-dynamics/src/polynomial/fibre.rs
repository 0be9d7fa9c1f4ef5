//! All solutions of one generic instance of each size: what every solve starts from.

use std::sync::OnceLock;

use faer::{Mat, c64};

use super::chart::{ChartFamily, ChartParameters, s_of};
use super::family::{Family, random_orthogonal};
use super::full::{FullFamily, FullParameters};
use super::monodromy::{MonodromyParams, monodromy};
use super::ring::Dense;
use super::small::{Square, ZERO, product, product_transposed, transposed, unpack};
use super::solve::{PathCounts, Solved, solve};
use crate::random::stream;

/// How many complex solutions of rank r a generic instance of size m has; `None` where nobody knows.
///
/// Full rank up to m = 5, and rank 2 of m = 3: exact over finite fields (docs/theory.md, 3.8). Rank one: 2m, the
/// eigenvalues of a quadratic pencil. Loops from two independent instances found 84 of rank 2 for m = 4, but lost paths
/// on the way: that is a lower bound, and no count here.
pub fn generic_count(size: usize, rank: usize) -> Option<usize> {
    match (size, rank) {
        (_, 0) => Some(1),
        (size, 1) => Some(2 * size),
        (2, 2) => Some(6),
        (3, 2) => Some(30),
        (3, 3) => Some(24),
        (4, 4) => Some(124),
        (5, 5) => Some(824),
        _ => None,
    }
}

/// The instance and its solutions.
pub(crate) struct Fibre<P, const N: usize> {
    pub(crate) parameters: P,
    pub(crate) roots: Vec<[c64; N]>,
}

fn build<const N: usize, F: Family<N>>(seed: u64, known_count: Option<usize>) -> Fibre<F::Parameters, N> {
    let params = MonodromyParams { seed, known_count, idle_loops: 30, max_loops: 60 };
    let found = monodromy::<N, F>(&params, &|_, _| false);
    Fibre { parameters: found.parameters, roots: found.roots }
}

/// Solutions of rank 2 for m = 4 that loops found.
const SEEN_TWO_OF_FOUR: usize = 84;

static ONE: OnceLock<Fibre<FullParameters<1>, 1>> = OnceLock::new();
static TWO: OnceLock<Fibre<FullParameters<2>, 3>> = OnceLock::new();
static THREE: OnceLock<Fibre<FullParameters<3>, 6>> = OnceLock::new();
static FOUR: OnceLock<Fibre<FullParameters<4>, 10>> = OnceLock::new();
static TWO_OF_THREE: OnceLock<Fibre<ChartParameters<3>, 5>> = OnceLock::new();
static TWO_OF_FOUR: OnceLock<Fibre<ChartParameters<4>, 7>> = OnceLock::new();

/// The whitened instance in units in which its parameters are of size 1: S W S + λ'(WS + SW) + λ'²W = Mᵀ S M.
pub(crate) struct Whitened {
    pub(crate) w: Mat<f64>,
    pub(crate) m: Mat<f64>,
    pub(crate) decay: f64,
}

/// All ends of paths to an instance, as matrices S; `None` for ranks and sizes that there is no fibre for.
pub(crate) fn solve_rank(instance: &Whitened, rank: usize) -> Option<(Vec<Dense<c64>>, PathCounts)> {
    let (size, count) = (instance.w.nrows(), generic_count(instance.w.nrows(), rank));
    // Seeds with instances whose solutions are of moderate size.
    match (size, rank) {
        (1, 1) => Some(full(ONE.get_or_init(|| build::<1, FullFamily<1>>(0, Some(2))), instance)),
        (2, 2) => Some(full(TWO.get_or_init(|| build::<3, FullFamily<2>>(38, count)), instance)),
        (3, 3) => Some(full(THREE.get_or_init(|| build::<6, FullFamily<3>>(32, count)), instance)),
        (4, 4) => Some(full(FOUR.get_or_init(|| build::<10, FullFamily<4>>(38, count)), instance)),
        (3, 2) => {
            Some(partial::<3, 2, 5>(TWO_OF_THREE.get_or_init(|| build::<5, ChartFamily<3, 2>>(0, count)), instance))
        }
        (4, 2) => Some(partial::<4, 2, 7>(
            TWO_OF_FOUR.get_or_init(|| build::<7, ChartFamily<4, 2>>(1, Some(SEEN_TWO_OF_FOUR))),
            instance,
        )),
        _ => None,
    }
}

fn lift<const M: usize>(matrix: &Mat<f64>) -> Square<M> {
    let mut out: Square<M> = [[ZERO; M]; M];
    for (i, row) in out.iter_mut().enumerate() {
        for (j, entry) in row.iter_mut().enumerate() {
            *entry = c64::new(matrix[(i, j)], 0.0);
        }
    }
    out
}

/// Full rank, by T = S + λ and C = λ MᵀM.
fn full<const M: usize, const N: usize>(
    fibre: &Fibre<FullParameters<M>, N>, instance: &Whitened,
) -> (Vec<Dense<c64>>, PathCounts) {
    let m: Square<M> = lift(&instance.m);
    let gram = product_transposed(&m, &m);
    let target = FullParameters { w: lift(&instance.w), m, c: gram.map(|row| row.map(|x| x * instance.decay)) };
    let detour = |k: u64| fibre.parameters.congruent(&fibre.roots, k);
    let Solved { roots, counts } = solve::<N, FullFamily<M>>((&fibre.parameters, &fibre.roots), &target, &detour);
    let matrix = |root: &[c64; N]| {
        let t: Square<M> = unpack(root);
        Dense::from_fn(M, M, |i, j| if i == j { t[i][j] - instance.decay } else { t[i][j] })
    };
    (roots.iter().map(matrix).collect(), counts)
}

/// A rank between, in coordinates turned at random: the chart V = [I; U] misses what has no component in the first.
fn partial<const M: usize, const R: usize, const N: usize>(
    fibre: &Fibre<ChartParameters<M>, N>, instance: &Whitened,
) -> (Vec<Dense<c64>>, PathCounts) {
    let turn: Square<M> = random_orthogonal(&mut stream(0, TURN));
    let turned = |matrix: &Mat<f64>| product_transposed(&turn, &product(&lift(matrix), &turn));
    let decay = c64::new(instance.decay, 0.0);
    let target = ChartParameters { w: turned(&instance.w), y: turned(&instance.m), decay };
    let detour = |k: u64| fibre.parameters.congruent::<R, N>(&fibre.roots, k);
    let Solved { roots, counts } = solve::<N, ChartFamily<M, R>>((&fibre.parameters, &fibre.roots), &target, &detour);
    let matrix = |root: &[c64; N]| {
        let s = s_of::<M, R, N>(root);
        let back = product(&product(&turn, &s), &transposed(&turn));
        Dense::from_fn(M, M, |i, j| back[i][j])
    };
    (roots.iter().map(matrix).collect(), counts)
}

/// The stream of the turn.
const TURN: u64 = 0x7475_726e;
