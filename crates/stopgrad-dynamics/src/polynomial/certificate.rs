//! Proofs that a solution is there: Krawczyk's test in interval arithmetic.
//!
//! With C ≈ J(x̃)⁻¹ and a box I about x̃: K = x̃ − C F(x̃) + (1 − C J(I))(I − x̃) inside I, and ‖1 − C J(I)‖ < 1/√2, prove that
//! I holds exactly one solution, and K that solution. The coefficients are the user's doubles, exactly; being real,
//! conj(K) ⊂ I proves the solution real, and an imaginary part of K without 0 proves it not real.
//!
//! # Source      Krawczyk 1969; Breiding, Rose, Timme 2023 (arXiv:2011.05000)

use faer::c64;
use serde::{Deserialize, Serialize};

use super::interval::{ComplexInterval, Interval};
use super::lanes::Lane;
use super::precise::{Enclosed, Precise};
use super::ring::{Dense, Ring};
use super::stratum::{Chart, ExactMoments, Framed, inverted, lifted};

/// What is proved of a solution.
#[derive(Debug, Clone, PartialEq)]
pub struct Certificate {
    /// A, m × m by rows, S = A S' Aᵀ: exact numbers, in whose coordinates S' the proof is; `None` for 1.
    pub frame: Option<Vec<c64>>,
    /// The rows of V that are the identity, S' = V Ŝ Vᵀ: the chart of the unknowns.
    pub rows: Vec<usize>,
    /// x̃.
    pub center: Vec<c64>,
    /// K: each unknown of the solution lies in its box.
    pub boxes: Vec<ComplexInterval>,
    /// Each entry of S lies in its box: m × m by rows.
    pub s_boxes: Vec<ComplexInterval>,
    /// ‖1 − C J(I)‖, below 1/√2.
    pub contraction: f64,
    /// Whether the solution is real.
    pub reality: Reality,
}

/// Whether a solution is real.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reality {
    /// Proved real.
    Real,
    /// Proved not real.
    NotReal,
    /// The box holds real points, and no proof that the solution is one.
    Undecided,
}

impl Certificate {
    /// The larger half-width of the boxes of S.
    pub fn radius(&self) -> f64 {
        self.s_boxes.iter().map(|entry| entry.radius()).fold(0.0, f64::max)
    }

    /// Whether its solution is sure to be another than that of `other`.
    pub fn is_apart_from(&self, other: &Self) -> bool {
        self.s_boxes.iter().zip(&other.s_boxes).any(|(a, b)| a.is_apart_from(*b))
            || self.is_apart_within(other)
            || other.is_apart_within(self)
    }

    /// The same of B S Bᵀ, B ≈ A⁻¹: what tells two large solutions apart is small beside both.
    fn is_apart_within(&self, other: &Self) -> bool {
        let Some(frame) = &self.frame else { return false };
        let size = frame.len().isqrt();
        let Some(b) = inverted(&Dense { rows: size, columns: size, data: frame.clone() }) else { return false };
        let seen = |certificate: &Self| {
            let lift = |x: &c64| Enclosed::complex(*x);
            let turn = Dense { rows: size, columns: size, data: b.data.iter().map(lift).collect() };
            let turn = match &certificate.frame {
                Some(data) => turn.times(&Dense { rows: size, columns: size, data: data.iter().map(lift).collect() }),
                None => turn,
            };
            let turn =
                Dense { rows: size, columns: size, data: turn.data.into_iter().map(Enclosed::interval).collect() };
            let chart = Chart { size, pivots: certificate.rows.clone() };
            turn.times(&chart.s(&certificate.boxes)).times(&turn.transposed()).data
        };
        seen(self).iter().zip(&seen(other)).any(|(a, b)| a.is_apart_from(*b))
    }
}

/// A solution that was refined, with its proof if there is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Root {
    /// r.
    pub rank: usize,
    /// S by rows, m × m.
    pub s: Vec<c64>,
    /// Real P, r × m by rows, with PᵀP = S to the last digit of the least mode, which S itself may not hold; `None` where
    /// S is no AᵀA, or not in a real frame.
    pub factor: Option<Vec<f64>>,
    /// The proof.
    pub certificate: Option<Certificate>,
    /// |F(x̃)| over the sizes of its terms.
    pub residual: f64,
}

/// Newton steps of a refinement: quadratic, from 1e-6.
const NEWTON_STEPS: usize = 8;

/// Where a solution is thought to be.
#[derive(Debug, Clone)]
pub(crate) struct Guess {
    /// A; `None` for 1.
    pub(crate) frame: Option<Dense<c64>>,
    /// S', symmetric of rank r.
    pub(crate) inside: Dense<c64>,
}

