//! The last digits of an equilibrium: Newton's method with the rotations taken out.

use faer::{Accum, Mat};

use crate::orbit::Orbit;
use crate::statistics::squared_norm;
use crate::vector_field::dense_jacobian;
use crate::{LinearField, VectorField, linalg};

/// When to stop refining.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RefinementParams {
    /// |v| over the state's own λ|z| at which the state counts as an equilibrium; the default is 100 roundings
    /// above what a field of size 1 at λ = 1e-3 can reach.
    pub relative_residual: f64,
    /// Newton steps; quadratic convergence needs 4 to 8 from a flow's end.
    pub max_iterations: usize,
}

impl Default for RefinementParams {
    fn default() -> Self {
        Self { relative_residual: 1e-11, max_iterations: 30 }
    }
}

/// A refined state, or how far it got.
#[derive(Debug, Clone, PartialEq)]
pub struct Refinement {
    /// The best state seen.
    pub state: Vec<f64>,
    /// |v| there.
    pub residual: f64,
    /// |first Newton step|: how far the start was from the equilibrium, if it was near one.
    pub first_correction: f64,
    /// Steps taken.
    pub iterations: usize,
    /// Whether the tolerance was met; if not, no step made |v| smaller or the budget ended.
    pub converged: bool,
}

/// Newton's method on the field, in the orthogonal complement of the orbit, halving steps that make |v| larger.
///
/// Stays near the start: of two rows that both vanish at the limit, none is brought back.
///
/// # Shapes      z: the field's dimension d
/// # Cost        O(d³) a step: to a few thousand unknowns
pub fn refine_equilibrium(field: &LinearField, z: &[f64], params: RefinementParams) -> Refinement {
    let mut state = z.to_vec();
    let mut residual = field.residual(&state);
    let (mut iterations, mut first_correction) = (0, 0.0);
    let done = |state: &[f64], residual: f64| {
        let scale = squared_norm(state).sqrt() * field.decay_a.min(field.decay_b);
        residual <= params.relative_residual * scale
    };
    while !done(&state, residual) && iterations < params.max_iterations {
        let step = newton_step(field, &state);
        if iterations == 0 {
            first_correction = squared_norm(&step).sqrt();
        }
        iterations += 1;
        let Some((next, smaller)) = shorten(field, &state, &step, residual) else { break };
        (state, residual) = (next, smaller);
    }
    let converged = done(&state, residual);
    Refinement { state, residual, first_correction, iterations, converged }
}

/// −Q (QᵀJQ)⁻¹ Qᵀ v with Q orthogonal to the orbit.
fn newton_step(field: &LinearField, z: &[f64]) -> Vec<f64> {
    let d = z.len();
    let basis = Orbit::at(field, z).transversal;
    let quotient = compress(&basis, &dense_jacobian(field, z));
    let mut value = Mat::<f64>::zeros(d, 1);
    field.value(z, value.col_as_slice_mut(0));
    let mut right = Mat::<f64>::zeros(basis.ncols(), 1);
    linalg::multiply(right.as_mut(), Accum::Replace, basis.transpose(), value.as_ref(), -1.0);
    linalg::solve_general(quotient.as_ref(), right.as_mut());
    linalg::multiply(value.as_mut(), Accum::Replace, basis.as_ref(), right.as_ref(), 1.0);
    value.col_as_slice(0).to_vec()
}

/// QᵀJQ.
pub(crate) fn compress(basis: &Mat<f64>, jacobian: &Mat<f64>) -> Mat<f64> {
    let (d, k) = basis.shape();
    let (mut half, mut out) = (Mat::<f64>::zeros(d, k), Mat::<f64>::zeros(k, k));
    linalg::multiply(half.as_mut(), Accum::Replace, jacobian.as_ref(), basis.as_ref(), 1.0);
    linalg::multiply(out.as_mut(), Accum::Replace, basis.transpose(), half.as_ref(), 1.0);
    out
}

/// The longest of the step's halves that makes |v| smaller; none after 12 halvings, or where the step is not finite.
fn shorten(field: &LinearField, z: &[f64], step: &[f64], residual: f64) -> Option<(Vec<f64>, f64)> {
    (0..12).find_map(|halvings| {
        let factor = 0.5f64.powi(halvings);
        let next: Vec<f64> = z.iter().zip(step).map(|(z, s)| z + factor * s).collect();
        let smaller = field.residual(&next);
        (smaller < residual).then_some((next, smaller))
    })
}
