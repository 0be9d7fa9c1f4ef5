use super::chart::Chart;
use super::*;
use crate::maximal::critical_weight_decay;
use crate::random::{stream, uniform};
use crate::testing::{radii, sample_moments};
use crate::{DEFAULT_SUPPORT_THRESHOLD, Moments, Support};

fn go_on(_: usize) -> bool {
    false
}

fn diagonal(values: &[f64]) -> Mat<f64> {
    Mat::from_fn(values.len(), values.len(), |i, j| if i == j { values[i] } else { 0.0 })
}

fn diagonal_family(xs: &[f64], ys: &[f64]) -> Family {
    Family::in_weight_decay(&Moments::unchecked(diagonal(xs), diagonal(ys), None)).expect("X is positive definite")
}

/// docs/theory.md, 3.10: every choice of none, the inner or the outer root in every coordinate.
fn on_the_diagonal(xs: &[f64], ys: &[f64], decay: f64) -> Vec<(usize, Mat<f64>)> {
    let roots: Vec<Vec<f64>> = xs
        .iter()
        .zip(ys)
        .map(|(x, y)| {
            let both = radii(*x, *y, decay);
            std::iter::once(0.0).chain(both.into_iter().flatten().map(|r| r * r)).collect()
        })
        .collect();
    let mut all = vec![Vec::new()];
    for choice in &roots {
        all = all.iter().flat_map(|head: &Vec<f64>| choice.iter().map(|s| [&head[..], &[*s]].concat())).collect();
    }
    let rank = |values: &[f64]| values.iter().filter(|s| **s > 0.0).count();
    all.iter().map(|values| (rank(values), diagonal(values))).collect()
}

fn diagonal_diagram(xs: &[f64], ys: &[f64], range: [f64; 2]) -> Diagram {
    let finder = |decay: f64| Found { equilibria: on_the_diagonal(xs, ys, decay), complete: true };
    let params = BranchParams { seeds: 5, checks: 8, ..BranchParams::between(range[0], range[1]) };
    find_branches(&diagonal_family(xs, ys), &finder, &params, &go_on)
}

#[test]
fn the_equation_has_the_derivatives_it_says() {
    for (family, theta) in [
        (Family::in_weight_decay(&sample_moments(4, 3)).unwrap(), -3.0),
        (Family::mix(&sample_moments(4, 3), &sample_moments(4, 8), 0.05).unwrap(), 0.3),
    ] {
        for rank in 1..=4 {
            // Off the curve and off the centre: every term counts.
            let rows = crate::testing::normal_vector(rank * 4, 5);
            let sigma = Mat::from_fn(4, 4, |i, j| (0..rank).map(|k| rows[4 * k + i] * rows[4 * k + j]).sum::<f64>());
            let chart = Chart::around(&family, &sigma, rank, theta).unwrap();
            let count = chart.unknowns();
            let point: Vec<f64> = crate::testing::normal_vector(count, 6).iter().map(|x| 0.1 * x).collect();
            let here = chart.equation(&family, &point, theta);
            let step = 1e-6;
            for column in 0..=count {
                let at = |sign: f64| {
                    let mut moved = point.clone();
                    let mut parameter = theta;
                    match moved.get_mut(column) {
                        Some(x) => *x += sign * step,
                        None => parameter += sign * step / family.weight(),
                    }
                    chart.equation(&family, &moved, parameter).value
                };
                let (above, below) = (at(1.0), at(-1.0));
                for i in 0..count {
                    let difference = (above[(i, 0)] - below[(i, 0)]) / (2.0 * step);
                    let exact = here.jacobian[(i, column)];
                    assert!((difference - exact).abs() < 1e-7 * (1.0 + exact.abs()), "{rank} {i} {column}");
                }
            }
        }
    }
}

