//! The predicate that carries a scan report: cosign vulnerability attestation specification.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{ScanReport, Scanner, member, report, time};
use crate::content::ContentError;
use crate::json::JsonError;
use crate::limits::Limits;
use crate::time::UnixTime;

const DOCUMENT: &str = "vulnerability predicate";

/// A predicate of type `https://cosign.sigstore.dev/attestation/vuln/v1`: a scan report, and who made it when.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ScanPredicate {
    /// Who scanned.
    pub scanner: Scanner,
    /// When scanning began; `None` if not stated.
    pub started: Option<UnixTime>,
    /// When scanning ended; `None` if not stated.
    pub finished: Option<UnixTime>,
    result: Box<RawValue>,
}

#[derive(Deserialize)]
struct Wire {
    scanner: WireScanner,
    metadata: Option<WireMetadata>,
}

#[derive(Deserialize)]
struct WireScanner {
    uri: Option<String>,
    version: Option<String>,
    db: Option<WireDatabase>,
    result: Box<RawValue>,
}

#[derive(Default, Deserialize)]
struct WireDatabase {
    uri: Option<String>,
    version: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireMetadata {
    scan_started_on: Option<String>,
    scan_finished_on: Option<String>,
}

impl ScanPredicate {
    /// Reads a predicate. What the scanner reported is kept as it is; [`ScanPredicate::report`] reads it.
    ///
    /// # Errors
    /// [`ContentError`].
    pub fn parse(predicate: &[u8]) -> Result<Self, ContentError> {
        let wire: Wire = report(DOCUMENT, predicate)?;
        let result = wire.scanner.result;
        if !result.get().starts_with('{') {
            return Err(member(DOCUMENT, "scanner.result", "the scanner's report, an object", result.get()));
        }
        let database = wire.scanner.db.unwrap_or_default();
        let metadata = wire.metadata.unwrap_or_default();
        Ok(Self {
            scanner: Scanner {
                uri: wire.scanner.uri.unwrap_or_default(),
                version: wire.scanner.version.unwrap_or_default(),
                database_uri: database.uri.unwrap_or_default(),
                database_version: database.version.unwrap_or_default(),
            },
            started: time(DOCUMENT, "metadata.scanStartedOn", metadata.scan_started_on.as_deref())?,
            finished: time(DOCUMENT, "metadata.scanFinishedOn", metadata.scan_finished_on.as_deref())?,
            result,
        })
    }

    /// Reads what the scanner reported. An empty report is refused: it would pass no matter what was found.
    ///
    /// # Errors
    /// [`ContentError`], also for a report in no known format.
    pub fn report(&self, limits: &Limits) -> Result<ScanReport, ContentError> {
        ScanReport::parse(self.result.get().as_bytes(), limits)
    }
}

/// Wraps a report into the predicate, with scanner, database and times as the report states them. The report's bytes stay as they
/// are.
///
/// # Errors
/// [`JsonError`], which these types cannot cause.
pub fn wrap(report: &ScanReport, bytes: &[u8]) -> Result<Vec<u8>, JsonError> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Metadata {
        #[serde(skip_serializing_if = "Option::is_none")]
        scan_started_on: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        scan_finished_on: Option<String>,
    }
    let text = |value: &str| serde_json::to_string(value);
    let Scanner { uri, version, database_uri, database_version } = &report.scanner;
    let scanner = format!(
        r#"{{"invocation":{{"parameters":null,"uri":"","event_id":"","builder.id":""}},"scanner":{{"uri":{},"version":{},"db":{{"uri":{},"version":{}}},"result":"#,
        text(uri)?,
        text(version)?,
        text(database_uri)?,
        text(database_version)?,
    );
    let metadata = serde_json::to_string(&Metadata {
        scan_started_on: report.started.as_ref().map(ToString::to_string),
        scan_finished_on: report.finished.as_ref().map(ToString::to_string),
    })?;
    Ok([scanner.as_bytes(), bytes.trim_ascii(), br#"},"metadata":"#, metadata.as_bytes(), b"}"].concat())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{fixture, parse};
    use super::*;

    #[test]
    fn a_wrapped_report_is_read_back_and_keeps_its_bytes() {
        for bytes in [fixture!("trivy"), fixture!("grype"), fixture!("clair"), fixture!("sarif-grype")] {
            let report = parse(bytes).unwrap();
            let wrapped = wrap(&report, bytes).unwrap();
            let predicate = ScanPredicate::parse(&wrapped).unwrap();
            assert_eq!(predicate.scanner, report.scanner);
            assert_eq!((predicate.started, predicate.finished), (report.started, report.finished));
            assert_eq!(predicate.result.get().as_bytes(), bytes.trim_ascii());
            assert_eq!(predicate.report(&Limits::DEFAULT).unwrap(), report);
        }
    }

    #[test]
    fn the_example_of_the_specification_is_read() {
        let predicate = ScanPredicate::parse(fixture!("cosign-vuln")).unwrap();
        assert_eq!(predicate.scanner.uri, "pkg:github/aquasecurity/trivy@0.68.1");
        assert_eq!(predicate.finished, Some(UnixTime(1_795_410_210)));
        assert_eq!(predicate.report(&Limits::DEFAULT).unwrap().findings.len(), 2);
    }

    // threat: D19
    #[test]
    fn empty_result_is_not_a_report() {
        let text = |result: &str| format!(r#"{{"scanner":{{"result":{result}}}}}"#);
        for result in ["null", "[]", r#""clean""#, "0"] {
            let error = ScanPredicate::parse(text(result).as_bytes()).expect_err(result);
            assert!(matches!(error, ContentError::Member { member: "scanner.result", .. }), "{result}: {error}");
        }
        for result in ["{}", r#"{"Results":[]}"#] {
            let predicate = ScanPredicate::parse(text(result).as_bytes()).unwrap();
            assert!(matches!(predicate.report(&Limits::DEFAULT), Err(ContentError::Member { .. })), "{result}");
        }
        for text in ["{}", r#"{"scanner":{}}"#, r#"{"scanner":{"uri":1,"result":{}}}"#] {
            assert!(matches!(ScanPredicate::parse(text.as_bytes()), Err(ContentError::Json { .. })), "{text}");
        }
        let odd = br#"{"scanner":{"result":{}},"metadata":{"scanFinishedOn":"soon"}}"#;
        let error = ScanPredicate::parse(odd).unwrap_err();
        assert!(matches!(error, ContentError::Member { member: "metadata.scanFinishedOn", .. }), "{error}");
    }
}
