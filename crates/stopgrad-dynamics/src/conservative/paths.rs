//! Work around small closed paths: what a gradient field never does.

use rayon::prelude::*;

use super::{KappaEstimate, direction, ratio};
use crate::VectorField;
use crate::statistics::inner_product;

/// Gauss–Legendre nodes and weights on [−1, 1], exact to degree 5: the linear case is cubic along a line.
const NODES: [[f64; 2]; 3] =
    [[-0.774_596_669_241_483_4, 5.0 / 9.0], [0.0, 8.0 / 9.0], [0.774_596_669_241_483_4, 5.0 / 9.0]];

/// The work of a field around one parallelogram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClosedPath {
    /// ∮ v·dl along d₁, then d₂, then back: d₁ᵀ(Jᵀ − J)d₂ ε² + O(ε⁴), as the path is centred at the state.
    pub work: f64,
    /// Work over ε²: an estimate of d₁ᵀ(Jᵀ − J)d₂.
    pub circulation: f64,
    /// How much the circulation changes at half the size: the part of the estimate that curvature explains.
    pub discrepancy: f64,
}

/// The work around the parallelogram with sides ε d₁ and ε d₂ centred at a state.
///
/// # Shapes      z, first, second: d
/// # Cost        24 values
pub fn closed_path<F: VectorField + ?Sized>(
    field: &F, z: &[f64], [first, second]: [&[f64]; 2], epsilon: f64,
) -> ClosedPath {
    let work = work(field, z, [first, second], epsilon);
    let circulation = work / epsilon.powi(2);
    let half = self::work(field, z, [first, second], 0.5 * epsilon) / (0.5 * epsilon).powi(2);
    ClosedPath { work, circulation, discrepancy: (circulation - half).abs() }
}

/// κ from values alone: closed paths for |J − Jᵀ|, central differences for |J + Jᵀ|, over random pairs.
///
/// E (d₁ᵀ(J ∓ Jᵀ)d₂)² = |J ∓ Jᵀ|² for standard normal pairs. Products of four normals spread widely: hundreds of
/// pairs for a digit. The sides of a path have length `radius` on average, whatever d.
///
/// # Requires    radius: small against the state's curvature, large against rounding; 1e-3 of |z| is a good start
/// # Cost        16 values a pair
pub fn closed_paths<F: VectorField + ?Sized>(
    field: &F, z: &[f64], pairs: usize, radius: f64, seed: u64,
) -> KappaEstimate {
    let d = field.dimension();
    let epsilon = radius / (d.max(1) as f64).sqrt();
    let samples: Vec<[f64; 2]> = (0..pairs as u64)
        .into_par_iter()
        .map(|index| {
            let (first, second) = (direction(d, seed, 2 * index), direction(d, seed, 2 * index + 1));
            let odd = work(field, z, [&first, &second], epsilon) / epsilon.powi(2);
            let even = slope(field, z, &first, &second, epsilon) + slope(field, z, &second, &first, epsilon);
            [odd.powi(2), even.powi(2)]
        })
        .collect();
    KappaEstimate { kappa: ratio::root_ratio_interval(&samples), directions: pairs, transposed: false }
}

/// ∮ v·dl, opposite sides together: their large parts cancel before they are added to anything.
fn work<F: VectorField + ?Sized>(field: &F, z: &[f64], [first, second]: [&[f64]; 2], epsilon: f64) -> f64 {
    let half = 0.5 * epsilon;
    let mut total = 0.0;
    for [node, weight] in NODES {
        let along = |side: &[f64], across: &[f64], sign: f64| {
            let (mut near, mut far) = (vec![0.0; z.len()], vec![0.0; z.len()]);
            field.value(&shifted(z, side, half * node, across, -half * sign), &mut near);
            field.value(&shifted(z, side, half * node, across, half * sign), &mut far);
            near.iter_mut().zip(&far).for_each(|(near, far)| *near -= far);
            inner_product(&near, side)
        };
        total += weight * half * (along(first, second, 1.0) + along(second, first, -1.0));
    }
    total
}

/// leftᵀ J right by a central difference.
fn slope<F: VectorField + ?Sized>(field: &F, z: &[f64], left: &[f64], right: &[f64], epsilon: f64) -> f64 {
    let (mut above, mut below) = (vec![0.0; z.len()], vec![0.0; z.len()]);
    field.value(&shifted(z, right, epsilon, left, 0.0), &mut above);
    field.value(&shifted(z, right, -epsilon, left, 0.0), &mut below);
    above.iter_mut().zip(&below).for_each(|(above, below)| *above -= below);
    inner_product(left, &above) / (2.0 * epsilon)
}

fn shifted(z: &[f64], first: &[f64], s: f64, second: &[f64], t: f64) -> Vec<f64> {
    z.iter().zip(first).zip(second).map(|((z, x), y)| z + s * x + t * y).collect()
}
