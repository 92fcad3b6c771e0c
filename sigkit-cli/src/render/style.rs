//! How a stream shows text: with which colours, and how wide.

use sigkit_core::report::{Outcome, Verdict};

use crate::context::Context;
use crate::terminal::streams::{IsTerminal, Stderr, Stdout};

/// Colours and width.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    colour: Colour,
    /// The width of the terminal; `None` where lines may be as long as they are.
    pub(super) columns: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Colour {
    On,
    Off,
}

impl Style {
    /// That of standard output.
    pub(super) fn of_stdout(context: &Context) -> Self {
        Self::new(Stdout::is_terminal(), context.columns(Stdout::columns()), context)
    }

    /// That of standard error.
    pub(super) fn of_stderr(context: &Context) -> Self {
        Self::new(Stderr::is_terminal(), context.columns(Stderr::columns()), context)
    }

    /// Colours for a stream that a person watches, unless `NO_COLOR` says otherwise.
    fn new(watched: IsTerminal, columns: Option<usize>, context: &Context) -> Self {
        let wanted = watched == IsTerminal::Yes && context.environment.non_empty("NO_COLOR").is_none();
        Self { colour: if wanted { Colour::On } else { Colour::Off }, columns }
    }

    pub(super) fn outcome(self, outcome: &Outcome) -> String {
        match outcome {
            Outcome::Pass(_) => self.paint("✓", "32"),
            Outcome::Fail(_) => self.paint("✗", "31"),
            Outcome::Skip(_) => self.paint("-", "2"),
            Outcome::Unknown(_) => self.paint("?", "33"),
        }
    }

    /// The mark of what is neither good nor bad.
    pub(super) fn remark(self) -> String {
        self.paint("-", "2")
    }

    pub(super) fn mark(self, verdict: Verdict) -> String {
        match verdict {
            Verdict::Verified => self.paint("✓", "32"),
            Verdict::Allowed => self.paint("!", "33"),
            Verdict::Rejected => self.paint("✗", "31"),
            Verdict::Undecided => self.paint("?", "33"),
        }
    }

    pub(super) fn verdict(self, verdict: Verdict) -> String {
        match verdict {
            Verdict::Verified => self.paint("VERIFIED", "32;1"),
            Verdict::Allowed => self.paint("ALLOWED WITHOUT VERIFICATION", "33;1"),
            Verdict::Rejected => self.paint("REJECTED", "31;1"),
            Verdict::Undecided => self.paint("UNDECIDED", "33;1"),
        }
    }

    fn paint(self, text: &str, code: &str) -> String {
        match self.colour {
            Colour::On => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Colour::Off => text.to_owned(),
        }
    }
}
