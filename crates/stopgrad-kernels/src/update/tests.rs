use super::*;
use crate::testing::normals;

fn rules() -> [Rule; 6] {
    let clipped = |trust| Rule::Lars { rate: 0.1, momentum: 0.9, decoupled: 0.01, trust, clip: true, whole: true };
    let lars = |whole| Rule::Lars { rate: 0.1, momentum: 0.9, decoupled: 0.01, trust: 0.5, clip: false, whole };
    [
        Rule::Sgd { rate: 0.1, momentum: 0.5, decoupled: 0.25 },
        Rule::Adamw { rate: 0.1, decoupled: 0.1, betas: (0.9, 0.999), epsilon: 1e-8, steps: 2 },
        lars(true),
        lars(false),
        clipped(0.001),
        clipped(0.5),
    ]
}

/// p, v (or m) and v of AdamW by the formulas, one number at a time.
fn defined(rule: &Rule, p: &[f64], g: &[f64], first: &[f64], second: &[f64]) -> Vec<[f64; 3]> {
    let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
    let (of_p, of_g) = (norm(p), norm(g));
    (0..p.len())
        .map(|i| match *rule {
            Rule::Sgd { rate, momentum, decoupled } => {
                let v = momentum * first[i] + g[i];
                [p[i] - rate * (v + decoupled * p[i]), v, 0.0]
            }
            Rule::Adamw { rate, decoupled, betas, epsilon, steps } => {
                let m = betas.0 * first[i] + (1.0 - betas.0) * g[i];
                let v = betas.1 * second[i] + (1.0 - betas.1) * g[i] * g[i];
                let unbiased = |x: f64, beta: f64| x / (1.0 - beta.powf(steps as f64));
                let direction = unbiased(m, betas.0) / (unbiased(v, betas.1).sqrt() + epsilon);
                [p[i] - rate * (decoupled * p[i] + direction), m, v]
            }
            Rule::Lars { rate, momentum, decoupled, trust, clip, whole } => {
                let decoupled = if whole { decoupled } else { 0.0 };
                let share = trust * of_p / (of_g + decoupled * of_p);
                let clipped = if clip { (share / rate).min(1.0) } else { share };
                let scale = if whole { clipped } else { 1.0 };
                let v = momentum * first[i] + scale * (g[i] + decoupled * p[i]);
                [p[i] - rate * v, v, 0.0]
            }
        })
        .collect()
}

#[test]
fn rules_are_their_formulas_and_the_teacher_follows() {
    for rule in rules() {
        for n in [1, 7, 40_000] {
            let [p, g, first] = [1, 2, 3].map(|seed| normals(n, seed, 1.0));
            let second: Vec<f64> = normals(n, 4, 1.0).iter().map(|x| x * x).collect();
            let wanted = defined(&rule, &p, &g, &first, &second);
            for share in [None, Some(0.25), Some(1.0)] {
                let (mut p, mut first, mut second) = (p.clone(), first.clone(), second.clone());
                let started = normals(n, 5, 1.0);
                let mut teacher = started.clone();
                let second = if matches!(rule, Rule::Adamw { .. }) { &mut second[..] } else { &mut [] };
                let of = Parameter {
                    values: &mut p,
                    gradient: &g,
                    first: &mut first,
                    second,
                    teacher: share.map(|share| (&mut teacher[..], share)),
                };
                update(&rule, of);
                for i in 0..n {
                    let share = share.unwrap_or(0.0);
                    assert!((p[i] - wanted[i][0]).abs() < 1e-12 && (first[i] - wanted[i][1]).abs() < 1e-12, "{rule:?}");
                    assert!((teacher[i] - (1.0 - share) * started[i] - share * p[i]).abs() < 1e-12);
                }
            }
        }
    }
}

#[test]
fn nothing_moves_without_a_gradient_or_a_weight_and_nan_passes() {
    let run = |p: f32, g: f32, rule: &Rule| {
        let (mut p, mut first, mut second) = ([p], [0.0], [0.0]);
        update(
            rule,
            Parameter { values: &mut p, gradient: &[g], first: &mut first, second: &mut second, teacher: None },
        );
        p[0]
    };
    let lars = |decoupled| Rule::Lars { rate: 0.1, momentum: 0.0, decoupled, trust: 0.5, clip: false, whole: true };
    let close = |x: f32, y: f32| (x - y).abs() < 1e-7;
    assert!(close(run(2.0, 0.0, &lars(0.0)), 2.0) && close(run(0.0, 1.0, &lars(0.1)), -0.1));
    assert!(rules().iter().all(|rule| run(1.0, f32::NAN, rule).is_nan()));
}

#[test]
fn a_teacher_that_equals_the_student_stays_equal_and_threads_change_nothing() {
    let x: Vec<f32> = crate::testing::single(&normals(100_000, 1, 1.0));
    let mut teacher = x.clone();
    average(&mut teacher, &x, 0.3);
    assert_eq!(teacher, x);
    teacher.fill(3.0);
    average(&mut teacher, &x, 1.0);
    assert_eq!(teacher, x);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let (mut p, mut first) = (x.clone(), x.clone());
        let rule = rules()[2];
        let of = Parameter { values: &mut p, gradient: &x, first: &mut first, second: &mut [], teacher: None };
        pool.install(|| update(&rule, of));
        p
    };
    assert_eq!(run(1), run(3));
}
