use faer::Mat;

use super::*;
use crate::ensemble::tests::{linear_field, moments};
use crate::random::{normal, stream};
use crate::testing::Square;
use crate::{Field, LinearField, Moments, UpdateMap};

fn start(n: usize, m: usize, kind: Field, seed: u64) -> Vec<f64> {
    let mut rng = stream(seed, 0);
    let mut z: Vec<f64> = (0..n * m + n * n).map(|_| 0.8 * normal(&mut rng)).collect();
    if kind.has_teacher() {
        z.extend_from_within(..n * m);
    }
    z
}

fn run(field: &LinearField, z: &[f64], params: FlowParams) -> FlowEnd {
    let observer = LinearObserver::new(field, z);
    Flow { field, observer: &observer, params }.run(z, &mut |_| false)
}

/// Rotating signals: M = 0.95 rotation by 0.9 ⊕ 0.5, X = I.
fn rotating(n: usize, kind: Field, decay: f64) -> LinearField {
    let (sin, cos) = 0.9f64.sin_cos();
    let m = [[0.95 * cos, -0.95 * sin, 0.0], [0.95 * sin, 0.95 * cos, 0.0], [0.0, 0.0, 0.5]];
    let yx = Mat::from_fn(3, 3, |i, j| m[i][j]);
    let xx = Mat::<f64>::identity(3, 3);
    linear_field(kind, n, Moments::unchecked(xx.clone(), yx, Some(xx)), decay)
}

#[test]
fn the_balance_law_holds_to_the_tolerance_along_every_lawful_flow() {
    for kind in [Field::StopGradient, Field::Ema] {
        for (n, m) in [(6, 3), (2, 5)] {
            let field = linear_field(kind, n, moments(m, 4, false), 0.05);
            let z = start(n, m, kind, 3);
            let end = run(&field, &z, FlowParams { end_time: 40.0, ..FlowParams::default() });
            let errors: Vec<f64> = end.trajectory.rows.iter().filter_map(|row| row.balance_gap_error).collect();
            assert!(errors.len() > 20 && errors.len() == end.trajectory.rows.len());
            let worst = errors.iter().copied().fold(0.0, f64::max);
            assert!(worst < 1e-7, "{kind} {n} {m}: {worst:e}");
            // The law is not a tautology of the observer: another λ breaks it.
            let mut other = field.clone();
            other.decay_a = 0.08;
            other.decay_b = 0.08;
            let observer = LinearObserver::new(&other, &z);
            let mut row = Row::default();
            observer.measure(end.time, &end.state, &mut row);
            assert!(row.balance_gap_error.is_some_and(|error| error > 1e-3));
        }
    }
    // Joint, unequal decays and unequal rates have no such law.
    let mut field = linear_field(Field::Joint, 2, moments(2, 4, false), 0.05);
    let z = start(2, 2, Field::Joint, 3);
    assert!(
        run(&field, &z, FlowParams { max_steps: 3, ..FlowParams::default() }).trajectory.rows[1]
            .balance_gap_error
            .is_none()
    );
    (field.kind, field.rate_b) = (Field::StopGradient, 2.0);
    assert!(
        run(&field, &z, FlowParams { max_steps: 3, ..FlowParams::default() }).trajectory.rows[1]
            .balance_gap_error
            .is_none()
    );
}

#[test]
fn scalar_flows_end_on_the_outer_sphere_or_at_the_origin_as_the_closed_form_says() {
    for kind in [Field::StopGradient, Field::Ema] {
        for (scale, outer) in [(1.0, true), (0.02, false)] {
            let (rho, tau, lambda) = (1.2f64, 0.8f64, 0.05f64);
            let one = |x: f64| Mat::from_fn(1, 1, |_, _| x);
            let moments = Moments { xx: one(rho), yx: one(tau), yy: Some(one(rho)), ..moments(1, 1, true) };
            let field = linear_field(kind, 3, moments, lambda);
            let z: Vec<f64> = start(3, 1, kind, 1).iter().map(|x| x.abs() * scale).collect();
            let end = run(&field, &z, FlowParams::default());
            assert!(matches!(end.stop, Stop::Steady { .. }), "{kind} {scale}: {:?} at {}", end.stop, end.time);
            let radius = (tau + (tau * tau - 4.0 * rho * lambda).sqrt()) / (2.0 * rho);
            let expected = if outer { radius } else { 0.0 };
            assert!((norm(&end.state[..3]) - expected).abs() < 1e-6, "{kind}: {} {expected}", norm(&end.state[..3]));
            assert_eq!(end.trajectory.rows.last().and_then(|row| row.rank), Some(usize::from(outer)));
        }
    }
}

