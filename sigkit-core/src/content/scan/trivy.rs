//! Trivy's JSON report, schema version 2. The report does not name the vulnerability database.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    Finding, Fix, ScanFormat, ScanReport, Scanner, Severity, Target, aliases, member, report, time, versioned,
};
use crate::content::ContentError;

const DOCUMENT: &str = "Trivy report";
const PURL: &str = "pkg:github/aquasecurity/trivy";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Wire {
    schema_version: u64,
    trivy: Option<Tool>,
    created_at: Option<String>,
    artifact_name: Option<String>,
    artifact_type: Option<String>,
    metadata: Option<Metadata>,
    results: Option<Vec<Part>>,
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
struct Part {
    class: Option<String>,
    #[serde(alias = "vulnerabilities")]
    vulnerabilities: Option<Vec<Vulnerability>>,
    /// What `--show-suppressed` lists: findings that an ignore file, a policy or a VEX document of the scanner took out.
    #[serde(alias = "ModifiedFindings")]
    experimental_modified_findings: Option<Vec<Modified>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Modified {
    #[serde(rename = "Type")]
    kind: Option<String>,
    finding: Box<RawValue>,
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
    status: Option<String>,
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
    let parts = wire.results.unwrap_or_default();
    // Secrets, licences and misconfigurations are other questions.
    let examined = parts.iter().filter(|part| match part.class.as_deref() {
        Some("os-pkgs" | "lang-pkgs") => true,
        _ => part.vulnerabilities.is_some(),
    });
    let examined = examined.count();
    let mut findings = Vec::new();
    for part in parts {
        findings.extend(part.vulnerabilities.unwrap_or_default().into_iter().map(finding));
        for modified in part.experimental_modified_findings.unwrap_or_default() {
            if !matches!(modified.kind.as_deref(), Some("misconfiguration" | "secret" | "license")) {
                findings.push(finding(report(DOCUMENT, modified.finding.get().as_bytes())?));
            }
        }
    }
    let named = wire.artifact_name.filter(|name| name.contains("@sha"));
    Ok(ScanReport {
        format: ScanFormat::Trivy,
        tool: "trivy".to_owned(),
        scanner: Scanner { uri: versioned(PURL, &version), version, ..Scanner::default() },
        started: at,
        finished: at,
        target: match wire.artifact_type {
            None => Target::Unsaid,
            Some(kind) if kind == "container_image" => Target::Image,
            Some(kind) => Target::Other(kind),
        },
        images: wire.metadata.and_then(|metadata| metadata.repo_digests).into_iter().flatten().chain(named).collect(),
        examined: Some(examined),
        findings,
    })
}

fn finding(found: Vulnerability) -> Finding {
    // Several versions are separated by commas: one for each line of development.
    let versions = found.fixed_version.split(',').map(str::trim).filter(|version| !version.is_empty());
    let fixed_in: Vec<String> = versions.map(str::to_owned).collect();
    // Releases before 0.39 have no status, and then an absent version is all that they say of a missing fix.
    let fix = match found.status.as_deref() {
        None | Some("affected" | "will_not_fix" | "fix_deferred" | "end_of_life") => Fix::Missing,
        Some("fixed") => Fix::Available,
        Some(_) => Fix::Unknown,
    };
    Finding {
        aliases: aliases(&found.id, found.vendor_ids.unwrap_or_default()),
        id: found.id,
        severity: Severity::from_name(&found.severity),
        package: found.pkg_name,
        version: found.installed_version,
        purl: found.pkg_identifier.and_then(|identifier| identifier.purl),
        fix: Fix::of(&fixed_in, fix),
        fixed_in,
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
