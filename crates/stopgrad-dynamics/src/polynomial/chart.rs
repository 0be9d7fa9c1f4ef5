//! The system of rank r, 1 < r < m: Vᵀ G(S) = 0 with S = V Ŝ Vᵀ, V = [I; U], G(S) = (S + λ) W (S + λ) − YᵀSY.
//!
//! Whitened: S stands for X^{1/2}SX^{1/2}, W for X⁻¹, Y for X^{-1/2}YX^{-1/2}. The N = r(r + 1)/2 + r(m − r) unknowns are
//! the triangle of Ŝ and the rows of U. The solutions of all instances together are irreducible: given (V, Ŝ, W, λ) and
//! the lower rows of Y the upper ones follow, so that a solved instance is free and loops reach every solution.

use faer::c64;
use rand_chacha::ChaCha8Rng;

use super::family::{Family, complex_normal, random_block, random_symmetric};
use super::precise::Precise;
use super::ring::{Ring, ring_product, ring_transposed};
use super::small::{
    Block, Lu, Square, ZERO, add_scaled, identity, packed, product, product_transposed, transposed, unpack,
};
use super::tracker::{ORDER, Path, Taylor};
use crate::random::stream;

/// The parameters (W, Y, λ).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ChartParameters<const M: usize> {
    pub(crate) w: Square<M>,
    pub(crate) y: Square<M>,
    pub(crate) decay: c64,
}

impl<const M: usize> ChartParameters<M> {
    fn difference(&self, to: &Self) -> Self {
        let minus = |a: &Square<M>, b: &Square<M>| add_scaled(a, -1.0, b);
        Self { w: minus(&to.w, &self.w), y: minus(&to.y, &self.y), decay: to.decay - self.decay }
    }

    #[inline(always)]
    fn moved(&self, t: f64, by: &Self) -> Self {
        Self { w: add_scaled(&self.w, t, &by.w), y: add_scaled(&self.y, t, &by.y), decay: self.decay + by.decay * t }
    }
}

/// (V, Ŝ) of the unknowns; `one`: 1 at a point, 0 for a direction.
#[inline(always)]
fn parts<const M: usize, const R: usize, const N: usize>(x: &[c64; N], one: f64) -> (Block<M, R>, Square<R>) {
    let s: Square<R> = unpack(x);
    let mut v = [[ZERO; R]; M];
    for i in 0..R {
        v[i][i] = c64::new(one, 0.0);
    }
    for i in R..M {
        for j in 0..R {
            v[i][j] = x[R * (R + 1) / 2 + (i - R) * R + j];
        }
    }
    (v, s)
}

/// The equations among the entries of E = VᵀG.
#[inline(always)]
fn equations<const M: usize, const R: usize, const N: usize>(e: &Block<R, M>) -> [c64; N] {
    let mut out = [ZERO; N];
    for i in 0..R {
        for j in i..R {
            out[packed(i, j, R)] = e[i][j];
        }
    }
    for j in R..M {
        for i in 0..R {
            out[R * (R + 1) / 2 + (j - R) * R + i] = e[i][j];
        }
    }
    out
}

/// [`equations`] of E in any numbers.
fn value_in<K: Ring, const M: usize, const R: usize>(
    (w, y, decay): (&[[K; M]; M], &[[K; M]; M], K), v: &[[K; R]; M], s: &[[K; R]; R],
) -> [[K; M]; R] {
    let vt = ring_transposed(v);
    let q = ring_product(v, s);
    let mut k = ring_product(&vt, &q);
    for (i, row) in k.iter_mut().enumerate() {
        row[i] = row[i] + decay;
    }
    let omega = ring_product(&vt, w);
    let mut inner = ring_product(&ring_product(&omega, &q), &vt);
    for (row, from) in inner.iter_mut().zip(&omega) {
        for (entry, &x) in row.iter_mut().zip(from) {
            *entry = *entry + decay * x;
        }
    }
    let z = ring_product(&ring_transposed(&ring_product(y, v)), &q);
    let (mut e, rest) = (ring_product(&k, &inner), ring_product(&z, &ring_product(&vt, y)));
    for (row, from) in e.iter_mut().zip(&rest) {
        for (entry, &x) in row.iter_mut().zip(from) {
            *entry = *entry - x;
        }
    }
    e
}

