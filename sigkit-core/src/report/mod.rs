//! What was checked and how it went: a tree whose verdict is computed, never stored.
//!
//! A [`Report`] is data. It is shown by [`Display`](std::fmt::Display), by [`Report::text`] for a terminal with colors and a width, and as
//! JSON by [`Serialize`](serde::Serialize). Values hold text as it was received; it is escaped when it is shown as text.

mod display;
mod fact;
mod fold;
mod headline;
mod json;
mod others;
mod rows;
mod style;
mod tree;

pub use display::{ReportText, error_line, heading};
pub use fact::{Fact, Waiver};
pub use fold::Verdict;
pub use headline::Headline;
pub(crate) use headline::NOTHING_VERIFIED;
pub use style::{Colors, TextStyle};
pub use tree::{CheckId, Label, Node, Outcome, Report, Rule};
