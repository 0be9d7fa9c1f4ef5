//! The system of full rank: T W T − Mᵀ T M + C = 0 in the symmetric T, with W, C symmetric.
//!
//! With T = X^{1/2} S X^{1/2} + λI, W = X⁻¹, M = X^{-1/2} Y X^{-1/2} and C = λMᵀM it is docs/theory.md, 3.3. For fixed
//! (W, M) its solutions are the graph of a map T ↦ C: any T is a solution for some C, and every solution can be
//! reached from every other by moving C.

use faer::c64;
use rand_chacha::ChaCha8Rng;

use super::block::{Block, packed};
use super::diagonal::diagonalizing;
use super::family::{Family, random_block, random_symmetric, random_unitary};
use super::frame::{Frame, Moved, ON_THE_WAY, balance};
use super::jacobian::Jacobian;
use super::lanes::Lane;
use super::precise::Precise;
use super::predictor::{ORDER, Taylor};
use super::ring::Ring;
use super::tracker::Path;
use super::vector::Vector;
use crate::random::stream;

/// The parameters (W, M, C).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FullParameters<K: Lane> {
    pub(crate) w: Block<K>,
    pub(crate) m: Block<K>,
    pub(crate) c: Block<K>,
}

impl<K: Lane> FullParameters<K> {
    /// T ↦ the C for which it is a solution: Mᵀ T M − T W T.
    pub(crate) fn constant_of(w: &Block<K>, m: &Block<K>, t: &Block<K>) -> Block<K> {
        m.transposed_times(&t.times(m)).minus(&t.times(w).times(t))
    }

    fn moved(&self, t: f64, by: &Self) -> Self {
        Self { w: self.w.plus_scaled(t, &by.w), m: self.m.plus_scaled(t, &by.m), c: self.c.plus_scaled(t, &by.c) }
    }
}

impl FullParameters<Precise> {
    /// In the coordinates of a frame.
    fn seen_in(&self, frame: &Frame) -> Self {
        Self { w: frame.weigh(&self.w), m: frame.turn(&self.m), c: frame.pull(&self.c) }
    }
}

/// The straight line from one set of parameters to another.
#[derive(Debug, Clone)]
pub(crate) struct FullSegment<K: Lane> {
    size: usize,
    from: FullParameters<K>,
    to: FullParameters<K>,
    velocity: FullParameters<K>,
    /// Ṁᵀ.
    pull: Block<K>,
}

/// Coefficients of a power series of matrices.
pub(crate) type Series<K> = [Block<K>; ORDER + 1];

/// K added to a triangle, with a sign.
fn add_one<K: Lane>(out: &mut Vector<K>, sign: f64, matrix: &Block<K>) {
    for i in 0..matrix.rows {
        for j in i..matrix.rows {
            out.add(packed(i, j, matrix.rows), matrix.at(i, j) * K::real(sign));
        }
    }
}

/// K + Kᵀ added to a triangle, with a sign.
fn add_both<K: Lane>(out: &mut Vector<K>, sign: f64, matrix: &Block<K>) {
    add_one(out, sign, matrix);
    add_one(out, sign, &matrix.transposed());
}

impl<K: Lane> Path<K> for FullSegment<K> {
    /// The parameters and Mᵀ.
    type At = (FullParameters<K>, Block<K>);
    type Room = [Series<K>; 2];

    fn room(&self) -> [Series<K>; 2] {
        [[Block::zeros(self.size, self.size); ORDER + 1]; 2]
    }

    fn at(&self, t: f64) -> (FullParameters<K>, Block<K>) {
        // The end itself, to the last bit.
        let at = if t >= 1.0 { self.to.clone() } else { self.from.moved(t, &self.velocity) };
        let pull = at.m.transposed();
        (at, pull)
    }

    fn value(&self, (at, pull): &(FullParameters<K>, Block<K>), x: &Vector<K>) -> Vector<K> {
        let t = x.unpack(self.size);
        let mut out = Vector::pack(&at.c);
        add_one(&mut out, 1.0, &t.times(&at.w.times(&t)));
        add_one(&mut out, -1.0, &pull.times(&t.times(&at.m)));
        out
    }

