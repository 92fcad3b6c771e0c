//! The one place that prints what commands hand back.

use std::io::{self, BufWriter, Seek as _, Write as _};
use std::path::Path;

use tempfile::SpooledTempFile;

use crate::args::GlobalArgs;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::ExitCode;
use crate::files::Access;
use crate::outcome::Output;
use crate::terminal::progress::{Manner, Progress, Shown};
use crate::terminal::streams::{IsTerminal, Stderr, Stdout};
use sigkit_core::text::wrap_lines;

/// Results for a file that are kept in memory, in bytes; more of them wait on disk.
const MAX_MEMORY_BYTES: usize = 1024 * 1024;
/// Bytes of a document that are written at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// Prints outputs, in pieces as they come or all at once, so that work on many images holds none that is done.
#[derive(Debug)]
pub(crate) struct Printer<'a> {
    context: &'a Context,
    global: Option<&'a GlobalArgs>,
    results: Results<'a>,
    progress: Option<Progress>,
    exit: ExitCode,
    reader: Reader,
}

/// Who reads results, and whether it matters that all of them arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    /// A program, or a person who counts on them.
    Counting,
    /// A person who pages through a text and may stop: `sigkit man verify | head`.
    Paging,
    /// The pager has ended.
    Gone,
}

/// Where results go.
#[derive(Debug)]
enum Results<'a> {
    /// Opened when there are any.
    Stdout(Option<Stdout>),
    /// The file of `--output-file`, which appears whole or not at all.
    File { path: &'a Path, kept: SpooledTempFile },
}

impl<'a> Printer<'a> {
    /// Prints results as `global` says, which is missing after a usage error.
    pub(crate) fn new(global: Option<&'a GlobalArgs>, context: &'a Context) -> Self {
        let results = match global.and_then(|global| global.output_file.as_deref()) {
            Some(path) => Results::File { path, kept: SpooledTempFile::new(MAX_MEMORY_BYTES) },
            None => Results::Stdout(None),
        };
        // Help, which is not the result of a verb.
        let reader = if global.is_none() { Reader::Paging } else { Reader::Counting };
        Self { context, global, results, progress: None, exit: ExitCode::Done, reader }
    }

    /// Prints a text in which people page, so that no word is lost about a reader that has gone.
    pub(crate) fn paged(self) -> Self {
        Self { reader: Reader::Paging, ..self }
    }

    /// Shows from now on how many of these are done: on a terminal in a line that is drawn again, elsewhere in a plain one when it takes
    /// long, unless the flags say otherwise. `doing` is the verb for people: `SignOptions`.
    pub(crate) fn expect(&mut self, doing: &'static str, names: impl IntoIterator<Item = String>) {
        let environment = &self.context.environment;
        let plain = environment.non_empty("NO_COLOR").is_some()
            || environment.get("TERM").is_none_or(|terminal| terminal == "dumb");
        let manner = if self.global.is_none_or(|global| global.no_progress) {
            Manner::Hidden
        } else if !plain && Stderr::is_terminal() == IsTerminal::Yes {
            Manner::Drawn { columns: self.columns() }
        } else {
            Manner::Told
        };
        self.progress = Some(Progress::new(manner, doing, names));
        self.show_progress();
    }

    /// Prints one piece. What is written to standard output is there before the next piece of work ends.
    ///
    /// # Errors
    /// [`CliError::system`] when results cannot be written, which ends the run.
    pub(crate) fn emit(&mut self, piece: Output) -> Result<(), CliError> {
        self.exit = self.exit.worst(piece.exit);
        let columns = self.columns();
        piece.notes.iter().for_each(|note| self.context.stderr.line(&wrap_lines(note, columns)));
        if !piece.report.is_empty() {
            self.context.stderr.raw(piece.report.as_bytes());
        }
        if piece.has_results() {
            // Both streams may be the same terminal.
            self.context.stderr.end_progress();
            self.write(&piece)?;
        }
        self.show_progress();
        Ok(())
    }

    /// The width of standard error, if it is a terminal.
    pub(crate) fn columns(&self) -> Option<usize> {
        self.context.columns(Stderr::columns())
    }

    /// The piece of this number is done, which need not be the next to be printed.
    pub(crate) fn advance(&mut self, number: usize) {
        if let Some(progress) = &mut self.progress {
            progress.advance(number);
        }
        self.show_progress();
    }

    /// Shows how far the work is by now.
    pub(crate) fn show_progress(&mut self) {
        match self.progress.as_mut().map_or(Shown::Nothing, Progress::show) {
            Shown::Line(line) => self.context.stderr.progress(&line),
            Shown::Note(note) => self.context.stderr.line(&note),
            Shown::Nothing => {}
        }
    }

    /// Prints the last piece and returns the exit code: a failure if anything could not be written.
    pub(crate) fn finish(mut self, last: Output) -> ExitCode {
        self.progress = None;
        self.context.stderr.end_progress();
        let context = self.context;
        let exit = self.exit.worst(last.exit);
        let written = match self.emit(last) {
            Ok(()) => self.close(exit).map_err(Some),
            Err(_) if self.reader == Reader::Gone => Err(None),
            Err(error) => Err(Some(error)),
        };
        match written {
            Err(None) => exit.worst(ExitCode::Failed),
            Err(Some(error)) => failed(&error.to_string(), exit.worst(ExitCode::Failed)),
            Ok(()) if context.stderr.has_failed() => exit.worst(ExitCode::Failed),
            Ok(()) => exit,
        }
    }

    fn write(&mut self, piece: &Output) -> Result<(), CliError> {
        let reader = &mut self.reader;
        let mut write_failed = |error: io::Error| {
            if *reader == Reader::Paging && error.kind() == io::ErrorKind::BrokenPipe {
                *reader = Reader::Gone;
            }
            stdout_failed(error)
        };
        match &mut self.results {
            Results::Stdout(Some(stdout)) => write(stdout, piece).map_err(write_failed),
            Results::Stdout(closed) => {
                let stdout = closed.insert(Stdout::open().map_err(&mut write_failed)?);
                write(stdout, piece).map_err(write_failed)
            }
            Results::File { kept, .. } => write(kept, piece).map_err(kept_failed),
        }
    }

    fn close(self, exit: ExitCode) -> Result<(), CliError> {
        match self.results {
            Results::Stdout(None) => Ok(()),
            Results::Stdout(Some(stdout)) => stdout.finish().map_err(stdout_failed),
            Results::File { path, mut kept } => {
                // A failure that has no results makes no file, and empties the one of an earlier run.
                let nothing = kept.stream_position().map_err(kept_failed)? == 0;
                if nothing && exit != ExitCode::Done && path.symlink_metadata().is_err() {
                    return Ok(());
                }
                kept.rewind().map_err(kept_failed)?;
                Ok(self.context.files.write_from("--output-file", path, kept, Access::Umask)?)
            }
        }
    }
}

fn write(to: &mut dyn io::Write, piece: &Output) -> io::Result<()> {
    to.write_all(&piece.stdout)?;
    // A large document comes in small pieces.
    let mut to = BufWriter::with_capacity(CHUNK_BYTES, to);
    piece.documents.iter().try_for_each(|document| document.write(&mut to))?;
    to.flush()
}

/// Prints why nothing can go on.
pub(crate) fn failed(why: &str, exit: ExitCode) -> ExitCode {
    Stderr::default().line(&format!("Error: {why}"));
    exit
}

fn stdout_failed(error: io::Error) -> CliError {
    CliError::system("write to standard output", error)
}

fn kept_failed(error: io::Error) -> CliError {
    CliError::system("keep results for --output-file", error)
}
