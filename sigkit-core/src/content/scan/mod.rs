//! Reports of vulnerability scanners, read into one normal form.
//!
//! A report says what a scanner found in an image, and what it knew at that time. Nothing is judged here: a severity or a fix that a
//! scanner does not know stays unknown, and what it suppressed by its own rules but lists all the same stays a finding. A report
//! that says that the scan failed, or leaves out the list of what was found, is an error.

mod clair;
mod grype;
mod predicate;
mod sarif;
mod trivy;

pub use predicate::{ScanPredicate, wrap};

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{ContentError, clip};
use crate::json;
use crate::limits::Limits;
use crate::time::UnixTime;

const DOCUMENT: &str = "scan report";

/// What a scanner found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScanReport {
    /// The format of the report.
    pub format: ScanFormat,
    /// The scanner's name in lower case, the same in every format and version: `trivy`.
    pub tool: String,
    /// Who scanned.
    pub scanner: Scanner,
    /// When scanning began; `None` when the report does not say.
    pub started: Option<UnixTime>,
    /// When scanning ended; `None` when the report does not say.
    pub finished: Option<UnixTime>,
    /// What was scanned, as the report says.
    pub target: Target,
    /// Digests or references with digests of the image scanned, as far as the report names any.
    pub images: Vec<String>,
    /// How many things the scanner says it looked at, packages or groups of them; `None` when the format does not tell. A report
    /// without findings and without packages is not a pass.
    pub examined: Option<usize>,
    /// What it found, in the order of the report.
    pub findings: Vec<Finding>,
}

/// What a scanner looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// An image.
    Image,
    /// The report does not say.
    Unsaid,
    /// Something other than an image, as named in the report: `filesystem`, `directory`, `sbom-file`.
    Other(String),
}

/// Formats of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ScanFormat {
    /// `trivy image --format json`, schema version 2.
    Trivy,
    /// `grype -o json`.
    Grype,
    /// Clair 4's vulnerability report, as `clairctl report -o json` prints it.
    Clair,
    /// SARIF 2.1.0 (OASIS), as scanners write it.
    Sarif,
}

impl fmt::Display for ScanFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Trivy => "Trivy JSON",
            Self::Grype => "Grype JSON",
            Self::Clair => "Clair JSON",
            Self::Sarif => "SARIF",
        })
    }
}

/// Who scanned, and with which knowledge. Empty strings mean that the report does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Scanner {
    /// Package URL or home page of the scanner.
    pub uri: String,
    /// Its version.
    pub version: String,
    /// Where its vulnerability database came from.
    pub database_uri: String,
    /// The database's version, or the time at which it was built.
    pub database_version: String,
}

/// One vulnerability in one package.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// Identifier, such as `CVE-2021-36159`.
    pub id: String,
    /// Other identifiers of the same vulnerability, or the CVEs of an advisory; sorted.
    pub aliases: Vec<String>,
    /// How bad it is, as the scanner says.
    pub severity: Severity,
    /// Name of the package; empty when the report does not say.
    pub package: String,
    /// Version found; empty when the report does not say.
    pub version: String,
    /// Package URL, where the report has one.
    pub purl: Option<String>,
    /// Versions in which it is fixed, as far as the report names them.
    pub fixed_in: Vec<String>,
    /// Whether there is a fix.
    pub fix: Fix,
}

/// Whether there is a fix for a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fix {
    /// There is one.
    Available,
    /// There is none, as the scanner says.
    Missing,
    /// The scanner does not say, or does not know.
    Unknown,
}

impl Fix {
    /// What the versions amount to; `otherwise` when there are none.
    fn of(versions: &[String], otherwise: Self) -> Self {
        if versions.is_empty() { otherwise } else { Self::Available }
    }
}

impl Finding {
    /// Returns true if the identifier is exactly that of the finding and nothing less: an advisory about several CVEs is more than any of
    /// them.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.id == name || self.aliases.iter().any(|alias| alias == name) && self.cves() < 2
    }

    /// Returns true if the identifier means the finding, or a part of it, in any spelling: other case, or an address that ends with it.
    pub(crate) fn touches(&self, name: &str) -> bool {
        let name = name.trim();
        let last = name.rsplit(['/', '=', '#']).next().unwrap_or(name);
        let is = |known: &String| known.eq_ignore_ascii_case(name) || known.eq_ignore_ascii_case(last);
        is(&self.id) || self.aliases.iter().any(is)
    }

    /// How many CVEs it is about, whatever their spelling.
    fn cves(&self) -> usize {
        let names = self.aliases.iter().chain([&self.id]).map(|name| name.to_ascii_uppercase());
        names.filter(|name| name.starts_with("CVE-")).collect::<BTreeSet<_>>().len()
    }
}

