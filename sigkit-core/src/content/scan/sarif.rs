//! SARIF 2.1.0 (OASIS), as vulnerability scanners write it: one run, one result for each vulnerability in a package.
//!
//! SARIF has no members for packages and versions. Scanners write them as lines such as `Installed Version: 1.2` into the message of
//! the result (Trivy) or the help text of the rule (Grype).

use serde::Deserialize;

use super::{Finding, ScanFormat, ScanReport, Scanner, Severity, aliases, member, report, time, versioned};
use crate::content::ContentError;

const DOCUMENT: &str = "SARIF report";

#[derive(Deserialize)]
struct Wire {
    version: String,
    runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    tool: Tool,
    results: Option<Vec<Outcome>>,
    invocations: Option<Vec<Invocation>>,
    properties: Option<RunProperties>,
}

#[derive(Deserialize)]
struct Tool {
    driver: Driver,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: String,
    information_uri: Option<String>,
    version: Option<String>,
    semantic_version: Option<String>,
    rules: Option<Vec<Rule>>,
}

#[derive(Deserialize)]
struct Rule {
    id: String,
    help: Option<Text>,
    properties: Option<RuleProperties>,
}

#[derive(Deserialize)]
struct RuleProperties {
    /// A CVSS base score in decimal; a string by convention, a number in some tools.
    #[serde(rename = "security-severity")]
    score: Option<serde_json::Value>,
    tags: Option<Vec<String>>,
    purls: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    rule_id: Option<String>,
    rule_index: Option<i64>,
    kind: Option<String>,
    message: Option<Text>,
}

