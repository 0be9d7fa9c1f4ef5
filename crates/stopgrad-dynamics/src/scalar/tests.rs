use super::*;

fn share(kind: Field, trials: usize, label: &str) -> f64 {
    let (basins, outcomes) = run_scalar(&ScalarParams { trials, ..ScalarParams::new(kind) });
    assert_eq!(outcomes.len(), trials);
    basins.iter().find(|basin| basin.label == label).map_or(0.0, |basin| basin.fraction.estimate)
}

#[test]
fn scalar_trials_end_on_the_outer_sphere_or_at_the_origin() {
    for kind in [Field::StopGradient, Field::Ema] {
        let (basins, _) = run_scalar(&ScalarParams { trials: 400, ..ScalarParams::new(kind) });
        println!("{kind}: {basins:?}");
        assert!(basins.iter().all(|basin| basin.label == "outer" || basin.label == "origin"), "{basins:?}");
    }
    assert!((share(Field::Joint, 300, "origin") - 1.0).abs() < 1e-12);
}
