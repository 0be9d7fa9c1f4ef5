use faer::Mat;

use super::*;
use crate::Stability;
use crate::testing::{radii, sample_moments};

fn diagonal(entries: &[f64]) -> Mat<f64> {
    Mat::from_fn(entries.len(), entries.len(), |i, j| if i == j { entries[i] } else { 0.0 })
}

fn find(moments: &Moments, decay: f64) -> EquilibriumSet {
    find_equilibria(moments, decay, &EquilibriaParams::default()).unwrap()
}

fn stratum(set: &EquilibriumSet, rank: usize) -> &Stratum {
    set.strata.iter().find(|stratum| stratum.rank == rank).unwrap()
}

#[test]
fn one_input_has_the_origin_and_two_spheres_where_the_discriminant_is_positive() {
    for (rho, tau, decay) in [(1.0, 0.8, 0.05), (2.5, -0.9, 0.02), (0.3, 0.5, 0.1), (1.0, 0.2, 0.05)] {
        let moments = Moments::new(diagonal(&[rho]), diagonal(&[tau]), None).unwrap();
        let set = find(&moments, decay);
        assert_eq!(stratum(&set, 1).status, StratumStatus::Complete, "{rho} {tau} {decay} {:?}", stratum(&set, 1));
        let sizes: Vec<f64> = set.equilibria[1..].iter().map(|e| e.s[(0, 0)]).collect();
        let Some([inner, outer]) = radii(rho, tau, decay) else {
            assert!(sizes.is_empty());
            continue;
        };
        assert_eq!(sizes.len(), 2);
        for (found, radius) in sizes.iter().zip([outer, inner]) {
            assert!((found.sqrt() - radius).abs() < 1e-12 * radius, "{found} {radius}");
        }
        let stabilities: Vec<Stability> = set.equilibria.iter().map(|e| e.spectrum.stability).collect();
        assert_eq!(stabilities, [Stability::Attracting, Stability::Attracting, Stability::Saddle]);
        assert!(set.equilibria.iter().all(|e| e.certified));
    }
}

#[test]
fn diagonal_views_have_every_choice_of_radii() {
    // 3.10: of full rank the real ones are the 8 choices, m = 3.
    let (rho, tau, decay) = ([1.0, 0.8, 1.3], [0.9, -0.7, 0.8], 0.05);
    let set = find(&Moments::new(diagonal(&rho), diagonal(&tau), None).unwrap(), decay);
    assert_eq!((stratum(&set, 3).roots.len(), stratum(&set, 3).status), (24, StratumStatus::Complete));
    for choice in 0..8 {
        let expected: Vec<f64> =
            (0..3).map(|i| radii(rho[i], tau[i], decay).unwrap()[choice >> i & 1].powi(2)).collect();
        let hit = set.equilibria.iter().filter(|e| e.rank == 3).any(|e| {
            (0..9).all(|at| {
                let (i, j) = (at / 3, at % 3);
                let wanted = if i == j { expected[i] } else { 0.0 };
                (e.s[(i, j)] - wanted).abs() < 1e-12
            })
        });
        assert!(hit, "{expected:?}");
    }
}

#[test]
fn every_stratum_of_a_generic_instance_has_its_count_and_one_maximal_equilibrium_attracts() {
    // 3.8: 4 + 6 for m = 2, 6 + 30 + 24 for m = 3, of ranks one and up.
    for (m, counts) in [(2, &[4, 6][..]), (3, &[6, 30, 24])] {
        for seed in 0..3 {
            let set = find(&sample_moments(m, seed), 0.02);
            for (rank, &count) in counts.iter().enumerate() {
                let found = stratum(&set, rank + 1);
                let told = format!("m {m} seed {seed} rank {} {:?}", rank + 1, found.counts);
                assert_eq!((found.roots.len(), found.status), (count, StratumStatus::Complete), "{told}");
            }
            for e in &set.equilibria {
                assert!(e.certified && e.residual < 1e-11, "m {m} seed {seed} {e:?}");
            }
            let maximal: Vec<&Equilibrium> = set.equilibria.iter().filter(|e| e.maximal).collect();
            let full = set.equilibria.iter().filter(|e| e.rank == m);
            assert_eq!(maximal.len(), usize::from(full.clone().count() > 0));
            for e in full {
                assert_eq!(e.spectrum.stability == Stability::Attracting, e.maximal);
            }
        }
    }
}

#[test]
fn what_the_maximal_solver_finds_is_the_largest_of_all() {
    let moments = sample_moments(3, 3);
    let support = Support::new(&moments, DEFAULT_SUPPORT_THRESHOLD).unwrap();
    let params = crate::maximal::MaximalParams::default();
    let crate::maximal::Maximal::Found(found) = crate::maximal::solve_maximal(&support, 0.02, &params, &|_| false)
    else {
        panic!("this instance has one");
    };
    let set = find(&moments, 0.02);
    let s = &set.equilibria.iter().find(|e| e.maximal).expect("one of full rank").s;
    let turned = crate::linalg::product(support.directions.as_ref(), found.s.as_ref());
    let other = crate::linalg::product(turned.as_ref(), support.directions.transpose());
    assert!((0..9).all(|at| (s[(at / 3, at % 3)] - other[(at / 3, at % 3)]).abs() < 1e-9));
}

