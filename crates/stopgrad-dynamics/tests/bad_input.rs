//! What cannot be, and what has no answer, in `predict`, flows and basins: an error that says what to do, or an outcome
//! with a name; never a panic, never a silent number.
//!
//! What `Moments::new`, `LinearField::new` and `predict` refuse at the door is tested beside them; here is what gets past.

mod instances;

use faer::Mat;
use instances::{diagonal, moments, random};
use stopgrad_dynamics::basins::{BasinParams, Basins, Outcome, find_basins};
use stopgrad_dynamics::ensemble::EnsembleParams;
use stopgrad_dynamics::flow::{Flow, FlowEnd, FlowParams, Limit, LinearObserver, Stop};
use stopgrad_dynamics::maximal::{MaximalParams, Unresolved};
use stopgrad_dynamics::{Existence, Field, LinearField, LinearState, Moments, PredictOptions, predict};

fn field(kind: Field, moments: Moments, width: usize) -> LinearField {
    LinearField::new(kind, moments, width, 0.05).expect("a field")
}

fn follow(field: &LinearField, start: &[f64], params: FlowParams) -> FlowEnd {
    let observer = LinearObserver::new(field, start);
    Flow { field, observer: &observer, params }.run(start, &mut |_| false)
}

fn ones(field: &LinearField) -> Vec<f64> {
    let (n, m) = (field.width, field.inputs());
    let a = Mat::from_fn(n, m, |i, j| if i == j { 1.0 } else { 0.1 });
    let c = field.kind.has_teacher().then(|| a.clone());
    LinearState { a, b: Mat::identity(n, n), c }.to_flat()
}

fn basins(field: &LinearField, params: &BasinParams) -> Basins {
    find_basins(field, &[], &BasinParams { trials: 9, ..params.clone() })
}

fn labels(found: &Basins) -> Vec<(&str, u64)> {
    found.basins.iter().map(|basin| (basin.label.as_str(), basin.count)).collect()
}

#[test]
fn moments_that_were_never_checked_end_as_errors_or_as_divergence() {
    let mut broken = [random(3, 1), random(3, 1)];
    broken[0].xx[(1, 1)] = f64::NAN;
    broken[1].yx[(0, 2)] = f64::NAN;
    for data in broken {
        assert!(predict(&data, &PredictOptions::new(0.01), None, &|_| false).is_err());
        let field = field(Field::StopGradient, data, 2);
        let end = follow(&field, &ones(&field), FlowParams::default());
        assert_eq!((end.stop, end.steps), (Stop::Diverged, 0));
        assert_eq!(labels(&basins(&field, &BasinParams::default())), [("diverged", 9)]);
    }
    // Finite numbers that overflow.
    let huge = moments(diagonal(&[1e200, 1e200]), diagonal(&[1e200, 1e200]));
    let field = field(Field::Ema, huge, 2);
    assert_eq!(follow(&field, &ones(&field), FlowParams::default()).stop, Stop::Diverged);
}

#[test]
fn where_y_predicts_nothing_every_flow_ends_at_the_origin() {
    for kind in [Field::StopGradient, Field::Ema] {
        let field = field(kind, moments(diagonal(&[2.0, 1.0]), Mat::zeros(2, 2)), 3);
        let end = follow(&field, &ones(&field), FlowParams::default());
        assert!(matches!(end.stop, Stop::Steady { .. }), "{:?}", end.stop);
        assert!(end.state.iter().all(|x| x.abs() < 1e-5), "{:?}", end.state);
        assert_eq!(labels(&basins(&field, &BasinParams::default())), [("rank-0", 9)]);
    }
}

#[test]
fn where_x_is_singular_flows_end_in_its_support() {
    // The third coordinate never varies: its column of A decays as e^{−λt}, whatever it was.
    let data = moments(diagonal(&[2.0, 1.0, 0.0]), diagonal(&[1.5, 0.8, 0.0]));
    for kind in [Field::StopGradient, Field::Ema] {
        let field = field(kind, data.clone(), 3);
        let end = follow(&field, &ones(&field), FlowParams::default());
        assert!(matches!(end.stop, Stop::Steady { .. }), "{:?}", end.stop);
        let state = LinearState::from_flat(&end.state, 3, 3);
        assert_eq!(state.rank(1e-3), Ok(2));
        assert!((0..3).all(|i| state.a[(i, 2)].abs() < 1e-5));
        for found in &basins(&field, &BasinParams::default()).ends {
            let Outcome::Equilibrium { rank, .. } = found.outcome else { panic!("{:?}", found.outcome) };
            assert!(rank <= 2 && found.residual.is_some_and(|residual| residual < 1e-9));
        }
    }
}

#[test]
fn a_budget_reached_is_an_outcome_with_its_name() {
    let data = random(4, 1);
    let field = field(Field::StopGradient, data.clone(), 3);
    for (params, limit) in [
        (FlowParams { max_steps: 0, ..FlowParams::default() }, Limit::Steps),
        (FlowParams { max_steps: 3, ..FlowParams::default() }, Limit::Steps),
        (FlowParams { end_time: 0.0, ..FlowParams::default() }, Limit::Time),
        (FlowParams { end_time: 0.5, ..FlowParams::default() }, Limit::Time),
    ] {
        let end = follow(&field, &ones(&field), params);
        assert_eq!((end.stop, end.stop.name()), (Stop::Budget(limit), "budget"));
        assert!(end.steps <= params.max_steps && end.time <= params.end_time);
        assert!(!end.trajectory.rows.is_empty());
    }
    let ensemble = EnsembleParams { end_time: 0.5, ..EnsembleParams::default() };
    let short =
        BasinParams { ensemble, flow: FlowParams { max_steps: 3, ..FlowParams::default() }, ..Default::default() };
    let found = basins(&field, &short);
    assert_eq!(labels(&found), [("unresolved", 9)]);
    assert!((found.basins[0].fraction.estimate - 1.0).abs() < 1e-15 && found.basins[0].fraction.low < 0.75);
    let nothing = find_basins(&field, &[], &BasinParams { trials: 0, ..BasinParams::default() });
    assert!(nothing.ends.is_empty() && nothing.basins.is_empty());
    let maximal = MaximalParams { max_steps: 0, ..MaximalParams::default() };
    let prediction = predict(&data, &PredictOptions { maximal, ..PredictOptions::new(1e-3) }, None, &|_| false);
    assert_eq!(prediction.expect("sound").existence, Existence::Undecided(Unresolved::Budget));
}
