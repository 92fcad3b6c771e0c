use std::collections::BTreeMap;

use super::{CLOCK_SKEW_SECONDS, GateInput, group, leaf, vex};
use crate::content::scan::{Finding, Fix, ScanPredicate, ScanReport, Severity, Target};
use crate::digest::Digest;
use crate::policy::{FindingFilter, ScanGate};
use crate::reason::Reason;
use crate::report::{CheckId, Fact, Node, Rule};
use crate::time::UnixTime;

/// Most findings that are named one by one; the rest is counted.
const MAX_LISTED_FINDINGS: usize = 50;

/// A scan that a statement carries.
struct Scan {
    scanner: String,
    finished: Option<UnixTime>,
    report: ScanReport,
}

/// Of each scanner the latest scan decides; when several are the latest, all of them.
pub(super) fn check(gate: &ScanGate, seen: &GateInput<'_>, words: Result<&Vec<vex::VexStatement>, &Reason>) -> Node {
    let scans = seen.statements.iter().map(|held| read(held.statement.predicate().unwrap_or_default(), seen));
    let scans = match scans.collect::<Result<Vec<_>, Reason>>() {
        Ok(scans) => scans,
        Err(reason) => return leaf(CheckId::Scan, Err(reason)),
    };
    if scans.len() > 1 && scans.iter().any(|scan| scan.finished.is_none()) {
        return leaf(CheckId::Scan, Err(Reason::ScanUndated));
    }
    let mut latest: BTreeMap<&str, Option<UnixTime>> = BTreeMap::new();
    for scan in &scans {
        let known = latest.entry(&scan.report.tool).or_default();
        *known = scan.finished.max(*known);
    }
    // A scanner that is no longer in use ages away, as long as the same signer uses another one.
    let is_stale = |scan: &Scan| matches!(time(gate, scan, seen.now), Err(Reason::ScanStale { .. }));
    let deciding = scans.iter().filter(|scan| latest.get(scan.report.tool.as_str()) == Some(&scan.finished));
    let (stale, fresh): (Vec<&Scan>, Vec<&Scan>) = deciding.partition(|scan| is_stale(scan));
    let deciding = if fresh.is_empty() { stale } else { fresh };
    let by = seen.statements.first().map_or("", |held| held.authority);
    let parts = deciding.into_iter().map(|scan| judge(gate, scan, seen, words)).collect();
    group(format!("latest scans by {by}"), Rule::All, parts)
}

fn read(predicate: &[u8], seen: &GateInput<'_>) -> Result<Scan, Reason> {
    let predicate = ScanPredicate::parse(predicate)?;
    let report = predicate.report(seen.limits)?;
    let scanner = [&predicate.scanner, &report.scanner].into_iter().find(|scanner| !scanner.uri.is_empty());
    let scanner = scanner.ok_or(Reason::ScannerUnnamed)?;
    let scanner =
        if scanner.version.is_empty() { scanner.uri.clone() } else { format!("{} {}", scanner.uri, scanner.version) };
    // A report about nothing does not pass for one without findings.
    if report.findings.is_empty() && report.examined == Some(0) {
        return Err(Reason::ScanEmpty { scanner });
    }
    // Of two times the earlier one is the safer: wrapping an old report again does not make it a new one.
    let finished = [predicate.finished, report.finished].into_iter().flatten().min();
    Ok(Scan { scanner, finished, report })
}

/// Whether the report is about this image, as far as it says. An image may have several digests, as a list of platforms and as one
/// of them, or in several registries: one of those named must be the one that is verified.
fn of_this(report: &ScanReport, seen: &GateInput<'_>) -> Result<(), Reason> {
    let another = |found: &str| Reason::ScanOfAnother {
        expected: seen.artifact.name().map_or_else(|| "an image".to_owned(), |digest| digest.to_string()),
        found: clip(found),
    };
    if let Target::Other(kind) = &report.target {
        return Err(another(kind));
    }
    let is_this = |named: &str| {
        let digest: Option<Digest> = named.rsplit('@').next().and_then(|digest| digest.parse().ok());
        digest.is_some_and(|digest| seen.artifact.digest(digest.algorithm()) == Some(digest))
    };
    let named: Vec<&str> = report.images.iter().map(String::as_str).filter(|named| !named.is_empty()).collect();
    if named.is_empty() || named.iter().any(|named| is_this(named)) { Ok(()) } else { Err(another(&named.join(", "))) }
}

