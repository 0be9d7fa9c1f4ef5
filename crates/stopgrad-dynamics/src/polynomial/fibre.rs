//! All solutions of one generic instance of each size: what every solve starts from.

use std::sync::OnceLock;

use faer::{Mat, c64};
use rayon::prelude::*;

use super::block::{Block, MAX_SIZE};
use super::certificate::{Guess, Root};
use super::chart::{ChartFamily, ChartParameters};
use super::family::Family;
use super::fibre_file::{self, FORMAT, FibreHeader};
use super::frame::{AT_ITS_BEST, ON_THE_WAY};
use super::full::{FullFamily, FullParameters};
use super::jacobian::solve_left;
use super::lanes::Lane;
use super::monodromy::{MonodromyParams, monodromy, track_all};
use super::precise::Precise;
use super::ring::{Dense, Ring};
use super::solve::{PathCounts, Solved, solve};
use super::tracker::{PathEnd, PathState, TrackerParams};
use super::vector::Vector;

/// How many complex solutions of rank r a generic instance of size m has; `None` where nobody knows.
///
/// Rank one: 2m, the eigenvalues of a quadratic pencil. The others: the dimension of the quotient of a random instance's ideal
/// over a finite field, which `fibres/count.py` finds without our tracker (docs/theory.md, 3.8; docs/results/equilibria.md).
pub fn generic_count(size: usize, rank: usize) -> Option<usize> {
    match (size, rank) {
        (_, 0) => Some(1),
        (size, 1) => Some(2 * size),
        (2, 2) => Some(6),
        (3, 2) => Some(30),
        (3, 3) => Some(24),
        (4, 2) => Some(84),
        (4, 3) => Some(288),
        (4, 4) => Some(124),
        (5, 5) => Some(824),
        _ => None,
    }
}

/// The instance and its solutions.
pub(crate) struct Fibre<P> {
    pub(crate) parameters: P,
    pub(crate) roots: Vec<Vector<c64>>,
}

/// The fibre of one size and rank, as a file: made from loops by its seed.
///
/// `watch(loops, solutions)` is asked before each loop whether to stop.
///
/// # Errors
/// [`NoFibre`]: sizes from 1 to 6 and ranks from 2 (or m = 1) to m have one
/// # Cost        milliseconds for m = 3, seconds for m = 4, a minute for m = 5
pub fn make_fibre(
    (size, rank): (usize, usize), params: &MonodromyParams, watch: &dyn Fn(usize, usize) -> bool,
) -> Result<(FibreHeader, Vec<u8>), NoFibre> {
    if size == 0 || size > MAX_SIZE || rank == 0 || rank > size || (rank == 1 && size > 1) {
        return Err(NoFibre { size, rank });
    }
    Ok(if rank == size {
        made(FullFamily { size }, (size, rank), params, watch)
    } else {
        made(ChartFamily { size, rank }, (size, rank), params, watch)
    })
}

/// There is no such fibre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "no fibre of size {size} and rank {rank}: sizes go from 1 to 6, ranks from 2 to the size (rank one is solved directly)"
)]
pub struct NoFibre {
    /// m.
    pub size: usize,
    /// r.
    pub rank: usize,
}

