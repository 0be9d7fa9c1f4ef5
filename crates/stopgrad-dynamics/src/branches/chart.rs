//! Coordinates around one equilibrium on its stratum, and the equation in them.
//!
//! With the eigenvectors of Σ as frame, Σ = V Ŝ Vᵀ, V = [I; W] and Ŝ = D^{1/2}(I + H)D^{1/2}: H symmetric r × r and
//! W (k − r) × r are free, so a chart covers the matrices of rank r around its centre and no gauge is left. A step of length 1 changes
//! the equilibrium by its own size, whatever the sizes of its modes. The equation is VᵀΓ = 0 with
//! Γ = (X'Σ + λ)N(ΣX' + λ) − Y'ᵀΣY' (docs/theory.md, 3.4, for S = L Σ L, N = L², X' = LXL, Y' = LYL); VᵀΓV is symmetric,
//! so there are as many equations as unknowns.

use faer::Mat;

use super::family::{Family, Values};
use crate::linalg::{LinalgError, SymmetricEigen, product, symmetric_eigen};

/// A point (Σ, θ) with its coordinates.
#[derive(Debug, Clone)]
pub(super) struct Chart {
    /// θ at the centre.
    pub(super) theta: f64,
    /// r.
    pub(super) rank: usize,
    /// Q, k × k: eigenvectors of Σ, the range first.
    frame: Mat<f64>,
    /// D^{1/2}.
    roots: Vec<f64>,
    /// N in the frame.
    weight: Mat<f64>,
    /// What each equation is divided by.
    scales: Vec<f64>,
}

/// The equation at a point of a chart.
pub(super) struct Equation {
    /// Scaled left sides: N.
    pub(super) value: Mat<f64>,
    /// Derivatives by the coordinates and by the parameter's coordinate: N × (N + 1).
    pub(super) jacobian: Mat<f64>,
}

/// One over √2: entries off the diagonal of Σ appear twice in its norm.
const HALF: f64 = std::f64::consts::FRAC_1_SQRT_2;

impl Chart {
    /// Around Σ of rank r.
    ///
    /// # Errors      [`LinalgError`] when Σ is not finite
    pub(super) fn around(family: &Family, sigma: &Mat<f64>, rank: usize, theta: f64) -> Result<Self, LinalgError> {
        let SymmetricEigen { values, vectors } = symmetric_eigen(sigma.as_ref())?;
        let roots = values[..rank].iter().map(|value| value.max(f64::MIN_POSITIVE).sqrt()).collect();
        let square = family.square();
        let weighted = Mat::from_fn(square.len(), square.len(), |i, j| square[i] * vectors[(i, j)]);
        let weight = product(vectors.transpose(), weighted.as_ref());
        let mut chart = Self { theta, rank, frame: vectors, roots, weight, scales: Vec::new() };
        chart.scales = vec![1.0; chart.unknowns()];
        let raw = chart.equation(family, &chart.origin(), theta);
        chart.scales = (0..chart.unknowns())
            .map(|i| {
                let largest = (0..=chart.unknowns()).map(|j| raw.jacobian[(i, j)].abs()).fold(0.0, f64::max);
                if largest > 0.0 { largest } else { 1.0 }
            })
            .collect();
        Ok(chart)
    }

    /// k.
    fn size(&self) -> usize {
        self.frame.nrows()
    }

    /// N = r (r + 1)/2 + r (k − r).
    pub(super) fn unknowns(&self) -> usize {
        self.rank * (self.rank + 1) / 2 + self.rank * (self.size() - self.rank)
    }

    /// The centre.
    pub(super) fn origin(&self) -> Vec<f64> {
        vec![0.0; self.unknowns()]
    }

    /// Places of the coordinates: (i, j) with i ≤ j < r of H, then (a, i) with a ≥ r of W.
    fn places(&self) -> impl Iterator<Item = (usize, usize)> {
        let (rank, size) = (self.rank, self.size());
        let inner = (0..rank).flat_map(move |i| (i..rank).map(move |j| (i, j)));
        inner.chain((rank..size).flat_map(move |a| (0..rank).map(move |i| (a, i))))
    }

    /// V and Ŝ at a point, or their derivatives along a direction.
    fn parts(&self, point: &[f64], derivative: bool) -> (Mat<f64>, Mat<f64>) {
        let one = if derivative { 0.0 } else { 1.0 };
        let mut v = Mat::from_fn(self.size(), self.rank, |i, j| if i == j { one } else { 0.0 });
        let mut s = Mat::from_fn(self.rank, self.rank, |i, j| if i == j { one } else { 0.0 });
        for ((i, j), &x) in self.places().zip(point) {
            if i >= self.rank {
                v[(i, j)] += HALF * x;
            } else if i == j {
                s[(i, i)] += x;
            } else {
                s[(i, j)] += HALF * x;
                s[(j, i)] += HALF * x;
            }
        }
        let s = Mat::from_fn(self.rank, self.rank, |i, j| self.roots[i] * s[(i, j)] * self.roots[j]);
        (v, s)
    }

    /// Σ in the frame.
    fn inside(&self, point: &[f64]) -> Mat<f64> {
        let (v, s) = self.parts(point, false);
        product(product(v.as_ref(), s.as_ref()).as_ref(), v.transpose())
    }

    /// Σ at a point.
    pub(super) fn sigma(&self, point: &[f64]) -> Mat<f64> {
        self.outward(&self.inside(point))
    }

    fn outward(&self, inside: &Mat<f64>) -> Mat<f64> {
        let left = product(self.frame.as_ref(), inside.as_ref());
        let out = product(left.as_ref(), self.frame.transpose());
        Mat::from_fn(self.size(), self.size(), |i, j| 0.5 * (out[(i, j)] + out[(j, i)]))
    }

