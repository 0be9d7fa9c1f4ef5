//! The framework's traps, one test each, that fails when the trap is sprung.

use burn::tensor::Tensor;
use stopgrad_dynamics::Field;
use stopgrad_train::Device;
use stopgrad_train::checkpoint::{Checkpoint, CheckpointError};
use stopgrad_train::config::{Decayed, FieldConfig, Loss, OptimizerConfig, OptimizerKind, TeacherBatchNorm};
use stopgrad_train::gradient::Gradient;
use stopgrad_train::layer::{Pass, Statistics, update_running};
use stopgrad_train::network::Network;
use stopgrad_train::optim::{Optimizer, Pace};
use stopgrad_train::teacher::Teacher;
use stopgrad_train::weights::Weights;

use super::support::{networks, objective, views};

fn with_batch_norm() -> Network {
    Network::new(&networks().remove(2).1, 5).unwrap()
}

fn numbers(tensors: &[Tensor<1>]) -> Vec<f32> {
    tensors.iter().flat_map(|t| t.to_data().try_into_vec::<f32>().unwrap()).collect()
}

/// Trap 1: a cloned module shares the running statistics of its batch norms with its original.
#[test]
fn a_pass_of_the_teacher_leaves_the_student_alone() {
    let network = with_batch_norm();
    let views = views::<f32>(16, &network);
    let student = Weights::initialize::<f32>(&network, 0);
    let before = (numbers(&student.parameters), numbers(&student.buffers));
    let mut copy = student.duplicate::<f32>();
    let mut pass = Pass::new(&student.parameters, Statistics::Batch);
    network.embed(&mut pass, views.x());
    assert!(!pass.observed.is_empty());
    update_running::<f32>(&mut copy.buffers, &pass.observed);
    assert_ne!(numbers(&copy.buffers), before.1, "the copy has moved");
    assert_eq!((numbers(&student.parameters), numbers(&student.buffers)), before);
}

/// Trap 2: the framework's batch norm uses batch statistics only where autodiff is on.
#[test]
fn batch_norm_mode_is_what_is_asked_with_or_without_autodiff() {
    let network = with_batch_norm();
    let views = views::<f32>(16, &network);
    let weights = Weights::initialize::<f32>(&network, 0);
    let leaves = weights.leaves(&Device::default());
    let embed = |parameters: &[Tensor<1>], statistics| {
        let mut pass = Pass::new(parameters, statistics);
        network.embed(&mut pass, views.x()).embedding.inner().into_data().try_into_vec::<f32>().unwrap()
    };
    let plain = embed(&weights.parameters, Statistics::Batch);
    assert_eq!(plain, embed(&leaves, Statistics::Batch));
    let running = embed(&weights.parameters, Statistics::Running(&weights.buffers));
    assert_eq!(running, embed(&leaves, Statistics::Running(&weights.buffers)));
    assert_ne!(plain, running);
    for (mode, expected) in [(TeacherBatchNorm::Batch, plain), (TeacherBatchNorm::Running, running)] {
        let config = FieldConfig { teacher_batch_norm: mode, ..FieldConfig::default() };
        let teacher = Teacher::new::<f32>(&config, &network, &weights, 1);
        let mut pass = teacher.pass(teacher.weights());
        let target = network.embed(&mut pass, views.x()).embedding;
        assert_eq!(target.into_data().try_into_vec::<f32>().unwrap(), expected);
    }
}

/// Trap 3: the framework initializes parameters at first use, from one global stream.
#[test]
fn initial_weights_depend_on_the_seed_alone() {
    let network = with_batch_norm();
    let first = Weights::initialize::<f32>(&network, 7).sha256::<f32>();
    let _ = Tensor::<1>::random([100], burn::tensor::Distribution::Default, &burn::tensor::Device::flex());
    let other = Weights::initialize::<f32>(&network, 8).sha256::<f32>();
    assert_eq!(first, Weights::initialize::<f32>(&network, 7).sha256::<f32>());
    assert_ne!(first, other);
}

