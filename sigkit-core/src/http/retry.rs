//! When and how long to wait before asking again.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use super::error::HttpErrorKind;
use super::options::RetryPolicy;
use super::request::Idempotency;

/// The longest pause that a server may ask for.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// Counts the attempts of one operation.
#[derive(Debug)]
pub(super) struct RetryState {
    retries: RetryPolicy,
    attempts: u32,
}

impl RetryState {
    pub(super) const fn new(retries: RetryPolicy) -> Self {
        Self { retries, attempts: 1 }
    }

    /// How many attempts were made, this one included.
    pub(super) const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The pause before the next attempt; `None` if there is none. `asked` is what the server asked for.
    pub(super) fn next_delay(&mut self, asked: Option<Duration>) -> Option<Duration> {
        if self.attempts > self.retries.max || !is_reasonable(asked) {
            return None;
        }
        let doublings = self.attempts.saturating_sub(1).min(16);
        let pause = self.retries.pause.saturating_mul(1_u32.checked_shl(doublings).unwrap_or(1));
        self.attempts = self.attempts.saturating_add(1);
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

/// Returns true if a request that failed so may be sent again.
pub(super) fn is_retryable_error(kind: HttpErrorKind, idempotency: Idempotency) -> bool {
    match kind {
        HttpErrorKind::Connect | HttpErrorKind::Transient => idempotency == Idempotency::Safe,
        HttpErrorKind::Permanent | HttpErrorKind::Protocol => false,
    }
}

/// Returns true if the status says that a later try may succeed.
pub(super) fn is_retryable_status(status: StatusCode, repeat: Idempotency) -> bool {
    match repeat {
        Idempotency::Safe => matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504),
        Idempotency::Never => false,
    }
}

/// The pause that a server asks for: seconds, or a date, which is taken relative to the server's own `Date`.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let now = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
    let then = httpdate::parse_http_date(value).ok()?;
    Some(then.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    // threat: G14
    #[test]
    fn stops_after_the_last_repetition() {
        let mut tries = RetryState::new(RetryPolicy { max: 3, pause: Duration::from_millis(100) });
        let pauses: Vec<Duration> = std::iter::from_fn(|| tries.next_delay(None)).collect();
        assert_eq!((pauses.len(), tries.attempts()), (3, 4));
        for (pause, most) in pauses.iter().zip([100, 200, 400]) {
            assert!(*pause >= Duration::from_millis(most / 2) && *pause <= Duration::from_millis(most), "{pause:?}");
        }
    }

    // threat: G14
    #[test]
    fn a_server_is_heard_up_to_a_minute() {
        let retries = RetryPolicy { max: 3, pause: Duration::from_millis(1) };
        assert_eq!(RetryState::new(retries).next_delay(Some(Duration::from_secs(60))), Some(Duration::from_secs(60)));
        assert_eq!(RetryState::new(retries).next_delay(Some(Duration::from_secs(61))), None);
        assert!(RetryState::new(retries).next_delay(Some(Duration::ZERO)).is_some());
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
    }
}
