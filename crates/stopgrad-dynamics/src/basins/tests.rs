use super::*;
use crate::Field;
use crate::ensemble::tests::{linear_field, moments};

fn params(trials: usize) -> BasinParams {
    BasinParams { trials, ..BasinParams::default() }
}

#[test]
fn gaussian_starts_end_at_equilibria_of_named_ranks_with_small_residuals() {
    for kind in [Field::StopGradient, Field::Ema] {
        let field = linear_field(kind, 3, moments(3, 4, true), 0.03);
        let found = find_basins(&field, &[], &params(60));
        assert_eq!(found.ends.len(), 60);
        for end in &found.ends {
            let Outcome::Equilibrium { rank, listed: None } = end.outcome else { panic!("{kind}: {:?}", end.outcome) };
            assert!(end.residual.is_some_and(|residual| residual < 1e-9));
            // Balanced: |B| = |A| at every equilibrium.
            let (a, b) = (&end.state[..9], &end.state[9..18]);
            let sizes = (crate::statistics::squared_norm(a), crate::statistics::squared_norm(b));
            assert!((sizes.0 - sizes.1).abs() < 1e-8 * (1.0 + sizes.0), "{sizes:?}");
            assert!(rank <= 3 && (rank > 0 || sizes.0 < 1e-12));
        }
        let total: u64 = found.basins.iter().map(|basin| basin.count).sum();
        assert_eq!(total, 60);
        assert!(found.basins.windows(2).all(|pair| pair[0].count >= pair[1].count));
    }
}

#[test]
fn ends_near_a_listed_equilibrium_carry_its_place() {
    let field = linear_field(Field::StopGradient, 3, moments(2, 4, true), 0.003);
    let large = BasinParams { start: Start::Identity { scale: 5.0 }, ..params(1) };
    let end = find_basins(&field, &[], &large).ends.remove(0);
    assert!(matches!(end.outcome, Outcome::Equilibrium { rank: 2, .. }), "{:?}", end.outcome);
    let a = Mat::from_fn(3, 2, |i, j| end.state[i * 2 + j]);
    let listed = [Mat::zeros(2, 2), a.transpose() * &a];
    let named = find_basins(&field, &listed, &large);
    assert_eq!(named.basins[0].label, "equilibrium-1");
    // S of the maximal equilibrium solves the full-rank equation S = (YᵀSY)-form: checked by its own residual.
    assert!(named.ends[0].residual.is_some_and(|residual| residual < 1e-12));
}

#[test]
fn joint_ends_at_the_origin_and_rotating_signals_on_cycles() {
    let joint = linear_field(Field::Joint, 3, moments(2, 4, true), 0.1);
    let found = find_basins(&joint, &[], &params(20));
    assert_eq!((found.basins.len(), found.basins[0].label.as_str()), (1, "rank-0"));
    let (sin, cos) = 0.9f64.sin_cos();
    let turned = crate::Moments {
        xx: Mat::identity(2, 2),
        yx: Mat::from_fn(2, 2, |i, j| 0.95 * [[cos, -sin], [sin, cos]][i][j]),
        ..moments(2, 1, true)
    };
    let field = linear_field(Field::StopGradient, 1, turned, 0.05);
    let short = crate::ensemble::EnsembleParams { end_time: 100.0, first_visit: 10.0, ..Default::default() };
    let found = find_basins(&field, &[], &BasinParams { ensemble: short, ..params(12) });
    assert!(found.basins.iter().any(|basin| basin.label == "cycle"), "{:?}", found.basins);
    assert!(found.basins.iter().all(|basin| basin.label == "cycle" || basin.label == "rank-0"), "{:?}", found.basins);
}

#[test]
fn basins_are_the_same_for_any_number_of_threads() {
    let field = linear_field(Field::StopGradient, 3, moments(2, 4, false), 0.03);
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| find_basins(&field, &[], &params(30)))
    };
    assert_eq!(on(1), on(3));
}
