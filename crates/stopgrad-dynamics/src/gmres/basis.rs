//! An orthonormal basis that grows, and what a vector has along it.

use faer::{Accum, Mat, MatMut, MatRef};
use rayon::prelude::*;

use crate::linalg::product_on_this_thread;

/// Vectors of one panel: they are read together, and no more memory is taken ahead.
const PANEL: usize = 16;
/// Numbers of a vector that one thread takes; fixed, so that bits do not follow the pool.
const PIECE: usize = 1 << 14;
/// Numbers of a basis from which threads are worth their start: about 100 µs of work.
const SPREAD: usize = 1 << 20;

/// Vectors of one length.
pub(super) struct Basis {
    length: usize,
    count: usize,
    /// length × PANEL each, column-major.
    panels: Vec<Vec<f64>>,
}

impl Basis {
    pub(super) fn new(length: usize) -> Self {
        Self { length, count: 0, panels: Vec::new() }
    }

    /// Another member: `factor` times the vector.
    pub(super) fn push(&mut self, vector: &[f64], factor: f64) {
        if self.count.is_multiple_of(PANEL) {
            self.panels.push(Vec::with_capacity(PANEL * self.length));
        }
        self.count += 1;
        if let Some(panel) = self.panels.last_mut() {
            panel.extend(vector.iter().map(|x| factor * x));
        }
    }

    /// The member added last.
    pub(super) fn last(&self) -> &[f64] {
        self.panels.last().map_or(&[], |panel| &panel[panel.len() - self.length..])
    }

    /// Removes from a vector its components along the basis; returns them.
    ///
    /// All components first, then all differences (classical Gram–Schmidt).
    pub(super) fn orthogonalize(&self, vector: &mut [f64]) -> Vec<f64> {
        let components = self.components(vector);
        self.add(vector, &components, -1.0);
        components
    }

    /// Σ cᵢ times member i.
    pub(super) fn combine(&self, coefficients: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.length];
        self.add(&mut out, coefficients, 1.0);
        out
    }

    fn components(&self, vector: &[f64]) -> Vec<f64> {
        let of_piece = |(piece, part): (usize, &[f64])| -> Vec<f64> {
            let part = MatRef::from_column_major_slice(part, part.len(), 1);
            let mut out = Vec::with_capacity(self.count);
            for rows in self.rows(piece, part.nrows()) {
                let mut along = Mat::<f64>::zeros(rows.ncols(), 1);
                product_on_this_thread(along.as_mut(), Accum::Replace, rows.transpose(), part, 1.0);
                out.extend_from_slice(along.col_as_slice(0));
            }
            out
        };
        let pieces: Vec<Vec<f64>> = if self.is_spread() {
            vector.par_chunks(PIECE).enumerate().map(of_piece).collect()
        } else {
            vector.chunks(PIECE).enumerate().map(of_piece).collect()
        };
        let mut sums = vec![0.0; self.count];
        for piece in pieces {
            sums.iter_mut().zip(piece).for_each(|(sum, value)| *sum += value);
        }
        sums
    }

    /// vector ← vector + factor · Σ cᵢ times member i.
    fn add(&self, vector: &mut [f64], coefficients: &[f64], factor: f64) {
        let to_piece = |(piece, part): (usize, &mut [f64])| {
            let length = part.len();
            let mut part = MatMut::from_column_major_slice_mut(part, length, 1);
            for (rows, coefficients) in self.rows(piece, length).zip(coefficients.chunks(PANEL)) {
                let coefficients = MatRef::from_column_major_slice(coefficients, coefficients.len(), 1);
                let rows = rows.subcols(0, coefficients.nrows());
                product_on_this_thread(part.as_mut(), Accum::Add, rows, coefficients, factor);
            }
        };
        if self.is_spread() {
            vector.par_chunks_mut(PIECE).enumerate().for_each(to_piece);
        } else {
            vector.chunks_mut(PIECE).enumerate().for_each(to_piece);
        }
    }

    fn is_spread(&self) -> bool {
        self.count * self.length >= SPREAD
    }

    /// What the members have in a piece, panel by panel.
    fn rows(&self, piece: usize, count: usize) -> impl Iterator<Item = MatRef<'_, f64>> {
        self.panels.iter().map(move |panel| {
            let panel = MatRef::from_column_major_slice(panel, self.length, panel.len() / self.length);
            panel.subrows(piece * PIECE, count)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three pieces and nearly two panels: spread over threads.
    const LENGTH: usize = 2 * PIECE + 5001;
    const COUNT: usize = 2 * PANEL - 3;

    fn wave(at: usize) -> Vec<f64> {
        (0..LENGTH).map(|i| (1.0 + 0.37 * (i * (at + 1)) as f64).sin()).collect()
    }

    /// Partly in the span of the others.
    fn oblique() -> Vec<f64> {
        wave(3).iter().zip(wave(99)).map(|(x, y)| x + y).collect()
    }

    fn along(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(x, y)| x * y).sum()
    }

    fn orthonormal() -> (Basis, Vec<Vec<f64>>) {
        let (mut basis, mut members) = (Basis::new(LENGTH), Vec::new());
        for at in 0..COUNT {
            let mut next = wave(at);
            basis.orthogonalize(&mut next);
            basis.orthogonalize(&mut next);
            basis.push(&next, 1.0 / along(&next, &next).sqrt());
            members.push(basis.last().to_vec());
        }
        (basis, members)
    }

    #[test]
    fn long_vectors_are_made_orthogonal_and_put_together_again() {
        let (basis, members) = orthonormal();
        assert!(basis.is_spread());
        for (i, a) in members.iter().enumerate() {
            for (j, b) in members.iter().enumerate() {
                let off = along(a, b) - f64::from(u8::from(i == j));
                assert!(off.abs() < 1e-12, "{i}, {j}: {off:e}");
            }
        }
        let vector = oblique();
        let mut rest = vector.clone();
        let components = basis.orthogonalize(&mut rest);
        for (component, member) in components.iter().zip(&members) {
            assert!((component - along(&vector, member)).abs() < 1e-11, "{component}");
            assert!(along(&rest, member).abs() < 1e-11);
        }
        let part = basis.combine(&components);
        let off = (0..LENGTH).map(|i| (part[i] + rest[i] - vector[i]).abs()).fold(0.0, f64::max);
        assert!(off < 1e-13, "{off:e}");
    }

    #[test]
    fn long_vectors_give_the_same_bits_for_any_number_of_threads() {
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            pool.install(|| {
                let (basis, _) = orthonormal();
                let mut rest = oblique();
                (basis.orthogonalize(&mut rest), rest)
            })
        };
        let one = run(1);
        assert!(one.0.iter().any(|x| x.abs() > 1.0));
        assert_eq!(one, run(2));
        assert_eq!(one, run(5));
    }
}
