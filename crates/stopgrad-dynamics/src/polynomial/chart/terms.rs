//! What the equations of a stratum are made of, at a point, along a direction, and as series.

use super::{ChartFamily, Seen};
use crate::polynomial::block::Block;
use crate::polynomial::full::Series;
use crate::polynomial::lanes::Lane;
use crate::polynomial::predictor::ORDER;

/// What E = P W (S K + λ) − z g is made of, P = VᵀK S + λVᵀ.
pub(super) struct Terms<K: Lane> {
    pub(super) v: Block<K>,
    pub(super) vt: Block<K>,
    /// VᵀK.
    pub(super) vk: Block<K>,
    pub(super) s: Block<K>,
    pub(super) q: Block<K>,
    /// VᵀK Q.
    pub(super) k: Block<K>,
    /// P W.
    pub(super) omega: Block<K>,
    /// P W Q.
    pub(super) n: Block<K>,
    /// W (S K + λ).
    pub(super) right: Block<K>,
    /// VᵀK Yᵀ.
    pub(super) yv: Block<K>,
    pub(super) z: Block<K>,
    /// VᵀY K.
    pub(super) g: Block<K>,
}

impl<K: Lane> Terms<K> {
    pub(super) fn at(p: &Seen<K>, (v, s): (Block<K>, Block<K>)) -> Self {
        let vt = v.transposed();
        let vk = vt.times(&p.k);
        let q = v.times(&s);
        let k = vk.times(&q);
        let mut left = vt.scaled(p.decay);
        left.gain(&k, &vt);
        let omega = left.times(&p.w);
        let right = p.w.times(&q.times(&vk).shifted(p.decay));
        let n = omega.times(&q);
        let yv = vk.times(&p.y.transposed());
        let (z, g) = (yv.times(&q), vt.times(&p.y).times(&p.k));
        Self { v, vt, vk, s, q, k, omega, n, right, yv, z, g }
    }

    pub(super) fn value(&self, p: &Seen<K>) -> Block<K> {
        let mut e = self.omega.scaled(p.decay);
        e.gain(&self.n, &self.vk);
        e.minus(&self.z.times(&self.g))
    }

    /// ∂E for a change of Ŝ.
    pub(super) fn along_s(&self, ds: &Block<K>) -> Block<K> {
        let dq = self.v.times(ds);
        // ∂P = VᵀK ∂Q Vᵀ.
        let mut gained = self.vk.times(&dq).times(&self.vt).times(&self.right);
        gained.gain(&self.omega.times(&dq), &self.vk);
        gained.minus(&self.yv.times(&dq).times(&self.g))
    }

    /// ∂E for a change of V.
    pub(super) fn along_v(&self, p: &Seen<K>, dv: &Block<K>) -> Block<K> {
        let dvt = dv.transposed();
        let dvk = dvt.times(&p.k);
        let dq = dv.times(&self.s);
        let mut dk = dvk.times(&self.q);
        dk.gain(&self.vk, &dq);
        let mut dleft = dvt.scaled(p.decay);
        dleft.gain(&dk, &self.vt);
        dleft.gain(&self.k, &dvt);
        let mut gained = dleft.times(&self.right);
        gained.gain(&self.omega.times(&dq), &self.vk);
        gained.gain(&self.n, &dvk);
        let mut dz = dvk.times(&p.y.transposed()).times(&self.q);
        dz.gain(&self.yv, &dq);
        let mut lost = dz.times(&self.g);
        lost.gain(&self.z, &dvt.times(&p.y).times(&p.k));
        gained.minus(&lost)
    }
}

/// The coefficient of one order of a product of two series.
fn convolved<K: Lane>(left: &Series<K>, right: &Series<K>, order: usize) -> Block<K> {
    let mut out = left[0].times(&right[order]);
    for i in 1..=order {
        out.gain(&left[i], &right[order - i]);
    }
    out
}

/// A series times a matrix that is linear in t: the coefficient of one order.
fn driven<K: Lane>(left: &Series<K>, (now, velocity): (&Block<K>, &Block<K>), order: usize) -> Block<K> {
    let mut out = left[order].times(now);
    if order > 0 {
        out.gain(&left[order - 1], velocity);
    }
    out
}

/// The same with a number that is linear in t.
fn multiplied<K: Lane>(left: &Series<K>, now: K, velocity: K, order: usize) -> Block<K> {
    let out = left[order].scaled(now);
    if order > 0 { out.plus(&left[order - 1].scaled(velocity)) } else { out }
}

/// Series of what E is made of, filled order by order.
pub(crate) struct TermSeries<K: Lane> {
    v: Series<K>,
    vt: Series<K>,
    vk: Series<K>,
    s: Series<K>,
    q: Series<K>,
    k: Series<K>,
    left: Series<K>,
    omega: Series<K>,
    n: Series<K>,
    yv: Series<K>,
    z: Series<K>,
    /// VᵀY.
    vy: Series<K>,
    g: Series<K>,
}

impl<K: Lane> TermSeries<K> {
    pub(super) fn zeros(family: ChartFamily) -> Self {
        let (m, r) = (family.size, family.rank);
        let [tall, wide, small] = [(m, r), (r, m), (r, r)].map(|(a, b)| [Block::zeros(a, b); ORDER + 1]);
        Self {
            v: tall,
            vt: wide,
            vk: wide,
            s: small,
            q: tall,
            k: small,
            left: wide,
            omega: wide,
            n: small,
            yv: wide,
            z: small,
            vy: wide,
            g: wide,
        }
    }

    /// Fills an order from V and Ŝ of that order, and gives that of E.
    pub(super) fn fill(&mut self, p: &Seen<K>, by: &Seen<K>, (v, s): (Block<K>, Block<K>), order: usize) -> Block<K> {
        (self.v[order], self.s[order], self.vt[order]) = (v, s, v.transposed());
        self.vk[order] = driven(&self.vt, (&p.k, &by.k), order);
        self.q[order] = convolved(&self.v, &self.s, order);
        self.k[order] = convolved(&self.vk, &self.q, order);
        self.left[order] = multiplied(&self.vt, p.decay, by.decay, order).plus(&convolved(&self.k, &self.vt, order));
        self.omega[order] = driven(&self.left, (&p.w, &by.w), order);
        self.n[order] = convolved(&self.omega, &self.q, order);
        self.yv[order] = driven(&self.vk, (&p.y.transposed(), &by.y.transposed()), order);
        self.z[order] = convolved(&self.yv, &self.q, order);
        self.vy[order] = driven(&self.vt, (&p.y, &by.y), order);
        self.g[order] = driven(&self.vy, (&p.k, &by.k), order);
        multiplied(&self.omega, p.decay, by.decay, order)
            .plus(&convolved(&self.n, &self.vk, order))
            .minus(&convolved(&self.z, &self.g, order))
    }
}
