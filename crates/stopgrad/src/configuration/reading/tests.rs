use super::*;
use proptest::prelude::*;
use stopgrad_train::config::{Loss, NetworkKind, OptimizerKind, Precision, ScheduleKind};

/// No source is there to be looked at.
fn unseen(_: &SourceConfig) -> Option<Sight> {
    None
}

#[test]
fn color_images_start_with_filters_unless_another_encoder_is_asked_for() {
    let read_with = |texts: &[&str], look: &dyn Fn(&SourceConfig) -> Option<Sight>| {
        let overrides: Vec<Override> = texts.iter().map(|text| Override::parse("--set", text).expect("form")).collect();
        read_all(None, &overrides, &[], look).expect("a configuration")
    };
    let images = |source: &SourceConfig| {
        assert_eq!(source.path, "photos");
        Some(Sight { shape: Shape::Image { channels: 3, height: 32, width: 32 }, samples: 1000 })
    };
    let of_images = Config::for_images(1000);
    let found = read_with(&["source.path=photos", "training.seed=3"], &images);
    assert_eq!((found.network.clone(), found.optimizer), (of_images.network.clone(), of_images.optimizer));
    assert_eq!((found.training.steps, found.training.seed), (of_images.training.steps, 3));
    let asked = read_with(&["source.path=photos", "network.encoder=mlp"], &images);
    assert_eq!(asked.network, Config::default().network);
    // Gray ones only where it is asked for, tables never.
    let gray =
        |_: &SourceConfig| Some(Sight { shape: Shape::Image { channels: 1, height: 28, width: 28 }, samples: 9 });
    assert_eq!(read_with(&[], &gray).network, Config::default().network);
    assert_eq!(read_with(&["network.encoder=conv"], &gray).network, of_images.network);
    let rows = |_: &SourceConfig| Some(Sight { shape: Shape::Row { columns: 4000 }, samples: 9 });
    assert_eq!(read_with(&["network.encoder=conv"], &rows).network.encoder, NetworkKind::Conv);
    assert_eq!(read_with(&[], &unseen), Config::default());
}

fn read_all(
    file: Option<&Path>, typed: &[Override], own: &[Override], look: &dyn Fn(&SourceConfig) -> Option<Sight>,
) -> Result<Config, ConfigurationError> {
    read(&Written { preset: None, file, typed }, own, look)
}

fn set(texts: &[&str]) -> Result<Config, ConfigurationError> {
    let overrides: Vec<Override> = texts.iter().map(|text| Override::parse("--set", text).expect("form")).collect();
    read_all(None, &overrides, &[], &unseen)
}

fn refused(texts: &[&str]) -> String {
    set(texts).expect_err("refused").to_string()
}

fn file(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("asked.toml");
    std::fs::write(&path, text).expect("written");
    (folder, path)
}

#[test]
fn nothing_typed_is_the_default() {
    assert_eq!(set(&[]).expect("reads"), Config::default());
}

#[test]
fn each_kind_of_value_reaches_its_key() {
    let config = set(&[
        "training.steps=30",
        "optimizer.learning_rate=1",
        "network.encoder=linear",
        "network.encoder_hidden=[32, 16]",
        "objective.symmetrized=true",
        "optimizer.betas=[0.8, 0.9]",
        "source.path=123",
    ])
    .expect("reads");
    assert_eq!(config.training.steps, 30);
    assert!((config.optimizer.learning_rate - 1.0).abs() < 1e-15);
    assert_eq!(config.network.encoder, NetworkKind::Linear);
    assert_eq!(config.network.encoder_hidden, [32, 16]);
    assert!(config.objective.symmetrized);
    assert_eq!(config.optimizer.betas, (0.8, 0.9));
    assert_eq!(config.source.path, "123");
}

