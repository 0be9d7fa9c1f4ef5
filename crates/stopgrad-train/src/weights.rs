//! The numbers of a network: parameters and buffers, by name.

use burn::tensor::Tensor;
use sha2::{Digest, Sha256};
use stopgrad_data::random::stream;

use crate::bridge;
use crate::device::Device;
use crate::network::Network;
use crate::scalar::Scalar;

/// Parameters and running buffers of one copy of a network: the student, or the teacher.
///
/// Plain tensors outside autodiff. A copy made by [`Weights::duplicate`] shares nothing with its original.
#[derive(Debug)]
pub struct Weights {
    /// One flat tensor a parameter, in the network's order.
    pub parameters: Vec<Tensor<1>>,
    /// One flat tensor a buffer, in the network's order.
    pub buffers: Vec<Tensor<1>>,
}

impl Weights {
    /// Weights drawn for a network.
    ///
    /// Matrices are uniform with variance gain²/d_in (He et al. 2015; gain² = 2 before a ReLU, 1 otherwise), those of named
    /// encoders normal as in torchvision and timm, scales 1, biases and shifts 0. Parameter i draws from the stream (seed, "weights", i), in f64, then rounds.
    pub fn initialize<T: Scalar>(network: &Network, seed: u64) -> Self {
        let parameters = network.parameters.iter().enumerate().map(|(index, spec)| {
            let mut random = stream(seed, "weights", index as u64);
            let values: Vec<T> = spec.initial.draw(spec.len(), &mut random).into_iter().map(T::from_f64).collect();
            bridge::tensor(values, [spec.len()])
        });
        let buffers =
            network.buffers.iter().map(|spec| bridge::tensor(vec![T::from_f64(spec.initial); spec.len], [spec.len]));
        Self { parameters: parameters.collect(), buffers: buffers.collect() }
    }

    /// Weights that are all 0: to be filled.
    pub fn zeros<T: Scalar>(network: &Network) -> Self {
        let zeros = |length: usize| bridge::tensor(vec![T::from_f64(0.0); length], [length]);
        Self {
            parameters: network.parameters.iter().map(|spec| zeros(spec.len())).collect(),
            buffers: network.buffers.iter().map(|spec| zeros(spec.len)).collect(),
        }
    }

    /// A copy that shares nothing.
    #[must_use]
    pub fn duplicate<T: Scalar>(&self) -> Self {
        let copy = |tensors: &[Tensor<1>]| -> Vec<Tensor<1>> {
            tensors.iter().map(|t| bridge::tensor(bridge::View::new(t).slice::<T>().to_vec(), t.dims())).collect()
        };
        Self { parameters: copy(&self.parameters), buffers: copy(&self.buffers) }
    }

    /// The parameters as leaves of an autodiff graph on a device.
    pub fn leaves(&self, device: &Device) -> Vec<Tensor<1>> {
        self.parameters.iter().map(|p| device.take(p).autodiff().require_grad()).collect()
    }

    /// |θ|² over a range of parameters, added in a fixed order.
    pub fn squared_norm<T: Scalar>(&self, range: std::ops::Range<usize>) -> f64 {
        self.parameters[range]
            .iter()
            .map(|p| {
                let v = bridge::View::new(p);
                T::dot(v.slice(), v.slice())
            })
            .sum()
    }

    /// |θ − θ'|² over a range of parameters, added in a fixed order.
    pub fn squared_distance<T: Scalar>(&self, other: &Self, range: std::ops::Range<usize>) -> f64 {
        range
            .map(|i| {
                let (a, b) = (bridge::View::new(&self.parameters[i]), bridge::View::new(&other.parameters[i]));
                T::squared_distance(a.slice(), b.slice())
            })
            .sum()
    }

    /// True if every parameter and buffer is a finite number.
    pub fn is_finite<T: Scalar>(&self) -> bool {
        self.parameters
            .iter()
            .chain(&self.buffers)
            .all(|t| bridge::View::new(t).slice::<T>().iter().all(|v| v.to_f64().is_finite()))
    }

    /// SHA-256 over all parameters in the network's order, as little-endian bytes; lower-case hex.
    pub fn sha256<T: Scalar>(&self) -> String {
        let mut hasher = Sha256::new();
        for parameter in &self.parameters {
            hasher.update(T::little_endian(bridge::View::new(parameter).slice()));
        }
        hasher.finalize().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
    }
}