/// Newton's method on a point, with residuals in twice the precision.
fn refined(moments: &Framed<Precise>, chart: &Chart, start: &[c64]) -> Option<(Vec<c64>, Dense<c64>)> {
    let plain = moments.map(Lane::rounded);
    let mut x = start.to_vec();
    let mut inverse = inverted(&plain.jacobian(chart, &x))?;
    let mut before = f64::INFINITY;
    for step in 0..NEWTON_STEPS {
        if step > 0 {
            inverse = inverted(&plain.jacobian(chart, &x))?;
        }
        let lifted: Vec<Precise> = x.iter().map(|&x| Precise::complex(x)).collect();
        let residual: Vec<c64> = moments.residual(chart, &lifted).into_iter().map(Lane::rounded).collect();
        let (mut length, mut scale) = (0.0f64, 0.0f64);
        for (i, entry) in x.iter_mut().enumerate() {
            let change: c64 = residual.iter().enumerate().map(|(j, r)| inverse.at(i, j) * r).sum();
            *entry -= change;
            length = length.max(change.norm());
            scale = scale.max(entry.norm());
        }
        if !length.is_finite() {
            return None;
        }
        if length <= 4.0 * f64::EPSILON * scale || (length > 0.5 * before && length < 1e-10 * scale) {
            break;
        }
        before = length;
    }
    Some((x, inverse))
}

/// Refines a guess of rank r and proves what can be proved of it.
///
/// # Cost        O(N³), N = r(r + 1)/2 + r(m − r)
pub(crate) fn certified_root(moments: &ExactMoments, guess: &Guess, rank: usize) -> Option<Root> {
    let (chart, start) = Chart::of(&guess.inside, rank)?;
    let frame = guess.frame.as_ref();
    let enclosed = enclosed(moments, frame, &chart);
    let precise = enclosed.map(Enclosed::middle);
    let (center, inverse) = refined(&precise, &chart, &start)?;
    let certificate = krawczyk((moments, frame), &enclosed, &chart, (&center, &inverse));
    let lifted: Vec<Precise> = center.iter().map(|&x| Precise::complex(x)).collect();
    let s = pushed(frame, chart.s(&lifted));
    let s: Vec<c64> = s.data.into_iter().map(Lane::rounded).collect();
    let factor = real_factor(frame, &chart, &center);
    Some(Root { rank, residual: relative_residual(moments, &s, rank), s, factor, certificate })
}

/// A S' Aᵀ.
fn pushed<R: Ring>(frame: Option<&Dense<c64>>, inside: Dense<R>) -> Dense<R> {
    let Some(frame) = frame else { return inside };
    let a = lifted(frame);
    a.times(&inside).times(&a.transposed())
}

/// Imaginary parts, relative to the largest number, that are rounding.
const ROUNDING: f64 = 1e-9;

/// P = Lᵀ(A V)ᵀ with Ŝ = L Lᵀ.
fn real_factor(frame: Option<&Dense<c64>>, chart: &Chart, center: &[c64]) -> Option<Vec<f64>> {
    let largest = center.iter().map(|x| x.norm()).fold(0.0, f64::max);
    let is_real = |x: &c64| x.im.abs() <= ROUNDING * largest;
    if !center.iter().all(is_real) || frame.is_some_and(|a| a.data.iter().any(|x| x.im != 0.0)) {
        return None;
    }
    let (v, s) = chart.parts(center);
    let v = frame.map_or_else(|| v.clone(), |a| a.times(&v));
    let r = chart.rank();
    let mut l = vec![0.0; r * r];
    for j in 0..r {
        for i in j..r {
            let rest = s.at(i, j).re - (0..j).map(|k| l[i * r + k] * l[j * r + k]).sum::<f64>();
            // A NaN is no factor either.
            if i == j && (rest.is_nan() || rest <= 0.0) {
                return None;
            }
            l[i * r + j] = if i == j { rest.sqrt() } else { rest / l[j * r + j] };
        }
    }
    let entry = |k: usize, at: usize| (0..r).map(|i| l[i * r + k] * v.at(at, i).re).sum::<f64>();
    Some((0..r).flat_map(|k| (0..chart.size).map(move |at| (k, at))).map(|(k, at)| entry(k, at)).collect())
}

