//! Which equilibria exist at these moments and this weight decay: all of them, by rank, each with its stability.
//!
//! Stop-gradient and EMA share their equilibria (docs/theory.md, 3). S = AᵀA names the orbit; its rank r says how much is
//! left. Rank 0 is collapse, rank one a quadratic eigenvalue problem at any size, full rank and what lies between are
//! systems of polynomials whose complex solutions are all followed from a generic instance, counted and proved.
//! What is not known to be all says so.
//!
//! Reading order: [`find_equilibria`]; `problem.rs` (which solver a rank goes to); `followed.rs`, `rank_one.rs`, `sought.rs`
//! (solutions); `judged.rs` (from a solution to an equilibrium with its stability).

mod followed;
mod judged;
mod problem;
mod rank_one;
mod sought;
#[cfg(test)]
mod tests;

use faer::Mat;
use serde::Serialize;

use crate::polynomial::certificate::{Root, overlapping};
use crate::polynomial::solve::PathCounts;
use crate::polynomial::stratum::ExactMoments;
use crate::stability::Spectrum;
use crate::{DEFAULT_SUPPORT_THRESHOLD, Field, LinalgError, Moments, Support, SupportError};
use problem::Problem;

/// What to find.
#[derive(Debug, Clone, PartialEq)]
pub struct EquilibriaParams {
    /// The ranks; `None` for all up to min(n, rank of X).
    pub ranks: Option<Vec<usize>>,
    /// Under which field stability is judged; joint has the origin alone.
    pub field: Field,
    /// γ of EMA: 1.
    pub ema_rate: f64,
    /// n; `None` for m + 1.
    pub embedding_dim: Option<usize>,
    /// Eigenvalues of X below this share of the largest are rounding.
    pub support_threshold: f64,
    /// Ranks from two are searched even where all their solutions can be followed: to compare the two.
    pub searched: bool,
}

impl Default for EquilibriaParams {
    fn default() -> Self {
        Self {
            ranks: None,
            field: Field::StopGradient,
            ema_rate: 1.0,
            embedding_dim: None,
            support_threshold: DEFAULT_SUPPORT_THRESHOLD,
            searched: false,
        }
    }
}

/// All that was found.
#[derive(Debug, Clone)]
pub struct EquilibriumSet {
    /// m.
    pub size: usize,
    /// Directions in which x varies: ranks go up to it.
    pub support_rank: usize,
    /// n.
    pub embedding_dim: usize,
    /// The moments that certificates speak about: the user's own, or those of the support.
    pub exact: ExactMoments,
    /// Where X has no full rank: the basis of its support, m × k, in whose coordinates `exact` and the roots are.
    pub directions: Option<Mat<f64>>,
    /// What is known of each rank asked for, ascending.
    pub strata: Vec<Stratum>,
    /// The real equilibria, by ascending rank, then descending trace of S.
    pub equilibria: Vec<Equilibrium>,
}

/// Solutions of one rank.
#[derive(Debug, Clone)]
pub struct Stratum {
    /// r.
    pub rank: usize,
    /// Complex solutions found.
    pub roots: Vec<Root>,
    /// How many a generic instance has, where that is known.
    pub expected: Option<usize>,
    /// What is known of completeness.
    pub status: StratumStatus,
    /// The paths that were followed.
    pub counts: PathCounts,
    /// Starts of Newton's method, where the rank was searched for want of paths.
    pub starts: usize,
}

/// What is known of the solutions of one rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StratumStatus {
    /// As many as a generic instance has, each proved, no two the same.
    Complete,
    /// Fewer than a generic instance has, each of them proved, and every one that is missing is accounted for by how a path ends: at
    /// infinity, or in a point that is no regular solution (`counts`). Where those ended is not proved.
    Accounted,
    /// Fewer than a generic instance has, or some without proof.
    Incomplete,
    /// Whatever was found; nobody claims that it is all.
    NotClaimed,
    /// There is none, for a reason that holds always: Y has a lower rank.
    None,
    /// They are not isolated: λ = 0, or rotations leave the moments as they are. Those found are isolated ones.
    Continuum,
}

/// One orbit of equilibria.
#[derive(Debug, Clone)]
pub struct Equilibrium {
    /// r.
    pub rank: usize,
    /// S = AᵀA, m × m.
    pub s: Mat<f64>,
    /// P, r × m: A = U P for orthonormal columns U.
    pub p: Mat<f64>,
    /// b, r × r: B = U b Uᵀ.
    pub b: Mat<f64>,
    /// Whether Krawczyk's test proved that it exists, is alone in its box and is real.
    pub certified: bool,
    /// Half-width of the box of S; 0 at the origin, which is exact.
    pub box_radius: Option<f64>,
    /// |S((XS + λ)(SX + λ) − YᵀSY)| / |S YᵀSY|.
    pub residual: f64,
    /// Whether it is S_max, the largest of full rank.
    pub maximal: bool,
    /// Its stability, transversally to the orbit.
    pub spectrum: Spectrum,
}

