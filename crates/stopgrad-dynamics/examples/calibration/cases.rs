//! Outputs whose fate is known, because they were made so.

use rand_chacha::ChaCha8Rng;
use stopgrad_dynamics::random::{normal, stream, uniform};

/// Three severities, the mildest last.
pub(crate) const SEVERITIES: usize = 3;
/// Token positions where there are tokens.
pub(crate) const TOKENS: usize = 4;
/// Classes of a healthy mixture.
const CLASSES: usize = 10;
/// Share of the variance that noise has in the directions that died: a third of what would be alive.
const DEAD_NOISE: f64 = 3e-3;

/// How outputs were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Family {
    /// A constant and, of its length, 0, 1e-5 or 1e-3 that varies: in two directions, or (noisy) in all.
    Complete,
    /// Variance in 1, d/16 or d/4 directions; noisy: 0.3 % of it in the others.
    Dimensional,
    /// 2, 8 or 32 points; samples 1e-3 or (noisy) 3e-2 of their distance from them.
    Cluster,
    /// Tokens: 0, 1e-4 or 2e-3 of the variance across samples, in two directions or (noisy) in all.
    Positional,
    /// Variances k⁰, k^-½ or k⁻¹; noisy: a tenth of white noise besides.
    Plain,
    /// A mean of 5, 20 or 50 deviations in each coordinate; noisy: variances k^-½.
    LargeMean,
    /// Student's t with 10, 5 or 3 degrees of freedom, of the length or (noisy) of each coordinate.
    HeavyTails,
    /// Ten classes, samples 1, ½ or 0.3 of the centres' distance from them; noisy: of unequal size.
    Classes,
    /// d/4, d/8 or d/16 directions, and so has the reference; noisy: 0.3 % in the others.
    FewDimensions,
    /// Tokens: 0.5, 0.2 or 0.05 of the variance across samples; noisy: variances k^-½.
    Tokens,
}

/// In the order of the tables.
pub(crate) const FAMILIES: [Family; 10] = [
    Family::Complete,
    Family::Dimensional,
    Family::Cluster,
    Family::Positional,
    Family::Plain,
    Family::LargeMean,
    Family::HeavyTails,
    Family::Classes,
    Family::FewDimensions,
    Family::Tokens,
];

/// One set of outputs to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Case {
    pub family: Family,
    pub severity: usize,
    pub noisy: bool,
    /// Coordinates.
    pub d: usize,
    /// Rows: samples times token positions.
    pub rows: usize,
    pub seed: u64,
}

impl Case {
    pub(crate) fn positions(&self) -> usize {
        if matches!(self.family, Family::Positional | Family::Tokens) { TOKENS } else { 1 }
    }

    pub(crate) fn samples(&self) -> usize {
        (self.rows / self.positions()).max(10)
    }

    /// What `collapses` should answer.
    pub(crate) fn truth(&self) -> &'static str {
        match self.family {
            Family::Complete => "complete",
            Family::Dimensional => "dimensional",
            Family::Cluster => "cluster",
            Family::Positional => "positional",
            _ => "no",
        }
    }

    /// Whether so many samples, with or without a reference, tell this case from one of another truth at all.
    pub(crate) fn decidable(&self, reference: bool) -> bool {
        match self.family {
            // A healthy output of few dimensions is, number by number, one that lost the others.
            Family::FewDimensions => reference,
            // Nothing but twice as many samples shows where the spectrum of so many directions ends.
            Family::Dimensional => reference || self.rows >= 2 * self.directions(),
            // A few samples a point are needed, or each sample is its own point.
            Family::Cluster => self.samples() >= 6 * POINTS[self.severity],
            _ => true,
        }
    }

    /// Of [`Family::Dimensional`].
    fn directions(&self) -> usize {
        [1, (self.d / 16).max(2), self.d / 4][self.severity]
    }

    fn stream(&self, what: u64) -> ChaCha8Rng {
        let family = FAMILIES.iter().position(|&family| family == self.family).unwrap_or(0) as u64;
        let index = ((family * 4 + self.severity as u64) * 2 + u64::from(self.noisy)) * 2 + what;
        stream(self.seed, (index << 32) | ((self.d as u64) << 16) | self.rows as u64)
    }

    /// [samples, positions, d] in single precision, as networks write them.
    pub(crate) fn outputs(&self) -> Vec<f32> {
        let mut rng = self.stream(0);
        self.make(&mut rng)
    }

    /// The untrained network's outputs for as many samples: variances k^-¼, or the few dimensions there are.
    pub(crate) fn reference(&self) -> Vec<f32> {
        let mut rng = self.stream(1);
        if self.family == Family::FewDimensions {
            return self.make(&mut rng);
        }
        let mut rows = Rows::zeros(self.samples() * self.positions(), self.d);
        rows.add_spectrum(&mut rng, self.d, 1.0, 0.25);
        rows.turned(&mut rng)
    }

    fn make(&self, rng: &mut ChaCha8Rng) -> Vec<f32> {
        let (n, t, d, at, noisy) = (self.samples(), self.positions(), self.d, self.severity, self.noisy);
        let mut rows = Rows::zeros(n * t, d);
        match self.family {
            Family::Complete => {
                let length = [0.0_f64, 1e-5, 1e-3][at];
                rows.add_offset(rng, 1.0 / (d as f64).sqrt());
                rows.add_spectrum(rng, if noisy { d } else { 2 }, length * length, 0.0);
            }
            Family::Dimensional => {
                rows.add_offset(rng, 0.3);
                rows.add_spectrum(rng, self.directions(), 1.0, 0.5);
                if noisy {
                    rows.add_spectrum(rng, d, DEAD_NOISE, 0.0);
                }
            }
            Family::Cluster => {
                let points = POINTS[at];
                rows.add_points(rng, points, |rng| (uniform(rng) * points as f64) as usize);
                let width: f64 = if noisy { 3e-2 } else { 1e-3 };
                rows.add_spectrum(rng, d, width * width * d as f64, 0.0);
            }
            Family::Positional | Family::Tokens => {
                let share =
                    if self.family == Family::Positional { [0.0, 1e-4, 2e-3][at] } else { [0.5, 0.2, 0.05][at] };
                let directions = if self.family == Family::Tokens || noisy { d } else { 2 };
                rows.add_points_in_turn(rng, t);
                rows.add_spectrum(rng, directions, d as f64 * share / (1.0 - share), if noisy { 0.5 } else { 0.0 });
            }
            Family::Plain => {
                rows.add_spectrum(rng, d, 1.0, [0.0, 0.5, 1.0][at]);
                rows.add_spectrum(rng, d, if noisy { 0.1 } else { 0.0 }, 0.0);
            }
            Family::LargeMean => {
                rows.add_spectrum(rng, d, d as f64, if noisy { 0.5 } else { 0.0 });
                rows.values.iter_mut().for_each(|x| *x += [5.0, 20.0, 50.0][at]);
                // Not turned: each coordinate has that mean.
                return rows.values.iter().map(|&x| x as f32).collect();
            }
            Family::HeavyTails => {
                rows.add_spectrum(rng, d, 1.0, 0.0);
                rows.make_tails(rng, [10, 5, 3][at], noisy);
            }
            Family::Classes => {
                let pick = |rng: &mut ChaCha8Rng| {
                    let u = uniform(rng);
                    ((if noisy { u * u } else { u }) * CLASSES as f64) as usize
                };
                rows.add_points(rng, CLASSES, pick);
                let width: f64 = [1.0, 0.5, 0.3][at];
                rows.add_spectrum(rng, d, width * width * d as f64, 0.25);
            }
            Family::FewDimensions => {
                rows.add_spectrum(rng, [d / 4, d / 8, (d / 16).max(1)][at], 1.0, 0.5);
                if noisy {
                    rows.add_spectrum(rng, d, DEAD_NOISE, 0.0);
                }
            }
        }
        rows.turned(rng)
    }
}

