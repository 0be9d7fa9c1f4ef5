//! The nearest known key to one that is not known.

/// The known key that a mistyped one most likely meant, if any is near enough to be worth naming.
///
/// Near is a small edit distance of the whole keys, or of their last parts alone: a right key in the
/// wrong table costs one edit.
pub fn nearest<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let allowed = (last(unknown).chars().count() / 2).max(2);
    known
        .into_iter()
        .map(|key| (distance(unknown, key).min(distance(&last(unknown), &last(key)) + 1), key))
        .filter(|(edits, _)| *edits <= allowed)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, key)| key)
}

/// Insertions, deletions, substitutions and swaps of neighbours between two words (optimal string alignment).
///
/// # Cost
/// O(|a| |b|)
/// # Source
/// Damerau 1964; Levenshtein 1966
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut rows = vec![vec![0; to.len() + 1]; from.len() + 1];
    for i in 0..=from.len() {
        for j in 0..=to.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let changed = usize::from(from[i - 1] != to[j - 1]);
                let best = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + changed);
                let swapped = i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
                if swapped { best.min(rows[i - 2][j - 2] + 1) } else { best }
            };
        }
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 5] =
        ["optimizer", "optimizer.learning_rate", "optimizer.momentum", "training.steps", "field.kind"];

    #[test]
    fn a_slip_of_the_finger_is_found() {
        assert_eq!(nearest("optimizer.learning_rte", KNOWN), Some("optimizer.learning_rate"));
        assert_eq!(nearest("optimzier.momentum", KNOWN), Some("optimizer.momentum"));
        assert_eq!(nearest("optimiser", KNOWN), Some("optimizer"));
    }

    #[test]
    fn a_key_in_the_wrong_table_is_found() {
        assert_eq!(nearest("optimizer.steps", KNOWN), Some("training.steps"));
        assert_eq!(nearest("learning_rate", KNOWN), Some("optimizer.learning_rate"));
    }

    #[test]
    fn nothing_near_is_nothing() {
        assert_eq!(nearest("colour", KNOWN), None);
    }

    #[test]
    fn distances_count_edits() {
        for (from, to, edits) in
            [("", "", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("ab", "ba", 1), ("λψ", "ψλ", 1)]
        {
            assert_eq!(distance(from, to), edits, "{from} {to}");
        }
    }
}
