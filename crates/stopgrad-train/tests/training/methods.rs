//! Objectives, fields and optimizers against PyTorch (`golden/fields.py`): gradients of every loss and field, and ten steps.

use serde_json::{Value, json};
use stopgrad_data::Batch;
use stopgrad_dynamics::Field;
use stopgrad_train::config::{
    Config, EncoderPool, EncoderStem, Loss, NetworkConfig, NetworkKind, OptimizerConfig, OptimizerKind, Regularizer,
    ScheduleKind,
};
use stopgrad_train::exchange::to_foreign;
use stopgrad_train::gradient::Gradient;
use stopgrad_train::network::{Input, Network};
use stopgrad_train::objective::Objective;
use stopgrad_train::run::{Detail, Live, views};
use stopgrad_train::scalar::Scalar;
use stopgrad_train::teacher::Teacher;
use stopgrad_train::weights::Weights;

use super::formula::{close, images, weights, wide};
use super::support::plan;

const PAIRS: usize = 8;

fn golden() -> Value {
    serde_json::from_str(include_str!("../golden/fields.json")).unwrap()
}

fn network(encoder: &Value) -> (NetworkConfig, Network) {
    let is_resnet = encoder == "resnet18";
    let config = NetworkConfig {
        encoder: if is_resnet { NetworkKind::Resnet18 } else { NetworkKind::Vit },
        encoder_base_width: 4,
        encoder_stem: EncoderStem::Cifar,
        encoder_width: 12,
        encoder_depth: 2,
        encoder_heads: 3,
        encoder_patch: 4,
        encoder_pool: EncoderPool::Token,
        projector: NetworkKind::Mlp,
        projector_hidden: vec![if is_resnet { 12 } else { 10 }],
        projector_width: 6,
        predictor: NetworkKind::Mlp,
        predictor_hidden: vec![8],
        projector_batch_norm: is_resnet,
        predictor_batch_norm: is_resnet,
        ..NetworkConfig::default()
    };
    let image = if is_resnet { [3, 16, 12] } else { [3, 8, 12] };
    let network = Network::new(&config, Input { width: image.iter().product(), image: Some(image) }).unwrap();
    (config, network)
}

fn batch(step: usize, width: usize) -> Batch {
    let (x, own) = (images(&format!("x{step}"), PAIRS * width), images(&format!("y{step}"), PAIRS * width));
    let mixed = |(x, own): (&f32, &f32)| (0.75 * f64::from(*x) + 0.25 * f64::from(*own)) as f32;
    let y = x.iter().zip(&own).map(mixed).collect();
    Batch { rows: PAIRS, x, y, ..Batch::default() }
}

fn config(case: &Value) -> Config {
    let mut config = Config::default();
    config.objective.loss =
        case["loss"].as_str().map_or(Loss::Cosine, |_| serde_json::from_value(case["loss"].clone()).unwrap());
    config.objective.symmetrized = case["symmetrized"].as_bool().unwrap_or(true);
    config.objective.weight_decay = 0.0;
    config.field.kind =
        case["field"].as_str().map_or(Field::Ema, |_| serde_json::from_value(case["field"].clone()).unwrap());
    config.field.teacher_momentum = 0.9;
    config.field.teacher_schedule = ScheduleKind::Constant;
    config
}