#[test]
fn one_mode_has_its_fold_and_its_spheres_where_the_theory_says() {
    let (rho, tau) = (0.8, -0.9);
    let diagram = diagonal_diagram(&[rho], &[tau], [1e-4, 1.0]);
    let critical = tau * tau / (4.0 * rho);
    assert_eq!((diagram.branches.len(), diagram.events.len()), (3, 1));
    let fold = &diagram.events[0];
    assert!((fold.parameter - critical).abs() < 1e-13 && fold.uncertainty < 1e-13, "{fold:?}");
    assert_eq!((fold.kind, &fold.branches[..]), (EventKind::Fold, &[1, 2][..]));
    assert!(diagram.is_established(), "{:?}", diagram.checks);
    for branch in &diagram.branches[1..] {
        assert_eq!((branch.born.kind, branch.dies.kind, branch.dies.event), (EndKind::Range, EndKind::Fold, Some(0)));
        assert!(branch.points.is_sorted_by(|a, b| a.parameter < b.parameter));
        let [inner, outer] = radii(rho, tau, 1e-3).unwrap();
        let is_outer = branch.points[0].s_norm > 0.5 * (inner * inner + outer * outer);
        for point in &branch.points[..branch.points.len() - 1] {
            let radius = radii(rho, tau, point.parameter).unwrap()[usize::from(is_outer)];
            let near = (1.0 - point.parameter / critical).sqrt();
            assert!((point.s_norm - radius * radius).abs() < 1e-14 / near, "{point:?}");
            assert_eq!(point.stability, if is_outer { Stability::Attracting } else { Stability::Saddle });
            assert_eq!(point.unstable_dimensions, usize::from(!is_outer));
        }
    }
}

#[test]
fn modes_apart_have_a_fold_for_every_choice_of_the_others() {
    let (xs, ys) = ([1.0, 0.8], [0.9, -0.7]);
    let diagram = diagonal_diagram(&xs, &ys, [1e-3, 1.0]);
    let critical: Vec<f64> = xs.iter().zip(&ys).map(|(x, y)| y * y / (4.0 * x)).collect();
    let of = |rank: usize, place: usize| {
        let near = |event: &&Event| event.rank == rank && (event.parameter - critical[place]).abs() < 1e-13;
        diagram.events.iter().filter(near).count()
    };
    assert_eq!([of(1, 0), of(1, 1), of(2, 1), of(2, 0)], [1, 1, 2, 0]);
    assert_eq!((diagram.events.len(), diagram.branches.len()), (4, 9));
    assert!(diagram.is_established(), "{:?}", diagram.checks);
}

#[test]
fn modes_with_one_predictor_weight_cross_where_they_share_it() {
    // b² − τ_i b/ρ_i + λ/ρ_i = 0 for both: b = (ρ₁ − ρ₂)⁻¹(τ₁ − τ₂), λ = b(τ₁ − bρ₁).
    let (xs, ys) = ([1.2, 0.5], [0.9, 0.55]);
    let shared = (ys[0] - ys[1]) / (xs[0] - xs[1]);
    let decay = shared * (ys[0] - shared * xs[0]);
    let diagram = diagonal_diagram(&xs, &ys, [1e-3, 1.0]);
    let crossings: Vec<&Event> = diagram.events.iter().filter(|event| event.kind == EventKind::Branch).collect();
    assert!(crossings.len() >= 2, "{:?}", diagram.events);
    for event in crossings.iter().filter(|event| event.rank == 1) {
        assert!((event.parameter - decay).abs() < 1e-10 * decay, "{event:?} {decay}");
        assert!(event.uncertainty < 1e-9);
    }
}

