use std::fmt;
use std::str::FromStr;

use super::Policy;
#[cfg(feature = "rego")]
use super::RegoPolicy;
use super::glob::{ImageGlob, TextGlob};
use crate::content::scan::Severity;
use crate::time::UnixTime;

/// What attestations must say, besides being signed. Each authority's own are judged, and only those that hold.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Gate {
    /// The latest scan finds nothing too severe.
    Scan(Box<ScanGate>),
    /// One provenance says that the artifact was built so.
    Provenance(Box<ProvenanceGate>),
    /// A policy in Rego allows the statements.
    #[cfg(feature = "rego")]
    Rego(Box<RegoPolicy>),
}

impl Gate {
    /// The policies of what else the gate listens to.
    pub(crate) fn policies(&self) -> &[Policy] {
        match self {
            Self::Scan(gate) => &gate.vex,
            _ => &[],
        }
    }
}

/// What a scan may find, and how old it may be. Of several scans the latest decides.
#[derive(Clone, Debug)]
pub struct ScanGate {
    pub(crate) maximum: Severity,
    pub(crate) filter: FindingFilter,
    pub(crate) max_age: Option<Age>,
    pub(crate) exceptions: Vec<Exception>,
    pub(crate) vex: Vec<Policy>,
}

/// Which findings count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FindingFilter {
    /// All.
    All,
    /// Those for which there is a fix.
    Fixable,
}

/// A finding that is excepted until a date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// The vulnerability, or another identifier of it.
    pub id: String,
    /// The first moment at which the exception has expired.
    pub until: UnixTime,
    /// Why, for reports.
    pub reason: Option<String>,
}

impl ScanGate {
    /// Nothing more severe than this; a finding without a rating counts as critical.
    pub const fn new(maximum: Severity) -> Self {
        Self { maximum, filter: FindingFilter::All, max_age: None, exceptions: Vec::new(), vex: Vec::new() }
    }

    /// Which findings count.
    #[must_use]
    pub const fn with_filter(mut self, counted: FindingFilter) -> Self {
        self.filter = counted;
        self
    }

    /// The scan must not be older.
    #[must_use]
    pub const fn with_max_age(mut self, age: Age) -> Self {
        self.max_age = Some(age);
        self
    }

    /// Adds an exception for this finding.
    #[must_use]
    pub fn with_exception(mut self, exception: Exception) -> Self {
        self.exceptions.push(exception);
        self
    }

    /// Trusts OpenVEX documents that meet this policy, which requires attestations of that type.
    #[must_use]
    pub fn with_vex(mut self, policy: Policy) -> Self {
        self.vex.push(policy);
        self
    }
}

/// How the artifact must have been built. What the provenance does not say is not so.
#[derive(Clone, Debug, Default)]
pub struct ProvenanceGate {
    /// Who built it: `builder.id`.
    pub builder: Option<TextGlob>,
    /// The source repository, without `git+` before it and `@ref` behind it.
    pub source: Option<TextGlob>,
    /// The git reference: `refs/tags/v1`.
    pub reference: Option<TextGlob>,
    /// The images that it may have been built upon; `None` if any are allowed.
    pub base_images: Vec<ImageGlob>,
}

/// A length of time, in whole seconds: `90m`, `12h`, `7d`, `4w`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Age(pub(crate) i64);

/// A text that is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a duration such as 90m, 12h, 7d or 4w, found {found:?}")]
pub struct AgeError {
    found: String,
}

impl FromStr for Age {
    type Err = AgeError;

    fn from_str(text: &str) -> Result<Self, AgeError> {
        let refused = || AgeError { found: text.chars().take(80).collect() };
        let (digits, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(refused)?;
        let seconds: i64 = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            "w" => 604_800,
            _ => return Err(refused()),
        };
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(refused());
        }
        let number: i64 = digits.parse().map_err(|_| refused())?;
        number.checked_mul(seconds).filter(|age| *age > 0).map(Self).ok_or_else(refused)
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, letter) = [(86_400, 'd'), (3600, 'h'), (60, 'm')]
            .into_iter()
            .find(|(unit, _)| self.0 >= *unit && self.0.checked_rem(*unit) == Some(0))
            .unwrap_or((1, 's'));
        write!(f, "{}{letter}", self.0.checked_div(unit).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_read_and_written() {
        for (text, seconds, shown) in [
            ("90m", 5400, "90m"),
            ("24h", 86_400, "1d"),
            ("7d", 604_800, "7d"),
            ("4w", 2_419_200, "28d"),
            ("5s", 5, "5s"),
        ] {
            let age: Age = text.parse().unwrap();
            assert_eq!((age.0, age.to_string().as_str()), (seconds, shown), "{text}");
        }
        for text in ["", "d", "7", "7 d", "-7d", "+7d", "0d", "1.5d", "7D", "9223372036854775807w", "ｄ", "7ｄ"] {
            assert!(text.parse::<Age>().is_err(), "{text}");
        }
    }
}
