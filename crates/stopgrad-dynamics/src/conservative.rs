//! Is a field the gradient of something? κ = |J − Jᵀ| / |J + Jᵀ|: 0 for a gradient field (docs/theory.md, section 5).
//!
//! Three means, for anything that implements [`VectorField`]: the whole Jacobian ([`exact`]), products with random
//! directions and an interval ([`stochastic`]), and the work around small closed paths, which needs no derivative
//! ([`closed_paths`]). They share nothing but the field, so each is a witness against the others.
//! Rejected: symmetric Lanczos tools, which assume the answer.

mod paths;
mod ratio;

pub use paths::{ClosedPath, closed_path, closed_paths};

use faer::Mat;
use rayon::prelude::*;

use crate::VectorField;
use crate::random::{normal, stream};
use crate::statistics::{Interval, inner_product, squared_norm};
use crate::vector_field::dense_jacobian;

/// κ of a Jacobian: 0 symmetric, 1 where |J − Jᵀ| = |J + Jᵀ|, ∞ antisymmetric; 0 of a Jacobian of zeros.
///
/// # Shapes      jacobian: d × d
pub fn kappa(jacobian: &Mat<f64>) -> f64 {
    let d = jacobian.nrows();
    let (mut odd, mut even) = (Vec::with_capacity(d * d), Vec::with_capacity(d * d));
    for j in 0..d {
        for i in 0..d {
            odd.push(jacobian[(i, j)] - jacobian[(j, i)]);
            even.push(jacobian[(i, j)] + jacobian[(j, i)]);
        }
    }
    ratio::root_ratio(squared_norm(&odd), squared_norm(&even))
}

/// κ at a state from the whole Jacobian.
///
/// # Cost        d products, 4 d² numbers of memory
pub fn exact<F: VectorField + ?Sized>(field: &F, z: &[f64]) -> f64 {
    kappa(&dense_jacobian(field, z))
}

/// κ estimated from random directions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KappaEstimate {
    /// κ with its 95 % interval; high = ∞ where the directions do not even show that J + Jᵀ is not 0.
    pub kappa: Interval,
    /// Directions (or pairs of them) drawn.
    pub directions: usize,
    /// Whether products with Jᵀ were there: then no difference of large numbers is taken.
    pub transposed: bool,
}

/// κ from products with random directions, with a 95 % interval (Fieller's, for a ratio of paired means).
///
/// With Jᵀ: E|(J − Jᵀ)d|² = |J − Jᵀ|² and the same for the sum. Without: |J|² = E|Jd|², tr J² = E dᵀJ(Jd), and
/// |J ∓ Jᵀ|² = 2|J|² ∓ 2 tr J². d is standard normal, direction k from the stream (seed, k).
///
/// # Requires    two directions or more for an interval
/// # Cost        2 products a direction
/// # Source      Hutchinson 1989 (traces); Fieller 1954 (interval)
pub fn stochastic<F: VectorField + ?Sized>(field: &F, z: &[f64], directions: usize, seed: u64) -> KappaEstimate {
    let d = field.dimension();
    let samples: Vec<[f64; 3]> = (0..directions as u64)
        .into_par_iter()
        .map(|index| {
            let direction = direction(d, seed, index);
            let (mut forward, mut second) = (vec![0.0; d], vec![0.0; d]);
            field.jvp(z, &direction, &mut forward);
            if field.vjp(z, &direction, &mut second) {
                let odd: Vec<f64> = forward.iter().zip(&second).map(|(x, y)| x - y).collect();
                let even: Vec<f64> = forward.iter().zip(&second).map(|(x, y)| x + y).collect();
                return [squared_norm(&odd), squared_norm(&even), 1.0];
            }
            field.jvp(z, &forward, &mut second);
            let (whole, trace) = (squared_norm(&forward), inner_product(&direction, &second));
            [2.0 * (whole - trace), 2.0 * (whole + trace), 0.0]
        })
        .collect();
    let pairs: Vec<[f64; 2]> = samples.iter().map(|&[odd, even, _]| [odd, even]).collect();
    let transposed = samples.iter().all(|sample| sample[2] > 0.0);
    KappaEstimate { kappa: ratio::root_ratio_interval(&pairs), directions, transposed }
}

/// d standard normal numbers from the stream (seed, index).
fn direction(d: usize, seed: u64, index: u64) -> Vec<f64> {
    let mut rng = stream(seed, index);
    (0..d).map(|_| normal(&mut rng)).collect()
}

#[cfg(test)]
mod tests;
