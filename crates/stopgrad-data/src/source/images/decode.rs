//! One image file as pixels of the size asked for.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use image::imageops::{self, FilterType};
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
    let planes = (0..3).flat_map(|channel| square.pixels().map(move |pixel| pixel[channel])).collect();
    Ok(Decoded { planes, sha256: sha256_hex(&bytes) })
}

/// The shorter side of an image as its header claims; none if there is no such header.
pub(super) fn shorter_side(file: &File) -> Option<u32> {
    let reader = ImageReader::open(&file.place).ok()?.with_guessed_format().ok()?;
    let (width, height) = reader.into_dimensions().ok()?;
    Some(width.min(height))
}

/// Decoded and turned as its EXIF data say.
fn upright(bytes: &[u8]) -> Result<DynamicImage, String> {
    let unreadable = |cause: ImageError| format!("is no readable image: {cause}");
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

/// The middle square, scaled.
pub(super) fn squared(picture: &RgbImage, side: u32) -> RgbImage {
    let shorter = picture.width().min(picture.height());
    let (x, y) = ((picture.width() - shorter) / 2, (picture.height() - shorter) / 2);
    let middle = imageops::crop_imm(picture, x, y, shorter, shorter).to_image();
    if shorter == side { middle } else { imageops::resize(&middle, side, side, FilterType::Triangle) }
}
