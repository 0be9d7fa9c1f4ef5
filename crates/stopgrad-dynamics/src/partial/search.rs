//! From a start to an equilibrium of some rank: alternating ridge regressions, then Newton.

use faer::Mat;

use super::factors::{Factors, Point, Predictor};
use super::solver::{Solver, Tilt};
use crate::linalg::{Arithmetic, LinalgError, add_scaled, frobenius, product, product_symmetric, symmetric_eigen};
use crate::stage::{Stage, Watch};

/// How far to go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PartialParams {
    /// Rounds of regressions before Newton takes over: 200; a round gains a constant factor.
    pub max_rounds: usize,
    /// Defect of the worst row, relative to its signal, at which it does: 0.015, inside Newton's reach for modes that are not
    /// near their death.
    pub settled: f64,
    /// Times the regressions go on, to 0.3 of that each, when Newton finds nothing: 8.
    pub blocks: usize,
    /// Newton steps: 40.
    pub max_steps: usize,
    /// Products of one linear system: 150 (fewer where the basis would exceed 4 GiB).
    pub max_products: usize,
    /// Products after which a start whose equilibrium is not found is given up: 1,000.
    pub enough_products: usize,
    /// Relative residual at which Newton stops: 10⁻¹³.
    pub tolerance: f64,
    /// Random starts besides the informed ones, where a product is cheap and where it is dear: 12 and 3.
    pub random_starts: [usize; 2],
    /// Seed of the random starts.
    pub seed: u64,
    /// Ranks beyond the best one that must fail before the search ends: 2.
    pub failures_allowed: usize,
    /// Whether every rank up to min(n, k) is tried.
    pub all_ranks: bool,
}

impl Default for PartialParams {
    fn default() -> Self {
        Self {
            max_rounds: 200,
            settled: 0.015,
            blocks: 8,
            max_steps: 40,
            max_products: 150,
            enough_products: 1000,
            tolerance: 1e-13,
            random_starts: [12, 3],
            seed: 0,
            failures_allowed: 2,
            all_ranks: false,
        }
    }
}

/// What the regressions and Newton cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Effort {
    /// Rounds of regressions.
    pub rounds: usize,
    /// Newton steps.
    pub steps: usize,
    /// Products of the linear systems.
    pub products: usize,
}

/// A after one round: B by ridge regression of the targets on the embeddings, A by ridge regression with targets held.
///
/// A⁺ solves BᵀB A⁺ X + λA⁺ = Bᵀ A Y: a division in the eigenbases of BᵀB and X.
fn ridge_round(factors: &Factors<'_>, a: &Mat<f64>) -> Result<Mat<f64>, LinalgError> {
    let Predictor { py, b, .. } = factors.predictor(a)?;
    let eigen = symmetric_eigen(product_symmetric(b.transpose(), b.as_ref()).as_ref())?;
    let mut right = product(product(eigen.vectors.transpose(), b.transpose()).as_ref(), py.as_ref());
    for j in 0..right.ncols() {
        for i in 0..right.nrows() {
            right[(i, j)] /= eigen.values[i].max(0.0) * factors.support.variances[j] + factors.decay;
        }
    }
    Ok(product(eigen.vectors.as_ref(), right.as_ref()))
}

/// Rounds before Newton's method: a weak row turns towards a mode left out by a fifth a round from next to nothing.
const TIME_TO_TURN: usize = 60;
/// The same where all rows but new ones were at rest: a row that lasts beside them may still die in many rounds, since
/// regressions give the predictor all the speed it wants.
const TIME_TO_FIT_IN: usize = 10;
/// How often regressions and Newton's method take turns: once where a rank is `known` and more is dear.
pub(super) fn blocks(factors: &Factors<'_>, rows: usize, known: bool, params: &PartialParams) -> usize {
    if known && factors.is_dear(rows) { 1 } else { params.blocks }
}

/// Rounds that the rows of a start are given at least; `beside`: beside an equilibrium that was found.
pub(super) fn least_rounds(beside: bool) -> usize {
    if beside { TIME_TO_FIT_IN } else { TIME_TO_TURN }
}

/// Defect of a row, relative to its signal, beyond which Newton's method is not tried,
const OUT_OF_BALANCE: f64 = 0.15;
/// and relative change of A in a round.
const IN_MOTION: f64 = 0.02;

/// What the regressions came to.
pub(super) struct Settled {
    /// A, without the rows that died.
    pub(super) a: Mat<f64>,
    /// Whether rows still move so much, or are so far from balance, that Newton's method would not find where to.
    pub(super) restless: bool,
}

/// Rounds until every row is nearly at rest or fewer than `needed` are left; rows that died are taken out as they die.
///
/// `None` where the rows ran off: at a small λ a round can throw a row whose b passes through 0 out to λ^{−1/2} times its
/// length, and again, until λ is lost in the rounding of PXPᵀ or the numbers overflow. Nothing else fails here.
pub(super) fn alternate(
    factors: &Factors<'_>, start: Mat<f64>, bounds: (f64, usize, usize), params: &PartialParams, effort: &mut Effort,
    watch: &Watch<'_>,
) -> Option<Settled> {
    rounds(factors, start, bounds, params, effort, watch).ok()
}

