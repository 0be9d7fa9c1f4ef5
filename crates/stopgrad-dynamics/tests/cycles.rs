//! Past and future of rotating signals: an embedding that cuts a pair ends on a limit cycle (docs/theory.md, 4.4).

mod instances;

use faer::Mat;
use instances::Stream;
use stopgrad_dynamics::flow::{Flow, FlowEnd, FlowParams, LinearObserver, Stop};
use stopgrad_dynamics::{Field, LinearField, LinearState, Moments};

fn follow(field: &LinearField, start: &[f64]) -> FlowEnd {
    let observer = LinearObserver::new(field, start);
    Flow { field, observer: &observer, params: FlowParams::default() }.run(start, &mut |_| false)
}

/// 4 periods at 1e-6: SciPy's crossings agree to 1e-12, our flow stops when its own returns do to 2e-7.
#[test]
fn the_period_is_that_of_scipys_integrator_and_its_events() {
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/cycles.json")).expect("golden");
    let golden: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let tolerance = golden["tolerance"].as_f64().expect("a number");
    let numbers = |value: &serde_json::Value| -> Vec<f64> {
        value.as_array().expect("numbers").iter().map(|x| x.as_f64().expect("a number")).collect()
    };
    let matrix = |value: &serde_json::Value| {
        let rows: Vec<Vec<f64>> = value.as_array().expect("rows").iter().map(numbers).collect();
        Mat::from_fn(rows.len(), rows.len(), |i, j| rows[i][j])
    };
    let cases = golden["values"].as_array().expect("cases");
    assert_eq!(cases.len(), 4);
    for case in cases {
        let kind: Field = case["field"].as_str().expect("a name").parse().expect("a field");
        let number = |key: &str| case[key].as_f64().expect("a number");
        let (n, m) = (number("n") as usize, case["x"].as_array().expect("rows").len());
        let moments = Moments::new(matrix(&case["x"]), matrix(&case["y"]), None).expect("moments");
        let mut field = LinearField::new(kind, moments, n, number("weight_decay")).expect("a field");
        if kind.has_teacher() {
            field = field.with_ema_rate(number("ema_rate")).expect("a rate");
        }
        let end = follow(&field, &numbers(&case["start"]));
        let Stop::Cycle(cycle) = end.stop else { panic!("{kind}, n = {n}, m = {m}: {:?} at {}", end.stop, end.time) };
        assert_eq!(end.stop.name(), "cycle");
        let error = (cycle.period / number("period") - 1.0).abs();
        println!("{kind}, n = {n}, m = {m}: {cycle:?}, {error:.1e} off");
        assert!(error < tolerance && cycle.period_error < tolerance * cycle.period, "{kind}: {cycle:?}, {error:e} off");
        // The farthest point from one of the loop: between half its diameter and all of it.
        let share = cycle.amplitude / number("diameter");
        assert!((0.49..1.01).contains(&share), "{kind}: amplitude {share} of the diameter");
        // Neither collapse nor convergence.
        assert_eq!(LinearState::from_flat(&end.state, n, m).rank(1e-2), Ok(n));
        assert!(field.relative_residual(&end.state) > 0.1);
    }
}

/// x and y = the next x of two signals that turn by 0.4 and 0.7 a step, shrink, and are driven by noise: `count` steps.
fn sampled(count: usize) -> Moments {
    let mut stream = Stream::new(3);
    let mut x = [0.0; 4];
    let (mut xx, mut yx) = (Mat::<f64>::zeros(4, 4), Mat::<f64>::zeros(4, 4));
    for step in 0..count + 100 {
        let mut y = [0.0; 4];
        for (pair, (factor, angle)) in [(0.95f64, 0.4f64), (0.85, 0.7)].into_iter().enumerate() {
            let (p, q, noise) = (x[2 * pair], x[2 * pair + 1], (1.0 - factor * factor).sqrt());
            y[2 * pair] = factor * (angle.cos() * p - angle.sin() * q) + noise * stream.normal();
            y[2 * pair + 1] = factor * (angle.sin() * p + angle.cos() * q) + noise * stream.normal();
        }
        // The first hundred forget the start.
        if step >= 100 {
            xx += Mat::from_fn(4, 4, |i, j| x[i] * x[j] / count as f64);
            yx += Mat::from_fn(4, 4, |i, j| y[i] * x[j] / count as f64);
        }
        x = y;
    }
    Moments::new(xx, yx, None).expect("moments of samples")
}

#[test]
fn sampled_signals_turn_too_and_with_room_for_both_pairs_they_come_to_rest() {
    let moments = sampled(20_000);
    let ends = [3, 4].map(|n| {
        let field = LinearField::new(Field::StopGradient, moments.clone(), n, 0.05).expect("a field");
        let mut stream = Stream::new(1);
        let (mut a, b) = (stream.matrix(n, 4), Mat::<f64>::identity(n, n));
        (0..n).for_each(|i| a[(i, i)] += 1.0);
        follow(&field, &LinearState { a, b, c: None }.to_flat()).stop
    });
    // The moments of 20,000 steps are good to about a hundredth; the period of the exact ones is 10.227.
    let Stop::Cycle(cycle) = ends[0] else { panic!("{ends:?}") };
    assert!((cycle.period - 10.227).abs() < 0.5, "{cycle:?}");
    assert!(matches!(ends[1], Stop::Steady { .. }), "{ends:?}");
}
