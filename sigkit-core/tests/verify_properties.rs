//! Properties that hold for every input of a kind, tried on many; the same ones in every run.
#![cfg(feature = "sign")]
#![allow(clippy::disallowed_methods, reason = "vectors are files")]

mod support;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sigkit_core::bundle::{BundleError, Evidence, EvidenceItem, LookupError, Origin, SignedEntity};
use sigkit_core::content::{Content, Envelope, SimpleSigning, Statement};
use sigkit_core::crypto::{PublicKey, Signature};
use sigkit_core::digest::Digest;
use sigkit_core::limits::Limits;
use sigkit_core::oci::Manifest;
use sigkit_core::policy::{KeyAuthority, Policy, Purpose};
use sigkit_core::report::Verdict;
use sigkit_core::trust::Trust;
use sigkit_core::verify::{Artifact, Verifier};
use support::keys;
use support::random::Random;
use support::vector::{NOW, Vector, load_all, load_one, report, seen};

/// Signatures in every format by every kind of key.
fn golden() -> Vec<Vector> {
    let golden: Vec<Vector> =
        load_all().into_iter().filter(|vector| vector.name.starts_with("golden-") && vector.judge().is_ok()).collect();
    for kind in ["image-legacy", "image-bundle", "blob-bundle", "blob-legacy"] {
        for algorithm in ["p256", "p384", "p521", "ed25519", "rsa2048"] {
            // cosign 3 writes no readable bundle for a file signed with Ed25519.
            let there = golden.iter().any(|vector| vector.name.ends_with(&format!("{kind}-{algorithm}")));
            assert!(there || (kind, algorithm) == ("blob-bundle", "ed25519"), "{kind} {algorithm}");
        }
    }
    golden
}

/// Whether the vector verifies with one of its inputs replaced.
fn verifies(policy: &Policy, artifact: &[u8], entity: Result<SignedEntity, BundleError>) -> bool {
    let evidence = Evidence::of(Origin::File(String::new()), entity);
    let result = Verifier::new(&Trust::default()).verify(policy, &Artifact::Bytes(artifact), &evidence, NOW);
    assert_eq!(result.is_ok(), report(&result).verdict() == Verdict::Verified);
    result.is_ok()
}

/// `bytes` with one bit flipped, for about `count` bits spread over all of them, and for each bit of the last byte.
fn flips(bytes: &[u8], count: usize) -> impl Iterator<Item = Vec<u8>> {
    let bits = bytes.len() * 8;
    let step = (bits / count).max(1) | 1;
    (0..bits).step_by(step).chain((bits.saturating_sub(8))..bits).map(|bit| {
        let mut flipped = bytes.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        flipped
    })
}

/// The signed bytes and the signature of what was read, to be put back changed.
fn parts(entity: &SignedEntity) -> (Vec<u8>, Signature) {
    match &entity.content {
        Content::Message(message) => (Vec::new(), message.signature.clone()),
        Content::SimpleSigning { payload, signature } => (payload.clone(), signature.clone()),
        Content::Envelope(envelope) => (envelope.payload.to_vec(), envelope.signature.clone()),
        _ => panic!("a new kind of content needs its flips"),
    }
}

fn with_parts(entity: &SignedEntity, payload: Vec<u8>, signature: Signature) -> SignedEntity {
    let mut entity = entity.clone();
    match &mut entity.content {
        Content::Message(message) => message.signature = signature,
        Content::SimpleSigning { payload: p, signature: s } => (*p, *s) = (payload, signature),
        Content::Envelope(envelope) => (envelope.payload, envelope.signature) = (payload.into(), signature),
        _ => panic!("a new kind of content needs its flips"),
    }
    entity
}