#[test]
fn two_solutions_that_are_about_to_meet_are_both_proved_and_just_behind_the_fold_neither_is_real() {
    // m = 1: λ* = τ²/(4ρ); m = 2, 3 with views that do not couple: the first mode is the one at its fold.
    let (rho, tau) = ([1.0, 0.8, 1.3], [0.8, -0.9, 1.1]);
    let fold = tau[0] * tau[0] / (4.0 * rho[0]);
    for m in 1..=3 {
        let moments = Moments::new(diagonal(&rho[..m]), diagonal(&tau[..m]), None).unwrap();
        for (decay, real) in [(fold * (1.0 - 1e-8), 1 << m), (fold * (1.0 + 1e-8), 0)] {
            let set = find(&moments, decay);
            let full = stratum(&set, m);
            assert_eq!(full.status, StratumStatus::Complete, "m {m}, {decay}: {full:?}");
            assert_eq!(set.equilibria.iter().filter(|e| e.rank == m && e.certified).count(), real, "m {m}, {decay}");
        }
    }
}

#[test]
fn a_multiple_of_the_identity_keeps_the_count_of_full_rank() {
    for m in [2, 3, 4] {
        let yx = sample_moments(m, 7).yx;
        let moments = Moments::unchecked(Mat::from_fn(m, m, |i, j| if i == j { 2.0 } else { 0.0 }), yx, None);
        let params = EquilibriaParams { ranks: Some(vec![1, m]), ..EquilibriaParams::default() };
        let set = find_equilibria(&moments, 0.02, &params).unwrap();
        let count = [6, 24, 124][m - 2];
        assert_eq!((stratum(&set, m).roots.len(), stratum(&set, m).status), (count, StratumStatus::Complete));
        assert_eq!(stratum(&set, 1).status, StratumStatus::Complete);
    }
}

#[test]
fn the_strata_of_four_dimensions_have_their_counts() {
    let set = find(&sample_moments(4, 1), 0.02);
    let counts: Vec<(usize, usize)> = set.strata.iter().map(|s| (s.rank, s.roots.len())).collect();
    assert_eq!(counts, [(0, 0), (1, 8), (2, 84), (3, 288), (4, 124)]);
    assert!(set.strata.iter().all(|stratum| stratum.status == StratumStatus::Complete), "{:?}", set.strata);
}

#[test]
fn special_targets_have_a_named_answer() {
    // X and Y alike in two directions: whatever is not alike in them can be turned.
    let turned = find(&Moments::new(diagonal(&[1.0, 1.0, 2.0]), diagonal(&[0.8, 0.8, 1.0]), None).unwrap(), 0.05);
    for rank in 1..=3 {
        assert_eq!(stratum(&turned, rank).status, StratumStatus::Continuum, "rank {rank}");
    }
    assert!(turned.equilibria.iter().any(|e| e.maximal && e.certified));

    let identity = Mat::<f64>::identity(3, 3);
    let zero = find(&Moments::new(identity.clone(), Mat::zeros(3, 3), None).unwrap(), 0.1);
    assert_eq!(stratum(&zero, 3).status, StratumStatus::None);
    assert_eq!(zero.equilibria.len(), 1);
    let without = find(&sample_moments(3, 1), 0.0);
    assert_eq!(stratum(&without, 3).status, StratumStatus::Continuum);
    let refused = find_equilibria(&sample_moments(3, 1), -0.1, &EquilibriaParams::default());
    assert_eq!(refused.err(), Some(EquilibriaError::WeightDecay { found: -0.1 }));
}

#[test]
fn what_a_special_instance_lacks_is_accounted_for() {
    // Y = 0.7 X: every solution is diagonal where X is, two radii a mode, and all others are at infinity.
    let rho = [1.0, 2.0, 3.0];
    let decay = 0.02;
    let set = find(&Moments::new(diagonal(&rho), diagonal(&rho.map(|r| 0.7 * r)), None).unwrap(), decay);
    for (rank, finite, infinite) in [(2, 12, 18), (3, 8, 16)] {
        let found = stratum(&set, rank);
        let counts = (found.roots.len(), found.counts.at_infinity, found.counts.singular);
        assert_eq!((found.status, counts), (StratumStatus::Accounted, (finite, infinite, 0)), "rank {rank}");
    }
    // λ at the fold of the first mode: solutions with it meet in pairs.
    let set = find(&Moments::new(diagonal(&rho), diagonal(&[0.8, 1.0, 2.0]), None).unwrap(), 0.16);
    for (rank, finite, meeting) in [(2, 22, 8), (3, 12, 12)] {
        let found = stratum(&set, rank);
        let counts = (found.roots.len(), found.counts.at_infinity, found.counts.singular);
        assert_eq!((found.status, counts), (StratumStatus::Accounted, (finite, 0, meeting)), "rank {rank}");
    }
}

#[test]
fn a_cross_moment_of_low_rank_has_nothing_above_it() {
    // Y = 0: b² = −λ/ρ and S = −λ/ρ vvᵀ solve the equations of rank one, but are no AᵀA.
    let rho = [1.0, 0.8, 1.3];
    for (tau, empty) in [([0.0; 3], 1..=3), ([0.9, 0.0, 0.0], 2..=3)] {
        let set = find(&Moments::new(diagonal(&rho), diagonal(&tau), None).unwrap(), 0.05);
        for rank in empty {
            assert_eq!(stratum(&set, rank).status, StratumStatus::None, "{tau:?}, rank {rank}");
            assert!(set.equilibria.iter().all(|e| e.rank < rank));
        }
    }
    // A quarter turn: b is imaginary, S negative.
    let turn = Mat::from_fn(2, 2, |i, j| [[0.0, 0.9], [-0.9, 0.0]][i][j]);
    let set = find(&Moments::new(diagonal(&[1.0, 0.8]), turn, None).unwrap(), 0.05);
    assert!(set.equilibria.iter().all(|e| (0..2).all(|i| e.s[(i, i)] >= 0.0)), "{:?}", set.equilibria);
}
