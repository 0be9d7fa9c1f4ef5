//! Training steps, timed one by one: the peer of `benches/torch_steps.py`, on the same work.
//!
//! `cargo bench --bench steps -- {byol|linear|conv|resnet|vit} SECONDS` prints the milliseconds of every step after three
//! warm-up steps, one a line; of `conv` with the rate that its products run at; `-- gemm SECONDS` prints GFLOP/s of a 1024³
//! product, `-- copy SECONDS` GB/s of a copy: the limits to read them against.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a bench prints its figures")]
#![allow(missing_docs, reason = "not a library")]

use std::hint::black_box;
use std::time::Instant;

use burn::tensor::{Tensor, TensorData, activation};
use rayon::prelude::*;
use stopgrad_data::{Batch, Shape};
use stopgrad_dynamics::Field;
use stopgrad_train::Device;
use stopgrad_train::config::{
    Config, Decayed, EncoderPool, FieldConfig, Loss, NetworkConfig, NetworkKind, ObjectiveConfig, OptimizerConfig,
    OptimizerKind, Regularizer,
};
use stopgrad_train::gradient::Gradient;
use stopgrad_train::layer::{Pass, Statistics, update_running};
use stopgrad_train::network::Network;
use stopgrad_train::objective::Objective;
use stopgrad_train::optim::{Optimizer, Pace};
use stopgrad_train::run::views;
use stopgrad_train::teacher::Teacher;
use stopgrad_train::weights::Weights;

/// As the program does.
#[path = "../../stopgrad/src/allocator.rs"]
mod allocator;

fn main() {
    allocator::keep_memory();
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let kind = arguments.first().map_or("byol", String::as_str);
    let seconds = arguments.get(1).and_then(|s| s.parse().ok()).unwrap_or(3.0);
    // Inside the thread pool, as a run is.
    rayon::scope(|_| match kind {
        "gemm" => gemm(seconds),
        "copy" => copy(seconds),
        "linear" => time(seconds, linear()),
        "conv" => time(seconds, convolutions()),
        "resnet" => time(seconds, resnet()),
        "vit" => time(seconds, vit()),
        "resnet18" => time(seconds, named(NetworkKind::Resnet18, EncoderPool::Mean)),
        "vit_tiny" => time(seconds, named(NetworkKind::VitTiny, EncoderPool::Token)),
        _ => time(seconds, byol()),
    });
}

fn time(seconds: f64, mut step: impl FnMut() -> f64) {
    for _ in 0..3 {
        step();
    }
    let begin = Instant::now();
    while begin.elapsed().as_secs_f64() < seconds {
        let start = Instant::now();
        black_box(step());
        println!("{}", start.elapsed().as_secs_f64() * 1e3);
    }
}

fn adamw() -> OptimizerConfig {
    OptimizerConfig { kind: OptimizerKind::Adamw, learning_rate: 1e-3, ..OptimizerConfig::default() }
}

/// Encoder 3072-1024-512-256, projector 256-512 (batch norm, ReLU)-128, predictor 128-512-128, two views, both
/// directions, cosine, batch 64, AdamW, EMA teacher in batch statistics: 4.13 M parameters, 3.39 GFLOP a step.
fn byol() -> impl FnMut() -> f64 {
    let config = NetworkConfig {
        encoder_hidden: vec![1024, 512],
        encoder_width: 256,
        projector: NetworkKind::Mlp,
        projector_hidden: vec![512],
        projector_width: 128,
        projector_batch_norm: true,
        predictor: NetworkKind::Mlp,
        predictor_hidden: vec![512],
        ..NetworkConfig::default()
    };
    byol_step(Network::new(&config, 3072).expect("a valid network"), 64)
}

/// The convolutional encoder of the defaults for images of 32 × 32, and their batch, the same way.
fn convolutions() -> impl FnMut() -> f64 {
    let Config { network: config, training, .. } = Config::for_images(10_000);
    let batch = training.batch_size;
    let network = Network::new(&config, &IMAGE).expect("a valid network");
    let (f, g) = network.multiply_adds();
    // Two views: forward and twice that backward for the student, forward for the teacher.
    let flops = 2.0 * 2.0 * batch as f64 * (4 * f + 3 * g) as f64;
    let mut step = byol_step(network, batch);
    move || {
        let start = Instant::now();
        let loss = step();
        eprintln!("{:.0} GFLOP/s", flops * 1e-9 / start.elapsed().as_secs_f64());
        loss
    }
}

