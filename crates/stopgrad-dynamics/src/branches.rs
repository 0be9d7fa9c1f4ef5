//! How equilibria are born and die while weight decay (or a mix of two moments) is varied.
//!
//! Every real equilibrium that a finder gives at several values of the parameter is followed by pseudo-arclength in both
//! directions; what is found again on a curve is not followed twice. Folds, crossings and Hopf points are located inside the
//! steps, curves are cut where they turn, so that every branch is a function of the parameter with a birth and a death, and the
//! finder is asked again between events: what the branches say of that value is set beside what it finds. Starting from all
//! equilibria at several values was chosen over branch switching and deflation, which miss what is not connected.
//!
//! For λ > 0 and invertible X the strata never meet. Write Σ = V Ŝ Vᵀ for S whitened: the equation of rank r is
//! (VᵀXVŜ + λ)(ŜVᵀX + λVᵀ) = VᵀYᵀVŜVᵀY, and the left side has rank r for every Ŝ ≽ 0, so that Ŝ cannot become singular.
//! And |S| ≤ |M|², whatever the rank and λ: with σ the largest singular value of P and u its left vector, bᵀPM = PPᵀP + λPX⁻¹
//! gives σ⁴ ≤ uᵀ(PPᵀ)²u + λuᵀPX⁻¹Pᵀu = uᵀbᵀPMPᵀu ≤ σ³|M|. So as λ varies branches end in folds or at λ = 0, nothing
//! escapes, and where branches cross they are of one rank, in data with a symmetry. In a mix X may become singular, and
//! equilibria may escape there.
//!
//! Reading order: [`find_branches`], [`Diagram`], [`Family`]; [`vary_rate`] (other rates, the same equilibria);
//! `curve.rs` (one curve), `chart.rs` (its coordinates and equation), `corrector.rs`, `events.rs`, `search.rs` (which curves),
//! `assembly.rs` (from curves to branches).

mod assembly;
mod chart;
mod corrector;
mod curve;
mod events;
mod family;
mod known;
mod rates;
mod search;

pub use curve::FollowParams;
pub use family::Family;
pub use known::known_equilibria;
pub use rates::{Rate, vary_rate};
pub use search::{Finder, Found, find_branches};

use faer::Mat;
use serde::Serialize;

use crate::{Field, Stability};

/// What is asked of a diagram.
#[derive(Debug, Clone, PartialEq)]
pub struct BranchParams {
    /// Smallest and largest λ (or t).
    pub range: [f64; 2],
    /// Values at which equilibria are sought at first, both ends included: 9.
    pub seeds: usize,
    /// Rounds of looking again between events, each followed by new curves where something new was found: 3.
    pub rounds: usize,
    /// Intervals between events that are looked into, the widest first: 64.
    pub checks: usize,
    /// The field whose linearisation tells stability: stop-gradient, or EMA with this γ.
    pub flow: (Field, f64),
    /// How one curve is followed.
    pub follow: FollowParams,
}

impl BranchParams {
    /// Stop-gradient between two values.
    pub fn between(low: f64, high: f64) -> Self {
        Self {
            range: [low, high],
            seeds: 9,
            rounds: 3,
            checks: 64,
            flow: (Field::StopGradient, 1.0),
            follow: FollowParams::default(),
        }
    }
}

/// What happens to branches somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// Two branches meet and end.
    Fold,
    /// Curves of one rank cross.
    Branch,
    /// A pair of eigenvalues crosses the imaginary axis: a cycle is born or dies.
    Hopf,
    /// An equilibrium leaves every bound.
    Escape,
    /// A multiplier of a step passes −1.
    Flip,
}

impl EventKind {
    /// The word of the files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fold => "fold",
            Self::Branch => "branch",
            Self::Hopf => "hopf",
            Self::Escape => "escape",
            Self::Flip => "flip",
        }
    }
}

/// Something that happens.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What.
    pub kind: EventKind,
    /// At which λ (or t).
    pub parameter: f64,
    /// How far that is uncertain: relative for λ, absolute for t.
    pub uncertainty: f64,
    /// The rank.
    pub rank: usize,
    /// The branches that it is on: at a fold the two that end.
    pub branches: Vec<usize>,
    /// S there.
    pub s: Mat<f64>,
    /// ω of the pair at a Hopf point: the period of the cycle born there is 2π/ω.
    pub frequency: Option<f64>,
}