// threat: N02
// threat: A01
#[test]
fn one_flipped_bit_anywhere_is_never_verified() {
    for vector in golden() {
        let (name, policy) = (&vector.name, vector.policy());
        // Without optimisation these take long.
        let count = if name.ends_with("p521") || name.ends_with("ed25519") { 20 } else { 120 };
        let flips = |bytes| flips(bytes, count);
        let entity = vector.evidence().items.remove(0).entity.unwrap();
        let artifact = vector.file("artifact");
        let (payload, signature) = parts(&entity);
        assert!(verifies(&policy, artifact, Ok(entity.clone())), "{name}");
        for flipped in flips(artifact) {
            assert!(!verifies(&policy, &flipped, Ok(entity.clone())), "{name}: artifact");
        }
        for flipped in flips(&payload) {
            assert!(
                !verifies(&policy, artifact, Ok(with_parts(&entity, flipped, signature.clone()))),
                "{name}: payload"
            );
        }
        for flipped in flips(signature.as_bytes()) {
            let entity = with_parts(&entity, payload.clone(), Signature::from_bytes(flipped));
            assert!(!verifies(&policy, artifact, Ok(entity)), "{name}: signature");
        }
        if let Content::Envelope(envelope) = &entity.content {
            for flipped in flips(envelope.payload_type.as_bytes()) {
                let mut entity = entity.clone();
                let Content::Envelope(envelope) = &mut entity.content else { continue };
                envelope.payload_type = String::from_utf8_lossy(&flipped).into_owned();
                assert!(!verifies(&policy, artifact, Ok(entity)), "{name}: payload type");
            }
        }
        for flipped in flips(vector.key().spki_der()) {
            if let Ok(key) = PublicKey::from_spki_der(&flipped) {
                assert!(!verifies(&vector.policy_with(key), artifact, Ok(entity.clone())), "{name}: key");
            }
        }
    }
}

/// Flips in the text of the evidence itself: the parser may take them for the same thing only where the format leaves room.
#[test]
fn flipped_bit_in_bundle_changes_only_unsigned_content() {
    for name in ["golden-cosign3-image-bundle-p256", "golden-cosign3-blob-bundle-p256"] {
        let vector = load_one(name);
        let policy = vector.policy();
        let text = vector.file("bundle.json");
        let original = SignedEntity::from_bundle(text, &Limits::DEFAULT).unwrap();
        for bit in 0..text.len() * 8 {
            let mut flipped = text.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let entity = SignedEntity::from_bundle(&flipped, &Limits::DEFAULT);
            if let Ok(entity) = &entity {
                // The hint is free text, and the name of an optional member may turn into one that is ignored.
                if entity.content == original.content {
                    continue;
                }
            }
            assert!(!verifies(&policy, vector.file("artifact"), entity), "{name}: bit {bit}");
        }
    }
}

/// Members of a bundle that a reader may do without, change or not know; all others are load-bearing.
///
/// `hint` and `keyid` only help to find a key. Members of the envelope and the message that are unknown are ignored.
const OPTIONAL: [&str; 2] = ["/verificationMaterial/publicKey/hint", "/dsseEnvelope/signatures/0/keyid"];

/// Members that may be those of another bundle, but not just anything.
const REPLACEABLE: [&str; 4] = ["", "/mediaType", "/verificationMaterial", "/verificationMaterial/publicKey"];

/// Every place in a document, as JSON pointers.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                places(value, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                places(value, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

fn replaced(document: &Value, place: &str, by: Value) -> Value {
    let mut document = document.clone();
    *document.pointer_mut(place).unwrap() = by;
    document
}

fn deleted(document: &Value, place: &str) -> Option<Value> {
    let (parent, name) = place.rsplit_once('/')?;
    let mut document = document.clone();
    match document.pointer_mut(parent)? {
        Value::Object(members) => members.remove(name).map(drop)?,
        Value::Array(items) => drop(items.remove(name.parse().unwrap())),
        _ => return None,
    }
    Some(document)
}

/// The text of a document in which one member occurs twice, with two values.
fn doubled(document: &Value, place: &str, by: &Value) -> Option<String> {
    let (parent, name) = place.rsplit_once('/')?;
    let value = document.pointer(place)?;
    if !document.pointer(parent)?.is_object() {
        return None;
    }
    let marker = "TWICE";
    let text = replaced(document, place, json!(marker)).to_string();
    let member = json!(name).to_string();
    Some(text.replacen(&format!("\"{marker}\""), &format!("{value},{member}:{by}"), 1))
}

fn values() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(0),
        json!(-1.5),
        json!(u64::MAX),
        json!(""),
        json!("x"),
        json!("AA=="),
        json!([]),
        json!([[]]),
        json!({}),
        json!({"a": 1}),
        json!("A".repeat(10_000)),
    ]
}

