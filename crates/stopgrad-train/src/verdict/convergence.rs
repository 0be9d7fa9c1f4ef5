//! Does the run converge? Asked of the last fifth of its steps, at a constant rate.
//!
//! With a constant rate and noisy batches increments never vanish, so their size alone decides nothing: a
//! run that sits at its limit and shakes looks like a run that walks on. Two independent witnesses tell them
//! apart.
//!
//! **The field.** Split a batch in halves with gradients g₁, g₂. Given the parameters they are independent,
//! so E⟨g₁, g₂⟩ = |E g|² without bias, and E|g₁ − g₂|²/4 is the noise power of the whole batch's gradient.
//! Their ratio is the *field share*: mean field power over noise power. Its interval comes from means over
//! windows of the tail, because neighbouring rows are correlated. (With batch norm a half batch is a slightly
//! different network; the share is then approximate.)
//!
//! **The path.** If increments were pure noise, T of them would carry the parameters to a distance R with
//! R² = T E|Δθ|² (1 + β)/(1 − β): a random walk, whose steps momentum β strings together. The *walk ratio*
//! q = (net displacement)² / R² is 1 for a random walk, below 1 in a confined ball, and 1 + T·(field share)
//! for a steady drift: over a long tail it sees a drift that drowns in the noise of any one gradient. The
//! *growth exponent* p of the distance over time is 1 for a drift, ½ for a random walk, 0 when confined. R uses
//! increments only, so it holds for AdamW as well as for SGD.
//!
//! A random walk counts as noise ball: along an orbit of equivalent equilibria (docs/theory.md, 2.3) the
//! field is 0 and noise alone carries the parameters, so the run has converged to the orbit.
//! Rejected: |field| against a fixed threshold (no scale), and the slope of the increments alone (blind to noise).

use serde::{Deserialize, Serialize};
use stopgrad_dynamics::statistics::{Interval, mean, mean_interval, slope};

use stopgrad_dynamics::finding::{Finding, number, percent};

/// Rows of the tail below which nothing is said: four windows of two.
pub const MIN_ROWS: usize = 8;
/// Windows whose means give the interval of the field share: few enough that each outlasts the momentum.
const WINDOWS: usize = 8;
/// Rates that differ by less than this share are one rate: the rounding of a schedule's formula.
const SAME_RATE: f64 = 1e-6;
/// `yes` asks increments a thousand times smaller than at the start …
pub const VANISHED: f64 = 1e-3;
/// … and that another tail of them, in a straight line, could not move the parameters by 1 %.
pub const AT_REST: f64 = 1e-2;
/// … and that they do not grow within the tail by more than this factor (means of ten rows scatter by a tenth).
const NOT_GROWING: f64 = 1.5;
/// Increments that end the tail below this share of where they began it are still settling.
pub const SETTLING: f64 = 0.5;
/// Field power up to a tenth of the noise power is what noise itself makes: in a ball with curvature h a rate η
/// keeps field power ηh/(2 − ηh) of the noise power, 0.05 at ηh = 0.1.
pub const NOISE_EXPLAINS: f64 = 0.1;
/// The same at ηh = 1, where the rate stops being small; above it something other than noise moves the field.
pub const NOISE_DOMINATES: f64 = 1.0;
/// A net displacement of twice the random walk's is more than noise makes (q = 4).
pub const BEYOND_WALK: f64 = 4.0;
/// Three times the random walk's needs no second witness (q = 9).
pub const FAR_BEYOND_WALK: f64 = 9.0;
/// Between a random walk (½) and a drift (1).
pub const DRIFT_EXPONENT: f64 = 0.75;

/// One measured row of the tail.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TailRow {
    /// Updates done.
    pub step: u64,
    /// Rate of this step.
    pub learning_rate: f64,
    /// |Δθ| of this step over all student parameters, predictor included.
    pub increment: f64,
    /// ⟨g₁, g₂⟩ of the gradient fields on two halves of a batch, regulariser included in both.
    pub half_dot: f64,
    /// |g₁|² + |g₂|².
    pub half_sq_sum: f64,
}

