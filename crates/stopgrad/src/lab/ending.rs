//! How a linear network stands where its flow ended.

use stopgrad_dynamics::{Spectrum, Stability};

use crate::markup::{number, significant};

/// What was asked of an end.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ending {
    /// The budget was spent first.
    pub unfinished: bool,
    /// Greatest distance of the balance gap from its exact decay on the way, in parts of its start.
    pub balance_gap_error: Option<f64>,
    /// Whether it attracts; only of an equilibrium.
    pub standing: Option<Standing>,
    /// Whether the field is a gradient field there; not of a state that is no number.
    pub kappa: Option<Kappa>,
    /// Some turns of a cycle from the end on: time from there, and the largest entries of S = AᵀA.
    pub turns: Vec<Turn>,
}

/// A moment of a cycle.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// From the end of the flow on.
    pub time: f64,
    /// Diagonal of S = AᵀA: how strongly each coordinate is kept.
    pub kept: Vec<f64>,
}

/// Whether an equilibrium attracts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Standing {
    /// Why it is undecided; none: it is not.
    pub undecided: Option<String>,
    /// Transversal to the orbit; some of it where the method is Krylov's.
    pub spectrum: Option<Spectrum>,
    /// `dense` or `krylov`; empty where nothing was computed.
    pub method: &'static str,
    /// How far the equilibrium is from the end, relative; none at the origin.
    pub moved: Option<f64>,
    /// The largest modulus of a multiplier of the training step.
    pub spectral_radius: Option<f64>,
    /// Whether training in these steps comes to the equilibrium.
    pub attracts_in_steps: Option<bool>,
    /// Learning rates up to it attract.
    pub largest_rate: Option<f64>,
}

/// Non-conservativity κ = |J − Jᵀ| / |J + Jᵀ| by two independent means; `None` stands for infinity.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Kappa {
    /// From the Jacobian, or estimated from its products.
    pub value: Option<f64>,
    /// `exact` or `stochastic`.
    pub method: &'static str,
    /// 95 % interval of an estimate.
    pub interval: Option<[Option<f64>; 2]>,
    /// From work around closed paths.
    pub closed_paths: Option<f64>,
    /// Its 95 % interval.
    pub closed_paths_interval: Option<[Option<f64>; 2]>,
    /// Paths that were gone round.
    pub pairs: usize,
}

impl Ending {
    /// Whether `--require decided` is not met.
    pub fn is_open(&self) -> bool {
        self.unfinished || self.standing.as_ref().is_some_and(|standing| standing.undecided.is_some())
    }
}

impl Standing {
    /// attracting, saddle, degenerate or undecided.
    pub fn verdict(&self) -> &'static str {
        match (&self.undecided, self.spectrum.as_ref().map(|spectrum| spectrum.stability)) {
            (Some(_), _) | (None, None) => "undecided",
            (None, Some(Stability::Attracting)) => "attracting",
            (None, Some(Stability::Saddle)) => "saddle",
            (None, Some(Stability::Degenerate)) => "degenerate",
        }
    }

    /// Whether it attracts, in a whole sentence.
    pub fn sentence(&self) -> String {
        let Some(spectrum) = self.spectrum.as_ref().filter(|_| self.undecided.is_none()) else {
            let why = self.undecided.as_deref().unwrap_or("nothing was computed");
            return format!("Whether the equilibrium attracts is undecided: {why}.");
        };
        let across = if spectrum.orbit_dimension == 0 {
            String::new()
        } else {
            format!(", transversally to its orbit (of dimension {})", spectrum.orbit_dimension)
        };
        let rate = number(spectrum.leading_rate);
        match self.verdict() {
            "attracting" => format!("The equilibrium attracts{across}: its slowest rate is {rate}."),
            "saddle" => format!(
                "The equilibrium is a saddle{across}: {} directions lead away, the fastest with rate {rate}.",
                spectrum.unstable_dimensions
            ),
            _ => format!(
                "The linearisation does not decide whether the equilibrium attracts{across}: a rate is within {} of 0.",
                number(spectrum.tolerance)
            ),
        }
    }

    /// What a training step of this length does at the equilibrium.
    pub fn steps_sentence(&self) -> Option<String> {
        let rate = self.largest_rate.filter(|rate| rate.is_finite());
        let limit = rate.map(|rate| format!("Training in steps comes to it at learning rates below {}", number(rate)));
        match (self.spectral_radius, limit) {
            (Some(radius), Some(limit)) => {
                Some(format!("{limit}; at the one asked for the largest multiplier is {}.", significant(radius, 6)))
            }
            (Some(radius), None) => {
                Some(format!("At the learning rate asked for the largest multiplier is {}.", significant(radius, 6)))
            }
            (None, limit) => limit.map(|limit| limit + "."),
        }
    }
}

impl Kappa {
    /// Whether the field is a gradient field there, in a whole sentence.
    pub fn sentence(&self) -> String {
        let shown = |value: Option<f64>| value.map_or_else(|| "∞".into(), number);
        let range = |interval: Option<[Option<f64>; 2]>| {
            interval.map_or_else(String::new, |[low, high]| format!(" ({} to {})", shown(low), shown(high)))
        };
        let is = if self.value.is_some_and(|value| value < 1e-10) {
            "Here the field is, to rounding, that of a gradient"
        } else {
            "Here the field is the gradient of nothing"
        };
        format!(
            "{is}: κ = |J − Jᵀ| / |J + Jᵀ| = {}{} ({}), and {}{} by work around {} closed paths.",
            shown(self.value),
            range(self.interval),
            self.method,
            shown(self.closed_paths),
            range(self.closed_paths_interval),
            self.pairs
        )
    }
}
