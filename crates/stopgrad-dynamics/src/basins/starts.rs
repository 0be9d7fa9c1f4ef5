//! Distributions of the state at time 0.

use rand_chacha::ChaCha8Rng;

use crate::random::{normal, stream, uniform};
use crate::{Field, LinearField};

/// How A and B (and under EMA the teacher C) are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Start {
    /// Entries of A and B normal with this deviation, teacher = student.
    Normal {
        /// Standard deviation.
        scale: f64,
    },
    /// The same, with a teacher drawn apart.
    NormalTeacherApart {
        /// Standard deviation.
        scale: f64,
    },
    /// Entries of A normal with this deviation over √m, of B with this deviation over √n, teacher = student: what
    /// layers are usually started with.
    FanIn {
        /// Standard deviation times √(inputs of the layer).
        scale: f64,
    },
    /// Entries uniform in (−scale, scale), teacher = student.
    Uniform {
        /// Half width.
        scale: f64,
    },
    /// Entries uniform in (0, scale), teacher = student.
    Positive {
        /// Width.
        scale: f64,
    },
    /// A normal with this deviation, B this times the identity, teacher = student.
    IdentityPredictor {
        /// Standard deviation and diagonal.
        scale: f64,
    },
    /// A = scale · [I; 0] (or its first rows), B = scale · I, teacher = student: nothing is random.
    Identity {
        /// Diagonal.
        scale: f64,
    },
}

impl Start {
    /// The start of trial `index` in [`find_basins`](super::find_basins) under this seed, as a flat state.
    pub fn state(self, seed: u64, index: u64, field: &LinearField) -> Vec<f64> {
        self.draw(&mut stream(seed, index), field.kind, field.width, field.inputs())
    }

    /// A flat state of the field's shape.
    pub(crate) fn draw(self, rng: &mut ChaCha8Rng, kind: Field, n: usize, m: usize) -> Vec<f64> {
        let (nm, nn) = (n * m, n * n);
        let diagonal =
            |columns: usize, scale: f64| move |k: usize| if k / columns == k % columns { scale } else { 0.0 };
        let mut z = Vec::with_capacity(2 * nm + nn);
        match self {
            Self::Normal { scale } | Self::NormalTeacherApart { scale } => {
                z.extend((0..nm + nn).map(|_| scale * normal(rng)));
            }
            Self::FanIn { scale } => {
                let deviation = |k: usize| scale / (if k < nm { m } else { n } as f64).sqrt();
                z.extend((0..nm + nn).map(|k| deviation(k) * normal(rng)));
            }
            Self::Uniform { scale } => z.extend((0..nm + nn).map(|_| scale * (2.0 * uniform(rng) - 1.0))),
            Self::Positive { scale } => z.extend((0..nm + nn).map(|_| scale * uniform(rng))),
            Self::IdentityPredictor { scale } => {
                z.extend((0..nm).map(|_| scale * normal(rng)));
                z.extend((0..nn).map(diagonal(n, scale)));
            }
            Self::Identity { scale } => {
                z.extend((0..nm).map(diagonal(m, scale)));
                z.extend((0..nn).map(diagonal(n, scale)));
            }
        }
        if kind.has_teacher() {
            if let Self::NormalTeacherApart { scale } = self {
                z.extend((0..nm).map(|_| scale * normal(rng)));
            } else {
                z.extend_from_within(..nm);
            }
        }
        z
    }
}
