//! Grype's JSON report, with the database in the form of schema 5 and of schema 6.

use serde::Deserialize;

use super::{
    Finding, Fix, ScanFormat, ScanReport, Scanner, Severity, Target, aliases, member, report, time, versioned,
};
use crate::content::ContentError;

const DOCUMENT: &str = "Grype report";
const PURL: &str = "pkg:github/anchore/grype";

#[derive(Deserialize)]
struct Wire {
    /// Grype writes an empty list when it finds nothing, and never `null`.
    matches: Vec<Match>,
    /// What its ignore rules and VEX documents took out.
    #[serde(rename = "ignoredMatches")]
    ignored: Option<Vec<Match>>,
    source: Option<Source>,
    descriptor: Descriptor,
}

#[derive(Deserialize)]
struct Match {
    vulnerability: Vulnerability,
    #[serde(rename = "relatedVulnerabilities")]
    related: Option<Vec<Related>>,
    artifact: Artifact,
}

#[derive(Deserialize)]
struct Vulnerability {
    id: String,
    #[serde(default)]
    severity: String,
    fix: Option<WireFix>,
}

#[derive(Deserialize)]
struct WireFix {
    versions: Option<Vec<String>>,
    state: Option<String>,
}

#[derive(Deserialize)]
struct Related {
    id: String,
}

#[derive(Deserialize)]
struct Artifact {
    name: String,
    #[serde(default)]
    version: String,
    purl: Option<String>,
}

#[derive(Deserialize)]
struct Source {
    #[serde(rename = "type")]
    kind: Option<String>,
    target: Option<Scanned>,
}

/// An image; of a directory the target is its path.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scanned {
    #[serde(rename_all = "camelCase")]
    Image {
        user_input: Option<String>,
        manifest_digest: Option<String>,
        repo_digests: Option<Vec<String>>,
    },
    Path(String),
}

#[derive(Deserialize)]
struct Descriptor {
    #[serde(default)]
    version: String,
    timestamp: Option<String>,
    db: Option<Database>,
}

/// Schema 6 puts below `status` what schema 5 has at the top.
#[derive(Default, Deserialize)]
struct Database {
    #[serde(flatten)]
    plain: Build,
    status: Option<Build>,
}

#[derive(Clone, Default, Deserialize)]
struct Build {
    built: Option<String>,
    from: Option<String>,
    checksum: Option<String>,
    /// Whether the database could be used.
    valid: Option<bool>,
    error: Option<String>,
}

pub(super) fn read(bytes: &[u8]) -> Result<ScanReport, ContentError> {
    let wire: Wire = report(DOCUMENT, bytes)?;
    let Descriptor { version, timestamp, db } = wire.descriptor;
    let at = time(DOCUMENT, "descriptor.timestamp", timestamp.as_deref())?;
    let db = db.unwrap_or_default();
    let build = db.status.unwrap_or(db.plain);
    time(DOCUMENT, "descriptor.db.built", build.built.as_deref())?;
    if build.valid == Some(false) || build.error.as_ref().is_some_and(|error| !error.is_empty()) {
        let found = build.error.as_deref().unwrap_or("valid: false");
        return Err(member(DOCUMENT, "descriptor.db", "a database that could be used", found));
    }
    let (kind, scanned) = wire.source.map_or((None, None), |source| (source.kind, source.target));
    let (target, images) = match (kind, scanned) {
        (Some(kind), _) if kind != "image" => (Target::Other(kind), Vec::new()),
        (_, Some(Scanned::Path(path))) => (Target::Other(path), Vec::new()),
        (kind, Some(Scanned::Image { user_input, manifest_digest, repo_digests })) => {
            let named = user_input.filter(|name| name.contains("@sha"));
            let images = manifest_digest.into_iter().chain(repo_digests.unwrap_or_default()).chain(named);
            (kind.map_or(Target::Unsaid, |_| Target::Image), images.collect())
        }
        (Some(_), None) => (Target::Image, Vec::new()),
        (None, None) => (Target::Unsaid, Vec::new()),
    };
    Ok(ScanReport {
        format: ScanFormat::Grype,
        tool: "grype".to_owned(),
        scanner: Scanner {
            uri: versioned(PURL, &version),
            version,
            database_uri: build.from.or(build.checksum).unwrap_or_default(),
            database_version: build.built.unwrap_or_default(),
        },
        started: at,
        finished: at,
        target,
        images,
        examined: None,
        findings: wire.matches.into_iter().chain(wire.ignored.unwrap_or_default()).map(finding).collect(),
    })
}

