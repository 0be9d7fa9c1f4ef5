//! The report, as files.

use std::path::Path;

use crate::folder::{FolderError, prepare, write_beside};
use crate::report::Report;

/// Write `report.html`, `report.json` and `figures/`, each file beside its place and then renamed.
///
/// # Errors
/// [`FolderError`]
pub(crate) fn write_report(folder: &Path, report: &Report) -> Result<(), FolderError> {
    write_page(folder, report)?;
    let figures = folder.join("figures");
    prepare(&figures)?;
    for picture in report.figures().into_iter().map(|figure| figure.picture) {
        write_beside(&figures.join(format!("{}.svg", picture.id)), picture.to_svg_file().as_bytes())?;
        write_beside(&figures.join(format!("{}.csv", picture.id)), picture.csv.as_bytes())?;
    }
    Ok(())
}

/// Write `report.html` and `report.json`.
///
/// # Errors
/// [`FolderError`]
fn write_page(folder: &Path, report: &Report) -> Result<(), FolderError> {
    write_beside(&folder.join("report.html"), report.to_html().as_bytes())?;
    write_beside(&folder.join("report.json"), format!("{:#}\n", report.to_json()).as_bytes())
}
