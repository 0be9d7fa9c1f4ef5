//! Against differences, the equations themselves, and proofs.

use proptest::prelude::*;

use super::path::PathParams;
use super::plane::{Plane, PlaneError, Quartic};
use super::*;

const DEFAULT: Landscape = Landscape { rho: 1.0, tau: 0.8, sigma: 1.0, weight_decay: 0.05 };

/// Moments of pairs of numbers and a weight decay.
fn landscapes() -> impl Strategy<Value = Landscape> {
    (0.05..3.0_f64, -1.0..1.0_f64, 0.05..3.0_f64, 0.001..0.5_f64).prop_map(|(rho, share, sigma, decay)| {
        Landscape::new(rho, share * (rho * sigma).sqrt(), sigma, decay).expect("|τ| ≤ √(ρσ)")
    })
}

/// The centered difference of `f` in coordinate `k`.
fn difference<const N: usize>(f: impl Fn([f64; N]) -> f64, at: [f64; N], k: usize) -> f64 {
    let h = 1e-5;
    let moved = |by: f64| std::array::from_fn(|i| if i == k { at[i] + by } else { at[i] });
    (f(moved(h)) - f(moved(-h))) / (2.0 * h)
}

#[test]
fn the_objective_is_the_mean_over_pairs_plus_the_regularizer() {
    let pairs = [(1.0, 0.5), (-2.0, -1.5), (0.3, 1.0), (0.7, -0.2)];
    let mean = |f: fn(f64, f64) -> f64| pairs.iter().map(|(x, y)| f(*x, *y)).sum::<f64>() / 4.0;
    let landscape = Landscape::new(mean(|x, _| x * x), mean(|x, y| x * y), mean(|_, y| y * y), 0.1).unwrap();
    let (a, b, c) = (0.7, -0.4, 1.3);
    let loss = |teacher: f64| pairs.iter().map(|(x, y)| 0.5 * (b * a * x - teacher * y).powi(2)).sum::<f64>() / 4.0;
    let omega = 0.05 * (a * a + b * b);
    assert!((landscape.objective(a, b) - loss(a) - omega).abs() < 1e-14);
    assert!((landscape.proxy(a, b, c) - loss(c) - omega).abs() < 1e-14);
}

