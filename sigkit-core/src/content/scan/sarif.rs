//! SARIF 2.1.0 (OASIS), as vulnerability scanners write it: one run, one result for each vulnerability in a package.
//!
//! SARIF has no members for packages and versions. Scanners write them as lines such as `Installed Version: 1.2` into the message of
//! the result (Trivy) or the help text of the rule (Grype).

use serde::Deserialize;
use serde_json::Value;

use super::{
    Finding, Fix, ScanFormat, ScanReport, Scanner, Severity, Target, aliases, member, report, time, versioned,
};
use crate::content::ContentError;
use crate::time::UnixTime;

const DOCUMENT: &str = "SARIF report";

/// How the names of tools begin that look for vulnerabilities in images, and what to call them. SARIF is written by tools of every
/// kind, so that an empty list of any other tool says nothing about an image.
const IMAGE_SCANNERS: [(&str, &str); 6] = [
    ("anchore", "grype"),
    ("clair", "clair"),
    ("docker scout", "docker scout"),
    ("grype", "grype"),
    ("snyk container", "snyk container"),
    ("trivy", "trivy"),
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    version: String,
    runs: Vec<Run>,
    inline_external_properties: Option<Vec<Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    /// 3.14.23: absent or `null` when the tool did not compute any.
    results: Option<Vec<Outcome>>,
    invocations: Option<Vec<Invocation>>,
    properties: Option<RunProperties>,
    external_property_file_references: Option<serde_json::Map<String, Value>>,
}

#[derive(Deserialize)]
struct Tool {
    driver: Component,
    extensions: Option<Vec<Component>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Component {
    name: String,
    information_uri: Option<String>,
    version: Option<String>,
    semantic_version: Option<String>,
    rules: Option<Vec<Rule>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: String,
    help: Option<Text>,
    default_configuration: Option<Configuration>,
    properties: Option<Properties>,
}

#[derive(Deserialize)]
struct Configuration {
    level: Option<String>,
}

#[derive(Deserialize)]
struct Properties {
    /// A CVSS base score in decimal; a string by convention, a number in some tools.
    #[serde(rename = "security-severity")]
    score: Option<Value>,
    tags: Option<Vec<String>>,
    /// Docker Scout's name of a severity.
    #[serde(rename = "cvssV3_severity")]
    severity: Option<String>,
    purls: Option<Vec<String>>,
    fixed_version: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    rule_id: Option<String>,
    rule_index: Option<i64>,
    rule: Option<RuleReference>,
    kind: Option<String>,
    level: Option<String>,
    message: Option<Text>,
    properties: Option<Properties>,
}

/// 3.52 `reportingDescriptorReference`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuleReference {
    id: Option<String>,
    index: Option<i64>,
    tool_component: Option<ComponentReference>,
}

#[derive(Deserialize)]
struct ComponentReference {
    index: Option<i64>,
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
    execution_successful: Option<bool>,
    exit_code: Option<i64>,
    exit_signal_name: Option<String>,
    process_start_failure_message: Option<String>,
    tool_execution_notifications: Option<Vec<Notification>>,
    tool_configuration_notifications: Option<Vec<Notification>>,
}

