//! A statement about findings counts when its signer is trusted, and when it is about this image.

use serde_json::{Value, json};
use sigkit_core::bundle::EvidenceItem;
use sigkit_core::content::PredicateType;
use sigkit_core::digest::{Digest, DigestAlgorithm};
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
        let fact = "CVE-2021-36159 is not_affected according to security at 2026-11-20T00:00:00Z";
        assert!(found.facts.iter().any(|found| found == fact), "{report}: {found:?}");
        assert_eq!(run(report, vec![]).codes, ["finding-too-severe"], "{report}");
    }
}

// threat: D18
#[test]
fn only_latest_trusted_vex_statement_for_product_clears() {
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

/// What becomes of Trivy's finding with these statements.
fn said(words: Value) -> Vec<&'static str> {
    run("trivy", vec![by("security", words)]).codes
}

const SEVERE: [&str; 1] = ["finding-too-severe"];
const AGAINST: [&str; 1] = ["vex-not-cleared"];

// threat: R06
// threat: R23
#[test]
fn what_cannot_be_read_of_a_product_clears_nothing() {
    let image = || image_product()["@id"].clone();
    for subcomponents in [
        json!(null),
        json!({"@id": PURL}),
        json!(PURL),
        json!(7),
        json!([null]),
        json!([7]),
        json!([{}]),
        json!([{"id": PURL}]),
        json!([{"identifiers": {"cpe23": "cpe:2.3:a:alpine:apk-tools:2.10.6:*:*:*:*:*:*:*"}}]),
        json!([{"hashes": {"sha-256": crate::support::cases::image().hex()}}]),
        json!([{"@id": PURL.split('?').next()}]),
        json!([{"@id": PURL.to_uppercase()}]),
        json!([{"@id": PURL, "identifiers": {"purl": "pkg:apk/alpine/musl@1"}}]),
        json!(["https://example.test/apk-tools"]),
    ] {
        let of_image = word("not_affected", json!({"@id": image(), "subcomponents": subcomponents}));
        assert_eq!(said(json!([of_image])), SEVERE, "{subcomponents}");
        let of_package = word("fixed", json!({"@id": PURL, "subcomponents": subcomponents}));
        assert_eq!(said(json!([of_package])), SEVERE, "{subcomponents}");
    }
    let sha512 = Digest::of(DigestAlgorithm::Sha512, crate::support::cases::IMAGE.as_bytes()).hex();
    let hex = crate::support::cases::image().hex();
    for product in [
        json!(null),
        json!([]),
        json!({}),
        json!({"id": PURL}),
        json!({"@id": 7}),
        json!({"identifiers": {"cpe23": "cpe:2.3:a:alpine:apk-tools:2.10.6:*:*:*:*:*:*:*"}}),
        json!({"@id": PURL.split('?').next()}),
        json!({"@id": PURL.to_uppercase()}),
        json!({"@id": "pkg:oci/app", "hashes": {"sha-256": hex.to_uppercase()}}),
        json!({"@id": "pkg:oci/app", "hashes": {"sha256": hex}}),
        json!({"@id": format!("pkg:docker/app@sha256:{hex}")}),
        json!({"@id": image(), "hashes": {"sha-256": "00"}}),
        json!({"@id": "pkg:oci/app", "hashes": {"sha-256": hex, "sha-512": "00".repeat(64)}}),
        json!({"@id": image(), "hashes": {"sha-384": "00".repeat(48)}}),
        json!({"@id": format!("pkg:oci/app@sha256%3A{}", "00".repeat(32)), "hashes": {"sha-256": hex}}),
    ] {
        assert_eq!(said(json!([word("fixed", product.clone())])), SEVERE, "{product}");
    }
    // What is read among what is not, and what tools write.
    for product in [
        json!({"@id": image(), "subcomponents": []}),
        json!({"@id": image(), "subcomponents": [null, {"@id": "pkg:apk/alpine/musl@1"}, {"@id": PURL}]}),
        json!({"@id": image(), "subcomponents": [{"@id": "https://example.test", "identifiers": {"purl": PURL}}]}),
        json!({"@id": PURL, "hashes": {"sha-256": "00".repeat(32)}}),
        json!({"@id": "pkg:oci/app", "hashes": {"sha-256": hex, "sha-512": sha512}}),
        json!({"@id": "pkg:oci/app", "identifiers": {"purl": image()}, "hashes": {"sha-256": hex}}),
    ] {
        assert_eq!(said(json!([word("fixed", product.clone())])), [""; 0], "{product}");
    }
}

