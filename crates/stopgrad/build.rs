//! What `stopgrad doctor` says of the build: the compiler, and the versions of what products and training rest on.

#![allow(clippy::print_stdout, reason = "this is how a build script speaks to cargo")]

use std::process::Command;

fn main() {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let said = Command::new(rustc).arg("--version").output().ok();
    let rustc = said.and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    println!("cargo::rustc-env=STOPGRAD_RUSTC={}", rustc.trim());
    // Where the crate is built from elsewhere there is no such file, and the versions are not known.
    let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock");
    println!("cargo::rerun-if-changed={lock}");
    println!("cargo::rerun-if-changed=build.rs");
    let lock = std::fs::read_to_string(lock).unwrap_or_default();
    for (name, variable) in [("burn", "STOPGRAD_BURN"), ("faer", "STOPGRAD_FAER")] {
        println!("cargo::rustc-env={variable}={}", version(&lock, name));
    }
    let profile = std::env::var("PROFILE").unwrap_or_default();
    let target = std::env::var("TARGET").unwrap_or_default();
    println!("cargo::rustc-env=STOPGRAD_PROFILE={profile}");
    println!("cargo::rustc-env=STOPGRAD_BUILT_FOR={target}");
}

/// Of a package in the text of `Cargo.lock`; empty if it is not there.
fn version<'a>(lock: &'a str, name: &str) -> &'a str {
    let entry = format!("name = \"{name}\"\nversion = \"");
    let after = lock.split_once(entry.as_str()).map(|(_, after)| after);
    after.and_then(|after| after.split('"').next()).unwrap_or_default()
}
