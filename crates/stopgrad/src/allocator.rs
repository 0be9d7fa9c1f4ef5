//! The allocator, and what training wants of it.

use libmimalloc_sys as mimalloc;

/// Training allocates and frees large buffers on every thread, again and again of the same sizes.
#[global_allocator]
static ALLOCATOR: ::mimalloc::MiMalloc = ::mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc.h, which the bindings do not name: milliseconds until free memory goes back to the system.
const PURGE_DELAY: mimalloc::mi_option_t = 15;
/// What it is where nobody has set it.
const DEFAULT: std::ffi::c_long = 1000;

/// Keeps free memory: given back once a second, it is taken again by the next step, and cleared page by page by the system
/// (2 to 3 % of a step of a vision transformer, and of a ResNet: docs/results/kernels.md). `MIMALLOC_PURGE_DELAY` sets
/// another delay, all but 1000.
#[allow(unsafe_code, reason = "two calls of the allocator's own interface, which has no safe one; see the argument")]
pub(crate) fn keep_memory() {
    // SAFETY: both read and write one number of a table of options; they are not safe from two threads at once, and this is
    // called first of all in `main`, before there is a second one. An option of another meaning is left alone: its number is
    // changed only where it has this option's default.
    unsafe {
        if mimalloc::mi_option_get(PURGE_DELAY) == DEFAULT {
            mimalloc::mi_option_set(PURGE_DELAY, -1);
        }
    }
}
