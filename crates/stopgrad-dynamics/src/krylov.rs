//! The rightmost eigenvalues from products with the Jacobian only, for systems too large for a matrix.
//!
//! Thick-restart Arnoldi in the manner of Krylov–Schur: when the basis is full, the part that belongs to the best
//! eigenvalues is kept and the rest thrown away. Decided here, because each was seen to fail elsewhere: the restart
//! goes through Schur vectors, not eigenvectors (which are wrong for repeated pairs, and symmetry repeats them); a
//! result is believed only after a second random start in the complement of what was found saw nothing better (a
//! single start finds one copy of a repeated eigenvalue); every loop is bounded by a count of products and a product
//! that is not finite ends it. Rejected: the matrix library's partial eigensolver, which knows only the largest
//! modulus, reports no residuals and may not end; transforms exp(τJ) and Cayley, which need solves.
//!
//! # Source      Stewart 2001 (Krylov–Schur); Wu and Simon 2000 (thick restart)

mod arnoldi;
mod schur;

use faer::{Mat, c64};

use crate::VectorField;
use crate::random::{normal, stream};
use crate::statistics::{inner_product, squared_norm};
use arnoldi::{Run, RunStop};

/// Which end of the spectrum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Largest real parts: stability of a flow.
    Rightmost,
    /// Largest moduli: stability of an update map.
    LargestModulus,
}

impl Target {
    pub(crate) fn key(self, value: c64) -> f64 {
        match self {
            Target::Rightmost => value.re,
            Target::LargestModulus => value.norm(),
        }
    }
}

/// What is looked for, how exactly, and for how long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KrylovParams {
    /// Eigenvalues wanted; one more is given where that would split a pair.
    pub wanted: usize,
    /// Basis vectors before a restart; the default 48 is worth its memory (48 d numbers) for clustered spectra.
    pub basis: usize,
    /// Residual of an invariant subspace over the size of the operator (its largest Ritz value seen).
    pub relative_tolerance: f64,
    /// Products in all, the second starts included.
    pub max_products: usize,
    /// Starts are normal numbers from the streams (seed, 0), (seed, 1), …
    pub seed: u64,
    /// Which end.
    pub target: Target,
}

impl Default for KrylovParams {
    fn default() -> Self {
        Self { wanted: 4, basis: 48, relative_tolerance: 1e-9, max_products: 5000, seed: 0, target: Target::Rightmost }
    }
}

/// Why the search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KrylovStop {
    /// All wanted eigenvalues converged, and another start found none better.
    Confirmed,
    /// Every direction was used up: the eigenvalues given are all there are.
    WholeSpace,
    /// `max_products` was reached; what is given may miss a better or a repeated eigenvalue.
    Budget,
    /// A product was not finite.
    NotFinite,
}

/// An eigenvalue with its residual.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RitzValue {
    /// (re, im).
    pub value: [f64; 2],
    /// |J x − θ x| for |x| = 1, from products made for it.
    pub residual: f64,
}

/// The end of a spectrum.
#[derive(Debug, Clone, PartialEq)]
pub struct KrylovSpectrum {
    /// Best first.
    pub eigenvalues: Vec<RitzValue>,
    /// Why it ended.
    pub stop: KrylovStop,
    /// Products made.
    pub products: usize,
    /// Times a basis was cut down.
    pub restarts: usize,
    /// Starts made, the confirming ones included.
    pub starts: usize,
    /// The largest modulus of a Ritz value seen: the size of the operator.
    pub scale: f64,
}

impl KrylovSpectrum {
    /// Of a space of no dimensions.
    pub(crate) fn of_nothing() -> Self {
        Self { eigenvalues: Vec::new(), stop: KrylovStop::WholeSpace, products: 0, restarts: 0, starts: 0, scale: 0.0 }
    }
}

/// An operator on ℝᵈ: x → J x.
pub type Apply<'a> = &'a (dyn Fn(&[f64], &mut [f64]) + Sync);
/// A projector whose range the operator's quotient is taken on, in place.
pub type Project<'a> = &'a (dyn Fn(&mut [f64]) + Sync);

