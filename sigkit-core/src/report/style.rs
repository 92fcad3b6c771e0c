//! How text is shown: with which colors, and how wide.

use super::{Outcome, Verdict};

/// Colors and width of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextStyle {
    colors: Colors,
    columns: Option<usize>,
}

/// Whether text has colors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Colors {
    /// With control sequences of ECMA-48.
    On,
    /// Without.
    Off,
}

impl TextStyle {
    /// Without colors, in lines as long as they are.
    pub const PLAIN: Self = Self::new(None, Colors::Off);

    /// The style of a terminal of so many columns; without a number, lines are as long as they are.
    pub const fn new(columns: Option<usize>, colors: Colors) -> Self {
        Self { colors, columns }
    }

    /// Returns the width of the terminal; `None` where lines may be as long as they are.
    pub const fn columns(self) -> Option<usize> {
        self.columns
    }

    pub(super) fn outcome(self, outcome: &Outcome) -> String {
        match outcome {
            Outcome::Pass(_) => self.paint("✓", "32"),
            Outcome::Fail(_) => self.paint("✗", "31"),
            Outcome::Skip(_) => self.neutral(),
            Outcome::Unknown(_) => self.paint("?", "33"),
        }
    }

    /// The mark of what is neither good nor bad.
    pub(super) fn neutral(self) -> String {
        self.paint("-", "2")
    }

    /// Returns the mark of a verdict, one column wide.
    pub fn mark(self, verdict: Verdict) -> String {
        match verdict {
            Verdict::Verified => self.paint("✓", "32"),
            Verdict::Allowed => self.paint("!", "33"),
            Verdict::Rejected => self.paint("✗", "31"),
            Verdict::Undecided => self.paint("?", "33"),
        }
    }

    /// Returns the verdict in capital letters.
    pub fn verdict(self, verdict: Verdict) -> String {
        let color = match verdict {
            Verdict::Verified => "32;1",
            Verdict::Rejected => "31;1",
            Verdict::Allowed | Verdict::Undecided => "33;1",
        };
        self.paint(words(verdict), color)
    }

    fn paint(self, text: &str, code: &str) -> String {
        match self.colors {
            Colors::On => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Colors::Off => text.to_owned(),
        }
    }
}

/// The verdict in capital letters, without color.
pub(super) const fn words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Verified => "VERIFIED",
        Verdict::Allowed => "ALLOWED WITHOUT VERIFICATION",
        Verdict::Rejected => "REJECTED",
        Verdict::Undecided => "UNDECIDED",
    }
}