/// Texts made from a bundle, each with the place that was touched.
fn mutations(document: &Value, siblings: &[Value]) -> Vec<(String, String)> {
    let mut at = Vec::new();
    places(document, "", &mut at);
    let mut texts = Vec::new();
    for place in &at {
        let original = document.pointer(place).unwrap();
        texts.extend(deleted(document, place).map(|changed| (place.clone(), changed.to_string())));
        for value in values().into_iter().filter(|value| value != original) {
            texts.extend(doubled(document, place, &value).map(|text| (place.clone(), text)));
            texts.push((place.clone(), replaced(document, place, value).to_string()));
        }
        texts.extend(doubled(document, place, original).map(|text| (place.clone(), text)));
        for sibling in siblings {
            let theirs = sibling.pointer(place).filter(|theirs| *theirs != original);
            texts.extend(theirs.map(|theirs| (place.clone(), replaced(document, place, theirs.clone()).to_string())));
        }
        if let Value::Array(items) = original {
            let twice = [items.clone(), items.clone()].concat();
            texts.push((place.clone(), replaced(document, place, Value::Array(twice)).to_string()));
        }
        if let Value::String(text) = original {
            for other in [
                format!("{text} "),
                format!("{text}="),
                format!("\n{text}"),
                text.to_uppercase(),
                format!("{text}{text}"),
            ] {
                if other != *text {
                    texts.push((place.clone(), replaced(document, place, json!(other)).to_string()));
                }
            }
        }
    }
    texts
}

// threat: N04
// threat: D11
// threat: D13
#[test]
fn a_mutated_bundle_never_panics_and_never_verifies() {
    let mut tried = 0;
    for (name, siblings) in [
        ("golden-cosign3-image-bundle-p256", ["bundle", "bundle-other-key", "golden-cosign3-blob-bundle-p256"]),
        ("golden-cosign3-blob-bundle-p256", ["blob-bundle", "golden-cosign3-image-bundle-p256", "bundle-certificate"]),
        ("bundle-log-entry-beside", ["bundle", "bundle-timestamp-beside", "bundle-certificate-chain"]),
    ] {
        let vector = load_one(name);
        let policy = vector.policy();
        let document = vector.json("bundle.json");
        let siblings: Vec<Value> = siblings.iter().map(|name| load_one(name).json("bundle.json")).collect();
        let mut lenient = BTreeSet::new();
        for (place, text) in mutations(&document, &siblings) {
            tried += 1;
            let entity = SignedEntity::from_bundle(text.as_bytes(), &Limits::DEFAULT);
            if verifies(&policy, vector.file("artifact"), entity) {
                lenient.insert(place);
            }
        }
        let tolerated = |place: &String| {
            OPTIONAL.contains(&place.as_str())
                // A key needs no log entry; what is there all the same is counted and reported, not read.
                || place.starts_with("/verificationMaterial/tlogEntries")
                // The same member of a sibling may say the same.
                || REPLACEABLE.contains(&place.as_str())
        };
        assert!(lenient.iter().all(tolerated), "{name}: {lenient:?}");
        for place in REPLACEABLE {
            // All that `publicKey` holds is the hint, so that nothing is a good value for it; `[]` is the JSON reader's idea of it.
            let nothing = |value: &Value| place.ends_with("publicKey") && [json!({}), json!([])].contains(value);
            for value in values().into_iter().filter(|value| !nothing(value)) {
                let text = replaced(&document, place, value.clone()).to_string();
                let entity = SignedEntity::from_bundle(text.as_bytes(), &Limits::DEFAULT);
                assert!(!verifies(&policy, vector.file("artifact"), entity), "{name}: {place} = {value:.40}");
            }
        }
    }
    assert!(tried >= 500, "only {tried} mutations were tried");
}

// threat: N03
#[test]
fn truncated_evidence_never_verifies() {
    let slow = |name: &str| name.ends_with("p521") || name.ends_with("p384") || name.ends_with("ed25519");
    for vector in load_all().iter().filter(|vector| !slow(&vector.name) && vector.judge().is_ok()) {
        for file in ["bundle.json", "blob-bundle.json", "payload.json", "signature.b64"] {
            let Some(whole) = vector.files.get(file) else { continue };
            let meaningful = whole.strip_suffix(b"\n").unwrap_or(whole).len();
            for end in (0..meaningful).rev().step_by(3) {
                let mut cut = vector.clone();
                cut.files.insert(file.to_owned(), whole[..end].to_vec());
                assert!(cut.judge().is_err(), "{}/{file} cut to {end} bytes", vector.name);
            }
        }
    }
}

