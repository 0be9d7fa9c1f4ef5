//! What the linearised equilibrium equation is nearly: the round of regressions outside the row space of P, pairs of
//! rows inside it.
//!
//! With the predictor's symmetric part diagonal, a change D = N P + D⊥ acts nearly as N P does under diagonal b,
//! PXPᵀ and PYPᵀ (exact where X and Y commute): entries (i, l) and (l, i) of N couple to each other only. Of such a pair
//! one direction is slow (the balance of AAᵀ and BᵀB, of relative size λ/(b²ρ)) and one is the orbit. D⊥ goes through the
//! division of the round, bᵀb D X + λD. Without the pairs an embedding of rank 400 takes hundreds of products a solve.

use faer::{Mat, MatRef};

use super::factors::Point;
use crate::linalg::{Arithmetic, LinalgError, add_scaled, frobenius_inner, product_symmetric, symmetric_eigen};

/// An approximate inverse of the linearised equation with λ + σ in place of λ, at a point in the predictor's gauge.
pub(super) struct Preconditioner<'a> {
    p: &'a Mat<f64>,
    /// Eigenvectors of bᵀb.
    turn: Mat<f64>,
    /// (eigenvalue of bᵀb) ρ + λ + σ: r × k.
    division: Mat<f64>,
    /// |row of P|².
    squares: Vec<f64>,
    /// N_il ← own_il N_il + other_il N_li.
    own: Mat<f64>,
    other: Mat<f64>,
    /// Of its products.
    arithmetic: Arithmetic,
}

impl<'a> Preconditioner<'a> {
    /// # Errors      [`LinalgError`] when b is not finite
    pub(super) fn new(
        at: &'a Point, variances: &[f64], (decay, shift): (f64, f64), arithmetic: Arithmetic,
    ) -> Result<Self, LinalgError> {
        let r = at.p.nrows();
        let eigen = symmetric_eigen(product_symmetric(at.b.transpose(), at.b.as_ref()).as_ref())?;
        let division = Mat::from_fn(r, variances.len(), |i, j| eigen.values[i].max(0.0) * variances[j] + decay + shift);
        let rows = Rows::new(at, decay, shift);
        let (mut own, mut other) = (Mat::zeros(r, r), Mat::zeros(r, r));
        for i in 0..r {
            own[(i, i)] = 1.0 / rows.coefficients(i, i).iter().sum::<f64>();
            for l in 0..i {
                let [[a, b], [c, d]] = rows.inverse(i, l);
                (own[(i, l)], other[(i, l)], other[(l, i)], own[(l, i)]) = (a, b, c, d);
            }
        }
        Ok(Self { p: &at.p, turn: eigen.vectors, division, squares: rows.squares, own, other, arithmetic })
    }

    /// # Shapes      image: r × k → r × k
    pub(super) fn solve(&self, image: MatRef<'_, f64>) -> Mat<f64> {
        let inside = self.along_rows(image);
        let mut outside = image.to_owned();
        add_scaled(&mut outside, -1.0, self.arithmetic.product(inside.as_ref(), self.p.as_ref()).as_ref());
        let mut turned = self.arithmetic.product(self.turn.transpose(), outside.as_ref());
        for j in 0..turned.ncols() {
            for i in 0..turned.nrows() {
                turned[(i, j)] /= self.division[(i, j)];
            }
        }
        let mut out = self.arithmetic.product(self.turn.as_ref(), turned.as_ref());
        let mut mix = self.along_rows(out.as_ref());
        let r = mix.nrows();
        for l in 0..r {
            for i in 0..r {
                mix[(i, l)] = self.own[(i, l)] * inside[(i, l)] + self.other[(i, l)] * inside[(l, i)] - mix[(i, l)];
            }
        }
        add_scaled(&mut out, 1.0, self.arithmetic.product(mix.as_ref(), self.p.as_ref()).as_ref());
        out
    }