#[derive(Deserialize)]
struct Notification {
    level: Option<String>,
    message: Option<Text>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RunProperties {
    image_name: Option<String>,
    repo_digests: Option<Vec<String>>,
}

pub(super) fn read(bytes: &[u8]) -> Result<ScanReport, ContentError> {
    let wire: Wire = report(DOCUMENT, bytes)?;
    if wire.version != "2.1.0" {
        return Err(member(DOCUMENT, "version", "2.1.0", &wire.version));
    }
    if wire.inline_external_properties.is_some_and(|parts| !parts.is_empty()) {
        return Err(member(
            DOCUMENT,
            "inlineExternalProperties",
            "results within the run",
            "properties of another run",
        ));
    }
    let found = wire.runs.len().to_string();
    let [run] = <[Run; 1]>::try_from(wire.runs).map_err(|_| member(DOCUMENT, "runs", "one run", &found))?;
    if let Some((name, _)) = run.external_property_file_references.iter().flatten().next() {
        return Err(member(DOCUMENT, "runs[0].externalPropertyFileReferences", "results within the run", name));
    }
    let (started, finished) = invoked(run.invocations.as_deref().unwrap_or_default())?;
    let outcomes = run.results.ok_or_else(|| {
        member(DOCUMENT, "runs[0].results", "a list, empty if nothing was found", "none: the tool did not scan")
    })?;
    let mut findings = Vec::new();
    for outcome in &outcomes {
        if !passes(outcome) {
            findings.push(finding(outcome, &run.tool)?);
        }
    }
    let Component { name, information_uri, version, semantic_version, .. } = run.tool.driver;
    let version = version.or(semantic_version).unwrap_or_default();
    let lower = name.to_ascii_lowercase();
    let scanner = IMAGE_SCANNERS.iter().find(|(begin, _)| lower.starts_with(begin)).map(|(_, tool)| (*tool).to_owned());
    let (image, digests) =
        run.properties.map_or((None, None), |properties| (properties.image_name, properties.repo_digests));
    Ok(ScanReport {
        format: ScanFormat::Sarif,
        tool: scanner.clone().unwrap_or(lower),
        scanner: Scanner {
            uri: information_uri.unwrap_or_else(|| versioned(&name, &version)),
            version,
            ..Scanner::default()
        },
        started,
        finished,
        target: if image.is_some() { Target::Image } else { Target::Unsaid },
        images: digests.into_iter().flatten().chain(image.filter(|name| name.contains("@sha"))).collect(),
        examined: if scanner.is_some() { None } else { Some(0) },
        findings,
    })
}

/// When the tool began and ended. One that failed, or reported an error, has not scanned everything.
fn invoked(invocations: &[Invocation]) -> Result<(Option<UnixTime>, Option<UnixTime>), ContentError> {
    for call in invocations {
        let failed = |what: &str| Err(member(DOCUMENT, "runs[0].invocations[]", "a tool that succeeded", what));
        if call.execution_successful == Some(false) {
            return failed("executionSuccessful: false");
        }
        if call.execution_successful.is_none() && call.exit_code.is_some_and(|code| code != 0) {
            return failed("an exit code, and nothing about success");
        }
        if let Some(found) = call.exit_signal_name.as_ref().or(call.process_start_failure_message.as_ref()) {
            return failed(found);
        }
        let told = call.tool_execution_notifications.iter().chain(&call.tool_configuration_notifications).flatten();
        if let Some(error) = told.into_iter().find(|told| told.level.as_deref() == Some("error")) {
            return failed(error.message.as_ref().map_or("a notification of level error", |message| &message.text));
        }
    }
    let Some(first) = invocations.first() else { return Ok((None, None)) };
    let started = time(DOCUMENT, "runs[0].invocations[0].startTimeUtc", first.start_time_utc.as_deref())?;
    Ok((started, time(DOCUMENT, "runs[0].invocations[0].endTimeUtc", first.end_time_utc.as_deref())?))
}

/// 3.27.9 `kind`: a result without a kind means "fail". What passes has no level (3.27.10), or contradicts itself.
fn passes(outcome: &Outcome) -> bool {
    matches!(outcome.kind.as_deref(), Some("pass" | "notApplicable"))
        && matches!(outcome.level.as_deref(), None | Some("none"))
}

fn finding(outcome: &Outcome, tool: &Tool) -> Result<Finding, ContentError> {
    let reference = outcome.rule.as_ref();
    let index = outcome.rule_index.or(reference.and_then(|rule| rule.index));
    let id = outcome.rule_id.as_deref().or(reference.and_then(|rule| rule.id.as_deref()));
    let extensions = tool.extensions.as_deref().unwrap_or_default();
    let component = match reference.and_then(|rule| rule.tool_component.as_ref()?.index) {
        None | Some(-1) => Some(&tool.driver),
        Some(index) => at(extensions, index),
    };
    let indexed = index.and_then(|index| at(component?.rules.as_deref()?, index));
    let Some(id) = id.or(indexed.map(|rule| rule.id.as_str())) else {
        return Err(member(DOCUMENT, "runs[0].results[].ruleId", "the id of a rule", "none"));
    };
    if indexed.is_some_and(|rule| !is_of(&rule.id, id)) {
        return Err(member(DOCUMENT, "runs[0].results[].ruleId", "the id of the rule at ruleIndex", id));
    }
    // Of several rules of one name each may be meant.
    let rules: Vec<&Rule> = match indexed {
        Some(rule) => vec![rule],
        None => {
            let all = std::iter::once(&tool.driver).chain(extensions).filter_map(|component| component.rules.as_ref());
            all.flatten().filter(|rule| is_of(&rule.id, id)).collect()
        }
    };
    let message = outcome.message.as_ref().map_or("", |message| message.text.as_str());
    let helps = || rules.iter().filter_map(|rule| rule.help.as_ref()).map(|help| help.text.as_str());
    let labelled = |labels: &[&str]| std::iter::once(message).chain(helps()).find_map(|text| labelled(text, labels));
    let properties: Vec<&Properties> =
        outcome.properties.iter().chain(rules.iter().filter_map(|rule| rule.properties.as_ref())).collect();
    let fixed = labelled(&["Fixed Version", "Fix Version"])
        .or_else(|| properties.iter().find_map(|properties| properties.fixed_version.as_deref()));
    let (fixed_in, fix) = fixed.map_or((Vec::new(), Fix::Unknown), versions);
    let purls = properties.iter().find_map(|properties| properties.purls.as_deref());
    let name = advisory(id);
    Ok(Finding {
        id: name.to_owned(),
        aliases: aliases(name, labelled(&["Vulnerability ID"]).map(str::to_owned)),
        severity: severity(outcome, &rules, self::labelled(message, &["Severity"]), labelled(&["Severity"])),
        package: labelled(&["Package"]).unwrap_or_default().to_owned(),
        version: labelled(&["Installed Version", "Version"]).unwrap_or_default().to_owned(),
        purl: match purls {
            Some([purl]) => Some(purl.clone()),
            _ => None,
        },
        fixed_in,
        fix,
    })
}

fn at<T>(list: &[T], index: i64) -> Option<&T> {
    list.get(usize::try_from(index).ok()?)
}

/// 3.27.5: the id of a result is that of its rule, or goes on with `/` behind it.
fn is_of(rule: &str, id: &str) -> bool {
    id.strip_prefix(rule).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The text after a label, `Fixed Version: 1.2` or `Fixed version   : 1.2`.
fn labelled<'t>(text: &'t str, labels: &[&str]) -> Option<&'t str> {
    text.lines().find_map(|line| {
        let (label, value) = line.split_once(':')?;
        labels.iter().any(|known| known.eq_ignore_ascii_case(label.trim())).then(|| value.trim())
    })
}