fn clip(text: &str) -> String {
    text.chars().take(200).collect()
}

fn judge(gate: &ScanGate, scan: &Scan, seen: &GateInput<'_>, words: Result<&Vec<vex::VexStatement>, &Reason>) -> Node {
    let mut parts: Vec<Node> =
        of_this(&scan.report, seen).err().map(|reason| leaf(CheckId::Scan, Err(reason))).into_iter().collect();
    parts.push(leaf(CheckId::ScanTime, time(gate, scan, seen.now)));
    let words = match words {
        Ok(words) => words.as_slice(),
        Err(reason) => {
            parts.push(leaf(CheckId::Vex, Err(reason.clone())));
            &[]
        }
    };
    let severe = scan.report.findings.iter().filter(|finding| counts(gate, finding));
    let (mut named, mut unnamed) = (0_usize, 0_usize);
    for finding in severe {
        let result = excuse(gate, finding, words, seen);
        if named < MAX_LISTED_FINDINGS {
            named = named.saturating_add(1);
            parts.push(leaf(CheckId::Finding, result));
        } else if result.is_err() {
            unnamed = unnamed.saturating_add(1);
        }
    }
    let fact =
        Fact::Scan { scanner: scan.scanner.clone(), findings: scan.report.findings.len(), maximum: gate.maximum };
    let more = Reason::MoreFindings { count: unnamed, maximum: gate.maximum };
    parts.push(leaf(CheckId::Scan, if unnamed == 0 { Ok(fact) } else { Err(more) }));
    group(format!("scan by {}", scan.scanner), Rule::All, parts)
}

fn time(gate: &ScanGate, scan: &Scan, now: UnixTime) -> Result<Fact, Reason> {
    let Some(finished) = scan.finished else {
        return if gate.max_age.is_some() { Err(Reason::ScanUndated) } else { Ok(Fact::ScanTime { finished: None }) };
    };
    if finished > UnixTime(now.0.saturating_add(CLOCK_SKEW_SECONDS)) {
        return Err(Reason::ScanFromFuture { finished, now });
    }
    match gate.max_age {
        Some(age) if now.0.saturating_sub(finished.0) > age.0 => {
            Err(Reason::ScanStale { finished, age: age.to_string(), now })
        }
        _ => Ok(Fact::ScanTime { finished: Some(finished) }),
    }
}

/// A finding without a rating may be of any severity.
const fn severity(finding: &Finding) -> Severity {
    match finding.severity {
        Severity::Unknown => Severity::Critical,
        severity => severity,
    }
}

fn counts(gate: &ScanGate, finding: &Finding) -> bool {
    severity(finding) > gate.maximum
        && match gate.filter {
            FindingFilter::All => true,
            FindingFilter::Fixable => finding.fix != Fix::Missing,
        }
}

/// Why a finding that is too severe does no harm.
fn excuse(gate: &ScanGate, finding: &Finding, vex: &[vex::VexStatement], seen: &GateInput<'_>) -> Result<Fact, Reason> {
    let id = || finding.id.clone();
    let exception =
        gate.exceptions.iter().filter(|exception| finding.is(&exception.id)).max_by_key(|exception| exception.until);
    if let Some(exception) = exception.filter(|exception| seen.now < exception.until) {
        return Ok(Fact::Excepted { id: id(), until: exception.until, reason: exception.reason.clone() });
    }
    if let Some(word) = vex::decide(vex, finding, seen)? {
        return Ok(word);
    }
    let (package, version) = (finding.package.clone(), finding.version.clone());
    Err(match exception {
        Some(exception) => {
            Reason::ExceptionExpired { id: id(), package, severity: finding.severity, until: exception.until }
        }
        None => {
            Reason::FindingTooSevere { id: id(), package, version, severity: finding.severity, maximum: gate.maximum }
        }
    })
}
