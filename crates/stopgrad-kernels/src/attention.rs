//! Attention of tokens to each other, several heads: softmax(q kᵀ / √c) v.
//!
//! A sample's head is one task: its scores, a token to each, stay in the cache. They are not kept for the backward pass but made
//! again: t² c multiply-adds cost less than writing and reading t² numbers a head.

use rayon::prelude::*;

use crate::Number;
use crate::product::{Factor, Target, multiply};
use crate::softmax::{rows_backward, rows_in_place};

/// Sizes: a row of queries, keys and values together is 3 × heads × width numbers, in that order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// t.
    pub tokens: usize,
    /// Heads.
    pub heads: usize,
    /// c: numbers of a head.
    pub width: usize,
}

impl Geometry {
    /// Numbers of a token's result.
    pub fn row(&self) -> usize {
        self.heads * self.width
    }

    /// Multiply-adds of a sample's forward pass; the backward pass makes five products for these two.
    pub fn multiply_adds(&self) -> usize {
        2 * self.heads * self.tokens * self.tokens * self.width
    }

    /// Queries (0), keys (1) or values (2) of a head in a sample.
    fn part<'a, T>(&self, sample: &'a [T], part: usize, head: usize) -> Factor<'a, T> {
        let columns = (part * self.row() + head * self.width, self.width);
        Factor::new(sample, self.tokens, 3 * self.row()).part((0, self.tokens), columns)
    }

    /// Where those of a gradient go.
    fn part_mut<'a, T>(&self, sample: &'a mut [T], part: usize, head: usize) -> Target<'a, T> {
        let first = part * self.row() + head * self.width;
        Target { values: &mut sample[first..], stride: 3 * self.row(), add: false }
    }

    /// softmax(q kᵀ / √c): t × t, row-major.
    fn shares<T: Number>(&self, sample: &[T], head: usize, shares: &mut [T]) {
        let scale = T::from_f64(1.0 / (self.width as f64).sqrt());
        let (q, k) = (self.part(sample, 0, head), self.part(sample, 1, head));
        let out = Target { values: &mut *shares, stride: self.tokens, add: false };
        multiply(q, k.transposed(), scale, out);
        rows_in_place(shares, self.tokens);
    }
}

/// Reads a number of every line of the cache, in the order of memory, which the processor does ahead: heads read columns, which wait for
/// every row.
fn touch<T: Number>(sample: &[T]) {
    for &number in sample.iter().step_by(64 / size_of::<T>()) {
        std::hint::black_box(number);
    }
}

/// softmax(q kᵀ / √c) v for each head.
///
/// # Shapes      qkv: n × t × (3 · heads · c) → out: n × t × (heads · c), overwritten
/// # Source      Vaswani et al. 2017
pub fn forward<T: Number>(geometry: &Geometry, qkv: &[T], out: &mut [T]) {
    let (t, row) = (geometry.tokens, geometry.row());
    assert!(qkv.len() == 3 * out.len() && out.len().is_multiple_of(t * row), "samples of {t} tokens of {row}");
    let new = || vec![T::from_f64(0.0); t * t];
    out.par_chunks_mut(t * row).zip(qkv.par_chunks(3 * t * row)).for_each_init(new, |shares, (out, sample)| {
        touch(sample);
        for head in 0..geometry.heads {
            geometry.shares(sample, head, shares);
            let out = Target { values: &mut out[head * geometry.width..], stride: row, add: false };
            let values = geometry.part(sample, 2, head);
            multiply(Factor::new(shares, t, t), values, T::from_f64(1.0), out);
        }
    });
}

