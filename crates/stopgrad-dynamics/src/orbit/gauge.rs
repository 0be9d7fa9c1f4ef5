//! The orbit's directions taken out without a basis of them: for states too large for one.

use faer::Mat;

use crate::{LinalgError, LinearField, linalg};

/// A projector along the orbit's tangent space at a state, of cost O(n² (n + m)).
///
/// With A = U Σ Wᵀ of rank r, a direction is changed by the (KA, KB − BK, KC), K antisymmetric, that makes the part
/// Z = Uᵀ (δA) W symmetric in its first r rows and 0 below: K_ij = (Z_ij − Z_ji)/(σ_i + σ_j), K_ij = Z_ij/σ_j for
/// i ≥ r > j. It is oblique, but its kernel is the tangent space, so the quotient's eigenvalues are the same; an
/// orthonormal basis of the tangents (n²/2 columns) would not fit.
#[derive(Debug, Clone)]
pub struct Gauge {
    /// U, n × n, and its singular values, the first r of them.
    left: Mat<f64>,
    values: Vec<f64>,
    /// W, m × r.
    right: Mat<f64>,
    a: Mat<f64>,
    b: Mat<f64>,
    has_teacher: bool,
    c: Mat<f64>,
}

impl Gauge {
    /// The projector at a flat state; singular values of A up to `floor` count as 0.
    ///
    /// # Requires    an equilibrium: there B maps into the range of A, and the rotations outside it change nothing
    /// # Errors      [`LinalgError::EigenvaluesNotConverged`] when A is not finite
    pub fn at(field: &LinearField, z: &[f64], floor: f64) -> Result<Self, LinalgError> {
        let [n, m, _, _] = field.sizes();
        let [a, b, c] = field.parts(&z[..crate::VectorField::dimension(field)]);
        let matrix = |data: &[f64], columns: usize| Mat::from_fn(n, columns, |i, j| data[i * columns + j]);
        let (a, b, c) = (matrix(a, m), matrix(b, n), matrix(c, m));
        let linalg::SingularVectors { left, mut values, right } = linalg::singular_vectors(a.as_ref())?;
        values.retain(|&value| value > floor);
        let right = right.subcols(0, values.len()).to_owned();
        Ok(Self { left, values, right, a, b, c, has_teacher: field.kind.has_teacher() })
    }

    /// r.
    pub fn rank(&self) -> usize {
        self.values.len()
    }

    /// Takes the orbit's part out of a direction, in place; velocities behind the state are left as they are.
    pub fn project(&self, direction: &mut [f64]) {
        let (n, m, rank) = (self.a.nrows(), self.a.ncols(), self.rank());
        let (nm, nn) = (n * m, n * n);
        let first = Mat::from_fn(n, m, |i, j| direction[i * m + j]);
        let z = product(self.left.transpose(), product(first.as_ref(), self.right.as_ref()).as_ref());
        let mut rotated = Mat::<f64>::zeros(n, n);
        for j in 0..rank {
            for i in (0..n).filter(|&i| i != j) {
                let angle = if i < rank {
                    (z[(i, j)] - z[(j, i)]) / (self.values[i] + self.values[j])
                } else {
                    z[(i, j)] / self.values[j]
                };
                rotated[(i, j)] = angle;
                rotated[(j, i)] = -angle;
            }
        }
        let k = product(product(self.left.as_ref(), rotated.as_ref()).as_ref(), self.left.transpose());
        subtract(&mut direction[..nm], &product(k.as_ref(), self.a.as_ref()), 1.0);
        subtract(&mut direction[nm..nm + nn], &product(k.as_ref(), self.b.as_ref()), 1.0);
        subtract(&mut direction[nm..nm + nn], &product(self.b.as_ref(), k.as_ref()), -1.0);
        if self.has_teacher {
            subtract(&mut direction[nm + nn..2 * nm + nn], &product(k.as_ref(), self.c.as_ref()), 1.0);
        }
    }
}

fn product(left: faer::MatRef<'_, f64>, right: faer::MatRef<'_, f64>) -> Mat<f64> {
    let mut out = Mat::<f64>::zeros(left.nrows(), right.ncols());
    linalg::multiply(out.as_mut(), faer::Accum::Replace, left, right, 1.0);
    out
}

/// Row-major `part` −= sign · matrix.
fn subtract(part: &mut [f64], matrix: &Mat<f64>, sign: f64) {
    let columns = matrix.ncols();
    part.iter_mut().enumerate().for_each(|(at, x)| *x -= sign * matrix[(at / columns, at % columns)]);
}
