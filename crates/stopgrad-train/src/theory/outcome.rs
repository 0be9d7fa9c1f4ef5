//! Where a linear run ended: its S, its rank, and the equilibrium beside it.

use faer::Mat;
use stopgrad_dynamics::linalg::{LinalgError, frobenius, product, product_symmetric, symmetric_eigen};
use stopgrad_dynamics::stability::spectrum_at;
use stopgrad_dynamics::{Field, LinearField, LinearState, Moments, RefinementParams, refine_equilibrium};

use super::{NearestRecord, OutcomeRecord, stability_name};
use crate::bridge;
use crate::network::Network;
use crate::weights::Weights;

/// Unknowns up to which Newton's method and all eigenvalues are dense: 1500, some ten seconds.
const DENSE_UNKNOWNS: usize = 1500;

/// A and B of a linear network.
pub(crate) struct End {
    /// n × m.
    a: Mat<f64>,
    /// n × n.
    b: Mat<f64>,
}

impl End {
    /// From weights that are stored input first; `None` for a network that is not linear.
    pub(crate) fn of(network: &Network, weights: &Weights) -> Option<Self> {
        if !network.is_linear {
            return None;
        }
        let (m, n) = (network.input_width, network.embedding_width);
        let (p, q) = (bridge::to_f64(&weights.parameters[0]), bridge::to_f64(&weights.parameters[1]));
        Some(Self { a: Mat::from_fn(n, m, |i, j| p[j * n + i]), b: Mat::from_fn(n, n, |i, j| q[j * n + i]) })
    }

    /// S = AᵀA.
    fn s(&self) -> Mat<f64> {
        product_symmetric(self.a.transpose(), self.a.as_ref())
    }
}

/// What the end is held against.
pub(super) struct Target {
    pub(super) field: Field,
    pub(super) weight_decay: f64,
    pub(super) ema_rate: f64,
}

/// The outcome beside the predicted S (`None`: the origin).
pub(super) fn outcome(
    target: &Target, moments: &Moments, (start, end): &(End, End), predicted: Option<&Mat<f64>>, look_near: bool,
) -> OutcomeRecord {
    let s = end.s();
    let size_over_start = frobenius(s.as_ref()) / frobenius(start.s().as_ref());
    let variance = product_symmetric(product(end.a.as_ref(), moments.xx.as_ref()).as_ref(), end.a.transpose());
    let mut record = OutcomeRecord {
        s_eigenvalues: eigenvalues(&end.a),
        size_over_start,
        distance_to_prediction: predicted.map(|predicted| distance(&s, predicted)),
        ..OutcomeRecord::default()
    };
    let turned = match symmetric_eigen(variance.as_ref()) {
        Ok(turned) => turned,
        Err(reason) => {
            record.no_nearest = Some(reason.to_string());
            return record;
        }
    };
    record.rank = turned.values.iter().filter(|&&variance| variance > 0.5 * target.weight_decay).count();
    if !look_near {
        record.no_nearest = Some("the run does not rest at equilibria of the theory".into());
        return record;
    }
    let basis = turned.vectors.subcols(0, record.rank).to_owned();
    match nearest(target, moments, end, &basis) {
        Ok(found) => {
            record.nearest = Some(NearestRecord { distance: near(&s, &found, size_over_start), ..found.record });
        }
        Err(reason) => record.no_nearest = Some(reason),
    }
    record
}

/// An equilibrium, with its S.
struct Found {
    record: NearestRecord,
    s: Option<Mat<f64>>,
}

fn near(s: &Mat<f64>, found: &Found, size_over_start: f64) -> f64 {
    found.s.as_ref().map_or(size_over_start, |equilibrium| distance(s, equilibrium))
}

