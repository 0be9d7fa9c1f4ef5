//! From a real solution to an equilibrium: its factors, its state in n dimensions, its stability.

use faer::Mat;

use super::{EquilibriaError, EquilibriaParams, Equilibrium, Problem, Stratum, StratumStatus};
use crate::linalg::{LuFactors, frobenius, product, singular_values, symmetric_eigen};
use crate::polynomial::certificate::{Reality, Root};
use crate::stability::{spectrum_at, spectrum_by_rank_at};
use crate::{Field, LinearField, LinearState, Moments};

/// Every real equilibrium of the strata, by rank, the largest first.
pub(super) fn equilibria(
    moments: &Moments, problem: &Problem, strata: &[Stratum], embedding_dim: usize, params: &EquilibriaParams,
) -> Result<Vec<Equilibrium>, EquilibriaError> {
    if problem.weight_decay <= 0.0 {
        // Not even the origin can be judged: nothing pulls it in.
        return Ok(Vec::new());
    }
    let mut field = LinearField::new(params.field, moments.clone(), embedding_dim, problem.weight_decay)?;
    if params.field == Field::Ema {
        field = field.with_ema_rate(params.ema_rate)?;
    }
    let mut found = Vec::new();
    for stratum in strata {
        let mut here = Vec::new();
        if stratum.rank == 0 {
            here.push(origin(&field)?);
        }
        for root in stratum.roots.iter().filter(|root| is_real(root)) {
            here.extend(equilibrium(&field, problem, root)?);
        }
        here.sort_by(|a, b| trace(&b.s).total_cmp(&trace(&a.s)));
        // Every equilibrium of full rank lies below S_max in the Loewner order, so that it has the largest trace; of those that a search
        // found it is one if the search began with it.
        if stratum.rank == problem.size()
            && (stratum.status != StratumStatus::NotClaimed || problem.began_with_maximal())
            && let Some(first) = here.first_mut()
        {
            first.maximal = true;
        }
        found.append(&mut here);
    }
    Ok(found)
}

/// Whether a root counts as real: proved, or where nothing is proved by the size of its imaginary part.
fn is_real(root: &Root) -> bool {
    match root.certificate.as_ref().map(|certificate| certificate.reality) {
        Some(Reality::Real) => true,
        Some(Reality::NotReal) => false,
        Some(Reality::Undecided) | None => {
            let size = root.s.iter().map(|x| x.norm()).fold(0.0, f64::max);
            root.s.iter().all(|x| x.im.abs() <= 1e-9 * size)
        }
    }
}

fn trace(s: &Mat<f64>) -> f64 {
    (0..s.nrows()).map(|i| s[(i, i)]).sum()
}

fn origin(field: &LinearField) -> Result<Equilibrium, EquilibriaError> {
    let [n, m, nm, nn] = field.sizes();
    let length = if field.kind.has_teacher() { 2 * nm + nn } else { nm + nn };
    let z = vec![0.0; length];
    let spectrum = if n * (n + m) > DENSE_UNKNOWNS || field.kind != Field::Joint {
        spectrum_by_rank_at(field, &z, 1e-300)?
    } else {
        spectrum_at(field, &z)?
    };
    Ok(Equilibrium {
        rank: 0,
        s: Mat::zeros(m, m),
        p: Mat::zeros(0, m),
        b: Mat::zeros(0, 0),
        certified: true,
        box_radius: Some(0.0),
        residual: 0.0,
        maximal: false,
        spectrum,
    })
}

/// Unknowns up to which a dense spectrum is cheap.
const DENSE_UNKNOWNS: usize = 400;

