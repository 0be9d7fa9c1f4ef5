//! Samples in the report: where they stand in the plane of their representations, their nearest neighbors, their views.
//!
//! Of several seeds the first is drawn. Everything comes from `gallery.npz` of the run folders.

use std::fmt::Write;

use stopgrad_data::encode_picture;
use stopgrad_train::gallery::{Gallery, Pictures, Plane};

use super::Report;
use super::figure::{Figure, Group};
use super::record::RunRecord;
use crate::markup::{grouped, listed, percent, prose};
use crate::plot::{Axis, CLASS_COLORS, Picture, ScatterChart, Spot, Standing, StripCell, StripChart, Tile};

/// Bytes of pictures that a page may carry.
const PAGE_BYTES: usize = 1_600_000;
/// The frame of a plane is never narrower: directions have length 1, and a spread far below that is nothing to look at.
const NARROWEST: f64 = 0.02;

const NEIGHBOR_GROUPS: [(&str, usize); 2] = [("sample", 1), ("nearest to it, nearest first", 5)];
const PAIR_GROUPS: [(&str, usize); 2] = [("sample, view x, view y", 3), ("sample, view x, view y", 3)];

/// Every figure for which a gallery has data, in page order.
pub(super) fn figures(report: &Report) -> Vec<Figure> {
    let first = first_runs(report);
    let mut figures = planes(report, &first);
    let mut left = PAGE_BYTES;
    for (place, (run, gallery)) in first.iter().enumerate() {
        figures.extend(neighbors(report, place, run, gallery, &mut left));
    }
    figures.extend(pairs(report, &first, &mut left));
    figures
}

/// What stands above the pictures of a group: how they were made, and what is not shown; as markup.
pub(super) fn introduction(report: &Report, group: Group) -> String {
    let first = first_runs(report);
    let mut sentences = Vec::new();
    match group {
        Group::Plane => {
            sentences.push(
                "Validation samples as the encoder represents them after the last step: each representation divided by \
                 its length, as kNN sees it, drawn along the two principal components of each run's own. All planes have one scale, so \
                 that a representation which shrinks to one direction is seen as one point; left and right, up and down \
                 have no meaning, and what the other components hold is not seen."
                    .to_owned(),
            );
            sentences.extend(first.iter().find_map(|(_, gallery)| gray_note(gallery)));
            sentences.extend(absent(report));
            let diverged = names(report, &first, |gallery| gallery.plane.is_none());
            if !diverged.is_empty() {
                sentences.push(format!("{} left the finite numbers; there is nothing to draw.", listed(&diverged)));
            }
        }
        Group::Neighbors => {
            let labelled = first.iter().any(|(_, gallery)| gallery.labels.iter().any(Option::is_some));
            let mut text =
                "The nearest of the same validation samples, by cosine of the representations after the last \
                            step. The samples were drawn at random, a class each where there are classes, and are the \
                            same for all runs on one split."
                    .to_owned();
            if labelled {
                text.push_str(" ✕ and a broken frame mark a neighbor of another class.");
            }
            sentences.push(text);
            let unseen = names(report, &first, |gallery| gallery.plane.is_some() && gallery.pictures.is_none());
            if !unseen.is_empty() {
                sentences.push("Rows of numbers are named by their place in the source, not pictured.".to_owned());
            }
        }
        Group::Pairs => sentences.push(
            "What the two branches are shown of a sample: views as training draws them, before they are normalized."
                .to_owned(),
        ),
        _ => {}
    }
    let mut html = String::new();
    for sentence in sentences {
        let _ = writeln!(html, "<p class=\"note\">{}</p>", prose(&sentence));
    }
    html
}

/// Of each configuration the first run, if it has a gallery.
fn first_runs(report: &Report) -> Vec<(&RunRecord, &Gallery)> {
    let first = report.names().into_iter().filter_map(|name| report.runs_named(name).next());
    first.filter_map(|run| Some((run, run.gallery.as_deref()?))).collect()
}

