//! What training will keep: the sentences (for the terminal and the page), the tables, the pictures.

mod pictures;
mod tables;

use stopgrad_dynamics::maximal::Absence;
use stopgrad_dynamics::partial::Attraction;
use stopgrad_dynamics::survival::{Decade, ModeSurvival, SurvivalParams};
use stopgrad_dynamics::{CriticalEstimate, Existence, Prediction};

pub use tables::HEADER;

use crate::lab::page::Page;
use crate::markup::{concise, listed, number, power_of_ten, significant};

/// A prediction, and the λ it is for.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// What was predicted.
    pub prediction: &'a Prediction,
    /// λ.
    pub weight_decay: f64,
}

impl View<'_> {
    /// Everything there is to say.
    pub fn page(&self) -> Page {
        Page {
            title: self.title(),
            findings: self.findings(),
            tables: self.tables(),
            pictures: self.pictures(),
            mathematics: "docs/theory.md, sections 3 and 4",
        }
    }

    fn title(&self) -> String {
        format!("What a linear network keeps at λ = {}", concise(self.weight_decay))
    }

    /// What is true of the prediction, in whole sentences, the most important first.
    pub fn findings(&self) -> Vec<String> {
        [
            Some(self.kept()),
            self.given_up(),
            self.saddle(),
            Some(self.noise()),
            Some(self.advice()),
            self.decades(),
            Some(self.full_rank()),
            self.equilibrium(),
            self.dropped(),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn kept(&self) -> String {
        let found = self.prediction;
        let (rank, most) = (found.rank, found.support_rank);
        let at = format!("At λ = {}", concise(self.weight_decay));
        let narrow = if found.embedding_dim < most {
            format!(" An embedding of {} can keep no more than that many.", found.embedding_dim)
        } else {
            String::new()
        };
        let kept = match found.rate.attraction {
            _ if found.stopped && rank == 0 => {
                return format!(
                    "{at} no equilibrium was found before the search was ended: it is not known what survives."
                );
            }
            Attraction::Attracting if found.stopped => format!(
                "{at} stop-gradient and EMA can keep {rank} of {most} dimensions, perhaps more: the search was ended before it \
                 was done."
            ),
            _ if rank == 0 => {
                return format!(
                    "{at} no mode survives: the origin, which is complete collapse, is the only attracting equilibrium that \
                     was found."
                );
            }
            Attraction::Attracting => format!(
                "{at} stop-gradient and EMA can keep {rank} of {most} dimensions: this is the largest rank at which an \
                 attracting equilibrium was found."
            ),
            Attraction::Saddle => format!(
                "{at} the equilibrium of the largest rank that was found has {rank} of {most} dimensions, and is a saddle: \
                 training leaves it."
            ),
            Attraction::Degenerate => format!(
                "{at} the equilibrium of the largest rank that was found has {rank} of {most} dimensions; one of its rates \
                 is 0 within the tolerance, so that it is not decided whether it attracts."
            ),
            Attraction::Undecided => format!(
                "{at} the equilibrium of the largest rank that was found has {rank} of {most} dimensions; whether it attracts \
                 is undecided."
            ),
        };
        kept + &narrow
    }

    /// Where the work on a larger rank was left undone.
    fn given_up(&self) -> Option<String> {
        let found = self.prediction;
        let left = found.attempts.iter().filter(|attempt| attempt.given_up && attempt.rank > found.rank);
        let (least, most) = left.fold((usize::MAX, 0), |(least, most), at| (least.min(at.rank), most.max(at.rank)));
        let ranks = if least < most { format!("between {least} and {most}") } else { format!("of {most}") };
        (most > 0).then(|| {
            format!(
                "Starts that came to ranks {ranks} were given up: no equilibrium was reached in the work allowed. Whether \
                 larger ranks attract is not known."
            )
        })
    }

    /// Where regressions keep more than the flow does.
    fn saddle(&self) -> Option<String> {
        let (rank, rate) = self.prediction.largest_saddle()?;
        Some(format!(
            "A predictor that follows the encoder at once (alternating ridge regressions) comes to rest at rank {rank}. \
             Encoder and predictor that learn at equal speeds leave that state, at a rate of {}.",
            significant(rate, 3)
        ))
    }

    fn noise(&self) -> String {
        let advice = &self.prediction.survival.recommendation;
        let alive = self.prediction.surviving_signal_modes();
        if !advice.noise_known {
            return format!(
                "{} {} this λ; the moments hold no halves, so the noise is not known and every mode counts \
                 (`stopgrad moments` stores halves).{}",
                modes(alive),
                outlive(alive),
                self.by_rule(alive)
            );
        }
        let above = format!(
            "{} above the noise (more than {} standard deviations, by two halves of the data)",
            if advice.signal_modes == 1 {
                "1 mode stands".into()
            } else {
                format!("{} modes stand", advice.signal_modes)
            },
            number(threshold())
        );
        match alive {
            0 => format!("{above}; none of them outlives this λ: no mode above the noise survives."),
            count if count == advice.signal_modes => {
                format!("{above}, and this λ lets all of them live.{}", self.by_rule(count))
            }
            count => format!("{above}; {count} of them {} this λ.{}", outlive(count), self.by_rule(count)),
        }
    }

    /// Where more modes are counted than the equilibrium holds: the search left larger ranks open.
    fn by_rule(&self, alive: usize) -> String {
        let rank = self.prediction.rank;
        if alive <= rank {
            return String::new();
        }
        let found = if rank == 0 { "none was found".into() } else { format!("the equilibrium found keeps {rank}") };
        format!(" That goes by the rule for each mode alone, since larger ranks were left open; {found}.")
    }

    fn advice(&self) -> String {
        let advice = &self.prediction.survival.recommendation;
        let kind = match (advice.noise_known, advice.signal_modes) {
            (true, _) => "above the noise",
            (false, 1) => "that lives at any λ",
            (false, _) => "that live at any λ",
        };
        if advice.safe_below <= 0.0 {
            return format!("No weight decay can be recommended: there are no modes {kind}.");
        }
        let safe = number(rounded_down(advice.safe_below));
        format!(
            "To keep {}.",
            match advice.signal_modes {
                1 =>
                    format!("it: a weight decay between 0 and {safe}. There the one mode {kind} lives; beyond, it dies"),
                count => format!(
                    "them all: a weight decay between 0 and {safe}. There none of the {count} modes {kind} dies; beyond, \
                     they die one by one"
                ),
            }
        )
    }

    /// How many dimensions each decade kills; decades below all that is above the noise together.
    fn decades(&self) -> Option<String> {
        let advice = &self.prediction.survival.recommendation;
        let noise = advice.decades.iter().take_while(|decade| decade.above_noise == 0).count();
        let noise = if noise == advice.decades.len() { 0 } else { noise };
        let (below, rest) = advice.decades.split_at(noise);
        let count = |decade: &Decade| match decade {
            _ if !advice.noise_known => decade.dimensions.to_string(),
            Decade { dimensions, above_noise, .. } if dimensions == above_noise => dimensions.to_string(),
            Decade { dimensions, above_noise, .. } => format!("{dimensions} ({above_noise} above the noise)"),
        };
        let lost: usize = below.iter().map(|decade| decade.dimensions).sum();
        let first = below.last().map(|last| format!("{lost} (none above the noise) up to {}", power(last.to)));
        let each = rest
            .iter()
            .map(|decade| format!("{} between {} and {}", count(decade), power(decade.from), power(decade.to)));
        let parts: Vec<String> = first.into_iter().chain(each).collect();
        (!parts.is_empty()).then(|| format!("Raising λ kills dimensions: {}.", listed(&parts)))
    }

    fn full_rank(&self) -> String {
        let found = self.prediction;
        let critical = match found.critical_weight_decay {
            CriticalEstimate::Searched(searched) if searched.cross_singular => {
                return format!(
                    "No weight decay keeps full rank ({}): Y is singular where x varies.",
                    dimensions(found.support_rank)
                );
            }
            CriticalEstimate::Searched(searched) => {
                let digits = if searched.fold.settled { 7 } else { 2 };
                format!("λ_crit = {}", significant(searched.fold.value, digits))
            }
            CriticalEstimate::DiagonalRule(value) => {
                format!(
                    "about λ = {} (by the rule for one mode alone: τ²/4ρ; a search would take too long)",
                    significant(value, 2)
                )
            }
        };
        let full = format!("Full rank ({})", dimensions(found.support_rank));
        match found.existence {
            Existence::Found => format!("{full} has an equilibrium at this λ; it ends at {critical}."),
            Existence::Absent(why) => {
                let evidence = match why {
                    Absence::LeavesCone => "an upper bound of all equilibria leaves the positive cone",
                    Absence::CrossSingular => "Y is singular where x varies",
                    Absence::BeyondBound => "λ is above ¼ (det Y² / det X)^(1/k), which bounds it",
                    Absence::PassedFold => "at an upper bound of all equilibria a fold has been passed",
                };
                format!("{full} has no equilibrium at this λ ({evidence}); it ends at {critical}.")
            }
            Existence::Undecided(_) => {
                format!(
                    "Whether full rank has an equilibrium at this λ is undecided, the moments are too ill-conditioned; it ends at {critical}."
                )
            }
        }
    }

    fn equilibrium(&self) -> Option<String> {
        let found = self.prediction;
        let (first, last) = (found.s_eigenvalues.first()?, found.s_eigenvalues.last()?);
        let spectrum = if found.rank == 1 {
            format!("S = AᵀA has the one eigenvalue {}", number(*first))
        } else {
            format!("S = AᵀA has {} eigenvalues, from {} down to {}", found.rank, number(*first), number(*last))
        };
        let rate = found.rate.leading_rate.map_or_else(String::new, |rate| {
            let known =
                if found.rate.attraction == Attraction::Undecided { "slowest rate seen" } else { "slowest rate" };
            format!("; its {known} is {}", number(rate))
        });
        Some(format!(
            "At the equilibrium of rank {} {spectrum}{rate}; relative residual {}.",
            found.rank,
            number(found.residual)
        ))
    }

    fn dropped(&self) -> Option<String> {
        let found = self.prediction;
        (found.dropped_dimensions > 0).then(|| {
            format!(
                "The views fill {} of {} dimensions; in the {} left out lies {} of their variance.",
                found.support_rank,
                found.size,
                found.dropped_dimensions,
                number(found.dropped_variance)
            )
        })
    }
}

/// Standard deviations up to which a mode is noise.
fn threshold() -> f64 {
    SurvivalParams::default().noise_threshold
}

/// Whether a mode is known to be within the noise.
fn is_noise(mode: &ModeSurvival) -> bool {
    mode.noise_sigma.is_some_and(|sigma| sigma.is_nan() || sigma <= threshold())
}

fn outlive(count: usize) -> &'static str {
    if count == 1 { "outlives" } else { "outlive" }
}

fn modes(count: usize) -> String {
    if count == 1 { "1 mode".into() } else { format!("{count} modes") }
}

fn dimensions(count: usize) -> String {
    if count == 1 { "1 dimension".into() } else { format!("all {count} dimensions") }
}

/// A power of ten, as one.
fn power(value: f64) -> String {
    power_of_ten(value.log10().round() as i32)
}

/// To three digits, never up: "below this nothing dies" has to stay true. The sixth digit is that of the search.
fn rounded_down(value: f64) -> f64 {
    let unit = 10f64.powi(value.log10().floor() as i32 - 2);
    (value / unit + 1e-4).floor() * unit
}

#[cfg(test)]
mod tests;
