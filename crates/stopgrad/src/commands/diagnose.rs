//! `stopgrad diagnose`: has a network that somebody else trained collapsed, from the outputs it wrote.

mod words;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use stopgrad_data::embeddings::{EmbeddingValues, Embeddings, EmbeddingsError, read_arrays};
use stopgrad_data::{InputFile, NpyArray};
use stopgrad_dynamics::collapse::{
    CollapseEvidence, Outputs, Place, PlaceEvidence, Spread, Values, ViewPairs, collapses,
};
use stopgrad_dynamics::finding::Finding;
use stopgrad_dynamics::{LinalgError, RankError};

use crate::CommandError;
use crate::args::DiagnoseArguments;
use crate::bar::Bar;
use crate::outcome::{Outcome, Status, document};
use crate::output::Output;

/// Names of arrays in an `.npz`: the first of each list that is there.
const ROLES: [(&str, &[&str]); 6] = [
    ("encoder", &["encoder", "x", "z", ""]),
    ("second view", &["y", "encoder_y", "second_view"]),
    ("projector", &["projector"]),
    ("predictor", &["predictor"]),
    ("teacher", &["teacher"]),
    ("reference", &["reference", "untrained"]),
];
/// Samples left out that are listed.
const LISTED: usize = 20;

/// Why there is no diagnosis.
#[derive(Debug, thiserror::Error)]
pub enum DiagnoseCommandError {
    /// An array cannot be read, or is no output.
    #[error(transparent)]
    Embeddings(#[from] EmbeddingsError),
    /// The operating system refused.
    #[error("{path}: {cause}; check that the path exists and may be read")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// No array that could be the encoder's.
    #[error("{path}: no array is called `encoder` or `x`, but {found}; name the encoder's outputs so")]
    NoEncoder {
        /// The file.
        path: PathBuf,
        /// The names that are there.
        found: String,
    },
    /// Two views that are not of the same samples.
    #[error(
        "the first view is {first}, the second {second}; two views are of the same samples, row by row, at one place"
    )]
    Views {
        /// Its shape.
        first: String,
        /// Its shape.
        second: String,
    },
    /// Nothing to measure.
    #[error("{role}: each of {samples} samples has a number that is not finite; the network has diverged")]
    NothingFinite {
        /// Whose outputs.
        role: String,
        /// How many.
        samples: usize,
    },
    /// Numbers too large to square.
    #[error("{role}: {cause}")]
    Outputs {
        /// Whose outputs.
        role: String,
        /// Why.
        #[source]
        cause: RankError,
    },
    /// Eigenvalues were not found.
    #[error("{role}: {cause}")]
    Eigenvalues {
        /// Whose outputs.
        role: String,
        /// Why.
        #[source]
        cause: LinalgError,
    },
}

/// Read, judge, tell.
pub(super) fn run(asked: &DiagnoseArguments, output: Output) -> Result<Outcome, CommandError> {
    let bar = Bar::uncounted("diagnose", output);
    let (mut inputs, mut trend, mut last) = (Vec::new(), Vec::new(), None);
    for (at, file) in asked.files.iter().enumerate() {
        bar.say(file.display().to_string());
        let is_last = at + 1 == asked.files.len();
        let roles = roles(file, is_last.then_some(asked), &mut inputs)?;
        let judged = judge(roles)?;
        trend.push(judged.step(file));
        last = Some(judged);
    }
    drop(bar);
    let judged = last.expect("clap asks for one file");
    let options = json!({
        "files": asked.files,
        "second_view": asked.second_view,
        "projector": asked.projector,
        "predictor": asked.predictor,
        "teacher": asked.teacher,
        "reference": asked.reference,
    });
    let not_asked = |question: &str| Finding::not_run(question, "a run of ours: files of outputs do not say it");
    let own = json!({
        "minimises": not_asked("whether the objective is minimised"),
        "converges": not_asked("whether the run converges"),
        "collapses": judged.finding,
        "conservative": not_asked("whether the update is the gradient of anything"),
        "stable": not_asked("whether the end point is stable"),
        "views": judged.views,
        "left_out": judged.left_out,
        "trend": trend,
    });
    let failed = asked.fail_on.is_some() && judged.collapsed();
    let open = asked.require.is_some() && judged.finding.is_open();
    let status = if failed || open { Status::NotEstablished } else { Status::Done };
    let text = judged.describe(&trend);
    Ok(Outcome { text, document: document("diagnose", 0, &options, &inputs, own), status })
}

/// The outputs of a file by role, with those of the options.
fn roles(
    file: &Path, options: Option<&DiagnoseArguments>, inputs: &mut Vec<InputFile>,
) -> Result<BTreeMap<&'static str, Embeddings>, DiagnoseCommandError> {
    let mut arrays = read(file, inputs)?;
    if arrays.len() == 1
        && let Some((_, array)) = arrays.pop_first()
    {
        arrays.insert(String::new(), array);
    }
    let mut found = BTreeMap::new();
    for (role, names) in ROLES {
        if let Some((name, array)) = names.iter().find_map(|name| arrays.remove_entry(*name)) {
            let name = if name.is_empty() { file.display().to_string() } else { format!("{}: {name}", file.display()) };
            found.insert(role, Embeddings::from_array(&name, array)?);
        }
    }
    if !found.contains_key("encoder") {
        let found = arrays.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        return Err(DiagnoseCommandError::NoEncoder { path: file.into(), found });
    }
    let Some(options) = options else { return Ok(found) };
    let given = [
        ("second view", &options.second_view),
        ("projector", &options.projector),
        ("predictor", &options.predictor),
        ("teacher", &options.teacher),
        ("reference", &options.reference),
    ];
    for (role, path) in given.into_iter().filter_map(|(role, path)| Some((role, path.as_deref()?))) {
        let (name, array) = read(path, inputs)?
            .pop_first()
            .ok_or_else(|| DiagnoseCommandError::NoEncoder { path: path.into(), found: "no array".into() })?;
        found.insert(role, Embeddings::from_array(&format!("{} {name}", path.display()), array)?);
    }
    Ok(found)
}

