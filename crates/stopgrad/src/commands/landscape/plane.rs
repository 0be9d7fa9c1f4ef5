//! Ē over the plane through three states of a linear network.

use std::path::{Path, PathBuf};

use serde_json::json;
use stopgrad_data::InputFile;
use stopgrad_dynamics::landscape::plane::Plane;
use stopgrad_dynamics::{Field, LinearField, Moments};

use super::{LandscapeCommandError, Told};
use crate::args::LandscapeArguments;
use crate::lab::landscape::plane::{Named, View};
use crate::lab::page::Page;
use crate::state_file::StateFile;

/// Read three states, look at the plane through them.
pub(super) fn tell(
    asked: &LandscapeArguments, paths: &[PathBuf], moments: &Moments, weight_decay: f64,
) -> Result<(Told, Vec<InputFile>), LandscapeCommandError> {
    let mut files = Vec::new();
    let mut inputs = Vec::new();
    for path in paths {
        let (file, input) = StateFile::read(path, moments.size(), None)?;
        files.push(file);
        inputs.push(input);
    }
    let [first, second, third] = &files[..] else { unreachable!("the parser takes three paths") };
    let widths = [first.width, second.width, third.width];
    if widths.iter().any(|width| *width != widths[0]) {
        return Err(LandscapeCommandError::Widths { widths });
    }
    let students = [first, second, third].map(StateFile::student);
    let plane = Plane::through(students.each_ref().map(Vec::as_slice))?;
    let names = names(paths);
    let named = |k: usize| Named {
        name: names[k].clone(),
        student: students[k].clone(),
        with_teacher: files[k].with_teacher(),
    };
    let field = |kind: Field| LinearField::new(kind, moments.clone(), widths[0], weight_decay);
    let [joint, sg, ema] = Field::ALL;
    let fields = [field(joint)?, field(sg)?, field(ema)?.with_ema_rate(asked.ema_rate)?];
    let view = View::new(plane, [named(0), named(1), named(2)], fields, asked.start);
    let told = Told {
        page: Page {
            title: view.title(),
            findings: view.findings(),
            tables: if asked.out.is_some() { view.tables() } else { Vec::new() },
            pictures: if asked.out.is_some() { view.pictures() } else { Vec::new() },
            mathematics: "docs/theory.md, sections 1 and 2",
        },
        options: json!({ "start": view.start.0 }),
        own: view.document(),
    };
    Ok((told, inputs))
}

/// The names of the files without their endings, or the paths where two of these are alike.
fn names(paths: &[PathBuf]) -> Vec<String> {
    let short = |path: &PathBuf| path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let names: Vec<String> = paths.iter().map(short).collect();
    let alike = names.iter().enumerate().any(|(place, name)| names[..place].contains(name));
    if alike { paths.iter().map(|path: &PathBuf| Path::display(path).to_string()).collect() } else { names }
}