    /// N with N P ≈ the part inside the row space, rows taken for orthogonal.
    fn along_rows(&self, image: MatRef<'_, f64>) -> Mat<f64> {
        let mut inside = self.arithmetic.product(image, self.p.transpose());
        for l in 0..inside.ncols() {
            for i in 0..inside.nrows() {
                inside[(i, l)] /= self.squares[l];
            }
        }
        inside
    }
}

/// Diagonals: of b, PXPᵀ, PXPᵀ + λ + σ and PPᵀ.
struct Rows {
    b: Vec<f64>,
    gram: Vec<f64>,
    weight: Vec<f64>,
    squares: Vec<f64>,
    decay: f64,
    shift: f64,
}

/// Share of its scale below which the image of the orbit's direction is called 0, and replaced.
const ORBIT: f64 = 1e-2;

impl Rows {
    fn new(at: &Point, decay: f64, shift: f64) -> Self {
        let row = |matrix: &Mat<f64>, i: usize| frobenius_inner(matrix.subrows(i, 1), at.p.subrows(i, 1));
        let r = at.p.nrows();
        let squares: Vec<f64> = (0..r).map(|i| row(&at.p, i)).collect();
        let gram: Vec<f64> = (0..r).map(|i| row(&at.px, i)).collect();
        let weight = gram.iter().map(|g| g + decay + shift).collect();
        // At an equilibrium bᵀb = PPᵀ: a diagonal entry far below that stands for a b that is not nearly symmetric.
        let b = (0..r).map(|i| at.b[(i, i)].abs().max(0.3 * squares[i].sqrt()).copysign(at.b[(i, i)])).collect();
        Self { b, gram, weight, squares, decay, shift }
    }

    /// (N_il, N_li) ↦ entry (i, l) of the image: its two coefficients.
    fn coefficients(&self, i: usize, l: usize) -> [f64; 2] {
        let cross = |j: usize| self.b[j] * (self.gram[j] + self.decay);
        // The change of b: t_il = (N_il (h_l − b_i g_l) + N_li (h_i − b_i g_i)) / w_l.
        let turn = |i: usize, l: usize| {
            [
                (cross(l) - self.b[i] * self.gram[l]) / self.weight[l],
                (cross(i) - self.b[i] * self.gram[i]) / self.weight[l],
            ]
        };
        let (here, there) = (turn(i, l), turn(l, i));
        let straight = self.b[i] * self.gram[l] / self.squares[l];
        let held = self.b[i] * (self.b[i] * self.gram[l] - cross(l)) / self.squares[l] + self.decay + self.shift;
        let back = -self.decay / self.b[l];
        [straight * here[0] + held + back * there[1], straight * here[1] + back * there[0]]
    }

    /// The inverse on (N_il, N_li), with the orbit's direction, which has no image, sent where nothing else goes.
    fn inverse(&self, i: usize, l: usize) -> [[f64; 2]; 2] {
        let ([a, b], [d, c]) = (self.coefficients(i, l), self.coefficients(l, i));
        // N with N PPᵀ symmetric, and the turning N = −Nᵀ.
        let balance = [1.0 / self.squares[l], 1.0 / self.squares[i]];
        let size = 1.0 / (self.squares[i] * self.squares[l]).sqrt();
        let orbit = [size, -size];
        let image = |v: [f64; 2]| [a * v[0] + b * v[1], c * v[0] + d * v[1]];
        let (first, mut second) = (image(balance), image(orbit));
        let length = first[0].hypot(first[1]);
        let mut determinant = first[0] * second[1] - first[1] * second[0];
        if determinant.abs() < ORBIT * length * length {
            second = [-first[1], first[0]];
            determinant = length * length;
        }
        // [balance orbit] [first second]⁻¹
        let rows = [[second[1], -second[0]], [-first[1], first[0]]].map(|row| row.map(|x| x / determinant));
        let entry = |j: usize, k: usize| balance[j] * rows[0][k] + orbit[j] * rows[1][k];
        [[entry(0, 0), entry(0, 1)], [entry(1, 0), entry(1, 1)]]
    }
}
