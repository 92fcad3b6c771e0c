//! How a stream shows text: with which colours, and how wide.

use sigkit_core::report::{Outcome, Verdict};

/// Colours and width.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    colour: Colour,
    /// The width of the terminal; `None` where lines may be as long as they are.
    pub(crate) columns: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    /// With colours.
    On,
    /// Without.
    Off,
}

/// Those of both streams.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Styles {
    /// Of standard output.
    pub(crate) stdout: Style,
    /// Of standard error.
    pub(crate) stderr: Style,
}

impl Style {
    /// The style of a terminal of so many columns, or of a stream that is not a terminal.
    pub(crate) const fn new(columns: Option<usize>, colour: Colour) -> Self {
        Self { colour, columns }
    }

    /// Whether a person watches.
    pub(crate) const fn is_watched(self) -> bool {
        self.columns.is_some()
    }

    pub(crate) fn outcome(self, outcome: &Outcome) -> String {
        match outcome {
            Outcome::Pass(_) => self.paint("✓", "32"),
            Outcome::Fail(_) => self.paint("✗", "31"),
            Outcome::Skip(_) => self.paint("-", "2"),
            Outcome::Unknown(_) => self.paint("?", "33"),
        }
    }

    /// The mark of what is neither good nor bad.
    pub(crate) fn remark(self) -> String {
        self.paint("-", "2")
    }

    pub(crate) fn mark(self, verdict: Verdict) -> String {
        match verdict {
            Verdict::Verified => self.paint("✓", "32"),
            Verdict::Allowed => self.paint("!", "33"),
            Verdict::Rejected => self.paint("✗", "31"),
            Verdict::Undecided => self.paint("?", "33"),
        }
    }

    pub(crate) fn verdict(self, verdict: Verdict) -> String {
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
