//! Where training of random moments ends, for 200 instances each of m = 2, 3, 5, 8 in n = m + 1 dimensions: the facts
//! of docs/theory.md, 2.1, 2.3, 3.6, 4.2, 4.4 and 5, one by one.
//!
//! X is a sample covariance, Y = 0.9 X + noise, symmetric for every second instance. λ is half the instance's λ_crit;
//! random starts, which need no full-rank equilibrium, and joint have at least λ = 5e-3, since time runs as 1/λ.

mod instances;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use faer::Mat;
use instances::{Stream, random, with_target};
use rayon::prelude::*;
use stopgrad_dynamics::basins::{BasinParams, Endpoint, Outcome, Start, find_basins};
use stopgrad_dynamics::conservative;
use stopgrad_dynamics::ensemble::{EnsembleParams, EnsembleStop, Trial, Trials, Visit, integrate_ensemble};
use stopgrad_dynamics::maximal::{CriticalParams, critical_weight_decay};
use stopgrad_dynamics::ode::{Advance, DORMAND_PRINCE, EmbeddedRungeKutta, Integrator, Tolerance};
use stopgrad_dynamics::orbit::orbit_dimension;
use stopgrad_dynamics::stability::spectrum_at;
use stopgrad_dynamics::{
    DEFAULT_SUPPORT_THRESHOLD, Field, LinearField, LinearState, Moments, PredictOptions, PredictedState, Stability,
    Support, VectorField, dense_jacobian, linalg, predict,
};

const SIZES: [usize; 4] = [2, 3, 5, 8];
/// Instances of each size; without optimization the first few.
const COUNT: usize = if cfg!(debug_assertions) { 4 } else { 200 };
const LEAST_DECAY: f64 = 5e-3;

/// Random moments, half their λ_crit, and S_max there as `predict` says it.
struct Instance {
    seed: u64,
    moments: Moments,
    decay: f64,
    state: PredictedState,
}

impl Instance {
    fn new(m: usize, seed: u64) -> Self {
        let moments = random(m, seed);
        let support = Support::new(&moments, DEFAULT_SUPPORT_THRESHOLD).expect("a support");
        let critical = critical_weight_decay(&support, &CriticalParams::default(), &|_| false).expect("finite").fold;
        assert!(critical.settled && critical.value > 0.0);
        let decay = 0.5 * critical.value;
        let mut options = PredictOptions { embedding_dim: Some(m + 1), ..PredictOptions::new(decay) };
        (options.survival.all_exact_up_to, options.survival.exact_near, options.critical_up_to) = (0, 0, 0);
        let prediction = predict(&moments, &options, None, &|_| false).expect("sound");
        assert_eq!(prediction.rank, m, "m = {m}, seed {seed}");
        Self { seed, moments, decay, state: prediction.state.expect("of full rank") }
    }

    fn field(&self, kind: Field, decay: f64) -> LinearField {
        let width = self.moments.size() + 1;
        let moments = if kind == Field::Joint { with_target(self.moments.clone()) } else { self.moments.clone() };
        LinearField::new(kind, moments, width, decay).expect("a field").with_ema_rate(0.7).expect("a rate")
    }

    /// S_max as a state of a field.
    fn maximal(&self, kind: Field) -> Vec<f64> {
        let c = kind.has_teacher().then(|| self.state.a.clone());
        LinearState { a: self.state.a.clone(), b: self.state.b.clone(), c }.to_flat()
    }
}

static ALL: LazyLock<BTreeMap<usize, Vec<Instance>>> = LazyLock::new(|| {
    let of = |m| (0..COUNT as u64).into_par_iter().map(|seed| Instance::new(m, seed)).collect();
    SIZES.into_iter().map(|m| (m, of(m))).collect()
});

/// The answer for every instance of each size.
fn each<T: Send>(ask: impl Fn(&Instance) -> T + Sync + Send) -> BTreeMap<usize, Vec<T>> {
    ALL.iter().map(|(m, all)| (*m, all.par_iter().map(&ask).collect())).collect()
}

