//! What a caller asks of the answers: `--fail-on` and `--require`, which decide between exit status 0 and 1.

use std::fmt;
use std::str::FromStr;

/// A verdict that is not wanted, of any run or of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// The run it is about; none: every run.
    pub run: Option<String>,
    /// What must not be found.
    pub failure: Failure,
}

/// What `--fail-on` may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// `collapses`: complete, dimensional, cluster or positional collapse.
    Collapses,
    /// `diverges`: the run diverged.
    Diverges,
    /// `drifts`: the increments do not settle.
    Drifts,
    /// `not-minimised`: joint descent from the end lowers the objective.
    NotMinimised,
    /// `unstable`: the end point is not stable.
    Unstable,
}

/// What `--require` may name for a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Requirement {
    /// No answer is "undecided"
    Decided,
}

/// What `--require` may name for a list of equilibria.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Established {
    /// Every rank asked for has as many solutions as a generic instance, each proved
    Complete,
    /// Every real equilibrium is proved
    Certified,
    /// Every stability is decided
    Decided,
}

/// A word that names no verdict.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` names no verdict; known are {}, each also as RUN:WHAT", Failure::ALL.map(Failure::name).join(", "))]
pub struct ParseDemandError {
    /// As typed.
    pub found: String,
}

impl Failure {
    const ALL: [Failure; 5] =
        [Failure::Collapses, Failure::Diverges, Failure::Drifts, Failure::NotMinimised, Failure::Unstable];

    /// As typed.
    pub fn name(self) -> &'static str {
        match self {
            Failure::Collapses => "collapses",
            Failure::Diverges => "diverges",
            Failure::Drifts => "drifts",
            Failure::NotMinimised => "not-minimised",
            Failure::Unstable => "unstable",
        }
    }
}

impl fmt::Display for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.run {
            Some(run) => write!(f, "{run}:{}", self.failure.name()),
            None => f.write_str(self.failure.name()),
        }
    }
}

impl FromStr for Demand {
    type Err = ParseDemandError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (run, name) = match text.rsplit_once(':') {
            Some((run, name)) => (Some(run.trim().to_owned()), name.trim()),
            None => (None, text.trim()),
        };
        let failure = Failure::ALL.into_iter().find(|failure| failure.name() == name);
        let failure = failure.ok_or_else(|| ParseDemandError { found: text.into() })?;
        Ok(Self { run, failure })
    }
}

#[cfg(feature = "train")]
mod judging {
    use super::{Demand, Failure, Requirement};
    use stopgrad_train::record::RunRecord;
    use stopgrad_train::verdict::Verdict;

    impl Failure {
        fn found_in(self, verdict: &Verdict) -> bool {
            match self {
                Failure::Collapses => !matches!(verdict.collapses.answer.as_str(), "no" | "undecided" | "not run"),
                Failure::Diverges => verdict.converges.answer == "diverged",
                Failure::Drifts => verdict.converges.answer == "drifting",
                Failure::NotMinimised => verdict.minimises.answer == "no",
                Failure::Unstable => verdict.stable.answer == "no",
            }
        }
    }

    /// What was asked for and is not established, one sentence each; none: all is.
    pub fn unmet(runs: &[RunRecord], fail_on: &[Demand], require: Option<Requirement>) -> Vec<String> {
        let mut sentences = Vec::new();
        for run in runs {
            let label = format!("{} (seed {})", run.name, run.config.training.seed);
            for demand in fail_on.iter().filter(|demand| demand.run.as_ref().is_none_or(|name| *name == run.name)) {
                if demand.failure.found_in(&run.verdict) {
                    sentences.push(format!("--fail-on {demand}: {label} {}", demand.failure.name()));
                }
            }
            if require == Some(Requirement::Decided) {
                for (question, finding) in run.verdict.findings() {
                    if finding.answer == "undecided" {
                        sentences.push(format!("--require decided: {label}, {question}: {}", finding.why));
                    }
                }
            }
        }
        sentences
    }
}

#[cfg(feature = "train")]
pub use judging::unmet;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn demands_round_trip() {
        for text in ["collapses", "sg:diverges", "drifts", "fast:not-minimised", "unstable"] {
            assert_eq!(text.parse::<Demand>().expect("parses").to_string(), text);
        }
    }

    #[test]
    fn an_unknown_verdict_is_answered_with_the_known_ones() {
        let message = "explodes".parse::<Demand>().expect_err("unknown").to_string();
        assert!(message.contains("`explodes`") && message.contains("collapses, diverges, drifts"), "{message}");
    }
}
