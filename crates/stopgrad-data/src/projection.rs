//! A fixed linear map of prepared views, for networks that are to see principal components.

use serde::{Deserialize, Serialize};

/// z = P (v − c), with P of k × d and c of d.
///
/// Held in f32, as views are: what a stored run reads back is what it was trained on, to the bit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Projection {
    /// c.
    center: Vec<f32>,
    /// P, row after row.
    rows: Vec<f32>,
}

/// Sums side by side, so that they become vector instructions; added up in a fixed order.
const LANES: usize = 8;

impl Projection {
    /// From c and the rows of P, rounded to f32.
    ///
    /// # Panics
    /// When there is no row, or the rows are not of c's length.
    pub fn new(center: &[f64], rows: &[f64]) -> Self {
        assert!(!center.is_empty() && !rows.is_empty(), "a projection has a row");
        assert!(rows.len().is_multiple_of(center.len()), "rows as long as the center");
        let narrow = |values: &[f64]| values.iter().map(|&value| value as f32).collect();
        Self { center: narrow(center), rows: narrow(rows) }
    }

    /// d.
    pub fn inputs(&self) -> usize {
        self.center.len()
    }

    /// k.
    pub fn outputs(&self) -> usize {
        self.rows.len() / self.center.len().max(1)
    }

    /// The projections of prepared views, one after another: n × d → n × k, row-major. Sums are f64.
    ///
    /// # Panics
    /// When `values` are not whole views.
    pub fn apply(&self, values: &[f32]) -> Vec<f32> {
        let d = self.inputs();
        assert!(values.len().is_multiple_of(d), "whole views of {d} numbers");
        let mut out = Vec::with_capacity(values.len() / d * self.outputs());
        let mut shifted = vec![0.0_f64; d];
        for view in values.chunks_exact(d) {
            for ((to, &value), &center) in shifted.iter_mut().zip(view).zip(&self.center) {
                *to = f64::from(value) - f64::from(center);
            }
            out.extend(self.rows.chunks_exact(d).map(|row| inner(row, &shifted) as f32));
        }
        out
    }
}

fn inner(row: &[f32], values: &[f64]) -> f64 {
    let mut lanes = [0.0_f64; LANES];
    let (whole_row, whole_values) = (row.chunks_exact(LANES), values.chunks_exact(LANES));
    let rest: f64 = whole_row.remainder().iter().zip(whole_values.remainder()).map(|(&a, b)| f64::from(a) * b).sum();
    for (a, b) in whole_row.zip(whole_values) {
        for lane in 0..LANES {
            lanes[lane] += f64::from(a[lane]) * b[lane];
        }
    }
    lanes.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_are_centered_and_turned() {
        // 11 numbers: a part of eight and a rest.
        let center: Vec<f64> = (0..11).map(f64::from).collect();
        let rows: Vec<f64> = (0..22).map(|i| f64::from(i % 5) - 2.0).collect();
        let projection = Projection::new(&center, &rows);
        assert_eq!((projection.inputs(), projection.outputs()), (11, 2));
        let views: Vec<f32> = (0..33).map(|i| (i * i % 17) as f32).collect();
        let projected = projection.apply(&views);
        for (n, view) in views.chunks(11).enumerate() {
            for k in 0..2 {
                let expected: f64 = (0..11).map(|j| rows[11 * k + j] * (f64::from(view[j]) - center[j])).sum();
                assert!((f64::from(projected[2 * n + k]) - expected).abs() < 1e-4, "{projected:?}");
            }
        }
    }

    #[test]
    fn a_projection_reads_back() {
        let projection = Projection::new(&[0.1, 1.0 / 3.0], &[1e-9, 7.0]);
        let text = toml::to_string(&projection).unwrap();
        assert_eq!(toml::from_str::<Projection>(&text).unwrap(), projection);
    }
}
