//! One trajectory of each field in the plane (a, b): a fixed-step Runge–Kutta method is enough for a picture.

use super::Landscape;
use crate::Field;

/// Where a trajectory starts and when it ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PathParams {
    /// a and b at time 0; the teacher starts as the student.
    pub start: [f64; 2],
    /// γ, the teacher's rate; read under EMA only.
    pub ema_rate: f64,
    /// It has settled where what is left of the way (speed over the slower of λ and γ) is this share of its reach.
    pub settled: f64,
    /// Steps at most.
    pub max_steps: usize,
}

impl PathParams {
    /// From a start: γ = 1, settled at 1e-6 (invisible in any picture), at most 2,000,000 steps (a quarter of a second).
    pub fn from_start(start: [f64; 2]) -> Self {
        Self { start, ema_rate: 1.0, settled: 1e-6, max_steps: 2_000_000 }
    }
}

/// A trajectory, thinned to what a picture can show.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// Of which field.
    pub field: Field,
    /// Times, ascending from 0.
    pub times: Vec<f64>,
    /// (a, b, c) at these times; without a teacher of its own c is a.
    pub states: Vec<[f64; 3]>,
    /// Whether it came to rest within the steps; if not, it goes on beyond its last point.
    pub settled: bool,
    /// Steps taken.
    pub steps: usize,
}

impl Landscape {
    /// The trajectory of a field from a start.
    ///
    /// # Units       time of the flow: learning rate × steps
    /// # Requires    a finite start and a positive finite γ
    /// # Cost        4 evaluations a step; steps as long as the fastest rate allows, at most `max_steps`
    pub fn path(&self, field: Field, params: &PathParams) -> Path {
        let [a, b] = params.start;
        let rate = params.ema_rate;
        let step = self.step(field, params);
        let slowest = if field == Field::Ema { self.weight_decay.min(rate) } else { self.weight_decay };
        let rest = params.settled * slowest * self.reach(params);
        let mut state = [a, b, a];
        let mut path = Path { field, times: vec![0.0], states: vec![state], settled: false, steps: 0 };
        let apart = 2e-3 * a.hypot(b).max(self.radii().last().copied().unwrap_or(0.0));
        for taken in 0..=params.max_steps {
            path.steps = taken;
            let time = taken as f64 * step;
            let speed = length(self.velocity(field, state, rate));
            path.settled = speed <= rest;
            let done = path.settled || taken == params.max_steps || !speed.is_finite();
            let (last, since) = (path.states[path.states.len() - 1], path.times[path.times.len() - 1]);
            let moved = (state[0] - last[0]).hypot(state[1] - last[1]) > apart;
            if taken > 0 && (done || moved || time > 1.03 * since + 20.0 * step) {
                path.times.push(time);
                path.states.push(state);
            }
            if done {
                break;
            }
            state = self.runge_kutta(field, state, rate, step);
        }
        path
    }

    /// How far from the origin a trajectory comes, about: for a fixed a, b is drawn towards τ/ρ at most.
    fn reach(&self, params: &PathParams) -> f64 {
        let outer = self.radii().last().copied().unwrap_or(0.0);
        1.5 * params.start[0].hypot(params.start[1]).max(outer) + self.tau.abs() / self.rho
    }

    /// Two fifths of the time scale of the fastest linear part within reach.
    fn step(&self, field: Field, params: &PathParams) -> f64 {
        let reach = self.reach(params);
        let through_target = if field == Field::Joint { self.sigma + 2.0 * self.tau.abs() * reach } else { 0.0 };
        let teacher = if field == Field::Ema { params.ema_rate } else { 0.0 };
        let fastest = 3.0 * self.rho * reach * reach
            + 3.0 * self.tau.abs() * reach
            + self.weight_decay
            + through_target
            + teacher;
        0.4 / fastest
    }

    /// One step of the classical method of order 4.
    fn runge_kutta(&self, field: Field, state: [f64; 3], rate: f64, step: f64) -> [f64; 3] {
        let at = |slope: [f64; 3], share: f64| std::array::from_fn(|k| state[k] + share * step * slope[k]);
        let first = self.velocity(field, state, rate);
        let second = self.velocity(field, at(first, 0.5), rate);
        let third = self.velocity(field, at(second, 0.5), rate);
        let fourth = self.velocity(field, at(third, 1.0), rate);
        std::array::from_fn(|k| state[k] + step / 6.0 * (first[k] + 2.0 * (second[k] + third[k]) + fourth[k]))
    }
}

fn length([a, b, c]: [f64; 3]) -> f64 {
    a.hypot(b).hypot(c)
}
