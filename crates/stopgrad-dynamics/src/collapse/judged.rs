//! What one place has become, and by which numbers.

use serde::Serialize;

use super::spectra::is_saturated;
use super::{
    ALIVE_SHARE, CLIFF, CONSTANT_SHARE, CollapseEvidence, HALF, MIN_SAMPLES, POSITIONAL_SHARE, Place, PlaceEvidence,
    SHRUNK_SHARE, Spread,
};

/// What a place has become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    No,
    Complete,
    Dimensional,
    Cluster,
    Positional,
    Undecided,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Kind::No => "no",
            Kind::Complete => "complete",
            Kind::Dimensional => "dimensional",
            Kind::Cluster => "cluster",
            Kind::Positional => "positional",
            Kind::Undecided => "undecided",
        }
    }
}

/// A place with the numbers that decide.
pub(super) struct Seen<'a> {
    pub(super) place: Place,
    pub(super) evidence: &'a PlaceEvidence,
    pub(super) kind: Kind,
    /// Variance across samples over that of the reference.
    pub(super) scale_left: Option<f64>,
    /// Shrunk to nothing while directions live.
    pub(super) shrunk: bool,
    pub(super) alive: usize,
    /// Of the reference; without one, all there are.
    pub(super) alive_before: usize,
    pub(super) alive_threshold: f64,
    pub(super) reference_called: &'static str,
}

impl<'a> Seen<'a> {
    pub(super) fn new(evidence: &'a PlaceEvidence, all: &CollapseEvidence) -> Self {
        let (end, reference) = (&evidence.end, evidence.reference.as_ref());
        let (summary, d) = (&end.summary, end.summary.eigenvalues.len());
        let alive_threshold = ALIVE_SHARE / end.reachable.max(1) as f64;
        let constant = summary.variance_share() < CONSTANT_SHARE;
        let scale_left = reference
            // The scale of another space, as that of the raw input, says nothing.
            .filter(|r| r.summary.total_variance > 0.0 && r.summary.eigenvalues.len() == d)
            .map(|r| summary.total_variance / r.summary.total_variance);
        let shrunk = !constant && scale_left.is_some_and(|left| left < SHRUNK_SHARE);
        let alive = if constant { 0 } else { end.alive };
        // A wider reference, as the raw input may be, cannot be filled.
        let alive_before = reference.map_or(d, |reference| reference.alive).min(d);
        let across = summary.total_variance;
        let kind = if summary.samples < MIN_SAMPLES {
            Kind::Undecided
        } else if across <= POSITIONAL_SHARE * (across + end.position_variance) && end.position_variance > 0.0 {
            if end.position_variance < CONSTANT_SHARE * summary.norm * summary.norm {
                Kind::Complete
            } else {
                Kind::Positional
            }
        } else if constant || (shrunk && all.loss_sees_scale == Some(true)) {
            Kind::Complete
        } else if end.clusters.clusters.is_some() && reference.is_none_or(|r| r.clusters.clusters.is_none()) {
            Kind::Cluster
        } else if let Some(reference) = reference {
            let lost_rank = rank(end, reference) <= HALF * rank(reference, end).min(d as f64);
            if lost_rank && alive as f64 <= HALF * alive_before as f64 { Kind::Dimensional } else { Kind::No }
        } else {
            of_spectrum(&summary.eigenvalues, alive, end.reachable)
        };
        let kind = if kind == Kind::No && shrunk && all.loss_sees_scale.is_none() { Kind::Undecided } else { kind };
        Self {
            place: evidence.place,
            evidence,
            kind,
            scale_left,
            shrunk,
            alive,
            alive_before,
            alive_threshold,
            reference_called: all.reference_called,
        }
    }
}

/// The rank that is compared with that of `other`: the effective rank, but where one of them has fewer rows than dimensions
/// the participation ratio of the distribution, which their number does not lower.
fn rank(of: &Spread, other: &Spread) -> f64 {
    match (of.population_participation_ratio, other.population_participation_ratio) {
        (Some(ratio), Some(_)) if of.implied_directions.or(other.implied_directions).is_some() => ratio,
        _ => of.summary.effective_rank,
    }
}

/// What a spectrum says with nothing to compare it with; `reachable`: directions that so many samples can show.
fn of_spectrum(eigenvalues: &[f64], alive: usize, reachable: usize) -> Kind {
    let half = HALF * eigenvalues.len() as f64;
    if alive as f64 > half {
        return Kind::No;
    }
    let cliff = (1..=alive.min(eigenvalues.len() - 1)).any(|at| eigenvalues[at] <= CLIFF * eigenvalues[at - 1]);
    if cliff && !is_saturated(alive, reachable) { Kind::Dimensional } else { Kind::Undecided }
}