/// What E is made of, and the same of a direction.
struct Terms<const M: usize, const R: usize> {
    v: Block<M, R>,
    s: Square<R>,
    q: Block<M, R>,
    k: Square<R>,
    omega: Block<R, M>,
    /// ωQ.
    n: Square<R>,
    inner: Block<R, M>,
    yv: Block<M, R>,
    z: Square<R>,
    g: Block<R, M>,
}

#[inline(always)]
fn add<const A: usize, const B: usize>(a: &Block<A, B>, b: &Block<A, B>) -> Block<A, B> {
    add_scaled(a, 1.0, b)
}

#[inline(always)]
fn scaled<const A: usize, const B: usize>(a: &Block<A, B>, by: c64) -> Block<A, B> {
    a.map(|row| row.map(|x| x * by))
}

impl<const M: usize, const R: usize> Terms<M, R> {
    #[inline(always)]
    fn at(p: &ChartParameters<M>, v: Block<M, R>, s: Square<R>) -> Self {
        let q = product(&v, &s);
        let mut k = product_transposed(&v, &q);
        for i in 0..R {
            k[i][i] += p.decay;
        }
        let omega = product_transposed(&v, &p.w);
        let n = product(&omega, &q);
        let inner = add(&product(&n, &transposed(&v)), &scaled(&omega, p.decay));
        let yv = product(&p.y, &v);
        let (z, g) = (product_transposed(&yv, &q), product_transposed(&v, &p.y));
        Self { v, s, q, k, omega, n, inner, yv, z, g }
    }

    #[inline(always)]
    fn value(&self) -> Block<R, M> {
        add_scaled(&product(&self.k, &self.inner), -1.0, &product(&self.z, &self.g))
    }

    /// ∂E for a change of Ŝ.
    #[inline(always)]
    fn along_s(&self, ds: &Square<R>) -> Block<R, M> {
        let dq = product(&self.v, ds);
        let (dk, dz) = (product_transposed(&self.v, &dq), product_transposed(&self.yv, &dq));
        let dinner = product(&product(&self.omega, &dq), &transposed(&self.v));
        let first = add(&product(&dk, &self.inner), &product(&self.k, &dinner));
        add_scaled(&first, -1.0, &product(&dz, &self.g))
    }

    /// ∂E for a change of V.
    #[inline(always)]
    fn along_v(&self, p: &ChartParameters<M>, dv: &Block<M, R>) -> Block<R, M> {
        let dq = product(dv, &self.s);
        let dk = add(&product_transposed(dv, &self.q), &product_transposed(&self.v, &dq));
        let domega = product_transposed(dv, &p.w);
        let dn = add(&product(&domega, &self.q), &product(&self.omega, &dq));
        let turned = add(&product(&dn, &transposed(&self.v)), &product(&self.n, &transposed(dv)));
        let dinner = add(&turned, &scaled(&domega, p.decay));
        let dyv = product(&p.y, dv);
        let dz = add(&product_transposed(&dyv, &self.q), &product_transposed(&self.yv, &dq));
        let dg = product_transposed(dv, &p.y);
        let gained = add(&product(&dk, &self.inner), &product(&self.k, &dinner));
        let lost = add(&product(&dz, &self.g), &product(&self.z, &dg));
        add_scaled(&gained, -1.0, &lost)
    }
}

/// The straight line from one set of parameters to another.
#[derive(Debug, Clone)]
pub(crate) struct ChartSegment<const M: usize, const R: usize, const N: usize> {
    from: ChartParameters<M>,
    to: ChartParameters<M>,
    velocity: ChartParameters<M>,
}

/// Coefficients of a power series of matrices.
type Series<const A: usize, const B: usize> = [Block<A, B>; ORDER + 1];

