//! UCI optical digits, inside the program: 1,797 grey images of 8 × 8 pixels, 0 to 16.

use super::stored::{Parts, Store, StoredSource};
use super::{InputFile, SourceError, file, table};
use crate::Shape;

const PACKED: &[u8] = include_bytes!("../../data/digits.csv.gz");

/// What the embedded file is called in a report.
const PLACE: &str = "digits (embedded)";

const ATTRIBUTION: &str = "Optical Recognition of Handwritten Digits (test part), E. Alpaydin and C. Kaynak, \
    UCI Machine Learning Repository, doi:10.24432/C50P49, CC BY 4.0; by way of scikit-learn 1.9.1; values unchanged";

pub(super) fn open() -> Result<StoredSource, SourceError> {
    let raw = file::RawFile { path: PLACE.into(), bytes: PACKED.to_vec() };
    let table = table::parse(&raw, "label")?;
    // The values are whole numbers from 0 to 16, so a byte holds them.
    let bytes = table.values.iter().map(|&value| value as u8).collect();
    StoredSource::new(Parts {
        name: "digits".into(),
        shape: Shape::Image { channels: 1, height: 8, width: 8 },
        store: Store::Bytes { bytes, divisor: 16.0 },
        labels: table.labels,
        splits: vec![],
        skipped: table.skipped,
        inputs: vec![InputFile { path: PLACE.into(), sha256: file::sha256_hex(PACKED) }],
        attribution: Some(ATTRIBUTION.into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Source;

    #[test]
    fn digits_are_the_published_ones() {
        let digits = open().unwrap();
        assert_eq!(digits.len(), 1797);
        assert_eq!(digits.range(), (0.0, 1.0));
        let mut counts = [0; 10];
        (0..1797).for_each(|index| counts[digits.label(index).unwrap() as usize] += 1);
        // scikit-learn's documentation of load_digits.
        assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
        // The first row of the first image, as printed in scikit-learn's documentation: 0 0 5 13 9 1 0 0.
        let first: Vec<f32> = digits.sample(0).unwrap().values[..8].iter().map(|v| v * 16.0).collect();
        assert_eq!(first, [0.0, 0.0, 5.0, 13.0, 9.0, 1.0, 0.0, 0.0]);
        assert!(digits.skipped().is_empty());
        assert!(digits.attribution().unwrap().contains("CC BY 4.0"));
    }
}
