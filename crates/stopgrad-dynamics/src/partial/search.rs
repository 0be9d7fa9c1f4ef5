//! From a start to a rank: alternating ridge regressions, until what is left can be polished.

use faer::Mat;

use super::factors::{DEAR, Factors, Point, Predictor};
use crate::linalg::{
    LinalgError, add_scaled, frobenius, frobenius_inner, product, product_symmetric, solve_definite, symmetric_eigen,
};
use crate::stage::{Stage, Watch};

/// How far to go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PartialParams {
    /// Rounds of regressions before Newton takes over: 200, and at most as many again that rows glide; a round gains a constant
    /// factor.
    pub max_rounds: usize,
    /// Defect of the worst row, relative to its signal, at which it does: 0.015, inside Newton's reach for modes that are not
    /// near their death.
    pub settled: f64,
    /// Times the regressions go on, to 0.3 of that each, when Newton finds nothing: 8.
    pub blocks: usize,
    /// Unknowns rk from which rows at rest glide on before Newton's method: 100,000, where its steps are dear.
    pub glide_from: usize,
    /// Newton steps: 40.
    pub max_steps: usize,
    /// Products of one linear system: 150 (fewer where the basis would exceed 4 GiB).
    pub max_products: usize,
    /// Products after which a start whose equilibrium is not found is given up: 1,000.
    pub enough_products: usize,
    /// Relative residual at which Newton stops: 10⁻¹³.
    pub tolerance: f64,
    /// Random starts besides the informed ones, where a product is cheap and where it is dear: 12 and 3.
    pub random_starts: [usize; 2],
    /// Seed of the random starts.
    pub seed: u64,
    /// Ranks beyond the best one that must fail before the search ends: 2.
    pub failures_allowed: usize,
    /// Whether every rank up to min(n, k) is tried.
    pub all_ranks: bool,
}

impl Default for PartialParams {
    fn default() -> Self {
        Self {
            max_rounds: 200,
            settled: 0.015,
            blocks: 8,
            glide_from: DEAR,
            max_steps: 40,
            max_products: 150,
            enough_products: 1000,
            tolerance: 1e-13,
            random_starts: [12, 3],
            seed: 0,
            failures_allowed: 2,
            all_ranks: false,
        }
    }
}

/// What the regressions and Newton cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Effort {
    /// Rounds of regressions.
    pub rounds: usize,
    /// Newton steps.
    pub steps: usize,
    /// Products of the linear systems.
    pub products: usize,
}

/// A after one round: B by ridge regression of the targets on the embeddings, A by ridge regression with targets held.
///
/// A⁺ solves BᵀB A⁺ X + λA⁺ = Bᵀ A Y: a division in the eigenbases of BᵀB and X.
fn ridge_round(factors: &Factors<'_>, a: &Mat<f64>) -> Result<Mat<f64>, LinalgError> {
    let Predictor { py, b, .. } = factors.predictor(a)?;
    let eigen = symmetric_eigen(product_symmetric(b.transpose(), b.as_ref()).as_ref())?;
    let mut right = product(product(eigen.vectors.transpose(), b.transpose()).as_ref(), py.as_ref());
    for j in 0..right.ncols() {
        for i in 0..right.nrows() {
            right[(i, j)] /= eigen.values[i].max(0.0) * factors.support.variances[j] + factors.decay;
        }
    }
    Ok(product(eigen.vectors.as_ref(), right.as_ref()))
}

/// Share of a round's tilt that the next one goes on with where rows at rest glide: a tilt that takes 200 rounds to fall by e
/// takes 20. Not before they are at rest, and not of the whole round: rows near their fold would be carried past it.
const MOMENTUM: f64 = 0.9;
/// Turn a round at which rows glide no further: twenty times that is ahead.
const STILL: f64 = 7e-3;
/// Rounds before Newton's method: a weak row turns towards a mode left out by a fifth a round from next to nothing.
const TIME_TO_TURN: usize = 60;
/// The same where all rows but new ones were at rest: a row that lasts beside them may still die in many rounds, since
/// regressions give the predictor all the speed it wants.
const TIME_TO_FIT_IN: usize = 10;
/// How often regressions and Newton's method take turns: once where a rank is `known` and more is dear.
pub(super) fn blocks(factors: &Factors<'_>, rows: usize, known: bool, params: &PartialParams) -> usize {
    if known && factors.is_dear(rows) { 1 } else { params.blocks }
}

