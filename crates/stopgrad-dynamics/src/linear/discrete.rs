//! Training in steps: one update of the linear case as a map, with its Jacobian.

use crate::{LinearField, VectorField};

/// One training step on states (A, B), (A, B, C) and, with heavy ball, the velocities of A and B behind them.
///
/// With (g_A, g_B) the student part of the field: V ← μ V + g, (A, B) ← (A, B) + η V, then C ← α C + (1 − α) A
/// with the new A. B moves with η · `rate_b` (the field's). Its fixed points are the field's equilibria, with
/// velocities 0. As a [`VectorField`] its value is the next state, so its Jacobian's eigenvalues are multipliers.
///
/// # Source      heavy ball: Polyak 1964, in the form in which deep-learning frameworks write it
#[derive(Debug, Clone)]
pub struct UpdateMap {
    /// Field, moments, weight decays; its `ema_rate` is not read, time is counted in steps here.
    pub field: LinearField,
    /// η.
    pub learning_rate: f64,
    /// α: what the teacher keeps in a step (EMA only); 0 is stop-gradient.
    pub teacher_momentum: f64,
    /// μ of heavy ball; 0 is plain descent and no velocities in the state.
    pub heavy_ball: f64,
}

/// A training step that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum UpdateMapError {
    /// η.
    #[error("the learning rate is {value}; it has to be a finite number above 0")]
    LearningRate {
        /// What it is.
        value: f64,
    },
    /// α or μ.
    #[error("{name} is {value}; it lies in [0, 1)")]
    Momentum {
        /// Which one.
        name: &'static str,
        /// What it is.
        value: f64,
    },
}

impl UpdateMap {
    /// Plain descent with a teacher that keeps `teacher_momentum` of itself.
    ///
    /// # Errors      [`UpdateMapError`]
    pub fn new(field: LinearField, learning_rate: f64, teacher_momentum: f64) -> Result<Self, UpdateMapError> {
        if !(learning_rate > 0.0 && learning_rate.is_finite()) {
            return Err(UpdateMapError::LearningRate { value: learning_rate });
        }
        let teacher_momentum = share("the teacher's momentum", teacher_momentum)?;
        Ok(Self { field, learning_rate, teacher_momentum, heavy_ball: 0.0 })
    }

    /// The same with heavy ball.
    ///
    /// # Errors      [`UpdateMapError::Momentum`]
    pub fn with_heavy_ball(self, heavy_ball: f64) -> Result<Self, UpdateMapError> {
        Ok(Self { heavy_ball: share("the heavy ball's momentum", heavy_ball)?, ..self })
    }

    /// A state of the field as one of the map: velocities of 0 behind it where the map has them.
    pub fn extend(&self, field_state: &[f64]) -> Vec<f64> {
        assert_eq!(field_state.len(), self.field.dimension(), "a state of the field");
        let mut state = field_state.to_vec();
        state.resize(self.dimension(), 0.0);
        state
    }

    /// Length of (A, B).
    fn student(&self) -> usize {
        let [_, _, nm, nn] = self.field.sizes();
        nm + nn
    }

    /// The step for a given field value in `out`, which the next state replaces; linear in (z, value).
    fn advance(&self, z: &[f64], out: &mut [f64]) {
        let ([_, _, nm, _], student) = (self.field.sizes(), self.student());
        let (state, velocity) = out.split_at_mut(self.field.dimension());
        let (moving, teacher) = state.split_at_mut(student);
        for (at, value) in moving.iter_mut().enumerate() {
            if let Some(kept) = velocity.get_mut(at) {
                *kept = self.heavy_ball * z[self.field.dimension() + at] + *value;
                *value = *kept;
            }
            *value = z[at] + self.learning_rate * *value;
        }
        for ((teacher, before), a) in teacher.iter_mut().zip(&z[student..]).zip(&moving[..nm]) {
            *teacher = self.teacher_momentum * before + (1.0 - self.teacher_momentum) * a;
        }
    }
}

impl VectorField for UpdateMap {
    fn dimension(&self) -> usize {
        self.field.dimension() + if self.heavy_ball > 0.0 { self.student() } else { 0 }
    }

    fn value(&self, z: &[f64], out: &mut [f64]) {
        let d = self.field.dimension();
        self.field.value(&z[..d], &mut out[..d]);
        self.advance(z, out);
    }

    fn jvp(&self, z: &[f64], direction: &[f64], out: &mut [f64]) {
        let d = self.field.dimension();
        self.field.jvp(&z[..d], &direction[..d], &mut out[..d]);
        self.advance(direction, out);
    }
}

fn share(name: &'static str, value: f64) -> Result<f64, UpdateMapError> {
    if (0.0..1.0).contains(&value) { Ok(value) } else { Err(UpdateMapError::Momentum { name, value }) }
}
