//! What the system says of itself.

use pulp::{Arch, Simd, WithSimd};

/// What was found.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    /// Of the processor, where the system tells it.
    pub(super) model: Option<String>,
    /// Vector instructions that it has, of those that matter here.
    pub(super) offers: Vec<&'static str>,
    /// Vectors that our kernels are run with.
    pub(super) vectors: Vectors,
    /// Threads that the system lets this program run at a time.
    pub(super) threads: usize,
    /// Threads of the pool that does the work.
    pub(super) pool: usize,
    /// Memory, in bytes.
    pub(super) memory: Memory,
    /// The current folder.
    pub(super) folder: String,
    /// Room there, in bytes.
    pub(super) free: Option<u64>,
}

/// Memory, in bytes; none where the system does not tell.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Memory {
    pub(super) total: Option<u64>,
    pub(super) available: Option<u64>,
    /// What a container allows.
    pub(super) limit: Option<u64>,
}

/// Width of the vectors that the kernels are run with, as the dispatcher itself says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vectors {
    /// Doubles a vector.
    pub(super) lanes: usize,
}

impl Machine {
    pub(super) fn look() -> Self {
        let folder = std::env::current_dir().unwrap_or_default();
        Self {
            model: model(),
            offers: offers(),
            vectors: Arch::new().dispatch(Lanes),
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            pool: rayon::current_num_threads(),
            memory: Memory::look(),
            free: free(&folder),
            folder: folder.display().to_string(),
        }
    }
}

struct Lanes;

impl WithSimd for Lanes {
    type Output = Vectors;
    fn with_simd<S: Simd>(self, _: S) -> Vectors {
        Vectors { lanes: S::F64_LANES }
    }
}

impl Vectors {
    pub(super) fn name(self) -> &'static str {
        match (cfg!(target_arch = "x86_64"), self.lanes) {
            (true, 8) => "AVX-512",
            (true, 4) => "AVX2 and FMA",
            (true, _) => "no vectors beyond SSE2",
            (false, 1) => "no vectors",
            (false, _) => "vectors of the processor",
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn offers() -> Vec<&'static str> {
    macro_rules! present {
        ($($name:tt),*) => { [$(($name, std::is_x86_feature_detected!($name))),*] };
    }
    let known = present!(
        "sse4.2",
        "avx",
        "avx2",
        "fma",
        "f16c",
        "avx512f",
        "avx512bw",
        "avx512cd",
        "avx512dq",
        "avx512vl",
        "avx512vnni",
        "avx512bf16",
        "avx512fp16"
    );
    known.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn offers() -> Vec<&'static str> {
    Vec::new()
}

/// Linux tells it; other systems are not asked.
fn model() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    field(&text, "model name").map(str::to_owned)
}

impl Memory {
    fn look() -> Self {
        let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
        let limit = limits.iter().find_map(|path| std::fs::read_to_string(path).ok()?.trim().parse().ok());
        let total = kibibytes(&text, "MemTotal");
        // No limit is written as a number of the size of the address space by the older of the two.
        let limit = limit.filter(|limit| total.is_none_or(|total| *limit < total));
        Self { total, available: kibibytes(&text, "MemAvailable"), limit }
    }
}

fn kibibytes(text: &str, name: &str) -> Option<u64> {
    field(text, name)?.strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kibi| kibi * 1024)
}

/// What stands behind `NAME :` at the start of a line.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(label, _)| label.trim() == name).map(|(_, value)| value.trim())
}

#[cfg(unix)]
fn free(folder: &std::path::Path) -> Option<u64> {
    let system = rustix::fs::statvfs(folder).ok()?;
    system.f_bavail.checked_mul(system.f_frsize)
}

#[cfg(not(unix))]
fn free(_: &std::path::Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_the_system_are_read() {
        let text = "MemTotal:       24574532 kB\nMemAvailable:   23 kB\nHugePages_Total:       0\n";
        assert_eq!(kibibytes(text, "MemTotal"), Some(24_574_532 * 1024));
        assert_eq!(kibibytes(text, "MemAvailable"), Some(23 * 1024));
        assert_eq!(kibibytes(text, "HugePages_Total"), None, "no unit");
        assert_eq!(field("model\t\t: 207\nmodel name\t: A: fast one\n", "model name"), Some("A: fast one"));
    }

    #[test]
    fn this_machine_tells_something() {
        let machine = Machine::look();
        assert!(machine.threads >= 1 && machine.pool >= 1 && machine.vectors.lanes >= 1);
        if cfg!(target_os = "linux") {
            assert!(machine.memory.total > machine.memory.available && machine.free.is_some());
        }
        if machine.vectors.lanes == 8 && cfg!(target_arch = "x86_64") {
            assert!(machine.offers.contains(&"avx512f"), "{:?}", machine.offers);
        }
    }
}