/// Where the parameters were, seen from the tail's first snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Updates done.
    pub step: u64,
    /// |θ − θ at the first snapshot|; 0 for the first itself.
    pub distance: f64,
}

/// What was seen in the last fifth of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct ConvergenceEvidence {
    /// Measured rows of the tail, ascending; about 40.
    pub rows: Vec<TailRow>,
    /// About 8 or more, ascending, spread evenly over the tail; the first at distance 0.
    pub snapshots: Vec<Snapshot>,
    /// |Δθ| / rate at the start of the run: mean of its first measured rows after warm-up.
    pub initial_increment_over_rate: f64,
    /// |θ| at the start of the run: at the end it may have shrunk to nothing.
    pub initial_parameter_norm: f64,
    /// |θ| at the end.
    pub parameter_norm: f64,
    /// Momentum of the optimiser: β of heavy ball, β₁ of AdamW.
    pub momentum: f64,
    /// Step at which a quantity left the finite numbers, and its name.
    pub diverged_at: Option<(u64, String)>,
}

/// Does the run converge: `"yes"`, `"noise ball"`, `"drifting"`, `"diverged"` or `"undecided"`.
///
/// - `diverged`: a quantity left the finite numbers.
/// - `undecided`: fewer than [`MIN_ROWS`] rows, or a rate that moves within the tail (a falling rate makes
///   any increments fall).
/// - `yes`: increments at most [`VANISHED`] of their start, not growing, too small to move the parameters.
/// - `drifting`: displacement [`BEYOND_WALK`] and growing like time, and a field share above 0 with 95 %
///   confidence, or a displacement [`FAR_BEYOND_WALK`].
/// - `noise ball`: displacement that noise explains, and a field share below [`NOISE_DOMINATES`] with 95 %
///   confidence; where it is surely above [`NOISE_EXPLAINS`], also less displacement than a random walk.
/// - `undecided` otherwise: still settling, an oscillation, or too few rows for the interval.
pub fn converges(evidence: &ConvergenceEvidence) -> Finding {
    if let Some((step, quantity)) = &evidence.diverged_at {
        let why =
            format!("The run diverged: {quantity} was no finite number at step {step}; a smaller rate would keep it.");
        return Finding::new("diverged", why, &serde_json::json!({ "step": step, "quantity": quantity }));
    }
    match Tail::new(evidence) {
        Err(why) => Finding::new("undecided", why, &serde_json::json!({ "rows": evidence.rows.len() })),
        Ok(tail) => {
            let (answer, why) = tail.decide();
            Finding::new(answer, why, &Seen { measured: &tail, thresholds: Thresholds::default() })
        }
    }
}

/// The tail, reduced to the numbers that decide.
#[derive(Debug, Serialize)]
struct Tail {
    first_step: u64,
    last_step: u64,
    rows: usize,
    learning_rate: f64,
    /// Mean |Δθ| / rate over the first and last quarter of the rows.
    increment_over_rate: [f64; 2],
    /// The last of these over that at the start of the run.
    increment_left: f64,
    /// Movement of another tail in a straight line, over |θ|.
    reach: f64,
    noise_power: f64,
    field_share: Interval,
    net_displacement: f64,
    relative_displacement: f64,
    walk_distance: f64,
    walk_ratio: f64,
    growth_exponent: f64,
}

