//! A walk through scan gates, for each scanner.

use serde_json::{Value, json};
use sigkit_core::content::PredicateType;
use sigkit_core::content::scan::Severity;
use sigkit_core::digest::Digest;
use sigkit_core::limits::Limits;
use sigkit_core::policy::{Authority, Gate, KeyAuthority, Policy, PolicySet, Purpose, ScanGate};
use sigkit_core::report::Verdict;
use sigkit_core::time::UnixTime;

use super::lab::{
    Files, NOW, Outcomes, attested, attested_of, image_policy, judge, judge_requirement, key, problem, read,
};
use crate::support::cases::image;

const REPORTS: [&str; 6] = ["trivy", "grype", "grype-v6", "clair", "sarif-trivy", "sarif-grype"];
const IMAGE: &str = "registry.example/app:v1";

/// The image that the reports of `testdata/scan` are about.
const SCANNED: &str = "sha256:451eee8bedcb2f029756dc3e9d73bab0e7943c1ac55cff3a4861c52a0fdd3e98";

/// The report as it is attested, about the image of these tests. Clair does not say when it looked, and the caller must.
pub(crate) fn predicate(report: &str) -> Vec<u8> {
    let path = format!("{}/../testdata/scan/{report}.json", env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read_to_string(path).unwrap().replace(SCANNED, &image().to_string()).into_bytes();
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
            excepted.facts.iter().any(|fact| fact.contains("CVE-2021-36159 is excepted until 2027-01-01T00:00:00Z"))
        );

        let expired = run(&EXCEPTED.replace("2026-12-31", "2026-11-22"), &[&predicate], NOW);
        assert_eq!((expired.verdict, expired.codes), (Verdict::Rejected, vec!["exception-expired"]), "{report}");
        let last_day = run(&EXCEPTED.replace("2026-12-31", "2026-11-23"), &[&predicate], NOW);
        assert_eq!(last_day.verdict, Verdict::Verified, "{report}");

        let stale = run(EXCEPTED, &[&predicate], UnixTime(NOW.0 + 8 * 86_400));
        assert_eq!((stale.verdict, stale.codes), (Verdict::Rejected, vec!["scan-stale"]), "{report}");

        // A document must not require "critical at most", which requires nothing; as code it shows what passes whole.
        let policy = Policy::authority(Purpose::Attestation(PredicateType::Vuln), authority("scanner"))
            .with_gate(Gate::Scan(Box::new(ScanGate::new(Severity::Critical))));
        let items = [attested(&PredicateType::Vuln, &predicate, "scanner")];
        let clean = judge_requirement(&policy.into(), &items, &[], NOW);
        assert_eq!((clean.verdict, &clean.codes), (Verdict::Verified, &vec![]), "{report}");
        assert!(clean.facts.iter().any(|fact| fact.contains("2 findings by ")), "{report}: {clean:?}");

        let low = run(&EXCEPTED.replace("high", "low"), &[&predicate], NOW);
        assert_eq!((low.verdict, low.codes), (Verdict::Rejected, vec!["finding-too-severe"]), "{report}");
        let fixable = run(&EXCEPTED.replace("high", "low\n      onlyFixable: true"), &[&predicate], NOW);
        assert_eq!(fixable.verdict, Verdict::Verified, "{report}: the medium finding has no fix");
    }
}

