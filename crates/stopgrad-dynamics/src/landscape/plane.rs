//! Ē over the plane through three states, for any m and n: a polynomial of degree 4 in the plane's two coordinates.
//!
//! Decided: Ē is asked for at 25 points and known everywhere, exactly but for rounding, with its derivatives. Rejected: a
//! grid of evaluations, which at m = 784 takes minutes and has no derivatives.

use super::{FLOOR, Kind, Rest, scale, symmetric_rates};
use crate::statistics::inner_product;

/// Values of one coordinate at which a quartic is asked for, in units of half its reach.
const NODES: [f64; 5] = [-2.0, -1.0, 0.0, 1.0, 2.0];
/// Inverse of the Vandermonde matrix of [`NODES`], times 24: row k gives the coefficient of the k-th power.
const INVERSE: [[f64; 5]; 5] = [
    [0.0, 0.0, 24.0, 0.0, 0.0],
    [2.0, -16.0, 0.0, 16.0, -2.0],
    [-1.0, 16.0, -30.0, 16.0, -1.0],
    [-2.0, 4.0, 0.0, -4.0, 2.0],
    [1.0, -4.0, 6.0, -4.0, 1.0],
];
/// Points a side at which minima are looked for before they are refined.
const SEEDS: usize = 41;
/// Newton steps at most.
const NEWTON: usize = 50;

/// Three states that span no plane.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum PlaneError {
    /// States of different sizes.
    #[error("the three states have {} numbers; give states of one m and n", counts.map(|count| count.to_string()).join(", "))]
    Sizes {
        /// Of each state.
        counts: [usize; 3],
    },
    /// A number in a state is not finite.
    #[error("state {} holds NaN or infinity; give finite states", state + 1)]
    NotFinite {
        /// Which, from 0.
        state: usize,
    },
    /// All three on one line.
    #[error("the three states lie on one line (the third is {distance:.1e} off it); give states that span a plane")]
    Collinear {
        /// Of the third state from the line, relative to its distance from the first.
        distance: f64,
    },
}

/// The plane p + s u + t v through three states, u and v orthonormal.
#[derive(Debug, Clone, PartialEq)]
pub struct Plane {
    origin: Vec<f64>,
    axes: [Vec<f64>; 2],
    /// (s, t) of the three states: (0, 0), (d, 0), (s, t) with t > 0.
    pub corners: [[f64; 2]; 3],
}

impl Plane {
    /// Through three states, each flattened in the same order; u points from the first to the second.
    ///
    /// # Errors      [`PlaneError`]
    pub fn through(states: [&[f64]; 3]) -> Result<Self, PlaneError> {
        let counts = states.map(<[f64]>::len);
        if counts[0] == 0 || counts.iter().any(|count| *count != counts[0]) {
            return Err(PlaneError::Sizes { counts });
        }
        if let Some(state) = states.iter().position(|state| state.iter().any(|value| !value.is_finite())) {
            return Err(PlaneError::NotFinite { state });
        }
        let from_first = |state: &[f64]| -> Vec<f64> { state.iter().zip(states[0]).map(|(v, p)| v - p).collect() };
        let (mut u, mut v) = (from_first(states[1]), from_first(states[2]));
        let (first, whole) = (norm(&u), norm(&v));
        if first == 0.0 || whole == 0.0 {
            return Err(PlaneError::Collinear { distance: 0.0 });
        }
        for value in &mut u {
            *value /= first;
        }
        let mut along = 0.0;
        // Twice: the second pass takes away what rounding left of the first.
        for _ in 0..2 {
            let part = inner_product(&u, &v);
            v.iter_mut().zip(&u).for_each(|(value, direction)| *value -= part * direction);
            along += part;
        }
        let off = norm(&v);
        if off <= 1e-9 * whole {
            return Err(PlaneError::Collinear { distance: off / whole });
        }
        for value in &mut v {
            *value /= off;
        }
        Ok(Self { origin: states[0].to_vec(), axes: [u, v], corners: [[0.0, 0.0], [first, 0.0], [along, off]] })
    }

    /// The state at (s, t).
    pub fn state(&self, [s, t]: [f64; 2]) -> Vec<f64> {
        let axes = self.axes[0].iter().zip(&self.axes[1]);
        self.origin.iter().zip(axes).map(|(p, (u, v))| p + s * u + t * v).collect()
    }

    /// (s, t) of the point of the plane nearest to a state, and how far the state is from it.
    ///
    /// # Shapes      as long as the states of [`Plane::through`]
    pub fn foot(&self, state: &[f64]) -> ([f64; 2], f64) {
        let from_origin: Vec<f64> = state.iter().zip(&self.origin).map(|(value, p)| value - p).collect();
        let (along, rest) = self.split(&from_origin);
        (along, norm(&rest))
    }

    /// The part of a direction's length that leaves the plane, as a share: 0 within it, 1 at right angles to it.
    ///
    /// `None` of no direction: a vector of length 0.
    ///
    /// # Shapes      as long as the states of [`Plane::through`]
    pub fn off_plane(&self, direction: &[f64]) -> Option<f64> {
        let length = norm(direction);
        (length > 0.0).then(|| (norm(&self.split(direction).1) / length).min(1.0))
    }

