//! Theory = training: a linear run ends where the moments of its training pairs say.
//!
//! Digits in 16 principal components, centered, noise views, full batch on fixed pairs, no projector. The prediction
//! is made by `stopgrad_dynamics` from X, Y and λ and never sees a weight; the run never sees the prediction.

use stopgrad_data::{Draws, open_source};
use stopgrad_dynamics::features::{Components, principal_components};
use stopgrad_dynamics::moments::{MomentsAccumulator, Pairing};
use stopgrad_dynamics::{Field, Moments};
use stopgrad_train::checkpoint::Checkpoint;
use stopgrad_train::config::{
    Config, EncoderStart, NetworkKind, OptimizerKind, Precision, PredictorStart, Regularizer,
};
use stopgrad_train::theory::TheoryRecord;
use stopgrad_train::{Embedder, RunRecord};

use super::support::{config, finish, plan};

/// What `stopgrad predict` finds for these moments: λ_crit = 5.364140e-2.
const HALF_CRITICAL: f64 = 0.5 * 5.364_14e-2;

fn linear(field: Field, weight_decay: f64, steps: u64) -> Config {
    let mut config = config(steps);
    config.views.preset = "noise".into();
    config.views.features = "pca:16".into();
    config.views.fixed_pairs = 1;
    config.network.encoder = NetworkKind::Linear;
    config.network.encoder_width = 16;
    config.objective.symmetrized = true;
    config.objective.weight_decay = weight_decay;
    config.field.kind = field;
    config.optimizer.learning_rate = 0.1;
    config.training.batch_size = 0;
    config.training.checkpoint_every = 0;
    config.training.precision = Precision::F64;
    config.evaluation.measure_every = steps;
    config.evaluation.probe_every = steps;
    config.evaluation.descent_steps = 0;
    config
}

fn trained(config: &Config) -> RunRecord {
    finish(&plan(config), tempfile::tempdir().unwrap().path())
}

fn theory(config: &Config) -> TheoryRecord {
    trained(config).theory.expect("a linear encoder is compared")
}

#[test]
fn from_a_balanced_start_sg_and_ema_end_at_the_maximal_equilibrium_and_joint_at_the_origin() {
    for field in Field::ALL {
        let mut config = linear(field, HALF_CRITICAL, 2500);
        config.network.encoder_start = EncoderStart::Orthonormal;
        let theory = theory(&config);
        let (predicted, outcome) = (theory.prediction.unwrap(), theory.outcome.unwrap());
        assert!(theory.caveats.is_empty() && theory.exact_moments && theory.pairs == 1258, "{:?}", theory.caveats);
        if field == Field::Joint {
            assert_eq!((predicted.rank, outcome.rank), (0, 0));
            assert!(outcome.size_over_start < 1e-12, "{}", outcome.size_over_start);
            continue;
        }
        let critical = predicted.critical_weight_decay.unwrap();
        assert!((critical - 2.0 * HALF_CRITICAL).abs() < 1e-6, "{critical}");
        assert_eq!((predicted.exists, predicted.rank, outcome.rank), (Some(true), 16, 16));
        let distance = outcome.distance_to_prediction.unwrap();
        assert!(distance < 1e-3, "{field}: {distance}");
        // The same from the spectra, which share no code after the weights.
        for (predicted, trained) in predicted.s_eigenvalues.iter().zip(&outcome.s_eigenvalues) {
            assert!((predicted - trained).abs() < 1e-3 * predicted, "{field}: {predicted}, {trained}");
        }
    }
}

#[test]
fn from_the_default_start_a_run_ends_beside_an_attracting_equilibrium_of_its_own_rank() {
    for (seed, weight_decay, steps) in [(0, 1e-3, 4500), (1, 1e-3, 4500), (1, HALF_CRITICAL, 1500)] {
        let mut config = linear(Field::StopGradient, weight_decay, steps);
        config.training.seed = seed;
        let outcome = theory(&config).outcome.unwrap();
        let near = outcome.nearest.unwrap();
        assert!(near.converged && near.rank == outcome.rank && near.residual < 1e-9, "{near:?}");
        assert_eq!(near.stability.as_deref(), Some("attracting"));
        assert!(near.distance < 1e-3, "seed {seed}: {}", near.distance);
        if weight_decay > 1e-3 {
            // At half of λ_crit some modes of this start die, though S_max keeps all: a partial collapse.
            assert!(outcome.rank < 16 && outcome.distance_to_prediction.unwrap() > 0.05, "{}", outcome.rank);
        }
    }
}

