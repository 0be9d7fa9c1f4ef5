//! Where searches start: S' of the right rank, in the units of the whitened instance.

use faer::Mat;
use rand_chacha::rand_core::Rng;

use super::super::Problem;
use super::super::followed::Units;
use super::modes::{Mode, joined};
use super::newton::Real;
use crate::basins::{BasinParams, Outcome, Start, find_basins};
use crate::ensemble::EnsembleParams;
use crate::flow::FlowParams;
use crate::maximal::{Maximal, MaximalParams, solve_maximal};
use crate::random::{normal, stream, uniform};
use crate::{Field, LinearField, Moments};

/// Flows that are followed to their ends.
const FLOWS: usize = 64;
/// Steps of each, and of those that are not at rest then once more: variances that differ by 10⁴ would take millions.
const FLOW_STEPS: u64 = 10_000;
const FURTHER_STEPS: u64 = 1_000;
/// Random rows, of each rank.
const RANDOM: usize = 40;
/// Sums of solutions of rank one: as many as N³ of them stay below this, within the bounds that follow.
const WORK: f64 = 3e7;
const SUMS: std::ops::RangeInclusive<usize> = 20..=2000;
/// Streams of the random numbers; the seed is the same always, so that an answer is.
const SEED: u64 = 0x736f_7567_6874;

/// What is known before a search.
pub(in super::super) struct Seeds {
    /// Variances, in units in which S' is of size 1.
    scales: Vec<f64>,
    /// Solutions of the quadratic eigenvalue problem.
    modes: Vec<Mode>,
    /// Where there is one, of full rank.
    maximal: Option<Real>,
    /// Ends of flows: (rank, S').
    ends: Vec<(usize, Real)>,
    searched: bool,
}

impl Seeds {
    /// `searched`: whether anything but `S_max` is wanted.
    pub(super) fn new(problem: &Problem, units: &Units, searched: bool) -> Self {
        let k = problem.size();
        let maximal = match solve_maximal(&problem.support, problem.weight_decay, &MaximalParams::default(), &|_| false)
        {
            Maximal::Found(found) => Some((0..k * k).map(|at| found.whitened[(at / k, at % k)] / units.unit).collect()),
            _ => None,
        };
        let mut ends = Vec::new();
        let mut modes = Vec::new();
        if searched {
            ends.extend(flows(problem, units));
            modes = super::modes::modes(problem);
        }
        let scales = problem.support.variances.iter().map(|rho| rho / units.unit).collect();
        Self { scales, modes, maximal, ends, searched }
    }

    /// Whether `S_max` is among the starts of full rank.
    pub(in super::super) fn has_maximal(&self) -> bool {
        self.maximal.is_some()
    }

    /// The starts of rank r.
    pub(super) fn of(&self, rank: usize) -> Vec<Real> {
        let k = self.scales.len();
        let mut starts: Vec<Real> = self.maximal.iter().filter(|_| rank == k).cloned().collect();
        starts.extend(self.ends.iter().filter(|(r, _)| *r == rank).map(|(_, s)| s.clone()));
        if !self.searched {
            return starts;
        }
        let mut rng = stream(SEED, rank as u64);
        let unknowns = rank * (rank + 1) / 2 + rank * (k - rank);
        let most = ((WORK / (unknowns as f64).powi(3)) as usize).clamp(*SUMS.start(), *SUMS.end());
        let chosen = choices(&self.modes.iter().map(Mode::rank).collect::<Vec<_>>(), rank, most, &mut rng);
        starts.extend(
            chosen.iter().filter_map(|choice| {
                joined(&choice.iter().map(|&at| &self.modes[at]).collect::<Vec<_>>(), &self.scales)
            }),
        );
        for _ in 0..RANDOM {
            // Sizes over a decade and a half about 1.
            let scale = 10f64.powf(1.5 * uniform(&mut rng) - 1.0) / (k as f64).sqrt();
            let rows: Vec<Vec<f64>> = (0..rank).map(|_| (0..k).map(|_| scale * normal(&mut rng)).collect()).collect();
            starts.push(gram(&rows));
        }
        starts
    }
}

/// Σ uᵀu.
fn gram(rows: &[Vec<f64>]) -> Real {
    let k = rows.first().map_or(0, Vec::len);
    (0..k * k).map(|at| rows.iter().map(|u| u[at / k] * u[at % k]).sum()).collect()
}

