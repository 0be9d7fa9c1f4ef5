//! Points computed side by side, handed over in their order.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use crate::limits::{Limits, Stop};

/// Compute the points of a range and deliver them in order, as soon as all before them are there.
///
/// Points are begun in order, so that little is lost when the program is killed. The answers are those of `compute`,
/// whatever the number of workers.
///
/// # Errors
/// that of `deliver`; no further point is begun
pub(super) fn in_order<T: Send, E>(
    points: std::ops::Range<usize>, workers: usize, limits: &Limits, compute: &(dyn Fn(usize) -> T + Sync),
    mut deliver: impl FnMut(usize, T) -> Result<(), E>,
) -> Result<Option<Stop>, E> {
    let next = AtomicUsize::new(points.start);
    let refused = AtomicBool::new(false);
    let (to_us, answers) = mpsc::channel();
    let work = |to_us: &mpsc::Sender<(usize, T)>| {
        while !refused.load(Ordering::Relaxed) && limits.reached().is_none() {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= points.end || to_us.send((index, compute(index))).is_err() {
                break;
            }
        }
    };
    let work = &work;
    std::thread::scope(|scope| {
        scope.spawn(move || {
            rayon::scope(|pool| {
                for _ in 0..workers.max(1) {
                    let to_us = to_us.clone();
                    pool.spawn(move |_| work(&to_us));
                }
            });
        });
        let mut waiting = BTreeMap::new();
        let mut due = points.start;
        let mut delivered = Ok(());
        for (index, answer) in answers {
            waiting.insert(index, answer);
            while let Some(answer) = waiting.remove(&due).filter(|_| delivered.is_ok()) {
                delivered = deliver(due, answer);
                due += 1;
            }
            refused.store(delivered.is_err(), Ordering::Relaxed);
        }
        // A limit that is reached while the last point is computed stops nothing.
        delivered.map(|()| if due < points.end { limits.reached() } else { None })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn answers_come_in_order_from_any_number_of_workers() {
        for workers in [1, 2, 7] {
            let mut seen = Vec::new();
            let slow_first = |index: usize| {
                std::thread::sleep(Duration::from_millis(if index.is_multiple_of(3) { 3 } else { 0 }));
                index * index
            };
            let stopped = in_order(5..40, workers, &Limits::none(), &slow_first, |index, answer| {
                seen.push((index, answer));
                Ok::<(), ()>(())
            });
            assert_eq!(stopped, Ok(None));
            assert_eq!(seen, (5..40).map(|index| (index, index * index)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_refusal_ends_the_work() {
        let begun = AtomicUsize::new(0);
        let compute = |index: usize| {
            begun.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(1));
            index
        };
        let ended =
            in_order(0..1000, 2, &Limits::none(), &compute, |index, _| if index < 3 { Ok(()) } else { Err("full") });
        assert_eq!(ended, Err("full"));
        assert!(begun.into_inner() < 500);
    }

    #[test]
    fn a_limit_that_is_over_begins_nothing_and_is_told() {
        let over = Limits::until(Some(Duration::ZERO));
        let ended = in_order(0..10, 2, &over, &|index| index, |_, _| Err::<(), &str>("nothing was to be computed"));
        assert_eq!(ended, Ok(Some(Stop::TimeLimit)));
    }
}
