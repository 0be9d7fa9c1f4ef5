//! Newton corrections at states whose equilibria come in orbits.

use super::norm;
use crate::VectorField;
use crate::linalg::{row_products, solve_positive_definite};

/// Unknowns up to which a flow looks at Newton corrections and basins name their ends: a dense Jacobian takes a
/// fraction of a second at this size.
pub const MAX_DENSE: usize = 640;
/// Ridge of the normal equations, in parts of the largest diagonal entry: directions of the orbit have singular value
/// 0 and get no correction; a rate of 1e-4 of the fastest still gets 99 % of its own.
const RIDGE: f64 = 1e-10;

/// A correction and what it says.
#[derive(Debug, Clone)]
pub(crate) struct Newton {
    /// −J⁺ v.
    pub(crate) correction: Vec<f64>,
    /// Its norm.
    pub(crate) size: f64,
    /// Whether the flow moves along it: towards the equilibrium, not away from a saddle.
    pub(crate) approaching: bool,
}

/// The least correction e with J e ≈ −v; `None` beyond the sizes for which J is made, or when it is no number.
///
/// # Cost        d products with J and d³/3 multiply-adds
pub(crate) fn newton_correction(field: &dyn VectorField, z: &[f64], slope: &[f64]) -> Option<Newton> {
    let d = field.dimension();
    if d > MAX_DENSE {
        return None;
    }
    let mut transposed = vec![0.0; d * d];
    let mut direction = vec![0.0; d];
    for (i, column) in transposed.chunks_exact_mut(d).enumerate() {
        direction[i] = 1.0;
        field.jvp(z, &direction, column);
        direction[i] = 0.0;
    }
    // Rows of `transposed` are columns of J: JᵀJ = (Jᵀ)(Jᵀ)ᵀ.
    let mut normal = row_products(&transposed, d, d);
    let mut correction: Vec<f64> =
        transposed.chunks_exact(d).map(|column| -column.iter().zip(slope).map(|(j, v)| j * v).sum::<f64>()).collect();
    let largest = (0..d).map(|i| normal[i * d + i]).fold(0.0, f64::max);
    for i in 0..d {
        normal[i * d + i] += RIDGE * largest;
    }
    solve_positive_definite(&mut normal, &mut correction, d, 1).ok()?;
    let size = norm(&correction);
    let along: f64 = correction.iter().zip(slope).map(|(e, v)| e * v).sum();
    size.is_finite().then_some(Newton { correction, size, approaching: along >= 0.0 })
}
