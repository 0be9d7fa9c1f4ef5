//! Equilibria of lower rank: the largest rank with an attracting one at a given λ (docs/theory.md, 3.4 and 4.3).
//!
//! Where no full-rank equilibrium attracts (λ beyond λ_crit, or an embedding narrower than the data), training ends at
//! lower rank. Candidates come from stop-gradient alternating ridge regressions, started large in the most predictable
//! modes and from random mixtures; modes that cannot live die on the way. Newton in factors finishes, and the spectrum
//! of the flow decides. The search is over starts, so a larger attracting rank can be missed: what was tried is told.

mod attracting;
mod branch;
mod factors;
mod inside;
mod outside;
mod pairs;
mod polish;
mod precondition;
mod projected;
mod row_space;
mod search;
mod shifted;
mod solver;
mod starts;

pub use attracting::{Attraction, Rate, RateMethod};
pub(crate) use branch::RankBranch;
pub use search::{Effort, PartialParams};

use faer::Mat;
use serde::Serialize;

use crate::Support;
use crate::linalg::{LinalgError, product};
use crate::modes::Mode;
use crate::stage::{Stage, Watch};
use factors::{Factors, Point};
use polish::polish;
use search::{alternate, blocks, least_rounds};
use starts::{by_outer_root, random_rows, rows_of};

/// An equilibrium of rank r: A = U P, B = U b Uᵀ for any orthonormal U.
#[derive(Debug, Clone, PartialEq)]
pub struct PartialEquilibrium {
    /// P in the eigenbasis of X: r × k, rows orthogonal, the largest first.
    pub p: Mat<f64>,
    /// b: r × r.
    pub b: Mat<f64>,
    /// |bᵀ(bPX − PY) + λP|_F / |bᵀPY|_F; the other equation, for b, holds by construction.
    pub residual: f64,
    /// Whether it attracts.
    pub rate: Rate,
    /// What it cost.
    pub effort: Effort,
}

impl PartialEquilibrium {
    /// r.
    pub fn rank(&self) -> usize {
        self.p.nrows()
    }
}

/// One start and where it ended.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Attempt {
    /// Rows it started with.
    pub rows: usize,
    /// Rows that lived when Newton took over.
    pub rank: usize,
    /// What was found there; `None` when it was not finished (a larger rank was known) or given up.
    pub rate: Option<Rate>,
    /// Whether it was left with more rows than any rank known and no equilibrium: after
    /// [`PartialParams::enough_products`], or after all rounds. Whether that rank attracts is then not known.
    pub given_up: bool,
    /// What it cost.
    pub effort: Effort,
}

/// What a search over starts found.
#[derive(Debug, Clone, PartialEq)]
pub struct PartialSearch {
    /// The equilibrium of the largest rank that is no saddle; `None` when only the origin attracts.
    pub best: Option<PartialEquilibrium>,
    /// Every start, in order.
    pub attempts: Vec<Attempt>,
}

/// The largest rank r ≤ min(n, k) with an attracting equilibrium at λ, over the starts tried.
///
/// # Requires    `weight_decay` > 0, `width` > 0; `modes` those of the support
/// # Errors      [`LinalgError`]
/// # Cost        a start: up to eight times 200 rounds (400 where Newton is dear) of one r × k × k product and an r × r eigendecomposition, and Newton
/// # Source      Ponce, Terver, Hebert, Arbel 2026, for the equations; the search is ours
pub fn find_partial(
    support: &Support, modes: &[Mode], (weight_decay, width): (f64, usize), params: &PartialParams, watch: &Watch<'_>,
) -> Result<PartialSearch, LinalgError> {
    let limit = width.min(support.size());
    let mut hunt = Hunt {
        factors: Factors { support, decay: weight_decay },
        params,
        watch,
        found: PartialSearch { best: None, attempts: Vec::new() },
    };
    let order = by_outer_root(modes, weight_decay);
    // Twice the λ of a mode's lone death: room for modes that live only with others.
    let hopeful = modes.iter().filter(|mode| mode.critical_weight_decay() > 0.5 * weight_decay).count();
    let rows = hopeful.clamp(usize::from(modes[0].cross != 0.0), limit);
    hunt.attempt(rows_of(&order, rows), false)?;
    if hunt.is_beyond_reach() {
        return Ok(hunt.found);
    }
    let sure = order.iter().filter(|mode| mode.outer_root(weight_decay).is_some()).count().min(limit);
    if sure != rows {
        hunt.attempt(rows_of(&order, sure), false)?;
    }
    let above = hunt.descend(&order)?.unwrap_or(rows);
    for draw in 0..params.random_starts[usize::from(hunt.factors.is_dear(above))] {
        hunt.attempt(random_rows(&order, above, params.seed, draw as u64), false)?;
    }
    let mut failures = 0;
    let mut rank = hunt.best_rank() + 1;
    while rank <= limit && (params.all_ranks || failures < params.failures_allowed) && !hunt.stopped() {
        let start = hunt.extended(&order, rank).unwrap_or_else(|| rows_of(&order, rank));
        let before = hunt.best_rank();
        hunt.attempt(start, true)?;
        if hunt.best_rank() > before {
            failures = 0;
            rank = hunt.best_rank();
        } else {
            failures += 1;
        }
        rank += 1;
    }
    Ok(hunt.found)
}

