//! One reader under libFuzzer; which one, says the environment variable `STOPGRAD_TARGET`. See `tests/fuzz.sh`.
//!
//! One program for all readers: each of its own would link everything below it once more.

#![no_main]

use std::sync::OnceLock;

#[path = "../../crates/stopgrad/tests/readers/allocation.rs"]
mod allocation;
#[cfg(feature = "train")]
#[path = "../../crates/stopgrad/tests/readers/run_targets.rs"]
mod run_targets;
#[path = "../../crates/stopgrad/tests/readers/targets.rs"]
mod targets;

/// The body that was asked for.
fn body() -> fn(&[u8]) {
    let name = std::env::var("STOPGRAD_TARGET").unwrap_or_default();
    let found = targets::all().into_iter().find(|target| target.name == name);
    let names = || targets::all().iter().map(|target| target.name).collect::<Vec<_>>().join(", ");
    let found = found.unwrap_or_else(|| panic!("set STOPGRAD_TARGET to one of {}", names()));
    // The hook of libFuzzer's crate aborts inside a panic, even one that a reader catches around a decoder; a panic that
    // reaches the body still ends the program.
    let usual =
        |info: &std::panic::PanicHookInfo<'_>| eprintln!("{info}\n{}", std::backtrace::Backtrace::force_capture());
    std::panic::set_hook(Box::new(usual));
    found.body
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    static BODY: OnceLock<fn(&[u8])> = OnceLock::new();
    BODY.get_or_init(body)(bytes);
});
