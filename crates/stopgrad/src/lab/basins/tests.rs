use stopgrad_dynamics::basins::Basin;
use stopgrad_dynamics::statistics::wilson95;

use super::*;

fn shares(field: Field, width: usize, scale: f64, outer: u64) -> Shares {
    let basin = |label: &str, count| Basin { label: label.into(), count, fraction: wilson95(count, 1000) };
    let outcomes = vec![basin("outer", outer), basin("origin", 1000 - outer)];
    Shares { field, trials: 1000, embedding_dim: width, init_scale: scale, ema_rate: 0.02, outcomes, scalar: true }
}

#[test]
fn intervals_are_rounded_outwards() {
    assert_eq!(interval(&Interval { estimate: 0.5, low: 0.4999, high: 0.5001 }), "49.9–50.1");
    assert_eq!(interval(&wilson95(0, 10_000)), "0.0–0.1");
    assert_eq!(interval(&wilson95(10_000, 10_000)), "99.9–100.0");
}

#[test]
fn the_closest_setting_is_that_of_the_least_worse_miss() {
    let grid = vec![
        shares(Field::StopGradient, 1, 1.0, 820),
        shares(Field::Ema, 1, 1.0, 700),
        shares(Field::StopGradient, 2, 0.7, 830),
        shares(Field::Ema, 2, 0.7, 920),
    ];
    let view = View { shares: grid, most: None, start: "normal", grid: true };
    let found = view.closest().expect("there are pairs");
    assert!(found.contains("n = 2, scale 0.7 and γ = 0.02") && found.contains("83.0\u{a0}%"), "{found}");
    assert_eq!(view.rows().len(), 2);
    assert!(view.rows().iter().all(|row| row.len() == view.header().len()));
}

#[test]
fn ranks_stand_in_their_order_with_those_that_nothing_came_to() {
    let basin = |label: &str, count| Basin { label: label.into(), count, fraction: wilson95(count, 10) };
    let outcomes = vec![basin("rank-4", 5), basin("cycle", 3), basin("rank-2", 2)];
    let shares = Shares { outcomes, trials: 10, scalar: false, ..shares(Field::StopGradient, 4, 1.0, 0) };
    let order: Vec<(String, u64)> = shares.in_order().into_iter().map(|basin| (basin.label, basin.count)).collect();
    let expected = [("rank-2", 2), ("rank-3", 0), ("rank-4", 5), ("cycle", 3)];
    assert_eq!(order, expected.map(|(label, count)| (label.to_owned(), count)));
    assert_eq!(place("rank-4", Some(4)), "at rank 4 (the greatest) in");
    assert_eq!(shares.published("outer"), None);
}
