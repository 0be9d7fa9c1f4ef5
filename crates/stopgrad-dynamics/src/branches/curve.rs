//! One smooth curve of equilibria, followed in both directions from one of its points.

use faer::Mat;

use super::chart::Chart;
use super::corrector::{Corrector, Sample, dot};
use super::events::{Found, examine};
use super::family::Family;
use crate::linalg::LinalgError;
use crate::{Field, Spectrum};

/// How a curve is followed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FollowParams {
    /// The longest step, in which the equilibrium may change by about this part of itself: 0.15.
    pub longest_step: f64,
    /// A step shorter than this is the end of a curve that cannot be followed: 1e-9.
    pub shortest_step: f64,
    /// Steps of one curve, both directions together: 20,000.
    pub max_steps: usize,
    /// Cosine between the tangents at the ends of a step, at least: 0.985, 10 degrees.
    pub least_cosine: f64,
    /// Size of an equilibrium, over that of the largest one that was found, beyond which it has escaped: 1e6.
    pub escape: f64,
}

impl Default for FollowParams {
    fn default() -> Self {
        Self { longest_step: 0.15, shortest_step: 1e-9, max_steps: 20_000, least_cosine: 0.985, escape: 1e6 }
    }
}

/// What is asked along every curve.
#[derive(Clone, Copy)]
pub(super) struct Course<'a> {
    pub(super) family: &'a Family,
    /// θ at both ends, ascending.
    pub(super) range: [f64; 2],
    /// Values of θ at which every crossing is kept, ascending; the ends are the first and the last.
    pub(super) slices: &'a [f64],
    /// Field and γ of the spectra.
    pub(super) flow: (Field, f64),
    pub(super) params: &'a FollowParams,
    /// |Σ| beyond which an equilibrium has escaped.
    pub(super) bound: f64,
}

/// What is special at a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Special {
    /// The curve turns in θ, and the linearisation has a simple zero.
    Fold,
    /// Another curve of the same rank crosses; whether this curve turns here.
    Branch { turns: bool },
    /// A pair crosses the imaginary axis at this frequency.
    Hopf { frequency: f64 },
}

/// A point of a curve.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) theta: f64,
    pub(super) sigma: Mat<f64>,
    pub(super) spectrum: Spectrum,
    /// Relative error of Σ, about: the last Newton correction.
    pub(super) correction: f64,
    /// What is special here, and how far θ is uncertain.
    pub(super) special: Option<(Special, f64)>,
    /// The slice that it lies on.
    pub(super) slice: Option<usize>,
}

/// Why a curve ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Ending {
    /// At an end of the range.
    Range,
    /// Beyond every bound.
    Escape,
    /// It came back to where it began.
    Closed,
    /// Steps became too short, or a spectrum failed.
    Stuck,
    /// The bound on steps.
    Budget,
}

/// A curve: its points in order, and how each end came about.
#[derive(Debug, Clone)]
pub(super) struct Curve {
    pub(super) rank: usize,
    pub(super) nodes: Vec<Node>,
    pub(super) ends: [Ending; 2],
    pub(super) steps: usize,
}

/// The curve through Σ at the slice `from`; `None` where Newton finds no equilibrium of this rank close by, or it is singular.
pub(super) fn follow(course: &Course<'_>, sigma: &Mat<f64>, rank: usize, from: usize) -> Option<Curve> {
    let theta = course.slices[from];
    let start = settle(course.family, sigma, rank, theta)?;
    let mut ways = Vec::new();
    for sign in [-1.0, 1.0] {
        let way = Way::begin(course, &start, rank, from, sign)?.run();
        let closed = way.ending == Ending::Closed;
        ways.push(way);
        if closed {
            break;
        }
    }
    let (mut first, second) = (ways.remove(0), ways.pop());
    let Some(second) = second else {
        let steps = first.steps;
        return Some(Curve { rank, nodes: first.nodes, ends: [Ending::Closed; 2], steps });
    };
    first.nodes.reverse();
    let (ends, steps) = ([first.ending, second.ending], first.steps + second.steps);
    // Both begin with the same point.
    first.nodes.pop();
    first.nodes.extend(second.nodes);
    Some(Curve { rank, nodes: first.nodes, ends, steps })
}

/// Σ of an equilibrium of this rank at θ, by Newton from close by: none where it does not settle.
pub(super) fn settle(family: &Family, sigma: &Mat<f64>, rank: usize, theta: f64) -> Option<Mat<f64>> {
    let mut sigma = sigma.clone();
    // Twice: the second chart has its centre at what the first found.
    for _ in 0..2 {
        let chart = Chart::around(family, &sigma, rank, theta).ok()?;
        let direction = upwards(&chart);
        let (point, _) = Corrector::new(family, &chart, &direction).polish()?;
        sigma = chart.sigma(&point[..point.len() - 1]);
    }
    Some(sigma)
}

/// The direction of θ alone.
fn upwards(chart: &Chart) -> Vec<f64> {
    let mut direction = chart.origin();
    direction.push(1.0);
    direction
}

