//! A made-up comparison for tests: what joint, sg and ema do on digits, as smooth curves with noise.
//!
//! joint: Ē and accuracy fall together. sg and ema: Ē falls at first, then rises while accuracy rises.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use stopgrad_dynamics::Field;
use stopgrad_dynamics::probe::knn;
use stopgrad_train::config::Config;
use stopgrad_train::gallery::{Gallery, Pictures, Plane};

use super::record::{Baselines, Column, MetricsRow, ProbeResult, RunRecord, Spectrum};
use super::verdict::{Finding, Verdict};
use super::{Input, Report, SourceSummary};

const STEPS: u64 = 4000;
const ROWS: u64 = 200;

/// joint, sg and ema, each with so many seeds.
pub(super) fn report(seeds: u64) -> Report {
    let runs =
        ["joint", "sg", "ema"].into_iter().flat_map(|name| (0..seeds).map(move |seed| run(name, seed))).collect();
    Report {
        title: "Three update fields on UCI digits".into(),
        command: "compare".into(),
        command_line: "stopgrad compare digits --out runs/digits".into(),
        version: "0.1.0".into(),
        seed: 0,
        options: json!({"source": "digits", "seeds": seeds}),
        inputs: vec![Input { path: "digits (embedded)".into(), sha256: "7d".repeat(32) }],
        source: SourceSummary {
            name: "UCI digits".into(),
            count: 1797,
            shape: vec![8, 8],
            classes: Some(10),
            splits: [("train", 1257), ("validation", 270), ("test", 270)].map(|(n, c)| (n.to_string(), c)).to_vec(),
            attribution: "E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning \
                          Repository, CC BY 4.0."
                .into(),
            skipped: 0,
            skipped_first: Vec::new(),
        },
        origins: Vec::new(),
        left_out: Vec::new(),
        runs,
        environment: [("Machine", "2 cores, AVX-512, 2 threads"), ("Time", "31 s for 3 runs")]
            .map(|(label, text)| (label.to_string(), text.to_string()))
            .to_vec(),
    }
}

/// A run that has measured nothing.
pub(super) fn empty_run(name: &str, seed: u64) -> RunRecord {
    let mut run = run(name, seed);
    run.metrics.clear();
    run.spectra.clear();
    run.probes.clear();
    run
}

fn run(name: &str, seed: u64) -> RunRecord {
    let mut config = Config::default();
    config.training.seed = seed;
    config.field.kind = match name {
        "joint" => Field::Joint,
        "sg" => Field::StopGradient,
        _ => Field::Ema,
    };
    let metrics: Vec<MetricsRow> = (0..=ROWS).map(|row| metrics_row(name, seed, row * (STEPS / ROWS))).collect();
    let last = |column| metrics.last().and_then(|row| row.get(column)).unwrap_or(0.0);
    let knn = last(Column::KnnAccuracy) - 0.01;
    let probes = vec![
        probe("encoder", "knn", "last", STEPS, "test", knn),
        probe("encoder", "knn", "last", STEPS, "validation", last(Column::KnnAccuracy)),
        probe("encoder", "knn", "validation", 3200, "test", knn + 0.004),
        probe("encoder", "knn", "validation", 3200, "validation", last(Column::KnnAccuracy) + 0.006),
        probe("encoder", "linear", "last", STEPS, "test", last(Column::LinearAccuracy)),
        probe("encoder", "linear", "last", STEPS, "validation", last(Column::LinearAccuracy) + 0.009),
        probe("teacher_encoder", "knn", "last", STEPS, "test", knn + 0.003),
        probe("teacher_encoder", "linear", "last", STEPS, "test", last(Column::LinearAccuracy) + 0.001),
        probe("encoder", "linear", "validation", 3600, "test", last(Column::LinearAccuracy) + 0.002),
    ];
    let wiggle = seed as f64 * 0.004;
    let still = |place: &str, knn: f64| {
        [
            ("knn", "test", knn),
            ("knn", "validation", knn + 0.006),
            ("linear", "test", knn - 0.02),
            ("linear", "validation", knn - 0.014),
        ]
        .map(|(kind, split, accuracy)| probe(place, kind, "last", 0, split, accuracy))
        .to_vec()
    };
    RunRecord {
        name: name.into(),
        config,
        steps: STEPS,
        initial_weights_sha256: format!("{seed:02x}9f3ac1").repeat(8),
        data_order_sha256: format!("{seed:02x}42b77e").repeat(8),
        relative_displacement: Some(if name == "joint" { 0.96 } else { 1.37 }),
        verdict: verdict(name),
        theory: None,
        probes,
        baselines: Baselines { raw: still("input", 0.956), untrained: still("encoder", 0.811 + wiggle) },
        metrics,
        spectra: [0, 2000, STEPS].map(|step| spectrum(name, seed, step)).to_vec(),
        gallery: Some(Arc::new(gallery(seed))),
    }
}

