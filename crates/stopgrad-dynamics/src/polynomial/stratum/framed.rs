//! The equations of a stratum and their Jacobian, in a frame and in any numbers.

use faer::c64;

use super::{Chart, ExactMoments};
use crate::polynomial::block::packed;
use crate::polynomial::ring::{Dense, Ring};

/// The moments in a frame A, S = A S' Aᵀ: AᵀXA, AᵀA, AᵀYA, in which the equations are
/// (X'S' + λ) K (S'X' + λ) − Y'ᵀS'Y' = 0; without a frame K = 1.
///
/// At full rank they may stand multiplied by Q ≈ X'⁻¹ from the left and Qᵀ from the right: X' ≈ 1, L = λQ. Rows then are
/// those of T W T − MᵀTM + C, whose sizes are alike, where products with X' mix large rows and small ones.
#[derive(Debug, Clone)]
pub(crate) struct Framed<R> {
    x: Dense<R>,
    k: Dense<R>,
    y: Dense<R>,
    decay: R,
    l: Dense<R>,
}

impl ExactMoments {
    /// The moments over a ring, in a frame.
    pub(crate) fn framed<R: Ring>(&self, frame: Option<&Dense<c64>>) -> Framed<R> {
        let size = self.size;
        let matrix = |data: &[f64]| Dense::from_fn(size, size, |i, j| R::real(data[i * size + j]));
        let (x, y, decay) = (matrix(&self.xx), matrix(&self.yx), R::real(self.weight_decay));
        let l = Dense::zeros(size, size).shifted(decay);
        let Some(frame) = frame else {
            return Framed { x, k: Dense::zeros(size, size).shifted(R::real(1.0)), y, decay, l };
        };
        let a = lifted(frame);
        let at = a.transposed();
        // X symmetric to the last bit, so that the frame's is too.
        let symmetric = |matrix: Dense<R>| Dense::from_fn(size, size, |i, j| matrix.at(i.min(j), i.max(j)));
        let (x, y) = (symmetric(at.times(&x).times(&a)), at.times(&y).times(&a));
        Framed { x, k: symmetric(at.times(&a)), y, decay, l }
    }
}

/// A matrix of exact numbers over a ring.
pub(crate) fn lifted<R: Ring>(matrix: &Dense<c64>) -> Dense<R> {
    Dense::from_fn(matrix.rows, matrix.columns, |i, j| R::complex(matrix.at(i, j)))
}

impl<R: Ring> Framed<R> {
    /// In other numbers.
    pub(crate) fn map<T: Ring>(&self, each: impl Fn(R) -> T) -> Framed<T> {
        let matrix = |m: &Dense<R>| Dense::from_fn(m.rows, m.columns, |i, j| each(m.at(i, j)));
        Framed {
            x: matrix(&self.x),
            k: matrix(&self.k),
            y: matrix(&self.y),
            decay: each(self.decay),
            l: matrix(&self.l),
        }
    }

    /// AᵀXA.
    pub(crate) fn x(&self) -> &Dense<R> {
        &self.x
    }

    /// The equations of full rank times Q from the left and Qᵀ from the right.
    pub(crate) fn scaled(&self, q: &Dense<R>) -> Self {
        let (x, y, l) = (q.times(&self.x), self.y.times(&q.transposed()), q.clone().scaled(self.decay));
        Self { x, y, l, k: self.k.clone(), decay: self.decay }
    }

    /// (XS + L) K (SXᵀ + Lᵀ) − YᵀSY.
    pub(crate) fn equation(&self, s: &Dense<R>) -> Dense<R> {
        let left = self.x.times(s).plus(&self.l);
        let gained = left.times(&self.k).times(&left.transposed());
        gained.minus(&self.y.transposed().times(s).times(&self.y))
    }

    /// The N equations at a point of a chart.
    pub(crate) fn residual(&self, chart: &Chart, x: &[R]) -> Vec<R> {
        if chart.rank() == chart.size {
            return equations(chart, &self.equation(&chart.s(x)));
        }
        let parts = Parts::new(self, chart, x);
        equations(chart, &parts.k.times(&parts.inner).minus(&parts.z.times(&parts.g)))
    }

    /// Their Jacobian: rows are equations, columns unknowns.
    pub(crate) fn jacobian(&self, chart: &Chart, x: &[R]) -> Dense<R> {
        if chart.rank() == chart.size {
            return full_jacobian(self, &chart.s(x));
        }
        let parts = Parts::new(self, chart, x);
        let n = chart.unknowns();
        let mut out = Dense::zeros(n, n);
        for unknown in 0..n {
            let column = equations(chart, &parts.derivative(self, chart, unknown));
            for (row, entry) in column.into_iter().enumerate() {
                out.data[row * n + unknown] = entry;
            }
        }
        out
    }
}

