//! Trivy's JSON report, schema version 2. The report does not name the vulnerability database.

use serde::Deserialize;

use super::{Finding, ScanFormat, ScanReport, Scanner, Severity, aliases, member, report, time, versioned};
use crate::content::ContentError;

const DOCUMENT: &str = "Trivy report";
const PURL: &str = "pkg:github/aquasecurity/trivy";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Wire {
    schema_version: u64,
    trivy: Option<Tool>,
    created_at: Option<String>,
    metadata: Option<Metadata>,
    results: Option<Vec<Target>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tool {
    #[serde(default)]
    version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    repo_digests: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Target {
    class: Option<String>,
    vulnerabilities: Option<Vec<Vulnerability>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Vulnerability {
    #[serde(rename = "VulnerabilityID")]
    id: String,
    #[serde(rename = "VendorIDs")]
    vendor_ids: Option<Vec<String>>,
    pkg_name: String,
    pkg_identifier: Option<Identifier>,
    #[serde(default)]
    installed_version: String,
    #[serde(default)]
    fixed_version: String,
    #[serde(default)]
    severity: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
struct Identifier {
    purl: Option<String>,
}

pub(super) fn read(bytes: &[u8]) -> Result<ScanReport, ContentError> {
    let wire: Wire = report(DOCUMENT, bytes)?;
    if wire.schema_version != 2 {
        return Err(member(DOCUMENT, "SchemaVersion", "2", &wire.schema_version.to_string()));
    }
    let version = wire.trivy.map(|tool| tool.version).unwrap_or_default();
    let at = time(DOCUMENT, "CreatedAt", wire.created_at.as_deref())?;
    let targets = wire.results.unwrap_or_default();
    // Secrets, licences and misconfigurations are other questions.
    let examined = targets.iter().filter(|target| match target.class.as_deref() {
        None | Some("" | "os-pkgs" | "lang-pkgs") => true,
        Some(_) => target.vulnerabilities.is_some(),
    });
    Ok(ScanReport {
        format: ScanFormat::Trivy,
        scanner: Scanner { uri: versioned(PURL, &version), version, ..Scanner::default() },
        started: at,
        finished: at,
        images: wire.metadata.and_then(|metadata| metadata.repo_digests).unwrap_or_default(),
        examined: Some(examined.count()),
        findings: targets
            .into_iter()
            .flat_map(|target| target.vulnerabilities.unwrap_or_default())
            .map(finding)
            .collect(),
    })
}

fn finding(found: Vulnerability) -> Finding {
    Finding {
        aliases: aliases(&found.id, found.vendor_ids.unwrap_or_default()),
        id: found.id,
        severity: Severity::from_name(&found.severity),
        package: found.pkg_name,
        version: found.installed_version,
        purl: found.pkg_identifier.and_then(|identifier| identifier.purl),
        // Several versions are separated by commas: one for each line of development.
        fixed_in: found
            .fixed_version
            .split(',')
            .map(str::trim)
            .filter(|version| !version.is_empty())
            .map(str::to_owned)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{fixture, parse};
    use super::*;
    use crate::time::UnixTime;

    #[test]
    fn scanner_time_and_image_come_from_the_report() {
        let report = parse(fixture!("trivy")).unwrap();
        assert_eq!(report.scanner.uri, "pkg:github/aquasecurity/trivy@0.68.1");
        assert_eq!(report.scanner.version, "0.68.1");
        assert_eq!(report.finished, Some(UnixTime(1_795_410_210)));
        assert_eq!(report.examined, Some(1));
        assert!(report.images[0].starts_with("alpine@sha256:"));
        assert_eq!(
            report.findings[0].purl.as_deref(),
            Some("pkg:apk/alpine/apk-tools@2.10.6-r0?arch=x86_64&distro=3.10.9")
        );
    }

    // threat: D19
    #[test]
    fn a_report_about_nothing_examined_nothing() {
        for results in ["", r#","Results":null"#, r#","Results":[]"#, r#","Results":[{"Class":"secret"}]"#] {
            let text = format!(r#"{{"SchemaVersion":2,"ArtifactName":"x"{results}}}"#);
            let report = parse(text.as_bytes()).unwrap();
            assert_eq!((report.examined, report.findings.len(), report.finished), (Some(0), 0, None), "{text}");
        }
        let clean = br#"{"SchemaVersion":2,"CreatedAt":"0001-01-01T00:00:00Z","Results":[{"Class":"os-pkgs"}]}"#;
        assert_eq!(parse(clean).unwrap().examined, Some(1));
    }

    #[test]
    fn other_schemas_and_odd_times_are_refused() {
        for (text, place) in [
            (r#"{"SchemaVersion":1}"#, "SchemaVersion"),
            (r#"{"SchemaVersion":2,"CreatedAt":"yesterday"}"#, "CreatedAt"),
        ] {
            match parse(text.as_bytes()).expect_err(text) {
                ContentError::Member { member, .. } => assert_eq!(member, place),
                other => panic!("{text}: {other}"),
            }
        }
        let unrated = br#"{"SchemaVersion":2,"Results":[{"Vulnerabilities":[{"VulnerabilityID":"X-1","VendorIDs":["R-2","X-1","R-1"],"PkgName":"p","FixedVersion":"1.2, 1.3"}]}]}"#;
        let finding = parse(unrated).unwrap().findings.remove(0);
        assert_eq!((finding.severity, finding.fixed_in), (Severity::Unknown, vec!["1.2".to_owned(), "1.3".to_owned()]));
        assert_eq!(finding.aliases, ["R-1", "R-2"]);
    }
}
