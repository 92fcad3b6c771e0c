//! Vectors: each shows the verifier one thing, and names the exact verdict, check and reason code.
//!
//! What fails when a check is removed from `verify/`:
//!
//! | removed | vectors that then differ |
//! |---|---|
//! | `material::check` refusing certificates | `bundle-certificate*`, `blob-bundle-certificate`, `blob-legacy-certificate` |
//! | `content::check`, each arm of the purpose table | `purpose-*` |
//! | `simple_signing`, the comparison of `critical.type` | `legacy-*-type*` |
//! | `sign_statement`, the comparison of the payload type | `envelope-type-*` |
//! | `statement`, the comparison of the predicate type | `statement-attestation`, `statement-provenance`, `statement-predicate-*`, `attestation-type-*` |
//! | `check`, the table of purposes and contents | `attestation-is-*`, `blob-*` |
//! | `signature::check`, each of its arms | `*-other-key`, `*-respaced`, `envelope-*-signed`, `blob-bundle-of-other-file` |
//! | `subject::compare`, each of its arms | `*-other-image`, `*-noted`, `statement-*` |
//! | `agrees`, the contradiction | `statement-contradicting-*` |
//! | `claims::annotations` and its filter by subject | `annotations-*` |
//! | `claims::reference` | `reference-*` |
//! | `transparency::check` | `*-beside` |
//! | the reason for no evidence | `no-evidence*` |
#![cfg(all(feature = "keyless", feature = "sign"))] // P-521 and Ed25519ph are among the golden keys
#![allow(clippy::disallowed_methods, reason = "vectors are files")]

mod support;

use std::collections::BTreeSet;

use sigkit_core::crypto::PublicKey;
use sigkit_core::reason::Reason;
use sigkit_core::report::{Verdict, Waiver};
use sigkit_core::trust::Trust;
use sigkit_core::verify::{Artifact, Verifier};
use support::vector::{self, NOW, Vector, report, seen};
use support::{cases, keys};

/// Set to any value, it makes [`committed_vectors_are_those_made_here`] write them instead.
const WRITE: &str = "SIGKIT_WRITE_VECTORS";

/// Judges one vector and compares with its `expected.json`: nothing may fail, be waived or be doubted beyond what is written there.
fn check(vector: &Vector) {
    let name = &vector.name;
    let expected = vector.json("expected.json");
    let text = |member: &str| expected[member].as_str().unwrap_or_default().to_owned();
    let result = vector.judge();
    // Read at once or as a stream, the artifact is judged by one rule.
    let scanned = self::seen(&vector.judge_scanned());
    // `ring` has no RSA over a digest: there a stream is refused by name, and never judged otherwise.
    let needs_bytes = cfg!(not(feature = "aws-lc-rs")) && scanned.failures == [("signature", "algorithm-unsupported")];
    assert!(needs_bytes || scanned == self::seen(&result), "{name}: {scanned:?} as a stream");
    let seen = seen(&result);
    let verdict = report(&result).verdict();
    assert_eq!(verdict.name(), text("verdict"), "{name}: {seen:?}");
    assert_eq!(result.is_ok(), verdict == Verdict::Verified, "{name}");
    let waivers: Vec<(String, String)> = serde_json::from_value(expected["waivers"].clone()).unwrap_or_default();
    assert_eq!(seen.waivers, waivers.iter().map(|(check, code)| (&**check, &**code)).collect::<Vec<_>>(), "{name}");
    assert_eq!(seen.doubts, [], "{name}");
    match verdict {
        Verdict::Verified => assert_eq!(seen.failures, [], "{name}"),
        _ => {
            // What sums up, and what it sums up.
            let also: Vec<(String, String)> = serde_json::from_value(expected["also"].clone()).unwrap_or_default();
            let main = (text("check"), text("code"));
            let failures: Vec<_> =
                std::iter::once(&main).chain(&also).map(|(check, code)| (&**check, &**code)).collect();
            assert_eq!(seen.failures, failures, "{name}");
        }
    }
}

// threat: M1
// threat: M2
// threat: D01
// threat: A03
// threat: A04
// threat: A05
// threat: A09
// threat: A13
// threat: A16
// threat: D02
// threat: D03
// threat: D04
// threat: D05
// threat: D06
// threat: D08
// threat: D09
// threat: D10
// threat: D13
// threat: D14
// threat: D15
// threat: D16
// threat: D17
// threat: M20
// threat: R18
// threat: R23
#[test]
fn every_vector_gives_its_verdict_and_its_reason() {
    let vectors = vector::load_all();
    assert!(vectors.len() > 100, "only {} vectors were found", vectors.len());
    for vector in &vectors {
        check(vector);
    }
}

#[test]
fn committed_vectors_are_those_made_here() {
    let made = cases::all();
    let names: BTreeSet<&str> = made.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), made.len(), "two cases have one name");
    let directory = vector::directory();
    if std::env::var_os(WRITE).is_some() {
        for case in &made {
            let directory = directory.join(&case.name);
            if directory.exists() {
                std::fs::remove_dir_all(&directory).unwrap();
            }
            std::fs::create_dir_all(&directory).unwrap();
            for (name, bytes) in &case.files {
                std::fs::write(directory.join(name), bytes).unwrap();
            }
        }
    }
    let committed: Vec<Vector> =
        vector::load_all().into_iter().filter(|vector| !vector.name.starts_with("golden-")).collect();
    let mut made = made;
    made.sort_by(|a, b| a.name.cmp(&b.name));
    for (made, committed) in made.iter().zip(&committed) {
        assert_eq!(made, committed, "set {WRITE}=1 to write what is made here");
    }
    assert_eq!(made.len(), committed.len());
}

