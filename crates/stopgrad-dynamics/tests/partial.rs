//! Equilibria of lower rank: what attracts, what is the largest rank, when modes die.

mod instances;

use faer::Mat;
use instances::{Stream, diagonal, leading_rate, moments, random};
use stopgrad_dynamics::maximal::{CriticalParams, critical_weight_decay};
use stopgrad_dynamics::partial::{Attraction, PartialParams, find_partial, polish_partial};
use stopgrad_dynamics::survival::SurvivalMethod;
use stopgrad_dynamics::{
    CriticalEstimate, DEFAULT_SUPPORT_THRESHOLD, Existence, Moments, PredictError, PredictOptions, Stage, Support,
    SupportError, modes, predict, split_half_sigmas,
};

/// R = BAX − AY, and both equations of an equilibrium: the largest entry.
fn defect(data: &Moments, a: &Mat<f64>, b: &Mat<f64>, decay: f64) -> f64 {
    let rest = b * a * &data.xx - a * &data.yx;
    let rows = b.transpose() * &rest + faer::Scale(decay) * a;
    let square = &rest * a.transpose() + faer::Scale(decay) * b;
    rows.norm_max().max(square.norm_max())
}

#[test]
fn commuting_views_keep_every_mode_that_can_live() {
    // Theory 3.10: τ²/4ρ = 0.28, 0.2, 0.08, 0.009; the second with τ < 0.
    let data = moments(diagonal(&[2.0, 1.0, 0.5, 0.1]), diagonal(&[1.5, -0.9, 0.4, 0.06]));
    for (decay, alive) in [(0.004, 4), (0.02, 3), (0.1, 2), (0.25, 1), (0.3, 0)] {
        let prediction = predict(&data, &PredictOptions::new(decay), None, &|_| false).expect("sound");
        assert_eq!(prediction.rank, alive, "at {decay}: {:?}", prediction.attempts);
        assert_eq!(prediction.existence == Existence::Found, alive == 4);
        assert_eq!(prediction.surviving_signal_modes(), alive);
        assert!(prediction.residual < 1e-10);
        for (row, expected) in prediction.survival.modes.iter().zip([0.28125, 0.2025, 0.08, 0.009]) {
            assert!((row.critical_weight_decay / expected - 1.0).abs() < 1e-6, "{row:?}");
            assert_eq!(row.method, SurvivalMethod::Exact, "{row:?}");
        }
        assert!((prediction.critical_weight_decay.value() / 0.009 - 1.0).abs() < 1e-6);
        let mut roots: Vec<f64> = [(2.0, 1.5), (1.0, 0.9), (0.5, 0.4), (0.1, 0.06f64)]
            .into_iter()
            .filter(|(rho, tau)| tau * tau >= 4.0 * rho * decay)
            .map(|(rho, tau)| ((tau + (tau * tau - 4.0 * rho * decay).sqrt()) / (2.0 * rho)).powi(2))
            .collect();
        roots.sort_by(|a, b| b.total_cmp(a));
        assert_eq!(prediction.s_eigenvalues.len(), alive);
        for (value, root) in prediction.s_eigenvalues.iter().zip(roots) {
            assert!((value - root).abs() < 1e-9, "{value} and {root} at {decay}");
        }
    }
}

