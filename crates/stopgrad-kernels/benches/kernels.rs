//! Every kernel alone, at the sizes of the ResNet-18 shape and of the vision transformer in `steps`:
//! `cargo bench -p stopgrad-kernels --bench kernels [-- NAME]`. A line: milliseconds (the median), what that is in GFLOP/s, and in
//! GB/s of what has to be read and written at least once.

#![allow(clippy::print_stdout, reason = "a bench prints its figures")]
#![allow(missing_docs, reason = "not a library")]

use std::hint::black_box;
use std::time::Instant;

use stopgrad_kernels::linear::{Activation, Linear, through, weight_gradient};
use stopgrad_kernels::norm::{Moments, Norm};
use stopgrad_kernels::update::{Parameter, Rule, update};
use stopgrad_kernels::{attention, convolution, gelu, layer_norm, norm, softmax};

/// As the program does.
#[path = "../../stopgrad/src/allocator.rs"]
mod allocator;

/// Tokens of 128 images of 8 × 8 patches.
const TOKENS: usize = 128 * 64;
const WIDTH: usize = 192;
const IMAGES: usize = 64;

/// What is measured: a filter on names.
struct Bench {
    only: Option<String>,
}

impl Bench {
    /// `flops` and `numbers` (read and written, of four bytes) of a call.
    fn time(&self, name: &str, flops: f64, numbers: usize, mut call: impl FnMut()) {
        if self.only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            return;
        }
        call();
        let mut times = Vec::new();
        let begin = Instant::now();
        while times.len() < 5 || begin.elapsed().as_secs_f64() < 0.4 {
            let start = Instant::now();
            call();
            times.push(start.elapsed().as_secs_f64());
        }
        times.sort_by(f64::total_cmp);
        let middle = times[times.len() / 2];
        let (rate, bytes) = (flops * 1e-9 / middle, numbers as f64 * 4e-9 / middle);
        println!("{name:40} {:8.3} ms {rate:6.0} GFLOP/s {bytes:6.1} GB/s", middle * 1e3);
    }
}

fn noise(length: usize) -> Vec<f32> {
    let mut state = 1_u32;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 8_388_608.0 - 1.0
        })
        .collect()
}

fn main() {
    allocator::keep_memory();
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let bench = Bench { only };
    // Inside the thread pool, as a run is.
    rayon::scope(|_| {
        bytes(&bench);
        elements(&bench);
        transformer(&bench);
        convolutions(&bench);
        norms(&bench);
        updates(&bench);
    });
}

/// The bound of everything that only passes over numbers.
fn bytes(bench: &Bench) {
    use rayon::prelude::*;
    let x = noise(1 << 25);
    let mut out = vec![0.0_f32; x.len()];
    bench.time("copy of 128 MiB", 0.0, 2 * x.len(), || {
        out.par_chunks_mut(1 << 14).zip(x.par_chunks(1 << 14)).for_each(|(out, x)| out.copy_from_slice(x));
    });
    black_box(&out);
}

fn elements(bench: &Bench) {
    let length = TOKENS * 4 * WIDTH;
    let (x, upstream) = (noise(length), noise(length));
    let mut out = vec![0.0; length];
    bench.time("gelu forward", 0.0, 2 * length, || gelu::forward(&x, &mut out));
    bench.time("gelu backward", 0.0, 3 * length, || gelu::backward(&x, &upstream, &mut out));
    bench.time("gelu backward with bias sums", 0.0, 3 * length, || {
        black_box(through(Activation::Gelu, &x, &upstream, &mut out, 4 * WIDTH));
    });
    bench.time("softmax of rows of 64", 0.0, 2 * length, || softmax::in_place(&mut out, 64));
    let (scale, shift) = (noise(WIDTH), noise(WIDTH));
    let (x, upstream) = (&x[..TOKENS * WIDTH], &upstream[..TOKENS * WIDTH]);
    let out = &mut out[..TOKENS * WIDTH];
    let mut moments = layer_norm::forward(x, &scale, &shift, 1e-5, out);
    bench.time("layer norm forward", 0.0, 2 * x.len(), || {
        moments = layer_norm::forward(x, &scale, &shift, 1e-5, out);
    });
    bench.time("layer norm backward", 0.0, 3 * x.len(), || {
        black_box(layer_norm::backward(x, upstream, &scale, &moments, out));
    });
}

