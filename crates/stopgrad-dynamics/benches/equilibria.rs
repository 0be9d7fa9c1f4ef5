//! Times all equilibria of one rank: milliseconds a call, and how many of the solutions were found and proved.
//!
//! `cargo bench -p stopgrad-dynamics --bench equilibria -- 4 20 [RANK]`: size, instances, rank if not full. The first call, which reads the
//! fibre, is not counted.
#![allow(clippy::print_stdout)] // A bench prints.

#[path = "../examples/completeness/instances.rs"]
mod instances;

use std::time::Instant;

use stopgrad_dynamics::{EquilibriaParams, find_equilibria};

fn main() {
    let numbers: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let (size, count) = (numbers.first().copied().unwrap_or(4), numbers.get(1).copied().unwrap_or(20));
    let rank = numbers.get(2).copied().unwrap_or(size);
    let params = EquilibriaParams { ranks: Some(vec![rank]), ..EquilibriaParams::default() };
    let mut times = Vec::new();
    let (mut found, mut proved, mut expected, mut steps, mut paths) = (0, 0, 0, 0, 0);
    let mut attempts = Vec::new();
    for seed in 0..=count as u64 {
        let (moments, decay) = instances::instance(size, seed);
        let clock = Instant::now();
        let set = find_equilibria(&moments, decay, &params).expect("an instance");
        if seed == 0 {
            continue;
        }
        times.push(clock.elapsed().as_secs_f64() * 1e3);
        let stratum = &set.strata[0];
        found += stratum.roots.len();
        proved += stratum.roots.iter().filter(|root| root.certificate.is_some()).count();
        expected += stratum.expected.unwrap_or(0);
        (steps, paths) = (steps + stratum.counts.steps, paths + stratum.counts.paths);
        attempts.push(stratum.counts.attempts);
    }
    times.sort_by(f64::total_cmp);
    let again = attempts.iter().filter(|&&n| n > 1).count();
    println!(
        "m = {size}, rank {rank}: {:.2} ms median, {:.2} to {:.2}, of {count} calls; {found} solutions, {proved} proved, {expected} \
         exist; {:.1} steps a path, {again} calls needed a second attempt",
        times[times.len() / 2],
        times[0],
        times[times.len() - 1],
        steps as f64 / paths as f64
    );
}
