//! From the fibre of a generic instance to all solutions of an instance that matters.

use faer::c64;

use super::family::Family;
use super::monodromy::{alike, track_all};
use super::tracker::{PathState, TrackerParams};

/// Paths of one solve, by how they ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PathCounts {
    /// Followed, those of later attempts included.
    pub paths: usize,
    /// Steps of all.
    pub steps: usize,
    /// Attempts made: 1, or more where a path was lost or two ended at one solution.
    pub attempts: usize,
    /// Of the first attempt: paths that did not arrive.
    pub lost: usize,
    /// Of the first attempt: paths that ended where another had.
    pub duplicates: usize,
}

/// What the paths of one solve found.
#[derive(Debug, Clone)]
pub(crate) struct Solved<const N: usize> {
    /// Different ends, in the order of their starts.
    pub(crate) roots: Vec<[c64; N]>,
    pub(crate) counts: PathCounts,
}

/// Attempts: the direct line, the same more carefully where it failed, then lines from other images of the fibre.
const ATTEMPTS: usize = 5;

/// Follows a fibre to a target; where solutions are missing, again with more care, then on other ways.
///
/// `detour(k)`: another instance whose fibre is known, k = 1, 2, ….
pub(crate) fn solve<const N: usize, F: Family<N>>(
    (parameters, fibre): (&F::Parameters, &[[c64; N]]), target: &F::Parameters,
    detour: &dyn Fn(u64) -> (F::Parameters, Vec<[c64; N]>),
) -> Solved<N> {
    let mut counts = PathCounts::default();
    let mut roots: Vec<[c64; N]> = Vec::with_capacity(fibre.len());
    let segment = F::segment(parameters, target);
    let ends = track_all(&segment, fibre, &TrackerParams::of_attempt(0));
    counts.attempts = 1;
    let mut again = Vec::new();
    for (place, end) in ends.iter().enumerate() {
        counts.steps += end.steps;
        if end.state != PathState::Arrived {
            counts.lost += 1;
            again.push(place);
        } else if let Some(other) =
            (0..place).find(|&o| ends[o].state == PathState::Arrived && alike(&ends[o].x, &end.x))
        {
            counts.duplicates += 1;
            again.extend([other, place]);
        }
    }
    counts.paths = ends.len();
    again.sort_unstable();
    again.dedup();
    for (place, end) in ends.iter().enumerate() {
        if !again.contains(&place) {
            roots.push(end.x);
        }
    }
    let mut add = |roots: &mut Vec<[c64; N]>, ends: Vec<super::tracker::PathEnd<N>>| {
        for end in ends {
            counts.steps += end.steps;
            if end.state == PathState::Arrived && !roots.iter().any(|root| alike(root, &end.x)) {
                roots.push(end.x);
            }
        }
    };
    if !again.is_empty() {
        counts.attempts = 2;
        let starts: Vec<[c64; N]> = again.iter().map(|&place| fibre[place]).collect();
        counts.paths += starts.len();
        add(&mut roots, track_all(&segment, &starts, &TrackerParams::of_attempt(1)));
    }
    for attempt in 2..ATTEMPTS {
        if roots.len() >= fibre.len() {
            break;
        }
        counts.attempts = attempt + 1;
        let (parameters, starts) = detour(attempt as u64 - 1);
        counts.paths += starts.len();
        add(&mut roots, track_all(&F::segment(&parameters, target), &starts, &TrackerParams::of_attempt(attempt - 1)));
    }
    Solved { roots, counts }
}
