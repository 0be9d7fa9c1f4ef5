//! Convolutional encoders: ResNets by name, and the one of any widths.

use stopgrad_kernels::convolution::Geometry;
use stopgrad_kernels::max_pool;

use super::{Builder, Initial, Layout, Part};
use crate::config::{EncoderStem, NetworkConfig, Stages};
use crate::layer::{Convolution, Layer, Residual};

/// Rows and columns of a filter.
const FILTER_SIDE: usize = 3;
/// Of the filters of the stem for large images.
const STEM_SIDE: usize = 7;
/// Of the filters that only bring numbers to another count of channels.
const MIXING_SIDE: usize = 1;
/// What halves the sides of an image from one stage to the next.
const STAGE_STRIDE: usize = 2;

/// How filters start.
#[derive(Debug, Clone, Copy)]
enum Start {
    /// As a matrix before a ReLU: uniform with variance 2 over the numbers that a filter looks at.
    Uniform,
    /// As torchvision's: normal with variance 2 over the numbers that look at a pixel (He et al. 2015, "fan out").
    FanOut,
}

impl Builder {
    /// A convolution with as many filters as the first stage has channels, residual blocks, and the mean over pixels: ResNet
    /// for small images (He et al. 2016, arXiv:1512.03385, section 4.2) with shortcuts with filters where the sizes change.
    ///
    /// Shortcuts, because without them the features lost all but one or two of their dimensions in the first hundred
    /// steps of every recipe tried, here and in PyTorch.
    pub(super) fn stages(&mut self, name: &str, part: &Part<'_>, layers: &mut Vec<Layer>) {
        let widths = || part.hidden.iter().chain([&part.outputs]);
        let first = *widths().next().expect("at least the last stage");
        let mut image = self.pixels(layers);
        image = Geometry { filters: first, side: FILTER_SIDE, stride: part.network.encoder_stride, ..image };
        let labels = [1, 2].map(|next| format!("{name}.{next}"));
        layers.extend(self.filters([&labels[0], &labels[1]], image, Start::Uniform));
        layers.push(Layer::Relu);
        for (stage, &filters) in widths().enumerate() {
            for block in 0..part.network.encoder_blocks {
                let stride = if stage == 0 || block > 0 { 1 } else { STAGE_STRIDE };
                image = Geometry { filters, stride, ..image.behind() };
                let label = format!("{name}.{}", layers.len());
                layers.push(Layer::Residual(self.block(&label, image, Start::Uniform)));
                image = Geometry { stride: 1, ..image.behind() };
            }
        }
        layers.push(Layer::MeanPool { pixels: image.height * image.width });
    }

    /// A ResNet as torchvision has it, in sizes and names (He et al. 2016, arXiv:1512.03385, table 1), without its last layer;
    /// blocks of three convolutions take their stride in the second (torchvision's "V1.5").
    pub(super) fn resnet(&mut self, name: &str, network: &NetworkConfig, layers: &mut Vec<Layer>) {
        let Stages { blocks, expansion } = network.encoder.stages().expect("a ResNet");
        let (start, small) = (Start::FanOut, network.encoder_stem == EncoderStem::Cifar);
        let (side, stride) = if small { (FILTER_SIDE, 1) } else { (STEM_SIDE, STAGE_STRIDE) };
        let stem = Geometry { filters: network.encoder_base_width, side, stride, ..self.pixels(layers) };
        layers.extend(self.filters([&format!("{name}.conv1"), &format!("{name}.bn1")], stem, start));
        layers.push(Layer::Relu);
        let mut image = Geometry { side: FILTER_SIDE, ..stem.behind() };
        if !small {
            let pool = max_pool::Geometry { height: image.height, width: image.width, channels: image.channels };
            layers.push(Layer::MaxPool(pool));
            image = Geometry { height: pool.out_height(), width: pool.out_width(), ..image };
        }
        for (stage, &count) in blocks.iter().enumerate() {
            for block in 0..count {
                let stride = if stage == 0 || block > 0 { 1 } else { STAGE_STRIDE };
                let geometry = Geometry { filters: network.encoder_base_width << stage, stride, ..image };
                let label = format!("{name}.layer{}.{block}", stage + 1);
                let (layer, behind) = if expansion == 1 {
                    (self.block(&label, geometry, start), geometry.behind())
                } else {
                    self.bottleneck(&label, geometry, expansion, start)
                };
                layers.push(Layer::Residual(layer));
                image = behind;
            }
        }
        layers.push(Layer::MeanPool { pixels: image.height * image.width });
    }

