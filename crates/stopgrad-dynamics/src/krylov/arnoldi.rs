//! One search: a basis grown from a start, cut down and grown again, until its leading part is invariant.

use faer::{Mat, c64};

use super::schur::Schur;
use super::{Apply, KrylovParams, Project, RitzValue, remove, subtract};
use crate::linalg;
use crate::statistics::{inner_product, squared_norm};

/// The operator with all that was found of it.
pub(super) struct Run<'a> {
    pub(super) dimension: usize,
    pub(super) project: Project<'a>,
    apply: Apply<'a>,
    params: KrylovParams,
    /// Orthonormal basis of the invariant subspace found so far.
    pub(super) locked: Vec<Vec<f64>>,
    pub(super) products: usize,
    pub(super) restarts: usize,
    pub(super) scale: f64,
}

/// How a search ended.
pub(super) enum RunStop {
    /// These eigenvalues were locked.
    Found(Vec<c64>),
    /// The best that is left is below the bar by more than its residual.
    NothingBetter,
    /// No products left; these were locked.
    Budget(Vec<c64>),
    /// A product was not finite.
    NotFinite,
}

/// V with J V = V H + (next vector) · coupling, all orthonormal; H row-major in `size` columns of capacity `stride`.
struct Basis {
    vectors: Vec<Vec<f64>>,
    h: Vec<f64>,
    stride: usize,
}

enum Growth {
    Full,
    /// The span is invariant: there is no next vector.
    Invariant,
    NotFinite,
    Budget,
}

impl<'a> Run<'a> {
    pub(super) fn new(dimension: usize, apply: Apply<'a>, project: Project<'a>, params: KrylovParams) -> Self {
        let (locked, products, restarts, scale) = (Vec::new(), 0, 0, 0.0);
        Self { dimension, project, apply, params, locked, products, restarts, scale }
    }

    /// Residuals up to this size count as 0.
    pub(super) fn tolerance(&self) -> f64 {
        self.params.relative_tolerance * self.scale
    }

    /// Looks for the `needed` best eigenvalues of what is left, or for proof that none beats `bar`.
    pub(super) fn search(&mut self, start: Vec<f64>, needed: usize, bar: Option<f64>) -> RunStop {
        let capacity = self.params.basis.max(2 * self.params.wanted + 4);
        let mut basis = Basis { vectors: vec![start], h: vec![0.0; capacity * capacity], stride: capacity };
        loop {
            let (growth, coupling) = self.grow(&mut basis);
            if matches!(growth, Growth::NotFinite) {
                return RunStop::NotFinite;
            }
            // Without a next vector the columns are as many as the vectors, else one fewer.
            let size = basis.vectors.len() - usize::from(matches!(growth, Growth::Full | Growth::Budget));
            let Some(schur) = Schur::ordered(&basis.square(size), size, self.params.target) else {
                return RunStop::NotFinite;
            };
            self.scale = (0..size).map(|k| schur.value(k).norm()).fold(self.scale, f64::max);
            let residual = |k: usize| coupling * schur.vector_entry(size - 1, k).norm();
            let converged = (0..size).take_while(|&k| residual(k) <= self.tolerance()).count();
            let best = self.params.target.key(schur.value(0));
            let below = bar.is_some_and(|bar| best + residual(0) < bar - self.tolerance());
            if below && !matches!(growth, Growth::Budget) {
                return RunStop::NothingBetter;
            }
            let leading = closed(&schur, needed.min(size), size);
            match growth {
                Growth::Budget => {
                    let count = closed_within(&schur, converged.min(leading), size);
                    return RunStop::Budget(self.lock(&basis, &schur, count, size));
                }
                _ if converged >= leading => return RunStop::Found(self.lock(&basis, &schur, leading, size)),
                _ => self.restart(&mut basis, &schur, size, leading, coupling),
            }
        }
    }

    /// Adds vectors until the basis is full; returns the length of the next vector before it was normalized.
    fn grow(&mut self, basis: &mut Basis) -> (Growth, f64) {
        loop {
            let at = basis.vectors.len() - 1;
            let mut next = vec![0.0; self.dimension];
            (self.apply)(&basis.vectors[at], &mut next);
            self.products += 1;
            let before = squared_norm(&next).sqrt();
            if !before.is_finite() {
                return (Growth::NotFinite, 0.0);
            }
            // Twice is enough (Kahan; Giraud et al. 2005). Projected again each time: where little is left, rounding
            // is a large part of it, and its part in the projector's kernel would appear as eigenvalues 0.
            for _ in 0..2 {
                (self.project)(&mut next);
                for column in &self.locked {
                    remove(&mut next, column);
                }
                for (row, column) in basis.vectors.iter().enumerate() {
                    basis.h[row * basis.stride + at] += remove(&mut next, column);
                }
            }
            let left = squared_norm(&next).sqrt();
            self.scale = self.scale.max(basis.h[at * basis.stride + at].abs());
            if left <= 1e-14 * before.max(self.scale) || at + 1 == self.dimension {
                return (Growth::Invariant, 0.0);
            }
            for x in &mut next {
                *x /= left;
            }
            basis.vectors.push(next);
            if basis.vectors.len() > basis.stride {
                return (Growth::Full, left);
            }
            if self.products >= self.params.max_products {
                return (Growth::Budget, left);
            }
            basis.h[(at + 1) * basis.stride + at] = left;
        }
    }

