//! What a sweep counts.

use std::fmt;
use std::time::Duration;

/// Cases that are told in full when something is wrong.
const TOLD: usize = 12;

#[derive(Debug, Default)]
pub(crate) struct OutcomeCounts {
    requests: usize,
    faults: usize,
    runs: usize,
    pub(crate) as_usual: usize,
    pub(crate) slowest: Duration,
    /// Said to be verified, signed or logged in, and is not.
    false_successes: usize,
    /// Signatures of others that are gone.
    lost: usize,
    hangs: usize,
    /// Said to be unsigned, where all that happened was that nothing could be read.
    false_refusals: usize,
    /// Not signed once, exactly, after another run without faults.
    unfinished: usize,
    cases: Vec<String>,
}

/// What can be wrong with a run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wrong {
    FalseSuccess,
    Lost(usize),
    Hang,
    FalseRefusal,
    Unfinished,
}

impl OutcomeCounts {
    pub(crate) fn new(requests: usize, faults: usize) -> Self {
        Self { requests, faults, ..Self::default() }
    }

    /// Of one run.
    pub(crate) fn one() -> Self {
        Self { runs: 1, ..Self::default() }
    }

    pub(crate) fn note(&mut self, wrong: Wrong, case: &str) {
        match wrong {
            Wrong::FalseSuccess => self.false_successes += 1,
            Wrong::Lost(count) => self.lost += count,
            Wrong::Hang => self.hangs += 1,
            Wrong::FalseRefusal => self.false_refusals += 1,
            Wrong::Unfinished => self.unfinished += 1,
        }
        if self.cases.len() < TOLD {
            self.cases.push(format!("{wrong:?}: {case}"));
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.runs += other.runs;
        self.as_usual += other.as_usual;
        self.slowest = self.slowest.max(other.slowest);
        self.false_successes += other.false_successes;
        self.lost += other.lost;
        self.hangs += other.hangs;
        self.false_refusals += other.false_refusals;
        self.unfinished += other.unfinished;
        self.cases.extend(other.cases.into_iter().take(TOLD.saturating_sub(self.cases.len())));
    }

    /// # Panics
    /// When anything is wrong.
    pub(crate) fn assert_clean(&self) {
        let wrong = self.false_successes + self.lost + self.hangs + self.false_refusals + self.unfinished;
        assert!(wrong == 0, "{self}\n  {}", self.cases.join("\n  "));
    }
}

impl fmt::Display for OutcomeCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} requests x {} faults: {} runs, {} ended as without a fault, false successes {}, lost signatures {}, hangs {}, \
             false refusals {}, not finished by another run {}; the slowest took {:.1} s",
            self.requests,
            self.faults,
            self.runs,
            self.as_usual,
            self.false_successes,
            self.lost,
            self.hangs,
            self.false_refusals,
            self.unfinished,
            self.slowest.as_secs_f32()
        )
    }
}
