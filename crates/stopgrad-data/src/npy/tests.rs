use proptest::prelude::*;

use super::*;

/// Bytes as NumPy writes them, put together by hand from the format's description.
fn by_hand(descr: &str, fortran: &str, shape: &str, values: &[u8]) -> Vec<u8> {
    let text = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend_from_slice(&(text.len() as u16).to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
    bytes.extend_from_slice(values);
    bytes
}

#[test]
fn every_type_is_read() {
    let cases: [(&str, &[u8], NpyData); 10] = [
        ("|u1", &[7, 255], NpyData::U8(vec![7, 255])),
        ("|b1", &[0, 1], NpyData::U8(vec![0, 1])),
        ("|i1", &[255, 2], NpyData::I64(vec![-1, 2])),
        ("<i2", &[0xfe, 0xff, 1, 0], NpyData::I64(vec![-2, 1])),
        (">i2", &[0xff, 0xfe, 0, 1], NpyData::I64(vec![-2, 1])),
        ("<u4", &[255, 255, 255, 255, 0, 0, 0, 0], NpyData::I64(vec![0xffff_ffff, 0])),
        ("<f2", &[0x00, 0x3c, 0x00, 0xc0], NpyData::F32(vec![1.0, -2.0])),
        ("<f4", &[0, 0, 128, 63, 0, 0, 0, 64], NpyData::F32(vec![1.0, 2.0])),
        (">f4", &[63, 128, 0, 0, 64, 0, 0, 0], NpyData::F32(vec![1.0, 2.0])),
        ("<f8", &[0, 0, 0, 0, 0, 0, 240, 63, 0, 0, 0, 0, 0, 0, 0, 64], NpyData::F64(vec![1.0, 2.0])),
    ];
    for (descr, values, expected) in cases {
        let array = decode(&by_hand(descr, "False", "(2,)", values)).unwrap();
        assert_eq!((array.shape, array.data), (vec![2], expected), "{descr}");
    }
}

#[test]
fn fortran_order_is_turned() {
    let array = decode(&by_hand("|u1", "True", "(2, 3)", &[1, 4, 2, 5, 3, 6])).unwrap();
    assert_eq!(array.data, NpyData::U8(vec![1, 2, 3, 4, 5, 6]));
    let cube = decode(&by_hand("|u1", "True", "(2, 2, 2)", &[0, 4, 2, 6, 1, 5, 3, 7])).unwrap();
    assert_eq!(cube.data, NpyData::U8((0..8).collect()));
}

#[test]
fn half_precision_is_exact() {
    for (bits, value) in
        [(0x0001, 5.960_464_5e-8), (0x3555, 0.333_251_95), (0x7bff, 65504.0), (0xfc00, f32::NEG_INFINITY)]
    {
        assert_eq!(half(bits).to_bits(), f32::to_bits(value), "{bits:x}");
    }
    assert!(half(0x7e00).is_nan());
}

#[test]
fn a_claim_beyond_the_file_is_refused_before_allocation() {
    // 2^62 values of 8 bytes overflow 64 bits; 10^12 bytes would not fit into memory.
    for (shape, claimed) in [("(4611686018427387904,)", u64::MAX), ("(1000000, 125000)", 1_000_000_000_000)] {
        let damage = decode(&by_hand("<f8", "False", shape, &[0; 16])).unwrap_err();
        assert_eq!(damage, NpyDamage::Length { claimed, found: 16 });
    }
}

#[test]
fn objects_and_structures_are_refused() {
    let object = decode(&by_hand("|O", "False", "(1,)", &[0; 8])).unwrap_err();
    assert!(matches!(object, NpyDamage::Type { .. }), "{object}");
    let text = "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,), }";
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend_from_slice(&(text.len() as u16).to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
    assert!(matches!(decode(&bytes).unwrap_err(), NpyDamage::Type { .. }));
}

#[test]
fn a_file_is_written_and_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    write_f32(&path, &[2, 1], &[0.1, -3.5]).unwrap();
    assert_eq!(read(&path).unwrap(), NpyArray::new(&[2, 1], NpyData::F32(vec![0.1, -3.5])));
    write_f64(&path, &[], &[0.1]).unwrap();
    assert_eq!(read(&path).unwrap().to_f64(), [0.1]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no partial file is left");
    let error = write_f64(folder.path().join("no/such/folder.npy"), &[], &[0.1]).unwrap_err();
    assert!(error.to_string().contains("folder.npy"), "{error}");
}

fn arrays() -> impl Strategy<Value = NpyArray> {
    let shape = prop_oneof![
        Just(vec![]),
        (0usize..6).prop_map(|n| vec![n]),
        (0usize..4, 1usize..4, 1usize..4).prop_map(|(a, b, c)| vec![a, b, c])
    ];
    (shape, 0..4u8, any::<u64>()).prop_map(|(shape, kind, seed)| {
        let n = shape.iter().product::<usize>() as u64;
        let word = |i: u64| (i + 1).wrapping_mul(seed | 1);
        let data = match kind {
            0 => NpyData::U8((0..n).map(|i| word(i) as u8).collect()),
            1 => NpyData::I64((0..n).map(|i| word(i) as i64).collect()),
            2 => NpyData::F32((0..n).map(|i| word(i) as f32).collect()),
            _ => NpyData::F64((0..n).map(|i| word(i) as f64 / 3.0).collect()),
        };
        NpyArray::new(&shape, data)
    })
}

proptest! {
    #[test]
    fn round_trip(array in arrays()) {
        let bytes = encode(&array);
        prop_assert_eq!((bytes.len() - array.data.len() * bytes_per_value(&array.data)) % 64, 0);
        prop_assert_eq!(decode(&bytes).unwrap(), array);
    }

    #[test]
    fn damage_never_panics(array in arrays(), cut in any::<usize>(), at in any::<usize>(), byte in any::<u8>()) {
        let bytes = encode(&array);
        prop_assert!(decode(&bytes[..cut % bytes.len()]).is_err());
        let mut flipped = bytes.clone();
        let at = at % bytes.len();
        flipped[at] = byte;
        if let Ok(read) = decode(&flipped) {
            prop_assert!(read.data.len() <= bytes.len());
        }
    }

    #[test]
    fn noise_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut framed = b"\x93NUMPY\x01\x00".to_vec();
        framed.extend_from_slice(&bytes);
        let _ = decode(&framed);
        let _ = decode(&bytes);
    }
}

fn bytes_per_value(data: &NpyData) -> usize {
    match data {
        NpyData::U8(_) => 1,
        NpyData::F32(_) => 4,
        NpyData::I64(_) | NpyData::F64(_) => 8,
    }
}
