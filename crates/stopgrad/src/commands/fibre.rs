//! `stopgrad fibre`: all solutions of one generic instance, made again from a seed, or what a file of them says.

use std::fmt::Write as _;

use serde_json::{Value, json};
use stopgrad_dynamics::polynomial::fibre::{NoFibre, generic_count, make_fibre, shipped};
use stopgrad_dynamics::polynomial::fibre_file::{FibreHeader, read_header};
use stopgrad_dynamics::polynomial::monodromy::MonodromyParams;

use crate::CommandError;
use crate::args::FibreArguments;
use crate::bar::Bar;
use crate::fibre_file::{self, FibreFileError};
use crate::folder::{prepare_file, write_beside};
use crate::limits::Limits;
use crate::outcome::{Outcome, Status, document};
use crate::output::Output;

/// Why there is no fibre.
#[derive(Debug, thiserror::Error)]
pub enum FibreCommandError {
    /// Of this size and rank there is none.
    #[error(transparent)]
    None(#[from] NoFibre),
    /// A file that cannot be read.
    #[error(transparent)]
    File(#[from] FibreFileError),
    /// Ctrl-C cannot be listened for.
    #[error(transparent)]
    Signal(#[from] ctrlc::Error),
}

/// Make or read, tell.
pub(super) fn run(asked: &FibreArguments, output: Output) -> Result<Outcome, CommandError> {
    if let Some(path) = &asked.read {
        let (header, file) = fibre_file::read(path).map_err(FibreCommandError::from)?;
        return Ok(outcome(asked, &header, &file, "", Status::Done));
    }
    if let Some(path) = &asked.out {
        prepare_file(path)?;
    }
    let limits = Limits::start(asked.time_limit).map_err(FibreCommandError::from)?;
    let size = asked.size.unwrap_or(1) as usize;
    let rank = asked.rank.map_or(size, |rank| rank as usize);
    let params = params(asked, size, rank);
    let bar = Bar::uncounted("fibre", output);
    let (header, file) = make_fibre((size, rank), &params, &|loops, solutions| {
        bar.say(format!("{solutions} solutions after {loops} loops"));
        limits.reached().is_some()
    })
    .map_err(FibreCommandError::from)?;
    drop(bar);
    let mut said = String::new();
    let status = match limits.reached() {
        Some(stop) => {
            _ = writeln!(said, "stopped by {}: a lower bound", stop.reason());
            stop.status()
        }
        None => Status::Done,
    };
    if let Some(path) = &asked.out {
        write_beside(path, &file)?;
        _ = writeln!(said, "written: {}", path.display());
    }
    Ok(outcome(asked, &header, &file, &said, status))
}

/// What was asked for; for the rest what made the file that comes along.
fn params(asked: &FibreArguments, size: usize, rank: usize) -> MonodromyParams {
    let known = shipped(size, rank).and_then(|file| read_header(file).ok());
    let defaults = MonodromyParams::default();
    let seed = asked.seed.or(known.as_ref().map(|header| header.seed)).unwrap_or(defaults.seed);
    let (own, made) = (asked.idle_loops.map(|loops| loops as usize), known.as_ref().map(|header| header.idle_loops));
    // One without idle loops was stopped at a count that is known otherwise.
    let stopped = known.as_ref().filter(|header| header.idle_loops == 0 && own.is_none());
    MonodromyParams {
        seed,
        known_count: stopped.map(|header| header.solutions),
        idle_loops: own.or(made.filter(|&loops| loops > 0)).unwrap_or(defaults.idle_loops),
        max_loops: asked.max_loops as usize,
    }
}

fn outcome(asked: &FibreArguments, header: &FibreHeader, file: &[u8], said: &str, status: Status) -> Outcome {
    let (size, rank) = (header.size, header.rank);
    let same = shipped(size, rank).map(|own| own == file);
    let mut text = format!(
        "size {size}, rank {rank}, seed {}: {} solutions of {} numbers, each to {:.1e} of its size\n",
        header.seed, header.solutions, header.unknowns, header.residual
    );
    _ = writeln!(
        text,
        "{} loops, {} paths, {} lost; the last {} loops lost none and brought nothing new",
        header.loops, header.paths, header.lost, header.idle_loops
    );
    let count = generic_count(size, rank);
    _ = match count {
        Some(count) if count == header.solutions => writeln!(text, "as many as a generic instance has ({count})"),
        Some(count) => writeln!(text, "a generic instance has {count}"),
        None => writeln!(text, "how many there are is not known otherwise"),
    };
    match same {
        Some(true) => text.push_str("the same bytes as the file that comes with the program\n"),
        Some(false) => text.push_str("other bytes than the file that comes with the program\n"),
        None => {}
    }
    text.push_str(said);
    let options = json!({ "size": size, "rank": rank, "seed": header.seed, "read": asked.read, "out": asked.out });
    let mut own = json!(header);
    if let Value::Object(own) = &mut own {
        own.insert("expected".into(), json!(count));
        own.insert("same_as_shipped".into(), json!(same));
    }
    Outcome { text, document: document("fibre", header.seed, &options, &[], own), status }
}
