//! From the table `[network]` to layers.

mod check;
mod error;
mod residual;
mod transformer;

use stopgrad_data::Shape;

use super::{BufferSpec, Initial, Layout, Network, ParameterSpec, Stack};
use crate::config::{EncoderStart, NetworkConfig, NetworkKind, PredictorStart};
use crate::device::Device;
use crate::layer::{BatchNorm, Layer, Linear};
use check::check;
pub use error::NetworkError;

/// What a network takes: rows of numbers, or images of planes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Input {
    /// m: numbers of a sample.
    pub width: usize,
    /// Channels, height and width of an image.
    pub image: Option<[usize; 3]>,
}

impl Input {
    /// The shorter side of an image; 0 where there is none.
    pub(crate) fn side(&self) -> usize {
        self.image.map_or(0, |[_, height, width]| height.min(width))
    }
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
        let config = &config.resolved(input.side());
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
            device: Device::default(),
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
            NetworkKind::Resnet18 | NetworkKind::Resnet34 | NetworkKind::Resnet50 => {
                self.resnet(name, part.network, &mut layers);
            }
            NetworkKind::Vit | NetworkKind::VitTiny | NetworkKind::VitSmall | NetworkKind::VitBase => {
                self.transformer(name, part.network, &mut layers);
            }
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

    fn linear(&mut self, name: &str, inputs: usize, outputs: usize, gain_squared: f64, bias: bool) -> Layer {
        let weight = self.parameters.len();
        // A uniform variable on ±b has variance b²/3.
        let bound = (3.0 * gain_squared / inputs as f64).sqrt();
        self.parameter(format!("{name}.weight"), vec![inputs, outputs], Initial::Uniform { bound }, Layout::Matrix);
        if bias {
            self.parameter(format!("{name}.bias"), vec![outputs], Initial::Constant(0.0), Layout::Same);
        }
        Layer::Linear(Linear { weight, bias: bias.then_some(weight + 1), inputs, outputs, rows: 1 })
    }

    fn norm(&mut self, name: &str, width: usize) -> Layer {
        let (scale, buffer) = (self.parameters.len(), self.buffers.len());
        self.parameter(format!("{name}.weight"), vec![width], Initial::Constant(1.0), Layout::Same);
        self.parameter(format!("{name}.bias"), vec![width], Initial::Constant(0.0), Layout::Same);
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

    fn parameter(&mut self, name: String, shape: Vec<usize>, initial: Initial, layout: Layout) {
        self.parameters.push(ParameterSpec { name, shape, initial, layout });
    }
}

#[cfg(test)]
mod tests;
