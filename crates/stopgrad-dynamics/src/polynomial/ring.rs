//! One formula for several kinds of numbers: complex, complex in double the precision, complex boxes.

use std::ops::{Add, Mul, Neg, Sub};

use faer::c64;

/// What a polynomial can be evaluated in.
pub(crate) trait Ring:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Neg<Output = Self>
{
    /// A real number, exactly.
    fn real(x: f64) -> Self;
    /// A complex number, exactly.
    fn complex(x: c64) -> Self;
}

impl Ring for c64 {
    fn real(x: f64) -> Self {
        Self::new(x, 0.0)
    }
    fn complex(x: c64) -> Self {
        x
    }
}

/// A small dense matrix over a [`Ring`], by rows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dense<R> {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) data: Vec<R>,
}

impl<R: Ring> Dense<R> {
    pub(crate) fn from_fn(rows: usize, columns: usize, entry: impl Fn(usize, usize) -> R) -> Self {
        let data = (0..rows * columns).map(|at| entry(at / columns, at % columns)).collect();
        Self { rows, columns, data }
    }

    pub(crate) fn zeros(rows: usize, columns: usize) -> Self {
        Self { rows, columns, data: vec![R::real(0.0); rows * columns] }
    }

    #[inline]
    pub(crate) fn at(&self, i: usize, j: usize) -> R {
        self.data[i * self.columns + j]
    }

    /// L R.
    pub(crate) fn times(&self, right: &Self) -> Self {
        assert_eq!(self.columns, right.rows, "matrices that fit");
        let mut out = Self::zeros(self.rows, right.columns);
        for i in 0..self.rows {
            for k in 0..self.columns {
                let factor = self.at(i, k);
                for j in 0..right.columns {
                    let entry = &mut out.data[i * right.columns + j];
                    *entry = *entry + factor * right.data[k * right.columns + j];
                }
            }
        }
        out
    }

    pub(crate) fn transposed(&self) -> Self {
        Self::from_fn(self.columns, self.rows, |i, j| self.at(j, i))
    }

    pub(crate) fn plus(mut self, other: &Self) -> Self {
        self.data.iter_mut().zip(&other.data).for_each(|(a, &b)| *a = *a + b);
        self
    }

    pub(crate) fn minus(mut self, other: &Self) -> Self {
        self.data.iter_mut().zip(&other.data).for_each(|(a, &b)| *a = *a - b);
        self
    }

    pub(crate) fn scaled(mut self, factor: R) -> Self {
        self.data.iter_mut().for_each(|a| *a = *a * factor);
        self
    }

    /// K + c I.
    pub(crate) fn shifted(mut self, by: R) -> Self {
        for i in 0..self.rows {
            let at = i * self.columns + i;
            self.data[at] = self.data[at] + by;
        }
        self
    }
}
