//! Passes on a graphics processor are those on the CPU, wherever one is found; where none is, or the program was built without, a
//! run is refused at once.

use stopgrad_train::config::{Config, DeviceKind, Precision};
use stopgrad_train::{Plan, PlanError};

use super::support::config;

fn refused(change: impl Fn(&mut Config)) -> String {
    let mut config = config(10);
    change(&mut config);
    let Err(error) = Plan::new(config) else { panic!("no such device") };
    assert!(matches!(error, PlanError::Device(_)));
    error.to_string()
}

#[test]
fn numbers_that_a_device_lacks_are_refused() {
    let said = refused(|c| c.training.precision = Precision::Mixed);
    assert!(said.contains("mixed") && said.contains("f32"), "{said}");
    let said = refused(|c| {
        c.training.device = DeviceKind::Wgpu;
        c.training.precision = Precision::F64;
    });
    assert!(said.contains("f64") && said.contains("mixed"), "{said}");
}

#[cfg(not(feature = "wgpu"))]
#[test]
fn a_program_without_graphics_processors_says_how_to_build_one() {
    let said = refused(|c| c.training.device = DeviceKind::Wgpu);
    assert!(said.contains("--features stopgrad/wgpu") && said.contains("--device cpu"), "{said}");
}

#[cfg(feature = "wgpu")]
#[allow(clippy::print_stdout, reason = "what was found, and how far apart results are, is told")]
mod found {
    use stopgrad_dynamics::Field;
    use stopgrad_train::config::{FieldConfig, Loss, NetworkKind};
    use stopgrad_train::gradient::Gradient;
    use stopgrad_train::network::Network;
    use stopgrad_train::record::Column;
    use stopgrad_train::run::{RunOutcome, run};
    use stopgrad_train::teacher::Teacher;
    use stopgrad_train::weights::Weights;
    use stopgrad_train::{Device, DeviceError};

    use super::*;
    use crate::support::{Patience, finish, networks, objective_with_terms, plan, views};

    /// Of a machine that has none the tests of this module only say so.
    fn device(precision: Precision) -> Option<Device> {
        match Device::open(DeviceKind::Wgpu, precision) {
            Ok(device) => Some(device),
            Err(error @ (DeviceError::NoAdapter { .. } | DeviceError::Numbers { .. })) => {
                println!("not run: {error}");
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// |a − b| / |b| over all numbers.
    fn apart(a: &Gradient, b: &Gradient) -> f64 {
        let numbers = |g: &Gradient| -> Vec<f64> {
            let of = |part: &burn::tensor::Tensor<1>| part.to_data().iter::<f64>().collect::<Vec<_>>();
            g.parts.iter().flat_map(of).collect()
        };
        let (a, b) = (numbers(a), numbers(b));
        let squares = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
        squares(&mut a.iter().zip(&b).map(|(a, b)| a - b)) / squares(&mut b.iter().copied()).max(1e-12)
    }

    /// Over networks that have every kind of layer, but for the pooling of large stems; each compiles programs of its own.
    fn largest_distance(precision: Precision, wanted: &[&str]) -> Option<(f64, String)> {
        let device = device(precision)?;
        let mut worst = (0.0, String::new());
        for (name, config, input) in networks().into_iter().filter(|(name, ..)| wanted.contains(name)) {
            let network = Network::new(&config, input).expect("a network");
            let there = Network { device: device.clone(), ..network.clone() };
            let (student, views) = (Weights::initialize::<f32>(&network, 1), views::<f32>(8, &network));
            let ema = FieldConfig { kind: Field::Ema, ..FieldConfig::default() };
            let teacher = Teacher::new::<f32>(&ema, &network, &student, 10);
            let on = |network: &Network| {
                let objective = objective_with_terms(Loss::Cosine, true);
                Gradient::evaluate::<f32>(network, &objective, Field::Ema, &student, Some(&teacher), &views)
            };
            let (here, there) = (on(&network), on(&there));
            assert!((here.loss - there.loss).abs() < 0.02 * here.loss.abs().max(0.1), "{name}");
            assert_eq!(here.observed.len(), there.observed.len());
            assert_eq!(here.teacher_observed.len(), there.teacher_observed.len());
            let distance = apart(&there, &here);
            if distance > worst.0 {
                worst = (distance, name.to_owned());
            }
        }
        Some(worst)
    }

    #[test]
    fn gradients_are_those_of_the_cpu() {
        let all = ["everything, batch norm everywhere", "convolutional", "vision transformer"];
        let Some((distance, at)) = largest_distance(Precision::F32, &all) else { return };
        println!("{distance:.1e} at {at}");
        // Functions of shading languages are good to some units in the last place, and layer norms of small numbers make more of it.
        assert!(distance < 1e-3, "{distance} at {at}");
    }

    #[test]
    fn products_in_half_precision_cost_digits_of_gradients_and_no_more() {
        let Some((distance, at)) = largest_distance(Precision::Mixed, &["convolutional", "vision transformer"]) else {
            return;
        };
        println!("{distance:.1e} at {at}");
        assert!(distance > 1e-6, "nothing was rounded");
        assert!(distance < 0.03, "{distance} at {at}");
    }

    #[test]
    fn a_run_is_that_of_the_cpu_to_rounding_and_goes_on_when_stopped() {
        if device(Precision::F32).is_none() {
            return;
        }
        let mut here = config(30);
        here.field.kind = Field::Ema;
        here.network.encoder = NetworkKind::Conv;
        here.network.encoder_hidden = vec![4];
        here.network.encoder_batch_norm = true;
        let mut there = here.clone();
        there.training.device = DeviceKind::Wgpu;
        let whole = |config: &Config| finish(&plan(config), tempfile::tempdir().unwrap().path());
        let (cpu, gpu) = (whole(&here), whole(&there));
        for column in [Column::JointLoss, Column::StudentEncoderEffectiveRank] {
            let of = |record: &stopgrad_train::RunRecord, row: usize| record.metrics[row].get(column).unwrap();
            assert!((of(&cpu, 0) - of(&gpu, 0)).abs() < 1e-4, "{column:?} at the start");
            assert!((of(&cpu, 3) - of(&gpu, 3)).abs() < 0.05, "{column:?} at the end");
        }
        let folder = tempfile::tempdir().unwrap();
        let plan = plan(&there);
        let mut patience = Patience { steps_left: Some(13), ..Patience::default() };
        let stopped = run(&plan, "ema", folder.path(), &mut patience).expect("stops");
        assert!(matches!(stopped, RunOutcome::Stopped { .. }));
        let outcome = run(&plan, "ema", folder.path(), &mut Patience::default()).expect("goes on");
        assert!(matches!(outcome, RunOutcome::Finished(_)));
    }
}
