//! What training promises: fields, goldens, determinism, resume, damage. One program, because linking the framework
//! takes a while.

mod damage;
mod fields;
mod goldens;
mod resume;
mod support;
mod traps;
