//! Parse, check, call, report, exit status.

use std::process::ExitCode;

use clap::Parser;
use stopgrad::args::{self, Arguments};
use stopgrad::output::{self, Output};
use stopgrad::{CommandError, commands};

#[cfg(feature = "train")]
mod allocator;

/// The call or the input is wrong.
const WRONG: u8 = 2;

fn main() -> ExitCode {
    #[cfg(feature = "train")]
    allocator::keep_memory();
    if let Err(error) = args::check_text(std::env::args_os()) {
        output::error(&error);
        return ExitCode::from(WRONG);
    }
    let arguments = Arguments::parse();
    let output = Output::new(arguments.json, arguments.quiet);
    let answered = commands::run(&arguments, output).and_then(|outcome| {
        output.result(&outcome.text, &outcome.document).map_err(CommandError::Output)?;
        Ok(outcome.status)
    });
    match answered {
        Ok(status) => ExitCode::from(status.code()),
        Err(error) => {
            output::error(&error);
            ExitCode::from(WRONG)
        }
    }
}