/// The proof again, from frame and center alone: nothing of how it was found is used.
///
/// `None` where the test fails, or the rows and the center are no chart of moments of this size.
pub fn prove(moments: &ExactMoments, frame: Option<&[c64]>, rows: &[usize], center: &[c64]) -> Option<Certificate> {
    let size = moments.size;
    let ascending = rows.windows(2).all(|pair| pair[0] < pair[1]);
    if !ascending || rows.last().is_none_or(|&row| row >= size) {
        return None;
    }
    let chart = Chart { size, pivots: rows.to_vec() };
    if center.len() != chart.unknowns() || frame.is_some_and(|data| data.len() != size * size) {
        return None;
    }
    let frame = frame.map(|data| Dense { rows: size, columns: size, data: data.to_vec() });
    // A singular frame could hold no solution of the rank, or several.
    if let Some(frame) = &frame {
        is_regular(frame).then_some(())?;
    }
    let enclosed = enclosed(moments, frame.as_ref(), &chart);
    let inverse = inverted(&enclosed.map(|x| Lane::rounded(x.middle())).jacobian(&chart, center))?;
    krawczyk((moments, frame.as_ref()), &enclosed, &chart, (center, &inverse))
}

/// The moments in a frame, at full rank with rows of one size.
fn enclosed(moments: &ExactMoments, frame: Option<&Dense<c64>>, chart: &Chart) -> Framed<Enclosed> {
    let framed = moments.framed::<Enclosed>(frame);
    if frame.is_none() || chart.rank() < chart.size {
        return framed;
    }
    let x = framed.x();
    let Some(q) = inverted(&Dense::from_fn(x.rows, x.rows, |i, j| Lane::rounded(x.at(i, j).middle()))) else {
        return framed;
    };
    let scaled = framed.scaled(&lifted(&q));
    // ‖1 − Q X'‖ < 1: both are regular, and the solutions the same.
    if is_near_identity(scaled.x()) { scaled } else { framed }
}

/// Whether a matrix is proved regular: ‖1 − B A‖ < 1 in intervals.
fn is_regular(matrix: &Dense<c64>) -> bool {
    let Some(b) = inverted(matrix) else { return false };
    is_near_identity(&lifted::<Enclosed>(&b).times(&lifted(matrix)))
}

/// Whether ‖1 − K‖ < 1 is proved.
fn is_near_identity(matrix: &Dense<Enclosed>) -> bool {
    (0..matrix.rows).all(|i| {
        let terms = (0..matrix.rows).map(|j| {
            let entry = matrix.at(i, j).interval();
            let entry = if i == j { ComplexInterval::real(1.0) - entry } else { entry };
            entry.re.magnitude() + entry.im.magnitude()
        });
        terms.sum::<f64>() < 0.5
    })
}

/// |S G(S)| / (|S| (|X S + λ|² + |Y|²|S|)), of G(S) alone at full rank.
fn relative_residual(moments: &ExactMoments, s: &[c64], rank: usize) -> f64 {
    let size = moments.size;
    let framed = moments.framed::<Precise>(None);
    let lifted = Dense::from_fn(size, size, |i, j| Precise::complex(s[i * size + j]));
    let g = framed.equation(&lifted);
    let g = if rank == size { g } else { lifted.times(&g) };
    let norm = |data: &[f64]| data.iter().map(|x| x * x).sum::<f64>().sqrt();
    let length = s.iter().map(c64::norm_sqr).sum::<f64>().sqrt();
    let f = g.data.into_iter().map(|e| e.rounded().norm_sqr()).sum::<f64>().sqrt();
    let scale = (norm(&moments.xx) * length + moments.weight_decay).powi(2) + norm(&moments.yx).powi(2) * length;
    f / (scale * if rank == size { 1.0 } else { length })
}

/// Widths of the boxes that are tried, in corrections: wide boxes prove more, narrow ones where solutions are sensitive.
const WIDTHS: [f64; 3] = [512.0, 32.0, 4.0];

/// Krawczyk's test on boxes about the center.
fn krawczyk(
    (moments, frame): (&ExactMoments, Option<&Dense<c64>>), enclosed: &Framed<Enclosed>, chart: &Chart,
    (center, inverse): (&[c64], &Dense<c64>),
) -> Option<Certificate> {
    let n = center.len();
    let points: Vec<Enclosed> = center.iter().map(|&x| Enclosed::complex(x)).collect();
    let residual: Vec<ComplexInterval> =
        enclosed.residual(chart, &points).into_iter().map(Enclosed::interval).collect();
    // Without a frame the moments are doubles; in one, enclosed.
    let wide = match frame {
        Some(_) => enclosed.map(Enclosed::interval),
        None => moments.framed(None),
    };
    // C F(x̃)
    let correction: Vec<ComplexInterval> = (0..n)
        .map(|i| {
            let terms = (0..n).map(|j| residual[j].times(inverse.at(i, j)));
            terms.fold(ComplexInterval::real(0.0), |sum, term| sum + term)
        })
        .collect();
    let largest = center.iter().map(|x| x.norm()).fold(0.0, f64::max);
    WIDTHS.iter().find_map(|width| {
        // With a floor for components that are 0.
        let radii: Vec<f64> = (0..n)
            .map(|i| {
                let size = correction[i].re.magnitude().max(correction[i].im.magnitude());
                width * size.max(f64::EPSILON * center[i].norm()).max(0.01 * f64::EPSILON * largest).max(1e-290)
            })
            .collect();
        test_box(&wide, frame, chart, (center, &correction), inverse, &radii)
    })
}

