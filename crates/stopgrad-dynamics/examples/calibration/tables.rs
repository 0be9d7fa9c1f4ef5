//! Confusion tables, and where the thresholds lie.

use std::collections::BTreeMap;

use stopgrad_dynamics::Finding;
use stopgrad_dynamics::collapse::{CLUSTER_GAP, CONSTANT_SHARE, HALF, POSITIONAL_SHARE, Spread};
use stopgrad_dynamics::statistics::wilson95;

use super::cases::Case;

/// What was answered of one case.
pub(crate) struct Answer {
    pub case: Case,
    pub truth: &'static str,
    pub reference: bool,
    pub decidable: bool,
    pub told: String,
    pub end: Spread,
    pub finding: Finding,
}

/// A statistic that a threshold divides: of those that should lie below and of those that should not.
struct Divided {
    name: &'static str,
    threshold: f64,
    of: fn(&Answer) -> Option<f64>,
    below: fn(&Answer) -> bool,
    reference: bool,
}

const TRUTHS: [&str; 7] = ["no", "complete", "dimensional", "cluster", "positional", "teacher-only", "predictor-only"];

pub(crate) fn print(answers: &[Answer], from: u64, to: u64) {
    println!("seeds {from} to {}: {} answers", to - 1, answers.len());
    for reference in [false, true] {
        let chosen: Vec<&Answer> = answers.iter().filter(|a| a.reference == reference && a.decidable).collect();
        println!("\n{}, decidable cases\n", if reference { "With a reference" } else { "Without a reference" });
        confusion(&chosen);
        println!();
        rates(&chosen);
    }
    let open: Vec<&Answer> = answers.iter().filter(|a| !a.decidable).collect();
    println!("\nCases that so many samples, or no reference, cannot decide\n");
    confusion(&open);
    failures(answers);
    if to <= 100 {
        margins(answers);
    }
}

/// The largest value of what should lie below each threshold, and the least of what should not.
fn margins(answers: &[Answer]) {
    println!("\n| statistic | largest of the collapsed | threshold | least of the others |\n|---|---|---|---|");
    for Divided { name, threshold, of, below, reference } in divided() {
        let chosen = |side: bool| {
            answers
                .iter()
                .filter(move |a| a.decidable && a.reference == reference && !a.truth.ends_with("only"))
                .filter(move |a| below(a) == side)
                .filter_map(of)
        };
        let (largest, least) = (chosen(true).fold(0.0, f64::max), chosen(false).fold(f64::INFINITY, f64::min));
        println!("| {name} | {largest:.2e} | {threshold:.0e} | {least:.2e} |");
    }
}

fn divided() -> [Divided; 5] {
    [
        Divided {
            name: "complete: variance over second moment",
            threshold: CONSTANT_SHARE,
            of: |a| (a.end.positions == 1).then(|| a.end.summary.variance_share()),
            below: |a| a.truth == "complete",
            reference: false,
        },
        Divided {
            name: "positional: share of the variance across samples",
            threshold: POSITIONAL_SHARE,
            of: |a| {
                let across = a.end.summary.total_variance;
                (a.end.positions > 1).then(|| across / (across + a.end.position_variance))
            },
            below: |a| a.truth == "positional",
            reference: false,
        },
        Divided {
            name: "cluster: least ratio of two radii",
            threshold: CLUSTER_GAP,
            of: |a| matches!(a.truth, "cluster" | "no").then_some(a.end.clusters.radius_ratio),
            below: |a| a.truth == "cluster",
            reference: false,
        },
        Divided {
            name: "dimensional: live directions over those of the reference",
            threshold: HALF,
            of: |a| {
                let evidence = &a.finding.beside["where"]["encoder"]["evidence"];
                let before = evidence["alive_untrained"].as_f64()?;
                matches!(a.truth, "dimensional" | "no").then_some(evidence["alive"].as_f64()? / before)
            },
            below: |a| a.truth == "dimensional",
            reference: true,
        },
        Divided {
            name: "dimensional, without a reference: live directions over all",
            threshold: HALF,
            of: |a| {
                let evidence = &a.finding.beside["where"]["encoder"]["evidence"];
                matches!(a.truth, "dimensional" | "no")
                    .then_some(evidence["alive"].as_f64()? / evidence["dimensions"].as_f64()?)
            },
            below: |a| a.truth == "dimensional",
            reference: false,
        },
    ]
}

