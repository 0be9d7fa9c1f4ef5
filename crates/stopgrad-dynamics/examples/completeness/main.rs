//! Are all solutions found, and which equilibria attract? Random instances of one size, counted.
//!
//! `cargo run --release -p stopgrad-dynamics --example completeness -- M COUNT [FIRST_SEED [RANKS]]` prints the rows
//! of docs/results/equilibria.md; RANKS as in 1,3, all without it. Even seeds have exchangeable views (Y symmetric), odd ones do not.

mod instances;

use std::collections::BTreeMap;
use std::time::Instant;

use instances::instance;
use rayon::prelude::*;
use stopgrad_dynamics::{EquilibriaParams, EquilibriumSet, Stability, StratumStatus, find_equilibria};

/// Counts over instances, in order.
#[derive(Default)]
struct Tally {
    /// By rank: complete, solutions short of the count, solutions without a proof.
    complete: BTreeMap<usize, [usize; 4]>,
    /// Attempts of full rank.
    attempts: BTreeMap<usize, usize>,
    /// Real solutions of full rank.
    real: BTreeMap<usize, usize>,
    /// Unstable dimensions of those that are not maximal.
    unstable: BTreeMap<usize, usize>,
    /// Attracting equilibria of full rank, and whether the one is S_max.
    attracting: BTreeMap<(usize, bool), usize>,
    /// How S_max stands.
    maximal: BTreeMap<&'static str, usize>,
    /// By rank below full: instances in which one attracts.
    lower: BTreeMap<usize, usize>,
    /// Seeds of full rank that are not complete, and those that contradict 4.2.
    short: Vec<u64>,
    against: Vec<u64>,
}

impl Tally {
    fn add(&mut self, seed: u64, m: usize, set: &EquilibriumSet) {
        for stratum in set.strata.iter().filter(|stratum| stratum.rank > 0) {
            let counts = self.complete.entry(stratum.rank).or_default();
            counts[0] += 1;
            counts[1] += usize::from(stratum.status == StratumStatus::Complete);
            counts[2] += stratum.expected.map_or(0, |count| count.saturating_sub(stratum.roots.len()));
            counts[3] += stratum.roots.iter().filter(|root| root.certificate.is_none()).count();
            if stratum.rank == m {
                *self.attempts.entry(stratum.counts.attempts).or_default() += 1;
                if stratum.status != StratumStatus::Complete {
                    self.short.push(seed);
                }
            }
        }
        let attracts = |rank| {
            set.equilibria.iter().filter(move |e| e.rank == rank && e.spectrum.stability == Stability::Attracting)
        };
        let full: Vec<_> = set.equilibria.iter().filter(|e| e.rank == m).collect();
        *self.real.entry(full.len()).or_default() += 1;
        for e in full.iter().filter(|e| !e.maximal) {
            *self.unstable.entry(e.spectrum.unstable_dimensions).or_default() += 1;
        }
        if let Some(first) = full.iter().find(|e| e.maximal) {
            let word = match first.spectrum.stability {
                Stability::Attracting => "attracting",
                Stability::Saddle => "saddle",
                Stability::Degenerate => "degenerate",
            };
            *self.maximal.entry(word).or_default() += 1;
        }
        let one = attracts(m).count() == 1 && attracts(m).all(|e| e.maximal);
        *self.attracting.entry((attracts(m).count(), one)).or_default() += 1;
        if !full.is_empty() && !one {
            self.against.push(seed);
        }
        for rank in 1..m {
            *self.lower.entry(rank).or_default() += usize::from(attracts(rank).count() > 0);
        }
    }
}

#[expect(clippy::print_stdout, reason = "a program that prints a table")]
fn main() {
    let argument = |at: usize| std::env::args().nth(at).and_then(|text| text.parse::<u64>().ok());
    let (m, count, first) = (argument(1).unwrap_or(2) as usize, argument(2).unwrap_or(100), argument(3).unwrap_or(0));
    let ranks = std::env::args().nth(4).map(|list| list.split(',').filter_map(|rank| rank.parse().ok()).collect());
    let params = EquilibriaParams { ranks, ..EquilibriaParams::default() };
    let begun = Instant::now();
    for (name, offset) in [("exchangeable", 0), ("not exchangeable", 1)] {
        let mut tally = Tally::default();
        let seeds: Vec<u64> = (first..first + count).filter(|seed| seed % 2 == offset).collect();
        let sets: Vec<(u64, EquilibriumSet)> = seeds
            .par_iter()
            .map(|&seed| {
                let (moments, decay) = instance(m, seed);
                (seed, find_equilibria(&moments, decay, &params).expect("moments of this kind"))
            })
            .collect();
        for (seed, set) in &sets {
            tally.add(*seed, m, set);
        }
        println!("m = {m}, {name}: {} instances, seeds {first} to {}", sets.len(), first + count - 1);
        println!("  rank: [instances, complete, solutions missing, without proof] {:?}", tally.complete);
        println!("  attempts of full rank: {:?}", tally.attempts);
        println!("  real solutions of full rank: {:?}", tally.real);
        println!("  unstable dimensions of the others than S_max: {:?}", tally.unstable);
        println!("  (attracting of full rank, exactly S_max): {:?}", tally.attracting);
        println!("  S_max is: {:?}", tally.maximal);
        println!("  instances in which a rank below attracts: {:?}", tally.lower);
        println!("  seeds not complete: {:?}", &tally.short[..tally.short.len().min(20)]);
        println!("  seeds against 4.2: {:?}", &tally.against[..tally.against.len().min(20)]);
    }
    println!("  {:.1} s", begun.elapsed().as_secs_f64());
}
