//! A program that injects faults into runs and checks that nothing written is lost.
//!
//! Each round takes one of the jobs and one of the kinds of fault, lets the fault strike at a random moment (often a run that
//! was killed before), and then asks: did the program say what went wrong and what to do, or die without harm; is every
//! file under its final name whole; does the checkpoint stand where it stood or later; and does the same command without
//! the fault end at the bits of a run that was never disturbed?
//!
//! `STOPGRAD_FAULT_ROUNDS` (10) and `STOPGRAD_FAULT_SEED` (1) choose the rounds; `tests/faults.sh` runs 100.
//! What a system does not offer (a disk that can be filled, another user) is replaced by the nearest that it does, and the
//! table at the end says which was used.

#![cfg(all(unix, feature = "train"))]
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]
#![allow(clippy::print_stderr, reason = "what was tried, and how it ended, is told")]

mod abilities;
mod checks;
mod disturbance;
mod ending;
mod jobs;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use abilities::Abilities;
use disturbance::{Fault, Strike};
use jobs::{Job, Reference};

/// SplitMix64 (Steele, Lea, Flood 2014): the same rounds under the same seed.
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

fn asked(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable)
        .map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{variable}={text}: a number")))
}

/// Rounds that go on at a time: while one waits for its moment, another computes.
const WORKERS: usize = 2;

/// How often what ended how, by kind of fault.
type Counts = BTreeMap<String, BTreeMap<String, usize>>;

/// What all rounds share: what jobs write undisturbed, made by the round that needs it first.
#[derive(Default)]
struct Shared {
    references: Mutex<BTreeMap<&'static str, Arc<OnceLock<Reference>>>>,
    counts: Mutex<Counts>,
    next: AtomicU64,
}

impl Shared {
    fn rounds(&self, rounds: u64, seed: u64, abilities: Abilities) {
        loop {
            let round = self.next.fetch_add(1, Ordering::Relaxed);
            if round >= rounds {
                return;
            }
            self.round(round, seed, abilities);
            if (round + 1).is_multiple_of(20) {
                eprintln!("{} of {rounds} rounds", round + 1);
            }
        }
    }

    fn round(&self, round: u64, seed: u64, abilities: Abilities) {
        let mut draws = Draws(seed.wrapping_mul(1_000_003).wrapping_add(round));
        // Every kind in turn, so that ten rounds have seen all of them.
        let fault = Fault::ALL[(round % Fault::ALL.len() as u64) as usize];
        let job = fault.job(&mut draws);
        let slot = Arc::clone(self.references.lock().unwrap().entry(job.name()).or_default());
        let reference = slot.get_or_init(|| Reference::make(job));
        let strike = Strike { fault, job, reference, abilities: &abilities };
        let said = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| strike.round(&mut draws)));
        let ends = said.unwrap_or_else(|panic| {
            eprintln!("round {round} of seed {seed} failed: {fault:?} during {}", job.name());
            std::panic::resume_unwind(panic)
        });
        let mut counts = self.counts.lock().unwrap();
        let kind = counts.entry(ends.kind).or_default();
        for end in ends.ended.into_iter().chain(["rounds".into()]) {
            *kind.entry(end).or_default() += 1;
        }
    }
}

#[test]
fn nothing_written_is_lost_and_resuming_gives_the_same_bits() {
    let (rounds, seed) = (asked("STOPGRAD_FAULT_ROUNDS", 10), asked("STOPGRAD_FAULT_SEED", 1));
    let (abilities, shared) = (Abilities::find(), Shared::default());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| shared.rounds(rounds, seed, abilities));
        }
    });
    eprintln!(
        "{rounds} rounds of seed {seed}: after each the folder was whole, and the run ended at the undisturbed bits"
    );
    for (kind, counts) in shared.counts.into_inner().unwrap() {
        let all: Vec<String> = counts.iter().map(|(end, count)| format!("{end} {count}")).collect();
        eprintln!("  {kind}: {}", all.join(", "));
    }
}

/// Each method in its turn, which the mixed rounds leave to chance: killed three times at random moments.
#[test]
fn every_method_is_killed_and_ends_at_the_same_bits() {
    let (seed, abilities) = (asked("STOPGRAD_FAULT_SEED", 1), Abilities::find());
    std::thread::scope(|scope| {
        for (number, job) in Job::METHODS.into_iter().enumerate() {
            let abilities = &abilities;
            scope.spawn(move || {
                let mut draws = Draws(seed.wrapping_mul(1_000_003).wrapping_add(1_000 + number as u64));
                let reference = Reference::make(job);
                let strike = Strike { fault: Fault::Kill, job, reference: &reference, abilities };
                eprintln!("{}: {}", job.name(), strike.round(&mut draws).ended.join(", "));
            });
        }
    });
}

/// A check that passes whatever happens would make the rounds worthless.
#[test]
fn a_damaged_folder_fails_the_checks() {
    let reference = Reference::make(Job::TrainDigits);
    for name in
        ["config.toml", "metrics.csv", "spectra.npz", "verdict.json", "report.html", "checkpoint/state.safetensors"]
    {
        let copy = tempfile::tempdir().unwrap();
        jobs::copy_folder(&reference.out(), copy.path());
        checks::readable(copy.path()).unwrap();
        let path = copy.path().join(name);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        // A row that is cut off is what a kill leaves at the end of a live table: only what the checkpoint counts is missed.
        let harm = checks::readable(copy.path());
        let lost = checks::Standing::of(copy.path()).lost_since(&checks::Standing::of(&reference.out()));
        assert!(harm.is_err() || lost.is_some(), "{name}");
    }
    assert!(checks::difference(&reference.out(), tempfile::tempdir().unwrap().path()).is_some());
}