#[test]
fn the_branch_of_the_largest_equilibrium_ends_in_the_critical_decay_of_predict() {
    for (size, seed) in [(2, 21), (3, 21), (4, 5), (5, 2)] {
        let moments = sample_moments(size, seed);
        let support = Support::new(&moments, DEFAULT_SUPPORT_THRESHOLD).unwrap();
        let critical = critical_weight_decay(&support, &crate::maximal::CriticalParams::default(), &|_| false).unwrap();
        let family = Family::in_weight_decay(&moments).unwrap();
        let params = BranchParams { seeds: 3, rounds: 0, ..BranchParams::between(1e-3, 1.0) };
        let diagram =
            find_branches(&family, &|decay| known_equilibria(&moments, &support, decay, 9).unwrap(), &params, &go_on);
        let attracting = |branch: &&Branch| branch.rank == size && branch.points[0].stability == Stability::Attracting;
        let ends: Vec<Option<usize>> =
            diagram.branches.iter().filter(attracting).map(|branch| branch.dies.event).collect();
        assert_eq!(ends.len(), 1, "one full-rank orbit attracts");
        let last = &diagram.events[ends[0].expect("it ends in a fold")];
        assert!((last.parameter - critical.fold.value).abs() < 1e-6 * last.parameter, "{last:?} {critical:?}");
        assert!(critical.fold.lower <= last.parameter * (1.0 + 1e-12) && last.parameter < critical.fold.upper);
        let later = |event: &&Event| event.rank == size && event.parameter > last.parameter * (1.0 + 1e-9);
        assert_eq!(diagram.events.iter().filter(later).count(), 0, "it is the last fold");
    }
}

#[test]
fn equilibria_stay_below_the_bound_and_off_the_lower_strata() {
    // |S| ≤ |M|² for every λ, whatever the rank (module docs).
    let moments = sample_moments(3, 21);
    let support = Support::new(&moments, DEFAULT_SUPPORT_THRESHOLD).unwrap();
    let mut inverse = Mat::<f64>::identity(3, 3);
    crate::linalg::solve_general(moments.xx.as_ref(), inverse.as_mut());
    let bound = crate::linalg::singular_values((&moments.yx * &inverse).as_ref()).unwrap()[0].powi(2);
    let family = Family::in_weight_decay(&moments).unwrap();
    let diagram = find_branches(
        &family,
        &|decay| known_equilibria(&moments, &support, decay, 9).unwrap(),
        &BranchParams::between(1e-4, 1.0),
        &go_on,
    );
    for point in diagram.branches.iter().flat_map(|branch| &branch.points) {
        let size = crate::linalg::symmetric_eigen(point.s.as_ref()).unwrap().values[0];
        assert!(size <= bound * (1.0 + 1e-12), "{size} {bound}");
    }
    assert!(diagram.branches.iter().all(|branch| branch.dies.kind != EndKind::Lost));
}

#[test]
fn an_equilibrium_escapes_where_x_becomes_singular() {
    // ρ = 1 − t falls to 0 while τ stays: r₂ = (τ + √(τ² − 4ρλ))/2ρ grows beyond every bound.
    let one = |x: f64, y: f64| Moments::unchecked(diagonal(&[x]), diagonal(&[y]), None);
    let family = Family::mix(&one(1.0, 0.9), &one(1e-9, 0.9), 0.01).unwrap();
    let finder = |t: f64| {
        let rho = 1.0 - t + 1e-9 * t;
        let one = |r: f64| (1, diagonal(&[r * r]));
        // Near the end the finder knows only what is small.
        let roots = radii(rho, 0.9, 0.01).unwrap();
        Found { equilibria: roots.into_iter().filter(|r| *r < 1e2).map(one).collect(), complete: false }
    };
    let diagram = find_branches(&family, &finder, &BranchParams::between(0.0, 1.0), &go_on);
    let escapes: Vec<&Event> = diagram.events.iter().filter(|event| event.kind == EventKind::Escape).collect();
    assert_eq!(escapes.len(), 1, "{:?}", diagram.events);
    assert!(1.0 - escapes[0].parameter < 1e-3 && diagram.branches[escapes[0].branches[0]].dies.kind == EndKind::Escape);
}

