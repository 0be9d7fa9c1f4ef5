//! The largest full-rank equilibrium and the largest λ at which there is one.

mod instances;

use faer::Mat;
use instances::{diagonal, leading_rate, moments, random};
use stopgrad_dynamics::maximal::{
    Absence, CriticalParams, Maximal, MaximalEquilibrium, MaximalParams, critical_weight_decay, maximal_residual,
    solve_maximal,
};
use stopgrad_dynamics::{DEFAULT_SUPPORT_THRESHOLD, Moments, PredictOptions, Support, predict};

fn support(moments: &Moments) -> Support {
    Support::new(moments, DEFAULT_SUPPORT_THRESHOLD).expect("a support")
}

fn solve(support: &Support, decay: f64) -> Maximal {
    solve_maximal(support, decay, &MaximalParams::default(), &|_| false)
}

fn found(support: &Support, decay: f64) -> MaximalEquilibrium {
    match solve(support, decay) {
        Maximal::Found(found) => found,
        other => panic!("no equilibrium at {decay}: {other:?}"),
    }
}

#[test]
fn one_dimension_is_the_closed_form() {
    // Theory 3.9.
    for (rho, tau) in [(1.0, 0.8), (3.0, -0.7), (1e-3, 5e-4)] {
        let support = support(&moments(diagonal(&[rho]), diagonal(&[tau])));
        let critical = tau * tau / (4.0 * rho);
        for share in [1e-3, 0.5, 0.99, 0.999_999] {
            let decay = share * critical;
            let root = (tau.abs() + (tau * tau - 4.0 * rho * decay).sqrt()) / (2.0 * rho);
            let s = found(&support, decay).s[(0, 0)];
            // Near the fold a residual of 1e-12 leaves an error of 1e-12 / √(1 − share).
            assert!((s / (root * root) - 1.0).abs() < 1e-8, "{s} and {root}² at {share}");
        }
        assert!(matches!(solve(&support, 1.000_001 * critical), Maximal::Absent { .. }));
        let fold = critical_weight_decay(&support, &CriticalParams::default(), &|_| false).expect("finite").fold;
        assert!((fold.value / critical - 1.0).abs() < 1e-9 && fold.settled, "{fold:?}");
    }
}

#[test]
fn commuting_views_separate_into_modes() {
    // Theory 3.10, in a rotated basis, with a negative τ.
    let (rho, tau) = ([2.0, 1.0, 0.5, 0.1], [1.5, -0.9, 0.4, 0.06]);
    let angle = 0.7f64;
    let mut q = Mat::<f64>::identity(4, 4);
    for (i, j) in [(0, 1), (1, 2), (2, 3), (0, 3)] {
        let mut turn = Mat::<f64>::identity(4, 4);
        (turn[(i, i)], turn[(j, j)], turn[(i, j)], turn[(j, i)]) =
            (angle.cos(), angle.cos(), angle.sin(), -angle.sin());
        q = &q * &turn;
    }
    let rotate = |values: &[f64]| &q * diagonal(values) * q.transpose();
    let support = support(&moments(rotate(&rho), rotate(&tau)));
    let decay = 0.004;
    let s = found(&support, decay).s;
    // The basis of the support is that of X, descending.
    for i in 0..4 {
        let root = (tau[i].abs() + (tau[i] * tau[i] - 4.0 * rho[i] * decay).sqrt()) / (2.0 * rho[i]);
        assert!((s[(i, i)] - root * root).abs() < 1e-11, "{i}");
        assert!((0..4).all(|j| i == j || s[(i, j)].abs() < 1e-11));
    }
    let critical = critical_weight_decay(&support, &CriticalParams::default(), &|_| false).expect("finite");
    let expected = (0..4).map(|i| tau[i] * tau[i] / (4.0 * rho[i])).fold(f64::INFINITY, f64::min);
    assert!((critical.fold.value / expected - 1.0).abs() < 1e-9, "{critical:?}");
}

#[test]
fn the_maximal_equilibrium_of_random_moments_attracts() {
    let mut probes = 0;
    for (m, instances) in [(2, 200), (3, 200), (5, 200), (8, 200)] {
        for seed in 0..instances {
            let data = random(m, seed);
            let support = support(&data);
            let critical =
                critical_weight_decay(&support, &CriticalParams::default(), &|_| false).expect("finite").fold;
            assert!(critical.settled && critical.probes <= 40, "m = {m}, seed {seed}: {critical:?}");
            probes += critical.probes;
            let decay = critical.value * (0.1 + 0.8 * (seed as f64 * 0.618).fract());
            let equilibrium = found(&support, decay);
            let residual = maximal_residual(&support, equilibrium.s.as_ref(), decay);
            assert!(residual < 1e-10 && equilibrium.steps <= 40, "{m}, {seed}: {residual:e}, {}", equilibrium.steps);
            let options = PredictOptions { embedding_dim: Some(m + 1), ..quick(decay) };
            let prediction = predict(&data, &options, None, &|_| false).expect("sound");
            assert_eq!(prediction.rank, m, "m = {m}, seed {seed}");
            let state = prediction.state.expect("of full rank");
            let rate = leading_rate(&data, &state.a, &state.b, m, decay);
            assert!(rate < -1e-6 * decay, "m = {m}, seed {seed}: {rate:e}");
            let said = prediction.rate.leading_rate.expect("dense");
            assert!((rate - said).abs() < 1e-6 * decay, "{rate:e} and {said:e}");
        }
    }
    assert!(probes < 800 * 10, "{probes} probes for 800 values of λ_crit");
}

