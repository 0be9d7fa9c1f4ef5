//! SIGReg: how far a cloud is from an isotropic normal one, seen along random directions.

use faer::MatRef;
use rayon::prelude::*;
use stopgrad_data::random::{normal_pair, stream};
use stopgrad_dynamics::linalg;

/// The characteristic functions are compared up to here …
const LARGEST_FREQUENCY: f64 = 3.0;
/// … at so many frequencies from 0, by the trapezoid rule; both as in LeJEPA's code.
const FREQUENCIES: usize = 17;

/// Unit vectors, uniform on the sphere: `count` × d, row-major.
pub fn directions(seed: u64, (purpose, index): (&str, u64), count: usize, d: usize) -> Vec<f64> {
    let mut random = stream(seed, purpose, index);
    let mut all = Vec::with_capacity(count * d);
    while all.len() < count * d {
        let mut row = Vec::with_capacity(d + 1);
        while row.len() < d {
            let (a, b) = normal_pair(&mut random);
            row.extend([f64::from(a), f64::from(b)]);
        }
        row.truncate(d);
        let length = row.iter().map(|x| x * x).sum::<f64>().sqrt();
        all.extend(row.into_iter().map(|x| x / length));
    }
    all
}

/// Mean over directions a of ∫ |φ̂ₐ(t) − e^{−t²/2}|² e^{−t²/2} dt over |t| ≤ 3, and its gradient; φ̂ₐ is the characteristic function
/// of the numbers ⟨a, zᵢ⟩.
///
/// 0 for a standard normal cloud and many samples. LeJEPA multiplies by the number of samples, which is left out here: a mean over
/// pairs does not grow with their number.
///
/// # Shapes      z: n × d, directions: k × d → n × d
/// # Cost        2 n k d multiply-adds and 17 n k sines and cosines
/// # Source      Epps, Pulley 1983; Balestriero, LeCun 2025 (arXiv:2511.08544)
pub fn normality(z: &[f64], directions: &[f64], d: usize) -> (f64, Vec<f64>) {
    let (n, k) = (z.len() / d, directions.len() / d);
    let of = |values, rows| MatRef::from_row_major_slice(values, rows, d);
    // Columns of the product lie together: one for each direction.
    let shadows = linalg::product(of(z, n), of(directions, k).transpose());
    let along: Vec<(f64, Vec<f64>)> =
        (0..k).into_par_iter().map(|direction| along_one(shadows.col_as_slice(direction))).collect();
    let value = along.iter().map(|(value, _)| value).sum::<f64>() / k as f64;
    let pulls = faer::Mat::from_fn(n, k, |i, direction| along[direction].1[i] / k as f64);
    let gradient = linalg::product(pulls.as_ref(), of(directions, k));
    (value, (0..n * d).map(|at| gradient[(at / d, at % d)]).collect())
}

/// The integral for numbers on a line, and its derivative by each.
fn along_one(p: &[f64]) -> (f64, Vec<f64>) {
    let n = p.len() as f64;
    let step = LARGEST_FREQUENCY / (FREQUENCIES - 1) as f64;
    let (mut value, mut gradient) = (0.0, vec![0.0; p.len()]);
    for frequency in 0..FREQUENCIES {
        let t = step * frequency as f64;
        let normal = (-0.5 * t * t).exp();
        // Both signs of t give the same; the ends count half.
        let ends = frequency == 0 || frequency == FREQUENCIES - 1;
        let weight = normal * if ends { step } else { 2.0 * step };
        let turned: Vec<(f64, f64)> = p.iter().map(|x| (t * x).sin_cos()).collect();
        let (sines, cosines) = turned.iter().fold((0.0, 0.0), |(s, c), (sin, cos)| (s + sin, c + cos));
        let (sine, excess) = (sines / n, cosines / n - normal);
        value += weight * (excess * excess + sine * sine);
        let factor = 2.0 * weight * t / n;
        for (pull, (sin, cos)) in gradient.iter_mut().zip(&turned) {
            *pull += factor * (sine * cos - excess * sin);
        }
    }
    (value, gradient)
}
