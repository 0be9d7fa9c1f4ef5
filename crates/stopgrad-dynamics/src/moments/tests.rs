//! Moments against their definition, pair by pair.

use faer::Mat;
use proptest::prelude::*;

use super::*;

/// Reproducible numbers that look random, about `center`, from −1 to 1.
fn numbers(count: usize, seed: u64, center: f64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        center + (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// Samples whose views share something, so that Y is not 0.
fn views(samples: usize, k: usize, m: usize, seed: u64, center: f64) -> Vec<f64> {
    let shared = numbers(samples * m, seed, center);
    let own = numbers(samples * k * m, seed + 1, 0.0);
    (0..samples * k * m).map(|at| shared[at / (k * m) * m + at % m] + 0.5 * own[at]).collect()
}

fn mean(rows: &[f64], m: usize) -> Vec<f64> {
    (0..m).map(|j| rows.chunks_exact(m).map(|row| row[j]).sum::<f64>() / (rows.len() / m) as f64).collect()
}

/// E[a bᵀ] over a list of pairs, after subtracting the means given.
fn direct(pairs: &[(&[f64], &[f64])], (a, b): (&[f64], &[f64])) -> Mat<f64> {
    let m = a.len();
    Mat::from_fn(m, m, |i, j| {
        pairs.iter().map(|(l, r)| (l[i] - a[i]) * (r[j] - b[j])).sum::<f64>() / pairs.len() as f64
    })
}

/// All pairs (y, x) by the definition, x and y both from `x` where `y` is empty.
fn by_definition(x: &[f64], y: &[f64], k: usize, m: usize, center: bool) -> Moments {
    let view = |all: &'_ [f64], sample: usize, v: usize| -> std::ops::Range<usize> {
        let start = (sample * k + v) * m;
        debug_assert!(start < all.len());
        start..start + m
    };
    let (mut pairs, mut xs, mut ys) = (vec![], vec![], vec![]);
    let right = if y.is_empty() { x } else { y };
    for sample in 0..x.len() / (k * m) {
        for i in 0..k {
            xs.push((&x[view(x, sample, i)], &x[view(x, sample, i)]));
            ys.push((&right[view(right, sample, i)], &right[view(right, sample, i)]));
            for j in 0..k {
                if !y.is_empty() || i != j {
                    pairs.push((&right[view(right, sample, j)], &x[view(x, sample, i)]));
                }
            }
        }
    }
    let (mean_x, mean_y) = (mean(x, m), mean(right, m));
    let zero = vec![0.0; m];
    let (a, b) = if center { (&mean_x, &mean_y) } else { (&zero, &zero) };
    Moments {
        xx: direct(&xs, (a, a)),
        yx: direct(&pairs, (b, a)),
        yy: Some(direct(&ys, (b, b))),
        count: Some(pairs.len() as u64),
        mean_x: Some(mean_x.clone()),
        mean_y: Some(mean_y.clone()),
        centered: center,
        symmetrized: y.is_empty(),
        basis: None,
    }
}

fn largest_gap(a: &Mat<f64>, b: &Mat<f64>) -> f64 {
    (a - b).norm_max()
}

fn assert_same(found: &Moments, expected: &Moments, tolerance: f64) {
    assert!(largest_gap(&found.xx, &expected.xx) <= tolerance, "xx: {}", largest_gap(&found.xx, &expected.xx));
    assert!(largest_gap(&found.yx, &expected.yx) <= tolerance, "yx: {}", largest_gap(&found.yx, &expected.yx));
    let (yy, expected_yy) = (found.yy.as_ref().unwrap(), expected.yy.as_ref().unwrap());
    assert!(largest_gap(yy, expected_yy) <= tolerance, "yy");
    for (mean, expected) in [(&found.mean_x, &expected.mean_x), (&found.mean_y, &expected.mean_y)] {
        let pairs = mean.as_ref().unwrap().iter().zip(expected.as_ref().unwrap());
        assert!(pairs.clone().all(|(a, b)| (a - b).abs() <= tolerance.max(1e-15 * b.abs())), "means");
    }
    let flags = |m: &Moments| (m.count, m.centered, m.symmetrized);
    assert_eq!(flags(found), flags(expected));
}

fn accumulate(x: &[f64], y: &[f64], m: usize, pairing: Pairing, halves: bool, blocks: &[usize]) -> MomentSums {
    let mut sums = MomentsAccumulator::new(m, pairing, halves);
    let length = pairing.views() * m;
    let mut at = 0;
    for &samples in blocks.iter().cycle() {
        let end = (at + samples * length).min(x.len());
        sums.add(&x[at..end], if y.is_empty() { y } else { &y[at..end] });
        at = end;
        if at == x.len() {
            break;
        }
    }
    sums.finish()
}

#[test]
fn all_ordered_pairs_of_a_sample_are_used() {
    for k in 2..6 {
        let (m, samples) = (7, 23);
        let x = views(samples, k, m, k as u64, 0.3);
        for center in [false, true] {
            let sums = accumulate(&x, &[], m, Pairing::Exchangeable { views: k }, false, &[5, 9]);
            assert_same(&sums.moments(center), &by_definition(&x, &[], k, m, center), 1e-14);
        }
    }
}

#[test]
fn crossed_views_give_all_pairs_and_plain_pairs_are_the_case_of_one() {
    for k in 1..4 {
        let (m, samples) = (6, 19);
        let x = views(samples, k, m, 40 + k as u64, -0.7);
        // y depends on x but is another thing: Y is not symmetric.
        let y: Vec<f64> = x.iter().enumerate().map(|(i, v)| v * v + 0.1 * (i % m) as f64).collect();
        for center in [false, true] {
            let sums = accumulate(&x, &y, m, Pairing::Crossed { views: k }, false, &[4]);
            let found = sums.moments(center);
            assert_same(&found, &by_definition(&x, &y, k, m, center), 1e-14);
            assert!(largest_gap(&found.yx, &found.yx.transpose().to_owned()) > 1e-3);
        }
    }
}

#[test]
fn wide_samples_and_full_blocks_agree_with_the_definition() {
    // More columns than a panel, more samples than are added at once; only some entries are looked at.
    let (m, samples, k) = (201, 300, 2);
    let x = views(samples, k, m, 5, 1.0);
    let found = accumulate(&x, &[], m, Pairing::Exchangeable { views: k }, true, &[299]).moments(true);
    let center = mean(&x, m);
    for (i, j) in [(0, 0), (200, 0), (0, 200), (191, 192), (192, 191), (200, 200), (77, 150)] {
        let (mut xx, mut yx) = (0.0, 0.0);
        for pair in x.chunks_exact(2 * m) {
            let at = |view: usize, c: usize| pair[view * m + c] - center[c];
            xx += at(0, i) * at(0, j) + at(1, i) * at(1, j);
            yx += at(0, i) * at(1, j) + at(1, i) * at(0, j);
        }
        let scale = 1.0 / (2 * samples) as f64;
        assert!((found.xx[(i, j)] - xx * scale).abs() < 1e-13, "({i}, {j})");
        assert!((found.yx[(i, j)] - yx * scale).abs() < 1e-13, "({i}, {j})");
    }
}

#[test]
fn exchangeable_views_give_symmetric_moments_exactly() {
    let x = views(50, 3, 5, 9, 0.0);
    let moments = accumulate(&x, &[], 5, Pairing::Exchangeable { views: 3 }, false, &[7]).moments(false);
    assert!(largest_gap(&moments.yx, &moments.yx.transpose().to_owned()) <= 0.0);
    assert!(largest_gap(&moments.xx, moments.yy.as_ref().unwrap()) <= 0.0);
    assert!(moments.clone().checked(Tolerance::default()).is_ok());
}

#[test]
fn centered_moments_are_those_of_centered_data() {
    let (m, k) = (4, 2);
    let x = views(30, k, m, 2, 2.0);
    let center = mean(&x, m);
    let shifted: Vec<f64> = x.iter().enumerate().map(|(at, v)| v - center[at % m]).collect();
    let pairing = Pairing::Exchangeable { views: k };
    let found = accumulate(&x, &[], m, pairing, false, &[30]).moments(true);
    let expected = accumulate(&shifted, &[], m, pairing, false, &[30]).moments(false);
    assert!(largest_gap(&found.xx, &expected.xx) < 1e-14 && largest_gap(&found.yx, &expected.yx) < 1e-14);
}

#[test]
fn a_large_mean_costs_no_digits() {
    // A mean of 2²⁰ beside deviations of 1: without a shift, 2⁴⁰ would leave 13 of 53 bits. Views in multiples of
    // 2⁻²⁰ stay exact when the mean is added.
    let (m, k) = (5, 2);
    let small: Vec<f64> = views(400, k, m, 3, 0.0).iter().map(|v| (v * 1_048_576.0).round() / 1_048_576.0).collect();
    let large: Vec<f64> = small.iter().map(|v| v + 1_048_576.0).collect();
    let pairing = Pairing::Exchangeable { views: k };
    let expected = accumulate(&small, &[], m, pairing, false, &[64]).moments(true);
    let found = accumulate(&large, &[], m, pairing, false, &[64]).moments(true);
    assert!(largest_gap(&found.xx, &expected.xx) < 1e-13 && largest_gap(&found.yx, &expected.yx) < 1e-13);
    let crossed = Pairing::Crossed { views: k };
    let expected = accumulate(&small, &small, m, crossed, false, &[64]).moments(true);
    let mut parts = accumulate(&large[..2000], &large[..2000], m, crossed, false, &[64]);
    parts.merge(&accumulate(&large[2000..], &large[2000..], m, crossed, false, &[64]));
    assert!(largest_gap(&parts.moments(true).yx, &expected.yx) < 1e-13);
}

#[test]
fn halves_are_the_even_and_odd_samples_and_add_up() {
    let (m, k) = (4, 2);
    let x = views(41, k, m, 8, 0.4);
    let even: Vec<f64> = x.chunks_exact(k * m).step_by(2).flatten().copied().collect();
    let pairing = Pairing::Exchangeable { views: k };
    // Blocks of odd length: parity goes on from block to block.
    let sums = accumulate(&x, &[], m, pairing, true, &[3, 5, 1]);
    for center in [false, true] {
        let half = sums.half(center).unwrap().to_moments();
        assert_eq!(half.count, Some(42));
        let about = if center { mean(&x, m) } else { vec![0.0; m] };
        let (mut all, mut views) = (vec![], vec![]);
        for pair in even.chunks_exact(k * m) {
            let (a, b) = pair.split_at(m);
            all.extend([(a, b), (b, a)]);
            views.extend([(a, a), (b, b)]);
        }
        assert!(largest_gap(&half.xx, &direct(&views, (&about, &about))) < 1e-14);
        assert!(largest_gap(&half.yx, &direct(&all, (&about, &about))) < 1e-14);
        assert!(half.mean_x.as_ref().unwrap().iter().zip(mean(&even, m)).all(|(a, b)| (a - b).abs() < 1e-14));
        let whole = sums.moments(center);
        let odd = whole.without(&half).unwrap();
        assert_eq!(odd.count, Some(40));
        let sum = Mat::from_fn(m, m, |i, j| (42.0 * half.yx[(i, j)] + 40.0 * odd.yx[(i, j)]) / 82.0);
        assert!(largest_gap(&sum, &whole.yx) < 1e-14);
        let parts = [&half, &odd].map(|moments| Part { moments, about: None });
        let joined = Moments::merged(&parts, None).unwrap();
        assert!(largest_gap(&joined.xx, &whole.xx) < 1e-14);
    }
}

proptest! {
    #[test]
    fn parts_computed_apart_add_up_to_the_whole(
        samples in 2usize..40, cut in 1usize..39, k in 1usize..4, m in 1usize..6, seed in 0u64..1000,
        crossed: bool, center: bool, offset in -1e3f64..1e3,
    ) {
        let cut = cut.min(samples - 1);
        let (pairing, k) = if crossed {
            (Pairing::Crossed { views: k }, k)
        } else {
            (Pairing::Exchangeable { views: k + 1 }, k + 1)
        };
        let x = views(samples, k, m, seed, offset);
        let y = if crossed { views(samples, k, m, seed + 7, 1.0 - offset) } else { vec![] };
        let at = cut * k * m;
        let split = |all: &[f64], second: bool| -> Vec<f64> {
            if all.is_empty() { vec![] } else if second { all[at..].to_vec() } else { all[..at].to_vec() }
        };
        let part = |second| accumulate(&split(&x, second), &split(&y, second), m, pairing, false, &[6]);
        let whole = accumulate(&x, &y, m, pairing, false, &[6]).moments(center);
        // Rounding of products about a center that is within the data's spread; about 0 the offset counts.
        let tolerance = if center { 1e-11 } else { 1e-8 };
        let mut sums = part(false);
        sums.merge(&part(true));
        assert_same(&sums.moments(center), &whole, tolerance);
        let (a, b) = (part(false).moments(center), part(true).moments(center));
        let merged = Moments::merged(&[Part::whole(&a), Part::whole(&b)], None).unwrap();
        assert_same(&merged, &whole, tolerance);
    }
}

#[test]
fn the_bits_do_not_depend_on_the_number_of_threads() {
    let (m, k) = (230, 3);
    let x: Vec<f32> = views(40, k, m, 6, 0.2).iter().map(|&v| v as f32).collect();
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut sums = MomentsAccumulator::new(m, Pairing::Exchangeable { views: k }, true);
            sums.add_f32(&x, &[]);
            sums.finish().moments(true)
        })
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn eigenvalues_in_place_are_those_of_the_matrix() {
    let x = views(60, 2, 8, 21, 0.5);
    for pairing in [Pairing::Exchangeable { views: 2 }, Pairing::Crossed { views: 2 }] {
        let y = if matches!(pairing, Pairing::Crossed { .. }) { x.clone() } else { vec![] };
        let sums = accumulate(&x, &y, 8, pairing, true, &[60]);
        let expected = sums.moments(true).eigenvalues().unwrap();
        let found = sums.into_eigenvalues(true).unwrap();
        assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-14), "{found:?} {expected:?}");
    }
}

