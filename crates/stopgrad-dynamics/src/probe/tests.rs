//! Probes on features whose classes are known.

use rayon::ThreadPoolBuilder;

use super::knn::{self, KnnParams};
use super::linear::{LinearProbe, RIDGES};
use super::*;

type Answer<T> = Result<T, ProbeError>;

/// Does something with rows in memory and their labels.
fn with<T>(part: Part, values: &[f32], labels: &[u32], d: usize, f: impl FnOnce(&Labelled) -> Answer<T>) -> Answer<T> {
    f(&Labelled { part, rows: &Held::new(part, values, d)?, labels })
}

fn nearest(train: &[f32], labels: &[u32], test: &[f32], d: usize, params: KnnParams) -> Answer<Vec<u32>> {
    with(Part::Train, train, labels, d, |train| knn::predict(train, &Held::new(Part::Test, test, d)?, params))
}

fn nearest_accuracy(train: (&[f32], &[u32]), test: (&[f32], &[u32]), d: usize, params: KnnParams) -> Answer<f64> {
    with(Part::Train, train.0, train.1, d, |train| {
        with(Part::Test, test.0, test.1, d, |test| knn::accuracy(train, test, params))
    })
}

fn fitted(features: &[f32], labels: &[u32], d: usize, classes: usize, ridge: f64) -> Answer<LinearProbe> {
    with(Part::Train, features, labels, d, |train| LinearProbe::fit(train, classes, ridge))
}

fn chosen(train: (&[f32], &[u32]), validation: (&[f32], &[u32]), d: usize, classes: usize) -> Answer<LinearProbe> {
    with(Part::Train, train.0, train.1, d, |train| {
        with(Part::Validation, validation.0, validation.1, d, |validation| {
            LinearProbe::fit_choosing_ridge(train, validation, classes)
        })
    })
}

fn linear_accuracy(probe: &LinearProbe, features: &[f32], labels: &[u32], d: usize) -> f64 {
    with(Part::Test, features, labels, d, |test| probe.accuracy(test)).expect("ok")
}

/// A fixed stream of numbers in −1 … 1.
fn stream(seed: u64) -> impl FnMut() -> f32 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / 8_388_608.0 - 1.0
    }
}

/// n samples around one centre a class, with noise.
fn clusters(n: usize, d: usize, classes: usize, noise: f32, seed: u64) -> (Vec<f32>, Vec<u32>) {
    let mut centers = stream(7);
    let centers: Vec<f32> = (0..classes * d).map(|_| centers()).collect();
    let mut draw = stream(seed);
    let labels: Vec<u32> = (0..n).map(|i| (i % classes) as u32).collect();
    let features = labels
        .iter()
        .flat_map(|&label| centers[label as usize * d..][..d].to_vec())
        .map(|center| center + noise * draw())
        .collect();
    (features, labels)
}

#[test]
fn both_probes_read_separated_clusters() {
    let (d, classes) = (16, 10);
    let (train, train_labels) = clusters(500, d, classes, 0.3, 1);
    let (test, test_labels) = clusters(300, d, classes, 0.3, 2);
    let (val, val_labels) = clusters(100, d, classes, 0.3, 3);
    let by_neighbors =
        nearest_accuracy((&train, &train_labels), (&test, &test_labels), d, KnnParams::default()).expect("ok");
    let probe = chosen((&train, &train_labels), (&val, &val_labels), d, classes).expect("ok");
    assert!(by_neighbors > 0.99, "{by_neighbors}");
    assert!(linear_accuracy(&probe, &test, &test_labels, d) > 0.99);
}

