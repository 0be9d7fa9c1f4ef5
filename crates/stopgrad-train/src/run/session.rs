//! A live model with its files: what is appended, what is saved, what is restored.

use std::path::{Path, PathBuf};
use std::time::Instant;

use stopgrad_data::{Batch, Loader};

use super::live::{Detail, Live, Update};
use super::probing::ProbeSet;
use super::resume::History;
use super::{Observer, Phase, Progress, RunError, RunOutcome};
use crate::checkpoint::{self, Checkpoint};
use crate::features::Space;
use crate::folder::{self, MetricsFile, RecordError};
use crate::measure::{EvaluationPairs, balance_gap, regularizer};
use crate::plan::Plan;
use crate::record::{Column, MetricsRow, Spectrum};
use crate::scalar::Scalar;
use crate::verdict::{Snapshot, TailRow};
use crate::weights::Weights;

/// Rows of evidence on convergence, over the last fifth of a run.
const TAIL_ROWS: u64 = 60;

/// Where and in what a run left the numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Divergence {
    pub step: u64,
    pub quantity: String,
}

pub(super) struct Session<'p, T> {
    pub live: Live<'p, T>,
    pub pairs: EvaluationPairs,
    pub probes: Option<ProbeSet>,
    pub history: History,
    pub rows: Vec<MetricsRow>,
    pub spectra: Vec<Spectrum>,
    pub divergence: Option<Divergence>,
    pub name: String,
    pub folder: PathBuf,
    file: MetricsFile,
    tail_start: Option<Weights>,
    seconds_before: f64,
    started: Instant,
    /// Seconds that loops before this one waited for batches, and all so far.
    waited_before: f64,
    waited: f64,
}

impl<'p, T: Scalar> Session<'p, T> {
    /// A run at its first step, or where its checkpoint stands.
    pub(super) fn open(plan: &'p Plan, name: &str, folder: &Path) -> Result<Self, RunError> {
        let mut live = Live::new(plan);
        let mut history = History::default();
        let (mut tail_start, mut step) = (None, None);
        if let Some((stored, at)) = Checkpoint::<T>::read(folder)? {
            // A run that has done its last step is saved no more, and would keep them for good.
            checkpoint::tidy(folder)?;
            let foreign = |what: String| RunError::Foreign { folder: folder.to_owned(), what };
            (history, tail_start) = live.restore(&stored, at).map_err(foreign)?;
            step = Some(at);
        }
        let (file, rows) = MetricsFile::open(folder, step)?;
        let mut spectra = if step.is_some() { folder::read_spectra(folder)? } else { Vec::new() };
        spectra.retain(|s| s.step <= live.step);
        let files = [("metrics.csv", rows.len(), history.rows), ("spectra.npz", spectra.len(), history.spectra)];
        if let Some((name, found, wanted)) = files.into_iter().find(|(_, found, wanted)| found != wanted) {
            return Err(RecordError::lost(&folder.join(name), found, wanted).into());
        }
        let so_far = |column| rows.last().and_then(|r| r.get(column)).unwrap_or(0.0);
        let (seconds_before, waited_before) = (so_far(Column::Seconds), so_far(Column::WaitedSeconds));
        Ok(Self {
            pairs: EvaluationPairs::draw::<T>(plan)?,
            probes: ProbeSet::choose(plan),
            live,
            history,
            rows,
            spectra,
            file,
            tail_start,
            seconds_before,
            divergence: None,
            name: name.to_owned(),
            folder: folder.to_owned(),
            started: Instant::now(),
            waited_before,
            waited: waited_before,
        })
    }

    /// To the end, or until the observer stops it.
    pub(super) fn drive(mut self, observer: &mut dyn Observer) -> Result<RunOutcome, RunError> {
        let (plan, training) = (self.live.plan, &self.live.plan.config.training);
        if self.rows.is_empty() {
            self.measure(None)?;
            self.save()?;
        }
        let mut loader = plan.loader(self.live.step)?;
        while self.live.step < training.steps && self.divergence.is_none() {
            if observer.should_stop() {
                self.save_if_finite()?;
                return Ok(RunOutcome::Stopped { step: self.live.step });
            }
            let update = self.advance(&mut loader)?;
            observer.progress(&self.progress(update.batch_loss));
            let (step, every) = (self.live.step, training.checkpoint_every);
            if step == training.steps || (every > 0 && step.is_multiple_of(every)) {
                self.save_if_finite()?;
            }
        }
        self.finish(&mut loader, observer)
    }

    fn advance(&mut self, loader: &mut Loader) -> Result<Update, RunError> {
        let batches: Vec<Batch> =
            (0..self.live.plan.config.training.accumulate).map(|_| loader.next_batch()).collect::<Result<_, _>>()?;
        self.waited = self.waited_before + loader.waited().as_secs_f64();
        let next = self.live.step + 1;
        let halves = self.is_tail_row(self.live.step);
        if halves && self.tail_start.is_none() {
            self.tail_start = Some(self.live.student.duplicate::<T>());
            self.history.snapshots.push(Snapshot { step: self.live.step, distance: 0.0 });
        }
        let update = self.live.update(&batches, Detail { row: self.is_row(next), halves });
        if !update.batch_loss.is_finite() {
            self.diverge(format!("batch_loss = {}", update.batch_loss));
            return Ok(update);
        }
        self.remember_tail(&update);
        if self.divergence.is_none() && self.is_row(next) {
            self.measure(Some(&update))?;
        }
        Ok(update)
    }