/// Whether the whole Jacobian has exactly so many zero eigenvalues, found without help from the orbit.
///
/// Semisimple zeros are moved by rounding to about 1e-13 of the largest; the slowest other rate seen is 1.4e-7 of it.
fn has_zeros(field: &LinearField, z: &[f64], expected: usize) -> bool {
    let values = linalg::general_eigenvalues(dense_jacobian(field, z).as_ref()).expect("finite");
    let moduli: Vec<f64> = values.iter().map(|value| value.re.hypot(value.im)).collect();
    let largest = moduli.iter().copied().fold(0.0, f64::max);
    let below = |share: f64| moduli.iter().filter(|&&modulus| modulus < share * largest).count();
    below(1e-11) == expected && below(1e-8) == expected
}

#[test]
fn the_predicted_maximal_equilibrium_attracts_with_the_zeros_of_its_orbit_and_no_other() {
    let attracting = each(|instance| {
        [Field::StopGradient, Field::Ema].map(|kind| {
            let (field, z) = (instance.field(kind, instance.decay), instance.maximal(kind));
            let spectrum = spectrum_at(&field, &z).expect("finite");
            let orbit = orbit_dimension(field.width, field.inputs());
            let zeros = spectrum.orbit_dimension == orbit && spectrum.extra_zeros == 0 && has_zeros(&field, &z, orbit);
            [zeros, spectrum.stability == Stability::Attracting]
        })
    });
    for (m, found) in attracting {
        let all = |which: usize| found.iter().flatten().filter(|found| found[which]).count();
        assert_eq!([all(0), all(1)], [2 * COUNT; 2], "m = {m}, stop-gradient and EMA: zeros as predicted, attracting");
    }
}

/// One flow an instance, from A = c [I; 0], B = c' I with c = 4 |S_max|^½ and c' = 2 |S_max|^½.
///
/// c > c': with equal numbers a mode of negative cross-covariance falls with its b through 0 to the origin.
struct LargeStarts {
    fields: Vec<LinearField>,
    targets: Vec<Mat<f64>>,
}

impl LargeStarts {
    /// max |S_max⁻¹ S − I|: how far, in the weakest direction too.
    fn distance(&self, index: usize, state: &[f64]) -> f64 {
        let (target, m) = (&self.targets[index], self.fields[index].inputs());
        let s = LinearState::from_flat(state, m + 1, m).s();
        let mut kernel: Vec<f64> = (0..m * m).map(|k| target[(k / m, k % m)]).collect();
        let mut columns: Vec<f64> = (0..m * m).map(|k| s[(k / m, k % m)] - target[(k / m, k % m)]).collect();
        linalg::solve_positive_definite(&mut kernel, &mut columns, m, m).expect("S_max is positive definite");
        columns.iter().fold(0.0, |largest, entry| largest.max(entry.abs()))
    }
}

impl Trials for LargeStarts {
    fn count(&self) -> usize {
        self.fields.len()
    }

    fn draw(&self, index: usize) -> Trial<'_> {
        let (field, target) = (&self.fields[index], &self.targets[index]);
        let m = field.inputs();
        let size = linalg::singular_values(target.as_ref()).expect("finite")[0].sqrt();
        let a = Mat::from_fn(m + 1, m, |i, j| if i == j { 4.0 * size } else { 0.0 });
        let b = Mat::from_fn(m + 1, m + 1, |i, j| if i == j { 2.0 * size } else { 0.0 });
        Trial { field: Cow::Borrowed(field), start: LinearState { a, b, c: None }.to_flat() }
    }

    fn settled(&self, visit: &Visit<'_>) -> bool {
        self.distance(visit.index, visit.state) < 1e-4
    }
}

