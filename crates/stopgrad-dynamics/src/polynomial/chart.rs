//! The system of rank r, 1 < r < m: Vᵀ G(S) = 0 with S = V Ŝ Vᵀ, V = [I; U], G(S) = (S + L) W (S + L) − YᵀSY.
//!
//! Whitened: S stands for X^{1/2}SX^{1/2}, W for X⁻¹, Y for X^{-1/2}YX^{-1/2}. The N = r(r + 1)/2 + r(m − r) unknowns are
//! the triangle of Ŝ and the rows of U. The solutions of all instances together are irreducible: given (V, Ŝ, W, λ) and
//! the lower rows of Y the upper ones follow, so that a solved instance is free and loops reach every solution.

mod terms;

use faer::c64;
use rand_chacha::ChaCha8Rng;

use self::terms::{TermSeries, Terms};
use super::block::{Block, ZERO, packed};
use super::diagonal::diagonalizing;
use super::family::{Family, complex_normal, random_block, random_orthogonal, random_symmetric};
use super::frame::{Frame, Moved, ON_THE_WAY, aligned, balance, scaled};
use super::jacobian::{Jacobian, solve_left};
use super::lanes::Lane;
use super::precise::Precise;
use super::predictor::Taylor;
use super::ring::Ring;
use super::tracker::Path;
use super::vector::Vector;
use crate::random::stream;

/// The parameters (W, Y, L): L = λ.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ChartParameters {
    pub(crate) w: Block<c64>,
    pub(crate) y: Block<c64>,
    pub(crate) l: Block<c64>,
}

/// The parameters in a frame A, and K = AᵀA: G is moved as S is, λ becomes λK⁻¹, and what says that G vanishes on the rows of S
/// is VᵀK G K = 0, in which there is no K⁻¹. Any symmetric K is one of some frame.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen<K: Lane> {
    w: Block<K>,
    y: Block<K>,
    k: Block<K>,
    decay: K,
}

impl<K: Lane> Seen<K> {
    fn moved(&self, t: f64, by: &Self) -> Self {
        let along = |a: &Block<K>, b: &Block<K>| a.plus_scaled(t, b);
        Self {
            w: along(&self.w, &by.w),
            y: along(&self.y, &by.y),
            k: along(&self.k, &by.k),
            decay: self.decay + by.decay * K::real(t),
        }
    }
}

impl Seen<Precise> {
    fn seen_in(&self, frame: &Frame) -> Self {
        Self { w: frame.weigh(&self.w), y: frame.turn(&self.y), k: frame.weigh(&self.k), decay: self.decay }
    }

    fn lowered<K: Lane>(&self) -> Seen<K> {
        let [w, y, k] = [&self.w, &self.y, &self.k].map(|matrix| matrix.map(K::from_precise));
        Seen { w, y, k, decay: K::from_precise(self.decay) }
    }
}

/// [`Family`] of rank r; also how its unknowns lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ChartFamily {
    /// m.
    pub(crate) size: usize,
    /// r.
    pub(crate) rank: usize,
}

/// Entries of U above which the chart is turned.
const STEEP: f64 = 2.0;

impl ChartFamily {
    /// N.
    const fn count(self) -> usize {
        self.triangle() + self.rank * (self.size - self.rank)
    }

    const fn triangle(self) -> usize {
        self.rank * (self.rank + 1) / 2
    }

    /// Place of row i ≥ r and column j of V; also of the equation (j, i).
    const fn below(self, i: usize, j: usize) -> usize {
        self.triangle() + (i - self.rank) * self.rank + j
    }

    /// (V, Ŝ) of the unknowns; `one`: 1 at a point, 0 for a direction.
    fn parts<K: Lane>(self, x: &Vector<K>, one: f64) -> (Block<K>, Block<K>) {
        let mut v = Block::zeros(self.size, self.rank);
        for i in 0..self.rank {
            v.set(i, i, K::real(one));
        }
        for i in self.rank..self.size {
            for j in 0..self.rank {
                v.set(i, j, x.at(self.below(i, j)));
            }
        }
        (v, x.unpack(self.rank))
    }

