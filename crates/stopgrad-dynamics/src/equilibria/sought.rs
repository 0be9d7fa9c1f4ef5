//! Solutions of ranks that no fibre comes along for: sought from many starts, proved one by one, never claimed to be all.
//!
//! Starts: S_max at full rank; where flows from random states come to rest; eigenpairs of rank one joined, r at a time (`modes.rs`); random
//! rows. From each Newton's method runs in a chart of its rank, and again and again after it found
//! something, since what is known repels it.
//!
//! # Source      Farrell, Birkisson, Funke 2015 (arXiv:1410.5620), for deflation, which changes Newton's steps in length alone

mod modes;
mod newton;
mod starts;
#[cfg(test)]
mod tests;

use faer::c64;
use rayon::prelude::*;

use super::followed::Units;
use super::{Problem, Stratum, StratumStatus, status};
use crate::polynomial::certificate::{Guess, Root, certified_root};
use crate::polynomial::ring::Dense;
use crate::polynomial::solve::PathCounts;
use newton::{Deflated, Real};
pub(super) use starts::Seeds;

/// Sizes up to which every rank is searched; above only `S_max` is found, up to the next.
const SEARCHED_UP_TO: usize = 10;
/// A spectrum of (k + k)k unknowns is still a matter of seconds.
const MAXIMAL_UP_TO: usize = 24;
/// Solutions that one start may lead to, one after the other.
const AGAIN: usize = 4;

/// What a search of one rank finds; nothing where the size is beyond one.
pub(super) fn stratum(problem: &Problem, rank: usize) -> Stratum {
    let k = problem.size();
    let empty = Stratum {
        rank,
        roots: Vec::new(),
        expected: None,
        status: StratumStatus::NotClaimed,
        counts: PathCounts::default(),
        starts: 0,
    };
    if k > MAXIMAL_UP_TO || (k > SEARCHED_UP_TO && rank < k) {
        return empty;
    }
    let units = Units::new(problem);
    let seeds = problem.seeds.get_or_init(|| Seeds::new(problem, &units, k <= SEARCHED_UP_TO));
    let starts = seeds.of(rank);
    let (found, tried) = (search(problem, &units, rank, starts.iter()), starts.len());
    let roots: Vec<Root> = found
        .par_iter()
        .filter_map(|s| {
            let inside = Dense::from_fn(k, k, |i, j| c64::new(s[i * k + j], 0.0));
            let guess = Guess { frame: Some(identity(k)), inside };
            certified_root(&problem.exact, &units.back(problem, guess), rank)
        })
        // Newton's method may settle where a solution of lower rank lies on the edge of the chart.
        .filter(|root| root.certificate.is_some())
        .collect();
    Stratum { roots, starts: tried, ..empty }
}

/// Adds what a search finds to a rank some of whose paths were lost.
pub(super) fn add(problem: &Problem, stratum: &mut Stratum) {
    let found = self::stratum(problem, stratum.rank);
    stratum.starts = found.starts;
    for root in found.roots {
        let Some(certificate) = &root.certificate else { continue };
        let known = stratum.roots.iter().filter_map(|root| root.certificate.as_ref());
        if known.into_iter().all(|other| other.is_apart_from(certificate)) {
            // What was found without a proof may be this.
            stratum.roots.retain(|other| other.certificate.is_some() || !is_near(&other.s, &root.s));
            stratum.roots.push(root);
        }
    }
    stratum.status = status(&stratum.roots, stratum.expected, &stratum.counts);
}

/// Distance relative to the size below which an unproved solution is taken for one that is proved.
const NEAR: f64 = 1e-6;

fn is_near(a: &[c64], b: &[c64]) -> bool {
    let size = b.iter().map(c64::norm_sqr).sum::<f64>();
    a.iter().zip(b).map(|(a, b)| (a - b).norm_sqr()).sum::<f64>() <= NEAR * NEAR * size
}

fn identity(k: usize) -> Dense<c64> {
    Dense::from_fn(k, k, |i, j| c64::new(f64::from(u8::from(i == j)), 0.0))
}

/// All real solutions of a rank that the starts lead to, as S' by rows.
fn search<'a>(
    problem: &Problem, units: &Units, rank: usize, starts: impl Iterator<Item = &'a Vec<f64>>,
) -> Vec<Vec<f64>> {
    let k = problem.size();
    let frame = units.back(problem, Guess { frame: Some(identity(k)), inside: identity(k) }).frame;
    let mut deflated = Deflated { moments: problem.exact.framed::<c64>(frame.as_ref()), known: Vec::<Real>::new() };
    for start in starts {
        deflated.known.extend(deflated.newton(start, rank, false));
        for _ in 0..AGAIN {
            let Some(found) = deflated.newton(start, rank, true) else { break };
            deflated.known.push(found);
        }
    }
    deflated.known
}
