//! What a command hands back.

pub(crate) mod unresolved;
pub(crate) mod verification;

use crate::error::CliError;
use crate::exit::ExitCode;
use crate::spool::Document;

/// The outcome of a command, or of one piece of its work.
#[derive(Debug)]
#[must_use]
pub(crate) struct Output {
    /// Results, for machines.
    pub(crate) stdout: Vec<u8>,
    /// More of them, which may be large.
    pub(crate) documents: Vec<Document>,
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
        Self {
            stdout: stdout.into(),
            documents: Vec::new(),
            notes: Vec::new(),
            report: String::new(),
            exit: ExitCode::Done,
        }
    }

    /// Why a command failed.
    pub(crate) fn failed(error: &CliError) -> Self {
        Self::notes(vec![format!("Error: {error}")], error.kind().into())
    }

    /// Words for people alone.
    pub(crate) fn notes(notes: Vec<String>, exit: ExitCode) -> Self {
        Self { notes, exit, ..Self::result(Vec::new()) }
    }

    /// Whether there are results.
    pub(crate) fn has_results(&self) -> bool {
        !self.stdout.is_empty() || !self.documents.is_empty()
    }
}
