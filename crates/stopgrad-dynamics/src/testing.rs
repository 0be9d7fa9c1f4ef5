//! Instances that the crate's tests share.

use faer::Mat;

use crate::random::{normal, stream};
use crate::{
    DEFAULT_SUPPORT_THRESHOLD, Field, LinearField, LinearState, Moments, RefinementParams, Support, VectorField,
    refine_equilibrium,
};

/// Standard normal numbers.
pub(crate) fn normal_vector(length: usize, seed: u64) -> Vec<f64> {
    let mut rng = stream(seed, 77);
    (0..length).map(|_| normal(&mut rng)).collect()
}

pub(crate) fn moments(xx: Mat<f64>, yx: Mat<f64>, yy: Mat<f64>) -> Moments {
    Moments::unchecked(xx, yx, Some(yy))
}

/// v = z², with a pole at time 1 from 1.
pub(crate) struct Square;

impl VectorField for Square {
    fn dimension(&self) -> usize {
        1
    }
    fn value(&self, z: &[f64], out: &mut [f64]) {
        out[0] = z[0] * z[0];
    }
    fn jvp(&self, z: &[f64], direction: &[f64], out: &mut [f64]) {
        out[0] = 2.0 * z[0] * direction[0];
    }
}

/// X, Y, V of 4 m pairs y = 0.9 x + 0.3 noise: true moments of something, not exchangeable.
pub(crate) fn sample_moments(m: usize, seed: u64) -> Moments {
    let (mut rng, count) = (stream(seed, 5), 4 * m);
    let x = Mat::from_fn(count, m, |_, _| normal(&mut rng));
    let y = Mat::from_fn(count, m, |i, j| 0.9 * x[(i, j)] + 0.3 * normal(&mut rng));
    let mean = |left: &Mat<f64>, right: &Mat<f64>| {
        Mat::from_fn(m, m, |i, j| (0..count).map(|k| left[(k, i)] * right[(k, j)]).sum::<f64>() / count as f64)
    };
    moments(mean(&x, &x), mean(&y, &x), mean(&y, &y))
}

/// Each field on the same moments.
pub(crate) fn fields(n: usize, m: usize, weight_decay: f64) -> Vec<LinearField> {
    let new = |kind| LinearField::new(kind, sample_moments(m, 1), n, weight_decay).unwrap();
    vec![new(Field::Joint), new(Field::StopGradient), new(Field::Ema).with_ema_rate(0.7).unwrap()]
}

/// 3.9: the spheres of m = 1, inner then outer.
pub(crate) fn radii(rho: f64, tau: f64, decay: f64) -> Option<[f64; 2]> {
    let root = (tau * tau - 4.0 * rho * decay).sqrt();
    (!root.is_nan()).then(|| [(tau.abs() - root) / (2.0 * rho), (tau.abs() + root) / (2.0 * rho)])
}

/// 3.10: an equilibrium of diagonal X and Y (m = 3, λ = 0.05) in the first `rank` coordinates; `inner` tells where
/// the smaller radius is taken.
pub(crate) fn diagonal_equilibrium(kind: Field, n: usize, inner: &[bool], rank: usize) -> (LinearField, Vec<f64>) {
    let (xs, ys) = ([1.0, 0.8, 1.3], [0.9, -0.7, 0.8]);
    let diagonal = |d: [f64; 3]| Mat::from_fn(3, 3, |i, j| if i == j { d[i] } else { 0.0 });
    let field = LinearField::new(kind, moments(diagonal(xs), diagonal(ys), diagonal(xs)), n, 0.05).unwrap();
    let (mut a, mut b) = (Mat::zeros(n, 3), Mat::zeros(n, n));
    for i in 0..rank {
        let radius = radii(xs[i], ys[i], 0.05).unwrap()[usize::from(!inner[i])];
        (a[(i, i)], b[(i, i)]) = (radius, radius * ys[i].signum());
    }
    let state = LinearState { c: kind.has_teacher().then(|| a.clone()), a, b };
    (field, state.to_flat())
}

/// The end of the flow from a start of the given rank, by explicit Euler steps, then Newton.
///
/// Every state on the way keeps the rank of its start: rows of zeros in A and B stay zero.
pub(crate) fn settled(field: &LinearField, rank: usize, seed: u64) -> Option<Vec<f64>> {
    let [n, m, nm, nn] = field.sizes();
    let start = normal_vector(nm, seed);
    let mut z = vec![0.0; field.dimension()];
    for i in 0..rank {
        z[i * m..(i + 1) * m].copy_from_slice(&start[i * m..(i + 1) * m]);
        z[nm + i * n + i] = 1.0;
        if field.kind.has_teacher() {
            z[nm + nn + i * m..nm + nn + (i + 1) * m].copy_from_slice(&start[i * m..(i + 1) * m]);
        }
    }
    let mut velocity = vec![0.0; z.len()];
    for _ in 0..6000 {
        field.value(&z, &mut velocity);
        z.iter_mut().zip(&velocity).for_each(|(z, v)| *z += 0.05 * v);
    }
    let refined = refine_equilibrium(field, &z, RefinementParams::default());
    refined.converged.then_some(refined.state)
}
/// 48 modes whose τ²/(4ρ) lie densely around λ, turned against each other a little.
pub(crate) fn dense_spectrum(decay: f64, seed: u64) -> Support {
    let (mut rng, m) = (stream(seed, 3), 48);
    let noise = Mat::from_fn(m, m, |_, _| 0.01 * normal(&mut rng));
    let rho = |i: usize| 1.0 + 0.2 * (i as f64).cos();
    let tau = |i: usize| 2.0 * (rho(i) * decay * (0.6 + 1.2 * i as f64 / m as f64)).sqrt();
    let both = |value: &dyn Fn(usize) -> f64, scale: f64| {
        Mat::from_fn(m, m, |i, j| (if i == j { value(i) } else { 0.0 }) + scale * (noise[(i, j)] + noise[(j, i)]))
    };
    let moments = Moments::unchecked(both(&rho, 1.0), both(&tau, 0.3), None);
    Support::new(&moments, DEFAULT_SUPPORT_THRESHOLD).unwrap()
}

/// P of the equilibrium of the largest rank up to `width` that attracts.
pub(crate) fn largest_attractor(support: &Support, decay: f64, width: usize) -> Mat<f64> {
    let all = crate::modes(support).unwrap();
    let params = crate::partial::PartialParams::default();
    let found = crate::partial::find_partial(support, &all, (decay, width), &params, &|_| false).unwrap();
    found.best.expect("an equilibrium").p
}

/// A stream of normal numbers: tests need no dependency for it.
pub(crate) struct Normals(pub(crate) u64);

impl Normals {
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (((z ^ (z >> 31)) >> 11) as f64 + 0.5) / 9_007_199_254_740_992.0
    }

    pub(crate) fn next(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
}
