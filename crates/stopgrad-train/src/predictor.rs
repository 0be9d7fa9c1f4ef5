//! A predictor that is not trained alone: set from the correlation of what it sees (DirectPred), or kept symmetric.

use burn::tensor::Tensor;
use faer::{Mat, MatRef};
use stopgrad_dynamics::linalg;

use crate::bridge;
use crate::config::{NetworkConfig, PredictorRule};
use crate::network::Network;
use crate::scalar::Scalar;

/// Eigenvalues of a predictor that is set are at least this (the released code's floor).
const SMALLEST_EIGENVALUE: f64 = 1e-4;

/// What sets the one matrix of a linear predictor behind every update.
#[derive(Debug)]
pub struct Setter<T> {
    rule: PredictorRule,
    decay: f64,
    share: f64,
    every: u64,
    /// Place of the matrix among the parameters.
    parameter: usize,
    width: usize,
    /// F: the moving average of E[f fᵀ], d × d; empty before the first batch. Kept in the type of the run, so that a checkpoint
    /// holds it to the bit.
    correlation: Vec<T>,
}

impl<T: Scalar> Setter<T> {
    /// None for a predictor that is trained and nothing else.
    pub fn new(config: &NetworkConfig, network: &Network) -> Option<Self> {
        (config.predictor_rule != PredictorRule::Trained).then(|| Self {
            rule: config.predictor_rule,
            decay: config.direct_decay,
            share: config.direct_share,
            every: config.direct_every,
            parameter: network.predictor.parameters.start,
            width: network.embedding_width,
            correlation: Vec::new(),
        })
    }

    /// Whether no gradient moves the predictor.
    pub fn replaces_training(&self) -> bool {
        self.rule != PredictorRule::Symmetric
    }

    /// Takes in what the predictor saw in one update: F ← ρ F + (1 − ρ) E[f fᵀ], and E[f fᵀ] itself at first. Not centered.
    ///
    /// # Shapes      seen: a matrix n × d a batch
    /// # Cost        n d² multiply-adds
    pub fn observe(&mut self, seen: &[Tensor<2>]) {
        if !self.replaces_training() {
            return;
        }
        let d = self.width;
        let mut mean = vec![0.0; d * d];
        for rows in seen {
            let n = rows.dims()[0];
            let products = linalg::column_products(&bridge::to_f64(rows), n, d);
            let share = 1.0 / (n * seen.len()) as f64;
            mean.iter_mut().zip(products).for_each(|(mean, product)| *mean += share * product);
        }
        if self.correlation.is_empty() {
            self.correlation = mean.into_iter().map(T::from_f64).collect();
        } else {
            for (old, new) in self.correlation.iter_mut().zip(mean) {
                *old = T::from_f64(self.decay * old.to_f64() + (1.0 - self.decay) * new);
            }
        }
    }

    /// Sets the matrix among `parameters` behind update number `step`, counted from 0.
    pub fn set(&self, parameters: &mut [Tensor<1>], step: u64) {
        let (d, matrix) = (self.width, &mut parameters[self.parameter]);
        if self.rule == PredictorRule::Symmetric {
            return bridge::modify(matrix, |w: &mut [T]| symmetrize(w, d));
        }
        if !step.is_multiple_of(self.every) {
            return;
        }
        let correlation: Vec<f64> = self.correlation.iter().map(|&x| x.to_f64()).collect();
        // A run whose numbers are no longer finite is stopped by whoever looks at its loss.
        if let Some(set) = direct(&correlation, d, self.rule, self.share) {
            bridge::modify(matrix, |w: &mut [T]| {
                w.iter_mut().zip(set).for_each(|(w, value)| *w = T::from_f64(value));
            });
        }
    }

    /// F, for a checkpoint; empty before the first update.
    pub fn correlation(&self) -> &[T] {
        &self.correlation
    }

    /// Puts a stored F in its place; `None` if it has another size.
    pub fn restore(&mut self, correlation: Vec<T>) -> Option<()> {
        let wanted = if self.replaces_training() { self.width * self.width } else { 0 };
        (correlation.len() == wanted).then(|| self.correlation = correlation)
    }
}

/// W = U diag(p) Uᵀ from F = U diag(s) Uᵀ: with p = √(s/max s) + ε as in the released code, or p = √s + ε max s as in the paper,
/// at least 1e-4 either way; negative s, which are rounding, count as 0. `None` where F is not finite.
///
/// # Shapes      correlation: d × d, symmetric → d × d
/// # Cost        about 10 d³ multiply-adds
/// # Source      Tian, Chen, Ganguli 2021, section 5 (arXiv:2102.06810); facebookresearch/luckmatters, ssl/real-dataset
pub fn direct(correlation: &[f64], d: usize, rule: PredictorRule, share: f64) -> Option<Vec<f64>> {
    if !correlation.iter().all(|x| x.is_finite()) {
        return None;
    }
    let eigen = linalg::symmetric_eigen(MatRef::from_row_major_slice(correlation, d, d)).ok()?;
    let largest = eigen.values[0].max(f64::MIN_POSITIVE);
    let of = |s: f64| {
        let s = s.max(0.0);
        let p = if rule == PredictorRule::DirectpredPaper {
            s.sqrt() + share * largest
        } else {
            (s / largest).sqrt() + share
        };
        p.max(SMALLEST_EIGENVALUE)
    };
    let p: Vec<f64> = eigen.values.iter().map(|&s| of(s)).collect();
    let u = eigen.vectors.as_ref();
    let scaled = Mat::from_fn(d, d, |i, j| u[(i, j)] * p[j]);
    let set = linalg::product(scaled.as_ref(), u.transpose());
    Some((0..d * d).map(|at| f64::midpoint(set[(at / d, at % d)], set[(at % d, at / d)])).collect())
}

/// (W + Wᵀ)/2, in place.
fn symmetrize<T: Scalar>(w: &mut [T], d: usize) {
    for i in 0..d {
        for j in 0..i {
            let mean = T::from_f64(f64::midpoint(w[i * d + j].to_f64(), w[j * d + i].to_f64()));
            (w[i * d + j], w[j * d + i]) = (mean, mean);
        }
    }
}
