//! Time as an argument: seconds since 1970, never a clock.

use std::fmt;

/// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// ```
/// use sigkit_core::time::UnixTime;
///
/// let time: UnixTime = "2024-05-01T12:00:00Z".parse()?;
/// assert_eq!(time, UnixTime(1_714_564_800));
/// assert_eq!(time.to_string(), "2024-05-01T12:00:00Z");
/// # Ok::<(), sigkit_core::time::TimeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(pub i64);

impl UnixTime {
    /// This many seconds later, or the last time there is.
    #[cfg(feature = "keyless")]
    pub(crate) const fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Reads RFC 3339 in UTC or with an offset: `2022-12-31T23:59:59.999Z` is the second that ends in `59`, and 999 000 000
    /// nanoseconds. `None` for anything else, dates that do not exist included.
    pub(crate) fn parse(text: &str) -> Option<(Self, u32)> {
        let (date, rest) = text.split_at_checked(10)?;
        let (clock, rest) = rest.split_at_checked(9)?;
        let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
        let [hour, minute, second] = numbers(clock.strip_prefix(['T', 't'])?, ':', [2, 2, 2])?;
        let (nanoseconds, zone) = match rest.strip_prefix('.') {
            None => (0, rest),
            Some(rest) => fraction(rest)?,
        };
        let offset = offset(zone)?;
        if hour > 23 || minute > 59 || second > 59 || !(1..=12).contains(&month) {
            return None;
        }
        let days = days(year, month, day);
        if civil(days) != (year, month, day) {
            return None;
        }
        let time = days.checked_mul(86_400)?.checked_add(hour.checked_mul(3600)?)?;
        let time = time.checked_add(minute.checked_mul(60)?)?.checked_add(second)?;
        Some((Self(time.checked_sub(offset)?), nanoseconds))
    }
}

/// A text that is not a time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a time such as 2024-01-31T12:00:00Z, found {found:?}")]
#[non_exhaustive]
pub struct TimeError {
    /// The text, cut to 64 characters.
    pub found: String,
}

/// RFC 3339, in UTC or with an offset; fractions of a second are dropped.
impl std::str::FromStr for UnixTime {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let error = || TimeError { found: text.chars().take(64).collect() };
        Self::parse(text).map(|(time, _)| time).ok_or_else(error)
    }
}

/// Three numbers of fixed width with a separator between them.
fn numbers(text: &str, separator: char, widths: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(separator);
    let mut found = [0; 3];
    for (slot, width) in found.iter_mut().zip(widths) {
        *slot = digits(parts.next().filter(|part| part.len() == width)?)?;
    }
    parts.next().is_none().then_some(found)
}

fn digits(text: &str) -> Option<i64> {
    // `parse` would take a sign.
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) { None } else { text.parse().ok() }
}

/// Nanoseconds, and what follows the digits.
fn fraction(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, rest) = text.split_at_checked(end).filter(|(digits, _)| (1..=9).contains(&digits.len()))?;
    Some((format!("{digits:0<9}").parse().ok()?, rest))
}

/// Seconds east of UTC.
fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "Z" | "z") {
        return Some(0);
    }
    let (sign, rest) = match zone.split_at_checked(1)? {
        ("+", rest) => (1_i64, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':').filter(|(hours, minutes)| hours.len() == 2 && minutes.len() == 2)?;
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    let east = hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?;
    if hours > 23 || minutes > 59 { None } else { east.checked_mul(sign) }
}

/// The day counted from 1970-01-01 of a proleptic Gregorian date; the inverse of [`civil`].
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year.saturating_sub(1) } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = month.saturating_add(9).rem_euclid(12);
    let day_of_year =
        month_from_march.saturating_mul(153).saturating_add(2).div_euclid(5).saturating_add(day).saturating_sub(1);
    let day_of_era = year_of_era
        .saturating_mul(365)
        .saturating_add(year_of_era.div_euclid(4))
        .saturating_sub(year_of_era.div_euclid(100))
        .saturating_add(day_of_year);
    era.saturating_mul(146_097).saturating_add(day_of_era).saturating_sub(719_468)
}

/// RFC 3339 in UTC: `2026-11-23T05:03:30Z`.
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.0.div_euclid(86_400);
        let second = self.0.rem_euclid(86_400);
        let (year, month, day) = civil(days);
        let (hour, minute, second) =
            (second.div_euclid(3600), second.rem_euclid(3600).div_euclid(60), second.rem_euclid(60));
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

/// The proleptic Gregorian date of a day counted from 1970-01-01.
///
/// Years are counted from March, so that the leap day is the last of its year, in eras of 400 years (146 097 days).
const fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days.saturating_add(719_468);
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = day_of_era
        .saturating_sub(day_of_era.div_euclid(1460))
        .saturating_add(day_of_era.div_euclid(36_524))
        .saturating_sub(day_of_era.div_euclid(146_096))
        .div_euclid(365);
    let before_year = year_of_era
        .saturating_mul(365)
        .saturating_add(year_of_era.div_euclid(4))
        .saturating_sub(year_of_era.div_euclid(100));
    let day_of_year = day_of_era.saturating_sub(before_year);
    let month_from_march = day_of_year.saturating_mul(5).saturating_add(2).div_euclid(153);
    let before_month = month_from_march.saturating_mul(153).saturating_add(2).div_euclid(5);
    let day = day_of_year.saturating_sub(before_month).saturating_add(1);
    let month =
        if month_from_march < 10 { month_from_march.saturating_add(3) } else { month_from_march.saturating_sub(9) };
    let year = year_of_era.saturating_add(era.saturating_mul(400));
    (if month <= 2 { year.saturating_add(1) } else { year }, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_rfc_3339() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_410_210, "2026-11-23T05:03:30Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (-62_135_596_800, "0001-01-01T00:00:00Z"),
        ] {
            assert_eq!(UnixTime(seconds).to_string(), text);
        }
    }

    #[test]
    fn reads_rfc_3339() {
        for (text, seconds, nanoseconds) in [
            ("1970-01-01T00:00:00Z", 0, 0),
            ("2000-02-29T00:00:00Z", 951_782_400, 0),
            ("2026-11-23T05:03:30.5Z", 1_795_410_210, 500_000_000),
            ("2026-11-23T07:03:30+02:00", 1_795_410_210, 0),
            ("2026-11-23t00:33:30-04:30", 1_795_410_210, 0),
            ("9999-12-31T23:59:59.999999999z", 253_402_300_799, 999_999_999),
        ] {
            assert_eq!(UnixTime::parse(text), Some((UnixTime(seconds), nanoseconds)), "{text}");
        }
        for text in [
            "",
            "2026-11-23",
            "2026-11-23T05:03:30",
            "2026-11-23 05:03:30Z",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-11-00T00:00:00Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23T05:03:60Z",
            "2026-11-23T05:03:30.Z",
            "2026-11-23T05:03:30.0000000001Z",
            "2026-11-23T05:03:30+2:00",
            "2026-11-23T05:03:30+24:00",
            "+026-11-23T05:03:30Z",
            "2026-11-23T05:03:30ZZ",
            "2026-11-2\u{e9}T05:03:30Z",
        ] {
            assert_eq!(UnixTime::parse(text), None, "{text}");
        }
    }

    // threat: N08
    #[test]
    fn no_time_overflows() {
        for seconds in [i64::MIN, i64::MAX] {
            assert!(UnixTime(seconds).to_string().ends_with('Z'));
        }
    }
}
