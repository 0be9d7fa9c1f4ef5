//! Weights that a run starts from, out of a file: torchvision's names, timm's or ours, in PyTorch's layouts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use stopgrad_data::arrays::{ArraysError, read_arrays, safetensors_text};
use stopgrad_data::{InputFile, NpyArray, NpyData};
use thiserror::Error;

use super::{ENCODER, fill_foreign};
use crate::network::Network;
use crate::scalar::Scalar;
use crate::weights::Weights;

/// Layers of classifiers that stand behind an encoder in such files: they are left out, and told.
const HEADS: [&str; 4] = ["fc.", "head.", "head_dist.", "classifier."];
/// Names that a message holds of each kind.
const SHOWN: usize = 4;

/// Arrays for a network's encoder, and for its projector and predictor where the file has them.
#[derive(Debug)]
pub struct Start {
    /// By our name, in PyTorch's layout.
    arrays: BTreeMap<String, NpyArray>,
    /// The file.
    pub input: InputFile,
    /// Names of the file that are not used.
    pub unused: Vec<String>,
    /// Parts of the network that the file has nothing for: they start as without it.
    pub drawn: Vec<&'static str>,
}

/// A file that a network cannot start from.
#[derive(Debug, Error)]
pub enum StartError {
    /// It cannot be read.
    #[error(transparent)]
    Arrays(#[from] ArraysError),
    /// The operating system refused.
    #[error("{path}: {cause}; check that the path exists and may be read")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// The checkpoint of a run, whose arrays lie otherwise.
    #[error(
        "{path} is the checkpoint of a run; write it with `stopgrad export RUN --to safetensors` and start from that"
    )]
    Checkpoint {
        /// The file.
        path: PathBuf,
    },
    /// Nothing of the encoder's names.
    #[error("{path} has no `{wanted}`, under no prefix; it has {found}: is it of another kind of encoder?")]
    NoEncoder {
        /// The file.
        path: PathBuf,
        /// First name of the encoder.
        wanted: String,
        /// Some of its names.
        found: String,
    },
    /// Names or shapes differ.
    #[error("{path} does not fit the network:{missing}{misshapen}{unexpected}")]
    Differs {
        /// The file.
        path: PathBuf,
        /// Names it lacks.
        missing: String,
        /// Names with two shapes.
        misshapen: String,
        /// Names that the network lacks.
        unexpected: String,
    },
    /// NaN or infinity.
    #[error("{path}: `{name}` holds a number that is not finite; start from another file")]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The array.
        name: String,
    },
}

impl Start {
    /// Reads a file for a network: `.safetensors`, or `.pt` and `.pth`, of which nothing is run.
    ///
    /// # Errors
    /// When it cannot be read, lacks a name of the network, has one with another shape, or more of a part than the network.
    pub fn read(path: &Path, network: &Network) -> Result<Self, StartError> {
        let bytes = std::fs::read(path).map_err(|cause| StartError::Io { path: path.into(), cause })?;
        let input = InputFile::of(path.display().to_string(), &bytes);
        drop(bytes);
        if safetensors_text(path, "stopgrad").is_some_and(|text| !text.contains("\"layout\":\"pytorch\"")) {
            return Err(StartError::Checkpoint { path: path.into() });
        }
        Self::of(path, read_arrays(path)?, input, network)
    }

