//! `stopgrad branches`: how equilibria are born and die, and what attracts, while one parameter is varied.

mod words;

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;
use stopgrad_dynamics::branches::{
    BranchParams, Diagram, Family, Found, Rate, find_branches, known_equilibria, vary_rate,
};
use stopgrad_dynamics::cycles::{CycleFollowParams, CycleSearchParams, FoundCycles, find_cycles};
use stopgrad_dynamics::{
    DEFAULT_SUPPORT_THRESHOLD, EquilibriaError, EquilibriaParams, Field, LinalgError, Moments, StratumStatus, Support,
    SupportError, find_equilibria,
};

use crate::CommandError;
use crate::args::{Along, BranchesArguments, Detached};
use crate::bar::Bar;
use crate::lab::branches::View;
use crate::lab::page;
use crate::limits::{Limits, Stop};
use crate::moments_file::MomentsFile;
use crate::outcome::{Outcome, Status, document};
use crate::output::Output;
use words::{cycle_json, describe, options, own};

/// Dimensions of x up to which all equilibria are followed to at each value: that takes milliseconds there, above it half a minute.
const ALL_FOUND_UP_TO: usize = 4;
/// Dimensions up to which they are searched, in seconds at each value.
const SEARCHED_UP_TO: usize = 6;

/// Why there is no diagram.
#[derive(Debug, thiserror::Error)]
pub enum BranchesCommandError {
    /// --from and --to.
    #[error("--from {from} --to {to} is no range of {letter}: it has to {wanted}")]
    Range {
        /// As typed.
        from: f64,
        /// As typed.
        to: f64,
        /// What is varied.
        letter: &'static str,
        /// What is needed.
        wanted: &'static str,
    },
    /// λ is not known.
    #[error("--along {along} needs --weight-decay, the λ at which {along} is varied")]
    WeightDecay {
        /// What is varied.
        along: &'static str,
    },
    /// λ is given twice.
    #[error("--weight-decay does not apply where λ itself is varied, from --from to --to; leave it out")]
    WeightDecayVaried,
    /// There is no second end.
    #[error("--along mix needs --other, the moments at t = 1")]
    NoOther,
    /// The other moments of nothing.
    #[error("--other is the other end of --along mix, and something else is varied; leave it out")]
    OtherUnused,
    /// Moments of different sizes.
    #[error("the moments have {here} dimensions and those of --other {there}; both ends of a mix have the same")]
    Sizes {
        /// m.
        here: usize,
        /// Of the other.
        there: usize,
    },
    /// A share.
    #[error("--momentum is {value}; it lies in [0, 1)")]
    Momentum {
        /// As typed.
        value: f64,
    },
    /// Momentum without steps or a teacher.
    #[error("--momentum is the teacher's in steps: it needs --along learning-rate and --field ema; leave it out")]
    MomentumUnused,
    /// γ without a teacher.
    #[error("--along ema-rate varies the teacher's rate, which --field sg does not have; add --field ema")]
    NoTeacher,
    /// Cycles are followed in λ alone.
    #[error("--cycles follows limit cycles in weight decay, and --along {along} varies something else; leave it out")]
    Cycles {
        /// What is varied.
        along: &'static str,
    },
    /// None could be sought.
    #[error(transparent)]
    Equilibria(#[from] EquilibriaError),
    /// No coordinates.
    #[error(transparent)]
    Support(#[from] SupportError),
    /// A spectrum.
    #[error(transparent)]
    Spectrum(#[from] LinalgError),
    /// Ctrl-C cannot be caught.
    #[error("cannot listen for Ctrl-C: {0}; start the program on its own, from a shell")]
    Interrupts(#[from] ctrlc::Error),
}

/// Read, follow, check, write, tell.
pub(super) fn run(asked: &BranchesArguments, output: Output) -> Result<Outcome, CommandError> {
    check(asked)?;
    if let Some(folder) = &asked.report {
        page::prepare(folder)?;
    }
    let (file, input) = MomentsFile::read(&asked.moments)?;
    let other = asked.other.as_ref().map(|path| MomentsFile::read(path)).transpose()?;
    let (other, inputs) = match other {
        Some((other, second)) => (Some(other.moments), vec![input, second]),
        None => (None, vec![input]),
    };
    let limits = Limits::start(asked.time_limit).map_err(BranchesCommandError::from)?;
    let stopped = AtomicBool::new(false);
    let problem = Problem::new(asked, file.moments, other)?;
    let bar = Bar::uncounted("branches", output);
    let curves = AtomicUsize::new(0);
    // Ranks are followed beside each other; the bar is told by whichever asks.
    let watch = |_: usize| {
        curves.fetch_add(1, Ordering::Relaxed);
        let stop = limits.reached().is_some();
        stopped.fetch_or(stop, Ordering::Relaxed);
        stop
    };
    let say = |at: f64| bar.say(format!("equilibria at {} = {at:.4e}", asked.along.letter()));
    let diagram = problem.solve(&say, &watch)?;
    bar.say("cycles");
    let cycles = problem.cycles(&diagram, &|| watch(0))?;
    drop(bar);
    let stop = Cell::new(if stopped.load(Ordering::Relaxed) { limits.reached() } else { None });
    let view = View {
        diagram: &diagram,
        cycles: cycles.as_deref(),
        along: asked.along,
        range: [asked.from, asked.to],
        embedding_dim: problem.embedding_dim,
        support_rank: problem.family.size(),
        stopped: stop.get().map(Stop::reason),
    };
    let mut own = own(&problem, &diagram);
    own["cycles"] = json!(cycles.as_ref().map(|cycles| cycles.iter().map(cycle_json).collect::<Vec<_>>()));
    own["stopped"] = json!(stop.get().map(|stop| json!({ "reason": stop.reason() })));
    own["report"] = json!(asked.report.as_ref().map(|folder| folder.join("report.html")));
    let document = document("branches", asked.seed, &options(asked, &problem), &inputs, own);
    let mut text = describe(&view);
    if let Some(folder) = &asked.report {
        text += &page::write(folder, &view.page(), &document)?;
    }
    let status = match stop.get() {
        Some(stop) => stop.status(),
        None if asked.require.is_some() && !diagram.is_established() => Status::NotEstablished,
        None => Status::Done,
    };
    Ok(Outcome { text, document, status })
}

/// Options that do not go together.
fn check(asked: &BranchesArguments) -> Result<(), BranchesCommandError> {
    let wrong = |wanted| {
        Err(BranchesCommandError::Range { from: asked.from, to: asked.to, letter: asked.along.letter(), wanted })
    };
    if asked.along == Along::Mix {
        if !(asked.from >= 0.0 && asked.from < asked.to && asked.to <= 1.0) {
            return wrong("rise inside [0, 1]");
        }
    } else if !(asked.from > 0.0 && asked.from < asked.to) {
        return wrong("rise and lie above 0");
    }
    match (asked.along, asked.weight_decay) {
        (Along::WeightDecay, Some(_)) => return Err(BranchesCommandError::WeightDecayVaried),
        (Along::WeightDecay, None) | (_, Some(_)) => {}
        (along, None) => return Err(BranchesCommandError::WeightDecay { along: along_name(along) }),
    }
    match (asked.along, &asked.other) {
        (Along::Mix, None) => return Err(BranchesCommandError::NoOther),
        (Along::WeightDecay | Along::EmaRate | Along::LearningRate, Some(_)) => {
            return Err(BranchesCommandError::OtherUnused);
        }
        _ => {}
    }
    if asked.along == Along::EmaRate && asked.field == Detached::Sg {
        return Err(BranchesCommandError::NoTeacher);
    }
    if asked.cycles && asked.along != Along::WeightDecay {
        return Err(BranchesCommandError::Cycles { along: along_name(asked.along) });
    }
    match asked.momentum {
        Some(_) if asked.along != Along::LearningRate || asked.field == Detached::Sg => {
            Err(BranchesCommandError::MomentumUnused)
        }
        Some(value) if !(0.0..1.0).contains(&value) => Err(BranchesCommandError::Momentum { value }),
        _ => Ok(()),
    }
}

/// As typed.
fn along_name(along: Along) -> &'static str {
    match along {
        Along::WeightDecay => "weight-decay",
        Along::Mix => "mix",
        Along::EmaRate => "ema-rate",
        Along::LearningRate => "learning-rate",
    }
}

/// What is varied, and what is found of it.
struct Problem<'a> {
    asked: &'a BranchesArguments,
    moments: Moments,
    other: Option<Moments>,
    family: Family,
    embedding_dim: usize,
}

impl<'a> Problem<'a> {
    fn new(
        asked: &'a BranchesArguments, moments: Moments, other: Option<Moments>,
    ) -> Result<Self, BranchesCommandError> {
        let family = match &other {
            Some(there) if there.size() != moments.size() => {
                return Err(BranchesCommandError::Sizes { here: moments.size(), there: there.size() });
            }
            Some(there) => Family::mix(&moments, there, asked.weight_decay.unwrap_or(f64::NAN))?,
            None => Family::in_weight_decay(&moments)?,
        };
        let embedding_dim = asked.embedding_dim.map_or(family.size() + 1, |n| n as usize);
        Ok(Self { asked, moments, other, family, embedding_dim })
    }

    fn field(&self) -> Field {
        match self.asked.field {
            Detached::Sg => Field::StopGradient,
            Detached::Ema => Field::Ema,
        }
    }

    /// Equilibria at one λ of some moments: all of them where paths take milliseconds, those that a search finds where that takes seconds,
    /// else the largest and those of rank one.
    fn find(&self, moments: &Moments, weight_decay: f64) -> Result<Found, BranchesCommandError> {
        let support = Support::new(moments, DEFAULT_SUPPORT_THRESHOLD)?;
        if support.size() > SEARCHED_UP_TO {
            let mut found = known_equilibria(moments, &support, weight_decay, self.embedding_dim)?;
            found.equilibria.retain(|(rank, _)| *rank <= self.embedding_dim);
            return Ok(found);
        }
        let params = EquilibriaParams {
            embedding_dim: Some(self.embedding_dim),
            searched: support.size() > ALL_FOUND_UP_TO,
            ..EquilibriaParams::default()
        };
        let set = find_equilibria(moments, weight_decay, &params)?;
        let whole = |status| matches!(status, StratumStatus::Complete | StratumStatus::None);
        let complete = set.strata.iter().all(|stratum| whole(stratum.status));
        let equilibria = set.equilibria.into_iter().filter(|found| found.rank > 0).map(|found| (found.rank, found.s));
        Ok(Found { equilibria: equilibria.collect(), complete })
    }

    fn solve(
        &self, say: &(dyn Fn(f64) + Sync), watch: &(dyn Fn(usize) -> bool + Sync),
    ) -> Result<Diagram, BranchesCommandError> {
        let asked = self.asked;
        let range = [asked.from, asked.to];
        let rate = match asked.along {
            Along::EmaRate => Rate::Teacher,
            Along::LearningRate => {
                Rate::Learning { field: self.field(), momentum: asked.momentum, ema_rate: asked.ema_rate }
            }
            Along::WeightDecay | Along::Mix => return self.follow(range, say, watch),
        };
        let decay = asked.weight_decay.unwrap_or(f64::NAN);
        let mut equilibria = self.find(&self.moments, decay)?.equilibria;
        let size = self.moments.size();
        equilibria.insert(0, (0, faer::Mat::zeros(size, size)));
        Ok(vary_rate(&self.family, &equilibria, (decay, self.embedding_dim), rate, range)?)
    }

    /// Cycles, if they are asked for.
    fn cycles(
        &self, diagram: &Diagram, should_stop: &dyn Fn() -> bool,
    ) -> Result<Option<Vec<FoundCycles>>, BranchesCommandError> {
        if !self.asked.cycles {
            return Ok(None);
        }
        let params = CycleSearchParams {
            flow: (self.field(), self.asked.ema_rate),
            follow: CycleFollowParams::between(self.asked.from, self.asked.to),
            widths: self.family.size().min(self.embedding_dim),
            values: 3,
            seed: self.asked.seed,
            flow_steps: 200_000,
        };
        Ok(Some(find_cycles(&self.family, &diagram.events, &params, should_stop)?))
    }

    fn follow(
        &self, range: [f64; 2], say: &(dyn Fn(f64) + Sync), watch: &(dyn Fn(usize) -> bool + Sync),
    ) -> Result<Diagram, BranchesCommandError> {
        let failure = std::sync::Mutex::new(None);
        let finder = |at: f64| {
            say(at);
            let found = match &self.other {
                Some(other) => {
                    let mixed = |a: &faer::Mat<f64>, b: &faer::Mat<f64>| {
                        faer::Mat::from_fn(a.nrows(), a.ncols(), |i, j| (1.0 - at) * a[(i, j)] + at * b[(i, j)])
                    };
                    let moments = Moments::unchecked(
                        mixed(&self.moments.xx, &other.xx),
                        mixed(&self.moments.yx, &other.yx),
                        None,
                    );
                    self.find(&moments, self.asked.weight_decay.unwrap_or(f64::NAN))
                }
                None => self.find(&self.moments, at),
            };
            found.unwrap_or_else(|error| {
                if let Ok(mut slot) = failure.lock() {
                    slot.get_or_insert(error);
                }
                Found::default()
            })
        };
        let params = BranchParams {
            seeds: self.asked.seeds as usize,
            checks: self.asked.checks as usize,
            flow: (self.field(), self.asked.ema_rate),
            ..BranchParams::between(range[0], range[1])
        };
        let diagram = find_branches(&self.family, &finder, &params, watch);
        match failure.into_inner() {
            Ok(Some(error)) => Err(error),
            _ => Ok(diagram),
        }
    }
}
