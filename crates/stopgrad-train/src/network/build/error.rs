//! Why a network cannot be built.

use thiserror::Error;

/// A network that cannot be built.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum NetworkError {
    /// No encoder.
    #[error(
        "network.encoder is `none`; write `linear`, `mlp`, `conv`, `resnet18`, `resnet34`, `resnet50`, `vit`, `vit_tiny`, `vit_small` or `vit_base`"
    )]
    NoEncoder,
    /// Filters over what is no image.
    #[error(
        "network.encoder = \"{encoder}\" takes images, and this source has rows of numbers (or views.features makes some of its images); write `mlp` or `linear`"
    )]
    NoImages {
        /// The kind.
        encoder: &'static str,
    },
    /// Filters behind the encoder.
    #[error(
        "network.{key} = \"{kind}\" is not possible: what comes to it is no image; write `none`, `linear` or `mlp`"
    )]
    ImagesLater {
        /// The key.
        key: &'static str,
        /// The kind.
        kind: &'static str,
    },
    /// Filters without what keeps their numbers in range.
    #[error(
        "network.encoder_batch_norm = false is not possible with encoder = \"conv\", whose convolutions have no bias of their own; leave it true"
    )]
    NormNeeded,
    /// More halvings than the image has pixels for.
    #[error(
        "network.encoder_hidden and encoder_width make {stages} stages, and each but the first halves the image: {side} pixels behind the first filters have room for {room}; take fewer stages"
    )]
    TooManyStages {
        /// Asked for.
        stages: usize,
        /// Of the shorter side of the images, behind the first filters.
        side: usize,
        /// Until one pixel is left.
        room: usize,
    },
    /// Patches that do not tile the image.
    #[error(
        "network.encoder_patch = {patch} does not divide images of {height} × {width} pixels; take a divisor of both, or another image side (`--image-side`)"
    )]
    Patches {
        /// Asked for.
        patch: usize,
        /// Of the images.
        height: usize,
        /// Of the images.
        width: usize,
    },
    /// Heads that do not share the width equally.
    #[error("network.encoder_heads = {heads} does not divide encoder_width = {width}; take a divisor")]
    Heads {
        /// Asked for.
        heads: usize,
        /// Numbers of a token.
        width: usize,
    },
    /// A rule for one matrix, and a predictor that is none.
    #[error(
        "network.predictor_rule sets one matrix; write predictor = \"linear\" beside it, or predictor_rule = \"trained\""
    )]
    RuleNeedsMatrix,
    /// A width of zero.
    #[error("network.{key} has a width of 0; widths are at least 1")]
    ZeroWidth {
        /// The key.
        key: &'static str,
    },
}
