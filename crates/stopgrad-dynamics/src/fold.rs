//! The largest λ at which something exists, when it ends in a fold.
//!
//! Near a fold the response R = −d log S / d log λ of the most endangered direction grows like (λ_c − λ)^{−1/2}; for one
//! mode alone (docs/theory.md, 3.9) h² = (1 + R)⁻² is exactly 1 − λ/λ_c at every λ. So a secant on h²(λ) aims at the
//! fold, a step just short of the aim gains one to two digits, and one probe beyond it closes the bracket.

use serde::Serialize;

/// What a probe at one λ says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Probe {
    /// It exists, and its most endangered direction shrinks at this rate.
    Alive {
        /// R.
        response: f64,
    },
    /// It does not.
    Dead,
    /// Neither was established.
    Unknown,
}

/// The fold between two probes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FoldBracket {
    /// The fold, by extrapolation inside the bracket.
    pub value: f64,
    /// The largest λ at which it was found; 0 when at none.
    pub lower: f64,
    /// The smallest λ at which it was seen not to exist; infinite when at none.
    pub upper: f64,
    /// Probes made.
    pub probes: usize,
    /// Whether the bracket is as narrow as asked, and every dead probe came with evidence.
    pub settled: bool,
}

/// Below this share of the first guess nothing is looked for.
const FLOOR: f64 = 1e-12;

/// How far a search for a fold goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct FoldParams {
    /// Width of the bracket, relative.
    pub(crate) relative_width: f64,
    /// Probes at most.
    pub(crate) max_probes: usize,
    /// Probes that tell nothing, before one is alive, after which nothing is expected of smaller λ.
    pub(crate) max_unknown: usize,
}

/// Brackets the fold to a relative width.
///
/// # Requires    guess > 0; alive below the fold, dead above
/// # Errors      the first of the probe's
pub(crate) fn find_fold<E>(
    probe: &mut dyn FnMut(f64) -> Result<Probe, E>, guess: f64, params: FoldParams,
) -> Result<FoldBracket, E> {
    let mut hunt = Hunt { alive: Vec::new(), upper: f64::INFINITY, deaths: 0, established: true };
    let FoldParams { relative_width, max_probes, max_unknown } = params;
    let (mut next, mut unknown) = (guess, 0);
    for probes in 1..=max_probes {
        let verdict = probe(next)?;
        unknown += usize::from(verdict == Probe::Unknown);
        match verdict {
            Probe::Alive { response } => {
                let h = 1.0 / (1.0 + response);
                hunt.alive.push((next, h * h));
                hunt.deaths = 0;
            }
            Probe::Dead | Probe::Unknown => {
                hunt.upper = next;
                hunt.deaths += 1;
                hunt.established &= verdict == Probe::Dead;
            }
        }
        let lower = hunt.lower();
        if lower == 0.0 && unknown >= max_unknown {
            return Ok(hunt.bracket(probes, false));
        }
        if hunt.upper - lower <= relative_width * lower || hunt.upper < FLOOR * guess {
            return Ok(hunt.bracket(probes, true));
        }
        next = hunt.next(relative_width);
    }
    Ok(hunt.bracket(max_probes, false))
}

/// What is known so far.
struct Hunt {
    /// (λ, h²) in the order found, λ increasing.
    alive: Vec<(f64, f64)>,
    upper: f64,
    /// Dead probes in a row.
    deaths: usize,
    established: bool,
}

impl Hunt {
    fn lower(&self) -> f64 {
        self.alive.last().map_or(0.0, |&(decay, _)| decay)
    }

    /// Where h² reaches 0, by the last two points or the law of one mode.
    fn aim(&self) -> Option<f64> {
        let &(decay, squared) = self.alive.last()?;
        let by_one = (squared < 0.95).then(|| decay / (1.0 - squared));
        let by_two = self.alive.iter().rev().nth(1).and_then(|&(before, larger)| {
            let fall = (larger - squared) / (decay - before);
            (fall > 0.0).then(|| decay + squared / fall)
        });
        by_two.or(by_one)
    }

    fn next(&self, relative_width: f64) -> f64 {
        let lower = self.lower();
        if lower == 0.0 {
            return self.upper / 4.0;
        }
        let middle = if self.upper.is_finite() { f64::midpoint(lower, self.upper) } else { 4.0 * lower };
        if self.deaths > 1 {
            return middle;
        }
        let Some(aim) = self.aim() else { return middle };
        // Close enough that one probe beyond the aim closes the bracket.
        let closing = lower * (1.0 + 0.9 * relative_width);
        if aim <= lower * (1.0 + 0.5 * relative_width) {
            return closing.min(middle.max(closing.min(self.upper)));
        }
        let short = lower + 0.98 * (aim.min(16.0 * lower) - lower);
        if short < self.upper { short.max(lower * (1.0 + 0.25 * relative_width)) } else { middle }
    }

    fn bracket(&self, probes: usize, closed: bool) -> FoldBracket {
        let lower = self.lower();
        let value = self.aim().map_or(lower, |aim| aim.clamp(lower, self.upper.max(lower)));
        FoldBracket { value, lower, upper: self.upper, probes, settled: closed && self.established }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(relative_width: f64) -> FoldParams {
        FoldParams { relative_width, max_probes: 60, max_unknown: 4 }
    }

    fn fold(mut probe: impl FnMut(f64) -> Probe, guess: f64, relative_width: f64) -> FoldBracket {
        find_fold::<()>(&mut |decay| Ok(probe(decay)), guess, params(relative_width)).expect("no probe fails")
    }

    #[test]
    fn one_mode_is_found_in_few_probes_from_any_guess() {
        // ρ = 1, τ = 2: the fold is at λ = 1, s = (1 + √(1 − λ))², and R = −λ s'/s.
        for guess in [1e-6, 0.3, 0.999, 1.5, 100.0] {
            let probe = |decay: f64| {
                let root = (1.0f64 - decay).sqrt();
                if root.is_nan() { Probe::Dead } else { Probe::Alive { response: decay / (root * (1.0 + root)) } }
            };
            let fold = fold(probe, guess, 5e-7);
            assert!(fold.settled && fold.probes <= 24, "{fold:?}");
            assert!((fold.value - 1.0).abs() < 5e-7 && fold.lower <= 1.0 && fold.upper > 1.0, "{fold:?}");
        }
    }

    #[test]
    fn what_is_dead_everywhere_ends_at_zero() {
        let dead = fold(|_| Probe::Dead, 1.0, 1e-6);
        assert!(dead.settled && dead.value.abs() < 1e-300 && dead.upper < 1e-12, "{dead:?}");
        assert!(!fold(|_| Probe::Unknown, 1.0, 1e-6).settled);
    }

    #[test]
    fn a_probe_that_fails_ends_the_search() {
        let mut probe = |decay: f64| if decay < 0.1 { Err(decay) } else { Ok(Probe::Dead) };
        assert_eq!(find_fold(&mut probe, 1.0, params(1e-6)), Err(0.0625));
    }

    #[test]
    fn a_search_that_learns_nothing_ends_early() {
        let end = fold(|_| Probe::Unknown, 1.0, 1e-6);
        assert_eq!((end.probes, end.settled, end.lower), (4, false, 0.0));
        // Dead before: only what tells nothing counts.
        let late = fold(|decay| if decay > 1e-3 { Probe::Dead } else { Probe::Unknown }, 1.0, 1e-6);
        assert_eq!((late.probes, late.settled), (9, false));
    }
}
