//! The form of single values.

use std::time::Duration;

/// TOML integers are i64: a seed must fit.
pub(super) fn seed_range() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(0..=i64::MAX as u64)
}

pub(super) fn finite(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => Err("expected a finite number, as in 0.05 or 1e-3".into()),
    }
}

pub(super) fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok(value),
        _ => Err("expected a number above 0, as in 0.5".into()),
    }
}

/// Read `90s`, `10m`, `2h`, `1.5h`; a bare number is seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let trimmed = text.trim();
    let (number, seconds_per_unit) = match trimmed.as_bytes().last() {
        Some(b's') => (&trimmed[..trimmed.len() - 1], 1.0),
        Some(b'm') => (&trimmed[..trimmed.len() - 1], 60.0),
        Some(b'h') => (&trimmed[..trimmed.len() - 1], 3600.0),
        _ => (trimmed, 1.0),
    };
    let seconds = number.trim().parse::<f64>().ok().map(|value| value * seconds_per_unit);
    seconds
        .filter(|seconds| *seconds > 0.0)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "expected a time, as in 90s, 10m or 2h".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_unit() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("10m"), Ok(Duration::from_mins(10)));
        assert_eq!(duration("1.5h"), Ok(Duration::from_mins(90)));
        assert_eq!(duration("7"), Ok(Duration::from_secs(7)));
        for wrong in ["", "m", "-3s", "0s", "nan", "1e300h", "ten", "5µ"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
