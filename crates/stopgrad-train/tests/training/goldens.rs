//! Losses, batch norm and the convolutional encoder against PyTorch, in f64 and after f32 in the same process.

use burn::tensor::{Tensor, TensorData};
use serde_json::Value;
use stopgrad_train::config::{Loss, NetworkConfig, NetworkKind, PredictorRule};
use stopgrad_train::layer::{BatchNorm, Layer, Pass, Statistics, update_running};
use stopgrad_train::network::{Network, Stack};
use stopgrad_train::objective::{covariance, normality, variance};
use stopgrad_train::predictor::Setter;
use stopgrad_train::weights::Weights;

use super::support::{LOSSES, networks, objective, views};

fn golden() -> Value {
    serde_json::from_str(include_str!("../golden/losses.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

fn matrix(value: &Value, columns: usize) -> Tensor<2> {
    let values = numbers(value);
    let device = burn::tensor::Device::flex();
    Tensor::from_data(
        TensorData::new(values.clone(), [values.len() / columns, columns]),
        (&device, burn::tensor::DType::F64),
    )
}

fn close(have: Tensor<2>, want: &Value) {
    let have: Vec<f64> = have.into_data().try_into_vec().unwrap();
    for (h, w) in have.iter().zip(numbers(want)) {
        // Some tens of roundings of f64.
        assert!((h - w).abs() < 1e-12 * (1.0 + w.abs()), "{h} against {w}");
    }
}

#[test]
fn losses_and_their_gradients_match_pytorch() {
    let golden = golden();
    let values = &golden["values"];
    for (loss, name) in LOSSES.into_iter().zip(["half_squared", "cosine", "smooth_l1"]) {
        let prediction = matrix(&values["prediction"], 3).autodiff().require_grad();
        let value = loss.between(prediction.clone(), matrix(&values["target"], 3));
        let mut gradients = value.backward();
        close(value.inner().reshape([1, 1]), &Value::from(vec![values[name]["value"].clone()]));
        close(prediction.grad_remove(&mut gradients).unwrap(), &values[name]["gradient"]);
    }
}

#[test]
fn batch_norm_and_its_gradients_match_pytorch() {
    let golden = golden();
    let values = &golden["values"]["batch_norm"];
    let flat = |v: Vec<f64>| matrix(&Value::from(v), 4).reshape([4]);
    let parameters =
        [flat(vec![1.0, 0.5, -2.0, 3.0]), flat(vec![0.0, 1.0, 2.0, -1.0])].map(|p| p.autodiff().require_grad());
    let mut buffers = [flat(vec![0.0; 4]), flat(vec![1.0; 4])];
    let x = matrix(&values["x"], 4).autodiff().require_grad();
    let stack =
        Stack { layers: vec![Layer::BatchNorm(BatchNorm { scale: Some(0), buffer: 0, width: 4 })], parameters: 0..2 };
    let mut pass = Pass::new(&parameters, Statistics::Batch);
    let out = stack.forward(&mut pass, x.clone());
    let mut gradients = (out.clone() * matrix(&values["weight"], 4)).sum().backward();
    close(out.inner(), &values["out"]);
    close(x.grad_remove(&mut gradients).unwrap(), &values["dx"]);
    for (parameter, name) in parameters.iter().zip(["dscale", "dshift"]) {
        close(parameter.grad_remove(&mut gradients).unwrap().reshape([1, 4]), &values[name]);
    }
    update_running::<f64>(&mut buffers, &pass.observed);
    for (buffer, name) in buffers.iter().zip(["running_mean", "running_var"]) {
        close(buffer.clone().reshape([1, 4]), &values[name]);
    }
}

/// (i step mod modulus − half) / divisor for i = 0, 1, …, as the programs of the goldens make numbers.
fn wave(count: usize, step: usize, modulus: usize, divisor: f64) -> Vec<f64> {
    (0..count).map(|i| ((i * step % modulus) as f64 - (modulus / 2) as f64) / divisor).collect()
}

#[test]
fn terms_of_embeddings_and_their_gradients_match_pytorch() {
    let golden: Value = serde_json::from_str(include_str!("../golden/terms.json")).unwrap();
    let (n, d, k) = (7, 4, 3);
    let scales = [1.0, 3.0, 0.2, 1.0];
    let z: Vec<f64> = wave(n * d, 5, 23, 12.0).iter().enumerate().map(|(i, x)| x * scales[i % d]).collect();
    let rows = wave(k * d, 3, 17, 1.0);
    let directions: Vec<f64> = rows
        .chunks_exact(d)
        .flat_map(|row| {
            let length = row.iter().map(|x| x * x).sum::<f64>().sqrt();
            row.iter().map(move |x| x / length)
        })
        .collect();
    let terms =
        [("variance", variance(&z, d)), ("covariance", covariance(&z, d)), ("sigreg", normality(&z, &directions, d))];
    for (name, (value, gradient)) in terms {
        let want = &golden["values"][name];
        assert!((value - want["value"].as_f64().unwrap()).abs() < 1e-13, "{name}: {value}");
        for (have, want) in gradient.iter().zip(numbers(&want["gradient"])) {
            assert!((have - want).abs() < 1e-13, "{name}: {have} against {want}");
        }
    }
}

#[test]
fn a_predictor_that_is_set_matches_numpy() {
    let golden: Value = serde_json::from_str(include_str!("../golden/directpred.json")).unwrap();
    for (rule, name) in [(PredictorRule::Directpred, "released"), (PredictorRule::DirectpredPaper, "paper")] {
        let config = NetworkConfig {
            encoder: NetworkKind::Linear,
            encoder_width: 3,
            predictor_rule: rule,
            direct_every: 2,
            ..NetworkConfig::default()
        };
        let network = Network::new(&config, 4).unwrap();
        let mut setter = Setter::<f64>::new(&config, &network).unwrap();
        let mut parameters = Weights::initialize::<f64>(&network, 0).parameters;
        let before: Vec<f64> = parameters[0].to_data().try_into_vec().unwrap();
        let mut last = Value::Null;
        for step in 0..5_usize {
            let seen = matrix(&formula(18, 5 + step, 8.0), 3);
            // In two batches, as where gradients are accumulated.
            setter.observe(&[seen.clone().narrow(0, 0, 3), seen.narrow(0, 3, 3)]);
            setter.set(&mut parameters, step as u64);
            // Every second update sets; between, it stays.
            if step % 2 == 0 {
                last = golden["values"][name][step].clone();
            }
            close(parameters[1].clone().reshape([3, 3]), &last);
        }
        let after: Vec<f64> = parameters[0].to_data().try_into_vec().unwrap();
        assert_eq!(before, after, "the encoder is left alone");
    }
}

#[test]
fn a_symmetric_predictor_is_the_mean_of_itself_and_its_transpose() {
    let config = NetworkConfig {
        encoder: NetworkKind::Linear,
        encoder_width: 3,
        predictor_rule: PredictorRule::Symmetric,
        ..NetworkConfig::default()
    };
    let network = Network::new(&config, 4).unwrap();
    let mut setter = Setter::<f64>::new(&config, &network).unwrap();
    assert!(!setter.replaces_training());
    let mut parameters = Weights::initialize::<f64>(&network, 0).parameters;
    let w = wave(9, 5, 23, 8.0);
    parameters[1] = flat(&Value::from(w.clone()), 9);
    setter.observe(&[]);
    setter.set(&mut parameters, 7);
    let mean: Vec<f64> = (0..9).map(|at| 0.5 * (w[at] + w[at % 3 * 3 + at / 3])).collect();
    close(parameters[1].clone().reshape([3, 3]), &Value::from(mean));
}

/// Numbers by a formula, as the programs of the goldens make them.
fn formula(count: usize, step: usize, divisor: f64) -> Value {
    wave(count, step, 23, divisor).into()
}

fn flat(values: &Value, length: usize) -> Tensor<1> {
    matrix(values, length).reshape([length])
}

/// The representation of two images and all gradients against a golden; what the norms saw.
fn encoder_matches(golden: &Value, network: &Network, divisor: f64) -> Vec<stopgrad_train::layer::Observed> {
    let values = |count: usize, step: usize| formula(count, step, divisor);
    let parameters: Vec<Tensor<1>> = (network.parameters.iter().enumerate())
        .map(|(index, spec)| flat(&values(spec.len(), 5 + index), spec.len()).autodiff().require_grad())
        .collect();
    let mut pass = Pass::new(&parameters, Statistics::Batch);
    let images = matrix(&values(2 * network.input_width, 7), network.input_width);
    let out = network.embed(&mut pass, images).representation;
    let d = network.encoder_width;
    let mut gradients = (out.clone() * matrix(&values(2 * d, 3), d)).sum().backward();
    close(out.inner(), &golden["out"]);
    assert_eq!(parameters.len(), golden["gradients"].as_array().unwrap().len());
    for (parameter, want) in parameters.iter().zip(golden["gradients"].as_array().unwrap()) {
        close(parameter.grad_remove(&mut gradients).unwrap().reshape([1, parameter.dims()[0]]), want);
    }
    pass.observed
}

#[test]
fn the_convolutional_encoder_and_its_gradients_match_pytorch() {
    let golden: Value = serde_json::from_str(include_str!("../golden/residual.json")).unwrap();
    let config = NetworkConfig {
        encoder: NetworkKind::Conv,
        encoder_hidden: vec![4],
        encoder_width: 6,
        encoder_batch_norm: true,
        predictor: NetworkKind::None,
        ..NetworkConfig::default()
    };
    let shape = stopgrad_data::Shape::Image { channels: 3, height: 6, width: 5 };
    let network = Network::new(&config, &shape).unwrap();
    let observed = encoder_matches(&golden, &network, 8.0);
    let mut buffers: Vec<Tensor<1>> =
        network.buffers.iter().map(|b| flat(&vec![b.initial; b.len].into(), b.len)).collect();
    update_running::<f64>(&mut buffers, &observed);
    for (buffer, want) in buffers.iter().zip(golden["running"].as_array().unwrap()) {
        close(buffer.clone().reshape([1, buffer.dims()[0]]), want);
    }
}

#[test]
fn the_vision_transformer_and_its_gradients_match_pytorch() {
    let golden: Value = serde_json::from_str(include_str!("../golden/transformer.json")).unwrap();
    let config = NetworkConfig {
        encoder: NetworkKind::Vit,
        encoder_width: 8,
        encoder_depth: 2,
        encoder_heads: 2,
        encoder_patch: 2,
        predictor: NetworkKind::None,
        ..NetworkConfig::default()
    };
    let shape = stopgrad_data::Shape::Image { channels: 3, height: 4, width: 6 };
    let network = Network::new(&config, &shape).unwrap();
    let names: Vec<&str> = network.parameters.iter().map(|spec| spec.name.as_str()).collect();
    assert_eq!(
        names[..5],
        [
            "patch_embed.proj.weight",
            "patch_embed.proj.bias",
            "pos_embed",
            "blocks.0.norm1.weight",
            "blocks.0.norm1.bias"
        ]
        .map(|name| format!("encoder.{name}"))
    );
    assert!(encoder_matches(&golden, &network, 16.0).is_empty());
}

/// The framework keeps one default type a device and process; networks and objectives here must not care.
#[test]
fn f64_after_f32_in_one_process_agrees_to_single_precision() {
    use stopgrad_dynamics::Field;
    use stopgrad_train::gradient::Gradient;
    for (name, config, input) in networks() {
        let network = Network::new(&config, input).unwrap();
        for loss in LOSSES {
            let objective = objective(loss, true);
            let (single, double) = (Weights::initialize::<f32>(&network, 0), Weights::initialize::<f64>(&network, 0));
            let g32 = Gradient::evaluate::<f32>(
                &network,
                &objective,
                Field::Joint,
                &single,
                None,
                &views::<f32>(16, &network),
            );
            let g64 = Gradient::evaluate::<f64>(
                &network,
                &objective,
                Field::Joint,
                &double,
                None,
                &views::<f64>(16, &network),
            );
            assert!(
                (g32.loss - g64.loss).abs() < 1e-5 * (1.0 + g64.loss),
                "{name} {loss:?}: {} {}",
                g32.loss,
                g64.loss
            );
            let (n32, n64) = (g32.norm::<f32>(), g64.norm::<f64>());
            assert!((n32 - n64).abs() < 1e-4 * (1.0 + n64), "{name} {loss:?}: {n32} {n64}");
        }
    }
}

#[test]
fn a_linear_network_is_a_matrix_and_nothing_else() {
    let config = NetworkConfig { encoder: NetworkKind::Linear, encoder_width: 2, ..NetworkConfig::default() };
    let network = Network::new(&config, 3).unwrap();
    assert!(network.is_linear && network.parameter_count() == 3 * 2 + 2 * 2);
    let names: Vec<&str> = network.parameters.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["encoder.0.weight", "predictor.0.weight"]);
    let value =
        Loss::HalfSquared.value(&matrix(&Value::from(vec![1.0, 2.0]), 2), &matrix(&Value::from(vec![0.0, 0.0]), 2));
    assert!((value - 2.5).abs() < 1e-15);
}
