//! The instance in the forms that the solvers want, and which of them a rank goes to.

use std::sync::OnceLock;

use faer::Mat;

use super::{EquilibriaError, Stratum, StratumStatus, followed, rank_one, sought};
use crate::linalg::{frobenius, singular_values};
use crate::polynomial::fibre::generic_count;
use crate::polynomial::solve::PathCounts;
use crate::polynomial::stratum::ExactMoments;
use crate::{LinalgError, Moments, Support};

/// Relative distance below which eigenvalues of X, or of what Y does to them, are one.
const SAME: f64 = 1e-12;
/// Singular values of the whitened Y below this share of the largest are rounding.
const SINGULAR: f64 = 1e-13;

/// The moments in the forms that the solvers want.
pub(super) struct Problem {
    pub(super) support: Support,
    /// Y whitened: K = X^{-1/2} Y X^{-1/2} in the eigenbasis of X.
    pub(super) whitened: Mat<f64>,
    /// The rank of Y where x varies.
    cross_rank: usize,
    pub(super) exact: ExactMoments,
    pub(super) directions: Option<Mat<f64>>,
    pub(super) weight_decay: f64,
    /// What searches start from: made when the first rank needs it.
    pub(super) seeds: OnceLock<sought::Seeds>,
}

impl Problem {
    pub(super) fn new(moments: &Moments, support: Support, weight_decay: f64) -> Result<Self, LinalgError> {
        let k = support.size();
        let rho = &support.variances;
        let whitened = Mat::from_fn(k, k, |i, j| support.cross[(i, j)] / (rho[i] * rho[j]).sqrt());
        let restricted = k < moments.size();
        let rows = |matrix: &Mat<f64>| (0..k * k).map(|at| matrix[(at / k, at % k)]).collect::<Vec<f64>>();
        let (xx, yx) = if restricted {
            let variances = Mat::from_fn(k, k, |i, j| if i == j { rho[i] } else { 0.0 });
            (rows(&variances), rows(&support.cross))
        } else {
            (rows(&moments.xx), rows(&moments.yx))
        };
        let directions = restricted.then(|| support.directions.clone());
        let values = singular_values(whitened.as_ref())?;
        let largest = values.first().copied().unwrap_or(0.0);
        let cross_rank = values.iter().filter(|&&value| value > SINGULAR * largest).count();
        let exact = ExactMoments { size: k, xx, yx, weight_decay };
        Ok(Self { support, whitened, cross_rank, exact, directions, weight_decay, seeds: OnceLock::new() })
    }

    pub(super) fn size(&self) -> usize {
        self.support.size()
    }

    /// Whether a search began with `S_max`.
    pub(super) fn began_with_maximal(&self) -> bool {
        self.seeds.get().is_some_and(sought::Seeds::has_maximal)
    }

    pub(super) fn stratum(&self, rank: usize, searched: bool) -> Result<Stratum, EquilibriaError> {
        let empty = |status| Stratum {
            rank,
            roots: Vec::new(),
            expected: None,
            status,
            counts: PathCounts::default(),
            starts: 0,
        };
        if rank == 0 {
            return Ok(Stratum { expected: Some(1), ..empty(StratumStatus::Complete) });
        }
        if self.weight_decay <= 0.0 {
            // Every A with B A = A M: without weight decay nothing holds its size.
            return Ok(empty(StratumStatus::Continuum));
        }
        // (det(XS + λ))² = (det Y)² det S has no solution with λ > 0 where Y is singular; of rank r, (VᵀYV) is singular
        // for every V where Y has a rank below r.
        if rank > self.cross_rank {
            return Ok(Stratum { expected: generic_count(self.size(), rank), ..empty(StratumStatus::None) });
        }
        let mut found = if rank == 1 && self.size() > 1 {
            rank_one::stratum(self)?
        } else {
            let followed = if searched { None } else { followed::stratum(self, rank) };
            followed.unwrap_or_else(|| sought::stratum(self, rank))
        };
        // Turned along with the moments, a solution that is not symmetric itself becomes another.
        if matches!(found.status, StratumStatus::Incomplete | StratumStatus::Accounted) && self.is_symmetric()? {
            found.status = StratumStatus::Continuum;
        }
        if found.status == StratumStatus::Incomplete {
            sought::add(self, &mut found);
        }
        Ok(found)
    }

    /// Whether a rotation about some angle, any angle, leaves X and Y as they are: a skew Z ≠ 0 commutes with both.
    fn is_symmetric(&self) -> Result<bool, LinalgError> {
        let (k, rho) = (self.size(), &self.support.variances);
        let alike = |i: usize, j: usize| (rho[i] - rho[j]).abs() <= SAME * rho[i].max(rho[j]);
        let free: Vec<(usize, usize)> =
            (0..k).flat_map(|i| (i + 1..k).map(move |j| (i, j))).filter(|&(i, j)| alike(i, j)).collect();
        if free.is_empty() {
            return Ok(false);
        }
        // Column (a, b): Z K − K Z of Z = e_a e_bᵀ − e_b e_aᵀ.
        let y = &self.whitened;
        let entry = |i: usize, j: usize, (a, b): (usize, usize)| {
            let left = if i == a { y[(b, j)] } else { 0.0 } - if i == b { y[(a, j)] } else { 0.0 };
            left - if j == b { y[(i, a)] } else { 0.0 } + if j == a { y[(i, b)] } else { 0.0 }
        };
        let map = Mat::from_fn(k * k, free.len(), |at, column| entry(at / k, at % k, free[column]));
        let least = singular_values(map.as_ref())?.last().copied().unwrap_or(0.0);
        Ok(least <= SAME * frobenius(y.as_ref()))
    }
}
