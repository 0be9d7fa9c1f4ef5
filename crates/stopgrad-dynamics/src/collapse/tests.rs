//! Clouds whose fate is known, over twenty seeds each.

use std::sync::LazyLock;

use super::*;
use crate::testing::Normals;

const N: usize = 512;
const D: usize = 64;

/// N samples around `clusters` random points (0: one at the origin), in `rank` directions, plus noise in all.
fn cloud(seed: u64, rank: usize, clusters: usize, noise: f64) -> Vec<f64> {
    let mut normals = Normals(seed.wrapping_mul(7919) + 1);
    let directions: Vec<f64> = (0..rank * D).map(|_| normals.next()).collect();
    let centers: Vec<f64> = (0..clusters * D).map(|_| normals.next()).collect();
    let mut samples = vec![0.0; N * D];
    for (i, row) in samples.chunks_exact_mut(D).enumerate() {
        for direction in directions.chunks_exact(D) {
            let weight = normals.next();
            for (x, y) in row.iter_mut().zip(direction) {
                *x += weight * y;
            }
        }
        for (j, x) in row.iter_mut().enumerate() {
            *x += noise * normals.next() + if clusters > 0 { centers[i % clusters * D + j] } else { 0.0 };
        }
    }
    samples
}

fn spread(samples: &[f64]) -> Spread {
    Spread::measure(&Outputs::new(Values::F64(samples), samples.len() / D, 1, D).expect("finite")).expect("eigenvalues")
}

fn place(place: Place, end: &[f64], untrained: &[f64]) -> PlaceEvidence {
    PlaceEvidence {
        place,
        end: spread(end),
        reference: Some(spread(untrained)),
        within_view_variance: None,
        between_view_variance: None,
    }
}

fn asked(end: &[f64], untrained: &[f64]) -> Finding {
    collapses(&CollapseEvidence {
        places: vec![place(Place::Encoder, end, untrained)],
        loss_sees_scale: Some(true),
        reference_called: "untrained",
    })
}

/// The answer is the same over 20 seeds, beside one full cloud of uneven spectrum.
fn always(answer: &str, samples: impl Fn(u64) -> Vec<f64>) {
    static UNTRAINED: LazyLock<PlaceEvidence> = LazyLock::new(|| {
        let samples = cloud(100, D, 0, 0.0);
        place(Place::Encoder, &samples, &samples)
    });
    for seed in 0..20 {
        let samples = samples(seed);
        let place = PlaceEvidence { end: spread(&samples), ..UNTRAINED.clone() };
        let finding = collapses(&CollapseEvidence {
            places: vec![place],
            loss_sees_scale: Some(true),
            reference_called: "untrained",
        });
        assert_eq!(finding.answer, answer, "seed {seed}: {} {:#?}", finding.why, finding.evidence);
    }
}

#[test]
fn healthy_clouds_are_not_collapsed_wherever_their_mean_is() {
    always("no", |seed| cloud(seed, 0, 0, 1.0));
    always("no", |seed| cloud(seed, D, 0, 0.0));
    always("no", |seed| cloud(seed, 0, 0, 1.0).iter().map(|x| x + 50.0).collect());
    // Ten classes, as a good representation has them: apart, and wide.
    always("no", |seed| cloud(seed, 0, 10, 0.5));
}

#[test]
fn a_learned_spectrum_is_not_a_collapse() {
    // Variances falling by four orders of magnitude, as an untrained encoder of real images shows them too.
    let skew = |mut samples: Vec<f64>| {
        for row in samples.chunks_exact_mut(D) {
            for (i, x) in row.iter_mut().enumerate() {
                *x *= 10_f64.powf(-2.0 * i as f64 / D as f64);
            }
        }
        samples
    };
    for seed in 0..20 {
        let untrained = skew(cloud(seed + 100, 0, 0, 1.0));
        assert_eq!(asked(&skew(cloud(seed, 0, 0, 1.0)), &untrained).answer, "no");
        assert_eq!(asked(&cloud(seed, 8, 0, 0.4), &untrained).answer, "no", "fewer strong directions, all alive");
        assert_eq!(asked(&cloud(seed, 2, 0, 0.0), &untrained).answer, "dimensional");
    }
}

#[test]
fn a_constant_is_complete_with_and_without_noise() {
    always("complete", |_| vec![1.5; N * D]);
    always("complete", |_| vec![0.0; N * D]);
    for noise in [1e-7, 1e-5, 1e-3] {
        always("complete", |seed| cloud(seed, 0, 1, noise));
    }
}