/// Trap 4: clones keep the identity by which an optimizer finds its state. Ours finds it by position: two models
/// that are stepped in turn end where each would end alone.
#[test]
fn optimizer_state_belongs_to_one_model() {
    let network = with_batch_norm();
    let views = views::<f32>(16, &network);
    let objective = objective(Loss::HalfSquared, false);
    let config = OptimizerConfig { kind: OptimizerKind::Adamw, ..OptimizerConfig::default() };
    let step = |weights: &mut Weights, optimizer: &mut Optimizer<f32>| {
        let gradient = Gradient::evaluate::<f32>(&network, &objective, Field::StopGradient, weights, None, &views);
        optimizer.step(&mut weights.parameters, &gradient.parts, Pace::even(0.01, 0.0), None);
    };
    let alone = |seed| {
        let (mut weights, mut optimizer) =
            (Weights::initialize::<f32>(&network, seed), Optimizer::new(&config, Decayed::All, &network));
        (0..3).for_each(|_| step(&mut weights, &mut optimizer));
        weights.sha256::<f32>()
    };
    let mut models = [0, 1]
        .map(|seed| (Weights::initialize::<f32>(&network, seed), Optimizer::new(&config, Decayed::All, &network)));
    for _ in 0..3 {
        for (weights, optimizer) in &mut models {
            step(weights, optimizer);
        }
    }
    assert_eq!([alone(0), alone(1)], models.map(|(weights, _)| weights.sha256::<f32>()));
}

/// Trap 5: loading f32 weights into an f64 model replaces its type. Ours refuses the file. Trap 6: the framework's
/// store refuses to overwrite; ours replaces the checkpoint.
#[test]
fn a_checkpoint_keeps_its_type_and_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    for step in [1, 2] {
        let mut checkpoint = Checkpoint::<f32>::default();
        checkpoint.model.insert("a", &[2], &[1.0, step as f32]);
        checkpoint.write(folder.path(), step).unwrap();
    }
    let (stored, step) = Checkpoint::<f32>::read(folder.path()).unwrap().unwrap();
    assert_eq!((stored.model.find("a").unwrap(), step), (vec![1.0, 2.0], 2));
    let error = Checkpoint::<f64>::read(folder.path()).unwrap_err();
    assert!(matches!(&error, CheckpointError::Damaged { reason, .. } if reason.contains("F32")), "{error}");
}

/// The products and elementwise updates above the framework's threading thresholds do not depend on the threads.
#[test]
fn any_number_of_threads_gives_the_same_bits() {
    use stopgrad_train::config::NetworkConfig;
    let config = NetworkConfig { encoder_hidden: vec![512, 300], encoder_width: 96, ..NetworkConfig::default() };
    let network = Network::new(&config, 700).unwrap();
    let views = views::<f32>(130, &network);
    let objective = objective(Loss::HalfSquared, true);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut student = Weights::initialize::<f32>(&network, 0);
            let mut teacher = Teacher::new::<f32>(&FieldConfig::default(), &network, &student, 10);
            let mut optimizer = Optimizer::<f32>::new(&OptimizerConfig::default(), Decayed::All, &network);
            for step in 0..3 {
                let gradient =
                    Gradient::evaluate::<f32>(&network, &objective, Field::Ema, &student, Some(&teacher), &views);
                let following = Some(teacher.following(step));
                optimizer.step(&mut student.parameters, &gradient.parts, Pace::even(1e-3, 0.0), following);
                teacher.follow_buffers::<f32>(&student, &gradient.teacher_observed, step);
            }
            (student.sha256::<f32>(), teacher.weights().sha256::<f32>())
        })
    };
    let one = run(1);
    for threads in [2, 3, 5] {
        assert_eq!(one, run(threads), "{threads} threads");
    }
}

/// Trap 7: the framework's approximate GELU doubles the time of a step (it is written out in many elementwise
/// operations). No source of this crate calls it; an exact one of our own may.
#[test]
fn trap_7_the_slow_gelu_is_not_called() {
    fn sources(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a readable folder") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                sources(&path, found);
            } else {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    sources(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.len() > 20);
    for path in found {
        let text = std::fs::read_to_string(&path).expect("UTF-8");
        assert!(!text.contains("gelu_approximate"), "{}", path.display());
    }
}
