//! What is varied: moments and weight decay as functions of one parameter, in coordinates of unit scale.

use faer::Mat;

use crate::linalg::{LinalgError, SymmetricEigen, product, symmetric_eigen};
use crate::stability::spectrum_at;
use crate::{DEFAULT_SUPPORT_THRESHOLD, Field, LinearField, LinearState, Moments, Spectrum, Support, SupportError};

/// A one-parameter family of problems (X, Y, λ).
///
/// Everything is solved for Σ with S = L Σ L, L = diag(ρ)^{−1/2} in the eigenbasis of X on its support (for a mix: of the
/// mean of both ends), so that modes of any variance have comparable size. The parameter is ln λ, or the share t.
#[derive(Debug, Clone)]
pub struct Family {
    kind: Kind,
    support: Support,
    /// diag(ρ)^{−1/2}.
    scale: Vec<f64>,
    /// (X, Y) in support coordinates at both ends; equal where λ is varied.
    ends: [(Mat<f64>, Mat<f64>); 2],
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// θ = ln λ.
    Decay,
    /// θ = t, at this λ.
    Mix(f64),
}

/// X', Y', λ at a parameter and their derivatives by it, in the coordinates of Σ.
pub(super) struct Values {
    pub(super) xx: Mat<f64>,
    pub(super) yx: Mat<f64>,
    pub(super) decay: f64,
    /// Zero matrices are left out.
    pub(super) rates: Option<(Mat<f64>, Mat<f64>)>,
    pub(super) decay_rate: f64,
}

/// Length of the whole range of t beside that of e-folds of λ: steps in t are a fifth of those in ln λ.
const MIX_WEIGHT: f64 = 5.0;

impl Family {
    /// The weight decay is varied.
    ///
    /// # Errors      [`SupportError`] when X is 0 or its spectrum fails
    pub fn in_weight_decay(moments: &Moments) -> Result<Self, SupportError> {
        let support = Support::new(moments, DEFAULT_SUPPORT_THRESHOLD)?;
        let end = support.project(moments);
        Ok(Self::new(Kind::Decay, support, [end.clone(), end]))
    }

    /// Moments (1 − t) `from` + t `to` at one weight decay; t is varied.
    ///
    /// # Requires    both of one size, `weight_decay` > 0
    /// # Errors      [`SupportError`] of their mean
    pub fn mix(from: &Moments, to: &Moments, weight_decay: f64) -> Result<Self, SupportError> {
        assert_eq!(from.size(), to.size(), "moments of one size");
        let mean = |a: &Mat<f64>, b: &Mat<f64>| mixed(a, b, 0.5);
        let support = Support::new(
            &Moments::unchecked(mean(&from.xx, &to.xx), mean(&from.yx, &to.yx), None),
            DEFAULT_SUPPORT_THRESHOLD,
        )?;
        let ends = [support.project(from), support.project(to)];
        Ok(Self::new(Kind::Mix(weight_decay), support, ends))
    }

    fn new(kind: Kind, support: Support, ends: [(Mat<f64>, Mat<f64>); 2]) -> Self {
        let scale = support.variances.iter().map(|rho| rho.sqrt().recip()).collect();
        Self { kind, support, scale, ends }
    }

    /// k, dimensions of the support of X.
    pub fn size(&self) -> usize {
        self.support.size()
    }

    /// The parameter that people see (λ or t) of the one that is followed (ln λ or t).
    pub fn shown(&self, theta: f64) -> f64 {
        if self.kind == Kind::Decay { theta.exp() } else { theta }
    }

    /// The reverse of [`Self::shown`].
    pub fn followed(&self, parameter: f64) -> f64 {
        if self.kind == Kind::Decay { parameter.ln() } else { parameter }
    }

    /// Whether two shown parameters of this relative (λ) or absolute (t) distance are called one.
    pub(super) fn weight(&self) -> f64 {
        if self.kind == Kind::Decay { 1.0 } else { MIX_WEIGHT }
    }

    /// λ at a followed parameter.
    pub fn decay(&self, theta: f64) -> f64 {
        match self.kind {
            Kind::Decay => theta.exp(),
            Kind::Mix(decay) => decay,
        }
    }

