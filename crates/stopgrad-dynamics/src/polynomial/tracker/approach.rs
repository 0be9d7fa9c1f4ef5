//! Where a path that cannot reach t = 1 was going: to infinity, or to a point where the system is singular.

use super::PathState;

/// Sizes are noted at so many places a decade of 1 − t,
const PLACES: f64 = 2.0;
/// the last of them where nothing but rounding is left,
const LAST: usize = 40;
/// and its growth has to be alike in the last two places, and in the last two decades.
const DECADE: usize = 2;
/// The least growth, as a power of 1/(1 − t): an order of a pole on a cover of t with up to eight sheets.
const LEAST: f64 = 0.1;
/// Difference of powers, as a share of the larger.
const SPREAD: f64 = 0.35;
/// A path that came to 10⁻³ has shown what it does, if it grows,
const NEAR: usize = 6;
/// and one of 10⁻² if it is this large: at poles of order four the next digits are beyond twice the precision;
const SOON: usize = 4;
const LARGE: f64 = 1e10;
/// if it does not, 10⁻⁹ is as near as doubles' roots of two that meet are.
const AT: usize = 18;

/// How large a path was as t came near 1.
#[derive(Debug, Clone)]
pub(super) struct Approach {
    /// By places; a step that leaps over some fills them with what is between, in powers.
    sizes: [f64; LAST + 1],
    /// Places before this one are filled.
    filled: usize,
    /// Where the last was noted, log₁₀ 1/(1 − t), and its size.
    last: (f64, f64),
}

impl Approach {
    pub(super) fn new() -> Self {
        Self { sizes: [0.0; LAST + 1], filled: 0, last: (0.0, 0.0) }
    }

    /// Notes the size at t, which is asked for only where a place was passed.
    pub(super) fn note(&mut self, t: f64, size: impl FnOnce() -> f64) {
        let depth = -(1.0 - t).max(1e-300).log10();
        let places = (depth * PLACES).min(LAST as f64);
        if places < self.filled as f64 {
            return;
        }
        let now = size();
        while self.filled as f64 <= places {
            let at = self.filled as f64 / PLACES;
            let share = if depth > self.last.0 { (at - self.last.0) / (depth - self.last.0) } else { 1.0 };
            let between = if self.last.1 > 0.0 { self.last.1.powf(1.0 - share) * now.powf(share) } else { now };
            self.sizes[self.filled] = between;
            self.filled += 1;
        }
        self.last = (depth, now);
    }

    /// Where it was going, [`PathState::AtInfinity`] or [`PathState::SingularEnd`], if that can be told.
    pub(super) fn limit(&self) -> Option<PathState> {
        let shown = |end: usize| end >= NEAR || end >= SOON && self.sizes[end] >= LARGE;
        let end = self.filled.checked_sub(1).filter(|&end| shown(end))?;
        let power =
            |at: usize, places: usize| PLACES / places as f64 * (self.sizes[at] / self.sizes[at - places]).log10();
        let last = |places: usize| [power(end, places), power(end - places, places)];
        let alike =
            |[now, before]: [f64; 2]| now > LEAST && before > LEAST && (now - before).abs() <= SPREAD * now.max(before);
        if alike(last(1)) && alike(last(DECADE)) {
            return Some(PathState::AtInfinity);
        }
        let [now, before] = last(DECADE);
        (end >= AT && now.abs() <= LEAST && before.abs() <= LEAST).then_some(PathState::SingularEnd)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walked(to: f64, size: impl Fn(f64) -> f64) -> Option<PathState> {
        let mut approach = Approach::new();
        let mut rest = 1.0;
        while rest > to {
            approach.note(1.0 - rest, || size(rest));
            rest *= 0.37;
        }
        approach.limit()
    }

    #[test]
    fn powers_go_to_infinity_and_roots_to_where_they_meet() {
        for power in [0.25, 0.5, 1.0, 4.0] {
            assert_eq!(walked(1e-5, |rest| 3.0 * rest.powf(-power) + 1.0), Some(PathState::AtInfinity), "{power}");
        }
        assert_eq!(walked(1e-12, |rest| 2.0 + rest.sqrt()), Some(PathState::SingularEnd));
        assert_eq!(walked(6e-3, |rest| 1e3 * rest.powi(-4)), Some(PathState::AtInfinity));
        // Too far away to tell; growth that ends; a pole at t = 1.0003, seen from 1 − t = 10⁻³ and from nearer.
        assert_eq!(walked(1e-2, |rest| 1.0 / rest), None);
        assert_eq!(walked(1e-6, |rest| 2.0 + rest.sqrt()), None);
        assert_eq!(walked(1e-6, |rest| (rest + 3e-4).powi(-4)), None);
        assert_eq!(walked(1e-11, |rest| (rest + 3e-4).powi(-4)), Some(PathState::SingularEnd));
    }

    #[test]
    fn a_leap_fills_the_places_between() {
        let mut approach = Approach::new();
        approach.note(0.0, || 1.0);
        approach.note(1.0 - 1e-4, || 1e4);
        assert_eq!(approach.limit(), Some(PathState::AtInfinity));
        approach.note(1.0, || f64::NAN);
        assert_eq!(approach.limit(), None);
    }
}
