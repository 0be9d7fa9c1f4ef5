//! After the last step: the descent that tests for a minimum, the verdict, the record.

use std::cell::RefCell;

use stopgrad_data::Loader;
use stopgrad_dynamics::Field;
use stopgrad_dynamics::collapse::{CollapseEvidence, Outputs, Place, PlaceEvidence, Spread, Values, collapses};
use stopgrad_dynamics::rank::RankError;

use super::live::{Live, views};
use super::session::Session;
use super::{Observer, Phase, Progress, RunError, RunOutcome};
use crate::config::Loss;
use crate::folder;
use crate::measure::{Cloud, EvaluationPairs, Measured};
use crate::optim::{Optimizer, Pace};
use crate::record::{Baselines, Column, MetricsRow, RunRecord};
use crate::scalar::Scalar;
use crate::theory::{self, LinearEnd, TheoryRecord};
use crate::verdict::{ConvergenceEvidence, DescentEvidence, Finding, SmallestValue, Verdict, converges, minimises};
use crate::weights::Weights;

/// Rows from which the pace at the start of a run is taken.
const FIRST_ROWS: usize = 5;

/// The comparison with the theory, none where it is not about such a run; or stopped by the observer.
enum Compared {
    Told(Option<Box<TheoryRecord>>),
    Stopped,
}

