//! Lists of values for one option of `sweep`.

use std::collections::BTreeSet;

/// Values of one option at most.
const MOST: usize = 100_000;

/// Different finite numbers, in the order in which they were typed.
#[derive(Debug, Clone, PartialEq)]
pub struct Numbers(pub Vec<f64>);

/// Different whole numbers from 0, in the order in which they were typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wholes(pub Vec<u64>);

/// Read `0.1,0.2` and `1e-3:1e-1:5` (five numbers of equal ratios, both ends among them), also mixed.
pub(super) fn numbers(text: &str) -> Result<Numbers, String> {
    let mut values = Vec::new();
    for item in text.split(',') {
        match item.split(':').map(str::trim).collect::<Vec<_>>()[..] {
            [number] => values.push(super::value::finite(number)?),
            [from, to, count] => values.extend(geometric(from, to, count)?),
            _ => return Err("expected numbers, as in 1e-3,1e-2, or FROM:TO:COUNT, as in 1e-3:1e-1:5".into()),
        }
        check_length(values.len())?;
    }
    let bits: BTreeSet<u64> = values.iter().map(|value: &f64| value.to_bits()).collect();
    if bits.len() == values.len() { Ok(Numbers(values)) } else { Err("a number stands there twice".into()) }
}

/// The same, all above 0.
pub(super) fn positive_numbers(text: &str) -> Result<Numbers, String> {
    let list = numbers(text)?;
    if list.0.iter().all(|value| *value > 0.0) { Ok(list) } else { Err("expected numbers above 0".into()) }
}

/// Read `4,8,16` and `0..9` (both ends among them), also mixed.
pub(super) fn wholes(text: &str) -> Result<Wholes, String> {
    let whole = |text: &str| {
        let number = text.trim().parse::<i64>().ok().and_then(|number| u64::try_from(number).ok());
        number.ok_or_else(|| "expected whole numbers from 0, as in 4,8,16, or FROM..TO, as in 0..9".to_owned())
    };
    let mut values = Vec::new();
    for item in text.split(',') {
        match item.split_once("..") {
            None => values.push(whole(item)?),
            Some((from, to)) => {
                let (from, to) = (whole(from)?, whole(to)?);
                if from > to {
                    return Err(format!("{from}..{to} goes down; write {to}..{from}"));
                }
                check_length(usize::try_from(to - from).unwrap_or(usize::MAX).saturating_add(values.len() + 1))?;
                values.extend(from..=to);
            }
        }
        check_length(values.len())?;
    }
    let different: BTreeSet<&u64> = values.iter().collect();
    if different.len() == values.len() { Ok(Wholes(values)) } else { Err("a number stands there twice".into()) }
}

/// The same, as sizes.
pub(super) fn sizes(text: &str) -> Result<Wholes, String> {
    let list = wholes(text)?;
    let fits = |value: &u64| u32::try_from(*value).is_ok();
    if list.0.iter().all(fits) { Ok(list) } else { Err(format!("expected numbers up to {}", u32::MAX)) }
}

fn check_length(length: usize) -> Result<(), String> {
    if length <= MOST { Ok(()) } else { Err(format!("{length} values; a list has at most {MOST}")) }
}

/// The ends are the numbers typed, to the bit; what is between is from · (to/from)^(k / (count − 1)).
fn geometric(from: &str, to: &str, count: &str) -> Result<Vec<f64>, String> {
    let (from, to) = (super::value::positive(from)?, super::value::positive(to)?);
    let count = count.parse::<usize>().ok().filter(|count| *count >= 2);
    let count = count.ok_or("expected FROM:TO:COUNT with a count from 2 up, as in 1e-3:1e-1:5")?;
    check_length(count)?;
    let last = count - 1;
    let value = |place: usize| match place {
        0 => from,
        place if place == last => to,
        place => from * (to / from).powf(place as f64 / last as f64),
    };
    Ok((0..count).map(value).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_listed_or_span_a_geometric_grid() {
        assert_eq!(numbers("0.1, 2e-2,-3"), Ok(Numbers(vec![0.1, 0.02, -3.0])));
        let Numbers(grid) = numbers("1e-4:1e-1:7,0.5").expect("reads");
        assert_eq!((grid.len(), grid[0], grid[6], grid[7]), (8, 1e-4, 1e-1, 0.5));
        assert!(grid[..7].windows(2).all(|pair| (pair[1] / pair[0] - 10_f64.sqrt()).abs() < 1e-12), "{grid:?}");
        assert_eq!(numbers("1:0.25:3"), Ok(Numbers(vec![1.0, 0.5, 0.25])), "downwards too");
        for wrong in ["", "1,", "nan", "1:2", "1:2:1", "0:1:5", "1:2:3:4", "1,1", "1:1:3", "1:2:200000", "1..3"] {
            assert!(numbers(wrong).is_err(), "{wrong}");
        }
        assert!(positive_numbers("0,1").is_err() && positive_numbers("0.5,1").is_ok());
    }

    #[test]
    fn whole_numbers_are_listed_or_span_a_range_with_both_ends() {
        assert_eq!(wholes("4, 8,16"), Ok(Wholes(vec![4, 8, 16])));
        assert_eq!(wholes("7,0..3"), Ok(Wholes(vec![7, 0, 1, 2, 3])));
        assert_eq!(wholes("5..5"), Ok(Wholes(vec![5])));
        for wrong in ["", "1.5", "-1", "3..1", "1..", "..3", "1..3,2", "0..9223372036854775807", "1:2:3"] {
            assert!(wholes(wrong).is_err(), "{wrong}");
        }
        assert!(sizes("4294967296").is_err() && sizes("0..2").is_ok());
    }
}
