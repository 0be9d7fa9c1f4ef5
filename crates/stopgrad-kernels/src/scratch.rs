//! Memory that a task needs while it runs, kept by its thread: fresh memory is cleared by the system page by page.

use std::cell::RefCell;
use std::thread::LocalKey;

use crate::Number;

/// Buffers of one type that the thread does not use.
pub(crate) type Shelf<T> = LocalKey<RefCell<Vec<Vec<T>>>>;

thread_local! {
    pub(crate) static SINGLE: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
    pub(crate) static DOUBLE: RefCell<Vec<Vec<f64>>> = const { RefCell::new(Vec::new()) };
}

/// Runs `work` with `length` numbers, whatever they are. A thread that takes up another task in the middle of one has a
/// buffer for each.
pub(crate) fn with<T: Number, R>(length: usize, work: impl FnOnce(&mut [T]) -> R) -> R {
    let mut buffer = T::shelf().with_borrow_mut(|shelf| {
        let fits = (0..shelf.len()).filter(|&at| shelf[at].len() >= length).min_by_key(|&at| shelf[at].len());
        fits.or_else(|| shelf.len().checked_sub(1)).map(|at| shelf.swap_remove(at)).unwrap_or_default()
    });
    if buffer.len() < length {
        buffer.resize(length, T::from_f64(0.0));
    }
    let done = work(&mut buffer[..length]);
    T::shelf().with_borrow_mut(|shelf| shelf.push(buffer));
    done
}