const POINTS: [usize; SEVERITIES] = [2, 8, 32];

struct Rows {
    values: Vec<f64>,
    d: usize,
}

impl Rows {
    fn zeros(rows: usize, d: usize) -> Self {
        Self { values: vec![0.0; rows * d], d }
    }

    /// The same random vector in every row, its coordinates of the given deviation.
    fn add_offset(&mut self, rng: &mut ChaCha8Rng, deviation: f64) {
        let offset: Vec<f64> = (0..self.d).map(|_| deviation * normal(rng)).collect();
        for row in self.values.chunks_exact_mut(self.d) {
            row.iter_mut().zip(&offset).for_each(|(x, o)| *x += o);
        }
    }

    /// Normal numbers in the first coordinates, their variances k^-exponent, `total` together.
    fn add_spectrum(&mut self, rng: &mut ChaCha8Rng, directions: usize, total: f64, exponent: f64) {
        if total <= 0.0 {
            return;
        }
        let mut deviations: Vec<f64> = (1..=directions).map(|k| (k as f64).powf(-exponent)).collect();
        let sum: f64 = deviations.iter().sum();
        for x in &mut deviations {
            *x = (*x * total / sum).sqrt();
        }
        for row in self.values.chunks_exact_mut(self.d) {
            row.iter_mut().zip(&deviations).for_each(|(x, deviation)| *x += deviation * normal(rng));
        }
    }

    fn add_points(&mut self, rng: &mut ChaCha8Rng, points: usize, mut pick: impl FnMut(&mut ChaCha8Rng) -> usize) {
        let centers: Vec<f64> = (0..points * self.d).map(|_| normal(rng)).collect();
        for row in self.values.chunks_exact_mut(self.d) {
            let point = pick(rng).min(points - 1);
            row.iter_mut().zip(&centers[point * self.d..]).for_each(|(x, c)| *x += c);
        }
    }

    /// Row i gets point i mod `points`: what a position is.
    fn add_points_in_turn(&mut self, rng: &mut ChaCha8Rng, points: usize) {
        let mut next = 0;
        self.add_points(rng, points, |_| {
            next += 1;
            (next - 1) % points
        });
    }

    /// Divides rows, or each coordinate on its own, by √(χ²/f): Student's t with f degrees of freedom.
    fn make_tails(&mut self, rng: &mut ChaCha8Rng, freedom: usize, each: bool) {
        let divisor = |rng: &mut ChaCha8Rng| {
            ((0..freedom).map(|_| normal(rng).powi(2)).sum::<f64>() / freedom as f64).sqrt().max(1e-6)
        };
        for row in self.values.chunks_exact_mut(self.d) {
            let of_row = divisor(rng);
            for x in row {
                *x /= if each { divisor(rng) } else { of_row };
            }
        }
    }

    /// Turned by three random reflections: no axis is special. In single precision.
    fn turned(mut self, rng: &mut ChaCha8Rng) -> Vec<f32> {
        for _ in 0..3 {
            let axis: Vec<f64> = (0..self.d).map(|_| normal(rng)).collect();
            let squared: f64 = axis.iter().map(|x| x * x).sum();
            for row in self.values.chunks_exact_mut(self.d) {
                let along = 2.0 * row.iter().zip(&axis).map(|(x, a)| x * a).sum::<f64>() / squared;
                row.iter_mut().zip(&axis).for_each(|(x, a)| *x -= along * a);
            }
        }
        self.values.iter().map(|&x| x as f32).collect()
    }
}
