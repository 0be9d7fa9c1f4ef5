//! What happens inside one step: folds, crossings with other curves, pairs that cross the imaginary axis.

use super::corrector::Sample;
use super::curve::{Leg, Special};
use crate::Spectrum;
use crate::linalg::LinalgError;

/// Trials of one root.
const TRIALS: usize = 80;
/// Parts of a step that a fold or a crossing is known to: θ is flat at a fold, so its own error is the square.
const WIDTH: f64 = 1e-13;
/// Parts of a step within which a turn and a crossing are called one.
const TOGETHER: f64 = 1e-3;
/// Nodes on each side of a crossing, where the bordered system is singular, through which it is interpolated, and their
/// distance in parts of the step.
const NODES: usize = 3;
const SPACING: f64 = 0.01;
/// |Im| over |λ|_max below which a pair on the axis is two real eigenvalues.
const REAL: f64 = 1e-7;

/// Something inside a step.
pub(super) struct Found {
    /// Arc length along the step's direction.
    pub(super) height: f64,
    /// What it is; none at the end of the step.
    pub(super) special: Option<Special>,
    /// How far θ is uncertain.
    pub(super) width: f64,
    pub(super) sample: Sample,
}

/// A root of a function of the height.
pub(super) struct Root {
    pub(super) height: f64,
    pub(super) sample: Sample,
    /// The bracket at the end.
    pub(super) bracket: [f64; 2],
}

/// A sign change by regula falsi (Illinois), with a bisection wherever two trials have not halved the bracket.
///
/// Ends when the bracket is narrower than `width` of its start, or at a zero; `None` where the function has no value.
pub(super) fn root(
    value: &mut dyn FnMut(f64) -> Option<(f64, Sample)>, low: (f64, f64, Sample), high: (f64, f64, Sample), width: f64,
) -> Option<Root> {
    let whole = high.0 - low.0;
    let (mut a, mut b) = ((low.0, low.1), (high.0, high.1));
    let mut best = if low.1.abs() < high.1.abs() { low } else { high };
    let (mut side, mut earlier) = (0.0, [f64::INFINITY; 2]);
    for _ in 0..TRIALS {
        let size = b.0 - a.0;
        if best.1 == 0.0 || size <= width * whole {
            break;
        }
        let falsi = (a.0 * b.1 - b.0 * a.1) / (b.1 - a.1);
        let slow = size > 0.5 * earlier[0];
        let at = if slow || !(falsi > a.0 && falsi < b.0) { f64::midpoint(a.0, b.0) } else { falsi };
        if at <= a.0 || at >= b.0 {
            break;
        }
        earlier = [earlier[1], size];
        let (here, sample) = value(at)?;
        if here.abs() < best.1.abs() {
            best = (at, here, sample);
        }
        if (here < 0.0) == (a.1 < 0.0) {
            a = (at, here);
            b.1 *= if side < 0.0 { 0.5 } else { 1.0 };
            side = -1.0;
        } else {
            b = (at, here);
            a.1 *= if side > 0.0 { 0.5 } else { 1.0 };
            side = 1.0;
        }
    }
    Some(Root { height: best.0, sample: best.2, bracket: [a.0, b.0] })
}

/// Everything inside a step, by height; `None` where it cannot be told apart and a shorter step would help.
pub(super) fn examine(
    leg: &Leg<'_>, before: &Spectrum, after: &Spectrum, separable: bool,
) -> Result<Option<Vec<Found>>, LinalgError> {
    let last = leg.end.point.len() - 1;
    let turns = (leg.start.tangent[last] < 0.0) != (leg.end.tangent[last] < 0.0);
    let crosses = (leg.start.determinant < 0.0) != (leg.end.determinant < 0.0);
    let [unstable, later] = [before, after].map(count_unstable);
    let mut found = Vec::new();
    let mut expected = usize::from(turns) + usize::from(crosses);
    if crosses {
        let Some(crossing) = crossing(leg) else { return Ok(None) };
        found.push(crossing);
    }
    if turns {
        let Some(fold) = fold(leg) else { return Ok(None) };
        match found.first_mut() {
            Some(crossing) if (crossing.height - fold.height).abs() <= TOGETHER * leg.length => {
                // The turn is regular, the crossing singular: the turn's place is the better one.
                crossing.special = Some(Special::Branch { turns: true });
                expected = 0;
            }
            Some(_) if separable => return Ok(None),
            _ => found.push(fold),
        }
    }
    let changed = unstable.abs_diff(later);
    if changed != expected {
        if separable && (expected > 0 || changed % 2 == 1) {
            return Ok(None);
        }
        if changed >= 2 && expected == 0 {
            match pair(leg, before, after)? {
                Some(hopf) => found.push(hopf),
                None if separable => return Ok(None),
                None => {}
            }
        }
    }
    found.sort_by(|a, b| a.height.total_cmp(&b.height));
    Ok(Some(found))
}

/// Eigenvalues on the right, by their sign alone.
fn count_unstable(spectrum: &Spectrum) -> usize {
    spectrum.transversal_eigenvalues.iter().filter(|value| value[0] > 0.0).count()
}

