//! Pictures of samples: contact sheets as PNG.
//!
//! Small images are enlarged by whole factors without smoothing, so that every pixel can be seen. Rows of a table
//! are drawn as strips, one patch a column, blue below and red above the middle of what the sheet shows. What belongs
//! together stands side by side for images, and on top of each other for strips, which are wide.

use thiserror::Error;

use crate::Shape;

/// A sample with its two views, in units to look at; see [`crate::ViewRecipe::picture`].
#[derive(Debug, Clone, PartialEq)]
pub struct PicturedPair {
    /// The sample itself.
    pub original: Vec<f32>,
    /// Its view x.
    pub x: Vec<f32>,
    /// Its view y.
    pub y: Vec<f32>,
}

/// Why a sheet cannot be drawn.
#[derive(Debug, Error)]
pub enum SheetError {
    /// Nothing to show.
    #[error("a sheet of no samples; give at least one")]
    Empty,
    /// Images that are neither grey nor red, green and blue.
    #[error("images of {channels} channels cannot be drawn; only 1 and 3 can")]
    Channels {
        /// Of the images.
        channels: usize,
    },
    /// More pixels than a picture should have.
    #[error("{cells} cells of {width} × {height} pixels make too large a picture; show fewer samples")]
    TooLarge {
        /// Cells of the sheet.
        cells: usize,
        /// Width of a cell, enlarged.
        width: usize,
        /// Height of a cell, enlarged.
        height: usize,
    },
    /// The encoder refused.
    #[error("cannot encode the picture: {cause}")]
    Png {
        /// What it said.
        #[source]
        cause: png::EncodingError,
    },
}

/// Smallest height and width of an enlarged image.
const MIN_SIDE: usize = 48;
/// Height of the strip of a row.
const STRIP_HEIGHT: usize = 16;
/// Widest strip.
const STRIP_WIDTH: usize = 512;
/// Between cells.
const GAP: usize = 2;
/// Between groups of cells that belong together, and around the sheet.
const MARGIN: usize = 8;
/// Most pixels of a sheet: 8,192 × 8,192.
const MAX_PIXELS: usize = 1 << 26;
/// A grey that stands out from black and white images alike.
const GROUND: [u8; 3] = [96, 99, 104];

/// Samples in rows of `columns`, as a PNG file.
///
/// # Errors
/// [`SheetError`].
///
/// # Panics
/// When a sample does not have the shape, or `columns` is 0.
pub fn contact_sheet(samples: &[Vec<f32>], shape: &Shape, columns: usize) -> Result<Vec<u8>, SheetError> {
    assert!(columns > 0, "a sheet has columns");
    let cells: Vec<&[f32]> = samples.iter().map(Vec::as_slice).collect();
    draw(&cells, shape, 1, columns)
}

/// Triples original, x, y, in rows of `columns` triples, as a PNG file.
///
/// # Errors
/// [`SheetError`].
///
/// # Panics
/// When a sample does not have the shape, or `columns` is 0.
pub fn pair_sheet(pairs: &[PicturedPair], shape: &Shape, columns: usize) -> Result<Vec<u8>, SheetError> {
    assert!(columns > 0, "a sheet has columns");
    let cells: Vec<&[f32]> = pairs.iter().flat_map(|pair| [&*pair.original, &*pair.x, &*pair.y]).collect();
    draw(&cells, shape, 3, columns)
}

/// One picture as a PNG file: bytes by rows of pixels, `channels` to a pixel.
///
/// # Errors
/// [`SheetError`].
///
/// # Panics
/// When there are other than `height` × `width` × `channels` bytes.
pub fn encode_picture(bytes: &[u8], [height, width, channels]: [usize; 3]) -> Result<Vec<u8>, SheetError> {
    assert_eq!(bytes.len(), height * width * channels, "a picture of this size");
    if bytes.is_empty() {
        return Err(SheetError::Empty);
    }
    let color = match channels {
        1 => png::ColorType::Grayscale,
        3 => png::ColorType::Rgb,
        _ => return Err(SheetError::Channels { channels }),
    };
    if bytes.len() > 3 * MAX_PIXELS {
        return Err(SheetError::TooLarge { cells: 1, width, height });
    }
    encode(bytes, (width, height), color)
}

fn encode(pixels: &[u8], (width, height): (usize, usize), color: png::ColorType) -> Result<Vec<u8>, SheetError> {
    let mut bytes = Vec::new();
    // At most 3 · 2²⁶ pixels, so that each side fits into 32 bits.
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(color);
    encoder.set_depth(png::BitDepth::Eight);
    let encoded = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(pixels)?;
        writer.finish()
    });
    encoded.map_err(|cause| SheetError::Png { cause })?;
    Ok(bytes)
}