#[test]
fn directions_without_variance_are_not_in_the_support() {
    let x: Vec<f64> = views(60, 2, 4, 1, 0.0).chunks_exact(4).flat_map(|r| [r[0], r[1], r[0] - r[1], 7.5]).collect();
    let sums = accumulate(&x, &[], 4, Pairing::Exchangeable { views: 2 }, false, &[60]);
    assert_eq!(support_rank(&sums.clone().into_eigenvalues(true).unwrap()), 2);
    assert_eq!(support_rank(&sums.into_eigenvalues(false).unwrap()), 3);
}

#[test]
fn other_coordinates_are_those_of_turned_data() {
    let (m, k) = (5, 2);
    let x = views(40, k, m, 14, 1.5);
    let basis = Mat::from_fn(3, m, |i, j| ((i * 7 + j * 3) % 5) as f64 - 1.5);
    let turned: Vec<f64> = x
        .chunks_exact(m)
        .flat_map(|row| (0..3).map(|i| (0..m).map(|j| basis[(i, j)] * row[j]).sum()).collect::<Vec<f64>>())
        .collect();
    let pairing = Pairing::Exchangeable { views: k };
    let found = accumulate(&x, &[], m, pairing, false, &[40]).moments(true).in_coordinates(&basis);
    assert_same(&found, &accumulate(&turned, &[], 3, pairing, false, &[40]).moments(true), 1e-12);
    assert_eq!(found.basis, Some(basis));
}

