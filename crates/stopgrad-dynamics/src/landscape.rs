//! Ē over the plane of an encoder a and a predictor b, one weight each (m = n = 1), and over planes through states.
//!
//! Decided: everything in closed form from the three numbers ρ = E\[x²\], τ = E\[y x\], σ = E\[y²\], so that a picture
//! owes nothing to a solver. [`path`] has the flows; [`plane`] Ē of any m and n over the plane through three states, and
//! [`shadow`] what is seen of a flow from such a plane.
//!
//! # Source      Ponce, Terver, Hebert, Arbel 2026 (arXiv 2507.01028); docs/theory.md, sections 1, 2 and 3.9

pub mod path;
pub mod plane;
pub mod shadow;

#[cfg(test)]
mod tests;

use crate::Field;

/// ρ, τ, σ of pairs of numbers, and λ: what Ē and the three fields are made of when m = n = 1.
///
/// # Example
/// ```
/// use stopgrad_dynamics::landscape::Landscape;
/// let landscape = Landscape::new(1.0, 0.8, 1.0, 0.05).expect("moments of real pairs");
/// let limit = landscape.limit().expect("λ is below τ²/4ρ");
/// assert!((limit.b - (0.8 + 0.44_f64.sqrt()) / 2.0).abs() < 1e-15);
/// assert!(landscape.objective(limit.a, limit.b) > 0.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Landscape {
    rho: f64,
    tau: f64,
    sigma: f64,
    weight_decay: f64,
}

/// Numbers that are no moments, or no weight decay.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum LandscapeError {
    /// A number that has to be positive and finite is not.
    #[error("{name} is {value}; it has to be a finite number above 0")]
    NotPositive {
        /// Which number.
        name: &'static str,
        /// What it is.
        value: f64,
    },
    /// τ is not a finite number.
    #[error("tau is {value}; it has to be a finite number")]
    NotFinite {
        /// What it is.
        value: f64,
    },
    /// τ² > ρσ, which no pairs have.
    #[error(
        "tau = {tau} is too large for rho = {rho} and sigma = {sigma}: of pairs of numbers, tau² is at most \
         rho × sigma (here {}); lower tau to {} or less", rho * sigma, (rho * sigma).sqrt()
    )]
    NoSuchPairs {
        /// E\[x²\].
        rho: f64,
        /// E\[y x\].
        tau: f64,
        /// E\[y²\].
        sigma: f64,
    },
}

/// What Ē or a field does around a point where it stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Every direction leads up (Ē), or back (a field).
    Attracting,
    /// Some directions lead down, or away.
    Saddle,
    /// Some direction leads nowhere to first order: decided by higher orders.
    Degenerate,
}

impl Kind {
    /// The word in documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Attracting => "attracting",
            Self::Saddle => "saddle",
            Self::Degenerate => "degenerate",
        }
    }

    /// By the rates of the linear part (of −∇²Ē, or of a field's Jacobian); `floor`: what counts as 0.
    pub(crate) fn of(rates: [f64; 2], floor: f64) -> Self {
        if rates.iter().any(|rate| *rate > floor) {
            Self::Saddle
        } else if rates.iter().all(|rate| *rate < -floor) {
            Self::Attracting
        } else {
            Self::Degenerate
        }
    }
}

/// A point where Ē or a field stands still.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rest {
    /// The encoder's weight, θ.
    pub a: f64,
    /// The predictor's weight, ψ.
    pub b: f64,
    /// Rates of the linear part, ascending: negative ones lead back.
    pub rates: [f64; 2],
    /// What they say.
    pub kind: Kind,
}

/// How Ē lies at a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lie {
    /// ∂Ē/∂a, ∂Ē/∂b.
    pub slope: [f64; 2],
    /// ∂²Ē/∂a², ∂²Ē/∂b².
    pub curvature: [f64; 2],
}

/// Below this share of the larger rate a rate counts as 0: closed forms lose about half of the digits at a fold.
const FLOOR: f64 = 1e-7;

