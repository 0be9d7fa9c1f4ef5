//! Polylines in a picture: cut at its edges, freed of what nobody can see, with heads that show their direction.

use std::fmt::Write;

/// The parts of a polyline inside a rectangle, cut at its edges.
pub(super) fn clipped(points: &[[f64; 2]], x: [f64; 2], y: [f64; 2]) -> Vec<Vec<[f64; 2]>> {
    let mut parts: Vec<Vec<[f64; 2]>> = Vec::new();
    let mut open = false;
    for pair in points.windows(2) {
        let Some([from, to]) = shares_inside(pair[0], pair[1], x, y) else {
            open = false;
            continue;
        };
        let at = |share: f64| std::array::from_fn(|k| pair[0][k] + share * (pair[1][k] - pair[0][k]));
        match parts.last_mut() {
            Some(part) if open && from <= 0.0 => part.push(at(to)),
            _ => parts.push(vec![at(from), at(to)]),
        }
        open = to >= 1.0;
    }
    parts
}

/// Between which shares of its length a segment lies inside.
///
/// # Source      Liang and Barsky 1984
fn shares_inside(p: [f64; 2], q: [f64; 2], x: [f64; 2], y: [f64; 2]) -> Option<[f64; 2]> {
    let (mut from, mut to) = (0.0_f64, 1.0_f64);
    for (k, [low, high]) in [x, y].into_iter().enumerate() {
        let way = q[k] - p[k];
        if !(p[k].is_finite() && q[k].is_finite()) || (way == 0.0 && !(low..=high).contains(&p[k])) {
            return None;
        }
        if way != 0.0 {
            let (a, b) = ((low - p[k]) / way, (high - p[k]) / way);
            (from, to) = (from.max(a.min(b)), to.min(a.max(b)));
        }
    }
    (from < to).then_some([from, to])
}

/// Without points that a reader could not tell from the ones before.
pub(super) fn thinned(spots: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let mut kept: Vec<(f64, f64)> = Vec::new();
    let last = spots.last().copied();
    for spot in spots {
        if kept.last().is_none_or(|before| (spot.0 - before.0).hypot(spot.1 - before.1) >= 1.0) {
            kept.push(spot);
        }
    }
    if kept.last() != last.as_ref() {
        kept.extend(last);
    }
    kept
}

/// Add a polyline to the data of a path.
pub(super) fn write_path(path: &mut String, spots: &[(f64, f64)]) {
    for (place, (px, py)) in spots.iter().enumerate() {
        let _ = write!(path, "{}{px:.1} {py:.1}", if place == 0 { "M" } else { "L" });
    }
}

/// A head at a third of the way and one at two thirds; a short path has one.
pub(super) fn write_arrows(arrows: &mut String, spots: &[(f64, f64)]) {
    let lengths: Vec<f64> = spots.windows(2).map(|p| (p[1].0 - p[0].0).hypot(p[1].1 - p[0].1)).collect();
    let whole: f64 = lengths.iter().sum();
    let places: &[f64] = if whole > 150.0 { &[0.3, 0.7] } else { &[0.5] };
    if whole < 14.0 {
        return;
    }
    for place in places {
        let (mut gone, mut k) = (0.0, 0);
        while k + 1 < lengths.len() && gone + lengths[k] < place * whole {
            gone += lengths[k];
            k += 1;
        }
        // The direction is taken over a few points, so that a short segment does not turn the head.
        let (from, to) = (spots[k.saturating_sub(2)], spots[(k + 3).min(spots.len() - 1)]);
        let length = (to.0 - from.0).hypot(to.1 - from.1).max(1e-9);
        let (u, v) = ((to.0 - from.0) / length, (to.1 - from.1) / length);
        let tip = (spots[k + 1].0 + 5.0 * u, spots[k + 1].1 + 5.0 * v);
        let foot = |side: f64| (tip.0 - 9.0 * u - side * 4.0 * v, tip.1 - 9.0 * v + side * 4.0 * u);
        let (left, right) = (foot(1.0), foot(-1.0));
        let _ = write!(
            arrows,
            "<path class=\"dot\" d=\"M{:.1} {:.1}L{:.1} {:.1}L{:.1} {:.1}z\"/>",
            tip.0, tip.1, left.0, left.1, right.0, right.1
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_at_the_edges_of_the_picture() {
        let square = [0.0, 1.0];
        let across = clipped(&[[-1.0, 0.5], [2.0, 0.5]], square, square);
        assert_eq!(across, [vec![[0.0, 0.5], [1.0, 0.5]]]);
        let twice = clipped(&[[0.5, 0.5], [0.5, 1.5], [0.75, 1.5], [0.75, 0.5]], square, square);
        assert_eq!(twice, [vec![[0.5, 0.5], [0.5, 1.0]], vec![[0.75, 1.0], [0.75, 0.5]]]);
        assert!(clipped(&[[2.0, 0.0], [2.0, 1.0]], square, square).is_empty());
        assert!(clipped(&[[0.5, 0.5], [f64::NAN, 1.0]], square, square).is_empty());
    }
}
