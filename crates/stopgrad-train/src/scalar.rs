//! The two floating-point types a network may run in.

use std::sync::Mutex;

use burn::tensor::{DType, Element};
use stopgrad_dynamics::statistics;
use stopgrad_kernels::Number;

use crate::spare::Spare;

/// `f32` or `f64`: what optimizers, averages and norms are generic over.
///
/// Conversions go through f64, which holds every f32 exactly.
pub trait Scalar: Number + Element + bytemuck::Pod {
    /// The framework's name of the type.
    const DTYPE: DType;
    /// Σ aᵢ bᵢ in f64, added in an order that depends on the length alone.
    fn dot(a: &[Self], b: &[Self]) -> f64;
    /// Σ (aᵢ − bᵢ)² in f64, in such an order.
    fn squared_distance(a: &[Self], b: &[Self]) -> f64;
    /// Buffers of this type to be used again.
    fn spare() -> &'static Mutex<Spare<Self>>;
    /// As little-endian bytes, for files and hashes.
    fn little_endian(values: &[Self]) -> Vec<u8>;
    /// The inverse of `little_endian`; `None` if the length is no multiple of the size.
    fn from_little_endian(bytes: &[u8]) -> Option<Vec<Self>>;
}

macro_rules! scalar {
    ($type:ty, $dtype:expr, $size:literal, $dot:path, $distance:path) => {
        impl Scalar for $type {
            const DTYPE: DType = $dtype;
            fn dot(a: &[Self], b: &[Self]) -> f64 {
                $dot(a, b)
            }
            fn squared_distance(a: &[Self], b: &[Self]) -> f64 {
                $distance(a, b)
            }
            fn spare() -> &'static Mutex<Spare<Self>> {
                static SPARE: Mutex<Spare<$type>> = Mutex::new(Spare::new());
                &SPARE
            }
            fn little_endian(values: &[Self]) -> Vec<u8> {
                values.iter().flat_map(|v| v.to_le_bytes()).collect()
            }
            fn from_little_endian(bytes: &[u8]) -> Option<Vec<Self>> {
                let (chunks, rest) = bytes.as_chunks::<$size>();
                rest.is_empty().then(|| chunks.iter().map(|c| <$type>::from_le_bytes(*c)).collect())
            }
        }
    };
}
scalar!(f32, DType::F32, 4, statistics::inner_product_f32, statistics::squared_distance_f32);
scalar!(f64, DType::F64, 8, statistics::inner_product, statistics::squared_distance);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dot_and_distance_agree_with_exact_integers() {
        let a: Vec<f32> = (0..37_u8).map(f32::from).collect();
        let b: Vec<f32> = (0..37_u8).map(|i| f32::from(i) + 2.0).collect();
        let exact: u32 = (0..37).map(|i| i * (i + 2)).sum();
        assert!((f32::dot(&a, &b) - f64::from(exact)).abs() < 1e-12);
        assert!((f32::squared_distance(&a, &b) - 4.0 * 37.0).abs() < 1e-12);
    }

    #[test]
    fn bytes_round_trip() {
        let values = [1.5_f32, -0.0, f32::MIN_POSITIVE];
        let back = f32::from_little_endian(&f32::little_endian(&values)).expect("whole floats");
        assert_eq!(values.map(f32::to_bits).to_vec(), back.iter().map(|v| v.to_bits()).collect::<Vec<_>>());
        assert!(f64::from_little_endian(&[0; 9]).is_none());
    }
}