    fn linearize(
        &self, (at, pull): &(FullParameters<K>, Block<K>), x: &Vector<K>, jacobian: &mut Jacobian<K>,
    ) -> Vector<K> {
        let size = self.size;
        let t = x.unpack(size);
        let q = at.w.times(&t);
        let mut value = Vector::pack(&at.c);
        add_one(&mut value, 1.0, &t.times(&q));
        add_one(&mut value, -1.0, &pull.times(&t.times(&at.m)));
        let m = &at.m;
        for i in 0..size {
            for j in i..size {
                // E = eᵢeⱼᵀ + eⱼeᵢᵀ, or eᵢeᵢᵀ: E Q + Qᵀ E − Mᵀ E M, whose row a is made of rows i and j of M and Q.
                let column = jacobian.column(packed(i, j, size));
                for a in 0..size {
                    let (first, second) = (m.at(i, a), m.at(j, a));
                    for b in a..size {
                        let both = first * m.at(j, b);
                        let entry = if i == j { both } else { both + second * m.at(i, b) };
                        column.set(packed(a, b, size), -entry);
                    }
                }
                for b in 0..size {
                    let mut meet = |a: usize, entry| {
                        column.add(packed(a.min(b), a.max(b), size), if a == b { entry + entry } else { entry });
                    };
                    meet(i, q.at(j, b));
                    if i != j {
                        meet(j, q.at(i, b));
                    }
                }
            }
        }
        value
    }

    fn taylor(
        &self,
        (at, _): &(FullParameters<K>, Block<K>),
        factors: &Jacobian<K>,
        x: &Vector<K>,
        order: usize,
        // Tⱼ, and Rⱼ = W Tⱼ + Ẇ Tⱼ₋₁.
        [t, r]: &mut [Series<K>; 2],
        taylor: &mut Taylor<K>,
    ) {
        let (w1, m1) = (&self.velocity.w, &self.velocity.m);
        let half = K::real(0.5);
        taylor[0] = *x;
        t[0] = x.unpack(self.size);
        for k in 1..=order {
            let turned = w1.times(&t[k - 1]);
            let mut sum = t[0].times(&turned);
            for i in 1..k {
                sum.gain(&t[i], &r[k - i]);
            }
            let mut right = Vector::zeros(x.len);
            if k == 1 {
                add_one(&mut right, 1.0, &self.velocity.c);
            }
            // Σ over (i, j) with i + j + l = k is symmetric as a whole: halves of it and its transpose.
            let mut both = sum.scaled(half);
            both = both.minus(&self.pull.times(&t[k - 1].times(&at.m)));
            if k > 1 {
                both = both.minus(&self.pull.times(&t[k - 2].times(m1)).scaled(half));
            }
            add_both(&mut right, 1.0, &both);
            taylor[k] = Vector::zeros(x.len).minus(&factors.solve(&right));
            t[k] = taylor[k].unpack(self.size);
            r[k] = at.w.times(&t[k]).plus(&turned);
        }
    }
}

/// [`Family`] of full rank: W = I throughout, which loses none (a congruence moves W to I).
#[derive(Debug, Clone, Copy)]
pub(crate) struct FullFamily {
    /// m.
    pub(crate) size: usize,
}

impl Family for FullFamily {
    type Parameters = FullParameters<c64>;
    type Exact = FullParameters<Precise>;
    type Segment<K: Lane> = FullSegment<K>;

    fn unknowns(self) -> usize {
        self.size * (self.size + 1) / 2
    }

    fn numbers(self, p: &FullParameters<c64>) -> Vec<c64> {
        [&p.w, &p.m, &p.c].into_iter().flat_map(Block::entries).collect()
    }

    fn of_numbers(self, numbers: &[c64]) -> Option<FullParameters<c64>> {
        let [w, m, c] = Block::of_entries(self.size, numbers)?;
        Some(FullParameters { w, m, c })
    }

    fn exact(self, p: &FullParameters<c64>) -> FullParameters<Precise> {
        let [w, m, c] = [&p.w, &p.m, &p.c].map(|matrix| matrix.map(Precise::complex));
        FullParameters { w, m, c }
    }

    fn straightened(self, p: &FullParameters<c64>) -> Option<(Frame, FullParameters<Precise>)> {
        let frame = Frame::of(&diagonalizing(&p.w, &p.m)?);
        let seen = self.exact(p).seen_in(&frame);
        Some((frame, seen))
    }