/// How a branch begins or ends, seen with rising parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndKind {
    /// The range ends; the branch goes on.
    Range,
    /// A fold.
    Fold,
    /// A crossing at which the curve turns.
    Branch,
    /// It left every bound.
    Escape,
    /// It could not be followed further: steps became too short.
    Lost,
    /// The bound on steps.
    Budget,
}

impl EndKind {
    /// The word of the files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::Fold => "fold",
            Self::Branch => "branch",
            Self::Escape => "escape",
            Self::Lost => "lost",
            Self::Budget => "budget",
        }
    }
}

/// A birth or a death.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BranchEnd {
    /// How.
    pub kind: EndKind,
    /// At which λ (or t).
    pub parameter: f64,
    /// Place of its event in [`Diagram::events`].
    pub event: Option<usize>,
}

/// An equilibrium on a branch.
#[derive(Debug, Clone, PartialEq)]
pub struct BranchPoint {
    /// λ (or t).
    pub parameter: f64,
    /// |S|_F.
    pub s_norm: f64,
    /// S in the coordinates of the moments.
    pub s: Mat<f64>,
    /// Transversally to its orbit, in the flow asked for.
    pub stability: Stability,
    /// Transversal eigenvalues on the right.
    pub unstable_dimensions: usize,
    /// The largest transversal real part, of the r dimensions that it fills.
    pub leading_rate: f64,
    /// Size of the last Newton correction, relative.
    pub correction: f64,
}

/// One smooth piece of equilibria: a function of the parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Branch {
    /// Its number: its place in [`Diagram::branches`].
    pub id: usize,
    /// Branches of one curve, joined at folds, share this.
    pub curve: usize,
    /// The rank of S.
    pub rank: usize,
    /// By rising parameter; a single one where it only touches the range.
    pub points: Vec<BranchPoint>,
    /// The end at the smaller parameter.
    pub born: BranchEnd,
    /// The end at the larger one.
    pub dies: BranchEnd,
}

/// What the branches say of one value beside what was found there.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Check {
    /// λ (or t).
    pub parameter: f64,
    /// Real equilibria found there, of all ranks asked for, without the origin.
    pub found: usize,
    /// Branches that have it inside.
    pub expected: usize,
    /// Found equilibria that lie on a branch, one each.
    pub matched: usize,
    /// The greatest distance of a matched pair, each mode by its own size.
    pub distance: f64,
    /// Whether the finder calls what it found complete.
    pub complete: bool,
}

impl Check {
    /// Whether both agree.
    pub fn agrees(&self) -> bool {
        self.found == self.expected && self.matched == self.found
    }
}

/// All branches and events in a range.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagram {
    /// By rank, then birth, then size: the origin first.
    pub branches: Vec<Branch>,
    /// By parameter.
    pub events: Vec<Event>,
    /// By parameter.
    pub checks: Vec<Check>,
    /// Found equilibria that could not be followed, as (parameter, rank): singular ones, for which Newton has no step.
    pub not_followed: Vec<(f64, usize)>,
    /// Steps of all curves.
    pub steps: usize,
}

impl Diagram {
    /// Whether every check agrees, was complete, and every branch ends in something that is understood.
    pub fn is_established(&self) -> bool {
        let ends = self.branches.iter().flat_map(|branch| [branch.born.kind, branch.dies.kind]);
        self.not_followed.is_empty()
            && self.checks.iter().all(|check| check.agrees() && check.complete)
            && ends.into_iter().all(|kind| !matches!(kind, EndKind::Lost | EndKind::Budget))
    }

    /// Branches with this parameter inside, the origin's too.
    pub fn alive_at(&self, parameter: f64) -> impl Iterator<Item = &Branch> {
        self.branches
            .iter()
            .filter(move |branch| branch.born.parameter <= parameter && parameter <= branch.dies.parameter)
    }
}

#[cfg(test)]
mod tests;
