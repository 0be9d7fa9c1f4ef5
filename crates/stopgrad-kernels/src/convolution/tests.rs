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
        (2, of(9, 8, 3, 4, 7, 2)),
        (2, of(2, 1, 3, 4, 7, 2)),
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

/// Results and the gradients of x and of the weight, by the definition.
fn defined(count: usize, g: &Geometry, [x, weight, upstream]: [&[f64]; 3]) -> [Vec<f64>; 3] {
    let mut expected = [upstream, x, weight].map(|like| vec![0.0; like.len()]);
    each_product(count, g, |i, w, o| {
        expected[0][o] += x[i] * weight[w];
        expected[1][i] += upstream[o] * weight[w];
        expected[2][w] += upstream[o] * x[i];
    });
    expected
}

/// The same by the kernels, which must write every number.
fn all_three<T: Number>(g: &Geometry, [x, weight, upstream]: [&[T]; 3]) -> [Vec<T>; 3] {
    let mut found = [upstream, x, weight].map(|like| vec![T::from_f64(f64::NAN); like.len()]);
    forward(g, x, weight, &mut found[0]);
    input_gradient(g, upstream, weight, &mut found[1]);
    weight_gradient(g, x, upstream, &mut found[2]);
    found
}

#[test]
fn values_and_gradients_are_those_of_the_definition() {
    for (count, g) in geometries() {
        let (x, weight) = (numbers(count * g.image(), 7), numbers(g.taps() * g.filters, 5));
        let upstream = numbers(count * g.out_image(), 3);
        let expected = defined(count, &g, [&x, &weight, &upstream]);
        let found = all_three(&g, [&x, &weight, &upstream]);
        assert_eq!(found, expected, "{g:?}");
    }
}

/// Sizes by minimal filtering: tiles that fill the image, tiles that reach over it, one tile, bands of a large image, channels
/// that are no multiple of the lanes, more images than a piece takes.
fn tiled() -> Vec<(usize, Geometry)> {
    let of = |height, width, channels, filters| Geometry { height, width, channels, filters, side: 3, stride: 1 };
    vec![
        (1, of(4, 4, 16, 16)),
        (3, of(8, 12, 16, 33)),
        (2, of(7, 5, 12, 19)),
        (2, of(3, 6, 40, 13)),
        (45, of(4, 4, 17, 12)),
        (1, of(45, 70, 12, 16)),
        (150, of(8, 7, 12, 12)),
    ]
}

#[test]
fn minimal_filtering_is_the_definition_within_rounding() {
    for (count, g) in tiled() {
        assert!(minimal::suits(&g), "{g:?}");
        let normals = |count, seed| crate::testing::normals(count, seed, 1.0);
        let (x, weight) = (normals(count * g.image(), 1), normals(g.taps() * g.filters, 2));
        let upstream = normals(count * g.out_image(), 3);
        let expected = defined(count, &g, [&x, &weight, &upstream]);
        let found = all_three(&g, [&x, &weight, &upstream]);
        let [x, weight, upstream] = [&x, &weight, &upstream].map(|values| crate::testing::single(values));
        let single = all_three(&g, [&x, &weight, &upstream]);
        for ((expected, found), single) in expected.iter().zip(&found).zip(&single) {
            let size = (expected.iter().map(|e| e * e).sum::<f64>() / expected.len() as f64).sqrt();
            let worst = |found: &mut dyn Iterator<Item = f64>| {
                expected.iter().zip(found).map(|(e, f)| (e - f).abs()).fold(0.0, f64::max) / size
            };
            let errors = [worst(&mut found.iter().copied()), worst(&mut single.iter().map(|&f| f64::from(f)))];
            assert!(errors[0] < 1e-13 && errors[1] < 5e-5, "{g:?}: {errors:?}");
        }
    }
}

#[test]
fn a_nan_reaches_what_looks_at_it_and_large_numbers_stay() {
    let g = Geometry { height: 8, width: 8, channels: 16, filters: 16, side: 3, stride: 1 };
    let (mut x, weight) = (vec![1e30_f32; g.image()], vec![1.0; g.taps() * g.filters]);
    let mut out = vec![0.0; g.out_image()];
    forward(&g, &x, &weight, &mut out);
    assert!(out.iter().all(|y| y.is_finite() && *y > 1e31));
    // Pixel (3, 3): all around it are of the first tile or beside it.
    x[(3 * 8 + 3) * 16 + 5] = f32::NAN;
    forward(&g, &x, &weight, &mut out);
    for (y, x) in (2..5).flat_map(|y| (2..5).map(move |x| (y, x))) {
        assert!(out[(y * 8 + x) * 16..][..16].iter().all(|y| y.is_nan()));
    }
}

#[test]
fn the_bits_do_not_depend_on_the_threads() {
    for channels in [5, 16] {
        bits_of(&Geometry { height: 9, width: 7, channels, filters: 13, side: 3, stride: 1 }, 50);
    }
}

fn bits_of(g: &Geometry, count: usize) {
    let wave = |count: usize, step: f32| -> Vec<f32> { (0..count).map(|i| (i as f32 * step).sin()).collect() };
    let (x, weight) = (wave(count * g.image(), 0.37), wave(g.taps() * g.filters, 0.71));
    let upstream = wave(count * g.out_image(), 0.53);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        let (mut out, mut to_x, mut to_weight) =
            (vec![0.0_f32; upstream.len()], vec![0.0_f32; x.len()], vec![0.0_f32; weight.len()]);
        pool.install(|| {
            forward(g, &x, &weight, &mut out);
            input_gradient(g, &upstream, &weight, &mut to_x);
            weight_gradient(g, &x, &upstream, &mut to_weight);
        });
        [out, to_x, to_weight].concat().into_iter().map(f32::to_bits).collect::<Vec<_>>()
    };
    let one = with(1);
    assert!([2, 3, 8].into_iter().all(|threads| with(threads) == one));
}
