//! `stopgrad sweep`: predict, flow or basins at every point of a grid, into one table that can be gone on with.

mod columns;
mod grid;
mod identity;
mod jobs;
mod table;
mod work;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::{Value, json};
use stopgrad_dynamics::Field;

use crate::CommandError;
use crate::args::SweepArguments;
use crate::bar::Bar;
use crate::folder::{self, FolderError, Kind as Folder, SWEEP_FILE, write_beside};
use crate::lab::page;
use crate::lab::sweep::{SweepTable, Swept, View, is_open};
use crate::limits::{Limits, Stop};
use crate::outcome::{Outcome, Status, document};
use crate::output::Output;

use grid::MOST;
use identity::{Difference, listed};
use jobs::Prepared;
use table::Appended;

/// Why there is no sweep.
#[derive(Debug, thiserror::Error)]
pub enum SweepCommandError {
    /// An option that predict does not have.
    #[error(
        "--{} does not apply to predict, which follows nothing in time: what it finds depends on the moments, --weight-decay, \
         --embedding-dim and --seed; leave it out, or sweep flow",
        option.name().replace('_', "-")
    )]
    NotOfPredict {
        /// The option.
        option: Swept,
    },
    /// γ without a teacher.
    #[error(
        "--ema-rate does not apply to --field {field}, which has no teacher: points would differ in nothing else; leave it out, \
         or choose --field ema"
    )]
    NoTeacher {
        /// The field.
        field: Field,
    },
    /// The scale of a start that is read.
    #[error("--init-scale does not apply to a start from a file, which has its own; leave one of the two out")]
    StartFromFile,
    /// Too large.
    #[error("the grid has {} points, and a sweep takes up to {MOST}; shorten a list", points.map_or_else(|| "too many".into(), |points| points.to_string()))]
    TooMany {
        /// How many; none beyond what can be counted.
        points: Option<usize>,
    },
    /// The folder holds another sweep.
    #[error(
        "the folder {} holds another sweep:\n{}  choose another --out, or ask for what is stored",
        folder.display(),
        listed(differences)
    )]
    Changed {
        /// The folder.
        folder: PathBuf,
        /// In what it differs.
        differences: Vec<Difference>,
    },
    /// What was asked for cannot be read again.
    #[error("{} is damaged: {why}; remove the folder, or choose another --out", path.display())]
    Stored {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A table that this sweep has not written.
    #[error("{}, line {line}: {why}; remove the file to compute the sweep again, or choose another --out", path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong.
        why: &'static str,
    },
    /// A file or folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The system takes no handler for Ctrl-C.
    #[error("cannot listen for Ctrl-C; start the program on its own, from a shell")]
    Interrupt(#[from] ctrlc::Error),
}

/// Check, go on where the table ends, tell.
pub(super) fn run(asked: &SweepArguments, output: Output) -> Result<Outcome, CommandError> {
    let prepared = jobs::prepare(&asked.command)?;
    let points = prepared.grid.len().filter(|points| *points <= MOST);
    let Some(points) = points else { return Err(SweepCommandError::TooMany { points: prepared.grid.len() }.into()) };
    let folder = &prepared.output.out;
    folder::check(folder, Folder::Sweep)?;
    folder::prepare(folder)?;
    let _held = folder::lock(folder)?;
    folder::sweep(folder)?;
    identity::check(folder, &identity::of(&prepared))?;

    let kind = prepared.job.kind();
    let mut table = SweepTable { columns: columns::of(kind, prepared.job.options()), rows: Vec::new() };
    let mut begun = table::read(&folder.join("table.csv"), &table, &prepared.grid, prepared.job.options())?;
    table.rows = std::mem::take(&mut begun.rows);
    let skipped = begun.points;
    if skipped > 0 {
        output.note(&format!("{skipped} of {points} points are in {} already", folder.join("table.csv").display()));
    }
    let limits = Limits::start(prepared.output.time_limit).map_err(SweepCommandError::from)?;
    let stopped = compute(&prepared, points, &begun, &mut table, &limits, output)?;
    tell(&prepared, &Ended { points, skipped, stopped, table })
}

