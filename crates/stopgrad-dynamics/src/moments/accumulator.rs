//! Moments of a stream of samples, in blocks: one pass, in parts that can be added up.

use faer::{Mat, MatRef};

use super::Moments;
use super::sums::{Block, Sums};
use crate::LinalgError;
use crate::linalg::{self, Strips};

/// How the views of one sample make pairs (x, y).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pairing {
    /// k ≥ 2 views drawn alike: all k(k − 1) ordered pairs. Then X = V and Y is symmetric.
    Exchangeable {
        /// k.
        views: usize,
    },
    /// k ≥ 1 views x and k views y drawn apart: all k² pairs; k = 1 are plain pairs, as past and future.
    Crossed {
        /// k.
        views: usize,
    },
}

/// One of the three second moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MomentKind {
    /// X = E[x xᵀ].
    Xx,
    /// Y = E[y xᵀ].
    Yx,
    /// V = E[y yᵀ].
    Yy,
}

impl Pairing {
    /// k.
    pub fn views(self) -> usize {
        match self {
            Self::Exchangeable { views } | Self::Crossed { views } => views,
        }
    }

    /// Pairs (x, y) that one sample gives.
    pub fn pairs_per_sample(self) -> u64 {
        match self {
            Self::Exchangeable { views } => (views * (views - 1)) as u64,
            Self::Crossed { views } => (views * views) as u64,
        }
    }
}

/// Adds up the views of samples, block by block, into [`MomentSums`].
///
/// The same blocks in the same order give the same bits for any number of threads; other blocks change rounding only.
/// With `halves` the samples 0, 2, 4, … are summed apart from 1, 3, 5, …, for noise estimates.
///
/// # Cost        k products of m²/2 multiply-adds a sample (2k, and one of m², when crossed)
///
/// Memory: m(m + 1) numbers (exchangeable) or m(2m + 1) (crossed), twice that with halves, and 512 rows of m.
///
/// # Example
/// ```
/// use stopgrad_dynamics::moments::{MomentsAccumulator, Pairing};
/// // Two samples of one coordinate, two views each: (1, 2) and (3, 5).
/// let mut sums = MomentsAccumulator::new(1, Pairing::Exchangeable { views: 2 }, false);
/// sums.add(&[1.0, 2.0, 3.0, 5.0], &[]);
/// let moments = sums.finish().moments(false);
/// assert!((moments.xx[(0, 0)] - (1.0 + 4.0 + 9.0 + 25.0) / 4.0).abs() < 1e-14);
/// assert!((moments.yx[(0, 0)] - (2.0 + 15.0) / 2.0).abs() < 1e-14);
/// ```
#[derive(Debug, Clone)]
pub struct MomentsAccumulator {
    /// All samples, or the even and the odd ones.
    parts: Vec<Sums>,
    /// Samples so far.
    seen: usize,
    scratch: [Strips; 2],
}

impl MomentsAccumulator {
    /// Sums over no samples yet.
    ///
    /// # Panics      for no coordinates, for fewer than 2 exchangeable views, or for 0 crossed ones
    pub fn new(size: usize, pairing: Pairing, halves: bool) -> Self {
        assert!(size > 0, "moments need a coordinate");
        assert!(pairing.pairs_per_sample() > 0, "{pairing:?} makes no pairs");
        let parts = (0..if halves { 2 } else { 1 }).map(|_| Sums::new(size, pairing)).collect();
        Self { parts, seen: 0, scratch: Default::default() }
    }

    /// Adds the views of whole samples.
    ///
    /// # Shapes      x: samples × k × m; y: the same when crossed, empty when exchangeable
    /// # Requires    finite numbers; one that is not makes its rows and columns of the moments not finite
    /// # Panics      when the lengths are not of whole samples
    pub fn add(&mut self, x: &[f64], y: &[f64]) {
        self.add_rows(x, y);
    }

    /// [`MomentsAccumulator::add`] of views in single precision; sums are f64 all the same.
    pub fn add_f32(&mut self, x: &[f32], y: &[f32]) {
        self.add_rows(x, y);
    }

    fn add_rows<T: Copy + Into<f64> + Sync>(&mut self, x: &[T], y: &[T]) {
        let Sums { size, pairing, .. } = self.parts[0];
        let length = size * pairing.views();
        assert!(x.len().is_multiple_of(length), "whole samples of {} views of {size} numbers", pairing.views());
        match pairing {
            Pairing::Exchangeable { .. } => assert!(y.is_empty(), "exchangeable views all stand in x"),
            Pairing::Crossed { .. } => assert_eq!(x.len(), y.len(), "as many views y as x"),
        }
        let step = self.parts.len();
        for (part, sums) in self.parts.iter_mut().enumerate() {
            // The first sample of this block that belongs to the part.
            let first = (part + step - self.seen % step) % step;
            sums.absorb(Block { x, y, first, step }, &mut self.scratch);
        }
        self.seen += x.len() / length;
    }

