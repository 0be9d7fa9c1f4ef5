//! What the kernels' tests share: f64 is the reference.

/// Numbers without a generator's help: sums of sines, about normal, never the same for two seeds.
pub(crate) fn normals(n: usize, seed: u64, deviation: f64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut uniform = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    // The sum of twelve has variance 1.
    (0..n).map(|_| deviation * ((0..12).map(|_| uniform()).sum::<f64>() - 6.0)).collect()
}

pub(crate) fn single(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&x| x as f32).collect()
}

/// `run` in single precision against `wanted`, the error relative to 1 and the number.
pub(crate) fn agree(x: &[f64], wanted: &[f64], tolerance: f64, run: impl Fn(&[f32], &mut Vec<f32>)) {
    let mut out = vec![0.0; wanted.len()];
    run(&single(x), &mut out);
    for (at, (have, want)) in out.iter().zip(wanted).enumerate() {
        let error = (f64::from(*have) - want).abs() / (1.0 + want.abs());
        assert!(error <= tolerance, "number {at}: {have} for {want}");
    }
}

/// `gradient` of Σ upstream · run(x) against central differences, at some places.
pub(crate) fn slopes(x: &[f64], gradient: &[f64], upstream: &[f64], run: impl Fn(&[f64], &mut [f64]), places: usize) {
    let value = |x: &[f64]| {
        let mut out = vec![0.0; upstream.len()];
        run(x, &mut out);
        out.iter().zip(upstream).map(|(o, u)| o * u).sum::<f64>()
    };
    for place in 0..places {
        let at = place * x.len() / places;
        let step = 1e-5;
        let [above, below] = [step, -step].map(|step| {
            let mut moved = x.to_vec();
            moved[at] += step;
            value(&moved)
        });
        let slope = (above - below) / (2.0 * step);
        assert!((slope - gradient[at]).abs() < 1e-6 * (1.0 + slope.abs()), "place {at}: {} for {slope}", gradient[at]);
    }
}