/// P with PᵀP = S: the root's own, or from the r largest eigenpairs; `None` where S is no AᵀA.
fn factor(s: &Mat<f64>, problem: &Problem, root: &Root) -> Result<Option<Mat<f64>>, EquilibriaError> {
    let (rank, k) = (root.rank, problem.size());
    if let Some(own) = &root.factor {
        let inside = Mat::from_fn(rank, k, |i, j| own[i * k + j]);
        return Ok(Some(match &problem.directions {
            None => inside,
            Some(v) => product(inside.as_ref(), v.transpose()),
        }));
    }
    let eigen = symmetric_eigen(s.as_ref())?;
    // A negative S of lower rank has eigenvalues that are 0 but for rounding.
    let largest = eigen.values.iter().fold(0.0f64, |largest, value| largest.max(value.abs()));
    if eigen.values[rank - 1] <= f64::EPSILON * s.nrows() as f64 * largest {
        return Ok(None);
    }
    Ok(Some(Mat::from_fn(rank, s.nrows(), |i, j| eigen.values[i].sqrt() * eigen.vectors[(j, i)])))
}

/// b = PYPᵀ(PXPᵀ + λ)⁻¹ (docs/theory.md, 3.1); `None` where S is no AᵀA.
fn equilibrium(field: &LinearField, problem: &Problem, root: &Root) -> Result<Option<Equilibrium>, EquilibriaError> {
    let k = problem.size();
    let inside = Mat::from_fn(k, k, |i, j| 0.5 * (root.s[i * k + j].re + root.s[j * k + i].re));
    let s = match &problem.directions {
        None => inside,
        Some(v) => product(product(v.as_ref(), inside.as_ref()).as_ref(), v.transpose()),
    };
    let rank = root.rank;
    let Some(p) = factor(&s, problem, root)? else { return Ok(None) };
    let gram = |matrix: &Mat<f64>| product(product(p.as_ref(), matrix.as_ref()).as_ref(), p.transpose());
    let mut weight = gram(&field.moments.xx);
    for i in 0..rank {
        weight[(i, i)] += problem.weight_decay;
    }
    // b W = PYPᵀ with W symmetric: bᵀ = W⁻¹ (PYPᵀ)ᵀ.
    let cross = gram(&field.moments.yx);
    let b = LuFactors::new(weight.as_ref()).solve(cross.transpose()).transpose().to_owned();
    let z = state(field, &p, &b);
    let least = singular_values(p.as_ref())?.get(rank - 1).copied().unwrap_or(0.0);
    let floor = 0.5 * least;
    let spectrum = spectrum_by_rank_at(field, &z, floor)?;
    let certificate = root.certificate.as_ref();
    Ok(Some(Equilibrium {
        rank,
        residual: residual(field, problem.weight_decay, &s),
        certified: certificate.is_some_and(|c| c.reality == Reality::Real),
        box_radius: certificate.map(crate::polynomial::certificate::Certificate::radius),
        maximal: false,
        s,
        p,
        b,
        spectrum,
    }))
}

/// A = [P; 0], B = diag(b, 0), teacher = student.
fn state(field: &LinearField, p: &Mat<f64>, b: &Mat<f64>) -> Vec<f64> {
    let [n, m, _, _] = field.sizes();
    let rank = p.nrows();
    let a = Mat::from_fn(n, m, |i, j| if i < rank { p[(i, j)] } else { 0.0 });
    let b = Mat::from_fn(n, n, |i, j| if i < rank && j < rank { b[(i, j)] } else { 0.0 });
    LinearState { c: field.kind.has_teacher().then(|| a.clone()), a, b }.to_flat()
}

/// |S((XS + λ)(SX + λ) − YᵀSY)| / |S YᵀSY|: the equation of any rank.
fn residual(field: &LinearField, decay: f64, s: &Mat<f64>) -> f64 {
    let (x, y) = (&field.moments.xx, &field.moments.yx);
    let m = s.nrows();
    let xs = product(x.as_ref(), s.as_ref());
    let k = Mat::from_fn(m, m, |i, j| xs[(i, j)] + if i == j { decay } else { 0.0 });
    let left = product(product(s.as_ref(), k.as_ref()).as_ref(), k.transpose());
    let pushed = product(y.transpose(), product(s.as_ref(), y.as_ref()).as_ref());
    let right = product(s.as_ref(), pushed.as_ref());
    let rest = Mat::from_fn(m, m, |i, j| left[(i, j)] - right[(i, j)]);
    frobenius(rest.as_ref()) / frobenius(right.as_ref())
}
