use super::*;
use crate::testing::{fields, normal_vector};
use crate::{Field, LinearField, LinearState};

use faer::Mat;

/// Hides Jᵀ.
struct OneWay(LinearField);

impl VectorField for OneWay {
    fn dimension(&self) -> usize {
        self.0.dimension()
    }
    fn value(&self, z: &[f64], out: &mut [f64]) {
        self.0.value(z, out);
    }
    fn jvp(&self, z: &[f64], direction: &[f64], out: &mut [f64]) {
        self.0.jvp(z, direction, out);
    }
}

fn state(field: &LinearField) -> Vec<f64> {
    normal_vector(field.dimension(), 12).iter().map(|x| 0.6 * x).collect()
}

#[test]
fn the_joint_field_is_a_gradient_and_stop_gradient_is_not() {
    for field in fields(4, 3, 0.05) {
        let z = state(&field);
        let found = exact(&field, &z);
        match field.kind {
            Field::Joint => {
                assert!(found < 1e-14, "{found}");
                assert!(stochastic(&field, &z, 16, 1).kappa.high < 1e-14);
                let paths = closed_paths(&field, &z, 16, 1e-2, 1).kappa;
                assert!(paths.high < 1e-8, "{paths:?}");
            }
            Field::StopGradient | Field::Ema => assert!(found > 0.1, "{found}"),
        }
    }
}

#[test]
fn kappa_of_known_matrices() {
    let of = |entries: [f64; 4]| kappa(&Mat::from_fn(2, 2, |i, j| entries[2 * i + j]));
    assert!(of([1.0, 2.0, 2.0, 5.0]).abs() < 1e-15, "symmetric");
    assert!(of([0.0, 1.0, -1.0, 0.0]).is_infinite(), "antisymmetric");
    assert!((of([0.0, 1.0, 0.0, 0.0]) - 1.0).abs() < 1e-15, "half and half");
    assert!(of([0.0; 4]).abs() < 1e-15);
}

#[test]
fn the_interval_covers_the_exact_value_as_often_as_it_says() {
    for field in fields(4, 3, 0.05).into_iter().skip(1) {
        let z = state(&field);
        let truth = exact(&field, &z);
        let one_way = OneWay(field.clone());
        let covered = |estimate: &dyn Fn(u64) -> Interval| {
            let holds = |interval: Interval| interval.low <= truth && truth <= interval.high;
            (0..200).filter(|&seed| holds(estimate(seed))).count()
        };
        // 95 % of 200 is 190 ± 3; skewed samples cost a little: 176 is 88 %.
        let both = covered(&|seed| stochastic(&field, &z, 48, seed).kappa);
        let forward = covered(&|seed| stochastic(&one_way, &z, 48, seed).kappa);
        assert!(both >= 176 && forward >= 176, "{}: {both} and {forward} of 200", field.kind);
        let wide = stochastic(&field, &z, 400, 5);
        assert!(wide.transposed && (wide.kappa.estimate - truth).abs() < 0.1 * truth);
        assert!(wide.kappa.high - wide.kappa.low < 0.2 * truth, "{wide:?}");
        let paths = closed_paths(&field, &z, 3000, 1e-2, 3).kappa;
        assert!(paths.low <= truth && truth <= paths.high && paths.high - paths.low < 0.3 * truth, "{truth} {paths:?}");
    }
}

#[test]
fn the_work_around_a_small_path_is_the_antisymmetric_part_times_its_area() {
    for field in fields(4, 3, 0.05) {
        let z = state(&field);
        let (first, second) = (normal_vector(z.len(), 1), normal_vector(z.len(), 2));
        let (mut along_first, mut along_second) = (vec![0.0; z.len()], vec![0.0; z.len()]);
        field.jvp(&z, &first, &mut along_first);
        field.jvp(&z, &second, &mut along_second);
        // d₁ᵀ(Jᵀ − J)d₂.
        let expected = inner_product(&along_first, &second) - inner_product(&first, &along_second);
        let errors = [0.1, 0.05].map(|epsilon| {
            let path = closed_path(&field, &z, [&first, &second], epsilon);
            assert!((path.work - path.circulation * epsilon.powi(2)).abs() < 1e-15 * path.work.abs());
            assert!((path.circulation - expected).abs() <= 2.0 * path.discrepancy + 1e-9, "{}: {path:?}", field.kind);
            (path.circulation - expected).abs()
        });
        if field.kind == Field::Joint {
            assert!(expected.abs() < 1e-12 && errors[0] < 1e-9, "no work at any size: {errors:?}");
        } else {
            // The antisymmetric part of this J is linear in the state, so a centred path sees it exactly.
            assert!(expected.abs() > 0.1 && errors[0] < 1e-11, "{}: {errors:?}", field.kind);
        }
    }
}

