//! What `stopgrad landscape` takes.

use std::path::PathBuf;

use clap::Args;

use super::value::{finite, positive};

/// `stopgrad landscape`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct LandscapeArguments {
    /// Moments of two views with yy, .npz or .json: of one input, or of any number with --states [default: --rho, --tau, --sigma]
    #[arg(value_name = "MOMENTS", requires = "weight_decay")]
    pub moments: Option<PathBuf>,

    /// Three states of one size, as `flow --out` and `predict --out` write them (a, b, c; without c it is a): the plane
    /// through them is drawn
    #[arg(long, value_names = ["A.npz", "B.npz", "C.npz"], num_args = 3, requires = "moments")]
    pub states: Option<Vec<PathBuf>>,

    /// ρ, the mean of x², the square of the first view
    #[arg(long, value_name = "RHO", value_parser = finite, default_value_t = 1.0, conflicts_with = "moments")]
    pub rho: f64,

    /// τ, the mean of the product y x; at most √(ρσ) in size, as of any pairs
    #[arg(long, value_name = "TAU", value_parser = finite, default_value_t = 0.8, conflicts_with = "moments")]
    pub tau: f64,

    /// σ, the mean of y², the square of the other view
    #[arg(long, value_name = "SIGMA", value_parser = finite, default_value_t = 1.0, conflicts_with = "moments")]
    pub sigma: f64,

    /// λ; with one input stop-gradient and EMA collapse above τ²/4ρ [default without MOMENTS: 0.05]
    #[arg(long, value_name = "LAMBDA", value_parser = finite)]
    pub weight_decay: Option<f64>,

    /// Where the trajectories start: encoder and predictor [default: 1.5 and 0.3 times those of A, or 1,0.3]; with --states the
    /// place in the plane, along and across, of which 0,0 is the first state [default: the mean of the three]
    #[arg(long, value_name = "A,B", value_parser = pair, allow_hyphen_values = true)]
    pub start: Option<[f64; 2]>,

    /// γ, the rate of the teacher under ema
    #[arg(long, value_name = "GAMMA", value_parser = positive, default_value_t = 1.0)]
    pub ema_rate: f64,

    /// Folder for report.html, report.json and figures/ [default: nothing is drawn]
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

/// Two finite numbers with a comma between them.
fn pair(text: &str) -> Result<[f64; 2], String> {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|value| value.is_finite());
    text.split_once(',')
        .and_then(|(first, second)| Some([number(first)?, number(second)?]))
        .ok_or_else(|| "expected two numbers, as in 1.2,-0.3".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_two_numbers() {
        assert_eq!(pair("1.2,-0.3"), Ok([1.2, -0.3]));
        assert_eq!(pair(" 1e-3 , 2 "), Ok([0.001, 2.0]));
        for wrong in ["", "1", "1;2", "1,2,3", "nan,1", "1,inf"] {
            assert!(pair(wrong).is_err(), "{wrong}");
        }
        assert!(positive("0").is_err() && positive("-1").is_err() && positive("0.5").is_ok());
    }
}
