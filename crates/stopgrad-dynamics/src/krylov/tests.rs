use faer::Mat;

use super::*;
use crate::linalg;
use crate::testing::normal_vector;

/// x → M x.
fn times(matrix: &Mat<f64>) -> impl Fn(&[f64], &mut [f64]) + Sync + '_ {
    |x, out| {
        for (i, out) in out.iter_mut().enumerate() {
            *out = (0..x.len()).map(|j| matrix[(i, j)] * x[j]).sum();
        }
    }
}

fn noise(d: usize, seed: u64) -> Mat<f64> {
    let entries = normal_vector(d * d, seed);
    Mat::from_fn(d, d, |i, j| entries[i * d + j] / (d as f64).sqrt())
}

/// Q D Qᵀ with 2 × 2 blocks re ± i im, or re alone where im is 0, and upper noise so that it is not normal.
fn with_spectrum(blocks: &[[f64; 2]], upper: f64) -> Mat<f64> {
    let d = blocks.iter().map(|b| if b[1] == 0.0 { 1 } else { 2 }).sum();
    let (mut middle, random) = (Mat::<f64>::zeros(d, d), noise(d, 31));
    let mut at = 0;
    for &[re, im] in blocks {
        middle[(at, at)] = re;
        if im != 0.0 {
            (middle[(at, at + 1)], middle[(at + 1, at)], middle[(at + 1, at + 1)]) = (im, -im, re);
            at += 1;
        }
        at += 1;
        // Upper noise only beside whole blocks: eigenvalues stay those of the blocks.
        for column in at..d {
            middle[(at - 1, column)] += upper * random[(at - 1, column)];
        }
    }
    let q = linalg::split_by_range(noise(d, 32).as_ref(), 1e-12).range;
    &q * middle * q.transpose()
}

fn run(matrix: &Mat<f64>, params: KrylovParams) -> KrylovSpectrum {
    extreme_eigenvalues(matrix.nrows(), &times(matrix), &|_| {}, params)
}

#[test]
fn both_ends_of_random_matrices_agree_with_the_dense_spectrum() {
    let matrix = noise(180, 3);
    let mut dense = linalg::general_eigenvalues(matrix.as_ref()).unwrap();
    for target in [Target::Rightmost, Target::LargestModulus] {
        dense.sort_by(|a, b| target.key(*b).total_cmp(&target.key(*a)));
        let found = run(&matrix, KrylovParams { wanted: 5, target, ..KrylovParams::default() });
        assert_eq!(found.stop, KrylovStop::Confirmed, "{found:?}");
        assert!(found.eigenvalues.len() >= 5 && found.products < 2500 && found.starts >= 2, "{found:?}");
        for ritz in &found.eigenvalues {
            let distance = dense.iter().take(7).map(|v| (v - c64::new(ritz.value[0], ritz.value[1])).norm());
            assert!(ritz.residual < 1e-7 && distance.fold(1.0, f64::min) < 1e-6, "{ritz:?}");
        }
        let keys: Vec<f64> = found.eigenvalues.iter().map(|r| target.key(c64::new(r.value[0], r.value[1]))).collect();
        assert!((keys[4] - target.key(dense[4])).abs() < 1e-6, "none was missed: {keys:?}");
    }
}

#[test]
fn every_copy_of_a_repeated_eigenvalue_is_found() {
    let mut blocks = vec![[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.5, 0.75], [0.5, 0.75], [0.2, 0.0]];
    blocks.extend((0..60).map(|k| [-0.5 - 0.02 * f64::from(k), 0.1 * f64::from(k % 4)]));
    for upper in [0.0, 0.2] {
        let matrix = with_spectrum(&blocks, upper);
        let found = run(&matrix, KrylovParams { wanted: 8, basis: 30, ..KrylovParams::default() });
        assert_eq!(found.stop, KrylovStop::Confirmed);
        let expected =
            [[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.5, 0.75], [0.5, 0.75], [0.5, 0.75], [0.5, 0.75], [0.2, 0.0]];
        for (ritz, [re, im]) in found.eigenvalues.iter().zip(expected) {
            assert!((ritz.value[0] - re).abs() < 1e-7 && (ritz.value[1].abs() - im).abs() < 1e-7, "{upper}: {found:?}");
        }
        assert!(found.eigenvalues.len() >= 8);
    }
}