struct Hunt<'a> {
    factors: Factors<'a>,
    params: &'a PartialParams,
    watch: &'a Watch<'a>,
    found: PartialSearch,
}

impl Hunt<'_> {
    /// Whether somebody ended the search: asked between two starts.
    fn stopped(&self) -> bool {
        (self.watch)(Stage::Regressions { rank: self.best_rank(), round: 0, change: f64::INFINITY })
    }

    /// The largest rank known to attract; one that is undecided does not count.
    fn best_rank(&self) -> usize {
        let known = |best: &&PartialEquilibrium| best.rate.attraction != Attraction::Undecided;
        self.found.best.as_ref().filter(known).map_or(0, PartialEquilibrium::rank)
    }

    /// Where the regressions end at a saddle or the work was given up: fewer rows, by bisection between the best rank
    /// and that one.
    ///
    /// The regressions give the predictor all the speed it wants; the flow does not, and where X and Y do not commute
    /// rows of a weak predictor can then turn towards directions of large variance (docs/theory.md, 4.7). The first
    /// rows in order, the strong ones, stand longest. `Some` of the least number of rows seen to fail.
    fn descend(&mut self, order: &[Mode]) -> Result<Option<usize>, LinalgError> {
        let failed = |attempt: &&Attempt| {
            attempt.given_up || attempt.rate.is_some_and(|rate| rate.attraction == Attraction::Saddle)
        };
        let Some(mut high) = self.found.attempts.iter().filter(failed).map(|attempt| attempt.rank).min() else {
            return Ok(None);
        };
        while high > self.best_rank() + 1 && !self.stopped() {
            let middle = usize::midpoint(self.best_rank(), high);
            self.attempt(rows_of(order, middle), false)?;
            if self.best_rank() < middle {
                high = middle;
            }
        }
        Ok(Some(high))
    }

    /// The best equilibrium with the missing rows along modes outside its row space.
    fn extended(&self, order: &[Mode], rank: usize) -> Option<Mat<f64>> {
        let (Some(best), true) = (&self.found.best, rank > self.best_rank()) else { return None };
        let (r, k) = best.p.shape();
        let mut directions = Mat::from_fn(r, k, |i, j| best.p[(i, j)]);
        for i in 0..r {
            let length = crate::linalg::frobenius(directions.subrows(i, 1));
            (0..k).for_each(|j| directions[(i, j)] /= length);
        }
        let missing = rank.checked_sub(r)?;
        // How much of each mode lies outside, by the size it would attract at, then by its life.
        let mut outside: Vec<([f64; 2], usize)> = order
            .iter()
            .enumerate()
            .map(|(at, mode)| {
                let along = product(directions.as_ref(), column(mode).as_ref());
                let free = (1.0 - crate::linalg::frobenius(along.as_ref()).powi(2)).max(0.0);
                let size = mode.outer_root(self.factors.decay).unwrap_or(0.0);
                ([free * size, free * mode.critical_weight_decay()], at)
            })
            .collect();
        outside.sort_by(|(a, _), (b, _)| b[0].total_cmp(&a[0]).then(b[1].total_cmp(&a[1])));
        let extra: Vec<Mode> = outside.iter().take(missing).map(|&(_, at)| order[at].clone()).collect();
        let rows = rows_of(&extra, extra.len());
        Some(Mat::from_fn(r + extra.len(), k, |i, j| if i < r { best.p[(i, j)] } else { rows[(i - r, j)] }))
    }

    /// Whether an equilibrium was found whose slow rates cannot be computed at this size: then no other's can.
    fn is_beyond_reach(&self) -> bool {
        self.found.best.as_ref().is_some_and(|best| match best.rate.method {
            RateMethod::Theory => true,
            RateMethod::Krylov { residual, .. } => residual.is_infinite(),
            RateMethod::Dense => false,
        })
    }

    /// Its rate; kept if it is the best so far.
    fn weigh(&mut self, point: &Point, effort: Effort) -> Result<Rate, LinalgError> {
        (self.watch)(Stage::Stability { rank: point.p.nrows() });
        let found = equilibrium(&self.factors, point, effort, self.params.max_products)?;
        let rate = found.rate;
        let better = match rate.attraction {
            Attraction::Saddle => false,
            Attraction::Undecided => self.found.best.is_none(),
            Attraction::Attracting | Attraction::Degenerate => true,
        };
        if better {
            self.found.best = Some(found);
        }
        Ok(rate)
    }

    fn attempt(&mut self, start: Mat<f64>, beside: bool) -> Result<(), LinalgError> {
        let (rows, least_rounds) = (start.nrows(), least_rounds(beside));
        if rows == 0 || self.stopped() {
            return Ok(());
        }
        let mut effort = Effort::default();
        let mut attempt = Attempt { rows, rank: rows, rate: None, given_up: false, effort };
        let (mut a, mut settled) = (start, self.params.settled);
        let needed = self.best_rank() + 1;
        for _ in 0..blocks(&self.factors, rows, needed > 1, self.params) {
            let bounds = (settled, least_rounds, needed);
            let Some(end) = alternate(&self.factors, a, bounds, self.params, &mut effort, self.watch) else { break };
            a = end.a;
            attempt.rank = a.nrows();
            // Of no larger rank than what is known: no need to finish it.
            if attempt.rank < needed || self.stopped() {
                break;
            }
            if end.restless {
                continue;
            }
            if let Some(point) = polish(&self.factors, &a, true, self.params, &mut effort, self.watch)? {
                attempt.rate = Some(self.weigh(&point, effort)?);
                break;
            }
            // Newton is not in reach: a mode is still on its way out, or the linear systems are too hard.
            if effort.products > self.params.enough_products {
                break;
            }
            settled *= 0.3;
        }
        attempt.given_up = attempt.rate.is_none() && attempt.rank >= needed && !self.stopped();
        attempt.effort = effort;
        self.found.attempts.push(attempt);
        Ok(())
    }
}