/// The entries of E that are equations: in the chosen columns the upper triangle, in the others all.
fn equations<R: Ring>(chart: &Chart, e: &Dense<R>) -> Vec<R> {
    let r = chart.rank();
    let mut out = Vec::with_capacity(chart.unknowns());
    for i in 0..r {
        for j in i..r {
            out.push(e.at(i, chart.pivots[j]));
        }
    }
    for column in chart.others() {
        for i in 0..r {
            out.push(e.at(i, column));
        }
    }
    out
}

/// J of full rank: E ↦ (XE) K (SXᵀ + Lᵀ) + (XS + L) K (EXᵀ) − YᵀEY.
fn full_jacobian<R: Ring>(lifted: &Framed<R>, s: &Dense<R>) -> Dense<R> {
    let m = s.rows;
    let n = m * (m + 1) / 2;
    let (x, y) = (&lifted.x, &lifted.y);
    let k = x.times(s).plus(&lifted.l).times(&lifted.k);
    let mut out = Dense::zeros(n, n);
    for a in 0..m {
        for b in a..m {
            let row = packed(a, b, m) * n;
            for i in 0..m {
                for j in i..m {
                    // E = eᵢeⱼᵀ: X_ai K_bj + K_ai X_bj − Y_ia Y_jb, and with i and j exchanged.
                    let one = |i: usize, j: usize| {
                        x.at(a, i) * k.at(b, j) + k.at(a, i) * x.at(b, j) - y.at(i, a) * y.at(j, b)
                    };
                    out.data[row + packed(i, j, m)] = if i == j { one(i, j) } else { one(i, j) + one(j, i) };
                }
            }
        }
    }
    out
}

/// What E is made of at a point.
struct Parts<R> {
    v: Dense<R>,
    s: Dense<R>,
    /// XV, YV, KV, m × r.
    xv: Dense<R>,
    yv: Dense<R>,
    kv: Dense<R>,
    /// VŜ.
    q: Dense<R>,
    k: Dense<R>,
    /// VᵀKVŜ.
    n: Dense<R>,
    inner: Dense<R>,
    z: Dense<R>,
    g: Dense<R>,
}

impl<R: Ring> Parts<R> {
    fn new(lifted: &Framed<R>, chart: &Chart, x: &[R]) -> Self {
        let (v, s) = chart.parts(x);
        let (xv, yv, kv) = (lifted.x.times(&v), lifted.y.times(&v), lifted.k.times(&v));
        let q = v.times(&s);
        let k = xv.transposed().times(&q).shifted(lifted.decay);
        let n = kv.transposed().times(&q);
        let inner = n.times(&xv.transposed()).plus(&kv.transposed().scaled(lifted.decay));
        let z = yv.transposed().times(&q);
        let g = v.transposed().times(&lifted.y);
        Self { v, s, xv, yv, kv, q, k, n, inner, z, g }
    }

    /// ∂E/∂xᵤ.
    fn derivative(&self, lifted: &Framed<R>, chart: &Chart, unknown: usize) -> Dense<R> {
        let r = chart.rank();
        let triangle = r * (r + 1) / 2;
        let mut unit = vec![R::real(0.0); chart.unknowns()];
        unit[unknown] = R::real(1.0);
        let (mut dv, ds) = chart.parts(&unit);
        if unknown < triangle {
            let dq = self.v.times(&ds);
            let dk = self.xv.transposed().times(&dq);
            let dn = self.kv.transposed().times(&dq);
            let dinner = dn.times(&self.xv.transposed());
            let dz = self.yv.transposed().times(&dq);
            return dk.times(&self.inner).plus(&self.k.times(&dinner)).minus(&dz.times(&self.g));
        }
        for (column, &row) in chart.pivots.iter().enumerate() {
            dv.data[row * r + column] = R::real(0.0);
        }
        let (dxv, dyv, dkv) = (lifted.x.times(&dv), lifted.y.times(&dv), lifted.k.times(&dv));
        let dq = dv.times(&self.s);
        let dk = dxv.transposed().times(&self.q).plus(&self.xv.transposed().times(&dq));
        let dn = dkv.transposed().times(&self.q).plus(&self.kv.transposed().times(&dq));
        let dinner = dn
            .times(&self.xv.transposed())
            .plus(&self.n.times(&dxv.transposed()))
            .plus(&dkv.transposed().scaled(lifted.decay));
        let dz = dyv.transposed().times(&self.q).plus(&self.yv.transposed().times(&dq));
        let dg = dv.transposed().times(&lifted.y);
        dk.times(&self.inner).plus(&self.k.times(&dinner)).minus(&dz.times(&self.g)).minus(&self.z.times(&dg))
    }
}
