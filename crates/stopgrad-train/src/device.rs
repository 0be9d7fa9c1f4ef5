//! Where passes through networks are made: on the CPU by our kernels, or on a graphics processor by the framework's operations.
//!
//! Weights, optimizer and teacher stay on the CPU, whatever the device: a pass takes a copy of the weights along and brings the
//! gradients back, so that rules, checkpoints and files are the same everywhere. A step costs two copies of weights over the bus
//! (three with a teacher): 45 MB each for a ResNet-18.

#[cfg(feature = "wgpu")]
mod adapter;

use burn::tensor::{DType, Device as Hardware, Tensor};
use thiserror::Error;

use crate::bridge;
use crate::config::{DeviceKind, Precision};
use crate::network::{Layout, Network, ParameterSpec};
use crate::weights::Weights;

/// What a gradient is multiplied with on its way back through half-precision products, at most: below 6e-8 their numbers are 0.
const LARGEST_SCALE: f64 = 1024.0;

/// An opened device.
#[derive(Debug, Clone)]
pub struct Device {
    hardware: Hardware,
    name: String,
    halves: bool,
}

/// A device that cannot be had.
#[derive(Debug, Error)]
pub enum DeviceError {
    /// The program knows no graphics processor.
    #[error(
        "training.device = \"wgpu\": this program was built for the CPU alone; build it with `cargo build --release --workspace --features stopgrad/wgpu`, or use --device cpu"
    )]
    NotBuilt,
    /// None answered.
    #[error(
        "training.device = \"wgpu\": no graphics processor was found ({reason}); install its Vulkan driver (Linux: `vulkaninfo --summary` must name it), or use --device cpu"
    )]
    NoAdapter {
        /// What came instead.
        reason: String,
    },
    /// It lacks a type of numbers.
    #[error("training.precision = \"{precision}\": {device} has no such numbers; write {instead}")]
    Numbers {
        /// As configured.
        precision: &'static str,
        /// Which device.
        device: String,
        /// What it has.
        instead: &'static str,
    },
}

impl Default for Device {
    fn default() -> Self {
        Self { hardware: bridge::device(), name: "CPU".into(), halves: false }
    }
}

impl Device {
    /// The one of a configuration.
    ///
    /// # Errors
    /// When there is none, or it cannot do with the precision: within half a minute.
    pub fn open(kind: DeviceKind, precision: Precision) -> Result<Self, DeviceError> {
        let lacking = |precision, device: &str, instead| {
            Err(DeviceError::Numbers { precision, device: device.to_owned(), instead })
        };
        match (kind, precision) {
            (DeviceKind::Cpu, Precision::Mixed) => lacking("mixed", "the CPU", "`f32`, or training.device = \"wgpu\""),
            (DeviceKind::Cpu, _) => Ok(Self::default()),
            (DeviceKind::Wgpu, Precision::F64) => lacking("f64", "a graphics processor", "`f32` or `mixed`"),
            (DeviceKind::Wgpu, _) => {
                let found = Self { halves: precision == Precision::Mixed, ..Self::adapter()? };
                if found.halves && !found.hardware.supports_dtype(DType::F16) {
                    return lacking("mixed", &found.name, "`f32`");
                }
                Ok(found)
            }
        }
    }

    #[cfg(feature = "wgpu")]
    fn adapter() -> Result<Self, DeviceError> {
        let (hardware, name) = adapter::first()?;
        Ok(Self { hardware, name, halves: false })
    }

    #[cfg(not(feature = "wgpu"))]
    fn adapter() -> Result<Self, DeviceError> {
        Err(DeviceError::NotBuilt)
    }

    /// What it calls itself.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether our own kernels run on it.
    pub fn is_cpu(&self) -> bool {
        self.hardware == bridge::device()
    }

    /// A tensor there: a copy, or on the CPU the tensor itself, of any shape and type.
    pub(crate) fn take<const D: usize>(&self, tensor: &Tensor<D>) -> Tensor<D> {
        if self.is_cpu() { tensor.clone() } else { tensor.clone().to_device(&self.hardware) }
    }

    /// The numbers of a network there, for a pass without gradients; they share the memory of `weights` on the CPU.
    pub(crate) fn weights(&self, network: &Network, weights: &Weights) -> Weights {
        let parameters = self.as_multiplied(network, weights.parameters.iter().map(|p| self.take(p)));
        Weights { parameters, buffers: weights.buffers.iter().map(|buffer| self.take(buffer)).collect() }
    }

    /// Parameters as layers take them: matrices and filters in half precision where that is asked for, which is how a layer
    /// knows what its product is to be made in.
    pub(crate) fn as_multiplied(
        &self, network: &Network, parameters: impl Iterator<Item = Tensor<1>>,
    ) -> Vec<Tensor<1>> {
        let halved = |(parameter, spec): (Tensor<1>, &ParameterSpec)| {
            let multiplied = matches!(spec.layout, Layout::Matrix | Layout::Filters | Layout::Patches { .. });
            if self.halves && multiplied { parameter.cast(DType::F16) } else { parameter }
        };
        parameters.zip(&network.parameters).map(halved).collect()
    }

    /// What a loss is first multiplied with, so that its gradient passes through half-precision products.
    pub(crate) fn scale(&self) -> f64 {
        if self.halves { LARGEST_SCALE } else { 1.0 }
    }
}

/// Whether a tensor lies where our kernels can read it.
pub(crate) fn on_cpu<const D: usize>(tensor: &Tensor<D>) -> bool {
    tensor.device() == bridge::device()
}
