//! Newton's method in a chart of rank r, kept away from solutions that are known.

use faer::{Mat, c64};

use crate::linalg::LuFactors;
use crate::polynomial::ring::Dense;
use crate::polynomial::stratum::{Chart, Framed};

/// S' by rows.
pub(super) type Real = Vec<f64>;

/// Steps of one attempt.
const MAX_STEPS: usize = 60;
/// Steps no longer than this share of the point: Newton's own may be far longer near a singular Jacobian.
const LONGEST: f64 = 0.5;
/// Halvings of one step.
const MAX_HALVINGS: i32 = 8;
/// Last correction, relative to the point: the refinement that comes after squares it.
const CLOSE_ENOUGH: f64 = 1e-10;
/// Entries of V beyond which other rows are taken for the identity.
const LARGE: f64 = 4.0;
/// |S − S_i| / |S_i| below which a solution is one that is known.
const SAME: f64 = 1e-7;

/// The equations in the frame, and what is known of their solutions.
pub(super) struct Deflated {
    pub(super) moments: Framed<c64>,
    pub(super) known: Vec<Real>,
}

impl Deflated {
    /// The solution of rank r that Newton's method leads to, if it is a new one: `repelled` by those known, or with steps shortened
    /// until they come nearer.
    ///
    /// # Cost        60 times O(N³), N = r(r + 1)/2 + r(k − r)
    pub(super) fn newton(&self, start: &[f64], rank: usize, repelled: bool) -> Option<Real> {
        let k = start.len().isqrt();
        let matrix = Dense::from_fn(k, k, |i, j| c64::new(start[i * k + j], 0.0));
        let (mut chart, mut x) = Chart::of(&matrix, rank)?;
        for _ in 0..MAX_STEPS {
            let step = self.step(&chart, &x)?;
            let (length, size) = (norm(&step), norm(&x));
            let moved = |factor: f64| -> Vec<c64> { x.iter().zip(&step).map(|(x, d)| x - d * factor).collect() };
            if length <= CLOSE_ENOUGH * size {
                let s = real(&chart.s(&moved(1.0)));
                return self.is_new(&s).then_some(s);
            }
            let longest = LONGEST * size / length;
            x = if repelled {
                moved(self.factor(&chart, &x, &step).clamp(-longest, longest))
            } else {
                let before = self.defect(&chart, &x);
                let halved = (0..MAX_HALVINGS).map(|halvings| moved(longest.min(1.0) * 0.5f64.powi(halvings)));
                halved.into_iter().find(|x| self.defect(&chart, x) < before)?
            };
            if x.iter().any(|x| !x.re.is_finite()) {
                return None;
            }
            if x[rank * (rank + 1) / 2..].iter().any(|x| x.re.abs() > LARGE) {
                (chart, x) = Chart::of(&chart.s(&x), rank)?;
            }
        }
        None
    }

    /// J⁻¹F at a real point.
    fn step(&self, chart: &Chart, x: &[c64]) -> Option<Vec<c64>> {
        let n = x.len();
        let jacobian = self.moments.jacobian(chart, x);
        let residual = self.moments.residual(chart, x);
        let matrix = Mat::from_fn(n, n, |i, j| jacobian.at(i, j).re);
        let right = Mat::from_fn(n, 1, |i, _| residual[i].re);
        let step = LuFactors::new(matrix.as_ref()).solve(right.as_ref());
        let step: Vec<c64> = (0..n).map(|i| c64::new(step[(i, 0)], 0.0)).collect();
        step.iter().all(|d| d.re.is_finite()).then_some(step)
    }

    /// |F|.
    fn defect(&self, chart: &Chart, x: &[c64]) -> f64 {
        norm(&self.moments.residual(chart, x))
    }

    /// τ of the step −τJ⁻¹F for ηF with η = Π(1 + |S_i|²/|S − S_i|²): τ = 1/(1 + ∇η·J⁻¹F/η).
    fn factor(&self, chart: &Chart, x: &[c64], step: &[c64]) -> f64 {
        let s = real(&chart.s(x));
        // S is a polynomial in x: differences over a small part of the step.
        let small = 1e-6 * norm(x) / norm(step).max(f64::MIN_POSITIVE);
        let ahead: Vec<c64> = x.iter().zip(step).map(|(x, d)| x + d * small).collect();
        let slope: Vec<f64> = real(&chart.s(&ahead)).iter().zip(&s).map(|(a, b)| (a - b) / small).collect();
        let change: f64 = self
            .known
            .iter()
            .map(|known| {
                let size: f64 = known.iter().map(|x| x * x).sum();
                let gap = || s.iter().zip(known).map(|(a, b)| a - b);
                let square = gap().map(|x| x * x).sum::<f64>() / size;
                let along = gap().zip(&slope).map(|(a, b)| a * b).sum::<f64>() / size;
                -2.0 * along / (square * (1.0 + square)).max(f64::MIN_POSITIVE)
            })
            .sum();
        1.0 / (1.0 + change)
    }

    fn is_new(&self, s: &[f64]) -> bool {
        self.known.iter().all(|known| {
            let distance = s.iter().zip(known).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
            distance > SAME * SAME * known.iter().map(|x| x * x).sum::<f64>()
        })
    }
}

fn real(s: &Dense<c64>) -> Real {
    s.data.iter().map(|x| x.re).collect()
}

fn norm(x: &[c64]) -> f64 {
    x.iter().map(|x| x.re * x.re).sum::<f64>().sqrt()
}
