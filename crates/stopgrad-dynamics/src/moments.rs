//! Second moments of two views: all that the linear theory needs of the data.
//!
//! Reading order: [`Moments`] (what a file holds, checked by [`Moments::new`]), `accumulator` (from samples, in one
//! pass), `combine` (parts added up, other coordinates).

mod accumulator;
mod check;
mod combine;
mod sums;
#[cfg(test)]
mod tests;

pub use accumulator::{MomentKind, MomentRows, MomentSums, MomentsAccumulator, Pairing};
pub use check::Tolerance;
pub use combine::{MergeError, Part};
pub use sums::ROWS;

use faer::Mat;

/// X = E[x xᵀ], Y = E[y xᵀ], V = E[y yᵀ] of pairs of views (docs/theory.md, section 2).
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// X, m × m, symmetric positive semidefinite.
    pub xx: Mat<f64>,
    /// Y, m × m.
    pub yx: Mat<f64>,
    /// V, m × m; only the joint field and the value of Ē need it.
    pub yy: Option<Mat<f64>>,
    /// Pairs they were taken from.
    pub count: Option<u64>,
    /// E x.
    pub mean_x: Option<Vec<f64>>,
    /// E y.
    pub mean_y: Option<Vec<f64>>,
    /// Whether the means were subtracted.
    pub centered: bool,
    /// Whether both orders of each pair were used: then Y is symmetric and X = V.
    pub symmetrized: bool,
    /// Rows: what each of the m coordinates is in the source's dimensions, m × d.
    pub basis: Option<Mat<f64>>,
}

/// Moments that cannot be moments.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MomentsError {
    /// No coordinates.
    #[error("moments of no coordinates; a matrix has at least one row")]
    Empty,
    /// A matrix of the wrong shape.
    #[error("{key} is {rows} × {columns}, but xx says m = {size}; all moments are m × m")]
    Shape {
        /// Name of the matrix.
        key: &'static str,
        /// Its rows.
        rows: usize,
        /// Its columns.
        columns: usize,
        /// m.
        size: usize,
    },
    /// An entry is no number.
    #[error(
        "{key}[{row}, {column}] is {value}; moments are finite numbers, so look at the samples that they were made of"
    )]
    NotFinite {
        /// Name of the matrix.
        key: &'static str,
        /// Row from 0.
        row: usize,
        /// Column from 0.
        column: usize,
        /// What is there.
        value: f64,
    },
    /// A symmetric moment that is not.
    #[error(
        "{key} is not symmetric: [{row}, {column}] and its mirror differ by {difference:.2e}, more than {tolerance:.0e} of \
         its largest entry; compute it as a mean of outer products"
    )]
    Asymmetric {
        /// Name of the matrix.
        key: &'static str,
        /// Row from 0.
        row: usize,
        /// Column from 0.
        column: usize,
        /// |K_ij − K_ji|.
        difference: f64,
        /// What is allowed, as a share of the largest entry.
        tolerance: f64,
    },
    /// An eigenvalue below zero beyond rounding.
    #[error(
        "{key} has the negative eigenvalue {eigenvalue:.2e}; second moments have none, so compute them again, in double precision"
    )]
    Indefinite {
        /// Name of the matrix.
        key: &'static str,
        /// The smallest eigenvalue.
        eigenvalue: f64,
    },
    /// A vector or basis of the wrong length.
    #[error("{key} has {length} rows, but xx says m = {size}; it has one for each coordinate")]
    Length {
        /// Its name.
        key: &'static str,
        /// Its length.
        length: usize,
        /// m.
        size: usize,
    },
    /// Moments of both orders of each pair that are not alike.
    #[error(
        "symmetrized says that both orders of each pair were used, but xx and yy differ by {difference:e} at [{row}, \
         {column}]; set symmetrized to 0"
    )]
    NotExchangeable {
        /// Row from 0.
        row: usize,
        /// Column from 0.
        column: usize,
        /// |X_ij − V_ij|.
        difference: f64,
    },
    /// The eigenvalue iteration failed.
    #[error(transparent)]
    Eigenvalues(#[from] crate::LinalgError),
}

impl Moments {
    /// Moments from their matrices, checked: see [`Moments::checked`], which also takes the rest.
    ///
    /// # Shapes      all m × m
    /// # Errors      [`MomentsError`], by what is wrong
    /// # Cost        m³/3 multiply-adds
    pub fn new(xx: Mat<f64>, yx: Mat<f64>, yy: Option<Mat<f64>>) -> Result<Self, MomentsError> {
        Self::unchecked(xx, yx, yy).checked(Tolerance::default())
    }

    /// Moments of a known distribution from their matrices, as they are.
    ///
    /// # Shapes      all m × m
    /// # Requires    X and V symmetric and positive semidefinite, and moments of something with Y
    pub fn unchecked(xx: Mat<f64>, yx: Mat<f64>, yy: Option<Mat<f64>>) -> Self {
        let (count, mean_x, mean_y, basis) = (None, None, None, None);
        Self { xx, yx, yy, count, mean_x, mean_y, centered: false, symmetrized: false, basis }
    }

    /// m.
    pub fn size(&self) -> usize {
        self.xx.nrows()
    }

    /// Eigenvalues of X, descending.
    ///
    /// # Errors      [`MomentsError::Eigenvalues`]
    /// # Cost        O(m³) time
    pub fn eigenvalues(&self) -> Result<Vec<f64>, MomentsError> {
        Ok(crate::linalg::eigenvalues_of_lower(self.xx.as_ref())?)
    }
}

/// Directions in which x varies at all: eigenvalues above [`crate::rank::ROUNDING_SHARE`] of the largest.
///
/// # Requires    eigenvalues of X, descending
pub fn support_rank(eigenvalues: &[f64]) -> usize {
    let floor = eigenvalues.first().map_or(0.0, |largest| largest.max(0.0) * crate::rank::ROUNDING_SHARE);
    eigenvalues.iter().filter(|value| **value > floor).count()
}
