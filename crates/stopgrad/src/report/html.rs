//! The page, from top to bottom: what and on which data, the verdicts, the probes, loss against quality,
//! figures, how to read it, each run in full.

use std::fmt::Write;

use super::figure::{Figure, Group, slot_class};
use super::quality::{Trend, measure_word};
use super::record::{Column, RunRecord};
use super::{
    Course, Report, SourceSummary, comparable, course, details, gallery, probes, seeds, summary, theory, verdicts,
};
use crate::markup::{escape, grouped, prose};
use crate::page::{self, section};

/// Up to so many runs are listed openly below a finding.
const LISTED_RUNS: usize = 4;

const VERDICT_NOTE: &str = "<p class=\"note\">Accuracies in percent, differences in percentage points, ± two standard \
                            errors of the test part; differences within it are set in gray.</p>\n";

const SEVERAL_SEEDS: &str = "Of several seeds each has a light line, and their mean a strong one: the mean of logarithms \
                             on a logarithmic scale, at steps where all seeds have a value.";

/// The page.
pub(super) fn page(report: &Report) -> String {
    let mut html = page::start(&report.title);
    html.push_str(&header(report));
    section(&mut html, "verdicts", "Verdicts", &(verdicts::table(report) + VERDICT_NOTE));
    if let Some(theory) = theory::section(report) {
        section(&mut html, "theory", "Theory and outcome", &theory);
    }
    section(&mut html, "probes", "Probes", &probes::tables(report));
    if let Some(seeds) = seeds::section(report) {
        section(&mut html, "seeds", "Run against run, seed by seed", &seeds);
    }
    section(&mut html, "loss-against-quality", "Loss against quality", &loss_against_quality(report));
    html.push_str(&figures(report));
    section(&mut html, "reading", "How to read this", &details::glossary());
    section(&mut html, "runs", "Each run in full", &(details::runs(report) + &environment(report)));
    html.push_str(page::END);
    html
}

fn header(report: &Report) -> String {
    let mut html = format!("<header>\n<h1>{}</h1>\n", escape(&report.title));
    for source in report.sources() {
        html.push_str(&source_lines(source));
    }
    let _ = writeln!(
        html,
        "<p class=\"quiet small\"><code>{}</code> · stopgrad {}</p>",
        escape(&report.command_line),
        escape(&report.version)
    );
    let notes: Vec<String> = comparable::notes(report).into_iter().chain(report.left_out.iter().cloned()).collect();
    if !notes.is_empty() {
        html.push_str("<ul class=\"caution\">");
        for note in notes {
            let _ = write!(html, "<li>{}</li>", prose(&note));
        }
        html.push_str("</ul>\n");
    }
    html.push_str("<div class=\"summary\">\n");
    for paragraph in summary::paragraphs(report) {
        let _ = writeln!(html, "<p>{}</p>", escape(&paragraph));
    }
    html.push_str("</div>\n</header>\n");
    html
}

/// A source in a line, what was left out of it, and whom to thank.
fn source_lines(source: &SourceSummary) -> String {
    let shape: Vec<String> = source.shape.iter().map(ToString::to_string).collect();
    let classes = source.classes.map_or_else(|| "no labels".to_string(), |count| format!("{count} classes"));
    let splits: Vec<String> =
        source.splits.iter().map(|(name, count)| format!("{name} {}", grouped(*count as u64))).collect();
    let mut html = format!(
        "<p class=\"data\"><b>{}</b>: {} samples of {}, {classes}; {}.</p>\n",
        escape(&source.name),
        grouped(source.count as u64),
        escape(&shape.join(" × ")),
        escape(&splits.join(", ")),
    );
    if source.skipped > 0 {
        let first = source
            .skipped_first
            .iter()
            .map(|(place, reason)| format!("<li>{}: {}</li>", escape(place), escape(reason)));
        let _ = writeln!(
            html,
            "<details class=\"small\"><summary>{} samples were left out</summary><ul>{}</ul></details>",
            grouped(source.skipped as u64),
            first.collect::<String>()
        );
    }
    if !source.attribution.is_empty() {
        let _ = writeln!(html, "<p class=\"quiet small\">{}</p>", escape(&source.attribution));
    }
    html
}

/// Per run and loss measure, what happened to it while accuracy moved.
fn loss_against_quality(report: &Report) -> String {
    let counts: Vec<usize> = report.runs.iter().filter_map(|run| report.split_count(run, "validation")).collect();
    let (Some(fewest), Some(most)) = (counts.iter().min(), counts.iter().max()) else {
        return "<p class=\"none\">Not measured: the source has no validation part.</p>\n".into();
    };
    let mut html = String::new();
    for measure in [Column::JointObjective, Column::RelativeError] {
        let own = |run| Some((run, course(run, measure, report.split_count(run, "validation")?)?));
        let courses: Vec<_> = report.runs.iter().filter_map(own).collect();
        if !courses.is_empty() {
            html.push_str(&courses_of(report, measure_word(measure), &courses));
        }
    }
    if html.is_empty() {
        return "<p class=\"none\">Not measured: it takes probes at two steps or more, which need labels.</p>\n".into();
    }
    let counts = if fewest == most {
        grouped(*most as u64)
    } else {
        format!("{} to {}", grouped(*fewest as u64), grouped(*most as u64))
    };
    let _ = writeln!(
        html,
        "<p class=\"note\">Between two probe measurements of one run, on {counts} validation samples. Accuracy rises when \
         it gains more than two standard errors; a loss stands still within ± 2 %. Of several such intervals one in \
         which neither Ē nor the relative error fell is shown first, then the longest; where there is none, the whole run. They are looked for after the fact, so a short one is \
         weak evidence.</p>"
    );
    html
}

