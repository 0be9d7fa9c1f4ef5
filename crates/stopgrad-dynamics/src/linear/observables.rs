//! What can be read off a state of the linear case: objectives, balance, residuals, rank.

use faer::{Accum, Mat};

use super::product::{add_product, add_product_nt, add_product_tn};
use super::{LinearField, LinearState};
use crate::statistics::{inner_product, squared_norm};
use crate::{LinalgError, VectorField, linalg};

impl LinearField {
    /// Ē, the original objective, with its Ω: ½E|BAx − Ay|² + ½λ_A|A|² + ½λ_B|B|²; `None` without V.
    ///
    /// = ½⟨BA, BAX⟩ − ⟨BA, AY⟩ + ½⟨A, AV⟩ + Ω. Near 0 the three terms cancel: good to rounding of the largest.
    ///
    /// # Convention  a loss sums over dimensions and averages over pairs, halved
    pub fn objective(&self, z: &[f64]) -> Option<f64> {
        let [a, b, _] = self.parts(z);
        self.value_with_teacher([a, b, a])
    }

    /// F̄, the proxy with the state's teacher (for joint and stop-gradient equal to Ē); `None` without V.
    pub fn proxy_objective(&self, z: &[f64]) -> Option<f64> {
        self.value_with_teacher(self.parts(z))
    }

    /// AAᵀ − (λ_B/λ_A) BᵀB: 0 at every equilibrium of stop-gradient and EMA.
    ///
    /// Along their flows it decays exactly as e^{−2 λ_A t} where [`LinearField::balance_rate`] is known
    /// (docs/theory.md, 2.2); joint has no such law.
    ///
    /// # Shapes      → n × n, symmetric
    pub fn balance_gap(&self, z: &[f64]) -> Mat<f64> {
        let [n, m, _, nn] = self.sizes();
        let [a, b, _] = self.parts(z);
        let mut gap = vec![0.0; nn];
        add_product_nt(&mut gap, 1.0, a, a, [n, m, n]);
        add_product_tn(&mut gap, -self.decay_b / self.decay_a, b, b, [n, n, n]);
        Mat::from_fn(n, n, |i, j| gap[i * n + j])
    }

    /// 2 λ_A where the balance gap decays at exactly this rate: detached targets with λ_A = `rate_b` · λ_B.
    pub fn balance_rate(&self) -> Option<f64> {
        let matched = (self.decay_a - self.rate_b * self.decay_b).abs() <= 4.0 * f64::EPSILON * self.decay_a;
        (self.kind.stops_gradient() && matched).then_some(2.0 * self.decay_a)
    }

    /// B that A determines at an equilibrium of stop-gradient or EMA: B = A Y Aᵀ (A X Aᵀ + λ_B I)⁻¹.
    ///
    /// # Shapes      a: n × m → n × n
    /// # Errors      [`LinalgError::NotPositiveDefinite`] where X has a negative eigenvalue beyond −λ_B
    /// # Source      Ponce, Terver, Hebert, Arbel 2026 (docs/theory.md, 3.1)
    pub fn predictor_of(&self, a: &Mat<f64>) -> Result<Mat<f64>, LinalgError> {
        let (n, m) = a.shape();
        let through = |moment: &Mat<f64>, transpose: bool| {
            let (mut half, mut out) = (Mat::<f64>::zeros(n, m), Mat::<f64>::zeros(n, n));
            let moment = if transpose { moment.transpose() } else { moment.as_ref() };
            linalg::multiply(half.as_mut(), Accum::Replace, a.as_ref(), moment, 1.0);
            linalg::multiply(out.as_mut(), Accum::Replace, half.as_ref(), a.transpose(), 1.0);
            out
        };
        let kernel = through(&self.moments.xx, false);
        // The kernel is symmetric: solve for Bᵀ.
        let right = through(&self.moments.yx, true);
        let mut kernel: Vec<f64> =
            (0..n * n).map(|k| kernel[(k / n, k % n)] + if k / n == k % n { self.decay_b } else { 0.0 }).collect();
        let mut solution: Vec<f64> = (0..n * n).map(|k| right[(k / n, k % n)]).collect();
        linalg::solve_positive_definite(&mut kernel, &mut solution, n, n)?;
        Ok(Mat::from_fn(n, n, |i, j| solution[j * n + i]))
    }

    /// |v(z)|: 0 at an equilibrium, in the units of the field.
    pub fn residual(&self, z: &[f64]) -> f64 {
        let mut value = vec![0.0; z.len()];
        self.value(z, &mut value);
        squared_norm(&value).sqrt()
    }

    /// |v(z)| over λ|z|: 0 at an equilibrium, at least 1 on the way to collapse however small the state is.
    ///
    /// 0 at the origin. λ is the larger decay.
    pub fn relative_residual(&self, z: &[f64]) -> f64 {
        let size = squared_norm(z).sqrt();
        if size == 0.0 { 0.0 } else { self.residual(z) / (size * self.decay_a.max(self.decay_b)) }
    }

    fn value_with_teacher(&self, parts @ [a, b, c]: [&[f64]; 3]) -> Option<f64> {
        let v = self.v.as_deref()?;
        let [n, m, nm, _] = self.sizes();
        let (mut w, mut r, mut cv) = (vec![0.0; nm], vec![0.0; nm], vec![0.0; nm]);
        self.residues(parts, &mut w, &mut r);
        // ½⟨W, WX⟩ − ⟨W, CY⟩ = ½⟨W, R⟩ − ½⟨W, CY⟩.
        let mut cy = vec![0.0; nm];
        add_product(&mut cy, 1.0, c, &self.y, [n, m, m]);
        add_product(&mut cv, 1.0, c, v, [n, m, m]);
        let loss = 0.5 * (inner_product(&w, &r) - inner_product(&w, &cy) + inner_product(c, &cv));
        Some(loss + 0.5 * (self.decay_a * squared_norm(a) + self.decay_b * squared_norm(b)))
    }
}

impl LinearState {
    /// Numerical rank of A: how many of its singular values exceed `floor`.
    ///
    /// The floor is absolute: a state on its way to collapse has rank 0 once it is small, whatever its shape.
    ///
    /// # Errors      [`LinalgError::EigenvaluesNotConverged`] when A is not finite
    pub fn rank(&self, floor: f64) -> Result<usize, LinalgError> {
        Ok(linalg::singular_values(self.a.as_ref())?.into_iter().filter(|&value| value > floor).count())
    }
}
