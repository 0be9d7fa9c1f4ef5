//! A linear classifier on frozen features, in closed form: what can be read off without bending.
//!
//! Least squares on one-hot targets with a ridge was chosen over logistic regression by gradient descent:
//! it has one answer, reached in one solve, so the accuracy of a run never depends on how long a probe was
//! trained. Features are standardised by the training part, so one ridge means the same for every encoder.

use std::ops::Range;

use crate::linalg::{column_products_f32, inner_products_f32, solve_positive_definite};
use rayon::prelude::*;

use super::rows::{blocks, check_rows};
use super::{Labelled, Part, ProbeError, Rows, agreement, check_classes};

/// Ridges tried by [`LinearProbe::fit_choosing_ridge`], in units of a standardised feature's variance.
///
/// From hardly any to as much as the features themselves, a factor of ten apart; below 1e-4 the rounding
/// of single-precision products could show.
pub const RIDGES: [f64; 5] = [1.0, 1e-1, 1e-2, 1e-3, 1e-4];

/// Samples whose products are added in single precision before they join the f64 sum.
const BLOCK: usize = 2048;
/// Numbers in the blocks of products held at a time: 256 MiB.
const HELD: usize = 1 << 26;
/// A feature whose deviation is below this share of its mean is rounding around a constant, and not used.
const CONSTANT_SHARE: f64 = 1e-6;

/// Scores that are linear in the standardised features; the class with the highest wins, the lower of equals.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearProbe {
    /// classes × d, for standardised features.
    weights: Vec<f32>,
    /// Score of each class at the mean sample.
    intercepts: Vec<f32>,
    scaling: Scaling,
    /// The ridge it was fitted with.
    pub ridge: f64,
}

impl LinearProbe {
    /// The probe with a given ridge.
    ///
    /// W = (C + λ I)⁻¹ XᵀY/n, with X standardised, C = XᵀX/n and Y one-hot, centred; the intercepts are the
    /// class frequencies. Constant features get weight 0.
    ///
    /// # Errors      [`ProbeError`], also of labels that are not below `classes`
    /// # Cost        n d²/2 multiply-adds in f32 blocks, parallel; d³/6 for the factor; four readings of the rows
    pub fn fit(train: &Labelled<'_>, classes: usize, ridge: f64) -> Result<Self, ProbeError> {
        Moments::new(train, classes)?.solve(ridge)
    }

    /// The probe whose ridge, of [`RIDGES`], does best on the validation part; the larger of equals.
    ///
    /// Fitted on the training part alone; the validation part only chooses.
    ///
    /// # Errors      [`ProbeError`]
    pub fn fit_choosing_ridge(
        train: &Labelled<'_>, validation: &Labelled<'_>, classes: usize,
    ) -> Result<Self, ProbeError> {
        validation.check()?;
        check_range(Part::Validation, validation.labels, classes)?;
        let moments = Moments::new(train, classes)?;
        let mut best: Option<(f64, Self)> = None;
        for probe in RIDGES.par_iter().map(|&ridge| moments.solve(ridge)).collect::<Vec<_>>() {
            let probe = probe?;
            let accuracy = agreement(&probe.scores_to_classes(validation.rows), validation.labels);
            // The grid descends and only better ones replace: the larger of equals stays.
            if best.as_ref().is_none_or(|(highest, _)| accuracy > *highest) {
                best = Some((accuracy, probe));
            }
        }
        Ok(best.expect("the grid is not empty").1)
    }

    /// The class of each sample.
    ///
    /// # Errors      [`ProbeError`]
    pub fn predict(&self, rows: &dyn Rows) -> Result<Vec<u32>, ProbeError> {
        check_rows(Part::Test, rows)?;
        Ok(self.scores_to_classes(rows))
    }

    /// Share of samples whose class it names.
    ///
    /// # Errors      [`ProbeError`]
    pub fn accuracy(&self, test: &Labelled<'_>) -> Result<f64, ProbeError> {
        test.check()?;
        Ok(agreement(&self.scores_to_classes(test.rows), test.labels))
    }

