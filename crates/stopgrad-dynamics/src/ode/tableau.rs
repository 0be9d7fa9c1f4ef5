//! Explicit embedded pairs of orders 5 and 4, as data.

/// Stages of a pair, the last of which is the first of the next step.
pub(crate) const STAGES: usize = 7;

/// An explicit pair of seven stages, the last taken at the end of the step (first same as last).
///
/// Stage s (from 1) is taken at z + h Σ_j `weights[s − 1][j]` k_j; the last of these points is the end of the step,
/// and the estimate of its error is h Σ_j `error[j]` k_j.
#[derive(Debug, PartialEq)]
pub struct Tableau {
    /// Name in reports.
    pub name: &'static str,
    /// Where the numbers come from.
    pub source: &'static str,
    /// Order of the solution that is carried on; that of the embedded one is less by 1.
    pub order: u32,
    /// Weights of the earlier slopes at stages 1 to 6; zero from the diagonal on.
    pub weights: [[f64; STAGES - 1]; STAGES - 1],
    /// Weights of the solution less those of the embedded one.
    pub error: [f64; STAGES],
}

/// The pair of Tsitouras: the default, with smaller error constants than [`DORMAND_PRINCE`].
pub const TSITOURAS: Tableau = Tableau {
    name: "tsitouras-5-4",
    source: "Tsitouras 2011, Computers and Mathematics with Applications 62, 770–775; digits as in diffrax 0.7",
    order: 5,
    weights: [
        [0.161, 0.0, 0.0, 0.0, 0.0, 0.0],
        [-0.008_480_655_492_356_989, 0.335_480_655_492_357, 0.0, 0.0, 0.0, 0.0],
        [2.897_153_057_105_493_5, -6.359_448_489_975_075, 4.362_295_432_869_581_5, 0.0, 0.0, 0.0],
        [5.325_864_828_439_257, -11.748_883_564_062_828, 7.495_539_342_889_836_5, -0.092_495_066_361_755_25, 0.0, 0.0],
        [
            5.861_455_442_946_42,
            -12.920_969_317_847_11,
            8.159_367_898_576_159,
            -0.071_584_973_281_401,
            -0.028_269_050_394_068_383,
            0.0,
        ],
        [
            0.096_460_766_818_065_23,
            0.01,
            0.479_889_650_414_499_6,
            1.379_008_574_103_742,
            -3.290_069_515_436_081,
            2.324_710_524_099_774,
        ],
    ],
    error: [
        0.001_780_011_052_225_777_3,
        0.000_816_434_459_656_746_3,
        -0.007_880_878_010_261_994,
        0.144_711_007_173_262_9,
        -0.582_357_165_452_555_2,
        0.458_082_105_929_186_86,
        -0.015_151_515_151_515_152,
    ],
};

/// The pair of Dormand and Prince: SciPy's `RK45`, kept as the second opinion.
pub const DORMAND_PRINCE: Tableau = Tableau {
    name: "dormand-prince-5-4",
    source: "Dormand, Prince 1980, Journal of Computational and Applied Mathematics 6, 19–26",
    order: 5,
    weights: [
        [1.0 / 5.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [3.0 / 40.0, 9.0 / 40.0, 0.0, 0.0, 0.0, 0.0],
        [44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0, 0.0, 0.0, 0.0],
        [19372.0 / 6561.0, -25360.0 / 2187.0, 64448.0 / 6561.0, -212.0 / 729.0, 0.0, 0.0],
        [9017.0 / 3168.0, -355.0 / 33.0, 46732.0 / 5247.0, 49.0 / 176.0, -5103.0 / 18656.0, 0.0],
        [35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0],
    ],
    error: [71.0 / 57600.0, 0.0, -71.0 / 16695.0, 71.0 / 1920.0, -17253.0 / 339_200.0, 22.0 / 525.0, -1.0 / 40.0],
};

#[cfg(test)]
mod tests {
    use super::*;

    /// Elementary weights of the rooted trees up to order 5 and their 1/γ (Hairer, Nørsett, Wanner 1993, table II.2.1).
    fn residuals(tableau: &Tableau, b: &[f64; STAGES], order: u32) -> Vec<f64> {
        let mut a = [[0.0; STAGES]; STAGES];
        for (row, weights) in a[1..].iter_mut().zip(&tableau.weights) {
            row[..STAGES - 1].copy_from_slice(weights);
        }
        let apply = |v: &[f64; STAGES]| -> [f64; STAGES] {
            std::array::from_fn(|i| a[i].iter().zip(v).map(|(x, y)| x * y).sum())
        };
        let times = |x: &[f64; STAGES], y: &[f64; STAGES]| -> [f64; STAGES] { std::array::from_fn(|i| x[i] * y[i]) };
        let one = [1.0; STAGES];
        let c = apply(&one);
        let (c2, ac) = (times(&c, &c), apply(&c));
        let (c3, ac2, aac) = (times(&c2, &c), apply(&c2), apply(&ac));
        let trees = [
            (1, one, 1.0),
            (2, c, 2.0),
            (3, c2, 3.0),
            (3, ac, 6.0),
            (4, c3, 4.0),
            (4, times(&c, &ac), 8.0),
            (4, ac2, 12.0),
            (4, aac, 24.0),
            (5, times(&c2, &c2), 5.0),
            (5, times(&c2, &ac), 10.0),
            (5, times(&ac, &ac), 20.0),
            (5, times(&c, &ac2), 15.0),
            (5, times(&c, &aac), 30.0),
            (5, apply(&c3), 20.0),
            (5, apply(&times(&c, &ac)), 40.0),
            (5, apply(&ac2), 60.0),
            (5, apply(&aac), 120.0),
        ];
        let weighted = |v: &[f64; STAGES]| b.iter().zip(v).map(|(x, y)| x * y).sum::<f64>();
        trees.iter().filter(|tree| tree.0 <= order).map(|tree| weighted(&tree.1) - 1.0 / tree.2).collect()
    }

    #[test]
    fn both_pairs_meet_the_order_conditions_of_solution_and_companion() {
        for tableau in [&TSITOURAS, &DORMAND_PRINCE] {
            let mut solution = [0.0; STAGES];
            solution[..STAGES - 1].copy_from_slice(&tableau.weights[STAGES - 2]);
            let companion = std::array::from_fn(|i| solution[i] - tableau.error[i]);
            for (b, order) in [(solution, 5), (companion, 4)] {
                // Entries up to 13 in f64: a few hundred roundings.
                let worst = residuals(tableau, &b, order).iter().fold(0.0f64, |worst, r| worst.max(r.abs()));
                assert!(worst < 2e-14, "{} order {order}: {worst:e}", tableau.name);
            }
            // The companion is of order 4 and not 5, or it would estimate nothing.
            assert!(residuals(tableau, &companion, 5).iter().any(|r| r.abs() > 1e-4), "{}", tableau.name);
        }
    }
}
