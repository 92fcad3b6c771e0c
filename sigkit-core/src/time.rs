//! Time as an argument: seconds since 1970, never a clock.

use std::fmt;

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

    // threat: N08
    #[test]
    fn no_time_overflows() {
        for seconds in [i64::MIN, i64::MAX] {
            assert!(UnixTime(seconds).to_string().ends_with('Z'));
        }
    }
}
