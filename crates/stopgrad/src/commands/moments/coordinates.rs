//! What x and y are: principal components and whitening of finished moments, random features of views.

use faer::Mat;
use stopgrad_data::random::{normal_pair, stream, unit};
use stopgrad_dynamics::Moments;
use stopgrad_dynamics::features::{self, FeatureMap};

use super::MomentsCommandError;
use crate::args::Features;
use crate::moments_file::{MomentsFile, RandomFeatures, RandomMap};

/// The moments in the coordinates asked for; random features were taken of the views before.
///
/// Components are those of the covariance of x, whether or not the moments are centered; whitening makes X, as it is
/// stored, the identity. Both views go through the same map, because the theory has one encoder.
pub(super) fn changed(file: MomentsFile, asked: Features) -> Result<MomentsFile, MomentsCommandError> {
    let moments = &file.moments;
    let basis = match asked {
        Features::None | Features::Fourier { .. } | Features::Relu { .. } => return Ok(file),
        Features::Whiten => features::whitening(moments.xx.as_ref())?,
        Features::Pca(components) => features::principal_components(covariance(moments).as_ref(), components)?,
    };
    Ok(MomentsFile {
        moments: moments.in_coordinates(&basis),
        half: file.half.as_ref().map(|half| half.in_coordinates(&basis)),
        features: file.features,
    })
}

fn covariance(moments: &Moments) -> Mat<f64> {
    match &moments.mean_x {
        Some(mean) if !moments.centered => {
            Mat::from_fn(mean.len(), mean.len(), |i, j| moments.xx[(i, j)] - mean[i] * mean[j])
        }
        _ => moments.xx.clone(),
    }
}

/// A random map, drawn row by row from the streams (seed, "features", row); none for linear features.
pub(super) fn random_map(asked: Features, inputs: usize, seed: u64) -> Option<FeatureMap> {
    match asked {
        Features::None | Features::Pca(_) | Features::Whiten => None,
        Features::Fourier { count, bandwidth } => {
            let width = bandwidth.unwrap_or_else(|| (inputs as f64).sqrt());
            let phase = |row| f64::from(unit(&mut stream(seed, "features/phase", row))) * std::f64::consts::TAU;
            let phases = (0..count as u64).map(phase).collect();
            Some(FeatureMap::Fourier { frequencies: normal(count, inputs, 1.0 / width, seed), phases })
        }
        Features::Relu { count } => {
            // Inputs of variance 1 give preactivations of variance 1.
            Some(FeatureMap::Relu { directions: normal(count, inputs, 1.0 / (inputs as f64).sqrt(), seed) })
        }
    }
}

/// Independent normal numbers.
fn normal(rows: usize, columns: usize, deviation: f64, seed: u64) -> Mat<f64> {
    let mut out = Mat::zeros(rows, columns);
    for row in 0..rows {
        let mut rng = stream(seed, "features", row as u64);
        for column in (0..columns).step_by(2) {
            let (a, b) = normal_pair(&mut rng);
            out[(row, column)] = deviation * f64::from(a);
            if column + 1 < columns {
                out[(row, column + 1)] = deviation * f64::from(b);
            }
        }
    }
    out
}

/// A random map as it is stored: weights, and the rest.
pub(super) fn stored(map: FeatureMap) -> RandomMap {
    match map {
        FeatureMap::Fourier { frequencies, phases } => {
            RandomMap { weights: frequencies, features: RandomFeatures::Fourier { phases } }
        }
        // No linear map is made here: linear features are taken of moments.
        FeatureMap::Relu { directions } | FeatureMap::Linear(directions) => {
            RandomMap { weights: directions, features: RandomFeatures::Relu }
        }
    }
}
