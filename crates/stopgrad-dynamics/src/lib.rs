//! What the fields of non-contrastive learning are, and what can be said of a cloud of embeddings.
//!
//! Everything is f64 and a function of its arguments: no files, no clock, no printing, no random numbers but
//! those of a seed that the caller gives, and every sum is added in a fixed order, so the same input gives the same bits on the same machine.
//! Rejected: one crate with the training loop; an eigenvalue must not need a deep-learning framework.
//!
//! Reading order: [`Field`] (the three ways to move), [`rank`] (how many dimensions a cloud fills),
//! [`collapse`] (has it collapsed, how and where), [`probe`] (what can be read off it), [`diagnosis`] (both, of a network that
//! somebody else trained),
//! [`LinearField`] (the linear case, whose products everything below asks for), [`orbit`] and [`stability`] (does an
//! equilibrium attract), [`krylov`] (the same from products alone), [`conservative`] (is it a gradient field),
//! [`predict`](predict()) (what training will keep, from moments alone), [`flow`] and [`basins`] (where starts end), [`branches`] and [`cycles`]
//! (how equilibria and closed orbits change with a parameter),
//! [`landscape`] (Ē in the plane, for pictures), [`statistics`] (intervals and fixed-order sums), [`linalg`] (the
//! only door to matrix decompositions).

#![forbid(unsafe_code)]

pub mod basins;
pub mod branches;
pub mod collapse;
pub mod conservative;
pub mod cycles;
pub mod diagnosis;
pub mod ensemble;
pub mod equilibria;
pub mod features;
mod field;
pub mod finding;
pub mod flow;
mod fold;
mod gmres;
pub mod krylov;
pub mod landscape;
pub mod linalg;
mod linear;
pub mod maximal;
mod modes;
pub mod moments;
mod noise;
pub mod ode;
pub mod orbit;
pub mod partial;
pub mod polynomial;
mod predict;
pub mod probe;
pub mod random;
pub mod rank;
pub mod scalar;
pub mod stability;
mod stage;
pub mod statistics;
mod support;
pub mod survival;
#[cfg(test)]
mod testing;
mod vector_field;

pub use equilibria::{
    EquilibriaError, EquilibriaParams, Equilibrium, EquilibriumSet, Stratum, StratumStatus, find_equilibria,
};
pub use field::{Field, ParseFieldError};
pub use finding::Finding;
pub use fold::FoldBracket;
pub use linalg::LinalgError;
pub use linear::{
    LinearField, LinearFieldError, LinearState, Refinement, RefinementParams, UpdateMap, UpdateMapError,
    refine_equilibrium,
};
pub use modes::{Mode, modes, modes_of};
pub use moments::{Moments, MomentsError};
pub use noise::split_half_sigmas;
pub use orbit::Orbit;
pub use predict::{CriticalEstimate, Existence, PredictError, PredictOptions, PredictedState, Prediction, predict};
pub use rank::{RankError, Summary};
pub use stability::{Spectrum, Stability};
pub use stage::{Stage, Watch};
pub use support::{DEFAULT_SUPPORT_THRESHOLD, Support, SupportError};
pub use vector_field::{VectorField, dense_jacobian};
