//! What is said about findings counts when those who say it are believed, and when it is about this.

use serde_json::{Value, json};
use sigkit_core::bundle::EvidenceItem;
use sigkit_core::content::PredicateType;
use sigkit_core::report::Verdict;

use super::lab::{Files, NOW, Outcomes, attested, image_policy, judge, read};
use super::scans::predicate;
use crate::support::cases::image;

const CVE: &str = "CVE-2021-36159";
const PURL: &str = "pkg:apk/alpine/apk-tools@2.10.6-r0?arch=x86_64&distro=3.10.9";

fn document(statements: Value) -> Vec<u8> {
    let document = json!({
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": "https://example.test/vex/1",
        "author": "security",
        "timestamp": "2026-11-20T00:00:00Z",
        "version": 1,
        "statements": statements,
    });
    serde_json::to_vec(&document).unwrap()
}

fn word(status: &str, product: Value) -> Value {
    json!({
        "vulnerability": {"name": CVE},
        "products": [product],
        "status": status,
        "justification": "vulnerable_code_not_in_execute_path",
    })
}

fn at(mut word: Value, time: &str) -> Value {
    word["timestamp"] = time.into();
    word
}

fn by(author: &str, statements: Value) -> EvidenceItem {
    attested(&PredicateType::OpenVex, &document(statements), author)
}

fn run(report: &str, vex: Vec<EvidenceItem>) -> Outcomes {
    run_on(&predicate(report), vex)
}

fn run_on(predicate: &[u8], vex: Vec<EvidenceItem>) -> Outcomes {
    let require = "- attestation:\n    type: vuln\n    by: [scanner]\n    atLeast: 1\n    scan:\n      maximumSeverity: high\n      maxAge: 7d\n      vex: {by: [security, vendor]}\n";
    let files = Files::keys(&["scanner", "security", "vendor"]);
    let set = read(&image_policy(&["scanner", "security", "vendor"], require), &files).unwrap();
    let mut items = vec![attested(&PredicateType::Vuln, predicate, "scanner")];
    items.extend(vex);
    judge(&set, "registry.example/app:v1", &items, &[], NOW)
}

fn image_product() -> Value {
    json!({"@id": format!("pkg:oci/app@sha256%3A{}?repository_url=registry.example/app", image().hex())})
}

/// A document by which the image is not affected.
pub(crate) fn not_affected() -> Vec<u8> {
    document(json!([word("not_affected", image_product())]))
}

// threat: D18
#[test]
fn every_scanner_listens() {
    for report in ["trivy", "grype", "grype-v6", "clair", "sarif-trivy", "sarif-grype"] {
        let vex = vec![by("security", json!([word("not_affected", image_product())]))];
        let found = run(report, vex);
        assert_eq!((found.verdict, &found.codes), (Verdict::Verified, &vec![]), "{report}");
        let fact = "CVE-2021-36159 is not_affected, says security at 2026-11-20T00:00:00Z";
        assert!(found.facts.iter().any(|found| found == fact), "{report}: {found:?}");
        assert_eq!(run(report, vec![]).codes, ["finding-too-severe"], "{report}");
    }
}