fn read(path: &Path, inputs: &mut Vec<InputFile>) -> Result<BTreeMap<String, NpyArray>, DiagnoseCommandError> {
    let bytes = std::fs::read(path).map_err(|cause| DiagnoseCommandError::Io { path: path.into(), cause })?;
    inputs.push(InputFile::of(path.display().to_string(), &bytes));
    drop(bytes);
    Ok(read_arrays(path)?)
}

/// What the outputs of one checkpoint say.
struct Judged {
    finding: Finding,
    views: Option<ViewPairs>,
    left_out: BTreeMap<String, Value>,
}

fn judge(mut roles: BTreeMap<&'static str, Embeddings>) -> Result<Judged, DiagnoseCommandError> {
    let left_out = leave_out(&mut roles)?;
    let views = views(&roles)?;
    let reference = roles.get("reference").map(|outputs| spread("reference", outputs)).transpose()?;
    let mut places = Vec::new();
    for (role, place) in [
        ("encoder", Place::Encoder),
        ("projector", Place::Projector),
        ("predictor", Place::Predictor),
        ("teacher", Place::Teacher),
    ] {
        let Some(outputs) = roles.get(role) else { continue };
        let own = (place == Place::Encoder).then_some(views.as_ref()).flatten();
        places.push(PlaceEvidence {
            place,
            end: spread(role, outputs)?,
            reference: reference.clone(),
            within_view_variance: own.map(|pairs| pairs.within_variance),
            between_view_variance: own.map(|pairs| pairs.between_variance),
        });
    }
    let finding = collapses(&CollapseEvidence { places, loss_sees_scale: false, reference_called: "in the reference" });
    Ok(Judged { finding, views, left_out })
}

/// Samples with a number that is not finite, in any role that is read row by row with the encoder, are left out of all.
fn leave_out(roles: &mut BTreeMap<&'static str, Embeddings>) -> Result<BTreeMap<String, Value>, DiagnoseCommandError> {
    let mut kept: BTreeMap<&str, Vec<bool>> = roles.iter().map(|(role, outputs)| (*role, outputs.finite())).collect();
    if let (Some(x), Some(y)) = (kept.get("encoder").cloned(), kept.get("second view").cloned())
        && x.len() == y.len()
    {
        let both: Vec<bool> = x.iter().zip(&y).map(|(x, y)| *x && *y).collect();
        kept.insert("encoder", both.clone());
        kept.insert("second view", both);
    }
    let mut left_out = BTreeMap::new();
    for (role, outputs) in roles {
        let of_role = &kept[role];
        let gone: Vec<usize> = (0..of_role.len()).filter(|&at| !of_role[at]).collect();
        if gone.len() == of_role.len() {
            return Err(DiagnoseCommandError::NothingFinite { role: (*role).into(), samples: gone.len() });
        }
        if !gone.is_empty() {
            outputs.keep(of_role);
            let first: Vec<usize> = gone.iter().copied().take(LISTED).collect();
            left_out.insert((*role).to_owned(), json!({ "count": gone.len(), "first": first }));
        }
    }
    Ok(left_out)
}

fn views(roles: &BTreeMap<&'static str, Embeddings>) -> Result<Option<ViewPairs>, DiagnoseCommandError> {
    let (Some(x), Some(y)) = (roles.get("encoder"), roles.get("second view")) else { return Ok(None) };
    let shape = |outputs: &Embeddings| (outputs.samples, outputs.positions, outputs.width);
    if shape(x) != shape(y) {
        return Err(DiagnoseCommandError::Views { first: told(x), second: told(y) });
    }
    Ok(Some(ViewPairs::measure(&outputs("encoder", x)?, &outputs("second view", y)?)))
}

fn told(outputs: &Embeddings) -> String {
    let Embeddings { samples, positions, width, .. } = outputs;
    if *positions == 1 { format!("[{samples}, {width}]") } else { format!("[{samples}, {positions}, {width}]") }
}

fn outputs<'a>(role: &str, of: &'a Embeddings) -> Result<Outputs<'a>, DiagnoseCommandError> {
    let values = match &of.values {
        EmbeddingValues::F32(values) => Values::F32(values),
        EmbeddingValues::F64(values) => Values::F64(values),
    };
    Outputs::new(values, of.samples, of.positions, of.width)
        .map_err(|cause| DiagnoseCommandError::Outputs { role: role.into(), cause })
}

fn spread(role: &str, of: &Embeddings) -> Result<Spread, DiagnoseCommandError> {
    Spread::measure(&outputs(role, of)?).map_err(|cause| DiagnoseCommandError::Eigenvalues { role: role.into(), cause })
}