/// An RGB picture in memory.
struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

/// Draws groups of `group` cells, `columns` groups in a row.
fn draw(cells: &[&[f32]], shape: &Shape, group: usize, columns: usize) -> Result<Vec<u8>, SheetError> {
    let groups = cells.len() / group;
    if groups == 0 || shape.is_empty() {
        return Err(SheetError::Empty);
    }
    assert!(cells.iter().all(|values| values.len() == shape.len()), "samples of this shape");
    if let Shape::Image { channels, .. } = *shape
        && channels != 1
        && channels != 3
    {
        return Err(SheetError::Channels { channels });
    }
    let (width, height) = cell_size(shape);
    let columns = columns.min(groups);
    // Places of the cells of a group: side by side or on top of each other.
    let (step_x, step_y) = if matches!(shape, Shape::Row { .. }) { (0, height + GAP) } else { (width + GAP, 0) };
    let (group_width, group_height) = (width + (group - 1) * step_x, height + (group - 1) * step_y);
    // Single cells stand close; groups are set apart, so that it is seen what belongs together.
    let apart = if group > 1 { MARGIN } else { GAP };
    let sheet_width = 2 * MARGIN + columns * (group_width + apart) - apart;
    let rows = groups.div_ceil(columns);
    let sheet_height = 2 * MARGIN + rows * (group_height + apart) - apart;
    if sheet_width.saturating_mul(sheet_height) > MAX_PIXELS {
        return Err(SheetError::TooLarge { cells: cells.len(), width, height });
    }
    let pixels = GROUND.repeat(sheet_width * sheet_height);
    let mut canvas = Canvas { width: sheet_width, height: sheet_height, pixels };
    let paint = painter(shape, cells);
    for (index, values) in cells.iter().enumerate() {
        let (position, inside) = (index / group, index % group);
        let left = MARGIN + position % columns * (group_width + apart) + inside * step_x;
        let top = MARGIN + position / columns * (group_height + apart) + inside * step_y;
        for y in 0..height {
            for x in 0..width {
                canvas.set(left + x, top + y, paint(values, x, y));
            }
        }
    }
    canvas.png()
}

/// Width and height of an enlarged sample.
fn cell_size(shape: &Shape) -> (usize, usize) {
    match *shape {
        Shape::Image { height, width, .. } => {
            let factor = enlargement(shape);
            (width * factor, height * factor)
        }
        Shape::Row { columns } => (columns * (STRIP_WIDTH / columns).clamp(1, 16), STRIP_HEIGHT),
    }
}

/// The whole factor by which an image reaches [`MIN_SIDE`].
fn enlargement(shape: &Shape) -> usize {
    match *shape {
        Shape::Image { height, width, .. } => MIN_SIDE.div_ceil(height.min(width)).max(1),
        Shape::Row { .. } => 1,
    }
}

/// The color at a place (x, y) of the cell that shows these values.
type Painter = Box<dyn Fn(&[f32], usize, usize) -> [u8; 3]>;

/// Images as they are, rows on a scale of colors.
fn painter(shape: &Shape, cells: &[&[f32]]) -> Painter {
    match *shape {
        Shape::Image { channels, height, width } => {
            let factor = enlargement(shape);
            let size = height * width;
            Box::new(move |values, x, y| {
                let at = y / factor * width + x / factor;
                std::array::from_fn(|channel| byte(values[at + if channels == 3 { channel * size } else { 0 }]))
            })
        }
        Shape::Row { columns } => {
            let cell_width = cell_size(shape).0;
            let scales: Vec<(f32, f32)> = (0..columns).map(|column| scale_of(cells, column)).collect();
            Box::new(move |values, x, _| {
                let column = x * columns / cell_width;
                let (middle, reach) = scales[column];
                diverging((values[column] - middle) / reach)
            })
        }
    }
}

/// Middle and half the width of a column's values on the sheet.
fn scale_of(cells: &[&[f32]], column: usize) -> (f32, f32) {
    let start = (f32::INFINITY, f32::NEG_INFINITY);
    let widen = |(low, high): (f32, f32), values: &&[f32]| (low.min(values[column]), high.max(values[column]));
    let (low, high) = cells.iter().fold(start, widen);
    (low / 2.0 + high / 2.0, (high / 2.0 - low / 2.0).max(f32::MIN_POSITIVE))
}

fn byte(value: f32) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0).round() as u8
}

/// From blue (−1) over white (0) to red (1): the ends of ColorBrewer's RdBu.
fn diverging(value: f32) -> [u8; 3] {
    let (end, share) = if value < 0.0 { ([33.0, 102.0, 172.0], -value) } else { ([178.0, 24.0, 43.0], value) };
    end.map(|channel: f32| (247.0 + (channel - 247.0) * share.clamp(0.0, 1.0)).round() as u8)
}

