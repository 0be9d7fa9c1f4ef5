//! Commands that train for about a second, with their sources, and what they write when nothing disturbs them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::abilities::PROGRAM;

/// Small, with checkpoints closer than rows of metrics.
const RUN: &str = "--steps 350 --batch-size 32 --encoder-width 6 --set network.encoder_hidden=[12] \
                   --set training.checkpoint_every=9 --set evaluation.descent_steps=15 --quiet --out out";

/// A command, by what it reads and does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Job {
    TrainDigits,
    TrainLinear,
    CompareDigits,
    TrainTable,
    TrainArray,
    TrainPictures,
    Byol,
    Simsiam,
    Directpred,
    Vicreg,
    Sigreg,
}

impl Job {
    pub(crate) const ALL: [Self; 11] = [
        Self::TrainDigits,
        Self::TrainLinear,
        Self::CompareDigits,
        Self::TrainTable,
        Self::TrainArray,
        Self::TrainPictures,
        Self::Byol,
        Self::Simsiam,
        Self::Directpred,
        Self::Vicreg,
        Self::Sigreg,
    ];
    /// Those that are methods by name.
    pub(crate) const METHODS: [Self; 5] = [Self::Byol, Self::Simsiam, Self::Directpred, Self::Vicreg, Self::Sigreg];
    /// Those that read files.
    pub(crate) const WITH_FILES: [Self; 3] = [Self::TrainTable, Self::TrainArray, Self::TrainPictures];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::TrainDigits => "train digits, ema",
            Self::TrainLinear => "train digits, linear",
            Self::CompareDigits => "compare digits",
            Self::TrainTable => "train a table",
            Self::TrainArray => "train an array",
            Self::TrainPictures => "train a folder of images",
            Self::Byol => "BYOL",
            Self::Simsiam => "SimSiam, several batches a step",
            Self::Directpred => "DirectPred, joint, with VICReg's terms",
            Self::Vicreg => "VICReg",
            Self::Sigreg => "SIGReg",
        }
    }

    /// The file or folder that it reads, if it does.
    pub(crate) fn source(self) -> Option<&'static str> {
        match self {
            Self::TrainTable => Some("rows.csv"),
            Self::TrainArray => Some("rows.npy"),
            Self::TrainPictures => Some("pictures"),
            // Digits are in the program.
            _ => None,
        }
    }

    pub(crate) fn words(self) -> Vec<String> {
        let command = match self {
            Self::TrainDigits => "train digits --field ema",
            Self::TrainLinear => "train digits --field sg --encoder linear",
            Self::CompareDigits => "compare digits --runs sg;ema",
            Self::TrainTable => "train rows.csv --field sg",
            Self::TrainArray => "train rows.npy --field sg",
            Self::TrainPictures => "train pictures --field sg",
            Self::Byol => "train digits --preset byol-small",
            Self::Simsiam => "train digits --preset simsiam-small --set training.accumulate=2",
            Self::Directpred => "train digits --preset directpred-small+joint+vicreg --set network.direct_every=4",
            Self::Vicreg => "train digits --preset vicreg-small",
            Self::Sigreg => "train digits --preset sigreg-small --set objective.sigreg_directions=16",
        };
        command.split_whitespace().chain(RUN.split_whitespace()).map(str::to_owned).collect()
    }

    /// Puts what it reads into a folder; `other` is another content of the same shape.
    pub(crate) fn prepare(self, folder: &Path, other: bool) {
        let shift = usize::from(other);
        let value = |row: usize, column: usize| ((row * 31 + column * 17 + shift * 5) % 101) as f64 / 25.0;
        match self {
            Self::TrainTable => {
                let row = |row: usize| {
                    let cells: Vec<String> = (0..6).map(|column| value(row, column).to_string()).collect();
                    format!("{},{}\n", cells.join(","), ["a", "b"][row % 2])
                };
                let text = "p,q,r,s,t,u,label\n".to_owned() + &(0..240).map(row).collect::<String>();
                fs::write(folder.join("rows.csv"), text).unwrap();
            }
            Self::TrainArray => {
                let values = (0..240 * 6).map(|i| value(i / 6, i % 6)).collect();
                let array = stopgrad_data::NpyArray::new(&[240, 6], stopgrad_data::NpyData::F64(values));
                fs::write(folder.join("rows.npy"), stopgrad_data::npy::encode(&array)).unwrap();
            }
            Self::TrainPictures => {
                for number in 0..60_usize {
                    let class = folder.join("pictures").join(["cat", "dog"][number % 2]);
                    fs::create_dir_all(&class).unwrap();
                    let color = |x: u32, y: u32| image::Rgb([x as u8 * 7, y as u8 * 7, (number * 4 + shift * 2) as u8]);
                    image::RgbImage::from_fn(33, 32, color).save(class.join(format!("{number:02}.png"))).unwrap();
                }
            }
            _ => {}
        }
    }
}

/// What a job writes when nothing disturbs it.
pub(crate) struct Reference {
    folder: tempfile::TempDir,
    /// How long it took.
    pub(crate) time: Duration,
    /// What its folder holds, in bytes.
    pub(crate) size: u64,
}

impl Reference {
    pub(crate) fn make(job: Job) -> Self {
        let folder = tempfile::tempdir().unwrap();
        job.prepare(folder.path(), false);
        let began = Instant::now();
        let output = Command::new(PROGRAM).args(job.words()).current_dir(folder.path()).output().unwrap();
        let time = began.elapsed();
        assert!(output.status.success(), "{}: {}", job.name(), String::from_utf8_lossy(&output.stderr));
        let size = files(&folder.path().join("out")).iter().map(|path| path.metadata().unwrap().len()).sum();
        Self { folder, time, size }
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }
}

/// Every file below a folder, at any depth.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut left) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { left.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

pub(crate) fn copy_folder(from: &Path, to: &Path) {
    for path in files(from) {
        let target = to.join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(path, target).unwrap();
    }
}