fn transformer(bench: &Bench) {
    for (inputs, outputs, activation) in [
        (WIDTH, 3 * WIDTH, Activation::None),
        (WIDTH, WIDTH, Activation::None),
        (WIDTH, 4 * WIDTH, Activation::Gelu),
        (4 * WIDTH, WIDTH, Activation::None),
    ] {
        let name = |what: &str| format!("linear {inputs}-{outputs} {activation:?} {what}");
        let (x, weight, bias) = (noise(TOKENS * inputs), noise(inputs * outputs), noise(outputs));
        let upstream = noise(TOKENS * outputs);
        let (mut out, mut before) = (vec![0.0; TOKENS * outputs], vec![0.0; TOKENS * outputs]);
        let (mut to_x, mut to_weight) = (vec![0.0; x.len()], vec![0.0; weight.len()]);
        let layer = Linear { weight: &weight, bias: Some(&bias), outputs, activation };
        let flops = 2.0 * (TOKENS * inputs * outputs) as f64;
        let keep = activation == Activation::Gelu;
        bench.time(&name("forward"), flops, x.len() + out.len(), || {
            layer.forward(&x, &mut out, keep.then_some(&mut before[..]));
        });
        bench.time(&name("input"), flops, x.len() + out.len(), || layer.input_gradient(&upstream, &mut to_x));
        bench.time(&name("weight"), flops, x.len() + out.len(), || {
            weight_gradient(&x, &upstream, outputs, &mut to_weight);
        });
    }
    let g = attention::Geometry { tokens: 64, heads: 3, width: 64 };
    let (qkv, upstream) = (noise(TOKENS * 3 * WIDTH), noise(TOKENS * WIDTH));
    let (mut out, mut gradient) = (vec![0.0; upstream.len()], vec![0.0; qkv.len()]);
    let flops = 2.0 * (TOKENS / 64 * g.multiply_adds()) as f64;
    bench.time("attention forward", flops, 4 * upstream.len(), || attention::forward(&g, &qkv, &mut out));
    bench.time("attention backward", 2.5 * flops, 7 * upstream.len(), || {
        attention::backward(&g, &qkv, &upstream, &mut gradient);
    });
}

fn convolutions(bench: &Bench) {
    for (side, channels, filters, stride) in
        [(32, 3, 32, 1), (32, 32, 32, 1), (32, 32, 64, 2), (16, 64, 64, 1), (8, 128, 128, 1), (4, 256, 256, 1)]
    {
        let g = convolution::Geometry { height: side, width: side, channels, filters, side: 3, stride };
        let name = |what: &str| format!("conv {side}×{side} {channels}-{filters} /{stride} {what}");
        let (x, weight) = (noise(IMAGES * g.image()), noise(g.taps() * filters));
        let upstream = noise(IMAGES * g.out_image());
        let flops = 2.0 * (IMAGES * g.multiply_adds()) as f64;
        let numbers = x.len() + upstream.len();
        let (mut out, mut to_x, mut to_weight) =
            (vec![0.0; upstream.len()], vec![0.0; x.len()], vec![0.0; weight.len()]);
        bench.time(&name("forward"), flops, numbers, || convolution::forward(&g, &x, &weight, &mut out));
        bench.time(&name("input"), flops, numbers, || convolution::input_gradient(&g, &upstream, &weight, &mut to_x));
        bench.time(&name("weight"), flops, numbers, || {
            convolution::weight_gradient(&g, &x, &upstream, &mut to_weight);
        });
    }
}

fn norms(bench: &Bench) {
    let d = 32;
    let (x, upstream) = (noise(IMAGES * 1024 * d), noise(IMAGES * 1024 * d));
    let mut out = vec![0.0; x.len()];
    bench.time("batch norm moments", 0.0, x.len(), || {
        black_box(norm::moments(&x, d));
    });
    let Moments { mean, variance } = norm::moments(&x, d);
    let mean: Vec<f32> = mean.iter().map(|m| *m as f32).collect();
    let inverse: Vec<f32> = variance.iter().map(|v| (1.0 / (v + 1e-5).sqrt()) as f32).collect();
    let ones = vec![1.0; d];
    let layer = Norm { mean: &mean, inverse_deviation: &inverse, scale: &ones, shift: &ones, relu: true };
    bench.time("batch norm, relu: forward", 0.0, 2 * x.len(), || layer.forward(&x, None, &mut out));
    bench.time("batch norm, sum, relu: forward", 0.0, 3 * x.len(), || layer.forward(&x, Some(&upstream), &mut out));
    let sums = layer.sums(&x, &out, &upstream);
    bench.time("batch norm, relu: sums", 0.0, 3 * x.len(), || {
        black_box(layer.sums(&x, &out, &upstream));
    });
    let mut gradient = vec![0.0; x.len()];
    bench.time("batch norm, relu: backward", 0.0, 4 * x.len(), || {
        layer.backward(&x, &out, &upstream, &sums, &mut gradient);
    });
}

fn updates(bench: &Bench) {
    let length = 1 << 22;
    let [mut p, g, mut m, mut teacher] = [0; 4].map(|_| noise(length));
    let mut v = vec![1.0; length];
    let rule = Rule::Adamw { rate: 1e-3, decoupled: 1e-2, betas: (0.9, 0.999), epsilon: 1e-8, steps: 5 };
    bench.time("AdamW and teacher, 4 Mi numbers", 0.0, 9 * length, || {
        update(
            &rule,
            Parameter {
                values: &mut p,
                gradient: &g,
                first: &mut m,
                second: &mut v,
                teacher: Some((&mut teacher, 0.01)),
            },
        );
    });
    bench.time("AdamW, 4 Mi numbers", 0.0, 7 * length, || {
        update(&rule, Parameter { values: &mut p, gradient: &g, first: &mut m, second: &mut v, teacher: None });
    });
    let rule = Rule::Lars { rate: 1e-3, momentum: 0.9, decoupled: 1e-2, trust: 1e-3, clip: false, whole: true };
    bench.time("LARS, 4 Mi numbers", 0.0, 7 * length, || {
        update(&rule, Parameter { values: &mut p, gradient: &g, first: &mut m, second: &mut [], teacher: None });
    });
}