impl<T: Scalar> Session<'_, T> {
    /// Judges the run, writes its record.
    pub(super) fn finish(mut self, loader: &mut Loader, observer: &mut dyn Observer) -> Result<RunOutcome, RunError> {
        let plan = self.live.plan;
        let initial = plan.initial_weights::<T>();
        let all = 0..initial.parameters.len();
        let moved = self.live.student.squared_distance::<T>(&initial, all.clone());
        let collapses = self.judge_collapse(&initial);
        let converges = self.judge_convergence(&initial);
        let initial_weights_sha256 = initial.sha256::<T>();
        let displacement = (moved / initial.squared_norm::<T>(all)).sqrt();
        let relative_displacement = displacement.is_finite().then_some(displacement);
        // Before the descent, which moves the weights.
        let theory = match self.compare_with_theory(&initial, observer)? {
            Compared::Told(theory) => theory.map(|theory| *theory),
            Compared::Stopped => return Ok(RunOutcome::Stopped { step: self.live.step }),
        };
        let gallery = self.keep_gallery()?;
        let Some(minimises) = self.judge_descent(loader, observer)? else {
            return Ok(RunOutcome::Stopped { step: self.live.step });
        };
        let verdict = Verdict {
            minimises,
            converges,
            collapses,
            conservative: Finding::not_run(
                "whether the field is the gradient of anything",
                "some hundred evaluations of the field from perturbed parameters",
            ),
            stable: Finding::not_run(
                "whether the end point is stable",
                "some thousand evaluations of the field, to find its rightmost eigenvalues",
            ),
        };
        let steps = self.live.step;
        let training = &plan.config.training;
        // Of all batches of the plan: a run that diverged saw the first of them.
        let batches = training.steps * training.accumulate;
        let data_order_sha256 =
            Loader::data_order_sha256(plan.pairs_per_epoch(), training.batch_size, training.seed, batches);
        let (probes, baselines) = self.probe_results()?;
        let record = RunRecord {
            name: self.name,
            config: plan.config.clone(),
            steps,
            initial_weights_sha256,
            data_order_sha256,
            relative_displacement,
            verdict,
            theory,
            probes,
            baselines,
            metrics: self.rows,
            spectra: self.spectra,
            gallery,
        };
        folder::write_record(&self.folder, &record)?;
        Ok(RunOutcome::Finished(Box::new(record)))
    }

    fn probe_results(&self) -> Result<(Vec<crate::record::ProbeResult>, Baselines), RunError> {
        let Some(probes) = &self.probes else { return Ok((Vec::new(), Baselines::default())) };
        let rows = &self.history.probes;
        let rank = |row: &MetricsRow| Some((row.step(), row.get(Column::StudentEncoderEffectiveRank)?));
        let ranks: Vec<(u64, f64)> = self.rows.iter().filter_map(rank).collect();
        Ok((
            probes.summarize(rows, &ranks, self.live.plan.config.training.steps),
            probes.baselines(rows, &probes.probe_input(self.live.plan.source.as_ref())?),
        ))
    }

    /// Every place at the end, beside itself untrained, on the evaluation pairs.
    fn judge_collapse(&self, initial: &Weights) -> Finding {
        if let Some(divergence) = &self.divergence {
            return Finding::after_divergence(divergence.step, &divergence.quantity);
        }
        let live = &self.live;
        let (network, objective) = (live.network(), &live.objective);
        let end = self.pairs.measure(network, objective, &live.student, live.teacher.as_ref());
        let start = self.pairs.measure(network, objective, initial, None);
        let teacher = |m: &Measured| m.teacher_projector.clone().unwrap_or_else(|| m.teacher_encoder.clone());
        let mut clouds = vec![(Place::Encoder, &end.student_encoder, &start.student_encoder)];
        if let (Some(end), Some(start)) = (&end.student_projector, &start.student_projector) {
            clouds.push((Place::Projector, end, start));
        }
        let (end_teacher, start_teacher) = (teacher(&end), teacher(&start));
        clouds.push((Place::Predictor, &end.predictor, &start.predictor));
        clouds.push((Place::Teacher, &end_teacher, &start_teacher));
        let places: Result<Vec<_>, RankError> =
            clouds.into_iter().map(|(at, end, untrained)| place(at, end, untrained)).collect();
        match places {
            Ok(places) => collapses(&CollapseEvidence {
                places,
                loss_sees_scale: Some(objective.loss != Loss::Cosine),
                reference_called: "untrained",
            }),
            Err(error) => {
                let why = format!("The outputs could not be measured: {error}.");
                Finding::new("undecided", why, &serde_json::Map::new())
            }
        }
    }

    fn judge_convergence(&self, initial: &Weights) -> Finding {
        let (plan, all) = (self.live.plan, 0..initial.parameters.len());
        let length = |row: &MetricsRow| {
            let student = row.get(Column::StudentIncrement)?;
            let predictor = row.get(Column::PredictorIncrement).unwrap_or(0.0);
            Some(student.hypot(predictor) / row.get(Column::LearningRate)?)
        };
        let warm = |row: &&MetricsRow| row.step() > plan.config.optimizer.warmup_steps;
        let first: Vec<f64> = self.rows.iter().filter(warm).filter_map(length).take(FIRST_ROWS).collect();
        converges(&ConvergenceEvidence {
            rows: self.history.tail.clone(),
            snapshots: self.history.snapshots.clone(),
            initial_increment_over_rate: first.iter().sum::<f64>() / first.len().max(1) as f64,
            initial_parameter_norm: initial.squared_norm::<T>(all.clone()).sqrt(),
            parameter_norm: self.live.student.squared_norm::<T>(all).sqrt(),
            momentum: plan.effective_momentum(),
            diverged_at: self.divergence.as_ref().map(|d| (d.step, d.quantity.clone())),
        })
    }

    /// What the theory predicts of a linear run, beside its end; writes the moments that it rests on.
    fn compare_with_theory(&self, initial: &Weights, observer: &mut dyn Observer) -> Result<Compared, RunError> {
        let (plan, network) = (self.live.plan, self.live.network());
        if !theory::applies(plan) {
            return Ok(Compared::Told(None));
        }
        if self.divergence.is_some() {
            return Ok(Compared::Told(Some(Box::new(theory::diverged(plan)))));
        }
        let (start, end) = (LinearEnd::of(network, initial), LinearEnd::of(network, &self.live.student));
        let observer = RefCell::new(observer);
        let should_stop = || observer.borrow_mut().should_stop();
        let Some((record, moments)) = theory::compare(plan, start.zip(end).as_ref(), &should_stop)? else {
            return Ok(Compared::Stopped);
        };
        if let Some(moments) = &moments {
            folder::write_moments(&self.folder, moments)?;
        }
        Ok(Compared::Told(Some(Box::new(record))))
    }

    /// Descends Ē from the end. `None` if the observer stops it.
    fn judge_descent(&mut self, loader: &mut Loader, observer: &mut dyn Observer) -> Result<Option<Finding>, RunError> {
        if let Some(divergence) = &self.divergence {
            return Ok(Some(Finding::after_divergence(divergence.step, &divergence.quantity)));
        }
        let smallest = |column| {
            let values =
                self.rows.iter().filter_map(|row| Some(SmallestValue { step: row.step(), value: row.get(column)? }));
            values.min_by(|a, b| a.value.total_cmp(&b.value))
        };
        let (steps, learning_rate) = (self.live.plan.config.evaluation.descent_steps, self.live.descent_rate());
        let unknown = SmallestValue { step: 0, value: f64::NAN };
        let mut evidence = DescentEvidence {
            initial_objective: self.rows.first().and_then(|r| r.get(Column::JointObjective)).unwrap_or(f64::NAN),
            start_objective: self.live.joint_objective(&self.pairs),
            end_objective: f64::NAN,
            steps,
            learning_rate,
            smallest_objective: smallest(Column::JointObjective).unwrap_or(unknown),
            smallest_relative_error: smallest(Column::RelativeError),
            last_step: self.live.step,
            diverged: false,
        };
        for step in 0..steps {
            if observer.should_stop() {
                return Ok(None);
            }
            let batch_loss = self.live.descend(loader, learning_rate, step)?;
            if !batch_loss.is_finite() {
                evidence.diverged = true;
                break;
            }
            observer.progress(&Progress { step: step + 1, steps, phase: Phase::Descent, ..self.progress(batch_loss) });
        }
        evidence.end_objective = self.live.joint_objective(&self.pairs);
        Ok(Some(minimises(&evidence)))
    }
}