// threat: R07
#[test]
fn a_word_against_counts_in_every_spelling() {
    let (early, late) = ("2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z");
    let hex = crate::support::cases::image().hex();
    let of_image = at(word("not_affected", image_product()), early);
    let of_package = at(word("not_affected", json!(PURL)), early);
    for cleared in [of_image, of_package] {
        for product in [
            json!(null),
            json!({}),
            json!(7),
            json!({"id": "x"}),
            json!({"@id": "https://example.test/app"}),
            json!({"@id": "pkg:oci/app"}),
            json!({"@id": "pkg:docker/app@v1"}),
            json!({"@id": format!("pkg:docker/app@sha256:{hex}")}),
            json!(format!("pkg:oci/app@sha256%3a{hex}")),
            json!(format!("registry.example/app@sha256:{}", hex.to_uppercase())),
            json!({"hashes": {"sha-256": hex.to_uppercase()}}),
            json!({"hashes": {"SHA256": hex}}),
            json!({"hashes": {"sha-512": "00"}}),
            json!({"@id": PURL.split('?').next()}),
            json!({"@id": "pkg:apk/apk-tools"}),
            json!({"@id": "PKG:APK/Alpine/apk-tools@2.10.6-r0"}),
            json!({"@id": "pkg:golang/example.test/app", "subcomponents": [{"@id": "pkg:apk/alpine/apk-tools"}]}),
            json!({"@id": format!("pkg:oci/app@sha256:{hex}"), "subcomponents": null}),
            json!({"@id": format!("pkg:oci/app@sha256:{hex}"), "subcomponents": [{"@id": "pkg:apk/alpine/musl"}, 7]}),
            json!({"@id": format!("pkg:oci/app@sha256:{hex}"), "subcomponents": [{"identifiers": {"cpe23": "x"}}]}),
        ] {
            let words = json!([cleared, at(word("affected", product.clone()), late)]);
            assert_eq!(said(words), AGAINST, "{product}");
        }
        for mut product in [json!({"products": []}), json!({"products": null}), json!({})] {
            for (name, value) in
                [("vulnerability", json!({"name": CVE})), ("status", json!("affected")), ("timestamp", json!(late))]
            {
                product[name] = value;
            }
            assert_eq!(said(json!([cleared, product])), AGAINST, "{product}");
        }
        for vulnerability in [
            json!("cve-2021-36159"),
            json!({"name": "Cve-2021-36159"}),
            json!({"name": "x", "@id": "https://nvd.nist.gov/vuln/detail/CVE-2021-36159"}),
            json!({"name": "x", "aliases": ["y", " CVE-2021-36159 "]}),
            json!({"name": "x", "aliases": CVE}),
        ] {
            let mut against = at(word("under_investigation", image_product()), late);
            against["vulnerability"] = vulnerability.clone();
            assert_eq!(said(json!([cleared, against])), AGAINST, "{vulnerability}");
        }
        // What is clearly something else says nothing.
        for product in [
            json!({"@id": "pkg:apk/alpine/musl"}),
            json!({"@id": "pkg:apk/alpine/apk-tools@2.10.6-r1"}),
            json!({"@id": format!("pkg:oci/app@sha256:{}", "00".repeat(32))}),
            json!({"hashes": {"sha-256": "00".repeat(32)}}),
            json!({"@id": format!("pkg:oci/app@sha256:{hex}"), "subcomponents": [{"@id": "pkg:apk/alpine/musl"}]}),
        ] {
            let words = json!([cleared, at(word("affected", product.clone()), late)]);
            assert_eq!(said(words), [""; 0], "{product}");
        }
        for vulnerability in [
            json!("CVE-2021-3615"),
            json!({"name": "CVE-2021-361590"}),
            json!({"name": "x", "@id": "https://nvd.nist.gov/CVE-2021-36159/other", "aliases": ["CVE-2019-14697"]}),
        ] {
            let mut against = at(word("affected", image_product()), late);
            against["vulnerability"] = vulnerability.clone();
            assert_eq!(said(json!([cleared, against])), [""; 0], "{vulnerability}");
        }
    }
}

// threat: R08
#[test]
fn a_reason_is_one_of_the_list_or_words_about_the_impact() {
    let with = |justification: Value, impact: Value| {
        let mut word = word("not_affected", image_product());
        word["justification"] = justification;
        word["impact_statement"] = impact;
        said(json!([word]))
    };
    for word in [
        "component_not_present",
        "vulnerable_code_not_present",
        "vulnerable_code_not_in_execute_path",
        "vulnerable_code_cannot_be_controlled_by_adversary",
        "inline_mitigations_already_exist",
    ] {
        assert_eq!(with(word.into(), Value::Null), [""; 0], "{word}");
        assert_eq!(with(word.to_uppercase().into(), Value::Null), AGAINST, "{word}");
    }
    assert_eq!(with(Value::Null, "No request reaches the parser.".into()), [""; 0]);
    for (justification, impact) in [("", ""), ("because", ""), ("because", "of this"), ("", "of this"), (" ", "")] {
        assert_eq!(with(justification.into(), impact.into()), AGAINST, "{justification:?} {impact:?}");
    }
    assert_eq!(with(Value::Null, "  ".into()), AGAINST);
    let mut because = word("not_affected", image_product());
    because["justification"] = "because".into();
    let found = run("trivy", vec![by("security", json!([because]))]);
    assert!(found.troubles[0].contains("without one of the justifications component_not_present, "), "{found:?}");
    for (member, value) in [
        ("justification", json!(["component_not_present"])),
        ("status", json!(null)),
        ("vulnerability", json!(7)),
        ("vulnerability", json!({})),
        ("vulnerability", json!("")),
        ("vulnerability", json!({"name": "", "aliases": [""]})),
        ("vulnerability", json!({"name": CVE, "aliases": {"0": "x"}})),
        ("timestamp", json!("0001-01-01T00:00:00Z")),
        ("products", json!({"0": image_product()})),
    ] {
        let mut word = word("not_affected", image_product());
        word[member] = value.clone();
        assert_eq!(said(json!([word])), ["finding-too-severe", "payload-malformed"], "{member} {value}");
    }
}
