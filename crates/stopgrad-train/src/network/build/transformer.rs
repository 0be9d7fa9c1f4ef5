//! A vision transformer (Dosovitskiy et al. 2021, arXiv:2010.11929), norms before what they serve; sizes, names and start as in
//! timm. Without a class token the representation is the normalized mean of the tokens (timm: `class_token=False,
//! global_pool="avg"`), with one the normalized class token.

use stopgrad_kernels::attention::Geometry;

use super::{Builder, Initial, Layout};
use crate::config::{EncoderPool, NetworkConfig, NetworkKind};
use crate::layer::{Layer, LayerNorm, Residual};

/// Width of a block's hidden layer over that of a token.
const HIDDEN: usize = 4;
/// Deviation of the positions' numbers at the start, and of timm's matrices. (timm cuts normals at 100 deviations.)
const DEVIATION: f64 = 0.02;
/// Deviation of the class token's.
const CLASS_DEVIATION: f64 = 1e-6;

/// How the numbers of a transformer start.
#[derive(Debug, Clone, Copy)]
enum Start {
    /// Of any size: uniform, with variance 1 over the numbers that come in.
    Uniform,
    /// As timm's: normal, but the patches' filters, which PyTorch starts.
    Timm,
}

impl Builder {
    pub(super) fn transformer(&mut self, name: &str, config: &NetworkConfig, layers: &mut Vec<Layer>) {
        let image = self.image.expect("checked before");
        let [channels, height, width] = image;
        let (d, side) = (config.encoder_width, config.encoder_patch);
        let start = if config.encoder == NetworkKind::Vit { Start::Uniform } else { Start::Timm };
        let patches = height * width / (side * side);
        let looked_for = config.encoder_pool == EncoderPool::Token;
        let tokens = patches + usize::from(looked_for);
        layers.push(Layer::Patches { image, side });
        layers.push(self.patch_filters(&format!("{name}.patch_embed.proj"), [channels, side, d], patches, start));
        if looked_for {
            layers.push(Layer::ClassToken { parameter: self.parameters.len(), tokens: patches });
            let initial = Initial::Normal { deviation: CLASS_DEVIATION };
            self.parameter(format!("{name}.cls_token"), vec![1, d], initial, Layout::Tokens);
        }
        layers.push(Layer::Positions { parameter: self.parameters.len() });
        let initial = match start {
            Start::Uniform => Initial::Uniform { bound: DEVIATION * 3.0_f64.sqrt() },
            Start::Timm => Initial::Normal { deviation: DEVIATION },
        };
        self.parameter(format!("{name}.pos_embed"), vec![tokens, d], initial, Layout::Tokens);
        let geometry = Geometry { tokens, heads: config.encoder_heads, width: d / config.encoder_heads };
        for block in 0..config.encoder_depth {
            let label = |part: &str| format!("{name}.blocks.{block}.{part}");
            let looks = vec![
                self.layer_norm(&label("norm1"), d),
                self.token_linear(&label("attn.qkv"), [d, 3 * d], tokens, start),
                Layer::Attention(geometry),
                self.token_linear(&label("attn.proj"), [d, d], tokens, start),
            ];
            let thinks = vec![
                self.layer_norm(&label("norm2"), d),
                self.token_linear(&label("mlp.fc1"), [d, HIDDEN * d], tokens, start),
                Layer::Gelu,
                self.token_linear(&label("mlp.fc2"), [HIDDEN * d, d], tokens, start),
            ];
            layers
                .extend([looks, thinks].map(|main| Layer::Residual(Residual { main, shortcut: vec![], relu: false })));
        }
        // A norm of rows: the class token alone, for all that is read of it.
        let (pool, norm) = match config.encoder_pool {
            EncoderPool::Mean => (Layer::MeanPool { pixels: tokens }, "fc_norm"),
            EncoderPool::Token => (Layer::FirstToken { tokens }, "norm"),
        };
        layers.push(pool);
        layers.push(self.layer_norm(&format!("{name}.{norm}"), d));
    }

    fn patch_filters(&mut self, name: &str, [channels, side, d]: [usize; 3], patches: usize, start: Start) -> Layer {
        let (first, inputs) = (self.parameters.len(), channels * side * side);
        let layer = self.token_linear(name, [inputs, d], patches, start);
        let bound = 1.0 / (inputs as f64).sqrt();
        for parameter in &mut self.parameters[first..] {
            if parameter.layout == Layout::Matrix {
                parameter.layout = Layout::Patches { channels, side };
            }
            if matches!(start, Start::Timm) {
                parameter.initial = Initial::Uniform { bound };
            }
        }
        layer
    }

    fn token_linear(&mut self, name: &str, [inputs, outputs]: [usize; 2], tokens: usize, start: Start) -> Layer {
        let weight = self.parameters.len();
        let layer = self.linear(name, inputs, outputs, 1.0, true);
        if matches!(start, Start::Timm) {
            self.parameters[weight].initial = Initial::Normal { deviation: DEVIATION };
        }
        let Layer::Linear(linear) = layer else { unreachable!("a matrix") };
        Layer::Linear(crate::layer::Linear { rows: tokens, ..linear })
    }

    fn layer_norm(&mut self, name: &str, width: usize) -> Layer {
        let scale = self.parameters.len();
        self.parameter(format!("{name}.weight"), vec![width], Initial::Constant(1.0), Layout::Same);
        self.parameter(format!("{name}.bias"), vec![width], Initial::Constant(0.0), Layout::Same);
        Layer::LayerNorm(LayerNorm { scale })
    }
}
