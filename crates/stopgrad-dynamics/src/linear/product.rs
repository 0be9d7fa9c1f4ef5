//! Products of small row-major matrices without allocation; large ones go to the matrix library.
//!
//! The library's fixed cost is that of a whole product at n = 8. All three forms add to `out`.

use faer::{Accum, MatMut, MatRef};

use crate::linalg;

/// Largest dimension for the plain loops.
pub(super) const SMALL: usize = 16;

/// out ← out + factor · L R.
///
/// # Shapes      left: p × k; right: k × q; out: p × q; size: [p, k, q]
pub(crate) fn add_product(out: &mut [f64], factor: f64, left: &[f64], right: &[f64], [p, k, q]: [usize; 3]) {
    if large([p, k, q]) {
        let (l, r) = (MatRef::from_row_major_slice(left, p, k), MatRef::from_row_major_slice(right, k, q));
        return linalg::multiply(MatMut::from_row_major_slice_mut(out, p, q), Accum::Add, l, r, factor);
    }
    for (row, l) in out.chunks_exact_mut(q).zip(left.chunks_exact(k)) {
        for (&scale, r) in l.iter().zip(right.chunks_exact(q)) {
            add_row(row, factor * scale, r);
        }
    }
}

/// out ← out + factor · Lᵀ R.
///
/// # Shapes      left: k × p; right: k × q; out: p × q; size: [p, k, q]
pub(crate) fn add_product_tn(out: &mut [f64], factor: f64, left: &[f64], right: &[f64], [p, k, q]: [usize; 3]) {
    if large([p, k, q]) {
        let (l, r) = (MatRef::from_row_major_slice(left, k, p).transpose(), MatRef::from_row_major_slice(right, k, q));
        return linalg::multiply(MatMut::from_row_major_slice_mut(out, p, q), Accum::Add, l, r, factor);
    }
    for (l, r) in left.chunks_exact(p).zip(right.chunks_exact(q)) {
        for (&scale, row) in l.iter().zip(out.chunks_exact_mut(q)) {
            add_row(row, factor * scale, r);
        }
    }
}

/// out ← out + factor · L Rᵀ.
///
/// # Shapes      left: p × k; right: q × k; out: p × q; size: [p, k, q]
pub(crate) fn add_product_nt(out: &mut [f64], factor: f64, left: &[f64], right: &[f64], [p, k, q]: [usize; 3]) {
    if large([p, k, q]) {
        let (l, r) = (MatRef::from_row_major_slice(left, p, k), MatRef::from_row_major_slice(right, q, k).transpose());
        return linalg::multiply(MatMut::from_row_major_slice_mut(out, p, q), Accum::Add, l, r, factor);
    }
    for (row, l) in out.chunks_exact_mut(q).zip(left.chunks_exact(k)) {
        for (entry, r) in row.iter_mut().zip(right.chunks_exact(k)) {
            *entry += factor * l.iter().zip(r).map(|(x, y)| x * y).sum::<f64>();
        }
    }
}

fn large(size: [usize; 3]) -> bool {
    size.into_iter().any(|side| side > SMALL)
}

fn add_row(row: &mut [f64], scale: f64, other: &[f64]) {
    for (entry, x) in row.iter_mut().zip(other) {
        *entry += scale * x;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_agree_with_the_definition_on_both_sides_of_the_threshold() {
        for size @ [p, k, q] in [[2, 3, 4], [16, 5, 16], [3, 17, 20], [40, 30, 18]] {
            let fill = |len: usize, shift: f64| (0..len).map(|i| (i as f64 * 0.7 + shift).sin()).collect::<Vec<_>>();
            let (left, right, start) = (fill(p * k, 0.1), fill(k * q, 0.5), fill(p * q, 0.9));
            let flip = |data: &[f64], rows: usize, columns: usize| -> Vec<f64> {
                (0..columns).flat_map(|j| (0..rows).map(move |i| data[i * columns + j])).collect()
            };
            let mut outs = [start.clone(), start.clone(), start.clone()];
            add_product(&mut outs[0], -2.0, &left, &right, size);
            add_product_tn(&mut outs[1], -2.0, &flip(&left, p, k), &right, size);
            add_product_nt(&mut outs[2], -2.0, &left, &flip(&right, k, q), size);
            for i in 0..p {
                for j in 0..q {
                    let product: f64 = (0..k).map(|l| left[i * k + l] * right[l * q + j]).sum();
                    for out in &outs {
                        assert!((out[i * q + j] - start[i * q + j] + 2.0 * product).abs() < 1e-13, "{size:?}");
                    }
                }
            }
        }
    }
}
