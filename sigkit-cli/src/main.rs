//! `sigkit`: signs container images, and verifies them before they run.

mod args;

mod command;
mod context;
mod environment;
mod error;
mod exit;
mod explain;
mod files;
mod outcome;
mod render;
mod runtime;
mod settings;
mod spool;
mod style;
mod terminal;

use crate::args::cli::Verb;
use crate::context::{Context, Requests};
use crate::environment::Environment;
use crate::exit::ExitCode;
use crate::outcome::Output;
use crate::terminal::printer::{self, Printer};
use crate::terminal::signals::Signals;
use crate::terminal::streams::Stderr;

fn main() -> std::process::ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        Stderr::default()
            .line(&format!("Error: internal error, please report it: {}", panic.to_string().replace('\n', " ")));
    }));
    exit::guarded(run).into()
}

/// Parse, run, print.
fn run() -> ExitCode {
    let environment = Environment::Process;
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let parsed = match args::cli::parse(&arguments, &environment) {
        Ok(parsed) => parsed,
        Err(stopped) => {
            return Printer::new(None, &Context::new(environment, Signals::default())).finish(stopped);
        }
    };
    let signals = match Signals::install() {
        Ok(signals) => signals,
        Err(error) => return printer::failed(&format!("cannot listen for signals: {error}"), ExitCode::Failed),
    };
    context::forbid_core_dumps();
    let requests = if parsed.cli.global.verbose { Requests::Shown } else { Requests::Hidden };
    let context = Context::new(environment, signals)
        .with_requests(requests)
        .with_beliefs(parsed.beliefs)
        .with_timeout(parsed.cli.global.timeout);
    parsed.notes.iter().for_each(|note| context.note(note));
    let global = &parsed.cli.global;
    if let Some(path) = &global.output_file
        && let Err(error) = context.files.reserve("--output-file", path)
    {
        return printer::failed(&error.to_string(), ExitCode::Failed);
    }
    let mut printer = Printer::new(Some(global), &context);
    if matches!(parsed.cli.verb, Verb::Completion(_) | Verb::Man(_) | Verb::Explain(_)) {
        printer = printer.paged();
    }
    let done =
        command::run(parsed.cli.verb, &context, global, &mut printer).unwrap_or_else(|error| Output::failed(&error));
    // Helpers whose answer is no longer needed do not outlive the command.
    sigkit_core::store::credentials::stop_helpers();
    printer.finish(done)
}
