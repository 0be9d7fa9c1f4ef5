//! Moments made of moments: parts added up, halves taken apart, other coordinates.

use faer::{Mat, MatRef};

use super::Moments;
use crate::linalg;

/// Why moments cannot be added up.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MergeError {
    /// No parts.
    #[error("no moments to add up; name at least one file")]
    Nothing,
    /// A part that differs in kind.
    #[error("part {part} (from 0) has another {what} than the first; only moments made in the same way add up")]
    Differs {
        /// Which, from 0.
        part: usize,
        /// Which property.
        what: &'static str,
    },
    /// A part that does not say what its weight or center is.
    #[error("part {part} (from 0) has no {what}; moments without it cannot be added to others")]
    Missing {
        /// Which, from 0.
        part: usize,
        /// Which key.
        what: &'static str,
    },
}

/// Moments of some pairs, and the points that they are about.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// Of the pairs; its means are theirs.
    pub moments: &'a Moments,
    /// What was subtracted before products were taken, where something was: the means of these pairs, or of a larger
    /// set to which they belong.
    pub about: Option<(&'a [f64], &'a [f64])>,
}

impl<'a> Part<'a> {
    /// Moments about their own means where they are centered, about 0 otherwise.
    pub fn whole(moments: &'a Moments) -> Self {
        let means = moments.mean_x.as_deref().zip(moments.mean_y.as_deref());
        Self { moments, about: means.filter(|_| moments.centered) }
    }
}

