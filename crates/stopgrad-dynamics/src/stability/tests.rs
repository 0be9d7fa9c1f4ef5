use faer::Mat;

use super::*;
use crate::krylov::{KrylovParams, KrylovStop};
use crate::orbit::orbit_dimension;
use crate::testing::{diagonal_equilibrium, fields, moments, radii, sample_moments, settled};
use crate::{Field, LinearState, UpdateMap, VectorField};

fn one(x: f64) -> Mat<f64> {
    Mat::from_fn(1, 1, |_, _| x)
}

#[test]
fn with_one_input_the_outer_sphere_attracts_the_inner_is_a_saddle_and_the_origin_attracts() {
    for (rho, tau, decay) in [(1.0, 0.8, 0.05), (2.5, -0.9, 0.02), (0.3, 0.5, 0.1)] {
        for kind in [Field::StopGradient, Field::Ema] {
            let field = LinearField::new(kind, moments(one(rho), one(tau), one(rho)), 4, decay).unwrap();
            let at = |radius: f64| {
                let mut a = Mat::zeros(4, 1);
                a[(2, 0)] = radius;
                let mut b = Mat::zeros(4, 4);
                b[(2, 2)] = radius * f64::signum(tau);
                let c = kind.has_teacher().then(|| a.clone());
                spectrum_at(&field, &LinearState { a, b, c }.to_flat()).unwrap()
            };
            let [inner, outer] = radii(rho, tau, decay).unwrap().map(at);
            let origin = at(0.0);
            assert!(inner.residual < 1e-15 && outer.residual < 1e-15);
            assert_eq!(
                (outer.stability, outer.unstable_dimensions, outer.orbit_dimension),
                (Stability::Attracting, 0, 3)
            );
            assert_eq!((inner.stability, inner.unstable_dimensions, inner.orbit_dimension), (Stability::Saddle, 1, 3));
            assert_eq!((origin.stability, origin.orbit_dimension), (Stability::Attracting, 0));
            assert!((origin.leading_rate + decay).abs() < 1e-14, "at the origin the slowest rate is −λ");
        }
    }
}

#[test]
fn at_the_fold_the_verdict_is_degenerate() {
    // τ² = 4ρλ: both spheres meet.
    let (rho, decay) = (1.0, 0.04);
    let field = LinearField::new(Field::StopGradient, moments(one(rho), one(0.4), one(rho)), 3, decay).unwrap();
    let (mut a, mut b) = (Mat::zeros(3, 1), Mat::zeros(3, 3));
    (a[(0, 0)], b[(0, 0)]) = (0.2, 0.2);
    let spectrum = spectrum_at(&field, &LinearState { a, b, c: None }.to_flat()).unwrap();
    assert_eq!((spectrum.stability, spectrum.extra_zeros), (Stability::Degenerate, 1));
    assert_eq!(spectrum.zero_eigenvalues(), orbit_dimension(3, 1) + 1);
}

#[test]
fn of_the_coordinate_equilibria_only_that_of_all_larger_radii_attracts_among_full_rank() {
    for kind in [Field::StopGradient, Field::Ema] {
        for choice in 0..8 {
            let inner: Vec<bool> = (0..3).map(|i| choice >> i & 1 == 1).collect();
            let (field, z) = diagonal_equilibrium(kind, 4, &inner, 3);
            let spectrum = spectrum_at(&field, &z).unwrap();
            assert!(spectrum.residual < 1e-15);
            assert_eq!(spectrum.stability == Stability::Attracting, choice == 0, "{kind} {inner:?} {spectrum:?}");
            assert_eq!(spectrum.unstable_dimensions == 0, choice == 0);
        }
    }
}

/// Eigenvalues of the whole Jacobian, without help from the orbit.
fn zeros_of_the_whole(field: &LinearField, z: &[f64]) -> usize {
    let values = linalg::general_eigenvalues(dense_jacobian(field, z).as_ref()).unwrap();
    // Semisimple zeros: rounding moves them by 1e-13; the slowest other rates here are above 1e-4.
    values.iter().filter(|value| value.norm() < 1e-8).count()
}

#[test]
fn at_equilibria_of_every_rank_the_jacobian_has_as_many_zeros_as_the_orbit_has_dimensions() {
    let mut seen = [0; 4];
    for seed in 0..4 {
        for kind in [Field::StopGradient, Field::Ema] {
            let field = LinearField::new(kind, sample_moments(3, 20 + seed), 4, 0.05).unwrap();
            for rank in 0..=3 {
                let Some(z) = settled(&field, rank, seed) else { continue };
                let found = LinearState::from_flat(&z, 4, 3).rank(1e-6).unwrap();
                let spectrum = spectrum_at(&field, &z).unwrap();
                assert_eq!(spectrum.orbit_dimension, orbit_dimension(4, found), "{kind} rank {found}");
                assert_eq!(spectrum.zero_eigenvalues(), orbit_dimension(4, found));
                assert_eq!(zeros_of_the_whole(&field, &z), orbit_dimension(4, found));
                seen[found] += 1;
            }
        }
    }
    assert!(seen.iter().all(|&count| count > 0), "an equilibrium of every rank was reached: {seen:?}");
}

