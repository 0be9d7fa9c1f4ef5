//! Systems of polynomial equations of the equilibria: all their complex solutions, proved one by one.
//!
//! Reading order: `full` (the system of full rank), `tracker` (how a solution is followed while parameters move),
//! `monodromy` and `fibre` (all solutions of one generic instance), `solve` (from there to the instance that matters),
//! `stratum` (the system that a certificate speaks about, of any rank), [`certificate`] (the proof).

#![allow(
    clippy::needless_range_loop,
    clippy::inline_always,
    reason = "formulas of matrices on the stack, by indices; inlined so that they are compiled for the processor's vectors"
)]

mod block;
pub mod certificate;
pub(crate) mod chart;
mod diagonal;
pub(crate) mod family;
pub mod fibre;
pub mod fibre_file;
mod frame;
pub(crate) mod full;
pub mod interval;
mod jacobian;
mod lanes;
pub mod monodromy;
mod precise;
mod predictor;
pub(crate) mod ring;
pub mod solve;
pub mod stratum;
pub mod tracker;
mod vector;