impl<T: Scalar> Live<'_, T> {
    /// Ē on the evaluation pairs.
    fn joint_objective(&self, pairs: &EvaluationPairs) -> f64 {
        pairs.joint_objective::<T>(self.network(), &self.objective, &self.student)
    }

    /// The rate of the last update; of a schedule that ended at 0, its highest.
    fn descent_rate(&self) -> f64 {
        let last = self.plan.learning_rate().at(self.step.saturating_sub(1));
        if last > 0.0 { last } else { self.plan.config.optimizer.learning_rate }
    }

    /// Step `done`, counted from 0, of joint descent. The run has been saved before: this changes the student for good.
    fn descend(&mut self, loader: &mut Loader, rate: f64, done: u64) -> Result<f64, RunError> {
        self.objective.terms.step = Some(self.step + done);
        if done == 0 {
            // The state of another field's steps is no part of a descent.
            self.optimizer = Optimizer::new(&self.plan.config.optimizer, self.objective.decayed, self.network());
        }
        let mut batches = Vec::new();
        for _ in 0..self.plan.config.training.accumulate {
            batches.push(views::<T>(&loader.next_batch()?, self.network().input_width));
        }
        let mut gradient = self.mean_gradient(Field::Joint, &batches);
        self.clip(&mut gradient, false);
        let pace = Pace::even(rate, self.objective.decoupled);
        self.optimizer.step(&mut self.student.parameters, &gradient.parts, pace, None);
        Ok(gradient.loss)
    }
}

/// Trained beside untrained, with the spread of the views of one sample where both views were seen.
fn place(place: Place, end: &Cloud, untrained: &Cloud) -> Result<PlaceEvidence, RankError> {
    let within = end.twins.as_ref().map(|twins| {
        let squares: f64 = end.points.iter().zip(twins).map(|(a, b)| (a - b) * (a - b)).sum();
        // Each of two views is half their distance from their mean.
        squares / 4.0 / end.n as f64
    });
    let spread = |cloud: &Cloud| -> Result<Spread, RankError> {
        Ok(Spread::measure(&Outputs::new(Values::F64(&cloud.points), cloud.n, 1, cloud.d)?)?)
    };
    let total: f64 = end.summary.eigenvalues.iter().sum();
    Ok(PlaceEvidence {
        place,
        end: spread(end)?,
        reference: Some(spread(untrained)?),
        within_view_variance: within,
        between_view_variance: within.map(|within| (total - within).max(0.0)),
    })
}
