//! Buffers that are used again: a gradient of a large matrix needs tens of megabytes a step, and fresh memory of
//! that size is cleared by the system page by page, which costs as much as a tenth of the step.

use std::collections::BTreeMap;

use burn::backend::{BackendTypes, Flex};
use burn::tensor::Tensor;

use crate::scalar::Scalar;

type Primitive = <Flex as BackendTypes>::FloatTensorPrimitive;

/// Shorter buffers come out of the allocator's own lists without a page fault.
const WORTH_KEEPING: usize = 1 << 14;
/// Numbers kept of each type; the oldest buffers go when another comes.
const KEPT: usize = 1 << 28;

/// Buffers of one type that nobody uses, and what is asked for.
#[derive(Debug)]
pub struct Spare<T> {
    buffers: Vec<Vec<T>>,
    /// By length: how often there was none. No more are kept, or a network that gives back more than it takes (what the
    /// framework made itself) would keep a gigabyte for nobody.
    missed: BTreeMap<usize, usize>,
}

impl<T> Spare<T> {
    pub(crate) const fn new() -> Self {
        Self { buffers: Vec::new(), missed: BTreeMap::new() }
    }

    fn take(&mut self, length: usize) -> Option<Vec<T>> {
        let found = self.buffers.iter().position(|buffer| buffer.len() == length);
        if found.is_none() {
            *self.missed.entry(length).or_default() += 1;
        }
        found.map(|at| self.buffers.swap_remove(at))
    }

    fn give(&mut self, buffer: Vec<T>) {
        let length = buffer.len();
        let alike = self.buffers.iter().filter(|old| old.len() == length).count();
        if alike >= self.missed.get(&length).copied().unwrap_or(0) {
            return;
        }
        let mut kept = length + self.buffers.iter().map(Vec::len).sum::<usize>();
        let too_many = self.buffers.iter().take_while(|old| {
            let goes = kept > KEPT;
            kept -= old.len();
            goes
        });
        let too_many = too_many.count();
        self.buffers.drain(..too_many);
        self.buffers.push(buffer);
    }
}

/// A buffer of `length` numbers, whatever they are: for a function that writes them all.
pub(crate) fn take<T: Scalar>(length: usize) -> Vec<T> {
    let kept = (length >= WORTH_KEEPING).then(|| lock::<T>().take(length));
    kept.flatten().unwrap_or_else(|| vec![T::from_f64(0.0); length])
}

/// Keeps the buffer of a tensor that nobody else holds.
pub(crate) fn give<T: Scalar, const D: usize>(tensor: Tensor<D>) {
    if let Ok(primitive) = tensor.try_into_primitive::<Flex>() {
        give_primitive::<T>(primitive);
    }
}

/// The same of a tensor outside of autodiff.
pub(crate) fn give_primitive<T: Scalar>(primitive: Primitive) {
    if !is_worth(&primitive) {
        return;
    }
    if let Ok(buffer) = primitive.into_data().try_into_vec::<T>() {
        lock::<T>().give(buffer);
    }
}

fn is_worth(primitive: &Primitive) -> bool {
    primitive.is_unique() && primitive.layout().num_elements() >= WORTH_KEEPING
}

fn lock<T: Scalar>() -> std::sync::MutexGuard<'static, Spare<T>> {
    // A thread that panicked while it held the list left whole buffers behind.
    T::spare().lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge;

    #[test]
    fn a_buffer_comes_back_only_when_nobody_else_holds_it() {
        // A length no other test uses: the list belongs to the process.
        const LENGTH: usize = WORTH_KEEPING + 177;
        let first = take::<f32>(LENGTH);
        let place = first.as_ptr();
        let tensor = bridge::tensor(first, [LENGTH]);
        let shared = tensor.clone();
        give::<f32, 1>(tensor);
        let other = take::<f32>(LENGTH);
        assert!(other.as_ptr() != place, "still held by its clone");
        give::<f32, 1>(shared);
        let again = take::<f32>(LENGTH);
        assert!(again.as_ptr() == place && again.len() == LENGTH);
    }

    #[test]
    fn no_more_is_kept_than_was_asked_for() {
        let mut spare = Spare::new();
        spare.give(vec![0.0; 5]);
        assert!(spare.buffers.is_empty(), "nobody asked");
        assert!(spare.take(5).is_none() && spare.take(5).is_none());
        for _ in 0..4 {
            spare.give(vec![0.0; 5]);
        }
        assert_eq!(spare.buffers.len(), 2);
        assert!(spare.take(5).is_some() && spare.take(5).is_some() && spare.take(5).is_none());
    }
}