#[test]
fn steps_win_over_epochs_that_stand_before_and_not_over_those_beside() {
    let (_folder, path) = file("[source]\npath = \"digits\"\n[training]\nepochs = 20\nsteps = 7\n");
    let with = |texts: &[&str]| {
        let typed: Vec<Override> = texts.iter().map(|text| Override::parse("--set", text).expect("form")).collect();
        let training = read_all(Some(&path), &typed, &[], &unseen).expect("reads").training;
        (training.steps, training.epochs)
    };
    assert_eq!(with(&[]), (7, 20.0));
    assert_eq!(with(&["training.steps=30"]), (30, 0.0));
    assert_eq!(with(&["training.epochs=2.5"]), (7, 2.5));
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest() {
    assert_eq!(
        refused(&["optimizer.learning_rte=0.1"]),
        "--set: unknown key `optimizer.learning_rte`; did you mean `optimizer.learning_rate`?"
    );
    assert!(refused(&["optimiser.momentum=0"]).contains("`optimizer.momentum`"));
    assert!(refused(&["steps=10"]).contains("`training.steps`"));
    assert!(refused(&["training.steps.more=10"]).contains("unknown key"));
    assert!(refused(&["optimizer.lr=10"]).contains("the keys of `optimizer` are betas, "));
    assert!(refused(&["colour=10"]).contains("the tables are evaluation, field, "));
}

#[test]
fn a_wrong_kind_is_refused_with_key_expected_and_found() {
    assert_eq!(
        refused(&["training.steps=many"]),
        "--set: `training.steps` expects a whole number, found text: \"many\""
    );
    assert!(refused(&["training=3"]).contains("expects a table"));
    assert!(refused(&["training.steps=1.5"]).contains("expects a whole number"));
}

#[test]
fn a_wrong_value_is_laid_at_the_door_of_its_key() {
    let message = refused(&["training.steps=30", "network.encoder=cnn"]);
    assert!(message.starts_with("--set: `network.encoder`: unknown variant `cnn`"), "{message}");
    assert!(refused(&["training.batch_size=-1"]).contains("`training.batch_size`"));
    assert!(refused(&["training.batch_size=-1"]).ends_with("expected a whole number, 0 or more"));
    assert!(refused(&["optimizer.betas=[0.9]"]).ends_with("expected a list of 2"));
    assert!(refused(&["network.encoder_hidden=[1, \"x\"]"]).contains("`network.encoder_hidden`"));
    assert!(refused(&["views.recipe=nonsense"]).contains("`views.recipe`"));
    assert!(refused(&["views.recipe.x=[]", "views.recipe.z=[]"]).contains("`views.recipe`: unknown field `z`"));
    assert!(refused(&["views.recipe.x=[{kind=\"nose\"}]"]).contains("`views.recipe.x`: unknown variant `nose`"));
}

#[test]
fn a_file_is_read_and_options_win_over_it() {
    let (_folder, path) = file("[source]\npath = \"digits\"\n[training]\nsteps = 10\nseed = 4\n");
    let typed = [Override::new("--steps", "training.steps", Value::Integer(20))];
    let config = read_all(Some(&path), &typed, &[], &unseen).expect("reads");
    assert_eq!((config.training.steps, config.training.seed), (20, 4));
}

#[test]
fn a_file_with_a_mistake_is_named() {
    for (text, expected) in [
        (
            "[source]\npath = \"digits\"\n[optimiser]\nmomentum = 0.1\n",
            "unknown key `optimiser`; did you mean `optimizer`?",
        ),
        (
            "[source]\npath = \"digits\"\n[training]\nstep = 3\n",
            "unknown key `training.step`; did you mean `training.steps`?",
        ),
        ("[source]\npath = \"digits\"\ntraining.steps = 3\n", "unknown key `source.training`"),
        ("training = 3\n[source]\npath = \"digits\"\n", "`training` expects a table"),
        ("[source\n", "is not valid TOML"),
        ("[training]\nsteps = 3\n", "names no source"),
    ] {
        let (_folder, path) = file(text);
        let message = read_all(Some(&path), &[], &[], &unseen).expect_err(text).to_string();
        assert!(message.contains(expected) && message.contains("asked.toml"), "{message}");
    }
    let missing = read_all(Some(Path::new("/nowhere/asked.toml")), &[], &[], &unseen).expect_err("missing").to_string();
    assert!(missing.contains("/nowhere/asked.toml"));
}

#[test]
fn the_configurations_we_ship_are_read_by_the_command_that_stands_in_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs");
    let mut read_count = 0;
    for entry in std::fs::read_dir(folder).expect("the folder of configurations") {
        let path = entry.expect("a readable entry").path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("text");
        let command = text.lines().next().expect("a first line");
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(command.contains(&format!("--config configs/{name}")), "{command}");
        let outcome = read_all(Some(&path), &[], &[], &unseen);
        if command.contains("compare PATH ") {
            assert!(matches!(outcome, Err(ConfigurationError::NoSource { .. })), "{name}: {outcome:?}");
            let source = Override::new("SOURCE", "source.path", toml::Value::String("digits".into()));
            read_all(Some(&path), &[source], &[], &unseen).expect("a configuration");
        } else {
            outcome.expect("a configuration");
        }
        read_count += 1;
    }
    assert!(read_count >= 5);
}