/// The coefficient of one order of a product of two series.
#[inline(always)]
fn convolved<const A: usize, const K: usize, const B: usize>(
    left: &Series<A, K>, right: &Series<K, B>, order: usize,
) -> Block<A, B> {
    let mut out = [[ZERO; B]; A];
    for i in 0..=order {
        out = add(&out, &product(&left[i], &right[order - i]));
    }
    out
}

/// A matrix that is linear in t, times a series: the coefficient of one order.
#[inline(always)]
fn driven<const A: usize, const K: usize, const B: usize>(
    left: &Series<A, K>, (now, velocity): (&Block<K, B>, &Block<K, B>), order: usize,
) -> Block<A, B> {
    let out = product(&left[order], now);
    if order == 0 { out } else { add(&out, &product(&left[order - 1], velocity)) }
}

/// Series of what E is made of, filled order by order.
struct TermSeries<const M: usize, const R: usize> {
    v: Series<M, R>,
    vt: Series<R, M>,
    s: Series<R, R>,
    q: Series<M, R>,
    k: Series<R, R>,
    omega: Series<R, M>,
    n: Series<R, R>,
    inner: Series<R, M>,
    /// VᵀYᵀ.
    yv: Series<R, M>,
    z: Series<R, R>,
    g: Series<R, M>,
}

impl<const M: usize, const R: usize> TermSeries<M, R> {
    #[inline(always)]
    fn zeros() -> Self {
        let (tall, wide, small) =
            ([[[ZERO; R]; M]; ORDER + 1], [[[ZERO; M]; R]; ORDER + 1], [[[ZERO; R]; R]; ORDER + 1]);
        Self {
            v: tall,
            vt: wide,
            s: small,
            q: tall,
            k: small,
            omega: wide,
            n: small,
            inner: wide,
            yv: wide,
            z: small,
            g: wide,
        }
    }

    /// Fills an order from V and Ŝ of that order, and gives that of E.
    #[inline(always)]
    fn fill(
        &mut self, p: &ChartParameters<M>, by: &ChartParameters<M>, (v, s): (Block<M, R>, Square<R>), order: usize,
    ) -> Block<R, M> {
        (self.v[order], self.s[order], self.vt[order]) = (v, s, transposed(&v));
        self.q[order] = convolved(&self.v, &self.s, order);
        self.k[order] = convolved(&self.vt, &self.q, order);
        if order < 2 {
            for i in 0..R {
                self.k[order][i][i] += if order == 0 { p.decay } else { by.decay };
            }
        }
        self.omega[order] = driven(&self.vt, (&p.w, &by.w), order);
        self.n[order] = convolved(&self.omega, &self.q, order);
        let mut inner = add(&convolved(&self.n, &self.vt, order), &scaled(&self.omega[order], p.decay));
        if order > 0 {
            inner = add(&inner, &scaled(&self.omega[order - 1], by.decay));
        }
        self.inner[order] = inner;
        self.yv[order] = driven(&self.vt, (&transposed(&p.y), &transposed(&by.y)), order);
        self.z[order] = convolved(&self.yv, &self.q, order);
        self.g[order] = driven(&self.vt, (&p.y, &by.y), order);
        add_scaled(&convolved(&self.k, &self.inner, order), -1.0, &convolved(&self.z, &self.g, order))
    }
}

impl<const M: usize, const R: usize, const N: usize> Path<N> for ChartSegment<M, R, N> {
    type At = ChartParameters<M>;

    #[inline(always)]
    fn at(&self, t: f64) -> ChartParameters<M> {
        if t >= 1.0 { self.to } else { self.from.moved(t, &self.velocity) }
    }

    #[inline(always)]
    fn value(&self, at: &ChartParameters<M>, x: &[c64; N]) -> [c64; N] {
        let (v, s) = parts::<M, R, N>(x, 1.0);
        equations(&Terms::at(at, v, s).value())
    }

