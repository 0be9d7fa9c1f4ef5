//! A run's weights as a `.safetensors` file that PyTorch, torchvision or timm load.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use safetensors::tensor::{Dtype, View};
use serde_json::{Value, json};
use thiserror::Error;

use super::{ENCODER, to_foreign};
use crate::config::{EncoderPool, NetworkConfig};
use crate::embedder::{Embedder, EmbedderError, Numbers};
use crate::layer::Layer;
use crate::network::Input;
use crate::scalar::Scalar;
use crate::weights::Weights;

pub use crate::embedder::Part;

/// Whose names and what parts a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The encoder, as torchvision names it.
    Torchvision,
    /// The encoder, as timm names it.
    Timm,
    /// Encoder, projector and predictor, under our names.
    Safetensors,
}

/// Weights that do not fit where they should go.
#[derive(Debug, Error)]
pub enum ExportError {
    /// No run, or a damaged one.
    #[error(transparent)]
    Run(#[from] EmbedderError),
    /// An encoder that the library does not have.
    #[error("{library} has no encoder `{encoder}`; it has {known}, and --to safetensors writes any")]
    Unknown {
        /// `torchvision` or `timm`.
        library: &'static str,
        /// The run's.
        encoder: &'static str,
        /// What there is.
        known: &'static str,
    },
    /// A ResNet of another width.
    #[error(
        "{library}'s ResNets have 64 channels in their first stage, and this run has network.encoder_base_width = {width}; --to safetensors writes it, and train with 64 for the other"
    )]
    Width {
        /// `torchvision` or `timm`.
        library: &'static str,
        /// The run's.
        width: usize,
    },
    /// A norm behind the encoder.
    #[error(
        "without a projector network.output_batch_norm puts a batch norm behind the encoder, which {library} has not; --to safetensors writes it"
    )]
    Behind {
        /// `torchvision` or `timm`.
        library: &'static str,
    },
}

/// The weights of a run, ready to be written.
#[derive(Debug)]
pub struct Export {
    target: Target,
    embedder: Embedder,
}

impl Export {
    /// Reads a run, finished or not, and checks that its encoder is one of the library's.
    ///
    /// # Errors
    /// When there is no run, it is damaged, or the library has no such encoder.
    pub fn read(run: &Path, target: Target, part: Part) -> Result<Self, ExportError> {
        let embedder = Embedder::read_part(run, part)?;
        let network = embedder.config();
        let library = match target {
            Target::Torchvision => "torchvision",
            Target::Timm => "timm",
            Target::Safetensors => return Ok(Self { target, embedder }),
        };
        let encoder = network.encoder.name();
        match (target, network.encoder.stages().is_some(), network.encoder.is_transformer()) {
            (_, true, _) | (Target::Timm, _, true) => {}
            (Target::Timm, ..) => {
                let known = "resnet18, resnet34, resnet50, vit, vit_tiny, vit_small, vit_base";
                return Err(ExportError::Unknown { library, encoder, known });
            }
            _ => return Err(ExportError::Unknown { library, encoder, known: "resnet18, resnet34, resnet50" }),
        }
        if network.encoder.stages().is_some() && network.encoder_base_width != 64 {
            return Err(ExportError::Width { library, width: network.encoder_base_width });
        }
        let last = embedder.network().encoder.layers.last();
        if network.encoder.stages().is_some() && matches!(last, Some(Layer::BatchNorm(_))) {
            return Err(ExportError::Behind { library });
        }
        Ok(Self { target, embedder })
    }

    /// The configuration of the network.
    pub fn network(&self) -> &NetworkConfig {
        self.embedder.config()
    }

    /// Updates that the weights have seen.
    pub fn step(&self) -> u64 {
        self.embedder.step()
    }

    /// Channels, rows and columns of the images that the run takes.
    pub fn image(&self) -> Option<[usize; 3]> {
        Input::from(&self.embedder.preprocessing().shape).image
    }

    /// What a sample of the encoder's input is and how it is prepared, where to it belongs, and what is in it: the text beside the
    /// numbers.
    pub fn told(&self) -> Value {
        let (network, prepared) = (self.network(), self.embedder.preprocessing());
        let pool = match network.encoder_pool {
            EncoderPool::Mean => "mean",
            EncoderPool::Token => "token",
        };
        let lengths = self.image().map_or_else(|| vec![prepared.shape.len()], |image| image.to_vec());
        let mut told = json!({
            "layout": "pytorch", "encoder": network.encoder.name(), "width": self.embedder.network().encoder_width,
            "step": self.step(), "input": lengths, "mean": prepared.normalizer.mean, "std": prepared.normalizer.std,
        });
        let own = if network.encoder.is_transformer() {
            json!({
                "patch": network.encoder_patch, "pool": pool, "depth": network.encoder_depth, "heads": network.encoder_heads,
            })
        } else if network.encoder.stages().is_some() {
            json!({ "stem": network.encoder_stem, "base_width": network.encoder_base_width })
        } else {
            json!({})
        };
        if let (Value::Object(told), Value::Object(own)) = (&mut told, own) {
            told.extend(own);
            if let Some(projection) = &prepared.projection {
                told.insert("projection".into(), json!(projection));
            }
        }
        told
    }

    /// Names and shapes of what is written.
    pub fn names(&self) -> BTreeMap<String, Vec<usize>> {
        self.tensors().into_iter().map(|(name, tensor)| (name, tensor.shape)).collect()
    }

    /// The file: the same run gives the same bytes.
    ///
    /// # Panics
    /// Never for a network that was built: its names differ.
    pub fn to_bytes(&self) -> Vec<u8> {
        // One entry only: the format's map of several would be written in a random order.
        let texts = [("stopgrad".to_owned(), self.told().to_string())].into_iter().collect();
        safetensors::serialize(self.tensors(), Some(texts)).expect("arrays of different names that fill their shapes")
    }

    fn tensors(&self) -> BTreeMap<String, Tensor> {
        let mut tensors = match self.embedder.numbers() {
            Numbers::Single(weights) => self.of::<f32>(weights, Dtype::F32),
            Numbers::Double(weights) => self.of::<f64>(weights, Dtype::F64),
        };
        // PyTorch counts the batches of each norm, and refuses a file that does not.
        let norms: Vec<String> = (tensors.keys())
            .filter_map(|name| Some(format!("{}.num_batches_tracked", name.strip_suffix(".running_mean")?)))
            .collect();
        let count = self.embedder.batches().to_le_bytes().to_vec();
        for name in norms {
            tensors.insert(name, Tensor { dtype: Dtype::I64, shape: Vec::new(), bytes: count.clone() });
        }
        tensors
    }

    fn of<T: Scalar>(&self, weights: &Weights, dtype: Dtype) -> BTreeMap<String, Tensor> {
        let all = to_foreign::<T>(self.embedder.network(), weights).into_iter();
        let named = all.filter_map(|(name, (shape, values))| {
            let name = match self.target {
                Target::Safetensors => name,
                Target::Torchvision | Target::Timm => name.strip_prefix(ENCODER)?.to_owned(),
            };
            Some((name, Tensor { dtype, shape, bytes: T::little_endian(&values) }))
        });
        named.collect()
    }
}

/// An array as bytes.
struct Tensor {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl View for Tensor {
    fn dtype(&self) -> Dtype {
        self.dtype
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }
    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}