fn column(mode: &Mode) -> Mat<f64> {
    Mat::from_fn(mode.direction.len(), 1, |i, _| mode.direction[i])
}

fn equilibrium(
    factors: &Factors<'_>, point: &Point, effort: Effort, max_products: usize,
) -> Result<PartialEquilibrium, LinalgError> {
    let rate = attracting::rate(factors, point, max_products)?;
    let Point { p, b, residual, .. } = factors.point(Factors::turned(&point.p)?)?;
    Ok(PartialEquilibrium { p, b, residual, rate, effort })
}

/// The equilibrium with the S of the full-rank solver, in factors, and its rate if `rated`.
///
/// # Errors      [`LinalgError`]
pub(crate) fn from_full_rank(
    support: &Support, s: &Mat<f64>, decay: f64, rated: bool,
) -> Result<PartialEquilibrium, LinalgError> {
    let factors = Factors { support, decay };
    let eigen = crate::linalg::symmetric_eigen(s.as_ref())?;
    let k = support.size();
    let p = Mat::from_fn(k, k, |i, j| eigen.values[i].max(0.0).sqrt() * eigen.vectors[(j, i)]);
    let (at, effort) = (factors.point(p)?.in_predictor_gauge()?, Effort::default());
    if rated {
        return equilibrium(&factors, &at, effort, PartialParams::default().max_products);
    }
    let Point { p, b, residual, .. } = factors.point(Factors::turned(&at.p)?)?;
    Ok(PartialEquilibrium { p, b, residual, rate: Rate::not_computed(), effort })
}

/// The equilibrium nearest to the rows given, polished; `None` when Newton ends at none of that rank.
///
/// # Shapes      rows: r × k in the eigenbasis of X
/// # Errors      [`LinalgError`]
pub fn polish_partial(
    support: &Support, rows: &Mat<f64>, weight_decay: f64, params: &PartialParams,
) -> Result<Option<PartialEquilibrium>, LinalgError> {
    let factors = Factors { support, decay: weight_decay };
    let mut effort = Effort::default();
    let point = polish(&factors, rows, false, params, &mut effort, &|_| false)?;
    point.map(|point| equilibrium(&factors, &point, effort, params.max_products)).transpose()
}
