//! From the table `[network]` to layers.

mod check;
mod error;
mod transformer;

use stopgrad_data::Shape;

use super::{BufferSpec, Initial, Network, ParameterSpec, Stack};
use crate::config::{EncoderStart, NetworkConfig, NetworkKind, PredictorStart};
use crate::layer::{BatchNorm, Convolution, Layer, Linear, Residual};
use check::check;
pub use error::NetworkError;
use stopgrad_kernels::convolution::Geometry;

/// Rows and columns of a filter.
const FILTER_SIDE: usize = 3;
/// Of the filters that only bring what is added to another count of channels.
const SHORTCUT_SIDE: usize = 1;
/// What halves the sides of an image from one stage to the next.
const STAGE_STRIDE: usize = 2;

/// What a network takes: rows of numbers, or images of planes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Input {
    /// m: numbers of a sample.
    pub width: usize,
    /// Channels, height and width of an image.
    pub image: Option<[usize; 3]>,
}

impl From<usize> for Input {
    fn from(width: usize) -> Self {
        Self { width, image: None }
    }
}

impl From<&Shape> for Input {
    fn from(shape: &Shape) -> Self {
        let image = match *shape {
            Shape::Image { channels, height, width } => Some([channels, height, width]),
            Shape::Row { .. } => None,
        };
        Self { width: shape.len(), image }
    }
}

impl Network {
    /// Builds the network for inputs of so many numbers, or for images of a shape.
    ///
    /// # Errors
    /// No encoder, a width of zero, or filters where there is no image for them.
    pub fn new(config: &NetworkConfig, input: impl Into<Input>) -> Result<Self, NetworkError> {
        let input = input.into();
        let input_width = input.width;
        check(config, &input)?;
        let mut builder = Builder { image: input.image, ..Builder::default() };
        let projects = config.projector != NetworkKind::None;
        let embedding_width = if projects { config.projector_width } else { config.encoder_width };
        let encoder = builder.stack(
            "encoder",
            &Part {
                kind: config.encoder,
                hidden: &config.encoder_hidden,
                inputs: input_width,
                outputs: config.encoder_width,
                hidden_norm: config.encoder_batch_norm,
                network: config,
                output_norm: config.output_batch_norm && !projects,
            },
        );
        let projector = builder.stack(
            "projector",
            &Part {
                kind: config.projector,
                hidden: &config.projector_hidden,
                inputs: config.encoder_width,
                outputs: embedding_width,
                hidden_norm: config.projector_batch_norm,
                network: config,
                output_norm: config.output_batch_norm && projects,
            },
        );
        let student_buffers = builder.buffers.len();
        let predictor = builder.stack(
            "predictor",
            &Part {
                kind: config.predictor,
                hidden: &config.predictor_hidden,
                inputs: embedding_width,
                outputs: embedding_width,
                hidden_norm: config.predictor_batch_norm,
                network: config,
                output_norm: false,
            },
        );
        if (config.predictor, config.predictor_start) == (NetworkKind::Linear, PredictorStart::Identity) {
            builder.parameters[predictor.parameters.start].initial = Initial::Identity { width: embedding_width };
        }
        if (config.encoder, config.encoder_start) == (NetworkKind::Linear, EncoderStart::Orthonormal) {
            builder.parameters[encoder.parameters.start].initial =
                Initial::Orthonormal { rows: input_width, columns: config.encoder_width };
        }
        let is_linear = config.encoder == NetworkKind::Linear
            && config.projector == NetworkKind::None
            && config.predictor == NetworkKind::Linear
            && !config.output_batch_norm;
        Ok(Self {
            encoder,
            projector,
            predictor,
            parameters: builder.parameters,
            buffers: builder.buffers,
            student_buffers,
            input_width,
            encoder_width: config.encoder_width,
            embedding_width,
            is_linear,
        })
    }
}

/// One of encoder, projector, predictor.
struct Part<'a> {
    kind: NetworkKind,
    hidden: &'a [usize],
    inputs: usize,
    outputs: usize,
    hidden_norm: bool,
    output_norm: bool,
    network: &'a NetworkConfig,
}

#[derive(Default)]
struct Builder {
    parameters: Vec<ParameterSpec>,
    buffers: Vec<BufferSpec>,
    /// Channels, height and width of what comes in.
    image: Option<[usize; 3]>,
}

impl Builder {
    fn stack(&mut self, name: &str, part: &Part<'_>) -> Stack {
        let first = self.parameters.len();
        let mut layers = Vec::new();
        let label = |layers: &Vec<Layer>| format!("{name}.{}", layers.len());
        match part.kind {
            NetworkKind::None => {}
            NetworkKind::Linear => layers.push(self.linear(&label(&layers), part.inputs, part.outputs, 1.0, false)),
            NetworkKind::Conv => self.stages(name, part, &mut layers),
            NetworkKind::Vit => self.transformer(name, part.network, &mut layers),
            NetworkKind::Mlp => {
                let mut width = part.inputs;
                for &next in part.hidden {
                    // A batch norm subtracts any bias before it.
                    layers.push(self.linear(&label(&layers), width, next, 2.0, !part.hidden_norm));
                    if part.hidden_norm {
                        layers.push(self.norm(&label(&layers), next));
                    }
                    layers.push(Layer::Relu);
                    width = next;
                }
                layers.push(self.linear(&label(&layers), width, part.outputs, 1.0, !part.output_norm));
            }
        }
        if part.output_norm && part.kind != NetworkKind::None {
            let norm = self.norm(&label(&layers), part.outputs);
            layers.push(if part.network.output_affine { norm } else { self.without_affine(norm) });
        }
        Stack { layers, parameters: first..self.parameters.len() }
    }

