//! Axes: from values to pixels, and round numbers to mark them with.

use crate::markup::{grouped, power_of_ten};

/// How far below its top a logarithmic axis reaches at most.
const DECADES: f64 = 10.0;

/// Whether equal distances or equal ratios look alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spacing {
    /// Equal distances.
    Linear,
    /// Equal ratios.
    Log,
}

/// How tick labels are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// As they are.
    Plain,
    /// Values are shares; labels are percent.
    Percent,
}

/// A map from values to pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    spacing: Spacing,
    unit: Unit,
    /// Ends of the axis in values; for `Log` both positive.
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

/// A mark on an axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// Its pixel.
    pub position: f64,
    /// Its number.
    pub label: String,
}

impl Scale {
    /// An axis for these values, from pixel `from` (low) to `to` (high); `tight`: no room beyond the values.
    pub fn new(spacing: Spacing, unit: Unit, values: &[f64], (from, to): (f64, f64), tight: bool) -> Self {
        let usable =
            values.iter().copied().filter(|v| v.is_finite() && (spacing == Spacing::Linear || *v >= f64::MIN_POSITIVE));
        let (low, high) = usable.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        let (low, high) = match spacing {
            _ if low > high => (0.1, 1.0),
            Spacing::Linear => padded(low, high, tight),
            Spacing::Log => {
                let (low, high) = (low.max(high * 10_f64.powf(-DECADES)).log10(), high.log10());
                let (low, high) = if high - low < 0.02 { (low - 0.15, high + 0.15) } else { padded(low, high, tight) };
                (10_f64.powf(low), 10_f64.powf(high))
            }
        };
        Self { spacing, unit, low, high, from, to }
    }

    /// The pixel of a value, held inside the axis; none for what is not finite.
    pub fn position(&self, value: f64) -> Option<f64> {
        if !value.is_finite() {
            return None;
        }
        let value = value.clamp(self.low, self.high);
        let share = match self.spacing {
            Spacing::Linear => (value - self.low) / (self.high - self.low),
            Spacing::Log => (value / self.low).log10() / (self.high / self.low).log10(),
        };
        Some(self.from + share * (self.to - self.from))
    }

    /// Whether a finite value lies below a logarithmic axis, and is drawn at its lower edge.
    pub fn clips(&self, value: f64) -> bool {
        self.spacing == Spacing::Log && value.is_finite() && value < self.low * (1.0 - 1e-9)
    }

    /// The low end, where clipped values are drawn.
    pub fn low(&self) -> f64 {
        self.low
    }

    /// The high end.
    pub fn high(&self) -> f64 {
        self.high
    }

    /// About `count` round numbers inside the axis.
    pub fn ticks(&self, count: usize) -> Vec<Tick> {
        let decades = (self.high / self.low).abs().log10();
        let values = match self.spacing {
            Spacing::Log if decades >= 1.9 => return self.powers(count),
            Spacing::Log if decades >= 0.7 => one_two_five(self.low, self.high),
            Spacing::Log | Spacing::Linear => round_numbers(self.low, self.high, count),
        };
        let factor = if self.unit == Unit::Percent { 100.0 } else { 1.0 };
        let smallest = values.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min) * factor;
        let own = self.spacing == Spacing::Log && decades >= 0.7;
        values
            .into_iter()
            .filter_map(|value| {
                let gap = if own { value * factor } else { smallest };
                Some(Tick { position: self.position(value)?, label: plain(value * factor, gap) })
            })
            .collect()
    }

    fn powers(&self, count: usize) -> Vec<Tick> {
        let (low, high) = ((self.low.log10() - 1e-9).ceil() as i32, (self.high.log10() + 1e-9).floor() as i32);
        let stride = usize::try_from(high - low + 1).unwrap_or(1).div_ceil(count.max(1)).max(1);
        (low..=high)
            .filter(|exponent| exponent.rem_euclid(stride as i32) == 0)
            .filter_map(|exponent| {
                Some(Tick { position: self.position(10_f64.powi(exponent))?, label: power_of_ten(exponent) })
            })
            .collect()
    }
}

fn padded(low: f64, high: f64, tight: bool) -> (f64, f64) {
    if (high - low).abs() <= 1e-9 * high.abs().max(low.abs()) || low >= high {
        let room = if low.abs() < 1e-290 { 1.0 } else { 0.1 * low.abs() };
        return (low - room, high + room);
    }
    let room = if tight { 0.0 } else { 0.05 * (high - low) };
    (low - room, high + room)
}

