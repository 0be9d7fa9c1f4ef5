//! What is given, what is left out, what is compared with what.

use super::*;
use crate::testing::normal_vector;

const N: usize = 300;
const D: usize = 8;

fn embeddings(shape: &[usize], values: &[f64]) -> Embeddings {
    Embeddings::new("test", shape, EmbeddingValues::F64(values.to_vec())).expect("outputs")
}

fn flat(values: &[f64]) -> Embeddings {
    embeddings(&[values.len() / D, D], values)
}

fn given(roles: &[(Role, Embeddings)]) -> Given {
    Given { outputs: roles.iter().cloned().collect(), ..Given::default() }
}

const ENCODER: Role = Role::Place(Place::Encoder);

fn told(given: Given) -> Diagnosis {
    diagnose(given, &|_| false).expect("a diagnosis")
}

fn refused(given: Given) -> String {
    diagnose(given, &|_| false).expect_err("refused").to_string()
}

#[test]
fn one_place_alone_is_named() {
    let (x, constant) = (normal_vector(N * D, 1), vec![1.0; N * D]);
    for place in [Place::Teacher, Place::Predictor] {
        let found = told(given(&[(ENCODER, flat(&x)), (Role::Place(place), flat(&constant))]));
        assert_eq!((found.finding.answer.as_str(), &found.finding.beside["only"]), ("no", &place.name().into()));
        assert!(found.is_collapsed());
    }
    let both = given(&[(ENCODER, flat(&constant)), (Role::Place(Place::Teacher), flat(&constant))]);
    let found = told(both);
    assert_eq!(found.finding.answer, "complete");
    assert!(!found.finding.beside.contains_key("only"));
}

#[test]
fn the_reference_is_no_reference_of_another_space() {
    let x = normal_vector(N * D, 1);
    // Two directions of eight: collapsed by itself, and not where the reference is as narrow.
    let narrow: Vec<f64> = x.iter().enumerate().map(|(at, x)| if at % D < 2 { *x } else { 0.0 }).collect();
    let places = [(ENCODER, flat(&narrow)), (Role::Reference, flat(&narrow))];
    assert_eq!(told(given(&places)).finding.answer, "no");
    let mut with_projector = places.to_vec();
    with_projector.push((Role::Place(Place::Projector), flat(&narrow)));
    with_projector.push((Role::Place(Place::Teacher), flat(&narrow)));
    let kinds: Vec<(String, String)> =
        told(given(&with_projector)).kinds().map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
    let kind = |place: &str| kinds.iter().find(|(name, _)| name == place).map(|(_, kind)| kind.as_str());
    assert_eq!(
        [kind("encoder"), kind("projector"), kind("teacher")],
        [Some("no"), Some("dimensional"), Some("dimensional")]
    );
}

#[test]
fn a_wider_reference_asks_for_no_more_than_there_can_be() {
    let x = normal_vector(N * D, 1);
    let raw = embeddings(&[N, 4 * D], &normal_vector(N * 4 * D, 2));
    assert_eq!(told(given(&[(ENCODER, flat(&x)), (Role::Reference, raw.clone())])).finding.answer, "no");
    let narrow: Vec<f64> = x.iter().enumerate().map(|(at, x)| if at % D < 2 { *x } else { 0.0 }).collect();
    let found = told(given(&[(ENCODER, flat(&narrow)), (Role::Reference, raw)]));
    assert_eq!(found.finding.answer, "dimensional");
    assert_eq!(found.finding.beside["where"]["encoder"]["lost_dimensions"], D - 2);
}

#[test]
fn rows_that_are_not_finite_take_their_labels_with_them() {
    let mut x = normal_vector(N * D, 1);
    let labels: Vec<i64> = (0..N as i64).map(|row| row % 2 * 100 - 7).collect();
    for (row, label) in labels.iter().enumerate() {
        x[row * D] += if *label > 0 { 8.0 } else { -8.0 };
    }
    x[3 * D] = f64::NAN;
    let mut reference = normal_vector(N * D, 2);
    reference[5 * D + 1] = f64::INFINITY;
    let mut asked = given(&[(ENCODER, flat(&x)), (Role::Reference, flat(&reference))]);
    asked.labels = Some(labels);
    let found = told(asked);
    assert_eq!(found.left_out["encoder"].first, [3, 5]);
    assert_eq!(found.left_out["reference"].count, 2);
    let probes = found.probes.expect("labels were given");
    assert_eq!((probes.classes, probes.samples.iter().sum::<usize>()), (2, N - 2));
    // Classes 16 deviations apart, and noise.
    assert_eq!((probes.knn.unwrap().accuracy, probes.linear.unwrap().accuracy), (1.0, 1.0));
    let chance = probes.knn_reference.unwrap();
    assert!(chance.interval[0] < 0.5 && chance.interval[1] > 0.5, "{chance:?}");
}

#[test]
fn one_class_is_told_and_stops_nothing() {
    let mut asked = given(&[(ENCODER, flat(&normal_vector(N * D, 1)))]);
    asked.labels = Some(vec![4; N]);
    let probes = told(asked).probes.expect("labels were given");
    assert!(probes.knn.is_none() && probes.not_measured.unwrap().contains("two classes"));
}

#[test]
fn two_views_are_predicted_as_their_moments_are() {
    let signal = normal_vector(N * D, 1);
    let view = |seed| -> Vec<f64> {
        let noise = normal_vector(N * D, seed);
        signal.iter().zip(&noise).map(|(s, e)| 3.0 + s + 0.3 * e).collect()
    };
    let (x, y) = (flat(&view(2)), flat(&view(3)));
    let mut asked = given(&[(ENCODER, x.clone()), (Role::SecondView, y.clone())]);
    asked.weight_decay = Some(0.05);
    let theory = told(asked).theory.expect("a weight decay was given");
    let moments = view_moments(&x, &y).moments(true);
    let direct = crate::predict(&moments, &crate::PredictOptions::new(0.05), None, &|_| false).expect("predicted");
    assert_eq!((theory.rank, theory.support_rank), (direct.rank, D));
    assert_eq!(theory.rank, D, "signal 1, noise 0.09: all survive");
    // Tokens are averaged: two equal ones change nothing.
    let doubled = |of: &Embeddings| {
        let EmbeddingValues::F64(values) = &of.values else { unreachable!("made above") };
        let twice: Vec<f64> = values.chunks_exact(D).flat_map(|row| [row, row].concat()).collect();
        embeddings(&[N, 2, D], &twice)
    };
    let tokens = view_moments(&doubled(&x), &doubled(&y)).moments(true);
    assert!((&tokens.xx - &moments.xx).norm_l2() < 1e-12 * moments.xx.norm_l2());
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let x = flat(&normal_vector(N * D, 1));
    let half = flat(&normal_vector(N / 2 * D, 1));
    assert!(refused(Given::default()).contains("no outputs of the encoder"));
    assert!(
        refused(given(&[(ENCODER, x.clone()), (Role::SecondView, half)])).contains("[300, 8], the second [150, 8]")
    );
    let mut asked = given(&[(ENCODER, x.clone())]);
    asked.labels = Some(vec![0; 7]);
    assert!(refused(asked).contains("7 labels for 300 samples"));
    let mut asked = given(&[(ENCODER, x)]);
    asked.weight_decay = Some(0.1);
    assert!(refused(asked).contains("second view"));
    let nothing = flat(&[f64::NAN; 2 * D]);
    assert!(refused(given(&[(ENCODER, nothing)])).contains("each of 2 samples"));
    assert!(refused(given(&[(ENCODER, flat(&[1e300; 2 * D]))])).starts_with("encoder: "));
}