impl Landscape {
    /// From E\[x²\], E\[y x\], E\[y²\] and λ.
    ///
    /// # Errors      [`LandscapeError`]: not positive, not finite, or τ² > ρσ beyond rounding
    pub fn new(rho: f64, tau: f64, sigma: f64, weight_decay: f64) -> Result<Self, LandscapeError> {
        for (name, value) in [("rho", rho), ("sigma", sigma), ("weight decay", weight_decay)] {
            if !(value.is_finite() && value > 0.0) {
                return Err(LandscapeError::NotPositive { name, value });
            }
        }
        if !tau.is_finite() {
            return Err(LandscapeError::NotFinite { value: tau });
        }
        if tau.abs() > rho.sqrt() * sigma.sqrt() * (1.0 + 1e-12) {
            return Err(LandscapeError::NoSuchPairs { rho, tau, sigma });
        }
        Ok(Self { rho, tau, sigma, weight_decay })
    }

    /// Ē = ½ a² q(b) + λ/2 (a² + b²), with q(b) = ρb² − 2τb + σ the mean squared error of predicting y by b x.
    pub fn objective(&self, a: f64, b: f64) -> f64 {
        self.proxy(a, b, a)
    }

    /// F̄ = ½ (ρa²b² − 2τabc + σc²) + λ/2 (a² + b²), with a teacher c.
    pub fn proxy(&self, a: f64, b: f64, c: f64) -> f64 {
        let Self { rho, tau, sigma, weight_decay } = self;
        let w = a * b;
        0.5 * (rho * w * w - 2.0 * tau * w * c + sigma * c * c) + 0.5 * weight_decay * (a * a + b * b)
    }

    /// Slopes and curvatures of Ē along the axes.
    pub fn lie(&self, a: f64, b: f64) -> Lie {
        let [[aa, _], [_, bb]] = self.hessian(a, b);
        Lie { slope: [a * aa, a * a * (self.rho * b - self.tau) + self.weight_decay * b], curvature: [aa, bb] }
    }

    /// ∇²Ē.
    fn hessian(&self, a: f64, b: f64) -> [[f64; 2]; 2] {
        let Self { rho, tau, sigma, weight_decay } = self;
        let ab = 2.0 * a * (rho * b - tau);
        [[rho * b * b - 2.0 * tau * b + sigma + weight_decay, ab], [ab, rho * a * a + weight_decay]]
    }

    /// Every critical point of Ē.
    ///
    /// ∂Ē/∂a = a (q(b) + λ), so away from a = 0 a critical point needs q(b) = −λ: no moments of pairs have that, since
    /// there q ≥ 0. Where the numbers are none of pairs (τ² ≥ ρ(σ + λ)), it gives b = (τ ± √(τ² − ρ(σ + λ)))/ρ and
    /// a² = λb/(τ − ρb); ∂²Ē/∂a² = q + λ is 0 there, so these are saddles. Either way the list is C and no local minimum B:
    /// along a, Ē is a parabola with its tip at 0 (docs/theory.md, 2.1).
    pub fn critical_points(&self) -> Vec<Rest> {
        let Self { rho, tau, sigma, weight_decay } = self;
        let mut points = vec![(0.0, 0.0)];
        let discriminant = tau * tau - rho * (sigma + weight_decay);
        if discriminant >= 0.0 {
            for root in [discriminant.sqrt(), -discriminant.sqrt()] {
                let b = (tau + root) / rho;
                let square = weight_decay * b / (tau - rho * b);
                if square.is_finite() && square > 0.0 {
                    points.extend([(square.sqrt(), b), (-square.sqrt(), b)]);
                }
            }
        }
        let rest = |(a, b): (f64, f64)| {
            let [[aa, ab], [_, bb]] = self.hessian(a, b);
            let rates = symmetric_rates(aa, ab, bb);
            Rest { a, b, rates, kind: Kind::of(rates, FLOOR * scale(rates)) }
        };
        points.into_iter().map(rest).collect()
    }

    /// B: a local minimum of Ē other than the collapse; none, for any moments of pairs ([`Landscape::critical_points`]).
    pub fn regularized_minimum(&self) -> Option<Rest> {
        self.critical_points().into_iter().find(|point| point.kind == Kind::Attracting && point.a != 0.0)
    }