    /// Images as rows of pixels, for filters that are not chosen yet.
    fn pixels(&self, layers: &mut Vec<Layer>) -> Geometry {
        let [channels, height, width] = self.image.expect("checked before");
        layers.push(Layer::Pixels { channels });
        Geometry { height, width, channels, filters: 0, side: FILTER_SIDE, stride: 1 }
    }

    /// Two convolutions with batch norms, the first of them as `geometry` says, and a shortcut, with filters if what comes
    /// in and what goes out have different sizes. Named as in torchvision.
    fn block(&mut self, name: &str, geometry: Geometry, start: Start) -> Residual {
        let label = |part: &str| format!("{name}.{part}");
        let mut main = self.filters([&label("conv1"), &label("bn1")], geometry, start).to_vec();
        main.push(Layer::Relu);
        main.extend(self.filters([&label("conv2"), &label("bn2")], geometry.behind(), start));
        let shortcut = self.shortcut(name, geometry, start);
        Residual { main, shortcut, relu: true }
    }

    /// Three convolutions with batch norms: to fewer channels, 3 × 3 with the stride of `geometry`, and to `expansion` times
    /// as many; and what comes out.
    fn bottleneck(&mut self, name: &str, geometry: Geometry, expansion: usize, start: Start) -> (Residual, Geometry) {
        let label = |part: &str| format!("{name}.{part}");
        let narrow = Geometry { side: MIXING_SIDE, stride: 1, ..geometry };
        let middle = Geometry { side: FILTER_SIDE, stride: geometry.stride, ..narrow.behind() };
        let wide = Geometry { side: MIXING_SIDE, filters: expansion * geometry.filters, ..middle.behind() };
        let mut main = self.filters([&label("conv1"), &label("bn1")], narrow, start).to_vec();
        main.push(Layer::Relu);
        main.extend(self.filters([&label("conv2"), &label("bn2")], middle, start));
        main.push(Layer::Relu);
        main.extend(self.filters([&label("conv3"), &label("bn3")], wide, start));
        let shortcut = self.shortcut(name, Geometry { filters: wide.filters, ..geometry }, start);
        (Residual { main, shortcut, relu: true }, Geometry { side: FILTER_SIDE, ..wide.behind() })
    }

    /// Filters of one pixel where what comes in and what goes out have different sizes, else nothing.
    fn shortcut(&mut self, name: &str, geometry: Geometry, start: Start) -> Vec<Layer> {
        if geometry.behind() == (Geometry { stride: 1, ..geometry }) {
            return Vec::new();
        }
        let names = [&format!("{name}.downsample.0"), &format!("{name}.downsample.1")];
        self.filters(names, Geometry { side: MIXING_SIDE, ..geometry }, start).to_vec()
    }

    /// A convolution and the batch norm behind it.
    fn filters(&mut self, [convolution, norm]: [&String; 2], geometry: Geometry, start: Start) -> [Layer; 2] {
        [self.convolution(convolution, geometry, start), self.norm(norm, geometry.filters)]
    }

    fn convolution(&mut self, name: &str, geometry: Geometry, start: Start) -> Layer {
        let Geometry { side, channels, filters, .. } = geometry;
        let weight = self.parameters.len();
        let initial = match start {
            Start::Uniform => Initial::Uniform { bound: (6.0 / geometry.taps() as f64).sqrt() },
            Start::FanOut => Initial::Normal { deviation: (2.0 / (side * side * filters) as f64).sqrt() },
        };
        self.parameter(format!("{name}.weight"), vec![side, side, channels, filters], initial, Layout::Filters);
        Layer::Convolution(Convolution { weight, geometry })
    }
}