#[test]
fn along_joint_the_objective_falls_and_everything_ends_at_the_origin() {
    let field = linear_field(Field::Joint, 4, moments(2, 6, true), 0.1);
    let end = run(&field, &start(4, 2, Field::Joint, 5), FlowParams::default());
    assert!(matches!(end.stop, Stop::Steady { .. }), "{:?}", end.stop);
    assert!(norm(&end.state) < 1e-5);
    let values: Vec<f64> = end.trajectory.rows.iter().filter_map(|row| row.joint_objective).collect();
    assert!(values.len() > 10 && values.windows(2).all(|pair| pair[1] <= pair[0] + 1e-15), "{values:?}");
    let proxy = end.trajectory.rows[3].proxy_objective.expect("V is known");
    assert!((proxy - values[3]).abs() < 1e-12, "the same value where the teacher is the student");
}

/// A fixed step and the classical method of order 4: nothing in common with the flow but the field.
fn classical_step(field: &LinearField, z: &mut [f64], h: f64) {
    let mut total = vec![0.0; z.len()];
    let (mut slope, mut point) = (vec![0.0; z.len()], z.to_vec());
    for (weight, next) in [(1.0, 0.5), (2.0, 0.5), (2.0, 1.0), (1.0, 0.0)] {
        field.value(&point, &mut slope);
        for i in 0..z.len() {
            total[i] += weight / 6.0 * slope[i];
            point[i] = z[i] + h * next * slope[i];
        }
    }
    for (z, k) in z.iter_mut().zip(&total) {
        *z += h * k;
    }
}

#[test]
fn rotating_signals_of_cut_rank_end_on_a_cycle_whose_period_a_fixed_step_confirms() {
    for kind in [Field::StopGradient, Field::Ema] {
        let field = rotating(1, kind, 0.05);
        let end = run(&field, &start(1, 3, kind, 8), FlowParams::default());
        let Stop::Cycle(cycle) = end.stop else { panic!("{kind}: {:?} at {}", end.stop, end.time) };
        println!("{kind}: {cycle:?} after {} steps, time {}", end.steps, end.time);
        assert!(cycle.amplitude > 1e-2 && cycle.period > 1.0);
        // From the end, on over ten periods: the invariants are back, and at no earlier turn.
        let observer = LinearObserver::new(&field, &end.state);
        let (mut then, mut now) = (Vec::new(), Vec::new());
        observer.invariants(&end.state, &mut then);
        let per_turn = 4000;
        let back = |period: f64| {
            let mut z = end.state.clone();
            for _ in 0..10 * per_turn {
                classical_step(&field, &mut z, period / f64::from(per_turn));
            }
            let mut after = Vec::new();
            observer.invariants(&z, &mut after);
            distance(&after, &then) / cycle.amplitude
        };
        assert!(back(cycle.period) < 2e-5, "{:e}", back(cycle.period));
        // A period wrong by 1e-6 would be seen.
        assert!(back(cycle.period * (1.0 + 1e-5)) > 2e-5);
        let mut z = end.state.clone();
        for turn in 1..per_turn {
            classical_step(&field, &mut z, cycle.period / f64::from(per_turn));
            observer.invariants(&z, &mut now);
            let inside = turn > per_turn / 20 && turn < per_turn * 19 / 20;
            assert!(!inside || distance(&now, &then) > 1e-3 * cycle.amplitude, "a shorter period");
        }
    }
}

#[test]
fn a_slow_spiral_is_steady_and_no_cycle() {
    // With room for the pair the same signals have a full-rank equilibrium, reached in turns.
    let field = rotating(3, Field::StopGradient, 0.02);
    let end = run(&field, &start(3, 3, Field::StopGradient, 8), FlowParams::default());
    assert!(matches!(end.stop, Stop::Steady { .. }), "{:?}", end.stop);
}

#[test]
fn a_flow_out_of_budget_says_of_which_and_one_beyond_bounds_has_diverged() {
    let field = linear_field(Field::StopGradient, 3, moments(2, 6, true), 0.05);
    let z = start(3, 2, Field::StopGradient, 5);
    let stop = |params| run(&field, &z, params).stop;
    assert_eq!(stop(FlowParams { end_time: 1.5, ..FlowParams::default() }), Stop::Budget(Limit::Time));
    assert_eq!(stop(FlowParams { max_steps: 4, ..FlowParams::default() }), Stop::Budget(Limit::Steps));
    assert_eq!(stop(FlowParams { divergence: 0.5, ..FlowParams::default() }), Stop::Diverged);
    let observer = LinearObserver::new(&field, &z);
    let flow = Flow { field: &field, observer: &observer, params: FlowParams::default() };
    let end = flow.run(&z, &mut |progress| progress.steps >= 7);
    assert_eq!((end.stop, end.steps, end.stop.name()), (Stop::Budget(Limit::Caller), 7, "budget"));
}

