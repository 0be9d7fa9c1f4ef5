//! `stopgrad moments`: second moments of pairs of views of a source, or of two files of rows.
//!
//! Order of work: what was computed apart is read, then the source is passed over once (`summing`), parts are added,
//! linear features are taken of the sum (`coordinates`), and the file is written. Where nothing is added and no basis
//! is changed, the file is written from the sums themselves, so that no moment is held twice.

mod coordinates;
mod input;
mod summing;

use std::fmt::Write as _;
use std::time::Instant;

use serde_json::{Value, json};
use stopgrad_data::{InputFile, Skipped};
use stopgrad_dynamics::Moments;
use stopgrad_dynamics::features::FeatureError;
use stopgrad_dynamics::moments::{MergeError, MomentSums, Part, support_rank};

use crate::CommandError;
use crate::args::{Features, MomentsArguments};
use crate::folder::prepare_file;
use crate::moments_file::{self, MomentsFile, RandomMap};
use crate::outcome::{Outcome, Status, document};
use crate::output::Output;
use input::Input;
use summing::{Rates, Summed};

/// Why moments cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum MomentsCommandError {
    /// A file of views that holds none.
    #[error("{}: {reason}", path.display())]
    Recipe {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// One exchangeable view makes no pair.
    #[error(
        "--augmentations 1: the views x and y of this recipe are drawn alike, and a pair needs two; ask for at least 2"
    )]
    OneView,
    /// No sample could be decoded.
    #[error("none of the {samples} samples can be decoded; {} is the first: {}; look at the source with `stopgrad data`", first.path, first.reason)]
    NoSample {
        /// Asked for.
        samples: usize,
        /// The first that failed.
        first: Skipped,
    },
    /// Views that are not finite.
    #[error("the views are not finite numbers: {key} of the moments is not; look at the source with `stopgrad data`")]
    NotFinite {
        /// Which mean.
        key: &'static str,
    },
    /// No threads.
    #[error("cannot start {threads} threads; lower --threads")]
    Threads {
        /// Asked for.
        threads: usize,
        /// What the system said.
        #[source]
        cause: rayon::ThreadPoolBuildError,
    },
    /// Parts that do not add up.
    #[error("--merge: {cause}; the parts, from 0, are {}", parts.join(", "))]
    Merge {
        /// Names of the parts, in their order.
        parts: Vec<String>,
        /// Which differs, and in what.
        #[source]
        cause: MergeError,
    },
    /// Random features of moments alone.
    #[error("--features {features} needs the views themselves; ask for it when the moments of the parts are computed")]
    NeedsViews {
        /// As typed.
        features: Features,
    },
    /// Moments that are not centered, and no source to center.
    #[error("--center: the moments to merge are not centered; compute the parts with --center")]
    NotCentered,
    /// Features that cannot be made.
    #[error("--features: {0}")]
    Features(#[from] FeatureError),
    /// Eigenvalues that cannot be computed.
    #[error(
        "the eigenvalues of X cannot be computed; look for extreme values with `stopgrad data`, or ask for other --features"
    )]
    Eigenvalues(#[from] stopgrad_dynamics::MomentsError),
}

impl From<stopgrad_dynamics::LinalgError> for MomentsCommandError {
    fn from(error: stopgrad_dynamics::LinalgError) -> Self {
        Self::Eigenvalues(error.into())
    }
}

/// What the moments are made of, still as sums or already as matrices.
enum Made {
    Sums(Box<MomentSums>, Option<RandomMap>),
    Matrices(Box<MomentsFile>),
}

/// What is told of the moments, but for the clock.
struct Told {
    size: usize,
    count: u64,
    centered: bool,
    symmetrized: bool,
    halves: bool,
    support: usize,
}

