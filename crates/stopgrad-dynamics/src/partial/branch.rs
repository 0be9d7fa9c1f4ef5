//! One branch of equilibria of a rank, followed in λ.

use faer::Mat;

use super::factors::Factors;
use super::search::{alternate, least_rounds, polish};
use super::starts::rows_of;
use super::{Attraction, Effort, PartialParams, attracting};
use crate::Support;
use crate::fold::Probe;
use crate::linalg::LinalgError;
use crate::modes::Mode;
use crate::stage::Watch;

/// One branch of rank r, followed upwards in λ from the longest-lived modes.
pub(crate) struct RankBranch<'a> {
    support: &'a Support,
    params: &'a PartialParams,
    watch: &'a Watch<'a>,
    start: Mat<f64>,
    below: Option<(f64, Mat<f64>)>,
}

impl<'a> RankBranch<'a> {
    pub(crate) fn new(
        support: &'a Support, modes: &[Mode], rank: usize, params: &'a PartialParams, watch: &'a Watch<'a>,
    ) -> Self {
        Self { support, params, watch, start: rows_of(modes, rank), below: None }
    }

    /// Whether an equilibrium of this rank is found at λ, from the one below if there is one.
    ///
    /// A branch that runs off to where nothing can be factored tells nothing of its λ; it does not end the prediction.
    pub(crate) fn probe(&mut self, decay: f64) -> Probe {
        self.try_probe(decay).unwrap_or(Probe::Unknown)
    }

    fn try_probe(&mut self, decay: f64) -> Result<Probe, LinalgError> {
        let factors = Factors { support: self.support, decay };
        let mut effort = Effort::default();
        let rank = self.start.nrows();
        let mut point = None;
        if let Some((_, below)) = &self.below {
            point = polish(&factors, below, false, self.params, &mut effort, self.watch)?;
        }
        let start = self.below.as_ref().map_or(&self.start, |(_, rows)| rows);
        if point.is_none() {
            let settled = self.params.settled;
            let a = alternate(
                &factors,
                start.clone(),
                (settled, least_rounds(true), rank),
                self.params,
                &mut effort,
                self.watch,
            )?
            .a;
            if a.nrows() < rank {
                return Ok(Probe::Dead);
            }
            point = polish(&factors, &a, false, self.params, &mut effort, self.watch)?;
        }
        let Some(point) = point else { return Ok(Probe::Unknown) };
        let Some(response) = factors.response(&point, self.params.max_products) else {
            return Ok(Probe::Unknown);
        };
        // Newton can cross to the branch below the fold.
        if response < 0.0 {
            return Ok(Probe::Dead);
        }
        self.below = Some((decay, point.p));
        Ok(Probe::Alive { response })
    }

    /// Whether nothing speaks against the last equilibrium found attracting.
    pub(crate) fn attracts(&self) -> Result<bool, LinalgError> {
        let Some((decay, rows)) = &self.below else { return Ok(false) };
        let factors = Factors { support: self.support, decay: *decay };
        let rate =
            attracting::rate(&factors, &factors.point(rows.clone())?.in_predictor_gauge()?, self.params.max_products)?;
        Ok(rate.attraction != Attraction::Saddle)
    }
}
