//! Step 7: logs of the trusted root hold entries about this very signature.

use super::{Checks, Judgement};
use crate::bundle::{LogEntry, LogId};
use crate::policy::{LogRule, TransparencyRequirements};
use crate::reason::Reason;
use crate::report::{CheckId, Fact, Outcome, Waiver};
use crate::time::UnixTime;
use crate::trust::TrustedRoot;
use crate::trust::log::{self, LogError, Logged, SignerKey, VerifiedEntry};

/// The entries that verify, and each as received. `times` are those of step 6; where there are none, the time of verification is used.
///
/// An invalid entry is a failure, even if no entry is required. One in a log that the trusted root does not name
/// is ignored.
pub(super) fn check<'e>(
    checks: &mut Checks,
    case: &Judgement<'e>,
    transparency: TransparencyRequirements,
    signer: SignerKey<'_>,
    times: &[UnixTime],
) -> Vec<(VerifiedEntry, &'e LogEntry)> {
    let root = case.root;
    let entries = &case.entity.log_entries;
    let mut leaf = |outcome| checks.record_outcome::<()>(CheckId::LogEntry, (outcome, None));
    if transparency.logs == LogRule::Waived {
        leaf(Outcome::Skip(Waiver::LogWaived { entries: entries.len() }));
        return Vec::new();
    }
    let digest = |algorithm| case.signed.digest(algorithm);
    let logged = Logged { content: &case.entity.content, digest: &digest, signer };
    let now = [case.now];
    let times = if times.is_empty() { &now } else { times };
    let mut held = Vec::new();
    let mut unknown = Vec::new();
    for entry in entries {
        match log::verify(entry, root, &logged, times, case.limits) {
            Ok(verified) => {
                let log = name(root, &verified.log);
                let VerifiedEntry { index, time, proof, .. } = verified;
                leaf(Outcome::Pass(Fact::Logged { log, index, time, proof }));
                held.push((verified, entry));
            }
            Err(error @ LogError::UnknownLog { .. }) => unknown.push(error),
            Err(error) => {
                leaf(Outcome::Fail(Reason::Log(error)));
            }
        }
    }
    // However often one log is asked, it counts once.
    let found = log::distinct_logs(held.iter().map(|(entry, _)| entry));
    let missing = match transparency.logs {
        LogRule::AtLeast(expected) if found < expected.get() => Some(expected),
        _ => None,
    };
    for error in unknown {
        leaf(match missing {
            Some(_) => Outcome::Fail(Reason::Log(error)),
            None => Outcome::Skip(Waiver::LogEntryIgnored { detail: error.to_string() }),
        });
    }
    if let Some(expected) = missing {
        leaf(Outcome::Fail(Reason::LogThreshold { expected, found }));
    }
    held
}

/// The log's address, or its identifier where it has none.
fn name(root: &TrustedRoot, id: &LogId) -> String {
    let url = root.log(id).map(|log| log.base_url()).filter(|url| !url.is_empty());
    url.map_or_else(|| id.to_string(), str::to_owned)
}