    fn scores_to_classes(&self, rows: &dyn Rows) -> Vec<u32> {
        let (d, classes) = (self.scaling.mean.len(), self.intercepts.len());
        let blocks: Vec<_> = blocks(rows.count(), BLOCK).collect();
        blocks
            .into_par_iter()
            .flat_map_iter(|block| {
                let mut scores = vec![0.0; block.len() * classes];
                inner_products_f32(&self.scaling.apply(&rows.read(block)), &self.weights, d, &mut scores);
                scores.chunks_exact(classes).map(|row| self.highest(row)).collect::<Vec<_>>()
            })
            .collect()
    }

    /// The weights, classes × d.
    #[cfg(test)]
    pub(super) fn weights_for_test(&self) -> &[f32] {
        &self.weights
    }

    fn highest(&self, scores: &[f32]) -> u32 {
        let (mut best, mut highest) = (0, f32::NEG_INFINITY);
        for (class, (score, intercept)) in scores.iter().zip(&self.intercepts).enumerate() {
            if score + intercept > highest {
                (best, highest) = (class, score + intercept);
            }
        }
        best as u32
    }
}

/// What makes each feature have mean 0 and variance 1 on the training part.
#[derive(Debug, Clone, PartialEq)]
struct Scaling {
    mean: Vec<f64>,
    /// 1 / deviation; 0 for constant features.
    factor: Vec<f64>,
}

impl Scaling {
    fn new(rows: &dyn Rows) -> Self {
        let n = rows.count() as f64;
        let mut mean = column_sums(rows, |x, _| x, &vec![0.0; rows.width()]);
        for sum in &mut mean {
            *sum /= n;
        }
        let mut factor = column_sums(rows, |x, m| (x - m) * (x - m), &mean);
        for (sum, m) in factor.iter_mut().zip(&mean) {
            let deviation = (*sum / n).sqrt();
            *sum = if deviation > CONSTANT_SHARE * m.abs() { 1.0 / deviation } else { 0.0 };
        }
        Self { mean, factor }
    }

    /// The features, standardised.
    fn apply(&self, rows: &[f32]) -> Vec<f32> {
        let d = self.mean.len();
        let mut out = Vec::with_capacity(rows.len());
        for row in rows.chunks_exact(d) {
            for ((&x, m), f) in row.iter().zip(&self.mean).zip(&self.factor) {
                out.push(((f64::from(x) - m) * f) as f32);
            }
        }
        out
    }
}

/// Sums of the training part, from which every ridge's probe follows.
struct Moments {
    scaling: Scaling,
    /// C: d × d.
    correlation: Vec<f64>,
    /// Xᵀ(Y − frequencies)/n: d × classes.
    cross: Vec<f64>,
    frequencies: Vec<f64>,
}

impl Moments {
    fn new(train: &Labelled<'_>, classes: usize) -> Result<Self, ProbeError> {
        train.check()?;
        let Labelled { rows, labels, .. } = *train;
        check_range(Part::Train, labels, classes)?;
        check_classes(labels)?;
        let d = rows.width();
        let n = labels.len() as f64;
        let scaling = Scaling::new(rows);
        let mut frequencies = vec![0.0; classes];
        for &label in labels {
            frequencies[label as usize] += 1.0 / n;
        }
        let mut correlation = vec![0.0; d * d];
        let mut cross = vec![0.0; d * classes];
        let blocks: Vec<_> = blocks(rows.count(), BLOCK).zip(labels.chunks(BLOCK)).collect();
        for held in blocks.chunks((HELD / (d * d)).clamp(2, 32)) {
            let sums = |(block, labels): &(Range<usize>, &[u32])| {
                block_sums(&scaling.apply(&rows.read(block.clone())), labels, d, classes)
            };
            let parts: Vec<_> = held.par_iter().map(sums).collect();
            for (products, class_sums) in parts {
                add_lower(&mut correlation, &products, d);
                for (sum, part) in cross.iter_mut().zip(class_sums) {
                    *sum += part;
                }
            }
        }
        finish(&mut correlation, &mut cross, &frequencies, d, n);
        Ok(Self { scaling, correlation, cross, frequencies })
    }