    /// The unknowns of (V, Ŝ), or the equations among the entries of E = VᵀK G K as `e(i, j)`.
    fn gather<K: Lane>(self, triangle: impl Fn(usize, usize) -> K, below: impl Fn(usize, usize) -> K) -> Vector<K> {
        let mut out = Vector::zeros(self.count());
        for i in 0..self.rank {
            for j in i..self.rank {
                out.set(packed(i, j, self.rank), triangle(i, j));
            }
        }
        for i in self.rank..self.size {
            for j in 0..self.rank {
                out.set(self.below(i, j), below(i, j));
            }
        }
        out
    }

    fn equations<K: Lane>(self, e: &Block<K>) -> Vector<K> {
        self.gather(|i, j| e.at(i, j), |i, j| e.at(j, i))
    }

    /// The unknowns of V Ŝ Vᵀ for a V whose upper block is not I.
    fn rechart<K: Lane>(self, v: &Block<K>, s: &Block<K>) -> Vector<K> {
        let top = v.top(self.rank);
        let turned = top.times(s).times(&top.transposed());
        // [I; B T⁻¹], by (Tᵀ)⁻¹ Bᵀ.
        let rows = solve_left(&top.transposed(), &v.transposed()).transposed();
        self.gather(|i, j| turned.at(i, j), |i, j| rows.at(i, j))
    }

    /// A turn at random, the same for every instance: the chart V = [I; U] misses what has no component on the first axes.
    pub(crate) fn turn(self) -> Block<c64> {
        random_orthogonal(&mut stream(0, TURN), self.size)
    }

    /// The largest entry of U.
    fn slope(self, x: &Vector<c64>) -> f64 {
        (self.triangle()..self.count()).map(|i| x.at(i).norm()).fold(0.0, f64::max)
    }

    /// S of the unknowns.
    pub(crate) fn s_of<K: Lane>(self, x: &Vector<K>) -> Block<K> {
        let (v, s) = self.parts(x, 1.0);
        v.times(&s).times(&v.transposed())
    }
}

/// The straight line from one set of parameters to another.
#[derive(Debug, Clone)]
pub(crate) struct ChartSegment<K: Lane> {
    family: ChartFamily,
    from: Seen<K>,
    to: Seen<K>,
    velocity: Seen<K>,
}

impl<K: Lane> Path<K> for ChartSegment<K> {
    type At = Seen<K>;
    type Room = TermSeries<K>;

    fn room(&self) -> TermSeries<K> {
        TermSeries::zeros(self.family)
    }

    fn at(&self, t: f64) -> Seen<K> {
        if t >= 1.0 { self.to.clone() } else { self.from.moved(t, &self.velocity) }
    }

    fn value(&self, at: &Seen<K>, x: &Vector<K>) -> Vector<K> {
        self.family.equations(&Terms::at(at, self.family.parts(x, 1.0)).value(at))
    }

    fn linearize(&self, at: &Seen<K>, x: &Vector<K>, jacobian: &mut Jacobian<K>) -> Vector<K> {
        let family = self.family;
        let terms = Terms::at(at, family.parts(x, 1.0));
        for unknown in 0..family.count() {
            let mut unit = Vector::zeros(family.count());
            unit.set(unknown, K::real(1.0));
            let (dv, ds) = family.parts(&unit, 0.0);
            let change = if unknown < family.triangle() { terms.along_s(&ds) } else { terms.along_v(at, &dv) };
            *jacobian.column(unknown) = family.equations(&change);
        }
        family.equations(&terms.value(at))
    }

    fn taylor(
        &self, at: &Seen<K>, factors: &Jacobian<K>, x: &Vector<K>, order: usize, terms: &mut TermSeries<K>,
        taylor: &mut Taylor<K>,
    ) {
        let family = self.family;
        taylor[0] = *x;
        terms.fill(at, &self.velocity, family.parts(x, 1.0), 0);
        let none = family.parts(&Vector::zeros(x.len), 0.0);
        for n in 1..=order {
            let right = family.equations(&terms.fill(at, &self.velocity, none, n));
            taylor[n] = Vector::zeros(x.len).minus(&factors.solve(&right));
            // Again, with the coefficient that is known now.
            terms.fill(at, &self.velocity, family.parts(&taylor[n], 0.0), n);
        }
    }
}

