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
use super::precise::{Enclosed, Precise};
use super::ring::{Dense, Ring};
use super::stratum::{Chart, ExactMoments, inverted};

/// What is proved of a solution.
#[derive(Debug, Clone, PartialEq)]
pub struct Certificate {
    /// The rows of V that are the identity: the chart of the unknowns.
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
    }
}

/// A solution that was refined, with its proof if there is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Root {
    /// r.
    pub rank: usize,
    /// S by rows, m × m.
    pub s: Vec<c64>,
    /// The proof.
    pub certificate: Option<Certificate>,
    /// |F(x̃)| over the sizes of its terms.
    pub residual: f64,
}

/// Newton steps of a refinement: quadratic, from 1e-6.
const NEWTON_STEPS: usize = 8;

/// Newton's method on a point, with residuals in twice the precision.
fn refined(moments: &ExactMoments, chart: &Chart, start: &[c64]) -> Option<(Vec<c64>, Dense<c64>)> {
    let mut x = start.to_vec();
    let mut inverse = inverted(&moments.jacobian(chart, &x))?;
    let mut before = f64::INFINITY;
    for step in 0..NEWTON_STEPS {
        if step > 0 {
            inverse = inverted(&moments.jacobian(chart, &x))?;
        }
        let lifted: Vec<Precise> = x.iter().map(|&x| Precise::complex(x)).collect();
        let residual: Vec<c64> = moments.residual(chart, &lifted).into_iter().map(Precise::rounded).collect();
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

/// Refines a symmetric matrix near a solution of rank r and proves what can be proved of it.
///
/// # Shapes      s: m × m by rows
/// # Cost        O(N³), N = r(r + 1)/2 + r(m − r)
pub(crate) fn certified_root(moments: &ExactMoments, s: &Dense<c64>, rank: usize) -> Option<Root> {
    let (chart, start) = Chart::of(s, rank)?;
    let (center, inverse) = refined(moments, &chart, &start)?;
    let certificate = krawczyk(moments, &chart, &center, &inverse);
    let s = chart.s(&center);
    Some(Root { rank, residual: relative_residual(moments, &chart, &center), s: s.data, certificate })
}

/// The proof again, from the center alone: nothing of how it was found is used.
///
/// `None` where the test fails, or the rows and the center are no chart of moments of this size.
pub fn prove(moments: &ExactMoments, rows: &[usize], center: &[c64]) -> Option<Certificate> {
    let ascending = rows.windows(2).all(|pair| pair[0] < pair[1]);
    if !ascending || rows.last().is_none_or(|&row| row >= moments.size) {
        return None;
    }
    let chart = Chart { size: moments.size, pivots: rows.to_vec() };
    if center.len() != chart.unknowns() {
        return None;
    }
    let inverse = inverted(&moments.jacobian(&chart, center))?;
    krawczyk(moments, &chart, center, &inverse)
}

/// |F| / (|X S + λ|² + |Y|²|S|) at a point.
fn relative_residual(moments: &ExactMoments, chart: &Chart, x: &[c64]) -> f64 {
    let lifted: Vec<Precise> = x.iter().map(|&x| Precise::complex(x)).collect();
    let f: f64 = moments.residual(chart, &lifted).into_iter().map(|e| e.rounded().norm_sqr()).sum();
    let norm = |data: &[f64]| data.iter().map(|x| x * x).sum::<f64>().sqrt();
    let s = chart.s(x).data.iter().map(c64::norm_sqr).sum::<f64>().sqrt();
    f.sqrt() / ((norm(&moments.xx) * s + moments.weight_decay).powi(2) + norm(&moments.yx).powi(2) * s)
}

/// Widths of the boxes that are tried, in corrections: wide boxes prove more, narrow ones where solutions are sensitive.
const WIDTHS: [f64; 3] = [512.0, 32.0, 4.0];

/// Krawczyk's test on boxes about the center.
fn krawczyk(moments: &ExactMoments, chart: &Chart, center: &[c64], inverse: &Dense<c64>) -> Option<Certificate> {
    let n = center.len();
    let points: Vec<Enclosed> = center.iter().map(|&x| Enclosed::complex(x)).collect();
    let residual: Vec<ComplexInterval> = moments.residual(chart, &points).into_iter().map(Enclosed::interval).collect();
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
        test_box(moments, chart, (center, &correction), inverse, &radii)
    })
}

/// Krawczyk's test on one box.
fn test_box(
    moments: &ExactMoments, chart: &Chart, (center, correction): (&[c64], &[ComplexInterval]), inverse: &Dense<c64>,
    radii: &[f64],
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
    let reality = reality(&image, &boxes);
    Some(Certificate {
        rows: chart.pivots.clone(),
        center: center.to_vec(),
        s_boxes: chart.s(&image).data,
        boxes: image,
        contraction,
        reality,
    })
}

fn reality(image: &[ComplexInterval], boxes: &[ComplexInterval]) -> Reality {
    if image.iter().any(|k| !k.im.contains(0.0)) {
        Reality::NotReal
    } else if image.iter().zip(boxes).all(|(k, i)| k.conjugate().is_inside(*i)) {
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