#[test]
fn spare_dimensions_add_only_eigenvalues_that_are_known() {
    let mut seen = [0; 4];
    for kind in [Field::StopGradient, Field::Ema, Field::Joint] {
        let field = LinearField::new(kind, sample_moments(3, 21), 5, 0.05).unwrap().with_ema_rate(0.3).unwrap();
        let apart = field.clone().with_decays(0.04, 0.07).unwrap().with_rate_b(1.6).unwrap();
        for (field, rank) in [&field, &apart].into_iter().flat_map(|field| (0..=3).map(move |rank| (field, rank))) {
            let Some(z) = settled(field, rank, 2) else { continue };
            let (whole, parts) = (spectrum_at(field, &z).unwrap(), spectrum_by_rank_at(field, &z, 1e-6).unwrap());
            assert_eq!((whole.stability, whole.unstable_dimensions), (parts.stability, parts.unstable_dimensions));
            assert_eq!(whole.orbit_dimension, parts.orbit_dimension);
            assert_eq!(whole.transversal_eigenvalues.len(), parts.transversal_eigenvalues.len());
            // Sorted lists of real parts; repeated eigenvalues that are not semisimple move by the root of rounding.
            for (x, y) in whole.transversal_eigenvalues.iter().zip(&parts.transversal_eigenvalues) {
                assert!((x[0] - y[0]).abs() < 1e-6, "{kind} {x:?} {y:?}");
            }
            seen[LinearState::from_flat(&z, 5, 3).rank(1e-6).unwrap()] += 1;
        }
    }
    assert!(seen.iter().all(|&count| count > 0), "every rank was reached: {seen:?}");
}

#[test]
fn at_an_equilibrium_the_rows_of_the_residual_are_orthogonal_and_of_one_length() {
    // RRᵀ = λ_A λ_B I on the rows that live: why spare dimensions do no harm.
    let mut seen = [0; 4];
    for kind in [Field::StopGradient, Field::Ema] {
        let plain = LinearField::new(kind, sample_moments(3, 21), 3, 0.05).unwrap().with_ema_rate(0.3).unwrap();
        let apart = plain.clone().with_decays(0.04, 0.07).unwrap().with_rate_b(1.6).unwrap();
        for (field, rank) in [&plain, &apart].into_iter().flat_map(|field| (1..=3).map(move |rank| (field, rank))) {
            let mut narrow = field.clone();
            narrow.width = rank;
            let Some(z) = settled(&narrow, rank, 2) else { continue };
            let state = LinearState::from_flat(&z, rank, 3);
            if state.rank(1e-6) != Ok(rank) {
                continue;
            }
            let rest = &state.b * &state.a * &narrow.moments.xx - &state.a * &narrow.moments.yx;
            let product = &rest * rest.transpose();
            let expected = Mat::<f64>::identity(rank, rank) * faer::Scale(narrow.decay_a * narrow.decay_b);
            assert!((&product - &expected).norm_max() < 1e-10, "{kind}: {product:?}");
            seen[rank] += 1;
        }
    }
    assert!(seen[1..].iter().all(|&count| count > 0), "{seen:?}");
}

#[test]
fn spare_width_never_destabilises_and_never_stabilises() {
    for kind in [Field::StopGradient, Field::Ema] {
        for rank in 1..=3 {
            for choice in 0..1 << rank {
                let inner: Vec<bool> = (0..rank).map(|i| choice >> i & 1 == 1).collect();
                let counts = [rank, rank + 1, rank + 3].map(|n| {
                    let (field, z) = diagonal_equilibrium(kind, n, &inner, rank);
                    let spectrum = spectrum_at(&field, &z).unwrap();
                    (spectrum.unstable_dimensions, spectrum.stability, spectrum.extra_zeros)
                });
                assert!(counts[1] == counts[0] && counts[2] == counts[0], "{kind} {inner:?}: {counts:?}");
            }
        }
    }
}