/// Newton's method from the end, among states of its rank (the columns of `basis` span what lives of the embedding).
///
/// An equilibrium of rank r in n dimensions is one in r, and as stable (`stopgrad_dynamics::stability`), so the spare
/// dimensions, in which Newton's method would be singular, are left out. The equilibria of EMA are those of
/// stop-gradient; its stability is judged with the teacher.
fn nearest(target: &Target, moments: &Moments, end: &End, basis: &Mat<f64>) -> Result<Found, String> {
    let (rank, m) = (basis.ncols(), moments.size());
    let attracting = Some(stability_name(stopgrad_dynamics::Stability::Attracting));
    if rank == 0 {
        let leading_rate = Some(-target.weight_decay);
        let record = NearestRecord { converged: true, stability: attracting, leading_rate, ..NearestRecord::default() };
        return Ok(Found { record, s: None });
    }
    if target.field == Field::Joint {
        return Err("joint has no equilibrium but the origin: the run has not ended there yet".into());
    }
    let unknowns = rank * (m + rank);
    if unknowns > DENSE_UNKNOWNS {
        return Err(format!("Newton's method for {unknowns} unknowns is beyond {DENSE_UNKNOWNS}"));
    }
    let a = product(basis.transpose(), end.a.as_ref());
    let b = product(product(basis.transpose(), end.b.as_ref()).as_ref(), basis.as_ref());
    let told = |reason: &dyn std::fmt::Display| reason.to_string();
    let field =
        LinearField::new(Field::StopGradient, moments.clone(), rank, target.weight_decay).map_err(|e| told(&e))?;
    let refined = refine_equilibrium(&field, &LinearState { a, b, c: None }.to_flat(), RefinementParams::default());
    let state = LinearState::from_flat(&refined.state, rank, m);
    let scale = target.weight_decay * refined.state.iter().map(|z| z * z).sum::<f64>().sqrt();
    let mut record = NearestRecord {
        rank,
        s_eigenvalues: eigenvalues(&state.a),
        converged: refined.converged,
        steps: refined.iterations,
        residual: refined.residual / scale,
        ..NearestRecord::default()
    };
    let s = state.s();
    if refined.converged {
        (record.stability, record.leading_rate) = judged(target, field, state).map_err(|e| told(&e))?;
    }
    Ok(Found { record, s: Some(s) })
}

/// Stability and rightmost rate under the run's own field; the spare dimensions add nothing above −λ.
fn judged(
    target: &Target, field: LinearField, mut state: LinearState,
) -> Result<(Option<String>, Option<f64>), LinalgError> {
    let with_teacher = 2 * state.width() * state.inputs() + state.width() * state.width();
    let mut field = field;
    if target.field == Field::Ema && with_teacher <= DENSE_UNKNOWNS {
        let (moments, width) = (field.moments.clone(), field.width);
        let followed = LinearField::new(Field::Ema, moments, width, target.weight_decay)
            .and_then(|field| field.with_ema_rate(target.ema_rate));
        if let Ok(followed) = followed {
            field = followed;
            state.c = Some(state.a.clone());
        }
    }
    let spectrum = spectrum_at(&field, &state.to_flat())?;
    Ok((Some(stability_name(spectrum.stability)), Some(spectrum.leading_rate).filter(|rate| rate.is_finite())))
}

/// Eigenvalues of AᵀA that can differ from 0: min(n, m), descending.
fn eigenvalues(a: &Mat<f64>) -> Vec<f64> {
    let gram = if a.nrows() <= a.ncols() {
        product_symmetric(a.as_ref(), a.transpose())
    } else {
        product_symmetric(a.transpose(), a.as_ref())
    };
    // Rounding may leave an eigenvalue of a Gram matrix below 0.
    symmetric_eigen(gram.as_ref())
        .map_or_else(|_| Vec::new(), |eigen| eigen.values.into_iter().map(|value| value.max(0.0)).collect())
}

/// |S − T| / |T|.
fn distance(s: &Mat<f64>, t: &Mat<f64>) -> f64 {
    let difference = Mat::from_fn(s.nrows(), s.ncols(), |i, j| s[(i, j)] - t[(i, j)]);
    frobenius(difference.as_ref()) / frobenius(t.as_ref())
}
