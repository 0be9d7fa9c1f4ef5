use super::*;
use crate::testing::{radii, sample_moments};
use crate::{DEFAULT_SUPPORT_THRESHOLD, EquilibriaParams, Moments, Support, find_equilibria};
use faer::Mat;

fn problem(moments: &Moments, decay: f64) -> Problem {
    let support = Support::new(moments, DEFAULT_SUPPORT_THRESHOLD).unwrap();
    Problem::new(moments, support, decay).unwrap()
}

fn real(stratum: &Stratum) -> Vec<Vec<f64>> {
    let proved = |root: &&Root| {
        root.certificate.as_ref().is_some_and(|c| c.reality == crate::polynomial::certificate::Reality::Real)
    };
    stratum.roots.iter().filter(proved).map(|root| root.s.iter().map(|x| x.re).collect()).collect()
}

fn apart(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn a_search_finds_most_real_solutions_of_the_ranks_whose_solutions_are_known() {
    let (mut found, mut known) = (0, 0);
    for (m, seed) in [(3, 0), (3, 1), (3, 2), (4, 0), (4, 1)] {
        let moments = sample_moments(m, seed);
        let all = find_equilibria(&moments, 0.02, &EquilibriaParams::default()).unwrap();
        let problem = problem(&moments, 0.02);
        for rank in 2..=m {
            let truth = real(all.strata.iter().find(|stratum| stratum.rank == rank).unwrap());
            let sought = stratum(&problem, rank);
            assert_eq!(sought.status, StratumStatus::NotClaimed);
            let here = real(&sought);
            eprintln!("m {m} seed {seed} rank {rank}: {} of {} from {}", here.len(), truth.len(), sought.starts);
            // Nothing but solutions, and none twice.
            for (place, s) in here.iter().enumerate() {
                assert!(truth.iter().any(|t| apart(s, t) < 1e-9), "m {m} seed {seed} rank {rank}");
                assert!(here[..place].iter().all(|other| apart(s, other) > 1e-7));
            }
            found += here.len();
            known += truth.len();
        }
    }
    assert!(known > 50 && found * 10 >= known * 9, "{found} of {known}");
}

#[test]
fn beyond_the_fibres_diagonal_views_have_their_largest_and_other_choices_of_radii() {
    let (rho, decay) = ([1.0, 0.8, 1.3, 0.9, 1.1, 0.7], 0.03);
    let tau = [0.9, -0.7, 0.8, 0.75, -0.85, 0.6];
    let diagonal = |entries: &[f64]| Mat::from_fn(6, 6, |i, j| if i == j { entries[i] } else { 0.0 });
    let moments = Moments::new(diagonal(&rho), diagonal(&tau), None).unwrap();
    let set = find_equilibria(&moments, decay, &EquilibriaParams::default()).unwrap();
    for rank in [2, 3, 6] {
        let stratum = set.strata.iter().find(|stratum| stratum.rank == rank).unwrap();
        assert_eq!(stratum.status, StratumStatus::NotClaimed);
        assert!(stratum.roots.iter().all(|root| root.certificate.is_some()), "rank {rank}");
        // All choices of radii of some modes, where they are few enough to be tried: C(6, r) 2^r.
        let choices: usize = [0, 12, 60, 160, 240, 192, 64][rank];
        let on_axes =
            real(stratum).iter().filter(|s| (0..36).all(|at| at / 6 == at % 6 || s[at].abs() < 1e-12)).count();
        eprintln!("rank {rank}: {on_axes} of {choices}, {} in all", stratum.roots.len());
        assert!(on_axes == choices, "rank {rank}: {on_axes} of {choices}");
    }
    let largest = set.equilibria.iter().find(|e| e.maximal).expect("S_max");
    for i in 0..6 {
        let [_, outer] = radii(rho[i], tau[i], decay).unwrap();
        assert!((largest.s[(i, i)].sqrt() - outer).abs() < 1e-12);
    }
}

#[test]
fn above_the_sizes_that_are_searched_there_is_the_largest_and_rank_one() {
    let moments = sample_moments(16, 3);
    let params = EquilibriaParams { ranks: Some(vec![0, 1, 8, 16]), ..EquilibriaParams::default() };
    let set = find_equilibria(&moments, 1e-3, &params).unwrap();
    let full: Vec<_> = set.equilibria.iter().filter(|e| e.rank == 16).collect();
    assert!(full.len() == 1 && full[0].maximal && full[0].certified && full[0].residual < 1e-10);
    assert!(set.equilibria.iter().all(|e| e.rank != 8) && set.equilibria.iter().any(|e| e.rank == 1));
}
