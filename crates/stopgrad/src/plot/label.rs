//! Where words go: beside line ends without touching each other, and near points without covering lines.

/// Positions as close as can be (least squares) to the wanted ones, at least `gap` apart, within `low..=high`.
///
/// In the order given. More labels than fit are pressed together evenly.
///
/// # Source      isotonic regression by pooling adjacent violators, on wanted − rank · gap
pub(super) fn spread(wanted: &[f64], gap: f64, low: f64, high: f64) -> Vec<f64> {
    let count = wanted.len();
    if count == 0 {
        return Vec::new();
    }
    let gap = gap.min((high - low) / (count.max(2) - 1) as f64);
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for (rank, place) in order.iter().enumerate() {
        let mut pool = (wanted[*place] - rank as f64 * gap, 1);
        while let Some(before) = pools.pop_if(|before| before.0 > pool.0) {
            let size = before.1 + pool.1;
            pool = ((before.0 * before.1 as f64 + pool.0 * pool.1 as f64) / size as f64, size);
        }
        pools.push(pool);
    }
    let ceiling = high - (count - 1) as f64 * gap;
    let levels = pools.iter().flat_map(|(level, size)| std::iter::repeat_n(level.clamp(low, ceiling.max(low)), *size));
    let mut placed = vec![0.0; count];
    for (rank, (place, level)) in order.iter().zip(levels).enumerate() {
        placed[*place] = level + rank as f64 * gap;
    }
    placed
}

/// A rectangle in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Area {
    fn overlap(&self, other: &Self) -> f64 {
        let width = (self.left + self.width).min(other.left + other.width) - self.left.max(other.left);
        let height = (self.top + self.height).min(other.top + other.height) - self.top.max(other.top);
        if width > 0.0 && height > 0.0 { width * height } else { 0.0 }
    }

    /// Whether the two share any area.
    pub(super) fn meets(&self, other: &Self) -> bool {
        self.overlap(other) > 0.0
    }

    fn holds(&self, (x, y): (f64, f64)) -> bool {
        (self.left..=self.left + self.width).contains(&x) && (self.top..=self.top + self.height).contains(&y)
    }

    /// From a point to the nearest spot inside.
    pub(super) fn distance(&self, (x, y): (f64, f64)) -> f64 {
        let dx = (self.left - x).max(x - self.left - self.width).max(0.0);
        let dy = (self.top - y).max(y - self.top - self.height).max(0.0);
        dx.hypot(dy)
    }

    /// The area that lies outside `other`.
    fn outside(&self, other: &Self) -> f64 {
        self.width * self.height - self.overlap(other)
    }
}

/// The place for a label of this size near a point: the first of sixteen, round the point in two distances, that costs least.
///
/// It costs to leave the frame, to cover a label that is placed already, to cover points of lines, and to stand closer to
/// one of the `rivals` (ends of other lines) than to the point.
pub(super) fn place_near(
    point: (f64, f64), size: (f64, f64), frame: &Area, placed: &[Area], ink: &[(f64, f64)], rivals: &[(f64, f64)],
) -> Area {
    let (width, height) = size;
    let candidates = [8.0, 18.0].into_iter().flat_map(|d| {
        let diagonal = d * 0.8;
        [
            (d, -height / 2.0),
            (-d - width, -height / 2.0),
            (-width / 2.0, -d - height + 2.0),
            (-width / 2.0, d - 2.0),
            (diagonal, -diagonal - height + 4.0),
            (diagonal, diagonal - 4.0),
            (-diagonal - width, -diagonal - height + 4.0),
            (-diagonal - width, diagonal - 4.0),
        ]
    });
    let areas = candidates.map(|(dx, dy)| Area { left: point.0 + dx, top: point.1 + dy, width, height });
    let cost = |area: &Area| {
        let covered = ink.iter().filter(|spot| area.holds(**spot)).count() as f64;
        let own = area.distance(point);
        let claimed = rivals.iter().filter(|rival| area.distance(**rival) <= own).count() as f64;
        let overlap: f64 = placed.iter().map(|other| area.overlap(other)).sum();
        area.outside(frame) * 100.0 + overlap * 10.0 + covered * 5.0 + claimed * 12.0
    };
    areas.min_by(|a, b| cost(a).total_cmp(&cost(b))).unwrap_or(Area { left: point.0, top: point.1, width, height })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_far_apart_stay_where_they_are() {
        assert_eq!(spread(&[50.0, 10.0, 90.0], 12.0, 0.0, 100.0), [50.0, 10.0, 90.0]);
    }

    #[test]
    fn labels_that_meet_part_around_their_middle() {
        assert_eq!(spread(&[50.0, 50.0], 12.0, 0.0, 100.0), [44.0, 56.0]);
        let placed = spread(&[98.0, 99.0, 100.0], 12.0, 0.0, 100.0);
        assert_eq!(placed, [76.0, 88.0, 100.0]);
    }

    #[test]
    fn any_labels_keep_distance_order_and_bounds() {
        let wanted: Vec<f64> = (0..8).map(|k| f64::from(k * 37 % 11)).collect();
        let placed = spread(&wanted, 12.0, 0.0, 200.0);
        let mut sorted = placed.clone();
        sorted.sort_by(f64::total_cmp);
        assert!(sorted.windows(2).all(|pair| pair[1] - pair[0] >= 12.0 - 1e-9), "{sorted:?}");
        assert!(sorted[0] >= 0.0 && sorted[7] <= 200.0);
    }

    #[test]
    fn too_many_labels_are_pressed_together_inside_the_frame() {
        let placed = spread(&[5.0; 50], 12.0, 0.0, 100.0);
        assert!(placed.iter().all(|y| (-1e-9..=100.0 + 1e-9).contains(y)));
        assert_eq!(spread(&[], 12.0, 0.0, 100.0), Vec::<f64>::new());
        assert_eq!(spread(&[7.0], 12.0, 0.0, 100.0), [7.0]);
    }

    #[test]
    fn a_label_near_a_point_avoids_frame_labels_and_ink() {
        let frame = Area { left: 0.0, top: 0.0, width: 100.0, height: 100.0 };
        let right = place_near((50.0, 50.0), (20.0, 12.0), &frame, &[], &[], &[]);
        assert!(right.left > 50.0);
        let left = place_near((95.0, 50.0), (20.0, 12.0), &frame, &[], &[], &[]);
        assert!(left.left + left.width <= 95.0);
        let moved = place_near((50.0, 50.0), (20.0, 12.0), &frame, &[right], &[], &[]);
        assert!(moved.overlap(&right) <= 0.0);
        let dodged = place_near((50.0, 50.0), (20.0, 12.0), &frame, &[], &[(60.0, 50.0)], &[]);
        assert!(!dodged.holds((60.0, 50.0)));
        let apart = place_near((50.0, 50.0), (20.0, 12.0), &frame, &[], &[], &[(74.0, 50.0)]);
        assert!(apart.distance((50.0, 50.0)) < apart.distance((74.0, 50.0)));
    }
}