impl Family for ChartFamily {
    type Parameters = ChartParameters;
    type Exact = Seen<Precise>;
    type Segment<K: Lane> = ChartSegment<K>;

    fn unknowns(self) -> usize {
        self.count()
    }

    fn numbers(self, p: &ChartParameters) -> Vec<c64> {
        [&p.w, &p.y, &p.l].into_iter().flat_map(Block::entries).collect()
    }

    fn of_numbers(self, numbers: &[c64]) -> Option<ChartParameters> {
        let [w, y, l] = Block::of_entries(self.size, numbers)?;
        Some(ChartParameters { w, y, l })
    }

    fn exact(self, p: &ChartParameters) -> Seen<Precise> {
        let [w, y] = [&p.w, &p.y].map(|matrix| matrix.map(Precise::complex));
        Seen { w, y, k: Block::identity(self.size), decay: Precise::complex(p.l.at(0, 0)) }
    }

    /// Turned after that: where moments are diagonal, so would be solutions, and no chart [I; U] holds those of the last axes.
    fn straightened(self, p: &ChartParameters) -> Option<(Frame, Seen<Precise>)> {
        let frame = Frame::of(&diagonalizing(&p.w, &p.y)?.times(&self.turn()));
        let seen = self.exact(p).seen_in(&frame);
        Some((frame, seen))
    }

    fn segment<K: Lane>(self, line: [&Seen<Precise>; 2], frame: &Frame) -> ChartSegment<K> {
        let [from, to] = line.map(|p| p.seen_in(frame));
        let velocity = Seen {
            w: to.w.minus(&from.w),
            y: to.y.minus(&from.y),
            k: to.k.minus(&from.k),
            decay: to.decay - from.decay,
        };
        ChartSegment { family: self, from: from.lowered(), to: to.lowered(), velocity: velocity.lowered() }
    }

    fn frame<K: Lane>(self, at: &Seen<K>, x: &Vector<K>) -> Option<Frame> {
        let x = &x.map(K::rounded);
        let [k, w, y] = [&at.k, &at.w, &at.y].map(|matrix| matrix.map(K::rounded));
        let moved = Moved { pulled: &[self.s_of(x)], weighed: &[w, k], turned: &[y] };
        // V in the balanced frame, turned onto the first axes: there the chart is at its best.
        let (v, _) = self.parts(x, 1.0);
        let a = match balance(&moved, ON_THE_WAY) {
            Some(a) => a.times(&aligned(&solve_left(&a, &v))),
            None if self.slope(x) > STEEP => aligned(&v),
            None => return None,
        };
        Some(Frame::of(&a))
    }

    /// In which the point is phases: on a stratum the small modes count as much as the large ones.
    fn end_frame<K: Lane>(self, _: &Seen<K>, x: &Vector<K>, _: (f64, f64)) -> Option<Frame> {
        let x = &x.map(K::rounded);
        let steep = || (self.slope(x) > STEEP).then(|| aligned(&self.parts(x, 1.0).0));
        scaled(&self.s_of(x), self.rank).or_else(steep).map(|a| Frame::of(&a))
    }

    fn moved<K: Lane>(self, x: &Vector<K>, frame: &Frame) -> Vector<K> {
        let (v, s) = self.parts(x, 1.0);
        self.rechart(&frame.b.times(&v.map(K::to_precise)), &s.map(K::to_precise)).map(K::from_precise)
    }

    fn matrix<K: Lane>(self, x: &Vector<K>) -> Block<K> {
        self.s_of(x)
    }

    fn between(self, [from, to]: [&Seen<Precise>; 2], t: c64) -> Seen<Precise> {
        let t = Precise::complex(t);
        let mix = |a: &Block<Precise>, b: &Block<Precise>| a.plus(&b.minus(a).scaled(t));
        let decay = from.decay + (to.decay - from.decay) * t;
        Seen { w: mix(&from.w, &to.w), y: mix(&from.y, &to.y), k: mix(&from.k, &to.k), decay }
    }