/// Read, sum, add, write.
pub(super) fn run(asked: &MomentsArguments, output: Output) -> Result<Outcome, CommandError> {
    let started = Instant::now();
    // The ending is looked at before the work; so is the folder.
    moments_file::check_path(&asked.out, 1)?;
    prepare_file(&asked.out)?;
    let mut parts = asked.merge.iter().map(|path| MomentsFile::read(path)).collect::<Result<Vec<_>, _>>()?;
    let input = Input::open(asked, output)?;
    let mut inputs: Vec<InputFile> = input.as_ref().map_or(vec![], Input::files);
    inputs.extend(parts.iter().map(|(_, file)| file.clone()));

    let threads = summing::threads(asked.threads);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|cause| MomentsCommandError::Threads { threads, cause })?;
    let (told, rates, skipped) = pool.install(|| {
        let summed = input.as_ref().map(|input| summing::sum(asked, input, threads, output)).transpose()?;
        let (summed, mut rates, skipped) = match summed {
            None => (None, None, vec![]),
            Some(Summed { sums, map, rates, skipped }) => (Some((sums, map)), Some(rates), skipped),
        };
        let names = part_names(asked, summed.is_some());
        let made = made(asked, summed, parts.drain(..).map(|(file, _)| file).collect(), names)?;
        let told = write(asked, made)?;
        rates.iter_mut().for_each(Rates::time_again);
        Ok::<_, CommandError>((told, rates, skipped))
    })?;
    let seconds = started.elapsed().as_secs_f64();
    let text = describe(asked, &told, rates.as_ref(), &skipped, seconds);
    let own = own_fields(asked, input.as_ref(), &told, rates.as_ref(), &skipped, seconds);
    let document = document("moments", asked.seed, &options(asked, threads), &inputs, own);
    Ok(Outcome { text, document, status: Status::Done })
}

fn part_names(asked: &MomentsArguments, has_own: bool) -> Vec<String> {
    let own = has_own.then(|| asked.source.clone().unwrap_or_else(|| "the view files".into()));
    own.into_iter().chain(asked.merge.iter().map(|path| path.display().to_string())).collect()
}

/// Own sums, parts and linear features put together.
fn made(
    asked: &MomentsArguments, own: Option<(MomentSums, Option<RandomMap>)>, mut parts: Vec<MomentsFile>,
    names: Vec<String>,
) -> Result<Made, MomentsCommandError> {
    let linear = matches!(asked.features, Features::Pca(_) | Features::Whiten);
    if let Some((sums, map)) = own {
        let json = asked.out.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
        if parts.is_empty() && !linear && !json {
            return Ok(Made::Sums(Box::new(sums), map));
        }
        let (basis, features) = map.map(|map| (map.weights, map.features)).unzip();
        let matrices = |moments| Moments { basis: basis.clone(), ..moments };
        let moments = matrices(sums.moments(asked.center));
        let half = sums.half(asked.center).map(|half| matrices(half.to_moments()));
        drop(sums);
        parts.insert(0, MomentsFile { moments, half, features });
    } else if matches!(asked.features, Features::Fourier { .. } | Features::Relu { .. }) {
        return Err(MomentsCommandError::NeedsViews { features: asked.features });
    } else if asked.center && parts.iter().any(|part| !part.moments.centered) {
        return Err(MomentsCommandError::NotCentered);
    }
    let file = merged(parts).map_err(|cause| MomentsCommandError::Merge { parts: names, cause })?;
    Ok(Made::Matrices(Box::new(coordinates::changed(file, asked.features)?)))
}

/// The sum of files; halves only where every part has one.
fn merged(mut parts: Vec<MomentsFile>) -> Result<MomentsFile, MergeError> {
    if parts.len() == 1 {
        return Ok(parts.remove(0));
    }
    let wholes: Vec<Part<'_>> = parts.iter().map(|part| Part::whole(&part.moments)).collect();
    let moments = Moments::merged(&wholes, None)?;
    let features = parts.first().ok_or(MergeError::Nothing)?.features.clone();
    if let Some(part) = parts.iter().position(|part| part.features != features) {
        return Err(MergeError::Differs { part, what: "kind of random features" });
    }
    // A half is about the means of its whole.
    let halves: Option<Vec<Part<'_>>> = parts
        .iter()
        .zip(&wholes)
        .map(|(part, whole)| part.half.as_ref().map(|half| Part { moments: half, about: whole.about }))
        .collect();
    let about = moments.mean_x.as_deref().zip(moments.mean_y.as_deref()).filter(|_| moments.centered);
    let half = halves.map(|halves| Moments::merged(&halves, about)).transpose()?;
    Ok(MomentsFile { moments, half, features })
}