    /// τ²/(4ρ): above it stop-gradient and EMA have no equilibrium but collapse.
    pub fn critical_weight_decay(&self) -> f64 {
        self.tau * self.tau / (4.0 * self.rho)
    }

    /// Every equilibrium of stop-gradient (EMA has the same): the collapse, then ± the inner, then ± the outer one.
    ///
    /// |a| = |b| = r, where ρr² − |τ|r + λ = 0 and b has the sign of τ. The flow's rates there are −2λ (the balance law) and
    /// λ − ρr²; at the collapse −λ twice.
    ///
    /// # Source      Ponce et al. 2026 (docs/theory.md, 3.9)
    pub fn equilibria(&self) -> Vec<Rest> {
        let (decay, sign) = (self.weight_decay, self.tau.signum());
        let mut rests = vec![Rest { a: 0.0, b: 0.0, rates: [-decay; 2], kind: Kind::Attracting }];
        for r in self.radii() {
            let tangent = decay - self.rho * r * r;
            let rates = if tangent < -2.0 * decay { [tangent, -2.0 * decay] } else { [-2.0 * decay, tangent] };
            let kind = Kind::of(rates, FLOOR * scale(rates));
            rests.extend([r, -r].map(|a| Rest { a, b: sign * r, rates, kind }));
        }
        rests
    }

    /// r₁ ≤ r₂; none where λ > τ²/4ρ.
    pub fn radii(&self) -> Vec<f64> {
        let discriminant = self.tau * self.tau - 4.0 * self.rho * self.weight_decay;
        if discriminant < 0.0 || self.tau == 0.0 {
            return Vec::new();
        }
        let sum = self.tau.abs() + discriminant.sqrt();
        // r₁ r₂ = λ/ρ: no difference of nearly equal numbers.
        vec![2.0 * self.weight_decay / sum, sum / (2.0 * self.rho)]
    }

    /// A: the outer equilibrium with a > 0, at which stop-gradient and EMA end unless they collapse.
    pub fn limit(&self) -> Option<Rest> {
        self.equilibria().into_iter().skip(1).rfind(|rest| rest.a > 0.0)
    }

    /// The b at which ∂Ē/∂b = 0 for this a: the best predictor. On it db/dt = 0 under joint and stop-gradient alike.
    pub fn predictor_nullcline(&self, a: f64) -> f64 {
        self.tau * a * a / (self.rho * a * a + self.weight_decay)
    }

    /// Every b at which da/dt = 0 whatever a is (for a = 0 it is 0 whatever b is).
    ///
    /// Stop-gradient, and EMA with a teacher that has caught up: b = ± r₁, ± r₂. Joint: none, so it has to collapse.
    pub fn encoder_nullclines(&self, field: Field) -> Vec<f64> {
        match field {
            Field::Joint => Vec::new(),
            Field::StopGradient | Field::Ema => self.radii().into_iter().map(|r| self.tau.signum() * r).collect(),
        }
    }

    /// (da/dt, db/dt, dc/dt) of a field; without a teacher of its own c is a. `ema_rate` is γ.
    ///
    /// With R = ρba − τc: da/dt = −(bR + λa), under joint + (τba − σa); db/dt = −(Ra + λb); dc/dt = γ(a − c).
    pub fn velocity(&self, field: Field, [a, b, c]: [f64; 3], ema_rate: f64) -> [f64; 3] {
        let c = if field == Field::Ema { c } else { a };
        let r = self.rho * b * a - self.tau * c;
        let through_target = if field == Field::Joint { (self.tau * b - self.sigma) * a } else { 0.0 };
        let da = -(b * r + self.weight_decay * a) + through_target;
        [da, -(r * a + self.weight_decay * b), if field == Field::Ema { ema_rate * (a - c) } else { da }]
    }
}

/// Minus the eigenvalues of a symmetric 2 × 2 matrix, ascending.
pub(crate) fn symmetric_rates(aa: f64, ab: f64, bb: f64) -> [f64; 2] {
    let (middle, reach) = (0.5 * (aa + bb), (0.5 * (aa - bb)).hypot(ab));
    [-(middle + reach), -(middle - reach)]
}

pub(crate) fn scale(rates: [f64; 2]) -> f64 {
    rates[0].abs().max(rates[1].abs())
}
