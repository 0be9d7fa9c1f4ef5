//! What training promises: fields, goldens, determinism, resume, damage. One program, because linking the framework
//! takes a while.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod damage;
mod devices;
mod encoders;
mod fields;
mod formula;
mod gallery;
mod goldens;
mod keys;
mod methods;
mod optimizers;
mod probes;
mod resume;
mod support;
mod theory;
mod traps;