fn finding(found: Match) -> Finding {
    let Match { vulnerability, related, artifact } = found;
    let (versions, state) = vulnerability.fix.map_or((None, None), |fix| (fix.versions, fix.state));
    let fixed_in: Vec<String> = versions.into_iter().flatten().filter(|version| !version.is_empty()).collect();
    let fix = match state.as_deref() {
        Some("fixed") => Fix::Available,
        Some("not-fixed" | "wont-fix") => Fix::Missing,
        _ => Fix::Unknown,
    };
    Finding {
        aliases: aliases(&vulnerability.id, related.unwrap_or_default().into_iter().map(|related| related.id)),
        id: vulnerability.id,
        severity: Severity::from_name(&vulnerability.severity),
        package: artifact.name,
        version: artifact.version,
        purl: artifact.purl.filter(|purl| !purl.is_empty()),
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
    fn scanner_database_and_time_come_from_the_report() {
        let report = parse(fixture!("grype")).unwrap();
        assert_eq!(report.scanner.uri, "pkg:github/anchore/grype@0.74.0");
        assert_eq!(report.scanner.database_version, "2026-11-23T01:26:33Z");
        assert!(report.scanner.database_uri.starts_with("sha256:"));
        assert_eq!(report.finished, Some(UnixTime(1_795_410_210)));
        assert!(report.images[0].starts_with("sha256:"));
        let newer = parse(fixture!("grype-v6")).unwrap();
        assert_eq!(newer.scanner.database_version, "2026-11-23T01:26:33Z");
        assert!(newer.scanner.database_uri.starts_with("https://grype.anchore.io/databases/v6/"));
    }

    #[test]
    fn an_advisory_knows_its_other_names() {
        let text = br#"{"matches":[{"vulnerability":{"id":"GHSA-1","severity":"Odd","fix":null},"relatedVulnerabilities":[{"id":"CVE-2"},{"id":"GHSA-1"},{"id":"CVE-1"},{"id":"CVE-2"}],"artifact":{"name":"p","purl":""}}],"source":{"type":"directory","target":"/src"},"descriptor":{"name":"grype"}}"#;
        let report = parse(text).unwrap();
        assert_eq!(report.findings[0].aliases, ["CVE-1", "CVE-2"]);
        assert_eq!(report.findings[0].severity, Severity::Unknown);
        assert_eq!(report.findings[0].purl, None);
        assert_eq!((report.finished, report.scanner.uri.as_str()), (None, "pkg:github/anchore/grype"));
    }

    #[test]
    fn whether_there_is_a_fix_is_what_versions_and_state_say() {
        for (fix, expected) in [
            (r#"{"versions":["1"],"state":"unknown"}"#, Fix::Available),
            (r#"{"versions":[],"state":"fixed"}"#, Fix::Available),
            (r#"{"versions":[],"state":"not-fixed"}"#, Fix::Missing),
            (r#"{"versions":[],"state":"wont-fix"}"#, Fix::Missing),
            (r#"{"versions":[],"state":"unknown"}"#, Fix::Unknown),
            ("null", Fix::Unknown),
        ] {
            let text = format!(
                r#"{{"matches":[{{"vulnerability":{{"id":"CVE-1","severity":"Low","fix":{fix}}},"artifact":{{"name":"p"}}}}],"descriptor":{{"name":"grype"}}}}"#
            );
            assert_eq!(parse(text.as_bytes()).unwrap().findings[0].fix, expected, "{fix}");
        }
    }

    #[test]
    fn odd_times_are_refused() {
        for (descriptor, place) in [
            (r#"{"timestamp":"now"}"#, "descriptor.timestamp"),
            (r#"{"db":{"built":"2026"}}"#, "descriptor.db.built"),
            (r#"{"db":{"status":{"built":"2026"}}}"#, "descriptor.db.built"),
        ] {
            match parse(format!(r#"{{"matches":[],"descriptor":{descriptor}}}"#).as_bytes()).expect_err(descriptor) {
                ContentError::Member { member, .. } => assert_eq!(member, place),
                other => panic!("{descriptor}: {other}"),
            }
        }
        assert!(matches!(parse(br#"{"matches":[]}"#), Err(ContentError::Json { .. })));
    }
}