/// "Ends at it" is: comes within 1e-4 of S_max in every direction, where it attracts (the test above).
#[test]
fn the_flow_from_a_large_multiple_of_the_identity_ends_at_the_maximal_equilibrium() {
    let mut left_out = 0;
    for (m, all) in ALL.iter() {
        // One instance (m = 2, seed 56) has λ_crit = 4e-7: its flow would take 10⁸ steps.
        let followed: Vec<&Instance> = all.iter().filter(|instance| instance.decay > 1e-6).collect();
        left_out += all.len() - followed.len();
        let fields = followed.iter().map(|instance| instance.field(Field::StopGradient, instance.decay)).collect();
        let starts = LargeStarts { fields, targets: followed.iter().map(|instance| instance.state.s()).collect() };
        let budget = EnsembleParams { end_time: 1e8, max_steps: 8_000_000, first_visit: 10.0, ..Default::default() };
        for (index, end) in integrate_ensemble(&starts, &budget).iter().enumerate() {
            let (instance, distance) = (followed[index], starts.distance(index, &end.state));
            let place = format!("m = {m}, seed {}, λ = {:e}", instance.seed, instance.decay);
            assert_eq!(end.stop, EnsembleStop::Settled, "{place}: {distance:e} off after {} steps", end.steps);
        }
    }
    assert!(left_out <= 1, "{left_out} of {} instances left out", SIZES.len() * COUNT);
}

/// |v| over λ |z| at (A, B, C) of stop-gradient or EMA, written with whole matrices.
fn defect(field: &LinearField, state: &LinearState) -> f64 {
    let (a, b) = (&state.a, &state.b);
    let c = state.c.as_ref().unwrap_or(a);
    let rest = b * a * &field.moments.xx - c * &field.moments.yx;
    let rows = b.transpose() * &rest + faer::Scale(field.decay_a) * a;
    let square = &rest * a.transpose() + faer::Scale(field.decay_b) * b;
    let size = a.norm_l2().hypot(b.norm_l2());
    let sum = rows.norm_l2().hypot(square.norm_l2()).hypot((a - c).norm_l2());
    if size > 0.0 { sum / (field.decay_a * size) } else { 0.0 }
}

/// Whether S is back after one period and far away half a period before, by another method with smaller steps.
fn closes(field: &LinearField, end: &Endpoint, period: f64, amplitude: f64) -> bool {
    let tolerance = Tolerance { relative: 1e-10, absolute: 1e-12 };
    let method = Box::new(EmbeddedRungeKutta::new(&DORMAND_PRINCE, field.dimension()));
    let mut on = Integrator::with_stepper(field, &end.state, tolerance, method);
    let s = |state: &[f64]| LinearState::from_flat(state, field.width, field.inputs()).s();
    let (then, mut farthest) = (s(&end.state), 0f64);
    while on.time < period {
        assert_eq!(on.advance(period), Advance::Stepped);
        farthest = farthest.max((s(&on.state) - &then).norm_l2());
    }
    (s(&on.state) - &then).norm_l2() < 1e-5 * amplitude && farthest > 0.1 * amplitude
}