/// Compute what is missing; the rows of failed points wait until it is known that not all fail alike.
fn compute(
    prepared: &Prepared, points: usize, begun: &table::Begun, table: &mut SweepTable, limits: &Limits, output: Output,
) -> Result<Option<Stop>, CommandError> {
    let path = prepared.output.out.join("table.csv");
    let workers = if prepared.job.is_small(&prepared.grid) { rayon::current_num_threads() } else { 1 };
    let bar = Bar::new("points", (points - begun.points) as u64, output);
    let mut writer: Option<Appended> = None;
    let mut alike = Alike { rows: Vec::new(), first: None, apart: begun.points > 0 };
    let first = |table: &SweepTable| -> Result<Appended, CommandError> {
        write_beside(&prepared.output.out.join(SWEEP_FILE), identity::text(prepared).as_bytes())?;
        Ok(Appended::open(&path, table, begun)?)
    };
    if begun.points > 0 {
        writer = Some(first(table)?);
    }
    let one = |index: usize| point(prepared, index);
    let stopped = work::in_order(begun.points..points, workers, limits, &one, |_, (rows, error)| {
        alike.take(rows, error);
        if alike.apart {
            let file = match &mut writer {
                Some(file) => file,
                None => writer.insert(first(table)?),
            };
            for rows in alike.rows.drain(..) {
                file.append(&rows)?;
                table.rows.extend(rows);
            }
        }
        bar.advance(1);
        Ok::<(), CommandError>(())
    })?;
    match (alike.first, stopped) {
        // The same mistake everywhere is one of the call.
        (Some(error), None) if !alike.apart => Err(error),
        (_, stopped) => {
            if !alike.rows.is_empty() {
                let mut file = first(table)?;
                for rows in alike.rows {
                    file.append(&rows)?;
                    table.rows.extend(rows);
                }
            }
            Ok(stopped)
        }
    }
}

/// Rows that wait while every point has failed with the same words.
struct Alike {
    rows: Vec<Vec<Vec<String>>>,
    first: Option<CommandError>,
    /// A point did not fail, or failed otherwise.
    apart: bool,
}

impl Alike {
    fn take(&mut self, rows: Vec<Vec<String>>, error: Option<CommandError>) {
        self.rows.push(rows);
        match (&self.first, error) {
            (_, None) => self.apart = true,
            (None, Some(error)) => self.first = Some(error),
            (Some(first), Some(error)) => self.apart |= first.to_string() != error.to_string(),
        }
    }
}

/// The rows of a point, and why it failed if it did. Its seconds stand in its last row: they mark it as whole.
fn point(prepared: &Prepared, index: usize) -> (Vec<Vec<String>>, Option<CommandError>) {
    let start = Instant::now();
    let point = prepared.grid.point(index);
    let job = &prepared.job;
    let (mut rows, error) = match job.rows(&point) {
        Ok(rows) => (rows, None),
        Err(error) => (vec![columns::failed(job.kind(), job.options(), &point)], Some(error)),
    };
    let said = error.as_ref().map(|error| error.to_string().split_whitespace().collect::<Vec<_>>().join(" "));
    let last = rows.len() - 1;
    for (place, row) in rows.iter_mut().enumerate() {
        row.push(said.clone().unwrap_or_default());
        row.push(if place == last { start.elapsed().as_secs_f64().to_string() } else { String::new() });
    }
    (rows, error)
}

/// What a sweep has come to.
struct Ended {
    points: usize,
    skipped: usize,
    stopped: Option<Stop>,
    table: SweepTable,
}

fn tell(prepared: &Prepared, ended: &Ended) -> Result<Outcome, CommandError> {
    let Ended { points, skipped, stopped, table } = ended;
    let folder = &prepared.output.out;
    let in_table = table.rows.iter().filter(|row| !table.cell(row, crate::lab::sweep::SECONDS).is_empty()).count();
    let whole = stopped.is_none();
    let at = |name: &str| whole.then(|| folder.join(name));
    let own = json!({
        "sweep": prepared.job.kind().name(),
        "points": points,
        "done": in_table - skipped,
        "skipped": skipped,
        "failed": table.failures().len(),
        "table": folder.join("table.csv"),
        "parquet": at("table.parquet"),
        "report": at("report.html"),
    });
    let document = document("sweep", prepared.grid.seed[0], &options(prepared), &prepared.inputs, own);
    let view = View {
        kind: prepared.job.kind(),
        points: *points,
        varied: prepared.grid.varied(),
        lengths: prepared.grid.lengths(),
        table: table.clone(),
    };
    let mut text = String::new();
    if whole {
        table::write_parquet(&folder.join("table.parquet"), table)?;
        let line = page::write_into(folder, &view.page(), &document)?;
        for finding in view.findings() {
            _ = writeln!(text, "{finding}");
        }
        _ = writeln!(text, "table: {} (and .parquet)", folder.join("table.csv").display());
        text += &line;
    } else {
        _ = writeln!(text, "stopped after {in_table} of {points} points; the same command goes on");
        _ = writeln!(text, "table: {}", folder.join("table.csv").display());
    }
    let open = || prepared.output.require.is_some() && table.rows.iter().any(|row| is_open(view.kind, table, row));
    let status = match stopped {
        Some(stop) => stop.status(),
        None if open() => Status::NotEstablished,
        None => Status::Done,
    };
    Ok(Outcome { text, document, status })
}

/// The lists and the fixed options.
fn options(prepared: &Prepared) -> Value {
    let mut options = prepared.fixed.clone();
    for option in prepared.job.options() {
        options[option.name()] = prepared.grid.values(*option);
    }
    options["moments"] = json!(prepared.job.moments_path());
    options["out"] = json!(prepared.output.out);
    options["time_limit_seconds"] = json!(prepared.output.time_limit.map(|limit| limit.as_secs_f64()));
    options["require"] = json!(prepared.output.require.map(|_| "decided"));
    options
}
