//! One branch of equilibria of a rank, followed in λ.

use faer::Mat;

use super::factors::Factors;
use super::polish::polish;
use super::search::{Settled, alternate, least_rounds};
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
    pub(crate) fn probe(&mut self, decay: f64) -> Result<Probe, LinalgError> {
        let factors = Factors { support: self.support, decay };
        let mut effort = Effort::default();
        let rank = self.start.nrows();
        let mut point = None;
        if let Some((_, below)) = &self.below {
            point = polish(&factors, below, false, self.params, &mut effort, self.watch)?;
        }
        if point.is_none() {
            let start = self.below.as_ref().map_or(&self.start, |(_, rows)| rows);
            let bounds = (self.params.settled, least_rounds(true), rank);
            let settled = alternate(&factors, start.clone(), bounds, self.params, &mut effort, self.watch);
            let Some(Settled { a, .. }) = settled else { return Ok(Probe::Unknown) };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{normal, stream};
    use crate::{DEFAULT_SUPPORT_THRESHOLD, Moments, PredictOptions, modes, predict};

    /// Variances over three decades, and modes of both signs that no basis separates: m dimensions.
    fn both_signs(m: usize, seed: u64) -> Moments {
        let mut rng = stream(seed, 3);
        let noise = Mat::from_fn(m, m, |_, _| 0.4 * normal(&mut rng) / (m as f64).sqrt());
        let rho = |i: usize| 10f64.powf(-3.0 * i as f64 / m as f64);
        let xx = Mat::from_fn(m, m, |i, j| if i == j { rho(i) } else { 0.0 });
        let yx = Mat::from_fn(m, m, |i, j| (rho(i) * rho(j)).sqrt() * (noise[(i, j)] + noise[(j, i)]));
        Moments::unchecked(xx, yx, None)
    }

    #[test]
    fn rows_that_run_off_at_a_small_decay_end_a_start_and_not_the_prediction() {
        let (decay, params) = (1e-14, PartialParams::default());
        let mut ran_off = 0;
        for (m, seed) in [4, 6].into_iter().flat_map(|m| (0..40).map(move |seed| (m, seed))) {
            let (moments, rank) = (both_signs(m, seed), m / 2);
            let support = Support::new(&moments, DEFAULT_SUPPORT_THRESHOLD).unwrap();
            let all = modes(&support).unwrap();
            let factors = Factors { support: &support, decay };
            let bounds = (params.settled, least_rounds(true), rank);
            if alternate(&factors, rows_of(&all, rank), bounds, &params, &mut Effort::default(), &|_| false).is_none() {
                ran_off += 1;
                let probe = RankBranch::new(&support, &all, rank, &params, &|_| false).probe(decay);
                assert_eq!(probe, Ok(Probe::Unknown), "m = {m}, seed {seed}");
            }
            let options = PredictOptions { embedding_dim: Some(rank), ..PredictOptions::new(decay) };
            predict(&moments, &options, None, &|_| false).unwrap();
        }
        assert!(ran_off >= 3, "{ran_off}");
    }
}