    fn inward(&self, matrix: &Mat<f64>) -> Mat<f64> {
        let left = product(self.frame.transpose(), matrix.as_ref());
        product(left.as_ref(), self.frame.as_ref())
    }

    /// dΣ in the frame along a direction of the coordinates.
    fn moved(&self, (v, s): &(Mat<f64>, Mat<f64>), direction: &[f64]) -> Mat<f64> {
        let (dv, ds) = self.parts(direction, true);
        let side = product(product(dv.as_ref(), s.as_ref()).as_ref(), v.transpose());
        let middle = product(product(v.as_ref(), ds.as_ref()).as_ref(), v.transpose());
        Mat::from_fn(self.size(), self.size(), |i, j| side[(i, j)] + side[(j, i)] + middle[(i, j)])
    }

    /// dΣ along a direction at a point.
    pub(super) fn change(&self, point: &[f64], direction: &[f64]) -> Mat<f64> {
        self.outward(&self.moved(&self.parts(point, false), direction))
    }

    /// The coordinates of a tangent dΣ at the centre.
    pub(super) fn coordinates(&self, change: &Mat<f64>) -> Vec<f64> {
        let inside = self.inward(change);
        self.places()
            .map(|(i, j)| match () {
                () if i >= self.rank => inside[(i, j)] / (self.roots[j] * self.roots[j] * HALF),
                () if i == j => inside[(i, i)] / (self.roots[i] * self.roots[i]),
                () => inside[(i, j)] / (self.roots[i] * self.roots[j] * HALF),
            })
            .collect()
    }

    /// The equation and its derivatives at a point and a parameter.
    ///
    /// # Cost        N (4 k³ + …) multiply-adds
    pub(super) fn equation(&self, family: &Family, point: &[f64], theta: f64) -> Equation {
        let Values { xx, yx, decay, rates, decay_rate } = family.values(theta);
        let (xx, yx) = (self.inward(&xx), self.inward(&yx));
        let parts = self.parts(point, false);
        let v = &parts.0;
        let sigma = product(product(v.as_ref(), parts.1.as_ref()).as_ref(), v.transpose());
        let mut left = product(xx.as_ref(), sigma.as_ref());
        (0..self.size()).for_each(|i| left[(i, i)] += decay);
        // N (ΣX' + λ), and ΣY'.
        let right = product(self.weight.as_ref(), left.transpose());
        let seen = product(sigma.as_ref(), yx.as_ref());
        let gamma = product(left.as_ref(), right.as_ref()) - product(yx.transpose(), seen.as_ref());
        let rows = product(v.transpose(), gamma.as_ref());
        let count = self.unknowns();
        let mut jacobian = Mat::zeros(count, count + 1);
        let value = self.entries(&rows, v);
        let mut unit = vec![0.0; count];
        for column in 0..count {
            unit[column] = 1.0;
            let dv = self.parts(&unit, true).0;
            let change = self.moved(&parts, &unit);
            unit[column] = 0.0;
            let half = product(product(xx.as_ref(), change.as_ref()).as_ref(), right.as_ref());
            let target = product(product(yx.transpose(), change.as_ref()).as_ref(), yx.as_ref());
            let moved = Mat::from_fn(self.size(), self.size(), |i, j| half[(i, j)] + half[(j, i)] - target[(i, j)]);
            let entries = self.derivatives(&moved, &gamma, (v, Some(&dv)));
            (0..count).for_each(|i| jacobian[(i, column)] = entries[i]);
        }
        // ∂Γ/∂θ.
        let mut half = Mat::from_fn(self.size(), self.size(), |i, j| decay_rate * right[(i, j)]);
        if let Some((dx, dy)) = &rates {
            let (dx, dy) = (self.inward(dx), self.inward(dy));
            half += product(product(dx.as_ref(), sigma.as_ref()).as_ref(), right.as_ref());
            half -= product(dy.transpose(), seen.as_ref());
        }
        let moved = Mat::from_fn(self.size(), self.size(), |i, j| half[(i, j)] + half[(j, i)]);
        let entries = self.derivatives(&moved, &gamma, (v, None));
        (0..count).for_each(|i| jacobian[(i, count)] = entries[i] / family.weight());
        Equation { value: Mat::from_fn(count, 1, |i, _| value[i]), jacobian }
    }

    /// VᵀΓV above the diagonal, then VᵀΓ beyond the range; scaled.
    fn entries(&self, rows: &Mat<f64>, v: &Mat<f64>) -> Vec<f64> {
        let inner = product(rows.as_ref(), v.as_ref());
        let entry = |(i, j): (usize, usize)| if i >= self.rank { rows[(j, i)] } else { inner[(i, j)] };
        self.places().zip(&self.scales).map(|(place, scale)| entry(place) / scale).collect()
    }

    /// The derivative of [`Self::entries`] by that of Γ and, where V moves, dV.
    fn derivatives(&self, moved: &Mat<f64>, gamma: &Mat<f64>, (v, dv): (&Mat<f64>, Option<&Mat<f64>>)) -> Vec<f64> {
        let mut outer = product(v.transpose(), moved.as_ref());
        let mut inner = product(outer.as_ref(), v.as_ref());
        if let Some(dv) = dv {
            let turned = product(dv.transpose(), gamma.as_ref());
            let side = product(turned.as_ref(), v.as_ref());
            inner = Mat::from_fn(self.rank, self.rank, |i, j| inner[(i, j)] + side[(i, j)] + side[(j, i)]);
            outer += turned;
        }
        let entry = |(i, j): (usize, usize)| if i >= self.rank { outer[(j, i)] } else { inner[(i, j)] };
        self.places().zip(&self.scales).map(|(place, scale)| entry(place) / scale).collect()
    }
}
