//! What a search finds of the real equilibria that are known: random instances of one size whose ranks are complete.
//!
//! `cargo run --release -p stopgrad-dynamics --example searched -- M COUNT [FIRST_SEED]`: M up to 4; instances as in `completeness`. Larger
//! M: what is found, and the time.
#![allow(clippy::print_stdout)] // A program that prints a table.

#[path = "completeness/instances.rs"]
mod instances;

use std::time::Instant;

use instances::instance;
use stopgrad_dynamics::{EquilibriaParams, EquilibriumSet, StratumStatus, find_equilibria};

fn real(set: &EquilibriumSet) -> usize {
    set.equilibria.iter().filter(|e| e.certified).count()
}

fn main() {
    let argument = |at: usize| std::env::args().nth(at).and_then(|text| text.parse::<u64>().ok());
    let (m, count, first) = (argument(1).unwrap_or(4) as usize, argument(2).unwrap_or(20), argument(3).unwrap_or(0));
    for rank in 2..=m {
        let params = |searched| EquilibriaParams { ranks: Some(vec![rank]), searched, ..EquilibriaParams::default() };
        let (mut complete, mut known, mut found, mut all_found) = (0, 0, 0, 0);
        let (mut total, mut starts, mut times) = (0, 0, Vec::new());
        for seed in first..first + count {
            let (moments, decay) = instance(m, seed);
            let clock = Instant::now();
            let search = find_equilibria(&moments, decay, &params(true)).expect("moments of this kind");
            times.push(clock.elapsed().as_secs_f64());
            (total, starts) = (total + real(&search), starts + search.strata[0].starts);
            if m > 4 {
                continue;
            }
            let truth = find_equilibria(&moments, decay, &params(false)).expect("moments of this kind");
            if truth.strata[0].status == StratumStatus::Complete {
                (complete, known, found) = (complete + 1, known + real(&truth), found + real(&search));
                all_found += usize::from(real(&truth) == real(&search));
            }
        }
        times.sort_by(f64::total_cmp);
        println!(
            "m = {m}, rank {rank}: {count} instances, {complete} complete: {found} of {known} real solutions found, all in {all_found}; \
             in all {total} from {starts} starts, {:.2} s median",
            times[times.len() / 2]
        );
    }
}
