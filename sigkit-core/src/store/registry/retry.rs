//! When and how long to wait before asking again.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use super::options::RetryPolicy;
use super::transport::Idempotency;

/// The longest pause that a server may ask for.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// Counts the tries of one operation.
#[derive(Debug)]
pub(super) struct RetryState {
    retries: RetryPolicy,
    made: u32,
}

impl RetryState {
    pub(super) const fn new(retries: RetryPolicy) -> Self {
        Self { retries, made: 1 }
    }

    /// How many tries there were, this one included.
    pub(super) const fn attempt(&self) -> u32 {
        self.made
    }

    /// The pause before another try; `None` if there is no other try. `asked` is what the server asked for.
    pub(super) fn another(&mut self, asked: Option<Duration>) -> Option<Duration> {
        if self.made > self.retries.max || !is_reasonable(asked) {
            return None;
        }
        let doublings = self.made.saturating_sub(1).min(16);
        let pause = self.retries.pause.saturating_mul(1_u32.checked_shl(doublings).unwrap_or(1));
        self.made = self.made.saturating_add(1);
        // Clients that failed together must not come back together.
        let half = pause.checked_div(2).unwrap_or_default();
        let chance = getrandom::u32().unwrap_or_default() % 1024;
        let jitter = half.saturating_mul(chance).checked_div(1024).unwrap_or_default();
        Some(asked.unwrap_or_default().max(half.saturating_add(jitter)))
    }
}

/// Returns true if the pause that a server asks for, if it does, is one that is waited for.
pub(super) fn is_reasonable(asked: Option<Duration>) -> bool {
    asked.is_none_or(|pause| pause <= MAX_PAUSE)
}

/// Returns true if the status says that a later try may succeed.
pub(super) fn may_pass(status: StatusCode, repeat: Idempotency) -> bool {
    match repeat {
        Idempotency::Safe => matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504),
        Idempotency::Never => false,
    }
}

/// The pause that a server asks for: seconds, or a date, which is taken relative to the server's own `Date`.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let now = http_date(headers.get(DATE)?.to_str().ok()?)?;
    Some(Duration::from_secs(http_date(value)?.saturating_sub(now)))
}

/// Seconds since 1970 of an IMF-fixdate, RFC 9110 §5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`.
fn http_date(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (_, date) = text.trim().split_once(", ")?;
    let fields: Vec<&str> = date.split([' ', ':']).collect();
    let [day, month, year, hour, minute, second, "GMT"] = fields.as_slice() else { return None };
    let number = |text: &str, max: u64| text.parse::<u64>().ok().filter(|number| *number <= max);
    let month = u64::try_from(MONTHS.iter().position(|name| name == month)?).ok()?.checked_add(1)?;
    let (day, year) = (number(day, 31)?, number(year, 9999)?);
    // Days from the civil date, counting years from March so that a leap day comes last.
    let year = if month <= 2 { year.checked_sub(1)? } else { year };
    let month = month.checked_add(9)?.checked_rem(12)?;
    let days = year
        .checked_mul(365)?
        .checked_add(year.checked_div(4)?)?
        .checked_sub(year.checked_div(100)?)?
        .checked_add(year.checked_div(400)?)?
        .checked_add(month.checked_mul(153)?.checked_add(2)?.checked_div(5)?)?
        .checked_add(day.checked_sub(1)?)?
        .checked_sub(719_468)?;
    let time = number(hour, 23)?.checked_mul(3600)?.checked_add(number(minute, 59)?.checked_mul(60)?)?;
    days.checked_mul(86_400)?.checked_add(time)?.checked_add(number(second, 60)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    // threat: G14
    #[test]
    fn stops_after_the_last_repetition() {
        let mut tries = RetryState::new(RetryPolicy { max: 3, pause: Duration::from_millis(100) });
        let pauses: Vec<Duration> = std::iter::from_fn(|| tries.another(None)).collect();
        assert_eq!((pauses.len(), tries.attempt()), (3, 4));
        for (pause, most) in pauses.iter().zip([100, 200, 400]) {
            assert!(*pause >= Duration::from_millis(most / 2) && *pause <= Duration::from_millis(most), "{pause:?}");
        }
    }

    // threat: G14
    #[test]
    fn a_server_is_heard_up_to_a_minute() {
        let retries = RetryPolicy { max: 3, pause: Duration::from_millis(1) };
        assert_eq!(RetryState::new(retries).another(Some(Duration::from_secs(60))), Some(Duration::from_secs(60)));
        assert_eq!(RetryState::new(retries).another(Some(Duration::from_secs(61))), None);
        assert!(RetryState::new(retries).another(Some(Duration::ZERO)).is_some());
    }

    #[test]
    fn reads_both_forms_of_retry_after() {
        let headers = |after: &str, date: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, after.parse().unwrap());
            headers.insert(DATE, date.parse().unwrap());
            retry_after(&headers)
        };
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(headers("5", date), Some(Duration::from_secs(5)));
        assert_eq!(headers("99999999999999999999999", date), Some(Duration::from_secs(u64::MAX)));
        assert_eq!(headers("Sun, 06 Nov 1994 08:50:07 GMT", date), Some(Duration::from_secs(30)));
        assert_eq!(headers("Sun, 06 Nov 1994 08:00:00 GMT", date), Some(Duration::ZERO));
        for junk in [
            "",
            "-1",
            "soon",
            "Sun, 99 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 00 Mar 0000 0:0:0 GMT",
        ] {
            assert_eq!(headers(junk, date), None, "{junk}");
        }
        assert_eq!(http_date(date), Some(784_111_777));
        assert_eq!(http_date("Thu, 29 Feb 2024 00:00:00 GMT"), Some(1_709_164_800));
        assert_eq!(http_date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
    }
}