impl Moments {
    /// Moments of all pairs of several parts, as if they had been taken in one pass (to rounding): each part weighted
    /// by its pairs; centered parts are brought to the common mean, or to `about` where that is given.
    ///
    /// With e a part's mean and d the point it is about, both seen from the common point c:
    /// E[(v − c)(v − c)ᵀ] = K + e dᵀ + d eᵀ − d dᵀ.
    ///
    /// # Errors      [`MergeError`]
    /// # Cost        a few m² operations a part
    /// # Source      Chan, Golub, LeVeque 1983
    pub fn merged(parts: &[Part<'_>], about: Option<(&[f64], &[f64])>) -> Result<Self, MergeError> {
        let first = parts.first().ok_or(MergeError::Nothing)?.moments;
        check_alike(parts)?;
        let counts: Vec<f64> = parts.iter().map(|part| part.moments.count.unwrap_or(0) as f64).collect();
        let total: f64 = counts.iter().sum();
        let m = first.size();
        let mean = |of: fn(&Moments) -> Option<&Vec<f64>>| -> Option<Vec<f64>> {
            let mut mean = vec![0.0; m];
            for (part, count) in parts.iter().zip(&counts) {
                mean.iter_mut().zip(of(part.moments)?).for_each(|(sum, value)| *sum += count / total * value);
            }
            Some(mean)
        };
        let (mean_x, mean_y) = (mean(|part| part.mean_x.as_ref()), mean(|part| part.mean_y.as_ref()));
        let mut out = Self {
            xx: Mat::zeros(m, m),
            yx: Mat::zeros(m, m),
            yy: parts.iter().all(|part| part.moments.yy.is_some()).then(|| Mat::zeros(m, m)),
            count: Some(parts.iter().filter_map(|part| part.moments.count).sum()),
            mean_x,
            mean_y,
            centered: first.centered,
            symmetrized: first.symmetrized,
            basis: first.basis.clone(),
        };
        let zero = vec![0.0; m];
        let common = match (about, &out.mean_x, &out.mean_y) {
            (Some(about), _, _) => about,
            (None, Some(x), Some(y)) => (&x[..], &y[..]),
            (None, _, _) => (&zero[..], &zero[..]),
        };
        let moved: Vec<Moved> = parts.iter().map(|part| Moved::new(part, common)).collect();
        for ((part, count), moved) in parts.iter().zip(&counts).zip(&moved) {
            let (weight, moments) = (count / total, part.moments);
            add(&mut out.xx, weight, moments.xx.as_ref(), moved.x.as_ref(), moved.x.as_ref());
            add(&mut out.yx, weight, moments.yx.as_ref(), moved.y.as_ref(), moved.x.as_ref());
            if let (Some(out), Some(yy)) = (&mut out.yy, &moments.yy) {
                add(out, weight, yy.as_ref(), moved.y.as_ref(), moved.y.as_ref());
            }
        }
        Ok(out)
    }

    /// The moments of the pairs that are in these and not in `half`, both about the same points.
    ///
    /// # Requires    `half` made of some of these pairs, and not of all; counts in both
    /// # Errors      [`MergeError::Missing`] without counts
    pub fn without(&self, half: &Self) -> Result<Self, MergeError> {
        let missing = |part| MergeError::Missing { part, what: "count" };
        let (all, some) = (self.count.ok_or(missing(0))?, half.count.ok_or(missing(1))?);
        if some >= all {
            return Err(MergeError::Differs { part: 1, what: "count (not smaller)" });
        }
        let (a, b) = (all as f64 / (all - some) as f64, some as f64 / (all - some) as f64);
        let rest = |whole: &Mat<f64>, half: &Mat<f64>| {
            Mat::from_fn(whole.nrows(), whole.ncols(), |i, j| a * whole[(i, j)] - b * half[(i, j)])
        };
        let mean = |whole: &Option<Vec<f64>>, half: &Option<Vec<f64>>| {
            let pairs = whole.iter().flatten().zip(half.iter().flatten());
            whole.is_some().then(|| pairs.map(|(whole, half)| a * whole - b * half).collect())
        };
        Ok(Self {
            xx: rest(&self.xx, &half.xx),
            yx: rest(&self.yx, &half.yx),
            yy: self.yy.as_ref().zip(half.yy.as_ref()).map(|(whole, half)| rest(whole, half)),
            count: Some(all - some),
            mean_x: mean(&self.mean_x, &half.mean_x),
            mean_y: mean(&self.mean_y, &half.mean_y),
            centered: self.centered,
            symmetrized: self.symmetrized,
            basis: self.basis.clone(),
        })
    }

    /// The moments of P x and P y: P X Pᵀ, P Y Pᵀ, P V Pᵀ.
    ///
    /// # Shapes      basis: K × m → moments of K coordinates, whose basis is P, or P times the basis there was
    /// # Cost        K m² + K² m multiply-adds a matrix
    #[must_use]
    pub fn in_coordinates(&self, basis: &Mat<f64>) -> Self {
        let square = |matrix: &Mat<f64>| {
            linalg::product(linalg::product(basis.as_ref(), matrix.as_ref()).as_ref(), basis.transpose())
        };
        let symmetric = |matrix: &Mat<f64>| linalg::symmetric_part(square(matrix).as_ref());
        let vector = |mean: &Vec<f64>| -> Vec<f64> {
            (0..basis.nrows()).map(|i| mean.iter().enumerate().map(|(j, value)| basis[(i, j)] * value).sum()).collect()
        };
        Self {
            xx: symmetric(&self.xx),
            yx: if self.symmetrized { symmetric(&self.yx) } else { square(&self.yx) },
            yy: self.yy.as_ref().map(symmetric),
            count: self.count,
            mean_x: self.mean_x.as_ref().map(vector),
            mean_y: self.mean_y.as_ref().map(vector),
            centered: self.centered,
            symmetrized: self.symmetrized,
            basis: Some(match &self.basis {
                None => basis.clone(),
                Some(before) => linalg::product(basis.as_ref(), before.as_ref()),
            }),
        }
    }
}

fn check_alike(parts: &[Part<'_>]) -> Result<(), MergeError> {
    let first = parts[0].moments;
    for (part, Part { moments, .. }) in parts.iter().enumerate() {
        let same = [
            ("m", moments.size() == first.size()),
            ("centered", moments.centered == first.centered),
            ("symmetrized", moments.symmetrized == first.symmetrized),
            ("basis", moments.basis == first.basis),
        ];
        if let Some((what, _)) = same.into_iter().find(|(_, same)| !same) {
            return Err(MergeError::Differs { part, what });
        }
        if moments.count.is_none_or(|count| count == 0) {
            return Err(MergeError::Missing { part, what: "count" });
        }
        if moments.centered && (moments.mean_x.is_none() || moments.mean_y.is_none()) {
            return Err(MergeError::Missing { part, what: "mean_x and mean_y" });
        }
    }
    Ok(())
}

/// How a part has to be moved: by d, with e the mean, both from the common point; nothing where it is not centered.
struct Moved {
    x: Option<Displacement>,
    y: Option<Displacement>,
}

/// (d, e).
type Displacement = (Vec<f64>, Vec<f64>);

impl Moved {
    fn new(part: &Part<'_>, (common_x, common_y): (&[f64], &[f64])) -> Self {
        let minus = |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a - b).collect() };
        let Some((about_x, about_y)) = part.about else { return Self { x: None, y: None } };
        let moments = part.moments;
        let side = |mean: &Option<Vec<f64>>, about: &[f64], common: &[f64]| {
            mean.as_ref().map(|mean| (minus(about, common), minus(mean, common)))
        };
        Self { x: side(&moments.mean_x, about_x, common_x), y: side(&moments.mean_y, about_y, common_y) }
    }
}

/// out += weight · (K + e_a d_bᵀ + d_a e_bᵀ − d_a d_bᵀ).
fn add(out: &mut Mat<f64>, weight: f64, matrix: MatRef<'_, f64>, a: Option<&Displacement>, b: Option<&Displacement>) {
    for j in 0..out.ncols() {
        for i in 0..out.nrows() {
            let moved = match (a, b) {
                (Some((da, ea)), Some((db, eb))) => ea[i] * db[j] + da[i] * eb[j] - da[i] * db[j],
                _ => 0.0,
            };
            out[(i, j)] += weight * (matrix[(i, j)] + moved);
        }
    }
}
