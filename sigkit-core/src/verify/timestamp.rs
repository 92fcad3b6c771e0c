//! Step 7: timestamp authorities of the trusted root signed the time at which they saw this signature.

use super::Checks;
use crate::bundle::SignedEntity;
use crate::policy::Witnesses;
use crate::reason::Reason;
use crate::report::{CheckId, Fact, Outcome, Waiver};
use crate::trust::{TimestampError, TrustedRoot, VerifiedTimestamp, verify_timestamp};

/// The timestamps that hold. Others beside them count for nothing; where none holds, one by a known authority is a failure.
pub(super) fn check<'r>(
    checks: &mut Checks,
    root: &'r TrustedRoot,
    witnesses: Witnesses,
    entity: &SignedEntity,
) -> Vec<VerifiedTimestamp<'r>> {
    let signature = entity.content.signature().as_bytes();
    let mut leaf = |outcome| checks.record_outcome::<()>(CheckId::Timestamp, (outcome, None));
    let mut held: Vec<VerifiedTimestamp<'r>> = Vec::new();
    let mut broken = Vec::new();
    for timestamp in &entity.timestamps {
        match verify_timestamp(root, timestamp, signature) {
            Ok(verified) => {
                let fact = Fact::Timestamped { authority: name(&verified), time: verified.time };
                leaf(Outcome::Pass(fact));
                held.push(verified);
            }
            Err(error) => broken.push(error),
        }
    }
    for error in broken {
        leaf(match error {
            error if !held.is_empty() => Outcome::Skip(Waiver::TimestampIgnored { detail: error.to_string() }),
            error @ TimestampError::UnknownAuthority { .. } if witnesses.timestamps.is_none() => {
                Outcome::Skip(Waiver::TimestampIgnored { detail: error.to_string() })
            }
            error => Outcome::Fail(Reason::Timestamp(error)),
        });
    }
    if let Some(expected) = witnesses.timestamps {
        let mut authorities: Vec<&_> = Vec::new();
        for timestamp in &held {
            if !authorities.iter().any(|known| std::ptr::eq(*known, timestamp.authority)) {
                authorities.push(timestamp.authority);
            }
        }
        let found = authorities.len();
        if found < expected.get() {
            leaf(Outcome::Fail(Reason::TimestampThreshold { expected, found }));
        }
    }
    held
}

fn name(timestamp: &VerifiedTimestamp<'_>) -> String {
    let uri = timestamp.authority.uri();
    let subject = || timestamp.authority.certificates().first().map_or_else(String::new, |first| first.subject());
    if uri.is_empty() { subject() } else { uri.to_owned() }
}