fn authority(name: &str) -> Authority {
    use sigkit_core::key::SigningKey as _;
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
fn scan_that_says_too_little_does_not_pass() {
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
fn scans_of_and_by_others_do_not_count_nor_hide_doubt() {
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
fn scanner_that_is_not_named_is_not_trusted() {
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
    // An advisory about several is excepted by its own name alone.
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

// threat: D19 I09 R11
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
    // A scanner that finds something is not outvoted.
    assert_eq!(judge(1, &mixed), Verdict::Rejected);
    assert_eq!(judge(1, &mixed[..1]), Verdict::Verified);
    assert_eq!(judge(1, &[by("one", &dirty), by("other", &dirty)]), Verdict::Rejected);
}

/// What becomes of a report that `edit` changed, under the demand.
fn edited(report: &str, require: &str, edit: impl FnOnce(&mut Value)) -> Outcomes {
    let mut value: Value = serde_json::from_slice(&predicate(report)).unwrap();
    edit(&mut value["scanner"]["result"]);
    run(require, &[&serde_json::to_vec(&value).unwrap()], NOW)
}

const REPORT_LISTS: [(&str, &str); 6] = [
    ("trivy", "/Results/0/Vulnerabilities"),
    ("grype", "/matches"),
    ("grype-v6", "/matches"),
    ("clair", "/package_vulnerabilities"),
    ("sarif-trivy", "/runs/0/results"),
    ("sarif-grype", "/runs/0/results"),
];

/// The report without findings.
fn emptied(report: &mut Value, at: &str) {
    if let Some(vulnerabilities) = report.get_mut("vulnerabilities") {
        *vulnerabilities = json!({});
    }
    let list = report.pointer_mut(at).unwrap();
    *list = if list.is_object() { json!({}) } else { json!([]) };
}

// threat: R09
#[test]
fn what_a_scanner_suppressed_stays_a_finding() {
    let trivy = |kind: Value| {
        edited("trivy", STRICT, |report| {
            let findings = report["Results"][0]["Vulnerabilities"].take();
            let modified = json!({"Type": kind, "Status": "ignored", "Source": ".trivyignore", "Finding": findings[0]});
            report["Results"][0]["ExperimentalModifiedFindings"] = json!([modified]);
        })
    };
    for kind in ["vulnerability", "Vulnerability", "other"] {
        assert_eq!(trivy(kind.into()).codes, ["finding-too-severe"], "{kind}");
    }
    assert_eq!(trivy(Value::Null).codes, ["finding-too-severe"]);
    assert_eq!(trivy("secret".into()).codes, [""; 0]);
    for report in ["grype", "grype-v6"] {
        let found = edited(report, STRICT, |report| {
            report["ignoredMatches"] = report["matches"].take();
            report["matches"] = json!([]);
        });
        assert_eq!(found.codes, ["finding-too-severe"], "{report}");
    }
    for report in ["sarif-trivy", "sarif-grype"] {
        for member in ["suppressions", "baselineState"] {
            let found = edited(report, STRICT, |report| {
                let value = if member == "suppressions" { json!([{"kind": "external"}]) } else { json!("absent") };
                report["runs"][0]["results"][0][member] = value;
            });
            assert_eq!(found.codes, ["finding-too-severe"], "{report} {member}");
        }
    }
    // Clair lists vulnerabilities without a package.
    let found = edited("clair", STRICT, |report| report["package_vulnerabilities"] = json!({}));
    assert_eq!(found.codes, ["finding-too-severe"]);
}

// threat: R10
#[test]
fn a_scan_that_failed_or_lists_nothing_is_refused() {
    for (report, at) in REPORT_LISTS {
        assert_eq!(edited(report, STRICT, |report| emptied(report, at)).codes, [""; 0], "{report}");
        let (above, name) = at.rsplit_once('/').unwrap();
        for value in [Some(Value::Null), None, Some(json!("")), Some(json!(0))] {
            let found = edited(report, STRICT, |report| {
                emptied(report, at);
                let above = report.pointer_mut(above).unwrap().as_object_mut().unwrap();
                match &value {
                    Some(value) => drop(above.insert(name.to_owned(), value.clone())),
                    None => drop(above.remove(name)),
                }
                // A class is Trivy's word that it looked at packages.
                above.remove("Class");
            });
            let codes = ["scan-empty", "payload-malformed"];
            assert!(matches!(&found.codes[..], [code] if codes.contains(code)), "{report} {value:?} {:?}", found.codes);
        }
    }
    for (report, at, value) in [
        ("sarif-grype", "/runs/0/invocations", json!([{"executionSuccessful": false}])),
        ("sarif-grype", "/runs/0/invocations", json!([{"executionSuccessful": true}, {"executionSuccessful": false}])),
        ("sarif-grype", "/runs/0/invocations", json!([{"exitCode": 1}])),
        ("sarif-grype", "/runs/0/invocations", json!([{"executionSuccessful": "yes"}])),
        ("sarif-grype", "/runs/0/invocations", json!([{"executionSuccessful": true, "exitSignalName": "SIGKILL"}])),
        (
            "sarif-grype",
            "/runs/0/invocations",
            json!([{"executionSuccessful": true, "toolExecutionNotifications": [{"level": "error"}]}]),
        ),
        ("sarif-grype", "/runs/0/externalPropertyFileReferences", json!({"results": [{"location": {}}]})),
        ("sarif-grype", "/inlineExternalProperties", json!([{"results": []}])),
        ("sarif-grype", "/runs/1", json!({"tool": {"driver": {"name": "Grype"}}, "results": []})),
        ("grype", "/descriptor/db/error", json!("checksum mismatch")),
        ("grype-v6", "/descriptor/db/status/valid", json!(false)),
    ] {
        let found = edited(report, STRICT, |report| {
            emptied(report, if report.get("runs").is_some() { "/runs/0/results" } else { "/matches" });
            let (above, name) = at.rsplit_once('/').unwrap();
            match report.pointer_mut(above).unwrap() {
                Value::Array(list) => list.push(value.clone()),
                above => above[name] = value.clone(),
            }
        });
        assert_eq!(found.codes, ["payload-malformed"], "{report} {at} {value}");
    }
    // A code with which a tool that succeeded says that it found something, and one that says nothing else.
    for call in [json!({"executionSuccessful": true, "exitCode": 1}), json!({"exitCode": 0})] {
        let found = edited("sarif-grype", EXCEPTED, |report| report["runs"][0]["invocations"] = json!([call]));
        assert_eq!(found.codes, [""; 0], "{call}");
    }
    // A linter's empty list says nothing about an image; with a finding, that decides.
    let named = |name: &str, at: &str| {
        edited("sarif-grype", EXCEPTED, |report| {
            report["runs"][0]["tool"]["driver"]["name"] = name.into();
            if !at.is_empty() {
                emptied(report, at);
            }
        })
    };
    for name in ["Hadolint", "CodeQL", "Semgrep", "Snyk Code", ""] {
        assert_eq!(named(name, "/runs/0/results").codes, ["scan-empty"], "{name}");
        assert_eq!(named(name, "").codes, [""; 0], "{name}");
    }
    for name in ["grype", "Anchore Grype Scan", "Trivy", "Snyk Container", "docker scout", "Clair V4"] {
        assert_eq!(named(name, "/runs/0/results").codes, [""; 0], "{name}");
    }
}

// threat: R11
#[test]
fn a_report_about_something_else_is_refused() {
    let other = "sha256:abababababababababababababababababababababababababababababababab";
    let with = |report: &str, at: &str, value: Value| {
        edited(report, EXCEPTED, |report| {
            let (above, name) = at.rsplit_once('/').unwrap();
            report.pointer_mut(above).unwrap()[name] = value;
        })
    };
    let both = json!([format!("a.test/a@{other}"), format!("b.test/b@{}", image())]);
    for (report, at, value) in [
        ("trivy", "/Metadata/RepoDigests", json!([format!("a.test/a@{other}")])),
        ("trivy", "/Metadata/RepoDigests", json!(["no digest"])),
        ("trivy", "/Metadata/RepoDigests", json!([image().to_string().to_uppercase()])),
        ("trivy", "/ArtifactType", json!("filesystem")),
        ("trivy", "/ArtifactType", json!("repository")),
        ("trivy", "/ArtifactType", json!("cyclonedx")),
        ("trivy", "/ArtifactType", json!("Container_Image")),
        ("clair", "/manifest_hash", json!(other)),
        ("sarif-trivy", "/runs/0/properties/repoDigests", json!([format!("a.test/a@{other}")])),
        ("grype", "/source/target", json!({"manifestDigest": other})),
        ("grype", "/source/target", json!({"userInput": format!("a.test/a@{other}")})),
        ("grype", "/source/type", json!("directory")),
        ("grype-v6", "/source/type", json!("sbom-file")),
        ("grype-v6", "/source/type", json!("unknown")),
        ("grype", "/source", json!({"target": "/src"})),
    ] {
        let found = with(report, at, value.clone());
        assert_eq!(found.codes, ["scan-of-another"], "{report} {at} {value}");
        assert!(found.troubles[0].contains(&image().to_string()), "{:?}", found.troubles);
        if value.to_string().contains(other) {
            assert!(found.troubles[0].contains(other), "{:?}", found.troubles);
        }
    }
    // One of several is enough: an image has the digest of its list of platforms, and those of other registries. What says
    // nothing is about the subject of the statement.
    for (report, at, value) in [
        ("trivy", "/Metadata/RepoDigests", both.clone()),
        ("trivy", "/Metadata/RepoDigests", json!([])),
        ("trivy", "/Metadata/RepoDigests", Value::Null),
        ("trivy", "/ArtifactType", Value::Null),
        ("clair", "/manifest_hash", Value::Null),
        ("grype", "/source/target", json!({"manifestDigest": other, "repoDigests": both})),
        ("grype", "/source", Value::Null),
        ("sarif-trivy", "/runs/0/properties", Value::Null),
    ] {
        assert_eq!(with(report, at, value.clone()).codes, [""; 0], "{report} {at} {value}");
    }
}

// threat: R12
#[test]
fn an_unknown_fix_is_not_no_fix() {
    // The other finding is excepted.
    let fixable = EXCEPTED.replace("high", "low\n      onlyFixable: true");
    let of = |report: &str, at: &str, value: Value| {
        let (above, name) = at.rsplit_once('/').unwrap();
        edited(report, &fixable, |report| report.pointer_mut(above).unwrap()[name] = value).codes
    };
    for (report, at, value, codes) in [
        ("trivy", "/Results/0/Vulnerabilities/1/Status", json!("affected"), &[][..]),
        ("trivy", "/Results/0/Vulnerabilities/1/Status", json!("will_not_fix"), &[]),
        ("trivy", "/Results/0/Vulnerabilities/1/Status", json!("fixed"), &["finding-too-severe"]),
        ("trivy", "/Results/0/Vulnerabilities/1/Status", json!("unknown"), &["finding-too-severe"]),
        ("trivy", "/Results/0/Vulnerabilities/1/FixedVersion", json!("2"), &["finding-too-severe"]),
        ("grype", "/matches/1/vulnerability/fix", json!({"versions": [], "state": "not-fixed"}), &[]),
        ("grype", "/matches/1/vulnerability/fix", json!({"versions": null, "state": "wont-fix"}), &[]),
        (
            "grype",
            "/matches/1/vulnerability/fix",
            json!({"versions": ["2"], "state": "not-fixed"}),
            &["finding-too-severe"],
        ),
        ("grype", "/matches/1/vulnerability/fix", json!({"versions": [], "state": "unknown"}), &["finding-too-severe"]),
        ("grype", "/matches/1/vulnerability/fix", json!({"versions": [], "state": "fixed"}), &["finding-too-severe"]),
        ("grype", "/matches/1/vulnerability/fix", Value::Null, &["finding-too-severe"]),
        ("clair", "/vulnerabilities/356836/fixed_in_version", json!(""), &[]),
        ("clair", "/vulnerabilities/356836/fixed_in_version", json!("introduced=0"), &[]),
        (
            "clair",
            "/vulnerabilities/356836/fixed_in_version",
            json!("introduced=0&lastAffected=3"),
            &["finding-too-severe"],
        ),
        ("clair", "/vulnerabilities/356836/fixed_in_version", json!("fixed=1.2%2Bdeb1"), &["finding-too-severe"]),
    ] {
        assert_eq!(of(report, at, value.clone()), codes, "{report} {value}");
    }
}

// threat: R12
#[test]
fn a_cve_is_one_whatever_its_case() {
    let related = |names: &[&str]| {
        edited("grype", EXCEPTED, |report| {
            let found = &mut report["matches"][0];
            found["vulnerability"]["id"] = "GHSA-x".into();
            found["relatedVulnerabilities"] = names.iter().map(|name| json!({"id": name})).collect();
        })
        .codes
    };
    assert_eq!(related(&["CVE-2021-36159", "cve-2021-36159"]), [""; 0]);
    assert_eq!(related(&["CVE-2021-36159", "GHSA-y"]), [""; 0]);
    assert_eq!(related(&["CVE-2021-36159", "Cve-2021-1"]), ["finding-too-severe"]);
}

// threat: R11
#[test]
fn each_scanner_of_a_signer_counts_until_it_is_out_of_use() {
    let at = |report: &str, time: &str, edit: fn(&mut Value)| {
        let mut value: Value = serde_json::from_slice(&predicate(report)).unwrap();
        value["metadata"]["scanFinishedOn"] = time.into();
        for member in ["/scanner/result/CreatedAt", "/scanner/result/descriptor/timestamp"] {
            if let Some(made) = value.pointer_mut(member) {
                *made = time.into();
            }
        }
        edit(&mut value["scanner"]["result"]);
        serde_json::to_vec(&value).unwrap()
    };
    let clean = |report: &mut Value| report["matches"] = json!([]);
    let (old, early, late) = ("2026-11-10T00:00:00Z", "2026-11-22T00:00:00Z", "2026-11-23T05:00:00Z");
    let grype = at("grype", late, clean);
    for (trivy, codes) in [
        (at("trivy", early, |_| ()), &["finding-too-severe"][..]),
        (at("trivy", old, |_| ()), &[]),
        (at("sarif-trivy", early, |_| ()), &["finding-too-severe"]),
        (at("grype-v6", early, |_| ()), &[]),
    ] {
        assert_eq!(run(STRICT, &[&grype, &trivy], NOW).codes, codes);
        assert_eq!(run(STRICT, &[&trivy, &grype], NOW).codes, codes);
    }
    assert_eq!(run(STRICT, &[&at("grype", old, clean)], NOW).codes, ["scan-stale"]);
}
