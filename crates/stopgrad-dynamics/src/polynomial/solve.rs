//! From the fibre of a generic instance to all solutions of an instance that matters.

use faer::c64;

use super::block::Block;
use super::family::Family;
use super::frame::Frame;
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
/// Bends in a row that bring nothing, after which no other is tried.
const IDLE: usize = 5;
/// Whole fibres in other coordinates that are followed in the end; one where those that were followed had coordinates of their own.
const DETOURS: u64 = 3;

/// A fibre and a target in coordinates of their own.
struct Way<F: Family> {
    family: F,
    from: F::Exact,
    starts: Vec<Vector<Precise>>,
    to: F::Exact,
    /// The coordinates of the target.
    frame: Frame,
    is_straightened: bool,
}

impl<F: Family> Way<F> {
    /// In coordinates between which paths stay far from poles, where there are some.
    fn straightened(family: F, (parameters, fibre): (&F::Parameters, &[Vector<c64>]), target: &F::Parameters) -> Self {
        let starts = fibre.iter().map(|start| start.map(Precise::complex));
        match (family.straightened(parameters), family.straightened(target)) {
            (Some((inside, from)), Some((frame, to))) => Self {
                family,
                from,
                starts: starts.map(|x| family.moved(&x, &inside)).collect(),
                to,
                frame,
                is_straightened: true,
            },
            _ => Self::plain(family, (parameters, fibre), target),
        }
    }

    fn plain(family: F, (parameters, fibre): (&F::Parameters, &[Vector<c64>]), target: &F::Parameters) -> Self {
        let starts: Vec<_> = fibre.iter().map(|start| start.map(Precise::complex)).collect();
        let frame = Frame::identity(family.matrix(&starts[0]).rows);
        Self { family, from: family.exact(parameters), starts, to: family.exact(target), frame, is_straightened: false }
    }

    /// The ends of some of the paths, on the line that is bent by so much.
    fn follow<K: Lane>(
        &self, places: &[usize], bend: f64, params: &TrackerParams, counts: &mut PathCounts,
    ) -> Vec<PathEnd> {
        let starts: Vec<Vector<K>> = places.iter().map(|&place| self.starts[place].map(K::from_precise)).collect();
        counts.paths += starts.len();
        let mut ends = if bend == 0.0 {
            track_all(self.family, [&self.from, &self.to], &starts, params)
        } else {
            self.by_way_of(&starts, bend, params, counts)
        };
        for end in &mut ends {
            counts.steps += end.steps;
            end.frame = self.frame.then(&end.frame);
        }
        ends
    }

    /// Two lines, one after the other.
    fn by_way_of<K: Lane>(
        &self, starts: &[Vector<K>], bend: f64, params: &TrackerParams, counts: &mut PathCounts,
    ) -> Vec<PathEnd> {
        let corner = self.family.between([&self.from, &self.to], c64::new(0.5, bend));
        let mut ends = track_all(self.family, [&self.from, &corner], starts, params);
        let arrived: Vec<usize> = (0..ends.len()).filter(|&at| ends[at].state == PathState::Arrived).collect();
        let onward: Vec<Vector<K>> =
            arrived.iter().map(|&at| ends[at].point(self.family).map(K::from_precise)).collect();
        for (at, end) in arrived.into_iter().zip(track_all(self.family, [&corner, &self.to], &onward, params)) {
            counts.steps += ends[at].steps;
            ends[at] = end;
        }
        ends
    }
}

