use super::{SKEW, Seen, group, leaf, vex};
use crate::content::scan::{Finding, ScanPredicate, ScanReport, Severity};
use crate::policy::{Counted, ScanGate};
use crate::reason::Reason;
use crate::report::{CheckId, Fact, Node, Rule};
use crate::time::UnixTime;

/// Most findings that are named one by one; the rest is counted.
const MOST_NAMED: usize = 50;

/// A scan that a statement carries.
struct Scan {
    scanner: String,
    finished: Option<UnixTime>,
    report: ScanReport,
}

/// The latest scan decides; when several are the latest, all of them.
pub(super) fn check(gate: &ScanGate, seen: &Seen<'_>) -> Node {
    let scans = seen.statements.iter().map(|held| read(held.statement.predicate().unwrap_or_default(), seen));
    let scans = match scans.collect::<Result<Vec<_>, Reason>>() {
        Ok(scans) => scans,
        Err(reason) => return leaf(CheckId::Scan, Err(reason)),
    };
    if scans.len() > 1 && scans.iter().any(|scan| scan.finished.is_none()) {
        return leaf(CheckId::Scan, Err(Reason::ScanUndated));
    }
    let latest = scans.iter().map(|scan| scan.finished).max().flatten();
    let deciding = scans.iter().filter(|scan| scan.finished == latest);
    group("latest scan", Rule::All, deciding.map(|scan| judge(gate, scan, seen)).collect())
}

fn read(predicate: &[u8], seen: &Seen<'_>) -> Result<Scan, Reason> {
    let predicate = ScanPredicate::parse(predicate)?;
    let report = predicate.report(seen.limits)?;
    let scanner = [&predicate.scanner, &report.scanner].into_iter().find(|scanner| !scanner.uri.is_empty());
    let scanner = scanner.ok_or(Reason::ScannerUnnamed)?;
    let scanner =
        if scanner.version.is_empty() { scanner.uri.clone() } else { format!("{} {}", scanner.uri, scanner.version) };
    // A report without findings about nothing is no good news.
    if report.findings.is_empty() && report.examined == Some(0) {
        return Err(Reason::ScanEmpty { scanner });
    }
    // Of two times the earlier one is the safer: wrapping an old report again does not make it a new one.
    let finished = [predicate.finished, report.finished].into_iter().flatten().min();
    Ok(Scan { scanner, finished, report })
}

fn judge(gate: &ScanGate, scan: &Scan, seen: &Seen<'_>) -> Node {
    let mut parts = vec![leaf(CheckId::ScanTime, time(gate, scan, seen.now))];
    let statements = match vex::read(seen) {
        Ok(statements) => statements,
        Err(reason) => {
            parts.push(leaf(CheckId::Vex, Err(reason)));
            Vec::new()
        }
    };
    let severe = scan.report.findings.iter().filter(|finding| counts(gate, finding));
    let (mut named, mut unnamed) = (0_usize, 0_usize);
    for finding in severe {
        let result = excuse(gate, finding, &statements, seen);
        if named < MOST_NAMED {
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
    if finished > UnixTime(now.0.saturating_add(SKEW)) {
        return Err(Reason::ScanFromFuture { finished, now });
    }
    match gate.max_age {
        Some(age) if now.0.saturating_sub(finished.0) > age.0 => {
            Err(Reason::ScanStale { finished, age: age.to_string(), now })
        }
        _ => Ok(Fact::ScanTime { finished: Some(finished) }),
    }
}

/// What nobody has rated may be of any severity.
const fn severity(finding: &Finding) -> Severity {
    match finding.severity {
        Severity::Unknown => Severity::Critical,
        severity => severity,
    }
}

fn counts(gate: &ScanGate, finding: &Finding) -> bool {
    severity(finding) > gate.maximum
        && match gate.counted {
            Counted::All => true,
            Counted::Fixable => !finding.fixed_in.is_empty(),
        }
}

/// Why a finding that is too severe does no harm.
fn excuse(gate: &ScanGate, finding: &Finding, vex: &[vex::Word], seen: &Seen<'_>) -> Result<Fact, Reason> {
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
