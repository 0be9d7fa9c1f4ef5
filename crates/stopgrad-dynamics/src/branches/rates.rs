//! The same equilibria under another teacher's rate or step: none is born or dies, but what attracts changes.

use faer::Mat;

use super::{Branch, BranchEnd, BranchPoint, Diagram, EndKind, Event, EventKind, Family};
use crate::linalg::LinalgError;
use crate::stability::{multipliers_at, spectrum_at};
use crate::{Field, LinearField, LinearState, Stability, UpdateMap};

/// Which rate is varied.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    /// γ of EMA; eigenvalues of the flow.
    Teacher,
    /// η of plain descent; multipliers of a step.
    Learning {
        /// Stop-gradient or EMA.
        field: Field,
        /// α under EMA; `None`: 1 − γη with this γ, from 0.
        momentum: Option<f64>,
        /// γ.
        ema_rate: f64,
    },
}

/// Values of the rate at which spectra are compared, before intervals with several changes are halved.
const GRID: usize = 97;
/// Halvings of such an interval.
const DEPTH: usize = 20;
/// Halvings until a change is located: 2⁻⁵⁰ of the interval.
const HALVINGS: usize = 50;
/// |Im| over the modulus below which what crosses is real.
const REAL: f64 = 1e-7;

/// How equilibria at one λ stand while a rate goes through a range: branches of one S each, and what crosses.
///
/// A Hopf event of a step (a pair of multipliers through the unit circle) is that of Neimark and Sacker.
///
/// # Requires    `equilibria`: (rank, S) at `weight_decay`, rank ≤ `width`; 0 < low < high
/// # Errors      [`LinalgError`]
/// # Cost        an equilibrium: 97 spectra and 50 a change
pub fn vary_rate(
    family: &Family, equilibria: &[(usize, Mat<f64>)], (weight_decay, width): (f64, usize), rate: Rate, range: [f64; 2],
) -> Result<Diagram, LinalgError> {
    let theta = family.followed(weight_decay);
    let mut diagram =
        Diagram { branches: Vec::new(), events: Vec::new(), checks: Vec::new(), not_followed: Vec::new(), steps: 0 };
    for (id, (rank, s)) in equilibria.iter().enumerate() {
        let system = System { family, sigma: family.inward(s), rank: *rank, theta, width, rate };
        let (points, crossings) = system.follow(range)?;
        let point = |standing: &Standing| BranchPoint {
            parameter: standing.at,
            s_norm: s.norm_l2(),
            s: s.clone(),
            stability: standing.stability,
            unstable_dimensions: standing.unstable,
            leading_rate: standing.leading,
            correction: 0.0,
        };
        let end = |parameter: f64| BranchEnd { kind: EndKind::Range, parameter, event: None };
        diagram.steps += points.len();
        diagram.branches.push(Branch {
            id,
            curve: id,
            rank: *rank,
            points: points.iter().map(point).collect(),
            born: end(range[0]),
            dies: end(range[1]),
        });
        diagram.events.extend(crossings.into_iter().map(|crossing| Event {
            kind: if crossing.frequency > 0.0 { EventKind::Hopf } else { EventKind::Flip },
            parameter: crossing.at,
            uncertainty: crossing.width,
            rank: *rank,
            branches: vec![id],
            s: s.clone(),
            frequency: (crossing.frequency > 0.0).then_some(crossing.frequency),
        }));
    }
    diagram.events.sort_by(|a, b| a.parameter.total_cmp(&b.parameter).then(a.branches.cmp(&b.branches)));
    Ok(diagram)
}

struct System<'a> {
    family: &'a Family,
    sigma: Mat<f64>,
    rank: usize,
    theta: f64,
    width: usize,
    rate: Rate,
}

/// How an equilibrium stands at one rate.
struct Standing {
    at: f64,
    stability: Stability,
    unstable: usize,
    /// The largest real part; of a step: the largest modulus less 1.
    leading: f64,
    /// (size beyond the axis or the circle, angle or frequency), the largest first.
    values: Vec<[f64; 2]>,
}

struct Crossing {
    at: f64,
    width: f64,
    /// Of the pair; 0 where what crosses is real.
    frequency: f64,
}

