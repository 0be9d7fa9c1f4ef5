//! From the table `[network]` to layers.

use thiserror::Error;

use super::{BufferSpec, Initial, Network, ParameterSpec, Stack};
use crate::config::{EncoderStart, NetworkConfig, NetworkKind, PredictorStart};
use crate::layer::{BatchNorm, Layer, Linear};

/// A network that cannot be built.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum NetworkError {
    /// No encoder.
    #[error("network.encoder is `none`; write `linear` or `mlp`")]
    NoEncoder,
    /// A width of zero.
    #[error("network.{key} has a width of 0; widths are at least 1")]
    ZeroWidth {
        /// The key.
        key: &'static str,
    },
}

impl Network {
    /// Builds the network for inputs of `input_width` numbers.
    ///
    /// # Errors
    /// No encoder, or a width of zero.
    pub fn new(config: &NetworkConfig, input_width: usize) -> Result<Self, NetworkError> {
        check(config)?;
        let mut builder = Builder::default();
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

fn check(config: &NetworkConfig) -> Result<(), NetworkError> {
    if config.encoder == NetworkKind::None {
        return Err(NetworkError::NoEncoder);
    }
    let zero = |widths: &[usize]| widths.contains(&0);
    let projects = config.projector != NetworkKind::None;
    let faults = [
        ("encoder_width", config.encoder_width == 0),
        ("encoder_hidden", config.encoder == NetworkKind::Mlp && zero(&config.encoder_hidden)),
        ("projector_width", projects && config.projector_width == 0),
        ("projector_hidden", config.projector == NetworkKind::Mlp && zero(&config.projector_hidden)),
        ("predictor_hidden", config.predictor == NetworkKind::Mlp && zero(&config.predictor_hidden)),
    ];
    match faults.iter().find(|(_, is_zero)| *is_zero) {
        Some((key, _)) => Err(NetworkError::ZeroWidth { key }),
        None => Ok(()),
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
}

#[derive(Default)]
struct Builder {
    parameters: Vec<ParameterSpec>,
    buffers: Vec<BufferSpec>,
}

impl Builder {
    fn stack(&mut self, name: &str, part: &Part<'_>) -> Stack {
        let first = self.parameters.len();
        let mut layers = Vec::new();
        let label = |layers: &Vec<Layer>| format!("{name}.{}", layers.len());
        match part.kind {
            NetworkKind::None => {}
            NetworkKind::Linear => layers.push(self.linear(&label(&layers), part.inputs, part.outputs, 1.0, false)),
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
            layers.push(self.norm(&label(&layers), part.outputs));
        }
        Stack { layers, parameters: first..self.parameters.len() }
    }

    fn linear(&mut self, name: &str, inputs: usize, outputs: usize, gain_squared: f64, bias: bool) -> Layer {
        let weight = self.parameters.len();
        // A uniform variable on ±b has variance b²/3.
        let bound = (3.0 * gain_squared / inputs as f64).sqrt();
        self.parameter(format!("{name}.weight"), vec![inputs, outputs], Initial::Uniform { bound });
        if bias {
            self.parameter(format!("{name}.bias"), vec![outputs], Initial::Constant(0.0));
        }
        Layer::Linear(Linear { weight, bias: bias.then_some(weight + 1), inputs, outputs })
    }

    fn norm(&mut self, name: &str, width: usize) -> Layer {
        let (scale, buffer) = (self.parameters.len(), self.buffers.len());
        self.parameter(format!("{name}.weight"), vec![width], Initial::Constant(1.0));
        self.parameter(format!("{name}.bias"), vec![width], Initial::Constant(0.0));
        self.buffers.push(BufferSpec { name: format!("{name}.running_mean"), len: width, initial: 0.0 });
        self.buffers.push(BufferSpec { name: format!("{name}.running_var"), len: width, initial: 1.0 });
        Layer::BatchNorm(BatchNorm { scale, buffer, width })
    }

    fn parameter(&mut self, name: String, shape: Vec<usize>, initial: Initial) {
        self.parameters.push(ParameterSpec { name, shape, initial });
    }
}