fn made<F: Family>(
    family: F, (size, rank): (usize, usize), params: &MonodromyParams, watch: &dyn Fn(usize, usize) -> bool,
) -> (FibreHeader, Vec<u8>) {
    let found = monodromy(family, params, watch);
    // A path of no length refines and checks.
    let here = family.exact(&found.parameters);
    let exact: Vec<Vector<Precise>> = found.roots.iter().map(|root| root.map(Precise::complex)).collect();
    let ends = track_all(family, [&here; 2], &exact, &TrackerParams::patient());
    let arrived = ends.iter().filter(|end| end.state == PathState::Arrived);
    let mut residual = 0.0f64;
    let mut roots: Vec<Vector<c64>> = Vec::new();
    for end in arrived {
        let exact = end.point(family);
        let root = exact.map(Lane::rounded);
        let size = exact.largest().max(1e-300);
        residual = residual.max(root.map(Precise::complex).minus(&exact).largest() / size);
        roots.push(root);
    }
    let header = FibreHeader {
        format: FORMAT.into(),
        size,
        rank,
        seed: params.seed,
        solutions: roots.len(),
        unknowns: family.unknowns(),
        expected: generic_count(size, rank),
        loops: found.loops,
        idle_loops: found.idle,
        paths: found.paths,
        lost: found.lost,
        residual,
        checksum: String::new(),
    };
    let file = fibre_file::write(header, &family.numbers(&found.parameters), &roots);
    (fibre_file::read_header(&file).expect("what was just written"), file)
}

/// The whitened instance in units in which its parameters are of size 1: S W S + λ'(WS + SW) + λ'²W = Mᵀ S M.
pub(crate) struct Whitened {
    pub(crate) w: Mat<f64>,
    pub(crate) m: Mat<f64>,
    pub(crate) decay: f64,
}

/// What is made of an S in a frame.
type Judge<'a> = &'a (dyn Fn(Guess) -> Option<Root> + Sync);

/// All ends of paths to an instance, judged; `None` for ranks and sizes that there is no fibre for.
pub(crate) fn solve_rank(instance: &Whitened, rank: usize, judge: Judge<'_>) -> Option<(Vec<Root>, PathCounts)> {
    let size = instance.w.nrows();
    let file = shipped(size, rank)?;
    Some(if rank == size {
        static FULL: [OnceLock<Fibre<FullParameters<c64>>>; MAX_SIZE] = [const { OnceLock::new() }; MAX_SIZE];
        let family = FullFamily { size };
        full(family, FULL[size - 1].get_or_init(|| opened(family, file)), instance, judge)
    } else {
        static CHART: [OnceLock<Fibre<ChartParameters>>; MAX_SIZE * MAX_SIZE] =
            [const { OnceLock::new() }; MAX_SIZE * MAX_SIZE];
        let family = ChartFamily { size, rank };
        partial(family, CHART[(size - 1) * MAX_SIZE + rank].get_or_init(|| opened(family, file)), instance, judge)
    })
}

/// The files that come with the program, made by `stopgrad fibre`.
pub fn shipped(size: usize, rank: usize) -> Option<&'static [u8]> {
    Some(match (size, rank) {
        (1, 1) => include_bytes!("../../fibres/1-1.fibre"),
        (2, 2) => include_bytes!("../../fibres/2-2.fibre"),
        (3, 2) => include_bytes!("../../fibres/3-2.fibre"),
        (3, 3) => include_bytes!("../../fibres/3-3.fibre"),
        (4, 2) => include_bytes!("../../fibres/4-2.fibre"),
        (4, 3) => include_bytes!("../../fibres/4-3.fibre"),
        (4, 4) => include_bytes!("../../fibres/4-4.fibre"),
        (5, 5) => include_bytes!("../../fibres/5-5.fibre"),
        _ => return None,
    })
}

fn opened<F: Family>(family: F, file: &[u8]) -> Fibre<F::Parameters> {
    let (parameters, roots) = fibre_file::read(family, file).expect("a file that a test reads");
    Fibre { parameters, roots }
}

fn lift(matrix: &Mat<f64>) -> Block<c64> {
    Block::from_fn(matrix.nrows(), matrix.ncols(), |i, j| c64::new(matrix[(i, j)], 0.0))
}

fn dense(matrix: &Block<c64>) -> Dense<c64> {
    Dense::from_fn(matrix.rows, matrix.columns, |i, j| matrix.at(i, j))
}

