//! What a flow watches besides its state.

use super::{Row, norm};

/// Knowledge of a system that its field alone does not give.
pub trait Observer {
    /// Norm of a state below which corrections are judged by this size and no longer by the state's.
    fn size_floor(&self) -> f64;

    /// Numbers that are equal for states of one orbit of the system's symmetry; the state itself where there is none.
    fn invariants(&self, z: &[f64], out: &mut Vec<f64>) {
        out.clear();
        out.extend_from_slice(z);
    }

    /// Norm of the Newton correction at z, orbit directions left out; `None` where nothing is known.
    fn newton_correction(&self, z: &[f64], slope: &[f64]) -> Option<f64>;

    /// Fills what can be measured of the state at this time.
    fn measure(&self, _time: f64, _z: &[f64], _row: &mut Row) {}
}

/// An observer of any system, which knows at most its slowest rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StateObserver {
    /// |leading eigenvalue| at the equilibrium, or a lower bound: the Newton correction is then at most |v| / rate
    /// for a normal Jacobian. `None`: the flow is never called steady.
    pub slowest_rate: Option<f64>,
    /// See [`Observer::size_floor`].
    pub size_floor: f64,
}

impl Observer for StateObserver {
    fn size_floor(&self) -> f64 {
        self.size_floor
    }

    fn newton_correction(&self, _z: &[f64], slope: &[f64]) -> Option<f64> {
        self.slowest_rate.map(|rate| norm(slope) / rate)
    }
}
