//! Files of equilibria with all their complex solutions and boxes, `roots.json` (docs/formats.md).
//!
//! The file is the document of `stopgrad equilibria` with two fields more: `moments`, the numbers that the proofs are
//! about, and `roots`. Floats are written so that they read back to the same bits: a proof is about these bits.

use std::path::{Path, PathBuf};

use faer::c64;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stopgrad_data::InputFile;
use stopgrad_dynamics::EquilibriumSet;
use stopgrad_dynamics::polynomial::certificate::{Reality, Root};
use stopgrad_dynamics::polynomial::stratum::ExactMoments;

/// What a file of solutions holds, as far as it is proved again.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct RootsFile {
    /// X, Y, λ.
    pub moments: StoredMoments,
    /// What is claimed of each rank.
    pub strata: Vec<StoredStratum>,
    /// The solutions.
    pub roots: Vec<StoredRoot>,
}

/// The numbers that the proofs are about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredMoments {
    /// X by rows.
    pub xx: Vec<Vec<f64>>,
    /// Y by rows.
    pub yx: Vec<Vec<f64>>,
    /// λ.
    pub weight_decay: f64,
    /// Where X is singular: the basis of its support, in whose coordinates X, Y and the solutions are.
    #[serde(default)]
    pub directions: Option<Vec<Vec<f64>>>,
}

/// What is claimed of a rank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredStratum {
    /// r.
    pub rank: usize,
    /// Complex solutions in the file.
    pub solutions: usize,
    /// Those of a generic instance, if known.
    pub expected: Option<usize>,
    /// Whether they are claimed to be all.
    pub complete: bool,
}

/// One complex solution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredRoot {
    /// r.
    pub rank: usize,
    /// A by rows, S = A S' Aᵀ, [re, im] each: the coordinates that the proof is in. Missing or null: those of the moments.
    #[serde(default)]
    pub frame: Option<Vec<[f64; 2]>>,
    /// The rows of V that are the identity, S' = V Ŝ Vᵀ.
    pub rows: Vec<usize>,
    /// The upper triangle of Ŝ by rows, then the other rows of V: [re, im] each.
    pub center: Vec<[f64; 2]>,
    /// Whether existence and uniqueness in the boxes are proved.
    pub certified: bool,
    /// `real`, `not-real`, `undecided`; null without a proof.
    pub reality: Option<Reality>,
    /// [re from, re to, im from, im to] of each unknown.
    #[serde(default)]
    pub boxes: Vec<[f64; 4]>,
}

/// Why solutions cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RootsFileError {
    /// The operating system refused.
    #[error("{}: {cause}; check that the path exists, may be used, and has room", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// No JSON, or not of this form.
    #[error("{}: {cause}; expected what `stopgrad equilibria --out` writes", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Line, column and reason.
        #[source]
        cause: serde_json::Error,
    },
    /// Values that contradict each other.
    #[error("{}: {what}; write the file again with `stopgrad equilibria --out`", path.display())]
    Inconsistent {
        /// The file.
        path: PathBuf,
        /// Which value, and why not.
        what: String,
    },
}

impl RootsFile {
    /// The solutions in a file, checked for form, and what identifies it.
    ///
    /// # Errors
    /// [`RootsFileError`], which names the file and what is wrong in it
    pub fn read(path: &Path) -> Result<(Self, InputFile), RootsFileError> {
        let bytes = std::fs::read(path).map_err(|cause| RootsFileError::Io { path: path.into(), cause })?;
        let file: Self =
            serde_json::from_slice(&bytes).map_err(|cause| RootsFileError::Json { path: path.into(), cause })?;
        file.check().map_err(|what| RootsFileError::Inconsistent { path: path.into(), what })?;
        Ok((file, InputFile::of(path.display().to_string(), &bytes)))
    }

