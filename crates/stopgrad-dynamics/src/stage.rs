//! Where a long prediction is, for whoever watches it.

use std::fmt;

/// What [`crate::predict`] is at. Numbers are for people: they say that it goes on, and how well.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stage {
    /// The support of X and its modes: eigendecompositions.
    Support,
    /// Newton's method for `S_max`, after so many steps.
    FullRank {
        /// Steps made.
        step: usize,
    },
    /// Alternating ridge regressions from some start.
    Regressions {
        /// Rows that live.
        rank: usize,
        /// Rounds made since Newton's method was last tried.
        round: usize,
        /// Relative change of A in the last one; infinite before.
        change: f64,
    },
    /// Newton's method in factors.
    Newton {
        /// Rows.
        rank: usize,
        /// Steps made.
        step: usize,
        /// Relative residual.
        residual: f64,
    },
    /// The leading rate of an equilibrium that was found.
    Stability {
        /// Its rank.
        rank: usize,
    },
    /// The search for λ_crit.
    CriticalDecay,
    /// The death of one mode.
    Survival {
        /// Modes done.
        done: usize,
        /// Modes that are followed.
        all: usize,
    },
}

/// Asked at every stage and step; `true` ends the work with what was found so far.
pub type Watch<'a> = dyn Fn(Stage) -> bool + 'a;

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Support => write!(f, "support of X"),
            Self::FullRank { step } => write!(f, "full rank, step {step}"),
            Self::Regressions { rank, round, change } if change.is_finite() => {
                write!(f, "rank {rank}, regressions, round {round}, change {change:.0e}")
            }
            Self::Regressions { rank, .. } => write!(f, "rank {rank}, regressions"),
            Self::Newton { rank, step, residual } => {
                write!(f, "rank {rank}, Newton's method, step {step}, residual {residual:.0e}")
            }
            Self::Stability { rank } => write!(f, "rank {rank}, stability"),
            Self::CriticalDecay => write!(f, "critical weight decay"),
            Self::Survival { done, all } => write!(f, "death of mode {} of {all}", done + 1),
        }
    }
}