#[test]
fn a_run_of_its_own_wins_over_what_all_share() {
    let steps = |value| [Override::new("--steps", "training.steps", Value::Integer(value))];
    assert_eq!(read_all(None, &steps(3), &steps(4), &unseen).expect("reads").training.steps, 4);
}

#[test]
fn two_options_for_one_key_must_agree() {
    assert!(refused(&["training.steps=3", "training.steps=4"]).contains("keep one of them"));
    assert!(set(&["training.steps=3", "training.steps=3"]).is_ok());
}

prop_compose! {
    fn any_config()(
        steps in 1..=i64::MAX as u64,
        batch_size in 1_usize..1_000_000,
        seed in 0..=i64::MAX as u64,
        rates in prop::collection::vec(prop::num::f64::NORMAL | prop::num::f64::ZERO | prop::num::f64::SUBNORMAL, 5),
        hidden in prop::collection::vec(1_usize..5000, 0..4),
        path in "\\PC*",
        choice in 0_usize..12,
        flag in any::<bool>(),
    ) -> Config {
        let mut config = Config::default();
        config.source.path = path;
        config.training.steps = steps;
        config.training.batch_size = batch_size;
        config.training.seed = seed;
        config.training.precision = if flag { Precision::F64 } else { Precision::F32 };
        config.optimizer.learning_rate = rates[0];
        config.optimizer.betas = (rates[1], rates[2]);
        config.optimizer.kind = if flag { OptimizerKind::Adamw } else { OptimizerKind::Sgd };
        config.optimizer.schedule = [ScheduleKind::Constant, ScheduleKind::Linear, ScheduleKind::Cosine][choice % 3];
        config.objective.weight_decay = rates[3];
        config.objective.loss = [Loss::HalfSquared, Loss::Cosine, Loss::SmoothL1][choice % 3];
        config.objective.symmetrized = flag;
        config.field.teacher_momentum = rates[4];
        config.network.encoder = [NetworkKind::None, NetworkKind::Linear, NetworkKind::Mlp][choice % 3];
        config.network.encoder_hidden = hidden;
        config
    }
}

proptest! {
    #[test]
    fn a_resolved_configuration_reads_back_the_same(config in any_config()) {
        let text = write(&config);
        let (_folder, path) = file(&text);
        prop_assert_eq!(&read_stored(&path).expect("reads"), &config);
        prop_assert_eq!(&read_all(Some(&path), &[], &[], &unseen).expect("reads"), &config);
    }

    #[test]
    fn no_file_panics(text in "(\\PC|\n)*") {
        let (_folder, path) = file(&text);
        let _ = read_all(Some(&path), &[], &[], &unseen);
    }
}
