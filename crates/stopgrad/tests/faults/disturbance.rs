//! The faults: what each does to a run, and what the run may do then.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use super::Draws;
use super::abilities::{Abilities, Mount, NOBODY, PROGRAM, succeeds};
use super::checks::{self, Standing};
use super::ending::{Ending, kill, shell, wait, wait_until};
use super::jobs::{Job, Reference, files};

/// Signal 9.
const KILLED: i32 = 9;
/// Words of a message that say what to do next.
const REMEDIES: [&str; 9] = [
    "check the path",
    "correct",
    "free space",
    "--out",
    "fix the permissions",
    "start again",
    "check that",
    "copy it again",
    "bring back",
];

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Kill,
    KillAtTheEnd,
    FullDisk,
    FileLimit,
    SourceVanishes,
    SourceChanges,
    ReadOnly,
    Forbidden,
    Clock,
    Memory,
}

impl Fault {
    pub(crate) const ALL: [Self; 10] = [
        Self::Kill,
        Self::KillAtTheEnd,
        Self::FullDisk,
        Self::FileLimit,
        Self::SourceVanishes,
        Self::SourceChanges,
        Self::ReadOnly,
        Self::Forbidden,
        Self::Clock,
        Self::Memory,
    ];

    /// A job that the fault can strike.
    pub(crate) fn job(self, draws: &mut Draws) -> Job {
        match self {
            Self::SourceVanishes | Self::SourceChanges => draws.one_of(&Job::WITH_FILES),
            _ => draws.one_of(&Job::ALL),
        }
    }
}

/// A fault, and the job that it strikes.
pub(crate) struct Strike<'a> {
    pub(crate) fault: Fault,
    pub(crate) job: Job,
    pub(crate) reference: &'a Reference,
    pub(crate) abilities: &'a Abilities,
}

/// What a round was, and how the disturbed programs ended.
pub(crate) struct Ends {
    pub(crate) kind: String,
    pub(crate) ended: Vec<String>,
}

