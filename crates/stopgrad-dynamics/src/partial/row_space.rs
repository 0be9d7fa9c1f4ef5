//! The views projected onto the row space of an encoder, and onto what is X-orthogonal to it.

use faer::Mat;

use super::factors::Point;
use crate::Support;
use crate::linalg::{LinalgError, orthonormal_columns, product, product_symmetric, symmetric_eigen};

/// Q, orthonormal rows that span the rows of P, and the views in these coordinates.
pub(super) struct RowSpace {
    /// Q: r × k.
    pub(super) rows: Mat<f64>,
    /// Q X: r × k.
    pub(super) scaled: Mat<f64>,
    /// X' = Q X Qᵀ, diagonal, and Y' = Q Y Qᵀ.
    pub(super) views: Support,
    /// T with P = T Q: r × r.
    pub(super) encoder: Mat<f64>,
}

impl RowSpace {
    /// # Errors      [`LinalgError`] when P is not finite
    /// # Cost        an r × r eigendecomposition, r k² multiply-adds
    pub(super) fn new(at: &Point, support: &Support) -> Result<Self, LinalgError> {
        let (r, k) = at.p.shape();
        let times_x = |rows: &Mat<f64>| Mat::from_fn(r, k, |i, j| rows[(i, j)] * support.variances[j]);
        let unit = orthonormal_columns(at.p.transpose()).transpose().to_owned();
        let inner = symmetric_eigen(product_symmetric(times_x(&unit).as_ref(), unit.transpose()).as_ref())?;
        let rows = product(inner.vectors.transpose(), unit.as_ref());
        let views = Support {
            variances: inner.values,
            cross: product(product(rows.as_ref(), support.cross.as_ref()).as_ref(), rows.transpose()),
            directions: Mat::zeros(0, 0),
            threshold: 0.0,
            dropped: 0,
            dropped_variance: 0.0,
            dropped_cross: 0.0,
        };
        let encoder = product(at.p.as_ref(), rows.transpose());
        Ok(Self { scaled: times_x(&rows), rows, views, encoder })
    }

    /// Rows less their part in the row space, X-orthogonally: D ↦ D − D X Qᵀ X'⁻¹ Q.
    pub(super) fn leave(&self, rows: &mut Mat<f64>) {
        let along = self.divided(product(rows.as_ref(), self.scaled.transpose()));
        crate::linalg::add_scaled(rows, -1.0, product(along.as_ref(), self.rows.as_ref()).as_ref());
    }

    /// N X'⁻¹.
    pub(super) fn divided(&self, mut along: Mat<f64>) -> Mat<f64> {
        for (j, rho) in self.views.variances.iter().enumerate() {
            for i in 0..along.nrows() {
                along[(i, j)] /= rho;
            }
        }
        along
    }
}