fn rounds(
    factors: &Factors<'_>, start: Mat<f64>, (settled, least_rounds, needed): (f64, usize, usize),
    params: &PartialParams, effort: &mut Effort, watch: &Watch<'_>,
) -> Result<Settled, LinalgError> {
    // Every b of an equilibrium has singular values of at least about λ/|Y|; a tenth of that will not come back.
    let dead = 0.1 * factors.decay / frobenius(factors.support.cross.as_ref());
    let (mut a, mut change, mut worst) = (start, f64::INFINITY, f64::INFINITY);
    for round in 0..params.max_rounds {
        if a.nrows() < needed.max(1) || watch(Stage::Regressions { rank: a.nrows(), round, change }) {
            break;
        }
        let next = ridge_round(factors, &a)?;
        effort.rounds += 1;
        add_scaled(&mut a, -1.0, next.as_ref());
        change = frobenius(a.as_ref()) / frobenius(next.as_ref());
        a = next;
        if round % 10 == 9 || !change.is_finite() {
            a = without_dead_rows(&a, dead)?;
            if a.nrows() == 0 {
                break;
            }
            worst = worst_row(&factors.point(a.clone())?.in_predictor_gauge()?);
            if worst < settled && round + 1 >= least_rounds {
                break;
            }
        }
    }
    Ok(Settled { a, restless: worst > OUT_OF_BALANCE || change > IN_MOTION })
}

/// The largest |row of the defect| / |row of bᵀPY|: each row counts alike, however small. A mode without an equilibrium,
/// past its fold by a share δ of λ, shows about δ/2 while it dies, which the relative residual of the whole does not see.
fn worst_row(at: &Point) -> f64 {
    let signal = product(at.b.transpose(), at.py.as_ref());
    let row = |i: usize| frobenius(at.defect.subrows(i, 1)) / frobenius(signal.subrows(i, 1));
    (0..at.p.nrows()).map(row).fold(0.0, f64::max)
}

fn without_dead_rows(a: &Mat<f64>, dead: f64) -> Result<Mat<f64>, LinalgError> {
    let turned = Factors::turned(a)?;
    let alive = (0..turned.nrows()).take_while(|&i| frobenius(turned.subrows(i, 1)) > dead).count();
    Ok(turned.subrows(0, alive).to_owned())
}

/// Numbers that the basis of one linear system may hold: 4 GiB.
const BASIS_NUMBERS: usize = 1 << 29;

/// Residual below which shortened steps past a fold are waited for: twice as many.
const IN_REACH: f64 = 1e-7;
/// Share of the residual that a step may leave before single precision is seen as too coarse.
const COARSE: f64 = 0.1;

/// Newton from P: the equilibrium it ends at, or `None` when it does not end at one of full rank r.
///
/// `only_rest`: left where a row is seen to turn away, since nothing that attracts is near.
pub(super) fn polish(
    factors: &Factors<'_>, start: &Mat<f64>, only_rest: bool, params: &PartialParams, effort: &mut Effort,
    watch: &Watch<'_>,
) -> Result<Option<Point>, LinalgError> {
    if start.nrows() == 0 {
        return Ok(None);
    }
    let mut arithmetic = factors.arithmetic(start.nrows());
    let max_products = params.max_products.min(BASIS_NUMBERS / (start.nrows() * start.ncols()));
    let mut at = factors.point(start.clone())?.in_predictor_gauge()?;
    let mut residuals = vec![at.residual];
    let mut tilt = Tilt::Untried;
    for step in 0..params.max_steps {
        // Next to no progress in so many steps: there is nothing near.
        let patience = if at.residual < IN_REACH { 8 } else { 4 };
        let lost = step >= patience && at.residual > 0.6 * residuals[step - patience];
        if at.residual <= params.tolerance
            || lost
            || watch(Stage::Newton { rank: start.nrows(), step, residual: at.residual })
        {
            break;
        }
        // In single precision each step gains three digits at most; residuals are always of double precision.
        let finest = if arithmetic == Arithmetic::Single { 1e-3 } else { 1e-5 };
        let goal = at.residual.sqrt().clamp(finest, 0.05);
        let mut solver = Solver::new(factors, &at, 0.0, (goal, max_products), tilt, arithmetic)?;
        solver.only_rest = only_rest;
        let solution = solver.solve(at.defect.as_ref())?;
        tilt = solver.tilt;
        effort.steps += 1;
        effort.products += solution.iterations;
        if only_rest && solution.residual > goal && solver.would_turn() {
            break;
        }
        let Some(next) = damped(factors, &at, &solution.x)? else { break };
        // The floor of rounding.
        let stalled = next.residual > 0.3 * at.residual && next.residual < crate::maximal::ACCEPTED_RESIDUAL;
        let single = arithmetic == Arithmetic::Single;
        if next.residual > COARSE * at.residual {
            arithmetic = Arithmetic::Double;
        }
        at = next;
        residuals.push(at.residual);
        if stalled && !single {
            break;
        }
    }
    let dead = 0.1 * factors.decay / frobenius(factors.support.cross.as_ref());
    Ok((at.residual <= crate::maximal::ACCEPTED_RESIDUAL && at.smallest_row()? > dead).then_some(at))
}

/// The longest of the steps 1, 1/2, … 1/64 that lowers the defect, in the predictor's gauge.
fn damped(factors: &Factors<'_>, at: &Point, step: &Mat<f64>) -> Result<Option<Point>, LinalgError> {
    let before = frobenius(at.defect.as_ref());
    for halvings in 0..7 {
        let mut p = at.p.clone();
        add_scaled(&mut p, -(0.5f64.powi(halvings)), step.as_ref());
        // One that fails is so far out that λ is lost in the rounding of PXPᵀ.
        let Ok(next) = factors.point(p) else { continue };
        if frobenius(next.defect.as_ref()) < before {
            return next.in_predictor_gauge().map(Some);
        }
    }
    Ok(None)
}
