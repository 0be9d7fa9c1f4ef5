//! A field with its products: what integrators, stability and the gradient-field test need to know of a system.

use faer::{Mat, MatRef};
use rayon::prelude::*;

/// v : ℝᵈ → ℝᵈ with Jacobian J = ∂v/∂z.
///
/// States are flat slices. Implementations are pure: the same point gives the same bits.
pub trait VectorField: Sync {
    /// d.
    fn dimension(&self) -> usize;

    /// v(z) → out.
    ///
    /// # Shapes      z, out: d
    fn value(&self, z: &[f64], out: &mut [f64]);

    /// J(z) e → out.
    ///
    /// # Shapes      z, direction, out: d
    fn jvp(&self, z: &[f64], direction: &[f64], out: &mut [f64]);

    /// J(z)ᵀ e → out; false (and `out` untouched) where a system cannot say.
    ///
    /// # Shapes      z, direction, out: d
    fn vjp(&self, _z: &[f64], _direction: &[f64], _out: &mut [f64]) -> bool {
        false
    }
}

/// J(z) as a matrix, a column at a time.
///
/// # Shapes      z: d → d × d
/// # Cost        d products with J, 2 d² numbers of memory
pub fn dense_jacobian<F: VectorField + ?Sized>(field: &F, z: &[f64]) -> Mat<f64> {
    let d = field.dimension();
    let mut columns = vec![0.0; d * d];
    columns.par_chunks_mut(d.max(1)).enumerate().for_each(|(at, column)| {
        let mut direction = vec![0.0; d];
        direction[at] = 1.0;
        field.jvp(z, &direction, column);
    });
    MatRef::from_column_major_slice(&columns, d, d).to_owned()
}
