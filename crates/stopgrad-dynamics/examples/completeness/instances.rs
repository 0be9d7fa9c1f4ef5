//! Random instances on which completeness and times are measured.

use faer::Mat;
use stopgrad_dynamics::Moments;
use stopgrad_dynamics::linalg::{product, symmetric_eigen};
use stopgrad_dynamics::random::{normal, stream, uniform};

/// X Wishart with 3m degrees of freedom, its eigenvalues raised to the power that makes the condition number log-uniform
/// in 1 … 10⁴; Y = X^{1/2} K X^{1/2}, K = Q diag(0.2 … 1) Qᵀ, plus 0.3 G/√m where views are not exchangeable; λ
/// log-uniform in 10⁻⁴ … 0.3 times the smallest τ²/(4ρ) over the eigenvectors of X.
pub(crate) fn instance(m: usize, seed: u64) -> (Moments, f64) {
    let mut rng = stream(seed, 800 + m as u64);
    let g = Mat::from_fn(3 * m, m, |_, _| normal(&mut rng));
    let wishart = Mat::from_fn(m, m, |i, j| (0..3 * m).map(|k| g[(k, i)] * g[(k, j)]).sum::<f64>() / (3 * m) as f64);
    let eigen = symmetric_eigen(wishart.as_ref()).expect("finite");
    let spread = (eigen.values[0] / eigen.values[m - 1]).ln();
    let condition = 4.0 * std::f64::consts::LN_10 * uniform(&mut rng);
    let power = if m == 1 { 1.0 } else { condition / spread };
    let rho: Vec<f64> = eigen.values.iter().map(|value| value.powf(power)).collect();
    let draw = Mat::from_fn(m, m, |_, _| normal(&mut rng));
    let sum = Mat::from_fn(m, m, |i, j| draw[(i, j)] + draw[(j, i)]);
    let q = symmetric_eigen(sum.as_ref()).expect("finite").vectors;
    let sigma: Vec<f64> = (0..m).map(|_| 0.2 + 0.8 * uniform(&mut rng)).collect();
    let noise = Mat::from_fn(m, m, |_, _| normal(&mut rng));
    let apart = if seed.is_multiple_of(2) { 0.0 } else { 0.3 / (m as f64).sqrt() };
    let k = Mat::from_fn(m, m, |i, j| {
        (0..m).map(|l| q[(i, l)] * sigma[l] * q[(j, l)]).sum::<f64>() + apart * noise[(i, j)]
    });
    let inner = Mat::from_fn(m, m, |i, j| k[(i, j)] * (rho[i] * rho[j]).sqrt());
    let v = &eigen.vectors;
    let turned = |matrix: &Mat<f64>| product(product(v.as_ref(), matrix.as_ref()).as_ref(), v.transpose());
    let xx = turned(&Mat::from_fn(m, m, |i, j| if i == j { rho[i] } else { 0.0 }));
    let xx = Mat::from_fn(m, m, |i, j| 0.5 * (xx[(i, j)] + xx[(j, i)]));
    let smallest = (0..m).map(|i| inner[(i, i)].powi(2) / (4.0 * rho[i])).fold(f64::INFINITY, f64::min);
    let exponent = -4.0 + (0.3f64.log10() + 4.0) * uniform(&mut rng);
    (Moments::unchecked(xx, turned(&inner), None), smallest * 10f64.powf(exponent))
}