/// One direction.
struct Way<'a> {
    course: &'a Course<'a>,
    rank: usize,
    chart: Chart,
    /// Unit tangent at the centre of the chart.
    direction: Vec<f64>,
    length: f64,
    nodes: Vec<Node>,
    ending: Ending,
    steps: usize,
    /// Slice and sign of dθ at the start, to know it again.
    from: (usize, f64),
}

/// What became of one step.
enum Step {
    Taken,
    TooLong,
    Ended(Ending),
}

impl<'a> Way<'a> {
    fn begin(course: &'a Course<'a>, sigma: &Mat<f64>, rank: usize, slice: usize, sign: f64) -> Option<Self> {
        let theta = course.slices[slice];
        let chart = Chart::around(course.family, sigma, rank, theta).ok()?;
        let up = upwards(&chart);
        let sample = Corrector::new(course.family, &chart, &up).sample(vec![0.0; up.len()], 0, 0.0);
        let direction: Vec<f64> = sample.tangent.iter().map(|x| sign * x).collect();
        if !direction.iter().all(|x| x.is_finite()) {
            return None;
        }
        let spectrum = course.family.spectrum(course.flow, sigma, rank, theta).ok()?;
        let node = Node { theta, sigma: sigma.clone(), spectrum, correction: 0.0, special: None, slice: Some(slice) };
        Some(Self {
            course,
            rank,
            chart,
            direction,
            length: 0.2 * course.params.longest_step,
            nodes: vec![node],
            ending: Ending::Budget,
            steps: 0,
            from: (slice, sign),
        })
    }

    fn run(mut self) -> Self {
        let at_edge = |theta: f64, sign: f64, range: [f64; 2]| theta * sign >= range[usize::from(sign > 0.0)] * sign;
        if at_edge(self.nodes[0].theta, self.from.1, self.course.range) {
            self.ending = Ending::Range;
            return self;
        }
        while self.steps < self.course.params.max_steps {
            self.steps += 1;
            match self.step() {
                Ok(Step::Taken) => {}
                Ok(Step::TooLong) => {
                    self.length *= 0.5;
                    if self.length < self.course.params.shortest_step {
                        self.ending = Ending::Stuck;
                        return self;
                    }
                }
                Ok(Step::Ended(ending)) => {
                    self.ending = ending;
                    return self;
                }
                Err(_) => {
                    self.ending = Ending::Stuck;
                    return self;
                }
            }
        }
        self.ending = Ending::Budget;
        self
    }

    fn step(&mut self) -> Result<Step, LinalgError> {
        let params = self.course.params;
        let (chart, direction, length) = (self.chart.clone(), self.direction.clone(), self.length);
        let corrector = Corrector::new(self.course.family, &chart, &direction);
        let guess: Vec<f64> = direction.iter().map(|x| length * x).collect();
        let Some(end) = corrector.at(&guess, length) else { return Ok(Step::TooLong) };
        let cosine = dot(&end.tangent, &direction);
        let aside = end.point.iter().zip(&guess).map(|(x, g)| (x - g).powi(2)).sum::<f64>().sqrt();
        if cosine < params.least_cosine || aside > 0.2 * length {
            return Ok(Step::TooLong);
        }
        let last = self.nodes.last().expect("a way has its start");
        let (before, theta) = (last.spectrum.clone(), corrector.theta(&end.point));
        let node = self.node(&corrector, &end)?;
        let separable = length > 1e3 * params.shortest_step;
        let start = corrector.sample(vec![0.0; direction.len()], 0, 0.0);
        let leg = Leg { corrector: &corrector, course: self.course, rank: self.rank, start, end: end.clone(), length };
        let Some(found) = examine(&leg, &before, &node.spectrum, separable)? else { return Ok(Step::TooLong) };
        let ending = self.record(&leg, &found, theta)?;
        if let Some(ending) = ending {
            return Ok(Step::Ended(ending));
        }
        // The direction, carried to the chart around the new point.
        let inner = end.point.len() - 1;
        let change = chart.change(&end.point[..inner], &end.tangent[..inner]);
        self.chart = Chart::around(self.course.family, &node.sigma, self.rank, theta)?;
        let mut carried = self.chart.coordinates(&change);
        carried.push(end.tangent[inner]);
        let size = carried.iter().map(|x| x * x).sum::<f64>().sqrt();
        for x in &mut carried {
            *x /= size;
        }
        self.direction =
            Corrector::new(self.course.family, &self.chart, &carried).sample(vec![0.0; carried.len()], 0, 0.0).tangent;
        let escaped = node.sigma.norm_l2() > self.course.bound;
        self.nodes.push(node);
        if escaped {
            return Ok(Step::Ended(Ending::Escape));
        }
        if end.iterations <= 5 && cosine > 1.0 - 0.3 * (1.0 - params.least_cosine) {
            self.length = (1.5 * self.length).min(params.longest_step);
        }
        Ok(Step::Taken)
    }

