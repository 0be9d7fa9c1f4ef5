//! The header of a `.npy` file: a Python dictionary with three keys, read without a Python.

use super::NpyDamage;

/// What the header says.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) big_endian: bool,
    pub(super) fortran: bool,
    pub(super) shape: Vec<usize>,
}

/// Type of a value and its size in bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Unsigned(usize),
    Signed(usize),
    Float(usize),
}

impl Kind {
    fn size(self) -> usize {
        match self {
            Self::Unsigned(size) | Self::Signed(size) | Self::Float(size) => size,
        }
    }
}

/// Header and value bytes, which have exactly the length that the header claims.
pub(super) fn parse(bytes: &[u8]) -> Result<(Header, &[u8]), NpyDamage> {
    if !bytes.starts_with(b"\x93NUMPY") {
        return Err(NpyDamage::Magic);
    }
    let found = bytes.len() as u64;
    let cut = |needed: u64| NpyDamage::HeaderCut { needed, found };
    let major = *bytes.get(6).ok_or(cut(10))?;
    let (start, length) = match (major, bytes.get(8..10), bytes.get(8..12)) {
        (1, Some(&[a, b]), _) => (10, u64::from(u16::from_le_bytes([a, b]))),
        (2 | 3, _, Some(&[a, b, c, d])) => (12, u64::from(u32::from_le_bytes([a, b, c, d]))),
        (1..=3, _, _) => return Err(cut(12)),
        _ => return Err(NpyDamage::Version { major }),
    };
    let end = start as u64 + length;
    if end > found {
        return Err(cut(end));
    }
    let text = String::from_utf8_lossy(&bytes[start..end as usize]);
    let values = &bytes[end as usize..];

    let (kind, big_endian) = descr(&text)?;
    let fortran = match value_of(&text, "fortran_order") {
        Some(rest) if rest.starts_with("False") => false,
        Some(rest) if rest.starts_with("True") => true,
        _ => return Err(NpyDamage::Header { key: "fortran_order" }),
    };
    let shape = shape(&text).ok_or(NpyDamage::Header { key: "shape" })?;
    let claimed =
        shape.iter().try_fold(kind.size() as u64, |product, &n| product.checked_mul(n as u64)).unwrap_or(u64::MAX);
    if claimed != values.len() as u64 {
        return Err(NpyDamage::Length { claimed, found: values.len() as u64 });
    }
    Ok((Header { kind, big_endian, fortran, shape }, values))
}

/// Magic, version, length and dictionary, padded so that the values start at a multiple of 64 bytes.
pub(super) fn format(descr: &str, shape: &[usize]) -> Vec<u8> {
    let lengths: Vec<String> = shape.iter().map(ToString::to_string).collect();
    let comma = if shape.len() == 1 { "," } else { "" };
    let dictionary =
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({}{comma}), }}", lengths.join(", "));
    let length = (10 + dictionary.len() + 1).next_multiple_of(64) - 10;
    let length = u16::try_from(length).expect("a shape of fewer than a thousand axes fits into 64 KiB");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(dictionary.as_bytes());
    bytes.resize(9 + usize::from(length), b' ');
    bytes.push(b'\n');
    bytes
}

/// The text after `'key':`, without leading blanks.
fn value_of<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let at = text.find(&format!("'{key}'")).or_else(|| text.find(&format!("\"{key}\"")))?;
    Some(text[at + key.len() + 2..].trim_start().strip_prefix(':')?.trim_start())
}

fn descr(text: &str) -> Result<(Kind, bool), NpyDamage> {
    let missing = NpyDamage::Header { key: "descr" };
    let Some(rest) = value_of(text, "descr") else { return Err(missing) };
    let unknown = || NpyDamage::Type { descr: rest.chars().take_while(|c| *c != ',').take(40).collect() };
    let quote = rest.chars().next().ok_or(missing)?;
    if quote != '\'' && quote != '"' {
        // A list of fields: a structured array.
        return Err(unknown());
    }
    let name = rest[1..].split(quote).next().unwrap_or_default();
    let (order, name) = match name.as_bytes().first() {
        Some(b'<' | b'>' | b'|' | b'=') => name.split_at(1),
        _ => ("<", name),
    };
    let kind = match name {
        "b1" | "u1" => Kind::Unsigned(1),
        "u2" => Kind::Unsigned(2),
        "u4" => Kind::Unsigned(4),
        "u8" => Kind::Unsigned(8),
        "i1" => Kind::Signed(1),
        "i2" => Kind::Signed(2),
        "i4" => Kind::Signed(4),
        "i8" => Kind::Signed(8),
        "f2" => Kind::Float(2),
        "f4" => Kind::Float(4),
        "f8" => Kind::Float(8),
        _ => return Err(unknown()),
    };
    Ok((kind, order == ">"))
}

fn shape(text: &str) -> Option<Vec<usize>> {
    let inside = value_of(text, "shape")?.strip_prefix('(')?.split(')').next()?;
    let lengths = inside.split(',').map(str::trim).filter(|length| !length.is_empty());
    let shape: Vec<usize> = lengths.map(|length| length.parse().ok()).collect::<Option<_>>()?;
    // NumPy itself stops at 64 axes.
    (shape.len() <= 64).then_some(shape)
}
