//! Step 6: proofs that came along and that a key does not need are reported, and reported as not checked.

use super::Checks;
use crate::bundle::Unchecked;
use crate::report::{CheckId, Outcome, Waiver};

pub(super) fn check(checks: &mut Checks, unchecked: Unchecked) {
    if unchecked.log_entries > 0 {
        let waiver = Waiver::LogNotChecked { entries: unchecked.log_entries };
        checks.record_outcome::<()>(CheckId::LogEntry, (Outcome::Skip(waiver), None));
    }
    if unchecked.timestamps > 0 {
        let waiver = Waiver::TimestampNotChecked { timestamps: unchecked.timestamps };
        checks.record_outcome::<()>(CheckId::Timestamp, (Outcome::Skip(waiver), None));
    }
}
