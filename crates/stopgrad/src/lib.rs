//! The command `stopgrad`: arguments, files in and out, progress, reports and pictures.
//!
//! The question answered here: what did a person ask for, and how is the answer told, to people and to
//! programs. Nothing is computed here that a library below could be asked for.
//!
//! A command takes what was typed and returns an [`outcome::Outcome`] or a [`CommandError`]; only
//! [`output`] prints, and only `main` turns either into an exit status.
//!
//! Reading order: [`args`] (what can be typed), [`commands`] (one file each), [`configuration`] (file,
//! `--set` and options through one parser), [`plot`] and [`lab`] (pictures, and the page of
//! the linear lab), then what training needs: `training` (runs in their folders),
//! `manifest`, `report`.

pub mod args;
mod bar;
pub mod commands;
pub mod configuration;
pub mod demand;
mod error;
pub mod fibre_file;
pub mod folder;
pub mod lab;
mod limits;
#[cfg(feature = "train")]
pub mod manifest;
pub mod markup;
pub mod moments_file;
mod opening;
pub mod outcome;
pub mod output;
mod page;
mod parquet_file;
pub mod plot;
#[cfg(feature = "train")]
mod progress;
#[cfg(feature = "train")]
pub mod report;
pub mod roots_file;
pub mod state_file;
mod table;
#[cfg(feature = "train")]
mod tensorboard;
#[cfg(feature = "train")]
mod training;
pub mod variations;

pub use error::CommandError;
#[cfg(feature = "train")]
pub use error::TrainingError;
