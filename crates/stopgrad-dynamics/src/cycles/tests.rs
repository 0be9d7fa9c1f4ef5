use super::*;
use crate::branches::{BranchParams, EventKind, Family, find_branches, known_equilibria};
use crate::flow::{FlowParams, Stop, flow_linear};
use crate::testing::sample_moments;
use crate::{DEFAULT_SUPPORT_THRESHOLD, Field, Moments, Support};

/// One pair of signals that turn by 0.9 a step and shrink by 0.95, and a single one that shrinks by a half, X = I.
fn turning(width: usize, weight_decay: f64) -> LinearField {
    let (c, s) = (0.95 * 0.9_f64.cos(), 0.95 * 0.9_f64.sin());
    let rows = [[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 0.5]];
    let moments = Moments::unchecked(Mat::identity(3, 3), Mat::from_fn(3, 3, |i, j| rows[i][j]), None);
    LinearField::new(Field::StopGradient, moments, width, weight_decay).unwrap()
}

/// Two pairs; three dimensions cut one of them.
fn two_pairs(kind: Field) -> LinearField {
    let block = |factor: f64, angle: f64| {
        [[angle.cos(), -angle.sin()], [angle.sin(), angle.cos()]].map(|r| r.map(|x| factor * x))
    };
    let blocks = [block(0.95, 0.4), block(0.85, 0.7)];
    let yx = Mat::from_fn(4, 4, |i, j| if i / 2 == j / 2 { blocks[i / 2][i % 2][j % 2] } else { 0.0 });
    LinearField::new(kind, Moments::unchecked(Mat::identity(4, 4), yx, None), 3, 0.05).unwrap()
}

/// Where the flow ends, and its own idea of the period.
fn ended(field: &LinearField) -> (Vec<f64>, f64) {
    let mut start = crate::testing::normal_vector(field.dimension(), 5);
    let [_, _, nm, nn] = field.sizes();
    if field.kind.has_teacher() {
        start.copy_within(..nm, nm + nn);
    }
    let end = flow_linear(field, &start, FlowParams::default(), &mut |_| false);
    let Stop::Cycle(cycle) = end.stop else { panic!("{:?} at {}", end.stop, end.time) };
    (end.state, cycle.period)
}

#[test]
fn a_cycle_that_flows_end_on_is_met_with_the_multipliers_of_the_balance_law() {
    for (field, kind) in [(turning(1, 0.05), Field::StopGradient), (two_pairs(Field::Ema), Field::Ema)] {
        let (state, period) = ended(&field);
        let cycle = refine_cycle(&field, &state, period).unwrap().expect("a cycle is near");
        assert!((cycle.period / period - 1.0).abs() < 2e-7, "{kind}: {} {period}", cycle.period);
        assert!(cycle.attracts && cycle.unstable_dimensions == 0, "{kind}: {:?}", cycle.multipliers);
        assert!(cycle.residual < 1e-10 && cycle.direction_error < 1e-8, "{kind}: {cycle:?}");
        let g = product(&cycle.turn, &cycle.turn.transpose().to_owned());
        assert!((&g - Mat::<f64>::identity(field.width, field.width)).norm_max() < 1e-13);
        // BᵀB − AAᵀ decays as e^{−2λt} (docs/theory.md, 2.2): n(n + 1)/2 multipliers of modulus e^{−2λT}.
        let balance = (-2.0 * field.decay_a * cycle.period).exp();
        let near = |value: &&[f64; 2]| (value[0].hypot(value[1]) / balance - 1.0).abs() < 1e-5;
        let count = cycle.multipliers.iter().filter(near).count();
        assert_eq!(count, field.width * (field.width + 1) / 2, "{kind}: {:?} {balance}", cycle.multipliers);
        let removed = crate::orbit::orbit_dimension(field.width, field.width) + 1;
        assert_eq!(cycle.multipliers.len(), field.dimension() - removed);
    }
}

#[test]
fn a_followed_cycle_is_where_the_flow_at_its_decay_ends_and_it_turns_back_where_a_multiplier_passes_one() {
    let field = turning(1, 0.05);
    let (state, period) = ended(&field);
    let cycle = refine_cycle(&field, &state, period).unwrap().expect("a cycle is near");
    let params = CycleFollowParams { max_steps: 60, ..CycleFollowParams::between(0.03, 0.2) };
    let start = CycleStart { cycle, born: None };
    let branch = follow_cycle(&field, &start, &params, &|| false).unwrap();
    assert_eq!(branch.ends[0], CycleEnd::Range);
    let first = &branch.cycles[0];
    let there = turning(1, first.weight_decay);
    let (_, period) = ended(&there);
    assert!((first.period / period - 1.0).abs() < 2e-7, "{} {period}", first.period);
    // The fold of cycles: λ rises to its largest and falls, and there the leading multiplier passes 1.
    let largest = (0..branch.cycles.len())
        .max_by(|a, b| branch.cycles[*a].weight_decay.total_cmp(&branch.cycles[*b].weight_decay))
        .expect("cycles");
    assert!(largest > 0 && largest + 1 < branch.cycles.len(), "{largest} of {}", branch.cycles.len());
    assert_eq!(branch.cycles[largest - 1].unstable_dimensions, 0);
    assert_eq!(branch.cycles[largest + 1].unstable_dimensions, 1);
    assert!(branch.cycles.iter().all(|cycle| cycle.direction_error < 1e-7));
}

#[test]
fn a_small_cycle_stands_beside_a_hopf_point_with_the_period_of_the_pair() {
    let moments = sample_moments(4, 21);
    let support = Support::new(&moments, DEFAULT_SUPPORT_THRESHOLD).unwrap();
    let family = Family::in_weight_decay(&moments).unwrap();
    let params = BranchParams { seeds: 3, rounds: 0, ..BranchParams::between(0.1, 0.5) };
    let finder = |decay: f64| known_equilibria(&moments, &support, decay, 1).unwrap();
    let diagram = find_branches(&family, &finder, &params, &|_| false);
    let hopf = diagram.events.iter().find(|event| event.kind == EventKind::Hopf).expect("one");
    let frequency = hopf.frequency.expect("a pair");
    let flow = (Field::StopGradient, 1.0);
    let (field, state) = family.state(flow, &family.inward(&hopf.s), 1, family.followed(hopf.parameter)).unwrap();
    let start = cycle_from_hopf(&field, &state, frequency).unwrap().expect("a small cycle");
    let cycle = &start.cycle;
    assert!((cycle.period * frequency / std::f64::consts::TAU - 1.0).abs() < 0.01, "{}", cycle.period);
    assert!((cycle.weight_decay / hopf.parameter - 1.0).abs() < 1e-3);
    // Beside a stable equilibrium it is a saddle, beside an unstable one it attracts: of either kind by one dimension.
    let before = diagram.branches[hopf.branches[0]].points.iter().rfind(|point| point.parameter < hopf.parameter);
    let beside_stable = (cycle.weight_decay < hopf.parameter) == (before.expect("points").unstable_dimensions == 0);
    assert_eq!(cycle.unstable_dimensions, usize::from(beside_stable), "{:?}", cycle.multipliers);
}
