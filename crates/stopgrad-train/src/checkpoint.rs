//! The state of a run on disk: written beside, then renamed; read back to the same bits.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use burn::tensor::Tensor;
use safetensors::tensor::{Dtype, SafeTensors, View};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::bridge;
use crate::scalar::Scalar;

/// Named arrays with text beside them: what one `.safetensors` file holds.
#[derive(Debug, Default)]
pub struct Arrays<T> {
    /// Name → (shape, values).
    pub arrays: BTreeMap<String, (Vec<usize>, Vec<T>)>,
    /// The file's `__metadata__`.
    pub texts: BTreeMap<String, String>,
}

/// Model and state, together one checkpoint.
#[derive(Debug, Default)]
pub struct Checkpoint<T> {
    /// Student weights: `checkpoint/model.safetensors`.
    pub model: Arrays<T>,
    /// Teacher, optimizer, history: `checkpoint/state.safetensors`.
    pub state: Arrays<T>,
}

/// A checkpoint that cannot be written or read.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// The system refused.
    #[error("cannot {action} {path}: {source}; free space or fix the permissions, then start again on the same folder")]
    System {
        /// `write`, `read`, `rename`, …
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not what we wrote.
    #[error("{path} is damaged ({reason}); delete the folder `{}` to start this run again from its first step", folder.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
        /// The checkpoint folder.
        folder: PathBuf,
    },
}

const MODEL: &str = "model.safetensors";
const STATE: &str = "state.safetensors";
/// What stands before the names of the teacher's numbers in the state.
pub(crate) const TEACHER: &str = "teacher.";
/// Key under which the identity of the pair of files stands in both.
const STAMP: &str = "step";
/// Key of the checksum among them.
const SUM: &str = "sha256";
/// Key of all our texts, as one JSON object, in a file's `__metadata__`.
const TEXTS: &str = "stopgrad";

impl<T: Scalar> Checkpoint<T> {
    /// Writes `RUN/checkpoint` in a new folder beside it and renames.
    ///
    /// Killed at any moment, either the old or the new checkpoint is found by [`Checkpoint::read`].
    ///
    /// # Errors
    /// When the system refuses; the old checkpoint is still there then.
    pub fn write(&mut self, run: &Path, step: u64) -> Result<(), CheckpointError> {
        let (fresh, current, old) = folders(run);
        tidy(run)?;
        fs::create_dir_all(&fresh).map_err(at("create", &fresh))?;
        for (name, arrays) in [(MODEL, &mut self.model), (STATE, &mut self.state)] {
            arrays.texts.insert(STAMP.to_owned(), step.to_string());
            arrays.write(&fresh.join(name))?;
        }
        if current.exists() {
            fs::rename(&current, &old).map_err(at("rename", &current))?;
        }
        fs::rename(&fresh, &current).map_err(at("rename", &fresh))?;
        remove(&old)
    }

    /// Reads the latest whole checkpoint of a run and its step; `None` if there is none.
    ///
    /// # Errors
    /// When files are there but damaged, or belong to different steps.
    pub fn read(run: &Path) -> Result<Option<(Self, u64)>, CheckpointError> {
        let (_, current, old) = folders(run);
        // Between the two renames only the old one is in place.
        let Some(folder) = [current, old].into_iter().find(|f| f.exists()) else { return Ok(None) };
        let model = Arrays::read(&folder.join(MODEL))?;
        let state = Arrays::read(&folder.join(STATE))?;
        let stamp = |arrays: &Arrays<T>| arrays.texts.get(STAMP).and_then(|s| s.parse::<u64>().ok());
        match (stamp(&model), stamp(&state)) {
            (Some(a), Some(b)) if a == b => Ok(Some((Self { model, state }, a))),
            _ => Err(damaged(&folder.join(STATE), "its step is missing or is not that of the model beside it")),
        }
    }
}

/// Removes what a kill left beside the checkpoint of a run, or puts the old one in its place where a kill between the two
/// renames left no other.
///
/// # Errors
/// When the system refuses.
pub fn tidy(run: &Path) -> Result<(), CheckpointError> {
    let (fresh, current, old) = folders(run);
    if !current.exists() && old.exists() {
        fs::rename(&old, &current).map_err(at("rename", &old))?;
    }
    remove(&old)?;
    remove(&fresh)
}

/// True if a run folder has a checkpoint.
pub fn exists(run: &Path) -> bool {
    let (_, current, old) = folders(run);
    current.exists() || old.exists()
}

fn folders(run: &Path) -> (PathBuf, PathBuf, PathBuf) {
    (run.join("checkpoint.new"), run.join("checkpoint"), run.join("checkpoint.old"))
}

fn remove(folder: &Path) -> Result<(), CheckpointError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(at("remove", folder)(error)),
        _ => Ok(()),
    }
}

fn at<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(std::io::Error) -> CheckpointError + 'a {
    move |source| CheckpointError::System { action, path: path.to_owned(), source }
}