#[test]
fn shrinking_is_complete_by_scale_where_the_loss_sees_scale() {
    for seed in 0..20 {
        let untrained = cloud(seed, 0, 0, 1.0);
        let small: Vec<f64> = untrained.iter().map(|x| 0.01 * x).collect();
        let finding = asked(&small, &untrained);
        assert_eq!((finding.answer.as_str(), &finding.beside["scale"]), ("complete", &true.into()));
        assert_eq!(finding.beside["where"]["encoder"]["lost_dimensions"], 0);
        let places = vec![place(Place::Encoder, &small, &untrained)];
        let finding =
            collapses(&CollapseEvidence { places, loss_sees_scale: Some(false), reference_called: "untrained" });
        assert_eq!(finding.answer, "no");
        assert_eq!(finding.beside["where"]["encoder"]["scale"], true);
        let places = vec![place(Place::Encoder, &small, &untrained)];
        let finding = collapses(&CollapseEvidence { places, loss_sees_scale: None, reference_called: "untrained" });
        assert!(finding.answer == "undecided" && finding.why.contains("naming the loss"), "{}", finding.why);
    }
}

#[test]
fn lost_dimensions_are_counted() {
    for rank in [1, 2, 4, 8] {
        always("dimensional", |seed| cloud(seed, rank, 0, 0.0));
        always("dimensional", |seed| cloud(seed, rank, 0, 1e-3));
        let finding = asked(&cloud(3, rank, 0, 0.0), &cloud(4, D, 0, 1.0));
        assert_eq!(finding.beside["where"]["encoder"]["lost_dimensions"], D - rank);
    }
}

#[test]
fn few_points_are_clusters_and_not_dimensions() {
    let two = |seed: u64| {
        (0..N).flat_map(|i| vec![if (i as u64 + seed).is_multiple_of(2) { 1.0 } else { -1.0 }; D]).collect()
    };
    always("cluster", two);
    for clusters in [2, 3, 10, 40] {
        for noise in [0.0, 1e-2] {
            always("cluster", |seed| cloud(seed, 0, clusters, noise));
        }
    }
}

#[test]
fn strays_neither_make_nor_hide_clusters() {
    always("cluster", |seed| {
        let mut samples = cloud(seed, 0, 5, 1e-3);
        samples[..10 * D].copy_from_slice(&cloud(seed + 50, 0, 0, 1.0)[..10 * D]);
        samples
    });
    always("no", |seed| {
        let mut samples = cloud(seed, 0, 0, 1.0);
        for x in &mut samples[..D] {
            *x *= 8.0;
        }
        samples
    });
}

#[test]
fn a_source_of_few_distinct_samples_is_no_collapse() {
    for seed in 0..20 {
        let samples = cloud(seed, 0, 20, 0.0);
        let mut trained = samples.clone();
        for x in &mut trained {
            *x *= 2.0;
        }
        assert_eq!(asked(&trained, &samples).answer, "no");
    }
}

#[test]
fn the_space_of_the_loss_answers_and_every_place_reports() {
    let (full, flat) = (cloud(1, 0, 0, 1.0), vec![2.0; N * D]);
    let places = vec![
        place(Place::Encoder, &full, &full),
        place(Place::Projector, &flat, &full),
        place(Place::Teacher, &full, &full),
    ];
    let finding = collapses(&CollapseEvidence { places, loss_sees_scale: Some(true), reference_called: "untrained" });
    assert_eq!((finding.answer.as_str(), &finding.evidence["space"]), ("complete", &"projector".into()));
    assert_eq!(finding.beside["where"]["encoder"]["kind"], "no");
    assert_eq!(finding.beside["where"]["projector"]["lost_dimensions"], D);
    assert_eq!(finding.beside["where"]["teacher"]["kind"], "no");
    assert!(finding.why.contains("projector"));
    assert!(finding.beside.get("scale").is_none());
}

#[test]
fn nothing_measured_is_undecided() {
    let nothing = CollapseEvidence { places: Vec::new(), loss_sees_scale: Some(true), reference_called: "untrained" };
    assert_eq!(collapses(&nothing).answer, "undecided");
}

#[test]
fn full_clouds_of_hardly_more_samples_than_dimensions_are_alive() {
    for n in [40, 66, 80, 128] {
        for seed in 0..20 {
            let alive = spread(&cloud(seed, 0, 0, 1.0)[..n * D]).alive;
            assert!(alive as f64 > 0.9 * D as f64, "{n} samples: {alive}");
        }
    }
}

