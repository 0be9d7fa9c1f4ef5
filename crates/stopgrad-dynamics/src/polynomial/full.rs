//! The system of full rank: T W T − Mᵀ T M + C = 0 in the symmetric T, with W, C symmetric.
//!
//! With T = X^{1/2} S X^{1/2} + λI, W = X⁻¹, M = X^{-1/2} Y X^{-1/2} and C = λMᵀM it is docs/theory.md, 3.3. For fixed
//! (W, M) its solutions are the graph of a map T ↦ C: any T is a solution for some C, and every solution can be
//! reached from every other by moving C.

use faer::c64;
use rand_chacha::ChaCha8Rng;

use super::family::{Family, random_block, random_symmetric, random_unitary};
use super::precise::Precise;
use super::ring::{Ring, ring_product};
use super::small::{Lu, Square, ZERO, add_scaled, identity, pack, packed, product, product_transposed, unpack};
use super::tracker::{ORDER, Path, Taylor};
use crate::random::stream;

/// The parameters (W, M, C).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct FullParameters<const M: usize> {
    pub(crate) w: Square<M>,
    pub(crate) m: Square<M>,
    pub(crate) c: Square<M>,
}

impl<const M: usize> FullParameters<M> {
    /// T ↦ the C for which it is a solution: Mᵀ T M − T W T.
    pub(crate) fn constant_of(w: &Square<M>, m: &Square<M>, t: &Square<M>) -> Square<M> {
        let pushed = product_transposed(m, &product(t, m));
        add_scaled(&pushed, -1.0, &product(&product(t, w), t))
    }

    fn difference(&self, to: &Self) -> Self {
        let minus = |a: &Square<M>, b: &Square<M>| add_scaled(a, -1.0, b);
        Self { w: minus(&to.w, &self.w), m: minus(&to.m, &self.m), c: minus(&to.c, &self.c) }
    }

    #[inline(always)]
    fn moved(&self, t: f64, by: &Self) -> Self {
        Self { w: add_scaled(&self.w, t, &by.w), m: add_scaled(&self.m, t, &by.m), c: add_scaled(&self.c, t, &by.c) }
    }
}

/// The straight line from one set of parameters to another.
#[derive(Debug, Clone)]
pub(crate) struct FullSegment<const M: usize, const N: usize> {
    from: FullParameters<M>,
    to: FullParameters<M>,
    velocity: FullParameters<M>,
}

impl<const M: usize, const N: usize> FullSegment<M, N> {
    pub(crate) fn new(from: FullParameters<M>, to: FullParameters<M>) -> Self {
        const { assert!(N == M * (M + 1) / 2, "one unknown for each entry of a triangle") };
        Self { from, to, velocity: from.difference(&to) }
    }
}

/// K + Kᵀ added to a triangle, with a sign.
#[inline(always)]
fn add_both<const M: usize, const N: usize>(out: &mut [c64; N], sign: f64, matrix: &Square<M>) {
    for i in 0..M {
        for j in i..M {
            out[packed(i, j, M)] += (matrix[i][j] + matrix[j][i]) * sign;
        }
    }
}

/// K added to a triangle, with a sign.
#[inline(always)]
fn add_one<const M: usize, const N: usize>(out: &mut [c64; N], sign: f64, matrix: &Square<M>) {
    for i in 0..M {
        for j in i..M {
            out[packed(i, j, M)] += matrix[i][j] * sign;
        }
    }
}

impl<const M: usize, const N: usize> Path<N> for FullSegment<M, N> {
    type At = FullParameters<M>;

    #[inline(always)]
    fn at(&self, t: f64) -> FullParameters<M> {
        // The end itself, to the last bit.
        if t >= 1.0 { self.to } else { self.from.moved(t, &self.velocity) }
    }

    #[inline(always)]
    fn value(&self, at: &FullParameters<M>, x: &[c64; N]) -> [c64; N] {
        let t: Square<M> = unpack(x);
        let mut out = pack(&at.c);
        add_one(&mut out, 1.0, &product(&product(&t, &at.w), &t));
        add_one(&mut out, -1.0, &product_transposed(&at.m, &product(&t, &at.m)));
        out
    }

    #[inline(never)]
    fn precise_value(&self, at: &FullParameters<M>, x: &[c64; N]) -> [c64; N] {
        let lift = |matrix: &Square<M>| matrix.map(|row| row.map(Precise::complex));
        let (t, w, m, c) = (lift(&unpack(x)), lift(&at.w), lift(&at.m), lift(&at.c));
        let (tw, tm) = (ring_product(&t, &w), ring_product(&t, &m));
        let mut out = [ZERO; N];
        for i in 0..M {
            for j in i..M {
                let mut sum = c[i][j];
                for k in 0..M {
                    sum = sum + tw[i][k] * t[k][j] - m[k][i] * tm[k][j];
                }
                out[packed(i, j, M)] = sum.rounded();
            }
        }
        out
    }