/// d₁ᵀ(Jᵀ − J)d₂ of docs/theory.md, 5: ⟨W₂, T₁Y⟩ − ⟨W₁, T₂Y⟩ with W = BD + EA for d = (D, E, F), T = D, and for EMA
/// T = F and γ(⟨F₂, D₁⟩ − ⟨F₁, D₂⟩) more; affine in (A, B).
fn turning(field: &LinearField, z: &[f64], [first, second]: [&[f64]; 2]) -> f64 {
    let of = |z: &[f64]| LinearState::from_flat(z, field.width, field.inputs());
    let inner = |p: &Mat<f64>, q: &Mat<f64>| (p.transpose() * q).diagonal().column_vector().sum();
    let (state, first, second) = (of(z), of(first), of(second));
    let w = |d: &LinearState| &state.b * &d.a + &d.b * &state.a;
    let teacher = |d: &LinearState| d.c.clone().unwrap_or_else(|| d.a.clone());
    let follow = |one: &LinearState, other: &LinearState| {
        let lag = other.c.as_ref().map_or(0.0, |f| field.ema_rate * inner(f, &one.a));
        inner(&w(other), &(teacher(one) * &field.moments.yx)) + lag
    };
    follow(&first, &second) - follow(&second, &first)
}

#[test]
fn the_work_around_a_centered_parallelogram_of_any_size_is_that_of_the_center() {
    for field in fields(4, 3, 0.05).into_iter().skip(1) {
        let (z, other) = (state(&field), normal_vector(field.dimension(), 30));
        let (first, second) = (normal_vector(z.len(), 1), normal_vector(z.len(), 2));
        let sides = [&first[..], &second[..]];
        let expected = turning(&field, &z, sides);
        for epsilon in [0.01, 1.0, 20.0] {
            let path = closed_path(&field, &z, sides, epsilon);
            // A field of size ε³ along sides of length ε, over ε².
            let rounding = 1e-11 * (1.0 + epsilon * epsilon) * expected.abs();
            assert!((path.circulation - expected).abs() < rounding, "{} at {epsilon}: {path:?}", field.kind);
        }
        // Affine in the state: on a line through two states it is the mean of its ends, halfway.
        let halfway: Vec<f64> = z.iter().zip(&other).map(|(x, y)| 0.5 * (x + y)).collect();
        let mut products = [&z, &other, &halfway].map(|z| {
            let (mut along, mut across) = (vec![0.0; z.len()], vec![0.0; z.len()]);
            field.jvp(z, &first, &mut along);
            field.jvp(z, &second, &mut across);
            inner_product(&along, &second) - inner_product(&first, &across)
        });
        products[2] -= 0.5 * (products[0] + products[1]);
        assert!((products[0] - expected).abs() < 1e-11 && products[2].abs() < 1e-11, "{products:?}, {expected}");
    }
}

/// v(x, y) = (y⁴, 0): d₁ᵀ(Jᵀ − J)d₂ = −4y³ for the unit square, and ∓y ε² more around a path of size ε.
struct Shear;

impl VectorField for Shear {
    fn dimension(&self) -> usize {
        2
    }
    fn value(&self, z: &[f64], out: &mut [f64]) {
        out.copy_from_slice(&[z[1].powi(4), 0.0]);
    }
    fn jvp(&self, z: &[f64], direction: &[f64], out: &mut [f64]) {
        out.copy_from_slice(&[4.0 * z[1].powi(3) * direction[1], 0.0]);
    }
}

#[test]
fn curvature_changes_the_work_at_second_order_and_the_discrepancy_shows_it() {
    let z = [0.3, 0.5];
    for epsilon in [0.2, 0.1] {
        let path = closed_path(&Shear, &z, [&[1.0, 0.0], &[0.0, 1.0]], epsilon);
        // ∬ −4y³ over the square, by hand.
        assert!((path.circulation + 4.0 * z[1].powi(3) + z[1] * epsilon.powi(2)).abs() < 1e-12, "{path:?}");
        assert!((path.discrepancy - 0.75 * z[1] * epsilon.powi(2)).abs() < 1e-12);
    }
    assert!((exact(&Shear, &z) - 1.0).abs() < 1e-15);
}