    #[inline(never)]
    fn precise_value(&self, at: &ChartParameters<M>, x: &[c64; N]) -> [c64; N] {
        let (v, s) = parts::<M, R, N>(x, 1.0);
        let (w, y) = (at.w.map(|row| row.map(Precise::complex)), at.y.map(|row| row.map(Precise::complex)));
        let (v, s) = (v.map(|row| row.map(Precise::complex)), s.map(|row| row.map(Precise::complex)));
        let e = value_in((&w, &y, Precise::complex(at.decay)), &v, &s);
        equations(&e.map(|row| row.map(Precise::rounded)))
    }

    #[inline(always)]
    fn linearize(&self, at: &ChartParameters<M>, x: &[c64; N]) -> ([c64; N], Square<N>) {
        let (v, s) = parts::<M, R, N>(x, 1.0);
        let terms = Terms::at(at, v, s);
        let mut jacobian = [[ZERO; N]; N];
        for unknown in 0..N {
            let mut unit = [ZERO; N];
            unit[unknown] = c64::new(1.0, 0.0);
            let (dv, ds) = parts::<M, R, N>(&unit, 0.0);
            let change = if unknown < R * (R + 1) / 2 { terms.along_s(&ds) } else { terms.along_v(at, &dv) };
            let column: [c64; N] = equations(&change);
            for row in 0..N {
                jacobian[row][unknown] = column[row];
            }
        }
        (equations(&terms.value()), jacobian)
    }

    #[inline(always)]
    fn taylor(&self, at: &ChartParameters<M>, factors: &Lu<N>, x: &[c64; N]) -> Taylor<N> {
        let mut taylor = [[ZERO; N]; ORDER + 1];
        taylor[0] = *x;
        let mut terms = TermSeries::<M, R>::zeros();
        terms.fill(at, &self.velocity, parts::<M, R, N>(x, 1.0), 0);
        for order in 1..=ORDER {
            let none = ([[ZERO; R]; M], [[ZERO; R]; R]);
            let right: [c64; N] = equations(&terms.fill(at, &self.velocity, none, order));
            taylor[order] = factors.solve(&right).map(|x| -x);
            // Again, with the coefficient that is known now.
            terms.fill(at, &self.velocity, parts::<M, R, N>(&taylor[order], 0.0), order);
        }
        taylor
    }
}

/// [`Family`] of rank R.
pub(crate) struct ChartFamily<const M: usize, const R: usize>;

impl<const M: usize, const R: usize, const N: usize> Family<N> for ChartFamily<M, R> {
    type Parameters = ChartParameters<M>;
    type Segment = ChartSegment<M, R, N>;

    fn segment(from: &ChartParameters<M>, to: &ChartParameters<M>) -> ChartSegment<M, R, N> {
        const { assert!(N == R * (R + 1) / 2 + R * (M - R), "one unknown an equation") };
        ChartSegment { from: *from, to: *to, velocity: from.difference(to) }
    }

    fn elsewhere(rng: &mut ChaCha8Rng, _: &ChartParameters<M>) -> ChartParameters<M> {
        let w = add_scaled(&identity(), 0.5, &random_symmetric(rng));
        ChartParameters { w, y: scaled(&random_block(rng), c64::new(1.5, 0.0)), decay: complex_normal(rng) }
    }

    fn start_pair(rng: &mut ChaCha8Rng) -> (ChartParameters<M>, [c64; N]) {
        let mut x = [ZERO; N];
        for entry in &mut x {
            *entry = complex_normal(rng) * 0.7;
        }
        let (v, s) = parts::<M, R, N>(&x, 1.0);
        let (w, lower): (Square<M>, Square<M>) =
            (add_scaled(&identity(), 0.5, &random_symmetric(rng)), random_block(rng));
        let mut p = ChartParameters { w, y: lower, decay: complex_normal(rng) };
        let terms = Terms::at(&p, v, s);
        // y = VᵀYV with yᵀŜy = kNkᵀ, N = VᵀWV: with Ŝ = LLᵀ and N = KKᵀ, y = L⁻ᵀKᵀkᵀ.
        let l = symmetric_root(&s);
        let n = symmetric_root(&product(&terms.omega, &v));
        let y = solve_left(&transposed(&l), &product(&transposed(&n), &transposed(&terms.k)));
        // VᵀY = (yᵀŜ)⁻¹ k inner.
        let g = solve_left(&product_transposed(&y, &s), &product(&terms.k, &terms.inner));
        for i in 0..R {
            for j in 0..M {
                p.y[i][j] = g[i][j] - (R..M).map(|k| v[k][i] * p.y[k][j]).sum::<c64>();
            }
        }
        (p, x)
    }
}

