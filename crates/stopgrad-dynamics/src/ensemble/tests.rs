use faer::Mat;

use super::*;
use crate::ode::{Advance, Integrator};
use crate::random::{normal, stream};
use crate::{Field, Moments};

pub(crate) fn moments(m: usize, seed: u64, symmetric: bool) -> Moments {
    let mut rng = stream(seed, 1 << 40);
    let root = Mat::from_fn(m, m, |_, _| normal(&mut rng));
    let noise = Mat::from_fn(m, m, |_, _| normal(&mut rng));
    let xx = Mat::from_fn(m, m, |i, j| {
        (0..m).map(|k| root[(i, k)] * root[(j, k)]).sum::<f64>() / m as f64 + if i == j { 0.5 } else { 0.0 }
    });
    let yx = Mat::from_fn(m, m, |i, j| {
        let mirror = if symmetric { noise[(j, i)] } else { noise[(i, j)] };
        0.7 * xx[(i, j)] + 0.1 * (noise[(i, j)] + mirror)
    });
    let yy = Some(Mat::from_fn(m, m, |i, j| 1.5 * xx[(i, j)]));
    Moments::unchecked(xx, yx, yy)
}

pub(crate) fn linear_field(kind: Field, n: usize, moments: Moments, decay: f64) -> LinearField {
    LinearField::new(kind, moments, n, decay).expect("a field").with_ema_rate(1.0).expect("a rate")
}

struct Normal {
    field: LinearField,
    count: usize,
}

impl Trials for Normal {
    fn count(&self) -> usize {
        self.count
    }
    fn draw(&self, index: usize) -> Trial<'_> {
        let mut rng = stream(7, index as u64);
        let (n, m) = (self.field.width, self.field.moments.size());
        let mut start: Vec<f64> = (0..n * m + n * n).map(|_| 0.5 * normal(&mut rng)).collect();
        if self.field.kind.has_teacher() {
            start.extend_from_within(..n * m);
        }
        Trial { field: Cow::Borrowed(&self.field), start }
    }
}

#[test]
fn a_lane_has_the_bits_of_a_lone_trajectory_for_every_field_and_shape() {
    for kind in Field::ALL {
        for (n, m) in [(4, 1), (8, 4), (3, 5), (6, 2)] {
            let trials = Normal { field: linear_field(kind, n, moments(m, 3, false), 0.05), count: 11 };
            let params = EnsembleParams { end_time: 6.0, ..EnsembleParams::default() };
            let ends = integrate_ensemble(&trials, &params);
            for index in [0, 7, 10] {
                let trial = trials.draw(index);
                let mut alone = Integrator::new(&*trial.field, &trial.start, params.tolerance);
                while alone.time < params.end_time {
                    assert_eq!(alone.advance(params.end_time), Advance::Stepped);
                }
                let end = &ends[index];
                assert_eq!((end.stop, end.steps, end.rejected), (EnsembleStop::Time, alone.steps, alone.rejected));
                assert!(end.state.iter().zip(&alone.state).all(|(a, b)| a.to_bits() == b.to_bits()), "{kind} {n} {m}");
            }
        }
    }
}

#[test]
fn results_are_the_same_bits_for_any_number_of_threads_and_any_grouping() {
    let trials = |count| Normal { field: linear_field(Field::Ema, 3, moments(2, 9, false), 0.05), count };
    let params = EnsembleParams { end_time: 20.0, ..EnsembleParams::default() };
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| integrate_ensemble(&trials(300), &params))
    };
    let one = on(1);
    assert_eq!(one, on(3));
    // Fewer trials meet other neighbors in their lanes.
    assert_eq!(one[..13], integrate_ensemble(&trials(13), &params)[..]);
    assert!(integrate_ensemble(&trials(0), &params).is_empty());
}

#[test]
fn every_way_to_leave_a_lane_is_named() {
    struct Settling(Normal);
    impl Trials for Settling {
        fn count(&self) -> usize {
            20
        }
        fn draw(&self, index: usize) -> Trial<'_> {
            self.0.draw(index)
        }
        fn settled(&self, visit: &Visit<'_>) -> bool {
            visit.time > 3.0 && visit.index.is_multiple_of(2)
        }
    }
    let field = linear_field(Field::StopGradient, 4, moments(1, 2, false), 0.05);
    let trials = Settling(Normal { field, count: 20 });
    let params = EnsembleParams { end_time: 9.0, first_visit: 0.1, ..EnsembleParams::default() };
    for (index, end) in integrate_ensemble(&trials, &params).iter().enumerate() {
        let settles = index.is_multiple_of(2);
        assert_eq!(end.stop, if settles { EnsembleStop::Settled } else { EnsembleStop::Time });
        assert!(if settles { end.time < 5.0 } else { (end.time - 9.0).abs() < 1e-15 });
    }
    let few = EnsembleParams { max_steps: 3, ..params };
    assert!(integrate_ensemble(&trials.0, &few).iter().all(|end| end.stop == EnsembleStop::Steps && end.steps == 3));
    let tight = EnsembleParams { divergence: 1e-3, ..params };
    assert!(integrate_ensemble(&trials.0, &tight).iter().all(|end| end.stop == EnsembleStop::Diverged));
}