/// The shape of ResNet-18 at width 32 on images of 32 × 32, ten classes by cross-entropy, batch 64, AdamW: 2.80 M parameters,
/// 53.4 GFLOP a step.
fn resnet() -> impl FnMut() -> f64 {
    const CLASSES: usize = 10;
    let config = NetworkConfig {
        encoder: NetworkKind::Conv,
        encoder_hidden: vec![32, 64, 128],
        encoder_width: 256,
        encoder_blocks: 2,
        encoder_batch_norm: true,
        projector: NetworkKind::Mlp,
        projector_hidden: vec![],
        projector_width: CLASSES,
        predictor: NetworkKind::None,
        ..NetworkConfig::default()
    };
    let network = Network::new(&config, &IMAGE).expect("a valid network");
    let mut student = Weights::initialize::<f32>(&network, 0);
    let mut optimizer = Optimizer::<f32>::new(&adamw(), Decayed::All, &network);
    let views = views::<f32>(&noise(64, network.input_width), network.input_width);
    move || {
        let leaves = student.leaves(&Device::default());
        let mut pass = Pass::new(&leaves, Statistics::Batch);
        let features = network.encoder.forward(&mut pass, views.x());
        let shares = activation::log_softmax(network.projector.forward(&mut pass, features), 1);
        let observed = pass.observed;
        // Sample i is of class i mod 10.
        let mask: Vec<f32> =
            (0..64 * CLASSES).map(|at| f32::from(u8::from(at / CLASSES % CLASSES == at % CLASSES))).collect();
        let mask = Tensor::<2>::from_data(TensorData::new(mask, [64, CLASSES]), &shares.device());
        let loss = (shares * mask).sum().div_scalar(-64.0);
        let value = f64::from(loss.clone().inner().into_scalar::<f32>());
        let mut gradients = loss.backward();
        let parts: Vec<_> = leaves.iter().filter_map(|leaf| leaf.grad_remove(&mut gradients)).collect();
        drop(leaves);
        optimizer.step(&mut student.parameters, &parts, Pace::even(1e-3, 1e-2), None);
        update_running::<f32>(&mut student.buffers, &observed);
        value
    }
}

const IMAGE: Shape = Shape::Image { channels: 3, height: 32, width: 32 };

/// A vision transformer (192 numbers, depth 6, 3 heads, patches of 4 × 4) with the heads of SimSiam, two views, both directions,
/// cosine, batch 64, AdamW.
fn vit() -> impl FnMut() -> f64 {
    let config = NetworkConfig {
        encoder: NetworkKind::Vit,
        encoder_width: 192,
        projector: NetworkKind::Mlp,
        projector_hidden: vec![256],
        projector_width: 256,
        projector_batch_norm: true,
        predictor: NetworkKind::Mlp,
        predictor_hidden: vec![128],
        predictor_batch_norm: true,
        output_batch_norm: true,
        ..NetworkConfig::default()
    };
    siamese_step(Network::new(&config, &IMAGE).expect("a valid network"), 64, Field::StopGradient)
}

/// An encoder as torchvision or timm has it on images of 32 × 32 (stem for small ones, patches of 4 × 4), the heads of BYOL for
/// images, two views, both directions, cosine, batch 64, AdamW, EMA teacher.
fn named(encoder: NetworkKind, encoder_pool: EncoderPool) -> impl FnMut() -> f64 {
    let config = NetworkConfig { encoder, encoder_pool, ..Config::for_images(10_000).network };
    byol_step(Network::new(&config, &IMAGE).expect("a valid network"), 64)
}

/// Both directions, cosine, AdamW, EMA teacher in batch statistics.
fn byol_step(network: Network, batch: usize) -> impl FnMut() -> f64 {
    siamese_step(network, batch, Field::Ema)
}

