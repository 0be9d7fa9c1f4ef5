//! Random moments and a dense Jacobian, for tests: written anew, so that they are an independent oracle.

#![allow(dead_code, reason = "each test takes what it needs")]

use faer::Mat;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use stopgrad_dynamics::{Moments, linalg};

pub(crate) struct Stream(ChaCha8Rng);

impl Stream {
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    pub(crate) fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Box and Muller.
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    pub(crate) fn matrix(&mut self, rows: usize, columns: usize) -> Mat<f64> {
        Mat::from_fn(rows, columns, |_, _| self.normal())
    }
}

pub(crate) fn moments(xx: Mat<f64>, yx: Mat<f64>) -> Moments {
    Moments::unchecked(xx, yx, None)
}

pub(crate) fn diagonal(values: &[f64]) -> Mat<f64> {
    Mat::from_fn(values.len(), values.len(), |i, j| if i == j { values[i] } else { 0.0 })
}

/// X a sample covariance of 2m vectors, Y = 0.9 X + noise, symmetric for even seeds.
pub(crate) fn random(m: usize, seed: u64) -> Moments {
    let mut stream = Stream::new(seed * 1000 + m as u64);
    let g = stream.matrix(m, 2 * m);
    let xx = Mat::from_fn(m, m, |i, j| (0..2 * m).map(|l| g[(i, l)] * g[(j, l)]).sum::<f64>() / (2 * m) as f64);
    let noise = stream.matrix(m, m);
    let yx = Mat::from_fn(m, m, |i, j| {
        let (here, there) = (noise[(i, j)], noise[(j, i)]);
        0.9 * xx[(i, j)]
            + 0.15 / (m as f64).sqrt() * if seed.is_multiple_of(2) { f64::midpoint(here, there) } else { here }
    });
    moments(xx, yx)
}

/// The largest real part of the spectrum of the stop-gradient flow at (A, B), without the orbit's zeros, by differences
/// of nothing: the derivative is bilinear and written out column by column.
pub(crate) fn leading_rate(moments: &Moments, a: &Mat<f64>, b: &Mat<f64>, rank: usize, decay: f64) -> f64 {
    let (n, m) = a.shape();
    let (x, y) = (&moments.xx, &moments.yx);
    let rest = b * a * x - a * y;
    let size = n * m + n * n;
    let mut jacobian = Mat::<f64>::zeros(size, size);
    for column in 0..size {
        let unit = |offset: usize, width: usize| {
            Mat::from_fn(n, width, |i, j| if offset + i * width + j == column { 1.0 } else { 0.0 })
        };
        let (da, db) = (unit(0, m), unit(n * m, n));
        let change = &db * a * x + b * &da * x - &da * y;
        let rows = -(db.transpose() * &rest + b.transpose() * &change) - faer::Scale(decay) * &da;
        let square = -(&change * a.transpose() + &rest * da.transpose()) - faer::Scale(decay) * &db;
        for i in 0..n {
            (0..m).for_each(|j| jacobian[(i * m + j, column)] = rows[(i, j)]);
            (0..n).for_each(|j| jacobian[(n * m + i * n + j, column)] = square[(i, j)]);
        }
    }
    let mut values = linalg::general_eigenvalues(jacobian.as_ref()).expect("finite");
    values.sort_by(|p, q| p.re.hypot(p.im).total_cmp(&q.re.hypot(q.im)));
    let orbit = n * rank - rank * (rank + 1) / 2;
    values[orbit..].iter().map(|value| value.re).fold(f64::NEG_INFINITY, f64::max)
}

/// The same with V = Y X⁻¹ Yᵀ + X/10: the second moment of a y whose regression on x leaves X/10 unexplained.
pub(crate) fn with_target(moments: Moments) -> Moments {
    let (m, y) = (moments.size(), &moments.yx);
    let mut kernel: Vec<f64> = (0..m * m).map(|k| moments.xx[(k / m, k % m)]).collect();
    let mut columns: Vec<f64> = (0..m * m).map(|k| y[(k % m, k / m)]).collect();
    linalg::solve_positive_definite(&mut kernel, &mut columns, m, m).expect("X is positive definite");
    let explained = y * Mat::from_fn(m, m, |i, j| columns[i * m + j]);
    let yy = Mat::from_fn(m, m, |i, j| 0.5 * (explained[(i, j)] + explained[(j, i)]) + 0.1 * moments.xx[(i, j)]);
    Moments { yy: Some(yy), ..moments }
}