/// What Σ upstream · out says of queries, keys and values.
///
/// # Shapes      qkv, upstream: as `qkv` and `out` of [`forward`] → gradient: as `qkv`, overwritten
pub fn backward<T: Number>(geometry: &Geometry, qkv: &[T], upstream: &[T], gradient: &mut [T]) {
    let (t, row) = (geometry.tokens, geometry.row());
    assert!(qkv.len() == 3 * upstream.len() && qkv.len() == gradient.len(), "samples of {t} tokens of {row}");
    let one = T::from_f64(1.0);
    let scale = T::from_f64(1.0 / (geometry.width as f64).sqrt());
    let new = || [vec![T::from_f64(0.0); t * t], vec![T::from_f64(0.0); t * t]];
    gradient
        .par_chunks_mut(3 * t * row)
        .zip(qkv.par_chunks(3 * t * row))
        .zip(upstream.par_chunks(t * row))
        .for_each_init(new, |[shares, slopes], ((gradient, sample), upstream)| {
            touch(sample);
            touch(upstream);
            for head in 0..geometry.heads {
                geometry.shares(sample, head, shares);
                let above = Factor::new(upstream, t, row).part((0, t), (head * geometry.width, geometry.width));
                let [q, k, v] = [0, 1, 2].map(|part| geometry.part(sample, part, head));
                let seen = Factor::new(&*shares, t, t);
                multiply(seen.transposed(), above, one, geometry.part_mut(gradient, 2, head));
                let out = Target { values: &mut *slopes, stride: t, add: false };
                multiply(above, v.transposed(), one, out);
                rows_backward(shares, slopes, t);
                let slopes = Factor::new(&*slopes, t, t);
                multiply(slopes, k, scale, geometry.part_mut(gradient, 0, head));
                multiply(slopes.transposed(), q, scale, geometry.part_mut(gradient, 1, head));
            }
        });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{agree, normals, slopes};

    fn defined(g: &Geometry, qkv: &[f64]) -> Vec<f64> {
        let (t, row, c) = (g.tokens, g.row(), g.width);
        let mut out = vec![0.0; qkv.len() / 3];
        for (sample, out) in qkv.chunks_exact(3 * t * row).zip(out.chunks_exact_mut(t * row)) {
            let at =
                |part: usize, token: usize, head: usize, j: usize| sample[token * 3 * row + part * row + head * c + j];
            for head in 0..g.heads {
                for i in 0..t {
                    let score = |k: usize| {
                        (0..c).map(|j| at(0, i, head, j) * at(1, k, head, j)).sum::<f64>() / (c as f64).sqrt()
                    };
                    let powers: Vec<f64> = (0..t).map(|k| score(k).exp()).collect();
                    let sum: f64 = powers.iter().sum();
                    for j in 0..c {
                        out[i * row + head * c + j] = (0..t).map(|k| powers[k] / sum * at(2, k, head, j)).sum();
                    }
                }
            }
        }
        out
    }

    #[test]
    fn heads_are_their_definition_and_gradients_are_slopes() {
        for (n, tokens, heads, width) in [(1, 1, 1, 1), (2, 5, 3, 7), (3, 17, 2, 8), (2, 64, 3, 16)] {
            let g = Geometry { tokens, heads, width };
            let length = n * tokens * g.row();
            let (qkv, upstream) = (normals(3 * length, 1, 1.0), normals(length, 2, 1.0));
            agree(&qkv, &defined(&g, &qkv), 2e-6, |qkv, out: &mut Vec<f32>| forward(&g, qkv, out));
            let mut gradient = vec![0.0; 3 * length];
            backward(&g, &qkv, &upstream, &mut gradient);
            slopes(&qkv, &gradient, &upstream, |qkv, out| forward(&g, qkv, out), 60.min(3 * length));
        }
    }

    #[test]
    fn threads_change_nothing() {
        let g = Geometry { tokens: 16, heads: 2, width: 8 };
        let qkv: Vec<f32> = crate::testing::single(&normals(3 * 9 * 16 * 16, 5, 1.0));
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            let mut out = vec![0.0; qkv.len()];
            pool.install(|| backward(&g, &qkv, &qkv[..qkv.len() / 3], &mut out));
            out
        };
        assert_eq!(run(1), run(3));
    }
}