    fn of(
        path: &Path, mut found: BTreeMap<String, NpyArray>, input: InputFile, network: &Network,
    ) -> Result<Self, StartError> {
        let wanted = wanted(network);
        let prefix = prefix(&wanted, &found).ok_or_else(|| StartError::NoEncoder {
            path: path.into(),
            wanted: wanted[0].0.trim_start_matches(ENCODER).to_owned(),
            found: shown(found.keys().cloned()),
        })?;
        // Ours are `encoder.` and `projector.` side by side; others have the encoder alone.
        let parent = prefix.strip_suffix(ENCODER);
        let mut drawn = Vec::new();
        let mut parts = vec![(ENCODER, prefix.clone())];
        for part in ["projector.", "predictor."] {
            let has = wanted.iter().any(|(name, _)| name.starts_with(part));
            let theirs = parent.map(|parent| format!("{parent}{part}"));
            match theirs.filter(|theirs| found.keys().any(|name| name.starts_with(theirs.as_str()))) {
                Some(theirs) if has => parts.push((part, theirs)),
                _ if has => drawn.push(part.trim_end_matches('.')),
                _ => {}
            }
        }
        let (mut arrays, mut missing, mut misshapen) = (BTreeMap::new(), Vec::new(), Vec::new());
        for (name, shape) in &wanted {
            let Some((part, theirs)) = parts.iter().find(|(part, _)| name.starts_with(part)) else { continue };
            let key = format!("{theirs}{}", &name[part.len()..]);
            match found.remove(&key) {
                Some(array) if array.shape == *shape => drop(arrays.insert(name.clone(), array)),
                Some(array) => misshapen.push(format!("{key} is {:?} there and {shape:?} here", array.shape)),
                None => missing.push(key),
            }
        }
        let is_known = |name: &String| {
            let rest = name.strip_prefix(&prefix).unwrap_or(name);
            rest.ends_with("num_batches_tracked") || HEADS.iter().any(|head| rest.starts_with(head))
        };
        let of_a_part = |name: &String| parts.iter().any(|(_, theirs)| name.starts_with(theirs.as_str()));
        let unexpected: BTreeSet<&String> = found.keys().filter(|name| of_a_part(name) && !is_known(name)).collect();
        if missing.len() + misshapen.len() + unexpected.len() > 0 {
            let told = |what: &str, names: Vec<String>| {
                if names.is_empty() { String::new() } else { format!(" {what}: {};", shown(names.into_iter())) }
            };
            return Err(StartError::Differs {
                path: path.into(),
                unexpected: told("the network lacks", unexpected.into_iter().cloned().collect()),
                missing: told("the file lacks", missing),
                misshapen: told("of other shapes", misshapen),
            });
        }
        if let Some((name, _)) = arrays.iter().find(|(_, array)| !is_finite(array)) {
            return Err(StartError::NotFinite { path: path.into(), name: name.clone() });
        }
        let unused = found.into_keys().filter(|name| !name.ends_with("num_batches_tracked")).collect();
        Ok(Self { arrays, input, unused, drawn })
    }

    /// Puts the file's numbers in their places; a part that it has nothing for stays as it is.
    pub fn fill<T: Scalar>(&self, network: &Network, weights: &mut Weights) {
        fill_foreign(network, weights, |name, _| {
            Some(match &self.arrays.get(name)?.data {
                NpyData::U8(values) => values.iter().map(|&v| T::from_f64(f64::from(v))).collect(),
                NpyData::I64(values) => values.iter().map(|&v| T::from_f64(v as f64)).collect(),
                NpyData::F32(values) => values.iter().map(|&v| T::from_f64(f64::from(v))).collect(),
                NpyData::F64(values) => values.iter().map(|&v| T::from_f64(v)).collect(),
            })
        });
    }
}

/// Names and shapes of a network's arrays.
fn wanted(network: &Network) -> Vec<(String, Vec<usize>)> {
    let parameters = network.parameters.iter().map(|spec| (spec.name.clone(), spec.foreign_shape()));
    parameters.chain(network.buffers.iter().map(|spec| (spec.name.clone(), vec![spec.len]))).collect()
}

/// What stands before the encoder's names in a file: under which most of them are found, and of those the shortest.
fn prefix(wanted: &[(String, Vec<usize>)], found: &BTreeMap<String, NpyArray>) -> Option<String> {
    let bare: Vec<&str> = wanted.iter().filter_map(|(name, _)| name.strip_prefix(ENCODER)).collect();
    let first = *bare.first()?;
    let candidates = found.keys().filter_map(|name| name.strip_suffix(first));
    let candidates = candidates.filter(|prefix| prefix.is_empty() || prefix.ends_with('.'));
    let count = |prefix: &str| bare.iter().filter(|name| found.contains_key(&format!("{prefix}{name}"))).count();
    let best = candidates.max_by_key(|prefix| (count(prefix), std::cmp::Reverse(prefix.len())));
    best.map(str::to_owned)
}

fn is_finite(array: &NpyArray) -> bool {
    match &array.data {
        NpyData::U8(_) | NpyData::I64(_) => true,
        NpyData::F32(values) => values.iter().all(|v| v.is_finite()),
        NpyData::F64(values) => values.iter().all(|v| v.is_finite()),
    }
}

/// The first names, and how many more there are.
fn shown(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    let first = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}
