//! What can be typed after `stopgrad equilibria`, `stopgrad verify` and `stopgrad fibre`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use stopgrad_dynamics::Field;

use super::value::{finite, positive};
use crate::demand::Established;

/// `stopgrad equilibria`.
#[derive(Debug, Args)]
pub struct EquilibriaArguments {
    /// Moments of two views: .npz or .json, as `stopgrad moments` or NumPy writes them
    #[arg(value_name = "MOMENTS")]
    pub moments: PathBuf,

    /// λ, from 0 up
    #[arg(long, value_name = "LAMBDA", value_parser = finite, allow_negative_numbers = true)]
    pub weight_decay: f64,

    /// Which ranks: `all`, `full` (that of X), or a list as 0,1,3
    #[arg(long, value_name = "RANKS", default_value = "all")]
    pub ranks: Ranks,

    /// Under which field stability is judged: sg or ema share their equilibria, joint has the origin alone
    #[arg(long, value_name = "FIELD", default_value = "sg")]
    pub field: Field,

    /// γ, the rate at which the teacher follows under ema
    #[arg(long, value_name = "GAMMA", value_parser = positive, default_value_t = 1.0)]
    pub ema_rate: f64,

    /// n, dimensions of the embedding [default: m + 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub embedding_dim: Option<u32>,

    /// Where all complex solutions go, with their boxes: `stopgrad verify` proves them again
    #[arg(long, value_name = "FILE.json")]
    pub out: Option<PathBuf>,

    /// Exit with 1 unless every rank asked for is complete, every equilibrium certified, or every stability decided
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    pub require: Vec<Established>,
}

/// What `--ranks` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ranks {
    /// From 0 to the rank of X, or n if that is less.
    All,
    /// The rank of X alone.
    Full,
    /// These.
    List(Vec<usize>),
}

impl FromStr for Ranks {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "all" => Ok(Self::All),
            "full" => Ok(Self::Full),
            list => list
                .split(',')
                .map(|rank| rank.trim().parse().map_err(|_| "expected all, full, or ranks as in 0,1,3".to_owned()))
                .collect::<Result<_, _>>()
                .map(Self::List),
        }
    }
}

/// `stopgrad verify`.
#[derive(Debug, Args)]
pub struct VerifyArguments {
    /// What `stopgrad equilibria --out` wrote
    #[arg(value_name = "ROOTS.json")]
    pub roots: PathBuf,

    /// Exit with 1 unless every solution in the file is proved, or every rank in it is complete
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    pub require: Vec<Established>,
}

/// `stopgrad fibre`.
#[derive(Debug, Args)]
pub struct FibreArguments {
    /// m, from 1 to 6
    #[arg(value_name = "SIZE", required_unless_present = "read", value_parser = clap::value_parser!(u32).range(1..=6))]
    pub size: Option<u32>,

    /// r, from 2 to m; full rank without it
    #[arg(long, value_name = "R", conflicts_with = "read")]
    pub rank: Option<u32>,

    /// Names the instance and the loops [default: that of the file that comes with the program, else 0]
    #[arg(long, value_name = "N", conflicts_with = "read")]
    pub seed: Option<u64>,

    /// Loops in a row that lose no path and bring nothing new, after which it ends [default: as the file that comes
    /// with the program was made, else 10]
    #[arg(long, value_name = "LOOPS", conflicts_with = "read")]
    pub idle_loops: Option<u32>,

    /// Loops at most
    #[arg(long, value_name = "LOOPS", default_value_t = 200)]
    pub max_loops: u32,

    /// Stop after this time, with what was found
    #[arg(long, value_name = "TIME", value_parser = super::value::duration)]
    pub time_limit: Option<std::time::Duration>,

    /// Write the file
    #[arg(long, value_name = "FILE", conflicts_with = "read")]
    pub out: Option<PathBuf>,

    /// Say what a file holds, instead
    #[arg(long, value_name = "FILE")]
    pub read: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_words_or_a_list() {
        assert_eq!("all".parse(), Ok(Ranks::All));
        assert_eq!("full".parse(), Ok(Ranks::Full));
        assert_eq!("0, 1,3".parse(), Ok(Ranks::List(vec![0, 1, 3])));
        for wrong in ["", "some", "1,,2", "-1", "1.5"] {
            assert!(wrong.parse::<Ranks>().is_err(), "{wrong}");
        }
    }
}