impl Canvas {
    fn set(&mut self, x: usize, y: usize, color: [u8; 3]) {
        let at = 3 * (y * self.width + x);
        self.pixels[at..at + 3].copy_from_slice(&color);
    }

    fn png(&self) -> Result<Vec<u8>, SheetError> {
        encode(&self.pixels, (self.width, self.height), png::ColorType::Rgb)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8]) -> (usize, usize, Vec<u8>) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        (info.width as usize, info.height as usize, pixels)
    }

    #[test]
    fn small_images_are_enlarged_to_be_seen() {
        let shape = Shape::Image { channels: 1, height: 8, width: 8 };
        let mut sample = vec![0.0; 64];
        sample[63] = 1.0;
        let (width, height, pixels) = decoded(&contact_sheet(&vec![sample; 5], &shape, 3).unwrap());
        assert_eq!((width, height), (16 + 3 * 48 + 2 * 2, 16 + 2 * 48 + 2));
        let at = |x: usize, y: usize| pixels[3 * (y * width + x)];
        assert_eq!((at(8, 8), at(8 + 47, 8 + 47), at(8 + 42, 8 + 42), at(8 + 41, 8 + 41)), (0, 255, 255, 0));
        assert_eq!(at(0, 0), GROUND[0]);
    }

    #[test]
    fn a_picture_has_the_bytes_it_was_given() {
        let bytes: Vec<u8> = (0..24).collect();
        assert_eq!(decoded(&encode_picture(&bytes, [2, 4, 3]).unwrap()), (4, 2, bytes.clone()));
        assert_eq!(decoded(&encode_picture(&bytes, [6, 4, 1]).unwrap()), (4, 6, bytes.clone()));
        assert!(matches!(encode_picture(&bytes, [3, 4, 2]), Err(SheetError::Channels { channels: 2 })));
        assert!(matches!(encode_picture(&[], [0, 4, 3]), Err(SheetError::Empty)));
    }

    #[test]
    fn pairs_stand_beside_their_original() {
        let shape = Shape::Image { channels: 3, height: 1, width: 1 };
        let pair = PicturedPair { original: vec![1.0, 0.0, 0.0], x: vec![0.0, 1.0, 0.0], y: vec![0.0, 0.0, 9.0] };
        let (width, height, pixels) = decoded(&pair_sheet(&[pair], &shape, 4).unwrap());
        assert_eq!((width, height), (16 + 3 * 48 + 2 * 2, 64));
        for cell in 0..3 {
            let at = 3 * (20 * width + MARGIN + cell * 50 + 5);
            let mut color = [0, 0, 0];
            color[cell] = 255;
            assert_eq!(pixels[at..at + 3], color);
        }
    }

    #[test]
    fn rows_are_strips_of_color() {
        let shape = Shape::Row { columns: 3 };
        let (width, _, pixels) =
            decoded(&contact_sheet(&[vec![-1.0, 5.0, 0.0], vec![1.0, 5.0, 0.0]], &shape, 1).unwrap());
        assert_eq!(width, 16 + 48);
        let at = |x: usize, y: usize| &pixels[3 * (y * width + x)..3 * (y * width + x) + 3];
        assert_eq!((at(8, 8), at(8, 8 + 18)), (&[33, 102, 172][..], &[178, 24, 43][..]));
        assert_eq!(at(8 + 16, 8), [247, 247, 247]);
        let pair = PicturedPair { original: vec![0.0; 3], x: vec![1.0; 3], y: vec![2.0; 3] };
        let (width, height, _) = decoded(&pair_sheet(&[pair], &shape, 1).unwrap());
        assert_eq!((width, height), (16 + 48, 16 + 3 * 16 + 2 * 2));
        assert!(contact_sheet(&[vec![0.0; 3000]], &Shape::Row { columns: 3000 }, 1).is_ok());
    }

    #[test]
    fn what_cannot_be_drawn_says_why() {
        let shape = Shape::Image { channels: 2, height: 1, width: 1 };
        assert!(matches!(contact_sheet(&[], &shape, 1), Err(SheetError::Empty)));
        assert!(matches!(contact_sheet(&[vec![0.0; 2]], &shape, 1), Err(SheetError::Channels { channels: 2 })));
        let strip = Shape::Row { columns: 1 << 24 };
        let error = contact_sheet(&[vec![0.0; 1 << 24]], &strip, 1).unwrap_err();
        assert!(matches!(error, SheetError::TooLarge { .. }));
    }
}