#[test]
fn a_narrow_embedding_ends_at_the_attractor_that_is_predicted() {
    let mut config = linear(Field::StopGradient, 1e-3, 5000);
    config.network.encoder_width = 4;
    let theory = theory(&config);
    let (predicted, outcome) = (theory.prediction.unwrap(), theory.outcome.unwrap());
    assert_eq!((predicted.rank, predicted.stability.as_str(), outcome.rank), (4, "attracting", 4));
    assert!(outcome.distance_to_prediction.unwrap() < 1e-3, "{:?}", outcome.distance_to_prediction);
    assert_eq!(outcome.s_eigenvalues.len(), 4);
}

/// The moments that a run leaves behind are those that `stopgrad moments --center --features pca:16` makes of the same
/// draws, by another way: components of finished moments there, moments of components here.
#[test]
fn moments_of_training_pairs_are_those_of_the_lab() {
    let plan = plan(&linear(Field::StopGradient, 0.01, 1));
    let source = open_source("digits", "").unwrap();
    let draws = Draws {
        source: &*source,
        indices: &plan.splits.train,
        recipe: &plan.recipe,
        normalizer: &plan.normalizer,
        views: 2,
        seed: 0,
        threads: 1,
    };
    let mut drawn = stopgrad_data::DrawnViews::default();
    draws.fill(0..plan.splits.train.len(), &mut drawn);
    let mut sums = MomentsAccumulator::new(64, Pairing::Exchangeable { views: 2 }, false);
    sums.add_f32(&drawn.x, &[]);
    let all = sums.finish().moments(true);
    let basis = principal_components(all.xx.as_ref(), Components::Count(16)).unwrap();
    let expected = all.in_coordinates(&basis);

    let fixed = plan.fixed.as_ref().unwrap();
    let (x, y) = (fixed.x().chunks(16), fixed.y().chunks(16));
    let both: Vec<f32> = x.zip(y).flat_map(|(x, y)| x.iter().chain(y)).copied().collect();
    let mut sums = MomentsAccumulator::new(16, Pairing::Exchangeable { views: 2 }, false);
    sums.add_f32(&both, &[]);
    let found = sums.finish().moments(false);
    let scale = expected.xx[(0, 0)];
    let close = |a: &Moments, b: &Moments, i, j| {
        // Components are rounded to f32.
        (a.xx[(i, j)] - b.xx[(i, j)]).abs() < 1e-5 * scale && (a.yx[(i, j)] - b.yx[(i, j)]).abs() < 1e-5 * scale
    };
    for (i, j) in (0..16).flat_map(|i| (0..16).map(move |j| (i, j))) {
        assert!(close(&found, &expected, i, j), "[{i}, {j}]: {} and {}", found.yx[(i, j)], expected.yx[(i, j)]);
    }
}

#[test]
fn what_differs_from_the_theory_is_said() {
    let told = |change: &dyn Fn(&mut Config)| {
        let mut config = linear(Field::Ema, 0.01, 20);
        config.optimizer.learning_rate = 0.02;
        change(&mut config);
        trained(&config).theory
    };
    let said = |change: &dyn Fn(&mut Config)| told(change).unwrap().caveats.join(" ");
    assert!(said(&|c| c.views.fixed_pairs = 0).contains("afresh"));
    assert!(said(&|c| c.training.batch_size = 600).contains("Batches of 600 of 1258 pairs"));
    assert!(said(&|c| c.training.precision = Precision::F32).contains("f32"));
    assert!(said(&|c| c.optimizer.kind = OptimizerKind::Adamw).contains("another field"));
    let decoupled = told(&|c| c.objective.regularizer = Regularizer::Decoupled).unwrap();
    assert!(decoupled.caveats[0].contains("decoupled") && (decoupled.weight_decay - 0.001).abs() < 1e-15);
    let both = told(&|c| {
        c.objective.regularizer = Regularizer::Decoupled;
        c.optimizer.kind = OptimizerKind::Adamw;
    });
    assert!(both.unwrap().outcome.unwrap().nearest.is_none());

    let reason = |change: &dyn Fn(&mut Config)| told(change).unwrap().not_compared.unwrap();
    assert!(reason(&|c| c.network.projector = NetworkKind::Linear).contains("projector"));
    assert!(reason(&|c| c.objective.weight_decay = 0.0).contains("λ is 0"));
    assert!(reason(&|c| c.field.teacher_momentum = 1.0).contains("never moves"));
    assert!(reason(&|c| c.evaluation.theory_up_to = 15).contains("theory_up_to = 15"));
    assert!(reason(&|c| c.optimizer.learning_rate = 50.0).contains("diverged"));
    assert!(told(&|c| c.evaluation.theory_up_to = 0).is_none());
    assert!(told(&|c| c.network.encoder = NetworkKind::Mlp).is_none());
}