impl Strike<'_> {
    /// One round in a folder of its own; panics where a promise is broken.
    pub(crate) fn round(&self, draws: &mut Draws) -> Ends {
        let here = tempfile::tempdir().unwrap();
        let place = here.path();
        fs::set_permissions(place, Permissions::from_mode(0o755)).unwrap();
        self.job.prepare(place, false);
        let out = place.join("out");
        let mount = self.mount(&out, draws);
        let early = self.is_early(draws);
        if early {
            let child = self.start(place, &[]);
            std::thread::sleep(self.moment(draws, 0.7));
            kill(child);
        }
        checks::readable(&out).unwrap();
        let before = Standing::of(&out);
        let (kind, endings) = self.strike(place, mount.as_ref(), draws);
        for ending in &endings {
            self.check(ending);
        }
        checks::readable(&out).unwrap();
        if let Some(lost) = Standing::of(&out).lost_since(&before) {
            panic!("{lost}; {endings:?}");
        }
        if let Some(mount) = &mount {
            mount.remount("rw,size=65536k");
        }
        let last = Ending::of(&wait(self.start(place, &[])));
        assert!(matches!(last, Ending::Done), "without the fault: {last:?} after {endings:?}");
        if let Some(difference) = checks::difference(&self.reference.out(), &out) {
            panic!("{difference} after {endings:?}");
        }
        checks::clock_goes_forward(&out);
        Ends { kind, ended: endings.iter().map(Ending::in_a_word).collect() }
    }

    /// Whether the run has begun, and was killed, before the fault strikes.
    fn is_early(&self, draws: &mut Draws) -> bool {
        match self.fault {
            Fault::FullDisk => false,
            Fault::ReadOnly => true,
            _ => draws.below(2) == 0,
        }
    }

    fn mount(&self, out: &Path, draws: &mut Draws) -> Option<Mount> {
        let kibibytes = match self.fault {
            // From hardly a file to room for all.
            Fault::FullDisk => 8 + (draws.unit() * 1.5 * self.reference.size as f64 / 1024.0) as u64,
            Fault::ReadOnly => 65536,
            _ => return None,
        };
        fs::create_dir(out).unwrap();
        if self.abilities.mounts { Mount::new(out, kibibytes) } else { None }
    }

    fn strike(&self, place: &Path, mount: Option<&Mount>, draws: &mut Draws) -> (String, Vec<Ending>) {
        let (name, endings) = match self.fault {
            Fault::Kill => ("kill -9 at a random moment", self.kills(place, draws)),
            Fault::KillAtTheEnd => ("kill -9 while the results are written", vec![self.kill_at_the_end(place, draws)]),
            Fault::FullDisk if mount.is_some() => {
                ("full disk (a file system of that size)", vec![self.run(place, &[])])
            }
            Fault::FullDisk | Fault::FileLimit => {
                let largest =
                    files(&self.reference.out()).iter().map(|path| path.metadata().unwrap().len()).max().unwrap();
                // In blocks of 512 bytes (dash) or 1024 (bash).
                let blocks = 1 + (draws.unit() * largest as f64 / 512.0) as u64;
                ("no room for a file (its size limited)", vec![self.run(place, &shell(&format!("ulimit -f {blocks}")))])
            }
            Fault::SourceVanishes => ("source vanishes", self.vanishing(place, draws)),
            Fault::SourceChanges => ("source changes or is cut", self.changing(place, draws)),
            Fault::ReadOnly => match mount {
                Some(mount) => {
                    mount.remount("ro");
                    ("read-only folder (file system)", vec![self.run(place, &[])])
                }
                None => ("read-only folder (permissions)", self.forbidden(place, Duration::ZERO)),
            },
            Fault::Forbidden => {
                let moment = self.moment(draws, 1.0);
                ("folder becomes read-only while written", self.forbidden(place, moment))
            }
            Fault::Clock => self.clocks(place, draws),
            Fault::Memory => {
                // Log-uniform from 16 MiB, where not even threads start, to 4 GiB.
                let kibibytes = (16.0 * 1024.0 * 256_f64.powf(draws.unit())) as u64;
                (
                    "out of memory (address space limited)",
                    vec![self.run(place, &shell(&format!("ulimit -v {kibibytes}")))],
                )
            }
        };
        (name.into(), endings)
    }

    fn kills(&self, place: &Path, draws: &mut Draws) -> Vec<Ending> {
        let kill_once = |_| {
            let child = self.start(place, &[]);
            std::thread::sleep(self.moment(draws, 1.05));
            Ending::of(&kill(child))
        };
        (0..3).map(kill_once).collect()
    }

    /// Just after one of the last files has appeared.
    fn kill_at_the_end(&self, place: &Path, draws: &mut Draws) -> Ending {
        let names =
            ["spectra.npz", "verdict.json", "run.json", "metrics.parquet", "report.html", "report.json", "figures"];
        let name = draws.one_of(&names);
        let run = if self.job == Job::CompareDigits {
            place.join("out").join(draws.one_of(&["sg", "ema", "."]))
        } else {
            place.join("out")
        };
        let mut child = self.start(place, &[]);
        wait_until(&mut child, || run.join(name).exists());
        std::thread::sleep(Duration::from_micros((draws.unit() * 3000.0) as u64));
        Ending::of(&kill(child))
    }

    /// The source is moved away, or some of its files are, while a run reads or trains.
    fn vanishing(&self, place: &Path, draws: &mut Draws) -> Vec<Ending> {
        let source = place.join(self.job.source().unwrap());
        // A folder that loses files before it is looked at is another folder, and no fault.
        let child = if source.is_dir() { self.start_planned(place) } else { self.start(place, &[]) };
        std::thread::sleep(self.moment(draws, if source.is_dir() { 0.8 } else { 0.2 }));
        if source.is_dir() && draws.below(2) == 0 {
            visible(&source).iter().step_by(3).for_each(|path| fs::remove_file(path).unwrap());
        } else {
            fs::rename(&source, place.join("away")).unwrap();
        }
        let first = Ending::of(&wait(child));
        let second = self.run(place, &[]);
        assert!(matches!(second, Ending::Told(_)), "a source that has vanished was not missed: {second:?}");
        self.job.prepare(place, false);
        vec![first, second]
    }

    /// The source is replaced or cut while a run trains; the run is killed, and started again on what is there now.
    fn changing(&self, place: &Path, draws: &mut Draws) -> Vec<Ending> {
        let child = self.start_planned(place);
        std::thread::sleep(self.moment(draws, 0.8));
        if draws.below(2) == 0 {
            self.job.prepare(place, true);
        } else {
            let source = place.join(self.job.source().unwrap());
            let cut = visible(&source).first().cloned().unwrap_or(source);
            let bytes = fs::read(&cut).unwrap();
            // At least half is left: a table of a few rows would be refused for that.
            fs::write(&cut, &bytes[..(bytes.len() as f64 * (0.5 + draws.unit() / 2.0)) as usize]).unwrap();
        }
        let first = if draws.below(2) == 0 { Ending::of(&kill(child)) } else { Ending::of(&wait(child)) };
        let second = self.run(place, &[]);
        assert!(matches!(second, Ending::Told(_)), "a run went on with another source: {second:?}");
        self.job.prepare(place, false);
        vec![first, second]
    }

    /// As a user who has no more right to write, which root always has.
    fn forbidden(&self, place: &Path, moment: Duration) -> Vec<Ending> {
        let root = succeeds("sh", &["-c", "test $(id -u) = 0"]);
        let wrapper: &[&str] =
            if root { &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] } else { &[] };
        if root && !self.abilities.other_user {
            return Vec::new();
        }
        let all = |user: u32| {
            let below = files(place).into_iter().chain(folders(place));
            below.for_each(|path| chown(path, Some(user), Some(user)).unwrap());
        };
        if root {
            all(NOBODY);
        }
        let child = self.start(place, &wrapper.iter().map(ToString::to_string).collect::<Vec<_>>());
        std::thread::sleep(moment);
        let locked = folders(&place.join("out"));
        set_modes(&locked, 0o555);
        let ending = Ending::of(&wait(child));
        set_modes(&locked, 0o755);
        if root {
            all(0);
        }
        vec![ending]
    }

    /// One part under a clock that is 58 days ahead, the files dated long ago or in the future, the rest under this one.
    fn clocks(&self, place: &Path, draws: &mut Draws) -> (&'static str, Vec<Ending>) {
        let ahead = ["unshare", "-T", "--monotonic", "5000000", "--boottime", "5000000"].map(str::to_owned);
        let (name, wrapper) = if self.abilities.clocks {
            ("clock jumps (time namespace, file times)", &ahead[..])
        } else {
            ("clock jumps (file times only)", &[][..])
        };
        let child = self.start(place, wrapper);
        std::thread::sleep(self.moment(draws, 0.9));
        let ending = Ending::of(&kill(child));
        for path in files(place) {
            let years = draws.one_of(&[-40_i64, 0, 80]);
            let seconds = Duration::from_secs(years.unsigned_abs() * 31_557_600);
            let now = SystemTime::now();
            let time = if years < 0 { now - seconds } else { now + seconds };
            File::options().append(true).open(path).unwrap().set_modified(time).unwrap();
        }
        (name, vec![ending])
    }

    /// What a program may do under this fault.
    fn check(&self, ending: &Ending) {
        // Every file that is written lies in the folder `out`.
        let places = match self.fault {
            Fault::SourceVanishes | Fault::SourceChanges => vec![self.job.source().unwrap()],
            _ => vec!["out/", "folder out;"],
        };
        match ending {
            Ending::Done => assert!(self.fault != Fault::ReadOnly, "written where nothing can be written"),
            // Memory may be refused anywhere, to the shell too.
            Ending::Told(_) if self.fault == Fault::Memory => {}
            Ending::Told(message) => {
                assert!(message.contains("error: ") && !message.contains("panicked"), "{message}");
                assert!(places.iter().any(|place| message.contains(place)), "it does not say where: {message}");
                assert!(
                    REMEDIES.iter().any(|remedy| message.contains(remedy)),
                    "it does not say what to do: {message}"
                );
            }
            Ending::Died(said) => {
                let killed =
                    matches!(self.fault, Fault::Kill | Fault::KillAtTheEnd | Fault::SourceChanges | Fault::Clock);
                let expected = (killed && said.starts_with(&format!("signal {KILLED}"))) || self.fault == Fault::Memory;
                assert!(expected, "{said}");
            }
        }
    }

    fn moment(&self, draws: &mut Draws, share: f64) -> Duration {
        self.reference.time.mul_f64(share * draws.unit())
    }

    fn start(&self, place: &Path, wrapper: &[String]) -> Child {
        let mut words: Vec<String> = wrapper.to_vec();
        words.push(PROGRAM.into());
        words.extend(self.job.words());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).current_dir(place).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().expect("the program starts")
    }

    /// Started, and past its planning: what it will read is known.
    fn start_planned(&self, place: &Path) -> Child {
        let mut child = self.start(place, &[]);
        wait_until(&mut child, || place.join("out/command.json").exists());
        child
    }

    fn run(&self, place: &Path, wrapper: &[String]) -> Ending {
        Ending::of(&wait(self.start(place, wrapper)))
    }
}

/// The files of a source that hold samples: an index beside them, if there is one, may be made again.
fn visible(source: &Path) -> Vec<PathBuf> {
    let hidden = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    files(source).into_iter().filter(|path| !hidden(path)).collect()
}

/// A folder and all below it.
fn folders(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut left) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten() {
            left.extend(entry.ok().map(|entry| entry.path()).filter(|path| path.is_dir()));
        }
        found.push(next);
    }
    found.retain(|path| path.exists());
    found
}

/// Folders that are gone by now, as a checkpoint on its way is, do not matter.
fn set_modes(folders: &[PathBuf], mode: u32) {
    for folder in folders {
        let _ = fs::set_permissions(folder, Permissions::from_mode(mode));
    }
}