#[test]
fn every_predicted_state_is_an_equilibrium_and_attracts() {
    for m in [3, 5, 8] {
        for seed in 0..12 {
            let data = random(m, seed);
            let support = Support::new(&data, DEFAULT_SUPPORT_THRESHOLD).expect("a support");
            let critical =
                critical_weight_decay(&support, &CriticalParams::default(), &|_| false).expect("finite").fold;
            for (width, decay) in [(m + 1, 3.0 * critical.value), (m + 1, 0.02), (2, 0.5 * critical.value), (1, 0.01)] {
                let mut options = PredictOptions { embedding_dim: Some(width), ..PredictOptions::new(decay) };
                options.survival.all_exact_up_to = 0;
                options.survival.exact_near = 0;
                options.critical_up_to = 0;
                let prediction = predict(&data, &options, None, &|_| false).expect("sound");
                assert!(prediction.rank <= width.min(m));
                let Some(state) = &prediction.state else { continue };
                let defect = defect(&data, &state.a, &state.b, decay);
                assert!(defect < 1e-10, "m = {m}, seed {seed}: {defect:e}, {:e}", prediction.residual);
                let rate = leading_rate(&data, &state.a, &state.b, prediction.rank, decay);
                let said = prediction.rate.leading_rate.expect("dense");
                assert!(rate < 0.0 && (rate - said).abs() < 1e-5 * decay, "{rate:e} and {said:e}");
            }
        }
    }
}

#[test]
fn a_narrow_embedding_is_filled_and_the_inner_root_is_a_saddle() {
    let data = random(8, 6);
    let support = Support::new(&data, DEFAULT_SUPPORT_THRESHOLD).expect("a support");
    let search =
        find_partial(&support, &modes(&support).expect("finite"), (1e-4, 3), &PartialParams::default(), &|_| false)
            .expect("finite");
    assert_eq!(search.best.expect("three modes live").rank(), 3);
    // ρ = τ = 1, λ = 3/16: roots 1/4 and 3/4.
    let scalar = moments(diagonal(&[1.0]), diagonal(&[1.0]));
    let support = Support::new(&scalar, DEFAULT_SUPPORT_THRESHOLD).expect("a support");
    for (root, attraction) in [(0.25, Attraction::Saddle), (0.75, Attraction::Attracting)] {
        let start = diagonal(&[root * 1.001]);
        let found = polish_partial(&support, &start, 0.1875, &PartialParams::default()).expect("finite").expect("near");
        assert!((found.p[(0, 0)].abs() - root).abs() < 1e-9);
        assert_eq!(found.rate.attraction, attraction);
    }
}

/// docs/theory.md, 4.8: of three modes that commute, every subset at its outer roots.
#[test]
fn a_kept_row_leaves_for_a_mode_left_out_between_whose_roots_it_lies() {
    let (mut draws, mut counted) = (Stream::new(3), [0, 0]);
    for _ in 0..60 {
        let variance: [f64; 3] = std::array::from_fn(|_| draws.uniform().abs() * 4.0 + 0.2);
        let cross: [f64; 3] = std::array::from_fn(|i| variance[i] * (0.55 + 0.9 * draws.uniform().abs()));
        let decay = 0.8 * (0..3).map(|i| cross[i].powi(2) / (4.0 * variance[i])).fold(f64::INFINITY, f64::min);
        let root = |i: usize| (cross[i] + (cross[i].powi(2) - 4.0 * variance[i] * decay).sqrt()) / (2.0 * variance[i]);
        let support = Support::new(&moments(diagonal(&variance), diagonal(&cross)), DEFAULT_SUPPORT_THRESHOLD)
            .expect("a support");
        for kept in 1_usize..7 {
            let of = |inside: bool| (0..3).filter(move |i| (kept >> i & 1 == 1) == inside);
            let growth = of(true)
                .flat_map(|i| of(false).map(move |j| -(variance[j] * root(i).powi(2) - cross[j] * root(i) + decay)));
            let fastest = growth.fold(f64::NEG_INFINITY, f64::max);
            // The support's coordinates are the modes by variance.
            let mut by_variance = [0, 1, 2];
            by_variance.sort_by(|a, b| variance[*b].total_cmp(&variance[*a]));
            let rows: Vec<usize> = of(true).collect();
            let start = Mat::from_fn(rows.len(), 3, |i, j| if by_variance[j] == rows[i] { root(rows[i]) } else { 0.0 });
            let found = polish_partial(&support, &start, decay, &PartialParams::default()).expect("finite");
            let rate = found.expect("it is an equilibrium").rate;
            if fastest.abs() > 1e-3 * decay {
                let expected = if fastest > 0.0 { Attraction::Saddle } else { Attraction::Attracting };
                assert_eq!(rate.attraction, expected, "{variance:?} {cross:?} {decay} {kept:b}");
                counted[usize::from(fastest > 0.0)] += 1;
            }
            if fastest > 0.0 {
                assert!((rate.leading_rate.expect("dense") - fastest).abs() < 1e-8 * fastest.max(decay));
            }
        }
    }
    assert!(counted[0] > 30 && counted[1] > 30, "{counted:?}");
}

