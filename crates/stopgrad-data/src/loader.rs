//! Batches of view pairs, prepared ahead on threads.
//!
//! Batch k is a pure function of (seed, k): epoch e visits the training samples in the order of the stream
//! (seed, "order", e), the last incomplete batch of an epoch is dropped, and the views at position p of the order
//! draw from the streams (seed, "views/x" and "views/y", e·n + p). So the number of threads and a resume in the
//! middle change nothing. Workers take the next number, prepare it whole, and hand it over in order; they run at
//! most a few batches ahead, which bounds memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::order;
use crate::source::{Skipped, Source};
use crate::{FixedPairs, Normalizer, Projection, ViewError, ViewRecipe};

/// More workers than this prepare no batch sooner, and a system may have no room for them.
const MAX_THREADS: usize = 256;

/// What to load, and how.
#[derive(Clone)]
pub struct LoaderSpec {
    /// Where samples come from.
    pub source: Arc<dyn Source>,
    /// The samples to visit, by index into the source.
    pub indices: Vec<usize>,
    /// How the two views are made.
    pub recipe: ViewRecipe,
    /// What they are normalized by.
    pub normalizer: Normalizer,
    /// What is made of the views after that.
    pub projection: Option<Arc<Projection>>,
    /// Pairs to take instead of fresh ones, already projected: each epoch visits all of them.
    pub fixed: Option<Arc<FixedPairs>>,
    /// Pairs in a batch.
    pub batch_size: usize,
    /// Names the streams.
    pub seed: u64,
    /// Worker threads; 0 for as many as the machine runs at once; at most 256 are started.
    pub threads: usize,
    /// Number of the first batch to hand over.
    pub start_step: u64,
}

impl LoaderSpec {
    /// Pairs of an epoch.
    fn pairs(&self) -> usize {
        self.fixed.as_ref().map_or(self.indices.len(), |fixed| fixed.len())
    }
}

/// One batch of pairs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Batch {
    /// Its number, from 0.
    pub step: u64,
    /// Epochs done before it: `step` divided by the batches of an epoch.
    pub epoch: f64,
    /// The samples, by index into the source.
    pub indices: Vec<usize>,
    /// Views x, one row after another: `rows` × the numbers of a view.
    pub x: Vec<f32>,
    /// Views y, likewise.
    pub y: Vec<f32>,
    /// Pairs.
    pub rows: usize,
    /// Samples that could not be decoded and were replaced, each by the next good one of the epoch's order.
    pub skipped: Vec<Skipped>,
}

/// Why batches cannot be loaded.
#[derive(Debug, Error)]
pub enum LoaderError {
    /// A batch of nothing.
    #[error("a batch of 0 samples; set a batch size of at least 1")]
    EmptyBatch,
    /// More asked for than there is.
    #[error(
        "a batch of {batch_size} samples is larger than the training set of {available}; lower training.batch_size to at most {available} (0 takes all), or use more data"
    )]
    BatchTooLarge {
        /// Asked for.
        batch_size: usize,
        /// Training samples.
        available: usize,
    },
    /// A recipe that does not fit.
    #[error(transparent)]
    Views(#[from] ViewError),
    /// No sample could be decoded.
    #[error(
        "none of the {samples} training samples can be decoded; {first_path}: {first_reason}; look at the source with `stopgrad data`"
    )]
    NoUsableSample {
        /// Training samples.
        samples: usize,
        /// The first that failed.
        first_path: String,
        /// Why it did.
        first_reason: String,
    },
    /// The system gives no thread.
    #[error("cannot start a loader thread: {cause}; lower the number of threads")]
    Thread {
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
}

/// Hands over batches in order.
pub struct Loader {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    waited: Duration,
}

/// What the workers and the receiver share.
struct Shared {
    spec: LoaderSpec,
    batches_per_epoch: u64,
    /// Batches that may be taken beyond the next to hand over.
    ahead: u64,
    queue: Mutex<Queue>,
    changed: Condvar,
}

struct Queue {
    next_to_take: u64,
    next_to_hand_over: u64,
    ready: BTreeMap<u64, Result<Batch, LoaderError>>,
    stop: bool,
    /// A worker panicked: no further batch will be complete.
    lost: bool,
}

impl Loader {
    /// Starts the workers.
    ///
    /// # Errors
    /// [`LoaderError`] when the batch is empty or larger than the data, the recipe does not fit the source, or no
    /// thread can be started.
    ///
    /// # Panics
    /// When an index is beyond the source.
    pub fn new(spec: LoaderSpec) -> Result<Self, LoaderError> {
        let available = spec.pairs();
        if spec.batch_size == 0 {
            return Err(LoaderError::EmptyBatch);
        }
        if spec.batch_size > available {
            return Err(LoaderError::BatchTooLarge { batch_size: spec.batch_size, available });
        }
        spec.recipe.check(spec.source.shape())?;
        assert!(spec.indices.iter().all(|&index| index < spec.source.len()), "indices within the source");
        let threads = match spec.threads {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            threads => threads.min(MAX_THREADS),
        };
        let queue = Queue {
            next_to_take: spec.start_step,
            next_to_hand_over: spec.start_step,
            ready: BTreeMap::new(),
            stop: false,
            lost: false,
        };
        let shared = Arc::new(Shared {
            batches_per_epoch: (available / spec.batch_size) as u64,
            ahead: 2 * threads as u64 + 2,
            queue: Mutex::new(queue),
            changed: Condvar::new(),
            spec,
        });
        // The loader exists before its workers, so that those already started are stopped when one cannot be.
        let mut loader = Self { shared, workers: Vec::with_capacity(threads), waited: Duration::ZERO };
        for worker in 0..threads {
            let shared = Arc::clone(&loader.shared);
            let builder = std::thread::Builder::new().name(format!("loader {worker}"));
            let handle = builder.spawn(move || shared.work()).map_err(|cause| LoaderError::Thread { cause })?;
            loader.workers.push(handle);
        }
        Ok(loader)
    }

