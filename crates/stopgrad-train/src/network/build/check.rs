//! Whether a network can be built.

use super::{Input, NetworkError};
use crate::config::{NetworkConfig, NetworkKind, PredictorRule};

pub(super) fn check(config: &NetworkConfig, input: &Input) -> Result<(), NetworkError> {
    if config.encoder == NetworkKind::None {
        return Err(NetworkError::NoEncoder);
    }
    for (key, kind) in [("projector", config.projector), ("predictor", config.predictor)] {
        if let Some(kind) = of_images(kind) {
            return Err(NetworkError::ImagesLater { key, kind });
        }
    }
    if let Some(encoder) = of_images(config.encoder) {
        let Some([_, height, width]) = input.image else { return Err(NetworkError::NoImages { encoder }) };
        if config.encoder.is_transformer() {
            check_patches(config, height, width)?;
        } else if config.encoder == NetworkKind::Conv {
            check_stages(config, height, width)?;
        }
    }
    if config.predictor_rule != PredictorRule::Trained && config.predictor != NetworkKind::Linear {
        return Err(NetworkError::RuleNeedsMatrix);
    }
    let zero = |widths: &[usize]| widths.contains(&0);
    let projects = config.projector != NetworkKind::None;
    let (is_conv, is_mlp) = (config.encoder == NetworkKind::Conv, config.encoder == NetworkKind::Mlp);
    let is_vit = config.encoder.is_transformer();
    let faults = [
        ("encoder_base_width", config.encoder.stages().is_some() && config.encoder_base_width == 0),
        ("encoder_width", config.encoder_width == 0),
        ("encoder_hidden", (is_conv || is_mlp) && zero(&config.encoder_hidden)),
        ("encoder_blocks", is_conv && config.encoder_blocks == 0),
        ("encoder_stride", is_conv && config.encoder_stride == 0),
        ("encoder_depth", is_vit && config.encoder_depth == 0),
        ("projector_width", projects && config.projector_width == 0),
        ("projector_hidden", config.projector == NetworkKind::Mlp && zero(&config.projector_hidden)),
        ("predictor_hidden", config.predictor == NetworkKind::Mlp && zero(&config.predictor_hidden)),
    ];
    match faults.iter().find(|(_, is_zero)| *is_zero) {
        Some((key, _)) => Err(NetworkError::ZeroWidth { key }),
        None => Ok(()),
    }
}

/// The name of a kind that takes images only.
fn of_images(kind: NetworkKind) -> Option<&'static str> {
    kind.takes_images().then(|| kind.name())
}

/// Whether patches tile the images and heads share a token.
fn check_patches(config: &NetworkConfig, height: usize, width: usize) -> Result<(), NetworkError> {
    let (patch, heads, tokens) = (config.encoder_patch, config.encoder_heads, config.encoder_width);
    if patch == 0 || !height.is_multiple_of(patch) || !width.is_multiple_of(patch) {
        return Err(NetworkError::Patches { patch, height, width });
    }
    if heads == 0 || !tokens.is_multiple_of(heads) {
        return Err(NetworkError::Heads { heads, width: tokens });
    }
    Ok(())
}

/// Whether there are pixels for every stage.
fn check_stages(config: &NetworkConfig, height: usize, width: usize) -> Result<(), NetworkError> {
    if !config.encoder_batch_norm {
        return Err(NetworkError::NormNeeded);
    }
    let (side, stages) = (height.min(width).div_ceil(config.encoder_stride.max(1)), config.encoder_hidden.len() + 1);
    // Until one pixel is left: one stage, and one for each halving, rounded up.
    let room = 1 + side.next_power_of_two().ilog2() as usize;
    if stages > room { Err(NetworkError::TooManyStages { stages, side, room }) } else { Ok(()) }
}