fn gradients_match<T: Scalar>(tolerance: f64) {
    let golden = golden();
    let cases = golden["gradients"].as_array().unwrap();
    assert_eq!(cases.len(), 2 * 3 * 2 * 3);
    for case in cases {
        let (_, network) = network(&case["encoder"]);
        let config = config(case);
        let student = weights::<T>(&network, str::to_owned);
        let of_teacher = weights::<T>(&network, |name| format!("teacher/{name}"));
        let teacher = Teacher::new::<T>(&config.field, &network, &of_teacher, 10);
        let batch = batch(0, network.input_width);
        let pairs = views::<T>(&batch, network.input_width);
        let objective = Objective::new(&config.objective, 0);
        let found = Gradient::evaluate::<T>(&network, &objective, config.field.kind, &student, Some(&teacher), &pairs);
        let name = format!("{} {} {} {}", case["encoder"], case["loss"], case["symmetrized"], case["field"]);
        let value = case["value"].as_f64().unwrap();
        assert!((found.loss - value).abs() <= tolerance * (1.0 + value), "{name}: {} for {value}", found.loss);
        let whole = found.norm::<T>();
        let parts = Weights { parameters: found.parts, buffers: Vec::new() };
        let told = case["gradients"].as_object().unwrap();
        let parts = to_foreign::<T>(&network, &parts);
        assert_eq!(parts.len(), told.len(), "{name}");
        for (key, (_, values)) in parts {
            let values = wide(&values);
            // A part that is next to nothing is what rounding of the others leaves.
            close(&name, &values, &key, &json!([told[&key]]), [tolerance, 1e-2 * whole]);
        }
    }
}

#[test]
fn gradients_of_every_loss_and_field_are_those_of_pytorch() {
    gradients_match::<f64>(1e-7);
}

#[test]
fn in_single_precision_they_are_so_to_four_digits() {
    gradients_match::<f32>(1e-4);
}

fn ten_steps_match<T: Scalar>(tolerance: f64, floor: f64) {
    let golden = golden();
    for case in golden["trained"].as_array().unwrap() {
        let mut config = config(case);
        let kind: OptimizerKind = serde_json::from_value(case["optimizer"].clone()).unwrap();
        let (learning_rate, weight_decay) = match kind {
            OptimizerKind::Sgd => (3e-3, 0.01),
            OptimizerKind::Adamw => (3e-4, 0.05),
            OptimizerKind::Lars => (0.01, 0.05),
        };
        config.optimizer = OptimizerConfig { kind, learning_rate, trust: 0.02, ..config.optimizer };
        config.objective.weight_decay = weight_decay;
        config.objective.regularizer =
            if kind == OptimizerKind::Sgd { Regularizer::Objective } else { Regularizer::Decoupled };
        config.training.steps = 10;
        // Any samples will do: the batches are those of the program.
        let mut plan = plan(&config);
        (plan.config.network, plan.network) = network(&case["encoder"]);
        let mut live = Live::<T>::new(&plan);
        live.student = weights::<T>(&plan.network, str::to_owned);
        live.teacher = Some(Teacher::new::<T>(&config.field, &plan.network, &live.student, 10));
        let mut loss = f64::NAN;
        for step in 0..10 {
            let batch = batch(step, plan.network.input_width);
            loss = live.update(std::slice::from_ref(&batch), Detail { row: false, halves: false }).batch_loss;
        }
        let name = format!("{} {}", case["encoder"], case["optimizer"]);
        let wanted = case["loss"].as_f64().unwrap();
        assert!((loss - wanted).abs() <= tolerance, "{name}: {loss} for {wanted}");
        let student = to_foreign::<T>(&plan.network, &live.student);
        assert_eq!(student.len(), case["state"].as_object().unwrap().len(), "{name}");
        for (key, (_, values)) in student {
            let values = wide(&values);
            close(&name, &values, &key, &case["state"][&key], [tolerance, floor]);
        }
        let teacher = to_foreign::<T>(&plan.network, live.teacher.as_ref().unwrap().weights());
        for (key, (_, values)) in teacher.into_iter().filter(|(key, _)| !key.contains("running")) {
            let values = wide(&values);
            close(&name, &values, &key, &json!([case["teacher"][&key]]), [tolerance, floor]);
        }
    }
}

#[test]
fn ten_steps_of_every_optimizer_end_where_pytorch_ends() {
    ten_steps_match::<f64>(1e-7, 0.0);
}

#[test]
fn in_single_precision_they_do_to_three_digits() {
    // To 1e-3 of 1, not of a parameter's length: a bias that the norm behind it takes away has no gradient but rounding, of which
    // AdamW makes steps.
    ten_steps_match::<f32>(1e-3, 1.0);
}