impl Tail {
    fn new(evidence: &ConvergenceEvidence) -> Result<Self, String> {
        let rows = &evidence.rows;
        if rows.len() < MIN_ROWS || evidence.snapshots.len() < 4 {
            return Err(format!("The last fifth has {} measured rows; at least {MIN_ROWS} would decide.", rows.len()));
        }
        let finite = |row: &TailRow| (row.increment + row.half_dot + row.half_sq_sum).is_finite();
        if !rows.iter().all(finite) || !evidence.snapshots.iter().all(|snapshot| snapshot.distance.is_finite()) {
            return Err("A measurement in the last fifth is no finite number; the run has all but diverged.".into());
        }
        let (first, last) = (rows[0], rows[rows.len() - 1]);
        let rate = last.learning_rate;
        let steady = |row: &TailRow| (row.learning_rate - rate).abs() <= SAME_RATE * rate;
        if !(rate > 0.0 && rows.iter().all(steady)) {
            let (from, to) = (number(first.learning_rate), number(rate));
            let steps = last.step - first.step;
            return Err(format!(
                "The learning rate fell from {from} to {to} within the last fifth, which makes any increments fall; \
                 a tail of {steps} steps at a constant rate would decide."
            ));
        }
        Ok(Self::measure(evidence, first.step, last.step, rate))
    }

    fn measure(evidence: &ConvergenceEvidence, first_step: u64, last_step: u64, learning_rate: f64) -> Self {
        let rows = &evidence.rows;
        let increments: Vec<f64> = rows.iter().map(|row| row.increment).collect();
        let quarter = rows.len() / 4;
        let increment_over_rate =
            [&increments[..quarter], &increments[rows.len() - quarter..]].map(|part| mean(part) / learning_rate);
        let squares: Vec<f64> = increments.iter().map(|x| x * x).collect();
        let (noise_power, field_share) = field_share(rows);

        let snapshots = &evidence.snapshots;
        let start = snapshots[0].step;
        let end = snapshots[snapshots.len() - 1];
        let steps = (end.step - start) as f64;
        let beta = evidence.momentum;
        let walk_distance = (steps * mean(&squares) * (1.0 + beta) / (1.0 - beta)).sqrt();
        let scale = evidence.parameter_norm.max(evidence.initial_parameter_norm);
        let tail_steps = (last_step - first_step) as f64;
        Self {
            first_step,
            last_step,
            rows: rows.len(),
            learning_rate,
            increment_over_rate,
            increment_left: ratio(increment_over_rate[1], evidence.initial_increment_over_rate),
            reach: ratio(tail_steps * increment_over_rate[1] * learning_rate, scale),
            noise_power,
            field_share,
            net_displacement: end.distance,
            relative_displacement: ratio(end.distance, evidence.parameter_norm),
            walk_distance,
            walk_ratio: ratio(end.distance * end.distance, walk_distance * walk_distance),
            growth_exponent: growth_exponent(snapshots),
        }
    }

    fn decide(&self) -> (&'static str, String) {
        let [early, late] = self.increment_over_rate;
        let (left, displacement) = (percent(self.increment_left), percent(self.relative_displacement));
        let walks = number(self.walk_ratio.sqrt());
        let share = percent(self.field_share.estimate.max(0.0));
        let beyond = self.walk_ratio > BEYOND_WALK;
        let straight = self.growth_exponent >= DRIFT_EXPONENT;
        if self.increment_left <= VANISHED && late <= NOT_GROWING * early && self.reach <= AT_REST {
            return (
                "yes",
                format!("Increments fell to {left} of their size at the start, at a constant rate, and go on so."),
            );
        }
        if beyond && late < SETTLING * early {
            let fall = percent(1.0 - late / early);
            return (
                "undecided",
                format!(
                    "Increments fell by {fall} within the last fifth and stand at {left} of their start: still settling; \
                 a longer run would decide."
                ),
            );
        }
        if beyond && straight && (self.field_share.low > 0.0 || self.walk_ratio > FAR_BEYOND_WALK) {
            return (
                "drifting",
                format!(
                    "Over the last fifth the parameters moved by {displacement} of their norm, {walks} times as far as \
                 noise would carry them, and in one direction."
                ),
            );
        }
        // A share surely above a tenth needs a ball that confines; one merely not known to be below does not.
        let explained = self.field_share.high <= NOISE_EXPLAINS
            || (self.field_share.high <= NOISE_DOMINATES
                && (self.field_share.low <= NOISE_EXPLAINS || self.walk_ratio <= 1.0));
        if !beyond && explained {
            return (
                "noise ball",
                format!(
                    "Increments stay at {left} of their start and are noise: the mean field has {share} of the noise's \
                 power, and the parameters moved {walks} times as far as a random walk would."
                ),
            );
        }
        ("undecided", self.open_question(beyond, &walks, &share))
    }