/// At rest v = −λ p where decay is decoupled, and v = g / (1 − β): the equilibrium of λ (1 − β).
#[test]
fn decoupled_decay_rests_where_it_is_said_to() {
    let mut config = linear(Field::StopGradient, HALF_CRITICAL, 2500);
    config.network.encoder_start = EncoderStart::Orthonormal;
    config.objective.regularizer = Regularizer::Decoupled;
    config.optimizer.momentum = 0.5;
    let theory = theory(&config);
    assert!((theory.weight_decay - 0.5 * HALF_CRITICAL).abs() < 1e-12);
    assert!(theory.outcome.unwrap().distance_to_prediction.unwrap() < 1e-3);
}

#[test]
fn a_record_is_read_back_and_its_moments_lie_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let config = linear(Field::Ema, 0.01, 30);
    let record = finish(&plan(&config), folder.path());
    assert_eq!(RunRecord::read(folder.path()).unwrap().theory, record.theory);
    let arrays = stopgrad_data::npz::read(folder.path().join("moments.npz")).unwrap();
    assert_eq!((&arrays["xx"].shape[..], &arrays["half_yx"].shape[..]), (&[16, 16][..], &[16, 16][..]));
    assert!(arrays["count"].to_f64() == [2516.0] && arrays["symmetrized"].to_f64() == [1.0]);
}

#[test]
fn an_orthonormal_start_is_orthonormal_and_depends_on_the_seed() {
    let rows = |width: usize, seed: u64| {
        let mut config = linear(Field::StopGradient, 0.01, 1);
        (config.network.encoder_width, config.network.encoder_start) = (width, EncoderStart::Orthonormal);
        config.network.predictor_start = PredictorStart::Random;
        let network = plan(&config).network;
        let weights = stopgrad_train::weights::Weights::initialize::<f64>(&network, seed);
        weights.parameters[0].clone().into_data().try_into_vec::<f64>().unwrap()
    };
    for width in [5, 16, 24] {
        let a = rows(width, 0);
        // Stored d_in × d_out: columns are orthonormal while they are no more than 16, rows beyond.
        let small = width.min(16);
        let dot = |i: usize, j: usize| -> f64 {
            if width <= 16 {
                (0..16).map(|k| a[k * width + i] * a[k * width + j]).sum()
            } else {
                (0..width).map(|k| a[i * width + k] * a[j * width + k]).sum()
            }
        };
        for (i, j) in (0..small).flat_map(|i| (0..small).map(move |j| (i, j))) {
            assert!((dot(i, j) - f64::from(u8::from(i == j))).abs() < 1e-13, "{width}: [{i}, {j}]");
        }
        assert_ne!(a, rows(width, 1));
    }
}

/// An embedder prepares samples as the run did: normalized, centered, turned.
#[test]
fn an_embedder_projects_as_the_run_did() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = linear(Field::StopGradient, 0.01, 5);
    config.network.encoder_width = 3;
    let plan = plan(&config);
    finish(&plan, folder.path());
    let source = open_source("digits", "").unwrap();
    let (embedded, width, _) = Embedder::read(folder.path()).unwrap().embed(&*source).unwrap();
    let (stored, _) = Checkpoint::<f64>::read(folder.path()).unwrap().unwrap();
    let weights = &stored.model.arrays["encoder.0.weight"].1;
    let mut values = source.sample(7).unwrap().values;
    plan.normalizer.apply(source.shape(), &mut values);
    let z = plan.projection.as_ref().unwrap().apply(&values);
    assert_eq!(width, 3);
    for k in 0..3 {
        let expected: f64 = (0..16).map(|i| f64::from(z[i]) * weights[3 * i + k]).sum();
        assert!((f64::from(embedded[3 * 7 + k]) - expected).abs() < 1e-5, "{expected}");
    }
}

#[test]
fn features_that_cannot_be_are_refused_by_name() {
    for (features, part) in [("pca:0", "none of none, pca:16"), ("pca:65", "65 components"), ("fourier:8", "whiten")] {
        let mut config = linear(Field::StopGradient, 0.01, 1);
        config.views.features = features.into();
        let message = stopgrad_train::Plan::new(config).err().unwrap().to_string();
        assert!(message.starts_with("views.features: ") && message.contains(part), "{message}");
    }
    let mut config = linear(Field::StopGradient, 0.01, 1);
    config.views.fixed_pairs = 1 << 40;
    assert!(stopgrad_train::Plan::new(config).err().unwrap().to_string().starts_with("views.fixed_pairs"));
}