    fn check(&self) -> Result<(), String> {
        let size = self.moments.xx.len();
        if size == 0 {
            return Err("moments.xx is empty".into());
        }
        for (name, matrix) in [("xx", &self.moments.xx), ("yx", &self.moments.yx)] {
            if matrix.len() != size || matrix.iter().any(|row| row.len() != size) {
                return Err(format!("moments.{name} is not {size} × {size}"));
            }
            if matrix.iter().flatten().any(|x| !x.is_finite()) {
                return Err(format!("moments.{name} has an entry that is no finite number"));
            }
        }
        if !(self.moments.weight_decay.is_finite() && self.moments.weight_decay >= 0.0) {
            return Err(format!("moments.weight_decay is {}", self.moments.weight_decay));
        }
        self.roots
            .iter()
            .enumerate()
            .try_for_each(|(at, root)| root.check(size).map_err(|what| format!("roots[{at}] {what}")))
    }

    /// The moments in the form that a proof takes.
    pub fn exact(&self) -> ExactMoments {
        ExactMoments {
            size: self.moments.xx.len(),
            xx: self.moments.xx.concat(),
            yx: self.moments.yx.concat(),
            weight_decay: self.moments.weight_decay,
        }
    }
}

impl StoredRoot {
    fn check(&self, size: usize) -> Result<(), String> {
        let rank = self.rank;
        if rank == 0 || rank > size || self.rows.len() != rank {
            return Err(format!(
                "has rank {rank} and {} rows; of {size} coordinates there are as many rows as the rank says",
                self.rows.len()
            ));
        }
        if self.rows.windows(2).any(|pair| pair[0] >= pair[1]) || self.rows.iter().any(|&row| row >= size) {
            return Err(format!("has the rows {:?}, which are not ascending below {size}", self.rows));
        }
        let unknowns = rank * (rank + 1) / 2 + rank * (size - rank);
        if self.center.len() != unknowns || !(self.boxes.is_empty() || self.boxes.len() == unknowns) {
            return Err(format!(
                "has {} numbers and {} boxes for {unknowns} unknowns",
                self.center.len(),
                self.boxes.len()
            ));
        }
        if self.frame.as_ref().is_some_and(|frame| frame.len() != size * size) {
            return Err(format!("has a frame that is not {size} × {size}"));
        }
        let frame = self.frame.iter().flatten().flatten();
        if frame.chain(self.center.iter().flatten()).chain(self.boxes.iter().flatten()).any(|x| !x.is_finite()) {
            return Err("has an entry that is no finite number".into());
        }
        Ok(())
    }

    /// x̃.
    pub fn center(&self) -> Vec<c64> {
        self.center.iter().map(|&[re, im]| c64::new(re, im)).collect()
    }

    /// A.
    pub fn frame(&self) -> Option<Vec<c64>> {
        self.frame.as_ref().map(|frame| frame.iter().map(|&[re, im]| c64::new(re, im)).collect())
    }

    fn of(root: &Root) -> Option<Self> {
        let certificate = root.certificate.as_ref()?;
        let boxes = certificate.boxes.iter().map(|b| [b.re.lo, b.re.hi, b.im.lo, b.im.hi]).collect();
        Some(Self {
            rank: root.rank,
            frame: certificate.frame.as_ref().map(|frame| frame.iter().map(|x| [x.re, x.im]).collect()),
            rows: certificate.rows.clone(),
            center: certificate.center.iter().map(|x| [x.re, x.im]).collect(),
            certified: true,
            reality: Some(certificate.reality),
            boxes,
        })
    }
}

/// `moments` and `roots` of what was found: solutions with a proof.
pub(crate) fn fields(set: &EquilibriumSet) -> Value {
    let size = set.exact.size;
    let rows = |data: &[f64]| data.chunks(size).map(<[f64]>::to_vec).collect::<Vec<_>>();
    let directions = set
        .directions
        .as_ref()
        .map(|v| (0..v.nrows()).map(|i| (0..v.ncols()).map(|j| v[(i, j)]).collect()).collect::<Vec<Vec<f64>>>());
    let moments = StoredMoments {
        xx: rows(&set.exact.xx),
        yx: rows(&set.exact.yx),
        weight_decay: set.exact.weight_decay,
        directions,
    };
    let roots: Vec<StoredRoot> =
        set.strata.iter().flat_map(|stratum| &stratum.roots).filter_map(StoredRoot::of).collect();
    json!({ "moments": moments, "roots": roots })
}