    #[inline(always)]
    fn linearize(&self, at: &FullParameters<M>, x: &[c64; N]) -> ([c64; N], Square<N>) {
        let t: Square<M> = unpack(x);
        let q = product(&at.w, &t);
        let mut value = pack(&at.c);
        add_one(&mut value, 1.0, &product(&t, &q));
        add_one(&mut value, -1.0, &product_transposed(&at.m, &product(&t, &at.m)));
        // E = eᵢeⱼᵀ + eⱼeᵢᵀ: E Q + Qᵀ E − Mᵀ E M.
        let mut jacobian = [[ZERO; N]; N];
        let m = &at.m;
        for a in 0..M {
            for b in a..M {
                let row = &mut jacobian[packed(a, b, M)];
                for i in 0..M {
                    for j in i..M {
                        let both = m[i][a] * m[j][b];
                        row[packed(i, j, M)] = if i == j { -both } else { -(both + m[j][a] * m[i][b]) };
                    }
                }
                for j in 0..M {
                    // (E Q)_ab has e_a on the left: entries (a, j) of E meet Q_jb; (Qᵀ E)_ab likewise (b, j) and Q_ja.
                    row[if a <= j { packed(a, j, M) } else { packed(j, a, M) }] += q[j][b];
                    row[if b <= j { packed(b, j, M) } else { packed(j, b, M) }] += q[j][a];
                }
            }
        }
        (value, jacobian)
    }

    #[inline(always)]
    fn taylor(&self, at: &FullParameters<M>, factors: &Lu<N>, x: &[c64; N]) -> Taylor<N> {
        let (w1, m1) = (&self.velocity.w, &self.velocity.m);
        let none: Square<M> = [[ZERO; M]; M];
        let mut taylor = [[ZERO; N]; ORDER + 1];
        taylor[0] = *x;
        let mut t = [none; ORDER + 1];
        t[0] = unpack(x);
        // Rⱼ = W Tⱼ + Ẇ Tⱼ₋₁, and Ẇ Tⱼ.
        let mut r = [none; ORDER + 1];
        for k in 1..=ORDER {
            let turned = product(w1, &t[k - 1]);
            let mut sum = product(&t[0], &turned);
            for i in 1..k {
                sum = add_scaled(&sum, 1.0, &product(&t[i], &r[k - i]));
            }
            let mut right = [ZERO; N];
            if k == 1 {
                add_one(&mut right, 1.0, &self.velocity.c);
            }
            // Σ over (i, j) with i + j + l = k is symmetric as a whole: halves of it and its transpose.
            add_both(&mut right, 0.5, &sum);
            add_both(&mut right, -1.0, &product_transposed(m1, &product(&t[k - 1], &at.m)));
            if k > 1 {
                add_one(&mut right, -1.0, &product_transposed(m1, &product(&t[k - 2], m1)));
            }
            taylor[k] = factors.solve(&right).map(|x| -x);
            t[k] = unpack(&taylor[k]);
            r[k] = add_scaled(&product(&at.w, &t[k]), 1.0, &turned);
        }
        taylor
    }
}

/// [`Family`] of full rank: W = I throughout, which loses none (a congruence moves W to I).
pub(crate) struct FullFamily<const M: usize>;

impl<const M: usize, const N: usize> Family<N> for FullFamily<M> {
    type Parameters = FullParameters<M>;
    type Segment = FullSegment<M, N>;

    fn segment(from: &FullParameters<M>, to: &FullParameters<M>) -> FullSegment<M, N> {
        FullSegment::new(*from, *to)
    }

    fn elsewhere(rng: &mut ChaCha8Rng, base: &FullParameters<M>) -> FullParameters<M> {
        // Large enough to go around the C at which two solutions meet.
        let c: Square<M> = random_symmetric(rng);
        FullParameters { c: add_scaled(&[[ZERO; M]; M], 3.0, &c), ..*base }
    }

    fn start_pair(rng: &mut ChaCha8Rng) -> (FullParameters<M>, [c64; N]) {
        let (w, t): (Square<M>, Square<M>) = (identity(), random_symmetric(rng));
        let m = random_block(rng);
        let c = FullParameters::constant_of(&w, &m, &t);
        (FullParameters { w, m, c }, pack(&t))
    }
}

impl<const M: usize> FullParameters<M> {
    /// The same instance in other coordinates: T = A T' Aᵀ for a unitary A, named by a seed.
    pub(crate) fn congruent<const N: usize>(&self, roots: &[[c64; N]], seed: u64) -> (Self, Vec<[c64; N]>) {
        let a: Square<M> = random_unitary(&mut stream(seed, CONGRUENCE));
        // A⁻¹ = conj(A)ᵀ; B = A⁻ᵀ = conj(A).
        let b: Square<M> = a.map(|row| row.map(|x| x.conj()));
        let pushed = |matrix: &Square<M>| product_transposed(&b, &product(matrix, &b));
        let parameters = Self {
            w: product_transposed(&a, &product(&self.w, &a)),
            m: product_transposed(&a, &product(&self.m, &b)),
            c: pushed(&self.c),
        };
        (parameters, roots.iter().map(|root| pack(&pushed(&unpack(root)))).collect())
    }
}

/// The stream of the congruences.
const CONGRUENCE: u64 = 0x636f_6e67;