    /// Why neither answer holds, and what would decide.
    fn open_question(&self, beyond: bool, walks: &str, share: &str) -> String {
        if beyond && self.growth_exponent >= DRIFT_EXPONENT {
            format!(
                "The parameters moved {walks} times as far as noise would carry them, and in one direction, but the \
                 field there, {share} of the noise's power, cannot be told from 0: a longer run would decide."
            )
        } else if beyond {
            format!(
                "The parameters moved {walks} times as far as noise would carry them, but ever more slowly: still \
                 settling; a longer run would decide."
            )
        } else if self.field_share.low > NOISE_EXPLAINS {
            format!(
                "The mean field has {share} of the noise's power, yet the parameters go nowhere: an oscillation, or \
                 a rate that is too high; a smaller rate would decide."
            )
        } else {
            let high = percent(self.field_share.high);
            format!(
                "The mean field's power, {share} of the noise's, is known only to be below {high}; more measured \
                 rows would decide."
            )
        }
    }
}

#[derive(Serialize)]
struct Seen<'a> {
    #[serde(flatten)]
    measured: &'a Tail,
    thresholds: Thresholds,
}

#[derive(Serialize)]
struct Thresholds {
    vanished: f64,
    at_rest: f64,
    settling: f64,
    noise_explains: f64,
    noise_dominates: f64,
    beyond_walk: f64,
    far_beyond_walk: f64,
    drift_exponent: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            vanished: VANISHED,
            at_rest: AT_REST,
            settling: SETTLING,
            noise_explains: NOISE_EXPLAINS,
            noise_dominates: NOISE_DOMINATES,
            beyond_walk: BEYOND_WALK,
            far_beyond_walk: FAR_BEYOND_WALK,
            drift_exponent: DRIFT_EXPONENT,
        }
    }
}

/// Noise power of the whole batch's gradient, and mean field power over it with a 95 % interval.
fn field_share(rows: &[TailRow]) -> (f64, Interval) {
    let noise: Vec<f64> = rows.iter().map(|row| (row.half_sq_sum - 2.0 * row.half_dot).max(0.0) / 4.0).collect();
    let noise_power = mean(&noise);
    let windows = WINDOWS.min(rows.len() / 2);
    let means: Vec<f64> = (0..windows)
        .map(|window| {
            let part = &rows[window * rows.len() / windows..(window + 1) * rows.len() / windows];
            mean(&part.iter().map(|row| row.half_dot).collect::<Vec<_>>())
        })
        .collect();
    let field = mean_interval(&means);
    let [estimate, low, high] = [field.estimate, field.low, field.high].map(|power| ratio(power, noise_power));
    (noise_power, Interval { estimate, low, high })
}

/// p in distance ∝ timeᵖ, by least squares on logarithms.
fn growth_exponent(snapshots: &[Snapshot]) -> f64 {
    let moved = snapshots.iter().filter(|snapshot| snapshot.distance > 0.0 && snapshot.step > snapshots[0].step);
    let (times, distances): (Vec<f64>, Vec<f64>) =
        moved.map(|snapshot| (((snapshot.step - snapshots[0].step) as f64).ln(), snapshot.distance.ln())).unzip();
    slope(&times, &distances).unwrap_or(0.0)
}

/// a / b, with 0 / 0 = 0: no movement is no share of nothing.
fn ratio(a: f64, b: f64) -> f64 {
    if a.abs() > 0.0 { a / b } else { 0.0 }
}

#[cfg(test)]
mod tests;