/// Mutations of the signed documents themselves, signed again by the trusted key: no panic, and no image but this one.
// threat: D11
#[test]
fn mutated_signed_statement_verifies_only_for_this_image() {
    use support::cases::{IMAGE, bundle, image, statement, subject_of};
    let good = statement("https://sigstore.dev/cosign/sign/v1", &subject_of(&image().to_string()));
    let document: Value = serde_json::from_str(&good).unwrap();
    let elsewhere = statement("https://slsa.dev/provenance/v1", &subject_of(&format!("sha256:{}", "0".repeat(64))));
    let key = keys::signer();
    let mut lenient = BTreeSet::new();
    for (place, text) in mutations(&document, &[serde_json::from_str(&elsewhere).unwrap()]) {
        let vector = bundle("", &text, &key);
        assert_eq!(vector.file("artifact"), IMAGE.as_bytes());
        if vector.judge().is_ok() {
            lenient.insert(place);
        }
    }
    // The predicate does not matter here, no annotation is required, and a repeated subject is the same subject.
    let expected = ["/predicate", "/subject", "/subject/0/annotations"];
    assert_eq!(lenient.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

/// What any mix of evidence may hold.
fn pool() -> Vec<EvidenceItem> {
    let names = [
        "bundle",
        "legacy",
        "bundle-other-key",
        "bundle-v0.4",
        "bundle-certificate",
        "legacy-other-image",
        "legacy-other-key",
        "legacy-without-signature",
        "legacy-log-entry-beside",
        "statement-attestation",
        "statement-other-image",
        "envelope-type-json",
        "blob-bundle",
        "annotations-legacy",
        "annotations-bundle",
    ];
    names
        .iter()
        .map(|name| {
            let mut item = load_one(name).evidence().items.remove(0);
            item.origin = Origin::File((*name).to_owned());
            item
        })
        .collect()
}

// threat: A03
// threat: A08
// threat: I06
#[test]
fn the_result_is_ok_exactly_when_the_report_says_verified() {
    use sigkit_core::key::SigningKey as _;
    let pool = pool();
    let mut random = Random::new(0x5eed);
    let artifact = load_one("bundle").file("artifact").to_vec();
    let keys = [keys::signer(), keys::other_key()].map(|pair| pair.public_key().clone());
    let mut verdicts = std::collections::BTreeMap::<&str, usize>::new();
    for round in 0..1500 {
        let mut evidence = Evidence::default();
        for _ in 0..random.below(5) {
            evidence.items.push(random.pick(&pool).clone());
        }
        for _ in 0..random.below(8) / 6 {
            let problem = LookupError { target: "x".to_owned(), code: "store-unavailable", detail: String::new() };
            evidence.problems.push(problem);
        }
        let count = 1 + random.below(2);
        let threshold = NonZeroUsize::new(1 + random.below(count)).unwrap();
        let authorities = keys[..count].iter().map(|key| KeyAuthority::new("key", key.clone()));
        let mut policy = Policy::keys(Purpose::Image, threshold, authorities).unwrap();
        if random.below(4) == 0 {
            policy = policy.with_annotation("env", "prod");
        }
        if random.below(6) == 0 {
            policy = policy.dangerous_without_claims();
        }
        if random.below(6) == 0 {
            policy = policy.with_reference("registry.example/app".parse().unwrap());
        }
        let result = Verifier::new(&Trust::default()).verify(&policy, &Artifact::Bytes(&artifact), &evidence, NOW);
        let verdict = report(&result).verdict();
        assert_eq!(result.is_ok(), verdict == Verdict::Verified, "round {round}: {:?}", report(&result));
        match &result {
            Ok(verified) => {
                let signers: BTreeSet<_> = verified.signatures().iter().map(|signature| *signature.key()).collect();
                assert!(signers.len() >= threshold.get(), "round {round}");
            }
            Err(refusal) => {
                assert_eq!(refusal.found(), evidence.items.len());
                assert!(verdict == Verdict::Rejected || !evidence.problems.is_empty(), "doubt needs a problem");
                let seen = seen(&result);
                assert!(!seen.failures.is_empty() || !seen.doubts.is_empty(), "round {round}: no reason is given");
            }
        }
        *verdicts.entry(verdict.name()).or_default() += 1;
        // More evidence never undoes a final verdict, and an error never turns refusal into acceptance.
        evidence.problems.clear();
        evidence.items.push(random.pick(&pool).clone());
        let more = Verifier::new(&Trust::default()).verify(&policy, &Artifact::Bytes(&artifact), &evidence, NOW);
        assert!(more.is_ok() || verdict != Verdict::Verified, "round {round}");
    }
    assert_eq!(verdicts.keys().copied().collect::<Vec<_>>(), ["rejected", "undecided", "verified"]);
    assert!(verdicts.values().all(|count| *count > 100), "{verdicts:?}");
}

/// The text of a signature may be read in one way only, line breaks aside; what a lenient decoder would add must not verify.
// threat: C20
#[test]
fn a_signature_has_one_base64() {
    let vector = load_one("legacy");
    let text = String::from_utf8(vector.file("signature.b64").to_vec()).unwrap();
    let raw = STANDARD.decode(&text).unwrap();
    for wrapped in [format!("{text}\n"), format!("{}\r\n{}", &text[..64], &text[64..])] {
        let mut changed = vector.clone();
        changed.files.insert("signature.b64".to_owned(), wrapped.clone().into_bytes());
        assert!(changed.judge().is_ok(), "{wrapped}");
    }
    let others = [
        format!(" {text}"),
        text.replace('+', "-").replace('/', "_") + "-",
        format!("{}\t{}", &text[..64], &text[64..]),
        text.trim_end_matches('=').to_owned() + "===",
        base64::engine::general_purpose::STANDARD_NO_PAD.encode(&raw) + ".",
    ];
    for other in others {
        let mut changed = vector.clone();
        changed.files.insert("signature.b64".to_owned(), other.clone().into_bytes());
        assert_eq!(seen(&changed.judge()).failures, [("content", "bundle-malformed")], "{other}");
    }
}

/// A document, and whether its own reader reads it.
struct Document {
    name: &'static str,
    bytes: Vec<u8>,
    read: fn(&[u8]) -> bool,
}

fn documents() -> Vec<Document> {
    let index =
        json!({"schemaVersion": 2, "manifests": [{"mediaType": "x/y", "size": 2, "digest": Digest::sha256(b"{}")}]});
    let bundle = load_one("golden-cosign3-image-bundle-p256");
    let envelope = bundle.json("bundle.json")["dsseEnvelope"].clone();
    let statement = STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
    let manifest = |bytes: &[u8]| Manifest::parse(bytes, None).is_ok();
    let legacy = load_one("legacy");
    let blob = load_one("golden-cosign2-blob-legacy-p256");
    vec![
        Document { name: "manifest", bytes: bundle.file("artifact").to_vec(), read: manifest },
        Document { name: "index", bytes: index.to_string().into_bytes(), read: manifest },
        Document {
            name: "envelope",
            bytes: envelope.to_string().into_bytes(),
            read: |bytes| Envelope::parse(bytes).is_ok(),
        },
        Document {
            name: "statement",
            bytes: statement,
            read: |bytes| Statement::parse(bytes.to_vec(), &Limits::DEFAULT).is_ok(),
        },
        Document {
            name: "payload",
            bytes: legacy.file("payload.json").to_vec(),
            read: |bytes| SimpleSigning::parse(bytes).is_ok(),
        },
        Document {
            name: "bundle",
            bytes: bundle.file("bundle.json").to_vec(),
            read: |bytes| SignedEntity::from_bundle(bytes, &Limits::DEFAULT).is_ok(),
        },
        Document {
            name: "blob bundle",
            bytes: blob.file("blob-bundle.json").to_vec(),
            read: |bytes| SignedEntity::from_any_bundle(bytes, &Limits::DEFAULT).is_ok(),
        },
        Document {
            name: "key",
            bytes: legacy.file("key.pub").to_vec(),
            read: |bytes| PublicKey::from_pem(bytes).is_ok(),
        },
    ]
}

// threat: N03
#[test]
fn a_document_cut_short_is_an_error_at_every_byte() {
    for Document { name, bytes, read } in documents() {
        assert!(read(&bytes), "{name}");
        let whole = bytes.trim_ascii_end().len();
        for end in 0..whole {
            assert!(!read(&bytes[..end]), "{name} cut to {end} of {whole} bytes");
        }
    }
}

// threat: N02
// threat: D11
#[test]
fn damaged_documents_never_panic() {
    let mut random = Random::new(0xdead);
    let mut accepted = 0;
    for Document { bytes, read, .. } in documents() {
        for _ in 0..1500 {
            let mut damaged = bytes.clone();
            for _ in 0..=random.below(4) {
                if damaged.is_empty() {
                    break;
                }
                let at = random.below(damaged.len());
                match random.below(5) {
                    0 => damaged[at] ^= 1 << random.below(8),
                    1 => damaged[at] = *random.pick(b"{}[]\",:\\0-9eE.\x00\xff"),
                    2 => drop(damaged.remove(at)),
                    3 => damaged.insert(at, *random.pick(b"{}[]\",:\\09-")),
                    _ => damaged.truncate(at.max(1)),
                }
            }
            accepted += usize::from(read(&damaged));
        }
    }
    assert!(accepted > 0, "the damage is too great to reach anything but the JSON reader");
}
