//! Step 8: when the signature was made, by every log entry and timestamp, and whether the key was trusted then.

use super::Checks;
use crate::policy::{LogRule, TransparencyRequirements};
use crate::reason::Reason;
use crate::report::{CheckId, Fact, Outcome, Waiver};
use crate::time::UnixTime;
use crate::trust::Validity;

/// How far in the future the clock of a log or timestamp authority may be, in seconds.
const CLOCK_SKEW_SECONDS: i64 = 5 * 60;

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
    /// A key, trusted during that period.
    Key(Validity),
}

/// All times that logs and timestamp authorities signed; each must fit everything. `integratedTime` is one only where the log signed it.
pub(super) fn check(
    checks: &mut Checks,
    transparency: TransparencyRequirements,
    need: &Need,
    mut times: Vec<UnixTime>,
    now: UnixTime,
) -> Times {
    times.sort_unstable();
    times.dedup();
    let mut leaf = |outcome| checks.record_outcome::<()>(CheckId::Time, (outcome, None));
    let (Some(first), Some(last)) = (times.first().copied(), times.last().copied()) else {
        return match need {
            Need::Certificate if transparency.logs == LogRule::Waived && transparency.timestamps.is_none() => {
                leaf(Outcome::Skip(Waiver::TimeNotWitnessed { now }));
                Times(vec![now])
            }
            // A key with a period of validity could have signed after it.
            Need::Key(window) if *window == Validity::ALWAYS => Times(Vec::new()),
            Need::Certificate | Need::Key(_) => {
                leaf(Outcome::Fail(Reason::TimeMissing));
                Times(Vec::new())
            }
        };
    };
    let latest = now.plus(CLOCK_SKEW_SECONDS);
    let outside = match need {
        Need::Key(window) => times.iter().find(|time| !window.contains(**time)).map(|time| (window, *time)),
        Need::Certificate => None,
    };
    leaf(if last > latest {
        Outcome::Fail(Reason::TimeInFuture { now: latest, found: last })
    } else if let Some((window, time)) = outside {
        Outcome::Fail(Reason::KeyNotValid { window: window.to_string(), time })
    } else {
        Outcome::Pass(Fact::MadeAt { first, last })
    });
    Times(times)
}
