//! From rows nearly at rest to an equilibrium: Newton's method, its steps shortened where a row would get farther from balance.

use faer::Mat;

use super::factors::{Factors, Point};
use super::search::{Effort, PartialParams};
use super::solver::{Solver, Tilt};
use crate::linalg::{LinalgError, add_scaled, frobenius};
use crate::stage::{Stage, Watch};

/// Numbers that the basis of one linear system may hold: 4 GiB.
const BASIS_NUMBERS: usize = 1 << 29;
/// Residual below which shortened steps past a fold are waited for: twice as many.
const IN_REACH: f64 = 1e-7;
/// Residual of the linear systems at the end: three digits a step; more would cost more products than they save steps.
const FINEST: f64 = 1e-3;

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
        let goal = at.residual.sqrt().clamp(FINEST, 0.05);
        let mut solver = Solver::new(factors, &at, 0.0, (goal, max_products), tilt)?;
        solver.only_rest = only_rest;
        let solution = solver.solve(at.defect.as_ref())?;
        effort.products += solution.iterations;
        tilt = solver.tilt;
        effort.steps += 1;
        if only_rest && solution.residual > goal && solver.would_turn() {
            break;
        }
        let Some(next) = damped(factors, &at, &solution.x)? else { break };
        // The floor of rounding.
        let stalled = next.residual > 0.3 * at.residual && next.residual < crate::maximal::ACCEPTED_RESIDUAL;
        at = next;
        residuals.push(at.residual);
        if stalled {
            break;
        }
    }
    let dead = 0.1 * factors.decay / frobenius(factors.support.cross.as_ref());
    Ok((at.residual <= crate::maximal::ACCEPTED_RESIDUAL && at.smallest_row()? > dead).then_some(at))
}

/// The longest of the steps 1, 1/2, … 1/64 that lowers the defect, each row by its signal, in the predictor's gauge.
fn damped(factors: &Factors<'_>, at: &Point, step: &Mat<f64>) -> Result<Option<Point>, LinalgError> {
    let signals = at.signals();
    let size = |point: &Point| point.row_defects(&signals).map(|row| row * row).sum::<f64>();
    let before = size(at);
    for halvings in 0..7 {
        let mut p = at.p.clone();
        add_scaled(&mut p, -(0.5f64.powi(halvings)), step.as_ref());
        // One that fails is so far out that λ is lost in the rounding of PXPᵀ.
        let Ok(next) = factors.point(p) else { continue };
        if size(&next) < before {
            return next.in_predictor_gauge().map(Some);
        }
    }
    Ok(None)
}
