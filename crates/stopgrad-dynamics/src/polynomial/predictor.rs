//! Where a path goes next: a quotient of polynomials from its Taylor coefficients.
//!
//! Solutions go to infinity at some complex t, as poles of order up to four, and paths pass near them. All components
//! have their poles in common: one denominator q for all, of degree 4, found by least squares on the last four orders,
//! takes the nearest poles out, and what is left, q x, converges as far as the next singularity.
//! Rejected: the Taylor series alone, whose steps are a few hundredths of the distance to the pole where Newton's method
//! needs ten digits; a quotient for each component (Padé), which finds poles that are not there.
//!
//! # Source      de Montessus de Ballore 1902; Sidi 2017, Vector Extrapolation Methods, for common denominators

use faer::c64;

use super::lanes::Lane;
use super::vector::{Vector, Weights};

/// Order of the Taylor series at most.
pub(crate) const ORDER: usize = 16;
/// The order that most steps need.
pub(super) const QUICK: usize = 8;
/// Degree of the denominator at most: half the order, and as many orders it is found from.
const POLES: usize = ORDER / 2;
/// Coefficients of a path, zeros behind the order that was asked for.
pub(crate) type Taylor<K> = [Vector<K>; ORDER + 1];

/// A quotient p(s)/q(s) and how far it carries; one for all steps of a path, whose room is used again.
pub(super) struct Predictor<K: Lane> {
    order: usize,
    /// The coefficients x₀, x₁, … of the path, then those of p = q x.
    pub(super) taylor: Taylor<K>,
    denominator: [c64; POLES + 1],
    /// The size of the last coefficient of p, and the distance of the singularity that q does not hold.
    last: f64,
    pub(super) radius: f64,
    /// Columns of the least squares.
    columns: Vec<c64>,
}

/// Smallest |q| on the way, q(0) being 1: nearer to a pole a prediction is not trusted.
const NEAR_POLE: f64 = 1e-6;

impl<K: Lane> Predictor<K> {
    /// Room for one of so many unknowns.
    pub(super) fn room(len: usize) -> Self {
        Self {
            order: 0,
            taylor: [Vector::zeros(len); ORDER + 1],
            denominator: monic(),
            last: 0.0,
            radius: 0.0,
            columns: vec![c64::new(0.0, 0.0); (POLES + 1) * POLES * len],
        }
    }

    /// From the coefficients up to an order, which stand in `taylor`; `false` where one is no number.
    pub(super) fn find(&mut self, order: usize, weights: &Weights) -> bool {
        self.order = order;
        self.denominator = monic();
        let sizes = [order - 2, order - 1, order].map(|n| weights.norm(&self.taylor[n]));
        (self.last, self.radius) = convergence(sizes);
        if !self.last.is_finite() {
            return false;
        }
        let found = match order {
            QUICK => self.common_denominator::<{ QUICK / 2 }>(weights),
            _ => self.common_denominator::<POLES>(weights),
        };
        let Some(found) = found else { return true };
        let sizes = [order - 2, order - 1, order].map(|n| weights.norm(&self.times(&found, n)));
        let (last, radius) = convergence(sizes);
        if last.is_finite() && radius >= self.radius {
            (self.last, self.radius, self.denominator) = (last, radius, found);
            // In place: each order needs the ones below it.
            for n in (1..=order).rev() {
                self.taylor[n] = self.times(&found, n);
            }
        }
        true
    }

    /// The coefficient of order n of q x.
    fn times(&self, q: &[c64; POLES + 1], n: usize) -> Vector<K> {
        let mut out = self.taylor[n];
        for (j, &q) in q.iter().enumerate().take(self.order / 2 + 1).skip(1).take(n) {
            out.gain(K::complex(q), &self.taylor[n - j]);
        }
        out
    }

    /// The largest step at which the first coefficient that is left out stays below `error`, and within `trust` of the
    /// radius.
    pub(super) fn step(&self, error: f64, trust: f64) -> f64 {
        let wanted = (error * self.radius / self.last).powf(1.0 / (self.order + 1) as f64);
        let mut s = wanted.min(trust * self.radius);
        // A pole ahead: to a point before it, half of the way.
        for _ in 0..40 {
            let clear = (1..=8).all(|k| self.quotient(s * f64::from(k) / 8.0).norm() >= NEAR_POLE);
            if clear || s.is_nan() {
                break;
            }
            s *= 0.7;
        }
        s
    }

