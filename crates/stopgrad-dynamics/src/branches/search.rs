//! From equilibria at several values to all curves through them, checked between events.

use faer::Mat;
use rayon::prelude::*;

use super::assembly;
use super::curve::{Course, Curve, follow, relative_distance, settle};
use super::family::Family;
use super::{BranchParams, Check, Diagram, FollowParams};

/// Real equilibria at one parameter.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Found {
    /// (rank, S in the coordinates of the moments), the origin left out.
    pub equilibria: Vec<(usize, Mat<f64>)>,
    /// Whether these are known to be all.
    pub complete: bool,
}

/// Gives the real equilibria at a shown parameter.
pub type Finder<'a> = dyn Fn(f64) -> Found + Sync + 'a;

/// Two equilibria this close, each mode by its own size, are one.
const SAME: f64 = 1e-5;
/// Times that curves are followed anew with steps half as long where two of them claim one equilibrium.
const STRICTER: usize = 3;

/// All branches of a family in a range, from what a finder finds at several values.
///
/// `watch` is told how many curves are followed and asked whether to stop; what was not followed then lacks, and the checks say so.
///
/// # Requires    a range inside λ > 0 in which X is invertible; a finder that is a pure function
/// # Cost        a curve: 50 to 300 steps, each 3 to 5 Newton steps and a spectrum of r k + r² dimensions
/// # Source      pseudo-arclength: Keller 1977; charts and tests are ours
pub fn find_branches(
    family: &Family, finder: &Finder<'_>, params: &BranchParams, watch: &(dyn Fn(usize) -> bool + Sync),
) -> Diagram {
    let [low, high] = params.range.map(|parameter| family.followed(parameter));
    let count = params.seeds.max(2);
    let mut slices: Vec<Slice> = (0..count)
        .map(|k| {
            let theta = match k {
                0 => low,
                k if k + 1 == count => high,
                k => low + (high - low) * k as f64 / (count - 1) as f64,
            };
            Slice::at(family, finder, theta)
        })
        .collect();
    let mut curves = cover(family, params, &slices, watch);
    for _ in 0..params.rounds {
        let new = between(params, &curves, &slices);
        if new.is_empty() || watch(curves.len()) {
            break;
        }
        slices.extend(new.into_iter().map(|theta| Slice::at(family, finder, theta)));
        slices.sort_by(|a, b| a.theta.total_cmp(&b.theta));
        curves = cover(family, params, &slices, watch);
    }
    let checks = slices.iter().enumerate().map(|(place, slice)| slice.check(family, place, &curves)).collect();
    let not_followed =
        slices.iter().flat_map(|slice| slice.lost.iter().map(|&(rank, _)| (family.shown(slice.theta), rank))).collect();
    assembly::assemble(family, params, &curves, checks, not_followed)
}

/// A value and what was found there.
struct Slice {
    theta: f64,
    /// (rank, Σ) after Newton.
    found: Vec<(usize, Mat<f64>)>,
    /// Those at which Newton did not settle.
    lost: Vec<(usize, Mat<f64>)>,
    complete: bool,
}

impl Slice {
    fn at(family: &Family, finder: &Finder<'_>, theta: f64) -> Self {
        let Found { equilibria, complete } = finder(family.shown(theta));
        let mut slice = Self { theta, found: Vec::new(), lost: Vec::new(), complete };
        for (rank, s) in equilibria.into_iter().filter(|(rank, _)| *rank > 0) {
            let sigma = family.inward(&s);
            match settle(family, &sigma, rank, theta) {
                Some(sigma) => slice.found.push((rank, sigma)),
                None => slice.lost.push((rank, sigma)),
            }
        }
        slice
    }

    /// Σ of the crossings of this slice by curves of a rank, with the curve's number.
    fn crossings(place: usize, rank: usize, curves: &[Curve]) -> impl Iterator<Item = (usize, &Mat<f64>)> {
        curves.iter().enumerate().filter(move |(_, curve)| curve.rank == rank).flat_map(move |(number, curve)| {
            curve.nodes.iter().filter(move |node| node.slice == Some(place)).map(move |node| (number, &node.sigma))
        })
    }

