//! Conformance: every augmentation keeps the promises of the module.

use super::*;
use crate::stream;

fn shapes() -> Vec<Shape> {
    let image = |channels, height, width| Shape::Image { channels, height, width };
    vec![image(1, 8, 8), image(3, 6, 9), image(1, 1, 1), Shape::Row { columns: 7 }, Shape::Row { columns: 1 }]
}

fn sample(shape: &Shape) -> Vec<f32> {
    let n = shape.len();
    (0..n).map(|index| (index * 7 % n) as f32 / n as f32).collect()
}

#[test]
fn every_augmentation_is_pure_keeps_the_length_and_stays_in_range() {
    for augmentation in Augmentation::all() {
        let mut used = false;
        for shape in shapes() {
            let fits = augmentation.fits(&shape);
            assert_eq!(augmentation.check(&shape).is_ok(), fits, "{augmentation:?}");
            if !fits {
                continue;
            }
            used = true;
            let original = sample(&shape);
            let changed = (0..20).filter(|&index| {
                let run = || {
                    let mut values = original.clone();
                    augmentation.apply(&mut values, &shape, &mut stream(0, "test", index));
                    values
                };
                let values = run();
                assert_eq!(values, run());
                assert_eq!(values.len(), shape.len());
                assert!(values.iter().all(|value| value.is_finite()));
                if matches!(shape, Shape::Image { .. }) {
                    // Bilinear weights sum to 1 within a few units of rounding.
                    assert!(values.iter().all(|value| (0.0..=1.000_001).contains(value)), "{augmentation:?}");
                }
                values != original
            });
            assert!(changed.count() > 0 || shape.group_len() == 1, "{augmentation:?} never changed {shape}");
        }
        assert!(used);
    }
}

#[test]
fn draws_do_not_depend_on_the_values() {
    use rand::Rng;
    for augmentation in Augmentation::all() {
        for shape in shapes().iter().filter(|shape| augmentation.fits(shape)) {
            let after = |mut values: Vec<f32>| {
                let mut rng = stream(1, "test", 0);
                augmentation.apply(&mut values, shape, &mut rng);
                rng.next_u64()
            };
            assert_eq!(after(sample(shape)), after(vec![0.0; shape.len()]), "{augmentation:?}");
        }
    }
}

#[test]
fn parameters_outside_their_range_are_named() {
    let image = Shape::Image { channels: 3, height: 8, width: 8 };
    let row = Shape::Row { columns: 3 };
    let refuse = |augmentation: Augmentation, shape: &Shape| augmentation.check(shape).unwrap_err().to_string();
    let bad = Augmentation::Shift(Shift { pixels: -1.0, ..Shift::default() });
    assert_eq!(refuse(bad, &image), "shift: pixels = -1 has to be between 0 and 10000");
    let crossed = Augmentation::Scale(Scale { low: 1.2, high: 0.8, ..Scale::default() });
    assert_eq!(refuse(crossed, &image), "scale: high = 0.8 has to be between 1.2 and 20");
    let nan = Augmentation::Mask(Mask { prob: f64::NAN });
    assert!(refuse(nan, &row).contains("prob = NaN"));
    let flip = Augmentation::Flip(Flip::default());
    assert_eq!(
        refuse(flip, &row),
        "flip needs images and the samples are a row of 3 columns; remove it, or use the preset `table`"
    );
    assert!(refuse(Augmentation::Mask(Mask::default()), &image).contains("needs rows of a table"));
    let grey = Shape::Image { channels: 1, height: 8, width: 8 };
    assert!(refuse(Augmentation::Grayscale(Grayscale::default()), &grey).contains("images of 3 channels"));
}

#[test]
fn a_certain_flip_mirrors_exactly() {
    let shape = Shape::Image { channels: 2, height: 1, width: 3 };
    let mut values = vec![0.1, 0.2, 0.3, 0.4, 0.5, 0.6];
    Augmentation::Flip(Flip { prob: 1.0 }).apply(&mut values, &shape, &mut stream(0, "test", 0));
    assert_eq!(values, [0.3, 0.2, 0.1, 0.6, 0.5, 0.4]);
}

#[test]
fn a_whole_crop_and_a_zero_rotation_change_nothing() {
    let shape = Shape::Image { channels: 1, height: 5, width: 4 };
    let whole = Crop { min_area: 1.0, max_area: 1.0, min_aspect: 1.0, max_aspect: 1.0 };
    let still = Rotation { degrees: 0.0, fill: Fill::Zero };
    for augmentation in [Augmentation::Crop(whole), Augmentation::Rotation(still)] {
        let mut values = sample(&shape);
        augmentation.apply(&mut values, &shape, &mut stream(0, "test", 0));
        assert_eq!(values, sample(&shape));
    }
}

#[test]
fn a_crop_shows_a_part_of_a_ramp_in_order() {
    let shape = Shape::Image { channels: 1, height: 1, width: 16 };
    let ramp: Vec<f32> = (0..16).map(|value| value as f32 / 16.0).collect();
    for index in 0..50 {
        let mut values = ramp.clone();
        Augmentation::Crop(Crop::default()).apply(&mut values, &shape, &mut stream(0, "test", index));
        assert!(values.is_sorted(), "{values:?}");
        let slope = (values[10] - values[6]) / 4.0 * 16.0;
        assert!((0.1..=1.001).contains(&slope), "{slope}");
    }
}

#[test]
fn noise_has_the_deviation_asked_for() {
    let shape = Shape::Row { columns: 10_001 };
    let mut values = vec![0.0; 10_001];
    Augmentation::Noise(Noise { sigma: 0.5 }).apply(&mut values, &shape, &mut stream(0, "test", 0));
    let variance = values.iter().map(|value| f64::from(value * value)).sum::<f64>() / 10_001.0;
    // Five standard errors of a variance: 5·0.25·√(2/10001).
    assert!((variance - 0.25).abs() < 0.018, "{variance}");
}

#[test]
fn masked_and_erased_shares_are_as_asked_for() {
    let row = Shape::Row { columns: 10_000 };
    let mut values = vec![1.0; 10_000];
    Augmentation::Mask(Mask::default()).apply(&mut values, &row, &mut stream(0, "test", 0));
    let masked = values.iter().filter(|value| **value == 0.0).count();
    assert!((2770..3230).contains(&masked), "{masked}");

    let image = Shape::Image { channels: 1, height: 20, width: 20 };
    for index in 0..50 {
        let mut values = vec![1.0; 400];
        let erase = Erase { prob: 1.0, min_area: 0.1, max_area: 0.2, fill: EraseFill::Zero };
        Augmentation::Erase(erase).apply(&mut values, &image, &mut stream(0, "test", index));
        let erased = values.iter().filter(|value| **value == 0.0).count();
        // Sides are rounded to whole pixels.
        assert!((30..100).contains(&erased), "{erased}");
    }
}