#[test]
fn a_start_whose_linear_systems_are_too_hard_is_given_up_and_fewer_rows_are_tried() {
    let support = Support::new(&random(8, 6), DEFAULT_SUPPORT_THRESHOLD).expect("a support");
    let modes = modes(&support).expect("finite");
    // One Newton step of one product finds nothing.
    let params = PartialParams { max_steps: 1, max_products: 1, enough_products: 0, ..PartialParams::default() };
    let search = find_partial(&support, &modes, (1e-4, 8), &params, &|_| false).expect("finite");
    assert!(search.best.is_none());
    let given_up: Vec<usize> = search.attempts.iter().filter(|a| a.given_up).map(|a| a.rows).collect();
    assert!(given_up.contains(&8) && given_up.contains(&1), "{:?}", search.attempts);
    assert!(search.attempts.iter().all(|attempt| attempt.rate.is_none() && attempt.effort.steps <= 1));
}

#[test]
fn a_search_tells_where_it_is_and_ends_when_told() {
    let support = Support::new(&random(8, 6), DEFAULT_SUPPORT_THRESHOLD).expect("a support");
    let modes = modes(&support).expect("finite");
    let seen = std::cell::RefCell::new(Vec::new());
    let watch = |stage: Stage| {
        seen.borrow_mut().push(stage.to_string());
        matches!(stage, Stage::Newton { .. })
    };
    let search = find_partial(&support, &modes, (1e-4, 8), &PartialParams::default(), &watch).expect("finite");
    assert!(search.best.is_none(), "Newton was stopped before its first step");
    let seen = seen.borrow();
    assert!(seen.iter().any(|words| words.starts_with("rank 8, regressions, round ")), "{seen:?}");
    assert!(seen.iter().any(|words| words.starts_with("rank 8, Newton's method, step 0, residual ")), "{seen:?}");
}

#[test]
fn a_singular_x_is_answered_on_its_support() {
    // The third coordinate is always zero, the second and first are a rotated pair of modes.
    let (c, s) = (0.8, 0.6);
    let q = faer::mat![[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]];
    let data =
        moments(&q * diagonal(&[2.0, 1.0, 0.0]) * q.transpose(), &q * diagonal(&[1.5, 0.8, 0.0]) * q.transpose());
    let prediction = predict(&data, &PredictOptions::new(0.05), None, &|_| false).expect("sound");
    assert_eq!((prediction.support_rank, prediction.dropped_dimensions, prediction.rank), (2, 1, 2));
    assert!(prediction.dropped_variance < 1e-14);
    let state = prediction.state.expect("of rank 2");
    assert_eq!((state.p.shape(), state.a.shape(), state.b.shape()), ((2, 3), (2, 3), (2, 2)));
    assert!(defect(&data, &state.a, &state.b, 0.05) < 1e-12);
    assert!((state.s().subcols(2, 1)).norm_max() < 1e-14);
}

