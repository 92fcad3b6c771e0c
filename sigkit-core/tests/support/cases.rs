//! The cases made here, each with one failure. `verify_vectors.rs` compares them with what is committed.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sigkit_core::crypto::Signature;
use sigkit_core::digest::{Digest, DigestAlgorithm};
use sigkit_core::key::{KeyPair, SigningKey as _};
use sigkit_core::oci::media_type;

use super::keys::{other_key, signer};
use super::vector::Vector;

/// An image manifest; nothing it points to is ever read.
pub(crate) const IMAGE: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":2,"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},"layers":[]}"#;
const OTHER: &str = "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";
const BLOB: &[u8] = b"a file\n";
const REPOSITORY: &str = "registry.example/app";
const SIGN: &str = "https://sigstore.dev/cosign/sign/v1";
const TYPE: &str = "cosign container image signature";
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";

/// The digest of [`IMAGE`].
pub(crate) fn image() -> Digest {
    Digest::sha256(IMAGE.as_bytes())
}

pub(crate) fn all() -> Vec<Vector> {
    [
        legacy(),
        legacy_unreadable(),
        bundles(),
        statements(),
        attestations(),
        envelopes(),
        annotations(),
        blobs(),
        rest(),
    ]
    .concat()
}

/// Signatures in cosign's legacy format, judged after they were read.
fn legacy() -> Vec<Vector> {
    let good = payload(&image().to_string(), TYPE, "null");
    let sha512 = Digest::of(DigestAlgorithm::Sha512, IMAGE.as_bytes()).to_string();
    vec![
        layer("legacy", &good, &signer()).verified(),
        layer("legacy-names-sha512", &payload(&sha512, TYPE, "null"), &signer()).verified(),
        layer("legacy-other-key", &good, &other_key()).rejected("signature", "signature-invalid"),
        layer("legacy-payload-respaced", &good, &signer())
            .with("payload.json", good.replace("\":", "\": "))
            .rejected("signature", "signature-invalid"),
        layer("legacy-fixed-width-signature", &good, &signer())
            .with("signature.b64", STANDARD.encode([1; 64]))
            .rejected("signature", "signature-invalid"),
        layer("legacy-other-image", &payload(OTHER, TYPE, "null"), &signer()).rejected("subject", "subject-mismatch"),
        layer(
            "legacy-other-type",
            &payload(&image().to_string(), "cosign container image attestation", "null"),
            &signer(),
        )
        .rejected("content", "claim-type-mismatch"),
        layer("legacy-atomic-type", &payload(&image().to_string(), "atomic container signature", "null"), &signer())
            .rejected("content", "claim-type-mismatch"),
        layer("legacy-type-of-other-case", &payload(&image().to_string(), &TYPE.to_uppercase(), "null"), &signer())
            .rejected("content", "claim-type-mismatch"),
        layer("legacy-uppercase-digest", &good.replace(&image().hex(), &image().hex().to_uppercase()), &signer())
            .rejected("content", "payload-malformed"),
        layer("legacy-weak-digest", &payload("md5:5d41402abc4b2a76b9719d911017c592", TYPE, "null"), &signer())
            .rejected("content", "payload-malformed"),
        layer(
            "legacy-member-twice",
            &good.replacen("{\"image", "{\"image\":{},\"image", 1).replacen(
                "\"critical\":{",
                "\"critical\":{\"type\":\"x\",",
                1,
            ),
            &signer(),
        )
        .rejected("content", "payload-malformed"),
        layer(
            "legacy-annotation-under-a-private-name",
            &payload(&image().to_string(), TYPE, r#"{"approved":{"$serde_json::private::RawValue":"\"yes\""}}"#),
            &signer(),
        )
        .rejected("content", "payload-malformed"),
        layer(
            "legacy-number-under-a-private-name",
            &payload(&image().to_string(), TYPE, r#"{"n":[{"$serde_json::private::Number":"5"}]}"#),
            &signer(),
        )
        .rejected("content", "payload-malformed"),
        layer("legacy-member-of-other-case", &good.replacen("critical", "Critical", 1), &signer())
            .rejected("content", "payload-malformed"),
        layer("legacy-bytes-behind-payload", &format!("{good}{{}}"), &signer())
            .rejected("content", "payload-malformed"),
        layer("legacy-empty-payload", "", &signer()).rejected("content", "payload-malformed"),
        layer("legacy-certificate-beside", &good, &signer())
            .with("annotations.json", json!({media_type::ANNOTATION_CERTIFICATE: CERTIFICATE}))
            .verified(),
        layer("legacy-log-entry-beside", &good, &signer())
            .with("annotations.json", json!({media_type::ANNOTATION_BUNDLE: rekor_bundle().to_string()}))
            .waived(&[("log-entry", "log-not-checked")]),
        layer("legacy-timestamp-beside", &good, &signer())
            .with("annotations.json", json!({media_type::ANNOTATION_TIMESTAMP: r#"{"SignedRFC3161Timestamp":"AAAA"}"#}))
            .waived(&[("timestamp", "timestamp-not-checked")]),
    ]
}

/// A log entry that reads well and proves nothing.
fn log_entry() -> Value {
    json!({
        "logIndex": "1",
        "logId": {"keyId": STANDARD.encode([1; 32])},
        "kindVersion": {"kind": "hashedrekord", "version": "0.0.1"},
        "integratedTime": "1700000000",
        "inclusionPromise": {"signedEntryTimestamp": "AAAA"},
        "inclusionProof": {
            "logIndex": "0",
            "rootHash": STANDARD.encode([2; 32]),
            "treeSize": "2",
            "hashes": [STANDARD.encode([3; 32])],
            "checkpoint": {"envelope": "log.example\n2\n"},
        },
        "canonicalizedBody": "e30=",
    })
}

/// The same in cosign's own form.
fn rekor_bundle() -> Value {
    let body = STANDARD.encode(r#"{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{}}"#);
    let log_id = Digest::sha256(b"a log").hex();
    let payload = json!({"body": body, "integratedTime": 1_700_000_000, "logIndex": 1, "logID": log_id});
    json!({"SignedEntryTimestamp": "AAAA", "Payload": payload})
}

/// Layers that are not signatures.
fn legacy_unreadable() -> Vec<Vector> {
    let good = payload(&image().to_string(), TYPE, "null");
    let make = |name: &str| layer(name, &good, &signer());
    let signature = String::from_utf8(make("").file("signature.b64").to_vec()).unwrap();
    [
        make("legacy-without-signature").without("signature.b64"),
        make("legacy-empty-signature").with("signature.b64", ""),
        make("legacy-signature-with-space").with("signature.b64", format!("{signature} ")),
        make("legacy-signature-overpadded").with("signature.b64", format!("{signature}=")),
        make("legacy-key-as-certificate")
            .with("annotations.json", json!({media_type::ANNOTATION_CERTIFICATE: other_key().public_key().to_pem()})),
    ]
    .into_iter()
    .map(|vector| vector.rejected("content", "bundle-malformed"))
    .chain([make("legacy-signature-with-newline").with("signature.b64", format!("{signature}\n")).verified()])
    .collect()
}

/// Signatures in the bundle format, and invalid bundles.
fn bundles() -> Vec<Vector> {
    let good = statement(SIGN, &subject_of(&image().to_string()));
    let make = |name: &str| bundle(name, &good, &signer());
    let text = String::from_utf8(make("").file("bundle.json").to_vec()).unwrap();
    let edited = |name: &str, from: &str, to: &str| {
        assert!(text.contains(from), "{name}: nothing to edit");
        make(name).with("bundle.json", text.replacen(from, to, 1))
    };
    let hint = signer().public_key().fingerprint().hint();
    let key = format!(r#"{{"publicKey":{{"hint":"{hint}"}}}}"#);
    let old = "application/vnd.dev.sigstore.bundle+json;version=0.1";
    let message = r#""messageSignature":{"messageDigest":{"algorithm":"SHA2_256","digest":"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="},"signature":"AA=="},"dsseEnvelope""#;
    let malformed = |vector: Vector| vector.rejected("content", "bundle-malformed");
    vec![
        make("bundle").verified(),
        edited("bundle-v0.1", media_type::BUNDLE_V03, old).verified(),
        // A hint helps to find a key; it neither makes nor breaks a signature.
        edited("bundle-hint-of-other-key", &hint, &other_key().public_key().fingerprint().hint()).verified(),
        edited("bundle-without-hint", &key, r#"{"publicKey":{}}"#).verified(),
        edited(
            "bundle-log-entry-beside",
            &key,
            &key.replacen('{', &format!(r#"{{"tlogEntries":[{}],"#, log_entry()), 1),
        )
        .waived(&[("log-entry", "log-not-checked")]),
        edited(
            "bundle-timestamp-beside",
            &key,
            &key.replacen(
                '{',
                r#"{"timestampVerificationData":{"rfc3161Timestamps":[{"signedTimestamp":"AAAA"}]},"#,
                1,
            ),
        )
        .waived(&[("timestamp", "timestamp-not-checked")]),
        bundle("bundle-other-key", &good, &other_key()).rejected("signature", "signature-invalid"),
        // The signer's own hint does not prove that the signer signed.
        bundle("bundle-other-key-hint-of-signer", &good, &other_key())
            .edit("bundle.json", &other_key().public_key().fingerprint().hint(), &hint)
            .rejected("signature", "signature-invalid"),
        edited("bundle-certificate", &key, r#"{"certificate":{"rawBytes":"MAA="}}"#)
            .rejected("material", "material-mismatch"),
        edited("bundle-certificate-chain", &key, r#"{"x509CertificateChain":{"certificates":[{"rawBytes":"MAA="}]}}"#)
            .edit("bundle.json", media_type::BUNDLE_V03, old)
            .rejected("material", "material-mismatch"),
        malformed(edited(
            "bundle-v0.3-certificate-chain",
            &key,
            r#"{"x509CertificateChain":{"certificates":[{"rawBytes":"MAA="}]}}"#,
        )),
        malformed(edited("bundle-log-entry-empty", &key, &key.replacen('{', r#"{"tlogEntries":[{}],"#, 1))),
        edited("bundle-v0.4", media_type::BUNDLE_V03, "application/vnd.dev.sigstore.bundle.v0.4+json")
            .rejected("content", "bundle-version-unsupported"),
        edited("bundle-no-media-type", media_type::BUNDLE_V03, "").rejected("content", "bundle-version-unsupported"),
        malformed(edited("bundle-other-keyid", r#""signatures":[{"#, r#""signatures":[{"keyid":"other","#)),
        edited("bundle-own-keyid", r#""signatures":[{"#, &format!(r#""signatures":[{{"keyid":"{hint}","#)).verified(),
        edited("bundle-two-signatures", r#""signatures":["#, r#""signatures":[{"sig":"AA=="},"#)
            .rejected("content", "signature-count"),
        make("bundle-no-signature")
            .with("bundle.json", {
                let mut value: Value = serde_json::from_str(&text).unwrap();
                value["dsseEnvelope"]["signatures"] = json!([]);
                value
            })
            .rejected("content", "signature-count"),
        malformed(edited(
            "bundle-key-and-certificate",
            &key,
            &key.replacen('{', r#"{"certificate":{"rawBytes":"MAA="},"#, 1),
        )),
        malformed(edited("bundle-no-material", &key, "{}")),
        malformed(edited("bundle-unknown-material", &key, &key.replacen('{', r#"{"trustMe":true,"#, 1))),
        malformed(edited("bundle-two-contents", r#""dsseEnvelope""#, message)),
        malformed(edited("bundle-no-content", r#""dsseEnvelope""#, r#""dsse_envelope""#)),
        malformed(edited("bundle-member-twice", r#""dsseEnvelope":{"#, r#""dsseEnvelope":{"payload":"","#)),
        malformed(make("bundle-bytes-behind").with("bundle.json", format!("{text}x"))),
        malformed(make("bundle-empty").with("bundle.json", "")),
    ]
}

/// Statements that the signer signed and that are not signatures of this image.
fn statements() -> Vec<Vector> {
    let this = image().to_string();
    let hex = image().hex();
    let sha384 = Digest::of(DigestAlgorithm::Sha384, IMAGE.as_bytes()).hex();
    let sha512 = Digest::of(DigestAlgorithm::Sha512, IMAGE.as_bytes()).hex();
    let make = |name: &str, subjects: &str| bundle(name, &statement(SIGN, subjects), &signer());
    let elsewhere = subject_of(OTHER);
    let of = |vector: Vector| vector.rejected("subject", "subject-mismatch");
    let malformed = |vector: Vector| vector.rejected("content", "payload-malformed");
    let predicate = |name: &str, kind: &str| {
        bundle(name, &statement(kind, &subject_of(&this)), &signer()).rejected("content", "predicate-type-mismatch")
    };
    let good = statement(SIGN, &subject_of(&this));
    vec![
        make("statement-second-of-three", &format!("{elsewhere},{},{elsewhere}", subject_of(&this))).verified(),
        make("statement-two-digests", &format!(r#"{{"digest":{{"sha256":"{hex}","sha512":"{sha512}"}}}}"#)).verified(),
        make(
            "statement-three-digests",
            &format!(r#"{{"digest":{{"sha256":"{hex}","sha384":"{sha384}","sha512":"{sha512}"}}}}"#),
        )
        .verified(),
        make("statement-unknown-digest-beside", &format!(r#"{{"digest":{{"gitCommit":"00","sha256":"{hex}"}}}}"#))
            .verified(),
        bundle("statement-v0.1", &good.replacen("Statement/v1", "Statement/v0.1", 1), &signer()).verified(),
        of(make("statement-other-image", &elsewhere)),
        of(make("statement-none-of-three", &[elsewhere.as_str(); 3].join(","))),
        of(make(
            "statement-contradicting-sha512",
            &format!(r#"{{"digest":{{"sha256":"{hex}","sha512":"{}"}}}}"#, "0".repeat(128)),
        )),
        of(make(
            "statement-contradicting-sha256",
            &format!(r#"{{"digest":{{"sha256":"{}","sha512":"{sha512}"}}}}"#, "0".repeat(64)),
        )),
        of(make(
            "statement-contradicting-second-subject",
            &format!(r#"{},{{"digest":{{"sha256":"{hex}","sha512":"{}"}}}}"#, subject_of(&this), "0".repeat(128)),
        )),
        of(make("statement-uppercase-digest", &format!(r#"{{"digest":{{"sha256":"{}"}}}}"#, hex.to_uppercase()))),
        of(make("statement-uppercase-algorithm", &format!(r#"{{"digest":{{"SHA256":"{hex}"}}}}"#))),
        of(make("statement-prefixed-digest", &format!(r#"{{"digest":{{"sha256":"{this}"}}}}"#))),
        of(make("statement-digest-cut-short", &format!(r#"{{"digest":{{"sha256":"{}"}}}}"#, &hex[..62]))),
        of(make("statement-only-unknown-digests", &format!(r#"{{"digest":{{"md5":"{hex}"}}}}"#))),
        of(make(
            "statement-only-the-name",
            &format!(r#"{{"name":"{this}","digest":{{"sha256":"{}"}}}}"#, "0".repeat(64)),
        )),
        malformed(make("statement-no-subject", "")),
        malformed(make("statement-no-digest", r#"{"digest":{}}"#)),
        malformed(make("statement-null-digest", r#"{"digest":null}"#)),
        malformed(make("statement-null-subject", "null")),
        malformed(make("statement-empty-subject-beside", &format!(r#"{},{{"digest":{{}}}}"#, subject_of(&this)))),
        malformed(make(
            "statement-digest-twice",
            &format!(r#"{{"digest":{{"sha256":"{}","sha256":"{hex}"}}}}"#, "0".repeat(64)),
        )),
        malformed(bundle("statement-unknown-type", &good.replacen("Statement/v1", "Statement/v2", 1), &signer())),
        malformed(bundle("statement-of-other-case", &good.replacen("predicateType", "PredicateType", 1), &signer())),
        malformed(bundle("statement-no-json", "hello", &signer())),
        malformed(bundle("statement-empty", "", &signer())),
        // An attestation is not a signature, whatever its signer.
        predicate("statement-attestation", "https://cosign.sigstore.dev/attestation/v1"),
        predicate("statement-provenance", "https://slsa.dev/provenance/v1"),
        predicate("statement-predicate-with-slash", &format!("{SIGN}/")),
        predicate("statement-predicate-of-other-case", &SIGN.to_uppercase()),
        predicate("statement-predicate-empty", ""),
    ]
}

/// Attestations, and what is not one or not the one required.
fn attestations() -> Vec<Vector> {
    const CUSTOM: &str = "https://cosign.sigstore.dev/attestation/v1";
    const VULN: &str = "https://cosign.sigstore.dev/attestation/vuln/v1";
    let this = subject_of(&image().to_string());
    let asks = |vector: Vector, kind: &str| vector.asks(json!({"purpose": "attestation", "type": kind}));
    let attested = |name: &str, kind: &str, asked: &str| {
        let vector = bundle(&format!("attestation-{name}"), &statement(kind, &this), &signer());
        asks(vector, asked)
    };
    let other_type = |vector: Vector| {
        let also = json!([["content", "predicate-type-mismatch"]]);
        let (check, code) = ("evidence", "no-attestation-of-type");
        vector.expected(json!({"verdict": "rejected", "check": check, "code": code, "also": also}))
    };
    let of = |name: &str, statement: &str| asks(bundle(&format!("attestation-{name}"), statement, &signer()), "custom");
    let good = statement(CUSTOM, &this);
    let blob_digest = Digest::sha256(BLOB).hex();
    let blob_sha512 = Digest::of(DigestAlgorithm::Sha512, BLOB).hex();
    let of_blob = |sha256: &str, sha512: &str| {
        let subject = format!(r#"{{"digest":{{"sha256":"{sha256}","sha512":"{sha512}"}}}}"#);
        bundle("", &statement(SIGN, &subject), &signer()).json("bundle.json")
    };
    let payload_type = |name: &str, kind: &str| {
        let vector = asks(envelope(&format!("attestation-payload-type-{name}"), kind, &good, &signer()), "custom");
        vector.rejected("content", "payload-type-mismatch")
    };
    let wire = of("", &good).json("bundle.json")["dsseEnvelope"].clone();
    let mut cases = vec![
        of("custom", &good).verified(),
        of("v0.1", &good.replacen("Statement/v1", "Statement/v0.1", 1)).verified(),
        of("second-subject", &statement(CUSTOM, &format!("{},{this}", subject_of(OTHER)))).verified(),
        of("predicate-of-any-json", &good.replacen(r#""predicate":{}"#, r#""predicate":[1e3,""]"#, 1)).verified(),
        attested("alias", "https://slsa.dev/provenance/v0.2", "slsaprovenance").verified(),
        attested("uri", "urn:x", "urn:x").verified(),
        asks(image_case("attestation-layer"), "custom").with("envelope.json", wire.clone()).verified(),
        blob("blob-statement-two-digests").with("bundle.json", of_blob(&blob_digest, &blob_sha512)).verified(),
        blob("blob-statement-contradicting-sha512")
            .with("bundle.json", of_blob(&blob_digest, &"0".repeat(128)))
            .rejected("subject", "subject-mismatch"),
        blob("blob-statement-contradicting-sha256")
            .with("bundle.json", of_blob(&"0".repeat(64), &blob_sha512))
            .rejected("subject", "subject-mismatch"),
        asks(blob("attestation-of-a-blob"), "custom")
            .with(
                "bundle.json",
                of("", &statement(CUSTOM, &subject_of(&Digest::sha256(BLOB).to_string()))).json("bundle.json"),
            )
            .verified(),
        other_type(attested("type-other", CUSTOM, "vuln")),
        other_type(attested("type-longer", VULN, "custom")),
        other_type(attested("type-with-slash", &format!("{CUSTOM}/"), "custom")),
        other_type(attested("type-of-other-case", &CUSTOM.to_uppercase(), "custom")),
        other_type(attested("type-newer", "https://slsa.dev/provenance/v1", "slsaprovenance")),
        other_type(attested("type-older", "https://slsa.dev/provenance/v0.2", "slsaprovenance1")),
        other_type(attested("type-name", "custom", "custom")),
        other_type(attested("type-empty", "", "custom")),
        other_type(attested("type-versioned", "https://openvex.dev/ns/v0.2.0", "openvex")),
        // A signature is not an attestation, whatever its signer.
        other_type(attested("is-signature", SIGN, "custom")),
        asks(
            layer("attestation-is-legacy-signature", &payload(&image().to_string(), TYPE, "null"), &signer()),
            "custom",
        )
        .rejected("content", "content-mismatch"),
        asks(message("attestation-is-message", IMAGE.as_bytes(), &image(), &signer()), "custom")
            .with("artifact", IMAGE)
            .rejected("content", "content-mismatch"),
        of("other-subject", &statement(CUSTOM, &subject_of(OTHER))).rejected("subject", "subject-mismatch"),
        of("predicate-member-twice", &good.replacen(r#""predicate":{}"#, r#""predicate":{"a":1,"a":2}"#, 1))
            .rejected("content", "payload-malformed"),
        of(
            "predicate-under-a-private-name",
            &good.replacen(r#""predicate":{}"#, r#""predicate":{"a":{"\u0024serde_json::private::RawValue":"{}"}}"#, 1),
        )
        .rejected("content", "payload-malformed"),
        of("predicate-of-other-case", &good.replacen("predicateType", "PredicateType", 1))
            .rejected("content", "payload-malformed"),
        of("unknown-statement", &good.replacen("Statement/v1", "Statement/v2", 1))
            .rejected("content", "payload-malformed"),
        of("no-json", "hello").rejected("content", "payload-malformed"),
        asks(bundle("attestation-other-key", &good, &other_key()), "custom").rejected("signature", "signature-invalid"),
        asks(image_case("attestation-none"), "custom").rejected("evidence", "no-signatures"),
        asks(image_case("attestation-layer-two-signatures"), "custom")
            .with("envelope.json", {
                let mut twice = wire.clone();
                twice["signatures"] = json!([wire["signatures"][0], wire["signatures"][0]]);
                twice
            })
            .verified(),
        bundle("attestation-claims-waived", &statement(CUSTOM, &subject_of(OTHER)), &signer())
            .asks(json!({"purpose": "attestation", "type": "custom", "claims": "waived"}))
            .waived(&[("subject", "claims-not-checked")]),
    ];
    for (name, kind) in [
        ("json", "application/json"),
        ("of-other-case", "application/vnd.in-toto+JSON"),
        ("with-parameter", "application/vnd.in-toto+json;v=1"),
        ("with-space", "application/vnd.in-toto+json "),
        ("shorter", "application/vnd.in-toto"),
        ("empty", ""),
    ] {
        cases.push(payload_type(name, kind));
    }
    cases
}

/// Envelopes whose payload type is another, or that were signed in another way.
fn envelopes() -> Vec<Vector> {
    let good = statement(SIGN, &subject_of(&image().to_string()));
    let typed = |name: &str, payload_type: &str| {
        envelope(name, payload_type, &good, &signer()).rejected("content", "payload-type-mismatch")
    };
    let signed_as = |name: &str, message: &[u8]| {
        let signature = signer().sign(message).unwrap();
        with_signature(bundle(name, &good, &signer()), &signature).rejected("signature", "signature-invalid")
    };
    vec![
        typed("envelope-type-json", "application/json"),
        typed("envelope-type-with-parameter", "application/vnd.in-toto+json;v=1"),
        typed("envelope-type-of-other-case", "application/vnd.in-toto+JSON"),
        typed("envelope-type-with-space", " application/vnd.in-toto+json"),
        typed("envelope-type-empty", ""),
        typed("envelope-type-simple-signing", media_type::SIMPLE_SIGNING),
        signed_as("envelope-bare-payload-signed", good.as_bytes()),
        signed_as("envelope-other-type-signed", &pae("application/json", &good)),
        signed_as("envelope-type-unsigned", format!("DSSEv1 {} {good}", good.len()).as_bytes()),
    ]
}

/// What the policy wants besides the signer, read from signed bytes of one signature only.
fn annotations() -> Vec<Vector> {
    let this = image().to_string();
    let hex = image().hex();
    let wanted = |vector: Vector| vector.asks(json!({"purpose": "image", "annotations": {"env": "prod", "n": "1"}}));
    let legacy = |name: &str, optional: &str| wanted(layer(name, &payload(&this, TYPE, optional), &signer()));
    let subjects = |name: &str, subjects: &str| wanted(bundle(name, &statement(SIGN, subjects), &signer()));
    let mine = |annotations: &str| format!(r#"{{"digest":{{"sha256":"{hex}"}},"annotations":{annotations}}}"#);
    let theirs =
        |annotations: &str| format!(r#"{{"digest":{{"sha256":"{}"}},"annotations":{annotations}}}"#, &OTHER[7..]);
    let all = r#"{"env":"prod","n":"1","more":"x"}"#;
    let misses = |vector: Vector| vector.rejected("annotations", "annotation-mismatch");
    let reference = |vector: Vector| vector.asks(json!({"purpose": "image", "reference": REPOSITORY}));
    let other = |vector: Vector| vector.rejected("reference", "reference-mismatch");
    let made_for = |name: &str, place: &str| {
        let payload = payload(&this, TYPE, "null").replacen(REPOSITORY, place, 1);
        reference(layer(name, &payload, &signer()))
    };
    vec![
        legacy("annotations-legacy", all).verified(),
        legacy("annotations-legacy-number", r#"{"env":"prod","n":1}"#).verified(),
        misses(legacy("annotations-legacy-none", "null")),
        misses(legacy("annotations-legacy-one-of-two", r#"{"env":"prod"}"#)),
        misses(legacy("annotations-legacy-other-value", r#"{"env":"prod","n":"10"}"#)),
        misses(legacy("annotations-legacy-name-of-other-case", r#"{"ENV":"prod","n":"1"}"#)),
        misses(legacy("annotations-legacy-nested", r#"{"x":{"env":"prod","n":"1"}}"#)),
        misses(legacy("annotations-legacy-unsigned", "null"))
            .with("annotations.json", json!({"env": "prod", "n": "1"})),
        subjects("annotations-bundle", &mine(all)).verified(),
        misses(subjects("annotations-bundle-none", &mine("{}"))),
        misses(subjects("annotations-bundle-null", &mine("null"))),
        misses(subjects("annotations-bundle-one-of-two", &mine(r#"{"env":"prod"}"#))),
        misses(subjects("annotations-bundle-other-value", &mine(r#"{"env":"prod ","n":"1"}"#))),
        // Said about another image, though in the same statement.
        misses(subjects("annotations-of-other-subject", &format!("{},{}", theirs(all), mine("{}")))),
        misses(subjects(
            "annotations-split-over-subjects",
            &format!("{},{}", mine(r#"{"env":"prod"}"#), theirs(r#"{"n":"1"}"#)),
        )),
        subjects("annotations-beside-other-subject", &format!("{},{}", theirs(r#"{"env":"dev"}"#), mine(all)))
            .verified(),
        made_for("reference-same", REPOSITORY).verified(),
        made_for("reference-same-with-tag", &format!("{REPOSITORY}:v1")).verified(),
        other(made_for("reference-other-repository", "registry.example/app-evil")),
        other(made_for("reference-other-registry", "registry.example.evil/app")),
        other(made_for("reference-none", "")),
        other(reference(bundle("reference-not-signed-in-bundle", &statement(SIGN, &subject_of(&this)), &signer()))),
    ]
}

/// Signatures over files, and what does not count as one.
fn blobs() -> Vec<Vector> {
    let digest = Digest::sha256(BLOB);
    let make = |name: &str| message(name, BLOB, &digest, &signer());
    let legacy = |name: &str, cert: Option<&str>| {
        let mut document = json!({"base64Signature": signer().sign(BLOB).unwrap().to_base64()});
        if let Some(cert) = cert {
            document["cert"] = STANDARD.encode(cert).into();
        }
        blob(name).with("blob-bundle.json", document)
    };
    let detached = |name: &str, text: String| blob(name).with("signature.b64", text);
    let signature = signer().sign(BLOB).unwrap().to_base64();
    let other_pem = other_key().public_key().to_pem();
    let this = image().to_string();
    let image_policy = json!({"purpose": "image"});
    let blob_policy = json!({"purpose": "blob"});
    vec![
        make("blob-bundle").verified(),
        message("blob-bundle-sha512-noted", BLOB, &Digest::of(DigestAlgorithm::Sha512, BLOB), &signer()).verified(),
        message("blob-bundle-other-key", BLOB, &digest, &other_key()).rejected("signature", "signature-invalid"),
        // The signature holds, the digest beside it names something else.
        message("blob-bundle-other-digest-noted", BLOB, &Digest::sha256(b"x"), &signer())
            .rejected("subject", "subject-mismatch"),
        message("blob-bundle-other-sha512-noted", BLOB, &Digest::of(DigestAlgorithm::Sha512, b"x"), &signer())
            .rejected("subject", "subject-mismatch"),
        // The digest noted is the file's, the signature is over something else.
        message("blob-bundle-of-other-file", b"other", &digest, &signer()).rejected("signature", "signature-invalid"),
        make("blob-bundle-no-digest")
            .edit("bundle.json", "messageDigest", "messageDigset")
            .rejected("content", "bundle-malformed"),
        make("blob-bundle-certificate")
            .edit(
                "bundle.json",
                &format!(r#""publicKey":{{"hint":"{}"}}"#, signer().public_key().fingerprint().hint()),
                r#""certificate":{"rawBytes":"MAA="}"#,
            )
            .rejected("material", "material-mismatch"),
        legacy("blob-legacy", None).verified(),
        legacy("blob-legacy-log-entry-beside", None)
            .edit("blob-bundle.json", r#"{"base64"#, &format!(r#"{{"rekorBundle":{},"base64"#, rekor_bundle()))
            .waived(&[("log-entry", "log-not-checked")]),
        legacy("blob-legacy-certificate", Some(CERTIFICATE)).rejected("material", "material-mismatch"),
        // A key that came with the evidence is a hint: it neither makes nor breaks a signature.
        blob("blob-legacy-key-of-stranger")
            .with(
                "blob-bundle.json",
                json!({
                    "base64Signature": other_key().sign(BLOB).unwrap().to_base64(),
                    "cert": STANDARD.encode(&other_pem),
                }),
            )
            .rejected("signature", "signature-invalid"),
        legacy("blob-legacy-key-of-signer", Some(&signer().public_key().to_pem())).verified(),
        legacy("blob-legacy-key-of-stranger-beside", Some(&other_pem)).verified(),
        legacy("blob-legacy-key-and-certificate", Some(&format!("{CERTIFICATE}{other_pem}")))
            .rejected("content", "bundle-malformed"),
        detached("blob-detached", format!("{signature}\n")).verified(),
        detached("blob-detached-other-key", other_key().sign(BLOB).unwrap().to_base64())
            .rejected("signature", "signature-invalid"),
        detached("blob-detached-raw", String::from_utf8_lossy(&[0x30, 0x45, 0x02]).into_owned())
            .rejected("content", "bundle-malformed"),
        detached("blob-detached-empty", String::new()).rejected("signature", "signature-invalid"),
        detached("blob-annotations", signature.clone())
            .asks(json!({"purpose": "blob", "annotations": {"env": "prod"}}))
            .rejected("annotations", "annotation-mismatch"),
        detached("blob-reference", signature)
            .asks(json!({"purpose": "blob", "reference": REPOSITORY}))
            .rejected("reference", "reference-mismatch"),
        // One purpose never serves another.
        message("purpose-blob-signature-of-manifest", IMAGE.as_bytes(), &image(), &signer())
            .with("artifact", IMAGE)
            .asks(image_policy)
            .rejected("content", "content-mismatch"),
        layer("purpose-image-signature-for-blob", &payload(&this, TYPE, "null"), &signer())
            .asks(blob_policy.clone())
            .rejected("content", "content-mismatch"),
        // But a statement that names a file counts for it, whatever it states.
        bundle("purpose-statement-for-blob", &statement(SIGN, &subject_of(&this)), &signer())
            .asks(blob_policy.clone())
            .verified(),
        bundle(
            "purpose-attestation-for-blob",
            &statement("https://slsa.dev/provenance/v1", &subject_of(&this)),
            &signer(),
        )
        .asks(blob_policy.clone())
        .verified(),
        bundle("purpose-statement-for-other-blob", &statement(SIGN, &subject_of(OTHER)), &signer())
            .asks(blob_policy)
            .rejected("subject", "subject-mismatch"),
    ]
}

fn rest() -> Vec<Vector> {
    let waived = json!({"purpose": "image", "claims": "waived"});
    let legacy = |name: &str, key: &KeyPair| layer(name, &payload(OTHER, TYPE, "null"), key).asks(waived.clone());
    let of =
        |name: &str, kind: &str| bundle(name, &statement(kind, &subject_of(OTHER)), &signer()).asks(waived.clone());
    let skipped = [("subject", "claims-not-checked")];
    vec![
        image_case("no-evidence").rejected("evidence", "no-signatures"),
        blob("no-evidence-blob").rejected("evidence", "no-signatures"),
        legacy("claims-waived-legacy", &signer()).waived(&skipped),
        of("claims-waived-bundle", SIGN).waived(&skipped),
        // Leave not to compare the artifact is not leave for anything else.
        legacy("claims-waived-other-key", &other_key()).expected(json!({
            "verdict": "rejected", "check": "signature", "code": "signature-invalid", "waivers": skipped,
        })),
        of("claims-waived-attestation", "https://slsa.dev/provenance/v1")
            .rejected("content", "predicate-type-mismatch"),
        message("claims-waived-blob", BLOB, &Digest::sha256(b"x"), &signer())
            .asks(json!({"purpose": "blob", "claims": "waived"}))
            .rejected("subject", "subject-mismatch"),
    ]
}

/// A simple signing payload as cosign writes it; `optional` is JSON.
fn payload(digest: &str, kind: &str, optional: &str) -> String {
    format!(
        r#"{{"critical":{{"identity":{{"docker-reference":"{REPOSITORY}"}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"{kind}"}},"optional":{optional}}}"#
    )
}

/// A statement; `subjects` is a list of JSON objects.
pub(crate) fn statement(predicate_type: &str, subjects: &str) -> String {
    format!(
        r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{subjects}],"predicateType":"{predicate_type}","predicate":{{}}}}"#
    )
}

pub(crate) fn subject_of(digest: &str) -> String {
    let (algorithm, hex) = digest.split_once(':').unwrap();
    format!(r#"{{"digest":{{"{algorithm}":"{hex}"}},"annotations":{{}}}}"#)
}

fn pae(payload_type: &str, payload: &str) -> Vec<u8> {
    format!("DSSEv1 {} {payload_type} {} {payload}", payload_type.len(), payload.len()).into_bytes()
}

fn image_case(name: &str) -> Vector {
    Vector { name: name.to_owned(), files: BTreeMap::new() }
        .with("artifact", IMAGE)
        .with("key.pub", signer().public_key().to_pem())
        .asks(json!({"purpose": "image"}))
}

fn blob(name: &str) -> Vector {
    image_case(name).with("artifact", BLOB).asks(json!({"purpose": "blob"}))
}

fn layer(name: &str, payload: &str, key: &KeyPair) -> Vector {
    let signature = key.sign(payload.as_bytes()).unwrap().to_base64();
    image_case(name).with("payload.json", payload).with("signature.b64", signature)
}

pub(crate) fn bundle(name: &str, statement: &str, key: &KeyPair) -> Vector {
    envelope(name, media_type::IN_TOTO, statement, key)
}

fn envelope(name: &str, payload_type: &str, payload: &str, key: &KeyPair) -> Vector {
    let signature = key.sign(&pae(payload_type, payload)).unwrap();
    let content =
        json!({"payload": STANDARD.encode(payload), "payloadType": payload_type, "signatures": [{"sig": ""}]});
    let vector = image_case(name).with("bundle.json", wire("dsseEnvelope", &content, key));
    with_signature(vector, &signature)
}

fn with_signature(vector: Vector, signature: &Signature) -> Vector {
    let mut bundle = vector.json("bundle.json");
    bundle["dsseEnvelope"]["signatures"][0]["sig"] = signature.to_base64().into();
    vector.with("bundle.json", bundle)
}

fn message(name: &str, signed: &[u8], noted: &Digest, key: &KeyPair) -> Vector {
    let algorithm = format!("SHA2_{}", &noted.algorithm().name()[3..]);
    let content = json!({
        "messageDigest": {"algorithm": algorithm, "digest": STANDARD.encode(noted.as_bytes())},
        "signature": key.sign(signed).unwrap().to_base64(),
    });
    blob(name).with("bundle.json", wire("messageSignature", &content, key))
}

fn wire(member: &str, content: &Value, key: &KeyPair) -> Value {
    json!({
        "mediaType": media_type::BUNDLE_V03,
        "verificationMaterial": {"publicKey": {"hint": key.public_key().fingerprint().hint()}},
        member: content,
    })
}

/// The bytes of a file of a case.
pub(crate) trait IntoFile {
    fn into_file(self) -> Vec<u8>;
}

impl IntoFile for &str {
    fn into_file(self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }
}

impl IntoFile for String {
    fn into_file(self) -> Vec<u8> {
        self.into_bytes()
    }
}

impl IntoFile for &[u8] {
    fn into_file(self) -> Vec<u8> {
        self.to_vec()
    }
}

impl IntoFile for Value {
    fn into_file(self) -> Vec<u8> {
        self.to_string().into_bytes()
    }
}

impl Vector {
    pub(crate) fn with(mut self, file: &str, content: impl IntoFile) -> Self {
        self.files.insert(file.to_owned(), content.into_file());
        self
    }

    fn without(mut self, file: &str) -> Self {
        self.files.remove(file);
        self
    }

    fn edit(self, file: &str, from: &str, to: &str) -> Self {
        let text = String::from_utf8(self.file(file).to_vec()).unwrap();
        assert!(text.contains(from), "{}: nothing to edit", self.name);
        self.with(file, text.replacen(from, to, 1))
    }

    fn asks(self, policy: Value) -> Self {
        self.with("policy.json", format!("{policy}\n"))
    }

    fn verified(self) -> Self {
        self.expected(json!({"verdict": "verified"}))
    }

    fn waived(self, waivers: &[(&str, &str)]) -> Self {
        self.expected(json!({"verdict": "verified", "waivers": waivers}))
    }

    fn rejected(self, check: &str, code: &str) -> Self {
        self.expected(json!({"verdict": "rejected", "check": check, "code": code}))
    }

    fn expected(self, expected: Value) -> Self {
        self.with("expected.json", format!("{expected}\n"))
    }
}
