//! `stopgrad watch`: a line for every file of outputs that a training script drops, and a warning when the answer changes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};
use stopgrad_data::arrays::ArraysError;
use stopgrad_dynamics::diagnosis::Diagnosis;

use super::diagnose::reading::{Beside, given};
use super::diagnose::words::{headline, short, step};
use super::diagnose::{DiagnoseCommandError, judge};
use crate::CommandError;
use crate::args::{TrainedLoss, WatchArguments};
use crate::bar::Bar;
use crate::limits::{Limits, Stop};
use crate::outcome::{Outcome, Status, document};
use crate::output::Output;

/// How often the folder is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// How long a file that cannot be read must have stayed as it is, to be left out: half-written ones grow.
const SETTLED: Duration = Duration::from_secs(2);
const ENDINGS: [&str; 3] = ["npy", "npz", "safetensors"];

/// Follow, tell, warn.
pub(super) fn run(asked: &WatchArguments, output: Output) -> Result<Outcome, CommandError> {
    let limits = Limits::start(asked.time_limit).map_err(DiagnoseCommandError::from)?;
    let mut inputs = Vec::new();
    let beside = Beside::read(&asked.beside, &mut inputs)?;
    let mut follower = Follower { beside, output, seen: BTreeMap::new(), drops: Vec::new(), left_out: Vec::new() };
    let (mut last_change, mut stop) = (Instant::now(), None);
    let ended = loop {
        // A last look at what came before the end was asked for.
        stop = stop.or_else(|| limits.reached());
        let (new, waiting) = follower.look(&asked.folder, asked.once)?;
        if new {
            last_change = Instant::now();
        }
        if asked.fail_on.is_some() && follower.drops.last().is_some_and(|drop| drop.collapsed) {
            break "collapsed";
        }
        if let Some(stop) = stop {
            break stop.reason();
        }
        if asked.once && !waiting {
            break "--once";
        }
        if asked.idle.is_some_and(|idle| last_change.elapsed() >= idle) {
            break "--idle";
        }
        std::thread::sleep(LOOK);
    };
    let failed = asked.fail_on.is_some() && follower.drops.iter().any(|drop| drop.collapsed);
    let status = match stop {
        _ if failed => Status::NotEstablished,
        Some(Stop::Interrupted) => Status::Interrupted,
        // The end of the time is an end like any other: nothing was cut off.
        _ => Status::Done,
    };
    let options = json!({
        "folder": asked.folder,
        "reference": asked.beside.reference,
        "labels": asked.beside.labels,
        "weight_decay": asked.beside.weight_decay,
        "loss": asked.beside.loss.map(TrainedLoss::name),
        "once": asked.once,
        "idle_seconds": asked.idle.map(|time| time.as_secs_f64()),
        "time_limit_seconds": asked.time_limit.map(|time| time.as_secs_f64()),
    });
    let own = json!({
        "drops": follower.drops.iter().map(|drop| &drop.step).collect::<Vec<_>>(),
        "changes": follower.changes(),
        "left_out": follower.left_out,
        "ended": ended,
    });
    Ok(Outcome { text: follower.summary(ended), document: document("watch", 0, &options, &inputs, own), status })
}

/// A file that was judged.
struct Drop {
    step: Value,
    headline: String,
    collapsed: bool,
}

/// A file as it was when it was last looked at.
#[derive(Clone, Copy, PartialEq)]
struct State {
    length: u64,
    modified: Option<SystemTime>,
}

struct Seen {
    state: State,
    since: Instant,
    done: bool,
}

struct Follower {
    beside: Beside,
    output: Output,
    seen: BTreeMap<PathBuf, Seen>,
    drops: Vec<Drop>,
    left_out: Vec<Value>,
}

impl Follower {
    /// Judges what is new; whether there was something, and whether files wait to be readable.
    fn look(&mut self, folder: &Path, once: bool) -> Result<(bool, bool), DiagnoseCommandError> {
        let (mut new, mut waiting) = (false, false);
        for (path, state) in files(folder)? {
            let seen = self.seen.entry(path.clone()).or_insert(Seen { state, since: Instant::now(), done: false });
            if seen.state != state {
                // Written again: another drop.
                *seen = Seen { state, since: Instant::now(), done: false };
            }
            if seen.done {
                continue;
            }
            let settled = once || seen.since.elapsed() >= SETTLED;
            match self.judge(&path) {
                Ok(judged) => self.tell(&path, &judged),
                Err(error) if settled => {
                    self.output.note(&format!("left out: {error}"));
                    self.left_out.push(json!({ "path": path, "reason": error.to_string() }));
                }
                Err(_) => {
                    waiting = true;
                    continue;
                }
            }
            new = true;
            if let Some(seen) = self.seen.get_mut(&path) {
                seen.done = true;
            }
        }
        Ok((new, waiting))
    }

    fn judge(&self, path: &Path) -> Result<Diagnosis, DiagnoseCommandError> {
        // The files of a long training are not listed as inputs: each drop names its own.
        let found = given(path, &self.beside, &mut Vec::new())?;
        judge(found, path, &Bar::uncounted("watch", self.output))
    }

    fn tell(&mut self, path: &Path, judged: &Diagnosis) {
        let (step, headline) = (step(judged, path), headline(judged));
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let mut line =
            format!("{name}: {headline}, {} alive, effective rank {}", step["alive"], short(&step["effective_rank"]));
        for (key, word) in [("shared_share", "views share"), ("knn_accuracy", "kNN")] {
            if let Some(share) = step[key].as_f64() {
                _ = write!(line, ", {word} {:.1} %", 100.0 * share);
            }
        }
        self.output.note(&line);
        if let Some(before) = self.drops.last().filter(|before| before.headline != headline) {
            self.output.note(&format!("warning: was `{}`, is `{headline}`. {}", before.headline, judged.finding.why));
        }
        self.drops.push(Drop { step, headline, collapsed: judged.is_collapsed() });
    }

    fn changes(&self) -> Vec<Value> {
        let changed = self.drops.windows(2).filter(|pair| pair[0].headline != pair[1].headline);
        changed
            .map(|pair| {
                json!({
                    "file": pair[1].step["file"],
                    "from": pair[0].headline,
                    "to": pair[1].headline,
                    "why": pair[1].step["why"],
                })
            })
            .collect()
    }

    fn summary(&self, ended: &str) -> String {
        let last = self.drops.last().map_or_else(|| "none".into(), |drop| drop.headline.clone());
        let counted = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
        format!(
            "{}, {} left out, {} of the answer; the last: {last} (ended by {ended})\n",
            counted(self.drops.len(), "drop"),
            self.left_out.len(),
            counted(self.changes().len(), "change")
        )
    }
}

/// Files of arrays, the oldest first, and by name where two are of one moment; hidden ones are being written.
fn files(folder: &Path) -> Result<Vec<(PathBuf, State)>, DiagnoseCommandError> {
    let refused = |cause| DiagnoseCommandError::Arrays(ArraysError::Io { path: folder.into(), cause });
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(refused)? {
        let path = entry.map_err(refused)?.path();
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        // A file that is gone by now is no drop.
        if let Ok(about) = std::fs::metadata(&path)
            && about.is_file()
            && ENDINGS.contains(&ending)
            && !hidden
        {
            found.push((path, State { length: about.len(), modified: about.modified().ok() }));
        }
    }
    found.sort_by(|(a, at), (b, bt)| (at.modified, a).cmp(&(bt.modified, b)));
    Ok(found)
}