proptest! {
    #[test]
    fn slopes_and_fields_are_differences_of_what_they_descend(
        landscape in landscapes(), a in -2.0..2.0_f64, b in -2.0..2.0_f64, c in -2.0..2.0_f64,
    ) {
        let objective = |[a, b]: [f64; 2]| landscape.objective(a, b);
        let proxy = |[a, b]: [f64; 2]| landscape.proxy(a, b, c);
        let lie = landscape.lie(a, b);
        let joint = landscape.velocity(Field::Joint, [a, b, c], 1.0);
        let ema = landscape.velocity(Field::Ema, [a, b, c], 0.3);
        for k in 0..2 {
            prop_assert!((lie.slope[k] - difference(objective, [a, b], k)).abs() < 1e-7);
            prop_assert!((joint[k] + lie.slope[k]).abs() < 1e-12);
            prop_assert!((ema[k] + difference(proxy, [a, b], k)).abs() < 1e-7);
            let slope = |[a, b]: [f64; 2]| landscape.lie(a, b).slope[k];
            prop_assert!((lie.curvature[k] - difference(slope, [a, b], k)).abs() < 1e-6);
        }
        prop_assert!((ema[2] - 0.3 * (a - c)).abs() < 1e-14);
        let own = landscape.velocity(Field::Ema, [a, b, a], 0.0);
        let stop = landscape.velocity(Field::StopGradient, [a, b, c], 1.0);
        prop_assert!((own[0] - stop[0]).abs() + (own[1] - stop[1]).abs() < 1e-14);
    }

    #[test]
    fn equilibria_stand_still_with_the_rates_of_the_jacobian(landscape in landscapes()) {
        let equilibria = landscape.equilibria();
        let exist = landscape.weight_decay <= landscape.critical_weight_decay();
        prop_assert_eq!(equilibria.len(), if exist { 5 } else { 1 });
        prop_assert_eq!(landscape.limit().is_some(), exist);
        for rest in &equilibria {
            let velocity = landscape.velocity(Field::StopGradient, [rest.a, rest.b, rest.a], 1.0);
            prop_assert!(velocity[0].abs() + velocity[1].abs() < 1e-12 * (1.0 + rest.a.powi(2)));
            prop_assert!((rest.a.abs() - rest.b.abs()).abs() < 1e-13);
            let part = |i: usize, k: usize| {
                difference(|[a, b]| landscape.velocity(Field::StopGradient, [a, b, a], 1.0)[i], [rest.a, rest.b], k)
            };
            let (trace, determinant) = (part(0, 0) + part(1, 1), part(0, 0) * part(1, 1) - part(0, 1) * part(1, 0));
            prop_assert!((rest.rates[0] + rest.rates[1] - trace).abs() < 1e-6);
            prop_assert!((rest.rates[0] * rest.rates[1] - determinant).abs() < 1e-6 * (1.0 + scale(rest.rates)));
        }
    }

    #[test]
    fn real_pairs_have_no_minimum_but_collapse(landscape in landscapes()) {
        let points = landscape.critical_points();
        prop_assert_eq!(points.len(), 1);
        prop_assert_eq!((points[0].a, points[0].b, points[0].kind), (0.0, 0.0, Kind::Attracting));
        prop_assert_eq!(landscape.regularized_minimum(), None);
    }

    #[test]
    fn numbers_of_no_pairs_add_saddles_but_no_minimum(rho in 0.1..3.0_f64, excess in 1.01..4.0_f64, decay in 0.01..0.5_f64) {
        let sigma = 0.5;
        let tau = (rho * (sigma + decay) * excess).sqrt();
        let landscape = Landscape { rho, tau, sigma, weight_decay: decay };
        let points = landscape.critical_points();
        prop_assert_eq!(points.len(), 3);
        for point in &points[1..] {
            let slope = landscape.lie(point.a, point.b).slope;
            prop_assert!(slope[0].hypot(slope[1]) < 1e-9 * (1.0 + point.a.abs()), "{slope:?}");
            prop_assert_eq!(point.kind, Kind::Saddle);
        }
        prop_assert_eq!(landscape.regularized_minimum(), None);
    }

    #[test]
    fn the_limit_is_minimal_along_the_predictor_and_on_a_slope_along_the_encoder(landscape in landscapes()) {
        prop_assume!(landscape.tau.powi(2) < 0.999 * landscape.rho * landscape.sigma);
        let Some(limit) = landscape.limit() else { return Ok(()) };
        let lie = landscape.lie(limit.a, limit.b);
        prop_assert!(lie.slope[1].abs() < 1e-12 && lie.curvature[1] > 0.0);
        // ∂Ē/∂a = a (σ − τb) there.
        let expected = limit.a * (landscape.sigma - landscape.tau * limit.b);
        prop_assert!((lie.slope[0] - expected).abs() < 1e-12 && lie.slope[0] > 0.0);
        prop_assert!((landscape.predictor_nullcline(limit.a) - limit.b).abs() < 1e-12);
        // What stop-gradient sees along either weight is Ē along the predictor.
        for share in [0.5, 1.2] {
            let seen = landscape.proxy(share * limit.a, limit.b, limit.a);
            prop_assert!((seen - landscape.objective(limit.a, share * limit.b)).abs() < 1e-12);
        }
    }

    #[test]
    fn a_plane_goes_through_its_states(values in prop::collection::vec(-3.0..3.0_f64, 15)) {
        let states = [&values[..5], &values[5..10], &values[10..]];
        let plane = Plane::through(states).expect("three random states span a plane");
        for (state, corner) in states.iter().zip(plane.corners) {
            for (x, y) in plane.state(corner).iter().zip(*state) {
                prop_assert!((x - y).abs() < 1e-12);
            }
        }
        let (moved, origin) = (plane.state([0.6, 0.8]), plane.state([0.0, 0.0]));
        let distance: f64 = moved.iter().zip(&origin).map(|(x, y)| (x - y).powi(2)).sum();
        prop_assert!((distance - 1.0).abs() < 1e-12);
    }
}

#[test]
fn nullclines_are_where_the_velocity_is_zero() {
    for a in [-1.3, 0.2, 2.0] {
        let b = DEFAULT.predictor_nullcline(a);
        for field in [Field::Joint, Field::StopGradient] {
            assert!(DEFAULT.velocity(field, [a, b, a], 1.0)[1].abs() < 1e-15);
        }
        for b in DEFAULT.encoder_nullclines(Field::StopGradient) {
            assert!(DEFAULT.velocity(Field::StopGradient, [a, b, a], 1.0)[0].abs() < 1e-15);
        }
    }
    assert_eq!(DEFAULT.encoder_nullclines(Field::Joint), Vec::<f64>::new());
    let mirrored = Landscape { tau: -0.8, ..DEFAULT };
    let limit = mirrored.limit().expect("the same λ");
    assert!(limit.a > 0.0 && limit.b < 0.0 && limit.kind == Kind::Attracting);
}