/// Thirty samples of three classes round a circle, with four queries and pictures of all.
fn gallery(seed: u64) -> Gallery {
    let n = 30;
    let turn = |k: usize| k as f32 * 0.21 + seed as f32 * 0.05;
    let representations: Vec<f32> = (0..n).flat_map(|k| [turn(k).cos(), turn(k).sin(), 0.3]).collect();
    let queries = vec![4, 11, 19, 27];
    let neighbors = knn::neighbors(&representations, 3, &queries, 5).unwrap();
    let picture = |k: usize| (0..48).map(move |pixel| (k * 5 + pixel * 3) as u8);
    Gallery {
        samples: (0..n).map(|k| 3 * k).collect(),
        labels: (0..n).map(|k| Some((k / 9).min(2) as u32)).collect(),
        classes: ["three", "four", "five"].map(str::to_owned).to_vec(),
        width: 3,
        plane: Plane::of(&representations, 3),
        representations,
        neighbors,
        pictures: Some(Pictures {
            channels: 3,
            height: 4,
            width: 4,
            of: (0..n).collect(),
            bytes: (0..n).flat_map(picture).collect(),
            pairs: queries.iter().flat_map(|query| (0..3).flat_map(move |view| picture(query + 40 * view))).collect(),
        }),
        queries,
    }
}

fn probe(place: &str, kind: &str, at: &str, step: u64, split: &str, accuracy: f64) -> ProbeResult {
    let knn = kind == "knn";
    ProbeResult {
        place: place.into(),
        kind: kind.into(),
        k: knn.then_some(20),
        temperature: knn.then_some(0.07),
        at: at.into(),
        step,
        split: split.into(),
        accuracy,
    }
}

