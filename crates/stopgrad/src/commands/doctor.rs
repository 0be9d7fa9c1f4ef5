//! `stopgrad doctor`: what the machine offers, what this program uses of it, and what of it will hurt.
//!
//! Nothing is changed and nothing fails: what the system does not tell is null, and left out for people.

mod machine;
mod products;

use serde_json::{Value, json};

use crate::outcome::{Outcome, Status, document};
use machine::Machine;
use products::Rates;

/// Below this much free memory a run on images is likely to be killed, in bytes.
const LITTLE_MEMORY: u64 = 2 << 30;
/// Below this much room a long comparison is likely to stop, in bytes.
const LITTLE_ROOM: u64 = 1 << 30;

/// Look, measure for a second, tell.
pub(super) fn run() -> Outcome {
    let (machine, rates) = (Machine::look(), Rates::measure());
    let graphics = graphics();
    let warnings = warnings(&machine);
    let mut text = told(&machine, &rates, &graphics);
    text.push('\n');
    for warning in &warnings {
        text.extend(["warning: ", warning, "\n"]);
    }
    if warnings.is_empty() {
        text.push_str("nothing stands in the way\n");
    }
    let own = json!({
        "build": build(),
        "processor": {
            "model": machine.model, "architecture": std::env::consts::ARCH, "offers": machine.offers,
            "kernels_use": machine.vectors.name(), "f64_lanes": machine.vectors.lanes,
        },
        "threads": { "machine": machine.threads, "used": machine.pool },
        "memory": {
            "total_bytes": machine.memory.total, "available_bytes": machine.memory.available,
            "limit_bytes": machine.memory.limit,
        },
        "graphics": match &graphics { Ok(name) => json!({ "name": name }), Err(reason) => json!({ "reason": reason }) },
        "disk": { "folder": machine.folder, "free_bytes": machine.free },
        "products": rates.document(),
        "warnings": warnings,
    });
    let document = document("doctor", 0, &json!({}), &[], own);
    Outcome { text, document, status: Status::Done }
}

fn build() -> Value {
    let known = |text: &'static str| if text.is_empty() { Value::Null } else { json!(text) };
    json!({
        "rustc": known(env!("STOPGRAD_RUSTC")), "profile": env!("STOPGRAD_PROFILE"), "target": env!("STOPGRAD_BUILT_FOR"),
        "train": cfg!(feature = "train"), "wgpu": cfg!(feature = "wgpu"), "faer": known(env!("STOPGRAD_FAER")),
        "burn": if cfg!(feature = "train") { known(env!("STOPGRAD_BURN")) } else { Value::Null },
    })
}

/// The graphics processor of `--device wgpu`, or why there is none.
#[cfg(feature = "train")]
fn graphics() -> Result<String, String> {
    use stopgrad_train::config::{DeviceKind, Precision};
    let opened = stopgrad_train::Device::open(DeviceKind::Wgpu, Precision::F32);
    opened.map(|device| device.name().to_owned()).map_err(|error| match error {
        stopgrad_train::DeviceError::NotBuilt => "none: built for the CPU alone".to_owned(),
        stopgrad_train::DeviceError::NoAdapter { reason } => format!("none found ({reason})"),
        other @ stopgrad_train::DeviceError::Numbers { .. } => other.to_string(),
    })
}

#[cfg(not(feature = "train"))]
fn graphics() -> Result<String, String> {
    Err("none: built without training".into())
}

