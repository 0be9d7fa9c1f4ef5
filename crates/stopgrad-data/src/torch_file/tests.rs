use proptest::prelude::*;

use super::*;

const STATE: &[u8] = include_bytes!("../../tests/golden/state.pt");
const NESTED: &[u8] = include_bytes!("../../tests/golden/nested.pt");
const HOSTILE: &[u8] = include_bytes!("../../tests/golden/hostile.pt");

fn read(bytes: &[u8]) -> Result<BTreeMap<String, NpyArray>, TorchFileError> {
    decode(Path::new("m.pt"), bytes)
}

fn said(bytes: &[u8]) -> String {
    let mut error: &dyn std::error::Error = &read(bytes).unwrap_err();
    let mut text = error.to_string();
    while let Some(cause) = error.source() {
        (text, error) = (format!("{text}: {cause}"), cause);
    }
    text
}

/// A file as PyTorch lays it out, with a pickle and a storage of our own.
fn file(program: &[u8], storage: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, content) in [("m/data.pkl", program), ("m/data/0", storage)] {
        archive.start_file(name, stored).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// A dictionary of one tensor `w` of f32.
fn tensor(offset: u8, shape: &[u8], strides: &[u8]) -> Vec<u8> {
    let sizes = |all: &[u8]| [b"(", &all.iter().flat_map(|&size| [b'K', size]).collect::<Vec<u8>>()[..], b"t"].concat();
    let head = b"\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQ";
    [head, &[b'K', offset][..], &sizes(shape), &sizes(strides), b"\x89}tRs."].concat()
}

#[test]
fn tensors_of_every_type_and_stride_are_read() {
    let arrays = read(STATE).unwrap();
    let of = |name: &str| arrays[name].clone();
    assert_eq!(of("matrix"), NpyArray::new(&[2, 3], NpyData::F32(vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0])));
    assert_eq!(of("turned"), NpyArray::new(&[3, 2], NpyData::F32(vec![0.0, 3.0, 1.0, 4.0, 2.0, 5.0])));
    assert_eq!(of("part"), NpyArray::new(&[2], NpyData::F32(vec![4.0, 5.0])));
    assert_eq!(of("weight"), NpyArray::new(&[2], NpyData::F32(vec![0.5, -0.25])));
    assert_eq!(of("half"), NpyArray::new(&[2], NpyData::F32(vec![1.5, -2.0])));
    assert_eq!(of("upper"), NpyArray::new(&[1, 1], NpyData::F32(vec![1.0])));
    assert_eq!(of("double"), NpyArray::new(&[1], NpyData::F64(vec![1.0 / 3.0])));
    assert_eq!(of("count"), NpyArray::new(&[], NpyData::I64(vec![7])));
    assert_eq!(of("flags"), NpyArray::new(&[2], NpyData::U8(vec![1, 0])));
    assert_eq!(of("empty"), NpyArray::new(&[0, 3], NpyData::F32(vec![])));
}

#[test]
fn dictionaries_within_dictionaries_give_names_with_dots() {
    let arrays = read(NESTED).unwrap();
    let names: Vec<&str> = arrays.keys().map(String::as_str).collect();
    let of_norm =
        ["bias", "num_batches_tracked", "running_mean", "running_var", "weight"].map(|n| format!("state_dict.1.{n}"));
    assert_eq!(names[..2], ["state_dict.0.bias", "state_dict.0.weight"]);
    assert_eq!(names[2..], of_norm);
    assert!(arrays.values().all(|array| array.data.len() <= 2));
}

#[test]
fn what_would_run_is_refused_by_name() {
    let text = said(HOSTILE);
    assert!(text.starts_with("m.pt: ") && text.contains("asks for `posix.system`"), "{text}");
    // An instruction that makes objects of any class.
    let text = said(&file(b"\x80\x02}\x81.", &[]));
    assert!(text.contains("instruction 0x81 at byte 3"), "{text}");
    assert!(said(b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.").contains("before 1.6"));
}

#[test]
fn a_tensor_has_to_lie_in_its_storage() {
    let storage: Vec<u8> = [1.0_f32, 2.0, 3.0, 4.0].iter().flat_map(|v| v.to_le_bytes()).collect();
    let good = read(&file(&tensor(1, &[1, 3], &[3, 1]), &storage)).unwrap();
    assert_eq!(good["w"], NpyArray::new(&[1, 3], NpyData::F32(vec![2.0, 3.0, 4.0])));
    for program in [tensor(2, &[3], &[1]), tensor(0, &[3, 2], &[2, 1]), tensor(4, &[1], &[1])] {
        assert!(said(&file(&program, &storage)).contains("`w` reaches beyond its storage"));
    }
    // 255⁴ numbers, all of them the first.
    let text = said(&file(&tensor(0, &[255; 4], &[0; 4]), &storage));
    assert!(text.contains("`w` claims more numbers"), "{text}");
}

#[test]
fn dictionaries_that_hold_one_another_many_times_come_to_an_end() {
    // Each holds the one below it under 20 names; the lowest holds a tensor.
    fn nested(level: u8) -> Vec<u8> {
        if level == 0 {
            let whole = tensor(0, &[1], &[1]);
            return [&whole[2..whole.len() - 1], b"q\x00"].concat();
        }
        let name = |letter: u8| [b"X\x01\x00\x00\x00", &[b'a' + letter][..]].concat();
        let mut program = [&b"}q"[..], &[level], b"(", &name(0), &nested(level - 1)].concat();
        (1..20).for_each(|letter| program.extend([&name(letter)[..], b"h", &[level - 1]].concat()));
        [&program[..], b"u"].concat()
    }
    let file = |levels| file(&[b"\x80\x02", &nested(levels)[..], b"."].concat(), &[0; 4]);
    assert_eq!(read(&file(1)).unwrap().len(), 20);
    for levels in [6, 9] {
        assert!(said(&file(levels)).contains("hold one another many times"));
    }
}

proptest! {
    #[test]
    fn damage_never_panics(cut in any::<usize>(), at in any::<usize>(), byte in any::<u8>()) {
        for whole in [STATE, NESTED] {
            prop_assert!(read(&whole[..cut % whole.len()]).is_err());
            let mut flipped = whole.to_vec();
            flipped[at % whole.len()] = byte;
            if let Ok(arrays) = read(&flipped) {
                prop_assert!(arrays.values().all(|array| array.data.len() <= 8 * SHARED as usize * whole.len()));
            }
        }
        // The program itself, behind checksums that hold.
        let mut program = tensor(1, &[1, 3], &[3, 1]);
        let place = at % program.len();
        program[place] = byte;
        let _ = read(&file(&program, &[0; 16]));
        let _ = read(&file(&program[..cut % program.len()], &[0; 16]));
    }
}
