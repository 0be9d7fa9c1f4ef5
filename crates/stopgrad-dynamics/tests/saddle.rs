//! S_max attracts in most instances, not in all (docs/theory.md, 4.2): two that it does not, proved and beside NumPy.

use faer::Mat;
use stopgrad_dynamics::{EquilibriaParams, Moments, Stability, StratumStatus, find_equilibria};

#[test]
fn the_maximal_equilibrium_can_be_a_saddle() {
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/saddle.json")).expect("golden");
    let golden: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let tolerance = golden["tolerance"].as_f64().expect("a number");
    let cases = golden["values"].as_array().expect("cases");
    assert_eq!(cases.len(), 2);
    for case in cases {
        let matrix = |key: &str| Mat::from_fn(2, 2, |i, j| case[key][i][j].as_f64().expect("a number"));
        let number = |key: &str| case[key].as_f64().expect("a number");
        let moments = Moments::new(matrix("x"), matrix("y"), None).expect("moments");
        let params = EquilibriaParams { ranks: Some(vec![2]), ..EquilibriaParams::default() };
        let set = find_equilibria(&moments, number("weight_decay"), &params).expect("equilibria");
        assert!(set.strata.iter().all(|stratum| stratum.status == StratumStatus::Complete));
        let maximal = set.equilibria.iter().find(|found| found.maximal).expect("S_max");
        assert!(maximal.certified && maximal.spectrum.stability == Stability::Saddle, "{maximal:?}");
        let trace = maximal.s[(0, 0)] + maximal.s[(1, 1)];
        assert!((trace / number("trace") - 1.0).abs() < 1e-6, "{trace}");
        let rate = maximal.spectrum.leading_rate;
        assert!((rate / number("leading_rate") - 1.0).abs() < tolerance, "{rate}");
        // Nothing of full rank attracts here.
        assert!(set.equilibria.iter().all(|found| found.spectrum.stability != Stability::Attracting));
    }
}
