//! Why a file of PyTorch cannot be read.

use std::path::PathBuf;

use thiserror::Error;

/// A `.pt` file that cannot be read.
#[derive(Debug, Error)]
pub enum TorchFileError {
    /// The operating system refused.
    #[error("{path}: {cause}; check that the path exists and may be read")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// The archive itself is damaged.
    #[error("{path} is no file of torch.save ({cause}); copy it again, or save it again with torch.save")]
    Archive {
        /// The file.
        path: PathBuf,
        /// What the archive reader said.
        #[source]
        cause: zip::result::ZipError,
    },
    /// Of another time.
    #[error("{path} was saved by a PyTorch before 1.6; load it there and save it again, or write it with safetensors")]
    Old {
        /// The file.
        path: PathBuf,
    },
    /// Of another machine.
    #[error("{path} was saved on a big-endian machine, which is not read; write it with safetensors there")]
    ByteOrder {
        /// The file.
        path: PathBuf,
    },
    /// A part is not there or cannot be unpacked.
    #[error("{path}: its part `{name}` is missing or damaged; copy it again, or save it again with torch.save")]
    Entry {
        /// The file.
        path: PathBuf,
        /// The part.
        name: String,
    },
    /// The program in it is not one of those that are followed.
    #[error("{path}: {cause}")]
    Pickle {
        /// The file.
        path: PathBuf,
        /// What it would have done, or what is wrong.
        #[source]
        cause: PickleError,
    },
    /// Dictionaries without end.
    #[error(
        "{path}: its dictionaries lie more than 8 deep, or hold one another many times; save model.state_dict() alone"
    )]
    Nested {
        /// The file.
        path: PathBuf,
    },
    /// Nothing of use.
    #[error("{path} holds no dictionary of tensors; save model.state_dict()")]
    NoTensors {
        /// The file.
        path: PathBuf,
    },
    /// A tensor and its numbers do not fit.
    #[error("{path}: tensor `{name}` {what}; the file is damaged, copy it again")]
    Tensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// What is wrong.
        what: &'static str,
    },
}

/// A pickle that is not followed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PickleError {
    /// It names something that is no part of a tensor.
    #[error(
        "asks for `{name}`, which would be a program to run; save model.state_dict() alone, with torch.save or safetensors"
    )]
    Global {
        /// Module and name.
        name: String,
    },
    /// It has an instruction that `torch.save` writes for no dictionary of tensors.
    #[error(
        "has the instruction 0x{code:02x} at byte {place}, which no dictionary of tensors needs; save model.state_dict() alone"
    )]
    Instruction {
        /// The instruction.
        code: u8,
        /// Where.
        place: usize,
    },
    /// It is cut off, or what an instruction takes is not there.
    #[error("is damaged at byte {place} of its pickle; copy it again, or save it again with torch.save")]
    Damaged {
        /// Where.
        place: usize,
    },
}
