//! What a named encoder fixes: its blocks, its depth, its widths.

use super::{EncoderStem, NetworkConfig, NetworkKind};

/// Sides up to which `auto` takes the stem for small images.
const SMALL: usize = 64;

/// Blocks of a ResNet (He et al. 2016, arXiv:1512.03385, table 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stages {
    /// Blocks of each of the four stages, whose widths double.
    pub blocks: [usize; 4],
    /// What a block's result is wider than its stage: 4 for blocks of three convolutions, 1 for those of two.
    pub expansion: usize,
}

/// Sizes of a vision transformer (Dosovitskiy et al. 2021, arXiv:2010.11929, table 1; Touvron et al. 2021, arXiv:2012.12877,
/// table 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Blocks.
    pub depth: usize,
    /// Heads of a block.
    pub heads: usize,
    /// Numbers of a token.
    pub width: usize,
}

impl NetworkKind {
    /// Of a ResNet; none for others.
    pub fn stages(self) -> Option<Stages> {
        let (blocks, expansion) = match self {
            Self::Resnet18 => ([2, 2, 2, 2], 1),
            Self::Resnet34 => ([3, 4, 6, 3], 1),
            Self::Resnet50 => ([3, 4, 6, 3], 4),
            _ => return None,
        };
        Some(Stages { blocks, expansion })
    }

    /// Of a vision transformer with a name of its own; none for others.
    pub fn sizes(self) -> Option<Sizes> {
        let (heads, width) = match self {
            Self::VitTiny => (3, 192),
            Self::VitSmall => (6, 384),
            Self::VitBase => (12, 768),
            _ => return None,
        };
        Some(Sizes { depth: 12, heads, width })
    }

    /// Whether it is a vision transformer.
    pub fn is_transformer(self) -> bool {
        self == Self::Vit || self.sizes().is_some()
    }

    /// Whether it takes images, and nothing else.
    pub fn takes_images(self) -> bool {
        self == Self::Conv || self.stages().is_some() || self.is_transformer()
    }

    /// As written in a configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Linear => "linear",
            Self::Mlp => "mlp",
            Self::Conv => "conv",
            Self::Resnet18 => "resnet18",
            Self::Resnet34 => "resnet34",
            Self::Resnet50 => "resnet50",
            Self::Vit => "vit",
            Self::VitTiny => "vit_tiny",
            Self::VitSmall => "vit_small",
            Self::VitBase => "vit_base",
        }
    }
}

impl NetworkConfig {
    /// The same with everything that follows from the kind of the encoder and from the side of its images written down.
    #[must_use]
    pub fn resolved(&self, side: usize) -> Self {
        let mut network = self.clone();
        if let Some(Stages { expansion, .. }) = self.encoder.stages() {
            network.encoder_width = self.encoder_base_width.saturating_mul(8 * expansion);
            network.encoder_batch_norm = true;
            if self.encoder_stem == EncoderStem::Auto {
                network.encoder_stem = if side <= SMALL { EncoderStem::Cifar } else { EncoderStem::Imagenet };
            }
        }
        if let Some(Sizes { depth, heads, width }) = self.encoder.sizes() {
            (network.encoder_depth, network.encoder_heads, network.encoder_width) = (depth, heads, width);
        }
        network
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_configuration() {
        use NetworkKind::{Conv, Linear, Mlp, None, Resnet18, Resnet34, Resnet50, Vit, VitBase, VitSmall, VitTiny};
        for kind in [None, Linear, Mlp, Conv, Resnet18, Resnet34, Resnet50, Vit, VitTiny, VitSmall, VitBase] {
            assert_eq!(serde_json::to_value(kind).expect("a word"), kind.name());
        }
    }

    #[test]
    fn what_follows_from_the_kind_is_written_down() {
        let of = |encoder, side| NetworkConfig { encoder, ..NetworkConfig::default() }.resolved(side);
        let large = of(NetworkKind::Resnet50, 224);
        assert_eq!((large.encoder_width, large.encoder_stem), (2048, EncoderStem::Imagenet));
        assert_eq!(of(NetworkKind::Resnet18, 32).encoder_stem, EncoderStem::Cifar);
        let tokens = of(NetworkKind::VitSmall, 32);
        assert_eq!((tokens.encoder_depth, tokens.encoder_heads, tokens.encoder_width), (12, 6, 384));
        assert_eq!(of(NetworkKind::Mlp, 32), NetworkConfig::default());
    }
}
