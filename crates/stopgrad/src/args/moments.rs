//! What can be typed after `stopgrad moments`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use stopgrad_dynamics::features::Components;

/// `stopgrad moments`.
#[derive(Debug, Args)]
pub struct MomentsArguments {
    /// `digits`, or a path: IDX file or folder, CIFAR-10 file or folder, folder of images, .npy, .npz, .csv
    #[arg(value_name = "SOURCE", required_unless_present_any = ["view_files", "merge"], conflicts_with = "view_files")]
    pub source: Option<String>,

    /// How views are made: a preset, `auto` for the one fit for the source, or a TOML file with lists `x` and `y` of
    /// augmentations, or with [views.recipe], as the config.toml of a run
    #[arg(long, value_name = "RECIPE", default_value = "auto", conflicts_with = "view_files")]
    pub views: String,

    /// Two .npy files of rows instead of a source: row i of the first is x, row i of the second y; used as they stand
    #[arg(long, value_name = "FILE.npy", num_args = 2)]
    pub view_files: Option<Vec<PathBuf>>,

    /// Where the moments go: .npz, or .json up to 16 coordinates
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,

    /// Views a sample: k exchangeable ones make k(k-1) ordered pairs; of a recipe whose x and y differ k of each are
    /// drawn, which make k*k
    #[arg(long, value_name = "K", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub augmentations: u16,

    /// Subtract the means
    #[arg(long)]
    pub center: bool,

    /// Use the pairs of --view-files in both orders
    #[arg(long, requires = "view_files")]
    pub symmetrize: bool,

    /// What x and y are: the views (none), K principal components of x or those that hold a share of its variance
    /// (pca:16, pca:0.95), whitened (whiten), or K random features of the views (fourier:K, relu:K; fourier:K:S sets
    /// the bandwidth S, by default the root of the number of inputs)
    #[arg(long, value_name = "KIND", default_value = "none", value_parser = features)]
    pub features: Features,

    /// Samples: the part that train would train on, or all; the normalization is that of the training part
    #[arg(long, value_name = "PART", value_enum, default_value_t = SplitPart::Train)]
    pub split: SplitPart,

    /// Store the moments of every other sample as well, from which `predict` estimates noise; `off` takes half the memory
    #[arg(long, value_name = "on|off", value_enum, default_value_t = Halves::On)]
    pub halves: Halves,

    /// Add moments computed apart; alone, or to those of the source
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub merge: Vec<PathBuf>,

    /// Folders of images only: rows and columns that every image is scaled to [default: 32, or 64 where most images have
    /// as many]
    #[arg(long, value_name = "PIXELS", default_value_t = 0, hide_default_value = true)]
    pub image_side: usize,

    /// CSV only: the column that holds the labels, which is no input
    #[arg(long, value_name = "NAME")]
    pub label_column: Option<String>,

    /// Names the random draws: views and random features
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = super::value::seed_range())]
    pub seed: u64,

    /// Threads, 0 for as many as the machine runs at once; no number depends on it
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=256))]
    pub threads: u16,
}

/// The part of the samples that is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SplitPart {
    /// What `train` trains on.
    Train,
    /// Every sample.
    All,
}

/// Whether the samples 0, 2, 4, … are summed apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Halves {
    /// Yes.
    On,
    /// No.
    Off,
}

/// What is made of the views before their moments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Features {
    /// Nothing.
    None,
    /// Principal components of x.
    Pca(Components),
    /// Principal components divided by their standard deviations.
    Whiten,
    /// Random Fourier features.
    Fourier {
        /// K.
        count: usize,
        /// Of the Gaussian kernel; the root of the number of inputs where not given.
        bandwidth: Option<f64>,
    },
    /// Random ReLU features.
    Relu {
        /// K.
        count: usize,
    },
}

impl std::fmt::Display for Features {
    /// As it is typed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Pca(Components::Count(count)) => write!(f, "pca:{count}"),
            Self::Pca(Components::Share(share)) => write!(f, "pca:{share}"),
            Self::Whiten => f.write_str("whiten"),
            Self::Fourier { count, bandwidth: None } => write!(f, "fourier:{count}"),
            Self::Fourier { count, bandwidth: Some(bandwidth) } => write!(f, "fourier:{count}:{bandwidth}"),
            Self::Relu { count } => write!(f, "relu:{count}"),
        }
    }
}

/// Most random features: their weights and moments are held in memory.
const MOST_FEATURES: usize = 1 << 16;

/// Read `none`, `pca:16`, `pca:0.95`, `whiten`, `fourier:512`, `fourier:512:8`, `relu:512`.
fn features(text: &str) -> Result<Features, String> {
    let parts: Vec<&str> = text.split(':').collect();
    let count = |text: &str| text.parse::<usize>().ok().filter(|count| (1..=MOST_FEATURES).contains(count));
    let read = match parts[..] {
        ["none"] => Some(Features::None),
        ["whiten"] => Some(Features::Whiten),
        ["pca", amount] => match (count(amount), amount.parse::<f64>()) {
            (Some(count), _) => Some(Features::Pca(Components::Count(count))),
            (None, Ok(share)) if share > 0.0 && share < 1.0 => Some(Features::Pca(Components::Share(share))),
            _ => None,
        },
        ["fourier", amount] => count(amount).map(|count| Features::Fourier { count, bandwidth: None }),
        ["fourier", amount, bandwidth] => count(amount).and_then(|count| {
            let bandwidth = bandwidth.parse().ok().filter(|width: &f64| width.is_finite() && *width > 0.0)?;
            Some(Features::Fourier { count, bandwidth: Some(bandwidth) })
        }),
        ["relu", amount] => count(amount).map(|count| Features::Relu { count }),
        _ => None,
    };
    read.ok_or_else(|| {
        format!("expected none, pca:16, pca:0.95, whiten, fourier:512, fourier:512:8 or relu:512, counts 1 to {MOST_FEATURES}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_features_are_read() {
        assert_eq!(features("none"), Ok(Features::None));
        assert_eq!(features("pca:16"), Ok(Features::Pca(Components::Count(16))));
        assert_eq!(features("pca:0.95"), Ok(Features::Pca(Components::Share(0.95))));
        assert_eq!(features("fourier:8"), Ok(Features::Fourier { count: 8, bandwidth: None }));
        assert_eq!(features("fourier:8:2.5"), Ok(Features::Fourier { count: 8, bandwidth: Some(2.5) }));
        assert_eq!(features("relu:3"), Ok(Features::Relu { count: 3 }));
        for text in ["none", "pca:16", "pca:0.95", "whiten", "fourier:8", "fourier:8:2.5", "relu:3"] {
            assert_eq!(features(text).map(|read| read.to_string()).as_deref(), Ok(text));
        }
        for wrong in [
            "",
            "pca",
            "pca:0",
            "pca:-1",
            "pca:1.5",
            "pca:nan",
            "relu:0",
            "fourier:8:0",
            "fourier:8:inf",
            "relu:1e9",
            "whiten:3",
        ] {
            assert!(features(wrong).is_err(), "{wrong}");
        }
    }
}
