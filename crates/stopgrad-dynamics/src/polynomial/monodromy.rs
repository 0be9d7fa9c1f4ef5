//! All solutions of one generic instance, from one: carried around loops of parameters they come back permuted.
//!
//! That no new one comes says nothing as long as paths are lost, since the same difficult ones may be lost every
//! time: only loops in which every path arrived count as idle.

use faer::c64;
use rayon::prelude::*;

use super::family::Family;
use super::lanes::Lane;
use super::precise::Precise;
use super::ring::Ring;
use super::tracker::{PathEnd, PathState, TrackerParams, track};
use super::vector::Vector;
use crate::random::stream;

/// When to end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MonodromyParams {
    /// Names the instance, the start and the loops.
    pub seed: u64,
    /// The number of solutions, if it is known: the search ends there.
    pub known_count: Option<usize>,
    /// Loops in a row that lost no path and found nothing new, after which it ends: 10.
    pub idle_loops: usize,
    /// Loops at most.
    pub max_loops: usize,
}

impl Default for MonodromyParams {
    fn default() -> Self {
        Self { seed: 0, known_count: None, idle_loops: 10, max_loops: 200 }
    }
}

/// What the loops found.
#[derive(Debug, Clone)]
pub(crate) struct Monodromy<P> {
    pub(crate) parameters: P,
    pub(crate) roots: Vec<Vector<c64>>,
    pub(crate) loops: usize,
    /// Loops at the end that lost no path and found nothing new.
    pub(crate) idle: usize,
    /// Paths followed and lost, over all loops.
    pub(crate) paths: usize,
    pub(crate) lost: usize,
}

/// Follows all starts along a line, in parallel, in order; in numbers of the precision of the starts.
pub(crate) fn track_all<K: Lane, F: Family>(
    family: F, line: [&F::Exact; 2], starts: &[Vector<K>], params: &TrackerParams,
) -> Vec<PathEnd> {
    starts.par_iter().with_max_len(1).map(|start| track(family, line, start, params)).collect()
}

/// Loops through three instances of the family until the count is met, nothing new comes, or the budget ends.
///
/// `should_stop(loops, solutions)` is asked before each loop.
pub(crate) fn monodromy<F: Family>(
    family: F, params: &MonodromyParams, should_stop: &dyn Fn(usize, usize) -> bool,
) -> Monodromy<F::Parameters> {
    let (parameters, root) = family.start_pair(&mut stream(params.seed, 0));
    let mut found = Monodromy { parameters, roots: vec![root], loops: 0, idle: 0, paths: 0, lost: 0 };
    while found.loops < params.max_loops
        && found.idle < params.idle_loops
        && params.known_count.is_none_or(|count| found.roots.len() < count)
        && !should_stop(found.loops, found.roots.len())
    {
        found.loops += 1;
        let mut rng = stream(params.seed, found.loops as u64);
        let base = &found.parameters;
        let corners = [family.elsewhere(&mut rng, base), family.elsewhere(&mut rng, base), base.clone()];
        let mut at = found.parameters.clone();
        let mut carried = found.roots.clone();
        let before = carried.len();
        for corner in corners {
            found.paths += carried.len();
            carried = carried_on(family, (&at, &corner), &carried);
            at = corner;
        }
        found.lost += before - carried.len();
        let all_arrived = carried.len() == before;
        let known = found.roots.len();
        for root in carried {
            if !found.roots.iter().any(|other| alike(other, &root)) {
                found.roots.push(root);
            }
        }
        let idle = all_arrived && found.roots.len() == known;
        found.idle = if idle { found.idle + 1 } else { 0 };
    }
    found
}

/// The ends of paths, in double precision and those that it loses in twice that.
fn carried_on<F: Family>(
    family: F, (from, to): (&F::Parameters, &F::Parameters), starts: &[Vector<c64>],
) -> Vec<Vector<c64>> {
    let line = [&family.exact(from), &family.exact(to)];
    let mut ends = track_all(family, line, starts, &TrackerParams::quick());
    let lost: Vec<usize> = (0..ends.len()).filter(|&at| ends[at].state != PathState::Arrived).collect();
    let again: Vec<Vector<Precise>> = lost.iter().map(|&at| starts[at].map(Precise::complex)).collect();
    for (at, end) in lost.into_iter().zip(track_all(family, line, &again, &TrackerParams::patient())) {
        ends[at] = end;
    }
    let arrived = ends.iter().filter(|end| end.state == PathState::Arrived);
    arrived.map(|end| end.point(family).map(Lane::rounded)).collect()
}

/// Relative distance below which two solutions of a generic instance are the same: they are known to 1e-13, and
/// different ones were never seen nearer than 1e-4.
const SAME: f64 = 1e-8;

/// Whether two points are the same solution.
fn alike(a: &Vector<c64>, b: &Vector<c64>) -> bool {
    let scale = a.largest().max(1e-3);
    a.iter().zip(b.iter()).all(|(x, y)| (x - y).norm() <= SAME * scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::polynomial::full::FullFamily;

    #[test]
    fn two_instances_have_the_same_number_of_solutions() {
        for seed in [7, 38] {
            let params = MonodromyParams { seed, known_count: None, idle_loops: 12, max_loops: 60 };
            let found = monodromy(FullFamily { size: 2 }, &params, &|_, _| false);
            assert_eq!((found.roots.len(), found.idle), (6, 12), "seed {seed}");
        }
    }
}
