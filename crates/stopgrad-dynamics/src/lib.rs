//! What the fields of non-contrastive learning are, and what can be said of a cloud of embeddings.
//!
//! Everything is f64 and a function of its arguments: no files, no clock, no printing, no random numbers,
//! and every sum is added in a fixed order, so the same input gives the same bits on the same machine.
//! Rejected: one crate with the training loop; an eigenvalue must not need a deep-learning framework.
//!
//! Reading order: [`Field`] (the three ways to move), [`rank`] (how many dimensions a cloud fills),
//! [`statistics`] (intervals and fixed-order sums), [`linalg`] (the only door to matrix decompositions).

#![forbid(unsafe_code)]

mod field;
pub mod linalg;
pub mod rank;
pub mod statistics;

pub use field::{Field, ParseFieldError};
pub use linalg::LinalgError;
pub use rank::{RankError, Summary};