/// Rounds that the rows of a start are given at least; `beside`: beside an equilibrium that was found.
pub(super) fn least_rounds(beside: bool) -> usize {
    if beside { TIME_TO_FIT_IN } else { TIME_TO_TURN }
}

/// Defect of a row, relative to its signal, beyond which Newton's method is not tried,
const OUT_OF_BALANCE: f64 = 0.15;
/// and relative change of A in a round.
const IN_MOTION: f64 = 0.02;

/// What the regressions came to.
pub(super) struct Settled {
    /// A, without the rows that died.
    pub(super) a: Mat<f64>,
    /// Whether rows still move or turn so much, or are so far from balance, that Newton's method would not find where to.
    pub(super) restless: bool,
}

/// Rounds until every row is nearly at rest or fewer than `needed` are left; rows that died are taken out as they die.
///
/// `None` where the rows ran off: at a small λ a round can throw a row whose b passes through 0 out to λ^{−1/2} times its
/// length, and again, until λ is lost in the rounding of PXPᵀ or the numbers overflow. Nothing else fails here.
pub(super) fn alternate(
    factors: &Factors<'_>, start: Mat<f64>, bounds: (f64, usize, usize), params: &PartialParams, effort: &mut Effort,
    watch: &Watch<'_>,
) -> Option<Settled> {
    rounds(factors, start, bounds, params, effort, watch).ok()
}

fn rounds(
    factors: &Factors<'_>, start: Mat<f64>, (settled, least_rounds, needed): (f64, usize, usize),
    params: &PartialParams, effort: &mut Effort, watch: &Watch<'_>,
) -> Result<Settled, LinalgError> {
    // Every b of an equilibrium has singular values of at least about λ/|Y|; a tenth of that will not come back.
    let dead = 0.1 * factors.decay / frobenius(factors.support.cross.as_ref());
    let (mut a, mut change, mut worst) = (start, f64::INFINITY, f64::INFINITY);
    // Where a rank is known, another start is not waited for as long.
    let longest_glide = if needed > 1 { TIME_TO_TURN } else { params.max_rounds };
    let mut still = false;
    // The last change of A, once rows glide, and until when they do at most.
    let mut glide: Option<(Mat<f64>, usize)> = None;
    for round in 0.. {
        if a.nrows() < needed.max(1)
            || round >= glide.as_ref().map_or(params.max_rounds, |(_, end)| *end)
            || watch(Stage::Regressions { rank: a.nrows(), round, change })
        {
            break;
        }
        let mut next = ridge_round(factors, &a)?;
        effort.rounds += 1;
        change = frobenius(difference(&next, &a).as_ref()) / frobenius(next.as_ref());
        if let Some((last, _)) = &mut glide {
            if let Some(tilt) = tilt(factors, &a, last) {
                add_scaled(&mut next, MOMENTUM, tilt.as_ref());
            }
            *last = difference(&next, &a);
        }
        a = next;
        if round % 10 == 9 || !change.is_finite() {
            if let Some(turn) = living_rows(&a, dead)? {
                let turned = |rows: &Mat<f64>| product(turn.as_ref(), rows.as_ref());
                (a, glide) = (turned(&a), glide.map(|(last, end)| (turned(&last), end)));
            }
            if a.nrows() == 0 {
                break;
            }
            worst = worst_row(&factors.point(a.clone())?.in_predictor_gauge()?);
            let at_rest = worst < settled && round + 1 >= least_rounds;
            match &glide {
                Some((last, _)) if turn(&a, last) < STILL => {
                    still = true;
                    break;
                }
                None if at_rest && a.nrows() * a.ncols() >= params.glide_from => {
                    glide = Some((Mat::zeros(a.nrows(), a.ncols()), round + longest_glide));
                }
                None if at_rest => break,
                _ => {}
            }
        }
    }
    let turning = glide.is_some() && !still;
    Ok(Settled { a, restless: worst > OUT_OF_BALANCE || change > IN_MOTION || turning })
}

/// How far D turns and stretches the rows of P, each by its length: |(PPᵀ)^{−1/2} D|; infinite where rows depend on each other.
fn turn(p: &Mat<f64>, d: &Mat<f64>) -> f64 {
    let by_length = solve_definite(product(p.as_ref(), p.transpose()).as_ref(), d.as_ref());
    by_length.map_or(f64::INFINITY, |by_length| frobenius_inner(by_length.as_ref(), d.as_ref()).max(0.0).sqrt())
}