#[test]
fn the_inner_equilibrium_is_a_saddle_and_both_meet_at_the_critical_weight_decay() {
    let kinds: Vec<Kind> = DEFAULT.equilibria().iter().map(|rest| rest.kind).collect();
    assert_eq!(kinds, [Kind::Attracting, Kind::Saddle, Kind::Saddle, Kind::Attracting, Kind::Attracting]);
    let fold = Landscape { weight_decay: DEFAULT.critical_weight_decay(), ..DEFAULT };
    assert!(fold.equilibria()[1..].iter().all(|rest| rest.kind == Kind::Degenerate));
    let beyond = Landscape { weight_decay: 1.001 * DEFAULT.critical_weight_decay(), ..DEFAULT };
    assert_eq!(beyond.limit(), None);
}

#[test]
fn paths_end_where_their_field_attracts() {
    let limit = DEFAULT.limit().expect("below λ_crit");
    for field in Field::ALL {
        let path = DEFAULT.path(field, &PathParams::from_start([1.2, 0.3]));
        let end = path.states[path.states.len() - 1];
        let target = if field == Field::Joint { [0.0; 3] } else { [limit.a, limit.b, limit.a] };
        let distance: f64 = end.iter().zip(target).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt();
        assert!(path.settled && distance < 1e-5, "{field}: {end:?} after {} steps", path.steps);
        assert!(path.times.is_sorted() && path.times.len() == path.states.len() && path.times.len() < 3000);
    }
}

#[test]
fn a_path_keeps_the_balance_law() {
    let params = PathParams { ema_rate: 0.4, ..PathParams::from_start([1.1, -0.2]) };
    for field in [Field::StopGradient, Field::Ema] {
        let path = DEFAULT.path(field, &params);
        for (time, [a, b, _]) in path.times.iter().zip(&path.states) {
            let expected = (1.1_f64.powi(2) - 0.04) * (-0.1 * time).exp();
            assert!((a * a - b * b - expected).abs() < 1e-8, "{field} at {time}");
        }
    }
}

#[test]
fn joint_descends_the_objective_and_a_budget_is_an_outcome() {
    let path = DEFAULT.path(Field::Joint, &PathParams::from_start([1.2, 0.3]));
    let values: Vec<f64> = path.states.iter().map(|[a, b, _]| DEFAULT.objective(*a, *b)).collect();
    assert!(values.windows(2).all(|pair| pair[1] < pair[0]));
    let short = DEFAULT.path(Field::Joint, &PathParams { max_steps: 3, ..PathParams::from_start([1.2, 0.3]) });
    assert!(!short.settled && short.steps == 3);
    let resting = DEFAULT.path(Field::Joint, &PathParams::from_start([0.0, 0.0]));
    assert!(resting.settled && resting.states.len() == 1);
}

/// Ē of the linear case by its definition, on a flat state (A, then B).
fn linear_objective(state: &[f64], [x, y, v]: [&[f64]; 3], n: usize, m: usize, decay: f64) -> f64 {
    let (a, b) = state.split_at(n * m);
    let mut w = vec![0.0; n * m];
    for i in 0..n {
        for k in 0..n {
            for j in 0..m {
                w[i * m + j] += b[i * n + k] * a[k * m + j];
            }
        }
    }
    let trace = |p: &[f64], q: &[f64], moment: &[f64]| -> f64 {
        (0..n)
            .flat_map(|i| (0..m).flat_map(move |j| (0..m).map(move |k| (i, j, k))))
            .map(|(i, j, k)| p[i * m + j] * moment[j * m + k] * q[i * m + k])
            .sum()
    };
    // E|BAx − Ay|² = tr(W X Wᵀ) − 2 tr(A Y Wᵀ) + tr(A V Aᵀ).
    0.5 * (trace(&w, &w, x) - 2.0 * trace(a, &w, y) + trace(a, a, v))
        + 0.5 * decay * state.iter().map(|value| value * value).sum::<f64>()
}