fn names(report: &Report, first: &[(&RunRecord, &Gallery)], with: impl Fn(&Gallery) -> bool) -> Vec<String> {
    first.iter().filter(|(_, gallery)| with(gallery)).map(|(run, _)| report.label(run)).collect()
}

/// Runs made before there were galleries, and runs without a validation part.
fn absent(report: &Report) -> Option<String> {
    let without: Vec<String> = report
        .names()
        .into_iter()
        .filter(|name| report.runs_named(name).next().is_some_and(|run| run.gallery.is_none()))
        .map(str::to_owned)
        .collect();
    (!without.is_empty())
        .then(|| format!("Without a gallery.npz in their folder, and not drawn: {}.", listed(&without)))
}

/// Places of the classes in colors, and what the gray samples are.
struct Coloring {
    /// For each class of the source, its place among the colors.
    places: Vec<Option<usize>>,
    names: Vec<String>,
    rest: Option<String>,
}

/// All classes where there are colors for them; else the most frequent ones of the gallery, of equals the first.
fn coloring(gallery: &Gallery) -> Coloring {
    let mut counts = vec![0_usize; gallery.classes.len()];
    gallery.labels.iter().flatten().for_each(|&label| counts[label as usize] += 1);
    let mut order: Vec<usize> = (0..counts.len()).filter(|&class| counts[class] > 0).collect();
    if counts.len() > CLASS_COLORS {
        order.sort_by_key(|&class| (std::cmp::Reverse(counts[class]), class));
    }
    let beyond = order.len().saturating_sub(CLASS_COLORS);
    order.truncate(CLASS_COLORS);
    order.sort_unstable();
    let mut places = vec![None; counts.len()];
    for (place, &class) in order.iter().enumerate() {
        // With few classes a class keeps its color in every source that has it at this place.
        places[class] = Some(if counts.len() > CLASS_COLORS { place } else { class });
    }
    let names = if counts.len() > CLASS_COLORS {
        order.iter().map(|&class| shown(&gallery.classes[class])).collect()
    } else {
        gallery.classes.iter().map(|name| shown(name)).collect()
    };
    let unlabelled = gallery.labels.iter().any(Option::is_none);
    let rest = match (beyond, unlabelled) {
        _ if order.is_empty() => None,
        (0, true) => Some("no label".to_owned()),
        (0, false) => Some(String::new()),
        (count, false) => Some(format!("{count} other classes")),
        (count, true) => Some(format!("{count} other classes, or no label")),
    };
    Coloring { places, names, rest }
}

/// A class name for people: something even where the name is nothing.
fn shown(name: &str) -> String {
    if name.trim().is_empty() { "(no name)".into() } else { name.into() }
}

fn gray_note(gallery: &Gallery) -> Option<String> {
    let different = gallery.labels.iter().flatten().collect::<std::collections::BTreeSet<_>>().len();
    (different > CLASS_COLORS)
        .then(|| format!("Of {different} classes the {CLASS_COLORS} with the most samples here have colors."))
}

fn planes(report: &Report, first: &[(&RunRecord, &Gallery)]) -> Vec<Figure> {
    let drawn: Vec<(usize, &RunRecord, &Gallery, &Plane)> = first
        .iter()
        .enumerate()
        .filter_map(|(place, (run, gallery))| Some((place, *run, *gallery, gallery.plane.as_ref()?)))
        .collect();
    let range = [0, 1].map(|axis| {
        let values = drawn.iter().flat_map(|(.., plane)| plane.points.iter().map(move |point| point[axis]));
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        let middle = f64::midpoint(low, high);
        let half = (0.53 * (high - low)).max(NARROWEST / 2.0);
        [middle - half, middle + half]
    });
    let picture = |(place, run, gallery, plane): &(usize, &RunRecord, &Gallery, &Plane)| {
        let Coloring { places, names, rest } = coloring(gallery);
        let spot = |(index, at): (usize, &[f64; 2])| Spot {
            sample: gallery.samples[index],
            class: gallery.labels[index].and_then(|label| places[label as usize]),
            label: gallery.class(index).unwrap_or_default().to_owned(),
            at: *at,
        };
        let axis = |k: usize| format!("component {}, {}", k + 1, percent(plane.shares[k]));
        let (x, y) = (axis(0), axis(1));
        let chart = ScatterChart {
            x: Axis::linear(&x),
            y: Axis::linear(&y),
            range,
            classes: names,
            rest,
            spots: plane.points.iter().enumerate().map(spot).collect(),
        };
        let noun = if gallery.samples.len() == 1 { "sample" } else { "samples" };
        let caption = format!(
            "{} {noun} at step {}. The two components hold {} of the variance, in {} dimensions.",
            grouped(gallery.samples.len() as u64),
            grouped(run.steps),
            percent(plane.shares[0] + plane.shares[1]),
            grouped(gallery.width as u64),
        );
        let picture = Picture::of(&format!("plane-{}", place + 1), &report.label(run), &caption, &chart);
        Figure { group: Group::Plane, picture }
    };
    drawn.iter().map(picture).collect()
}