    /// The next batch; waits until it is ready.
    ///
    /// # Errors
    /// [`LoaderError::NoUsableSample`].
    ///
    /// # Panics
    /// When a worker panicked.
    pub fn next_batch(&mut self) -> Result<Batch, LoaderError> {
        let asked = Instant::now();
        let mut queue = self.shared.lock();
        loop {
            let step = queue.next_to_hand_over;
            if let Some(batch) = queue.ready.remove(&step) {
                queue.next_to_hand_over += 1;
                self.shared.changed.notify_all();
                self.waited += asked.elapsed();
                return batch;
            }
            assert!(!queue.lost, "a loader thread panicked; its message stands above");
            queue = self.shared.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// How long [`Loader::next_batch`] kept its caller in all: next to nothing where batches were ready.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// Batches of an epoch.
    pub fn batches_per_epoch(&self) -> u64 {
        self.shared.batches_per_epoch
    }

    /// SHA-256 of the order in which `n_indices` training samples are visited in the first `steps` batches:
    /// positions in the list of training samples, each as eight little-endian bytes.
    ///
    /// # Panics
    /// When a batch is empty or larger than `n_indices`; [`Loader::new`] has refused that before.
    pub fn data_order_sha256(n_indices: usize, batch_size: usize, seed: u64, steps: u64) -> String {
        order::data_order_sha256(n_indices, batch_size, seed, steps)
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.changed.notify_all();
        for worker in self.workers.drain(..) {
            // A worker's panic has been reported by the worker; a second one here would abort the program.
            let _ = worker.join();
        }
    }
}

/// Tells the receiver when a worker ends by a panic, which otherwise would wait forever.
struct Guard<'a>(&'a Shared);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lock().lost = true;
            self.0.changed.notify_all();
        }
    }
}

impl Shared {
    /// A panic never happens while the lock is held, so a poisoned lock guards a sound queue.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let _guard = Guard(self);
        let mut epoch_order = (u64::MAX, Vec::new());
        while let Some(step) = self.take() {
            let epoch = step / self.batches_per_epoch;
            if epoch_order.0 != epoch {
                epoch_order = (epoch, order::epoch_order(self.spec.seed, epoch, self.spec.pairs()));
            }
            let batch = self.prepare(step, &epoch_order.1);
            self.lock().ready.insert(step, batch);
            self.changed.notify_all();
        }
    }

    /// The next batch to prepare; `None` when the loader is gone.
    fn take(&self) -> Option<u64> {
        let mut queue = self.lock();
        while !queue.stop && queue.next_to_take >= queue.next_to_hand_over + self.ahead {
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        let step = queue.next_to_take;
        queue.next_to_take += 1;
        (!queue.stop).then_some(step)
    }

    fn prepare(&self, step: u64, order: &[usize]) -> Result<Batch, LoaderError> {
        let spec = &self.spec;
        let shape = spec.source.shape();
        let projected = spec.projection.as_ref().map_or(shape.len(), |projection| projection.outputs());
        let width = spec.fixed.as_ref().map_or(projected, |fixed| fixed.width());
        let n = spec.pairs();
        let start = (step % self.batches_per_epoch) as usize * spec.batch_size;
        let first_draw = (step / self.batches_per_epoch).wrapping_mul(n as u64);
        let mut batch = Batch {
            step,
            epoch: step as f64 / self.batches_per_epoch as f64,
            indices: Vec::with_capacity(spec.batch_size),
            x: Vec::with_capacity(spec.batch_size * width),
            y: Vec::with_capacity(spec.batch_size * width),
            rows: spec.batch_size,
            skipped: Vec::new(),
        };
        if let Some(fixed) = &spec.fixed {
            for &position in &order[start..start + spec.batch_size] {
                let (index, x, y) = fixed.pair(position);
                batch.indices.push(index);
                batch.x.extend_from_slice(x);
                batch.y.extend_from_slice(y);
            }
            return Ok(batch);
        }
        for position in start..start + spec.batch_size {
            let (index, sample) = self.decode(order, position, &mut batch.skipped)?;
            let draw = first_draw.wrapping_add(position as u64);
            let pair = spec.recipe.pair(&sample, shape, &spec.normalizer, spec.seed, "views", draw);
            batch.indices.push(index);
            if let Some(projection) = &spec.projection {
                batch.x.extend(projection.apply(&pair.x));
                batch.y.extend(projection.apply(&pair.y));
            } else {
                batch.x.extend_from_slice(&pair.x);
                batch.y.extend_from_slice(&pair.y);
            }
        }
        Ok(batch)
    }

    /// The sample at a position of the order, or the next one after it that can be decoded.
    fn decode(
        &self, order: &[usize], position: usize, skipped: &mut Vec<Skipped>,
    ) -> Result<(usize, Vec<f32>), LoaderError> {
        let before = skipped.len();
        for step in 0..order.len() {
            let index = self.spec.indices[order[(position + step) % order.len()]];
            match self.spec.source.sample(index) {
                Ok(sample) => return Ok((index, sample.values)),
                Err(error) => skipped
                    .push(Skipped { path: format!("{}[{index}]", self.spec.source.name()), reason: error.to_string() }),
            }
        }
        let first = skipped.swap_remove(before);
        Err(LoaderError::NoUsableSample { samples: order.len(), first_path: first.path, first_reason: first.reason })
    }
}

#[cfg(test)]
mod tests;