/// Full rank, by T = S + λ and C = λ MᵀM.
fn full(
    family: FullFamily, fibre: &Fibre<FullParameters<c64>>, instance: &Whitened, judge: Judge<'_>,
) -> (Vec<Root>, PathCounts) {
    let m = lift(&instance.m);
    let decay = c64::new(instance.decay, 0.0);
    let target = FullParameters { w: lift(&instance.w), c: m.transposed_times(&m).scaled(decay), m };
    let Solved { roots, counts } = solve(family, (&fibre.parameters, &fibre.roots), &target);
    let exact = family.exact(&target);
    let guess = |end: &PathEnd, limits| {
        let (a, x) = end.in_own_frame(family, &exact, limits);
        // S' = T' − λ (AᵀA)⁻¹
        let b = solve_left(&a, &Block::identity(family.size));
        let shift = b.times(&b.transposed()).scaled(decay);
        Guess { frame: Some(dense(&a)), inside: dense(&x.unpack(family.size).minus(&shift)) }
    };
    // The best frame takes longer to find than the path, and most solutions are proved without.
    let proved = |end: &PathEnd| {
        let first = judge(guess(end, ON_THE_WAY));
        let is_proved = |root: &Root| root.certificate.is_some();
        if first.as_ref().is_some_and(is_proved) {
            first
        } else {
            judge(guess(end, AT_ITS_BEST)).filter(is_proved).or(first)
        }
    };
    (roots.par_iter().filter_map(proved).collect(), counts)
}

/// A rank between, in coordinates turned at random.
fn partial(
    family: ChartFamily, fibre: &Fibre<ChartParameters>, instance: &Whitened, judge: Judge<'_>,
) -> (Vec<Root>, PathCounts) {
    let turn = family.turn();
    let turned = |matrix: &Mat<f64>| turn.transposed_times(&lift(matrix).times(&turn));
    let decay = c64::new(instance.decay, 0.0);
    let target = ChartParameters {
        w: turned(&instance.w),
        y: turned(&instance.m),
        l: Block::zeros(family.size, family.size).shifted(decay),
    };
    let Solved { roots, counts } = solve(family, (&fibre.parameters, &fibre.roots), &target);
    let exact = family.exact(&target);
    let guess = |end: &PathEnd| {
        let (a, x) = end.in_own_frame(family, &exact, ON_THE_WAY);
        Guess { frame: Some(dense(&turn.times(&a))), inside: dense(&family.s_of(&x)) }
    };
    (roots.par_iter().filter_map(|end| judge(guess(end))).collect(), counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes() -> impl Iterator<Item = (usize, usize)> {
        (1..=MAX_SIZE).flat_map(|size| (1..=size).map(move |rank| (size, rank)))
    }

    #[test]
    fn every_fibre_that_comes_along_is_whole() {
        let mut seen = 0;
        for (size, rank) in sizes() {
            let Some(file) = shipped(size, rank) else { continue };
            let header = fibre_file::read_header(file).expect("a good file");
            assert_eq!((header.size, header.rank), (size, rank));
            assert_eq!(header.expected, generic_count(size, rank));
            assert_eq!(Some(header.solutions), header.expected, "size {size}, rank {rank}");
            assert!(header.residual < 1e-15, "{header:?}");
            seen += 1;
        }
        assert_eq!(seen, 8);
    }

    #[test]
    fn a_fibre_is_made_again_from_its_seed_and_solves_its_instance() {
        for (size, rank) in [(1, 1), (2, 2), (3, 2)] {
            let file = shipped(size, rank).expect("there is one");
            let header = fibre_file::read_header(file).expect("a good file");
            let params = MonodromyParams { seed: header.seed, known_count: None, idle_loops: 10, max_loops: 60 };
            let (made, bytes) = make_fibre((size, rank), &params, &|_, _| false).expect("a size that has one");
            assert_eq!(made, header);
            assert_eq!(bytes, file, "size {size}, rank {rank}");
        }
        assert!(make_fibre((3, 1), &MonodromyParams::default(), &|_, _| false).is_err());
        assert!(make_fibre((7, 7), &MonodromyParams::default(), &|_, _| false).is_err());
    }
}