/// How bad a finding is. What a scanner could not rate comes first in order and does not mean that it is harmless.
/// Exhaustive: code that decides by it must handle each severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Not rated.
    Unknown,
    /// Negligible.
    Negligible,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// Critical.
    Critical,
}

impl Severity {
    /// The severity of that name in any case; any other name means "not rated".
    pub fn from_name(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "negligible" | "none" => Self::Negligible,
            "low" => Self::Low,
            "medium" | "moderate" => Self::Medium,
            "high" | "important" => Self::High,
            "critical" => Self::Critical,
            _ => Self::Unknown,
        }
    }

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Negligible => "negligible",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// The members by which formats are told apart.
#[derive(Deserialize)]
struct Probe {
    #[serde(rename = "SchemaVersion")]
    trivy: Option<IgnoredAny>,
    #[serde(rename = "matches")]
    grype_matches: Option<IgnoredAny>,
    #[serde(rename = "descriptor")]
    grype_descriptor: Option<IgnoredAny>,
    #[serde(rename = "package_vulnerabilities")]
    clair: Option<IgnoredAny>,
    #[serde(rename = "runs")]
    sarif: Option<IgnoredAny>,
}

impl ScanReport {
    /// Reads a report, told apart by its members. A report that could be read in two ways is refused.
    ///
    /// ```
    /// # const TRIVY: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/scan/trivy.json"));
    /// use sigkit_core::content::scan::{ScanReport, Severity};
    /// use sigkit_core::limits::Limits;
    ///
    /// let report = ScanReport::parse(TRIVY, &Limits::DEFAULT)?;
    /// assert!(report.findings.iter().any(|finding| finding.severity >= Severity::High));
    /// # Ok::<(), sigkit_core::content::ContentError>(())
    /// ```
    ///
    /// # Errors
    /// [`ContentError`].
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, ContentError> {
        let probe: Probe = json::from_slice(bytes).map_err(|error| ContentError::Json { document: DOCUMENT, error })?;
        let recognised: Vec<ScanFormat> = [
            (ScanFormat::Trivy, probe.trivy.is_some()),
            (ScanFormat::Grype, probe.grype_matches.is_some() || probe.grype_descriptor.is_some()),
            (ScanFormat::Clair, probe.clair.is_some()),
            (ScanFormat::Sarif, probe.sarif.is_some()),
        ]
        .into_iter()
        .filter_map(|(format, found)| found.then_some(format))
        .collect();
        let report = match recognised.as_slice() {
            [ScanFormat::Trivy] => trivy::read(bytes),
            [ScanFormat::Grype] => grype::read(bytes),
            [ScanFormat::Clair] => clair::read(bytes),
            [ScanFormat::Sarif] => sarif::read(bytes),
            several => Err(ContentError::Member {
                document: DOCUMENT,
                member: "$",
                expected: "a report of Trivy, Grype or Clair, or SARIF",
                found: match several {
                    [] => "no members of these formats".to_owned(),
                    several => several.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ") + " at once",
                },
            }),
        }?;
        if report.findings.len() > limits.scan_findings {
            return Err(ContentError::TooMany { document: DOCUMENT, what: "findings", limit: limits.scan_findings });
        }
        Ok(report)
    }
}

/// Reads a report whose format is known.
fn report<T: serde::de::DeserializeOwned>(document: &'static str, bytes: &[u8]) -> Result<T, ContentError> {
    json::from_slice(bytes).map_err(|error| ContentError::Json { document, error })
}

fn member(document: &'static str, member: &'static str, expected: &'static str, found: &str) -> ContentError {
    ContentError::Member { document, member, expected, found: clip(found) }
}

/// A time, if there is one; Go's zero time means none.
fn time(document: &'static str, name: &'static str, text: Option<&str>) -> Result<Option<UnixTime>, ContentError> {
    match text {
        None | Some("" | "0001-01-01T00:00:00Z") => Ok(None),
        Some(text) => match UnixTime::parse(text) {
            Some((time, _)) => Ok(Some(time)),
            None => Err(member(document, name, "a time such as 2026-11-23T05:03:30Z", text)),
        },
    }
}