// threat: D18
#[test]
fn only_the_latest_word_about_this_product_by_somebody_believed_clears() {
    let product = image_product;
    let digest = || json!({"@id": "https://example.test/app", "hashes": {"sha-256": image().hex()}});
    let no = |product| word("not_affected", product);
    let yes = |product| word("affected", product);
    let (early, late) = ("2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z");
    let severe: &[&str] = &["finding-too-severe"];
    let against: &[&str] = &["vex-not-cleared"];
    let cases: Vec<(&str, Vec<EvidenceItem>, &[&str])> = vec![
        ("image by package URL", vec![by("security", json!([no(product())]))], &[]),
        ("image by hash", vec![by("security", json!([no(digest())]))], &[]),
        ("fixed", vec![by("security", json!([word("fixed", product())]))], &[]),
        ("package wherever it is", vec![by("security", json!([no(json!({"@id": PURL}))]))], &[]),
        ("package as plain text", vec![by("security", json!([no(json!(PURL))]))], &[]),
        (
            "package in the image",
            vec![by("security", json!([no(json!({"@id": product()["@id"], "subcomponents": [{"@id": PURL}]}))]))],
            &[],
        ),
        (
            "another package in the image",
            vec![by(
                "security",
                json!([no(json!({"@id": product()["@id"], "subcomponents": [{"@id": "pkg:apk/alpine/musl@1"}]}))]),
            )],
            severe,
        ),
        (
            "another image",
            vec![by(
                "security",
                json!([no(json!({"@id": "pkg:oci/app@sha256%3A00?repository_url=registry.example/app"}))]),
            )],
            severe,
        ),
        (
            "an image without digest",
            vec![by("security", json!([no(json!({"@id": "pkg:oci/app?repository_url=registry.example/app"}))]))],
            severe,
        ),
        (
            "another version of the package",
            vec![by("security", json!([no(json!({"@id": "pkg:apk/alpine/apk-tools@2.10.6-r1"}))]))],
            severe,
        ),
        (
            "the package without version",
            vec![by("security", json!([no(json!({"@id": "pkg:apk/alpine/apk-tools"}))]))],
            severe,
        ),
        ("no product", vec![by("security", json!([{"vulnerability": {"name": CVE}, "status": "fixed"}]))], severe),
        ("a stranger", vec![by("stranger", json!([no(product())]))], severe),
        ("the scanner itself", vec![by("scanner", json!([no(product())]))], severe),
        ("affected", vec![by("security", json!([yes(product())]))], against),
        ("under investigation", vec![by("security", json!([word("under_investigation", product())]))], against),
        ("another status", vec![by("security", json!([word("Not_Affected", product())]))], against),
        (
            "not affected without a reason",
            vec![by(
                "security",
                json!([{"vulnerability": {"name": CVE}, "products": [product()], "status": "not_affected"}]),
            )],
            against,
        ),
        ("later yes", vec![by("security", json!([at(no(product()), early), at(yes(product()), late)]))], against),
        (
            "later yes, first in the document",
            vec![by("security", json!([at(yes(product()), late), at(no(product()), early)]))],
            against,
        ),
        ("later no", vec![by("security", json!([at(yes(product()), early), at(no(product()), late)]))], &[]),
        (
            "two authors, later yes",
            vec![by("security", json!([at(no(product()), early)])), by("vendor", json!([at(yes(product()), late)]))],
            against,
        ),
        ("at once", vec![by("security", json!([at(no(product()), late), at(yes(product()), late)]))], against),
        (
            "a stranger's yes",
            vec![by("security", json!([no(product())])), by("stranger", json!([at(yes(product()), late)]))],
            &[],
        ),
        ("five minutes ahead", vec![by("security", json!([at(no(product()), "2026-11-23T06:05:00Z")]))], &[]),
        ("yet to come", vec![by("security", json!([at(no(product()), "2026-11-23T06:06:00Z")]))], against),
        (
            "by an alias",
            vec![by(
                "security",
                json!([{"vulnerability": {"name": "GHSA-x", "aliases": [CVE]}, "products": [product()], "status": "fixed"}]),
            )],
            &[],
        ),
        (
            "older documents name the vulnerability alone",
            vec![by("security", json!([{"vulnerability": CVE, "products": [product()], "status": "fixed"}]))],
            &[],
        ),
        (
            "about another vulnerability",
            vec![by(
                "security",
                json!([{"vulnerability": {"name": "CVE-2021-3615"}, "products": [product()], "status": "fixed"}]),
            )],
            severe,
        ),
        (
            "no time that can be read",
            vec![by("security", json!([at(no(product()), "yesterday")]))],
            &["finding-too-severe", "payload-malformed"],
        ),
        (
            "a document that cannot be read",
            vec![
                by("security", json!([no(product())])),
                attested(&PredicateType::OpenVex, b"{\"statements\":7}", "vendor"),
            ],
            &["finding-too-severe", "payload-malformed"],
        ),
    ];
    for (name, vex, codes) in cases {
        let found = run("trivy", vex);
        let verdict = if codes.is_empty() { Verdict::Verified } else { Verdict::Rejected };
        assert_eq!((found.verdict, found.codes.as_slice()), (verdict, codes), "{name}: {:?}", found.facts);
    }
    let unreasoned = json!([{"vulnerability": {"name": CVE}, "products": [product()], "status": "not_affected"}]);
    let found = run("trivy", vec![by("security", unreasoned)]);
    assert!(found.troubles[0].contains("\"not_affected\" without a justification"), "{:?}", found.troubles);
}

// threat: D18
#[test]
fn the_type_of_the_specification_is_read_as_well() {
    let kind = PredicateType::Uri("https://openvex.dev/ns/v0.2.0".to_owned());
    let item = attested(&kind, &document(json!([word("fixed", image_product())])), "vendor");
    assert_eq!(run("trivy", vec![item]).verdict, Verdict::Verified);
}

// threat: D18
#[test]
fn one_of_several_vulnerabilities_clears_no_advisory() {
    let mut value: Value = serde_json::from_slice(&predicate("grype")).unwrap();
    let found = &mut value["scanner"]["result"]["matches"][0];
    found["vulnerability"]["id"] = "ALAS-1".into();
    found["relatedVulnerabilities"].as_array_mut().unwrap().push(json!({"id": "CVE-2021-1"}));
    let advisory = serde_json::to_vec(&value).unwrap();
    let of = |name: &str, status: &str, time: &str| {
        let mut word = at(word(status, image_product()), time);
        word["vulnerability"]["name"] = name.into();
        word
    };
    let (early, late) = ("2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z");
    for (words, codes) in [
        (vec![of("ALAS-1", "fixed", early)], &[][..]),
        (vec![of(CVE, "fixed", early)], &["finding-too-severe"]),
        (vec![of(CVE, "not_affected", early), of("CVE-2021-1", "not_affected", early)], &["finding-too-severe"]),
        (vec![of("ALAS-1", "fixed", early), of(CVE, "affected", late)], &["vex-not-cleared"]),
        (vec![of("ALAS-1", "fixed", late), of(CVE, "affected", early)], &[]),
    ] {
        let found = run_on(&advisory, vec![by("security", json!(words))]);
        assert_eq!(found.codes, codes, "{words:?}");
    }
}
