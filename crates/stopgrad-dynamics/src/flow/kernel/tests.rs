use super::*;
use crate::ensemble::tests::{linear_field, moments};
use crate::random::{normal, stream};
use crate::{LinearState, VectorField};

/// Section 2 of docs/theory.md, written with whole matrices.
fn reference(field: &LinearField, z: &[f64]) -> Vec<f64> {
    let state = LinearState::from_flat(z, field.width, field.moments.size());
    let (a, b) = (&state.a, &state.b);
    let c = state.c.as_ref().unwrap_or(a);
    let (x, y) = (&field.moments.xx, &field.moments.yx);
    let residual = b * a * x - c * y;
    let mut da = -(b.transpose() * &residual + faer::Scale(field.decay_a) * a);
    if field.kind == Field::Joint {
        da += b * a * y.transpose() - a * field.moments.yy.as_ref().expect("V");
    }
    let db = faer::Scale(-field.rate_b) * (&residual * a.transpose() + faer::Scale(field.decay_b) * b);
    let dc = state.c.as_ref().map(|c| faer::Scale(field.ema_rate) * (a - c));
    LinearState { a: da, b: db, c: dc }.to_flat()
}

fn example(kind: Field, n: usize, m: usize) -> (LinearField, Vec<f64>) {
    let mut field = linear_field(kind, n, moments(m, 5, false), 0.03);
    (field.decay_b, field.ema_rate, field.rate_b) = (0.07, 0.4, 1.7);
    let mut rng = stream(11, (n * 100 + m) as u64);
    let z = (0..state_size(kind, n, m)).map(|_| normal(&mut rng)).collect();
    (field, z)
}

#[test]
fn the_value_is_that_of_the_definition_for_every_field_and_block_shape() {
    for kind in Field::ALL {
        for (n, m) in [(1, 1), (4, 1), (8, 4), (5, 3), (3, 7), (9, 6)] {
            let (field, z) = example(kind, n, m);
            let mut value = vec![f64::NAN; z.len()];
            LinearKernel::new(&field).value(&z, &mut value);
            for (got, expected) in value.iter().zip(reference(&field, &z)) {
                // Three products of at most 9 terms of size 10.
                assert!((got - expected).abs() <= 1e-12 * (1.0 + expected.abs()), "{kind} {n} {m}: {got} {expected}");
            }
        }
    }
}

#[test]
fn the_product_with_the_jacobian_is_the_limit_of_differences_of_the_definition() {
    for kind in Field::ALL {
        let (field, z) = example(kind, 5, 3);
        let (_, direction) = example(kind, 5, 3);
        let mut product = vec![0.0; z.len()];
        LinearKernel::new(&field).jvp(&z, &direction, &mut product);
        let at = |s: f64| -> Vec<f64> {
            reference(&field, &z.iter().zip(&direction).map(|(z, d)| z + s * d).collect::<Vec<f64>>())
        };
        let step = 1e-5;
        for ((got, ahead), behind) in product.iter().zip(at(step)).zip(at(-step)) {
            let expected = (ahead - behind) / (2.0 * step);
            // Third derivative times step², and rounding over step.
            assert!((got - expected).abs() < 1e-7 * (1.0 + expected.abs()), "{kind}: {got} {expected}");
        }
    }
}