/// Follows a fibre to a target; where solutions are missing, their conjugates may have been found, and else again on other ways.
///
/// # Requires    a real target
pub(crate) fn solve<F: Family>(
    family: F, (parameters, fibre): (&F::Parameters, &[Vector<c64>]), target: &F::Parameters,
) -> Solved {
    let way = Way::straightened(family, (parameters, fibre), target);
    let mut counts = PathCounts { attempts: 1, ..PathCounts::default() };
    let all: Vec<usize> = (0..fibre.len()).collect();
    let ends = way.follow::<c64>(&all, 0.0, &TrackerParams::quick(), &mut counts);
    let mut known = Known { family, roots: Vec::new(), matrices: Vec::new(), wanted: fibre.len() };
    let (mut again, mut starts) = (Vec::new(), Vec::new());
    for (place, end) in ends.into_iter().enumerate() {
        if end.state != PathState::Arrived {
            counts.lost += 1;
            again.push(place);
        } else if let Some(other) = known.place(&end) {
            counts.duplicates += 1;
            again.extend([starts[other], place]);
        } else {
            known.push(end);
            starts.push(place);
        }
    }
    again.sort_unstable();
    again.dedup();
    known.keep(|at| !again.contains(&starts[at]));
    let params = TrackerParams::patient();
    known.add_conjugates(&mut counts);
    // Of those that are missing: how they ended on the straight way.
    let (mut states, mut idle): (Vec<PathState>, usize) = (Vec::new(), 0);
    for bend in BENDS {
        if again.is_empty() || known.is_complete() || idle >= IDLE {
            break;
        }
        counts.attempts += 1;
        let before = known.roots.len();
        let ends = way.follow::<Precise>(&again, bend, &params, &mut counts);
        if bend == 0.0 {
            states = ends.iter().map(|end| end.state).collect();
        }
        let mut missing = (Vec::new(), Vec::new());
        for ((&place, &state), end) in again.iter().zip(&states).zip(ends) {
            // On the straight way a path that comes to a known end has it for its own, be it known as a conjugate; on a
            // bent one it may have left its own.
            let has_arrived = end.state == PathState::Arrived && bend == 0.0;
            if !known.add(end) && !has_arrived {
                missing.0.push(place);
                missing.1.push(state);
            }
        }
        (again, states) = missing;
        known.add_conjugates(&mut counts);
        idle = if known.roots.len() > before { 0 } else { idle + 1 };
    }
    if known.is_complete() {
        states.clear();
    }
    let ended = |wanted| states.iter().filter(|&&state| state == wanted).count();
    (counts.at_infinity, counts.singular) = (ended(PathState::AtInfinity), ended(PathState::SingularEnd));
    for detour in 1..=if way.is_straightened { 1 } else { DETOURS } {
        if known.is_complete() {
            break;
        }
        counts.attempts += 1;
        let (parameters, starts) = family.congruent(parameters, fibre, detour);
        let way = Way::plain(family, (&parameters, &starts), target);
        for end in way.follow::<Precise>(&all, 0.0, &params, &mut counts) {
            known.add(end);
        }
        known.add_conjugates(&mut counts);
    }
    Solved { roots: known.roots, counts }
}

/// Different ends, and the matrices they stand for: most are far from each other, which the rounded ones tell.
struct Known<F: Family> {
    family: F,
    roots: Vec<PathEnd>,
    matrices: Vec<Block<c64>>,
    wanted: usize,
}

impl<F: Family> Known<F> {
    fn is_complete(&self) -> bool {
        self.roots.len() >= self.wanted
    }

    /// Which of them an end is.
    fn place(&self, end: &PathEnd) -> Option<usize> {
        let matrix = end.matrix(self.family).map(Lane::rounded);
        let limit = NEAR * matrix.largest();
        let near = |at: &usize| self.matrices[*at].minus(&matrix).largest() <= limit;
        (0..self.roots.len()).filter(near).find(|&at| self.roots[at].is_same(end, self.family))
    }

    fn push(&mut self, end: PathEnd) {
        self.matrices.push(end.matrix(self.family).map(Lane::rounded));
        self.roots.push(end);
    }

    fn keep(&mut self, is_kept: impl Fn(usize) -> bool) {
        let mut at = 0..;
        self.roots.retain(|_| at.next().is_some_and(&is_kept));
        let mut at = 0..;
        self.matrices.retain(|_| at.next().is_some_and(&is_kept));
    }

    /// Takes an end that is new; whether it is.
    fn add(&mut self, end: PathEnd) -> bool {
        let new = end.state == PathState::Arrived && self.place(&end).is_none();
        if new {
            self.push(end);
        }
        new
    }

    /// The conjugates of ends that are no ends themselves, where solutions are missing.
    fn add_conjugates(&mut self, counts: &mut PathCounts) {
        for at in 0..self.roots.len() {
            if self.is_complete() {
                return;
            }
            let conjugate = self.roots[at].conjugate();
            counts.conjugates += usize::from(self.add(conjugate));
        }
    }
}
