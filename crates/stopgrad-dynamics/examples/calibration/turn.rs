//! Where the answers turn: cases led past each threshold, d = 128, a hundred seeds a step.

use rayon::prelude::*;
use stopgrad_dynamics::collapse::{CollapseEvidence, Outputs, Place, PlaceEvidence, Spread, Values, collapses};
use stopgrad_dynamics::random::{normal, stream, uniform};

const D: usize = 128;
const SEEDS: u64 = 100;
/// Of the tokens of the positional case.
const TOKENS: usize = 4;

/// One quantity that is led past its threshold.
struct Walk {
    name: &'static str,
    steps: &'static [f64],
    /// n × t × d numbers, from seed, samples and step.
    make: fn(u64, usize, f64) -> Vec<f32>,
    positions: usize,
}

const WALKS: [Walk; 4] = [
    Walk {
        name: "complete: variance over second moment (threshold 1e-5)",
        steps: &[3e-6, 7e-6, 9e-6, 1.1e-5, 1.5e-5, 3e-5],
        make: |seed, n, share| {
            let mut rng = stream(seed, 1);
            let mean: Vec<f64> = (0..D).map(|_| normal(&mut rng)).collect();
            let length: f64 = mean.iter().map(|x| x * x).sum();
            let deviation = (share * length / D as f64).sqrt();
            (0..n * D).map(|at| (mean[at % D] + deviation * normal(&mut rng)) as f32).collect()
        },
        positions: 1,
    },
    Walk {
        name: "dimensional: live directions of all (threshold 0.5, behind a cliff)",
        steps: &[0.25, 0.4, 0.45, 0.5, 0.55, 0.6, 0.75],
        make: |seed, n, share| {
            let (mut rng, live) = (stream(seed, 2), (share * D as f64) as usize);
            let deviation = |column: usize| if column < live { 1.0 } else { 0.01 };
            (0..n * D).map(|at| (deviation(at % D) * normal(&mut rng)) as f32).collect()
        },
        positions: 1,
    },
    Walk {
        name: "cluster: width over the distance of eight points (threshold 0.1, of radii)",
        steps: &[0.03, 0.06, 0.08, 0.1, 0.15, 0.3],
        make: |seed, n, width| {
            let mut rng = stream(seed, 3);
            let points: Vec<f64> = (0..8 * D).map(|_| normal(&mut rng)).collect();
            let mut rows = Vec::with_capacity(n * D);
            for _ in 0..n {
                let point = (uniform(&mut rng) * 8.0) as usize * D;
                rows.extend((0..D).map(|column| (points[point + column] + width * normal(&mut rng)) as f32));
            }
            rows
        },
        positions: 1,
    },
    Walk {
        name: "positional: share of the variance across samples (threshold 0.01)",
        steps: &[3e-3, 7e-3, 9e-3, 1.1e-2, 1.5e-2, 3e-2],
        make: |seed, n, share| {
            let mut rng = stream(seed, 4);
            // Four means spread (T − 1)/T of their variance.
            let within = (share / (1.0 - share) * 0.75).sqrt();
            let means: Vec<f64> = (0..TOKENS * D).map(|_| normal(&mut rng)).collect();
            (0..n * TOKENS * D).map(|at| (means[at % (TOKENS * D)] + within * normal(&mut rng)) as f32).collect()
        },
        positions: TOKENS,
    },
];

pub(crate) fn print() {
    for Walk { name, steps, make, positions } in WALKS {
        println!("\n{name}\n\n| | {} |", steps.iter().copied().map(told).collect::<Vec<_>>().join(" | "));
        println!("|---|{}", "---|".repeat(steps.len()));
        for samples in [64, 1024] {
            let cells: Vec<String> =
                steps.iter().map(|&step| cell(samples, positions, &|s| make(s, samples, step))).collect();
            println!("| {samples} samples | {} |", cells.join(" | "));
        }
    }
}

/// How often each answer came.
fn cell(samples: usize, positions: usize, make: &(dyn Fn(u64) -> Vec<f32> + Sync)) -> String {
    let answer = |seed: u64| {
        let values = make(seed);
        let outputs = Outputs::new(Values::F32(&values), samples, positions, D).expect("finite");
        let end = Spread::without_errors(&outputs).expect("eigenvalues");
        let place = PlaceEvidence {
            place: Place::Encoder,
            end,
            reference: None,
            within_view_variance: None,
            between_view_variance: None,
        };
        let evidence =
            CollapseEvidence { places: vec![place], loss_sees_scale: None, reference_called: "in the reference" };
        collapses(&evidence).answer
    };
    let mut answers: Vec<String> = (0..SEEDS).into_par_iter().map(answer).collect();
    answers.sort_unstable();
    let counts = answers.chunk_by(|a, b| a == b).map(|same| format!("{} {}", same[0], same.len()));
    counts.collect::<Vec<_>>().join(", ")
}

fn told(step: f64) -> String {
    if step < 1e-3 { format!("{step:e}") } else { step.to_string() }
}
