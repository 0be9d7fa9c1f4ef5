use super::*;

/// Small whole numbers: every way of adding them is exact.
fn numbers(count: usize, step: usize) -> Vec<f64> {
    (0..count).map(|i| (i * step % 11) as f64 - 5.0).collect()
}

/// Sizes that meet every border: one pixel, no multiple of the stride, more images than a task takes.
fn geometries() -> Vec<(usize, Geometry)> {
    let of =
        |height, width, channels, filters, side, stride| Geometry { height, width, channels, filters, side, stride };
    vec![
        (1, of(1, 1, 2, 3, 3, 1)),
        (2, of(4, 5, 3, 2, 3, 1)),
        (3, of(5, 4, 2, 3, 3, 2)),
        (2, of(2, 2, 1, 1, 3, 2)),
        (2, of(6, 6, 2, 2, 5, 1)),
        (3, of(3, 7, 4, 5, 1, 1)),
        (3, of(3, 7, 4, 5, 1, 2)),
        (300, of(3, 3, 2, 3, 3, 2)),
        (5, of(33, 17, 1, 2, 3, 1)),
    ]
}

/// By the definition, one number at a time: calls `visit` with the places in x, weight and out that meet.
fn each_product(count: usize, g: &Geometry, mut visit: impl FnMut(usize, usize, usize)) {
    let pad = (g.side / 2) as isize;
    for image in 0..count {
        for (row, column) in (0..g.out_height()).flat_map(|r| (0..g.out_width()).map(move |c| (r, c))) {
            for (ky, kx) in (0..g.side).flat_map(|r| (0..g.side).map(move |c| (r, c))) {
                let (y, x) = ((row * g.stride + ky) as isize - pad, (column * g.stride + kx) as isize - pad);
                if y < 0 || x < 0 || y >= g.height as isize || x >= g.width as isize {
                    continue;
                }
                let pixel = (image * g.height + y as usize) * g.width + x as usize;
                let out = (image * g.out_height() + row) * g.out_width() + column;
                for (channel, filter) in (0..g.channels).flat_map(|c| (0..g.filters).map(move |f| (c, f))) {
                    let tap = (ky * g.side + kx) * g.channels + channel;
                    visit(pixel * g.channels + channel, tap * g.filters + filter, out * g.filters + filter);
                }
            }
        }
    }
}

#[test]
fn values_and_gradients_are_those_of_the_definition() {
    for (count, g) in geometries() {
        let (x, weight) = (numbers(count * g.image(), 7), numbers(g.taps() * g.filters, 5));
        let upstream = numbers(count * g.out_image(), 3);
        let mut expected = [vec![0.0; upstream.len()], vec![0.0; x.len()], vec![0.0; weight.len()]];
        each_product(count, &g, |i, w, o| {
            expected[0][o] += x[i] * weight[w];
            expected[1][i] += upstream[o] * weight[w];
            expected[2][w] += upstream[o] * x[i];
        });
        let mut found = expected.clone().map(|part| vec![f64::NAN; part.len()]);
        forward(&g, &x, &weight, &mut found[0]);
        input_gradient(&g, &upstream, &weight, &mut found[1]);
        weight_gradient(&g, &x, &upstream, &mut found[2]);
        assert_eq!(found, expected, "{g:?}");
    }
}

#[test]
fn the_bits_do_not_depend_on_the_threads() {
    let g = Geometry { height: 9, width: 7, channels: 5, filters: 13, side: 3, stride: 1 };
    let count = 50;
    let wave = |count: usize, step: f32| -> Vec<f32> { (0..count).map(|i| (i as f32 * step).sin()).collect() };
    let (x, weight) = (wave(count * g.image(), 0.37), wave(g.taps() * g.filters, 0.71));
    let upstream = wave(count * g.out_image(), 0.53);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        let (mut out, mut to_x, mut to_weight) =
            (vec![0.0_f32; upstream.len()], vec![0.0_f32; x.len()], vec![0.0_f32; weight.len()]);
        pool.install(|| {
            forward(&g, &x, &weight, &mut out);
            input_gradient(&g, &upstream, &weight, &mut to_x);
            weight_gradient(&g, &x, &upstream, &mut to_weight);
        });
        [out, to_x, to_weight].concat().into_iter().map(f32::to_bits).collect::<Vec<_>>()
    };
    let one = with(1);
    assert!([2, 3, 8].into_iter().all(|threads| with(threads) == one));
}
