//! Clair 4's vulnerability report. It names neither the version of Clair, nor its database, nor a time.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{Finding, Fix, ScanFormat, ScanReport, Scanner, Severity, Target, aliases, member, report};
use crate::content::ContentError;

const DOCUMENT: &str = "Clair report";
const PURL: &str = "pkg:github/quay/clair";

#[derive(Deserialize)]
struct Wire {
    manifest_hash: Option<String>,
    packages: Option<BTreeMap<String, Package>>,
    vulnerabilities: Option<BTreeMap<String, Vulnerability>>,
    package_vulnerabilities: BTreeMap<String, Option<Vec<String>>>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    #[serde(default)]
    version: String,
}

#[derive(Deserialize)]
struct Vulnerability {
    name: String,
    #[serde(default)]
    links: String,
    #[serde(default)]
    normalized_severity: String,
    #[serde(default)]
    fixed_in_version: String,
}

pub(super) fn read(bytes: &[u8]) -> Result<ScanReport, ContentError> {
    let wire: Wire = report(DOCUMENT, bytes)?;
    let packages = wire.packages.unwrap_or_default();
    let vulnerabilities = wire.vulnerabilities.unwrap_or_default();
    let mut findings = Vec::new();
    let mut placed = BTreeSet::new();
    for (package, found) in &wire.package_vulnerabilities {
        let described = packages
            .get(package)
            .ok_or_else(|| member(DOCUMENT, "package_vulnerabilities", "keys that `packages` has", package))?;
        for id in found.iter().flatten() {
            let vulnerability = vulnerabilities
                .get(id)
                .ok_or_else(|| member(DOCUMENT, "package_vulnerabilities", "entries that `vulnerabilities` has", id))?;
            placed.insert(id.as_str());
            findings.push(finding(&described.name, &described.version, vulnerability));
        }
    }
    // What the report assigns to no package was found all the same.
    let unplaced = vulnerabilities.iter().filter(|(id, _)| !placed.contains(id.as_str()));
    findings.extend(unplaced.map(|(_, vulnerability)| finding("", "", vulnerability)));
    Ok(ScanReport {
        format: ScanFormat::Clair,
        tool: "clair".to_owned(),
        scanner: Scanner { uri: PURL.to_owned(), ..Scanner::default() },
        started: None,
        finished: None,
        target: Target::Image,
        images: wire.manifest_hash.into_iter().collect(),
        examined: Some(packages.len()),
        findings,
    })
}

fn finding(package: &str, version: &str, found: &Vulnerability) -> Finding {
    // Some feeds put a title behind the identifier: `CVE-2020-3810 on Ubuntu …`, `RHSA-2021:1206: gnutls …`.
    let id = found.name.split_whitespace().next().unwrap_or_default().trim_end_matches(':').to_owned();
    // "Not fixed" is an empty text, or a range that only begins; another text without a version says nothing.
    let begins = found.fixed_in_version.split('&').all(|part| part.is_empty() || part.starts_with("introduced="));
    let fix = if begins { Fix::Missing } else { Fix::Unknown };
    let fixed_in: Vec<String> = fixed_in(&found.fixed_in_version).map(str::to_owned).into_iter().collect();
    let linked = found.links.split_whitespace().filter_map(|link| link.rsplit(['/', '=']).next());
    Finding {
        aliases: aliases(&id, linked.filter(|name| is_cve(name)).map(str::to_owned)),
        id,
        severity: Severity::from_name(&found.normalized_severity),
        package: package.to_owned(),
        version: version.to_owned(),
        purl: None,
        fix: Fix::of(&fixed_in, fix),
        fixed_in,
    }
}

fn is_cve(name: &str) -> bool {
    name.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("CVE-"))
}

/// A version, or from some feeds a query such as `fixed=1.2.3&introduced=0`.
fn fixed_in(text: &str) -> Option<&str> {
    let version = match text.contains('=') {
        true => text.split('&').find_map(|part| part.strip_prefix("fixed="))?,
        false => text,
    };
    (!version.is_empty()).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{fixture, parse};
    use super::*;

    #[test]
    fn the_image_is_named_and_a_time_is_not() {
        let report = parse(fixture!("clair")).unwrap();
        assert!(report.images[0].starts_with("sha256:"));
        assert_eq!((report.started, report.finished, report.examined), (None, None, Some(3)));
        assert_eq!(report.scanner.uri, "pkg:github/quay/clair");
    }

    // threat: D22
    #[test]
    fn a_reference_to_nothing_is_refused() {
        for text in [
            r#"{"package_vulnerabilities":{"1":["2"]}}"#,
            r#"{"packages":{"1":{"name":"p"}},"package_vulnerabilities":{"1":["2"]}}"#,
        ] {
            let error = parse(text.as_bytes()).expect_err(text);
            assert!(matches!(error, ContentError::Member { member: "package_vulnerabilities", .. }), "{error}");
        }
        let none = parse(br#"{"package_vulnerabilities":{}}"#).unwrap();
        assert_eq!((none.examined, none.findings.len()), (Some(0), 0));
    }

    #[test]
    fn identifiers_are_found_within_titles_links_and_queries() {
        for (name, links, fixed, expected) in [
            ("CVE-2020-3810 on Ubuntu 18.04 LTS (bionic) - medium.", "", "", ("CVE-2020-3810", vec![], vec![])),
            (
                "RHSA-2021:1206: gnutls and nettle security update (Important)",
                "https://access.redhat.com/errata/RHSA-2021:1206 https://other.test/advisories/7 https://access.redhat.com/security/cve/CVE-2021-20305",
                "0:3.6.14-8.el8_3",
                ("RHSA-2021:1206", vec!["CVE-2021-20305"], vec!["0:3.6.14-8.el8_3"]),
            ),
            (
                "GHSA-xxxx",
                "https://cve.mitre.org/cgi-bin/cvename.cgi?name=CVE-1-2",
                "fixed=1.2&introduced=0",
                ("GHSA-xxxx", vec!["CVE-1-2"], vec!["1.2"]),
            ),
            ("X", "", "introduced=0", ("X", vec![], vec![])),
        ] {
            let vulnerability = Vulnerability {
                name: name.to_owned(),
                links: links.to_owned(),
                normalized_severity: "Low".to_owned(),
                fixed_in_version: fixed.to_owned(),
            };
            let finding = finding("p", "", &vulnerability);
            let strings = |texts: &[String]| texts.to_vec();
            assert_eq!(finding.id, expected.0);
            assert_eq!(strings(&finding.aliases), expected.1, "{name}");
            assert_eq!(strings(&finding.fixed_in), expected.2, "{name}");
        }
    }
}
