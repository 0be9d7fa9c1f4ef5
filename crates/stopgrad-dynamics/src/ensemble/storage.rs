//! Where eight trajectories lie in memory: lane by lane, with their moments.

use std::ops::{Deref, DerefMut};

use crate::linear::kernel::Coefficients;
use crate::{Field, LinearField};

/// Lanes that begin on a cache line, so that no vector straddles two.
#[derive(Debug)]
pub(super) struct LaneVec<const L: usize> {
    buffer: Vec<f64>,
    offset: usize,
}

impl<const L: usize> LaneVec<L> {
    const LINE: usize = 64;

    pub(super) fn new(count: usize) -> Self {
        let slack = Self::LINE / size_of::<f64>();
        let mut buffer = vec![0.0; count * L + slack];
        let past = buffer.as_ptr().addr() % Self::LINE;
        let offset = (Self::LINE - past) / size_of::<f64>() % slack;
        buffer.truncate(offset + count * L);
        Self { buffer, offset }
    }
}

impl<const L: usize> Deref for LaneVec<L> {
    type Target = [[f64; L]];

    #[inline]
    fn deref(&self) -> &[[f64; L]] {
        self.buffer[self.offset..].as_chunks().0
    }
}

impl<const L: usize> DerefMut for LaneVec<L> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [[f64; L]] {
        self.buffer[self.offset..].as_chunks_mut().0
    }
}

/// X, Y, V, λ and rates of L trajectories of one field, n and m.
#[derive(Debug)]
pub(super) struct LaneCoefficients<const L: usize> {
    kind: Field,
    n: usize,
    m: usize,
    xx: LaneVec<L>,
    yx: LaneVec<L>,
    yy: LaneVec<L>,
    decay_a: [f64; L],
    decay_b: [f64; L],
    ema_rate: [f64; L],
    rate_b: [f64; L],
}

impl<const L: usize> LaneCoefficients<L> {
    /// All lanes at zero: at rest wherever they are.
    pub(super) fn new(kind: Field, n: usize, m: usize) -> Self {
        let zero = [0.0; L];
        let (xx, yx, yy) = (LaneVec::new(m * m), LaneVec::new(m * m), LaneVec::new(m * m));
        Self { kind, n, m, xx, yx, yy, decay_a: zero, decay_b: zero, ema_rate: zero, rate_b: zero }
    }

    /// Puts the moments and rates of one trajectory into a lane.
    ///
    /// # Panics      when the field is of another kind or shape
    pub(super) fn set_lane(&mut self, lane: usize, field: &LinearField) {
        let shape = (field.kind, field.width, field.inputs());
        assert_eq!(shape, (self.kind, self.n, self.m), "an ensemble is of one field and one shape");
        let alone = field.coefficients();
        for (all, one) in [(&mut self.xx, alone.xx), (&mut self.yx, alone.yx), (&mut self.yy, alone.yy)] {
            for (entry, [value]) in all.iter_mut().zip(one) {
                entry[lane] = *value;
            }
        }
        [self.decay_a[lane], self.decay_b[lane]] = [field.decay_a, field.decay_b];
        [self.ema_rate[lane], self.rate_b[lane]] = [field.ema_rate, field.rate_b];
    }

    /// v(z) → out, lane by lane.
    ///
    /// # Shapes      z, out: numbers of a state; scratch: 2 n m
    pub(super) fn value(&self, z: &[[f64; L]], out: &mut [[f64; L]], scratch: &mut [[f64; L]]) {
        let Self { kind, n, m, xx, yx, yy, decay_a, decay_b, ema_rate, rate_b } = self;
        let (kind, n, m) = (*kind, *n, *m);
        Coefficients { kind, n, m, xx, yx, yy, decay_a, decay_b, ema_rate, rate_b }.value(z, out, scratch);
    }
}
