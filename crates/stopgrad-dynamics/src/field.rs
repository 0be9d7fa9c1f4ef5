//! The three update fields: how a student moves, given one objective.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which vector field moves the parameters (docs/theory.md, section 1).
///
/// With Ē(θ, ψ) the original objective and F̄(θ, ψ, ξ) its proxy with a teacher ξ. Ē and F̄ have the same
/// value at ξ = θ, but only [`Field::Joint`] is a gradient field of Ē.
///
/// # Source      Ponce, Terver, Hebert, Arbel 2026 (arXiv 2507.01028)
/// # Example
/// ```
/// use stopgrad_dynamics::Field;
/// assert_eq!("sg".parse(), Ok(Field::StopGradient));
/// assert_eq!(Field::Ema.to_string(), "ema");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Field {
    /// −∇Ē: the gradient goes through both branches; there is no teacher.
    #[serde(rename = "joint")]
    Joint,
    /// −∇F̄ over (θ, ψ) at ξ = θ: nothing flows into the target branch, the teacher is the student.
    #[serde(rename = "sg")]
    StopGradient,
    /// −∇F̄ over (θ, ψ), with a teacher that follows: ξ ← α ξ + (1 − α) θ. α = 0 is stop-gradient.
    #[serde(rename = "ema")]
    Ema,
}

/// A name that is no field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no field \"{found}\"; the fields are {}", Field::names())]
pub struct ParseFieldError {
    /// What was written.
    pub found: String,
}

impl Field {
    /// Every field, in the order in which reports show them.
    pub const ALL: [Field; 3] = [Field::Joint, Field::StopGradient, Field::Ema];

    /// The name in configurations, file names and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Field::Joint => "joint",
            Field::StopGradient => "sg",
            Field::Ema => "ema",
        }
    }

    /// One sentence about the student's update, for people.
    pub const fn meaning(self) -> &'static str {
        match self {
            Field::Joint => "descends the original objective, gradient through both branches",
            Field::StopGradient => "follows the proxy with the target held fixed; the target is the student itself",
            Field::Ema => "follows the proxy with the target held fixed; the target is a moving average of the student",
        }
    }

    /// Whether a separate set of teacher weights exists.
    pub const fn has_teacher(self) -> bool {
        matches!(self, Field::Ema)
    }

    /// Whether the target branch is detached.
    pub const fn stops_gradient(self) -> bool {
        !matches!(self, Field::Joint)
    }

    fn names() -> String {
        Field::ALL.map(Field::name).join(", ")
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Field {
    type Err = ParseFieldError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Field::ALL.into_iter().find(|field| field.name() == text).ok_or_else(|| ParseFieldError { found: text.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for field in Field::ALL {
            assert_eq!(field.to_string().parse(), Ok(field));
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = "byol".parse::<Field>().expect_err("not a field");
        assert_eq!(error.to_string(), "there is no field \"byol\"; the fields are joint, sg, ema");
    }

    #[test]
    fn padding_in_tables_works() {
        assert_eq!(format!("{:<6}|", Field::StopGradient), "sg    |");
    }
}
