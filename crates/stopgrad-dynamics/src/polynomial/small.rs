//! Complex matrices of a few rows on the stack, and their LU factors: what a path tracker spends its time in.

use faer::c64;

/// R rows of C numbers.
pub(crate) type Block<const R: usize, const C: usize> = [[c64; C]; R];
/// M × M.
pub(crate) type Square<const M: usize> = Block<M, M>;

pub(crate) const ZERO: c64 = c64::new(0.0, 0.0);

/// I.
pub(crate) fn identity<const M: usize>() -> Square<M> {
    let mut out = [[ZERO; M]; M];
    for (i, row) in out.iter_mut().enumerate() {
        row[i] = c64::new(1.0, 0.0);
    }
    out
}

/// L R.
#[inline(always)]
pub(crate) fn product<const A: usize, const K: usize, const B: usize>(
    left: &Block<A, K>, right: &Block<K, B>,
) -> Block<A, B> {
    let mut out = [[ZERO; B]; A];
    for i in 0..A {
        for k in 0..K {
            let factor = left[i][k];
            for j in 0..B {
                out[i][j] += factor * right[k][j];
            }
        }
    }
    out
}

/// Lᵀ R.
#[inline(always)]
pub(crate) fn product_transposed<const A: usize, const K: usize, const B: usize>(
    left: &Block<K, A>, right: &Block<K, B>,
) -> Block<A, B> {
    let mut out = [[ZERO; B]; A];
    for k in 0..K {
        for i in 0..A {
            let factor = left[k][i];
            for j in 0..B {
                out[i][j] += factor * right[k][j];
            }
        }
    }
    out
}

/// Lᵀ.
#[inline(always)]
pub(crate) fn transposed<const A: usize, const B: usize>(matrix: &Block<A, B>) -> Block<B, A> {
    let mut out = [[ZERO; A]; B];
    for i in 0..A {
        for j in 0..B {
            out[j][i] = matrix[i][j];
        }
    }
    out
}

/// a + s b.
#[inline(always)]
pub(crate) fn add_scaled<const A: usize, const B: usize>(a: &Block<A, B>, s: f64, b: &Block<A, B>) -> Block<A, B> {
    let mut out = *a;
    for i in 0..A {
        for j in 0..B {
            out[i][j] += b[i][j] * s;
        }
    }
    out
}

/// Place of (i, j), i ≤ j, in the upper triangle of an m × m matrix read by rows.
#[inline(always)]
pub(crate) const fn packed(i: usize, j: usize, m: usize) -> usize {
    i * m - i * (i + 1) / 2 + j
}

/// The upper triangle by rows.
#[inline(always)]
pub(crate) fn pack<const M: usize, const N: usize>(matrix: &Square<M>) -> [c64; N] {
    let mut out = [ZERO; N];
    for i in 0..M {
        for j in i..M {
            out[packed(i, j, M)] = matrix[i][j];
        }
    }
    out
}

/// The symmetric matrix whose upper triangle a list begins with.
#[inline(always)]
pub(crate) fn unpack<const R: usize, const N: usize>(entries: &[c64; N]) -> Square<R> {
    let mut out = [[ZERO; R]; R];
    for i in 0..R {
        for j in i..R {
            out[i][j] = entries[packed(i, j, R)];
            out[j][i] = out[i][j];
        }
    }
    out
}

/// LU factors with row scaling and partial pivoting.
///
/// Real and imaginary parts lie apart, so that a row is a vector of the processor.
pub(crate) struct Lu<const N: usize> {
    re: [[f64; N]; N],
    im: [[f64; N]; N],
    scale: [f64; N],
    order: [usize; N],
    inverse: [c64; N],
}

