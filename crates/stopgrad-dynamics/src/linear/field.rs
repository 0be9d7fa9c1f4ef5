//! The three fields of the linear case, on flat states.

use std::array::from_ref;

use faer::Mat;

use super::kernel::Coefficients;
use super::product::{add_product, add_product_nt, add_product_tn};
use crate::{Field, Moments, VectorField};

/// One of the three fields on states (A, B) or, under EMA, (A, B, C).
///
/// With R = B A X − C Y: dA/dt = −(BᵀR + λ_A A), dB/dt = −(R Aᵀ + λ_B B), C = A (stop-gradient) or
/// dC/dt = γ (A − C) (EMA); joint adds B A Yᵀ − A V to dA/dt (docs/theory.md, section 2).
///
/// Its states as a [`VectorField`] are A, B, C row-major ([`super::LinearState::to_flat`]). Its value is the one
/// right-hand side, of which an ensemble follows eight at once with the same bits. Rates, decays
/// and the width may be changed in place; `kind` and `moments` belong together: make another field.
///
/// # Cost        a value: 2 n m² + 3 n² m multiply-adds; a product with J or Jᵀ: about twice that
/// # Source      Ponce, Terver, Hebert, Arbel 2026 (arXiv 2507.01028)
#[derive(Debug, Clone)]
pub struct LinearField {
    /// Which field.
    pub kind: Field,
    /// X, Y, V.
    pub moments: Moments,
    /// n.
    pub width: usize,
    /// λ of A.
    pub decay_a: f64,
    /// λ of B.
    pub decay_b: f64,
    /// γ: the teacher's rate (EMA only).
    pub ema_rate: f64,
    /// The speed of B relative to A: dB/dt is multiplied by it.
    pub rate_b: f64,
    /// X, row-major.
    pub(super) x: Vec<f64>,
    /// Y, row-major.
    pub(super) y: Vec<f64>,
    /// V, row-major, where it is known.
    pub(super) v: Option<Vec<f64>>,
}

/// A field that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum LinearFieldError {
    /// n = 0.
    #[error("an embedding of 0 dimensions; n is at least 1")]
    Width,
    /// A weight decay or a rate that is no positive number.
    #[error("{name} is {value}; it has to be a finite number above 0")]
    NotPositive {
        /// Which number.
        name: &'static str,
        /// What it is.
        value: f64,
    },
    /// The joint field without the second moment of y.
    #[error("the joint field needs yy = E[y yᵀ], which these moments lack; add it, or choose sg or ema")]
    MissingTargetMoment,
}

impl LinearField {
    /// A field with one weight decay for A and B, γ = 1 and equal rates.
    ///
    /// Where the moments lack V but are symmetrized, V is X.
    ///
    /// # Requires    checked moments
    /// # Errors      [`LinearFieldError`]
    pub fn new(kind: Field, moments: Moments, width: usize, weight_decay: f64) -> Result<Self, LinearFieldError> {
        if width == 0 {
            return Err(LinearFieldError::Width);
        }
        let v = match &moments.yy {
            Some(yy) => Some(row_major(yy)),
            None => moments.symmetrized.then(|| row_major(&moments.xx)),
        };
        if kind == Field::Joint && v.is_none() {
            return Err(LinearFieldError::MissingTargetMoment);
        }
        let decay = positive("weight decay", weight_decay)?;
        let (x, y) = (row_major(&moments.xx), row_major(&moments.yx));
        Ok(Self { kind, moments, width, decay_a: decay, decay_b: decay, ema_rate: 1.0, rate_b: 1.0, x, y, v })
    }

    /// Weight decays of A and B apart.
    ///
    /// # Errors      [`LinearFieldError::NotPositive`]
    pub fn with_decays(self, decay_a: f64, decay_b: f64) -> Result<Self, LinearFieldError> {
        let decay_a = positive("weight decay of A", decay_a)?;
        Ok(Self { decay_a, decay_b: positive("weight decay of B", decay_b)?, ..self })
    }

