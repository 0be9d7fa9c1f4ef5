use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::Source;
use crate::source::open_source;

fn open(array: NpyArray, labels: Option<NpyArray>) -> Result<StoredSource, SourceError> {
    assemble("a.npy".into(), array, labels.map(|array| ("a_y.npy".into(), array)), vec![])
}

fn refusal(array: NpyArray, labels: Option<NpyArray>) -> String {
    open(array, labels).err().unwrap().to_string()
}

#[test]
fn rows_keep_their_values_and_lose_bad_ones() {
    let x = NpyArray::new(&[4, 2], NpyData::F64(vec![1.0, 2.0, f64::NAN, 0.0, 5.0, 6.0, 0.0, 1e300]));
    let y = NpyArray::new(&[4], NpyData::F32(vec![10.0, 20.0, 30.0, 40.0]));
    let source = open(x, Some(y)).unwrap();
    assert_eq!(source.shape(), &Shape::Row { columns: 2 });
    assert_eq!((source.len(), source.sample(1).unwrap().values), (2, vec![5.0, 6.0]));
    assert_eq!(source.classes(), ["10", "30"]);
    assert_eq!(source.label(1), Some(1));
    let told: Vec<_> = source.skipped().iter().map(|s| format!("{}: {}", s.path, s.reason)).collect();
    assert_eq!(told[0], "a.npy[1]: value 0 of the sample is not a finite number");
    assert_eq!(told[1], "a.npy[3]: value 1 of the sample is not a finite number");
}

#[test]
fn channels_may_come_last_or_second() {
    let last = open(NpyArray::new(&[1, 1, 2, 3], NpyData::U8(vec![1, 2, 3, 4, 5, 6])), None).unwrap();
    let second = open(NpyArray::new(&[1, 3, 1, 2], NpyData::U8(vec![1, 4, 2, 5, 3, 6])), None).unwrap();
    assert_eq!(last.shape(), &Shape::Image { channels: 3, height: 1, width: 2 });
    assert_eq!(last.sample(0).unwrap(), second.sample(0).unwrap());
    assert_eq!(last.sample(0).unwrap().values[1].to_bits(), (4.0f32 / 255.0).to_bits());
}

#[test]
fn image_scales_are_told_apart() {
    let image = |values: Vec<f32>| open(NpyArray::new(&[1, 1, 2], NpyData::F32(values)), None);
    assert_eq!(image(vec![0.0, 1.0]).unwrap().range(), (0.0, 1.0));
    assert_eq!(image(vec![0.0, 51.0]).unwrap().range(), (0.0, 0.2));
    assert!(image(vec![-1.0, 1.0]).err().unwrap().to_string().contains("run from -1 to 1"));
    assert!(open(NpyArray::new(&[1, 1, 1], NpyData::I64(vec![300])), None).is_err());
}

#[test]
fn messages_say_what_to_do() {
    let row = || NpyArray::new(&[2, 1], NpyData::F32(vec![0.0, 1.0]));
    assert!(refusal(NpyArray::new(&[2], NpyData::F32(vec![0.0, 1.0])), None).contains("reshape it"));
    assert!(refusal(NpyArray::new(&[0, 2], NpyData::F32(vec![])), None).contains("holds no sample"));
    assert!(refusal(row(), Some(NpyArray::new(&[1], NpyData::U8(vec![0])))).contains("1 labels for 2 samples"));
    let half = NpyArray::new(&[2], NpyData::F64(vec![0.0, 0.5]));
    assert_eq!(
        refusal(row(), Some(half)),
        "a_y.npy: label 1 is 0.5; labels are whole numbers, so convert them, or move the file away to go without"
    );
    let nan = NpyArray::new(&[2, 1], NpyData::F32(vec![f32::NAN, f32::INFINITY]));
    assert!(refusal(nan, None).contains("2 of 2 samples cannot be used, the first at a.npy[0]"));
}

#[test]
fn labels_are_found_beside_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let rows = |name: &str, n: usize| npy::write_f32(at(name), &[n, 1], &vec![0.5; n]).unwrap();
    let labels = |name: &str, n: usize| npy::write(at(name), &NpyArray::new(&[n], NpyData::U8(vec![3; n]))).unwrap();
    let label = |name: &str| open_source(at(name).to_str().unwrap(), "").map(|source| source.label(0).is_some());
    rows("plain.npy", 2);
    assert!(!label("plain.npy").unwrap());
    labels("plain_labels.npy", 2);
    assert!(label("plain.npy").unwrap());
    rows("digits_x.npy", 2);
    labels("digits_y.npy", 3);
    assert!(label("digits_x.npy").is_err(), "the name leaves no doubt, so a wrong length is a mistake");
    rows("multi_fou.npy", 2);
    rows("multi_short.npy", 1);
    labels("multi_labels.npy", 2);
    assert!(label("multi_fou.npy").unwrap());
    assert!(!label("multi_short.npy").unwrap());
}

#[test]
fn archives_hold_samples_and_labels() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    let x = NpyArray::new(&[2, 1], NpyData::F64(vec![1.5, 2.5]));
    let y = NpyArray::new(&[2, 1], NpyData::I64(vec![-1, 4]));
    npz::write(&path, &[("data", &x), ("labels", &y)]).unwrap();
    let source = open_source(path.to_str().unwrap(), "").unwrap();
    assert_eq!((source.len(), source.classes().join(" ")), (2, "-1 4".to_owned()));
    npz::write(&path, &[("weights", &x)]).unwrap();
    assert!(open_source(path.to_str().unwrap(), "").err().unwrap().to_string().contains("no array `x`"));
}

proptest! {
    #[test]
    fn any_array_gives_a_source_or_a_reason(
        shape in prop::collection::vec(0usize..5, 0..6),
        special in prop_oneof![Just(0.5), Just(f32::NAN), Just(-3.0), Just(200.0)],
        at in any::<usize>(),
    ) {
        let n: usize = shape.iter().product();
        let mut values = vec![0.25; n];
        if n > 0 {
            values[at % n] = special;
        }
        let bytes = npy::encode(&NpyArray::new(&shape, NpyData::F32(values)));
        if let Ok(source) = open(npy::decode(&bytes).unwrap(), None) {
            let values = source.sample(source.len() - 1).unwrap().values;
            prop_assert!(values.iter().all(|value| value.is_finite()));
            prop_assert_eq!(values.len(), source.shape().len());
        }
        let arrays: BTreeMap<_, _> = npz::decode(Path::new("a"), &bytes, |_| true).unwrap_or_default();
        prop_assert!(arrays.is_empty());
    }
}
