//! Where views come from: a source with a recipe, or two files of rows.

use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use stopgrad_data::{InputFile, Normalizer, PairedRows, Skipped, Source, SplitSpec, Splits, ViewRecipe};
use stopgrad_dynamics::moments::Pairing;

use super::MomentsCommandError;
use crate::CommandError;
use crate::args::{MomentsArguments, SplitPart};
use crate::opening::open;
use crate::output::Output;

/// What is summed over.
pub(super) enum Input {
    Drawn {
        source: Arc<dyn Source>,
        indices: Vec<usize>,
        recipe: ViewRecipe,
        normalizer: Normalizer,
        /// The file of the recipe, where it has one.
        file: Option<InputFile>,
    },
    Paired {
        rows: PairedRows,
        symmetrize: bool,
    },
}

impl Input {
    /// What was named, prepared as `train` prepares it; `None` where moments are only merged.
    pub(super) fn open(asked: &MomentsArguments, output: Output) -> Result<Option<Self>, CommandError> {
        if let Some([x, y]) = asked.view_files.as_deref() {
            return Ok(Some(Self::Paired { rows: PairedRows::open(x, y)?, symmetrize: asked.symmetrize }));
        }
        let Some(name) = &asked.source else { return Ok(None) };
        let label_column = asked.label_column.as_deref().unwrap_or_default();
        let source = open(name, label_column, asked.image_side, output)?;
        let (recipe, file) = recipe(&asked.views, source.as_ref())?;
        recipe.check(source.shape())?;
        if recipe.is_exchangeable() && asked.augmentations < 2 {
            return Err(MomentsCommandError::OneView.into());
        }
        let every: Vec<usize> = (0..source.len()).collect();
        let splits = Splits::new(source.as_ref(), &SplitSpec::default());
        let (fitted, indices) = match (splits, asked.split) {
            (Ok(splits), SplitPart::Train) => (splits.train.clone(), splits.train),
            (Ok(splits), SplitPart::All) => (splits.train, every),
            (Err(error), SplitPart::Train) => return Err(error.into()),
            (Err(_), SplitPart::All) => (every.clone(), every),
        };
        let normalizer = Normalizer::fit(source.as_ref(), &fitted)?;
        Ok(Some(Self::Drawn { source, indices, recipe, normalizer, file }))
    }

    /// Numbers in a view.
    pub(super) fn dimensions(&self) -> usize {
        match self {
            Self::Drawn { source, .. } => source.shape().len(),
            Self::Paired { rows, .. } => rows.columns(),
        }
    }

    /// Samples asked for.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Drawn { indices, .. } => indices.len(),
            Self::Paired { rows, .. } => rows.len(),
        }
    }

    /// How the views of a sample make pairs.
    pub(super) fn pairing(&self, augmentations: u16) -> Pairing {
        let views = usize::from(augmentations);
        match self {
            Self::Drawn { recipe, .. } if recipe.is_exchangeable() => Pairing::Exchangeable { views },
            Self::Drawn { .. } => Pairing::Crossed { views },
            Self::Paired { symmetrize: true, .. } => Pairing::Exchangeable { views: 2 },
            Self::Paired { symmetrize: false, .. } => Pairing::Crossed { views: 1 },
        }
    }

    /// The files that were read.
    pub(super) fn files(&self) -> Vec<InputFile> {
        match self {
            Self::Drawn { source, file, .. } => source.inputs().iter().chain(file).cloned().collect(),
            Self::Paired { rows, .. } => rows.inputs().to_vec(),
        }
    }

    /// The recipe in full.
    pub(super) fn recipe(&self) -> Option<&ViewRecipe> {
        match self {
            Self::Drawn { recipe, .. } => Some(recipe),
            Self::Paired { .. } => None,
        }
    }

    /// Samples left out when the files were read.
    pub(super) fn skipped(&self) -> &[Skipped] {
        match self {
            Self::Drawn { source, .. } => source.skipped(),
            Self::Paired { rows, .. } => rows.skipped(),
        }
    }
}

/// A preset, the one fit for the source, or what stands in a file.
fn recipe(name: &str, source: &dyn Source) -> Result<(ViewRecipe, Option<InputFile>), CommandError> {
    let path = Path::new(name);
    if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml")) {
        return Ok(read_recipe(path)?);
    }
    let name = if name == "auto" { ViewRecipe::preset_for(source.shape()) } else { name };
    let known = || ViewRecipe::preset_names().join(", ");
    let recipe = ViewRecipe::preset(name);
    let recipe = recipe.ok_or_else(|| CommandError::UnknownPreset { name: name.into(), known: known() })?;
    Ok((recipe, None))
}

/// The part of a configuration that is looked at here.
#[derive(Deserialize)]
struct Configured {
    views: ConfiguredViews,
}

#[derive(Deserialize)]
struct ConfiguredViews {
    recipe: ViewRecipe,
}

fn read_recipe(path: &Path) -> Result<(ViewRecipe, Option<InputFile>), MomentsCommandError> {
    let wrong = |reason: String| MomentsCommandError::Recipe { path: path.into(), reason };
    let bytes = std::fs::read(path).map_err(|cause| wrong(format!("{cause}; check that the path exists")))?;
    let text = std::str::from_utf8(&bytes).map_err(|cause| wrong(format!("{cause}; TOML is UTF-8 text")))?;
    let table: toml::Table = text.parse().map_err(|cause: toml::de::Error| wrong(cause.to_string()))?;
    let recipe = if table.contains_key("views") {
        table.try_into::<Configured>().map(|read| read.views.recipe)
    } else {
        table.try_into::<ViewRecipe>()
    };
    let recipe = recipe.map_err(|cause| {
        wrong(format!("{}; write lists `x` and `y` of augmentations, or [views.recipe]", cause.message()))
    })?;
    let file = InputFile::of(path.display().to_string(), &bytes);
    Ok((recipe, Some(file)))
}
