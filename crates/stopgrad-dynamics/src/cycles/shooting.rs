//! One period of a flow with its derivatives by the start and by weight decay.

use crate::ode::{Advance, Integrator, Tolerance};
use crate::{LinearField, LinearState, VectorField};

/// Steps of one shot.
const STEPS: u64 = 200_000;
/// Error of each step: multipliers and periods to about nine digits.
const TOLERANCE: Tolerance = Tolerance { relative: 1e-11, absolute: 1e-13 };

/// The end of a shot.
pub(super) struct Shot {
    /// z(T).
    pub(super) end: Vec<f64>,
    /// v(z(T)).
    pub(super) slope: Vec<f64>,
    /// ∂z(T)/∂z(0), a column at a time.
    pub(super) variations: Vec<f64>,
    /// ∂z(T)/∂λ.
    pub(super) by_decay: Vec<f64>,
    /// Least and greatest |S|_F at the steps.
    pub(super) s_norm: [f64; 2],
    /// Greatest |S(t) − S(0)|_F there.
    pub(super) amplitude: f64,
    /// |S(T/2) − S(0)|_F.
    pub(super) half: f64,
}

/// z with its variations: dz = v, dY = J Y, dy = J y + ∂v/∂λ, ∂v/∂λ = −(A, B, 0).
struct Variational<'a> {
    field: &'a LinearField,
}

impl VectorField for Variational<'_> {
    fn dimension(&self) -> usize {
        let d = self.field.dimension();
        d * (d + 2)
    }

    fn value(&self, z: &[f64], out: &mut [f64]) {
        let d = self.field.dimension();
        let (state, columns) = z.split_at(d);
        let (slope, rates) = out.split_at_mut(d);
        self.field.value(state, slope);
        for (column, rate) in columns.chunks_exact(d).zip(rates.chunks_exact_mut(d)) {
            self.field.jvp(state, column, rate);
        }
        let student = self.field.width * (self.field.inputs() + self.field.width);
        let last = &mut rates[d * d..];
        last.iter_mut().zip(state).take(student).for_each(|(rate, x)| *rate -= x);
    }

    fn jvp(&self, _z: &[f64], _direction: &[f64], _out: &mut [f64]) {
        unreachable!("explicit steps ask for values alone");
    }
}

/// Follows a state for a period; `None` where the flow leaves every bound or takes too many steps.
pub(super) fn shoot(field: &LinearField, state: &[f64], period: f64) -> Option<Shot> {
    let d = state.len();
    let mut start = vec![0.0; d * (d + 2)];
    start[..d].copy_from_slice(state);
    (0..d).for_each(|i| start[d + i * d + i] = 1.0);
    let whole = Variational { field };
    let mut on = Integrator::new(&whole, &start, TOLERANCE);
    let gram = |z: &[f64]| {
        let a = LinearState::from_flat(&z[..d], field.width, field.inputs()).a;
        crate::linalg::product(a.transpose(), a.as_ref())
    };
    let first = gram(&on.state);
    let (mut s_norm, mut amplitude) = ([first.norm_l2(); 2], 0.0_f64);
    let mut half = f64::NAN;
    while on.time < period {
        let limit = if half.is_nan() { 0.5 * period } else { period };
        if on.steps >= STEPS || on.advance(limit) == Advance::Stuck {
            return None;
        }
        let here = gram(&on.state);
        if half.is_nan() && on.time >= 0.5 * period {
            half = (&here - &first).norm_l2();
        }
        let size = here.norm_l2();
        s_norm = [s_norm[0].min(size), s_norm[1].max(size)];
        amplitude = amplitude.max((&here - &first).norm_l2());
    }
    let z = &on.state;
    z.iter().all(|x| x.is_finite()).then(|| Shot {
        end: z[..d].to_vec(),
        slope: on.slope[..d].to_vec(),
        variations: z[d..d + d * d].to_vec(),
        by_decay: z[d + d * d..].to_vec(),
        s_norm,
        amplitude,
        half,
    })
}

/// The state after a time.
pub(super) fn flow_for(field: &LinearField, state: &[f64], time: f64) -> Option<Vec<f64>> {
    let mut on = Integrator::new(field, state, TOLERANCE);
    while on.time < time {
        if on.steps >= STEPS || on.advance(time) == Advance::Stuck {
            return None;
        }
    }
    Some(on.state)
}
