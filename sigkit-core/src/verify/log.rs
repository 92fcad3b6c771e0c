//! Step 6: logs of the trusted root hold entries about this very signature.

use std::collections::BTreeSet;

use super::Checks;
use crate::bundle::SignedEntity;
use crate::policy::{LogRule, Witnesses};
use crate::reason::Reason;
use crate::report::{CheckId, Fact, Outcome, Waiver};
use crate::trust::{LogError, Signed, TrustedRoot, VerifiedEntry, verify_entry};

/// The entries that hold. One that is present and broken is a failure, even when none is needed; one in a log that nobody knows counts
/// for nothing.
pub(super) fn check<'r>(
    checks: &mut Checks,
    root: &'r TrustedRoot,
    witnesses: Witnesses,
    entity: &SignedEntity,
    signed: &Signed<'_>,
) -> Vec<VerifiedEntry<'r>> {
    let mut leaf = |outcome| checks.record_outcome::<()>(CheckId::LogEntry, (outcome, None));
    if witnesses.logs == LogRule::Waived {
        leaf(Outcome::Skip(Waiver::LogWaived { entries: entity.log_entries.len() }));
        return Vec::new();
    }
    let mut held = Vec::new();
    for entry in &entity.log_entries {
        match verify_entry(root, entry, signed) {
            Ok(verified) => {
                let url = verified.log.base_url();
                let log = if url.is_empty() { verified.log.id().to_string() } else { url.to_owned() };
                leaf(Outcome::Pass(Fact::Logged { log, index: verified.index, time: verified.time }));
                held.push(verified);
            }
            Err(LogError::UnknownLog { log }) => {
                leaf(Outcome::Skip(Waiver::LogUnknown { log: log.to_string() }));
            }
            Err(error) => {
                leaf(Outcome::Fail(Reason::Log(error)));
            }
        }
    }
    if let LogRule::AtLeast(expected) = witnesses.logs {
        // However often one log is asked, it is one witness.
        let found = held.iter().map(|entry| *entry.log.id()).collect::<BTreeSet<_>>().len();
        if found < expected.get() {
            leaf(Outcome::Fail(Reason::LogThreshold { expected, found }));
        }
    }
    held
}