#[test]
fn every_end_from_gaussian_starts_is_an_equilibrium_of_its_rank_or_a_cycle_but_for_a_few_that_are_counted() {
    // Stop-gradient and EMA by turns, on symmetric and other Y.
    let labels = each(|instance| {
        let kind = if instance.seed % 4 < 2 { Field::StopGradient } else { Field::Ema };
        let field = instance.field(kind, instance.decay.max(LEAST_DECAY));
        let (trials, start, m) = (2, Start::Normal { scale: 1.0 }, field.inputs());
        let found = find_basins(&field, &[], &BasinParams { trials, start, seed: instance.seed, ..Default::default() });
        for (index, end) in found.ends.iter().enumerate() {
            let place = format!("m = {m}, seed {}, start {index}: {:?}", instance.seed, end.outcome);
            match end.outcome {
                Outcome::Equilibrium { rank, listed } => {
                    let state = LinearState::from_flat(&end.state, m + 1, m);
                    let defect = defect(&field, &state);
                    assert!(
                        defect < 1e-9 && end.residual.is_some_and(|residual| residual < 1e-9),
                        "{place} {defect:e}"
                    );
                    assert_eq!((state.rank(1e-6), listed), (Ok(rank), None), "{place}");
                    assert!(index > 0 || has_zeros(&field, &end.state, orbit_dimension(m + 1, rank)), "{place}");
                }
                Outcome::Cycle { period, amplitude } => {
                    assert!(instance.seed % 2 == 1, "{place}: a cycle with symmetric Y; see docs/theory.md, 4.4");
                    assert!(closes(&field, end, period, amplitude), "{place}");
                }
                Outcome::Diverged => panic!("{place}"),
                Outcome::Unresolved => {}
            }
        }
        found.basins
    });
    let (mut unresolved, mut cycles, mut partial) = (0, 0, 0);
    for (m, found) in labels {
        let mut counts = BTreeMap::<String, u64>::new();
        found.into_iter().flatten().for_each(|basin| *counts.entry(basin.label).or_default() += basin.count);
        assert_eq!(counts.values().sum::<u64>(), 2 * COUNT as u64);
        println!("m = {m}: {counts:?}");
        let of = |label: &str| counts.get(label).copied().unwrap_or(0);
        unresolved += of("unresolved");
        cycles += of("cycle");
        partial += counts
            .iter()
            .filter(|(l, _)| l.starts_with("rank") && **l != format!("rank-{m}"))
            .map(|c| c.1)
            .sum::<u64>();
    }
    let all = (2 * COUNT * SIZES.len()) as u64;
    // None was left open here; slow spirals (m = 3, seed 181 is one) were until the spectrum decided for them.
    assert!(unresolved <= all / 1000, "{unresolved} of {all} unresolved");
    assert!(COUNT < 200 || (cycles > 50 && partial > all / 4), "{cycles} cycles and {partial} partial of {all}");
}

#[test]
fn joint_ends_at_the_origin_and_is_a_gradient_and_stop_gradient_is_neither() {
    let answers = each(|instance| {
        let joint = instance.field(Field::Joint, instance.decay.max(LEAST_DECAY));
        let found = find_basins(&joint, &[], &BasinParams { trials: 2, seed: instance.seed, ..Default::default() });
        let origin = found.ends.iter().filter(|end| end.outcome == Outcome::Equilibrium { rank: 0, listed: None });
        let mut stream = Stream::new(instance.seed);
        let drawn: Vec<f64> = (0..joint.dimension()).map(|_| stream.normal()).collect();
        let (maximal, end) = (instance.maximal(Field::Joint), &found.ends[0].state);
        let kappa = [&drawn, &maximal, end].map(|z| conservative::exact(&joint, z)).into_iter().fold(0.0, f64::max);
        let detached = instance.field(Field::StopGradient, instance.decay);
        (origin.count(), kappa, conservative::exact(&detached, &maximal), conservative::exact(&detached, &drawn))
    });
    for (m, found) in answers {
        assert_eq!(found.iter().map(|answer| answer.0).sum::<usize>(), 2 * COUNT, "m = {m}: every start at the origin");
        let largest = found.iter().map(|answer| answer.1).fold(0.0, f64::max);
        assert!(largest < 1e-10, "m = {m}: κ of joint up to {largest:e}");
        let mut kappas: Vec<f64> = found.iter().map(|answer| answer.2).collect();
        kappas.sort_by(f64::total_cmp);
        println!(
            "m = {m}: κ of SG at S_max: {:.3} median {:.3} to {:.3}",
            kappas[0],
            kappas[COUNT / 2],
            kappas[COUNT - 1]
        );
        assert!(kappas[0] > 0.01 && found.iter().all(|answer| answer.3 > 0.05), "m = {m}: κ of SG from {}", kappas[0]);
    }
}
