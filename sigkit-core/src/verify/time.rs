//! Step 8: when the signature was made, by every witness that can tell, and whether the keys involved were to be believed then.

use super::Checks;
use crate::policy::{LogRule, Witnesses};
use crate::reason::Reason;
use crate::report::{CheckId, Fact, Outcome, Waiver};
use crate::time::UnixTime;
use crate::trust::{Validity, VerifiedEntry, VerifiedTimestamp};

/// How far in the future a witness's clock may seem, in seconds.
const SKEW: i64 = 5 * 60;

/// Proof of the times at which the signature was made, as far as anybody tells.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times(Vec<UnixTime>);

impl Times {
    /// The times in ascending order, each once.
    pub(crate) fn all(&self) -> &[UnixTime] {
        &self.0
    }
}

/// What the times are needed for.
pub(super) enum Need {
    /// A certificate: without a time it cannot be judged.
    Certificate,
    /// A key, believed during that window.
    Key(Validity),
}

/// All times that witnesses signed; each must fit everything. `integratedTime` is one only where the log signed it.
pub(super) fn check(
    checks: &mut Checks,
    witnesses: Witnesses,
    need: &Need,
    entries: &[VerifiedEntry<'_>],
    timestamps: &[VerifiedTimestamp<'_>],
    now: UnixTime,
) -> Times {
    let of_logs = entries.iter().filter_map(|entry| entry.time);
    let mut times: Vec<UnixTime> = of_logs.chain(timestamps.iter().map(|timestamp| timestamp.time)).collect();
    times.sort_unstable();
    times.dedup();
    let mut leaf = |outcome| checks.record_outcome::<()>(CheckId::Time, (outcome, None));
    let (Some(first), Some(last)) = (times.first().copied(), times.last().copied()) else {
        return Times(without_times(&mut leaf, witnesses, need, entries, now));
    };
    let latest = now.plus(SKEW);
    let troubles = [
        (last > latest).then_some(Reason::TimeInFuture { now: latest, found: last }),
        logs_believed(entries, &times),
        match need {
            Need::Key(window) => outside("the key", *window, &times),
            Need::Certificate => None,
        },
    ];
    let mut troubles = troubles.into_iter().flatten().peekable();
    if troubles.peek().is_none() {
        leaf(Outcome::Pass(Fact::MadeAt { first, last }));
    }
    for trouble in troubles {
        leaf(Outcome::Fail(trouble));
    }
    Times(times)
}

fn without_times(
    leaf: &mut dyn FnMut(Outcome) -> Option<()>,
    witnesses: Witnesses,
    need: &Need,
    entries: &[VerifiedEntry<'_>],
    now: UnixTime,
) -> Vec<UnixTime> {
    match need {
        Need::Certificate if witnesses.logs == LogRule::Waived => {
            leaf(Outcome::Skip(Waiver::TimeNotWitnessed { now }));
            vec![now]
        }
        Need::Certificate => {
            leaf(Outcome::Fail(Reason::TimeMissing));
            Vec::new()
        }
        // Who is no longer believed at some time could have signed after it.
        Need::Key(window) => {
            let logs_end = entries.iter().any(|entry| entry.log.validity().end().is_some());
            if *window != Validity::ALWAYS || logs_end {
                leaf(Outcome::Fail(Reason::TimeMissing));
            }
            Vec::new()
        }
    }
}

/// A log that signs no time of its own must be believed at the times that others tell.
fn logs_believed(entries: &[VerifiedEntry<'_>], times: &[UnixTime]) -> Option<Reason> {
    entries.iter().find_map(|entry| {
        let own = entry.time.as_ref().map(std::slice::from_ref);
        outside(&format!("log {}", entry.log.id()), entry.log.validity(), own.unwrap_or(times))
    })
}

fn outside(what: &str, window: Validity, times: &[UnixTime]) -> Option<Reason> {
    let time = *times.iter().find(|time| !window.contains(**time))?;
    Some(Reason::KeyNotValid { what: what.to_owned(), window: window.to_string(), time })
}