/// Between −1 and 1, the same for the same arguments.
fn noise(seed: u64, step: u64, salt: u64) -> f64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ step.wrapping_mul(0xbf58_476d_1ce4_e5b9)
        ^ salt.wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^= state >> 29;
    state = state.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state ^= state >> 32;
    (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

fn metrics_row(name: &str, seed: u64, step: u64) -> MetricsRow {
    let mut row = MetricsRow::new(step);
    let (t, jitter) = (step as f64, |salt| noise(seed, step, salt + name.len() as u64));
    let spread = 1.0 + 0.08 * noise(seed, 0, 99);
    let warm = 1.0 - (-t / 700.0).exp();
    let (energy, proxy, error, rank, knn, cosine) = match name {
        "joint" => {
            let energy = 0.9 * (-t / 180.0).exp() + 2e-9;
            (energy, energy, 1.1 - 0.35 * warm, 1.0 + 17.0 * (-t / 350.0).exp(), 0.81 - 0.70 * warm * warm, 0.999)
        }
        "sg" => {
            let energy = spread * (0.86 * (-t / 60.0).exp() + 0.021 + 0.017 * warm);
            (
                energy,
                energy * 0.97,
                1.1 * (-t / 200.0).exp() + 0.11 + 0.03 * warm,
                18.0 - 7.0 * warm * spread,
                0.815 + 0.126 * warm,
                0.55 - 0.5 * warm,
            )
        }
        _ => {
            let energy = spread * (0.88 * (-t / 80.0).exp() + 0.016 + 0.026 * warm);
            (
                energy,
                energy * (1.0 + 0.4 * (1.0 - warm)),
                1.1 * (-t / 320.0).exp() + 0.10 + 0.02 * warm,
                18.0 - 5.0 * warm * spread,
                0.82 + 0.132 * warm,
                0.6 - 0.52 * warm,
            )
        }
    };
    row.set(Column::JointObjective, energy * (1.0 + 0.03 * jitter(1)));
    row.set(Column::ProxyObjective, proxy * (1.0 + 0.03 * jitter(1)));
    row.set(Column::RelativeError, error * (1.0 + 0.02 * jitter(2)));
    row.set(Column::StudentEncoderEffectiveRank, rank * (1.0 + 0.01 * jitter(3)));
    row.set(Column::LearningRate, 0.05);
    if step > 0 {
        row.set(Column::DescentCosine, cosine + if name == "joint" { 0.0 } else { 0.06 * jitter(4) });
        let increment =
            if name == "joint" { 0.05 * (-t / 300.0).exp() + 1e-7 } else { 0.004 + 0.05 * (-t / 400.0).exp() };
        row.set(Column::StudentIncrement, increment * (1.0 + 0.25 * jitter(5)));
        row.set(Column::PredictorIncrement, 0.4 * increment * (1.0 + 0.25 * jitter(6)));
        if name == "ema" {
            row.set(Column::TeacherIncrement, 0.3 * increment);
        }
    }
    if name == "ema" {
        row.set(Column::TeacherLag, 0.12 * (t / 200.0).min(1.0) * (-t / 1500.0).exp() + 0.012 + 0.002 * jitter(7));
    }
    if step.is_multiple_of(STEPS / 10) || step == 160 {
        row.set(Column::KnnAccuracy, (knn + 0.006 * jitter(8)).clamp(0.1, 1.0));
        row.set(Column::LinearAccuracy, (knn - 0.01 + 0.005 * jitter(9)).clamp(0.1, 1.0));
    }
    row
}

fn spectrum(name: &str, seed: u64, step: u64) -> Spectrum {
    let t = step as f64 / STEPS as f64;
    let slope = match name {
        "joint" => 0.11 + 0.5 * t,
        "sg" => 0.11 + 0.06 * t,
        _ => 0.11 + 0.03 * t,
    };
    let scale = if name == "joint" { (-14.0 * t).exp() } else { 1.0 + t };
    let start = 0.4 * (1.0 + 0.1 * noise(seed, 1, 5));
    let eigenvalues = (0..64).map(|k| start * scale * (-slope * f64::from(k)).exp()).collect();
    Spectrum { place: "student_encoder".into(), step, eigenvalues }
}

fn finding(answer: &str, why: &str, evidence: &Value) -> Finding {
    let evidence = evidence.as_object().cloned().unwrap_or_else(Map::new);
    Finding { answer: answer.into(), why: why.into(), evidence, beside: Map::new() }
}

fn verdict(name: &str) -> Verdict {
    let joint = name == "joint";
    let minimises = if joint {
        finding(
            "yes",
            "200 steps of joint descent from the end lower Ē by 0.1 %, and the end has the smallest Ē of the run.",
            &json!({
                "descent_steps": 200, "relative_fall": 0.001,
                "threshold_no": 0.05,
                "threshold_locally": 0.005,
                "smallest_objective": 2.1e-9, "smallest_objective_step": 3980,
            }),
        )
    } else {
        finding(
            "no",
            "200 steps of joint descent from the end lower Ē by 71 %; its smallest value along the run came at step \
             440.",
            &json!({
                "descent_steps": 200, "relative_fall": 0.71,
                "threshold_no": 0.05,
                "threshold_locally": 0.005,
                "smallest_objective": 0.0287, "smallest_objective_step": 440,
                "smallest_relative_error_step": 1380,
            }),
        )
    };
    let converges = match name {
        "joint" => finding(
            "yes",
            "Steps over the learning rate fell below a hundredth of the gradient noise.",
            &json!({"drift": 1.9e-6, "noise": 3.1e-4}),
        ),
        "sg" => finding(
            "drifting",
            "Over the last fifth the mean step points the same way 6 times more than noise would.",
            &json!({"drift": 0.021, "noise": 0.0034, "window_steps": [3200, 4000]}),
        ),
        _ => finding(
            "noise ball",
            "Over the last fifth the steps have the length that the gradient noise gives them, and no common \
             direction.",
            &json!({"drift": 0.0031, "noise": 0.0034, "window_steps": [3200, 4000]}),
        ),
    };
    let collapses = if joint {
        finding(
            "complete",
            "Centred variance fell to 4e-9 of its start while 64 directions live; the embedding has become one point.",
            &json!({
                "variance_ratio": 4e-9, "threshold": 1e-3,
                "where": {"encoder": {"kind": "complete", "lost_dimensions": 64},
                "teacher": {"kind": "complete", "lost_dimensions": 64}},
            }),
        )
    } else {
        finding(
            "no",
            "Effective rank 11.2 of 64, against 18.0 untrained; no eigenvalue fell below the sampling noise.",
            &json!({
                "effective_rank": 11.2, "untrained_effective_rank": 18.0,
                "where": {"encoder": {"kind": "no", "lost_dimensions": 0},
                "teacher": {"kind": "no", "lost_dimensions": 0}},
            }),
        )
    };
    Verdict {
        minimises,
        converges,
        collapses,
        conservative: finding("not run", "Costs about 240 gradients: ask with --probe-field.", &json!({})),
        stable: finding("not run", "Costs about 900 gradients: ask with --stability.", &json!({})),
    }
}