/// The finding about one loss measure, then the runs one by one, those in which it was found first.
fn courses_of(report: &Report, word: &str, courses: &[(&RunRecord, Course)]) -> String {
    let with = |trend: Trend| -> Vec<&RunRecord> {
        let found = courses.iter().filter(|(_, course)| course.disagreement.is_some_and(|i| i.loss_trend() == trend));
        found.map(|(run, _)| *run).collect()
    };
    let clauses: Vec<String> = [(with(Trend::Rose), "rose"), (with(Trend::Stood), "stood still")]
        .iter()
        .filter(|(runs, _)| !runs.is_empty())
        .map(|(runs, verb)| {
            format!("{verb} in {} of {} runs: {}", runs.len(), courses.len(), summary::gathered(report, runs))
        })
        .collect();
    let finding = if clauses.is_empty() {
        format!(
            "In no run did {word} rise or stand still over an interval in which accuracy rose. What happened instead, \
             from the first probe to the last:"
        )
    } else {
        format!("Over an interval in which accuracy rose, {word} {}.", clauses.join("; it "))
    };
    let mut html = format!("<p class=\"finding\">{}</p>\n", escape(&finding));
    let many = courses.len() > LISTED_RUNS;
    if many {
        html.push_str("<details><summary class=\"quiet\">run by run</summary>\n");
    }
    html.push_str("<ul class=\"courses\">\n");
    let (found, others): (Vec<_>, Vec<_>) = courses.iter().partition(|(_, course)| course.disagreement.is_some());
    for (run, course) in found.into_iter().chain(others) {
        let class = if course.disagreement.is_some() { "found" } else { "quiet" };
        let _ = writeln!(
            html,
            "<li class=\"{class}\"><span class=\"key {}\" aria-hidden=\"true\"></span><b>{}</b>: {}.</li>",
            slot_class(report, &run.name),
            escape(&report.label(run)),
            escape(&course.sentence())
        );
    }
    html.push_str(if many { "</ul>\n</details>\n" } else { "</ul>\n" });
    html
}

fn figures(report: &Report) -> String {
    let (figures, mut html) = (report.figures(), String::new());
    let several = report.runs.len() > report.names().len();
    for group in Group::ALL {
        let own: Vec<&Figure> = figures.iter().filter(|figure| figure.group == group).collect();
        let mut before = gallery::introduction(report, group);
        if several && matches!(group, Group::Objective) {
            let _ = writeln!(before, "<p class=\"note\">{SEVERAL_SEEDS}</p>");
        }
        let told = own.is_empty() && group == Group::Plane && report.runs.iter().any(|run| run.gallery.is_some());
        if !own.is_empty() || told {
            let grid = if group == Group::Plane { "multiples" } else { "grid" };
            page::figures_below(&mut html, group.title(), &before, grid, own.into_iter().map(|figure| &figure.picture));
        }
    }
    html
}

fn environment(report: &Report) -> String {
    let inputs = report.inputs.iter().map(|input| (format!("Input {}", input.path), input.sha256.clone()));
    page::facts(report.environment.iter().cloned().chain(inputs))
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;
    use crate::plot::testing::{assert_balanced, assert_self_contained};

    #[test]
    fn the_page_needs_no_network_and_no_script() {
        assert_self_contained(&page(&fixture::report(1)));
    }

    #[test]
    fn tags_are_balanced() {
        for seeds in [1, 3] {
            assert_balanced(&page(&fixture::report(seeds)));
        }
    }

    #[test]
    fn the_verdicts_come_before_every_figure() {
        let html = page(&fixture::report(1));
        assert!(html.find("class=\"verdicts\"").unwrap() < html.find("<svg").unwrap());
    }

    #[test]
    fn hostile_words_are_text_wherever_they_come_from() {
        let hostile = "<script>alert('x')</script>\"&";
        let mut report = fixture::report(1);
        report.title = hostile.into();
        report.command_line = hostile.into();
        report.source.name = hostile.into();
        report.source.attribution = hostile.into();
        report.source.skipped = 1;
        report.source.skipped_first = vec![(hostile.into(), hostile.into())];
        report.environment.push((hostile.into(), hostile.into()));
        report.inputs[0].path = hostile.into();
        report.runs[0].name = hostile.into();
        report.runs[0].config.source.path = hostile.into();
        report.runs[0].verdict.stable.why = hostile.into();
        report.runs[0].verdict.stable.answer = hostile.into();
        report.runs[0].verdict.minimises.evidence.insert(hostile.into(), hostile.into());
        report.runs[0].probes[0].place = hostile.into();
        report.runs[0].probes[0].kind = hostile.into();
        let html = page(&report);
        assert!(!html.contains("<script") && !html.contains("alert('x')"));
    }

    #[test]
    fn loss_against_quality_says_what_was_found_and_what_happened_instead() {
        let html = loss_against_quality(&fixture::report(1));
        assert!(html.contains("Ē rose in 2 of 3 runs: sg and ema."), "{html}");
        let mut report = fixture::report(1);
        report.runs.truncate(1);
        assert!(loss_against_quality(&report).contains("In no run did Ē rise or stand still"));
        report.source.splits.clear();
        assert!(loss_against_quality(&report).contains("Not measured"));
    }

    #[test]
    fn a_report_without_runs_is_a_page() {
        let mut report = fixture::report(1);
        report.runs.clear();
        assert!(page(&report).contains("</html>"));
    }
}