impl<const N: usize> Lu<N> {
    /// `None` where a pivot is 0 or no number.
    #[inline(always)]
    pub(crate) fn new(matrix: &Square<N>) -> Option<Self> {
        let (mut re, mut im) = ([[0.0; N]; N], [[0.0; N]; N]);
        let (mut scale, mut order, mut inverse) = ([0.0; N], [0; N], [ZERO; N]);
        for i in 0..N {
            let mut largest = 0.0f64;
            for entry in &matrix[i] {
                largest = largest.max(entry.re.abs().max(entry.im.abs()));
            }
            let factor = 1.0 / largest;
            if !factor.is_finite() {
                return None;
            }
            scale[i] = factor;
            order[i] = i;
            for j in 0..N {
                re[i][j] = matrix[i][j].re * factor;
                im[i][j] = matrix[i][j].im * factor;
            }
        }
        for k in 0..N {
            let (mut pivot, mut largest) = (k, 0.0);
            for i in k..N {
                let size = re[i][k] * re[i][k] + im[i][k] * im[i][k];
                if size > largest {
                    (pivot, largest) = (i, size);
                }
            }
            if largest <= 0.0 || !largest.is_finite() {
                return None;
            }
            if pivot != k {
                re.swap(k, pivot);
                im.swap(k, pivot);
                order.swap(k, pivot);
            }
            inverse[k] = c64::new(re[k][k] / largest, -im[k][k] / largest);
            let (row_re, row_im) = (re[k], im[k]);
            for i in k + 1..N {
                let factor = c64::new(re[i][k], im[i][k]) * inverse[k];
                let (to_re, to_im) = (&mut re[i], &mut im[i]);
                for j in k + 1..N {
                    to_re[j] -= factor.re * row_re[j] - factor.im * row_im[j];
                    to_im[j] -= factor.re * row_im[j] + factor.im * row_re[j];
                }
                (to_re[k], to_im[k]) = (factor.re, factor.im);
            }
        }
        Some(Self { re, im, scale, order, inverse })
    }

    /// The solution of K x = right.
    #[inline(always)]
    pub(crate) fn solve(&self, right: &[c64; N]) -> [c64; N] {
        let mut x = [ZERO; N];
        for i in 0..N {
            let mut sum = right[self.order[i]] * self.scale[self.order[i]];
            for j in 0..i {
                sum -= c64::new(self.re[i][j], self.im[i][j]) * x[j];
            }
            x[i] = sum;
        }
        for i in (0..N).rev() {
            let mut sum = x[i];
            for j in i + 1..N {
                sum -= c64::new(self.re[i][j], self.im[i][j]) * x[j];
            }
            x[i] = sum * self.inverse[i];
        }
        x
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::normal_vector;

    #[test]
    fn a_solved_system_fits_whatever_the_size_of_its_rows() {
        let draws = normal_vector(2 * 36 + 12, 1);
        let mut matrix = [[ZERO; 6]; 6];
        for i in 0..6 {
            for j in 0..6 {
                matrix[i][j] = c64::new(draws[12 * i + 2 * j], draws[12 * i + 2 * j + 1]) * 10f64.powi(4 * i as i32);
            }
        }
        matrix[0][0] = ZERO;
        let mut expected = [ZERO; 6];
        for i in 0..6 {
            expected[i] = c64::new(draws[72 + 2 * i], draws[73 + 2 * i]);
        }
        let column: Block<6, 1> = expected.map(|x| [x]);
        let right = product(&matrix, &column).map(|row| row[0]);
        let found = Lu::new(&matrix).expect("regular").solve(&right);
        for i in 0..6 {
            assert!((found[i] - expected[i]).norm() < 1e-13, "{found:?}");
        }
        assert!(Lu::<3>::new(&[[ZERO; 3]; 3]).is_none());
    }

    #[test]
    fn a_packed_triangle_unpacks_to_the_symmetric_matrix() {
        let entries: [c64; 6] = std::array::from_fn(|k| c64::new(k as f64, -1.0));
        let matrix: Square<3> = unpack(&entries);
        assert_eq!((matrix[0][2], matrix[2][0], matrix[1][2]), (entries[2], entries[2], entries[4]));
        assert_eq!(pack::<3, 6>(&matrix), entries);
        let right = product_transposed(&matrix, &matrix);
        assert_eq!(right, product(&matrix, &matrix), "a symmetric matrix is its transpose");
    }
}
