//! `train` and `compare`: options of runs, which become keys of the configuration.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use toml::Value;

use super::value::{duration, finite, seed_range};
use crate::configuration::Override;
use crate::demand::{Demand, Requirement};

/// What `train` and `compare` share: the configuration, and what is done with the answer.
#[derive(Debug, Args)]
pub struct RunArguments {
    /// `digits`, or a path: IDX file or folder, CIFAR-10 file or folder, folder of images, .npy, .npz, .csv
    #[arg(value_name = "SOURCE", required_unless_present_any = ["config", "preset"])]
    pub source: Option<String>,

    /// A method by name, with what is added to it, as in byol-small or byol-small+joint+vicreg; `list` shows all. File and
    /// options win over it
    #[arg(long, value_name = "METHOD[+ADDITION…]", help_heading = "Configuration")]
    pub preset: Option<String>,

    /// Read the configuration from a TOML file; other options win over it
    #[arg(long, value_name = "FILE.toml", help_heading = "Configuration")]
    pub config: Option<PathBuf>,

    /// Set any key of the configuration, as in `--set optimizer.momentum=0`; may be repeated
    #[arg(long, value_name = "TABLE.KEY=VALUE", help_heading = "Configuration")]
    pub set: Vec<String>,

    /// How parameters move: descend the objective, hold the target fixed, or follow a teacher (field.kind)
    #[arg(long, value_name = "FIELD", value_parser = ["joint", "sg", "ema"], help_heading = "Configuration")]
    pub field: Option<String>,

    /// Number of updates (training.steps)
    #[arg(
        long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=i64::MAX as u64),
        help_heading = "Configuration"
    )]
    pub steps: Option<u64>,

    /// Pairs in a batch; 0 takes all of an epoch (training.batch_size)
    #[arg(
        long, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=i64::MAX as u64),
        help_heading = "Configuration"
    )]
    pub batch_size: Option<u64>,

    /// Learning rate after warm-up (optimizer.learning_rate)
    #[arg(
        long, value_name = "RATE", value_parser = finite, allow_negative_numbers = true,
        help_heading = "Configuration"
    )]
    pub learning_rate: Option<f64>,

    /// λ (objective.weight_decay)
    #[arg(
        long, value_name = "LAMBDA", value_parser = finite, allow_negative_numbers = true,
        help_heading = "Configuration"
    )]
    pub weight_decay: Option<f64>,

    /// Kind of encoder (network.encoder)
    #[arg(
        long, value_name = "KIND", help_heading = "Configuration", value_parser = [
            "linear", "mlp", "conv", "resnet18", "resnet34", "resnet50", "vit", "vit_tiny", "vit_small", "vit_base"
        ]
    )]
    pub encoder: Option<String>,

    /// Width of the representation (network.encoder_width)
    #[arg(
        long, value_name = "WIDTH", value_parser = clap::value_parser!(u64).range(1..=i64::MAX as u64),
        help_heading = "Configuration"
    )]
    pub encoder_width: Option<u64>,

    /// Start from these weights: .safetensors or .pt with the names of torchvision, timm or `stopgrad export` (network.init)
    #[arg(long, value_name = "FILE", help_heading = "Configuration")]
    pub init: Option<String>,

    /// Preset of the two views of a sample (views.preset): auto, digits, mnist, cifar, cifar-byol, cifar-light, simsiam,
    /// photos, table, noise, and auto-byol, auto-simsiam and auto-light, those of a method that fit the size
    #[arg(long, value_name = "PRESET", help_heading = "Configuration")]
    pub views: Option<String>,

    /// Folders of images only: rows and columns that every image is scaled to (source.image_side)
    #[arg(
        long, value_name = "PIXELS", value_parser = clap::value_parser!(u64).range(0..=i64::MAX as u64),
        help_heading = "Configuration"
    )]
    pub image_side: Option<u64>,

    /// CSV only: the column that holds the labels (source.label_column)
    #[arg(long, value_name = "NAME", help_heading = "Configuration")]
    pub label_column: Option<String>,

    /// Names every random stream of the run (training.seed)
    #[arg(long, value_name = "N", value_parser = seed_range(), help_heading = "Configuration")]
    pub seed: Option<u64>,

    /// Threads that prepare batches; no number depends on it (training.threads)
    #[arg(
        long, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=4096),
        help_heading = "Configuration"
    )]
    pub threads: Option<u64>,

    /// Where passes through the networks are made: cpu, or a graphics processor by wgpu (training.device)
    #[arg(long, value_name = "DEVICE", value_parser = ["cpu", "wgpu"], help_heading = "Configuration")]
    pub device: Option<String>,

    /// Say what would be done, from a few timed steps that are thrown away: data, network, steps, time, memory, disk; no run
    /// is begun
    #[arg(long)]
    pub dry_run: bool,

    /// Stop after this time, at a checkpoint, as in 90s, 10m, 2h; the same command goes on from there
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub time_limit: Option<Duration>,

    /// Folder of the run; one that holds the same run is resumed [default: the first free runs/COMMAND-SOURCE-N]
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,

    /// Accuracies in the table at the end: of the validation part, so that settings can be chosen without looking at the
    /// test part, or of the test part; the report has both
    #[arg(long, value_name = "PART", value_enum, default_value_t = Shown::Validation)]
    pub show: Shown,

    /// Exit with 1 on a verdict: collapses, diverges, drifts, not-minimised, unstable; RUN:WHAT looks at that run only
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    pub fail_on: Vec<Demand>,

    /// Also write the metrics as event files for TensorBoard, into the folder `tensorboard`, at the end
    #[arg(long)]
    pub tensorboard: bool,

    /// Exit with 1 if an answer of the verdict is "undecided"
    #[arg(long, value_name = "decided")]
    pub require: Option<Requirement>,
}

