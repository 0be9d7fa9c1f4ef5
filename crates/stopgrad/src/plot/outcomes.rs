//! What share of trials ended where: bars with intervals, and published shares beside them.

use std::fmt::Write;

use super::csv::{table, value};
use super::frame::{BOTTOM, RIGHT, TOP, WIDTH, draw_x_axis, open, scale_x};
use super::label::Area;
use super::legend::{self, Key, Sign};
use super::words::{LETTER, shortened};
use super::{Axis, Chart, Drawing, color};
use crate::markup::{escape, grouped, percent};

const BAR: f64 = 12.0;
const ROW: f64 = 20.0;
const HEAD: f64 = 20.0;
/// Room for the share and the count at the right.
const COUNTS: f64 = 112.0;

/// Trials that ended alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// `outer`, `rank-2`, `cycle`.
    pub label: String,
    /// How many.
    pub count: usize,
    /// Wilson's 95 % interval of the share.
    pub interval: [f64; 2],
    /// The share that somebody published, to compare with.
    pub published: Option<f64>,
}

/// The outcomes of one set of trials.
#[derive(Debug, Clone, PartialEq)]
pub struct OutcomeGroup {
    /// Its headline: a field, a scale.
    pub name: String,
    /// Color.
    pub slot: usize,
    /// Trials in all.
    pub trials: usize,
    /// The outcomes.
    pub bars: Vec<Bar>,
}

/// Outcome bars, a group after the other.
#[derive(Debug, Clone, PartialEq)]
pub struct OutcomeChart {
    /// From the top.
    pub groups: Vec<OutcomeGroup>,
}

const SHARE: Axis<'static> = Axis::percent("share of trials");

impl OutcomeChart {
    fn left(&self) -> f64 {
        let labels = self.groups.iter().flat_map(|group| &group.bars);
        let longest = labels.map(|bar| shortened(&bar.label).chars().count()).max().unwrap_or(0);
        14.0 + LETTER * longest.max(4) as f64
    }

    fn draw_bar(svg: &mut String, group: &OutcomeGroup, bar: &Bar, frame: &Area, middle: f64, at: impl Fn(f64) -> f64) {
        let share = bar.share(group.trials);
        let _ = write!(
            svg,
            "<text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            frame.left - 8.0,
            middle + 3.8,
            escape(&shortened(&bar.label))
        );
        let _ = write!(
            svg,
            "<rect class=\"bar\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{BAR}\"/>",
            frame.left,
            middle - BAR / 2.0,
            (at(share) - frame.left).max(0.0)
        );
        let [low, high] = bar.interval.map(&at);
        let _ = write!(
            svg,
            "<path class=\"whisker\" d=\"M{low:.1} {middle:.1}H{high:.1}M{low:.1} {:.1}v6M{high:.1} {:.1}v6\"/>",
            middle - 3.0,
            middle - 3.0
        );
        if let Some(published) = bar.published {
            let _ = write!(
                svg,
                "<path class=\"published\" d=\"M{:.1} {:.1}v{:.1}\"/>",
                at(published),
                middle - BAR / 2.0 - 3.0,
                BAR + 6.0
            );
        }
        let _ = writeln!(
            svg,
            "<text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\">{} ({})</text>",
            frame.left + frame.width + 10.0,
            middle + 3.8,
            percent(share),
            grouped(bar.count as u64)
        );
    }
}

impl Bar {
    fn share(&self, trials: usize) -> f64 {
        if trials == 0 { 0.0 } else { self.count as f64 / trials as f64 }
    }
}

impl Chart for OutcomeChart {
    fn draw(&self) -> Drawing {
        let published = self.groups.iter().flat_map(|group| &group.bars).any(|bar| bar.published.is_some());
        let keys = if published { vec![Key::new(Sign::Line, "key-published", "published")] } else { vec![] };
        let left = self.left();
        let top = TOP - 12.0 + legend::height(&keys, 0.0, WIDTH);
        let rows: f64 = self.groups.iter().map(|group| HEAD + ROW * group.bars.len() as f64 + 4.0).sum();
        let frame = Area { left, top, width: WIDTH - left - COUNTS, height: rows.max(ROW) + 4.0 };
        let x = scale_x(SHARE, &frame, &[0.0, 1.0], true);
        let at = |share: f64| x.position(share).unwrap_or(frame.left);
        let bottom = frame.top + frame.height;
        let mut svg = open(bottom + BOTTOM, "outcomes of trials");
        legend::draw(&mut svg, &keys, 0.0, WIDTH, 10.0);
        let ticks = x.ticks(4);
        for tick in &ticks {
            let _ = write!(svg, "<path class=\"grid\" d=\"M{:.1} {:.1}V{bottom:.1}\"/>", tick.position, frame.top);
        }
        draw_x_axis(&mut svg, &frame, &ticks);
        let _ = writeln!(
            svg,
            "<text class=\"axis-name\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            frame.left + frame.width,
            bottom + BOTTOM - 6.0,
            SHARE.words()
        );
        let mut level = frame.top;
        for group in &self.groups {
            let _ = writeln!(
                svg,
                "<g class=\"{}\"><text class=\"name\" x=\"0\" y=\"{:.1}\">{}</text><text class=\"tick\" x=\"{:.1}\" \
                 y=\"{:.1}\" text-anchor=\"end\">{} trials</text>",
                color(group.slot),
                level + 13.0,
                escape(&group.name),
                WIDTH - RIGHT,
                level + 13.0,
                grouped(group.trials as u64)
            );
            level += HEAD;
            for bar in &group.bars {
                Self::draw_bar(&mut svg, group, bar, &frame, level + ROW / 2.0, at);
                level += ROW;
            }
            svg.push_str("</g>\n");
            level += 4.0;
        }
        svg.push_str("</svg>");
        Drawing { svg, note: None }
    }

    /// `group,outcome,count,trials,fraction,wilson_low,wilson_high,published`.
    fn csv(&self) -> String {
        let rows = self.groups.iter().flat_map(|group| {
            group.bars.iter().map(|bar| {
                vec![
                    group.name.clone(),
                    bar.label.clone(),
                    bar.count.to_string(),
                    group.trials.to_string(),
                    value(bar.share(group.trials)),
                    value(bar.interval[0]),
                    value(bar.interval[1]),
                    value(bar.published.unwrap_or(f64::NAN)),
                ]
            })
        });
        let header = ["group", "outcome", "count", "trials", "fraction", "wilson_low", "wilson_high", "published"];
        table(&header, rows)
    }
}