    fn segment<K: Lane>(self, line: [&FullParameters<Precise>; 2], frame: &Frame) -> FullSegment<K> {
        let [from, to] = line.map(|p| p.seen_in(frame));
        let lower = |p: &FullParameters<Precise>| {
            let [w, m, c] = [&p.w, &p.m, &p.c].map(|matrix| matrix.map(K::from_precise));
            FullParameters { w, m, c }
        };
        let velocity = FullParameters { w: to.w.minus(&from.w), m: to.m.minus(&from.m), c: to.c.minus(&from.c) };
        let (from, to, velocity) = (lower(&from), lower(&to), lower(&velocity));
        let pull = velocity.m.transposed();
        FullSegment { size: self.size, from, to, velocity, pull }
    }

    fn frame<K: Lane>(self, (at, _): &(FullParameters<K>, Block<K>), x: &Vector<K>) -> Option<Frame> {
        balanced(at, x, ON_THE_WAY)
    }

    fn end_frame<K: Lane>(
        self, (at, _): &(FullParameters<K>, Block<K>), x: &Vector<K>, limits: (f64, f64),
    ) -> Option<Frame> {
        balanced(at, x, limits)
    }

    fn moved<K: Lane>(self, x: &Vector<K>, frame: &Frame) -> Vector<K> {
        Vector::pack(&frame.pull(&x.unpack(self.size).map(K::to_precise)).map(K::from_precise))
    }

    fn matrix<K: Lane>(self, x: &Vector<K>) -> Block<K> {
        x.unpack(self.size)
    }

    fn between(self, [from, to]: [&FullParameters<Precise>; 2], t: c64) -> FullParameters<Precise> {
        let mix = |a: &Block<Precise>, b: &Block<Precise>| a.plus(&b.minus(a).scaled(Precise::complex(t)));
        FullParameters { w: mix(&from.w, &to.w), m: mix(&from.m, &to.m), c: mix(&from.c, &to.c) }
    }

    fn elsewhere(self, rng: &mut ChaCha8Rng, base: &FullParameters<c64>) -> FullParameters<c64> {
        // Large enough to go around the C at which two solutions meet.
        let c = random_symmetric(rng, self.size).scaled(c64::new(3.0, 0.0));
        FullParameters { c, ..base.clone() }
    }

    fn start_pair(self, rng: &mut ChaCha8Rng) -> (FullParameters<c64>, Vector<c64>) {
        let (w, t) = (Block::identity(self.size), random_symmetric(rng, self.size));
        let m = random_block(rng, self.size, self.size);
        let c = FullParameters::constant_of(&w, &m, &t);
        (FullParameters { w, m, c }, Vector::pack(&t))
    }

    /// T = A T' Aᵀ for a unitary A.
    fn congruent(
        self, base: &FullParameters<c64>, roots: &[Vector<c64>], seed: u64,
    ) -> (FullParameters<c64>, Vec<Vector<c64>>) {
        let a = random_unitary(&mut stream(seed, CONGRUENCE), self.size);
        // A⁻¹ = conj(A)ᵀ; B = A⁻ᵀ = conj(A).
        let b = a.map(|x| x.conj());
        let pushed = |matrix: &Block<c64>| b.transposed_times(&matrix.times(&b));
        let parameters = FullParameters {
            w: a.transposed_times(&base.w.times(&a)),
            m: a.transposed_times(&base.m.times(&b)),
            c: pushed(&base.c),
        };
        (parameters, roots.iter().map(|root| Vector::pack(&pushed(&root.unpack(self.size)))).collect())
    }
}

/// The frame in which a point and its parameters are small together, or a step towards it.
fn balanced<K: Lane>(at: &FullParameters<K>, x: &Vector<K>, limits: (f64, f64)) -> Option<Frame> {
    let [t, c, w, m] = [&x.unpack(at.m.rows), &at.c, &at.w, &at.m].map(|matrix| matrix.map(K::rounded));
    let moved = Moved { pulled: &[t, c], weighed: &[w], turned: &[m] };
    balance(&moved, limits).map(|a| Frame::of(&a))
}

/// The stream of the congruences.
const CONGRUENCE: u64 = 0x636f_6e67;
