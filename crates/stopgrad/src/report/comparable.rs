//! What of several runs can be compared, and what cannot: sentences for the head of the page.
//!
//! Nothing is refused: a reader may want runs of other data side by side, and has to know that they are.

use super::record::RunRecord;
use super::{Report, SourceSummary};
use crate::markup::{grouped, listed};

/// One sentence a way in which the runs differ that a reader of numbers has to know; none for runs that are alike.
pub(super) fn notes(report: &Report) -> Vec<String> {
    let (first, rest) = match report.runs.split_first() {
        Some((first, rest)) if !rest.is_empty() => (first, rest),
        _ => return Vec::new(),
    };
    let all_share = |same: &dyn Fn(&RunRecord, &RunRecord) -> bool| rest.iter().all(|run| same(first, run));
    let mut notes = Vec::new();
    let data = |a: &RunRecord, b: &RunRecord| same_data(report, a, b);
    let parts = |a: &RunRecord, b: &RunRecord| a.config.split == b.config.split;
    if !all_share(&data) {
        notes.push(format!(
            "Not all runs saw the same data: {}. Accuracies are of different test parts, and losses of different samples: \
             compare them within a source.",
            gathered(report, data, |run| source_in_words(report, run))
        ));
    } else if !all_share(&parts) {
        notes.push(format!(
            "The data are split in different ways: {}. Accuracies are of different test parts, and what one run was tested \
             on another may have been trained on.",
            gathered(report, parts, |run| format!("split.seed = {}", run.config.split.seed))
        ));
    }
    let views = |a: &RunRecord, b: &RunRecord| a.config.views == b.config.views;
    if all_share(&data) && !all_share(&views) {
        notes.push(format!(
            "The views differ: {}. Ē and the relative error are taken on views, and can be compared only where those are \
             alike; accuracies are of samples as they are.",
            gathered(report, views, |run| run.config.views.preset.clone())
        ));
    }
    let steps = |a: &RunRecord, b: &RunRecord| a.config.training.steps == b.config.training.steps;
    if !all_share(&steps) {
        let words = |run: &RunRecord| format!("{} steps", grouped(run.config.training.steps));
        notes.push(format!("The last step is another: {}.", gathered(report, steps, words)));
    }
    notes
}

/// Whether two runs have the same source, by what is known of it and by the bytes that were read.
fn same_data(report: &Report, a: &RunRecord, b: &RunRecord) -> bool {
    let bytes = |run| -> Vec<&str> { report.inputs_of(run).iter().map(|input| input.sha256.as_str()).collect() };
    let alike = |a: &SourceSummary, b: &SourceSummary| (&a.name, a.count, &a.shape) == (&b.name, b.count, &b.shape);
    // A comparison lists the inputs of all its runs, and each run may read its own.
    let paths = a.config.source == b.config.source || report.origin_of(a).is_some() || report.origin_of(b).is_some();
    paths && alike(report.source_of(a), report.source_of(b)) && bytes(a) == bytes(b)
}

fn source_in_words(report: &Report, run: &RunRecord) -> String {
    let source = report.source_of(run);
    let hash = report
        .inputs_of(run)
        .first()
        .map_or_else(String::new, |input| format!(", sha256 {}…", input.sha256.chars().take(8).collect::<String>()));
    format!("{} ({} samples{hash})", source.name, grouped(source.count as u64))
}

/// `joint and sg: A; ema: B`, the runs with one thing together.
fn gathered(
    report: &Report, same: impl Fn(&RunRecord, &RunRecord) -> bool, words: impl Fn(&RunRecord) -> String,
) -> String {
    let mut groups: Vec<(&RunRecord, Vec<String>)> = Vec::new();
    for run in &report.runs {
        let name = run.name.clone();
        match groups.iter_mut().find(|(known, _)| same(known, run)) {
            Some((_, names)) if names.contains(&name) => {}
            Some((_, names)) => names.push(name),
            None => groups.push((run, vec![name])),
        }
    }
    let groups: Vec<String> = groups.iter().map(|(run, names)| format!("{}: {}", listed(names), words(run))).collect();
    groups.join("; ")
}

#[cfg(test)]
mod tests {
    use super::super::{Input, Origin, fixture};
    use super::*;

    #[test]
    fn runs_that_are_alike_need_no_note() {
        assert_eq!(notes(&fixture::report(3)), Vec::<String>::new());
        let mut alone = fixture::report(1);
        alone.runs.truncate(1);
        assert_eq!(notes(&alone), Vec::<String>::new());
    }

    #[test]
    fn other_data_parts_views_and_steps_are_told_with_the_runs() {
        let mut report = fixture::report(1);
        report.runs[1].config.split.seed = 7;
        report.runs[2].config.training.steps = 99;
        let found = notes(&report);
        assert!(found[0].contains("joint and ema: split.seed = 0; sg: split.seed = 7"), "{found:?}");
        assert!(found[1].contains("ema: 99 steps") && found.len() == 2, "{found:?}");
        report.runs[0].config.views.preset = "noise".into();
        assert!(notes(&report)[1].starts_with("The views differ: joint: noise; sg and ema: "), "{:?}", notes(&report));
    }

    #[test]
    fn a_file_of_other_bytes_is_other_data() {
        let mut report = fixture::report(1);
        let origin = |sha256: &str| Origin {
            name: "sg".into(),
            seed: 0,
            source: report.source.clone(),
            inputs: vec![Input { path: "digits (embedded)".into(), sha256: sha256.repeat(32) }],
        };
        let (same, other) = (origin("7d"), origin("00"));
        report.origins = vec![same];
        assert_eq!(notes(&report), Vec::<String>::new());
        report.origins = vec![other];
        let found = notes(&report);
        assert!(found[0].contains("sg: UCI digits (1797 samples, sha256 00000000…)"), "{found:?}");
    }
}