/// A picture of the gallery as a file, as long as the page has room.
fn tile(pictures: &Pictures, bytes: &[u8], left: &mut usize) -> Option<Tile> {
    let size = [pictures.height, pictures.width];
    let png = encode_picture(bytes, [pictures.height, pictures.width, pictures.channels]).ok()?;
    *left = left.checked_sub(png.len())?;
    Some(Tile { png, size })
}

fn neighbors(report: &Report, place: usize, run: &RunRecord, gallery: &Gallery, left: &mut usize) -> Option<Figure> {
    gallery.plane.as_ref()?;
    let before = *left;
    let mut cell = |place: usize, query: Option<(usize, f32)>| {
        let picture = gallery.pictures.as_ref().and_then(|pictures| Some((pictures, pictures.find(place)?)));
        let tile = picture.and_then(|(pictures, bytes)| tile(pictures, bytes, left));
        let (sample, class) = (gallery.samples[place], gallery.class(place).map(shown));
        let cosine = query.map(|(_, cosine)| format!("{cosine:.2}"));
        let words = match (&class, &tile, &cosine) {
            (Some(class), Some(_), _) => class.clone(),
            (Some(class), None, _) => format!("{sample}: {class}"),
            (None, Some(_), Some(cosine)) => cosine.clone(),
            (None, _, _) => sample.to_string(),
        };
        let wrong = query.is_some_and(|(asked, _)| match (gallery.labels[asked], gallery.labels[place]) {
            (Some(asked), Some(own)) => asked != own,
            _ => false,
        });
        let mut tooltip = format!("sample {sample}");
        tooltip.extend(class.iter().map(|class| format!(", {class}")));
        tooltip.extend(cosine.iter().map(|cosine| format!(", cosine {cosine}")));
        StripCell { tile, words, tooltip, standing: if wrong { Standing::Wrong } else { Standing::Plain } }
    };
    let (mut rows, mut records, mut same, mut compared) = (Vec::new(), Vec::new(), 0_usize, 0_usize);
    for (&query, nearest) in gallery.queries.iter().zip(&gallery.neighbors) {
        let mut row = vec![cell(query, None)];
        for (rank, near) in nearest.iter().enumerate() {
            row.push(cell(near.sample, Some((query, near.cosine))));
            let class = |place: usize| gallery.class(place).unwrap_or_default().to_owned();
            let labels = (gallery.labels[query], gallery.labels[near.sample]);
            if let (Some(asked), Some(own)) = labels {
                compared += 1;
                same += usize::from(asked == own);
            }
            records.push(vec![
                gallery.samples[query].to_string(),
                class(query),
                (rank + 1).to_string(),
                gallery.samples[near.sample].to_string(),
                class(near.sample),
                near.cosine.to_string(),
            ]);
        }
        rows.push(row);
    }
    if records.is_empty() {
        return None;
    }
    let complete = gallery.pictures.is_none() || rows.iter().flatten().all(|cell| cell.tile.is_some());
    if !complete {
        // Half of the pictures would be worse than none: the words alone, and the room for those after.
        *left = before;
        rows.iter_mut().flatten().for_each(|cell| cell.tile = None);
    }
    let header = ["sample", "class", "rank", "neighbor", "neighbor_class", "cosine"];
    let described = "samples with their nearest neighbors";
    let chart = StripChart { described, groups: &NEIGHBOR_GROUPS, rows, header: &header, records };
    let mut caption = if compared > 0 {
        format!("{same} of {compared} neighbors have the class of their sample.")
    } else {
        "Below each neighbor its cosine.".into()
    };
    if !complete {
        caption.push_str(" The page has no room for more pictures: they are in gallery.npz of the run.");
    }
    let picture = Picture::of(&format!("neighbors-{}", place + 1), &report.label(run), &caption, &chart);
    Some(Figure { group: Group::Neighbors, picture })
}

