//! What our own operations share: the framework's tensors as slices, and back.

use burn::backend::Flex;
use burn::backend::tensor::FloatTensor;
use burn::tensor::{Tensor, TensorData};

use crate::scalar::Scalar;
use crate::spare;

/// A tensor of the CPU backend, outside autodiff.
pub(super) type Primitive = FloatTensor<Flex>;

/// Calls `$function::<T>` with the type of the tensor `$x`.
macro_rules! typed {
    ($x:expr, $($function:ident)::+($($argument:expr),*)) => {
        match $x.dtype() {
            burn::tensor::DType::F64 => $($function)::+::<f64>($($argument),*),
            _ => $($function)::+::<f32>($($argument),*),
        }
    };
}
pub(super) use typed;

/// All tensors of an operation must be of one kind: a plain input joins the graph of the weights, without a gradient of
/// its own.
pub(super) fn joined<const D: usize>(x: Tensor<2>, weight: &Tensor<D>) -> Tensor<2> {
    if weight.is_autodiff() && !x.is_autodiff() { x.autodiff() } else { x }
}

/// The numbers of a contiguous tensor.
pub(super) fn numbers<T: Scalar>(tensor: &Primitive) -> &[T] {
    tensor.as_slice().expect("row-major, and of one type with its partners")
}

/// A tensor that takes over these numbers.
pub(super) fn primitive<T: Scalar>(values: Vec<T>, shape: Vec<usize>) -> Primitive {
    Primitive::from_data(TensorData::new(values, shape))
}

/// Keeps the memory of a tensor for the next one of its size, if nobody else holds it.
pub(super) fn given_back(tensor: Primitive) {
    typed!(tensor, spare::give_primitive(tensor));
}
