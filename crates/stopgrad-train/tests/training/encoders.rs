//! The named encoders against torchvision and timm (`golden/encoders.py`): representations, gradients, running statistics.

use burn::tensor::Tensor;
use serde_json::Value;
use stopgrad_train::config::{EncoderPool, EncoderStem, NetworkConfig, NetworkKind};
use stopgrad_train::exchange::to_foreign;
use stopgrad_train::features::{Space, features};
use stopgrad_train::layer::{Pass, Statistics, update_running};
use stopgrad_train::network::{Input, Network};
use stopgrad_train::scalar::Scalar;
use stopgrad_train::weights::Weights;

use super::formula::{close, images, matrix, numbers, weights, wide};

fn cases() -> Vec<Value> {
    let golden: Value = serde_json::from_str(include_str!("../golden/encoders.json")).unwrap();
    golden["cases"].as_array().unwrap().clone()
}

fn network(case: &Value) -> (Network, String) {
    let encoder: NetworkKind = serde_json::from_value(case["encoder"].clone()).unwrap();
    let is = |key: &str, word: &str| case[key] == word;
    let config = NetworkConfig {
        encoder,
        encoder_stem: if is("stem", "cifar") { EncoderStem::Cifar } else { EncoderStem::Imagenet },
        encoder_pool: if is("pool", "token") { EncoderPool::Token } else { EncoderPool::Mean },
        encoder_patch: case["patch"].as_u64().unwrap_or(1) as usize,
        predictor: NetworkKind::None,
        ..NetworkConfig::default()
    };
    let image: [usize; 3] = serde_json::from_value(case["image"].clone()).unwrap();
    let input = Input { width: image.iter().product(), image: Some(image) };
    let name = format!("{} {} {}", encoder.name(), case["stem"], case["pool"]);
    (Network::new(&config, input).unwrap(), name)
}

fn bare(name: &str) -> String {
    name.strip_prefix("encoder.").unwrap().to_owned()
}

/// Rows of representations against those told.
fn rows_are(name: &str, rows: &[f64], told: &Value, tolerance: f64) {
    let told = told.as_array().unwrap();
    for (row, told) in rows.chunks(rows.len() / told.len()).zip(told) {
        close(name, row, "features", told, [tolerance, 0.0]);
    }
}

fn with_running_statistics<T: Scalar>(tolerance: f64) {
    for case in cases() {
        let (network, name) = network(&case);
        let numbers = weights::<T>(&network, bare);
        let inputs = images("images", 2 * network.input_width);
        let found = features::<T>(&network, &numbers, Space::Encoder, &inputs, network.input_width);
        let found: Vec<f64> = found.into_iter().map(f64::from).collect();
        rows_are(&name, &found, &case["running"], tolerance);
    }
}

#[test]
fn representations_in_single_precision_are_those_of_torchvision_and_timm() {
    with_running_statistics::<f32>(1e-5);
}

/// Representations, all gradients and running statistics of the cases that have them.
fn with_batch_statistics<T: Scalar>(forward: f64, backward: f64) {
    for case in cases().into_iter().filter(|case| case["gradients"].is_object()) {
        let (network, name) = network(&case);
        let Weights { parameters, mut buffers } = weights::<T>(&network, bare);
        let leaves: Vec<Tensor<1>> = parameters.into_iter().map(|p| p.autodiff().require_grad()).collect();
        let mut pass = Pass::new(&leaves, Statistics::Batch);
        let x = matrix::<T>(&images("images", 2 * network.input_width), network.input_width);
        let out = network.embed(&mut pass, x).representation;
        let d = network.encoder_width;
        let mut gradients = (out.clone() * matrix::<T>(&images("upstream", 2 * d), d)).sum().backward();
        // A transformer has no batch statistics: the same as ever.
        let told = if case["batch"].is_null() { &case["running"] } else { &case["batch"] };
        rows_are(&name, &numbers(out), told, forward);
        let parts = leaves.iter().map(|leaf| leaf.grad_remove(&mut gradients).unwrap()).collect();
        update_running::<T>(&mut buffers, &pass.observed);
        let found = to_foreign::<T>(&network, &Weights { parameters: parts, buffers });
        for (key, (_, values)) in found {
            let values = wide(&values);
            let of_norm = key.contains("running");
            let (told, key) = (&case[if of_norm { "buffers" } else { "gradients" }], bare(&key));
            assert!(told[&key].is_array(), "{name} {key} is no name there");
            close(&name, &values, &key, &told[&key], [if of_norm { forward } else { backward }, 0.0]);
        }
        assert_eq!(case["gradients"].as_object().unwrap().len(), network.parameters.len(), "{name}");
    }
}

#[test]
fn gradients_and_running_statistics_are_those_of_torchvision_and_timm() {
    // The program rounds to ten digits; in f64 a batch norm of a dozen numbers is no excuse.
    with_batch_statistics::<f64>(1e-8, 1e-7);
}
