//! Weights under the names and in the layouts of PyTorch, torchvision and timm: out of a run, and into one.
//!
//! Names are those of the network's own parameters less what says which part they belong to; what lies otherwise there is said
//! by [`crate::network::Layout`]. Reading order: `export` (a run as a file), `start` (a file as where a run starts).

mod export;
mod start;

pub use export::{Export, ExportError, Part, Target};
pub use start::{Start, StartError};

use std::collections::BTreeMap;

use crate::bridge;
use crate::network::Network;
use crate::scalar::Scalar;
use crate::weights::Weights;

/// What stands before the names of the encoder.
const ENCODER: &str = "encoder.";

/// An array as PyTorch lays it out: shape, and numbers in row-major order.
pub type Foreign<T> = (Vec<usize>, Vec<T>);

/// All parameters and buffers of a network by name, as PyTorch lays them out; as many as there are weights for.
pub fn to_foreign<T: Scalar>(network: &Network, weights: &Weights) -> BTreeMap<String, Foreign<T>> {
    let parameters = network.parameters.iter().zip(&weights.parameters).map(|(spec, values)| {
        let theirs = spec.to_foreign(bridge::View::new(values).slice::<T>());
        (spec.name.clone(), (spec.foreign_shape(), theirs))
    });
    let buffers =
        network.buffers.iter().zip(&weights.buffers).map(|(spec, values)| {
            (spec.name.clone(), (vec![spec.len], bridge::View::new(values).slice::<T>().to_vec()))
        });
    parameters.chain(buffers).collect()
}

/// Puts numbers in PyTorch's order in their places: those that `find` has for a name and its shape; others stay.
///
/// # Panics
/// When `find` gives another count of numbers than the shape has.
pub fn fill_foreign<T: Scalar>(
    network: &Network, weights: &mut Weights, mut find: impl FnMut(&str, &[usize]) -> Option<Vec<T>>,
) {
    for (spec, tensor) in network.parameters.iter().zip(&mut weights.parameters) {
        if let Some(theirs) = find(&spec.name, &spec.foreign_shape()) {
            *tensor = bridge::tensor(spec.from_foreign(&theirs), [spec.len()]);
        }
    }
    for (spec, tensor) in network.buffers.iter().zip(&mut weights.buffers) {
        if let Some(values) = find(&spec.name, &[spec.len]) {
            *tensor = bridge::tensor(values, [spec.len]);
        }
    }
}

#[cfg(test)]
mod tests;
