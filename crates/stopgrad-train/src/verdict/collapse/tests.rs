//! Clouds whose fate is known, over twenty seeds each.

use std::sync::LazyLock;

use stopgrad_dynamics::rank::summarize;

use super::*;
use crate::verdict::count_clusters;

struct Normals(u64);

impl Normals {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (((z ^ (z >> 31)) >> 11) as f64 + 0.5) / 9_007_199_254_740_992.0
    }

    fn next(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

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

fn place(place: Place, end: &[f64], untrained: &[f64]) -> PlaceEvidence {
    PlaceEvidence {
        place,
        end: summarize(end, N, D).expect("finite"),
        untrained: summarize(untrained, N, D).expect("finite"),
        clusters: count_clusters(end, D),
        untrained_clusters: count_clusters(untrained, D),
        within_view_variance: None,
        between_view_variance: None,
    }
}

fn asked(end: &[f64], untrained: &[f64]) -> Finding {
    collapses(&CollapseEvidence { places: vec![place(Place::Encoder, end, untrained)], loss_sees_scale: true })
}

/// The answer is the same over 20 seeds, beside one full cloud of uneven spectrum.
fn always(answer: &str, samples: impl Fn(u64) -> Vec<f64>) {
    static UNTRAINED: LazyLock<PlaceEvidence> = LazyLock::new(|| {
        let samples = cloud(100, D, 0, 0.0);
        place(Place::Encoder, &samples, &samples)
    });
    for seed in 0..20 {
        let samples = samples(seed);
        let end = summarize(&samples, N, D).expect("finite");
        let place = PlaceEvidence { end, clusters: count_clusters(&samples, D), ..UNTRAINED.clone() };
        let finding = collapses(&CollapseEvidence { places: vec![place], loss_sees_scale: true });
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
        assert_eq!(asked(&cloud(seed, 8, 0, 0.2), &untrained).answer, "no", "fewer strong directions, all alive");
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
        let finding = collapses(&CollapseEvidence { places, loss_sees_scale: false });
        assert_eq!(finding.answer, "no");
        assert_eq!(finding.beside["where"]["encoder"]["scale"], true);
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
    let finding = collapses(&CollapseEvidence { places, loss_sees_scale: true });
    assert_eq!((finding.answer.as_str(), &finding.evidence["space"]), ("complete", &"projector".into()));
    assert_eq!(finding.beside["where"]["encoder"]["kind"], "no");
    assert_eq!(finding.beside["where"]["projector"]["lost_dimensions"], D);
    assert_eq!(finding.beside["where"]["teacher"]["kind"], "no");
    assert!(finding.why.contains("projector"));
    assert!(finding.beside.get("scale").is_none());
}

#[test]
fn nothing_measured_is_undecided() {
    let nothing = CollapseEvidence { places: Vec::new(), loss_sees_scale: true };
    assert_eq!(collapses(&nothing).answer, "undecided");
}

#[test]
fn full_clouds_of_hardly_more_samples_than_dimensions_are_alive() {
    for n in [40, 66, 80, 128] {
        for seed in 0..20 {
            let summary = summarize(&cloud(seed, 0, 0, 1.0)[..n * D], n, D).expect("finite");
            let alive = alive_directions(&summary.eigenvalues, alive_threshold(n, D));
            assert!(alive as f64 > 0.9 * D.min(n - 1) as f64, "{n} samples: {alive}");
        }
    }
}