/// A field with a constant Jacobian.
struct Linear<'a>(&'a Mat<f64>);
impl VectorField for Linear<'_> {
    fn dimension(&self) -> usize {
        self.0.nrows()
    }
    fn value(&self, z: &[f64], out: &mut [f64]) {
        times(self.0)(z, out);
    }
    fn jvp(&self, _: &[f64], direction: &[f64], out: &mut [f64]) {
        times(self.0)(direction, out);
    }
}

#[test]
fn what_is_removed_is_not_found_again() {
    // The first two columns of Q span an invariant subspace of Q D Qᵀ.
    let blocks: Vec<[f64; 2]> = (0..50).map(|k| [3.0 - 0.1 * f64::from(k), 0.0]).collect();
    let matrix = with_spectrum(&blocks, 0.0);
    let removed = linalg::split_by_range(noise(50, 32).as_ref(), 1e-12).range.subcols(0, 2).to_owned();
    let params = KrylovParams { wanted: 2, basis: 20, ..KrylovParams::default() };
    let all = field_eigenvalues(&Linear(&matrix), &[0.0; 50], None, params);
    let rest = field_eigenvalues(&Linear(&matrix), &[0.0; 50], Some(&removed), params);
    for (found, first) in [(all, 3.0), (rest, 2.8)] {
        assert!((found.eigenvalues[0].value[0] - first).abs() < 1e-8, "{found:?}");
        assert!((found.eigenvalues[1].value[0] - first + 0.1).abs() < 1e-8, "{found:?}");
    }
}

#[test]
fn small_singular_and_defective_operators_end() {
    let zero = run(&Mat::zeros(7, 7), KrylovParams::default());
    assert!(zero.eigenvalues.len() >= 4 && zero.eigenvalues.iter().all(|ritz| ritz.value == [0.0, 0.0]), "{zero:?}");
    let single = run(&Mat::from_fn(1, 1, |_, _| -2.5), KrylovParams::default());
    assert_eq!(single.stop, KrylovStop::WholeSpace);
    assert!((single.eigenvalues[0].value[0] + 2.5).abs() < 1e-14 && single.eigenvalues.len() == 1);
    // One Jordan block of size 6 at −1: eigenvalues move by ε^(1/6) ≈ 2e-3, the invariant subspace does not.
    let jordan = Mat::from_fn(6, 6, |i, j| if i == j { -1.0 } else { f64::from(u8::from(j == i + 1)) });
    let found = run(&jordan, KrylovParams::default());
    assert_eq!(found.eigenvalues.len().min(4), 4);
    assert!(found.eigenvalues.iter().all(|ritz| (ritz.value[0] + 1.0).hypot(ritz.value[1]) < 0.02), "{found:?}");
}

#[test]
fn a_product_that_is_not_finite_ends_it_and_so_does_the_budget() {
    let matrix = noise(90, 9);
    let calls = std::sync::atomic::AtomicUsize::new(0);
    let broken = |x: &[f64], out: &mut [f64]| {
        times(&matrix)(x, out);
        if calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 60 {
            out[3] = f64::NAN;
        }
    };
    let found = extreme_eigenvalues(90, &broken, &|_| {}, KrylovParams::default());
    assert_eq!(found.stop, KrylovStop::NotFinite);
    assert_eq!(run(&Mat::from_fn(3, 3, |_, _| f64::INFINITY), KrylovParams::default()).stop, KrylovStop::NotFinite);
    for max_products in [1, 3, 47, 48, 49, 70] {
        let found = run(&matrix, KrylovParams { max_products, ..KrylovParams::default() });
        assert_eq!(found.stop, KrylovStop::Budget);
        assert!(found.products <= max_products + 8, "{found:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bits() {
    let matrix = noise(60, 2);
    let with = |seed| run(&matrix, KrylovParams { seed, ..KrylovParams::default() });
    assert_eq!(with(1), with(1));
    assert!((with(1).eigenvalues[0].value[0] - with(2).eigenvalues[0].value[0]).abs() < 1e-7);
}
