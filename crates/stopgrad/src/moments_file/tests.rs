//! What is written is read back; what is damaged is refused.

use std::path::PathBuf;

use faer::Mat;
use proptest::prelude::*;
use stopgrad_data::{NpyArray, NpyData, npz};
use stopgrad_dynamics::moments::{MomentsAccumulator, Pairing};
use tempfile::TempDir;

use super::*;

fn place(name: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    (folder, path)
}

/// A file with everything in it, from numbers that a property draws.
fn example(m: usize, values: &[f64], exchangeable: bool, center: bool) -> MomentsFile {
    let samples = values.len() / (2 * m);
    let x = &values[..samples * 2 * m];
    let y: Vec<f64> = if exchangeable { vec![] } else { x.iter().map(|value| 1.0 - value * value).collect() };
    let pairing = if exchangeable { Pairing::Exchangeable { views: 2 } } else { Pairing::Crossed { views: 2 } };
    let mut sums = MomentsAccumulator::new(m, pairing, true);
    sums.add(x, &y);
    let sums = sums.finish();
    let basis = Some(Mat::from_fn(m, m + 2, |i, j| i as f64 - 0.1 * j as f64));
    let moments = Moments { basis: basis.clone(), ..sums.moments(center) };
    let half = sums.half(center).map(|half| Moments { basis, ..half.to_moments() });
    let phases = (0..m).map(|i| 0.3 * i as f64).collect();
    MomentsFile { moments, half, features: Some(RandomFeatures::Fourier { phases }) }
}

fn numbers(count: usize) -> Vec<f64> {
    (0..count).map(|i| ((i * i * 31 + 7 * i) % 101) as f64 / 50.0 - 1.0).collect()
}

proptest! {
    // Each case writes and syncs files.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_written_is_read_back(
        m in 1usize..5, values in prop::collection::vec(-1e3f64..1e3, 40..60), exchangeable: bool, center: bool,
    ) {
        let file = example(m, &values, exchangeable, center);
        for name in ["m.npz", "m.json"] {
            let (_folder, path) = place(name);
            file.write(&path).unwrap();
            let (read, input) = MomentsFile::read(&path).unwrap();
            prop_assert_eq!(&read, &file, "{}", name);
            prop_assert_eq!(input.sha256.len(), 64);
        }
    }

    #[test]
    fn damage_never_panics(cut in any::<usize>(), at in any::<usize>(), byte in any::<u8>(), as_json: bool) {
        let (_folder, path) = place(if as_json { "m.json" } else { "m.npz" });
        example(2, &numbers(24), false, true).write(&path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        // The last bytes of the JSON form are a brace and a line's end.
        std::fs::write(&path, &bytes[..cut % (bytes.len() - 2)]).unwrap();
        prop_assert!(MomentsFile::read(&path).is_err());
        let mut flipped = bytes.clone();
        flipped[at % bytes.len()] = byte;
        std::fs::write(&path, &flipped).unwrap();
        let _ = MomentsFile::read(&path);
    }
}

#[test]
fn sums_and_matrices_make_the_same_file() {
    for exchangeable in [true, false] {
        let x = numbers(48);
        let y = if exchangeable { vec![] } else { x.iter().rev().copied().collect() };
        let pairing = if exchangeable { Pairing::Exchangeable { views: 2 } } else { Pairing::Crossed { views: 2 } };
        let mut sums = MomentsAccumulator::new(3, pairing, true);
        sums.add(&x, &y);
        let sums = sums.finish();
        let (folder, path) = place("sums.npz");
        let other = folder.path().join("matrices.npz");
        let basis = Mat::from_fn(3, 5, |i, j| (i * j) as f64);
        let map = RandomMap { weights: basis.clone(), features: RandomFeatures::Relu };
        write_sums(&sums, true, Some(&map), &path).unwrap();
        let moments = Moments { basis: Some(basis), ..sums.moments(true) };
        let half = sums.half(true).map(|half| half.to_moments());
        MomentsFile { moments, half, features: Some(RandomFeatures::Relu) }.write(&other).unwrap();
        let arrays = |path| npz::read(path).unwrap();
        assert_eq!(arrays(&path), arrays(&other));
        assert_eq!(arrays(&path).contains_key("yy"), !exchangeable);
    }
}

fn array(shape: &[usize], values: &[f64]) -> NpyArray {
    NpyArray::new(shape, NpyData::F64(values.to_vec()))
}

/// What reading a file of these arrays says.
fn refused(arrays: &[(&str, NpyArray)]) -> String {
    let (_folder, path) = place("m.npz");
    let borrowed: Vec<_> = arrays.iter().map(|(name, array)| (*name, array)).collect();
    npz::write(&path, &borrowed).unwrap();
    MomentsFile::read(&path).unwrap_err().to_string()
}