fn siamese_step(network: Network, batch: usize, field: Field) -> impl FnMut() -> f64 {
    let width = network.input_width;
    let objective = Objective::new(
        &ObjectiveConfig {
            loss: Loss::Cosine,
            symmetrized: true,
            regularizer: Regularizer::Decoupled,
            weight_decay: 1e-2,
            ..ObjectiveConfig::default()
        },
        0,
    );
    let mut student = Weights::initialize::<f32>(&network, 0);
    let mut teacher =
        (field == Field::Ema).then(|| Teacher::new::<f32>(&FieldConfig::default(), &network, &student, 1000));
    let mut optimizer = Optimizer::<f32>::new(&adamw(), Decayed::All, &network);
    let batch = noise(batch, width);
    let mut done = 0;
    move || {
        let views = views::<f32>(&batch, width);
        let gradient = Gradient::evaluate::<f32>(&network, &objective, field, &student, teacher.as_ref(), &views);
        let following = teacher.as_mut().map(|teacher| teacher.following(done));
        optimizer.step(&mut student.parameters, &gradient.parts, Pace::even(1e-3, objective.decoupled), following);
        update_running::<f32>(&mut student.buffers, &gradient.observed);
        if let Some(teacher) = &mut teacher {
            teacher.follow_buffers::<f32>(&student, &gradient.teacher_observed, done);
        }
        done += 1;
        let loss = gradient.loss;
        gradient.recycle::<f32>();
        loss
    }
}

/// Linear 64-64 with bias, squared error against fixed targets, batch 256, AdamW.
fn linear() -> impl FnMut() -> f64 {
    let config = NetworkConfig {
        encoder_hidden: vec![],
        encoder_width: 64,
        predictor: NetworkKind::None,
        ..NetworkConfig::default()
    };
    let network = Network::new(&config, 64).expect("a valid network");
    let mut student = Weights::initialize::<f32>(&network, 0);
    let mut optimizer = Optimizer::<f32>::new(&adamw(), Decayed::All, &network);
    let views = views::<f32>(&noise(256, 64), 64);
    move || {
        let leaves = student.leaves(&Device::default());
        let mut pass = Pass::new(&leaves, Statistics::Batch);
        let prediction = network.encoder.forward(&mut pass, views.x());
        let loss = Loss::HalfSquared.between(prediction, views.y());
        let value = f64::from(loss.clone().inner().into_scalar::<f32>());
        let mut gradients = loss.backward();
        let parts: Vec<_> = leaves.iter().filter_map(|leaf| leaf.grad_remove(&mut gradients)).collect();
        drop(leaves);
        optimizer.step(&mut student.parameters, &parts, Pace::even(1e-3, 1e-2), None);
        value
    }
}

/// A batch of numbers that look random enough for a product: the value does not change the time.
fn noise(rows: usize, width: usize) -> Batch {
    let values =
        |offset: f32| -> Vec<f32> { (0..rows * width).map(|i| ((i as f32 + offset) * 12.9898).sin()).collect() };
    Batch { rows, x: values(0.0), y: values(0.5), ..Batch::default() }
}

fn gemm(seconds: f64) {
    const N: usize = 1024;
    let views = views::<f32>(&noise(N, N), N);
    let begin = Instant::now();
    while begin.elapsed().as_secs_f64() < seconds {
        let start = Instant::now();
        black_box(views.x().matmul(views.y()));
        println!("{}", 2e-9 * (N * N * N) as f64 / start.elapsed().as_secs_f64());
    }
}

/// 128 MiB, read and written: more than any cache holds.
fn copy(seconds: f64) {
    let from = vec![1.0_f32; 1 << 25];
    let mut to = vec![0.0_f32; from.len()];
    let begin = Instant::now();
    while begin.elapsed().as_secs_f64() < seconds {
        let start = Instant::now();
        to.par_chunks_mut(1 << 14).zip(from.par_chunks(1 << 14)).for_each(|(to, from)| to.copy_from_slice(from));
        black_box(&to);
        println!("{}", 8e-9 * from.len() as f64 / start.elapsed().as_secs_f64());
    }
}
