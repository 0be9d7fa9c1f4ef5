//! The three update fields: where gradients flow, and where not.

use numbers::{add, flat};
use stopgrad_dynamics::Field;
use stopgrad_train::config::{Decayed, FieldConfig, Loss, NetworkConfig, NetworkKind, OptimizerConfig};
use stopgrad_train::gradient::Gradient;
use stopgrad_train::layer::{Pass, Statistics};
use stopgrad_train::network::Network;
use stopgrad_train::objective::{Objective, Target, Views};
use stopgrad_train::optim::Pace;
use stopgrad_train::teacher::Teacher;
use stopgrad_train::weights::Weights;

use super::support::{LOSSES, networks, objective, objective_with_terms, views};

/// Weights as one long list, to perturb and compare.
mod numbers {
    use stopgrad_train::checkpoint::Arrays;
    use stopgrad_train::gradient::Gradient;
    use stopgrad_train::weights::Weights;

    pub(super) fn flat(gradient: &Gradient) -> Vec<f64> {
        let mut arrays = Arrays::<f64>::default();
        for (i, part) in gradient.parts.iter().enumerate() {
            arrays.insert_tensor(format!("{i:04}"), &part.dims(), part);
        }
        arrays.arrays.into_values().flat_map(|(_, values)| values).collect()
    }

    /// Adds `step` to the number at `position`.
    pub(super) fn add(weights: &mut Weights, position: usize, step: f64) {
        let mut left = position;
        for parameter in &mut weights.parameters {
            let len = parameter.dims()[0];
            if left < len {
                let mut arrays = Arrays::<f64>::default();
                arrays.insert_tensor("p".into(), &[len], parameter);
                arrays.arrays.get_mut("p").expect("just put there").1[left] += step;
                arrays.fill_tensor("p", parameter).expect("the same length");
                return;
            }
            left -= len;
        }
        panic!("no parameter at {position}");
    }
}

/// Objective with Ω, the target from the student (`fixed` none) or from frozen weights.
fn value(network: &Network, objective: &Objective, student: &Weights, fixed: Option<&Weights>, views: &Views) -> f64 {
    let mut pass = Pass::new(&student.parameters, Statistics::Batch);
    let evaluated = match fixed {
        None => objective.evaluate(network, &mut pass, Target::Joint, views),
        Some(fixed) => {
            let mut teacher = Pass::new(&fixed.parameters, Statistics::Batch);
            objective.evaluate(network, &mut pass, Target::Teacher(&mut teacher), views)
        }
    };
    let omega = 0.5 * objective.omega * student.squared_norm::<f64>(0..student.parameters.len());
    evaluated.loss.into_scalar::<f64>() + omega + evaluated.terms
}

/// Central differences against the backward pass, at a dozen positions: of Ē for joint, of F̄ with the target frozen at
/// ξ = θ for stop-gradient. The second holds only if no gradient enters the target branch.
#[test]
fn each_field_is_the_gradient_it_says() {
    for (name, config, input) in networks() {
        let network = Network::new(&config, input).unwrap();
        let views = views::<f64>(12, &network);
        let student = Weights::initialize::<f64>(&network, 3);
        for loss in LOSSES {
            for (symmetrized, terms) in [(false, false), (true, false), (false, true), (true, true)] {
                let objective = if terms { objective_with_terms } else { objective }(loss, symmetrized);
                for field in [Field::Joint, Field::StopGradient] {
                    let gradient =
                        flat(&Gradient::evaluate::<f64>(&network, &objective, field, &student, None, &views));
                    let frozen = student.duplicate::<f64>();
                    let fixed = (field == Field::StopGradient).then_some(&frozen);
                    for position in (0..network.parameter_count()).step_by(network.parameter_count() / 12 + 1) {
                        let shifted = |step: f64| {
                            let mut student = student.duplicate::<f64>();
                            add(&mut student, position, step);
                            value(&network, &objective, &student, fixed, &views)
                        };
                        let h = 1e-5;
                        let difference = (shifted(h) - shifted(-h)) / (2.0 * h);
                        // Truncation h²|f'''| and cancellation eps/h are both near 1e-10; kinks of ReLU are not hit here.
                        assert!(
                            (difference - gradient[position]).abs() < 1e-6 * (1.0 + difference.abs()),
                            "{name}, {loss:?}, symmetrized {symmetrized}, terms {terms}, {field}, position {position}: \
                             difference {difference}, gradient {}",
                            gradient[position]
                        );
                    }
                }
            }
        }
    }
}

