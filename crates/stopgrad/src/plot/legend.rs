//! Signs and what they stand for, in rows above the frame: for charts whose words cannot stand beside what they name.

use std::fmt::Write;

use super::words::shortened;
use crate::markup::escape;

/// Pixels of an average letter of the legend.
const LETTER: f64 = 6.1;
/// Height of a row.
pub(super) const ROW: f64 = 15.0;
/// From a sign to its words, and from words to the next sign.
const SIGN: f64 = 16.0;
const GAP: f64 = 14.0;

/// What stands before the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Dot,
    Ring,
    Line,
    Square,
    Diamond,
    Triangle,
    Cross,
    OpenSquare,
    OpenDiamond,
}

/// One entry.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Key {
    pub(super) sign: Sign,
    /// Classes of color and dash.
    pub(super) class: String,
    pub(super) words: String,
}

impl Key {
    pub(super) fn new(sign: Sign, class: impl Into<String>, words: &str) -> Self {
        Self { sign, class: class.into(), words: words.into() }
    }

    fn width(&self) -> f64 {
        SIGN + LETTER * shortened_legend(&self.words).chars().count() as f64 + GAP
    }
}

/// Where each entry stands: (x, row); as many rows as are needed.
fn places(keys: &[Key], left: f64, right: f64) -> Vec<(f64, usize)> {
    let (mut x, mut row) = (left, 0);
    keys.iter()
        .map(|key| {
            if x > left && x + key.width() - GAP > right {
                (x, row) = (left, row + 1);
            }
            let place = (x, row);
            x += key.width();
            place
        })
        .collect()
}

/// The height that the rows take.
pub(super) fn height(keys: &[Key], left: f64, right: f64) -> f64 {
    places(keys, left, right).last().map_or(0.0, |(_, row)| ROW * (*row + 1) as f64)
}

/// Draw the rows, the first with its middle at `top`.
pub(super) fn draw(svg: &mut String, keys: &[Key], left: f64, right: f64, top: f64) {
    for (key, (x, row)) in keys.iter().zip(places(keys, left, right)) {
        let y = top + ROW * row as f64;
        let _ = write!(svg, "<g class=\"{}\">", key.class);
        if key.sign == Sign::Line {
            let _ = write!(svg, "<path class=\"line\" d=\"M{x:.1} {y:.1}h12\"/>");
        } else {
            draw_sign(svg, key.sign, (x + 6.0, y));
        }
        let _ = writeln!(
            svg,
            "</g><text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            x + SIGN,
            y + 3.8,
            escape(&shortened_legend(&key.words))
        );
    }
}

/// A sign at a point, in the color around it.
pub(super) fn draw_sign(svg: &mut String, sign: Sign, (x, y): (f64, f64)) {
    let _ = match sign {
        Sign::Dot => write!(svg, "<circle class=\"sign\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>"),
        Sign::Ring => write!(svg, "<circle class=\"hollow\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.6\"/>"),
        Sign::Square => write!(svg, "<path class=\"sign\" d=\"M{:.1} {:.1}h7.6v7.6h-7.6z\"/>", x - 3.8, y - 3.8),
        Sign::Diamond => write!(svg, "<path class=\"sign\" d=\"M{x:.1} {:.1}l5 5l-5 5l-5-5z\"/>", y - 5.0),
        Sign::Triangle => write!(svg, "<path class=\"sign\" d=\"M{x:.1} {:.1}l5 8.6h-10z\"/>", y - 5.2),
        Sign::Cross => {
            write!(svg, "<path class=\"cross\" d=\"M{:.1} {:.1}l7 7m0-7l-7 7\"/>", x - 3.5, y - 3.5)
        }
        Sign::OpenSquare => {
            write!(svg, "<path class=\"hollow\" d=\"M{:.1} {:.1}h7v7h-7z\"/>", x - 3.5, y - 3.5)
        }
        Sign::OpenDiamond => {
            write!(svg, "<path class=\"hollow\" d=\"M{x:.1} {:.1}l4.6 4.6l-4.6 4.6l-4.6-4.6z\"/>", y - 4.6)
        }
        Sign::Line => Ok(()),
    };
}

/// Words of a legend may be longer than those in a margin.
fn shortened_legend(words: &str) -> String {
    const LETTERS: usize = 44;
    if words.chars().count() <= LETTERS { words.to_owned() } else { shortened(words) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_wrap_and_never_share_a_place() {
        let keys: Vec<Key> = (0..7).map(|k| Key::new(Sign::Dot, "", &format!("entry number {k}"))).collect();
        let placed = places(&keys, 44.0, 464.0);
        assert!(placed.windows(2).all(|pair| pair[1].1 > pair[0].1 || pair[1].0 > pair[0].0 + 80.0));
        assert!(height(&keys, 44.0, 464.0) > ROW && height(&[], 44.0, 464.0) < 1e-9);
    }
}
