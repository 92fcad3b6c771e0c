//! What a command hands back, and the one place that prints it.

use std::path::Path;

use crate::context::Context;
use crate::exit::ExitCode;
use crate::files::Access;
use crate::streams::{Stderr, Stdout};

/// The outcome of a command.
#[derive(Debug)]
#[must_use]
pub(crate) struct Output {
    /// Results, for machines.
    pub(crate) stdout: Vec<u8>,
    /// What people should know, before the results; escaped when printed.
    pub(crate) notes: Vec<String>,
    /// A report for people, safe for a terminal already, since it may be coloured.
    pub(crate) report: String,
    /// Exit code.
    pub(crate) exit: ExitCode,
}

impl Output {
    /// Results alone.
    pub(crate) fn result(stdout: impl Into<Vec<u8>>) -> Self {
        Self { stdout: stdout.into(), notes: Vec::new(), report: String::new(), exit: ExitCode::Done }
    }

    /// Words for people alone.
    pub(crate) fn notes(notes: Vec<String>, exit: ExitCode) -> Self {
        Self { stdout: Vec::new(), notes, report: String::new(), exit }
    }
}

/// Prints `output`, its results to `file` if there is one, and returns the exit code: a failure if anything could not be written.
pub(crate) fn print(output: Output, file: Option<&Path>, context: &Context) -> ExitCode {
    output.notes.iter().for_each(|note| context.stderr.line(note));
    context.stderr.raw(output.report.as_bytes());
    let written = match file {
        Some(path) => {
            context.files.write("--output-file", path, &output.stdout, Access::Umask).map_err(|error| error.to_string())
        }
        None if output.stdout.is_empty() => Ok(()),
        None => to_stdout(&output.stdout).map_err(|error| format!("cannot write to standard output: {error}")),
    };
    match written {
        Err(error) => failed(&error, output.exit.worst(ExitCode::Failed)),
        Ok(()) if context.stderr.has_failed() => output.exit.worst(ExitCode::Failed),
        Ok(()) => output.exit,
    }
}

/// Prints why nothing can go on.
pub(crate) fn failed(why: &str, exit: ExitCode) -> ExitCode {
    Stderr::default().line(&format!("Error: {why}"));
    exit
}

fn to_stdout(bytes: &[u8]) -> std::io::Result<()> {
    let mut stdout = Stdout::open()?;
    stdout.write(bytes)?;
    stdout.finish()
}