    fn check(&self, family: &Family, place: usize, curves: &[Curve]) -> Check {
        let ranks = curves.iter().map(|curve| curve.rank).max().unwrap_or(0);
        let expected = (1..=ranks).map(|rank| Self::crossings(place, rank, curves).count()).sum();
        let distances = self.found.iter().filter_map(|(rank, sigma)| {
            let near = Self::crossings(place, *rank, curves).map(|(_, other)| relative_distance(sigma, other, *rank));
            near.filter(|distance| *distance < SAME).min_by(f64::total_cmp)
        });
        let distances: Vec<f64> = distances.collect();
        Check {
            parameter: family.shown(self.theta),
            found: self.found.len() + self.lost.len(),
            expected,
            matched: distances.len(),
            distance: distances.iter().copied().fold(0.0, f64::max),
            complete: self.complete,
        }
    }
}

/// Curves through everything that was found, ranks beside each other.
fn cover(
    family: &Family, params: &BranchParams, slices: &[Slice], watch: &(dyn Fn(usize) -> bool + Sync),
) -> Vec<Curve> {
    let thetas: Vec<f64> = slices.iter().map(|slice| slice.theta).collect();
    let range = [thetas[0], thetas[thetas.len() - 1]];
    let ranks = slices.iter().flat_map(|slice| &slice.found).map(|(rank, _)| *rank).max().unwrap_or(0);
    let sizes = slices.iter().flat_map(|slice| &slice.found).map(|(_, sigma)| sigma.norm_l2());
    let bound = params.follow.escape * sizes.fold(0.0, f64::max);
    let by_rank: Vec<Vec<Curve>> = (1..=ranks)
        .into_par_iter()
        .map(|rank| {
            let mut follow_params = params.follow;
            for attempt in 0..=STRICTER {
                let course =
                    Course { family, range, slices: &thetas, flow: params.flow, params: &follow_params, bound };
                let (curves, clash) = cover_rank(&course, slices, rank, watch);
                if !clash || attempt == STRICTER {
                    return curves;
                }
                follow_params = FollowParams {
                    longest_step: 0.5 * follow_params.longest_step,
                    least_cosine: 1.0 - 0.25 * (1.0 - follow_params.least_cosine),
                    ..follow_params
                };
            }
            unreachable!("the last attempt returns")
        })
        .collect();
    by_rank.into_iter().flatten().collect()
}

/// The curves of one rank, and whether two of them pass through one equilibrium: then one has jumped.
fn cover_rank(
    course: &Course<'_>, slices: &[Slice], rank: usize, watch: &(dyn Fn(usize) -> bool + Sync),
) -> (Vec<Curve>, bool) {
    let mut curves: Vec<Curve> = Vec::new();
    let mut clash = false;
    for (place, slice) in slices.iter().enumerate() {
        for (_, sigma) in slice.found.iter().filter(|(own, _)| *own == rank) {
            let hits = Slice::crossings(place, rank, &curves)
                .filter(|(_, other)| relative_distance(sigma, other, rank) < SAME)
                .count();
            clash |= hits > 1;
            if hits > 0 || watch(curves.len()) {
                continue;
            }
            if let Some(curve) = follow(course, sigma, rank, place) {
                curves.push(curve);
            }
        }
    }
    (curves, clash)
}

/// Middles of the intervals between events that hold no slice yet, the widest first, and of no more than asked for.
fn between(params: &BranchParams, curves: &[Curve], slices: &[Slice]) -> Vec<f64> {
    let inner = curves.iter().flat_map(|curve| &curve.nodes).filter(|node| node.special.is_some());
    let mut marks: Vec<f64> = inner.map(|node| node.theta).collect();
    marks.extend([slices[0].theta, slices[slices.len() - 1].theta]);
    marks.sort_by(f64::total_cmp);
    let mut gaps: Vec<[f64; 2]> = marks
        .windows(2)
        .map(|pair| [pair[0], pair[1]])
        // Two places of one event are no interval.
        .filter(|[a, b]| b - a > 1e-9 && !slices.iter().any(|slice| *a < slice.theta && slice.theta < *b))
        .collect();
    gaps.sort_by(|[a, b], [c, d]| (d - c).total_cmp(&(b - a)).then(a.total_cmp(c)));
    let left = (params.checks + params.seeds).saturating_sub(slices.len());
    gaps.truncate(left);
    gaps.into_iter().map(|[a, b]| f64::midpoint(a, b)).collect()
}