/// Sorted, each once, without the identifier itself.
fn aliases(id: &str, others: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut aliases: Vec<String> = others.into_iter().filter(|other| !other.is_empty() && other != id).collect();
    aliases.sort();
    aliases.dedup();
    aliases
}

/// `name@version`, or the name alone.
fn versioned(name: &str, version: &str) -> String {
    if version.is_empty() { name.to_owned() } else { format!("{name}@{version}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! fixture {
        ($name:literal) => {
            (include_bytes!(concat!("../../../../testdata/scan/", $name, ".json")) as &[u8])
        };
    }
    pub(super) use fixture;

    pub(super) fn parse(bytes: &[u8]) -> Result<ScanReport, ContentError> {
        ScanReport::parse(bytes, &Limits::DEFAULT)
    }

    #[test]
    fn every_format_reads_the_same_findings() {
        for (bytes, format) in [
            (fixture!("trivy"), ScanFormat::Trivy),
            (fixture!("grype"), ScanFormat::Grype),
            (fixture!("grype-v6"), ScanFormat::Grype),
            (fixture!("clair"), ScanFormat::Clair),
            (fixture!("sarif-trivy"), ScanFormat::Sarif),
            (fixture!("sarif-grype"), ScanFormat::Sarif),
        ] {
            let report = parse(bytes).unwrap();
            assert_eq!(report.format, format);
            let found: Vec<_> = report
                .findings
                .iter()
                .map(|f| (f.id.as_str(), f.severity, f.package.as_str(), f.version.as_str(), f.fixed_in.as_slice()))
                .collect();
            let fixed = ["2.10.7-r0".to_owned()];
            let expected: [(_, _, _, _, &[String]); 2] = [
                ("CVE-2021-36159", Severity::Critical, "apk-tools", "2.10.6-r0", &fixed),
                ("CVE-2019-14697", Severity::Medium, "musl", "1.1.22-r2", &[]),
            ];
            assert_eq!(found, expected, "{format}");
        }
    }

    // threat: D19
    #[test]
    fn not_a_report_or_two_at_once_is_refused() {
        for (text, found) in [
            ("{}", "no members of these formats"),
            (r#"{"results":[]}"#, "no members of these formats"),
            (r#"{"SchemaVersion":2,"runs":[]}"#, "Trivy JSON and SARIF at once"),
            (r#"{"matches":[],"package_vulnerabilities":{}}"#, "Grype JSON and Clair JSON at once"),
        ] {
            match parse(text.as_bytes()).expect_err(text) {
                ContentError::Member { member: "$", found: actual, .. } => assert_eq!(actual, found, "{text}"),
                other => panic!("{text}: {other}"),
            }
        }
        for text in ["", "[]", "null", r#"{"runs":[],"runs":[]}"#, "\u{feff}{}"] {
            assert!(matches!(parse(text.as_bytes()), Err(ContentError::Json { .. })), "{text}");
        }
    }

    // threat: D22
    #[test]
    fn a_report_cut_anywhere_is_an_error() {
        for bytes in [fixture!("trivy"), fixture!("grype"), fixture!("clair"), fixture!("sarif-grype")] {
            let end = bytes.trim_ascii_end().len();
            for end in 0..end {
                assert!(parse(&bytes[..end]).is_err(), "{end}");
            }
        }
    }

    // threat: D07
    #[test]
    fn findings_are_bounded() {
        let limits = Limits { scan_findings: 1, ..Limits::DEFAULT };
        let error = ScanReport::parse(fixture!("trivy"), &limits).unwrap_err();
        assert_eq!(error, ContentError::TooMany { document: DOCUMENT, what: "findings", limit: 1 });
        let limits = Limits { scan_findings: 2, ..Limits::DEFAULT };
        assert_eq!(ScanReport::parse(fixture!("trivy"), &limits).unwrap().findings.len(), 2);
    }

    #[test]
    fn severities_are_ordered_and_what_is_not_one_is_unknown() {
        let mut last = None;
        for name in ["unknown", "negligible", "low", "medium", "high", "critical"] {
            let severity = Severity::from_name(&name.to_ascii_uppercase());
            assert_eq!(severity.name(), name);
            assert!(last < Some(severity));
            last = Some(severity);
        }
        for name in ["", "crit", "9.8"] {
            assert_eq!(Severity::from_name(name), Severity::Unknown);
        }
    }
}
