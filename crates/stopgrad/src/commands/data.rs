//! `stopgrad data`: what is in a source, and a sheet of its samples.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};
use stopgrad_data::random::{permutation, stream};
use stopgrad_data::{
    Normalizer, Shape, SheetError, Source, Split, SplitError, SplitSpec, Splits, ViewRecipe, contact_sheet, pair_sheet,
};

use crate::CommandError;
use crate::args::DataArguments;
use crate::folder::{short_name, write_beside};
use crate::opening::open;
use crate::outcome::{Outcome, Status, document, lengths};
use crate::output::Output;

/// Samples on a sheet.
const SHEET_SAMPLES: usize = 64;
/// Pairs on a sheet: each is three pictures.
const SHEET_PAIRS: usize = 24;
/// Classes and left-out samples listed for people; programs get all.
const SHOWN: usize = 20;

/// Open the source, draw the sheet, tell what there is.
pub(super) fn run(asked: &DataArguments, output: Output) -> Result<Outcome, CommandError> {
    let label_column = asked.label_column.as_deref().unwrap_or_default();
    let source = open(&asked.source, label_column, asked.image_side, output)?;
    let source = source.as_ref();
    let splits = Splits::new(source, &SplitSpec { seed: asked.seed, ..SplitSpec::default() });
    let recipe = asked.views.as_deref().map(|name| recipe(name, source.shape())).transpose()?;
    let counts = class_counts(source);

    let out = asked.out.clone().unwrap_or_else(|| PathBuf::from(format!("{}-sheet.png", short_name(&asked.source))));
    let sheet = match draw(source, splits.as_ref().ok(), recipe.as_ref(), asked.seed) {
        Ok(picture) => {
            write_beside(&out, &picture)?;
            Some(&out)
        }
        // What cannot be drawn can still be described, unless the picture was asked for.
        Err(CommandError::Sheet(_)) if asked.out.is_none() && recipe.is_none() => None,
        Err(error) => return Err(error),
    };

    let mut text = describe(source, &splits, &counts, asked.seed);
    let explained = if recipe.is_some() { " (each sample with its two views)" } else { "" };
    match sheet {
        Some(path) => _ = writeln!(text, "sheet: {}{explained}", path.display()),
        None => text.push_str("sheet: none, only rows and images of 1 or 3 channels can be drawn\n"),
    }
    let options = json!({
        "source": asked.source,
        "views": asked.views,
        "out": out,
        "label_column": label_column,
        "image_side": asked.image_side,
    });
    let classes: Vec<Value> = counts.iter().map(|(name, count)| json!({ "name": name, "count": count })).collect();
    let own = json!({
        "name": source.name(),
        "count": source.len(),
        "shape": lengths(source.shape()),
        "classes": classes,
        "range": source.range(),
        "splits": splits_document(source, &splits),
        "skipped": source.skipped(),
        "attribution": source.attribution(),
        "views": recipe,
        "sheet": sheet,
    });
    let document = document("data", asked.seed, &options, source.inputs(), own);
    Ok(Outcome { text, document, status: Status::Done })
}

fn recipe(name: &str, shape: &Shape) -> Result<ViewRecipe, CommandError> {
    let name = if name == "auto" { ViewRecipe::preset_for(shape) } else { name };
    let recipe = ViewRecipe::preset(name).ok_or_else(|| CommandError::UnknownPreset {
        name: name.into(),
        known: ViewRecipe::preset_names().join(", "),
    })?;
    recipe.check(shape)?;
    Ok(recipe)
}

/// Samples of each class, in the order of the classes, and of none where a label is missing.
fn class_counts(source: &dyn Source) -> Vec<(String, usize)> {
    let mut counts: Vec<(String, usize)> = source.classes().iter().map(|name| (name.clone(), 0)).collect();
    let mut without = 0;
    for index in 0..source.len() {
        match source.label(index).and_then(|label| counts.get_mut(label as usize)) {
            Some((_, count)) => *count += 1,
            None => without += 1,
        }
    }
    if without > 0 && !counts.is_empty() {
        counts.push(("without label".into(), without));
    }
    counts
}

