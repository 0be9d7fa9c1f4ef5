//! How long training stood still for want of data, in words.

use super::record::RunRecord;

/// The seconds in which the loops of these runs waited for a batch, of all seconds of their training, and the share; `None`
/// where no run says it, as of earlier versions.
pub(crate) fn waited<'a>(runs: impl IntoIterator<Item = &'a RunRecord>) -> Option<String> {
    let told = runs.into_iter().filter_map(RunRecord::waited);
    let (waited, all) = told.fold((0.0, 0.0), |(waited, all), run| (waited + run.0, all + run.1));
    (all > 0.0).then(|| format!("{waited:.2} s of {all:.1} s ({:.1} %)", 100.0 * waited / all))
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::super::record::Column;
    use super::*;

    #[test]
    fn runs_are_summed_and_runs_that_do_not_say_are_left_out() {
        let mut runs = fixture::report(1).runs;
        assert_eq!(waited(&runs), None);
        for (run, (wait, all)) in runs.iter_mut().zip([(0.5, 10.0), (0.25, 20.0)]) {
            let last = run.metrics.last_mut().unwrap();
            last.set(Column::Seconds, all);
            last.set(Column::WaitedSeconds, wait);
        }
        assert_eq!(waited(&runs).unwrap(), "0.75 s of 30.0 s (2.5 %)");
    }
}