/// L lower triangular with L Lᵀ = K, for a generic complex symmetric K.
fn symmetric_root<const R: usize>(matrix: &Square<R>) -> Square<R> {
    let mut l = [[ZERO; R]; R];
    for j in 0..R {
        for i in j..R {
            let inner: c64 = (0..j).map(|k| l[i][k] * l[j][k]).sum();
            let rest = matrix[i][j] - inner;
            l[i][j] = if i == j { rest.sqrt() } else { rest / l[j][j] };
        }
    }
    l
}

/// K⁻¹ R, for a generic K.
fn solve_left<const R: usize, const C: usize>(matrix: &Square<R>, right: &Block<R, C>) -> Block<R, C> {
    let lu = Lu::new(matrix).expect("a random matrix is regular");
    let mut out = [[ZERO; C]; R];
    for j in 0..C {
        let mut column = [ZERO; R];
        for i in 0..R {
            column[i] = right[i][j];
        }
        for (i, x) in lu.solve(&column).into_iter().enumerate() {
            out[i][j] = x;
        }
    }
    out
}

impl<const M: usize> ChartParameters<M> {
    /// The same instance in other coordinates: S = A S' Aᵀ for a complex orthogonal A, named by a seed.
    ///
    /// A = (I − K)(I + K)⁻¹ with a random antisymmetric K.
    pub(crate) fn congruent<const R: usize, const N: usize>(
        &self, roots: &[[c64; N]], seed: u64,
    ) -> (Self, Vec<[c64; N]>) {
        let draw: Square<M> = random_block(&mut stream(seed, CONGRUENCE));
        let skew = scaled(&add_scaled(&draw, -1.0, &transposed(&draw)), c64::new(0.4, 0.0));
        let plus = add(&identity(), &skew);
        let inverse = solve_left(&plus, &identity::<M>());
        let a = product(&add_scaled(&identity(), -1.0, &skew), &inverse);
        let turn = |matrix: &Square<M>| product_transposed(&a, &product(matrix, &a));
        let parameters = Self { w: turn(&self.w), y: turn(&self.y), decay: self.decay };
        let moved = roots.iter().map(|root| {
            let (v, s) = parts::<M, R, N>(root, 1.0);
            rechart(&product_transposed(&a, &v), &s)
        });
        (parameters, moved.collect())
    }
}

/// The unknowns of V Ŝ Vᵀ for a V whose upper block is not I.
fn rechart<const M: usize, const R: usize, const N: usize>(v: &Block<M, R>, s: &Square<R>) -> [c64; N] {
    let mut top = [[ZERO; R]; R];
    top.copy_from_slice(&v[..R]);
    let turned = product(&product(&top, s), &transposed(&top));
    // [I; B T⁻¹], by (Tᵀ)⁻¹ Bᵀ.
    let rows = transposed(&solve_left(&transposed(&top), &transposed(v)));
    let mut x = [ZERO; N];
    for i in 0..R {
        for j in i..R {
            x[packed(i, j, R)] = turned[i][j];
        }
    }
    for i in R..M {
        for j in 0..R {
            x[R * (R + 1) / 2 + (i - R) * R + j] = rows[i][j];
        }
    }
    x
}

/// S of the unknowns.
pub(crate) fn s_of<const M: usize, const R: usize, const N: usize>(x: &[c64; N]) -> Square<M> {
    let (v, s) = parts::<M, R, N>(x, 1.0);
    product(&product(&v, &s), &transposed(&v))
}

/// The stream of the congruences.
const CONGRUENCE: u64 = 0x6368_6172;
