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
fn special_targets_have_a_named_answer() {
    let identity = Mat::<f64>::identity(3, 3);
    let zero = find(&Moments::new(identity.clone(), Mat::zeros(3, 3), None).unwrap(), 0.1);
    assert_eq!(stratum(&zero, 3).status, StratumStatus::None);
    assert_eq!(zero.equilibria.len(), 1);
    let without = find(&sample_moments(3, 1), 0.0);
    assert_eq!(stratum(&without, 3).status, StratumStatus::Continuum);
    let refused = find_equilibria(&sample_moments(3, 1), -0.1, &EquilibriaParams::default());
    assert_eq!(refused.err(), Some(EquilibriaError::WeightDecay { found: -0.1 }));
}
