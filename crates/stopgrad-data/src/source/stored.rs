//! The one source type behind every reader: encoded samples in memory or on disk, decoded one at a time.

use super::images::Pixels;
use super::{InputFile, Sample, Skipped, Source, SourceError, Split};
use crate::Shape;

/// Samples with what is known about them.
pub(super) struct StoredSource {
    name: String,
    shape: Shape,
    store: Store,
    labels: Vec<Option<u32>>,
    classes: Vec<String>,
    splits: Vec<Split>,
    range: (f32, f32),
    skipped: Vec<Skipped>,
    inputs: Vec<InputFile>,
    attribution: Option<String>,
    /// The side that images were scaled to, and what to know of that.
    scaled: Option<(usize, String)>,
}

/// All values of all samples, sample after sample.
pub(super) enum Store {
    /// A value is `byte / divisor`.
    Bytes { bytes: Vec<u8>, divisor: f32 },
    /// Values as they are.
    Floats(Vec<f32>),
    /// Bytes of images, a value being `byte / 255`; the smallest and the largest of all.
    Pixels { pixels: Pixels, count: usize, range: (u8, u8) },
}

/// What a reader found; `labels` and `splits` are empty where the file has none.
pub(super) struct Parts {
    pub(super) name: String,
    pub(super) shape: Shape,
    pub(super) store: Store,
    pub(super) labels: Vec<Option<String>>,
    pub(super) splits: Vec<Split>,
    pub(super) skipped: Vec<Skipped>,
    pub(super) inputs: Vec<InputFile>,
    pub(super) attribution: Option<String>,
}

impl StoredSource {
    /// A source from what a reader found, unless too little of it is usable.
    ///
    /// # Panics
    /// When values, labels and splits are not as many as the samples.
    pub(super) fn new(parts: Parts) -> Result<Self, SourceError> {
        let Parts { name, shape, store, labels, splits, skipped, inputs, attribution } = parts;
        let n = store.count(shape.len());
        assert!(labels.is_empty() || labels.len() == n, "a label each, or none");
        assert!(splits.is_empty() || splits.len() == n, "a split each, or none");
        if skipped.len() > n {
            return Err(SourceError::mostly_damaged(&name, &skipped, n));
        }
        if n == 0 {
            return Err(SourceError::Empty { path: name });
        }
        let (classes, labels) = numbered(&labels);
        let range = store.range();
        Ok(Self { name, shape, store, labels, classes, splits, range, skipped, inputs, attribution, scaled: None })
    }

    /// The same source, of images that were scaled to one side.
    pub(super) fn scaled_to(self, side: usize, remark: String) -> Self {
        Self { scaled: Some((side, remark)), ..self }
    }

    /// The same source with classes that are known by name: label `k` is `names[k]`.
    pub(super) fn with_class_names(mut self, names: &[String]) -> Self {
        let index_of = |class: &String| class.parse::<usize>().ok().filter(|&index| index < names.len());
        let indices: Option<Vec<usize>> = self.classes.iter().map(index_of).collect();
        // A label beyond the names keeps them all as numbers: a wrong name is worse than none.
        if let Some(indices) = indices {
            for label in self.labels.iter_mut().flatten() {
                *label = indices[*label as usize] as u32;
            }
            self.classes = names.to_vec();
        }
        self
    }
}

impl Store {
    /// Samples of `width` values.
    ///
    /// # Panics
    /// When the last one is not whole.
    fn count(&self, width: usize) -> usize {
        let values = match self {
            Self::Bytes { bytes, .. } => bytes.len(),
            Self::Floats(values) => values.len(),
            Self::Pixels { count, .. } => return *count,
        };
        let count = values.checked_div(width).unwrap_or(0);
        assert_eq!(count * width, values, "whole samples");
        count
    }

    fn range(&self) -> (f32, f32) {
        let of_bytes = |(low, high): (u8, u8), divisor: f32| (f32::from(low) / divisor, f32::from(high) / divisor);
        match self {
            Self::Bytes { bytes, divisor } => {
                let ends = bytes.iter().fold((u8::MAX, u8::MIN), |(low, high), &b| (low.min(b), high.max(b)));
                of_bytes(ends, *divisor)
            }
            Self::Pixels { range, .. } => of_bytes(*range, 255.0),
            Self::Floats(values) => {
                let start = (f32::INFINITY, f32::NEG_INFINITY);
                values.iter().fold(start, |(low, high), &value| (low.min(value), high.max(value)))
            }
        }
    }
}