/// Where dθ changes sign.
fn fold(leg: &Leg<'_>) -> Option<Found> {
    let last = leg.end.point.len() - 1;
    let (low, high) = ((0.0, &leg.start), (leg.length, &leg.end));
    let root = root(
        &mut |height| leg.between(height, low, high).map(|sample| (sample.tangent[last], sample)),
        (0.0, leg.start.tangent[last], leg.start.clone()),
        (leg.length, leg.end.tangent[last], leg.end.clone()),
        WIDTH,
    )?;
    // θ over the bracket: its slope there is that of the tangent.
    let width = (root.bracket[1] - root.bracket[0]) * root.sample.tangent[last].abs() + rounding(leg, &root.sample);
    Some(Found { height: root.height, special: Some(Special::Fold), width, sample: root.sample })
}

/// Where the bordered determinant changes sign: a first bracket, then the polynomial through points around it, since
/// corrections are ill-conditioned at the place itself.
fn crossing(leg: &Leg<'_>) -> Option<Found> {
    let (low, high) = ((0.0, &leg.start), (leg.length, &leg.end));
    let rough = root(
        &mut |height| leg.between(height, low, high).map(|sample| (sample.determinant, sample)),
        (0.0, leg.start.determinant, leg.start.clone()),
        (leg.length, leg.end.determinant, leg.end.clone()),
        1e-4,
    )?;
    let centre = f64::midpoint(rough.bracket[0], rough.bracket[1]);
    let offsets = (1..=NODES).flat_map(|k| [-(k as f64), k as f64]);
    let around: Vec<(f64, Sample)> = offsets
        .map(|k| {
            let height = centre + k * SPACING * leg.length;
            leg.between(height, low, high).map(|sample| (height, sample))
        })
        .collect::<Option<_>>()?;
    // Inverse interpolation would need a monotone value: the secant on the interpolant is enough.
    let value = |height: f64, of: &dyn Fn(&Sample) -> f64| {
        around.iter().map(|(at, sample)| of(sample) * lagrange(&around, *at, height)).sum::<f64>()
    };
    let determinant = |height: f64| value(height, &|sample| sample.determinant);
    let (mut a, mut b) = (centre - SPACING * leg.length, centre + SPACING * leg.length);
    if (determinant(a) < 0.0) == (determinant(b) < 0.0) {
        return None;
    }
    for _ in 0..60 {
        let middle = f64::midpoint(a, b);
        if (determinant(middle) < 0.0) == (determinant(a) < 0.0) { a = middle } else { b = middle }
    }
    let height = f64::midpoint(a, b);
    let count = leg.end.point.len();
    let point: Vec<f64> = (0..count).map(|i| value(height, &|sample| sample.point[i])).collect();
    let tangent: Vec<f64> = (0..count).map(|i| value(height, &|sample| sample.tangent[i])).collect();
    let correction = around.iter().map(|(_, sample)| sample.correction).fold(0.0, f64::max);
    let sample = Sample { point, tangent, determinant: 0.0, iterations: 0, correction };
    // The last term of the interpolation, left out, tells its error.
    let fewer = &around[..around.len() - 2];
    let part = |height: f64| fewer.iter().map(|(at, s)| s.point[count - 1] * lagrange(fewer, *at, height)).sum::<f64>();
    let width = (part(height) - sample.point[count - 1]).abs() / leg.course.family.weight() + rounding(leg, &sample);
    Some(Found { height, special: Some(Special::Branch { turns: false }), width, sample })
}

/// The Lagrange polynomial of the node at `at`.
fn lagrange(nodes: &[(f64, Sample)], at: f64, height: f64) -> f64 {
    let others = nodes.iter().map(|(other, _)| *other).filter(|other| other.total_cmp(&at).is_ne());
    others.map(|other| (height - other) / (at - other)).product()
}

/// Where the next pair crosses the axis; `None` where what crosses is real.
fn pair(leg: &Leg<'_>, before: &Spectrum, after: &Spectrum) -> Result<Option<Found>, LinalgError> {
    let place = count_unstable(before).min(count_unstable(after));
    let real = |spectrum: &Spectrum| spectrum.transversal_eigenvalues[place][0];
    let (low, high) = ((0.0, &leg.start), (leg.length, &leg.end));
    let mut failure = None;
    let located = root(
        &mut |height| {
            let sample = leg.between(height, low, high)?;
            match leg.spectrum(&sample) {
                Ok(spectrum) => Some((real(&spectrum), sample)),
                Err(error) => {
                    failure = Some(error);
                    None
                }
            }
        },
        (0.0, real(before), leg.start.clone()),
        (leg.length, real(after), leg.end.clone()),
        WIDTH,
    );
    if let Some(error) = failure {
        return Err(error);
    }
    let Some(root) = located else { return Ok(None) };
    let spectrum = leg.spectrum(&root.sample)?;
    let frequency = spectrum.transversal_eigenvalues[place][1].abs();
    let largest = spectrum.transversal_eigenvalues.iter().map(|v| v[0].hypot(v[1])).fold(0.0, f64::max);
    let width = (root.bracket[1] - root.bracket[0]) / leg.course.family.weight() + rounding(leg, &root.sample);
    let special = Some(Special::Hopf { frequency });
    Ok((frequency > REAL * largest).then_some(Found { height: root.height, special, width, sample: root.sample }))
}

/// What rounding leaves uncertain of θ.
fn rounding(leg: &Leg<'_>, sample: &Sample) -> f64 {
    sample.correction / leg.course.family.weight() + 4.0 * f64::EPSILON * leg.corrector.theta(&sample.point).abs()
}