#[test]
fn what_a_numpy_user_writes_is_read() {
    let (_folder, path) = place("m.npz");
    let xx = NpyArray::new(&[2, 2], NpyData::F32(vec![2.0, 0.1, 0.1 + 1e-8, 1.0]));
    let yx = NpyArray::new(&[2, 2], NpyData::I64(vec![1, 0, 0, 1]));
    let extra = NpyArray::new(&[1], NpyData::U8(vec![1]));
    npz::write(&path, &[("xx", &xx), ("yx", &yx), ("centered", &extra), ("mine", &extra)]).unwrap();
    let (file, _) = MomentsFile::read(&path).unwrap();
    assert!(file.moments.centered && !file.moments.symmetrized && file.moments.yy.is_none() && file.half.is_none());
    assert!((file.moments.xx[(0, 1)] - 0.1).abs() < 1e-7 && file.moments.count.is_none());
    let text = r#"{"xx": [[2, 0.5], [0.5, 1]], "yx": [[1, 0], [0, 1]], "symmetrized": true, "note": "mine"}"#;
    let path = path.with_extension("json");
    std::fs::write(&path, text).unwrap();
    let (file, _) = MomentsFile::read(&path).unwrap();
    assert_eq!(file.moments.yy, Some(file.moments.xx.clone()));
}

#[test]
fn each_mistake_is_named() {
    let unit = || ("xx", array(&[2, 2], &[1.0, 0.0, 0.0, 1.0]));
    let yx = || ("yx", array(&[2, 2], &[0.5, 0.0, 0.0, 0.5]));
    let cases = [
        (vec![unit()], "has no `yx`"),
        (vec![yx()], "has no `xx`, and needs it; it has "),
        (vec![("xx", array(&[4], &[1.0, 0.0, 0.0, 1.0])), yx()], "`xx` has shape [4], expected two axes"),
        (vec![unit(), ("yx", array(&[1, 2], &[0.0; 2]))], "yx is 1 × 2, but xx says m = 2"),
        (vec![("xx", array(&[2, 2], &[f64::NAN, 0.0, 0.0, 1.0])), yx()], "xx[0, 0] is NaN"),
        (vec![("xx", array(&[2, 2], &[1.0, 0.0, 0.1, 1.0])), yx()], "xx is not symmetric"),
        (vec![("xx", array(&[2, 2], &[1.0, 2.0, 2.0, 1.0])), yx()], "negative eigenvalue"),
        (vec![unit(), yx(), ("count", array(&[], &[1.5]))], "`count` is 1.5"),
        (vec![unit(), yx(), ("centered", array(&[], &[2.0]))], "`centered` is 2, expected 0 or 1"),
        (vec![unit(), yx(), ("mean_x", array(&[3], &[0.0; 3]))], "mean_x has 3 rows"),
        (vec![unit(), yx(), ("feature_kind", array(&[], &[1.0]))], "has no `feature_phase`"),
        (vec![unit(), yx(), ("half_xx", array(&[2, 2], &[1.0, 0.0, 0.0, 1.0]))], "has no `half_yx`"),
    ];
    for (arrays, message) in cases {
        let said = refused(&arrays);
        assert!(said.contains(message) && said.contains("m.npz"), "{message}: {said}");
    }
    for (text, message) in [
        ("{\"xx\": [[NaN]], \"yx\": [[1]]}", "NaN and Infinity are no JSON"),
        ("{\"xx\": [[1, 2], [3]], \"yx\": [[1]]}", "`xx` has shape [2, 1]"),
        ("{\"xx\": \"one\", \"yx\": [[1]]}", "`xx` has shape []"),
        ("[]", "m.json"),
    ] {
        let (_folder, path) = place("m.json");
        std::fs::write(&path, text).unwrap();
        let said = MomentsFile::read(&path).unwrap_err().to_string();
        assert!(said.contains(message), "{text}: {said}");
    }
}

#[test]
fn the_ending_says_the_form_and_json_is_for_few_coordinates() {
    let (_folder, path) = place("m.txt");
    let small = MomentsFile::of(Moments::new(Mat::identity(2, 2), Mat::zeros(2, 2), None).unwrap());
    assert!(matches!(small.write(&path), Err(MomentsFileError::Ending { .. })));
    assert!(matches!(MomentsFile::read(&path), Err(MomentsFileError::Ending { .. })));
    let path = path.with_extension("json");
    let large = MomentsFile::of(Moments::new(Mat::identity(17, 17), Mat::zeros(17, 17), None).unwrap());
    assert!(matches!(large.write(&path), Err(MomentsFileError::TooLarge { size: 17, .. })));
    assert!(check_path(&path, 16).is_ok() && check_path(&path, 17).is_err());
    assert!(matches!(MomentsFile::read(&path), Err(MomentsFileError::Io { .. })));
}