    fn solve(&self, ridge: f64) -> Result<LinearProbe, ProbeError> {
        if !(ridge > 0.0 && ridge.is_finite()) {
            return Err(ProbeError::Ridge { ridge });
        }
        let (d, classes) = (self.scaling.mean.len(), self.frequencies.len());
        let mut matrix = self.correlation.clone();
        for i in 0..d {
            matrix[i * d + i] += ridge;
        }
        let mut solution = self.cross.clone();
        solve_positive_definite(&mut matrix, &mut solution, d, classes)
            .map_err(|source| ProbeError::Solve { ridge, source })?;
        let weights = (0..classes * d).map(|i| solution[i % d * classes + i / d] as f32).collect();
        let intercepts = self.frequencies.iter().map(|&share| share as f32).collect();
        Ok(LinearProbe { weights, intercepts, scaling: self.scaling.clone(), ridge })
    }
}

/// One block's products (lower triangle) and feature sums of each class (d × classes).
fn block_sums(rows: &[f32], labels: &[u32], d: usize, classes: usize) -> (Vec<f32>, Vec<f64>) {
    let mut products = vec![0.0; d * d];
    column_products_f32(rows, labels.len(), d, &mut products);
    let mut by_class = vec![0.0; classes * d];
    for (row, &label) in rows.chunks_exact(d).zip(labels) {
        let sums = &mut by_class[label as usize * d..][..d];
        for (sum, &x) in sums.iter_mut().zip(row) {
            *sum += f64::from(x);
        }
    }
    let class_sums = (0..d * classes).map(|i| by_class[i % classes * d + i / classes]).collect();
    (products, class_sums)
}

/// Add one block's lower triangle, rows in parallel: each entry still sees the blocks in order.
fn add_lower(correlation: &mut [f64], products: &[f32], d: usize) {
    correlation.par_chunks_mut(d).zip(products.par_chunks(d)).enumerate().with_min_len(64).for_each(
        |(i, (sums, part))| {
            for (sum, &product) in sums[..=i].iter_mut().zip(part) {
                *sum += f64::from(product);
            }
        },
    );
}

/// Sums to means; the upper triangle filled; the class frequencies taken off the targets.
fn finish(correlation: &mut [f64], cross: &mut [f64], frequencies: &[f64], d: usize, n: f64) {
    for i in 0..d {
        for j in 0..=i {
            correlation[i * d + j] /= n;
            correlation[j * d + i] = correlation[i * d + j];
        }
    }
    for row in cross.chunks_exact_mut(frequencies.len()) {
        // Standardised features sum to 0 up to rounding; this removes the rounding.
        let total: f64 = row.iter().sum();
        for (sum, share) in row.iter_mut().zip(frequencies) {
            *sum = (*sum - share * total) / n;
        }
    }
}

/// Σ over rows of f(x, reference), for each column: blocks in parallel, added in order.
fn column_sums(rows: &dyn Rows, f: impl Fn(f64, f64) -> f64 + Sync, reference: &[f64]) -> Vec<f64> {
    let d = rows.width();
    let blocks: Vec<_> = blocks(rows.count(), BLOCK).collect();
    let parts: Vec<Vec<f64>> = blocks
        .into_par_iter()
        .map(|block| {
            let mut sums = vec![0.0; d];
            for row in rows.read(block).chunks_exact(d) {
                for ((sum, &x), &r) in sums.iter_mut().zip(row).zip(reference) {
                    *sum += f(f64::from(x), r);
                }
            }
            sums
        })
        .collect();
    let mut total = vec![0.0; d];
    for part in parts {
        for (sum, x) in total.iter_mut().zip(part) {
            *sum += x;
        }
    }
    total
}

fn check_range(part: Part, labels: &[u32], classes: usize) -> Result<(), ProbeError> {
    match labels.iter().position(|&label| label as usize >= classes) {
        Some(row) => Err(ProbeError::LabelOutOfRange { part, row, label: labels[row], classes }),
        None => Ok(()),
    }
}
