//! Whether matrices can be second moments: asked once, at the door.

use faer::{Mat, MatRef};

use super::{Moments, MomentsError};
use crate::linalg;

/// How far from exact moments may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// |K_ij − K_ji| as a share of the largest entry.
    pub symmetry: f64,
    /// A negative eigenvalue, as a share of the Frobenius norm.
    pub eigenvalue: f64,
}

impl Tolerance {
    /// For matrices that were rounded to single precision: ten times its rounding.
    pub const SINGLE: Self = Self { symmetry: 1e-6, eigenvalue: 1e-6 };
}

impl Default for Tolerance {
    /// Symmetry as docs/formats.md has it. Eigenvalues: rounding of a covariance with a mean of a thousand standard
    /// deviations subtracted at the end, as NumPy users do (1e6 · 2⁻⁵³), is within 1e-10.
    fn default() -> Self {
        Self { symmetry: 1e-8, eigenvalue: 1e-10 }
    }
}

impl Moments {
    /// The same moments, checked; X and V made exactly symmetric, and Y where both orders of each pair were used.
    ///
    /// Symmetrized moments without V get V = X.
    ///
    /// # Errors      [`MomentsError`]: not m × m, not finite, not symmetric or with a negative eigenvalue beyond the
    /// tolerance; means or basis of another length; symmetrized though X and V or Y and Yᵀ differ
    /// # Cost        m³/3 multiply-adds for each of X and V
    pub fn checked(mut self, tolerance: Tolerance) -> Result<Self, MomentsError> {
        let size = self.size();
        if size == 0 {
            return Err(MomentsError::Empty);
        }
        self.check_shapes(size)?;
        for (key, matrix) in [("xx", Some(&self.xx)), ("yx", Some(&self.yx)), ("yy", self.yy.as_ref())] {
            matrix.map_or(Ok(()), |matrix| check_finite(key, matrix.as_ref()))?;
        }
        check_vectors(&self)?;
        self.xx = symmetric("xx", &self.xx, tolerance)?;
        check_semidefinite("xx", &self.xx, tolerance)?;
        if let Some(yy) = &self.yy {
            let yy = symmetric("yy", yy, tolerance)?;
            check_semidefinite("yy", &yy, tolerance)?;
            self.yy = Some(yy);
        }
        if self.symmetrized {
            self.yx = symmetric("yx", &self.yx, tolerance)?;
            if let Some(yy) = &self.yy {
                let (row, column, difference) = largest_difference(self.xx.as_ref(), yy.as_ref());
                if difference > tolerance.symmetry * largest(self.xx.as_ref()) {
                    return Err(MomentsError::NotExchangeable { row, column, difference });
                }
            }
            self.yy = Some(self.xx.clone());
        }
        Ok(self)
    }

    fn check_shapes(&self, size: usize) -> Result<(), MomentsError> {
        for (key, matrix) in [("xx", Some(&self.xx)), ("yx", Some(&self.yx)), ("yy", self.yy.as_ref())] {
            if let Some((rows, columns)) = matrix.map(Mat::shape).filter(|shape| *shape != (size, size)) {
                return Err(MomentsError::Shape { key, rows, columns, size });
            }
        }
        let lengths = [
            ("mean_x", self.mean_x.as_ref().map(Vec::len)),
            ("mean_y", self.mean_y.as_ref().map(Vec::len)),
            ("basis", self.basis.as_ref().map(Mat::nrows)),
        ];
        match lengths.into_iter().find(|(_, length)| length.is_some_and(|length| length != size)) {
            Some((key, Some(length))) => Err(MomentsError::Length { key, length, size }),
            _ => Ok(()),
        }
    }
}

fn check_vectors(moments: &Moments) -> Result<(), MomentsError> {
    for (key, vector) in [("mean_x", &moments.mean_x), ("mean_y", &moments.mean_y)] {
        let wrong = vector.iter().flatten().enumerate().find(|(_, value)| !value.is_finite());
        if let Some((row, &value)) = wrong {
            return Err(MomentsError::NotFinite { key, row, column: 0, value });
        }
    }
    moments.basis.as_ref().map_or(Ok(()), |basis| check_finite("basis", basis.as_ref()))
}

fn check_finite(key: &'static str, matrix: MatRef<'_, f64>) -> Result<(), MomentsError> {
    for row in 0..matrix.nrows() {
        for column in 0..matrix.ncols() {
            let value = matrix[(row, column)];
            if !value.is_finite() {
                return Err(MomentsError::NotFinite { key, row, column, value });
            }
        }
    }
    Ok(())
}

/// (K + Kᵀ)/2 where the two are one matrix to the tolerance.
fn symmetric(key: &'static str, matrix: &Mat<f64>, tolerance: Tolerance) -> Result<Mat<f64>, MomentsError> {
    let (row, column, difference) = largest_difference(matrix.as_ref(), matrix.transpose());
    if difference > tolerance.symmetry * largest(matrix.as_ref()) {
        return Err(MomentsError::Asymmetric { key, row, column, difference, tolerance: tolerance.symmetry });
    }
    Ok(linalg::symmetric_part(matrix.as_ref()))
}

fn largest(matrix: MatRef<'_, f64>) -> f64 {
    (0..matrix.ncols()).flat_map(|j| matrix.col(j).iter()).fold(0.0, |largest: f64, value| largest.max(value.abs()))
}

/// Where two matrices differ most, and by how much.
fn largest_difference(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> (usize, usize, f64) {
    let mut worst = (0, 0, 0.0);
    for column in 0..a.ncols() {
        for row in 0..a.nrows() {
            let difference = (a[(row, column)] - b[(row, column)]).abs();
            if difference > worst.2 {
                worst = (row, column, difference);
            }
        }
    }
    worst
}

/// A Cholesky factorisation of K + τ goes through where no eigenvalue is below −τ, at a tenth of the cost of
/// eigenvalues; these are computed only to tell what is wrong.
fn check_semidefinite(key: &'static str, matrix: &Mat<f64>, tolerance: Tolerance) -> Result<(), MomentsError> {
    // Scaled, so that squares neither overflow nor vanish.
    let scale = largest(matrix.as_ref());
    if scale <= 0.0 {
        return Ok(());
    }
    let mut scaled = Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| matrix[(i, j)] / scale);
    let floor = tolerance.eigenvalue * linalg::frobenius(scaled.as_ref());
    for i in 0..scaled.nrows() {
        scaled[(i, i)] += floor;
    }
    if linalg::is_positive_definite(scaled.as_ref()) {
        return Ok(());
    }
    let values = linalg::eigenvalues_of_lower(scaled.as_ref())?;
    let smallest = values.last().map_or(0.0, |value| value - floor);
    // The factorisation may fail by its own rounding where an eigenvalue is −τ almost exactly.
    if smallest < -floor {
        return Err(MomentsError::Indefinite { key, eigenvalue: smallest * scale });
    }
    Ok(())
}
