//! What a flow records on its way, in a bounded number of rows.

/// One moment of a trajectory.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Row {
    /// t.
    pub time: f64,
    /// Ē, where V is known.
    pub joint_objective: Option<f64>,
    /// F̄, where V is known.
    pub proxy_objective: Option<f64>,
    /// Rank of A.
    pub rank: Option<usize>,
    /// Eigenvalues of S = AᵀA, descending: the least of n and m of them (the others are 0).
    pub s_eigenvalues: Vec<f64>,
    /// |D| with D = AAᵀ − (λ_B/λ_A) BᵀB.
    pub balance_gap: Option<f64>,
    /// |D(t) − e^{−2λt} D(0)| / |D(0)|, where the balance law holds ([`LinearField::balance_rate`](crate::LinearField)).
    pub balance_gap_error: Option<f64>,
    /// |v|.
    pub field_norm: f64,
    /// Length of the step that led here.
    pub increment: f64,
}

/// Rows in the order of time: the start, one step in [`Trajectory::stride`], and the end.
#[derive(Debug, Clone, PartialEq)]
pub struct Trajectory {
    /// What was recorded.
    pub rows: Vec<Row>,
    /// Steps from one row to the next (the last row apart).
    pub stride: u64,
    offered: u64,
    max_rows: usize,
}

impl Trajectory {
    pub(super) fn new(max_rows: usize) -> Self {
        Self { rows: Vec::new(), stride: 1, offered: 0, max_rows: max_rows.max(2) }
    }

    /// Records a step if its turn has come; when full, every second row goes.
    pub(super) fn offer(&mut self, row: impl FnOnce() -> Row) {
        if self.offered.is_multiple_of(self.stride) {
            if self.rows.len() + 1 >= self.max_rows {
                let mut keep = false;
                self.rows.retain(|_| {
                    keep = !keep;
                    keep
                });
                self.stride *= 2;
            }
            if self.offered.is_multiple_of(self.stride) {
                self.rows.push(row());
            }
        }
        self.offered += 1;
    }

    /// Adds the end, unless it is there.
    pub(super) fn close(&mut self, row: Row) {
        if self.rows.last().is_none_or(|last| last.time < row.time) {
            self.rows.push(row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_thinned_evenly_and_keep_both_ends() {
        let mut trajectory = Trajectory::new(10);
        for step in 0..1000 {
            trajectory.offer(|| Row { time: f64::from(step), ..Row::default() });
        }
        trajectory.close(Row { time: 999.0, ..Row::default() });
        let times: Vec<f64> = trajectory.rows.iter().map(|row| row.time).collect();
        assert!(times.len() <= 10 && times.len() >= 5, "{times:?}");
        assert!(times[0] < 0.5 && times[times.len() - 1] > 998.5);
        let stride = trajectory.stride as f64;
        assert!(
            times[..times.len() - 1].windows(2).all(|pair| (pair[1] - pair[0] - stride).abs() < 1e-12),
            "{times:?}"
        );
    }
}