fn damaged(path: &Path, reason: impl Into<String>) -> CheckpointError {
    let folder = path.parent().unwrap_or(path).to_owned();
    CheckpointError::Damaged { path: path.to_owned(), reason: reason.into(), folder }
}

struct Stored<'a, T> {
    shape: &'a [usize],
    values: &'a [T],
}

impl<T: Scalar> View for Stored<'_, T> {
    fn dtype(&self) -> Dtype {
        if size_of::<T>() == 8 { Dtype::F64 } else { Dtype::F32 }
    }
    fn shape(&self) -> &[usize] {
        self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Owned(T::little_endian(self.values))
    }
    fn data_len(&self) -> usize {
        size_of_val(self.values)
    }
}

impl<T: Scalar> Arrays<T> {
    /// Adds an array.
    pub fn insert(&mut self, name: impl Into<String>, shape: &[usize], values: &[T]) {
        self.arrays.insert(name.into(), (shape.to_vec(), values.to_vec()));
    }

    /// Adds the numbers of a tensor.
    pub fn insert_tensor(&mut self, name: String, shape: &[usize], values: &Tensor<1>) {
        self.insert(name, shape, bridge::View::new(values).slice());
    }

    /// Overwrites a tensor with an array; `None` if the array is missing or has another length.
    pub fn fill_tensor(&self, name: &str, tensor: &mut Tensor<1>) -> Option<()> {
        let (_, stored) = self.arrays.get(name)?;
        (stored.len() == tensor.dims()[0]).then(|| {
            bridge::modify(tensor, |values: &mut [T]| values.copy_from_slice(stored));
        })
    }

    /// The values of an array.
    pub fn find(&self, name: &str) -> Option<Vec<T>> {
        self.arrays.get(name).map(|(_, values)| values.clone())
    }

    /// Adds a serializable value as text.
    pub fn insert_text<S: Serialize>(&mut self, name: &str, value: &S) {
        let text = serde_json::to_string(value).expect("numbers, strings and lists always have a JSON form");
        self.texts.insert(name.to_owned(), text);
    }

    /// Reads back what [`Arrays::insert_text`] wrote; `None` if missing or damaged.
    pub fn find_text<S: for<'a> Deserialize<'a>>(&self, name: &str) -> Option<S> {
        serde_json::from_str(self.texts.get(name)?).ok()
    }

    /// SHA-256 over names, shapes, numbers and texts; lower-case hex.
    fn sha256(&self) -> String {
        let mut hasher = Sha256::new();
        for (name, (shape, values)) in &self.arrays {
            hasher.update(format!("{name}{shape:?}"));
            hasher.update(T::little_endian(values));
        }
        for (name, text) in &self.texts {
            hasher.update(format!("{name}={text};"));
        }
        hasher.finalize().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
    }

    /// Writes a `.safetensors` file and waits until it is on the disk.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn write(&self, path: &Path) -> Result<(), CheckpointError> {
        let views = self.arrays.iter().map(|(name, (shape, values))| (name.as_str(), Stored { shape, values }));
        // One entry only: the format's map of several would be written in a random order.
        let mut texts = self.texts.clone();
        texts.insert(SUM.to_owned(), self.sha256());
        let text = serde_json::to_string(&texts).expect("strings always have a JSON form");
        let texts = [(TEXTS.to_owned(), text)].into_iter().collect();
        let bytes = safetensors::serialize(views, Some(texts)).map_err(|e| damaged(path, e.to_string()))?;
        let mut file = File::create(path).map_err(at("write", path))?;
        file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(at("write", path))
    }

    /// Reads a `.safetensors` file. What the header claims is checked against the size of the file before use.
    ///
    /// # Errors
    /// When the file cannot be read, is damaged, or holds another type of numbers.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        let bytes = fs::read(path).map_err(at("read", path))?;
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|e| damaged(path, e.to_string()))?;
        let tensors = SafeTensors::deserialize(&bytes).map_err(|e| damaged(path, e.to_string()))?;
        let mut arrays = BTreeMap::new();
        let wanted = if size_of::<T>() == 8 { Dtype::F64 } else { Dtype::F32 };
        for (name, view) in tensors.iter() {
            if view.dtype() != wanted {
                return Err(damaged(path, format!("`{name}` is {:?}, not {wanted:?}", view.dtype())));
            }
            let values =
                T::from_little_endian(view.data()).ok_or_else(|| damaged(path, format!("`{name}` is cut off")))?;
            arrays.insert(name.to_owned(), (view.shape().to_vec(), values));
        }
        let text = header.metadata().as_ref().and_then(|m| m.get(TEXTS)).map_or("{}", String::as_str);
        let mut texts: BTreeMap<String, String> =
            serde_json::from_str(text).map_err(|e| damaged(path, format!("metadata: {e}")))?;
        let sum = texts.remove(SUM);
        let read = Self { arrays, texts };
        // A flipped bit in a weight would otherwise go on as another run.
        if sum.as_deref() == Some(&read.sha256()) { Ok(read) } else { Err(damaged(path, "its checksum is another")) }
    }
}
