//! Newton's method back to the curve in a chart, and what is known of the curve there.

use faer::Mat;

use super::chart::Chart;
use super::family::Family;
use crate::linalg::{LuFactors, frobenius};

/// Newton steps of one correction; from a good prediction 3 to 5 are the rule.
const MOST: usize = 12;
/// After a correction this small, relative to the equilibrium, one more ends at rounding, and its size tells the error.
const SETTLED: f64 = 1e-8;
/// Coordinates up to this size are believed: Ŝ stays positive definite.
const REACH: f64 = 0.8;

/// A point of the curve in the coordinates of a chart: those of Σ, then that of the parameter.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    /// N + 1.
    pub(super) point: Vec<f64>,
    /// The unit tangent, along the chart's direction.
    pub(super) tangent: Vec<f64>,
    /// The determinant of the equation's derivatives bordered by the direction, in units of `exp(log_scale)`.
    pub(super) determinant: f64,
    /// Newton steps.
    pub(super) iterations: usize,
    /// The last correction: relative error of the point, about.
    pub(super) correction: f64,
}

/// A chart with the direction in which its curve is followed.
pub(super) struct Corrector<'a> {
    pub(super) family: &'a Family,
    pub(super) chart: &'a Chart,
    /// Unit: N + 1.
    pub(super) direction: &'a [f64],
    /// ln |det| at the centre.
    pub(super) log_scale: f64,
}

impl<'a> Corrector<'a> {
    pub(super) fn new(family: &'a Family, chart: &'a Chart, direction: &'a [f64]) -> Self {
        let bare = Self { family, chart, direction, log_scale: 0.0 };
        let log_scale = bare.factors(&vec![0.0; direction.len()], direction).1.log_determinant();
        Self { log_scale, ..bare }
    }

    /// θ at a point.
    pub(super) fn theta(&self, point: &[f64]) -> f64 {
        self.chart.theta + point[point.len() - 1] / self.family.weight()
    }

    /// The equation's value and its bordered derivatives.
    fn factors(&self, point: &[f64], border: &[f64]) -> (Mat<f64>, LuFactors) {
        let (inner, theta) = (&point[..point.len() - 1], self.theta(point));
        let equation = self.chart.equation(self.family, inner, theta);
        let count = point.len();
        let bordered =
            Mat::from_fn(count, count, |i, j| if i + 1 < count { equation.jacobian[(i, j)] } else { border[j] });
        (equation.value, LuFactors::new(bordered.as_ref()))
    }

    /// The point of the curve at which the border's product with the coordinates has a given value, from a guess.
    fn solve(&self, guess: &[f64], border: &[f64], height: f64) -> Option<(Vec<f64>, usize, f64)> {
        let mut point = guess.to_vec();
        let mut before = f64::INFINITY;
        for iterations in 1..=MOST {
            let (value, factors) = self.factors(&point, border);
            let gap = height - dot(border, &point);
            let right = Mat::from_fn(point.len(), 1, |i, _| if i + 1 < point.len() { -value[(i, 0)] } else { gap });
            let step = factors.solve(right.as_ref());
            let size = frobenius(step.as_ref());
            point.iter_mut().enumerate().for_each(|(i, x)| *x += step[(i, 0)]);
            let inside = point[..point.len() - 1].iter().map(|x| x * x).sum::<f64>().sqrt() < REACH;
            if !size.is_finite() || !inside {
                return None;
            }
            if before <= SETTLED {
                return Some((point, iterations, size));
            }
            if iterations > 2 && size > before {
                return None;
            }
            before = size;
        }
        None
    }

    /// The point of the curve at arc length `height` along the direction, from a guess.
    pub(super) fn at(&self, guess: &[f64], height: f64) -> Option<Sample> {
        let (point, iterations, correction) = self.solve(guess, self.direction, height)?;
        Some(self.sample(point, iterations, correction))
    }

    /// What is known at a point of the curve.
    pub(super) fn sample(&self, point: Vec<f64>, iterations: usize, correction: f64) -> Sample {
        let (_, factors) = self.factors(&point, self.direction);
        let count = point.len();
        let last = Mat::from_fn(count, 1, |i, _| if i + 1 == count { 1.0 } else { 0.0 });
        let tangent = factors.solve(last.as_ref());
        let size = frobenius(tangent.as_ref());
        let determinant = factors.determinant_sign() * (factors.log_determinant() - self.log_scale).exp();
        let tangent = (0..count).map(|i| tangent[(i, 0)] / size).collect();
        Sample { point, tangent, determinant, iterations, correction }
    }

    /// The equilibrium at the chart's own parameter, from its centre; `None` where Newton does not settle there.
    pub(super) fn polish(&self) -> Option<(Vec<f64>, usize)> {
        let count = self.direction.len();
        let fixed: Vec<f64> = (0..count).map(|i| if i + 1 == count { 1.0 } else { 0.0 }).collect();
        self.solve(&vec![0.0; count], &fixed, 0.0).map(|(point, iterations, _)| (point, iterations))
    }
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}
