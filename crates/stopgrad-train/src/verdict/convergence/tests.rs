//! Runs whose fate is known, simulated: heavy ball on fields chosen for it.

use super::*;

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

const D: usize = 40;

/// 2000 steps of heavy ball from |θ| ≈ √D along `gradient` plus noise; the last 800 are the tail.
fn simulate(
    seed: u64, rate: f64, momentum: f64, noise: f64, gradient: impl Fn(&[f64]) -> Vec<f64>,
) -> ConvergenceEvidence {
    let mut normals = Normals(seed);
    let mut theta: Vec<f64> = (0..D).map(|_| normals.next()).collect();
    let norm = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let mut velocity = vec![0.0; D];
    let (mut rows, mut snapshots, mut first) = (Vec::new(), Vec::new(), Vec::new());
    let (mut initial, initial_parameter_norm) = (0.0, norm(&theta));
    for step in 1..=2000_u64 {
        let mean = gradient(&theta);
        let halves = [0, 1].map(|_| {
            mean.iter().map(|g| if noise > 0.0 { g + noise * normals.next() } else { *g }).collect::<Vec<f64>>()
        });
        for i in 0..D {
            velocity[i] = momentum * velocity[i] + f64::midpoint(halves[0][i], halves[1][i]);
            theta[i] -= rate * velocity[i];
        }
        let increment = rate * norm(&velocity);
        if (20..=60).contains(&step) && step % 20 == 0 {
            initial += increment / rate / 3.0;
        }
        if step > 1200 && step % 20 == 0 {
            let half_sq_sum = halves.iter().map(|half| dot(half, half)).sum();
            let half_dot = dot(&halves[0], &halves[1]);
            rows.push(TailRow { step, learning_rate: rate, increment, half_dot, half_sq_sum });
        }
        if step >= 1200 && step % 50 == 0 {
            if first.is_empty() {
                first.clone_from(&theta);
            }
            let distance = norm(&theta.iter().zip(&first).map(|(a, b)| a - b).collect::<Vec<_>>());
            snapshots.push(Snapshot { step, distance });
        }
    }
    ConvergenceEvidence {
        rows,
        snapshots,
        initial_increment_over_rate: initial,
        initial_parameter_norm,
        parameter_norm: norm(&theta),
        momentum,
        diverged_at: None,
    }
}

/// Answers over 20 seeds are all the same one.
fn always(answer: &str, run: impl Fn(u64) -> ConvergenceEvidence) {
    for seed in 0..20 {
        let finding = converges(&run(seed));
        assert_eq!(finding.answer, answer, "seed {seed}: {} {:#?}", finding.why, finding.evidence);
    }
}

fn bowl(curvature: f64) -> impl Fn(&[f64]) -> Vec<f64> + Copy {
    move |theta| theta.iter().map(|x| curvature * x).collect()
}

#[test]
fn descent_without_noise_converges() {
    always("yes", |seed| simulate(seed, 0.05, 0.9, 0.0, bowl(0.2)));
    always("yes", |seed| simulate(seed, 0.1, 0.0, 1e-5, bowl(0.2)));
}

#[test]
fn a_noisy_bowl_is_a_noise_ball() {
    for (rate, momentum) in [(0.05, 0.9), (0.1, 0.0), (0.02, 0.95)] {
        always("noise ball", |seed| simulate(seed, rate, momentum, 0.5, bowl(0.5)));
    }
}

#[test]
fn a_high_rate_in_a_bowl_is_a_noise_ball_too() {
    always("noise ball", |seed| simulate(seed, 0.5, 0.0, 0.5, bowl(1.0)));
}

#[test]
fn a_random_walk_on_a_flat_orbit_is_a_noise_ball() {
    // Half of the directions have no field at all, as along an orbit.
    let orbit = |theta: &[f64]| theta.iter().enumerate().map(|(i, x)| if i % 2 == 0 { *x } else { 0.0 }).collect();
    always("noise ball", |seed| simulate(seed, 0.02, 0.9, 0.5, orbit));
    always("noise ball", |seed| simulate(seed, 0.02, 0.0, 0.5, bowl(0.0)));
}

#[test]
fn a_steady_push_is_a_drift_with_and_without_noise() {
    let push = |_: &[f64]| vec![0.05; D];
    for noise in [0.0, 0.2, 0.4] {
        always("drifting", |seed| simulate(seed, 0.02, 0.9, noise, push));
    }
}

#[test]
fn slow_decay_that_is_far_from_its_end_drifts() {
    // The time to decay is ten times the tail: over the tail it is a straight line.
    always("drifting", |seed| simulate(seed, 0.05, 0.9, 0.0, bowl(2.5e-4)));
}

#[test]
fn decay_within_the_tail_is_left_open() {
    always("undecided", |seed| simulate(seed, 0.05, 0.9, 0.0, bowl(3e-3)));
}

#[test]
fn a_cycle_is_neither_convergence_nor_drift() {
    // Rotation with a radius that restores itself: a limit cycle (docs/theory.md, 4.4), period well inside the tail.
    let rotate = |theta: &[f64]| {
        let mut out = vec![0.0; D];
        for (pair, plane) in theta.chunks_exact(2).zip(out.chunks_exact_mut(2)) {
            let pull = pair[0].hypot(pair[1]) - 1.0;
            plane[0] = pull * pair[0] - pair[1];
            plane[1] = pull * pair[1] + pair[0];
        }
        out
    };
    always("undecided", |seed| simulate(seed, 0.1, 0.0, 0.0, rotate));
}

#[test]
fn divergence_and_a_falling_rate_are_said_first() {
    let mut run = simulate(0, 0.05, 0.9, 0.5, bowl(0.5));
    for (i, row) in run.rows.iter_mut().enumerate() {
        row.learning_rate *= 1.0 - 0.01 * i as f64;
    }
    let finding = converges(&run);
    assert_eq!(finding.answer, "undecided");
    assert!(finding.why.contains("constant rate"), "{}", finding.why);
    run.diverged_at = Some((17, "the batch loss".into()));
    let finding = converges(&run);
    assert_eq!((finding.answer.as_str(), &finding.evidence["step"]), ("diverged", &17.into()));
}

#[test]
fn too_few_rows_and_broken_numbers_are_left_open() {
    let mut run = simulate(0, 0.05, 0.9, 0.5, bowl(0.5));
    run.rows[3].half_dot = f64::NAN;
    assert_eq!(converges(&run).answer, "undecided");
    run.rows.truncate(5);
    assert_eq!(converges(&run).answer, "undecided");
}

#[test]
fn a_run_that_never_moved_is_at_rest() {
    let mut run = simulate(0, 0.05, 0.9, 0.0, bowl(0.0));
    run.initial_increment_over_rate = 0.0;
    assert_eq!(converges(&run).answer, "yes");
}
