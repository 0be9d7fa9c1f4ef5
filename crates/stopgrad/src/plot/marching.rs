//! Curves of equal height on a grid: marching squares, the pieces joined into polylines.

/// A function of two variables on a regular grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// Low and high end of x, both on the grid.
    pub x: [f64; 2],
    /// Of y.
    pub y: [f64; 2],
    /// Points along x, at least 2.
    pub columns: usize,
    /// Points along y, at least 2.
    pub rows: usize,
    /// Row by row, y ascending; what is not finite has no curves around it.
    pub values: Vec<f64>,
}

/// A curve of equal height.
#[derive(Debug, Clone, PartialEq)]
pub struct Contour {
    /// (x, y) along the curve; a closed one ends where it began.
    pub points: Vec<[f64; 2]>,
    /// Whether it is closed.
    pub closed: bool,
}

impl Grid {
    /// `f` at `columns` × `rows` points.
    ///
    /// # Panics      with fewer than 2 points a side
    pub fn sample(x: [f64; 2], y: [f64; 2], [columns, rows]: [usize; 2], f: impl Fn(f64, f64) -> f64) -> Self {
        assert!(columns >= 2 && rows >= 2, "a grid has two points a side at least, not {columns} × {rows}");
        let mut grid = Self { x, y, columns, rows, values: Vec::with_capacity(columns * rows) };
        for row in 0..rows {
            for column in 0..columns {
                let [px, py] = grid.place(column as f64, row as f64);
                grid.values.push(f(px, py));
            }
        }
        grid
    }

    /// (x, y) of a point counted in columns and rows.
    pub fn place(&self, column: f64, row: f64) -> [f64; 2] {
        // Both ends come out exactly.
        let along = |[low, high]: [f64; 2], share: f64| low * (1.0 - share) + high * share;
        [along(self.x, column / (self.columns - 1) as f64), along(self.y, row / (self.rows - 1) as f64)]
    }

    fn value(&self, [column, row]: [usize; 2]) -> f64 {
        self.values[row * self.columns + column]
    }
}

/// The curves on which the function, taken as linear along the edges of the grid, has this value.
///
/// A square whose corners alternate is cut by the mean of its corners.
///
/// # Cost        O(columns × rows)
/// # Source      Lorensen and Cline 1987, in two dimensions
pub fn contours(grid: &Grid, level: f64) -> Vec<Contour> {
    let mut walk = Walk { links: vec![[NONE; 2]; 2 * grid.columns * grid.rows] };
    for row in 0..grid.rows - 1 {
        for column in 0..grid.columns - 1 {
            cut(grid, level, [column, row], &mut walk);
        }
    }
    let point = |edge: usize| crossing(grid, level, edge);
    let mut found = Vec::new();
    // Open curves first, from one of their ends; what is left is closed.
    for closed in [false, true] {
        for edge in 0..walk.links.len() {
            let ends = walk.links[edge].iter().filter(|link| **link != NONE).count();
            if ends == if closed { 2 } else { 1 } {
                let points = walk.follow(edge).into_iter().map(point).collect();
                found.push(Contour { points, closed });
            }
        }
    }
    found
}

const NONE: usize = usize::MAX;

/// Which crossed edges follow each other; edge 2k leads from grid point k to the right, 2k + 1 upwards.
struct Walk {
    links: Vec<[usize; 2]>,
}

impl Walk {
    fn join(&mut self, a: usize, b: usize) {
        for (from, to) in [(a, b), (b, a)] {
            let free = self.links[from].iter().position(|link| *link == NONE);
            self.links[from][free.expect("an edge lies between two squares")] = to;
        }
    }

    /// The edges from this one to the end, or round to it again; they are taken out.
    fn follow(&mut self, start: usize) -> Vec<usize> {
        let mut edges = vec![start];
        let mut here = start;
        while let Some(slot) = self.links[here].iter().position(|link| *link != NONE) {
            let next = std::mem::replace(&mut self.links[here][slot], NONE);
            let back = self.links[next].iter().position(|link| *link == here).expect("links go both ways");
            self.links[next][back] = NONE;
            edges.push(next);
            here = next;
        }
        edges
    }
}