/// The wanted end of the spectrum of x → P J x on the range of a projector P.
///
/// Where the kernel of P is invariant under J, these are the eigenvalues that J has besides those on the kernel.
/// P need not be orthogonal; the identity is `&|_| {}`.
///
/// # Shapes      dimension: d; the closures work on d numbers
/// # Requires    1 ≤ wanted, basis ≥ 2 wanted + 4 (raised where it is less)
/// # Cost        products × (one application + 4 d (basis + found) multiply-adds)
pub fn extreme_eigenvalues(
    dimension: usize, apply: Apply<'_>, project: Project<'_>, params: KrylovParams,
) -> KrylovSpectrum {
    let wanted = params.wanted.max(1);
    let mut run = Run::new(dimension, apply, project, KrylovParams { wanted, ..params });
    let mut found: Vec<c64> = Vec::new();
    let mut starts: usize = 0;
    let stop = loop {
        found.sort_by(|a, b| params.target.key(*b).total_cmp(&params.target.key(*a)));
        // Below this the remainder holds nothing that is missing from the list.
        let bar = found.get(wanted - 1).map(|&value| params.target.key(value));
        let Some(start) = start_vector(&run, params.seed, starts as u64) else { break KrylovStop::WholeSpace };
        starts += 1;
        match run.search(start, wanted.saturating_sub(found.len()).max(1), bar) {
            RunStop::Found(values) => {
                let better = bar.is_none_or(|bar| {
                    values.iter().any(|&value| params.target.key(value) > bar + 10.0 * run.tolerance())
                });
                found.extend(values);
                if !better {
                    break KrylovStop::Confirmed;
                }
            }
            RunStop::NothingBetter => break KrylovStop::Confirmed,
            RunStop::Budget(values) => {
                found.extend(values);
                break KrylovStop::Budget;
            }
            RunStop::NotFinite => break KrylovStop::NotFinite,
        }
    };
    let eigenvalues = run.ritz_values(wanted);
    let stop = if eigenvalues.iter().any(|ritz| !ritz.residual.is_finite()) { KrylovStop::NotFinite } else { stop };
    KrylovSpectrum { eigenvalues, stop, products: run.products, restarts: run.restarts, starts, scale: run.scale }
}

/// The end of the spectrum of a field's Jacobian at a state, without the directions of an orthonormal set.
///
/// # Shapes      z: d; removed: d × k, orthonormal columns that span an invariant subspace (the orbit's tangents)
pub fn field_eigenvalues<F: VectorField + ?Sized>(
    field: &F, z: &[f64], removed: Option<&Mat<f64>>, params: KrylovParams,
) -> KrylovSpectrum {
    let project = |x: &mut [f64]| {
        for column in removed.into_iter().flat_map(|basis| (0..basis.ncols()).map(|k| basis.col_as_slice(k))) {
            remove(x, column);
        }
    };
    extreme_eigenvalues(field.dimension(), &|x, out| field.jvp(z, x, out), &project, params)
}

/// A random unit vector in the range of the projector, orthogonal to what was found; `None` where nothing is left.
fn start_vector(run: &Run<'_>, seed: u64, index: u64) -> Option<Vec<f64>> {
    let mut rng = stream(seed, index);
    let mut start: Vec<f64> = (0..run.dimension).map(|_| normal(&mut rng)).collect();
    let before = squared_norm(&start).sqrt();
    for _ in 0..2 {
        (run.project)(&mut start);
        for column in &run.locked {
            remove(&mut start, column);
        }
    }
    let left = squared_norm(&start).sqrt();
    // A share of 1e-9 is what rounding leaves of a vector projected to nothing (d ε, for d up to a million).
    (left.is_finite() && left > 1e-9 * before).then(|| {
        for x in &mut start {
            *x /= left;
        }
        start
    })
}

/// x ← x − factor y.
fn subtract(x: &mut [f64], factor: f64, y: &[f64]) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x -= factor * y);
}

/// x ← x − ⟨x, q⟩ q; returns ⟨x, q⟩.
fn remove(x: &mut [f64], q: &[f64]) -> f64 {
    let inner = inner_product(x, q);
    subtract(x, inner, q);
    inner
}

#[cfg(test)]
mod tests;