/// The part of D that tilts the row space of P: D − K P with (D − K P) X Pᵀ = 0; `None` where rows depend on each other.
fn tilt(factors: &Factors<'_>, p: &Mat<f64>, d: &Mat<f64>) -> Option<Mat<f64>> {
    let px = factors.times_x(p.as_ref());
    let (gram, along) = (product(px.as_ref(), p.transpose()), product(px.as_ref(), d.transpose()));
    let inside = solve_definite(gram.as_ref(), along.as_ref()).ok()?;
    let mut out = d.clone();
    add_scaled(&mut out, -1.0, product(inside.transpose(), p.as_ref()).as_ref());
    Some(out)
}

fn difference(a: &Mat<f64>, b: &Mat<f64>) -> Mat<f64> {
    let mut out = a.clone();
    add_scaled(&mut out, -1.0, b.as_ref());
    out
}

/// The largest of [`Point::row_defects`].
fn worst_row(at: &Point) -> f64 {
    at.row_defects(&at.signals()).fold(0.0, f64::max)
}

/// What turns A so that its rows are orthogonal and leaves out those that died; `None` where none did.
fn living_rows(a: &Mat<f64>, dead: f64) -> Result<Option<Mat<f64>>, LinalgError> {
    let eigen = symmetric_eigen(product_symmetric(a.as_ref(), a.transpose()).as_ref())?;
    let alive = eigen.values.iter().take_while(|value| value.max(0.0).sqrt() > dead).count();
    Ok((alive < a.nrows()).then(|| eigen.vectors.subcols(0, alive).transpose().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::dense_spectrum;
    use crate::{DEFAULT_SUPPORT_THRESHOLD, Moments, Support};

    #[test]
    fn a_tilt_has_no_part_in_the_row_space_and_keeps_what_is_outside() {
        let support = dense_spectrum(0.05, 0);
        let factors = Factors { support: &support, decay: 0.05 };
        let wave = |r: usize, by: usize| Mat::from_fn(r, 48, |i, j| ((1 + 3 * i + by * j + i * j * j) as f64).sin());
        let (p, d) = (wave(5, 7), wave(5, 11));
        let tilted = tilt(&factors, &p, &d).unwrap();
        let inside = product(factors.times_x(tilted.as_ref()).as_ref(), p.transpose());
        assert!(frobenius(inside.as_ref()) < 1e-12 * frobenius(d.as_ref()));
        let again = tilt(&factors, &p, &tilted).unwrap();
        assert!(frobenius(difference(&again, &tilted).as_ref()) < 1e-12 * frobenius(d.as_ref()));
        assert!(frobenius(tilted.as_ref()) > 0.5 * frobenius(d.as_ref()));
        let turned = product(wave(5, 2).subcols(0, 5), p.as_ref());
        assert!(frobenius(tilt(&factors, &p, &turned).unwrap().as_ref()) < 1e-10 * frobenius(turned.as_ref()));
    }

    #[test]
    fn rows_that_glide_take_back_a_slow_tilt_in_fewer_rounds() {
        // Row 0 stands at b = 0.5, by δ = 0.005 above the root of a mode left out.
        let (decay, slowness) = (0.1, 0.005);
        let diagonal = |x: f64, y: f64| faer::mat![[x, 0.0], [0.0, y]];
        let moments = Moments::unchecked(diagonal(1.0, 1.5), diagonal(0.7, 0.95 * (1.0 - slowness)), None);
        let support = Support::new(&moments, DEFAULT_SUPPORT_THRESHOLD).unwrap();
        let factors = Factors { support: &support, decay };
        // The variances of the support are in descending order.
        let start = faer::mat![[0.15, 0.5]];
        let run = |params: PartialParams| {
            let (mut effort, bounds) = (Effort::default(), (params.settled, least_rounds(true), 1));
            let end = alternate(&factors, start.clone(), bounds, &params, &mut effort, &|_| false).unwrap();
            ((end.a[(0, 0)] / end.a[(0, 1)]).abs(), effort.rounds)
        };
        let (glided, rounds) = run(PartialParams { glide_from: 0, settled: 1.0, ..PartialParams::default() });
        let (plain, as_many) = run(PartialParams { max_rounds: rounds, settled: 0.0, ..PartialParams::default() });
        assert!(rounds < 60 && as_many == rounds, "{rounds}, {as_many}");
        assert!(glided < 0.1 && plain > 3.0 * glided, "{glided} and {plain} after {rounds} rounds");
    }
}
