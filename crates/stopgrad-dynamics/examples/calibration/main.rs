//! How often the collapse verdict is right, on outputs whose fate is known:
//! `cargo run --release -p stopgrad-dynamics --example calibration -- 100 300` (seeds from, to; default 0 100).
//!
//! Prints, for seeds below 100, between which values of its statistic each threshold lies, and in any case a confusion table
//! per verdict with Wilson intervals; with `turn` instead of seeds, where the answers turn when a case is led past a threshold. Every kind × three severities × d in 16, 128, 768 × rows below and above d × clean
//! and noisy; at d = 768 each seed takes one severity in turn.

#![allow(clippy::print_stdout)] // an example speaks to a person

mod cases;
mod tables;
mod turn;

use cases::{Case, FAMILIES, Family, SEVERITIES};
use rayon::prelude::*;
use stopgrad_dynamics::collapse::{CollapseEvidence, Outputs, Place, PlaceEvidence, Spread, Values, collapses};
use tables::{Answer, print};

/// Coordinates, and rows below and above them.
const SHAPES: [(usize, [usize; 2]); 3] = [(16, [12, 128]), (128, [64, 1024]), (768, [256, 3072])];

fn main() {
    if std::env::args().nth(1).as_deref() == Some("turn") {
        return turn::print();
    }
    let number = |at| std::env::args().nth(at).and_then(|text| text.parse::<u64>().ok());
    let (from, to) = (number(1).unwrap_or(0), number(2).unwrap_or(100));
    let widest = number(3).unwrap_or(768) as usize;
    let mut jobs = Vec::new();
    for (d, rows) in SHAPES.into_iter().filter(|(d, _)| *d <= widest) {
        for rows in rows {
            jobs.extend((from..to).map(|seed| (d, rows, seed)));
        }
    }
    let answers: Vec<Answer> = jobs.par_iter().flat_map_iter(|&(d, rows, seed)| of_shape(d, rows, seed)).collect();
    print(&answers, from, to);
}

/// All answers of one seed at one shape.
fn of_shape(d: usize, rows: usize, seed: u64) -> Vec<Answer> {
    let mut answers = Vec::new();
    let mut measured: Vec<(Case, Spread)> = Vec::new();
    let plain = Case { family: Family::Plain, severity: 0, noisy: false, d, rows, seed };
    let tokens = Case { family: Family::Tokens, ..plain };
    let [usual, of_tokens] = [plain, tokens].map(|case| spread(&case, &case.reference()));
    for family in FAMILIES {
        for severity in 0..SEVERITIES {
            if d >= 768 && severity != (seed % 3) as usize {
                continue;
            }
            for noisy in [false, true] {
                let case = Case { family, severity, noisy, d, rows, seed };
                let end = spread(&case, &case.outputs());
                let own = (family == Family::FewDimensions).then(|| spread(&case, &case.reference()));
                let usual = if case.positions() == 1 { &usual } else { &of_tokens };
                let reference = own.as_ref().unwrap_or(usual);
                for with in [false, true] {
                    let place = at(Place::Encoder, &end, with.then_some(reference));
                    answers.push(Answer::of(&case, case.truth(), with, vec![place]));
                }
                measured.push((case, end));
            }
        }
    }
    one_place_alone(&measured, &usual, &mut answers);
    answers
}

/// A teacher or a predictor that collapsed while the rest is well.
fn one_place_alone(measured: &[(Case, Spread)], usual: &Spread, answers: &mut Vec<Answer>) {
    let healthy: Vec<&Spread> =
        measured.iter().filter(|(case, _)| case.family == Family::Plain).map(|(_, end)| end).collect();
    let gone = measured.iter().filter(|(case, _)| {
        matches!(case.family, Family::Complete | Family::Dimensional | Family::Cluster) && case.decidable(false)
    });
    for (at_case, (case, end)) in gone.enumerate() {
        let well = healthy[at_case % healthy.len()];
        for with in [false, true] {
            let reference = with.then_some(usual);
            let encoder = at(Place::Encoder, well, reference);
            let teacher = vec![encoder.clone(), at(Place::Teacher, end, reference)];
            answers.push(Answer::of(case, "teacher-only", with, teacher));
            let places = vec![encoder, at(Place::Projector, well, reference), at(Place::Predictor, end, reference)];
            answers.push(Answer::of(case, "predictor-only", with, places));
        }
    }
}

fn spread(case: &Case, values: &[f32]) -> Spread {
    let outputs = Outputs::new(Values::F32(values), case.samples(), case.positions(), case.d).expect("finite");
    Spread::without_errors(&outputs).expect("eigenvalues")
}

fn at(place: Place, end: &Spread, reference: Option<&Spread>) -> PlaceEvidence {
    PlaceEvidence {
        place,
        end: end.clone(),
        reference: reference.cloned(),
        within_view_variance: None,
        between_view_variance: None,
    }
}

impl Answer {
    fn of(case: &Case, truth: &'static str, reference: bool, places: Vec<PlaceEvidence>) -> Self {
        let end = places.last().expect("a place").end.clone();
        let finding =
            collapses(&CollapseEvidence { places, loss_sees_scale: Some(false), reference_called: "in the reference" });
        let only = finding.beside.get("only").and_then(|only| only.as_str()).map(|place| format!("{place}-only"));
        let answer = match only {
            Some(only) if finding.answer == "no" => only,
            _ => finding.answer.clone(),
        };
        let decidable = case.decidable(reference);
        Self { case: *case, truth, reference, decidable, told: answer, end, finding }
    }
}
