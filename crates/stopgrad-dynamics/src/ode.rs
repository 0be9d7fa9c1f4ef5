//! Where does a system go: adaptive integration of any [`VectorField`](crate::VectorField) with explicit
//! embedded Runge–Kutta pairs.
//!
//! Explicit pairs were chosen over implicit ones: the linear flows are a handful of small products, mildly stiff
//! at most, and an explicit step needs no factorisation and allocates nothing. A flow whose rates differ by more
//! than about 10⁵ is slow here, and ends in its step budget, which is a named outcome.
//!
//! The fields are autonomous, so no stage times appear. Reading order: [`Tableau`] (the numbers), [`Stepper`] (one
//! trial step with its error), [`Integrator`] (step lengths).

mod control;
mod integrator;
mod runge_kutta;
mod tableau;

pub use integrator::{Advance, Integrator};
pub use runge_kutta::{EmbeddedRungeKutta, Stepper};
pub use tableau::{DORMAND_PRINCE, TSITOURAS, Tableau};

pub(crate) use control::{StepControl, first_length};
pub(crate) use integrator::shortest;
pub(crate) use runge_kutta::{stage_point, weigh_error};
pub(crate) use tableau::STAGES;

/// How large the error of one step may be: |error_i| ≲ absolute + relative · |z_i|, in root mean square over i.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// Part of the size of each component.
    pub relative: f64,
    /// Floor for components near 0.
    pub absolute: f64,
}

impl Default for Tolerance {
    /// 1e-8 and 1e-10: periods and limits to six digits with room to spare, at about twice the steps of 1e-6.
    fn default() -> Self {
        Self { relative: 1e-8, absolute: 1e-10 }
    }
}
