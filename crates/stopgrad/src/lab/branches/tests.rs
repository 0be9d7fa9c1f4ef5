use faer::Mat;
use stopgrad_dynamics::branches::{BranchParams, Family, find_branches, known_equilibria};
use stopgrad_dynamics::{DEFAULT_SUPPORT_THRESHOLD, Moments, Support};

use super::*;
use crate::plot::testing::{assert_balanced, assert_self_contained, assert_well_formed};

/// ρ = 0.8, τ = 0.9: the fold lies at τ²/(4ρ) = 0.253125.
fn diagram(size: usize) -> Diagram {
    let diagonal = |values: [f64; 2]| Mat::from_fn(size, size, |i, j| if i == j { values[i] } else { 0.0 });
    let moments = Moments::unchecked(diagonal([0.8, 0.5]), diagonal([0.9, 0.3]), None);
    let support = Support::new(&moments, DEFAULT_SUPPORT_THRESHOLD).unwrap();
    let family = Family::in_weight_decay(&moments).unwrap();
    let finder = |decay: f64| known_equilibria(&moments, &support, decay, 3).unwrap();
    find_branches(&family, &finder, &BranchParams::between(1e-3, 1.0), &|_| false)
}

fn view(diagram: &Diagram, size: usize) -> View<'_> {
    View {
        diagram,
        cycles: None,
        along: Along::WeightDecay,
        range: [1e-3, 1.0],
        embedding_dim: 3,
        support_rank: size,
        stopped: None,
    }
}

#[test]
fn a_diagram_is_told_in_sentences_with_its_numbers() {
    let diagram = diagram(1);
    let found = view(&diagram, 1).findings();
    assert_eq!(found[0], "Between λ = 0.001 and λ = 1: 2 of rank 1; 1 fold.");
    assert_eq!(found[1], "Full rank ends at λ = 0.253125000, in a fold: beyond it something is lost.");
    assert_eq!(found[2], "At λ = 0.001, of 2 equilibria besides the origin one attracts, of rank 1.");
    assert_eq!(found[3], "At λ = 1 there is the origin alone: complete collapse.");
    assert!(found[4].contains("each time they were those of the branches"), "{}", found[4]);
    let stopped = View { stopped: Some("--time-limit"), ..view(&diagram, 1) };
    assert!(stopped.findings().last().is_some_and(|told| told.starts_with("Stopped by --time-limit")));
    let rows = view(&diagram, 1).branch_rows(9);
    assert_eq!(rows.len(), 3);
    assert!(rows[1][4].ends_with("(fold)") && rows.iter().any(|row| row[6] == "nowhere"), "{rows:?}");
    assert_eq!(view(&diagram, 1).event_rows(9)[0][..4], ["0.2531250000", "fold", "1", "1, 2"]);
}

#[test]
fn a_page_has_the_diagram_and_the_variety() {
    for size in [1, 2] {
        let diagram = diagram(size);
        let page = view(&diagram, size).page();
        let html = page.to_html("stopgrad branches m.npz", &serde_json::json!({"options": {}, "inputs": []}));
        assert_balanced(&html);
        assert_self_contained(&html);
        let ids: Vec<&str> = page.pictures.iter().map(|picture| &picture.id[..]).collect();
        assert_eq!(ids[..3], ["branches", "branches-log", "variety-1"]);
        for picture in &page.pictures {
            assert_well_formed(&picture.svg);
        }
        // The outer sphere of the first input, or the longest row, is the longest there is.
        let radius = 0.5 * (0.9 + (0.81_f64 - 4.0 * 0.8e-3).sqrt()) / 0.8;
        let variety = &page.pictures[2].csv;
        let longest = variety.lines().skip(1).map(|line| line.split(',').nth(4).unwrap().parse::<f64>().unwrap());
        assert!((longest.fold(0.0, f64::max) - radius).abs() < 1e-9, "{size}");
    }
}
