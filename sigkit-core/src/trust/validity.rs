//! Windows of time, both ends inclusive.

use std::fmt;

use crate::time::UnixTime;

/// The period in which something is trusted; both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    start: Option<UnixTime>,
    end: Option<UnixTime>,
}

impl Validity {
    /// Without bounds, for keys that come without a window.
    pub const ALWAYS: Self = Self { start: None, end: None };

    /// From `start` on, up to and including `end` if there is one.
    pub const fn new(start: UnixTime, end: Option<UnixTime>) -> Self {
        Self { start: Some(start), end }
    }

    /// Returns true if that time belongs to the window.
    pub fn contains(&self, time: UnixTime) -> bool {
        self.start.is_none_or(|start| start <= time) && self.end.is_none_or(|end| time <= end)
    }

    /// The first second, when there is one.
    pub const fn start(&self) -> Option<UnixTime> {
        self.start
    }

    /// The last second, when there is one.
    pub const fn end(&self) -> Option<UnixTime> {
        self.end
    }
}

/// `2021-01-12T11:53:27Z to 2022-12-31T23:59:59Z`, an absent end left out.
impl fmt::Display for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.start, self.end) {
            (None, None) => f.write_str("always"),
            (None, Some(end)) => write!(f, "to {end}"),
            (Some(start), None) => write!(f, "from {start}"),
            (Some(start), Some(end)) => write!(f, "{start} to {end}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // threat: B05
    #[test]
    fn both_ends_belong_to_the_window() {
        let window = Validity::new(UnixTime(10), Some(UnixTime(20)));
        for (time, inside) in [(9, false), (10, true), (20, true), (21, false)] {
            assert_eq!(window.contains(UnixTime(time)), inside, "{time}");
        }
        assert_eq!((window.start(), window.end()), (Some(UnixTime(10)), Some(UnixTime(20))));
        let open = Validity::new(UnixTime(10), None);
        assert!(!open.contains(UnixTime(9)) && open.contains(UnixTime(i64::MAX)));
        assert!(Validity::ALWAYS.contains(UnixTime(i64::MIN)));
        assert_eq!(window.to_string(), "1970-01-01T00:00:10Z to 1970-01-01T00:00:20Z");
    }
}
