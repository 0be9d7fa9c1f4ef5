//! Eigenvalues of the covariance across samples: of all, and of all but each of some groups.

use super::outputs::Outputs;
use crate::linalg::{LinalgError, column_products, row_products, symmetric_eigenvalues};
use crate::rank::{RankError, spectrum, to_direction};
use crate::statistics::sum_fixed;

/// Groups of samples that are left out in turn (sample i is in group i mod 16): the order of a file says nothing then.
const GROUPS: usize = 16;
/// Numbers in the sums of all groups: 512 MiB; wider outputs are not split.
const HELD: usize = 1 << 26;
/// Multiply-adds that leaving out may cost where there are fewer rows than dimensions.
const AFFORDABLE: f64 = 1e11;
/// Rows whose products are taken together.
const BLOCK: usize = 1024;

/// Descending, d numbers each.
pub(super) struct Spectra {
    pub(super) all: Vec<f64>,
    /// Without each group; empty where there are too few samples, or it would cost too much.
    pub(super) left_out: Vec<Vec<f64>>,
    /// See [`implied`]; none where there are more rows than dimensions.
    pub(super) implied_directions: Option<f64>,
}

impl Spectra {
    /// Of outputs less `means`, t × d; without `leave_out` of all of them only.
    pub(super) fn of(outputs: &Outputs<'_>, means: &[f64], leave_out: bool) -> Result<Self, LinalgError> {
        let (rows, d) = (outputs.samples() * outputs.positions(), outputs.width());
        if rows <= d {
            Self::from_rows(outputs, means, leave_out)
        } else {
            Self::from_products(outputs, means, leave_out)
        }
    }

    pub(super) fn of_constant(d: usize) -> Self {
        Self { all: vec![0.0; d], left_out: Vec::new(), implied_directions: None }
    }

    fn from_rows(outputs: &Outputs<'_>, means: &[f64], leave_out: bool) -> Result<Self, LinalgError> {
        let d = outputs.width();
        let rows = |keep: &dyn Fn(usize) -> bool| {
            let mut kept = Vec::new();
            (0..outputs.samples())
                .filter(|&sample| keep(sample))
                .for_each(|sample| outputs.push(sample, means, &mut kept));
            let n = kept.len() / d;
            spectrum(&kept, n, d).map_err(|error| match error {
                RankError::Eigenvalues(error) => error,
                other => unreachable!("outputs are checked: {other}"),
            })
        };
        let all = rows(&|_| true)?;
        let n = (outputs.samples() * outputs.positions()) as f64;
        let affordable = GROUPS as f64 * n * n * d as f64 <= AFFORDABLE;
        let groups = if affordable && leave_out { groups(outputs, d) } else { 0 };
        let left_out = (0..groups).map(|group| rows(&|sample| sample % groups != group)).collect::<Result<_, _>>()?;
        let implied_directions = Some(implied(outputs, means)?);
        Ok(Self { all, left_out, implied_directions })
    }

    fn from_products(outputs: &Outputs<'_>, means: &[f64], leave_out: bool) -> Result<Self, LinalgError> {
        let d = outputs.width();
        let groups = if leave_out && GROUPS * d * d <= HELD { groups(outputs, d) } else { 0 };
        let sums: Vec<(Vec<f64>, usize)> =
            (0..groups.max(1)).map(|group| products(outputs, means, group, groups.max(1))).collect();
        let rows: usize = sums.iter().map(|(_, rows)| rows).sum();
        let mut total = vec![0.0; d * d];
        for (sum, _) in &sums {
            total.iter_mut().zip(sum).for_each(|(total, x)| *total += x);
        }
        let eigenvalues = |without: Option<&(Vec<f64>, usize)>| {
            let mut matrix = total.clone();
            let mut count = rows;
            if let Some((sum, of_group)) = without {
                matrix.iter_mut().zip(sum).for_each(|(x, y)| *x -= y);
                count -= of_group;
            }
            for x in &mut matrix {
                *x /= count as f64;
            }
            let mut values = symmetric_eigenvalues(&matrix, d)?;
            for value in &mut values {
                *value = value.max(0.0);
            }
            Ok(values)
        };
        let left_out = if groups > 0 {
            sums.iter().map(|sum| eigenvalues(Some(sum))).collect::<Result<_, _>>()?
        } else {
            Vec::new()
        };
        Ok(Self { all: eigenvalues(None)?, left_out, implied_directions: None })
    }
}

/// Over how many directions the variance is spread, from fewer rows than dimensions.
///
/// A flat spectrum of r directions gives n samples no eigenvalue below (1 − √(n/r))² of their mean; so the least one, f of the
/// mean, implies r = n / (1 − √f)². Leading eigenvalues above what a flat spectrum of d would show, (1 + √(d/n))² of the mean of
/// the rest, are counted one by one and left out of that mean. An uneven rest implies less than there is. Of directions
/// (deviations of unit length): a few long samples would hide the others.
///
/// # Source    Marchenko, Pastur 1967
fn implied(outputs: &Outputs<'_>, means: &[f64]) -> Result<f64, LinalgError> {
    let d = outputs.width();
    let mut rows = Vec::new();
    for sample in 0..outputs.samples() {
        outputs.push(sample, means, &mut rows);
    }
    rows.chunks_exact_mut(d).for_each(to_direction);
    let n = rows.len() / d;
    let mut eigenvalues = symmetric_eigenvalues(&row_products(&rows, n, d), n)?;
    // Each position's deviations add up to 0: so many eigenvalues are none.
    eigenvalues.truncate(n.saturating_sub(outputs.positions()));
    let Some(&least) = eigenvalues.last() else { return Ok(0.0) };
    let (mut rest, mut total) = (&eigenvalues[..], sum_fixed(&eigenvalues));
    let edge = (1.0 + (d as f64 / n as f64).sqrt()).powi(2);
    while let [first, others @ ..] = rest
        && !others.is_empty()
        && first * others.len() as f64 > edge * (total - first)
    {
        (rest, total) = (others, total - first);
    }
    let share = if total > 0.0 { (least.max(0.0) * rest.len() as f64 / total).min(1.0) } else { 0.0 };
    let spikes = (eigenvalues.len() - rest.len()) as f64;
    Ok((spikes + rest.len() as f64 / (1.0 - share.sqrt()).powi(2)).min(d as f64))
}

fn groups(outputs: &Outputs<'_>, d: usize) -> usize {
    if outputs.samples() >= 2 * GROUPS && d > 0 { GROUPS } else { 0 }
}

/// Σ z zᵀ over the samples of one group, and their rows.
fn products(outputs: &Outputs<'_>, means: &[f64], group: usize, groups: usize) -> (Vec<f64>, usize) {
    let d = outputs.width();
    let (mut sum, mut rows) = (vec![0.0; d * d], 0);
    let mut block = Vec::with_capacity((BLOCK + outputs.positions()) * d);
    let mut samples = (group..outputs.samples()).step_by(groups).peekable();
    while let Some(sample) = samples.next() {
        outputs.push(sample, means, &mut block);
        if block.len() >= BLOCK * d || samples.peek().is_none() {
            let count = block.len() / d;
            sum.iter_mut().zip(column_products(&block, count, d)).for_each(|(sum, x)| *sum += x);
            rows += count;
            block.clear();
        }
    }
    (sum, rows)
}