#[test]
fn products_find_the_right_end_of_the_dense_spectrum() {
    let mut checked = 0;
    for (field, rank) in fields(6, 4, 0.03).into_iter().skip(1).flat_map(|f| [(f.clone(), 4), (f, 2)]) {
        let Some(z) = settled(&field, rank, 1) else { continue };
        let dense = spectrum_at(&field, &z).unwrap();
        let params = KrylovParams { wanted: 6, basis: 24, ..KrylovParams::default() };
        let found = rightmost_spectrum_at(&field, &z, 1e-6, params).unwrap();
        assert_eq!(found.search.stop, KrylovStop::Confirmed);
        assert_eq!(found.spectrum.transversal_eigenvalues.len(), found.search.eigenvalues.len().max(6));
        for (x, y) in found.spectrum.transversal_eigenvalues.iter().zip(&dense.transversal_eigenvalues) {
            assert!((x[0] - y[0]).abs() < 1e-7 && (x[1] - y[1]).abs() < 1e-7, "{x:?} {y:?} {found:?}");
        }
        assert!(found.search.eigenvalues.iter().all(|ritz| ritz.residual < 1e-7));
        // The search itself, without the spare dimensions: the state of its own rank.
        let mut narrow = field.clone();
        narrow.width = rank;
        let state = LinearState::from_flat(&z, 6, 4);
        let rows = |matrix: &Mat<f64>, columns: usize| matrix.submatrix(0, 0, rank, columns).to_owned();
        let core = LinearState { a: rows(&state.a, 4), b: rows(&state.b, rank), c: state.c.map(|c| rows(&c, 4)) };
        let dense_core = spectrum_at(&narrow, &core.to_flat()).unwrap();
        for (ritz, y) in found.search.eigenvalues.iter().zip(&dense_core.transversal_eigenvalues) {
            assert!((ritz.value[0] - y[0]).abs() < 1e-7 && (ritz.value[1] - y[1]).abs() < 1e-7, "{y:?} {found:?}");
        }
        assert_eq!((found.spectrum.stability, found.rank), (dense.stability, rank));
        assert_eq!(found.spectrum.orbit_dimension, dense.orbit_dimension);
        checked += 1;
    }
    assert!(checked >= 2);
}

#[test]
fn multipliers_of_small_steps_are_one_plus_rate_times_eigenvalue() {
    let (field, z) = diagonal_equilibrium(Field::StopGradient, 4, &[false, true, false], 3);
    let spectrum = spectrum_at(&field, &z).unwrap();
    let map = UpdateMap::new(field, 0.01, 0.0).unwrap();
    let found = multipliers_at(&map, &z).unwrap();
    assert_eq!(found.orbit_dimension, spectrum.orbit_dimension);
    let mut expected: Vec<f64> =
        spectrum.transversal_eigenvalues.iter().map(|[re, im]| (1.0 + 0.01 * re).hypot(0.01 * im)).collect();
    expected.sort_by(|a, b| b.total_cmp(a));
    for (multiplier, expected) in found.transversal.iter().zip(&expected) {
        assert!((multiplier[0].hypot(multiplier[1]) - expected).abs() < 1e-12);
    }
    assert!(!found.attracts(), "a saddle of the flow is one of its steps");
}

#[test]
fn the_largest_stable_rate_is_where_the_multipliers_leave_the_circle() {
    for (kind, teacher, ball) in [
        (Field::StopGradient, 0.0, 0.0),
        (Field::StopGradient, 0.0, 0.9),
        (Field::Ema, 0.0, 0.0),
        (Field::Ema, 0.9, 0.0),
        (Field::Ema, 0.9, 0.5),
    ] {
        let (field, z) = diagonal_equilibrium(kind, 4, &[false; 3], 3);
        let spectrum = spectrum_at(&field, &z).unwrap();
        let map = UpdateMap::new(field, 0.1, teacher).unwrap().with_heavy_ball(ball).unwrap();
        let limit = largest_stable_rate(&map, &z, &spectrum).unwrap();
        let rate = limit.learning_rate.expect("small steps attract");
        assert!(limit.radius_below < 1.0 && limit.radius_above > 1.0, "{kind} {teacher} {ball}: {limit:?}");
        if kind == Field::StopGradient && ball == 0.0 {
            let expected = spectrum.transversal_eigenvalues.iter().map(|[x, y]| -2.0 * x / (x * x + y * y));
            assert!((rate - expected.fold(f64::INFINITY, f64::min)).abs() < 1e-12);
            // A teacher that keeps nothing is the student itself: the same limit by the other way.
            let (field, z) = diagonal_equilibrium(Field::Ema, 4, &[false; 3], 3);
            let map = UpdateMap::new(field, 0.1, 0.0).unwrap();
            let bisected = largest_stable_rate(&map, &z, &spectrum).unwrap().learning_rate.unwrap();
            assert!((bisected - rate).abs() < 1e-5 * rate, "{bisected} {rate}");
        }
    }
    let (field, z) = diagonal_equilibrium(Field::StopGradient, 4, &[true; 3], 3);
    let spectrum = spectrum_at(&field, &z).unwrap();
    let limit = largest_stable_rate(&UpdateMap::new(field, 0.1, 0.0).unwrap(), &z, &spectrum).unwrap();
    assert_eq!(limit.learning_rate, None, "no step makes a saddle attract");
}

#[test]
fn a_state_that_is_not_finite_is_refused() {
    let (field, mut z) = diagonal_equilibrium(Field::Ema, 4, &[false; 3], 2);
    z[1] = f64::NAN;
    assert!(spectrum_at(&field, &z).is_err());
    assert!(rightmost_spectrum_at(&field, &z, 1e-6, KrylovParams::default()).is_err());
    let map = UpdateMap::new(field.clone(), 0.1, 0.5).unwrap();
    assert!(multipliers_at(&map, &z).is_err());
    let huge = vec![1e300; field.dimension()];
    assert!(spectrum_at(&field, &huge).is_err(), "a Jacobian that overflows");
}
