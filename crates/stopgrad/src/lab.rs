//! What the commands of the linear lab show: their page, and from mathematics to pictures and sentences.
//!
//! Reading order: [`page`] (one page for every command), then a file a command.

pub mod basins;
pub mod branches;
pub mod ending;
pub mod flow;
pub mod landscape;
pub mod page;
pub mod predict;
pub mod sweep;