/// Vectors for the codes that a file cannot show; see the test of the same name.
const IN_CODE: [&str; 3] = ["algorithm-unsupported", "message-needed", "not-a-signature"];
/// Codes of policies in files; `tests/policies` produces each of them.
const OF_POLICIES: [&str; 16] = [
    "base-image-not-allowed",
    "exception-expired",
    "finding-too-severe",
    "no-policy-matches",
    "nothing-demanded",
    "policy-denies",
    "policy-fails",
    "provenance-mismatch",
    "refused-by-policy",
    "scan-empty",
    "scan-from-future",
    "scan-of-another",
    "scan-stale",
    "scan-undated",
    "scanner-unnamed",
    "vex-not-cleared",
];

#[test]
fn every_reason_and_every_waiver_is_produced_by_a_vector() {
    let mut codes: BTreeSet<String> = IN_CODE.into_iter().chain(OF_POLICIES).map(str::to_owned).collect();
    for vector in vector::load_all() {
        let expected = vector.json("expected.json");
        codes.extend(expected["code"].as_str().map(str::to_owned));
        let waivers: Vec<(String, String)> = serde_json::from_value(expected["waivers"].clone()).unwrap_or_default();
        codes.extend(waivers.into_iter().map(|(_, code)| code));
    }
    for case in support::keyless::all() {
        codes.extend(case.failures.iter().chain(&case.waivers).map(|(_, code)| (*code).to_owned()));
    }
    let all: BTreeSet<String> = Reason::CODES.iter().chain(&Waiver::CODES).map(|code| (*code).to_owned()).collect();
    let missing: Vec<_> = all.difference(&codes).collect();
    assert!(missing.is_empty(), "no vector produces {missing:?}");
    let unknown: Vec<_> = codes.difference(&all).collect();
    assert!(unknown.is_empty(), "vectors name codes that do not exist: {unknown:?}");
    for codes in [&Reason::CODES[..], &Waiver::CODES[..]] {
        assert!(codes.is_sorted(), "{codes:?}");
    }
}

/// `ring` has no door for a digest signed with RSA; with `aws-lc-rs` every scheme of every form is supported.
#[cfg(not(feature = "aws-lc-rs"))]
#[test]
fn algorithm_unsupported() {
    let vector = vector::load_one("golden-cosign3-blob-bundle-rsa2048");
    let digest = sigkit_core::digest::Digest::sha256(vector.file("artifact"));
    let result =
        Verifier::new(&Trust::default()).verify(&vector.policy(), &Artifact::Digest(digest), &vector.evidence(), NOW);
    assert_eq!(seen(&result).failures, [("signature", "algorithm-unsupported")]);
    assert!(vector.judge().is_ok(), "the message itself is enough");
}

/// The key decides, and only the key: no vector that verifies does so with another one.
#[test]
fn no_vector_verifies_with_another_key() {
    use sigkit_core::key::SigningKey as _;
    let vectors = vector::load_all();
    let mut keys: Vec<PublicKey> = vec![keys::other_key().public_key().clone()];
    for key in vectors.iter().map(Vector::key) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    for vector in vectors.iter().filter(|vector| vector.judge().is_ok()) {
        for key in keys.iter().filter(|key| **key != vector.key()) {
            let policy = vector.policy_with(key.clone());
            let artifact = Artifact::Bytes(vector.file("artifact"));
            let result = Verifier::new(&Trust::default()).verify(&policy, &artifact, &vector.evidence(), NOW);
            assert_eq!(seen(&result).failures, [("signature", "signature-invalid")], "{}", vector.name);
        }
    }
}

/// A vector holds the whole artifact; this is what only its digest cannot tell.
#[test]
fn a_signature_over_the_message_needs_the_message() {
    use sigkit_core::bundle::{Origin, SignedEntity};
    use sigkit_core::crypto::PublicKey;
    use sigkit_core::digest::{Digest, DigestAlgorithm};
    use sigkit_core::key::{Password, SigningKey as _, file};
    use sigkit_core::policy::{KeyAuthority, Policy, Purpose};

    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../keys");
    for (name, known, expected) in [
        ("ed25519", DigestAlgorithm::Sha256, Some("message-needed")),
        ("ecdsa-p256", DigestAlgorithm::Sha512, Some("message-needed")),
        ("ecdsa-p256", DigestAlgorithm::Sha256, None),
        // The hash of the curve is tried first and does not fit the digest; SHA-256 does, and the signature is another's.
        ("ecdsa-p384", DigestAlgorithm::Sha256, Some("signature-invalid")),
        ("ecdsa-p384", DigestAlgorithm::Sha384, None),
    ] {
        let read = |suffix: &str| std::fs::read(root.join(format!("TEST-ONLY-{name}.{suffix}"))).unwrap();
        let key = file::decrypt(&read("key"), &Password::new("test-only")).unwrap();
        let text = key.sign(b"blob").unwrap().to_base64();
        let evidence = sigkit_core::bundle::Evidence::of(
            Origin::File("s".to_owned()),
            SignedEntity::from_detached(text.as_bytes()),
        );
        let authority = KeyAuthority::new(name, PublicKey::from_pem(&read("pub")).unwrap());
        let policy = Policy::key(Purpose::Blob, authority);
        let digest = Digest::of(known, b"blob");
        let result = Verifier::new(&Trust::default()).verify(&policy, &Artifact::Digest(digest), &evidence, NOW);
        let code = result.as_ref().err().and_then(|refusal| refusal.report().headline()?.outcome.code());
        assert_eq!(code, expected, "{name} {known}");
    }
}