/// Where flows from random states rest.
fn flows(problem: &Problem, units: &Units) -> Vec<(usize, Real)> {
    let (k, rho) = (problem.size(), &problem.support.variances);
    let xx = Mat::from_fn(k, k, |i, j| if i == j { rho[i] } else { 0.0 });
    let moments = Moments::unchecked(xx, problem.support.cross.clone(), None);
    let Ok(field) = LinearField::new(Field::StopGradient, moments, k, problem.weight_decay) else { return Vec::new() };
    // Rows about as large as an equilibrium's.
    let mean = rho.iter().sum::<f64>() / k as f64;
    let params = BasinParams {
        trials: FLOWS,
        start: Start::Normal { scale: (units.unit / (mean * k as f64)).sqrt() },
        seed: SEED,
        ensemble: EnsembleParams {
            first_visit: 10.0,
            end_time: 3000.0,
            max_steps: FLOW_STEPS,
            ..EnsembleParams::default()
        },
        flow: FlowParams { max_rows: 2, max_steps: FURTHER_STEPS, ..FlowParams::default() },
        ..BasinParams::default()
    };
    let ends = find_basins(&field, &[], &params).ends;
    let resting = ends.into_iter().filter_map(|end| match end.outcome {
        Outcome::Equilibrium { rank, .. } if rank > 0 => Some((rank, end.state)),
        _ => None,
    });
    resting
        .map(|(rank, z)| {
            let s = |i: usize, j: usize| (0..k).map(|row| z[row * k + i] * z[row * k + j]).sum::<f64>();
            (rank, (0..k * k).map(|at| s(at / k, at % k) * (rho[at / k] * rho[at % k]).sqrt() / units.unit).collect())
        })
        .collect()
}

/// Choices of modes whose ranks make r: all where they are few, else so many at random.
fn choices(ranks: &[usize], r: usize, most: usize, rng: &mut impl Rng) -> Vec<Vec<usize>> {
    let mut all = Vec::new();
    extend(ranks, 0, r, &mut Vec::new(), &mut |choice| {
        all.push(choice.to_vec());
        all.len() <= most
    });
    if all.len() <= most {
        return all;
    }
    // A choice of rank r may be missed where pairs are in the way: then another order.
    (0..most).filter_map(|_| random_choice(ranks, r, rng)).collect()
}

/// Every choice of the modes from `from` on of rank r, behind those chosen, until `take` has enough.
fn extend(
    ranks: &[usize], from: usize, r: usize, chosen: &mut Vec<usize>, take: &mut impl FnMut(&[usize]) -> bool,
) -> bool {
    if r == 0 {
        return take(chosen);
    }
    for at in from..ranks.len() {
        if ranks[at] <= r {
            chosen.push(at);
            let more = extend(ranks, at + 1, r - ranks[at], chosen, take);
            chosen.pop();
            if !more {
                return false;
            }
        }
    }
    true
}

/// The first modes of a shuffle that fit into rank r.
fn random_choice(ranks: &[usize], r: usize, rng: &mut impl Rng) -> Option<Vec<usize>> {
    let mut order: Vec<usize> = (0..ranks.len()).collect();
    let (mut chosen, mut left) = (Vec::new(), r);
    for place in 0..order.len() {
        let other = place + (rng.next_u64() % (order.len() - place) as u64) as usize;
        order.swap(place, other);
        if ranks[order[place]] <= left {
            chosen.push(order[place]);
            left -= ranks[order[place]];
        }
    }
    (left == 0).then_some(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_choices_are_all_taken_and_many_are_drawn() {
        let mut rng = stream(1, 0);
        assert_eq!(choices(&[1; 4], 2, 10, &mut rng), [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]);
        assert_eq!(choices(&[1, 2, 1], 2, 10, &mut rng), [vec![0, 2], vec![1]]);
        assert_eq!((choices(&[1; 3], 3, 10, &mut rng).len(), choices(&[1; 2], 3, 10, &mut rng).len()), (1, 0));
        let drawn = choices(&[1; 20], 5, 30, &mut rng);
        assert_eq!(drawn.len(), 30);
        for choice in drawn {
            let mut sorted = choice.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert!(sorted.len() == 5 && sorted[4] < 20, "{choice:?}");
        }
    }
}
