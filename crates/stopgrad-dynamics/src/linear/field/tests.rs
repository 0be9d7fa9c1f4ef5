use faer::Mat;

use super::*;
use crate::statistics::inner_product;
use crate::testing::{fields, moments, normal_vector, sample_moments, settled};
use crate::{LinearState, UpdateMap, dense_jacobian};

fn value(field: &impl VectorField, z: &[f64]) -> Vec<f64> {
    let mut out = vec![0.0; z.len()];
    field.value(z, &mut out);
    out
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// n below, at and above m, whole and broken blocks, unrolled shapes, and sizes for the matrix library.
fn instances() -> Vec<LinearField> {
    let mut all: Vec<LinearField> =
        [(1, 1), (4, 1), (4, 3), (8, 4), (9, 6), (2, 5), (18, 20)].map(|(n, m)| fields(n, m, 0.05)).concat();
    for field in fields(3, 3, 0.05) {
        all.push(field.with_decays(0.03, 0.2).unwrap().with_rate_b(2.5).unwrap());
    }
    all
}

/// Differences of a cubic map: step 1e-4 leaves 1e-8 of truncation and 1e-12 of rounding.
fn check_jvp(field: &impl VectorField, z: &[f64], name: &str) {
    let direction = normal_vector(z.len(), 8);
    let shifted = |step: f64| {
        let at: Vec<f64> = z.iter().zip(&direction).map(|(z, d)| z + step * d).collect();
        value(field, &at)
    };
    let (above, below) = (shifted(1e-4), shifted(-1e-4));
    let mut product = vec![0.0; z.len()];
    field.jvp(z, &direction, &mut product);
    let size = product.iter().fold(1.0f64, |max, x| max.max(x.abs()));
    for ((product, above), below) in product.iter().zip(&above).zip(&below) {
        assert!((product - (above - below) / 2e-4).abs() < 1e-5 * size, "{name}: {product}");
    }
    let jacobian = dense_jacobian(field, z);
    for (i, product) in product.iter().enumerate() {
        let row: f64 = (0..z.len()).map(|j| jacobian[(i, j)] * direction[j]).sum();
        assert!((row - product).abs() < 1e-12 * size, "{name}: dense");
    }
}

#[test]
fn the_value_is_that_of_the_definition() {
    for field in instances() {
        let z = normal_vector(field.dimension(), 2);
        let state = LinearState::from_flat(&z, field.width, field.inputs());
        let moments = &field.moments;
        let teacher = state.c.clone().unwrap_or_else(|| state.a.clone());
        let r = &state.b * &state.a * &moments.xx - &teacher * &moments.yx;
        let mut a = -(state.b.transpose() * &r) - faer::Scale(field.decay_a) * &state.a;
        if field.kind == Field::Joint {
            let yy = moments.yy.as_ref().unwrap();
            a += &state.b * &state.a * moments.yx.transpose() - &state.a * yy;
        }
        let b = faer::Scale(-field.rate_b) * (&r * state.a.transpose() + faer::Scale(field.decay_b) * &state.b);
        let c = state.c.as_ref().map(|c| faer::Scale(field.ema_rate) * (&state.a - c));
        let expected = LinearState { a, b, c }.to_flat();
        let size = expected.iter().fold(1.0f64, |max, x| max.max(x.abs()));
        assert!(distance(&value(&field, &z), &expected) < 1e-13 * size, "{} n = {}", field.kind, field.width);
    }
}

#[test]
fn products_are_derivatives_and_transposed_products_their_transposes() {
    for field in instances() {
        let z = normal_vector(field.dimension(), 2);
        check_jvp(&field, &z, field.kind.name());
        let (u, v) = (normal_vector(z.len(), 3), normal_vector(z.len(), 4));
        let (mut forward, mut backward) = (vec![0.0; z.len()], vec![0.0; z.len()]);
        field.jvp(&z, &v, &mut forward);
        assert!(field.vjp(&z, &u, &mut backward));
        let (left, right) = (inner_product(&u, &forward), inner_product(&backward, &v));
        let size = crate::statistics::squared_norm(&forward).sqrt() * (z.len() as f64).sqrt();
        assert!((left - right).abs() < 1e-13 * size.max(1.0), "{}: {left} {right}", field.kind);
    }
}

#[test]
fn the_joint_field_descends_its_objective_and_the_others_descend_the_proxy_of_a_fixed_teacher() {
    for field in fields(3, 4, 0.1) {
        let z = normal_vector(field.dimension(), 6);
        let students = field.width * (field.inputs() + field.width);
        // F̄ with the teacher apart from the student: the state of an EMA field, whatever the field under test.
        let wide = LinearField::new(Field::Ema, field.moments.clone(), field.width, 0.1).unwrap();
        let teacher = if field.kind.has_teacher() { &z[students..] } else { &z[..field.width * field.inputs()] };
        let objective = |student: &[f64]| match field.kind {
            Field::Joint => field.objective(student).unwrap(),
            _ => wide.proxy_objective(&[student, teacher].concat()).unwrap(),
        };
        let velocity = value(&field, &z);
        for at in 0..students {
            let shifted = |step: f64| {
                let mut student = z[..students].to_vec();
                student[at] += step;
                objective(&student)
            };
            let slope = (shifted(1e-5) - shifted(-1e-5)) / 2e-5;
            assert!((velocity[at] + slope).abs() < 1e-7, "{}: {} {slope}", field.kind, velocity[at]);
        }
    }
}

#[test]
fn the_objective_is_the_mean_loss_of_the_pairs() {
    // Two pairs in two dimensions, by hand.
    let pairs = [[[1.0, 2.0], [0.5, -1.0]], [[-0.5, 1.0], [2.0, 0.25]]];
    // Sides 0 and 1 of a pair are x and y.
    let mean = |left: usize, right: usize| {
        let entry = |pair: &[[f64; 2]; 2], i: usize, j: usize| pair[left][i] * pair[right][j];
        Mat::from_fn(2, 2, |i, j| pairs.iter().map(|pair| entry(pair, i, j)).sum::<f64>() / 2.0)
    };
    let all = moments(mean(0, 0), mean(1, 0), mean(1, 1));
    let field = LinearField::new(Field::Ema, all, 1, 0.2).unwrap();
    let (a, b, c) = ([0.3, -0.7], 1.5, [0.2, 0.4]);
    let dot = |p: [f64; 2], q: [f64; 2]| p[0] * q[0] + p[1] * q[1];
    let loss = |teacher: [f64; 2]| {
        pairs.iter().map(|[x, y]| 0.5 * (b * dot(a, *x) - dot(teacher, *y)).powi(2)).sum::<f64>() / 2.0
            + 0.1 * (dot(a, a) + b * b)
    };
    let z = [a[0], a[1], b, c[0], c[1]];
    assert!((field.objective(&z).unwrap() - loss(a)).abs() < 1e-14);
    assert!((field.proxy_objective(&z).unwrap() - loss(c)).abs() < 1e-14);
}

#[test]
fn the_balance_gap_decays_at_twice_the_weight_decay() {
    let matched = |field: LinearField| field.with_decays(0.3, 0.1).unwrap().with_rate_b(3.0).unwrap();
    for field in fields(4, 3, 0.07).into_iter().flat_map(|f| [f.clone(), matched(f)]) {
        let z = normal_vector(field.dimension(), 5);
        let velocity = value(&field, &z);
        // The gap is quadratic: its central difference has no truncation error.
        let gap =
            |step: f64| field.balance_gap(&z.iter().zip(&velocity).map(|(z, v)| z + step * v).collect::<Vec<_>>());
        let (here, above, below) = (gap(0.0), gap(0.01), gap(-0.01));
        let rate = 2.0 * field.decay_a;
        assert_eq!(field.balance_rate().is_some(), field.kind.stops_gradient());
        let worst = (0..16)
            .map(|k| ((above[(k / 4, k % 4)] - below[(k / 4, k % 4)]) / 0.02 + rate * here[(k / 4, k % 4)]).abs())
            .fold(0.0, f64::max);
        if let Some(rate) = field.balance_rate() {
            assert!((rate - 2.0 * field.decay_a).abs() < 1e-15 && worst < 1e-10, "{}: {worst}", field.kind);
        } else {
            assert!(worst > 0.1, "joint has no such law");
        }
    }
    let apart = fields(2, 2, 0.1).remove(1).with_decays(0.1, 0.2).unwrap();
    assert_eq!(apart.balance_rate(), None);
}

#[test]
fn at_an_equilibrium_a_determines_b_and_the_gap_is_zero_whatever_the_decays() {
    let field = fields(4, 3, 0.05).remove(1).with_decays(0.04, 0.09).unwrap().with_rate_b(1.7).unwrap();
    let z = settled(&field, 3, 3).expect("the flow settles");
    let state = LinearState::from_flat(&z, 4, 3);
    let b = field.predictor_of(&state.a).unwrap();
    let gap = field.balance_gap(&z);
    for i in 0..4 {
        for j in 0..4 {
            assert!((b[(i, j)] - state.b[(i, j)]).abs() < 1e-9 && gap[(i, j)].abs() < 1e-9);
        }
    }
    assert_eq!(state.rank(1e-6), Ok(3));
    assert!(field.residual(&z) < 1e-12 && field.relative_residual(&z) < 1e-9);
    let origin = vec![0.0; z.len()];
    assert!(field.relative_residual(&origin) == 0.0 && LinearState::from_flat(&origin, 4, 3).rank(1e-6) == Ok(0));
    let tiny: Vec<f64> = z.iter().map(|x| 1e-9 * x).collect();
    assert!(field.residual(&tiny) < 1e-8 && field.relative_residual(&tiny) > 0.5);
}

#[test]
fn a_step_is_the_field_times_its_rate_and_its_products_are_derivatives() {
    for field in fields(3, 2, 0.05) {
        let z = normal_vector(field.dimension(), 1);
        let plain = UpdateMap::new(field.clone(), 0.1, 0.8).unwrap();
        let (next, velocity) = (value(&plain, &z), value(&field, &z));
        let students = 3 * 2 + 3 * 3;
        for at in 0..students {
            assert!((next[at] - z[at] - 0.1 * velocity[at]).abs() < 1e-15);
        }
        for at in students..z.len() {
            let expected = 0.8 * z[at] + 0.2 * next[at - students];
            assert!((next[at] - expected).abs() < 1e-15, "the teacher follows the new student");
        }
        check_jvp(&plain, &z, "plain");
        let ball = plain.with_heavy_ball(0.9).unwrap();
        let first = value(&ball, &ball.extend(&z));
        assert!(distance(&first[..z.len()], &next) < 1e-15, "from rest the first step is the plain one");
        let second = value(&ball, &first);
        let fresh = value(&field, &first[..z.len()]);
        for at in 0..students {
            let expected = first[at] + 0.1 * (0.9 * first[z.len() + at] + fresh[at]);
            assert!((second[at] - expected).abs() < 1e-14);
        }
        check_jvp(&ball, &first, "heavy ball");
    }
}

#[test]
fn what_cannot_be_is_refused_with_what_to_do() {
    let new = |kind, width, decay| LinearField::new(kind, sample_moments(2, 1), width, decay);
    assert_eq!(new(Field::Ema, 0, 0.1).unwrap_err(), LinearFieldError::Width);
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = new(Field::StopGradient, 2, bad).unwrap_err();
        assert!(error.to_string().contains("finite number above 0"), "{error}");
        assert!(new(Field::Ema, 2, 0.1).unwrap().with_ema_rate(bad).is_err());
        assert!(UpdateMap::new(new(Field::Ema, 2, 0.1).unwrap(), bad, 0.0).is_err());
    }
    for bad in [-0.1, 1.0, f64::NAN] {
        let field = new(Field::Ema, 2, 0.1).unwrap();
        assert!(UpdateMap::new(field.clone(), 0.1, bad).is_err());
        assert!(UpdateMap::new(field, 0.1, 0.5).unwrap().with_heavy_ball(bad).is_err());
    }
    let mut lacking = sample_moments(2, 1);
    lacking.yy = None;
    let missing = LinearField::new(Field::Joint, lacking.clone(), 2, 0.1).unwrap_err();
    assert_eq!(missing, LinearFieldError::MissingTargetMoment);
    assert_eq!(LinearField::new(Field::Ema, lacking.clone(), 1, 0.1).unwrap().objective(&[0.0; 5]), None);
    lacking.symmetrized = true;
    let field = LinearField::new(Field::Joint, lacking, 2, 0.1).unwrap();
    assert!(field.objective(&[0.1; 8]).is_some(), "symmetrized moments: V is X");
}