#[test]
fn neighbors_agree_with_a_sort_of_all_cosines() {
    let (n, m, d) = (1500, 130, 5);
    let (train, labels) = clusters(n, d, 4, 2.0, 4);
    let (test, _) = clusters(m, d, 4, 2.0, 5);
    let params = KnnParams { k: 9, temperature: 0.2 };
    let predicted = nearest(&train, &labels, &test, d, params).expect("ok");
    let cosine = |a: &[f32], b: &[f32]| {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| f64::from(x * y)).sum::<f64>();
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    };
    let mut differing = 0;
    for (query, &class) in test.chunks_exact(d).zip(&predicted) {
        let mut all: Vec<(f64, usize)> =
            train.chunks_exact(d).enumerate().map(|(i, row)| (cosine(query, row), i)).collect();
        all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut votes = [0.0; 4];
        for (c, i) in &all[..params.k] {
            votes[labels[*i] as usize] += (c / params.temperature).exp();
        }
        let best = (0..4).rev().max_by(|&a, &b| votes[a].total_cmp(&votes[b])).expect("four");
        differing += u32::from(best as u32 != class);
    }
    assert!(differing <= 1, "{differing} differ: rounding explains one");
}

#[test]
fn rows_read_in_pieces_have_the_neighbors_of_rows_read_at_once() {
    let (train, labels) = clusters(700, 5, 4, 2.0, 4);
    let (test, _) = clusters(150, 5, 4, 2.0, 5);
    let (train, test) =
        (Held::new(Part::Train, &train, 5).expect("rows"), Held::new(Part::Test, &test, 5).expect("rows"));
    let train = Labelled { part: Part::Train, rows: &train, labels: &labels };
    let at_once = knn::predict(&train, &test, KnnParams::default()).expect("ok");
    for length in [1, 64, 150, 333] {
        assert_eq!(knn::predict_in_blocks(&train, &test, KnnParams::default(), length).expect("ok"), at_once);
    }
}

#[test]
fn equal_votes_go_to_the_lower_class_and_equal_cosines_to_the_earlier_sample() {
    let train = [1.0, 0.0, 0.0, 1.0];
    let both = KnnParams { k: 2, temperature: 0.1 };
    assert_eq!(nearest(&train, &[5, 3], &[1.0, 1.0], 2, both), Ok(vec![3]));
    let one = KnnParams { k: 1, temperature: 0.1 };
    assert_eq!(nearest(&train, &[5, 3], &[1.0, 1.0], 2, one), Ok(vec![5]));
}

#[test]
fn collapsed_features_answer_with_chance_and_not_with_nan() {
    let labels: Vec<u32> = (0..200).map(|i| i % 10).collect();
    for value in [0.0, 3.25] {
        let features = vec![value; 200 * 8];
        let near = nearest_accuracy((&features, &labels), (&features, &labels), 8, KnnParams::default()).expect("ok");
        let probe = fitted(&features, &labels, 8, 10, 1e-3).expect("ok");
        let linear = linear_accuracy(&probe, &features, &labels, 8);
        assert!((near - 0.1).abs() < 1e-12 && (linear - 0.1).abs() < 1e-12, "{near} {linear}");
    }
}

#[test]
fn a_sharp_temperature_and_a_large_k_stay_finite() {
    let (train, labels) = clusters(30, 4, 3, 0.1, 6);
    let params = KnnParams { k: 1000, temperature: 1e-4 };
    assert!(nearest_accuracy((&train, &labels), (&train, &labels), 4, params).expect("ok") > 0.99);
}

#[test]
fn the_linear_probe_solves_the_normal_equations() {
    // Two features, one of them constant: by hand, the score of class 1 is p + λ-shrunk slope.
    let features = [-1.0, 4.0, 1.0, 4.0, -1.0, 4.0, 1.0, 4.0];
    let labels = [0, 1, 0, 1];
    let probe = fitted(&features, &labels, 2, 2, 1.0).expect("ok");
    assert_eq!(Held::new(Part::Test, &features, 2).and_then(|rows| probe.predict(&rows)), Ok(vec![0, 1, 0, 1]));
    // Standardised x is ±1; Xᵀ(Y − ½)/n = ±½; with λ = 1 the weight is ¼.
    assert!((probe.weights_for_test()[0] + 0.25).abs() < 1e-6 && (probe.weights_for_test()[2] - 0.25).abs() < 1e-6);
    assert!(probe.weights_for_test()[1].abs() < 1e-9);
}