/// Multiples of 1, 2 or 5 times a power of ten.
pub(super) fn round_numbers(low: f64, high: f64, count: usize) -> Vec<f64> {
    let rough = (high - low) / count.max(1) as f64;
    let power = 10_f64.powf(rough.log10().floor());
    let gap = [1.0, 2.0, 5.0, 10.0].into_iter().map(|step| step * power).find(|gap| *gap >= rough * 0.999);
    let gap = gap.unwrap_or(10.0 * power);
    let (first, last) = ((low / gap - 1e-9).ceil() as i64, (high / gap + 1e-9).floor() as i64);
    (first..=last).map(|multiple| multiple as f64 * gap).collect()
}

pub(super) fn one_two_five(low: f64, high: f64) -> Vec<f64> {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    (first..=last)
        .flat_map(|exponent| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(exponent)))
        .filter(|value| (low * (1.0 - 1e-9)..=high * (1.0 + 1e-9)).contains(value))
        .collect()
}

/// A number with as many decimals as its neighbours need to differ.
fn plain(value: f64, gap: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let magnitude = value.abs();
    if !(1e-5..1e7).contains(&magnitude) {
        return format!("{value:.1e}").replace("e0", "").replace('-', "−");
    }
    let decimals = if gap.is_finite() && gap > 0.0 { (-(gap.log10() + 1e-9).floor()).max(0.0) as usize } else { 2 };
    if decimals == 0 {
        let text = grouped(magnitude.round() as u64);
        return if value < 0.0 { format!("−{text}") } else { text };
    }
    format!("{value:.decimals$}").replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: &Scale, count: usize) -> Vec<String> {
        scale.ticks(count).into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn linear_ticks_are_round() {
        let scale = Scale::new(Spacing::Linear, Unit::Plain, &[0.0, 4000.0], (0.0, 100.0), true);
        assert_eq!(labels(&scale, 5), ["0", "1000", "2000", "3000", "4000"]);
        let scale = Scale::new(Spacing::Linear, Unit::Percent, &[0.82, 0.95], (0.0, 100.0), true);
        assert_eq!(labels(&scale, 3), ["85", "90", "95"]);
        let scale = Scale::new(Spacing::Linear, Unit::Plain, &[-0.2, 0.3], (0.0, 100.0), true);
        assert_eq!(labels(&scale, 5), ["−0.2", "−0.1", "0", "0.1", "0.2", "0.3"]);
    }

    #[test]
    fn logarithmic_ticks_are_powers_over_decades_and_plain_within_one() {
        let wide = Scale::new(Spacing::Log, Unit::Plain, &[1e-6, 1.0], (100.0, 0.0), true);
        assert_eq!(labels(&wide, 8), ["10⁻⁶", "10⁻⁵", "10⁻⁴", "10⁻³", "10⁻²", "10⁻¹", "10⁰"]);
        let narrow = Scale::new(Spacing::Log, Unit::Plain, &[0.02, 0.5], (100.0, 0.0), true);
        assert_eq!(labels(&narrow, 8), ["0.02", "0.05", "0.1", "0.2", "0.5"]);
        let tiny = Scale::new(Spacing::Log, Unit::Plain, &[0.030, 0.036], (100.0, 0.0), true);
        assert!(labels(&tiny, 4).len() >= 3, "{:?}", labels(&tiny, 4));
    }

    #[test]
    fn what_a_logarithm_cannot_show_is_clipped_to_the_edge() {
        let scale = Scale::new(Spacing::Log, Unit::Plain, &[0.0, -1.0, 1e-30, 1.0], (100.0, 0.0), true);
        assert!(scale.low() >= 0.99e-10);
        for value in [0.0, -1.0, 1e-30] {
            assert!(scale.clips(value));
            assert!((scale.position(value).unwrap() - 100.0).abs() < 1e-9);
        }
        assert_eq!(scale.position(f64::NAN), None);
        assert_eq!(scale.position(f64::INFINITY), None);
    }

    #[test]
    fn empty_and_constant_data_have_an_axis() {
        for values in [vec![], vec![f64::NAN], vec![0.0], vec![3.0, 3.0], vec![-2.0], vec![1e300], vec![5e-324]] {
            for spacing in [Spacing::Linear, Spacing::Log] {
                let scale = Scale::new(spacing, Unit::Plain, &values, (0.0, 100.0), false);
                assert!(scale.low < scale.high, "{values:?} {spacing:?}");
                let ticks = scale.ticks(5);
                assert!(ticks.iter().all(|tick| tick.position.is_finite()) && ticks.len() < 20, "{values:?} {ticks:?}");
            }
        }
    }
}