#[test]
fn nothing_in_common_means_that_everything_dies() {
    let data = moments(diagonal(&[2.0, 1.0]), Mat::zeros(2, 2));
    let prediction = predict(&data, &PredictOptions::new(0.01), None, &|_| false).expect("sound");
    assert_eq!((prediction.rank, prediction.surviving_signal_modes()), (0, 0));
    assert!(prediction.state.is_none() && prediction.s_eigenvalues.is_empty());
    assert!(matches!(prediction.critical_weight_decay, CriticalEstimate::Searched(found) if found.cross_singular));
    assert!(prediction.survival.recommendation.to_string().starts_with("no mode survives"));
}

#[test]
fn a_call_that_makes_no_sense_is_refused() {
    let data = moments(diagonal(&[1.0]), diagonal(&[0.5]));
    for decay in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let refused = predict(&data, &PredictOptions::new(decay), None, &|_| false);
        assert!(matches!(refused, Err(PredictError::WeightDecay { .. })));
    }
    let narrow = PredictOptions { embedding_dim: Some(0), ..PredictOptions::new(0.01) };
    assert_eq!(predict(&data, &narrow, None, &|_| false), Err(PredictError::EmbeddingDim));
    let empty = moments(Mat::zeros(2, 2), Mat::zeros(2, 2));
    let refused = predict(&empty, &PredictOptions::new(0.01), None, &|_| false);
    assert_eq!(refused, Err(PredictError::Support(SupportError::Empty)));
    // A stop asked for at once is an outcome.
    let stopped = predict(&random(3, 0), &PredictOptions::new(1e-4), None, &|_| true).expect("sound");
    assert!(matches!(stopped.existence, Existence::Undecided(_)) && stopped.rank == 0);
}

/// Sample moments of `count` pairs with two common signals of variance 1 and noise of variance 1 in m dimensions.
fn sampled(m: usize, count: usize, stream: &mut Stream) -> Moments {
    let (mut xx, mut yx) = (Mat::<f64>::zeros(m, m), Mat::<f64>::zeros(m, m));
    for _ in 0..count {
        let signal = [stream.normal(), stream.normal()];
        let mut view = || Mat::from_fn(m, 1, |i, _| stream.normal() + signal.get(i).copied().unwrap_or(0.0));
        let (x, y) = (view(), view());
        xx += &x * x.transpose() + &y * y.transpose();
        yx += &x * y.transpose() + &y * x.transpose();
    }
    let scale = faer::Scale(0.5 / count as f64);
    moments(&xx * scale, &yx * scale)
}

#[test]
fn modes_that_a_finite_sample_invents_are_told_from_real_ones() {
    let (m, count) = (20, 400);
    let mut stream = Stream::new(7);
    let halves = [sampled(m, count, &mut stream), sampled(m, count, &mut stream)];
    let mean = |a: &Mat<f64>, b: &Mat<f64>| (a + b) * faer::Scale(0.5);
    let whole = moments(mean(&halves[0].xx, &halves[1].xx), mean(&halves[0].yx, &halves[1].yx));
    let support = Support::new(&whole, DEFAULT_SUPPORT_THRESHOLD).expect("a support");
    let sigmas = split_half_sigmas(&support, (&halves[0], &halves[1])).expect("finite");
    assert!(sigmas[0] > 8.0 && sigmas[1] > 8.0, "{sigmas:?}");
    assert!(sigmas[2..].iter().filter(|&&sigma| sigma > 3.0).count() <= 1, "{sigmas:?}");
    // Noise has modes of its own, which a tiny decay leaves alive; they are not counted.
    let options = PredictOptions::new(1e-6);
    let prediction = predict(&whole, &options, Some((&halves[0], &halves[1])), &|_| false).expect("sound");
    assert!(prediction.rank > 10 && prediction.surviving_signal_modes() <= 3, "{}", prediction.rank);
    let advice = &prediction.survival.recommendation;
    assert!(advice.noise_known && advice.safe_below > 0.05 && advice.safe_below < 0.2, "{advice}");
    let counted: usize = advice.decades.iter().map(|decade| decade.dimensions).sum();
    assert_eq!(counted, prediction.support_rank);
}