/// The answer without anything to compare with.
fn alone(samples: &[f64], positions: usize, width: usize) -> Finding {
    let outputs = Outputs::new(Values::F64(samples), samples.len() / positions / width, positions, width);
    let end = Spread::measure(&outputs.expect("finite")).expect("eigenvalues");
    let place = PlaceEvidence {
        place: Place::Encoder,
        end,
        reference: None,
        within_view_variance: None,
        between_view_variance: None,
    };
    collapses(&CollapseEvidence { places: vec![place], loss_sees_scale: Some(true), reference_called: "untrained" })
}

/// The cases at which published measures give the wrong answer (std of z/|z|, RankMe, LiDAR).
#[test]
fn known_cases_are_told_without_a_reference() {
    for seed in 0..20 {
        let told = |samples: Vec<f64>| alone(&samples, 1, D).answer;
        assert_eq!(told(vec![0.7; N * D]), "complete");
        for noise in [1e-5, 1e-3] {
            assert_eq!(told(cloud(seed, 0, 1, noise)), "complete", "constant and noise {noise}");
        }
        assert_eq!(
            told((0..N * D).map(|at| if (at / D).is_multiple_of(2) { 0.125 } else { -0.125 }).collect()),
            "cluster"
        );
        for rank in [2, 4, 8] {
            let samples = cloud(seed, rank, 0, 0.0);
            let finding = alone(&samples, 1, D);
            assert_eq!(finding.answer, "dimensional", "rank {rank}: {}", finding.why);
            assert_eq!(finding.beside["where"]["encoder"]["lost_dimensions"], D - rank);
        }
        assert_eq!(told(cloud(seed, 0, 0, 1.0)), "no");
        assert_eq!(told(cloud(seed, 0, 0, 1.0).iter().map(|x| x + 50.0).collect()), "no");
    }
}

#[test]
fn a_spectrum_that_falls_without_a_cliff_leaves_it_open() {
    // Variances k⁻ᵖ.
    let falling = |power: f64| -> Vec<f64> {
        let column = |at: usize| ((at % D + 1) as f64).powf(-power / 2.0);
        cloud(3, 0, 0, 1.0).iter().enumerate().map(|(at, x)| x * column(at)).collect()
    };
    assert_eq!(alone(&falling(0.0), 1, D).answer, "no");
    assert_eq!(alone(&falling(2.0), 1, D).answer, "no", "all carry a hundredth of an equal share");
    let finding = alone(&falling(2.8), 1, D);
    assert!(finding.answer == "undecided" && finding.why.contains("reference"), "{}", finding.why);
    assert_eq!(alone(&falling(4.0), 1, D).answer, "dimensional", "its first step is a cliff");
}

#[test]
fn too_few_samples_leave_it_open() {
    // 24 samples show 23 directions of 64: all alive, and the least of them as large as those of many more.
    assert_eq!(alone(&cloud(4, 0, 0, 1.0)[..24 * D], 1, D).answer, "no");
    let half = alone(&cloud(4, 26, 0, 0.0)[..24 * D], 1, D);
    assert_eq!(half.answer, "undecided", "the least of them as small as those of 26: {}", half.why);
    let lost = alone(&cloud(4, 3, 0, 0.0)[..24 * D], 1, D);
    assert_eq!(lost.answer, "dimensional", "three directions of 23: {}", lost.why);
    assert_eq!(alone(&cloud(4, 0, 0, 1.0)[..7 * D], 1, D).answer, "undecided");
}

#[test]
fn outputs_of_positions_are_no_outputs_of_samples() {
    let (n, t, d) = (64, 8, 32);
    let mut normals = Normals(9);
    let means: Vec<f64> = (0..t * d).map(|_| normals.next()).collect();
    let mut tokens =
        |spread: f64| -> Vec<f64> { (0..n * t * d).map(|at| means[at % (t * d)] + spread * normals.next()).collect() };
    for (spread, answer) in [(0.0, "positional"), (1e-3, "positional"), (0.05, "positional"), (0.5, "no"), (1.0, "no")]
    {
        let finding = alone(&tokens(spread), t, d);
        assert_eq!(finding.answer, answer, "{spread}: {}", finding.why);
    }
    let finding = alone(&vec![2.0; n * t * d], t, d);
    assert_eq!(finding.answer, "complete", "{}", finding.why);
}