    /// γ, the teacher's rate (read by EMA only).
    ///
    /// # Errors      [`LinearFieldError::NotPositive`]
    pub fn with_ema_rate(self, ema_rate: f64) -> Result<Self, LinearFieldError> {
        Ok(Self { ema_rate: positive("ema rate", ema_rate)?, ..self })
    }

    /// The speed of B relative to A.
    ///
    /// # Errors      [`LinearFieldError::NotPositive`]
    pub fn with_rate_b(self, rate_b: f64) -> Result<Self, LinearFieldError> {
        Ok(Self { rate_b: positive("rate of B", rate_b)?, ..self })
    }

    /// m.
    pub fn inputs(&self) -> usize {
        self.moments.size()
    }

    /// [n, m, length of A, length of B].
    pub(crate) fn sizes(&self) -> [usize; 4] {
        let (n, m) = (self.width, self.inputs());
        [n, m, n * m, n * n]
    }

    /// A, B and the teacher of a flat state (A itself where there is none).
    pub(crate) fn parts<'a>(&self, z: &'a [f64]) -> [&'a [f64]; 3] {
        let [_, _, nm, nn] = self.sizes();
        assert_eq!(z.len(), self.dimension(), "a {} state of n = {}, m = {}", self.kind, self.width, self.inputs());
        let (a, rest) = z.split_at(nm);
        let (b, c) = rest.split_at(nn);
        [a, b, if c.is_empty() { a } else { c }]
    }

    /// BA → `w` and R = BAX − CY → `r`.
    pub(super) fn residues(&self, [a, b, c]: [&[f64]; 3], w: &mut [f64], r: &mut [f64]) {
        let [n, m, _, _] = self.sizes();
        w.fill(0.0);
        r.fill(0.0);
        add_product(w, 1.0, b, a, [n, n, m]);
        add_product(r, 1.0, w, &self.x, [n, m, m]);
        add_product(r, -1.0, c, &self.y, [n, m, m]);
    }

    /// The right-hand side for one trajectory.
    pub(crate) fn coefficients(&self) -> Coefficients<'_, 1> {
        let [n, m, _, _] = self.sizes();
        Coefficients {
            kind: self.kind,
            n,
            m,
            xx: self.x.as_chunks().0,
            yx: self.y.as_chunks().0,
            yy: self.joint_moment().unwrap_or_default().as_chunks().0,
            decay_a: from_ref(&self.decay_a),
            decay_b: from_ref(&self.decay_b),
            ema_rate: from_ref(&self.ema_rate),
            rate_b: from_ref(&self.rate_b),
        }
    }

    /// V where the field goes through the target branch.
    fn joint_moment(&self) -> Option<&[f64]> {
        (self.kind == Field::Joint).then(|| self.v.as_deref().expect("checked in the constructor"))
    }

    fn split_out<'a>(&self, out: &'a mut [f64]) -> [&'a mut [f64]; 3] {
        let [_, _, nm, nn] = self.sizes();
        assert_eq!(out.len(), self.dimension(), "as long as a state");
        let (a, rest) = out.split_at_mut(nm);
        let (b, c) = rest.split_at_mut(nn);
        [a, b, c]
    }
}

impl VectorField for LinearField {
    fn dimension(&self) -> usize {
        let [_, _, nm, nn] = self.sizes();
        if self.kind.has_teacher() { 2 * nm + nn } else { nm + nn }
    }

    fn value(&self, z: &[f64], out: &mut [f64]) {
        assert!(z.len() == self.dimension() && out.len() == z.len(), "a state, and room for one");
        let [_, _, nm, _] = self.sizes();
        with_scratch(2 * nm, |scratch| {
            self.coefficients().value(z.as_chunks().0, out.as_chunks_mut().0, scratch.as_chunks_mut().0);
        });
    }

