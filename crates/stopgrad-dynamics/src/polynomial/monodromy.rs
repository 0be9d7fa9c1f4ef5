//! All solutions of one generic instance, from one: carried around loops of parameters they come back permuted.
//!
//! That no new one comes says nothing as long as paths are lost, since the same difficult ones may be lost every
//! time: only loops in which every path arrived count as idle.

use faer::c64;
use rayon::prelude::*;

use super::family::Family;
use super::tracker::{Path, PathEnd, PathState, TrackerParams, track};
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

/// What the loops found.
#[derive(Debug, Clone)]
pub(crate) struct Monodromy<P, const N: usize> {
    pub(crate) parameters: P,
    pub(crate) roots: Vec<[c64; N]>,
    pub(crate) loops: usize,
    /// Loops at the end that lost no path and found nothing new.
    pub(crate) idle: usize,
    /// Paths followed and lost, over all loops.
    pub(crate) paths: usize,
    pub(crate) lost: usize,
}

/// Follows all starts along a line, in parallel, in order.
pub(crate) fn track_all<const N: usize, P: Path<N>>(
    path: &P, starts: &[[c64; N]], params: &TrackerParams,
) -> Vec<PathEnd<N>> {
    starts
        .par_iter()
        .with_max_len(1)
        .map(|start| pulp::Arch::new().dispatch(Tracking { path, start, params }))
        .collect()
}

struct Tracking<'a, const N: usize, P: Path<N>> {
    path: &'a P,
    start: &'a [c64; N],
    params: &'a TrackerParams,
}

impl<const N: usize, P: Path<N>> pulp::WithSimd for Tracking<'_, N, P> {
    type Output = PathEnd<N>;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> PathEnd<N> {
        track(self.path, self.start, self.params)
    }
}

/// Loops through three instances of the family until the count is met, nothing new comes, or the budget ends.
pub(crate) fn monodromy<const N: usize, F: Family<N>>(
    params: &MonodromyParams, should_stop: &dyn Fn(usize, &[[c64; N]]) -> bool,
) -> Monodromy<F::Parameters, N> {
    let (parameters, root) = F::start_pair(&mut stream(params.seed, 0));
    let mut found = Monodromy { parameters, roots: vec![root], loops: 0, idle: 0, paths: 0, lost: 0 };
    let tracker = TrackerParams::of_attempt(1);
    while found.loops < params.max_loops
        && found.idle < params.idle_loops
        && params.known_count.is_none_or(|count| found.roots.len() < count)
        && !should_stop(found.loops, &found.roots)
    {
        found.loops += 1;
        let mut rng = stream(params.seed, found.loops as u64);
        let base = &found.parameters;
        let corners = [F::elsewhere(&mut rng, base), F::elsewhere(&mut rng, base), base.clone()];
        let mut at = found.parameters.clone();
        let mut carried = found.roots.clone();
        let before = carried.len();
        for corner in corners {
            let ends = track_all(&F::segment(&at, &corner), &carried, &tracker);
            found.paths += ends.len();
            carried = ends.iter().filter(|end| end.state == PathState::Arrived).map(|end| end.x).collect();
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

/// Relative distance below which two solutions of a generic instance are the same: they are known to 1e-13, and
/// different ones were never seen nearer than 1e-4.
const SAME: f64 = 1e-8;

/// Whether two points are the same solution.
pub(crate) fn alike<const N: usize>(a: &[c64; N], b: &[c64; N]) -> bool {
    let scale = a.iter().map(|x| x.norm()).fold(0.0, f64::max).max(1e-3);
    a.iter().zip(b).all(|(x, y)| (x - y).norm() <= SAME * scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::polynomial::full::FullFamily;

    #[test]
    fn two_instances_have_the_same_number_of_solutions() {
        for seed in [7, 38] {
            let params = MonodromyParams { seed, known_count: None, idle_loops: 12, max_loops: 60 };
            let found = monodromy::<3, FullFamily<2>>(&params, &|_, _| false);
            assert_eq!((found.roots.len(), found.idle), (6, 12), "seed {seed}");
        }
    }
}
