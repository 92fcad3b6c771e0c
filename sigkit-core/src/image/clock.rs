use std::time::{SystemTime, UNIX_EPOCH};

use crate::time::UnixTime;

/// What a clock showed, without the fraction of a second. The clock itself is read by the caller.
impl From<SystemTime> for UnixTime {
    fn from(time: SystemTime) -> Self {
        let seconds = |duration: std::time::Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self(seconds(after)),
            Err(before) => {
                // Rounded down on either side of 1970.
                let whole = if before.duration().subsec_nanos() == 0 { 0 } else { 1 };
                Self(seconds(before.duration()).saturating_neg().saturating_sub(whole))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn fractions_are_rounded_down() {
        let half = Duration::from_millis(500);
        let second = Duration::from_secs(1);
        assert_eq!(UnixTime::from(UNIX_EPOCH), UnixTime(0));
        assert_eq!(UnixTime::from(UNIX_EPOCH + second + half), UnixTime(1));
        assert_eq!(UnixTime::from(UNIX_EPOCH - half), UnixTime(-1));
        assert_eq!(UnixTime::from(UNIX_EPOCH - second), UnixTime(-1));
    }
}
