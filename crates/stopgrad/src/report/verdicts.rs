//! The verdict table: one row a run, five questions, and the probe against its baselines.

use std::fmt::Write;

use super::Report;
use super::figure::slot_class;
use super::probes::{baseline, final_knn, sampling_error};
use super::record::RunRecord;
use super::verdict::{Finding, Verdict};
use crate::markup::{escape, percent, points, prose};

/// Up to so many runs the reasons stand open below the answers.
const OPEN_RUNS: usize = 4;

/// A question in words, and where its answer stands in a verdict.
pub(super) type Question = (&'static str, fn(&Verdict) -> &Finding);

/// The five questions in the order of the table.
pub(super) const QUESTIONS: [Question; 5] = [
    ("Minimises Ē", |verdict| &verdict.minimises),
    ("Converges", |verdict| &verdict.converges),
    ("Collapses", |verdict| &verdict.collapses),
    ("Conservative", |verdict| &verdict.conservative),
    ("Stable", |verdict| &verdict.stable),
];

/// The table.
pub(super) fn table(report: &Report) -> String {
    let mut html =
        String::from("<div class=\"wide\"><table class=\"verdicts\">\n<thead>\n<tr><th scope=\"col\">Run</th>");
    for (question, _) in QUESTIONS {
        let _ = write!(html, "<th scope=\"col\">{question}</th>");
    }
    html.push_str(
        "<th scope=\"col\" class=\"n\">kNN, test</th><th scope=\"col\" class=\"n\">vs untrained</th><th scope=\"col\" \
         class=\"n\">vs raw input</th></tr>\n</thead>\n",
    );
    for run in &report.runs {
        html.push_str(&body(report, run));
    }
    html.push_str("</table></div>\n");
    for (question, pick) in QUESTIONS.iter().filter(|(_, pick)| shared(report, *pick)) {
        let finding = report.runs.first().map(|run| pick(&run.verdict));
        let (answer, why) = finding.map_or(("", ""), |finding| (&finding.answer, &finding.why));
        let _ =
            writeln!(html, "<p class=\"note\"><b>{question}: {}</b>, for all runs. {}</p>", escape(answer), prose(why));
    }
    html
}

/// Whether all of several runs have one answer for one reason, which is then given once.
fn shared(report: &Report, pick: fn(&Verdict) -> &Finding) -> bool {
    report.runs.len() > 1
        && report.runs.windows(2).all(|pair| {
            let (a, b) = (pick(&pair[0].verdict), pick(&pair[1].verdict));
            a.answer == b.answer && a.why == b.why
        })
}

/// Two rows of one run: answers, then reasons.
fn body(report: &Report, run: &RunRecord) -> String {
    let field = run.config.field.kind.name();
    let field = if run.name == field { String::new() } else { format!(" <span class=\"quiet\">{field}</span>") };
    let (name, key) = (escape(&report.label(run)), slot_class(report, &run.name));
    let mut html = format!(
        "<tbody>\n<tr><th scope=\"row\" title=\"{name}\"><span class=\"key {key}\" aria-hidden=\"true\"></span>\
         {name}{field}<br>&#160;</th>"
    );
    for (question, pick) in QUESTIONS {
        let answer = &pick(&run.verdict).answer;
        let _ = write!(html, "<td><span class=\"{}\">{}</span></td>", answer_class(question, answer), escape(answer));
    }
    html.push_str(&accuracy_cells(report, run));
    let open = if report.runs.len() <= OPEN_RUNS { " open" } else { "" };
    let _ = write!(html, "</tr>\n<tr class=\"why\"><td colspan=\"9\"><details{open}><summary>why</summary><dl>");
    for (question, pick) in QUESTIONS.iter().filter(|(_, pick)| !shared(report, *pick)) {
        let finding = pick(&run.verdict);
        let (answer, why) = (escape(&finding.answer), prose(&finding.why));
        let _ = write!(html, "<div><dt>{question}: {answer}.</dt> <dd>{why}</dd></div>");
    }
    html.push_str("</dl></details></td></tr>\n</tbody>\n");
    html
}

/// Test accuracy at the last step, and its distance to the untrained encoder and to the raw input.
fn accuracy_cells(report: &Report, run: &RunRecord) -> String {
    let Some(accuracy) = final_knn(&run.probes) else {
        return "<td class=\"n quiet\">–</td>".repeat(3);
    };
    let count = report.split_count(run, "test");
    let mut html = format!(
        "<td class=\"n\"><b>{}</b>{}</td>",
        percent(accuracy),
        margin(count.map(|n| sampling_error(accuracy, n)))
    );
    for probes in [&run.baselines.untrained, &run.baselines.raw] {
        let Some(other) = baseline(probes, "knn", "test") else {
            html.push_str("<td class=\"n quiet\">–</td>");
            continue;
        };
        let error = count.map(|n| sampling_error(accuracy, n).hypot(sampling_error(other, n)));
        let clear = error.is_none_or(|error| (accuracy - other).abs() > error);
        let class = if clear { "n" } else { "n within" };
        let _ = write!(html, "<td class=\"{class}\">{}{}</td>", points(accuracy - other), margin(error));
    }
    html
}

fn margin(error: Option<f64>) -> String {
    error.map_or_else(String::new, |error| format!("<br><span class=\"quiet\">± {:.1}</span>", error * 100.0))
}

/// How an answer is set: what should worry is marked, what is not known is set back.
fn answer_class(question: &str, answer: &str) -> &'static str {
    match (question, answer) {
        (_, "undecided" | "not run" | "not measured") => "open",
        ("Collapses", "no") => "answer",
        ("Collapses", _) | ("Converges", "diverged") => "answer alarm",
        _ => "answer",
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    #[test]
    fn each_run_has_five_answers_and_what_all_share_is_said_once() {
        let report = fixture::report(1);
        let html = table(&report);
        assert_eq!(html.matches("<tbody>").count(), 3);
        assert_eq!(html.matches("<dt>").count(), 9);
        assert_eq!(html.matches("not run</b>, for all runs.").count(), 2);
        for run in &report.runs {
            assert!(html.contains(&prose(&run.verdict.minimises.why)));
        }
    }

    #[test]
    fn reasons_fold_away_when_there_are_many_runs() {
        assert!(table(&fixture::report(1)).contains("<details open>"));
        assert!(!table(&fixture::report(3)).contains("<details open>"));
    }

    #[test]
    fn collapse_is_marked_and_the_unknown_is_set_back() {
        assert_eq!(answer_class("Collapses", "complete"), "answer alarm");
        assert_eq!(answer_class("Collapses", "no"), "answer");
        assert_eq!(answer_class("Stable", "not run"), "open");
        assert_eq!(answer_class("Minimises Ē", "no"), "answer");
    }

    #[test]
    fn missing_probes_leave_three_dashes() {
        let mut report = fixture::report(1);
        report.runs.truncate(1);
        report.runs[0].probes.clear();
        assert_eq!(table(&report).matches("quiet\">–</td>").count(), 3);
    }
}