#[test]
fn the_objective_of_any_size_is_a_quartic_over_a_plane() {
    let (n, m) = (2, 3);
    let numbers = |count: usize, seed: usize| -> Vec<f64> {
        (0..count).map(|i| (((i + 1) * (seed * 31 + 17) % 97) as f64 / 97.0) - 0.5).collect()
    };
    let pairs: Vec<[Vec<f64>; 2]> = (0..9).map(|k| [numbers(m, 3 * k + 1), numbers(m, 3 * k + 2)]).collect();
    let moment = |left: usize, right: usize| -> Vec<f64> {
        let entry = |i: usize, j: usize| pairs.iter().map(|pair| pair[left][i] * pair[right][j]).sum::<f64>() / 9.0;
        (0..m * m).map(|index| entry(index / m, index % m)).collect()
    };
    let moments = [moment(0, 0), moment(1, 0), moment(1, 1)];
    let moments = [&moments[0][..], &moments[1][..], &moments[2][..]];
    let states = [numbers(n * m + n * n, 5), numbers(n * m + n * n, 6), numbers(n * m + n * n, 7)];
    let plane = Plane::through([&states[0], &states[1], &states[2]]).expect("a plane");
    let direct = |at: [f64; 2]| linear_objective(&plane.state(at), moments, n, m, 0.05);
    let quartic = Quartic::fit([0.3, -0.2], 3.0, direct);
    for at in [[0.0, 0.0], plane.corners[1], plane.corners[2], [-2.5, 1.7], [3.1, -3.0]] {
        let scale = direct(at).abs().max(1.0);
        assert!((quartic.value(at) - direct(at)).abs() < 1e-11 * scale, "{at:?}");
        let gradient = quartic.gradient(at);
        for (k, own) in gradient.iter().enumerate() {
            assert!((own - difference(direct, at, k)).abs() < 1e-7 * scale, "{at:?}");
        }
    }
}

#[test]
fn minima_within_a_plane_are_found_and_refined() {
    // Two wells at s = ± 1, the left one deeper; t = 0.25.
    let wells = |[s, t]: [f64; 2]| (s * s - 1.0).powi(2) + 0.1 * s + (t - 0.25).powi(2);
    let quartic = Quartic::fit([0.0, 0.0], 2.0, wells);
    let minima = quartic.minima([-2.0, -2.0], [2.0, 2.0]);
    assert_eq!(minima.len(), 2);
    assert!(minima[0].a < 0.0 && minima[1].a > 0.0);
    for minimum in minima {
        let (s, t) = (minimum.a, minimum.b);
        assert!((4.0 * s * (s * s - 1.0) + 0.1).abs() < 1e-10 && (t - 0.25).abs() < 1e-12);
    }
    let saddle = Quartic::fit([0.0, 0.0], 1.0, |[s, t]| s * s - t * t);
    assert_eq!(saddle.minima([-1.0, -1.0], [1.0, 1.0]), []);
}

#[test]
fn mistakes_are_refused_with_what_to_do() {
    let said = |landscape: Result<Landscape, LandscapeError>| landscape.expect_err("a mistake").to_string();
    assert!(said(Landscape::new(0.0, 0.5, 1.0, 0.1)).starts_with("rho is 0"));
    assert!(said(Landscape::new(1.0, 0.5, f64::NAN, 0.1)).starts_with("sigma is NaN"));
    assert!(said(Landscape::new(1.0, 0.5, 1.0, -0.1)).starts_with("weight decay is -0.1"));
    assert!(said(Landscape::new(1.0, f64::INFINITY, 1.0, 0.1)).starts_with("tau is inf"));
    assert!(said(Landscape::new(1.0, 1.2, 1.0, 0.1)).contains("lower tau to 1 or less"));
    assert!(Landscape::new(1.0, -1.0, 1.0, 0.1).is_ok(), "perfect correlation is a case");
    let line = [&[0.0, 0.0][..], &[1.0, 1.0], &[3.0, 3.0]];
    assert!(matches!(Plane::through(line), Err(PlaneError::Collinear { .. })));
    let short = [&[0.0, 0.0][..], &[1.0], &[3.0, 3.0]];
    assert!(matches!(Plane::through(short), Err(PlaneError::Sizes { counts: [2, 1, 2] })));
    let broken = [&[0.0, 0.0][..], &[1.0, f64::NAN], &[3.0, 3.0]];
    assert!(matches!(Plane::through(broken), Err(PlaneError::NotFinite { state: 1 })));
}