    /// Puts down what lies inside a step: special points, and crossings of slices between them; the ending if one is met.
    fn record(&mut self, leg: &Leg<'_>, found: &[Found], theta: f64) -> Result<Option<Ending>, LinalgError> {
        let mut low = (0.0, leg.start.clone(), self.chart.theta);
        let last = Found { height: leg.length, special: None, width: 0.0, sample: leg.end.clone() };
        for found in found.iter().chain([&last]) {
            let high = (found.height, found.sample.clone(), leg.corrector.theta(&found.sample.point));
            let [a, b] = [low.2, if found.special.is_none() { theta } else { high.2 }];
            let mut crossed: Vec<usize> = (0..self.course.slices.len())
                .filter(|&k| {
                    let slice = self.course.slices[k];
                    (a < slice && slice <= b) || (b <= slice && slice < a)
                })
                .collect();
            if b < a {
                crossed.reverse();
            }
            for slice in crossed {
                let target = self.course.slices[slice];
                let Some(sample) = leg.locate_theta(target, (low.0, &low.1), (high.0, &high.1)) else { continue };
                let mut node = self.node(leg.corrector, &sample)?;
                (node.theta, node.slice) = (target, Some(slice));
                let edge = slice == 0 && b < a || slice + 1 == self.course.slices.len() && b > a;
                let again = slice == self.from.0
                    && (b - a) * self.from.1 > 0.0
                    && relative_distance(&self.nodes[0].sigma, &node.sigma, self.rank) < 1e-6;
                self.nodes.push(node);
                if again {
                    return Ok(Some(Ending::Closed));
                }
                if edge {
                    return Ok(Some(Ending::Range));
                }
            }
            if let Some(special) = found.special {
                let mut node = self.node(leg.corrector, &found.sample)?;
                node.special = Some((special, found.width));
                self.nodes.push(node);
            }
            low = high;
        }
        Ok(None)
    }

    fn node(&self, corrector: &Corrector<'_>, sample: &Sample) -> Result<Node, LinalgError> {
        let theta = corrector.theta(&sample.point);
        let sigma = corrector.chart.sigma(&sample.point[..sample.point.len() - 1]);
        let spectrum = self.course.family.spectrum(self.course.flow, &sigma, self.rank, theta)?;
        Ok(Node { theta, sigma, spectrum, correction: sample.correction, special: None, slice: None })
    }
}

/// One accepted step, between the centre of a chart and `length` along its direction.
pub(super) struct Leg<'a> {
    pub(super) corrector: &'a Corrector<'a>,
    pub(super) course: &'a Course<'a>,
    pub(super) rank: usize,
    pub(super) start: Sample,
    pub(super) end: Sample,
    pub(super) length: f64,
}

impl Leg<'_> {
    /// The sample at a height, from the nearer of two others.
    pub(super) fn between(&self, height: f64, low: (f64, &Sample), high: (f64, &Sample)) -> Option<Sample> {
        let (at, near) = if height - low.0 < high.0 - height { low } else { high };
        let slope = dot(&near.tangent, self.corrector.direction);
        let guess: Vec<f64> =
            near.point.iter().zip(&near.tangent).map(|(x, t)| x + (height - at) / slope * t).collect();
        self.corrector.at(&guess, height)
    }

    /// The spectrum at a sample.
    pub(super) fn spectrum(&self, sample: &Sample) -> Result<Spectrum, LinalgError> {
        let theta = self.corrector.theta(&sample.point);
        let sigma = self.corrector.chart.sigma(&sample.point[..sample.point.len() - 1]);
        self.course.family.spectrum(self.course.flow, &sigma, self.rank, theta)
    }

    /// Where the curve meets a slice, between two samples without a turn between them.
    fn locate_theta(&self, target: f64, low: (f64, &Sample), high: (f64, &Sample)) -> Option<Sample> {
        let value = |sample: &Sample| self.corrector.theta(&sample.point) - target;
        let root = super::events::root(
            &mut |height| self.between(height, low, high).map(|sample| (value(&sample), sample)),
            (low.0, value(low.1), low.1.clone()),
            (high.0, value(high.1), high.1.clone()),
            1e-15,
        )?;
        Some(root.sample)
    }
}

/// |Σ₂ − Σ₁|, each mode of Σ₁ measured by itself, what lies outside its range by its least mode.
pub(super) fn relative_distance(a: &Mat<f64>, b: &Mat<f64>, rank: usize) -> f64 {
    let Ok(eigen) = crate::linalg::symmetric_eigen(a.as_ref()) else { return f64::INFINITY };
    let difference = b - a;
    let left = crate::linalg::product(eigen.vectors.transpose(), difference.as_ref());
    let inner = crate::linalg::product(left.as_ref(), eigen.vectors.as_ref());
    let root = |i: usize| eigen.values[i.min(rank - 1)].max(f64::MIN_POSITIVE).sqrt();
    let size = a.nrows();
    let squares = (0..size).flat_map(|i| (0..size).map(move |j| (i, j))).map(|(i, j)| {
        let relative = inner[(i, j)] / (root(i) * root(j));
        relative * relative
    });
    crate::statistics::sum_fixed(&squares.collect::<Vec<_>>()).sqrt()
}
