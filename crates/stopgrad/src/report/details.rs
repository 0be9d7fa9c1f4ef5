//! What stands at the end of the page: how to read it, and each run in full.

use std::fmt::Write;

use super::Report;
use super::record::RunRecord;
use super::verdicts::QUESTIONS;
use super::waiting::waited;
use crate::markup::{escape, grouped, number, prose};
use crate::page::flatten;

/// Words of the page that not everybody knows.
const GLOSSARY: [(&str, &str); 13] = [
    (
        "Ē",
        "The original objective: the mean loss between the prediction from one view and the embedding of the other, \
         plus the regularizer Ω. Its global minimum is collapse.",
    ),
    (
        "F̄",
        "The proxy: the same, with the other view embedded by the teacher. What sg and ema differentiate, with the \
         teacher held fixed.",
    ),
    (
        "joint, sg, ema",
        "Three ways to move the same parameters: down the gradient of Ē through both branches; with nothing flowing \
         into the target branch; the same with a teacher that is a moving average of the student.",
    ),
    (
        "relative error",
        "Mean squared error of the prediction over the variance of what is predicted. Ē becomes small when the \
         embedding does; this does not. 1 is no better than predicting the mean.",
    ),
    (
        "minimises",
        "From the end, some steps of joint descent are tried. If Ē still falls clearly, the run was not at a minimum \
         of Ē.",
    ),
    (
        "converges",
        "Whether the steps, freed of the learning rate, go to zero (yes), to the level of the gradient's own noise \
         (noise ball), or neither (drifting).",
    ),
    (
        "collapses",
        "Whether embeddings lose what tells samples apart: all of it (complete), some directions (dimensional), all \
         but a few groups (cluster), or all but the place in the image (positional).",
    ),
    ("conservative", "Whether the field is the gradient of anything at all."),
    (
        "effective rank",
        "Exponential of the entropy of the normalized covariance eigenvalues: the number of directions in use, \
         between 1 and the width.",
    ),
    (
        "principal components",
        "The directions along which a cloud of points varies most, one at right angles to the other. A picture of two \
         of them shows what is far apart; what looks close may be apart in the others.",
    ),
    ("spectrum", "Covariance eigenvalues of the embedding, largest first."),
    (
        "kNN, linear probe",
        "Accuracy of a weighted nearest-neighbor vote, or of a linear classifier, on features of the frozen encoder. \
         Labels are used here and nowhere else.",
    ),
    (
        "± and sampling error",
        "Two standard errors for the number of samples tested. Differences take both sides as independent, which is \
         cautious: they saw the same samples. It does not cover the choice of seed: that is what intervals over \
         several seeds are for, and differences seed by seed.",
    ),
];

/// The glossary as a list of definitions.
pub(super) fn glossary() -> String {
    let mut html = String::from("<dl class=\"glossary\">\n");
    for (term, meaning) in GLOSSARY {
        let _ = writeln!(html, "<div><dt>{}</dt><dd>{}</dd></div>", escape(term), escape(meaning));
    }
    html.push_str("</dl>\n");
    html
}

/// One fold a run: identity, evidence, configuration.
pub(super) fn runs(report: &Report) -> String {
    report.runs.iter().map(|run| fold(report, run)).collect()
}

fn fold(report: &Report, run: &RunRecord) -> String {
    let mut html = format!(
        "<details class=\"run\"><summary><b>{}</b> <span class=\"quiet\">field {}, seed {}, {} \
         steps</span></summary>\n",
        escape(&report.label(run)),
        run.config.field.kind.name(),
        run.config.training.seed,
        grouped(run.steps),
    );
    let _ = writeln!(
        html,
        "<dl class=\"facts\"><div><dt>Initial weights</dt><dd><code>{}</code></dd></div><div><dt>Data \
         order</dt><dd><code>{}</code></dd></div><div><dt>Parameters moved by</dt><dd>{} of their initial \
         norm</dd></div><div><dt>Waited for data</dt><dd>{}</dd></div></dl>",
        escape(&run.initial_weights_sha256),
        escape(&run.data_order_sha256),
        run.relative_displacement.map_or_else(|| "–".to_owned(), number),
        waited([run]).map_or_else(|| "–".to_owned(), |text| prose(&text)),
    );
    html.push_str("<div class=\"evidence\">\n");
    for (question, pick) in QUESTIONS {
        let finding = pick(&run.verdict);
        let mut rows = Vec::new();
        for (key, value) in finding.evidence.iter().chain(&finding.beside) {
            flatten(key, value, &mut rows);
        }
        if rows.is_empty() {
            continue;
        }
        let _ = write!(html, "<table><caption>{question}: <b>{}</b></caption><tbody>", escape(&finding.answer));
        for (key, value) in rows {
            let _ =
                write!(html, "<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td></tr>", escape(&key), escape(&value));
        }
        html.push_str("</tbody></table>\n");
    }
    html.push_str("</div>\n<details class=\"config\"><summary>configuration</summary><pre>");
    html.push_str(&escape(&configuration(run)));
    html.push_str("</pre></details>\n</details>\n");
    html
}

/// The resolved configuration, as it stands in the run folder.
fn configuration(run: &RunRecord) -> String {
    toml::to_string_pretty(&run.config)
        .unwrap_or_else(|reason| format!("this configuration cannot be written as TOML: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    #[test]
    fn each_run_shows_hashes_evidence_and_configuration() {
        let report = fixture::report(1);
        let html = runs(&report);
        assert_eq!(html.matches("<details class=\"run\">").count(), 3);
        assert!(html.contains(&report.runs[0].initial_weights_sha256));
        assert!(html.contains("[optimizer]") && html.contains("learning_rate = "));
        assert!(html.contains("<caption>Collapses: <b>complete</b></caption>"));
    }

    #[test]
    fn the_configuration_reads_back() {
        let report = fixture::report(1);
        for run in &report.runs {
            let read: stopgrad_train::config::Config = toml::from_str(&configuration(run)).unwrap();
            assert_eq!(read, run.config);
        }
    }
}
