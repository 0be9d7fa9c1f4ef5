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

/// The reader that was asked for.
fn asked() -> targets::Target {
    let name = std::env::var("STOPGRAD_TARGET").unwrap_or_default();
    let found = targets::all().into_iter().find(|target| target.name == name);
    let names = || targets::all().iter().map(|target| target.name).collect::<Vec<_>>().join(", ");
    let found = found.unwrap_or_else(|| panic!("set STOPGRAD_TARGET to one of {}", names()));
    // The hook of libFuzzer's crate aborts inside a panic, even one that a reader catches around a decoder; a panic that
    // reaches the body still ends the program.
    let usual =
        |info: &std::panic::PanicHookInfo<'_>| eprintln!("{info}\n{}", std::backtrace::Backtrace::force_capture());
    std::panic::set_hook(Box::new(usual));
    found
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    static ASKED: OnceLock<targets::Target> = OnceLock::new();
    let target = ASKED.get_or_init(asked);
    (target.body)(&bytes[..bytes.len().min(target.longest)]);
});