/// A teacher that equals the student gives stop-gradient, to the bit; and joint is another field.
#[test]
fn ema_with_the_student_as_teacher_is_stop_gradient() {
    for (name, config, input) in networks() {
        let network = Network::new(&config, input).unwrap();
        let views = views::<f64>(12, &network);
        let student = Weights::initialize::<f64>(&network, 1);
        let teacher = Teacher::new::<f64>(&FieldConfig::default(), &network, &student, 10);
        for loss in LOSSES {
            for (symmetrized, terms) in [(false, false), (true, false), (false, true), (true, true)] {
                let objective = if terms { objective_with_terms } else { objective }(loss, symmetrized);
                let at = |field| {
                    flat(&Gradient::evaluate::<f64>(&network, &objective, field, &student, Some(&teacher), &views))
                };
                let (sg, ema, joint) = (at(Field::StopGradient), at(Field::Ema), at(Field::Joint));
                let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&sg), bits(&ema), "{name}, {loss:?}, {symmetrized}");
                let apart: f64 = sg.iter().zip(&joint).map(|(a, b)| (a - b).abs()).sum();
                assert!(apart > 1e-6, "{name}, {loss:?}, {symmetrized}: joint and sg agree");
            }
        }
    }
}

/// With α = 0 the teacher is the student after every step; with α between, the closed form of the average.
#[test]
fn teacher_follows_by_its_formula() {
    let (_, config, input) = networks().remove(2);
    let network = Network::new(&config, input).unwrap();
    let first = Weights::initialize::<f64>(&network, 1);
    let second = Weights::initialize::<f64>(&network, 2);
    let theta = network.student_parameters();
    let followed = |momentum: f64| {
        let config = FieldConfig { teacher_momentum: momentum, ..FieldConfig::default() };
        let mut teacher = Teacher::new::<f64>(&config, &network, &first, 10);
        // A step of nothing, after which the student is the second.
        let mut student = second.duplicate::<f64>();
        let mut optimizer =
            stopgrad_train::optim::Optimizer::<f64>::new(&OptimizerConfig::default(), Decayed::All, &network);
        let still = student.duplicate::<f64>().parameters;
        optimizer.step(&mut student.parameters, &still, Pace::even(0.0, 0.0), Some(teacher.following(0)));
        teacher.follow_buffers::<f64>(&student, &[], 0);
        let to_second = teacher.weights().squared_distance::<f64>(&second, theta.clone()).sqrt();
        let to_first = teacher.weights().squared_distance::<f64>(&first, theta.clone()).sqrt();
        (to_first, to_second)
    };
    let apart = first.squared_distance::<f64>(&second, theta.clone()).sqrt();
    assert!(followed(0.0).1 == 0.0, "α = 0 copies to the bit");
    let (to_first, to_second) = followed(0.9);
    assert!((to_first - 0.1 * apart).abs() < 1e-12 * apart && (to_second - 0.9 * apart).abs() < 1e-12 * apart);
    assert!(followed(1.0).0 == 0.0, "α = 1 never moves");
}

/// Balance law (docs/theory.md, 2.2): along stop-gradient descent with rate η, AAᵀ − BᵀB shrinks by (1 − ηλ)² a step up to
/// O(η²) of the rest.
#[test]
fn linear_stop_gradient_keeps_the_balance_law() {
    let config = NetworkConfig {
        encoder: NetworkKind::Linear,
        encoder_width: 3,
        predictor: NetworkKind::Linear,
        ..NetworkConfig::default()
    };
    let network = Network::new(&config, 5).unwrap();
    let views = views::<f64>(40, &network);
    let objective = objective(Loss::HalfSquared, false);
    let mut student = Weights::initialize::<f64>(&network, 4);
    let gap = |student: &Weights| stopgrad_train::measure::balance_gap(&network, student).unwrap();
    let (start, rate, steps) = (gap(&student), 1e-4, 2000);
    for _ in 0..steps {
        let gradient = Gradient::evaluate::<f64>(&network, &objective, Field::StopGradient, &student, None, &views);
        let config = stopgrad_train::config::OptimizerConfig { momentum: 0.0, ..Default::default() };
        let mut sgd = stopgrad_train::optim::Optimizer::<f64>::new(&config, Decayed::All, &network);
        sgd.step(&mut student.parameters, &gradient.parts, Pace::even(rate, 0.0), None);
    }
    let expected = start * (-2.0 * objective.omega * rate * f64::from(steps)).exp();
    // The discrete map departs from the flow by O(η) over a fixed time.
    assert!((gap(&student) - expected).abs() < 20.0 * rate * start, "{} against {expected}", gap(&student));
}
