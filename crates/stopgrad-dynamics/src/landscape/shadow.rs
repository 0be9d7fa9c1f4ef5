//! A trajectory of any linear field as seen from a plane: its foot there, and how far it is from it.
//!
//! For a picture only: [`crate::flow`] says where a trajectory ends, with the evidence.

use super::plane::Plane;
use crate::ode::{Advance, Integrator, Tolerance};
use crate::statistics::squared_norm;
use crate::{Field, LinearField, VectorField};

/// Relative error of a step: a thousandth of what a picture can show.
const TOLERANCE: Tolerance = Tolerance { relative: 1e-6, absolute: 1e-9 };
/// A state moves this share of the plane's reach between two points that are kept.
const APART: f64 = 2e-3;
/// Shortest ratio of the times of two points that are kept where the foot stands still.
const LATER: f64 = 1.1;

/// When a trajectory ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShadowParams {
    /// It has settled where its speed over the slowest known rate (of λ and, under EMA, γ) is this share of its start.
    pub settled: f64,
    /// Steps at most.
    pub max_steps: u64,
}

/// A trajectory seen from a plane.
#[derive(Debug, Clone, PartialEq)]
pub struct Shadow {
    /// Of which field.
    pub field: Field,
    /// Times, ascending from 0.
    pub times: Vec<f64>,
    /// (s, t) of the foot at these times.
    pub feet: Vec<[f64; 2]>,
    /// Distance of (A, B) from the plane at these times.
    pub distances: Vec<f64>,
    /// The last state, as long as the field's.
    pub end: Vec<f64>,
    /// Whether it came to rest within the steps; if not, it goes on beyond its last point.
    pub settled: bool,
    /// Steps taken.
    pub steps: u64,
}

impl Shadow {
    /// The trajectory of a field from a state (A, B); a teacher starts as the student.
    ///
    /// # Shapes      start: n m + n² numbers, as in `plane`
    /// # Panics      when the start is of another size
    /// # Cost        6 values of the field a step
    pub fn cast(field: &LinearField, start: &[f64], plane: &Plane, params: ShadowParams) -> Self {
        let own = field.width * (field.inputs() + field.width);
        assert_eq!(start.len(), own, "A and B");
        let mut state = start.to_vec();
        if field.dimension() > own {
            state.extend_from_slice(&start[..field.width * field.inputs()]);
        }
        let slowest = if field.kind.has_teacher() { field.ema_rate.min(field.decay_a) } else { field.decay_a };
        let rest = params.settled * slowest * squared_norm(&state).sqrt();
        let mut on = Integrator::new(field, &state, TOLERANCE);
        let (foot, distance) = plane.foot(start);
        let mut shadow = Self {
            field: field.kind,
            times: vec![0.0],
            feet: vec![foot],
            distances: vec![distance],
            end: state,
            settled: false,
            steps: 0,
        };
        let apart = APART * plane.corners.iter().map(|[s, t]| s.hypot(*t)).fold(0.0, f64::max);
        loop {
            shadow.settled = squared_norm(&on.slope).sqrt() <= rest;
            let stuck = !shadow.settled && on.steps < params.max_steps && on.advance(f64::MAX) == Advance::Stuck;
            let done = shadow.settled || stuck || on.steps >= params.max_steps;
            shadow.keep(&on, plane, own, if done { 0.0 } else { apart });
            if done {
                break;
            }
        }
        shadow.settled = squared_norm(&on.slope).sqrt() <= rest;
        shadow.steps = on.steps;
        shadow.end = on.state;
        shadow
    }

    /// Adds a point where the state has moved far enough since the last, or long enough ago.
    fn keep(&mut self, on: &Integrator<'_>, plane: &Plane, own: usize, apart: f64) {
        let last = self.times.len() - 1;
        let (foot, distance) = plane.foot(&on.state[..own]);
        let moved = (foot[0] - self.feet[last][0]).hypot(foot[1] - self.feet[last][1]);
        let further = moved.max((distance - self.distances[last]).abs());
        if on.time > self.times[last] && (further >= apart || on.time > LATER * self.times[last].max(1e-3)) {
            self.times.push(on.time);
            self.feet.push(foot);
            self.distances.push(distance);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Moments;

    /// Two modes of which the second stays 0: the plane is that of a₁₁ and b₁₁.
    fn field(kind: Field) -> LinearField {
        let one = faer::mat![[1.0, 0.0], [0.0, 1.0]];
        let cross = faer::mat![[0.8, 0.0], [0.0, 0.6]];
        let moments = Moments::new(one.clone(), cross, Some(one)).expect("moments");
        LinearField::new(kind, moments, 1, 0.05).expect("a field")
    }

    const PARAMS: ShadowParams = ShadowParams { settled: 1e-4, max_steps: 10_000 };

    fn plane() -> Plane {
        Plane::through([&[0.0, 0.0, 0.0], &[1.0, 0.0, 0.0], &[0.0, 0.0, 1.0]]).expect("a plane")
    }

    #[test]
    fn in_an_invariant_plane_a_trajectory_ends_at_the_closed_form() {
        for (kind, end) in
            [(Field::StopGradient, 0.4 + 0.11_f64.sqrt()), (Field::Ema, 0.4 + 0.11_f64.sqrt()), (Field::Joint, 0.0)]
        {
            let shadow = Shadow::cast(&field(kind), &[0.9, 0.0, 0.5], &plane(), PARAMS);
            let last = shadow.feet[shadow.feet.len() - 1];
            assert!(shadow.settled && (last[0] - end).abs() < 1e-3 && (last[1] - end).abs() < 1e-3, "{kind} {last:?}");
            assert!(shadow.distances.iter().all(|distance| *distance < 1e-12), "{kind}");
            assert!(shadow.times.is_sorted() && shadow.times.len() == shadow.feet.len());
        }
    }

    #[test]
    fn out_of_the_plane_the_distance_is_that_of_what_is_not_seen() {
        let shadow = Shadow::cast(&field(Field::StopGradient), &[0.9, 0.2, 0.5], &plane(), PARAMS);
        assert!((shadow.distances[0] - 0.2).abs() < 1e-15);
        let last = shadow.distances[shadow.distances.len() - 1];
        assert!((last - shadow.end[1].abs()).abs() < 1e-12 && shadow.settled);
    }

    #[test]
    fn a_spent_budget_is_said() {
        let shadow =
            Shadow::cast(&field(Field::Ema), &[0.9, 0.2, 0.5], &plane(), ShadowParams { max_steps: 3, ..PARAMS });
        assert!(!shadow.settled && shadow.steps == 3 && shadow.end.len() == 5);
    }

    #[test]
    fn feet_and_directions_split_as_vectors_do() {
        let plane = Plane::through([&[0.0, 0.0, 2.0], &[3.0, 0.0, 2.0], &[1.0, 1.0, 2.0]]).expect("a plane");
        let (foot, distance) = plane.foot(&[0.5, 0.25, -1.0]);
        assert!((foot[0] - 0.5).abs() < 1e-15 && (foot[1] - 0.25).abs() < 1e-15 && (distance - 3.0).abs() < 1e-15);
        assert_eq!(plane.off_plane(&[0.0, 0.0, 5.0]), Some(1.0));
        assert!(plane.off_plane(&[1.0, -2.0, 0.0]).expect("a direction") < 1e-15);
        assert!((plane.off_plane(&[3.0, 0.0, 4.0]).expect("a direction") - 0.8).abs() < 1e-15);
        assert_eq!(plane.off_plane(&[0.0; 3]), None);
    }
}