/// Pairs of views, once for all runs that share them.
fn pairs(report: &Report, first: &[(&RunRecord, &Gallery)], left: &mut usize) -> Vec<Figure> {
    let mut different: Vec<(&Gallery, &Pictures, Vec<String>)> = Vec::new();
    for (run, gallery) in first {
        let Some(pictures) = &gallery.pictures else { continue };
        let same = |(other, shown, _): &&mut (&Gallery, &Pictures, Vec<String>)| {
            shown.pairs == pictures.pairs && other.samples == gallery.samples && other.queries == gallery.queries
        };
        match different.iter_mut().find(same) {
            Some((_, _, names)) => names.push(report.label(run)),
            None => different.push((gallery, pictures, vec![report.label(run)])),
        }
    }
    let several = different.len() > 1;
    let figure = |(place, (gallery, pictures, names)): (usize, &(&Gallery, &Pictures, Vec<String>))| {
        let title = if several { listed(names) } else { "Pairs of views, all runs".to_owned() };
        let (mut triples, mut records) = (Vec::new(), Vec::new());
        for (number, &query) in gallery.queries.iter().enumerate() {
            let shown_class = gallery.class(query).map(shown).unwrap_or_default();
            let mut triple = Vec::new();
            for (view, bytes) in ["sample", "x", "y"].into_iter().zip(pictures.pair(number)?) {
                let sample = gallery.samples[query];
                let words = if view == "sample" { shown_class.clone() } else { view.to_owned() };
                let tooltip = format!("sample {sample}, {view}");
                let tile = Some(tile(pictures, bytes, left)?);
                triple.push(StripCell { tile, words, tooltip, standing: Standing::Plain });
                let mean = bytes.iter().map(|byte| f64::from(*byte)).sum::<f64>() / (255 * bytes.len()) as f64;
                let class = gallery.class(query).unwrap_or_default().to_owned();
                records.push(vec![sample.to_string(), class, view.to_owned(), mean.to_string()]);
            }
            triples.push(triple);
        }
        let rows: Vec<Vec<StripCell>> = triples.chunks(2).map(<[_]>::concat).collect();
        let header = ["sample", "class", "view", "mean_value"];
        let chart = StripChart {
            described: "samples with two views of each",
            groups: &PAIR_GROUPS,
            rows,
            header: &header,
            records,
        };
        let caption =
            "The numbers beside it are the mean values of each picture, 0 to 1; all pixels are in gallery.npz.";
        let picture = Picture::of(&format!("pairs-{}", place + 1), &title, caption, &chart);
        Some(Figure { group: Group::Pairs, picture })
    };
    different.iter().enumerate().filter_map(figure).collect()
}

/// `gallery` of a run in report.json.
pub(super) fn entry(run: &RunRecord) -> serde_json::Value {
    let Some(gallery) = &run.gallery else { return serde_json::Value::Null };
    serde_json::json!({
        "samples": gallery.samples.len(),
        "width": gallery.width,
        "plane_shares": gallery.plane.as_ref().map(|plane| plane.shares),
        "queries": gallery.queries.iter().map(|&place| gallery.samples[place]).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests;
