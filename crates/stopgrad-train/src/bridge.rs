//! The only place where the framework's tensors meet slices of numbers.
//!
//! Tensors of the CPU backend are shared byte buffers. Reading one borrows its buffer; writing one in place
//! takes the buffer out and puts it back, without a copy as long as nobody else holds it.

use burn::backend::{BackendTypes, Flex};
use burn::tensor::{Device, Tensor, TensorData};

use crate::scalar::Scalar;

type Primitive = <Flex as BackendTypes>::FloatTensorPrimitive;

/// The device on which all weights lie, and most passes run.
pub(crate) fn device() -> Device {
    Device::flex()
}

/// A tensor outside autodiff that takes over `values` (row-major), without a copy.
///
/// # Panics
/// When the shape does not hold as many values.
pub(crate) fn tensor<T: Scalar, const D: usize>(values: Vec<T>, shape: [usize; D]) -> Tensor<D> {
    assert_eq!(values.len(), shape.iter().product::<usize>(), "values do not fill the shape {shape:?}");
    Tensor::from_data(TensorData::new(values, shape), (&device(), T::DTYPE))
}

/// A row of one value, of the type and kind of another tensor.
pub(crate) fn constant(value: f64, length: usize, like: &Tensor<2>) -> Tensor<1> {
    let plain = match like.dtype() {
        burn::tensor::DType::F64 => tensor(vec![value; length], [length]),
        _ => tensor(vec![value as f32; length], [length]),
    };
    if like.is_autodiff() { plain.autodiff() } else { plain }
}

/// A tensor outside autodiff on the CPU: itself, or a copy of one that lies elsewhere.
pub(crate) fn host<const D: usize>(tensor: &Tensor<D>) -> Tensor<D> {
    let plain = tensor.clone().inner();
    if plain.device() == device() { plain } else { plain.to_device(&device()) }
}

/// Tensors outside autodiff, however long, on the CPU: of those that lie elsewhere all in one copy, since each waits for
/// everything that was asked of that device before.
pub(crate) fn all_on_host(tensors: Vec<Tensor<1>>) -> Vec<Tensor<1>> {
    let away = tensors.first().is_some_and(|first| first.device() != device());
    if !away {
        return tensors;
    }
    let lengths: Vec<usize> = tensors.iter().map(|tensor| tensor.dims()[0]).collect();
    let together = host(&Tensor::cat(tensors, 0));
    let view = View::new(&together);
    let mut rest = view.slice::<f32>();
    let part = |length: usize| {
        let (part, after) = rest.split_at(length);
        rest = after;
        tensor(part.to_vec(), [length])
    };
    lengths.into_iter().map(part).collect()
}

/// A tensor whose numbers can be read as a row-major slice.
pub(crate) struct View(Primitive);

impl View {
    /// Borrows the buffer of a tensor (copies it only if its layout is not row-major, or if it lies on another device).
    pub(crate) fn new<const D: usize>(tensor: &Tensor<D>) -> Self {
        let primitive = host(tensor).try_into_primitive::<Flex>().expect("a tensor of this backend");
        Self(primitive.to_contiguous())
    }

    /// The numbers.
    ///
    /// # Panics
    /// When `T` is not the tensor's type.
    pub(crate) fn slice<T: Scalar>(&self) -> &[T] {
        self.0.as_slice().expect("contiguous, and of the type the caller trains in")
    }
}

/// The numbers of a tensor of either type as f64, row-major.
pub(crate) fn to_f64<const D: usize>(tensor: &Tensor<D>) -> Vec<f64> {
    let view = View::new(tensor);
    match tensor.dtype() {
        burn::tensor::DType::F64 => view.slice::<f64>().to_vec(),
        _ => view.slice::<f32>().iter().map(|&v| f64::from(v)).collect(),
    }
}

/// The numbers of a tensor of either type as f32, row-major.
pub(crate) fn to_f32<const D: usize>(tensor: &Tensor<D>) -> Vec<f32> {
    let view = View::new(tensor);
    match tensor.dtype() {
        burn::tensor::DType::F64 => view.slice::<f64>().iter().map(|&v| v as f32).collect(),
        _ => view.slice::<f32>().to_vec(),
    }
}

/// Changes the numbers of a plain tensor in place.
///
/// # Panics
/// When `T` is not the tensor's type.
pub(crate) fn modify<T: Scalar, R>(tensor: &mut Tensor<1>, change: impl FnOnce(&mut [T]) -> R) -> R {
    let placeholder = Tensor::empty([0], (&device(), T::DTYPE));
    let mut primitive = std::mem::replace(tensor, placeholder)
        .try_into_primitive::<Flex>()
        .expect("weights are plain tensors on the flex device");
    let result = change(primitive.storage_mut());
    *tensor = Tensor::from_primitive::<Flex>(primitive);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_in_both_types() {
        let single = tensor(vec![1.0_f32, 2.5, -3.0, 0.0, 1.0, 9.0], [2, 3]);
        assert_eq!(View::new(&single.clone().transpose()).slice::<f32>(), [1.0, 0.0, 2.5, 1.0, -3.0, 9.0]);
        let double = tensor(vec![1.0_f64 / 3.0], [1]);
        assert_eq!(View::new(&double).slice::<f64>()[0].to_bits(), (1.0_f64 / 3.0).to_bits());
    }

    #[test]
    fn changing_in_place_moves_no_buffer_and_spares_copies() {
        let mut weight = tensor(vec![1.0_f32; 1000], [1000]);
        let before = View::new(&weight).slice::<f32>().as_ptr();
        modify(&mut weight, |v: &mut [f32]| v[3] = 7.0);
        assert_eq!(before, View::new(&weight).slice::<f32>().as_ptr());
        let copy = weight.clone();
        modify(&mut weight, |v: &mut [f32]| v[3] = 8.0);
        assert!((View::new(&copy).slice::<f32>()[3] - 7.0).abs() < f32::EPSILON);
    }
}