/// The part of the data whose accuracies the table shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Shown {
    /// What settings may be chosen by.
    Validation,
    /// What they are judged by, once.
    Test,
}

impl Shown {
    /// As probes name it.
    pub const fn split(self) -> &'static str {
        match self {
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

/// `stopgrad train`.
#[derive(Debug, Args)]
pub struct TrainArguments {
    /// The run.
    #[command(flatten)]
    pub run: RunArguments,
}

/// `stopgrad compare`.
#[derive(Debug, Args)]
pub struct CompareArguments {
    /// The options all runs share.
    #[command(flatten)]
    pub run: RunArguments,

    /// The runs: `NAME` (a field) or `NAME: key=value, key=value`, separated by `;`
    #[arg(long, value_name = "RUNS", default_value = "joint; sg; ema")]
    pub runs: String,

    /// Seeds of each run: how many (counted up from the seed), or which, as in 0,1,2
    #[arg(long, value_name = "N|LIST", default_value = "1")]
    pub seeds: String,
}

impl RunArguments {
    /// The options that set a key, as overrides named after the option.
    pub fn overrides(&self) -> Vec<Override> {
        let text = |value: &String| Value::String(value.clone());
        let whole = |value: u64| Value::Integer(i64::try_from(value).expect("the parser limits it to i64"));
        let options = [
            ("SOURCE", "source.path", self.source.as_ref().map(text)),
            ("--label-column", "source.label_column", self.label_column.as_ref().map(text)),
            ("--image-side", "source.image_side", self.image_side.map(whole)),
            ("--views", "views.preset", self.views.as_ref().map(text)),
            ("--encoder", "network.encoder", self.encoder.as_ref().map(text)),
            ("--encoder-width", "network.encoder_width", self.encoder_width.map(whole)),
            ("--init", "network.init", self.init.as_ref().map(text)),
            ("--weight-decay", "objective.weight_decay", self.weight_decay.map(Value::Float)),
            ("--field", "field.kind", self.field.as_ref().map(text)),
            ("--learning-rate", "optimizer.learning_rate", self.learning_rate.map(Value::Float)),
            ("--steps", "training.steps", self.steps.map(whole)),
            ("--batch-size", "training.batch_size", self.batch_size.map(whole)),
            ("--seed", "training.seed", self.seed.map(whole)),
            ("--threads", "training.threads", self.threads.map(whole)),
            ("--device", "training.device", self.device.as_ref().map(text)),
        ];
        options
            .into_iter()
            .filter_map(|(option, key, value)| value.map(|value| Override::new(option, key, value)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::args::{Arguments, Command};

    #[test]
    fn options_become_overrides_of_the_keys_they_name() {
        let line = "stopgrad train digits --steps 30 --learning-rate 0.1 --field ema --seed 7";
        let Command::Train(arguments) = Arguments::try_parse_from(line.split(' ')).expect("parses").command else {
            panic!("not train")
        };
        let keys: Vec<String> = arguments.run.overrides().into_iter().map(|item| item.key).collect();
        assert_eq!(keys, ["source.path", "field.kind", "optimizer.learning_rate", "training.steps", "training.seed"]);
    }
}