#[test]
fn any_field_can_flow_and_a_pole_is_divergence() {
    let observer = StateObserver { slowest_rate: None, size_floor: 1.0 };
    let params = FlowParams { divergence: f64::INFINITY, ..FlowParams::default() };
    let end = Flow { field: &Square, observer: &observer, params }.run(&[1.0], &mut |_| false);
    assert!(end.stop == Stop::Diverged && (end.time - 1.0).abs() < 1e-6, "{:?} at {}", end.stop, end.time);
    // From below the pole is at −∞: a slow approach to 0, which a known rate lets end.
    let observer = StateObserver { slowest_rate: Some(1e-3), size_floor: 1.0 };
    let params = FlowParams { end_time: 1e9, ..params };
    let end = Flow { field: &Square, observer: &observer, params }.run(&[-1.0], &mut |_| false);
    assert!(matches!(end.stop, Stop::Steady { correction } if correction <= 1e-6), "{:?}", end.stop);
}

#[test]
fn small_steps_of_training_end_where_the_flow_does_and_large_ones_diverge() {
    for kind in [Field::StopGradient, Field::Ema] {
        let field = linear_field(kind, 3, moments(2, 6, true), 0.05);
        let z = start(3, 2, kind, 5);
        let flow = flow_linear(&field, &z, FlowParams::default(), &mut |_| false);
        for (rate, heavy_ball) in [(0.05, 0.0), (0.02, 0.5)] {
            // Heavy ball moves 1/(1 − β) times as fast; the teacher keeps up.
            let keep = if kind.has_teacher() { 1.0 - rate / (1.0 - heavy_ball) } else { 0.0 };
            let map = UpdateMap::new(field.clone(), rate, keep).unwrap().with_heavy_ball(heavy_ball).unwrap();
            let steps = train_linear(&map, &z, FlowParams::default(), &mut |_| false);
            assert!(matches!(steps.stop, Stop::Steady { .. }), "{kind}: {:?}", steps.stop);
            let eigenvalues = |end: &FlowEnd| end.trajectory.rows.last().unwrap().s_eigenvalues.clone();
            let (there, here) = (eigenvalues(&flow), eigenvalues(&steps));
            assert!(distance(&there, &here) < 1e-5 && norm(&there) > 0.1, "{kind}: {there:?} {here:?}");
            assert!((steps.time - rate * steps.steps as f64).abs() < 1e-12);
            assert_eq!(steps.trajectory.rows[1].balance_gap_error.is_some(), heavy_ball == 0.0);
        }
        let map = UpdateMap::new(field.clone(), 50.0, 0.0).unwrap();
        assert_eq!(train_linear(&map, &z, FlowParams::default(), &mut |_| false).stop, Stop::Diverged);
        let map = UpdateMap::new(field, 1e-3, 0.9).unwrap();
        let params = FlowParams { max_steps: 9, ..FlowParams::default() };
        assert_eq!(train_linear(&map, &z, params, &mut |_| false).stop, Stop::Budget(Limit::Steps));
    }
}

#[test]
fn steps_keep_the_balance_law_up_to_the_order_of_the_learning_rate() {
    let field = linear_field(Field::StopGradient, 3, moments(2, 6, true), 0.05);
    let z = start(3, 2, Field::StopGradient, 5);
    let worst = |rate: f64| {
        let map = UpdateMap::new(field.clone(), rate, 0.0).unwrap();
        let params = FlowParams { end_time: 5.0, ..FlowParams::default() };
        let rows = train_linear(&map, &z, params, &mut |_| false).trajectory.rows;
        rows.iter().filter_map(|row| row.balance_gap_error).fold(0.0, f64::max)
    };
    let ratio = worst(0.02) / worst(0.01);
    assert!((1.7..2.4).contains(&ratio), "{ratio}");
}

#[test]
fn the_spectrum_of_s_is_that_of_the_smaller_product() {
    let field = linear_field(Field::StopGradient, 2, moments(5, 6, true), 0.05);
    let z = start(2, 5, Field::StopGradient, 5);
    let observer = LinearObserver::new(&field, &z);
    let mut row = Row::default();
    observer.measure(0.0, &z, &mut row);
    let state = crate::LinearState::from_flat(&z, 2, 5);
    let whole: Vec<f64> = (0..25).map(|k| state.s()[(k / 5, k % 5)]).collect();
    let all = crate::linalg::symmetric_eigenvalues(&whole, 5).unwrap();
    assert_eq!(row.s_eigenvalues.len(), 2);
    assert!(distance(&row.s_eigenvalues, &all[..2]) < 1e-12 * all[0] && all[2].abs() < 1e-12 * all[0]);
}