    fn quotient(&self, s: f64) -> c64 {
        self.denominator.iter().rev().fold(c64::new(0.0, 0.0), |sum, &q| sum * s + q)
    }

    /// x at t + s.
    pub(super) fn predict(&self, s: f64) -> Vector<K> {
        let mut out = self.taylor[self.order];
        for coefficient in self.taylor[..self.order].iter().rev() {
            out = coefficient.plus_scaled(s, &out);
        }
        let quotient = self.denominator.iter().rev().fold(K::real(0.0), |sum, &q| sum * K::real(s) + K::complex(q));
        Vector::zeros(out.len).plus_times(quotient.inverse(), &out)
    }
}

fn monic() -> [c64; POLES + 1] {
    std::array::from_fn(|j| c64::new(f64::from(u8::from(j == 0)), 0.0))
}

/// The size of the last coefficient and the radius of convergence, from the sizes of the last three.
fn convergence([third, second, last]: [f64; 3]) -> (f64, f64) {
    // Two estimates: where the signs turn, one of them is too large.
    let radius = (second / last).min((third / last).sqrt());
    (last, if radius.is_nan() { f64::INFINITY } else { radius })
}

impl<K: Lane> Predictor<K> {
    /// q with q₀ = 1 for which the last orders of q x are least, by least squares over all components; `None` where the
    /// coefficients do not determine it. P: the most poles.
    fn common_denominator<const P: usize>(&mut self, weights: &Weights) -> Option<[c64; POLES + 1]> {
        let (unknowns, orders, radius) = (self.taylor[0].len, self.order / 2, self.radius);
        // Fewer poles than equations leave something to judge by.
        let poles = orders.min((orders * unknowns).div_ceil(2));
        if !(radius > 0.0 && radius.is_finite()) {
            return None;
        }
        // Column j: xₙ₋ⱼ for the last orders n, in units in which they are alike.
        let rows = orders * unknowns;
        let columns = &mut self.columns[..(poles + 1) * rows];
        for (j, column) in columns.chunks_exact_mut(rows).enumerate() {
            for (k, part) in column.chunks_exact_mut(unknowns).enumerate() {
                let n = self.order + 1 - orders + k - j;
                let unit = radius.powi(n as i32 - orders as i32);
                for (i, (to, x)) in part.iter_mut().zip(self.taylor[n].iter()).enumerate() {
                    *to = x.rounded() * (weights.at(i) * unit);
                }
            }
        }
        let solution = least_squares::<P>(columns, rows, poles)?;
        let mut out = monic();
        for j in 1..=poles {
            out[j] = -solution[j - 1] * radius.powi(-(j as i32));
        }
        Some(out)
    }
}

/// The combination of columns 1 … that is nearest to column 0, by modified Gram–Schmidt in their place.
fn least_squares<const P: usize>(columns: &mut [c64], rows: usize, count: usize) -> Option<[c64; P]> {
    let zero = c64::new(0.0, 0.0);
    let inner = |a: &[c64], b: &[c64]| a.iter().zip(b).map(|(x, y)| x.conj() * y).sum::<c64>();
    let mut r = [[zero; P]; P];
    let mut projected = [zero; P];
    let (right, basis) = columns.split_at_mut(rows);
    for j in 0..count {
        let (before, rest) = basis.split_at_mut(j * rows);
        let column = &mut rest[..rows];
        let size = inner(column, column).re.sqrt();
        for (i, earlier) in before.chunks_exact(rows).enumerate() {
            let part = inner(earlier, column);
            r[i][j] = part;
            column.iter_mut().zip(earlier).for_each(|(x, &q)| *x -= q * part);
        }
        let length = inner(column, column).re.sqrt();
        // A column that the others hold: fewer poles explain the series.
        if length.is_nan() || length <= 1e-13 * size || length == 0.0 {
            return None;
        }
        r[j][j] = c64::new(length, 0.0);
        for x in column.iter_mut() {
            *x /= length;
        }
        let part = inner(column, right);
        projected[j] = part;
        right.iter_mut().zip(&*column).for_each(|(x, &q)| *x -= q * part);
    }
    for j in (0..count).rev() {
        for k in j + 1..count {
            let part = r[j][k] * projected[k];
            projected[j] -= part;
        }
        projected[j] /= r[j][j];
    }
    Some(projected)
}