fn square(values: &[f64]) -> Mat<f64> {
    let m = values.len().isqrt();
    Mat::from_fn(m, m, |i, j| values[i * m + j])
}

#[test]
fn sound_moments_pass_and_are_made_symmetric() {
    let moments = Moments::new(square(&[2.0, 1.0, 1.0 + 1e-9, 2.0]), square(&[0.0, 1.0, -1.0, 0.0]), None).unwrap();
    assert!((moments.xx[(0, 1)] - moments.xx[(1, 0)]).abs() <= 0.0);
    assert!(moments.yx[(1, 0)] < 0.0 && moments.yy.is_none());
    // Singular, zero, and negative within rounding.
    for xx in [[1.0, 1.0, 1.0, 1.0], [0.0; 4], [1.0, 0.0, 0.0, -1e-12], [1e300, 0.0, 0.0, 1e-300]] {
        assert!(Moments::new(square(&xx), square(&[0.0; 4]), None).is_ok(), "{xx:?}");
    }
    let both = Moments { symmetrized: true, ..moments.clone() };
    assert!(matches!(both.checked(Tolerance::default()), Err(MomentsError::Asymmetric { key: "yx", .. })));
    let both = Moments { symmetrized: true, yx: square(&[1.0, 0.5, 0.5, 1.0]), ..moments };
    let checked = both.clone().checked(Tolerance::default()).unwrap();
    assert_eq!(checked.yy.as_ref(), Some(&checked.xx));
    let other = Moments { yy: Some(square(&[2.0, 1.0, 1.0, 3.0])), ..both };
    assert!(matches!(
        other.checked(Tolerance::default()),
        Err(MomentsError::NotExchangeable { row: 1, column: 1, difference }) if (difference - 1.0).abs() < 1e-12
    ));
}

