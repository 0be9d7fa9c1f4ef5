//! The graphics processor, asked for once and in a thread of its own: a driver that does not answer must not stop the program.
//!
//! OpenGL is not asked: where a machine offers nothing else, the framework's threads wait for each other forever.

use std::sync::{OnceLock, mpsc};
use std::time::Duration;

use burn::tensor::wgpu::WgpuBackend;
use burn::tensor::{Device as Hardware, Tensor};

use super::DeviceError;

/// As long as a driver may take to answer; compiling the first program is part of it.
const PATIENCE: Duration = Duration::from_secs(30);
/// Best first; those that a system does not have answer no at once.
const INTERFACES: [(WgpuBackend, &str); 3] =
    [(WgpuBackend::Metal, "Metal"), (WgpuBackend::Vulkan, "Vulkan"), (WgpuBackend::Dx12, "DirectX 12")];

/// The first that adds two numbers, with its name.
pub(super) fn first() -> Result<(Hardware, String), DeviceError> {
    // A runtime is set up once in a process.
    static FOUND: OnceLock<Result<(Hardware, String), String>> = OnceLock::new();
    FOUND.get_or_init(ask).clone().map_err(|reason| DeviceError::NoAdapter { reason })
}

fn ask() -> Result<(Hardware, String), String> {
    let (send, receive) = mpsc::channel();
    let asking = std::thread::Builder::new()
        .name("graphics processor".into())
        // Nobody listens any more when the patience is over.
        .spawn(move || send.send(open()).unwrap_or_default())
        .map_err(|error| error.to_string())?;
    match receive.recv_timeout(PATIENCE) {
        Ok(answer) => answer,
        Err(mpsc::RecvTimeoutError::Timeout) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
        Err(mpsc::RecvTimeoutError::Disconnected) => Err(said(asking.join())),
    }
}

fn open() -> Result<(Hardware, String), String> {
    let mut refused = Vec::new();
    for (interface, name) in INTERFACES {
        match Hardware::wgpu_options().graphics_api(interface).init() {
            Ok(hardware) => return add(hardware, name),
            Err(_) => refused.push(name),
        }
    }
    Err(format!("{} name none", refused.join(", ")))
}

fn add(hardware: Hardware, interface: &str) -> Result<(Hardware, String), String> {
    let sum = Tensor::<1>::from_floats([1.0, 2.0], &hardware).sum().into_scalar::<f32>();
    let name = hardware.identity().map_or_else(|| "a graphics processor".to_owned(), |identity| identity.name);
    let name = format!("{name} by {interface}");
    if (sum - 3.0).abs() < f32::EPSILON { Ok((hardware, name)) } else { Err(format!("{name} says that 1 + 2 = {sum}")) }
}

/// What a thread said that ended without an answer.
fn said(ended: std::thread::Result<()>) -> String {
    let Err(panic) = ended else { return "it stopped without a word".into() };
    let text = panic
        .downcast::<String>()
        .map(|text| *text)
        .or_else(|panic| panic.downcast::<&str>().map(|text| (*text).to_owned()));
    let first = text.ok().and_then(|text| text.lines().next().map(str::to_owned));
    first.unwrap_or_else(|| "it stopped without a word".into())
}