fn write(asked: &MomentsArguments, made: Made) -> Result<Told, CommandError> {
    match made {
        Made::Sums(sums, map) => {
            let whole = sums.whole(asked.center);
            let finite = |key, mean: Vec<f64>| {
                let finite = mean.iter().all(|value| value.is_finite());
                if finite { Ok(()) } else { Err(MomentsCommandError::NotFinite { key }) }
            };
            finite("mean_x", whole.mean_x())?;
            finite("mean_y", whole.mean_y())?;
            let (size, count, symmetrized) = (sums.size(), whole.count(), whole.is_symmetrized());
            let halves = sums.half(asked.center).is_some();
            moments_file::write_sums(&sums, asked.center, map.as_ref(), &asked.out)?;
            let eigenvalues = sums.into_eigenvalues(asked.center).map_err(MomentsCommandError::from)?;
            Ok(Told { size, count, centered: asked.center, symmetrized, halves, support: support_rank(&eigenvalues) })
        }
        Made::Matrices(file) => {
            let moments = &file.moments;
            file.write(&asked.out)?;
            let eigenvalues = moments.eigenvalues().map_err(MomentsCommandError::from)?;
            Ok(Told {
                size: moments.size(),
                count: moments.count.unwrap_or(0),
                centered: moments.centered,
                symmetrized: moments.symmetrized,
                halves: file.half.is_some(),
                support: support_rank(&eigenvalues),
            })
        }
    }
}

fn options(asked: &MomentsArguments, threads: usize) -> Value {
    json!({
        "source": asked.source,
        "views": if asked.view_files.is_none() { Some(&asked.views) } else { None },
        "view_files": asked.view_files,
        "out": asked.out,
        "augmentations": asked.augmentations,
        "center": asked.center,
        "symmetrize": asked.symmetrize,
        "features": asked.features.to_string(),
        "split": format!("{:?}", asked.split).to_lowercase(),
        "halves": format!("{:?}", asked.halves).to_lowercase(),
        "merge": asked.merge,
        "label_column": asked.label_column.as_deref().unwrap_or_default(),
        "threads": threads,
    })
}

fn own_fields(
    asked: &MomentsArguments, input: Option<&Input>, told: &Told, rates: Option<&Rates>, skipped: &[Skipped],
    seconds: f64,
) -> Value {
    json!({
        "m": told.size,
        "count": told.count,
        "pairs_per_sample": rates.map(|rates| rates.pairs_per_sample),
        "seconds": seconds,
        "gemm_fraction": rates.map(Rates::gemm_fraction),
        "support_rank": told.support,
        "samples": rates.map(|rates| rates.samples),
        "centered": told.centered,
        "symmetrized": told.symmetrized,
        "halves": told.halves,
        "seconds_views": rates.map(|rates| rates.seconds_views),
        "seconds_features": rates.map(|rates| rates.seconds_features),
        "seconds_sums": rates.map(|rates| rates.seconds_sums),
        "gigaflops": rates.map(Rates::gigaflops),
        "gemm_gigaflops": rates.map(Rates::product_gigaflops),
        "recipe": input.and_then(Input::recipe),
        "skipped": skipped,
        "out": asked.out,
    })
}

fn describe(asked: &MomentsArguments, told: &Told, rates: Option<&Rates>, skipped: &[Skipped], seconds: f64) -> String {
    let mut text =
        format!("moments of {} coordinates from {} pairs in {}\n", told.size, told.count, asked.out.display());
    _ = writeln!(
        text,
        "{}, {}; x varies in {} directions",
        if told.centered { "centered" } else { "about 0, not centered" },
        if told.symmetrized { "both orders of each pair" } else { "one order of each pair" },
        told.support
    );
    if let Some(rates) = rates {
        _ = writeln!(
            text,
            "{} samples, {} pairs each; {seconds:.1} s, of which {:.1} views and {:.1} sums ({:.0} GFLOP/s, {:.0} % of \
             a plain product)",
            rates.samples,
            rates.pairs_per_sample,
            rates.seconds_views,
            rates.seconds_sums,
            rates.gigaflops(),
            100.0 * rates.gemm_fraction()
        );
    }
    if !told.halves {
        text.push_str("without halves: `predict` cannot tell modes from noise\n");
    }
    if let Some(first) = skipped.first() {
        _ = writeln!(text, "left out: {} samples, the first {}: {}", skipped.len(), first.path, first.reason);
    }
    text
}