#[test]
fn what_cannot_be_moments_is_refused_with_its_place() {
    let (fine, zero) = (square(&[1.0, 0.0, 0.0, 1.0]), square(&[0.0; 4]));
    let refuse = |xx: &Mat<f64>, yx: &Mat<f64>, yy: Option<&Mat<f64>>| {
        Moments::new(xx.clone(), yx.clone(), yy.cloned()).unwrap_err()
    };
    assert_eq!(refuse(&Mat::zeros(0, 0), &zero, None), MomentsError::Empty);
    let shape = refuse(&fine, &Mat::zeros(2, 3), None);
    assert_eq!(shape, MomentsError::Shape { key: "yx", rows: 2, columns: 3, size: 2 });
    let shape = refuse(&Mat::zeros(2, 1), &zero, None);
    assert_eq!(shape, MomentsError::Shape { key: "xx", rows: 2, columns: 1, size: 2 });
    let place = refuse(&fine, &square(&[0.0, f64::INFINITY, 0.0, 0.0]), None);
    assert!(matches!(place, MomentsError::NotFinite { key: "yx", row: 0, column: 1, .. }), "{place:?}");
    let place = refuse(&fine, &zero, Some(&square(&[1.0, 0.0, 0.0, f64::NAN])));
    assert!(matches!(place, MomentsError::NotFinite { key: "yy", row: 1, column: 1, .. }), "{place:?}");
    let skew = refuse(&square(&[1.0, 0.1, 0.1 + 3e-8, 1.0]), &zero, None);
    assert!(matches!(skew, MomentsError::Asymmetric { key: "xx", .. }), "{skew:?}");
    let negative = refuse(&square(&[1.0, 2.0, 2.0, 1.0]), &zero, None);
    let MomentsError::Indefinite { key: "xx", eigenvalue } = negative else { panic!("{negative:?}") };
    assert!((eigenvalue + 1.0).abs() < 1e-9, "{eigenvalue}");
    assert!(matches!(refuse(&square(&[1.0, 0.0, 0.0, -1e-9]), &zero, None), MomentsError::Indefinite { .. }));
    let long = Moments { mean_y: Some(vec![0.0; 3]), ..Moments::new(fine, zero, None).unwrap() };
    assert_eq!(long.checked(Tolerance::default()), Err(MomentsError::Length { key: "mean_y", length: 3, size: 2 }));
}

#[test]
fn only_like_parts_are_added() {
    let x = views(10, 2, 3, 4, 0.0);
    let a = accumulate(&x, &[], 3, Pairing::Exchangeable { views: 2 }, false, &[10]).moments(true);
    let differ = |b: &Moments| Moments::merged(&[Part::whole(&a), Part::whole(b)], None).unwrap_err();
    assert_eq!(Moments::merged(&[], None), Err(MergeError::Nothing));
    assert_eq!(differ(&Moments { centered: false, ..a.clone() }), MergeError::Differs { part: 1, what: "centered" });
    assert_eq!(
        differ(&Moments { basis: Some(Mat::zeros(3, 3)), ..a.clone() }),
        MergeError::Differs { part: 1, what: "basis" }
    );
    assert_eq!(differ(&Moments { count: None, ..a.clone() }), MergeError::Missing { part: 1, what: "count" });
}
