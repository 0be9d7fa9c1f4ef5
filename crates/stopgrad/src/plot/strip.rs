//! Pictures in rows: samples with their neighbors, pairs of views.

use std::fmt::Write;

use super::csv::table;
use super::frame::{self, WIDTH};
use super::{Chart, Drawing};
use crate::markup::escape;

/// Between cells, and between groups of cells.
const GAP: f64 = 7.0;
const WIDE_GAP: f64 = 20.0;
/// Pixels of an average letter below a picture, and the height of a line of them.
const LETTER: f64 = 5.6;
const LINE: f64 = 15.0;
/// Room for the names of the columns.
const HEAD: f64 = 20.0;
/// Pictures with a side of fewer pixels are enlarged without smoothing.
const TINY: usize = 48;

/// A picture that is part of a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    /// A PNG file.
    pub png: Vec<u8>,
    /// Rows and columns of pixels.
    pub size: [usize; 2],
}

/// What a cell is to the first of its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing to be marked.
    Plain,
    /// Another where the same was wanted: framed, crossed and colored.
    Wrong,
}

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub struct StripCell {
    /// What it shows; without one its words stand alone.
    pub tile: Option<Tile>,
    /// Below the picture; cut where they are too long.
    pub words: String,
    /// What a pointer held over it says.
    pub tooltip: String,
    /// How it is marked.
    pub standing: Standing,
}

/// Rows of cells.
#[derive(Debug, Clone, PartialEq)]
pub struct StripChart<'a> {
    /// What is seen, for those who cannot see it.
    pub described: &'a str,
    /// Cells of each group of columns, left to right, with a name.
    pub groups: &'a [(&'a str, usize)],
    /// Cells from left to right; a row may be short.
    pub rows: Vec<Vec<StripCell>>,
    /// Names of the columns of the CSV.
    pub header: &'a [&'a str],
    /// Its rows.
    pub records: Vec<Vec<String>>,
}

impl StripChart<'_> {
    fn columns(&self) -> usize {
        self.groups.iter().map(|(_, count)| count).sum::<usize>().max(1)
    }

    fn cell_width(&self) -> f64 {
        let wide = self.groups.len().saturating_sub(1);
        let narrow = self.columns() - 1 - wide;
        (WIDTH - GAP * narrow as f64 - WIDE_GAP * wide as f64) / self.columns() as f64
    }

    /// Left edges of all columns.
    fn lefts(&self) -> Vec<f64> {
        let (mut lefts, mut left) = (Vec::new(), 0.0);
        for (_, count) in self.groups {
            for _ in 0..*count {
                lefts.push(left);
                left += self.cell_width() + GAP;
            }
            left += WIDE_GAP - GAP;
        }
        lefts
    }

    /// Height of the pictures; 0 where there is none.
    fn picture_height(&self) -> f64 {
        let tiles = self.rows.iter().flatten().filter_map(|cell| cell.tile.as_ref());
        let ratios = tiles.map(|tile| tile.size[0] as f64 / tile.size[1].max(1) as f64);
        (ratios.fold(0.0, f64::max) * self.cell_width()).min(2.0 * self.cell_width())
    }

    fn draw_cell(&self, svg: &mut String, cell: &StripCell, (left, top): (f64, f64)) {
        let (width, height) = (self.cell_width(), self.picture_height());
        let wrong = cell.standing == Standing::Wrong;
        let _ =
            write!(svg, "<g{}><title>{}</title>", if wrong { " class=\"mistake\"" } else { "" }, escape(&cell.tooltip));
        if let Some(tile) = &cell.tile {
            let tiny = if tile.size.iter().max().is_some_and(|side| *side < TINY) { " class=\"tiny\"" } else { "" };
            let _ = write!(
                svg,
                "<image{tiny} x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
                 href=\"data:image/png;base64,{}\"/>",
                base64(&tile.png)
            );
            let _ = write!(
                svg,
                "<rect class=\"edge\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
                left + 1.0,
                top + 1.0,
                width - 2.0,
                height - 2.0
            );
        }
        let words = if wrong { format!("✕ {}", cell.words) } else { cell.words.clone() };
        let _ = writeln!(
            svg,
            "<text class=\"below\" x=\"{left:.1}\" y=\"{:.1}\">{}</text></g>",
            top + height + 11.0,
            escape(&cut(&words, (width / LETTER) as usize))
        );
    }
}

impl Chart for StripChart<'_> {
    fn draw(&self) -> Drawing {
        let row = self.picture_height() + LINE + GAP;
        let head = if self.groups.iter().any(|(name, _)| !name.is_empty()) { HEAD } else { 0.0 };
        let mut svg = frame::open_sized([WIDTH, head + row * self.rows.len() as f64], self.described);
        let lefts = self.lefts();
        let mut first = 0;
        for (name, count) in self.groups {
            let _ = writeln!(svg, "<text class=\"tick\" x=\"{:.1}\" y=\"12\">{}</text>", lefts[first], escape(name));
            first += count;
        }
        for (place, cells) in self.rows.iter().enumerate() {
            for (cell, left) in cells.iter().zip(&lefts) {
                self.draw_cell(&mut svg, cell, (*left, head + row * place as f64));
            }
        }
        svg.push_str("</svg>");
        Drawing { svg, note: None }
    }

    fn csv(&self) -> String {
        table(self.header, self.records.iter().cloned())
    }
}

fn cut(words: &str, letters: usize) -> String {
    if words.chars().count() <= letters {
        return words.to_owned();
    }
    words.chars().take(letters.saturating_sub(1)).chain(std::iter::once('…')).collect()
}

/// The bytes in the letters of base 64, with padding.
///
/// # Source      RFC 4648, section 4
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for part in bytes.chunks(3) {
        let word = part.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - part.len()));
        for place in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= part.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 4648, section 10.
    #[test]
    fn base64_is_that_of_the_standard() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xfe]), "+//+");
    }

    #[test]
    fn long_words_are_cut_to_what_a_cell_holds() {
        assert_eq!((cut("airplane", 8), cut("automobile", 8)), ("airplane".into(), "automob…".into()));
    }
}
