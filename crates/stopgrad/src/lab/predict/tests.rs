//! The sentences are true of what was predicted, and the pictures hold its numbers.

use faer::Mat;
use stopgrad_dynamics::partial::Attempt;
use stopgrad_dynamics::{Moments, PredictOptions, predict};

use super::*;
use crate::plot::Picture;
use crate::plot::testing::assert_well_formed;

fn diagonal(values: &[f64]) -> Mat<f64> {
    Mat::from_fn(values.len(), values.len(), |i, j| if i == j { values[i] } else { 0.0 })
}

/// X = I and Y = diag(τ): mode k dies at τ_k²/4.
fn moments(cross: &[f64]) -> Moments {
    Moments::new(diagonal(&vec![1.0; cross.len()]), diagonal(cross), None).expect("moments")
}

const CROSS: [f64; 3] = [0.8, 0.5, 0.1];

fn predicted(weight_decay: f64, width: Option<usize>, halves: Option<(&Moments, &Moments)>) -> Prediction {
    let options = PredictOptions { embedding_dim: width, ..PredictOptions::new(weight_decay) };
    predict(&moments(&CROSS), &options, halves, &|_| false).expect("a prediction")
}

fn said(prediction: &Prediction, weight_decay: f64) -> String {
    View { prediction, weight_decay }.findings().join(" ")
}

#[test]
fn the_sentences_tell_what_survives_and_what_to_choose() {
    let said = said(&predicted(0.03, None, None), 0.03);
    for words in [
        "At λ = 0.03 stop-gradient and EMA can keep 2 of 3 dimensions",
        "2 modes outlive this λ; the moments hold no halves",
        // τ² / 4 = 0.16, 0.0625, 0.0025.
        "To keep them all: a weight decay between 0 and 0.00250. There none of the 3 modes that live at any λ dies",
        "1 between 10⁻³ and 10⁻², 1 between 10⁻² and 10⁻¹ and 1 between 10⁻¹ and 10⁰.",
        "Full rank (all 3 dimensions) has no equilibrium at this λ",
        "λ_crit = 0.002500000",
        "S = AᵀA has 2 eigenvalues",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn collapse_full_rank_and_a_narrow_embedding_have_their_words() {
    let all = said(&predicted(0.001, None, None), 0.001);
    assert!(all.contains("can keep 3 of 3") && all.contains("has an equilibrium at this λ"), "{all}");
    let none = said(&predicted(0.2, None, None), 0.2);
    assert!(none.contains("no mode survives") && !none.contains("At the equilibrium of rank"), "{none}");
    let narrow = said(&predicted(0.001, Some(1), None), 0.001);
    assert!(narrow.contains("can keep 1 of 3") && narrow.contains("An embedding of 1 can keep no more"), "{narrow}");
}

#[test]
fn work_left_undone_is_told() {
    let mut found = predicted(0.03, None, None);
    let attempt = *found.attempts.first().expect("a start");
    assert!(!said(&found, 0.03).contains("given up"));
    found.attempts.extend([5, 3, 1].map(|rank| Attempt { rank, given_up: true, ..attempt }));
    assert!(said(&found, 0.03).contains("came to ranks between 3 and 5 were given up"));
    assert!(!said(&found, 0.03).contains("by the rule for each mode alone"));
    found.rank = 1;
    assert!(said(&found, 0.03).contains("larger ranks were left open; the equilibrium found keeps 1."));
    found.rank = 2;
    found.stopped = true;
    assert!(said(&found, 0.03).contains("can keep 2 of 3 dimensions, perhaps more: the search was ended"));
}

#[test]
fn the_recommended_end_is_never_rounded_up() {
    for value in [0.16, 0.159_99, 2.173_468e-8, 9.999_9e-3, 1.0] {
        let shown = rounded_down(value);
        assert!(shown <= value * (1.0 + 1e-6) && shown > 0.99 * value, "{value} {shown}");
    }
}

#[test]
fn noise_has_its_sentence_pictures_and_groups() {
    let one = moments(&[0.81, 0.49, 0.03]);
    let other = moments(&[0.79, 0.51, -0.03]);
    let found = predicted(0.001, None, Some((&one, &other)));
    let view = View { prediction: &found, weight_decay: 0.001 };
    let sigmas: Vec<f64> = found.survival.modes.iter().map(|mode| mode.noise_sigma.expect("halves")).collect();
    let pictures = view.pictures();
    let ids: Vec<&str> = pictures.iter().map(|picture| picture.id.as_str()).collect();
    assert_eq!(ids, ["modes", "spectrum", "noise", "death-noise"]);
    for picture in &pictures {
        assert_well_formed(&picture.svg);
        assert!(!picture.svg.contains("NaN"));
    }
    let mut written: Vec<[f64; 2]> = rows(&pictures[2])
        .iter()
        .filter(|row| !row[1].is_empty())
        .map(|row| [1, 2].map(|place| row[place].parse().expect("a number")))
        .collect();
    written.sort_by(|a, b| a[0].total_cmp(&b[0]));
    for (mode, sigma) in sigmas.iter().enumerate() {
        assert_eq!(written[mode].map(f64::to_bits), [mode as f64, *sigma].map(f64::to_bits));
    }
    let above = found.survival.recommendation.signal_modes;
    assert!(view.findings()[1].contains("above the noise") && view.findings()[1].contains(&above.to_string()));
}

#[test]
fn without_halves_and_without_rank_there_is_less_to_draw() {
    let ids = |decay: f64| {
        let found = predicted(decay, None, None);
        let pictures = View { prediction: &found, weight_decay: decay }.pictures();
        pictures.into_iter().map(|picture| picture.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(0.03), ["modes", "spectrum"]);
    assert_eq!(ids(0.2), ["modes"]);
}

#[test]
fn tables_hold_every_mode_and_decade() {
    let found = predicted(0.03, None, None);
    let view = View { prediction: &found, weight_decay: 0.03 };
    let tables = view.tables();
    let titles: Vec<&str> = tables.iter().map(|table| table.title.as_str()).collect();
    assert_eq!(titles, ["The equilibrium", "Modes", "What each decade of weight decay kills"]);
    assert_eq!(tables[1].rows[1], ["1", "0.0625", "exact", "—", "yes"]);
    assert_eq!(tables[1].rows[2][4], "no");
    assert_eq!(tables[2].rows[0], ["10⁻³", "10⁻²", "1", "—"]);
    assert!(tables.iter().all(|table| table.rows.iter().all(|row| row.len() == table.columns.len())));
    assert_eq!(view.rows(1).len(), 1);
}

fn rows(picture: &Picture) -> Vec<Vec<String>> {
    let mut reader = ::csv::Reader::from_reader(picture.csv.as_bytes());
    reader.records().map(|row| row.expect("a row").iter().map(str::to_owned).collect()).collect()
}