/// Versions, separated by commas. Nothing at all, and some words, say that there is no fix.
fn versions(text: &str) -> (Vec<String>, Fix) {
    if ["not fixed", "none", "n/a", "not available"].iter().any(|word| text.trim().eq_ignore_ascii_case(word)) {
        return (Vec::new(), Fix::Missing);
    }
    let versions = text.split(',').map(str::trim).filter(|version| !version.is_empty());
    let versions: Vec<String> = versions.map(str::to_owned).collect();
    let fix = Fix::of(&versions, Fix::Missing);
    (versions, fix)
}

/// The most severe rating of the result itself and of the rules that may apply. What cannot be read makes it unknown.
/// Without a rating of its own, a result is at least as severe as its level.
fn severity(outcome: &Outcome, rules: &[&Rule], own: Option<&str>, labelled: Option<&str>) -> Severity {
    let own = outcome.properties.as_ref().and_then(rated).into_iter().chain(own.map(Severity::from_name));
    let own: Vec<Severity> = own.collect();
    let properties: Vec<&Properties> = rules.iter().filter_map(|rule| rule.properties.as_ref()).collect();
    let mut all: Vec<Severity> = own.iter().copied().chain(properties.iter().copied().filter_map(rated)).collect();
    // Grype writes "low" for what it does not know, beside a score of 0.0.
    if all.is_empty() && properties.iter().all(|properties| properties.score.is_none()) {
        all.extend(labelled.map(Severity::from_name));
    }
    if own.is_empty() && !all.is_empty() {
        let default = || rules.iter().find_map(|rule| rule.default_configuration.as_ref()?.level.as_deref());
        all.push(match outcome.level.as_deref().or_else(default) {
            None | Some("none" | "note") => Severity::Negligible,
            Some("warning") => Severity::Medium,
            Some("error") => Severity::High,
            Some(_) => Severity::Unknown,
        });
    }
    if all.contains(&Severity::Unknown) {
        Severity::Unknown
    } else {
        all.into_iter().max().unwrap_or(Severity::Unknown)
    }
}