#[test]
fn a_pair_crosses_the_axis_where_hopf_points_are() {
    // Views that are not exchangeable: the rank-one equilibria of the quadratic eigenvalue problem.
    let mut seen = 0;
    for seed in [21, 22] {
        let moments = sample_moments(4, seed);
        let support = Support::new(&moments, DEFAULT_SUPPORT_THRESHOLD).unwrap();
        let finder = |decay: f64| known_equilibria(&moments, &support, decay, 1).unwrap();
        let family = Family::in_weight_decay(&moments).unwrap();
        let params = BranchParams { seeds: 5, ..BranchParams::between(1e-2, 1.0) };
        let diagram = find_branches(&family, &finder, &params, &go_on);
        for event in diagram.events.iter().filter(|event| event.kind == EventKind::Hopf) {
            let theta = family.followed(event.parameter);
            let spectrum = family.spectrum((Field::StopGradient, 1.0), &family.inward(&event.s), 1, theta).unwrap();
            let frequency = event.frequency.expect("a Hopf point has one");
            let on_axis = spectrum
                .transversal_eigenvalues
                .iter()
                .filter(|[re, im]| re.abs() < 1e-12 && (im.abs() - frequency).abs() < 1e-12);
            assert_eq!(on_axis.count(), 2, "{event:?} {spectrum:?}");
            assert!(event.uncertainty < 1e-11, "{event:?}");
            seen += 1;
        }
    }
    assert!(seen > 0);
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let (mut rng, size) = (stream(4, 3), 3);
    let xs: Vec<f64> = (0..size).map(|_| 0.2 + uniform(&mut rng)).collect();
    let ys: Vec<f64> = xs.iter().map(|x| x * (2.0 * uniform(&mut rng) - 1.0)).collect();
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| diagonal_diagram(&xs, &ys, [1e-2, 1.0]))
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn steps_leave_an_equilibrium_where_the_largest_stable_rate_says() {
    let (xs, ys, decay) = ([1.0, 0.8], [0.9, -0.7], 0.05);
    let family = diagonal_family(&xs, &ys);
    let equilibria = on_the_diagonal(&xs, &ys, decay);
    let rate = Rate::Learning { field: Field::StopGradient, momentum: None, ema_rate: 1.0 };
    let diagram = vary_rate(&family, &equilibria, (decay, 3), rate, [0.01, 5.0]).unwrap();
    let spectrum_of = |rank: usize, s: &Mat<f64>| {
        family.spectrum((Field::StopGradient, 1.0), &family.inward(s), rank, decay.ln()).unwrap()
    };
    let mut seen = 0;
    for (branch, (rank, s)) in diagram.branches.iter().zip(&equilibria).filter(|(_, (rank, _))| *rank == 2) {
        let spectrum = spectrum_of(*rank, s);
        let stable = branch.points[0].stability == Stability::Attracting;
        assert_eq!(stable, spectrum.stability == Stability::Attracting);
        if stable {
            let limit = crate::stability::heavy_ball_limit(&spectrum.transversal_eigenvalues, 0.0).unwrap();
            let first = diagram.events.iter().find(|event| event.branches == [branch.id]).expect("it is left");
            // The spare directions of the third dimension bear longer steps here.
            assert!((first.parameter - limit).abs() < 1e-10 * limit, "{first:?} {limit}");
            seen += 1;
        }
    }
    assert_eq!(seen, 1);
}

#[test]
fn a_fast_teacher_is_stop_gradient() {
    let (xs, ys, decay) = ([1.0, 0.8], [0.9, -0.7], 0.05);
    let (family, equilibria) = (diagonal_family(&xs, &ys), on_the_diagonal(&xs, &ys, decay));
    let equilibria: Vec<_> = equilibria.into_iter().filter(|(rank, _)| *rank > 0).collect();
    let diagram = vary_rate(&family, &equilibria, (decay, 3), Rate::Teacher, [1e-2, 1e4]).unwrap();
    for (branch, (rank, s)) in diagram.branches.iter().zip(&equilibria) {
        let spectrum = family.spectrum((Field::StopGradient, 1.0), &family.inward(s), *rank, decay.ln()).unwrap();
        let last = branch.points.last().expect("97 points");
        assert_eq!((last.unstable_dimensions, last.stability), (spectrum.unstable_dimensions, spectrum.stability));
        assert!((last.leading_rate - spectrum.leading_rate).abs() < 1e-3);
    }
}
