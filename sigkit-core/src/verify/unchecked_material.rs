//! Instead of steps 6 to 8, for a key without a trusted root: log entries and timestamps are reported as not checked.

use super::Checks;
use super::verified::TransparencyMaterial;
use crate::bundle::SignedEntity;
use crate::report::{CheckId, Outcome, Waiver};

pub(super) fn check(checks: &mut Checks, entity: &SignedEntity) -> TransparencyMaterial {
    if !entity.log_entries.is_empty() {
        let waiver = Waiver::LogNotChecked { entries: entity.log_entries.len() };
        checks.record_outcome::<()>(CheckId::LogEntry, (Outcome::Skip(waiver), None));
    }
    if !entity.timestamps.is_empty() {
        let waiver = Waiver::TimestampNotChecked { timestamps: entity.timestamps.len() };
        checks.record_outcome::<()>(CheckId::Timestamp, (Outcome::Skip(waiver), None));
    }
    TransparencyMaterial::default()
}
