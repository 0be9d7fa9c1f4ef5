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
use super::vector::{MAX_UNKNOWNS, Vector, Weights};

/// Order of the Taylor series at most.
pub(crate) const ORDER: usize = 16;
/// The order that most steps need.
pub(super) const QUICK: usize = 8;
/// Degree of the denominator at most: half the order, and as many orders it is found from.
const POLES: usize = ORDER / 2;
/// Coefficients of a path, zeros behind the order that was asked for.
pub(crate) type Taylor<K> = [Vector<K>; ORDER + 1];

/// A quotient p(s)/q(s) and how far it carries.
pub(super) struct Predictor<K: Lane> {
    order: usize,
    numerator: Taylor<K>,
    denominator: [c64; POLES + 1],
    /// The size of the last coefficient of p, and the distance of the singularity that q does not hold.
    last: f64,
    pub(super) radius: f64,
}

/// Smallest |q| on the way, q(0) being 1: nearer to a pole a prediction is not trusted.
const NEAR_POLE: f64 = 1e-6;

impl<K: Lane> Predictor<K> {
    /// From the coefficients x₀, x₁, …; `None` where one is no number.
    pub(super) fn of(taylor: Taylor<K>, order: usize, weights: &Weights) -> Option<Self> {
        let (last, radius) = convergence(&taylor, order, weights);
        if !last.is_finite() {
            return None;
        }
        let found = match order {
            QUICK => denominator::<K, { QUICK / 2 }, { QUICK / 2 * MAX_UNKNOWNS }>(&taylor, order, weights, radius),
            _ => denominator::<K, POLES, { POLES * MAX_UNKNOWNS }>(&taylor, order, weights, radius),
        };
        let mut out = Self { order, numerator: taylor, denominator: monic(), last, radius };
        if let Some(found) = found {
            out.denominator = found;
            // In place: each order needs the ones below it.
            for n in (1..=order).rev() {
                for (j, &q) in out.denominator.iter().enumerate().skip(1).take(n) {
                    if q.norm_sqr() > 0.0 {
                        out.numerator[n] = out.numerator[n].plus_times(K::complex(q), &out.numerator[n - j]);
                    }
                }
            }
            (out.last, out.radius) = convergence(&out.numerator, order, weights);
            if !out.last.is_finite() || out.radius < radius {
                out = Self { order, numerator: taylor, denominator: monic(), last, radius };
            }
        }
        Some(out)
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
        let mut out = self.numerator[self.order];
        for coefficient in self.numerator[..self.order].iter().rev() {
            out = coefficient.plus_scaled(s, &out);
        }
        let quotient = self.denominator.iter().rev().fold(K::real(0.0), |sum, &q| sum * K::real(s) + K::complex(q));
        Vector::zeros(out.len).plus_times(quotient.inverse(), &out)
    }
}

fn monic() -> [c64; POLES + 1] {
    std::array::from_fn(|j| c64::new(f64::from(u8::from(j == 0)), 0.0))
}

/// The size of the last coefficient and the radius of convergence by the last three.
fn convergence<K: Lane>(taylor: &Taylor<K>, order: usize, weights: &Weights) -> (f64, f64) {
    let [third, second, last] = [order - 2, order - 1, order].map(|n| weights.norm(&taylor[n]));
    // Two estimates: where the signs turn, one of them is too large.
    let radius = (second / last).min((third / last).sqrt());
    (last, if radius.is_nan() { f64::INFINITY } else { radius })
}

/// q with q₀ = 1 for which the last orders of q x are least, by least squares over all components; `None` where the
/// coefficients do not determine it. P: the most poles; L: room for a column.
fn denominator<K: Lane, const P: usize, const L: usize>(
    taylor: &Taylor<K>, order: usize, weights: &Weights, radius: f64,
) -> Option<[c64; POLES + 1]> {
    let (unknowns, orders) = (taylor[0].len, order / 2);
    // Fewer poles than equations leave something to judge by.
    let poles = orders.min((orders * unknowns).div_ceil(2));
    if !(radius > 0.0 && radius.is_finite()) {
        return None;
    }
    // Column j: xₙ₋ⱼ for the last orders n, in units in which they are alike.
    let rows = orders * unknowns;
    let fill = |j: usize| {
        let mut column = [c64::new(0.0, 0.0); L];
        for k in 0..orders {
            let n = order + 1 - orders + k - j;
            let unit = radius.powi(n as i32 - orders as i32);
            for i in 0..unknowns {
                column[k * unknowns + i] = taylor[n].at(i).rounded() * (weights.at(i) * unit);
            }
        }
        column
    };
    let solution = least_squares::<P, L>(fill, rows, poles)?;
    let mut out = monic();
    for j in 1..=poles {
        out[j] = -solution[j - 1] * radius.powi(-(j as i32));
    }
    Some(out)
}

/// The combination of columns 1 … that is nearest to column 0, by modified Gram–Schmidt.
fn least_squares<const P: usize, const L: usize>(
    fill: impl Fn(usize) -> [c64; L], rows: usize, count: usize,
) -> Option<[c64; P]> {
    let zero = c64::new(0.0, 0.0);
    let inner = |a: &[c64], b: &[c64]| a.iter().zip(b).map(|(x, y)| x.conj() * y).sum::<c64>();
    let mut r = [[zero; P]; P];
    let mut right = fill(0);
    let mut basis = [[zero; L]; P];
    let mut projected = [zero; P];
    for j in 0..count {
        let (before, rest) = basis.split_at_mut(j);
        rest[0] = fill(j + 1);
        let column = &mut rest[0][..rows];
        let size = inner(column, column).re.sqrt();
        for (i, earlier) in before.iter().enumerate() {
            r[i][j] = inner(&earlier[..rows], column);
            column.iter_mut().zip(earlier).for_each(|(x, &q)| *x -= q * r[i][j]);
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
        projected[j] = inner(column, &right[..rows]);
        let part = projected[j];
        right[..rows].iter_mut().zip(&*column).for_each(|(x, &q)| *x -= q * part);
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