/// The pieces of the curve in one square.
fn cut(grid: &Grid, level: f64, [column, row]: [usize; 2], walk: &mut Walk) {
    // Corners and edges counterclockwise from the lower left; edge k leads from corner k to the next.
    let corners = [[column, row], [column + 1, row], [column + 1, row + 1], [column, row + 1]];
    let values = corners.map(|corner| grid.value(corner));
    if values.iter().any(|value| !value.is_finite()) {
        return;
    }
    let at = |[column, row]: [usize; 2]| 2 * (row * grid.columns + column);
    let edges = [at(corners[0]), at(corners[1]) + 1, at(corners[3]), at(corners[0]) + 1];
    let above = values.map(|value| value >= level);
    let crossed: Vec<usize> = (0..4).filter(|k| above[*k] != above[(k + 1) % 4]).collect();
    match crossed[..] {
        [a, b] => walk.join(edges[a], edges[b]),
        [_, _, _, _] => {
            let middle = values.iter().sum::<f64>() / 4.0 >= level;
            // The corners that differ from the middle are cut off: corner k lies between edges k − 1 and k.
            let first = usize::from(above[0] == middle);
            for corner in [first, first + 2] {
                walk.join(edges[(corner + 3) % 4], edges[corner]);
            }
        }
        _ => {}
    }
}

/// Where the level lies on an edge.
fn crossing(grid: &Grid, level: f64, edge: usize) -> [f64; 2] {
    let (column, row) = (edge / 2 % grid.columns, edge / 2 / grid.columns);
    let to = if edge.is_multiple_of(2) { [column + 1, row] } else { [column, row + 1] };
    let (low, high) = (grid.value([column, row]), grid.value(to));
    let share = (level - low) / (high - low);
    let along = |from: usize, to: usize| from as f64 + share * (to - from) as f64;
    grid.place(along(column, to[0]), along(row, to[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bowl_has_circles_of_the_right_radius() {
        let grid = Grid::sample([-2.0, 2.0], [-2.0, 2.0], [81, 81], |x, y| x * x + y * y);
        for radius in [0.3, 1.0, 1.7] {
            let found = contours(&grid, radius * radius);
            assert_eq!(found.len(), 1);
            assert!(found[0].closed && found[0].points.first() == found[0].points.last());
            for [x, y] in &found[0].points {
                // Linear interpolation of x² between points 0.05 apart is off by 0.05²/8 at most.
                assert!((x.hypot(*y) - radius).abs() < 0.05 * 0.05 / 8.0 / radius, "{x} {y}");
            }
        }
        assert_eq!(contours(&grid, -1.0), []);
    }

    #[test]
    fn a_circle_that_leaves_the_grid_is_open_in_four_pieces() {
        let grid = Grid::sample([-1.0, 1.0], [-1.0, 1.0], [41, 41], |x, y| x * x + y * y);
        let found = contours(&grid, 1.44);
        assert_eq!(found.len(), 4);
        for contour in found {
            let [first, .., last] = &contour.points[..] else { panic!("too short") };
            assert!(!contour.closed);
            for [x, y] in [first, last] {
                assert!((x.abs() - 1.0).abs() < 1e-12 || (y.abs() - 1.0).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_plane_has_straight_lines_and_a_saddle_two_branches() {
        let slope = Grid::sample([0.0, 1.0], [0.0, 1.0], [7, 5], |x, y| x + 2.0 * y);
        let line = contours(&slope, 1.1);
        assert_eq!(line.len(), 1);
        assert!(line[0].points.iter().all(|[x, y]| (x + 2.0 * y - 1.1).abs() < 1e-12));
        let saddle = Grid::sample([-1.0, 1.0], [-1.0, 1.0], [2, 2], |x, y| x * y);
        for (level, corners) in [(0.5, [1.0, -1.0]), (-0.5, [-1.0, 1.0])] {
            let branches = contours(&saddle, level);
            assert_eq!(branches.len(), 2);
            for branch in branches {
                // Each piece stays at a corner where x y has the sign of the level.
                let [x, y] = branch.points[0];
                let [u, v] = branch.points[1];
                assert!((x + u) * (y + v) * corners[0] > 0.0);
            }
        }
    }

    #[test]
    fn what_is_not_finite_has_no_curve_around_it() {
        let grid = Grid::sample([-1.0, 1.0], [-1.0, 1.0], [21, 21], |x, y| if x < 0.0 { f64::NAN } else { x - y });
        for contour in contours(&grid, 0.2) {
            assert!(contour.points.iter().all(|[x, y]| *x >= 0.0 && (x - y - 0.2).abs() < 1e-12));
        }
    }
}