    /// Coordinates along the axes, and what is left.
    fn split(&self, vector: &[f64]) -> ([f64; 2], Vec<f64>) {
        let along = self.axes.each_ref().map(|axis| inner_product(axis, vector));
        let axes = self.axes[0].iter().zip(&self.axes[1]);
        let rest = vector.iter().zip(axes).map(|(value, (u, v))| value - along[0] * u - along[1] * v).collect();
        (along, rest)
    }
}

/// A polynomial of degree 4 in each of two variables, such as Ē over a plane.
#[derive(Debug, Clone, PartialEq)]
pub struct Quartic {
    center: [f64; 2],
    /// Of the polynomial's own variables: half the reach, so that its nodes are whole numbers.
    unit: f64,
    /// Of (own s)^i (own t)^j at `[i][j]`.
    coefficients: [[f64; 5]; 5],
}

impl Quartic {
    /// Through 25 values of `f` around `center`, up to `reach` from it.
    ///
    /// # Requires    `f` is a polynomial of degree 4; `reach` is positive
    pub fn fit(center: [f64; 2], reach: f64, mut f: impl FnMut([f64; 2]) -> f64) -> Self {
        let unit = reach / 2.0;
        let values = NODES.map(|s| NODES.map(|t| f([s.mul_add(unit, center[0]), t.mul_add(unit, center[1])])));
        let mut coefficients = [[0.0; 5]; 5];
        for (i, row) in coefficients.iter_mut().enumerate() {
            for (j, coefficient) in row.iter_mut().enumerate() {
                for (k, value) in values.iter().enumerate() {
                    *coefficient += INVERSE[i][k] * inner_product(&INVERSE[j], value) / (24.0 * 24.0);
                }
            }
        }
        Self { center, unit, coefficients }
    }

    /// Its value.
    pub fn value(&self, at: [f64; 2]) -> f64 {
        self.derivative(at, [0, 0])
    }

    /// ∂^(i + j) / ∂sⁱ ∂tʲ.
    fn derivative(&self, at: [f64; 2], [i, j]: [usize; 2]) -> f64 {
        let own = |k: usize| (at[k] - self.center[k]) / self.unit;
        let (s, t) = (powers(own(0), i), powers(own(1), j));
        let rows = self.coefficients.iter().zip(s);
        rows.map(|(row, power)| power * inner_product(row, &t)).sum::<f64>() / self.unit.powi((i + j) as i32)
    }

    /// The first derivatives.
    pub fn gradient(&self, at: [f64; 2]) -> [f64; 2] {
        [self.derivative(at, [1, 0]), self.derivative(at, [0, 1])]
    }

    /// Local minima within `from`..`to`, found from a grid of 41 × 41 and refined by Newton's method; lowest first.
    ///
    /// A minimum within the plane need not be one in the whole space: nothing outside the plane was looked at.
    pub fn minima(&self, from: [f64; 2], to: [f64; 2]) -> Vec<Rest> {
        let at = |i: usize, k: usize| from[k] + (to[k] - from[k]) * i as f64 / (SEEDS - 1) as f64;
        let value = |i: usize, j: usize| self.value([at(i, 0), at(j, 1)]);
        let mut found: Vec<Rest> = Vec::new();
        for i in 1..SEEDS - 1 {
            for j in 1..SEEDS - 1 {
                let own = value(i, j);
                let around = (0..9).filter(|k| *k != 4).map(|k| value(i + k / 3 - 1, j + k % 3 - 1));
                if around.into_iter().all(|other| own <= other)
                    && let Some(rest) = self.refined([at(i, 0), at(j, 1)])
                    && (from[0]..=to[0]).contains(&rest.a)
                    && (from[1]..=to[1]).contains(&rest.b)
                    && found.iter().all(|other| (other.a - rest.a).hypot(other.b - rest.b) > 1e-6 * self.unit)
                {
                    found.push(rest);
                }
            }
        }
        found.sort_by(|x, y| self.value([x.a, x.b]).total_cmp(&self.value([y.a, y.b])));
        found
    }

    /// Newton's method towards a minimum; none where it leaves or finds something else.
    fn refined(&self, mut at: [f64; 2]) -> Option<Rest> {
        for _ in 0..NEWTON {
            let [gs, gt] = self.gradient(at);
            let [ss, st, tt] = [[2, 0], [1, 1], [0, 2]].map(|order| self.derivative(at, order));
            let rates = symmetric_rates(ss, st, tt);
            if Kind::of(rates, FLOOR * scale(rates)) != Kind::Attracting {
                return None;
            }
            let determinant = ss * tt - st * st;
            let step = [(tt * gs - st * gt) / determinant, (ss * gt - st * gs) / determinant];
            at = [at[0] - step[0], at[1] - step[1]];
            if step[0].hypot(step[1]) <= 1e-12 * self.unit {
                return Some(Rest { a: at[0], b: at[1], rates, kind: Kind::Attracting });
            }
        }
        None
    }
}

/// The derivatives of order `order` of 1, x, x², x³, x⁴.
fn powers(x: f64, order: usize) -> [f64; 5] {
    std::array::from_fn(|k| {
        let factor: usize = (0..order).map(|fall| k.saturating_sub(fall)).product();
        if k < order { 0.0 } else { factor as f64 * x.powi((k - order) as i32) }
    })
}

fn norm(values: &[f64]) -> f64 {
    inner_product(values, values).sqrt()
}