/// The sheet as PNG, with as many samples as make a picture of sensible size.
fn draw(
    source: &dyn Source, splits: Option<&Splits>, recipe: Option<&ViewRecipe>, seed: u64,
) -> Result<Vec<u8>, CommandError> {
    let most = if recipe.is_some() { SHEET_PAIRS } else { SHEET_SAMPLES };
    let mut chosen = permutation(&mut stream(seed, "sheet", 0), source.len());
    chosen.truncate(most);
    chosen.sort_unstable();
    let samples =
        chosen.iter().map(|index| source.sample(*index).map(|sample| sample.values)).collect::<Result<Vec<_>, _>>()?;
    let shape = source.shape();
    let columns = match (shape, recipe) {
        (Shape::Image { .. }, None) => 8,
        (Shape::Image { .. }, Some(_)) => 3,
        (Shape::Row { .. }, _) => 1,
    };
    let Some(recipe) = recipe else {
        return fewer_until_it_fits(samples.len(), |count| contact_sheet(&samples[..count], shape, columns));
    };
    let every: Vec<usize> = (0..source.len()).collect();
    let normalizer = Normalizer::fit(source, splits.map_or(&every, |splits| &splits.train))?;
    let pairs: Vec<_> = chosen
        .iter()
        .zip(&samples)
        .map(|(index, values)| recipe.picture(values, shape, &normalizer, seed, "sheet", *index as u64))
        .collect();
    fewer_until_it_fits(pairs.len(), |count| pair_sheet(&pairs[..count], shape, columns))
}

fn fewer_until_it_fits(
    most: usize, draw: impl Fn(usize) -> Result<Vec<u8>, SheetError>,
) -> Result<Vec<u8>, CommandError> {
    let mut count = most;
    loop {
        match draw(count) {
            Err(SheetError::TooLarge { .. }) if count > 1 => count /= 2,
            other => return Ok(other?),
        }
    }
}

/// Whether the source itself names a part.
fn is_official(source: &dyn Source, part: Split) -> bool {
    (0..source.len()).any(|index| source.official_split(index) == Some(part))
}

fn splits_document(source: &dyn Source, splits: &Result<Splits, SplitError>) -> Value {
    let origin = |part| if is_official(source, part) { "official" } else { "seeded" };
    match splits {
        Ok(splits) => json!({
            "train": splits.train.len(),
            "validation": splits.validation.len(),
            "test": splits.test.len(),
            "validation_origin": origin(Split::Validation),
            "test_origin": origin(Split::Test),
        }),
        Err(error) => json!({ "error": error.to_string() }),
    }
}

fn describe(source: &dyn Source, splits: &Result<Splits, SplitError>, counts: &[(String, usize)], seed: u64) -> String {
    let mut text = String::new();
    let (low, high) = source.range();
    _ = writeln!(
        text,
        "{}: {} samples, each a {}, values {low} to {high}",
        source.name(),
        source.len(),
        source.shape()
    );
    if counts.is_empty() {
        text.push_str("classes: none, there are no labels\n");
    } else {
        let shown: Vec<String> = counts.iter().take(SHOWN).map(|(name, count)| format!("{name}: {count}")).collect();
        let more = if counts.len() > SHOWN { format!(" and {} more", counts.len() - SHOWN) } else { String::new() };
        _ = writeln!(text, "classes: {} ({}{more})", source.classes().len(), shown.join(", "));
    }
    match splits {
        Ok(splits) => {
            let origin = |part| if is_official(source, part) { "official".into() } else { format!("by seed {seed}") };
            _ = writeln!(
                text,
                "splits: train {}, validation {} ({}), test {} ({})",
                splits.train.len(),
                splits.validation.len(),
                origin(Split::Validation),
                splits.test.len(),
                origin(Split::Test)
            );
        }
        Err(error) => _ = writeln!(text, "splits: none, {error}"),
    }
    let skipped = source.skipped();
    _ = writeln!(text, "left out: {}", skipped.len());
    for item in skipped.iter().take(SHOWN) {
        _ = writeln!(text, "  {}: {}", item.path, item.reason);
    }
    if skipped.len() > SHOWN {
        _ = writeln!(text, "  and {} more; --json lists all", skipped.len() - SHOWN);
    }
    if let Some(credit) = source.attribution() {
        _ = writeln!(text, "credit: {credit}");
    }
    for input in source.inputs() {
        _ = writeln!(text, "sha256: {} {}", input.sha256, input.path);
    }
    text
}
