//! A vision transformer (Dosovitskiy et al. 2021, arXiv:2010.11929), norms before what they serve, without a class token: the
//! representation is the normalized mean of the tokens. Named as in timm.

use stopgrad_kernels::attention::Geometry;

use super::{Builder, Initial};
use crate::config::NetworkConfig;
use crate::layer::{Layer, LayerNorm, Residual};

/// Width of a block's hidden layer over that of a token.
const HIDDEN: usize = 4;
/// Deviation of the positions' numbers at the start.
const POSITION_DEVIATION: f64 = 0.02;

impl Builder {
    pub(super) fn transformer(&mut self, name: &str, config: &NetworkConfig, layers: &mut Vec<Layer>) {
        let image = self.image.expect("checked before");
        let [channels, height, width] = image;
        let (d, side) = (config.encoder_width, config.encoder_patch);
        let tokens = height * width / (side * side);
        layers.push(Layer::Patches { image, side });
        layers.push(self.token_linear(&format!("{name}.patch_embed.proj"), [channels * side * side, d], tokens));
        let bound = POSITION_DEVIATION * 3.0_f64.sqrt();
        layers.push(Layer::Positions { parameter: self.parameters.len() });
        self.parameter(format!("{name}.pos_embed"), vec![tokens, d], Initial::Uniform { bound });
        let geometry = Geometry { tokens, heads: config.encoder_heads, width: d / config.encoder_heads };
        for block in 0..config.encoder_depth {
            let label = |part: &str| format!("{name}.blocks.{block}.{part}");
            let looks = vec![
                self.layer_norm(&label("norm1"), d),
                self.token_linear(&label("attn.qkv"), [d, 3 * d], tokens),
                Layer::Attention(geometry),
                self.token_linear(&label("attn.proj"), [d, d], tokens),
            ];
            let thinks = vec![
                self.layer_norm(&label("norm2"), d),
                self.token_linear(&label("mlp.fc1"), [d, HIDDEN * d], tokens),
                Layer::Gelu,
                self.token_linear(&label("mlp.fc2"), [HIDDEN * d, d], tokens),
            ];
            layers
                .extend([looks, thinks].map(|main| Layer::Residual(Residual { main, shortcut: vec![], relu: false })));
        }
        layers.push(Layer::MeanPool { pixels: tokens });
        layers.push(self.layer_norm(&format!("{name}.fc_norm"), d));
    }

    fn token_linear(&mut self, name: &str, [inputs, outputs]: [usize; 2], tokens: usize) -> Layer {
        let layer = self.linear(name, inputs, outputs, 1.0, true);
        let Layer::Linear(linear) = layer else { unreachable!("a matrix") };
        Layer::Linear(crate::layer::Linear { rows: tokens, ..linear })
    }

    fn layer_norm(&mut self, name: &str, width: usize) -> Layer {
        let scale = self.parameters.len();
        self.parameter(format!("{name}.weight"), vec![width], Initial::Constant(1.0));
        self.parameter(format!("{name}.bias"), vec![width], Initial::Constant(0.0));
        Layer::LayerNorm(LayerNorm { scale })
    }
}