    fn elsewhere(self, rng: &mut ChaCha8Rng, _: &ChartParameters) -> ChartParameters {
        let m = self.size;
        let w = Block::identity(m).plus_scaled(0.5, &random_symmetric(rng, m));
        ChartParameters { w, y: random_block(rng, m, m).scaled(c64::new(1.5, 0.0)), l: scalar(m, complex_normal(rng)) }
    }

    fn start_pair(self, rng: &mut ChaCha8Rng) -> (ChartParameters, Vector<c64>) {
        let (m, r) = (self.size, self.rank);
        let x = Vector::from_fn(self.count(), |_| complex_normal(rng) * 0.7);
        let w = Block::identity(m).plus_scaled(0.5, &random_symmetric(rng, m));
        let y = random_block(rng, m, m);
        let mut p = ChartParameters { w, y, l: scalar(m, complex_normal(rng)) };
        let terms = Terms::at(&seen(&p), self.parts(&x, 1.0));
        // y = VᵀYV with yᵀŜy = kNkᵀ, N = VᵀWV, k = VᵀVŜ + λ: with Ŝ = LLᵀ and N = KKᵀ, y = L⁻ᵀKᵀkᵀ.
        let lambda = p.l.at(0, 0);
        let k = terms.k.shifted(lambda);
        let l = symmetric_root(&terms.s);
        let n = symmetric_root(&terms.vt.times(&p.w).times(&terms.v));
        let y = solve_left(&l.transposed(), &n.transposed_times(&k.transposed()));
        // VᵀY = (yᵀŜ)⁻¹ P W (S + λ).
        let e = terms.omega.times(&p.l).plus(&terms.n.times(&terms.vt));
        let g = solve_left(&y.transposed_times(&terms.s), &e);
        for i in 0..r {
            for j in 0..m {
                let rest: c64 = (r..m).map(|k| terms.v.at(k, i) * p.y.at(k, j)).sum();
                p.y.set(i, j, g.at(i, j) - rest);
            }
        }
        (p, x)
    }

    /// S = A S' Aᵀ for a complex orthogonal A = (I − K)(I + K)⁻¹ with a random antisymmetric K.
    fn congruent(
        self, base: &ChartParameters, roots: &[Vector<c64>], seed: u64,
    ) -> (ChartParameters, Vec<Vector<c64>>) {
        let m = self.size;
        let draw = random_block(&mut stream(seed, CONGRUENCE), m, m);
        let skew = draw.minus(&draw.transposed()).scaled(c64::new(0.4, 0.0));
        let inverse = solve_left(&Block::identity(m).plus(&skew), &Block::identity(m));
        let a = Block::identity(m).minus(&skew).times(&inverse);
        let turn = |matrix: &Block<c64>| a.transposed_times(&matrix.times(&a));
        let parameters = ChartParameters { w: turn(&base.w), y: turn(&base.y), l: base.l };
        let moved = roots.iter().map(|root| {
            let (v, s) = self.parts(root, 1.0);
            self.rechart(&a.transposed_times(&v), &s)
        });
        (parameters, moved.collect())
    }
}

/// Parameters without a frame.
fn seen(p: &ChartParameters) -> Seen<c64> {
    Seen { w: p.w, y: p.y, k: Block::identity(p.w.rows), decay: p.l.at(0, 0) }
}

/// c I.
fn scalar(size: usize, c: c64) -> Block<c64> {
    Block::zeros(size, size).shifted(c)
}

/// L lower triangular with L Lᵀ = K, for a generic complex symmetric K.
fn symmetric_root(matrix: &Block<c64>) -> Block<c64> {
    let mut l = Block::from_fn(matrix.rows, matrix.rows, |_, _| ZERO);
    for j in 0..matrix.rows {
        for i in j..matrix.rows {
            let inner: c64 = (0..j).map(|k| l.at(i, k) * l.at(j, k)).sum();
            let rest = matrix.at(i, j) - inner;
            l.set(i, j, if i == j { rest.sqrt() } else { rest / l.at(j, j) });
        }
    }
    l
}

/// The stream of the turn.
const TURN: u64 = 0x7475_726e;
/// The stream of the congruences.
const CONGRUENCE: u64 = 0x6368_6172;