#[test]
fn more_features_than_samples_and_repeated_features_are_solved() {
    let (train, labels) = clusters(40, 60, 4, 0.5, 8);
    let doubled: Vec<f32> = train.chunks_exact(60).flat_map(|row| [row, row].concat()).collect();
    let probe = fitted(&doubled, &labels, 120, 4, RIDGES[4]).expect("ok");
    assert!(linear_accuracy(&probe, &doubled, &labels, 120) > 0.99);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let (train, labels) = clusters(5000, 12, 5, 1.5, 9);
    let (test, test_labels) = clusters(700, 12, 5, 1.5, 10);
    let run = |threads| {
        ThreadPoolBuilder::new().num_threads(threads).build().expect("threads").install(|| {
            let near = nearest(&train, &labels, &test, 12, KnnParams::default()).expect("ok");
            let probe = chosen((&train, &labels), (&test, &test_labels), 12, 5).expect("ok");
            (near, probe)
        })
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn mistakes_are_named() {
    let features = [1.0, 2.0, 3.0, 4.0];
    let params = KnnParams::default();
    let fit = |features: &[f32], labels: &[u32]| nearest(features, labels, &[1.0, 0.0], 2, params);
    assert_eq!(fit(&[], &[]), Err(ProbeError::Empty { part: Part::Train }));
    assert_eq!(fit(&features, &[]), Err(ProbeError::LabelsMissing { part: Part::Train, samples: 2 }));
    assert_eq!(fit(&features, &[1]), Err(ProbeError::LengthMismatch { part: Part::Train, samples: 2, labels: 1 }));
    assert_eq!(fit(&features, &[4, 4]), Err(ProbeError::SingleClass { label: 4 }));
    assert_eq!(fit(&features[..3], &[0, 1]), Err(ProbeError::RowLength { part: Part::Train, found: 3, width: 2 }));
    let infinite = fit(&[1.0, 2.0, 3.0, f32::INFINITY], &[0, 1]);
    assert_eq!(infinite, Err(ProbeError::NotFinite { part: Part::Train, row: 1, column: 1, value: f32::INFINITY }));
    let linear = fitted(&features, &[0, 7], 2, 3, 1e-3);
    assert_eq!(linear, Err(ProbeError::LabelOutOfRange { part: Part::Train, row: 1, label: 7, classes: 3 }));
    assert_eq!(fitted(&features, &[0, 1], 2, 2, 0.0), Err(ProbeError::Ridge { ridge: 0.0 }));
    let bad = KnnParams { k: 0, temperature: 0.1 };
    let none = nearest(&features, &[0, 1], &features, 2, bad);
    assert_eq!(none, Err(ProbeError::KnnParams { k: 0, temperature: 0.1 }));
}

#[test]
fn neighbors_are_the_nearest_others_by_cosine() {
    let (n, d) = (1500, 6);
    let (features, _) = clusters(n, d, 4, 0.8, 9);
    let row = |i: usize| &features[i * d..(i + 1) * d];
    let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| f64::from(x * y)).sum::<f64>();
    let cosine =
        |i: usize, j: usize| product(row(i), row(j)) / (product(row(i), row(i)) * product(row(j), row(j))).sqrt();
    let queries = [3, 0, 1499];
    let found = knn::neighbors(&features, d, &queries, 5).expect("finite");
    for (nearest, query) in found.iter().zip(queries) {
        let mut others: Vec<usize> = (0..n).filter(|&other| other != query).collect();
        others.sort_by(|&a, &b| cosine(query, b).total_cmp(&cosine(query, a)));
        assert_eq!(nearest.iter().map(|near| near.sample).collect::<Vec<_>>(), others[..5]);
        // Products of six numbers in f32.
        assert!(nearest.iter().all(|near| (f64::from(near.cosine) - cosine(query, near.sample)).abs() < 1e-6));
    }
    let few = knn::neighbors(&features[..2 * d], d, &[1], 5).expect("finite");
    assert_eq!((few[0].len(), few[0][0].sample), (1, 0));
    let zeros = knn::neighbors(&[0.0; 12], 3, &[2], 5).expect("zero is a number");
    assert_eq!(zeros[0].iter().map(|near| near.sample).collect::<Vec<_>>(), [0, 1, 3]);
    assert!(matches!(knn::neighbors(&[f32::NAN; 3], 3, &[0], 1), Err(ProbeError::NotFinite { .. })));
}