    /// Keeps the leading part with room to spare, cut where the gap is widest.
    fn restart(&mut self, basis: &mut Basis, schur: &Schur, size: usize, leading: usize, coupling: f64) {
        self.restarts += 1;
        let key = |k: usize| self.params.target.key(schur.value(k));
        let (low, high) = (leading + 1, (leading + (size - leading) / 2).max(leading + 1).min(size - 1));
        let keep = (low..=high).max_by(|&a, &b| (key(a - 1) - key(a)).total_cmp(&(key(b - 1) - key(b))));
        let y = real_basis(schur, keep.unwrap_or(low), size);
        let h = basis.square(size);
        let next = basis.vectors.pop().expect("a full basis has a next vector");
        basis.vectors = combine(&basis.vectors, &y);
        basis.vectors.push(next);
        basis.h.fill(0.0);
        let p = y.ncols();
        for i in 0..p {
            for j in 0..p {
                let entry = (0..size).map(|k| y[(k, i)] * (0..size).map(|l| h[k * size + l] * y[(l, j)]).sum::<f64>());
                basis.h[i * basis.stride + j] = entry.sum();
            }
            basis.h[p * basis.stride + i] = coupling * y[(size - 1, i)];
        }
    }

    /// Adds the leading part to the locked vectors.
    fn lock(&mut self, basis: &Basis, schur: &Schur, count: usize, size: usize) -> Vec<c64> {
        if count == 0 {
            return Vec::new();
        }
        let y = real_basis(schur, count, size);
        self.locked.extend(combine(&basis.vectors[..size], &y));
        (0..count).map(|k| schur.value(k)).collect()
    }

    /// The best eigenvalues on the locked subspace, with residuals from fresh products.
    pub(super) fn ritz_values(&mut self, wanted: usize) -> Vec<RitzValue> {
        let size = self.locked.len();
        let images: Vec<Vec<f64>> = (0..size)
            .map(|k| {
                let mut image = vec![0.0; self.dimension];
                (self.apply)(&self.locked[k], &mut image);
                (self.project)(&mut image);
                image
            })
            .collect();
        self.products += size;
        let h: Vec<f64> =
            (0..size * size).map(|at| inner_product(&self.locked[at / size], &images[at % size])).collect();
        if h.iter().any(|x| !x.is_finite()) {
            return Vec::new();
        }
        let Some(schur) = Schur::ordered(&h, size, self.params.target) else { return Vec::new() };
        (0..closed(&schur, wanted.min(size), size)).map(|at| self.ritz_value(&schur, at, &images)).collect()
    }

    fn ritz_value(&self, schur: &Schur, at: usize, images: &[Vec<f64>]) -> RitzValue {
        let (value, y) = (schur.value(at), schur.eigenvector(at));
        let mut parts = [vec![0.0; self.dimension], vec![0.0; self.dimension]];
        for ((weight, vector), image) in y.iter().zip(&self.locked).zip(images) {
            let shifted = value * weight;
            subtract(&mut parts[0], -weight.re, image);
            subtract(&mut parts[0], shifted.re, vector);
            subtract(&mut parts[1], -weight.im, image);
            subtract(&mut parts[1], shifted.im, vector);
        }
        let residual = (squared_norm(&parts[0]) + squared_norm(&parts[1])).sqrt();
        RitzValue { value: [value.re, value.im], residual }
    }
}

impl Basis {
    /// The leading size × size part of H.
    fn square(&self, size: usize) -> Vec<f64> {
        self.h.chunks_exact(self.stride).take(size).flat_map(|row| row[..size].iter().copied()).collect()
    }
}

/// `count`, or one more where the last would be cut from its pair.
fn closed(schur: &Schur, count: usize, size: usize) -> usize {
    let unpaired = |k: usize| schur.value(k).im.abs() > pair_floor(schur, size);
    let members = (0..count).filter(|&k| unpaired(k)).count();
    if count < size && members % 2 == 1 && unpaired(count) { count + 1 } else { count }
}

/// `count`, or one fewer where the last would be cut from its pair.
fn closed_within(schur: &Schur, count: usize, size: usize) -> usize {
    if closed(schur, count, size) > count { count - 1 } else { count }
}

/// Imaginary parts below this are rounding.
fn pair_floor(schur: &Schur, size: usize) -> f64 {
    1e-12 * (0..size).map(|k| schur.value(k).norm()).fold(0.0, f64::max)
}

/// A real basis of the span of the leading Schur vectors and their conjugates.
///
/// H is real, so the conjugates span an invariant subspace too, and so does the sum: a cut through a pair or through
/// a cluster gives a larger subspace, never a wrong one.
fn real_basis(schur: &Schur, count: usize, size: usize) -> Mat<f64> {
    let columns = Mat::from_fn(size, 2 * count, |row, column| {
        let entry = schur.vector_entry(row, column / 2);
        if column % 2 == 0 { entry.re } else { entry.im }
    });
    // Rounding over the gap between kept and thrown away stays below 1e-7; a direction of its own is of order 1.
    linalg::split_by_range(columns.as_ref(), 1e-7).range
}

/// V Y, columns as vectors.
fn combine(vectors: &[Vec<f64>], y: &Mat<f64>) -> Vec<Vec<f64>> {
    (0..y.ncols())
        .map(|column| {
            let mut sum = vec![0.0; vectors.first().map_or(0, Vec::len)];
            vectors.iter().enumerate().for_each(|(k, vector)| subtract(&mut sum, -y[(k, column)], vector));
            sum
        })
        .collect()
}