/// The score in the bands of CVSS 3.1, "Qualitative Severity Rating Scale"; without one, a tag that names a severity. `None` when
/// there is neither.
fn rated(properties: &Properties) -> Option<Severity> {
    let score = match &properties.score {
        None => None,
        Some(Value::String(text)) => Some(text.parse::<f64>().unwrap_or(f64::NAN)),
        Some(other) => Some(other.as_f64().unwrap_or(f64::NAN)),
    };
    match score {
        Some(score) if (9.0..=10.0).contains(&score) => Some(Severity::Critical),
        Some(score) if (7.0..9.0).contains(&score) => Some(Severity::High),
        Some(score) if (4.0..7.0).contains(&score) => Some(Severity::Medium),
        // Scanners write 0.0 for what has no rating.
        None | Some(0.0) => {
            let tags = properties.tags.iter().flatten().chain(&properties.severity);
            tags.map(|tag| Severity::from_name(tag)).filter(|tag| *tag != Severity::Unknown).max()
        }
        Some(score) if (0.0..4.0).contains(&score) => Some(Severity::Low),
        Some(_) => Some(Severity::Unknown),
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

    // threat: R12
    #[test]
    fn the_worst_rating_that_may_be_meant_counts() {
        let low = r#""id":"r","properties":{"security-severity":"1.0"}"#;
        for (rule, outcome, severity) in [
            (r#""id":"r","properties":{"security-severity":"8,9","tags":["low"]}"#, "", Severity::Unknown),
            (r#""id":"r","properties":{"security-severity":"10.1","tags":["low"]}"#, "", Severity::Unknown),
            (r#""id":"r","properties":{"security-severity":"-1","tags":["low"]}"#, "", Severity::Unknown),
            (r#""id":"r","properties":{"security-severity":true,"tags":["low"]}"#, "", Severity::Unknown),
            // Grype says "low" of what it does not know.
            (
                r#""id":"r","properties":{"security-severity":"0.0"},"help":{"text":"Severity: low"}"#,
                "",
                Severity::Unknown,
            ),
            (r#""id":"r","properties":{"cvssV3_severity":"HIGH"}"#, "", Severity::High),
            (low, "", Severity::Low),
            (low, r#","level":"note""#, Severity::Low),
            (low, r#","level":"warning""#, Severity::Medium),
            (low, r#","level":"error""#, Severity::High),
            (low, r#","level":"fatal""#, Severity::Unknown),
            (
                r#""id":"r","defaultConfiguration":{"level":"error"},"properties":{"security-severity":"1.0"}"#,
                "",
                Severity::High,
            ),
            (low, r#","level":"error","message":{"text":"Severity: MEDIUM"}"#, Severity::Medium),
            (low, r#","message":{"text":"Severity: CRITICAL"}"#, Severity::Critical),
            (low, r#","message":{"text":"Severity: grave"}"#, Severity::Unknown),
            (low, r#","properties":{"security-severity":"9.8"}"#, Severity::Critical),
            (low, r#","properties":{"security-severity":"much"}"#, Severity::Unknown),
            (r#""id":"r""#, r#","level":"note""#, Severity::Unknown),
        ] {
            let report = report(&format!("{{{rule}}}"), &format!(r#"{{"ruleId":"r"{outcome}}}"#)).unwrap();
            assert_eq!(report.findings[0].severity, severity, "{rule} {outcome}");
        }
        let rules = r#"{"id":"r","properties":{"security-severity":"1.0"}},{"id":"r","properties":{"security-severity":"9.8"}}"#;
        for (outcome, severity) in [
            (r#"{"ruleId":"r"}"#, Severity::Critical),
            (r#"{"ruleId":"r/sub"}"#, Severity::Critical),
            (r#"{"ruleId":"r","ruleIndex":-1}"#, Severity::Critical),
            (r#"{"ruleId":"r","ruleIndex":0}"#, Severity::Low),
            (r#"{"ruleId":"r","rule":{"index":1}}"#, Severity::Critical),
        ] {
            assert_eq!(report(rules, outcome).unwrap().findings[0].severity, severity, "{outcome}");
        }
        let extended = |outcome: &str| {
            let text = format!(
                r#"{{"version":"2.1.0","runs":[{{"tool":{{"driver":{{"name":"s","rules":[{{{low}}}]}},"extensions":[{{"name":"e","rules":[{{"id":"r","properties":{{"security-severity":"9.8"}}}}]}}]}},"results":[{outcome}]}}]}}"#
            );
            parse(text.as_bytes()).unwrap().findings[0].severity
        };
        for (outcome, severity) in [
            (r#"{"ruleId":"r"}"#, Severity::Critical),
            (r#"{"ruleId":"r","ruleIndex":0}"#, Severity::Low),
            (r#"{"rule":{"id":"r","index":0,"toolComponent":{"index":0}}}"#, Severity::Critical),
            (r#"{"ruleId":"r","rule":{"index":0,"toolComponent":{"index":7}}}"#, Severity::Critical),
        ] {
            assert_eq!(extended(outcome), severity, "{outcome}");
        }
    }

    // threat: R12
    #[test]
    fn a_fix_is_read_from_lines_and_properties() {
        let versions = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        for (rule, message, fix, fixed_in) in [
            ("", "Fixed Version: 1.2, 1.3", Fix::Available, versions(&["1.2", "1.3"])),
            ("", "Fixed Version: ", Fix::Missing, vec![]),
            ("", "  Fixed version    : not fixed  ", Fix::Missing, vec![]),
            ("", "nothing", Fix::Unknown, vec![]),
            (r#","properties":{"fixed_version":"not fixed"}"#, "", Fix::Missing, vec![]),
            (r#","properties":{"fixed_version":"2"}"#, "", Fix::Available, versions(&["2"])),
            (r#","help":{"text":"Fix Version: 2"}"#, "", Fix::Available, versions(&["2"])),
        ] {
            let outcome = format!(r#"{{"ruleId":"r","message":{{"text":"{message}"}}}}"#);
            let found = report(&format!(r#"{{"id":"r"{rule}}}"#), &outcome).unwrap().findings.remove(0);
            assert_eq!((found.fix, found.fixed_in), (fix, fixed_in), "{rule} {message}");
        }
    }

    #[test]
    fn a_result_counts_unless_it_says_pass() {
        for (outcome, count) in [
            (r#"{"ruleId":"r"}"#, 1),
            (r#"{"ruleId":"r","kind":"fail","suppressions":[{"kind":"external"}]}"#, 1),
            (r#"{"ruleId":"r","kind":"open"}"#, 1),
            (r#"{"ruleId":"r","kind":"PASS"}"#, 1),
            (r#"{"ruleId":"r","kind":"pass","level":"error"}"#, 1),
            (r#"{"ruleId":"r","kind":"pass","level":"none"}"#, 0),
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