#[derive(Default, Deserialize)]
struct Text {
    #[serde(default)]
    text: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    start_time_utc: Option<String>,
    end_time_utc: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RunProperties {
    repo_digests: Option<Vec<String>>,
}

pub(super) fn read(bytes: &[u8]) -> Result<ScanReport, ContentError> {
    let wire: Wire = report(DOCUMENT, bytes)?;
    if wire.version != "2.1.0" {
        return Err(member(DOCUMENT, "version", "2.1.0", &wire.version));
    }
    let found = wire.runs.len().to_string();
    let [run] = <[Run; 1]>::try_from(wire.runs).map_err(|_| member(DOCUMENT, "runs", "one run", &found))?;
    let Driver { name, information_uri, version, semantic_version, rules } = run.tool.driver;
    let rules = rules.unwrap_or_default();
    let version = version.or(semantic_version).unwrap_or_default();
    let mut findings = Vec::new();
    for outcome in run.results.unwrap_or_default() {
        // 3.27.9 `kind`: whoever says nothing means "fail".
        if matches!(outcome.kind.as_deref(), Some("pass" | "notApplicable")) {
            continue;
        }
        findings.push(finding(&outcome, &rules)?);
    }
    let invocation = run.invocations.and_then(|invocations| invocations.into_iter().next());
    let (started, finished) = invocation.map_or((None, None), |call| (call.start_time_utc, call.end_time_utc));
    Ok(ScanReport {
        format: ScanFormat::Sarif,
        scanner: Scanner {
            uri: information_uri.unwrap_or_else(|| versioned(&name, &version)),
            version,
            ..Scanner::default()
        },
        started: time(DOCUMENT, "runs[0].invocations[0].startTimeUtc", started.as_deref())?,
        finished: time(DOCUMENT, "runs[0].invocations[0].endTimeUtc", finished.as_deref())?,
        images: run.properties.and_then(|properties| properties.repo_digests).unwrap_or_default(),
        examined: None,
        findings,
    })
}

fn finding(outcome: &Outcome, rules: &[Rule]) -> Result<Finding, ContentError> {
    let indexed = outcome.rule_index.and_then(|index| usize::try_from(index).ok()).and_then(|index| rules.get(index));
    let rule = match (indexed, &outcome.rule_id) {
        (Some(rule), Some(id)) if rule.id != *id => {
            return Err(member(DOCUMENT, "runs[0].results[].ruleId", "the id of the rule at ruleIndex", id));
        }
        (Some(rule), _) => Some(rule),
        (None, Some(id)) => rules.iter().find(|rule| rule.id == *id),
        (None, None) => return Err(member(DOCUMENT, "runs[0].results[].ruleId", "the id of a rule", "none")),
    };
    let id = outcome.rule_id.as_deref().or(rule.map(|rule| rule.id.as_str())).unwrap_or_default();
    let message = outcome.message.as_ref().map_or("", |message| message.text.as_str());
    let help = rule.and_then(|rule| rule.help.as_ref()).map_or("", |help| help.text.as_str());
    let labelled = |labels: &[&str]| {
        let line = [message, help].into_iter().flat_map(str::lines).find_map(|line| {
            labels.iter().find_map(|label| line.trim().strip_prefix(label)?.strip_prefix(':').map(str::trim))
        });
        line.unwrap_or_default().to_owned()
    };
    let properties = rule.and_then(|rule| rule.properties.as_ref());
    let severity = properties.map_or(Severity::Unknown, rated);
    let severity = if severity == Severity::Unknown { Severity::from_name(&labelled(&["Severity"])) } else { severity };
    let fixed = labelled(&["Fixed Version", "Fix Version"]);
    let name = advisory(id);
    Ok(Finding {
        id: name.to_owned(),
        aliases: aliases(name, [labelled(&["Vulnerability ID"])]),
        severity,
        package: labelled(&["Package"]),
        version: labelled(&["Installed Version", "Version"]),
        purl: match properties.and_then(|properties| properties.purls.as_deref()) {
            Some([purl]) => Some(purl.clone()),
            _ => None,
        },
        fixed_in: fixed.split(',').map(str::trim).filter(|v| !v.is_empty()).map(str::to_owned).collect(),
    })
}

/// The score in the bands of CVSS 3.1, "Qualitative Severity Rating Scale"; without one, a tag that names a severity.
fn rated(properties: &RuleProperties) -> Severity {
    let score = properties.score.as_ref().and_then(|score| match score {
        serde_json::Value::String(text) => text.parse::<f64>().ok(),
        other => other.as_f64(),
    });
    match score {
        Some(score) if (9.0..=10.0).contains(&score) => Severity::Critical,
        Some(score) if (7.0..9.0).contains(&score) => Severity::High,
        Some(score) if (4.0..7.0).contains(&score) => Severity::Medium,
        Some(score) if score > 0.0 && score < 4.0 => Severity::Low,
        // Scanners write 0.0 when nobody has rated it.
        _ => {
            let tags = properties.tags.iter().flatten().map(|tag| Severity::from_name(tag));
            tags.max().unwrap_or(Severity::Unknown)
        }
    }
}

/// The identifier at the beginning of a rule's id, behind which Grype puts the package: `CVE-2021-36159-apk-tools`.
fn advisory(rule: &str) -> &str {
    let mut parts = rule.splitn(5, '-');
    let (prefix, fields) = match parts.next() {
        Some(prefix @ "CVE") => (prefix, 2),
        Some(prefix @ "GHSA") => (prefix, 3),
        _ => return rule,
    };
    let mut length = prefix.len();
    for _ in 0..fields {
        match parts.next() {
            Some(part) => length = length.saturating_add(1).saturating_add(part.len()),
            None => return rule,
        }
    }
    rule.get(..length).unwrap_or(rule)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{fixture, parse};
    use super::*;
    use crate::time::UnixTime;

    #[test]
    fn scanner_and_times_come_from_the_run() {
        let trivy = parse(fixture!("sarif-trivy")).unwrap();
        assert_eq!(trivy.scanner.uri, "https://github.com/aquasecurity/trivy");
        assert_eq!(trivy.scanner.version, "0.68.1");
        assert!(trivy.images[0].starts_with("alpine@sha256:"));
        assert_eq!(trivy.finished, None);
        let grype = parse(fixture!("sarif-grype")).unwrap();
        assert_eq!((grype.started, grype.finished), (Some(UnixTime(1_795_410_200)), Some(UnixTime(1_795_410_210))));
        assert_eq!(grype.findings[0].purl.as_deref(), Some("pkg:apk/alpine/apk-tools@2.10.6-r0"));
    }

    fn report(rule: &str, outcome: &str) -> Result<ScanReport, ContentError> {
        parse(
            format!(
                r#"{{"version":"2.1.0","runs":[{{"tool":{{"driver":{{"name":"s","rules":[{rule}]}}}},"results":[{outcome}]}}]}}"#
            )
            .as_bytes(),
        )
    }

    #[test]
    fn severity_is_the_score_else_a_tag_else_a_line() {
        for (properties, severity) in [
            (r#"{"security-severity":"9.0"}"#, Severity::Critical),
            (r#"{"security-severity":8.9}"#, Severity::High),
            (r#"{"security-severity":"4.0"}"#, Severity::Medium),
            (r#"{"security-severity":"0.1"}"#, Severity::Low),
            (r#"{"security-severity":"0.0","tags":["vulnerability","HIGH"]}"#, Severity::High),
            (r#"{"security-severity":"11","tags":[]}"#, Severity::Unknown),
            (r#"{"security-severity":"NaN"}"#, Severity::Unknown),
            ("{}", Severity::Unknown),
        ] {
            let report = report(&format!(r#"{{"id":"r","properties":{properties}}}"#), r#"{"ruleId":"r"}"#).unwrap();
            assert_eq!(report.findings[0].severity, severity, "{properties}");
        }
        let line = report(r#"{"id":"r","help":{"text":"a\n Severity: critical"}}"#, r#"{"ruleIndex":0}"#).unwrap();
        assert_eq!(line.findings[0].severity, Severity::Critical);
    }

    #[test]
    fn a_result_counts_unless_it_says_pass() {
        for (outcome, count) in [
            (r#"{"ruleId":"r"}"#, 1),
            (r#"{"ruleId":"r","kind":"fail","suppressions":[{"kind":"external"}]}"#, 1),
            (r#"{"ruleId":"r","kind":"open"}"#, 1),
            (r#"{"ruleId":"unlisted"}"#, 1),
            (r#"{"ruleId":"r","kind":"pass"}"#, 0),
            (r#"{"ruleId":"r","kind":"notApplicable"}"#, 0),
        ] {
            assert_eq!(report(r#"{"id":"r"}"#, outcome).unwrap().findings.len(), count, "{outcome}");
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        for outcome in [r#"{"ruleId":"x","ruleIndex":0}"#, r#"{"ruleIndex":7}"#, "{}"] {
            let error = report(r#"{"id":"r"}"#, outcome).expect_err(outcome);
            assert!(matches!(error, ContentError::Member { member: "runs[0].results[].ruleId", .. }), "{error}");
        }
        for (text, place) in
            [(r#"{"version":"2.0.0","runs":[]}"#, "version"), (r#"{"version":"2.1.0","runs":[]}"#, "runs")]
        {
            match parse(text.as_bytes()).expect_err(text) {
                ContentError::Member { member, .. } => assert_eq!(member, place),
                other => panic!("{text}: {other}"),
            }
        }
    }

    #[test]
    fn the_identifier_ends_before_the_package() {
        for (rule, id) in [
            ("CVE-2021-36159-apk-tools", "CVE-2021-36159"),
            ("CVE-2021-36159", "CVE-2021-36159"),
            ("GHSA-jfh8-c2jp-5v3q-log4j-core", "GHSA-jfh8-c2jp-5v3q"),
            ("CVE-2021", "CVE-2021"),
            ("ELSA-2021-1-x", "ELSA-2021-1-x"),
            ("", ""),
        ] {
            assert_eq!(advisory(rule), id);
        }
    }
}
