//! Two views of the same samples as moments, and what the linear theory expects of them.

use serde::Serialize;
use serde_json::Value;

use super::{DiagnosisError, EmbeddingValues, Embeddings, Given, Role};
use crate::collapse::Place;
use crate::moments::{MomentSums, MomentsAccumulator, Pairing};
use crate::{PredictOptions, Watch, predict};

/// Samples added up together.
const BLOCK: usize = 512;

/// Wider features get the critical weight decay by the rule for single modes and no leading rate: at 768 these two are nine
/// tenths of the time. `stopgrad predict` on the same moments computes them.
const SEARCHED_UP_TO: usize = 512;

/// What a linear student and predictor trained on these features would keep.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ViewTheory {
    /// λ.
    pub weight_decay: f64,
    /// Largest rank with an attracting equilibrium that was found.
    pub rank: usize,
    /// Dimensions in which the features vary at all.
    pub support_rank: usize,
    /// λ up to which all of them survive.
    pub critical_weight_decay: f64,
    /// Fields of the document of `predict`.
    pub prediction: Value,
}

/// Centred moments of both orders of each pair, in one pass; tokens are averaged. The halves estimate the noise.
///
/// # Panics    when the shapes differ
/// # Cost      n d² multiply-adds, 4 d² numbers
pub fn view_moments(x: &Embeddings, y: &Embeddings) -> MomentSums {
    assert_eq!(x.shape(), y.shape(), "two views of the same samples");
    let d = x.width;
    let mut sums = MomentsAccumulator::new(d, Pairing::Exchangeable { views: 2 }, x.samples > 1);
    let mut block = Vec::with_capacity(2 * BLOCK * d);
    for sample in 0..x.samples {
        for view in [x, y] {
            push_mean(view, sample, &mut block);
        }
        if block.len() == 2 * BLOCK * d || sample + 1 == x.samples {
            sums.add(&block, &[]);
            block.clear();
        }
    }
    sums.finish()
}

/// The mean of the tokens of a sample, at the end of `out`.
fn push_mean(of: &Embeddings, sample: usize, out: &mut Vec<f64>) {
    let (t, d) = (of.positions, of.width);
    let start = out.len();
    out.resize(start + d, 0.0);
    let mean = &mut out[start..];
    let range = sample * t * d..(sample + 1) * t * d;
    match &of.values {
        EmbeddingValues::F32(values) => add_rows(mean, values[range].iter().map(|&x| f64::from(x)), t),
        EmbeddingValues::F64(values) => add_rows(mean, values[range].iter().copied(), t),
    }
}

fn add_rows(mean: &mut [f64], values: impl Iterator<Item = f64>, t: usize) {
    let d = mean.len();
    for (at, x) in values.enumerate() {
        mean[at % d] += x / t as f64;
    }
}

/// [`predict()`] on the moments of the two views. The outputs are let go of before: matrices of d × d take their place.
pub(super) fn theory(given: Given, weight_decay: f64, watch: &Watch<'_>) -> Result<ViewTheory, DiagnosisError> {
    let roles = [Role::Place(Place::Encoder), Role::SecondView];
    let [Some(x), Some(y)] = roles.map(|role| given.outputs.get(&role)) else { return Err(DiagnosisError::OneView) };
    let sums = view_moments(x, y);
    drop(given);
    let moments = sums.moments(true);
    let even = sums.half(true).map(|half| half.to_moments());
    let odd = even.as_ref().and_then(|even| moments.without(even).ok());
    let mut options = PredictOptions::new(weight_decay);
    (options.critical_up_to, options.rate_up_to) = (SEARCHED_UP_TO, SEARCHED_UP_TO);
    let found = predict(&moments, &options, even.as_ref().zip(odd.as_ref()), watch)?;
    Ok(ViewTheory {
        weight_decay,
        rank: found.rank,
        support_rank: found.support_rank,
        critical_weight_decay: found.critical_weight_decay.value(),
        prediction: found.to_json(),
    })
}
