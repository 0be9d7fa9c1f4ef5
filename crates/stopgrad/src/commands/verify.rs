//! `stopgrad verify`: solutions in a file, proved again from the file alone.

use std::fmt::Write as _;

use serde_json::{Value, json};
use stopgrad_dynamics::polynomial::certificate::{Certificate, overlapping, prove};
use stopgrad_dynamics::polynomial::fibre::generic_count;
use stopgrad_dynamics::polynomial::interval::Interval;

use crate::CommandError;
use crate::args::VerifyArguments;
use crate::demand::Established;
use crate::outcome::{Outcome, Status, document};
use crate::roots_file::{RootsFile, StoredRoot, StoredStratum};

/// Failures listed for people; programs get all.
const SHOWN: usize = 20;

/// Read, prove, tell.
pub(super) fn run(asked: &VerifyArguments) -> Result<Outcome, CommandError> {
    let (file, input) = RootsFile::read(&asked.roots)?;
    let exact = file.exact();
    let proofs: Vec<Result<Certificate, &'static str>> = file
        .roots
        .iter()
        .map(|root| {
            let proof =
                prove(&exact, root.frame().as_deref(), &root.rows, &root.center()).ok_or("Krawczyk's test fails")?;
            agreement(root, &proof).map(|()| proof)
        })
        .collect();
    let proved = proofs.iter().filter(|proof| proof.is_ok()).count();
    let failures: Vec<Value> = proofs
        .iter()
        .enumerate()
        .filter_map(|(at, proof)| {
            proof.as_ref().err().map(|why| json!({ "root": at, "rank": file.roots[at].rank, "why": why }))
        })
        .collect();
    let strata: Vec<Value> =
        file.strata.iter().map(|claimed| stratum(claimed, exact.size, &file.roots, &proofs)).collect();
    let complete = strata.iter().all(|stratum| stratum["claim_holds"] == json!(true));
    let failed = failures.len();
    let mut text = format!("{} solutions checked: {proved} proved, {failed} failed\n", file.roots.len());
    for failure in failures.iter().take(SHOWN) {
        _ = writeln!(
            text,
            "roots[{}], rank {}: {}",
            failure["root"],
            failure["rank"],
            failure["why"].as_str().unwrap_or_default()
        );
    }
    for stratum in &strata {
        let (rank, proved, claimed) = (&stratum["rank"], &stratum["proved"], &stratum["claimed"]);
        let words = match (claimed == &json!(true), stratum["claim_holds"] == json!(true)) {
            (true, true) => "all different, complete as the file says",
            (true, false) => "the file says complete, which is not established",
            (false, _) => "the file claims no completeness",
        };
        _ = writeln!(text, "rank {rank}: {proved} proved, {words}");
    }
    let own = json!({ "checked": file.roots.len(), "proved": proved, "failed": failed, "failures": failures, "strata": strata });
    let options = json!({ "roots": asked.roots });
    let met = |what: &Established| match what {
        Established::Complete => complete,
        Established::Certified | Established::Decided => failed == 0,
    };
    // A file that says more than can be proved is never "done".
    let holds = failed == 0 && complete && asked.require.iter().all(met);
    let status = if holds { Status::Done } else { Status::NotEstablished };
    Ok(Outcome { text, document: document("verify", 0, &options, &[input], own), status })
}

/// Whether the proof says what the file says.
fn agreement(root: &StoredRoot, proof: &Certificate) -> Result<(), &'static str> {
    if root.reality.is_some_and(|claimed| claimed != proof.reality) {
        return Err("the file says otherwise whether it is real");
    }
    // A proof from a center that is none has a wide box, which meets the file's without saying anything of it: it has to lie
    // inside. Twice its width, for another processor may round the same test in another way.
    let inside = |found: Interval, lo: f64, hi: f64| {
        let slack = 0.5 * (hi - lo) + f64::MIN_POSITIVE;
        found.lo >= lo - slack && found.hi <= hi + slack
    };
    let outside = root.boxes.iter().zip(&proof.boxes).any(|(&[re_lo, re_hi, im_lo, im_hi], found)| {
        !(inside(found.re, re_lo, re_hi) && inside(found.im, im_lo, im_hi))
    });
    if outside { Err("no solution is proved inside the boxes in the file") } else { Ok(()) }
}

/// What holds of a rank.
fn stratum(
    claimed: &StoredStratum, size: usize, roots: &[StoredRoot], proofs: &[Result<Certificate, &'static str>],
) -> Value {
    let of_rank = roots.iter().zip(proofs).filter(|(root, _)| root.rank == claimed.rank);
    let here: Vec<&Certificate> = of_rank.filter_map(|(_, proof)| proof.as_ref().ok()).collect();
    // The count is that of the theory, not the file's.
    let expected = generic_count(size, claimed.rank);
    let different = overlapping(&here).is_empty();
    // The origin, rank 0, is no solution that needs a proof.
    let counted = claimed.rank == 0 || (expected == Some(here.len()) && different);
    json!({
        "rank": claimed.rank,
        "proved": if claimed.rank == 0 { 1 } else { here.len() },
        "expected": expected,
        "disjoint": different,
        "claimed": claimed.complete,
        "claim_holds": !claimed.complete || counted,
    })
}
