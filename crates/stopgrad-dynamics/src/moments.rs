//! Second moments of two views: all that the linear theory needs of the data.

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
    #[error("{key}[{row}, {column}] is {value}; moments are finite numbers")]
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
        "{key} is not symmetric: [{row}, {column}] and its mirror differ by {difference:e}, more than 1e-8 of its \
         largest entry; compute it as a mean of outer products"
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
    },
    /// An eigenvalue below zero beyond rounding.
    #[error("{key} has the negative eigenvalue {eigenvalue:e}; second moments have none")]
    Indefinite {
        /// Name of the matrix.
        key: &'static str,
        /// The smallest eigenvalue.
        eigenvalue: f64,
    },
    /// The eigenvalue iteration failed.
    #[error(transparent)]
    Eigenvalues(#[from] crate::LinalgError),
}

impl Moments {
    /// m.
    pub fn size(&self) -> usize {
        self.xx.nrows()
    }
}
