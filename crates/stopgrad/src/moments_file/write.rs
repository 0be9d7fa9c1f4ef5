//! From moments to named arrays, row by row.

use std::path::Path;

use faer::Mat;
use stopgrad_data::npz::{self, Entry};
use stopgrad_data::{NpyArray, NpyData};
use stopgrad_dynamics::Moments;
use stopgrad_dynamics::moments::{MomentKind, MomentRows, MomentSums};

use super::read::{FOURIER, RELU};
use super::{MomentsFile, MomentsFileError, RandomFeatures, RandomMap};

type Entries<'a> = Vec<(&'static str, Entry<'a>)>;

/// Writes moments that are still sums, without making matrices of them.
///
/// # Errors
/// [`MomentsFileError::Npz`] when the file cannot be written.
pub fn write_sums(
    sums: &MomentSums, center: bool, map: Option<&RandomMap>, path: &Path,
) -> Result<(), MomentsFileError> {
    let (whole, half) = (sums.whole(center), sums.half(center));
    let mut entries = rows("", &whole);
    entries.extend(flags(center, whole.is_symmetrized()));
    if let Some(half) = &half {
        entries.extend(rows("half_", half));
    }
    if let Some(map) = map {
        entries.push(("basis", matrix(&map.weights)));
        entries.extend(random(&map.features));
    }
    Ok(npz::write_rows(path, &entries)?)
}

pub(super) fn npz(file: &MomentsFile, path: &Path) -> Result<(), MomentsFileError> {
    let moments = &file.moments;
    let mut entries = matrices("", moments);
    entries.extend(flags(moments.centered, moments.symmetrized));
    if let Some(half) = &file.half {
        entries.extend(matrices("half_", half));
    }
    if let Some(basis) = &moments.basis {
        entries.push(("basis", matrix(basis)));
    }
    entries.extend(file.features.iter().flat_map(random));
    Ok(npz::write_rows(path, &entries)?)
}

/// The keys of a part of the samples.
fn keys(prefix: &str) -> [&'static str; 6] {
    match prefix {
        "half_" => ["half_xx", "half_yx", "half_yy", "half_count", "half_mean_x", "half_mean_y"],
        _ => ["xx", "yx", "yy", "count", "mean_x", "mean_y"],
    }
}

fn rows<'a>(prefix: &str, rows: &'a MomentRows<'_>) -> Entries<'a> {
    let [xx, yx, yy, count, mean_x, mean_y] = keys(prefix);
    let size = rows.mean_x().len();
    let entry =
        |kind| Entry::Rows { rows: size, columns: size, fill: Box::new(move |row, out| rows.fill(kind, row, out)) };
    let mut entries = vec![(xx, entry(MomentKind::Xx)), (yx, entry(MomentKind::Yx))];
    // V = X where both orders are used.
    if !rows.is_symmetrized() {
        entries.push((yy, entry(MomentKind::Yy)));
    }
    entries.extend([(count, number(rows.count())), (mean_x, vector(&rows.mean_x())), (mean_y, vector(&rows.mean_y()))]);
    entries
}

fn matrices<'a>(prefix: &str, moments: &'a Moments) -> Entries<'a> {
    let [xx, yx, yy, count, mean_x, mean_y] = keys(prefix);
    let mut entries = vec![(xx, matrix(&moments.xx)), (yx, matrix(&moments.yx))];
    entries.extend(moments.yy.as_ref().filter(|_| !moments.symmetrized).map(|values| (yy, matrix(values))));
    entries.extend(moments.count.map(|value| (count, number(value))));
    entries.extend(moments.mean_x.as_ref().map(|values| (mean_x, vector(values))));
    entries.extend(moments.mean_y.as_ref().map(|values| (mean_y, vector(values))));
    entries
}

fn flags<'a>(centered: bool, symmetrized: bool) -> Entries<'a> {
    vec![("centered", number(u64::from(centered))), ("symmetrized", number(u64::from(symmetrized)))]
}

fn random<'a>(features: &RandomFeatures) -> Entries<'a> {
    match features {
        RandomFeatures::Fourier { phases } => {
            vec![("feature_kind", number(FOURIER as u64)), ("feature_phase", vector(phases))]
        }
        RandomFeatures::Relu => vec![("feature_kind", number(RELU as u64))],
    }
}

fn matrix(values: &Mat<f64>) -> Entry<'_> {
    let fill = |row: usize, out: &mut [f64]| {
        out.iter_mut().enumerate().for_each(|(column, out)| *out = values[(row, column)]);
    };
    Entry::Rows { rows: values.nrows(), columns: values.ncols(), fill: Box::new(fill) }
}

fn vector<'a>(values: &[f64]) -> Entry<'a> {
    Entry::Array(NpyArray::new(&[values.len()], NpyData::F64(values.to_vec())))
}

/// A single number, as NumPy reads one; counts stay below 2⁶³.
fn number<'a>(value: u64) -> Entry<'a> {
    Entry::Array(NpyArray::new(&[], NpyData::I64(vec![i64::try_from(value).unwrap_or(i64::MAX)])))
}
