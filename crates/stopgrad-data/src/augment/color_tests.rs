//! Colors and blur beside torchvision's (`tests/golden/color.py`), and in closed form.

use pulp::Arch;

use super::color::Change;
use super::*;
use crate::stream;

#[derive(Deserialize)]
struct Golden {
    tolerance: (f32, String),
    values: Values,
}

#[derive(Deserialize)]
struct Values {
    side: usize,
    image: Vec<f32>,
    cases: std::collections::BTreeMap<String, Vec<f32>>,
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn colors_and_blur_are_torchvisions() {
    let golden: Golden = serde_json::from_str(include_str!("../../tests/golden/color.json")).unwrap();
    let Values { side, image, cases } = golden.values;
    let shape = Shape::Image { channels: 3, height: side, width: side };
    assert_eq!(cases.len(), 9);
    for (name, expected) in &cases {
        let (change, amount) = name.split_once(' ').unwrap();
        let amount: f64 = amount.parse().unwrap();
        let mut values = image.clone();
        match change {
            "brightness" => color::change(&mut values, &[Change::Brightness(amount as f32)]),
            "contrast" => color::change(&mut values, &[Change::Contrast(amount as f32)]),
            "saturation" => color::change(&mut values, &[Change::Saturation(amount as f32)]),
            "hue" => color::change(&mut values, &[Change::Hue(amount as f32)]),
            "solarize" => {
                let solarize = Augmentation::Solarize(Solarize { prob: 1.0, threshold: amount });
                solarize.apply(&mut values, &shape, &mut stream(0, "test", 0));
            }
            "blur" => {
                let blur = Augmentation::Blur(Blur { prob: 1.0, min_sigma: amount, max_sigma: amount });
                blur.apply(&mut values, &shape, &mut stream(0, "test", 0));
            }
            other => panic!("{other}"),
        }
        let off = largest_difference(&values, expected);
        assert!(off < golden.tolerance.0, "{name}: {off}");
        assert!(largest_difference(&image, expected) > 0.05, "{name} changes nothing");
    }
}

#[test]
fn a_blurred_point_is_the_kernel_and_a_blurred_plain_stays() {
    let shape = Shape::Image { channels: 1, height: 96, width: 100 };
    let blur = Augmentation::Blur(Blur { prob: 1.0, min_sigma: 1.5, max_sigma: 1.5 });
    let mut values = vec![0.0; 9600];
    values[50 * 100 + 40] = 1.0;
    blur.apply(&mut values, &shape, &mut stream(0, "test", 0));
    let weight = |place: i32| if place.abs() > 4 { 0.0 } else { (-f64::from(place * place) / 4.5).exp() };
    let sum: f64 = (-4..=4).map(weight).sum();
    for (at, value) in values.iter().enumerate() {
        let (row, column) = ((at / 100) as i32 - 50, (at % 100) as i32 - 40);
        let expected = weight(row) * weight(column) / sum / sum;
        assert!((f64::from(*value) - expected).abs() < 1e-7, "{row}, {column}: {value} and {expected}");
    }
    let mut plain = vec![0.7; 9600];
    blur.apply(&mut plain, &shape, &mut stream(0, "test", 0));
    // Nine weights of f32 rounding, twice.
    assert!(plain.iter().all(|value| (value - 0.7).abs() < 2e-6));
}

#[test]
fn a_turned_hue_comes_back_and_keeps_value_and_chroma() {
    let image: Vec<f32> = (0..3 * 64).map(|at| (at * 89 % 192) as f32 / 191.0).collect();
    let extremes = |values: &[f32], at: usize| {
        let pixel = [values[at], values[at + 64], values[at + 128]];
        (pixel.iter().copied().fold(0.0, f32::max), pixel.iter().copied().fold(1.0, f32::min))
    };
    for turn in [-0.5, -0.21, 0.0, 0.07, 1.0 / 3.0, 0.5] {
        let mut values = image.clone();
        color::change(&mut values, &[Change::Hue(turn)]);
        for at in 0..64 {
            let (before, after) = (extremes(&image, at), extremes(&values, at));
            assert!((before.0 - after.0).abs() < 1e-5 && (before.1 - after.1).abs() < 1e-5, "{before:?} {after:?}");
        }
        color::change(&mut values, &[Change::Hue(-turn)]);
        assert!(largest_difference(&values, &image) < 1e-5, "{turn}");
    }
    // A third of the circle: red becomes green.
    let mut red = vec![1.0, 0.0, 0.0];
    color::change(&mut red, &[Change::Hue(1.0 / 3.0)]);
    assert!(largest_difference(&red, &[0.0, 1.0, 0.0]) < 1e-6, "{red:?}");
}

#[test]
fn a_jitter_of_one_kind_is_that_change() {
    let shape = Shape::Image { channels: 3, height: 6, width: 6 };
    let image: Vec<f32> = (0..108).map(|at| (at * 31 % 108) as f32 / 107.0).collect();
    let none = Jitter { prob: 1.0, brightness: 0.0, contrast: 0.0, saturation: 0.0, hue: 0.0 };
    let run = |jitter: Jitter| {
        let mut values = image.clone();
        Augmentation::Jitter(jitter).apply(&mut values, &shape, &mut stream(0, "test", 1));
        values
    };
    assert!(largest_difference(&run(none.clone()), &image) < 1e-5);
    assert_eq!(run(Jitter { prob: 0.0, ..Jitter::default() }), image);
    let brighter = run(Jitter { brightness: 0.4, ..none.clone() });
    let factor = brighter[1] / image[1];
    assert!((factor - 1.0).abs() > 0.01 && (0.6..=1.4).contains(&factor));
    assert!(brighter.iter().zip(&image).all(|(new, old)| (new - (old * factor).min(1.0)).abs() < 1e-4));
    for one in [
        Jitter { contrast: 0.4, ..none.clone() },
        Jitter { saturation: 0.4, ..none.clone() },
        Jitter { hue: 0.1, ..none },
    ] {
        assert!(largest_difference(&run(one.clone()), &image) > 0.01, "{one:?}");
    }
}

#[test]
fn the_order_of_a_jitter_is_random() {
    // The stream has, in this order: whether, three factors, a turn, an order.
    let shape = Shape::Image { channels: 3, height: 1, width: 2 };
    let mut seen = std::collections::BTreeSet::new();
    for index in 0..200 {
        let order = {
            let mut rng = stream(0, "test", index);
            (0..5).for_each(|_| _ = crate::random::unit(&mut rng));
            crate::random::permutation(&mut rng, 4)
        };
        let mut values = vec![0.2, 0.9, 0.4, 0.1, 0.6, 0.5];
        let jitter = Jitter { prob: 1.0, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 };
        Augmentation::Jitter(jitter).apply(&mut values, &shape, &mut stream(0, "test", index));
        let mut rng = stream(0, "test", index);
        let mut expected = vec![0.2, 0.9, 0.4, 0.1, 0.6, 0.5];
        crate::random::unit(&mut rng);
        let mut factor = || crate::random::between(&mut rng, 0.6, 1.4) as f32;
        let factors = [factor(), factor(), factor()];
        let turn = crate::random::between(&mut rng, -0.1, 0.1) as f32;
        let changes = [
            Change::Brightness(factors[0]),
            Change::Contrast(factors[1]),
            Change::Saturation(factors[2]),
            Change::Hue(turn),
        ];
        for &at in &order {
            color::change(&mut expected, &[changes[at]]);
        }
        assert_eq!(values, expected);
        seen.insert(order);
    }
    assert_eq!(seen.len(), 24);
}

#[test]
fn every_width_of_registers_gives_the_same_bits() {
    let shape = Shape::Image { channels: 3, height: 37, width: 41 };
    let image: Vec<f32> = (0..shape.len()).map(|at| (at * 7919 % 4567) as f32 / 4566.0).collect();
    let changes = [Change::Hue(0.07), Change::Contrast(1.3), Change::Saturation(0.7), Change::Brightness(0.9)];
    let (mut widest, mut narrow) = (image.clone(), image);
    color::change(&mut widest, &changes);
    color::change_by(Arch::Scalar, &mut narrow, &changes);
    assert_eq!(widest, narrow);
    let kernel = [0.1, 0.2, 0.4, 0.2, 0.1];
    blur::blur_by(Arch::new(), &mut widest, [37, 41], &kernel);
    blur::blur_by(Arch::Scalar, &mut narrow, [37, 41], &kernel);
    assert_eq!(widest, narrow);
}