    fn jvp(&self, z: &[f64], direction: &[f64], out: &mut [f64]) {
        let [n, m, nm, _] = self.sizes();
        let parts @ [a, b, _] = self.parts(z);
        let [a1, b1, c1] = self.parts(direction);
        let [da, db, dc] = self.split_out(out);
        with_scratch(4 * nm, |scratch| {
            let (base, first) = scratch.split_at_mut(2 * nm);
            let (w, r) = base.split_at_mut(nm);
            let (w1, r1) = first.split_at_mut(nm);
            self.residues(parts, w, r);
            add_product(w1, 1.0, b1, a, [n, n, m]);
            add_product(w1, 1.0, b, a1, [n, n, m]);
            add_product(r1, 1.0, w1, &self.x, [n, m, m]);
            add_product(r1, -1.0, c1, &self.y, [n, m, m]);
            scale_into(da, -self.decay_a, a1);
            add_product_tn(da, -1.0, b1, r, [n, n, m]);
            add_product_tn(da, -1.0, b, r1, [n, n, m]);
            scale_into(db, -self.rate_b * self.decay_b, b1);
            add_product_nt(db, -self.rate_b, r1, a, [n, m, n]);
            add_product_nt(db, -self.rate_b, r, a1, [n, m, n]);
            if let Some(v) = self.joint_moment() {
                add_product_nt(da, 1.0, w1, &self.y, [n, m, m]);
                add_product(da, -1.0, a1, v, [n, m, m]);
            }
        });
        for ((dc, a1), c1) in dc.iter_mut().zip(a1).zip(c1) {
            *dc = self.ema_rate * (a1 - c1);
        }
    }

    /// The products of [`VectorField::jvp`] read backwards: p, q, s are the weights of dA, dB, dC.
    fn vjp(&self, z: &[f64], direction: &[f64], out: &mut [f64]) -> bool {
        let [n, m, nm, _] = self.sizes();
        let parts @ [a, b, _] = self.parts(z);
        let [p, q, s] = self.parts(direction);
        let [ga, gb, gc] = self.split_out(out);
        with_scratch(4 * nm, |scratch| {
            let (base, first) = scratch.split_at_mut(2 * nm);
            let (w, r) = base.split_at_mut(nm);
            let (gw, gr) = first.split_at_mut(nm);
            self.residues(parts, w, r);
            add_product(gr, -1.0, b, p, [n, n, m]);
            add_product(gr, -self.rate_b, q, a, [n, n, m]);
            add_product(gw, 1.0, gr, &self.x, [n, m, m]);
            scale_into(ga, -self.decay_a, p);
            if let Some(v) = self.joint_moment() {
                add_product(gw, 1.0, p, &self.y, [n, m, m]);
                add_product(ga, -1.0, p, v, [n, m, m]);
            }
            scale_into(gb, -self.rate_b * self.decay_b, q);
            add_product_nt(gb, -1.0, r, p, [n, m, n]);
            add_product_nt(gb, 1.0, gw, a, [n, m, n]);
            add_product_tn(ga, -self.rate_b, q, r, [n, n, m]);
            add_product_tn(ga, 1.0, b, gw, [n, n, m]);
            if gc.is_empty() {
                add_product_nt(ga, -1.0, gr, &self.y, [n, m, m]);
            } else {
                scale_into(gc, -self.ema_rate, s);
                add_product_nt(gc, -1.0, gr, &self.y, [n, m, m]);
                ga.iter_mut().zip(s).for_each(|(g, s)| *g += self.ema_rate * s);
            }
        });
        true
    }
}

/// Numbers of scratch that live on the stack: 2 KiB, n m up to 128 for a value.
const STACK: usize = 256;

/// Calls with a slice of zeros, from the heap only where it is long.
fn with_scratch<T>(length: usize, run: impl FnOnce(&mut [f64]) -> T) -> T {
    if length <= STACK { run(&mut [0.0; STACK][..length]) } else { run(&mut vec![0.0; length]) }
}

fn scale_into(out: &mut [f64], factor: f64, values: &[f64]) {
    out.iter_mut().zip(values).for_each(|(out, value)| *out = factor * value);
}

fn row_major(matrix: &Mat<f64>) -> Vec<f64> {
    (0..matrix.nrows()).flat_map(|i| (0..matrix.ncols()).map(move |j| matrix[(i, j)])).collect()
}

fn positive(name: &'static str, value: f64) -> Result<f64, LinearFieldError> {
    if value > 0.0 && value.is_finite() { Ok(value) } else { Err(LinearFieldError::NotPositive { name, value }) }
}

#[cfg(test)]
mod tests;