/// No search.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EquilibriaError {
    /// λ below 0 or no number.
    #[error("weight decay is {found}; it is a number from 0 up")]
    WeightDecay {
        /// What was given.
        found: f64,
    },
    /// A rank that cannot be.
    #[error(
        "rank {rank} was asked for, but x varies in {support_rank} directions and the embedding has {embedding_dim}"
    )]
    Rank {
        /// r.
        rank: usize,
        /// Rank of X.
        support_rank: usize,
        /// n.
        embedding_dim: usize,
    },
    /// No support.
    #[error(transparent)]
    Support(#[from] SupportError),
    /// No field of these options.
    #[error(transparent)]
    Field(#[from] crate::LinearFieldError),
    /// Eigenvalues that did not converge.
    #[error(transparent)]
    Linalg(#[from] LinalgError),
}

/// Every equilibrium of stop-gradient or EMA that can be found at these moments, by rank, with what is proved of each.
///
/// # Requires    moments that were checked
/// # Errors      [`EquilibriaError`]
/// # Cost        full rank by paths: milliseconds up to m = 3, tenths of a second at m = 4, tens of seconds at m = 5; rank one O(m³) per
/// equilibrium; ranks that are searched, all together: seconds at m = 6, a minute at m = 8; stability O((r m + r²)³) per equilibrium
/// # Example
/// ```
/// use stopgrad_dynamics::{EquilibriaParams, Moments, find_equilibria};
/// let one = |x: f64| faer::Mat::from_fn(1, 1, |_, _| x);
/// let moments = Moments::new(one(1.0), one(0.8), None).unwrap();
/// let set = find_equilibria(&moments, 0.05, &EquilibriaParams::default()).unwrap();
/// // The origin, and the spheres |a| = (0.8 ± √(0.64 − 0.2))/2, the outer one first.
/// assert_eq!(set.equilibria.iter().map(|e| e.rank).collect::<Vec<_>>(), [0, 1, 1]);
/// assert!((set.equilibria[1].s[(0, 0)].sqrt() - (0.8 + 0.44f64.sqrt()) / 2.0).abs() < 1e-14);
/// ```
pub fn find_equilibria(
    moments: &Moments, weight_decay: f64, params: &EquilibriaParams,
) -> Result<EquilibriumSet, EquilibriaError> {
    if !(weight_decay.is_finite() && weight_decay >= 0.0) {
        return Err(EquilibriaError::WeightDecay { found: weight_decay });
    }
    let support = Support::new(moments, params.support_threshold)?;
    let (size, support_rank) = (moments.size(), support.size());
    let embedding_dim = params.embedding_dim.unwrap_or(size + 1);
    let highest = support_rank.min(embedding_dim);
    let ranks = match (&params.ranks, params.field) {
        (_, Field::Joint) => vec![0],
        (None, _) => (0..=highest).collect(),
        (Some(asked), _) => {
            let mut ranks = asked.clone();
            ranks.sort_unstable();
            ranks.dedup();
            ranks
        }
    };
    if let Some(&rank) = ranks.iter().find(|&&rank| rank > highest) {
        return Err(EquilibriaError::Rank { rank, support_rank, embedding_dim });
    }
    let problem = Problem::new(moments, support, weight_decay)?;
    let strata: Vec<Stratum> =
        ranks.iter().map(|&rank| problem.stratum(rank, params.searched)).collect::<Result<_, _>>()?;
    let equilibria = judged::equilibria(moments, &problem, &strata, embedding_dim, params)?;
    let Problem { exact, directions, .. } = problem;
    Ok(EquilibriumSet { size, support_rank, embedding_dim, exact, directions, strata, equilibria })
}

/// What a list of roots amounts to.
fn status(roots: &[Root], expected: Option<usize>, counts: &PathCounts) -> StratumStatus {
    let Some(expected) = expected else { return StratumStatus::NotClaimed };
    let certificates: Vec<_> = roots.iter().filter_map(|root| root.certificate.as_ref()).collect();
    let disjoint = overlapping(&certificates).is_empty();
    // Roots without a proof may be points of a continuum, on which some paths settle.
    match expected.checked_sub(certificates.len()) {
        Some(0) if disjoint && roots.len() == expected => StratumStatus::Complete,
        Some(missing) if disjoint && missing > 0 && missing == counts.at_infinity + counts.singular => {
            StratumStatus::Accounted
        }
        _ => StratumStatus::Incomplete,
    }
}
