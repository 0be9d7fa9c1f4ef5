//! Training of non-contrastive encoders under three update fields, measured, with a verdict.
//!
//! The question answered: given samples and a configuration, what becomes of an encoder under joint descent, under
//! stop-gradient, under an EMA teacher, and what can be said of the run: does it minimise, converge, collapse?
//!
//! The design decision: a network is a description, its numbers are a list ([`weights::Weights`]), and everything
//! (forward pass, update, teacher, probe) is a function of both. The rejected one: modules that own their numbers,
//! as the framework offers; a cloned module shares batch-norm state with its original, which is the one thing a
//! teacher must not do. The framework gives tensors and reverse-mode differentiation; nothing else of it is used.
//!
//! Reading order: [`config`] (what can be asked), [`network`] and [`layer`], [`objective`] (where the target branch
//! is detached), [`teacher`], [`mod@run`] (the loop), [`measure`], [`verdict`].

#![forbid(unsafe_code)]

mod bridge;
pub mod checkpoint;
pub mod config;
pub mod device;
mod embedder;
pub mod exchange;
pub mod features;
pub mod folder;
pub mod gallery;
pub mod gradient;
mod inputs;
pub mod layer;
pub mod measure;
pub mod network;
pub mod objective;
pub mod optim;
mod plan;
pub mod predictor;
pub mod record;
pub mod run;
pub mod scalar;
mod spare;
pub mod teacher;
pub mod theory;
pub mod verdict;
pub mod weights;

pub use config::Config;
pub use device::{Device, DeviceError};
pub use embedder::{Embedder, EmbedderError};
pub use folder::RecordError;
pub use plan::{Plan, PlanError};
pub use record::RunRecord;
pub use run::{Observer, Phase, Progress, RunError, RunOutcome, run};
