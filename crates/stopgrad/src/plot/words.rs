//! Words in a chart: one a configuration, close to where its lines end, none on top of another.

use std::fmt::Write;

use super::color;
use super::label::{Area, place_near, spread};
use super::line::{Line, LineChart, Words, spot};
use super::scale::Scale;
use crate::markup::escape;

/// Pixels of an average letter of a label, and of its line.
pub(super) const LETTER: f64 = 7.0;
const LINE: f64 = 13.0;
/// Longer names are cut; the whole name is in the line's tooltip.
pub(super) const LETTERS: usize = 18;
/// More words than this do not fit around the ends of paths, and go to the margin.
const AROUND_ENDS: usize = 4;

/// A word to place: the name, class, the class of its color, and the end of its line.
struct Word {
    name: String,
    class: &'static str,
    color: String,
    end: (f64, f64),
}

impl LineChart<'_> {
    /// Room for the longest word at the right.
    pub(super) fn margin(&self) -> f64 {
        let names = self.lines.iter().filter(|line| !line.light).map(|line| line.name.as_str());
        let letters = names.chain(self.references.iter().map(|reference| reference.name.as_str()));
        18.0 + LETTER * letters.map(|name| name.chars().count().min(LETTERS)).max().unwrap_or(0) as f64
    }

    /// Whether words stand around the ends of lines rather than in the margin.
    pub(super) fn words_fit_at_ends(&self) -> bool {
        let mut names: Vec<&str> = self.lines.iter().map(|line| line.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        self.words == Words::Ends && names.len() <= AROUND_ENDS
    }

    /// One word a configuration, at the end of that of its lines which ends closest to their mean height.
    fn series_words(&self, x: &Scale, y: &Scale) -> Vec<Word> {
        let mut words: Vec<(Word, Vec<(f64, f64)>)> = Vec::new();
        for line in self.lines.iter().filter(|line| !line.light) {
            let Some(end) = line.last().and_then(|point| spot(point, x, y)) else { continue };
            if let Some((_, ends)) = words.iter_mut().find(|(word, _)| word.name == line.name) {
                ends.push(end);
            } else {
                let word = Word { name: line.name.clone(), class: "name", color: color(line.slot), end };
                words.push((word, vec![end]));
            }
        }
        let settled = |(word, ends): (Word, Vec<(f64, f64)>)| {
            let mean = ends.iter().map(|end| end.1).sum::<f64>() / ends.len() as f64;
            let nearest = ends.into_iter().min_by(|a, b| (a.1 - mean).abs().total_cmp(&(b.1 - mean).abs()));
            Word { end: nearest.unwrap_or(word.end), ..word }
        };
        words.into_iter().map(settled).collect()
    }

    /// Beside the right edge, as high as the lines end, with thin leaders where one had to move.
    pub(super) fn words_in_margin(&self, svg: &mut String, frame: &Area, x: &Scale, y: &Scale) {
        let edge = frame.left + frame.width;
        let mut words = self.series_words(x, y);
        for reference in &self.references {
            words.extend(y.position(reference.y).map(|py| Word {
                name: reference.name.clone(),
                class: "reference-name",
                color: String::new(),
                end: (edge, py),
            }));
        }
        let wanted: Vec<f64> = words.iter().map(|word| word.end.1).collect();
        let placed = spread(&wanted, LINE, frame.top + 2.0, frame.top + frame.height);
        let moved = |(word, py): (&Word, &f64)| word.end.0 < edge - 2.0 || (py - word.end.1).abs() > 2.0;
        let leaders = words.iter().zip(&placed).any(moved);
        for (word, py) in words.iter().zip(placed) {
            if leaders {
                let ((from, level), color) = (word.end, &word.color);
                let bend =
                    if self.words == Words::Margin { format!("L{:.1} {level:.1}", edge + 1.0) } else { String::new() };
                let _ = write!(
                    svg,
                    "<path class=\"leader {color}\" d=\"M{:.1} {level:.1}{bend}L{:.1} {py:.1}\"/>",
                    from + 1.0,
                    edge + 9.0
                );
            }
            let _ = writeln!(
                svg,
                "<text class=\"{} {}\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                word.class,
                word.color,
                edge + if leaders { 11.0 } else { 6.0 },
                py + 3.8,
                escape(&shortened(&word.name))
            );
        }
    }

    /// Names of references along their lines, then a word by the end of each path.
    pub(super) fn words_at_ends(&self, svg: &mut String, frame: &Area, x: &Scale, y: &Scale) {
        let mut ink: Vec<(f64, f64)> = self.lines.iter().flat_map(|line| dense(line, x, y)).collect();
        let marks: Vec<(f64, f64)> = self.lines.iter().filter_map(|line| spot(line.last()?, x, y)).collect();
        ink.extend(
            marks.iter().flat_map(|(mx, my)| [(mx - 4.0, *my), (mx + 4.0, *my), (*mx, my - 4.0), (*mx, my + 4.0)]),
        );
        let mut placed: Vec<Area> = Vec::new();
        for reference in &self.references {
            let Some(py) = y.position(reference.y) else { continue };
            let width = LETTER * reference.name.chars().count() as f64;
            let area = |left: f64| Area { left, top: py - LINE, width, height: LINE };
            let (at_left, at_right) = (area(frame.left + 4.0), area(frame.left + frame.width - width));
            let covered = |area: &Area| ink.iter().filter(|spot| area.distance(**spot) < 1.0).count();
            let (area, px, anchor) = if covered(&at_left) < covered(&at_right) {
                (at_left, at_left.left, "start")
            } else {
                (at_right, at_right.left + width, "end")
            };
            let _ = writeln!(
                svg,
                "<text class=\"reference-name\" x=\"{px:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
                py - 3.5,
                escape(&reference.name)
            );
            placed.push(area);
        }
        let heights: Vec<f64> = self.references.iter().filter_map(|reference| y.position(reference.y)).collect();
        ink.extend(
            heights.iter().flat_map(|py| (0..100).map(|k| (frame.left + f64::from(k) / 100.0 * frame.width, *py))),
        );
        for word in self.series_words(x, y) {
            let size = (LETTER * shortened(&word.name).chars().count() as f64, LINE);
            let others = self.lines.iter().filter(|line| !line.light && line.name != word.name);
            let rivals: Vec<(f64, f64)> = others.filter_map(|line| spot(line.last()?, x, y)).collect();
            let area = place_near(word.end, size, frame, &placed, &ink, &rivals);
            let _ = writeln!(
                svg,
                "<text class=\"{} {}\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                word.class,
                word.color,
                area.left,
                area.top + 10.2,
                escape(&shortened(&word.name))
            );
            placed.push(area);
        }
    }
}

/// Points along a drawn line, close enough that a word cannot slip between them unseen.
fn dense(line: &Line, x: &Scale, y: &Scale) -> Vec<(f64, f64)> {
    let spots: Vec<(f64, f64)> = line.points.iter().filter_map(|point| spot(point, x, y)).collect();
    let between = |a: (f64, f64), b: (f64, f64)| {
        (0..=12).map(move |k| {
            let t = f64::from(k) / 12.0;
            (a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1))
        })
    };
    spots.windows(2).flat_map(|pair| between(pair[0], pair[1])).chain(spots.last().copied()).collect()
}

pub(super) fn shortened(name: &str) -> String {
    if name.chars().count() <= LETTERS {
        return name.to_string();
    }
    name.chars().take(LETTERS - 1).chain(std::iter::once('…')).collect()
}
