//! One image file as pixels of the size asked for.

use std::borrow::Cow;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::imageops;
use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits, Rgb, RgbImage};

use super::scan::File;
use crate::source::file::sha256_hex;

/// Bytes that one decoded image may have: 16,384 × 16,384 pixels of three bytes and more; a header can claim anything.
const MOST_BYTES: u64 = 1 << 30;

/// Pixels that a byte of a file may stand for, in an image of more than [`SMALL`] pixels: eight times what the
/// compression of PNG can do at its best. More is a damaged header, and takes seconds to find out.
const MOST_PIXELS_A_BYTE: u64 = 10_000;
const SMALL: u64 = 1 << 22;

/// An image at the size asked for.
#[derive(Debug)]
pub(super) struct Decoded {
    /// Three planes.
    pub(super) planes: Vec<u8>,
    /// Of the file's bytes.
    pub(super) sha256: String,
}

/// Three planes of `side` × `side`, and the hash of the file; or why not.
pub(super) fn decode(place: &Path, side: u32) -> Result<Decoded, String> {
    let bytes = std::fs::read(place).map_err(|cause| format!("cannot be read: {cause}"))?;
    // Decoders of a dozen formats, on files from anywhere: one that panics is one image lost, not the run.
    let picture = catch_unwind(AssertUnwindSafe(|| upright(&bytes)))
        .unwrap_or_else(|_| Err("its decoder panicked; open and save it again with another program".to_owned()))?;
    let square = squared(&opaque(picture), side);
    Ok(Decoded { planes: planes(square.as_raw()), sha256: sha256_hex(&bytes) })
}

/// The shorter side of an image as its header claims; none if there is no such header.
pub(super) fn shorter_side(file: &File) -> Option<u32> {
    let reader = ImageReader::open(&file.place).ok()?.with_guessed_format().ok()?;
    let (width, height) = reader.into_dimensions().ok()?;
    Some(width.min(height))
}

/// Decoded and turned as its EXIF data say.
fn upright(bytes: &[u8]) -> Result<DynamicImage, String> {
    // Some messages have several lines.
    let unreadable = |cause: ImageError| {
        let told: Vec<String> = cause.to_string().split_whitespace().map(str::to_owned).collect();
        format!("is no readable image: {}", told.join(" "))
    };
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|cause| cause.to_string())?;
    let mut decoder = reader.into_decoder().map_err(unreadable)?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels > SMALL && pixels / MOST_PIXELS_A_BYTE > bytes.len() as u64 {
        let found = bytes.len();
        return Err(format!("is no readable image: it claims {width} × {height} pixels in {found} bytes"));
    }
    if decoder.total_bytes() > MOST_BYTES {
        return Err(format!("claims {width} × {height} pixels, which take more than 1 GiB; scale it down"));
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(2 * MOST_BYTES);
    decoder.set_limits(limits).map_err(unreadable)?;
    // A rotation that cannot be read is none.
    let orientation = decoder.orientation().unwrap_or(image::metadata::Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(unreadable)?;
    if picture.width() == 0 || picture.height() == 0 {
        return Err("is no readable image: it has no pixel".to_owned());
    }
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// Channels apart that lay together.
fn planes(pixels: &[u8]) -> Vec<u8> {
    let count = pixels.len() / 3;
    let mut planes = vec![0; pixels.len()];
    let (red, others) = planes.split_at_mut(count);
    let (green, blue) = others.split_at_mut(count);
    for (((pixel, red), green), blue) in pixels.chunks_exact(3).zip(red).zip(green).zip(blue) {
        (*red, *green, *blue) = (pixel[0], pixel[1], pixel[2]);
    }
    planes
}

/// On white.
fn opaque(picture: DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.into_rgb8();
    }
    let picture = picture.into_rgba8();
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [red, green, blue, alpha] = picture.get_pixel(x, y).0.map(u32::from);
        Rgb([red, green, blue].map(|value| ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8))
    })
}

/// The middle square, scaled: each pixel the mean of those it covers, weighted by a triangle.
pub(super) fn squared(picture: &RgbImage, side: u32) -> RgbImage {
    let shorter = picture.width().min(picture.height());
    let (x, y) = ((picture.width() - shorter) / 2, (picture.height() - shorter) / 2);
    // Cut first: nothing outside of the square may shine into its border.
    let cut = || imageops::crop_imm(picture, x, y, shorter, shorter).to_image();
    let middle = if picture.width() == picture.height() { Cow::Borrowed(picture) } else { Cow::Owned(cut()) };
    if shorter == side {
        return middle.into_owned();
    }
    let from = ImageRef::new(shorter, shorter, middle.as_raw(), PixelType::U8x3).expect("three bytes a pixel");
    let mut to = Image::new(side, side, PixelType::U8x3);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    Resizer::new().resize(&from, &mut to, &options).expect("both are pictures of three bytes");
    RgbImage::from_raw(side, side, to.into_vec()).expect("three bytes a pixel")
}
