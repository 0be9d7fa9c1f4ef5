//! The numbers of `golden/formula.py`: a hash of (name, index); and what is compared of a tensor.

use burn::tensor::{DType, Device, Tensor, TensorData};
use serde_json::Value;
use stopgrad_train::exchange::fill_foreign;
use stopgrad_train::network::Network;
use stopgrad_train::scalar::Scalar;
use stopgrad_train::weights::Weights;

/// `count` numbers in [−1, 1): FNV-1a of the name, mixed with the index as in MurmurHash3.
pub(crate) fn uniform(name: &str, count: usize) -> impl Iterator<Item = f64> {
    let seed = name.bytes().fold(0x811c_9dc5_u32, |seed, byte| (seed ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (0..count as u32).map(move |index| {
        let mut hash = index.wrapping_mul(0x9e37_79b1).wrapping_add(seed);
        hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
        hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
        hash ^= hash >> 16;
        f64::from(hash >> 8) / f64::from(1 << 23) - 1.0
    })
}

/// A parameter or buffer of this name in PyTorch's shape, rounded to f32.
fn tensor(name: &str, shape: &[usize]) -> impl Iterator<Item = f64> {
    let (base, scale) = match shape.len() {
        4 => (0.0, (6.0 / shape[1..].iter().product::<usize>() as f64).sqrt()),
        3 => (0.0, 0.5),
        2 => (0.0, (3.0 / shape[1] as f64).sqrt()),
        _ if name.ends_with("running_var") => (1.0, 0.5),
        _ if name.ends_with("weight") => (1.0, 0.25),
        _ => (0.0, 0.125),
    };
    uniform(name, shape.iter().product()).map(move |u| f64::from((base + u * scale) as f32))
}

/// All numbers of a network; `named` turns our name into the program's.
pub(crate) fn weights<T: Scalar>(network: &Network, named: impl Fn(&str) -> String) -> Weights {
    let mut weights = Weights::zeros::<T>(network);
    fill_foreign(network, &mut weights, |name, shape| Some(tensor(&named(name), shape).map(T::from_f64).collect()));
    weights
}

/// Pixels of images of this name.
pub(crate) fn images(name: &str, count: usize) -> Vec<f32> {
    uniform(name, count).map(|u| (2.0 * u) as f32).collect()
}

/// A tensor of plain numbers.
pub(crate) fn matrix<T: Scalar>(values: &[f32], columns: usize) -> Tensor<2> {
    let values: Vec<T> = values.iter().map(|&v| T::from_f64(f64::from(v))).collect();
    let rows = values.len() / columns;
    Tensor::from_data(TensorData::new(values, [rows, columns]), (&Device::flex(), T::DTYPE))
}

/// Numbers of either type as f64.
pub(crate) fn wide<T: Scalar>(values: &[T]) -> Vec<f64> {
    values.iter().map(burn::prelude::ToElement::to_f64).collect()
}

/// The numbers of a tensor.
pub(crate) fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.inner().cast(DType::F64).into_data().try_into_vec().unwrap()
}

/// Asserts that numbers in PyTorch's order have the length and the product that were told, to `tolerance` of the larger of their
/// length and `floor`.
pub(crate) fn close(what: &str, values: &[f64], name: &str, told: &Value, [tolerance, floor]: [f64; 2]) {
    let length = values.iter().map(|v| v * v).sum::<f64>().sqrt();
    let product: f64 = values.iter().zip(uniform(&format!("{name}/check"), values.len())).map(|(v, u)| v * u).sum();
    let told: Vec<f64> = serde_json::from_value(told.clone()).unwrap();
    // The product alone, or the length and the product, and perhaps first numbers.
    let (wanted, first) = if told.len() == 1 { (&told[..], &[][..]) } else { told.split_at(2) };
    let found = [length, product];
    let pairs = found[2 - wanted.len()..].iter().zip(wanted).chain(values.iter().zip(first));
    for (have, want) in pairs {
        let error = (have - want).abs() / length.max(floor);
        assert!(error <= tolerance, "{what} {name}: {have} for {want}, off by {error:e} of {length}");
    }
}