/// Krawczyk's test on one box.
fn test_box(
    moments: &Framed<ComplexInterval>, frame: Option<&Dense<c64>>, chart: &Chart,
    (center, correction): (&[c64], &[ComplexInterval]), inverse: &Dense<c64>, radii: &[f64],
) -> Option<Certificate> {
    let n = center.len();
    let boxes: Vec<ComplexInterval> = (0..n).map(|i| ComplexInterval::around(center[i], radii[i])).collect();
    let jacobian = moments.jacobian(chart, &boxes);
    let mut image = Vec::with_capacity(n);
    let mut contraction = 0.0f64;
    for i in 0..n {
        let (mut row_sum, mut reach) = (Interval::point(0.0), Interval::point(0.0));
        for j in 0..n {
            let terms = (0..n).map(|k| jacobian.at(k, j).times(inverse.at(i, k)));
            let product = terms.fold(ComplexInterval::real(0.0), |sum, term| sum + term);
            let defect = if i == j { ComplexInterval::real(1.0) - product } else { -product };
            // |re| + |im| bounds the modulus, and each part of the product with the box [−ε, ε]².
            let size = Interval::point(defect.re.magnitude()) + Interval::point(defect.im.magnitude());
            row_sum = row_sum + size;
            // The box was widened by a rounding: twice that.
            let radius = radii[j] + 4.0 * f64::EPSILON * (radii[j] + center[j].norm());
            reach = reach + Interval::point(size.hi) * Interval { lo: 0.0, hi: radius };
        }
        contraction = if row_sum.hi > contraction || row_sum.hi.is_nan() { row_sum.hi } else { contraction };
        let spread = Interval { lo: -reach.hi, hi: reach.hi };
        image.push(ComplexInterval::point(center[i]) - correction[i] + ComplexInterval { re: spread, im: spread });
    }
    let inside = image.iter().zip(&boxes).all(|(k, i)| k.is_inside(*i));
    if !inside || contraction.is_nan() || contraction >= std::f64::consts::FRAC_1_SQRT_2 {
        return None;
    }
    let s_boxes = pushed(frame, chart.s(&image));
    Some(Certificate {
        frame: frame.map(|a| a.data.clone()),
        rows: chart.pivots.clone(),
        center: center.to_vec(),
        reality: reality(frame, (&image, &boxes), &s_boxes.data),
        s_boxes: s_boxes.data,
        boxes: image,
        contraction,
    })
}

/// In a real frame the conjugate of a solution is one too, with conjugate unknowns.
fn reality(
    frame: Option<&Dense<c64>>, (image, boxes): (&[ComplexInterval], &[ComplexInterval]), s: &[ComplexInterval],
) -> Reality {
    let is_real = frame.is_none_or(|a| a.data.iter().all(|x| x.im == 0.0));
    let differs = |k: &ComplexInterval| !k.im.contains(0.0);
    if s.iter().any(differs) || (is_real && image.iter().any(differs)) {
        Reality::NotReal
    } else if is_real && image.iter().zip(boxes).all(|(k, i)| k.conjugate().is_inside(*i)) {
        Reality::Real
    } else {
        Reality::Undecided
    }
}

/// Pairs of roots that are not proved different: (place, place).
///
/// # Cost        O(k²) comparisons of one or two numbers
pub fn overlapping(certificates: &[&Certificate]) -> Vec<(usize, usize)> {
    let mut order: Vec<usize> = (0..certificates.len()).collect();
    let first = |at: usize| certificates[at].s_boxes.first().map_or(0.0, |entry| entry.re.lo);
    order.sort_by(|&a, &b| first(a).total_cmp(&first(b)));
    let mut found = Vec::new();
    for (place, &a) in order.iter().enumerate() {
        let Some(end) = certificates[a].s_boxes.first().map(|entry| entry.re.hi) else { continue };
        for &b in order[place + 1..].iter().take_while(|&&b| first(b) <= end) {
            if !certificates[a].is_apart_from(certificates[b]) {
                found.push((a.min(b), a.max(b)));
            }
        }
    }
    found.sort_unstable();
    found
}
