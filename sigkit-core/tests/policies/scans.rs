//! A walk through scan gates, for each scanner.

use serde_json::{Value, json};
use sigkit_core::content::PredicateType;
use sigkit_core::content::scan::Severity;
use sigkit_core::digest::Digest;
use sigkit_core::limits::Limits;
use sigkit_core::policy::{Authority, Gate, KeyAuthority, Policy, PolicySet, Purpose, ScanGate};
use sigkit_core::report::Verdict;
use sigkit_core::time::UnixTime;

use super::lab::{Files, NOW, Outcomes, attested, attested_of, image_policy, judge, judge_demand, key, problem, read};

const REPORTS: [&str; 6] = ["trivy", "grype", "grype-v6", "clair", "sarif-trivy", "sarif-grype"];
const IMAGE: &str = "registry.example/app:v1";

/// The report as it is attested. Clair does not say when it looked, and the caller must.
pub(crate) fn predicate(report: &str) -> Vec<u8> {
    let path = format!("{}/../testdata/scan/{report}.json", env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read(path).unwrap();
    let made = PredicateType::Vuln.predicate(bytes, NOW, &Limits::DEFAULT).unwrap();
    let mut value: Value = serde_json::from_slice(&made).unwrap();
    if value["metadata"]["scanFinishedOn"].is_null() {
        value["metadata"]["scanFinishedOn"] = "2026-11-23T05:03:30Z".into();
    }
    serde_json::to_vec(&value).unwrap()
}

fn scan(require: &str) -> PolicySet {
    let require = format!("- attestation:\n    type: vuln\n    by: [scanner]\n    atLeast: 1\n    scan:\n{require}");
    read(&image_policy(&["scanner"], &require), &Files::keys(&["scanner"])).unwrap()
}

fn run(require: &str, predicates: &[&[u8]], now: UnixTime) -> Outcomes {
    let items: Vec<_> =
        predicates.iter().map(|predicate| attested(&PredicateType::Vuln, predicate, "scanner")).collect();
    judge(&scan(require), IMAGE, &items, &[], now)
}

const STRICT: &str = "      maximumSeverity: high\n      maxAge: 7d\n";
const EXCEPTED: &str = "      maximumSeverity: high\n      maxAge: 7d\n      exceptions:\n      - {id: CVE-2021-36159, until: 2026-12-31, reason: no fetch at run time}\n";

// threat: D19
#[test]
fn every_scanner_passes_and_fails_alike() {
    for report in REPORTS {
        let predicate = predicate(report);
        let critical = run(STRICT, &[&predicate], NOW);
        assert_eq!((critical.verdict, critical.codes), (Verdict::Rejected, vec!["finding-too-severe"]), "{report}");

        let excepted = run(EXCEPTED, &[&predicate], NOW);
        assert_eq!((excepted.verdict, &excepted.codes), (Verdict::Verified, &vec![]), "{report}: {excepted:?}");
        assert!(
            excepted.facts.iter().any(|fact| fact.contains("CVE-2021-36159 is put up with until 2027-01-01T00:00:00Z"))
        );

        let expired = run(&EXCEPTED.replace("2026-12-31", "2026-11-22"), &[&predicate], NOW);
        assert_eq!((expired.verdict, expired.codes), (Verdict::Rejected, vec!["exception-expired"]), "{report}");
        let last_day = run(&EXCEPTED.replace("2026-12-31", "2026-11-23"), &[&predicate], NOW);
        assert_eq!(last_day.verdict, Verdict::Verified, "{report}");

        let stale = run(EXCEPTED, &[&predicate], UnixTime(NOW.0 + 8 * 86_400));
        assert_eq!((stale.verdict, stale.codes), (Verdict::Rejected, vec!["scan-stale"]), "{report}");

        // Nobody may ask for "critical at most" in a document, since that is no demand; as code it shows what passes whole.
        let policy = Policy::authority(Purpose::Attestation(PredicateType::Vuln), authority("scanner"))
            .with_gate(Gate::Scan(Box::new(ScanGate::new(Severity::Critical))));
        let items = [attested(&PredicateType::Vuln, &predicate, "scanner")];
        let clean = judge_demand(&policy.into(), &items, &[], NOW);
        assert_eq!((clean.verdict, &clean.codes), (Verdict::Verified, &vec![]), "{report}");
        assert!(clean.facts.iter().any(|fact| fact.contains("2 findings by ")), "{report}: {clean:?}");

        let low = run(&EXCEPTED.replace("high", "low"), &[&predicate], NOW);
        assert_eq!((low.verdict, low.codes), (Verdict::Rejected, vec!["finding-too-severe"]), "{report}");
        let fixable = run(&EXCEPTED.replace("high", "low\n      onlyFixable: true"), &[&predicate], NOW);
        assert_eq!(fixable.verdict, Verdict::Verified, "{report}: the medium finding has no fix");
    }
}

fn authority(name: &str) -> Authority {
    use sigkit_core::key::Signer as _;
    Authority::Key(KeyAuthority::new(name, key(name).public_key().clone()))
}

/// A report of Trivy's with other members.
fn trivy(edit: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut value: Value = serde_json::from_slice(&predicate("trivy")).unwrap();
    edit(&mut value);
    serde_json::to_vec(&value).unwrap()
}

fn finished(predicate: &mut Value, time: &str) {
    predicate["metadata"]["scanFinishedOn"] = time.into();
    predicate["scanner"]["result"]["CreatedAt"] = time.into();
}

// threat: D19
#[test]
fn a_scan_that_says_too_little_is_no_good_news() {
    let severities = |value: &mut Value, severity: &str| {
        for finding in value["scanner"]["result"]["Results"][0]["Vulnerabilities"].as_array_mut().unwrap() {
            finding["Severity"] = severity.into();
        }
    };
    let cases: [(&str, Vec<u8>, Verdict, &[&str]); 10] = [
        ("rated low", trivy(|value| severities(value, "LOW")), Verdict::Verified, &[]),
        ("not rated", trivy(|value| severities(value, "UNKNOWN")), Verdict::Rejected, &["finding-too-severe"]),
        ("rated oddly", trivy(|value| severities(value, "harmless")), Verdict::Rejected, &["finding-too-severe"]),
        (
            "looked at nothing",
            trivy(|value| value["scanner"]["result"]["Results"] = json!([])),
            Verdict::Rejected,
            &["scan-empty"],
        ),
        (
            "no scanner",
            trivy(|value| {
                value["scanner"]["uri"] = "".into();
                value["scanner"]["result"]["Trivy"] = Value::Null;
            }),
            Verdict::Rejected,
            &["finding-too-severe"],
        ),
        ("no report", trivy(|value| value["scanner"]["result"] = json!({})), Verdict::Rejected, &["payload-malformed"]),
        ("no predicate", b"null".to_vec(), Verdict::Rejected, &["payload-malformed"]),
        (
            "no time",
            trivy(|value| {
                value["metadata"] = json!({});
                value["scanner"]["result"]["CreatedAt"] = Value::Null;
            }),
            Verdict::Rejected,
            &["finding-too-severe", "scan-undated"],
        ),
        (
            "from the future",
            trivy(|value| {
                severities(value, "LOW");
                finished(value, "2026-11-23T06:06:00Z");
            }),
            Verdict::Rejected,
            &["scan-from-future"],
        ),
        (
            "an old report wrapped again",
            trivy(|value| {
                severities(value, "LOW");
                value["scanner"]["result"]["CreatedAt"] = "2026-11-01T00:00:00Z".into();
            }),
            Verdict::Rejected,
            &["scan-stale"],
        ),
    ];
    for (name, predicate, verdict, codes) in cases {
        let found = run(STRICT, &[&predicate], NOW);
        assert_eq!((found.verdict, found.codes.as_slice()), (verdict, codes), "{name}");
    }
}

// threat: D19
#[test]
fn the_last_moment_of_a_bound_belongs_to_it() {
    let low = |time: &str| {
        trivy(|value| {
            finished(value, time);
            value["scanner"]["result"]["Results"][0]["Vulnerabilities"] = json!([]);
        })
    };
    // Five minutes ahead, for clocks differ.
    assert_eq!(run(STRICT, &[&low("2026-11-23T06:05:00Z")], NOW).codes, [""; 0]);
    assert_eq!(run(STRICT, &[&low("2026-11-23T06:05:01Z")], NOW).codes, ["scan-from-future"]);
    assert_eq!(run(STRICT, &[&low("2026-11-16T06:00:00Z")], NOW).codes, [""; 0]);
    assert_eq!(run(STRICT, &[&low("2026-11-16T05:59:59Z")], NOW).codes, ["scan-stale"]);
    // An exception ends with its last day.
    let midnight = 1_795_478_400;
    let until = EXCEPTED.replace("2026-12-31", "2026-11-23");
    assert_eq!(run(&until, &[&predicate("trivy")], UnixTime(midnight - 1)).codes, [""; 0]);
    assert_eq!(run(&until, &[&predicate("trivy")], UnixTime(midnight)).codes, ["exception-expired"]);
}

// threat: D19
#[test]
fn an_exception_is_for_a_name_of_the_finding() {
    let aliased = trivy(|value| {
        for finding in value["scanner"]["result"]["Results"][0]["Vulnerabilities"].as_array_mut().unwrap() {
            finding["VendorIDs"] = json!(["ALPINE-1", "ALPINE-2"]);
        }
    });
    for (id, codes) in [("CVE-2021-36159", &[][..]), ("ALPINE-2", &[]), ("ALPINE-3", &["finding-too-severe"])] {
        let found = run(&EXCEPTED.replace("CVE-2021-36159", id), &[&aliased], NOW);
        assert_eq!(found.codes, codes, "{id}");
    }
}

// Fails when findings beyond those that are named are forgotten, or when one that is named is counted again.
#[test]
fn fifty_findings_are_named_and_the_rest_is_counted() {
    let with = |count: usize| {
        trivy(|value| {
            let findings = value["scanner"]["result"]["Results"][0]["Vulnerabilities"].as_array_mut().unwrap();
            let severe = findings.iter().find(|finding| finding["Severity"] == "CRITICAL").unwrap().clone();
            *findings = vec![severe; count];
        })
    };
    for (count, counts_the_rest) in [(50, false), (51, true)] {
        let found = run(STRICT, &[&with(count)], NOW);
        assert_eq!(found.codes, ["finding-too-severe"]);
        assert_eq!(found.facts.iter().all(|fact| !fact.contains(" findings by ")), counts_the_rest, "{count}");
    }
}

// threat: D19
#[test]
fn the_latest_scan_decides() {
    let clean = |time: &str| {
        trivy(|value| {
            finished(value, time);
            value["scanner"]["result"]["Results"][0]["Vulnerabilities"] = json!([]);
        })
    };
    let dirty = |time: &str| trivy(|value| finished(value, time));
    let (early, late) = ("2026-11-23T04:00:00Z", "2026-11-23T05:00:00Z");
    for (predicates, verdict) in [
        ([clean(early), dirty(late)], Verdict::Rejected),
        ([dirty(early), clean(late)], Verdict::Verified),
        ([dirty(late), clean(late)], Verdict::Rejected),
        ([clean(early), clean(late)], Verdict::Verified),
    ] {
        let predicates = [predicates[0].as_slice(), &predicates[1]];
        assert_eq!(run(STRICT, &predicates, NOW).verdict, verdict);
        assert_eq!(run(STRICT, &[predicates[1], predicates[0]], NOW).verdict, verdict);
    }
    let undated = trivy(|value| {
        value["metadata"] = json!({});
        value["scanner"]["result"]["CreatedAt"] = Value::Null;
    });
    let found = run(STRICT, &[&clean(late), &undated], NOW);
    assert_eq!((found.verdict, found.codes), (Verdict::Rejected, vec!["scan-undated"]));
}

// threat: D19
// threat: I06
#[test]
fn scans_of_others_and_by_others_do_not_count_and_doubt_stays_doubt() {
    let predicate = predicate("trivy");
    let set = scan(EXCEPTED);
    let other = Digest::sha256(b"other");
    let of_another = [attested_of(&other, &PredicateType::Vuln, &predicate, "scanner")];
    let found = judge(&set, IMAGE, &of_another, &[], NOW);
    assert_eq!((found.verdict, found.codes), (Verdict::Rejected, vec!["subject-mismatch"]));
    let by_another = [attested(&PredicateType::Vuln, &predicate, "stranger")];
    let found = judge(&set, IMAGE, &by_another, &[], NOW);
    assert_eq!((found.verdict, found.codes), (Verdict::Rejected, vec!["signature-invalid"]));
    assert_eq!(judge(&set, IMAGE, &[], &[], NOW).codes, ["no-signatures"]);
    assert_eq!(judge(&set, IMAGE, &[], &[problem()], NOW).verdict, Verdict::Undecided);
    // A later scan may be what could not be read.
    let good = [attested(&PredicateType::Vuln, &predicate, "scanner")];
    assert_eq!(judge(&set, IMAGE, &good, &[], NOW).verdict, Verdict::Verified);
    assert_eq!(judge(&set, IMAGE, &good, &[problem()], NOW).verdict, Verdict::Undecided);
}

// threat: D19
#[test]
fn a_scanner_that_is_not_named_is_not_believed() {
    let mut value: Value = serde_json::from_slice(&predicate("sarif-trivy")).unwrap();
    value["scanner"]["uri"] = "".into();
    value["scanner"]["result"]["runs"][0]["tool"]["driver"]["informationUri"] = "".into();
    let found = run(STRICT, &[&serde_json::to_vec(&value).unwrap()], NOW);
    assert_eq!((found.verdict, found.codes), (Verdict::Rejected, vec!["scanner-unnamed"]));
}

// threat: D19
#[test]
fn an_exception_is_for_one_finding_by_any_of_its_names() {
    let mut value: Value = serde_json::from_slice(&predicate("grype")).unwrap();
    let found = &mut value["scanner"]["result"]["matches"][0];
    found["vulnerability"]["id"] = "GHSA-xxxx".into();
    assert_eq!(found["relatedVulnerabilities"][0]["id"], "CVE-2021-36159");
    let renamed = serde_json::to_vec(&value).unwrap();
    let excepting = |id: &str| EXCEPTED.replace("CVE-2021-36159", id);
    for (id, codes) in [
        ("GHSA-xxxx", &[][..]),
        ("CVE-2021-36159", &[]),
        ("CVE-2021-3615", &["finding-too-severe"]),
        ("cve-2021-36159", &["finding-too-severe"]),
        ("CVE-*", &["finding-too-severe"]),
    ] {
        assert_eq!(run(&excepting(id), &[&renamed], NOW).codes, codes, "{id}");
    }
    // An advisory about several is put up with by its own name alone.
    let related = &mut value["scanner"]["result"]["matches"][0]["relatedVulnerabilities"];
    related.as_array_mut().unwrap().push(json!({"id": "CVE-2021-1"}));
    let several = serde_json::to_vec(&value).unwrap();
    for (id, codes) in
        [("GHSA-xxxx", &[][..]), ("CVE-2021-36159", &["finding-too-severe"]), ("CVE-2021-1", &["finding-too-severe"])]
    {
        assert_eq!(run(&excepting(id), &[&several], NOW).codes, codes, "{id}");
    }
    // Of two exceptions the longer one holds.
    let twice = format!("{EXCEPTED}      - {{id: CVE-2021-36159, until: 2020-01-01, reason: before}}\n");
    assert_eq!(run(&twice, &[&renamed], NOW).codes, [] as [&str; 0]);
}

// threat: D19 I09
#[test]
fn every_signer_that_counts_passes_the_gate() {
    let policy = |at_least: usize| {
        let require = format!(
            "- attestation:\n    type: vuln\n    by: [one, other]\n    atLeast: {at_least}\n    scan:\n{STRICT}"
        );
        read(&image_policy(&["one", "other"], &require), &Files::keys(&["one", "other"])).unwrap()
    };
    let dirty = predicate("trivy");
    let clean = trivy(|value| value["scanner"]["result"]["Results"][0]["Vulnerabilities"] = json!([]));
    let by = |name: &str, predicate: &[u8]| attested(&PredicateType::Vuln, predicate, name);
    let judge = |at_least, items: &[_]| judge(&policy(at_least), IMAGE, items, &[], NOW).verdict;
    let mixed = [by("one", &clean), by("other", &dirty)];
    assert_eq!(judge(2, &[by("one", &clean), by("other", &clean)]), Verdict::Verified);
    assert_eq!(judge(2, &mixed), Verdict::Rejected);
    assert_eq!(judge(2, &[by("one", &clean), by("one", &clean)]), Verdict::Rejected);
    assert_eq!(judge(1, &mixed), Verdict::Verified);
    assert_eq!(judge(1, &[by("one", &dirty), by("other", &dirty)]), Verdict::Rejected);
}
