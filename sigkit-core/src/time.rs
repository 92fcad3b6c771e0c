//! Time as an argument: seconds since 1970, never a clock.

use std::fmt;
use std::str::FromStr;

/// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(pub i64);

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

/// A text that is no time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a time such as 2026-11-23T05:03:30Z (RFC 3339), found {found:?}")]
pub struct TimeError {
    /// The text, cut to 80 characters.
    pub found: String,
}

/// RFC 3339 with any offset; fractions of a second are cut off.
impl FromStr for UnixTime {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        rfc3339(text).map(Self).ok_or_else(|| TimeError { found: text.chars().take(80).collect() })
    }
}

fn rfc3339(text: &str) -> Option<i64> {
    let (date, rest) = text.split_once(['T', 't'])?;
    let zone = rest.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = rest.split_at_checked(zone)?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let [year, month, day] = fields(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = fields(clock, ':', [2, 2, 2])?;
    let offset = match zone {
        "Z" | "z" => 0,
        _ => {
            let (sign, zone) = zone.split_at_checked(1)?;
            let [hours, minutes] = fields(zone, ':', [2, 2])?;
            let seconds = hours.saturating_mul(3600).saturating_add(minutes.saturating_mul(60));
            let plausible = hours < 24 && minutes < 60;
            plausible.then_some(if sign == "-" { seconds.saturating_neg() } else { seconds })?
        }
    };
    // 23:59:60 is a leap second, which Unix time does not count.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = days_from_civil(year, month, day);
    if civil(days) != (year, month, day) {
        return None;
    }
    let clock = hour.saturating_mul(3600).saturating_add(minute.saturating_mul(60)).saturating_add(second.min(59));
    Some(days.saturating_mul(86_400).saturating_add(clock).saturating_sub(offset))
}

/// Decimal fields of exactly these widths.
fn fields<const N: usize>(text: &str, separator: char, widths: [usize; N]) -> Option<[i64; N]> {
    let mut parts = text.split(separator);
    let mut fields = [0; N];
    for (field, width) in fields.iter_mut().zip(widths) {
        let part = parts.next().filter(|part| part.len() == width && part.bytes().all(|byte| byte.is_ascii_digit()))?;
        *field = part.parse().ok()?;
    }
    parts.next().is_none().then_some(fields)
}

/// The day counted from 1970-01-01 of a date, which need not exist; the inverse of [`civil`] where it does.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year.saturating_sub(1) } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = month.saturating_add(9).rem_euclid(12);
    let day_of_year = month_from_march.saturating_mul(153).saturating_add(2).div_euclid(5).saturating_add(day);
    let day_of_era = year_of_era
        .saturating_mul(365)
        .saturating_add(year_of_era.div_euclid(4))
        .saturating_sub(year_of_era.div_euclid(100))
        .saturating_add(day_of_year)
        .saturating_sub(1);
    era.saturating_mul(146_097).saturating_add(day_of_era).saturating_sub(719_468)
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
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T00:00:00Z", 951_782_400),
            ("2026-11-23T05:03:30Z", 1_795_410_210),
            ("2026-11-23T05:03:30.999999999Z", 1_795_410_210),
            ("2026-11-23T06:03:30.5+01:00", 1_795_410_210),
            ("2026-11-22t23:33:30-05:30", 1_795_410_210),
            ("0001-01-01T00:00:00Z", -62_135_596_800),
            ("9999-12-31T23:59:60Z", 253_402_300_799),
        ] {
            assert_eq!(text.parse(), Ok(UnixTime(seconds)), "{text}");
        }
        for text in [
            "",
            "2026-11-23",
            "2026-11-23T05:03:30",
            "2026-11-23 05:03:30Z",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:61Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00Z ",
            "2026-01-01T00:00:00+24:00",
            "2026-01-01T00:00:00+0100",
            "2026-1-1T00:00:00Z",
            "+026-01-01T00:00:00Z",
            "é026-01-01T00:00:00Z",
            "2026-01-01Té0:00:00Z",
        ] {
            assert!(text.parse::<UnixTime>().is_err(), "{text}");
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
