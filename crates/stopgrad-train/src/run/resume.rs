//! A live model to a checkpoint and back, to the bit.

use serde::{Deserialize, Serialize};

use super::live::Live;
use super::probing::ProbeRow;
use crate::checkpoint::{self, Checkpoint, TEACHER};
use crate::config::Config;
use crate::features::{PREPROCESSING, Preprocessing};
use crate::plan::Plan;
use crate::scalar::Scalar;
use crate::verdict::{Snapshot, TailRow};
use crate::weights::Weights;

/// What a run remembers beyond its numbers: part of the checkpoint.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(super) struct History {
    pub probes: Vec<ProbeRow>,
    pub tail: Vec<TailRow>,
    pub snapshots: Vec<Snapshot>,
    /// Rows of `metrics.csv` and spectra of `spectra.npz` up to this step: fewer there means that a file was lost.
    pub rows: usize,
    pub spectra: usize,
}

/// What a predictor that is set is set from.
const CORRELATION: &str = "predictor.correlation";
const HISTORY: &str = "history";
const CONFIGURATION: &str = "configuration";

/// The configuration, but for what no number depends on.
fn identity(plan: &Plan) -> Config {
    let mut config = plan.config.clone();
    config.training.threads = 0;
    config
}

impl<T: Scalar> Live<'_, T> {
    /// Everything a run needs to go on.
    pub(super) fn store(&self, history: &History, tail_start: Option<&Weights>) -> Checkpoint<T> {
        let network = self.network();
        let mut stored = Checkpoint::default();
        let put = |arrays: &mut checkpoint::Arrays<T>, prefix: &str, weights: &Weights| {
            for (spec, values) in network.parameters.iter().zip(&weights.parameters) {
                arrays.insert_tensor(format!("{prefix}{}", spec.name), &spec.shape, values);
            }
            for (spec, values) in network.buffers.iter().zip(&weights.buffers) {
                arrays.insert_tensor(format!("{prefix}{}", spec.name), &[spec.len], values);
            }
        };
        put(&mut stored.model, "", &self.student);
        stored.model.insert_text(PREPROCESSING, &Preprocessing::of(self.plan));
        if let Some(teacher) = &self.teacher {
            put(&mut stored.state, TEACHER, teacher.weights());
        }
        if let Some(start) = tail_start {
            put(&mut stored.state, "tail_start.", start);
        }
        for (name, values) in self.optimizer.state(network) {
            stored.state.insert(name, &[values.len()], values);
        }
        if let Some(setter) = &self.setter {
            let correlation = setter.correlation();
            stored.state.insert(CORRELATION, &[correlation.len()], correlation);
        }
        stored.state.insert_text(HISTORY, history);
        stored.state.insert_text(CONFIGURATION, &identity(self.plan));
        stored
    }

    /// Puts stored numbers in their places; what does not fit is named.
    pub(super) fn restore(&mut self, stored: &Checkpoint<T>, step: u64) -> Result<(History, Option<Weights>), String> {
        let network = self.network();
        let fill = |arrays: &checkpoint::Arrays<T>, prefix: &str, weights: &mut Weights| -> Result<(), String> {
            let parameters = network.parameters.iter().map(|s| &s.name).zip(&mut weights.parameters);
            let buffers = network.buffers.iter().map(|s| &s.name).zip(&mut weights.buffers);
            for (name, tensor) in parameters.chain(buffers) {
                let name = format!("{prefix}{name}");
                arrays.fill_tensor(&name, tensor).ok_or_else(|| format!("`{name}` is missing or of another size"))?;
            }
            Ok(())
        };
        fill(&stored.model, "", &mut self.student)?;
        if stored.state.find_text::<Config>(CONFIGURATION).as_ref() != Some(&identity(self.plan)) {
            return Err("it was made under other options".to_owned());
        }
        if let Some(teacher) = &mut self.teacher {
            teacher.restore(|weights| fill(&stored.state, TEACHER, weights))?;
        }
        let mut tail_start = None;
        if stored.state.arrays.keys().any(|name| name.starts_with("tail_start.")) {
            let mut start = self.student.duplicate::<T>();
            fill(&stored.state, "tail_start.", &mut start)?;
            tail_start = Some(start);
        }
        self.optimizer
            .restore(network, step, |name| stored.state.find(name))
            .ok_or("the state of the optimizer is missing or of another size")?;
        if let Some(setter) = self.setter.as_mut().filter(|_| step > 0) {
            let found = stored.state.find(CORRELATION).and_then(|correlation| setter.restore(correlation));
            found.ok_or_else(|| format!("`{CORRELATION}` is missing or of another size"))?;
        }
        self.step = step;
        // Ē at the end is that of the last update, whether or not it is made again.
        self.objective_as_in(step.saturating_sub(1));
        let history = stored.state.find_text(HISTORY).ok_or("its history is missing")?;
        Ok((history, tail_start))
    }
}
