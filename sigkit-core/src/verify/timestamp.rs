//! Step 6: timestamp authorities of the trusted root signed the time at which they saw this signature.

use std::collections::BTreeSet;

use super::{Checks, Judgement};
use crate::policy::TransparencyRequirements;
use crate::reason::Reason;
use crate::report::{CheckId, Fact, Outcome, Waiver};
use crate::time::UnixTime;
use crate::trust::timestamp::{self, TimestampError, VerifiedTimestamp};

/// The timestamps that verify, each with its position in the signature. Invalid ones beside them are ignored; where none verifies, an
/// invalid one is a failure, and one by an authority that the trusted root does not name is one if a timestamp is asked for.
pub(super) fn check(
    checks: &mut Checks,
    case: &Judgement<'_>,
    transparency: TransparencyRequirements,
) -> Vec<(usize, UnixTime)> {
    let root = case.root;
    let signature = case.entity.content.signature().as_bytes();
    let mut leaf = |outcome| checks.record_outcome::<()>(CheckId::Timestamp, (outcome, None));
    let mut held: Vec<(usize, VerifiedTimestamp)> = Vec::new();
    let mut broken = Vec::new();
    for (position, timestamp) in case.entity.timestamps.iter().enumerate() {
        match timestamp::verify(timestamp, root, signature, case.limits) {
            Ok(verified) => {
                leaf(Outcome::Pass(Fact::Timestamped { authority: verified.name.clone(), time: verified.time }));
                held.push((position, verified));
            }
            Err(error) => broken.push(error),
        }
    }
    for error in broken {
        let unknown = matches!(error, TimestampError::UnknownAuthority { .. }) && transparency.timestamps.is_none();
        leaf(if unknown || !held.is_empty() {
            Outcome::Skip(Waiver::TimestampIgnored { detail: error.to_string() })
        } else {
            Outcome::Fail(Reason::Timestamp(error))
        });
    }
    // However often one authority is asked, it counts once.
    let found = held.iter().map(|(_, timestamp)| timestamp.authority).collect::<BTreeSet<_>>().len();
    if let Some(expected) = transparency.timestamps.filter(|expected| found < expected.get()) {
        leaf(Outcome::Fail(Reason::TimestampThreshold { expected, found }));
    }
    held.iter().map(|(position, timestamp)| (*position, timestamp.time)).collect()
}
