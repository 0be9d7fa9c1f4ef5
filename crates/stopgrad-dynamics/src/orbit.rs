//! The rotations under which a state is the same solution: their directions, and what is orthogonal to them.
//!
//! (A, B, C) → (UA, UBUᵀ, UC) maps solutions to solutions (docs/theory.md, 2.3), so no equilibrium but the origin
//! is isolated and each Jacobian has zero eigenvalues that say nothing. Stability is judged after their removal.

mod gauge;

pub use gauge::Gauge;

use faer::Mat;

use crate::linalg::{self, RangeSplit};
use crate::{LinearField, VectorField};

/// Relative length below which a direction of the orbit counts as none: far above the residue of Newton steps
/// (1e-13), far below the smallest mode that survives a weight decay of 1e-4.
const DIRECTION_FLOOR: f64 = 1e-8;

/// The tangent space of the O(n) orbit at a state and its orthogonal complement, in flat coordinates.
#[derive(Debug, Clone)]
pub struct Orbit {
    /// d × k: an orthonormal basis of the tangent space.
    pub tangent: Mat<f64>,
    /// d × (d − k): an orthonormal basis of what is orthogonal to it.
    pub transversal: Mat<f64>,
}

impl Orbit {
    /// The orbit at a flat state (A, B, C and, where the state is longer, velocities, taken as 0).
    ///
    /// # Shapes      z: at least the field's dimension
    /// # Cost        O(d² n²) time, d² numbers of memory
    pub fn at(field: &LinearField, z: &[f64]) -> Self {
        let RangeSplit { range, complement } = linalg::split_by_range(directions(field, z).as_ref(), DIRECTION_FLOOR);
        Self { tangent: range, transversal: complement }
    }

    /// k.
    pub fn dimension(&self) -> usize {
        self.tangent.ncols()
    }
}

/// Dimension of the orbit of an equilibrium of rank r: n r − r (r + 1)/2.
///
/// # Example
/// ```
/// assert_eq!(stopgrad_dynamics::orbit::orbit_dimension(4, 2), 5);
/// ```
pub fn orbit_dimension(width: usize, rank: usize) -> usize {
    assert!(rank <= width, "rank {rank} in {width} dimensions");
    width * rank - rank * (rank + 1) / 2
}

/// (KA, KB − BK, KC) for every K = e_i e_jᵀ − e_j e_iᵀ, i < j, as columns.
///
/// # Shapes      → d × n(n − 1)/2
fn directions(field: &LinearField, z: &[f64]) -> Mat<f64> {
    let [n, m, nm, nn] = field.sizes();
    assert!(z.len() >= field.dimension(), "a state of the field");
    let mut columns = Mat::<f64>::zeros(z.len(), n * (n - 1) / 2);
    let pairs = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j)));
    for (k, (i, j)) in pairs.enumerate() {
        let starts = if field.kind.has_teacher() { &[0, nm + nn][..] } else { &[0] };
        for &start in starts {
            for column in 0..m {
                columns[(start + i * m + column, k)] = z[start + j * m + column];
                columns[(start + j * m + column, k)] = -z[start + i * m + column];
            }
        }
        for l in 0..n {
            // K B: row i gets row j, row j gets −row i; −B K: column j gets −column i, column i gets column j.
            columns[(nm + i * n + l, k)] += z[nm + j * n + l];
            columns[(nm + j * n + l, k)] -= z[nm + i * n + l];
            columns[(nm + l * n + j, k)] -= z[nm + l * n + i];
            columns[(nm + l * n + i, k)] += z[nm + l * n + j];
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn the_field_is_equivariant_along_its_directions_and_they_count_as_predicted() {
        // v(g z) = g v(z), differentiated: J t(z) = t(v(z)).
        for field in testing::fields(4, 3, 0.05) {
            let z = testing::normal_vector(field.dimension(), 3);
            let (mut value, mut product) = (vec![0.0; z.len()], vec![0.0; z.len()]);
            field.value(&z, &mut value);
            let (at_state, at_value) = (directions(&field, &z), directions(&field, &value));
            for k in 0..at_state.ncols() {
                let direction: Vec<f64> = at_state.col(k).iter().copied().collect();
                field.jvp(&z, &direction, &mut product);
                for (i, entry) in product.iter().enumerate() {
                    assert!((entry - at_value[(i, k)]).abs() < 1e-12 * (1.0 + entry.abs()), "{}", field.kind);
                }
            }
            assert_eq!(Orbit::at(&field, &z).dimension(), 6, "a generic state has no symmetry left");
            assert_eq!(Orbit::at(&field, &vec![0.0; z.len()]).dimension(), 0);
        }
    }

    #[test]
    fn an_equilibrium_of_each_rank_has_the_dimension_of_its_orbit() {
        for rank in 0..=3 {
            let (field, z) = testing::diagonal_equilibrium(crate::Field::Ema, 5, &[true, false, false][..], rank);
            assert_eq!(Orbit::at(&field, &z).dimension(), orbit_dimension(5, rank));
        }
    }
    #[test]
    fn the_gauge_takes_out_the_orbit_and_nothing_twice() {
        for (kind, rank) in [(crate::Field::Ema, 2), (crate::Field::StopGradient, 3)] {
            let (field, z) = testing::diagonal_equilibrium(kind, 5, &[false, true, false], rank);
            let gauge = Gauge::at(&field, &z, 1e-6).unwrap();
            assert_eq!(gauge.rank(), rank);
            let tangents = directions(&field, &z);
            for k in 0..tangents.ncols() {
                let mut direction: Vec<f64> = tangents.col(k).iter().copied().collect();
                gauge.project(&mut direction);
                assert!(direction.iter().all(|x| x.abs() < 1e-14), "a direction of the orbit goes to 0");
            }
            let mut once = testing::normal_vector(z.len(), 9);
            let before = once.clone();
            gauge.project(&mut once);
            let mut twice = once.clone();
            gauge.project(&mut twice);
            assert!(once.iter().zip(&twice).all(|(x, y)| (x - y).abs() < 1e-13));
            assert!(once.iter().zip(&before).any(|(x, y)| (x - y).abs() > 0.1));
        }
    }
}