/// Classes in order, and labels as indices into them.
pub(super) fn numbered(labels: &[Option<String>]) -> (Vec<String>, Vec<Option<u32>>) {
    let mut classes: Vec<String> = labels.iter().flatten().cloned().collect();
    classes.sort_unstable();
    classes.dedup();
    let numbers: Option<Vec<f64>> = classes.iter().map(|class| class.parse().ok()).collect();
    if let Some(numbers) = numbers {
        let mut order: Vec<usize> = (0..classes.len()).collect();
        order.sort_by(|&a, &b| numbers[a].total_cmp(&numbers[b]));
        classes = order.into_iter().map(|index| classes[index].clone()).collect();
    }
    let position: std::collections::HashMap<&str, u32> =
        classes.iter().zip(0..).map(|(class, index)| (class.as_str(), index)).collect();
    let labels = labels.iter().map(|label| label.as_deref().map(|text| position[text])).collect();
    (classes, labels)
}

impl Source for StoredSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> usize {
        self.store.count(self.shape.len())
    }

    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn sample(&self, index: usize) -> Result<Sample, SourceError> {
        if index >= self.len() {
            return Err(SourceError::Index { name: self.name.clone(), index, len: self.len() });
        }
        let d = self.shape.len();
        let place = index * d..(index + 1) * d;
        let values = match &self.store {
            Store::Bytes { bytes, divisor } => bytes[place].iter().map(|&byte| f32::from(byte) / divisor).collect(),
            Store::Floats(values) => values[place].to_vec(),
            Store::Pixels { pixels, .. } => {
                let mut bytes = vec![0; d];
                pixels.read(index, &mut bytes)?;
                bytes.into_iter().map(|byte| f32::from(byte) / 255.0).collect()
            }
        };
        Ok(Sample { values })
    }

    fn label(&self, index: usize) -> Option<u32> {
        self.labels.get(index).copied().flatten()
    }

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn official_split(&self, index: usize) -> Option<Split> {
        self.splits.get(index).copied()
    }

    fn range(&self) -> (f32, f32) {
        self.range
    }

    fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    fn inputs(&self) -> &[InputFile] {
        &self.inputs
    }

    fn attribution(&self) -> Option<&str> {
        self.attribution.as_deref()
    }

    fn image_side(&self) -> Option<usize> {
        self.scaled.as_ref().map(|(side, _)| *side)
    }

    fn remark(&self) -> Option<&str> {
        self.scaled.as_ref().map(|(_, remark)| remark.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(labels: &[&str]) -> Vec<Option<String>> {
        labels.iter().map(|label| (!label.is_empty()).then(|| (*label).to_owned())).collect()
    }

    #[test]
    fn classes_are_in_numerical_order_when_they_are_numbers() {
        let (classes, labels) = numbered(&texts(&["10", "2", "", "10"]));
        assert_eq!(classes, ["2", "10"]);
        assert_eq!(labels, [Some(1), Some(0), None, Some(1)]);
        assert_eq!(numbered(&texts(&["b", "10", "a"])).0, ["10", "a", "b"]);
    }

    #[test]
    fn more_damage_than_samples_is_an_error() {
        let parts = |damaged: usize| Parts {
            name: "t.csv".into(),
            shape: Shape::Row { columns: 1 },
            store: Store::Floats(vec![1.0, 2.0]),
            labels: vec![],
            splits: vec![],
            skipped: vec![Skipped { path: "t.csv:2".into(), reason: "bad".into() }; damaged],
            inputs: vec![],
            attribution: None,
        };
        assert_eq!(StoredSource::new(parts(2)).unwrap().skipped().len(), 2);
        let error = StoredSource::new(parts(3)).err().unwrap();
        assert!(error.to_string().starts_with("t.csv: 3 of 5 samples cannot be used, the first at t.csv:2"), "{error}");
    }
}
