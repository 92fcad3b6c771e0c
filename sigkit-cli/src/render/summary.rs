//! How many of many, and which of them not.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::exit::ExitCode;
use sigkit_core::text::escape;
use sigkit_core::text::wrap;

/// What a summary says of images of which not all is done, in this order.
const WORDS: [(ExitCode, &str); 5] = [
    (ExitCode::NoMatch, "rejected"),
    (ExitCode::NoSignatures, "without signatures"),
    (ExitCode::NoSuchImage, "not found"),
    (ExitCode::Undecided, "undecided"),
    (ExitCode::Failed, "failed"),
];

/// Names that are repeated; of the others only the number is kept.
const MAX_NAMED: usize = 100;

/// Numbers of images by what became of them, and the names of those that failed.
#[derive(Clone, Debug)]
pub(crate) struct Summary {
    /// What is done to them: `verified`.
    done: &'static str,
    successes: usize,
    allowed: usize,
    others: [usize; WORDS.len()],
    /// By their numbers, and of those of one number in the order counted.
    named: BTreeMap<(usize, usize), String>,
}

impl Summary {
    /// None yet, of what is `done` to each.
    pub(crate) const fn new(done: &'static str) -> Self {
        Self { done, successes: 0, allowed: 0, others: [0; WORDS.len()], named: BTreeMap::new() }
    }

    /// Another one, in any order of the numbers, and why not.
    pub(crate) fn count(&mut self, number: usize, exit: ExitCode, name: &str, why: &str) {
        if exit == ExitCode::Done {
            self.successes = self.successes.saturating_add(1);
            return;
        }
        let known = WORDS.iter().position(|(code, _)| *code == exit);
        // A certificate that is missing is a rejection as well.
        if let Some(others) = self.others.get_mut(known.unwrap_or_default()) {
            *others = others.saturating_add(1);
        }
        self.name(number, name, why);
    }

    /// One that the policy allows without verification.
    pub(crate) fn allowed(&mut self, number: usize, name: &str) {
        self.allowed = self.allowed.saturating_add(1);
        self.name(number, name, "allowed without verification");
    }

    fn name(&mut self, number: usize, name: &str, why: &str) {
        let counted = self.total();
        self.named.insert((number, counted), format!("{}: {why}", escape::one_line(name)));
        if self.named.len() > MAX_NAMED {
            self.named.pop_last();
        }
    }

    fn total(&self) -> usize {
        self.others.iter().fold(self.successes.saturating_add(self.allowed), |sum, number| sum.saturating_add(*number))
    }

    /// Lines for people, escaped, as wide as a terminal; nothing where there was one image only.
    pub(crate) fn text(&self, columns: Option<usize>) -> String {
        let total = self.total();
        if total < 2 {
            return String::new();
        }
        let mut text = format!("{} of {total} {}", self.successes, self.done);
        if self.allowed > 0 {
            text.push_str(&format!(", {} allowed without verification", self.allowed));
        }
        for ((_, words), number) in WORDS.iter().zip(self.others).filter(|(_, number)| *number > 0) {
            text.push_str(&format!(", {number} {words}"));
        }
        text = wrap(&text, 0, 2, columns).join("\n  ") + "\n";
        if self.named.is_empty() {
            return text;
        }
        // Writing to a String cannot fail.
        writeln!(text, "Not {}:", self.done).unwrap_or_default();
        for line in self.named.values() {
            writeln!(text, "  {}", wrap(line, 2, 4, columns).join("\n    ")).unwrap_or_default();
        }
        let more = total.saturating_sub(self.successes).saturating_sub(self.named.len());
        if more > 0 {
            writeln!(text, "  and {more} more").unwrap_or_default();
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_image_is_counted_once_and_failures_are_named() {
        let mut summary = Summary::new("verified");
        assert_eq!(summary.text(None), "");
        for (number, exit) in [
            ExitCode::Done,
            ExitCode::NoMatch,
            ExitCode::NoCertificate,
            ExitCode::NoSignatures,
            ExitCode::NoSuchImage,
            ExitCode::Undecided,
            ExitCode::Failed,
            ExitCode::Done,
        ]
        .into_iter()
        .enumerate()
        {
            // Those that are done last are named in their place all the same.
            summary.count(7 - number, exit, &format!("image{}", 7 - number), "code");
        }
        summary.allowed(8, "al\u{7}lowed");
        let words = "2 of 9 verified, 1 allowed without verification, 2 rejected, 1 without signatures, 1 not found, 1 undecided, 1 failed\n\
                     Not verified:\n  image1: code\n  image2: code\n  image3: code\n  image4: code\n  image5: code\n  image6: code\n  \
                     al\\u{7}lowed: allowed without verification\n";
        assert_eq!(summary.text(None), words);
        let mut many = Summary::new("signed");
        (0..150).rev().for_each(|number| many.count(number, ExitCode::Undecided, &number.to_string(), "timed-out"));
        let text = many.text(None);
        assert!(text.starts_with("0 of 150 signed, 150 undecided\nNot signed:\n  0: timed-out\n"), "{text}");
        assert!(text.ends_with("  99: timed-out\n  and 50 more\n"), "{text}");
        let mut one = Summary::new("signed");
        one.count(0, ExitCode::Failed, "image", "code");
        assert_eq!(one.text(None), "");
    }
}