fn confusion(answers: &[&Answer]) {
    let mut columns: Vec<&str> = TRUTHS.to_vec();
    columns.push("undecided");
    println!("| made as | cases | {} |", columns.join(" | "));
    println!("|---|---|{}", "---|".repeat(columns.len()));
    for truth in TRUTHS {
        let of: Vec<&&Answer> = answers.iter().filter(|a| a.truth == truth).collect();
        if of.is_empty() {
            continue;
        }
        let counts: Vec<String> =
            columns.iter().map(|c| of.iter().filter(|a| a.told == *c).count().to_string()).collect();
        println!("| {truth} | {} | {} |", of.len(), counts.join(" | "));
    }
}

/// Wrong and undecided by verdict, and by shape.
fn rates(answers: &[&Answer]) {
    println!("| | cases | wrong, % (95 %) | undecided, % (95 %) |\n|---|---|---|---|");
    let line = |name: &str, of: &[&&Answer]| {
        let count = |f: &dyn Fn(&Answer) -> bool| of.iter().filter(|a| f(a)).count() as u64;
        let total = of.len() as u64;
        let told = |count| {
            let share = wilson95(count, total);
            format!("{:.2} ({:.2}–{:.2})", 100.0 * share.estimate, 100.0 * share.low, 100.0 * share.high)
        };
        let wrong = count(&|a| a.told != a.truth && a.told != "undecided");
        println!("| {name} | {total} | {} | {} |", told(wrong), told(count(&|a| a.told == "undecided")));
    };
    for truth in TRUTHS {
        line(truth, &answers.iter().filter(|a| a.truth == truth).collect::<Vec<_>>());
    }
    let mut shapes: Vec<(usize, usize)> = answers.iter().map(|a| (a.case.d, a.case.rows)).collect();
    shapes.sort_unstable();
    shapes.dedup();
    for (d, rows) in shapes {
        let of: Vec<&&Answer> = answers.iter().filter(|a| (a.case.d, a.case.rows) == (d, rows)).collect();
        line(&format!("d = {d}, {rows} rows"), &of);
    }
    line("all", &answers.iter().collect::<Vec<_>>());
}

/// The cells that were not always right.
fn failures(answers: &[Answer]) {
    let mut cells: BTreeMap<_, (usize, BTreeMap<&str, usize>)> = BTreeMap::new();
    for a in answers.iter().filter(|a| a.decidable) {
        let Case { family, severity, noisy, d, rows, .. } = a.case;
        let cell = cells.entry((a.truth, family, severity, noisy, d, rows, a.reference)).or_default();
        cell.0 += 1;
        if a.told != a.truth {
            *cell.1.entry(&a.told).or_default() += 1;
        }
    }
    println!("\nDecidable cells with an answer that is not the truth\n");
    println!(
        "| made as | family | severity | noisy | d | rows | reference | cases | answers |\n|---|---|---|---|---|---|---|---|---|"
    );
    for ((truth, family, severity, noisy, d, rows, reference), (cases, wrong)) in cells {
        if !wrong.is_empty() {
            let wrong: Vec<String> = wrong.iter().map(|(answer, count)| format!("{answer} {count}")).collect();
            println!(
                "| {truth} | {family:?} | {severity} | {noisy} | {d} | {rows} | {reference} | {cases} | {} |",
                wrong.join(", ")
            );
        }
    }
}