    /// N = L².
    pub(super) fn square(&self) -> Vec<f64> {
        self.scale.iter().map(|x| x * x).collect()
    }

    fn scaled(&self, matrix: &Mat<f64>) -> Mat<f64> {
        Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| self.scale[i] * matrix[(i, j)] * self.scale[j])
    }

    pub(super) fn values(&self, theta: f64) -> Values {
        let [(x0, y0), (x1, y1)] = &self.ends;
        match self.kind {
            Kind::Decay => Values {
                xx: self.scaled(x0),
                yx: self.scaled(y0),
                decay: theta.exp(),
                rates: None,
                decay_rate: theta.exp(),
            },
            Kind::Mix(decay) => Values {
                xx: self.scaled(&mixed(x0, x1, theta)),
                yx: self.scaled(&mixed(y0, y1, theta)),
                decay,
                rates: Some((self.scaled(&(x1 - x0)), self.scaled(&(y1 - y0)))),
                decay_rate: 0.0,
            },
        }
    }

    /// Moments in support coordinates at a parameter.
    pub fn moments(&self, theta: f64) -> Moments {
        let [(x0, y0), (x1, y1)] = &self.ends;
        match self.kind {
            Kind::Decay => Moments::unchecked(x0.clone(), y0.clone(), None),
            Kind::Mix(_) => Moments::unchecked(mixed(x0, x1, theta), mixed(y0, y1, theta), None),
        }
    }

    /// Σ of an S in the coordinates of the moments, with the part outside the support left out.
    ///
    /// # Shapes      s: m × m → k × k
    pub fn inward(&self, s: &Mat<f64>) -> Mat<f64> {
        let right = product(s.as_ref(), self.support.directions.as_ref());
        let inner = product(self.support.directions.transpose(), right.as_ref());
        Mat::from_fn(inner.nrows(), inner.ncols(), |i, j| inner[(i, j)] / (self.scale[i] * self.scale[j]))
    }

    /// S in the coordinates of the moments.
    ///
    /// # Shapes      sigma: k × k → m × m
    pub fn outward(&self, sigma: &Mat<f64>) -> Mat<f64> {
        let left = product(self.support.directions.as_ref(), self.scaled(sigma).as_ref());
        product(left.as_ref(), self.support.directions.transpose())
    }

    /// |S|_F: that of the support, whose basis is orthonormal.
    pub(super) fn norm(&self, sigma: &Mat<f64>) -> f64 {
        self.scaled(sigma).norm_l2()
    }

    /// The state of width r of an equilibrium of rank r, and its field.
    ///
    /// # Errors      [`LinalgError`]
    pub fn state(
        &self, (kind, ema_rate): (Field, f64), sigma: &Mat<f64>, rank: usize, theta: f64,
    ) -> Result<(LinearField, Vec<f64>), LinalgError> {
        let SymmetricEigen { values, vectors } = symmetric_eigen(sigma.as_ref())?;
        let a = Mat::from_fn(rank, self.size(), |i, j| values[i].max(0.0).sqrt() * vectors[(j, i)] * self.scale[j]);
        let mut field = LinearField::new(kind, self.moments(theta), rank, self.decay(theta))
            .expect("a rank above 0, a weight decay above 0 and no joint field");
        field.ema_rate = ema_rate;
        let b = field.predictor_of(&a)?;
        let c = kind.has_teacher().then(|| a.clone());
        Ok((field, LinearState { a, b, c }.to_flat()))
    }

    /// The transversal spectrum in the r dimensions that an equilibrium of rank r fills; spare dimensions never change the
    /// sign of a real part (`stability::spectrum_by_rank_at`).
    ///
    /// # Errors      [`LinalgError`]
    pub fn spectrum(
        &self, flow: (Field, f64), sigma: &Mat<f64>, rank: usize, theta: f64,
    ) -> Result<Spectrum, LinalgError> {
        let (field, state) = self.state(flow, sigma, rank, theta)?;
        spectrum_at(&field, &state)
    }
}

fn mixed(a: &Mat<f64>, b: &Mat<f64>, t: f64) -> Mat<f64> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| (1.0 - t) * a[(i, j)] + t * b[(i, j)])
}