    /// The sums, ready to be read and added to others.
    ///
    /// # Panics      when no sample was added
    pub fn finish(self) -> MomentSums {
        assert!(self.seen > 0, "moments of no samples");
        let mut parts = self.parts.into_iter();
        let first = parts.next().expect("there is always one part");
        match parts.next() {
            None => MomentSums { whole: first, half: None },
            Some(mut whole) => {
                whole.merge(&first);
                MomentSums { whole, half: Some(first) }
            }
        }
    }

    /// Multiply-adds that a block of samples needs: what a rate is made of. Products of a triangle count as half.
    pub fn multiply_adds(&self, samples: usize) -> f64 {
        let Sums { size, pairing, .. } = self.parts[0];
        let (m, k) = (size as f64, pairing.views() as f64);
        let triangle = m * (m + 1.0) / 2.0;
        let each = match pairing {
            Pairing::Exchangeable { .. } => k * triangle,
            Pairing::Crossed { .. } => 2.0 * k * triangle + m * m,
        };
        samples as f64 * each
    }
}

/// Sums over all samples and, where asked for, over every other one.
#[derive(Debug, Clone)]
pub struct MomentSums {
    whole: Sums,
    half: Option<Sums>,
}

impl MomentSums {
    /// Adds sums over other samples, as if they had been added one after another (to rounding).
    ///
    /// # Panics      when size, pairing or halves differ
    pub fn merge(&mut self, other: &Self) {
        assert_eq!(self.half.is_some(), other.half.is_some(), "both with halves, or none");
        self.whole.merge(&other.whole);
        if let (Some(half), Some(theirs)) = (&mut self.half, &other.half) {
            half.merge(theirs);
        }
    }

    /// m.
    pub fn size(&self) -> usize {
        self.whole.size
    }

    /// The moments of all samples, to be read row by row; about their means with `center`, about 0 without.
    pub fn whole(&self, center: bool) -> MomentRows<'_> {
        MomentRows::new(&self.whole, &self.whole, center)
    }

    /// The moments of the samples 0, 2, 4, …, with `center` about the means of *all* samples: so the halves, weighted
    /// by their pairs, add up to the whole.
    pub fn half(&self, center: bool) -> Option<MomentRows<'_>> {
        self.half.as_ref().map(|half| MomentRows::new(half, &self.whole, center))
    }

    /// The moments of all samples as matrices.
    ///
    /// # Cost        2 m² numbers, 3 m² for V as well
    pub fn moments(&self, center: bool) -> Moments {
        self.whole(center).to_moments()
    }

    /// Eigenvalues of X, descending, in the place of the sums.
    ///
    /// # Errors      [`LinalgError::EigenvaluesNotConverged`], also where X is not finite
    /// # Cost        O(m³) time; one more array of m² numbers
    pub fn into_eigenvalues(self, center: bool) -> Result<Vec<f64>, LinalgError> {
        let Self { whole, half } = self;
        drop(half);
        let m = whole.size;
        let rows = MomentRows::new(&whole, &whole, center);
        let (dx, dy) = (rows.dx, rows.dy);
        let values = whole.into_xx((&dx, &dy));
        linalg::eigenvalues_of_lower(MatRef::from_column_major_slice(&values, m + 1, m).submatrix(1, 0, m, m))
    }
}

/// Moments still in the form of sums, read row by row: a file is written from them without another m × m array.
#[derive(Debug)]
pub struct MomentRows<'a> {
    sums: &'a Sums,
    centered: bool,
    dx: Vec<f64>,
    dy: Vec<f64>,
}

impl<'a> MomentRows<'a> {
    fn new(sums: &'a Sums, around: &Sums, centered: bool) -> Self {
        let (dx, dy) = sums.offsets(centered.then_some(around));
        Self { sums, centered, dx, dy }
    }

    /// Row `row` of one of the moments.
    ///
    /// # Shapes      out: m
    pub fn fill(&self, kind: MomentKind, row: usize, out: &mut [f64]) {
        for (column, out) in out.iter_mut().enumerate() {
            *out = self.sums.entry(kind, row, column, (&self.dx, &self.dy));
        }
    }

    /// Pairs they are made of.
    pub fn count(&self) -> u64 {
        self.sums.samples * self.sums.pairing.pairs_per_sample()
    }

    /// Mean of the views x of these samples.
    pub fn mean_x(&self) -> Vec<f64> {
        self.sums.mean_x()
    }

    /// Mean of the views y of these samples.
    pub fn mean_y(&self) -> Vec<f64> {
        self.sums.mean_y()
    }

    /// Whether both orders of each pair are in: Y symmetric, X = V.
    pub fn is_symmetrized(&self) -> bool {
        matches!(self.sums.pairing, Pairing::Exchangeable { .. })
    }

    /// As matrices.
    pub fn to_moments(&self) -> Moments {
        let m = self.sums.size;
        let matrix = |kind| Mat::from_fn(m, m, |i, j| self.sums.entry(kind, i, j, (&self.dx, &self.dy)));
        Moments {
            xx: matrix(MomentKind::Xx),
            yx: matrix(MomentKind::Yx),
            yy: Some(matrix(MomentKind::Yy)),
            count: Some(self.count()),
            mean_x: Some(self.mean_x()),
            mean_y: Some(self.mean_y()),
            centered: self.centered,
            symmetrized: self.is_symmetrized(),
            basis: None,
        }
    }
}