/// The equilibrium alone: no survival table by search, no λ_crit by search.
fn quick(decay: f64) -> PredictOptions {
    let mut options = PredictOptions::new(decay);
    options.survival.all_exact_up_to = 0;
    options.survival.exact_near = 0;
    options.critical_up_to = 0;
    options
}

#[test]
fn beyond_the_critical_decay_there_is_none_and_just_below_it_is_found_in_bounded_steps() {
    for m in [2, 3, 5, 8] {
        for seed in 0..20 {
            let support = support(&random(m, seed));
            let fold = critical_weight_decay(&support, &CriticalParams::default(), &|_| false).expect("finite").fold;
            assert!(fold.upper / fold.lower < 1.0 + 1e-6, "{fold:?}");
            for distance in [1e-2, 1e-4, 1e-6] {
                let equilibrium = found(&support, fold.value * (1.0 - distance));
                assert!(equilibrium.steps <= 25, "{} steps at {distance}", equilibrium.steps);
                let outcome = solve(&support, fold.value * (1.0 + distance));
                let Maximal::Absent { evidence, steps, .. } = outcome else {
                    panic!("{m}, {seed}, {distance}: {fold:?}")
                };
                assert!(
                    matches!(evidence, Absence::LeavesCone | Absence::PassedFold | Absence::BeyondBound) && steps <= 30
                );
            }
        }
    }
}

#[test]
fn numpy_finds_the_same_by_the_plain_iteration() {
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/maximal.json")).expect("golden");
    let golden: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let tolerance = golden["tolerance"].as_f64().expect("a number");
    let matrix = |value: &serde_json::Value| {
        let rows = value.as_array().expect("rows");
        Mat::from_fn(rows.len(), rows.len(), |i, j| rows[i][j].as_f64().expect("a number"))
    };
    let cases = golden["values"].as_array().expect("cases");
    assert_eq!(cases.len(), 5);
    for case in cases {
        let support = support(&moments(matrix(&case["x"]), matrix(&case["y"])));
        let decay = case["weight_decay"].as_f64().expect("a number");
        let s = found(&support, decay).s;
        let ours = &support.directions * &s * support.directions.transpose();
        let theirs = matrix(&case["s"]);
        assert!((&ours - &theirs).norm_l2() < tolerance * theirs.norm_l2());
        let critical = critical_weight_decay(&support, &CriticalParams::default(), &|_| false).expect("finite");
        let expected = case["critical"].as_f64().expect("a number");
        assert!((critical.fold.value / expected - 1.0).abs() < 1e-3, "{critical:?} and {expected}");
    }
}

#[test]
fn the_bound_of_overdamped_pencils_lies_below_and_near() {
    let (mut checked, mut closest) = (0, 0.0f64);
    for seed in (0..40).step_by(2) {
        let critical =
            critical_weight_decay(&support(&random(3, seed)), &CriticalParams::default(), &|_| false).expect("finite");
        let Some(bound) = critical.bound else { continue };
        assert!(bound <= critical.fold.value * (1.0 + 1e-9), "{critical:?}");
        closest = closest.max(bound / critical.fold.value);
        checked += 1;
    }
    assert!(checked >= 5 && closest > 0.9, "{checked} bounds, the best {closest}");
}

#[test]
fn the_bits_do_not_depend_on_the_number_of_threads() {
    let data = random(260, 4);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| found(&support(&data), 1e-4).s)
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn no_critical_decay_exceeds_the_bound_of_determinants() {
    for m in [2, 5, 9] {
        for seed in 0..20 {
            let data = random(m, seed);
            let support = Support::new(&data, DEFAULT_SUPPORT_THRESHOLD).expect("a support");
            let critical =
                critical_weight_decay(&support, &CriticalParams::default(), &|_| false).expect("finite").fold;
            let bound = 0.25 * (data.yx.determinant().powi(2) / data.xx.determinant()).powf(1.0 / m as f64);
            assert!(critical.lower <= bound * (1.0 + 1e-6), "m = {m}, seed {seed}: {critical:?} above {bound}");
            let beyond = solve_maximal(&support, 1.01 * bound, &MaximalParams::default(), &|_| false);
            assert!(matches!(beyond, Maximal::Absent { evidence: Absence::BeyondBound, .. }), "{beyond:?}");
            let below = solve_maximal(&support, 0.99 * bound, &MaximalParams::default(), &|_| false);
            assert!(!matches!(below, Maximal::Absent { evidence: Absence::BeyondBound, .. }));
        }
    }
}
