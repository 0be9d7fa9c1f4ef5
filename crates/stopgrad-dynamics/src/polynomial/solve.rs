//! From the fibre of a generic instance to all solutions of an instance that matters.

use faer::c64;

use super::family::Family;
use super::lanes::Lane;
use super::monodromy::track_all;
use super::precise::Precise;
use super::ring::Ring;
use super::tracker::{PathEnd, PathState, TrackerParams};
use super::vector::Vector;

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
    /// Solutions that no path led to, conjugates of such as one did.
    pub conjugates: usize,
    /// Paths that lead to no solution in any attempt, and on the straight way grow as a power of 1/(1 − t).
    pub at_infinity: usize,
    /// Those that come to t = 1 without growing, but to no regular solution.
    pub singular: usize,
}

/// What the paths of one solve found.
#[derive(Debug, Clone)]
pub(crate) struct Solved {
    /// Different ends, in the order of their starts.
    pub(crate) roots: Vec<PathEnd>,
    pub(crate) counts: PathCounts,
}

/// Ways around, followed in twice the precision: from 0 to 1 by way of ½ + κi, first the straight one.
///
/// A path is lost where it passes near a pole. It is no branch point, so that a bent line leads to the same end, unless a
/// branch point lies between the two; then the end is one that others reached, and another bend may do.
const BENDS: [f64; 11] = [0.0, 0.05, -0.05, 0.1, -0.1, 0.2, -0.2, 0.4, -0.4, 0.8, -0.8];
/// Distance relative to their size up to which two ends are compared in a frame.
const NEAR: f64 = 1e-2;
/// Whole fibres in other coordinates that are followed in the end.
const DETOURS: u64 = 3;

/// Follows a fibre to a target; where solutions are missing, their conjugates may have been found, and else again on other ways.
///
/// # Requires    a real target
pub(crate) fn solve<F: Family>(
    family: F, (parameters, fibre): (&F::Parameters, &[Vector<c64>]), target: &F::Parameters,
) -> Solved {
    let mut counts = PathCounts { attempts: 1, paths: fibre.len(), ..PathCounts::default() };
    let ends = track_all(family, (parameters, target), fibre, &TrackerParams::quick());
    let mut again = Vec::new();
    for (place, end) in ends.iter().enumerate() {
        counts.steps += end.steps;
        if end.state != PathState::Arrived {
            counts.lost += 1;
            again.push(place);
        } else if let Some(other) =
            (0..place).find(|&o| ends[o].state == PathState::Arrived && ends[o].is_same(end, family))
        {
            counts.duplicates += 1;
            again.extend([other, place]);
        }
    }
    again.sort_unstable();
    again.dedup();
    let kept = ends.into_iter().enumerate().filter(|(place, _)| !again.contains(place));
    let mut roots: Vec<PathEnd> = kept.map(|(_, end)| end).collect();
    let params = TrackerParams::patient();
    add_conjugates(family, &mut roots, fibre.len(), &mut counts);
    // Of those that are missing: how they ended on the straight way.
    let mut states: Vec<PathState> = Vec::new();
    for bend in BENDS {
        if again.is_empty() || roots.len() >= fibre.len() {
            break;
        }
        counts.attempts += 1;
        let starts: Vec<Vector<Precise>> = again.iter().map(|&place| fibre[place].map(Precise::complex)).collect();
        let ends = if bend == 0.0 {
            counts.paths += starts.len();
            let ends = track_all(family, (parameters, target), &starts, &params);
            counts.steps += ends.iter().map(|end| end.steps).sum::<usize>();
            states = ends.iter().map(|end| end.state).collect();
            ends.into_iter().map(|end| (end.state == PathState::Arrived).then_some(end)).collect()
        } else {
            let corner = family.between(parameters, target, c64::new(0.5, bend));
            by_way_of(family, (parameters, &corner, target), &starts, &params, &mut counts)
        };
        let mut missing = (Vec::new(), Vec::new());
        for ((&place, &state), end) in again.iter().zip(&states).zip(ends) {
            match end {
                Some(end) if !roots.iter().any(|root| root.is_same(&end, family)) => roots.push(end),
                _ => {
                    missing.0.push(place);
                    missing.1.push(state);
                }
            }
        }
        (again, states) = missing;
        add_conjugates(family, &mut roots, fibre.len(), &mut counts);
    }
    if roots.len() >= fibre.len() {
        states.clear();
    }
    let ended = |wanted| states.iter().filter(|&&state| state == wanted).count();
    (counts.at_infinity, counts.singular) = (ended(PathState::AtInfinity), ended(PathState::SingularEnd));
    for detour in 1..=DETOURS {
        if roots.len() >= fibre.len() {
            break;
        }
        counts.attempts += 1;
        let (parameters, starts) = family.congruent(parameters, fibre, detour);
        counts.paths += starts.len();
        for end in track_all(family, (&parameters, target), &starts, &params) {
            counts.steps += end.steps;
            if end.state == PathState::Arrived && !roots.iter().any(|root| root.is_same(&end, family)) {
                roots.push(end);
            }
        }
        add_conjugates(family, &mut roots, fibre.len(), &mut counts);
    }
    Solved { roots, counts }
}

/// The conjugates of ends that are no ends themselves, where solutions are missing.
fn add_conjugates<F: Family>(family: F, roots: &mut Vec<PathEnd>, wanted: usize, counts: &mut PathCounts) {
    if roots.len() >= wanted {
        return;
    }
    // Most are far from each other, which the rounded matrices tell.
    let matrices: Vec<_> = roots.iter().map(|root| root.matrix(family).map(Lane::rounded)).collect();
    let mut new: Vec<PathEnd> = Vec::new();
    for (root, matrix) in roots.iter().zip(&matrices) {
        let other = matrix.map(|x| x.conj());
        let near = roots.iter().zip(&matrices).filter(|(_, m)| m.minus(&other).largest() <= NEAR * other.largest());
        let conjugate = root.conjugate();
        if !near.into_iter().any(|(near, _)| near.is_same(&conjugate, family)) {
            new.push(conjugate);
        }
    }
    counts.conjugates += new.len();
    roots.extend(new);
}

/// Two lines, one after the other; `None` for paths that did not arrive.
fn by_way_of<F: Family>(
    family: F, (from, corner, to): (&F::Parameters, &F::Parameters, &F::Parameters), starts: &[Vector<Precise>],
    params: &TrackerParams, counts: &mut PathCounts,
) -> Vec<Option<PathEnd>> {
    let first = track_all(family, (from, corner), starts, params);
    let (places, onward): (Vec<usize>, Vec<Vector<Precise>>) = first
        .iter()
        .enumerate()
        .filter(|(_, end)| end.state == PathState::Arrived)
        .map(|(place, end)| (place, end.point(family)))
        .unzip();
    let second = track_all(family, (corner, to), &onward, params);
    counts.paths += starts.len();
    counts.steps += first.iter().chain(&second).map(|end| end.steps).sum::<usize>();
    let mut out: Vec<Option<PathEnd>> = starts.iter().map(|_| None).collect();
    for (place, end) in places.into_iter().zip(second) {
        if end.state == PathState::Arrived {
            out[place] = Some(end);
        }
    }
    out
}
