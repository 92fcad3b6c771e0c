//! How many of many.

use std::fmt;

use crate::exit::ExitCode;

/// What a summary says of images that are not verified, in this order.
const WORDS: [(ExitCode, &str); 5] = [
    (ExitCode::NoMatch, "refused"),
    (ExitCode::NoSignatures, "without signatures"),
    (ExitCode::NoSuchImage, "not found"),
    (ExitCode::Undecided, "undecided"),
    (ExitCode::Failed, "failed"),
];

/// Numbers of images by what became of them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    verified: usize,
    let_in: usize,
    others: [usize; WORDS.len()],
}

impl Tally {
    pub(super) fn count(&mut self, exit: ExitCode) {
        let other = WORDS.iter().zip(&mut self.others).find(|((code, _), _)| *code == exit);
        match other {
            Some((_, number)) => *number += 1,
            // A certificate that is missing is a refusal as well.
            None if exit == ExitCode::Done => self.verified += 1,
            None => self.others[0] += 1,
        }
    }

    /// One that the policy lets in without proof.
    pub(super) fn let_in(&mut self) {
        self.let_in += 1;
    }

    pub(super) fn total(&self) -> usize {
        self.verified + self.let_in + self.others.iter().sum::<usize>()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} verified", self.verified, self.total())?;
        if self.let_in > 0 {
            write!(f, ", {} let in without proof", self.let_in)?;
        }
        for ((_, words), number) in WORDS.iter().zip(self.others).filter(|(_, number)| *number > 0) {
            write!(f, ", {number} {words}")?;
        }
        writeln!(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_image_is_counted_once() {
        let mut tally = Tally::default();
        assert_eq!(tally.to_string(), "0 of 0 verified\n");
        for exit in [
            ExitCode::Done,
            ExitCode::NoMatch,
            ExitCode::NoCertificate,
            ExitCode::NoSignatures,
            ExitCode::NoSuchImage,
            ExitCode::Undecided,
            ExitCode::Failed,
            ExitCode::Done,
        ] {
            tally.count(exit);
        }
        tally.let_in();
        let words = "2 of 9 verified, 1 let in without proof, 2 refused, 1 without signatures, 1 not found, 1 undecided, 1 failed\n";
        assert_eq!((tally.to_string().as_str(), tally.total()), (words, 9));
    }
}