    fn is_row(&self, step: u64) -> bool {
        let config = &self.live.plan.config;
        step.is_multiple_of(config.evaluation.measure_every) || self.is_probe(step)
    }

    fn is_probe(&self, step: u64) -> bool {
        let config = &self.live.plan.config;
        step.is_multiple_of(config.evaluation.probe_every) || step == config.training.steps
    }

    fn is_tail_row(&self, step: u64) -> bool {
        let plan = self.live.plan;
        let start = plan.tail_start();
        let every = ((plan.config.training.steps - start) / TAIL_ROWS).max(1);
        step >= start && (step - start).is_multiple_of(every)
    }

    fn remember_tail(&mut self, update: &Update) {
        let (Some(halves), Some(start)) = (update.halves, &self.tail_start) else { return };
        if !halves.increment.is_finite() {
            self.diverge(format!("|Δθ| = {}", halves.increment));
            return;
        }
        self.history.tail.push(TailRow {
            step: self.live.step,
            learning_rate: update.learning_rate,
            increment: halves.increment,
            half_dot: halves.dot,
            half_sq_sum: halves.squares,
        });
        let distance = self.live.student.squared_distance::<T>(start, 0..start.parameters.len()).sqrt();
        self.history.snapshots.push(Snapshot { step: self.live.step, distance });
    }

    fn diverge(&mut self, quantity: String) {
        self.divergence = Some(Divergence { step: self.live.step, quantity });
    }

    /// A row of metrics at the present point; probes and spectra where they are due.
    fn measure(&mut self, update: Option<&Update>) -> Result<(), RunError> {
        let (plan, step) = (self.live.plan, self.live.step);
        let live = &self.live;
        let measured = self.pairs.measure(&plan.network, &live.objective, &live.student, live.teacher.as_ref());
        if !measured.joint_loss.is_finite() {
            self.diverge(format!("joint_loss = {}", measured.joint_loss));
            return Ok(());
        }
        let mut row = MetricsRow::new(step);
        let batches = step * plan.config.training.accumulate;
        row.set(Column::Epoch, batches as f64 / plan.batches_per_epoch() as f64);
        row.set(Column::TeacherLag, live.teacher_lag());
        row.set(Column::WeightDecay, live.weight_decay());
        measured.write(&mut row, regularizer::<T>(&plan.network, &live.objective, &live.student));
        if let Some(gap) = balance_gap(&plan.network, &live.student) {
            row.set(Column::BalanceGap, gap);
        }
        if let Some(update) = update {
            update.write(&mut row);
        }
        if self.is_probe(step) {
            self.spectra.extend(measured.spectra(step));
            self.probe(&mut row)?;
        }
        row.set(Column::Seconds, self.seconds_before + self.started.elapsed().as_secs_f64());
        row.set(Column::WaitedSeconds, self.waited);
        self.file.append(&row)?;
        self.rows.push(row);
        Ok(())
    }

    fn probe(&mut self, metrics: &mut MetricsRow) -> Result<(), RunError> {
        let Some(probes) = &self.probes else { return Ok(()) };
        let (live, network, step) = (&self.live, self.live.network(), self.live.step);
        let source = live.plan.source.as_ref();
        let probe = |weights, space, place| probes.probe::<T>(source, network, weights, space, (place, step));
        let mut found = probe(&live.student, Space::Encoder, "encoder")?;
        for (column, row) in [Column::KnnAccuracy, Column::LinearAccuracy].into_iter().zip(&found) {
            metrics.set(column, row.validation);
        }
        if step == live.plan.config.training.steps {
            if network.has_projector() {
                found.extend(probe(&live.student, Space::Projector, "projector")?);
            }
            if let Some(teacher) = &live.teacher {
                found.extend(probe(teacher.weights(), Space::Encoder, "teacher_encoder")?);
            }
        }
        self.history.probes.extend(found);
        Ok(())
    }

    pub(super) fn progress(&self, batch_loss: f64) -> Progress {
        let newest = |column| self.rows.iter().rev().find_map(|row| row.get(column));
        Progress {
            step: self.live.step,
            steps: self.live.plan.config.training.steps,
            phase: Phase::Training,
            batch_loss,
            joint_objective: newest(Column::JointObjective),
            effective_rank: newest(Column::StudentEncoderEffectiveRank),
            knn_accuracy: newest(Column::KnnAccuracy),
        }
    }

    /// Saves, unless the last update left the finite numbers.
    fn save_if_finite(&mut self) -> Result<(), RunError> {
        if self.divergence.is_none() && !self.live.student.is_finite::<T>() {
            self.diverge("a parameter is not finite".to_owned());
        }
        if self.divergence.is_none() { self.save() } else { Ok(()) }
    }

    /// Writes spectra and checkpoint.
    fn save(&mut self) -> Result<(), RunError> {
        self.file.sync()?;
        (self.history.rows, self.history.spectra) = (self.rows.len(), self.spectra.len());
        folder::write_spectra(&self.folder, &self.spectra)?;
        let mut stored = self.live.store(&self.history, self.tail_start.as_ref());
        Ok(stored.write(&self.folder, self.live.step)?)
    }
}