fn told(machine: &Machine, rates: &Rates, graphics: &Result<String, String>) -> String {
    let burn = if cfg!(feature = "train") { env!("STOPGRAD_BURN") } else { "none, built without training" };
    let mut lines = vec![
        (
            "stopgrad",
            format!(
                "{} for {}, {} build",
                env!("CARGO_PKG_VERSION"),
                env!("STOPGRAD_BUILT_FOR"),
                env!("STOPGRAD_PROFILE")
            ),
        ),
        ("built with", format!("{}; faer {}; burn {burn}", env!("STOPGRAD_RUSTC"), env!("STOPGRAD_FAER"))),
        ("processor", machine.model.clone().unwrap_or_else(|| std::env::consts::ARCH.into())),
        ("it offers", machine.offers.join(" ")),
        ("kernels use", format!("{}, {} doubles at a time", machine.vectors.name(), machine.vectors.lanes)),
        ("graphics", graphics.as_ref().unwrap_or_else(|reason| reason).clone()),
        ("threads", format!("{} of {}", machine.pool, machine.threads)),
    ];
    if let (Some(available), Some(total)) = (machine.memory.available, machine.memory.total) {
        let limit = machine.memory.limit.map(|limit| format!(", limited to {}", size(limit))).unwrap_or_default();
        lines.push(("memory", format!("{} free of {}{limit}", size(available), size(total))));
    }
    if let Some(free) = machine.free {
        lines.push(("disk", format!("{} free in {}", size(free), machine.folder)));
    }
    lines.push(("products", rates.told()));
    let width = lines.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
    lines.retain(|(_, value)| !value.is_empty());
    let lines: Vec<String> = lines.iter().map(|(label, value)| format!("{label:width$}  {value}")).collect();
    lines.join("\n") + "\n"
}

/// What will hurt, each with what to do.
fn warnings(machine: &Machine) -> Vec<String> {
    let mut found = Vec::new();
    if env!("STOPGRAD_PROFILE") != "release" {
        found.push("built without optimization, which is tens of times slower; build with --release".into());
    }
    if !cfg!(feature = "train") {
        found.push(
            "built without training: train, compare, embed and report are missing; build without --no-default-features"
                .into(),
        );
    }
    if cfg!(target_arch = "x86_64") && machine.vectors.lanes < 4 {
        found
            .push("the processor has no AVX2 and FMA; products take several times as long, so plan fewer steps".into());
    }
    if machine.pool < machine.threads {
        found.push(format!(
            "{} of {} threads are used, as RAYON_NUM_THREADS asks for; unset it to use all",
            machine.pool, machine.threads
        ));
    }
    if machine.threads == 1 {
        found.push(
            "one thread: batches are not prepared ahead of the steps; give the program another core if there is one"
                .into(),
        );
    }
    let most = [machine.memory.available, machine.memory.limit].into_iter().flatten().min();
    if let Some(most) = most.filter(|most| *most < LITTLE_MEMORY) {
        found.push(format!(
            "{} of memory are free; sources are held in memory, so close other programs or take a smaller source",
            size(most)
        ));
    }
    if let Some(free) = machine.free.filter(|free| *free < LITTLE_ROOM) {
        found.push(format!(
            "{} are free in {}; free space, or choose a folder on another disk with --out",
            size(free),
            machine.folder
        ));
    }
    found
}

/// Bytes as people say them.
fn size(bytes: u64) -> String {
    let (mebi, gibi) = (bytes as f64 / f64::from(1 << 20), bytes as f64 / f64::from(1 << 30));
    if gibi >= 1.0 { format!("{gibi:.1} GiB") } else { format!("{mebi:.0} MiB") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use machine::{Memory, Vectors};

    fn machine() -> Machine {
        Machine {
            model: None,
            offers: vec!["avx2"],
            vectors: Vectors { lanes: 8 },
            threads: 4,
            pool: 4,
            memory: Memory { total: Some(8 << 30), available: Some(4 << 30), limit: None },
            folder: "here".into(),
            free: Some(9 << 30),
        }
    }

    #[test]
    fn what_hurts_is_told_with_a_remedy() {
        let usual = warnings(&machine()).len();
        let cases: [(Machine, &str); 5] = [
            (Machine { pool: 2, ..machine() }, "unset it"),
            (Machine { threads: 1, pool: 1, ..machine() }, "another core"),
            (
                Machine { memory: Memory { available: Some(1 << 30), ..machine().memory }, ..machine() },
                "1.0 GiB of memory",
            ),
            (
                Machine { memory: Memory { limit: Some(100 << 20), ..machine().memory }, ..machine() },
                "100 MiB of memory",
            ),
            (Machine { free: Some(5 << 20), ..machine() }, "5 MiB are free in here"),
        ];
        for (machine, part) in cases {
            let found = warnings(&machine);
            assert_eq!(found.len(), usual + 1, "{found:?}");
            assert!(found.iter().any(|warning| warning.contains(part)), "{part}: {found:?}");
        }
    }
}
