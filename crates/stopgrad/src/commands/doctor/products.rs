//! How fast this machine multiplies matrices, with the product that training and theory use.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stopgrad_kernels::Number;
use stopgrad_kernels::product::{Factor, row_major_product};

/// Side of the square matrices: three of them in doubles are 4.7 MB, past a core's own cache as a step's are.
const SIDE: usize = 448;
/// Time for each of the four rates: all together a second.
const TIME: Duration = Duration::from_millis(250);

/// In 10⁹ operations a second, two a multiply-add.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rates {
    one_f32: f64,
    all_f32: f64,
    one_f64: f64,
    all_f64: f64,
    threads: usize,
}

impl Rates {
    pub(super) fn measure() -> Self {
        // Where the system gives no second pool the rate of one thread is that of all.
        let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().ok();
        let one = |rate: &(dyn Fn() -> f64 + Sync)| alone.as_ref().map_or_else(rate, |pool| pool.install(rate));
        Self {
            one_f32: one(&|| rate(&ramp(|v| v as f32))),
            all_f32: rate(&ramp(|v| v as f32)),
            one_f64: one(&|| rate(&ramp(|v| v))),
            all_f64: rate(&ramp(|v| v)),
            threads: rayon::current_num_threads(),
        }
    }

    pub(super) fn told(&self) -> String {
        let Self { one_f32, all_f32, one_f64, all_f64, threads } = self;
        let all = |rate: &f64| if *threads > 1 { format!(", {rate:.0} on {threads}") } else { String::new() };
        format!(
            "{one_f32:.0} GFLOP/s on one thread{} in f32; {one_f64:.0}{} in f64 ({SIDE} × {SIDE})",
            all(all_f32),
            all(all_f64)
        )
    }

    pub(super) fn document(&self) -> Value {
        json!({
            "side": SIDE, "seconds": 4.0 * TIME.as_secs_f64(),
            "gigaflops": {
                "f32": { "one_thread": self.one_f32, "all_threads": self.all_f32 },
                "f64": { "one_thread": self.one_f64, "all_threads": self.all_f64 },
            },
        })
    }
}

fn ramp<T>(from: impl Fn(f64) -> T) -> Vec<T> {
    (0..SIDE * SIDE).map(|i| from((i % 17) as f64 / 16.0 - 0.5)).collect()
}

/// Of the fastest product within the time: what else runs on the machine makes the others slower.
fn rate<T: Number>(values: &[T]) -> f64 {
    let (left, right) = (Factor::new(values, SIDE, SIDE), Factor::new(values, SIDE, SIDE).transposed());
    let mut out = values.to_vec();
    let (began, mut fastest) = (Instant::now(), Duration::MAX);
    while began.elapsed() < TIME {
        let start = Instant::now();
        row_major_product(&left, &right, &mut out);
        fastest = fastest.min(start.elapsed());
    }
    2.0 * (SIDE * SIDE * SIDE) as f64 / fastest.as_secs_f64() / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_rates() {
        let rates = Rates::measure();
        // Slower than a tenth of the slowest machine of this century, or faster than any core, is a wrong count.
        for rate in [rates.one_f32, rates.all_f32, rates.one_f64, rates.all_f64] {
            assert!(rate > 0.01 && rate < 1e6, "{rates:?}");
        }
    }
}
