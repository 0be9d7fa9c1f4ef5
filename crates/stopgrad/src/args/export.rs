//! `export`: options.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `stopgrad export`.
#[derive(Debug, Args)]
pub struct ExportArguments {
    /// Folder of a run
    #[arg(value_name = "RUN")]
    pub run: PathBuf,

    /// Whose names: torchvision (resnet18, resnet34, resnet50) and timm (those and vit, vit_tiny, vit_small, vit_base) get the
    /// encoder, safetensors gets all parts of any network
    #[arg(long, value_name = "LIBRARY", value_enum)]
    pub to: ExportTarget,

    /// Where the weights go [default: ENCODER.safetensors in the current folder]
    #[arg(long, value_name = "FILE.safetensors")]
    pub out: Option<PathBuf>,

    /// The trained network, or its teacher (`ema` runs)
    #[arg(long, value_name = "PART", value_enum, default_value_t = ExportPart::Student)]
    pub part: ExportPart,
}

/// Whose names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportTarget {
    /// The encoder, for torchvision.models.
    Torchvision,
    /// The encoder, for timm.
    Timm,
    /// Encoder, projector and predictor, under our names.
    Safetensors,
}

/// Whose weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportPart {
    /// Those that are trained.
    Student,
    /// Their average over time.
    Teacher,
}

impl ExportTarget {
    /// As typed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Torchvision => "torchvision",
            Self::Timm => "timm",
            Self::Safetensors => "safetensors",
        }
    }
}

impl ExportPart {
    /// As typed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Student => "student",
            Self::Teacher => "teacher",
        }
    }
}