    /// A convolution with as many filters as the first stage has channels, residual blocks, and the mean over pixels: ResNet
    /// for small images (He et al. 2016, arXiv:1512.03385, section 4.2) with shortcuts with filters where the sizes change.
    ///
    /// Shortcuts, because without them the features lost all but one or two of their dimensions in the first hundred
    /// steps of every recipe tried, here and in PyTorch.
    fn stages(&mut self, name: &str, part: &Part<'_>, layers: &mut Vec<Layer>) {
        let [channels, height, width] = self.image.expect("checked before");
        let widths = || part.hidden.iter().chain([&part.outputs]);
        let first = *widths().next().expect("at least the last stage");
        layers.push(Layer::Pixels { channels });
        let mut image = Geometry { height, width, channels, filters: first, side: FILTER_SIDE, stride: 1 };
        let labels = [1, 2].map(|next| format!("{name}.{next}"));
        layers.extend(self.filters([&labels[0], &labels[1]], image));
        layers.push(Layer::Relu);
        for (stage, &filters) in widths().enumerate() {
            for block in 0..part.network.encoder_blocks {
                let stride = if stage == 0 || block > 0 { 1 } else { STAGE_STRIDE };
                image = Geometry { filters, stride, ..image.behind() };
                layers.push(Layer::Residual(self.block(&format!("{name}.{}", layers.len()), image)));
                image = Geometry { stride: 1, ..image.behind() };
            }
        }
        layers.push(Layer::MeanPool { pixels: image.height * image.width });
    }

    /// Two convolutions with batch norms, the first of them as `geometry` says, and a shortcut, with filters if what comes
    /// in and what goes out have different sizes. Named as in torchvision.
    fn block(&mut self, name: &str, geometry: Geometry) -> Residual {
        let label = |part: &str| format!("{name}.{part}");
        let mut main = self.filters([&label("conv1"), &label("bn1")], geometry).to_vec();
        main.push(Layer::Relu);
        main.extend(self.filters([&label("conv2"), &label("bn2")], geometry.behind()));
        let shortcut = if geometry.behind() == (Geometry { stride: 1, ..geometry }) {
            Vec::new()
        } else {
            let names = [&label("downsample.0"), &label("downsample.1")];
            self.filters(names, Geometry { side: SHORTCUT_SIDE, ..geometry }).to_vec()
        };
        Residual { main, shortcut, relu: true }
    }

    /// A convolution and the batch norm behind it.
    fn filters(&mut self, [convolution, norm]: [&String; 2], geometry: Geometry) -> [Layer; 2] {
        [self.convolution(convolution, geometry), self.norm(norm, geometry.filters)]
    }

    fn convolution(&mut self, name: &str, geometry: Geometry) -> Layer {
        let Geometry { side, channels, filters, .. } = geometry;
        let weight = self.parameters.len();
        // As for a matrix before a ReLU: variance 2 over the numbers that a filter looks at.
        let bound = (6.0 / geometry.taps() as f64).sqrt();
        let shape = vec![side, side, channels, filters];
        self.parameter(format!("{name}.weight"), shape, Initial::Uniform { bound });
        Layer::Convolution(Convolution { weight, geometry })
    }

    fn linear(&mut self, name: &str, inputs: usize, outputs: usize, gain_squared: f64, bias: bool) -> Layer {
        let weight = self.parameters.len();
        // A uniform variable on ±b has variance b²/3.
        let bound = (3.0 * gain_squared / inputs as f64).sqrt();
        self.parameter(format!("{name}.weight"), vec![inputs, outputs], Initial::Uniform { bound });
        if bias {
            self.parameter(format!("{name}.bias"), vec![outputs], Initial::Constant(0.0));
        }
        Layer::Linear(Linear { weight, bias: bias.then_some(weight + 1), inputs, outputs, rows: 1 })
    }

    fn norm(&mut self, name: &str, width: usize) -> Layer {
        let (scale, buffer) = (self.parameters.len(), self.buffers.len());
        self.parameter(format!("{name}.weight"), vec![width], Initial::Constant(1.0));
        self.parameter(format!("{name}.bias"), vec![width], Initial::Constant(0.0));
        self.buffers.push(BufferSpec { name: format!("{name}.running_mean"), len: width, initial: 0.0 });
        self.buffers.push(BufferSpec { name: format!("{name}.running_var"), len: width, initial: 1.0 });
        Layer::BatchNorm(BatchNorm { scale: Some(scale), buffer, width })
    }

    /// The same without scale and shift, which were added last.
    fn without_affine(&mut self, norm: Layer) -> Layer {
        let Layer::BatchNorm(norm) = norm else { return norm };
        self.parameters.truncate(self.parameters.len() - 2);
        Layer::BatchNorm(BatchNorm { scale: None, ..norm })
    }

    fn parameter(&mut self, name: String, shape: Vec<usize>, initial: Initial) {
        self.parameters.push(ParameterSpec { name, shape, initial });
    }
}

#[cfg(test)]
mod tests;
