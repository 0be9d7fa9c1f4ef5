//! The shifted equation inside the row space of P, by pairs of rows: exact where X and Y commute.
//!
//! With the predictor's symmetric part diagonal, a change N P acts nearly as under diagonal b, PXPᵀ and PYPᵀ: entries
//! (i, l) and (l, i) of N couple to each other only. Of such a pair one direction is slow (the balance of AAᵀ and BᵀB, of
//! relative size λ/(b²ρ)) and one is the orbit.

use faer::{Mat, MatRef};

use super::factors::Point;
use crate::linalg::{frobenius_inner, product};

/// The inverse pair by pair.
pub(super) struct Pairs {
    /// T.
    encoder: Mat<f64>,
    /// |row of P|².
    squares: Vec<f64>,
    /// N_il ← own_il N_il + other_il N_li.
    own: Mat<f64>,
    other: Mat<f64>,
}

impl Pairs {
    /// At a point of the projected problem, in the predictor's gauge.
    pub(super) fn new(at: &Point, (decay, shift): (f64, f64)) -> Self {
        let r = at.p.nrows();
        let rows = Rows::new(at, decay, shift);
        let (mut own, mut other) = (Mat::zeros(r, r), Mat::zeros(r, r));
        for i in 0..r {
            own[(i, i)] = 1.0 / rows.coefficients(i, i).iter().sum::<f64>();
            for l in 0..i {
                let [[a, b], [c, d]] = rows.inverse(i, l);
                (own[(i, l)], other[(i, l)], other[(l, i)], own[(l, i)]) = (a, b, c, d);
            }
        }
        Self { encoder: at.p.clone(), squares: rows.squares, own, other }
    }

    /// Ω with N = Ω + M, Ωᵀ = −Ω and M PPᵀ symmetric, where N P has nearly this image, rows taken for orthogonal: r × r → r × r.
    pub(super) fn turning(&self, image: MatRef<'_, f64>) -> Mat<f64> {
        let r = image.nrows();
        let inside = product(image, self.encoder.transpose());
        // N_il |row l|².
        let scaled = Mat::from_fn(r, r, |i, l| {
            self.own[(i, l)] * inside[(i, l)]
                + self.other[(i, l)] * inside[(l, i)] * (self.squares[l] / self.squares[i])
        });
        Mat::from_fn(r, r, |i, l| (scaled[(i, l)] - scaled[(l, i)]) / (self.squares[i] + self.squares[l]))
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
