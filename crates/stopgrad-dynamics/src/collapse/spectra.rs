//! Eigenvalues of the covariance across samples: of all, and of halves of them.

use super::ALIVE_SHARE;
use super::halves::{GROUPS, HALVES, SPLIT_FROM, has};
use super::outputs::Outputs;
use crate::linalg::{LinalgError, column_products, row_products, symmetric_eigenvalues};
use crate::rank::{RankError, spectrum, to_direction};
use crate::statistics::sum_fixed;

/// Numbers in the sums of all groups: 512 MiB; wider outputs are not split.
const HELD: usize = 1 << 26;
/// Multiply-adds that halves may cost where there are fewer rows than dimensions.
const AFFORDABLE: f64 = 1e11;
/// Rows whose products are taken together.
const BLOCK: usize = 1024;
/// Share of the directions that so many samples can show from which their number is that of the samples, not of the outputs.
const SATURATED: f64 = 0.9;

/// Of some of the samples.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spectrum {
    /// Descending, d numbers.
    pub(super) eigenvalues: Vec<f64>,
    /// Directions that so many samples can show: each position's deviations add up to 0.
    pub(super) reachable: usize,
    /// See [`implied`]; none where there are more rows than dimensions.
    pub(super) implied_directions: Option<f64>,
}

impl Spectrum {
    /// Eigenvalues of at least [`ALIVE_SHARE`] of an equal share; where all that fewer rows than dimensions can show are
    /// alive, as many as the least one implies.
    pub(super) fn alive(&self) -> usize {
        let threshold = ALIVE_SHARE / self.reachable.max(1) as f64 * sum_fixed(&self.eigenvalues);
        let seen = self.eigenvalues.iter().filter(|&&value| value > 0.0 && value >= threshold).count();
        match self.implied_directions {
            Some(implied) if is_saturated(seen, self.reachable) => seen.max(implied as usize),
            _ => seen,
        }
    }
}

pub(super) fn is_saturated(alive: usize, reachable: usize) -> bool {
    alive as f64 >= SATURATED * reachable as f64
}

/// Of all samples, and of each half.
pub(super) struct Spectra {
    pub(super) all: Spectrum,
    /// Empty where there are too few samples, or it would cost too much.
    pub(super) halves: Vec<Spectrum>,
}

impl Spectra {
    /// Of outputs less `means`, t × d; without `halves` of all of them only.
    pub(super) fn of(outputs: &Outputs<'_>, means: &[f64], halves: bool) -> Result<Self, LinalgError> {
        let (rows, d) = (outputs.samples() * outputs.positions(), outputs.width());
        let halves = halves && outputs.samples() >= SPLIT_FROM;
        if rows <= d { Self::from_rows(outputs, means, halves) } else { Self::from_products(outputs, means, halves) }
    }

    pub(super) fn of_constant(outputs: &Outputs<'_>) -> Self {
        let (d, reachable) = (outputs.width(), reachable(outputs, outputs.samples()));
        Self { all: Spectrum { eigenvalues: vec![0.0; d], reachable, implied_directions: None }, halves: Vec::new() }
    }

    fn from_rows(outputs: &Outputs<'_>, means: &[f64], halves: bool) -> Result<Self, LinalgError> {
        let d = outputs.width();
        let of = |keep: &dyn Fn(usize) -> bool| {
            let mut rows = Vec::new();
            (0..outputs.samples())
                .filter(|&sample| keep(sample))
                .for_each(|sample| outputs.push(sample, means, &mut rows));
            let n = rows.len() / d;
            let eigenvalues = spectrum(&rows, n, d).map_err(|error| match error {
                RankError::Eigenvalues(error) => error,
                other => unreachable!("outputs are checked: {other}"),
            })?;
            let reachable = reachable(outputs, n / outputs.positions());
            let implied_directions = Some(implied(rows, d, outputs.positions())?);
            Ok(Spectrum { eigenvalues, reachable, implied_directions })
        };
        let n = (outputs.samples() * outputs.positions()) as f64;
        let affordable = GROUPS as f64 * n * n * d as f64 <= AFFORDABLE;
        let halves = if halves && affordable { HALVES } else { 0 };
        let halves = (0..halves).map(|half| of(&|sample| has(half, sample % GROUPS))).collect::<Result<_, _>>()?;
        Ok(Self { all: of(&|_| true)?, halves })
    }

    fn from_products(outputs: &Outputs<'_>, means: &[f64], halves: bool) -> Result<Self, LinalgError> {
        let (d, t) = (outputs.width(), outputs.positions());
        let halves = halves && GROUPS * d * d <= HELD;
        let groups = if halves { GROUPS } else { 1 };
        let sums: Vec<(Vec<f64>, usize)> = (0..groups).map(|group| products(outputs, means, group, groups)).collect();
        let of = |keep: &dyn Fn(usize) -> bool| {
            let (mut matrix, mut rows) = (vec![0.0; d * d], 0);
            for (_, (sum, count)) in sums.iter().enumerate().filter(|&(group, _)| keep(group)) {
                matrix.iter_mut().zip(sum).for_each(|(total, x)| *total += x);
                rows += count;
            }
            for x in &mut matrix {
                *x /= rows as f64;
            }
            let mut eigenvalues = symmetric_eigenvalues(&matrix, d)?;
            for value in &mut eigenvalues {
                *value = value.max(0.0);
            }
            Ok(Spectrum { eigenvalues, reachable: reachable(outputs, rows / t), implied_directions: None })
        };
        let halves =
            (0..if halves { HALVES } else { 0 }).map(|half| of(&|group| has(half, group))).collect::<Result<_, _>>()?;
        Ok(Self { all: of(&|_| true)?, halves })
    }
}

fn reachable(outputs: &Outputs<'_>, samples: usize) -> usize {
    outputs.width().min(samples.saturating_sub(1) * outputs.positions())
}

/// Over how many directions the variance is spread, from fewer rows than dimensions.
///
/// A flat spectrum of r directions gives n samples no eigenvalue below (1 − √(n/r))² of their mean; so the least one, f of the
/// mean, implies r = n / (1 − √f)². Leading eigenvalues above what a flat spectrum of d would show, (1 + √(d/n))² of the mean of
/// the rest, are counted one by one and left out of that mean. An uneven rest implies less than there is. Of directions
/// (deviations of unit length): a few long samples would hide the others.
///
/// # Source    Marchenko, Pastur 1967
fn implied(mut rows: Vec<f64>, d: usize, positions: usize) -> Result<f64, LinalgError> {
    rows.chunks_exact_mut(d).for_each(to_direction);
    let n = rows.len() / d;
    let mut eigenvalues = symmetric_eigenvalues(&row_products(&rows, n, d), n)?;
    // Each position's deviations add up to 0: so many eigenvalues are none.
    eigenvalues.truncate(n.saturating_sub(positions));
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