impl System<'_> {
    fn follow(&self, [low, high]: [f64; 2]) -> Result<(Vec<Standing>, Vec<Crossing>), LinalgError> {
        let at = |k: usize| match k {
            0 => low,
            k if k + 1 == GRID => high,
            k => low * (high / low).powf(k as f64 / (GRID - 1) as f64),
        };
        let mut points = vec![self.standing(low)?];
        let mut crossings = Vec::new();
        for k in 1..GRID {
            let next = self.standing(at(k))?;
            let last = &points[points.len() - 1];
            self.between(last, &next, DEPTH, &mut crossings)?;
            points.push(next);
        }
        Ok((points, crossings))
    }

    /// Locates every change of the number of unstable directions.
    fn between(&self, a: &Standing, b: &Standing, depth: usize, out: &mut Vec<Crossing>) -> Result<(), LinalgError> {
        let changed = a.unstable.abs_diff(b.unstable);
        if changed == 0 {
            return Ok(());
        }
        if changed > 2 && depth > 0 {
            let middle = self.standing((a.at * b.at).sqrt())?;
            self.between(a, &middle, depth - 1, out)?;
            return self.between(&middle, b, depth - 1, out);
        }
        let fewer = a.unstable.min(b.unstable);
        let (mut low, mut high) = (a.at, b.at);
        let rises = b.unstable > a.unstable;
        let mut end = [0.0; 2];
        for _ in 0..HALVINGS {
            let middle = self.standing((low * high).sqrt())?;
            end = middle.values[fewer];
            if (middle.unstable > fewer) == rises { high = middle.at } else { low = middle.at }
        }
        let size = end[0].abs().max(end[1].abs()).max(1.0);
        let pair = changed == 2 && end[1].abs() > REAL * size && self.is_pair(end[1]);
        let frequency = if pair { end[1].abs() } else { 0.0 };
        out.push(Crossing { at: (low * high).sqrt(), width: high / low - 1.0, frequency });
        Ok(())
    }

    /// Whether an angle of a step is not that of −1.
    fn is_pair(&self, angle: f64) -> bool {
        self.rate == Rate::Teacher || std::f64::consts::PI - angle.abs() > REAL
    }

    fn standing(&self, rate: f64) -> Result<Standing, LinalgError> {
        match self.rate {
            Rate::Teacher => {
                let (mut field, z) = self.state(Field::Ema, 1.0)?;
                field.ema_rate = rate;
                let spectrum = spectrum_at(&field, &z)?;
                Ok(Standing {
                    at: rate,
                    stability: spectrum.stability,
                    unstable: spectrum.transversal_eigenvalues.iter().filter(|value| value[0] > 0.0).count(),
                    leading: spectrum.leading_rate,
                    values: spectrum.transversal_eigenvalues,
                })
            }
            Rate::Learning { field, momentum, ema_rate } => {
                let (field, z) = self.state(field, ema_rate)?;
                let momentum = momentum.unwrap_or_else(|| (1.0 - ema_rate * rate).max(0.0));
                let momentum = if field.kind.has_teacher() { momentum } else { 0.0 };
                let map = UpdateMap::new(field, rate, momentum).expect("a rate above 0 and a share in [0, 1)");
                let found = multipliers_at(&map, &z)?;
                let values: Vec<[f64; 2]> =
                    found.transversal.iter().map(|[re, im]| [re.hypot(*im) - 1.0, im.atan2(*re)]).collect();
                let unstable = values.iter().filter(|value| value[0] > 0.0).count();
                let near = values.iter().any(|value| value[0].abs() <= found.tolerance);
                let stability = match (near, unstable) {
                    (true, _) => Stability::Degenerate,
                    (false, 0) => Stability::Attracting,
                    (false, _) => Stability::Saddle,
                };
                Ok(Standing { at: rate, stability, unstable, leading: found.spectral_radius - 1.0, values })
            }
        }
    }

    /// The equilibrium in an embedding: of its own rank for a flow, whole for steps, which spare directions can leave.
    fn state(&self, kind: Field, ema_rate: f64) -> Result<(LinearField, Vec<f64>), LinalgError> {
        let width = if self.rate == Rate::Teacher { self.rank } else { self.width };
        let size = self.family.size();
        let padded =
            |matrix: &Mat<f64>, columns: usize| {
                Mat::from_fn(width, columns, |i, j| {
                    if i < matrix.nrows() && j < matrix.ncols() { matrix[(i, j)] } else { 0.0 }
                })
            };
        if self.rank == 0 {
            let moments = self.family.moments(self.theta);
            let mut field = LinearField::new(kind, moments, width.max(1), self.family.decay(self.theta))
                .expect("a width above 0, a weight decay above 0 and no joint field");
            field.ema_rate = ema_rate;
            let zeros = vec![0.0; crate::VectorField::dimension(&field)];
            return Ok((field, zeros));
        }
        let (mut field, z) = self.family.state((kind, ema_rate), &self.sigma, self.rank, self.theta)?;
        let LinearState { a, b, c } = LinearState::from_flat(&z, self.rank, size);
        field.width = width;
        let state = LinearState { a: padded(&a, size), b: padded(&b, width), c: c.map(|c| padded(&c, size)) };
        Ok((field, state.to_flat()))
    }
}
