//! `stopgrad completions`: a script for a shell, from the same description that the parser reads.

use clap::CommandFactory as _;
use serde_json::json;

use crate::args::{Arguments, CompletionsArguments};
use crate::outcome::{Outcome, Status, document};

/// The script as text.
pub(super) fn run(asked: &CompletionsArguments) -> Outcome {
    let mut bytes = Vec::new();
    clap_complete::generate(asked.shell, &mut Arguments::command(), "stopgrad", &mut bytes);
    let script = String::from_utf8_lossy(&bytes).into_owned();
    let shell = asked.shell.to_string();
    let document = document("completions", 0, &json!({ "shell": shell }), &[], json!({ "script": script }));
    Outcome { text: script, document, status: Status::Done }
}
