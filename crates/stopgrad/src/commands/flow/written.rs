//! The trajectory and the end state as `.npz` (docs/formats.md, section 7).

use std::path::Path;

use stopgrad_data::npy::{NpyArray, NpyData};
use stopgrad_data::npz;
use stopgrad_dynamics::flow::{FlowEnd, Row};
use stopgrad_dynamics::{LinearField, LinearState};

/// One value a row of the trajectory for each quantity, and `a`, `b`, `c`.
pub(super) fn write(path: &Path, field: &LinearField, end: &FlowEnd) -> Result<(), npz::NpzError> {
    let rows = &end.trajectory.rows;
    let series =
        |value: &dyn Fn(&Row) -> f64| NpyArray::new(&[rows.len()], NpyData::F64(rows.iter().map(value).collect()));
    let known = |value: Option<f64>| value.unwrap_or(f64::NAN);
    let modes = field.width.min(field.inputs());
    let spectrum =
        rows.iter().flat_map(|row| (0..modes).map(|k| row.s_eigenvalues.get(k).copied().unwrap_or(f64::NAN)));
    let state = LinearState::from_flat(&end.state, field.width, field.inputs());
    let mut arrays = vec![
        ("time", series(&|row| row.time)),
        ("objective", series(&|row| known(row.joint_objective))),
        ("proxy_objective", series(&|row| known(row.proxy_objective))),
        ("rank", series(&|row| row.rank.map_or(f64::NAN, |rank| rank as f64))),
        ("increment", series(&|row| row.increment)),
        ("field_norm", series(&|row| row.field_norm)),
        ("balance_gap", series(&|row| known(row.balance_gap))),
        ("balance_gap_error", series(&|row| known(row.balance_gap_error))),
        ("s_eigenvalues", NpyArray::new(&[rows.len(), modes], NpyData::F64(spectrum.collect()))),
        ("a", matrix(&state.a)),
        ("b", matrix(&state.b)),
    ];
    arrays.extend(state.c.as_ref().map(|c| ("c", matrix(c))));
    let named: Vec<(&str, &NpyArray)> = arrays.iter().map(|(key, array)| (*key, array)).collect();
    npz::write(path, &named)
}

fn matrix(matrix: &faer::Mat<f64>) -> NpyArray {
    let rows = (0..matrix.nrows()).flat_map(|i| (0..matrix.ncols()).map(move |j| matrix[(i, j)]));
    NpyArray::new(&[matrix.nrows(), matrix.ncols()], NpyData::F64(rows.collect()))
}
