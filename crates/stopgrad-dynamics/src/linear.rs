//! The linear case: f(x) = A x, g(z) = B z, teacher C (docs/theory.md, section 2).

mod discrete;
mod field;
pub(crate) mod kernel;
pub(crate) mod newton;
mod observables;
mod product;

pub use discrete::{UpdateMap, UpdateMapError};
pub use field::{LinearField, LinearFieldError};
pub use newton::{Refinement, RefinementParams, refine_equilibrium};

use faer::Mat;

/// Encoder, predictor and teacher of the linear case.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearState {
    /// A, n × m.
    pub a: Mat<f64>,
    /// B, n × n.
    pub b: Mat<f64>,
    /// C, n × m; only under EMA (elsewhere the teacher is A).
    pub c: Option<Mat<f64>>,
}

impl LinearState {
    /// m.
    pub fn inputs(&self) -> usize {
        self.a.ncols()
    }

    /// n.
    pub fn width(&self) -> usize {
        self.a.nrows()
    }

    /// A, then B, then C, each row-major: the form in which integrators hold it.
    pub fn to_flat(&self) -> Vec<f64> {
        let mut flat = Vec::new();
        for matrix in [Some(&self.a), Some(&self.b), self.c.as_ref()].into_iter().flatten() {
            flat.extend((0..matrix.nrows()).flat_map(|i| (0..matrix.ncols()).map(move |j| matrix[(i, j)])));
        }
        flat
    }

    /// The inverse of [`LinearState::to_flat`].
    ///
    /// # Shapes      flat: n m + n², and n m more with a teacher
    pub fn from_flat(flat: &[f64], n: usize, m: usize) -> Self {
        let (nm, nn) = (n * m, n * n);
        assert!(flat.len() == nm + nn || flat.len() == 2 * nm + nn, "a state of n = {n}, m = {m}");
        let c = (flat.len() > nm + nn).then(|| Mat::from_fn(n, m, |i, j| flat[nm + nn + i * m + j]));
        Self { a: Mat::from_fn(n, m, |i, j| flat[i * m + j]), b: Mat::from_fn(n, n, |i, j| flat[nm + i * n + j]), c }
    }

    /// S = AᵀA, which names the orbit: m × m.
    pub fn s(&self) -> Mat<f64> {
        self.a.transpose() * &self.a
    }
}
