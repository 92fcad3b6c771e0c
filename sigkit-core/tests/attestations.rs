//! Attestations: made, stored in both formats, found, judged, and never taken for signatures.
#![cfg(feature = "sign")]
#![allow(clippy::disallowed_methods, reason = "vectors are files")]

mod support;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sigkit_core::attach::{BundleAttachment, EnvelopeAttachment, attestation_tag, discover};
use sigkit_core::bundle::{Evidence, Origin, SignedEntity, VerificationMaterial};
use sigkit_core::content::{Content, PredicateType, Readers, SIGN_PREDICATE, Statement, UnsignedDocument};
use sigkit_core::digest::{Digest, DigestAlgorithm};
use sigkit_core::image::{AttestOptions, Format, ReplaceMode, SignImageError, attest_image, sign_image};
use sigkit_core::key::{KeyPair, SigningKey as _};
use sigkit_core::limits::Limits;
use sigkit_core::oci::{Descriptor, Manifest, Tag, TagOrDigest, media_type};
use sigkit_core::policy::{KeyAuthority, Policy, Purpose};
use sigkit_core::reason::Reason;
use sigkit_core::report::Verdict;
use sigkit_core::sign::{SigningError, sign_statement};
use sigkit_core::store::{BlobSource, MemoryStore, Store, StoreWrite as _, TagWriter, WriteConsistency};
use sigkit_core::trust::Trust;
use sigkit_core::verify::{Artifact, NotVerified, Verified, Verifier};
use support::cases::{IMAGE, image, statement, subject_of};
use support::keys::{other_key, signer};
use support::simulation::Simulation;
use support::stores::{Call, Remote, Watched};
use support::vector::{NOW, failures};

const CUSTOM: &str = "https://cosign.sigstore.dev/attestation/v1";

fn tag(name: &str) -> TagOrDigest {
    TagOrDigest::Tag(name.parse().unwrap())
}

fn by_tag(tag: &Tag) -> TagOrDigest {
    TagOrDigest::Tag(tag.clone())
}

/// A store with the image under `v1`.
async fn repository() -> MemoryStore {
    let store = MemoryStore::new();
    store.push_manifest(&tag("v1"), media_type::OCI_MANIFEST, IMAGE.as_bytes()).await.unwrap();
    store
}

fn policy(purpose: Purpose, key: &KeyPair) -> Policy {
    Policy::key(purpose, KeyAuthority::new("a key", key.public_key().clone()))
}

fn wanting(kind: &PredicateType, key: &KeyPair) -> Policy {
    policy(Purpose::Attestation(kind.clone()), key)
}

async fn judge<S: Store>(store: &S, policy: &Policy) -> Result<Verified, NotVerified> {
    judge_within(&Limits::DEFAULT, store, policy).await
}

async fn judge_within<S: Store>(limits: &Limits, store: &S, policy: &Policy) -> Result<Verified, NotVerified> {
    let trust = Trust::default().with_limits(limits.clone());
    let evidence = discover(store, &image(), policy, trust.limits()).await;
    Verifier::new(&trust).verify(policy, &Artifact::Bytes(IMAGE.as_bytes()), &evidence, NOW)
}

async fn attest(store: &MemoryStore, kind: &PredicateType, format: Format, key: &KeyPair, document: &str) {
    let attesting = AttestOptions::new(kind.clone(), format, "registry.example/app");
    attest_image(store, &tag("v1"), key, &attesting, document.as_bytes().to_vec(), NOW).await.unwrap();
}

/// The statement in an envelope, as its own evidence.
fn sealed(statement: &str, key: &KeyPair) -> SignedEntity {
    let document =
        UnsignedDocument::Statement { payload: statement.as_bytes().to_vec().into(), readers: Readers::Bundles };
    let signature = key.sign(&document.bytes()).unwrap();
    let hint = VerificationMaterial::KeyHint(key.public_key().fingerprint().hint());
    SignedEntity::new(document.sign(signature), hint)
}

// threat: D03
// A statement that names bytes counts as a signature over them, whatever it states; of images it does not, and nothing but an
// attestation counts as one. Fails when any cell of the table of purposes and contents is another.
#[test]
fn what_was_made_for_one_purpose_serves_no_other() {
    let attested = |kind: &PredicateType| sealed(&statement(kind.uri(), &subject_of(&image().to_string())), &signer());
    let simple = UnsignedDocument::simple_signing(&image(), "registry.example/app", &Default::default()).unwrap();
    let signature = signer().sign(&simple.bytes()).unwrap();
    let message = SignedEntity::from_detached(signer().sign(IMAGE.as_bytes()).unwrap().to_base64().as_bytes()).unwrap();
    let made: [(&str, Vec<SignedEntity>); 4] = [
        (
            "sign",
            vec![
                sealed(&statement(SIGN_PREDICATE, &subject_of(&image().to_string())), &signer()),
                SignedEntity::new(simple.sign(signature), VerificationMaterial::Unspecified),
            ],
        ),
        ("attest", vec![attested(&PredicateType::Custom)]),
        ("blob", vec![message]),
        ("sbom", vec![attested(&PredicateType::SpdxJson)]),
    ];
    let purposes = [
        ("sign", Purpose::Image),
        ("attest", Purpose::Attestation(PredicateType::Custom)),
        ("blob", Purpose::Blob),
        ("sbom", Purpose::Attestation(PredicateType::SpdxText)),
    ];
    let mut cells = 0;
    for (asked, purpose) in &purposes {
        for (kind, entities) in &made {
            cells += 1;
            for entity in entities {
                let evidence = Evidence::of(Origin::File((*kind).to_owned()), Ok(entity.clone()));
                let result = Verifier::new(&Trust::default()).verify(
                    &policy(purpose.clone(), &signer()),
                    &Artifact::Bytes(IMAGE.as_bytes()),
                    &evidence,
                    NOW,
                );
                let about_bytes = *asked == "blob" && matches!(entity.content, Content::Envelope(_));
                assert_eq!(result.is_ok(), asked == kind || about_bytes, "asked for {asked}, made for {kind}");
            }
        }
    }
    assert_eq!(cells, 16);
}

// threat: D02
// Fails when `Verified` gives anything else than the bytes that were signed.
#[tokio::test]
async fn a_predicate_comes_back_byte_for_byte_in_every_format() {
    let document = "{ \"b\" : 1,\n  \"a\": 12345678901234567890, \"c\": 1.0e+2 }\n";
    let kind: PredicateType = "https://example.com/x".parse().unwrap();
    for format in [Format::Bundle, Format::Legacy, Format::Both] {
        let store = repository().await;
        attest(&store, &kind, format, &signer(), document).await;
        let verified = judge(&store, &wanting(&kind, &signer())).await.unwrap();
        assert_eq!(verified.signatures().len(), if format == Format::Both { 2 } else { 1 });
        for signature in verified.signatures() {
            assert_eq!(signature.predicate().unwrap(), document.trim_end().as_bytes());
            let statement = signature.statement().unwrap();
            assert_eq!(statement.payload(), signature.payload().unwrap());
            assert_eq!(statement.subjects[0].name, "registry.example/app");
            assert_eq!(signature.digest(), Some(image()));
            let envelope = signature.envelope().unwrap();
            assert!(signer().public_key().verify(&envelope.pae(), &envelope.signature).is_ok());
        }
        let refused = judge(&store, &wanting(&kind, &other_key())).await.unwrap_err();
        assert!(failures(&Err(refused)).contains(&("signature", "signature-invalid")));
    }
}

#[tokio::test]
async fn manifests_say_what_is_attached_to_them() {
    let store = repository().await;
    attest(&store, &PredicateType::Custom, Format::Both, &signer(), "x").await;
    let Manifest::Image(legacy) = store.manifest(&by_tag(&attestation_tag(&image()))).await.unwrap().into_manifest()
    else {
        panic!("an index")
    };
    let layer = &legacy.layers[0];
    assert_eq!(layer.media_type, "application/vnd.dsse.envelope.v1+json");
    assert_eq!(layer.annotations["predicateType"], CUSTOM);
    assert_eq!(layer.annotations["dev.cosignproject.cosign/signature"], "");
    let sigkit_core::store::Referrers::Listed(listed) = store.referrers(&image()).await.unwrap() else {
        panic!("no list")
    };
    assert_eq!(listed[0].annotations["dev.sigstore.bundle.content"], "dsse-envelope");
    assert_eq!(listed[0].annotations["dev.sigstore.bundle.predicateType"], CUSTOM);
}

// threat: D01
// Fails when "nothing of that type" is not a refusal, or does not say what there is.
#[tokio::test]
async fn the_wrong_type_is_refused_and_the_types_found_are_named() {
    let store = repository().await;
    let none = judge(&store, &wanting(&PredicateType::Vuln, &signer())).await.unwrap_err();
    assert_eq!((none.found(), none.report().headline().unwrap().outcome.code()), (0, Some("no-signatures")));
    attest(&store, &PredicateType::Custom, Format::Both, &signer(), "x").await;
    attest(&store, &"urn:x".parse().unwrap(), Format::Legacy, &signer(), "{}").await;
    let refused = judge(&store, &wanting(&PredicateType::Vuln, &signer())).await.unwrap_err();
    assert_eq!(refused.found(), 3);
    let trouble = refused.report().headline().unwrap().outcome;
    assert_eq!(trouble.code(), Some("no-attestation-of-type"));
    assert_eq!(
        trouble.to_string(),
        format!("none of the attestations matched the predicate type: {}, found: {CUSTOM},urn:x", PredicateType::Vuln)
    );
}

// threat: R28
// Fails when annotations, which are not signed, decide what is read, or when what does not serve vanishes from the report.
#[tokio::test]
async fn what_says_that_it_is_something_else_is_read_all_the_same() {
    let store = repository().await;
    attest(&store, &PredicateType::Custom, Format::Both, &signer(), "x").await;
    let signing = sigkit_core::image::SignOptions::new(Format::Both, "registry.example/app");
    sign_image(&store, &tag("v1"), &signer(), &signing, NOW).await.unwrap();
    for (wanted, blobs, items) in [
        (wanting(&PredicateType::Custom, &signer()), 3, 3),
        (wanting(&PredicateType::Vuln, &signer()), 3, 3),
        (policy(Purpose::Image, &signer()), 3, 3),
    ] {
        let watched = Watched::new(store.clone());
        let evidence = discover(&watched, &image(), &wanted, &Limits::DEFAULT).await;
        assert_eq!((evidence.items.len(), evidence.problems.len()), (items, 0));
        assert_eq!(watched.calls().iter().filter(|call| matches!(call, Call::Blob(_))).count(), blobs);
    }
}

// threat: D02
// Fails when the annotation, which is not signed, is trusted for more than a refusal.
#[tokio::test]
async fn an_annotation_turns_nothing_into_an_attestation() {
    let store = repository().await;
    let fetched = store.manifest(&tag("v1")).await.unwrap();
    let entity = sealed(&statement("urn:other", &subject_of(&image().to_string())), &signer());
    let bundle = entity.to_bundle().unwrap().unwrap();
    let attachment =
        BundleAttachment { image: fetched.descriptor(), bundle: bundle.into(), predicate_type: CUSTOM, created: NOW };
    attachment.attach(&store).await.unwrap();
    let refused = judge(&store, &wanting(&PredicateType::Custom, &signer())).await;
    assert_eq!(failures(&refused), [("evidence", "no-attestation-of-type"), ("content", "predicate-type-mismatch")]);
}

/// The digests of the layers under the tag of attestations.
async fn layers(store: &MemoryStore) -> Vec<Digest> {
    match store.manifest(&by_tag(&attestation_tag(&image()))).await.unwrap().manifest() {
        Manifest::Image(manifest) => manifest.layers.iter().map(|layer| layer.digest).collect(),
        Manifest::Index(_) => panic!("an index"),
    }
}

// threat: H06
// Fails when anything of another key or type goes, or when an earlier one stays.
#[tokio::test]
async fn replacing_spares_other_keys_and_other_types() {
    let store = repository().await;
    let other: PredicateType = "urn:x".parse().unwrap();
    attest(&store, &PredicateType::Custom, Format::Legacy, &other_key(), "1").await;
    attest(&store, &PredicateType::Custom, Format::Legacy, &signer(), "1").await;
    attest(&store, &other, Format::Legacy, &signer(), "{}").await;
    attest(&store, &PredicateType::Custom, Format::Legacy, &signer(), "2").await;
    let before = layers(&store).await;
    assert_eq!(before.len(), 4);
    let attesting = AttestOptions::new(PredicateType::Custom, Format::Legacy, "registry.example/app")
        .with_earlier(ReplaceMode::Replace);
    for document in ["3", "3", "4"] {
        attest_image(&store, &tag("v1"), &signer(), &attesting, document.as_bytes().to_vec(), NOW).await.unwrap();
        let after = layers(&store).await;
        assert_eq!(after.len(), 3);
        assert!(after.contains(&before[0]) && after.contains(&before[2]));
    }
    let verified = judge(&store, &wanting(&PredicateType::Custom, &signer())).await.unwrap();
    let [one] = verified.signatures() else { panic!("{:?}", verified.signatures()) };
    let predicate: Value = serde_json::from_slice(one.predicate().unwrap()).unwrap();
    assert_eq!(predicate, json!({"Data": "4", "Timestamp": NOW.to_string()}));
}

/// What a store in memory answers at once.
fn at_once<T>(work: impl Future<Output = T>) -> T {
    futures_util::FutureExt::now_or_never(work).unwrap()
}

/// Where one of several writers works.
fn remotes(seed: u64, inner: &MemoryStore, atomicity: WriteConsistency, writers: usize) -> (Simulation, Vec<Remote>) {
    let simulation = Simulation::new(seed);
    let remote = |_| Remote { inner: inner.clone(), simulation: simulation.clone(), atomicity, latency: 3 };
    let remotes = (0..writers).map(remote).collect();
    (simulation, remotes)
}

type Attaching<'a> = Pin<Box<dyn Future<Output = Result<(), SignImageError>> + 'a>>;

/// Replaces with the document of one of several writers.
async fn replace<S: TagWriter>(store: &S, format: Format, writer: usize) -> Result<(), SignImageError> {
    let attesting =
        AttestOptions::new(PredicateType::Custom, format, "registry.example/app").with_earlier(ReplaceMode::Replace);
    let document = format!("by {writer}").into_bytes();
    attest_image(store, &tag("v1"), &signer(), &attesting, document, NOW).await.map(drop)
}

// Fails when several that replace at the same time leave each its own, take what another key signed, or keep what was there before.
#[test]
fn writers_of_one_key_that_replace_at_once_leave_one() {
    let best_effort = WriteConsistency::Eventual { visibility_delay: Duration::from_millis(4) };
    for (seed, atomicity) in (0..6).flat_map(|seed| [(seed, WriteConsistency::Exact), (seed, best_effort)]) {
        let (inner, before) = at_once(async {
            let inner = repository().await;
            attest(&inner, &PredicateType::Custom, Format::Legacy, &other_key(), "theirs").await;
            attest(&inner, &PredicateType::Custom, Format::Legacy, &signer(), "earlier").await;
            let before = layers(&inner).await;
            (inner, before)
        });
        let (simulation, remotes) = remotes(seed, &inner, atomicity, 8);
        let tasks = remotes.iter().enumerate().map(|(writer, remote)| -> Attaching<'_> {
            let simulation = simulation.clone();
            Box::pin(async move {
                simulation.sleep(simulation.below(100)).await;
                replace(remote, Format::Legacy, writer).await
            })
        });
        for result in simulation.run(tasks.collect()) {
            result.unwrap();
        }
        let after = at_once(layers(&inner));
        assert_eq!(after.len(), 2, "seed {seed}, {atomicity:?}");
        assert!(after.contains(&before[0]) && !after.contains(&before[1]), "seed {seed}, {atomicity:?}");
    }
}

// Fails when what a signer of something else has put back counts as the newest.
#[test]
fn replaced_attestation_does_not_win_when_restored() {
    let best_effort = WriteConsistency::Eventual { visibility_delay: Duration::from_millis(4) };
    for seed in 0..60 {
        let (inner, earlier) = at_once(async {
            let inner = repository().await;
            attest(&inner, &PredicateType::Custom, Format::Legacy, &signer(), "earlier").await;
            let earlier = layers(&inner).await;
            (inner, earlier)
        });
        let (simulation, remotes) = remotes(seed, &inner, best_effort, 4);
        let tasks = remotes.iter().enumerate().map(|(writer, remote)| -> Attaching<'_> {
            let simulation = simulation.clone();
            Box::pin(async move {
                simulation.sleep(simulation.below(20)).await;
                if writer == 0 {
                    return replace(remote, Format::Legacy, writer).await;
                }
                let kind: PredicateType = format!("urn:{writer}").parse().unwrap();
                let attesting = AttestOptions::new(kind, Format::Legacy, "registry.example/app");
                attest_image(remote, &tag("v1"), &signer(), &attesting, b"{}".to_vec(), NOW).await.map(drop)
            })
        });
        for result in simulation.run(tasks.collect()) {
            result.unwrap();
        }
        let verified = at_once(judge(&inner, &wanting(&PredicateType::Custom, &signer()))).unwrap();
        let newest = verified.signatures().iter().any(|one| {
            let predicate: Value = serde_json::from_slice(one.predicate().unwrap()).unwrap();
            predicate["Data"] == "by 0"
        });
        assert!(newest, "seed {seed}: the earlier one, {earlier:?}, is all that is left");
    }
}

// Fails when it depends on the registry whether one is left.
#[cfg(feature = "registry")]
#[tokio::test]
async fn one_is_left_on_a_registry_with_and_without_referrers() {
    use sigkit_core::oci::Repository;
    use sigkit_core::store::registry::{RegistryClient, RegistryOptions};
    for (referrers, format) in [
        (testkit::Switch::On, Format::Legacy),
        (testkit::Switch::Off, Format::Legacy),
        (testkit::Switch::On, Format::Both),
        (testkit::Switch::Off, Format::Both),
    ] {
        let registry = testkit::Registry::builder().referrers(referrers).start();
        let repository = Repository::new(registry.host(), "my/app").unwrap();
        let store = || RegistryClient::new(RegistryOptions::default()).unwrap().repository(&repository);
        let image_store = store();
        image_store.push_manifest(&tag("v1"), media_type::OCI_MANIFEST, IMAGE.as_bytes()).await.unwrap();
        let writers = (0..8).map(|writer| {
            let store = store();
            async move { replace(&store, format, writer).await }
        });
        for result in futures_util::future::join_all(writers).await {
            result.unwrap();
        }
        let fetched = image_store.manifest(&by_tag(&attestation_tag(&image()))).await.unwrap();
        let Manifest::Image(manifest) = fetched.manifest() else { panic!("an index") };
        assert_eq!(manifest.layers.len(), 1, "{referrers:?} {format:?}");
    }
}

// Fails when replacing goes on although it is unknown what must be replaced.
#[tokio::test]
async fn nothing_is_replaced_unseen() {
    let store = repository().await;
    attest(&store, &PredicateType::Custom, Format::Legacy, &signer(), "1").await;
    let missing = Descriptor::new(media_type::DSSE_ENVELOPE, 3, Digest::sha256(b"gone"));
    let manifest = json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
        "config": Descriptor::of(media_type::OCI_EMPTY, b"{}"), "layers": [missing],
    });
    let target = by_tag(&attestation_tag(&image()));
    let bytes = manifest.to_string().into_bytes();
    store.push_manifest(&target, media_type::OCI_MANIFEST, &bytes).await.unwrap();
    let attesting = AttestOptions::new(PredicateType::Custom, Format::Legacy, "registry.example/app")
        .with_earlier(ReplaceMode::Replace);
    let error = attest_image(&store, &tag("v1"), &signer(), &attesting, b"2".to_vec(), NOW).await.unwrap_err();
    assert!(matches!(error, SignImageError::Earlier(_)), "{error}");
    assert_eq!(layers(&store).await, [missing_digest()]);
}

// Fails when an attestation of the type asked for that does not hold is reported as not there.
#[test]
fn a_type_that_was_found_is_not_reported_missing() {
    let of = |kind: &str, key: &KeyPair| {
        let entity = sealed(&statement(kind, &subject_of(&image().to_string())), key);
        Evidence::of(Origin::File(kind.to_owned()), Ok(entity)).items.remove(0)
    };
    let wanted = wanting(&PredicateType::Custom, &signer());
    let judge = |items| {
        let evidence = Evidence { items, problems: Vec::new() };
        failures(&Verifier::new(&Trust::default()).verify(&wanted, &Artifact::Bytes(IMAGE.as_bytes()), &evidence, NOW))
    };
    let mismatch = ("content", "predicate-type-mismatch");
    assert_eq!(judge(vec![of("urn:x", &signer())]), [("evidence", "no-attestation-of-type"), mismatch]);
    let wrong_key = ("signature", "signature-invalid");
    assert_eq!(judge(vec![of("urn:x", &signer()), of(CUSTOM, &other_key())]), [mismatch, wrong_key]);
    assert_eq!(judge(vec![of(CUSTOM, &other_key()), of("urn:x", &signer())]), [wrong_key, mismatch]);
}

fn missing_digest() -> Digest {
    Digest::sha256(b"gone")
}

#[tokio::test]
async fn a_document_that_is_not_of_its_type_is_not_signed() {
    let store = repository().await;
    let attesting = AttestOptions::new(PredicateType::CycloneDx, Format::Both, "registry.example/app");
    let error = attest_image(&store, &tag("v1"), &signer(), &attesting, b"{}".to_vec(), NOW).await.unwrap_err();
    assert_eq!(error.to_string(), "CycloneDX document: `bomFormat`: expected CycloneDX, found \"none\"");
    assert!(store.manifest(&by_tag(&attestation_tag(&image()))).await.is_err());
}

// threat: A13 R31
// Fails when only one signature of an envelope is judged, or one signer counts twice.
#[test]
fn each_signature_of_an_envelope_counts_for_its_signer() {
    let text = statement(CUSTOM, &subject_of(&image().to_string()));
    let (one, two) = (signer(), other_key());
    let third = KeyPair::generate(one.public_key().algorithm()).unwrap();
    let envelope = |keys: &[&KeyPair]| {
        let signed =
            |key: &&KeyPair| json!({"keyid": "any", "sig": sealed(&text, key).content.signature().to_base64()});
        let signatures: Vec<_> = keys.iter().map(signed).collect();
        let payload = STANDARD.encode(&text);
        let document = json!({"payloadType": media_type::IN_TOTO, "payload": payload, "signatures": signatures});
        document.to_string().into_bytes()
    };
    let judge = |signed: &[&KeyPair], asked: &[&KeyPair], threshold: usize| {
        let authorities = asked.iter().map(|key| KeyAuthority::new("key", key.public_key().clone()));
        let threshold = threshold.try_into().unwrap();
        let policy = Policy::keys(Purpose::Attestation(PredicateType::Custom), threshold, authorities).unwrap();
        let layer = Descriptor::of(media_type::DSSE_ENVELOPE, b"");
        let bare = SignedEntity::each_from_any_attestation(&envelope(signed), &Limits::DEFAULT);
        let stored = SignedEntity::each_from_layer(&layer, envelope(signed), &Limits::DEFAULT);
        let inner = json!({"base64Signature": STANDARD.encode(envelope(signed))}).to_string();
        let blob = SignedEntity::each_from_any_attestation(inner.as_bytes(), &Limits::DEFAULT);
        let verdicts = [bare, stored, blob].map(|entities| {
            let evidence = Evidence::each(Origin::File("envelope".to_owned()), entities);
            Verifier::new(&Trust::default()).verify(&policy, &Artifact::Bytes(IMAGE.as_bytes()), &evidence, NOW).is_ok()
        });
        assert!(verdicts.iter().all(|verdict| *verdict == verdicts[0]), "{verdicts:?}");
        verdicts[0]
    };
    assert!(judge(&[&one, &two], &[&one], 1));
    assert!(judge(&[&one, &two], &[&two], 1));
    assert!(judge(&[&one, &two], &[&one, &two], 2));
    assert!(judge(&[&two, &third, &one], &[&one, &two], 2));
    assert!(!judge(&[&one, &two], &[&third], 1));
    assert!(!judge(&[&one, &third], &[&one, &two], 2));
    assert!(!judge(&[&one, &one], &[&one, &two], 2));
    // A sigstore bundle has exactly one.
    let two_in_a_bundle = sealed(&text, &one).to_bundle().unwrap().unwrap();
    let two_in_a_bundle =
        String::from_utf8(two_in_a_bundle).unwrap().replace("\"signatures\":[", "\"signatures\":[{\"sig\":\"AA==\"},");
    assert!(SignedEntity::each_from_any_attestation(two_in_a_bundle.as_bytes(), &Limits::DEFAULT).is_err());
}

// threat: C13
#[tokio::test]
async fn both_formats_are_signed_over_the_hash_of_their_readers() {
    let key = KeyPair::generate("ecdsa-p384".parse().unwrap()).unwrap();
    let store = repository().await;
    attest(&store, &PredicateType::Custom, Format::Both, &key, "1").await;
    let verified = judge(&store, &wanting(&PredicateType::Custom, &key)).await.unwrap();
    let mut seen: Vec<_> = verified
        .signatures()
        .iter()
        .map(|signature| (matches!(signature.origin(), Origin::Layer { .. }), signature.scheme().to_string()))
        .collect();
    seen.sort();
    assert_eq!(seen, [(false, "ECDSA P-384 SHA-384".to_owned()), (true, "ECDSA P-384 SHA-256".to_owned())]);
}

// threat: D06
// Fails when a statement is signed for an artifact that it does not name, or whose other digests disagree.
#[tokio::test]
async fn a_ready_statement_must_name_the_artifact() {
    let sha512 = Digest::of(DigestAlgorithm::Sha512, IMAGE.as_bytes());
    let wrong = Digest::of(DigestAlgorithm::Sha512, b"x");
    let artifact = Artifact::Bytes(IMAGE.as_bytes());
    let key = signer();
    let sign = async |subjects: &[(&str, Digest)], artifact| {
        let statement = Statement::attest(subjects, &PredicateType::Vuln, b"{}".to_vec()).unwrap();
        sign_statement(&key, statement.into(), &PredicateType::Vuln, artifact, NOW).await
    };
    assert!(sign(&[("", wrong), ("", image())], Some(&artifact)).await.is_ok());
    assert!(sign(&[("", sha512)], Some(&artifact)).await.is_ok());
    let error = sign(&[("", wrong)], Some(&artifact)).await.unwrap_err();
    assert!(matches!(&error, SigningError::Rejected(refused) if refused.to_string().contains("subject-mismatch")));
    assert!(sign(&[("", wrong)], None).await.is_ok(), "nobody asked");
    let text = statement("urn:x", &subject_of(&image().to_string())).into_bytes();
    let other = sign_statement(&key, text.into(), &PredicateType::Vuln, Some(&artifact), NOW).await;
    assert!(other.is_err(), "another type");
}

// Fails when a large statement is verified by another way than a small one.
#[tokio::test]
async fn large_statements_verify_with_every_kind_of_key() {
    use sigkit_core::crypto::KeyAlgorithm;
    let mut keys: Vec<KeyPair> =
        [KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384, KeyAlgorithm::EcdsaP521, KeyAlgorithm::Ed25519]
            .into_iter()
            .map(|algorithm| KeyPair::generate(algorithm).unwrap())
            .collect();
    keys.extend(KeyPair::generate(KeyAlgorithm::Rsa { bits: 2048 }));
    for key in &keys {
        for length in [10, 64 << 10, 1 << 20] {
            let predicate = format!(r#"{{"x":"{}"}}"#, "y".repeat(length)).into_bytes();
            let kind: PredicateType = "urn:x".parse().unwrap();
            let statement = Statement::attest(&[("", image())], &kind, predicate).unwrap();
            let artifact = Artifact::Digest(image());
            let mut entity = sign_statement(key, statement.into(), &kind, Some(&artifact), NOW).await.unwrap();
            if let Content::Envelope(envelope) = &mut entity.content {
                let mut payload = envelope.payload.to_vec();
                *payload.iter_mut().rev().nth(4).unwrap() = b'z';
                envelope.payload = payload.into();
            }
            let evidence = Evidence::of(Origin::File(String::new()), Ok(entity));
            let refused = Verifier::new(&Trust::default()).verify(&wanting(&kind, key), &artifact, &evidence, NOW);
            assert_eq!(failures(&refused), [("signature", "signature-invalid")], "{length}");
        }
    }
}

// threat: D07
// Fails when attestations are read without a bound on each, or on all.
#[tokio::test]
async fn attestations_are_bounded() {
    let store = repository().await;
    attest(&store, &PredicateType::Custom, Format::Both, &signer(), &"x".repeat(1000)).await;
    let Manifest::Image(manifest) = store.manifest(&by_tag(&attestation_tag(&image()))).await.unwrap().into_manifest()
    else {
        panic!("an index")
    };
    let size = manifest.layers[0].size;
    for (limit, found) in [(size + 1000, 2), (size, 1), (size - 1, 0)] {
        let mut limits = Limits::DEFAULT;
        limits.attachment_bytes = limit;
        let wanted = wanting(&PredicateType::Custom, &signer());
        let evidence = discover(&store, &image(), &wanted, &limits).await;
        assert_eq!((evidence.items.len(), evidence.problems.len()), (found, 2 - found), "{limit}");
        assert!(evidence.problems.iter().all(|problem| problem.code == "too-large"));
    }
}

/// Attaches a statement of this type about the image, with `padding` bytes of predicate, and says in the annotations what `named` is.
async fn refer(store: &MemoryStore, kind: &str, padding: usize, named: Option<&str>) -> u64 {
    refer_as(store, kind, padding, named.map(|named| json!(named))).await
}

async fn refer_as(store: &MemoryStore, kind: &str, padding: usize, named: Option<Value>) -> u64 {
    let statement = statement(kind, &subject_of(&image().to_string()));
    let statement =
        statement.replacen(r#""predicate":{}"#, &format!(r#""predicate":{{"x":"{}"}}"#, "y".repeat(padding)), 1);
    assert!(statement.len() > padding, "{statement}");
    let bundle = sealed(&statement, &signer()).to_bundle().unwrap().unwrap();
    let layer = Descriptor::of(media_type::BUNDLE_V03, &bundle);
    let size = layer.size;
    let mut manifest = json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "artifactType": media_type::BUNDLE_V03,
        "config": Descriptor::of(media_type::OCI_EMPTY, b"{}"), "layers": [layer],
        "subject": Descriptor::of(media_type::OCI_MANIFEST, IMAGE.as_bytes()),
    });
    if let Some(named) = named {
        manifest["annotations"] = json!({media_type::ANNOTATION_PREDICATE_TYPE: named});
    }
    store.push_blob(BlobSource::bytes(bundle.as_slice().into(), &Digest::sha256(&bundle))).await.unwrap();
    let bytes = manifest.to_string().into_bytes();
    let target = TagOrDigest::Digest(Digest::sha256(&bytes));
    store.push_manifest(&target, media_type::OCI_MANIFEST, &bytes).await.unwrap();
    size
}

// threat: R28
// Fails when an annotation that is empty, null or wrong hides an attestation or a signature.
#[tokio::test]
async fn annotations_that_are_empty_null_or_wrong_hide_nothing() {
    for named in [
        None,
        Some(json!("")),
        Some(json!(null)),
        Some(json!("urn:other")),
        Some(json!(SIGN_PREDICATE)),
        Some(json!(CUSTOM)),
    ] {
        for (kind, wanted) in
            [(CUSTOM, wanting(&PredicateType::Custom, &signer())), (SIGN_PREDICATE, policy(Purpose::Image, &signer()))]
        {
            let store = repository().await;
            refer_as(&store, kind, 0, named.clone()).await;
            let verified = judge(&store, &wanted).await;
            assert!(verified.is_ok(), "{kind} {named:?}: {verified:?}");
        }
    }
}

// threat: R28
// Fails when large documents of another type are fetched although something serves, or are not looked into when nothing does.
#[tokio::test]
async fn large_documents_that_say_they_are_others_are_read_last() {
    let large = usize::try_from(Limits::DEFAULT.signature_bytes).unwrap();
    let store = repository().await;
    refer(&store, CUSTOM, large, Some("urn:other")).await;
    assert!(judge(&store, &wanting(&PredicateType::Custom, &signer())).await.is_ok());
    refer(&store, CUSTOM, 0, Some(CUSTOM)).await;
    let watched = Watched::new(store);
    discover(&watched, &image(), &wanting(&PredicateType::Custom, &signer()), &Limits::DEFAULT).await;
    assert_eq!(watched.calls().iter().filter(|call| matches!(call, Call::Blob(_))).count(), 1);
}

// threat: F01 F03
// Fails when attestations, described or not, small or large, use up what is there for signatures, or hide one.
#[tokio::test]
async fn attestations_of_any_size_hide_no_signature() {
    let (small, large) = (1000, usize::try_from(Limits::DEFAULT.signature_bytes).unwrap());
    for (padding, named, alone) in [
        (small, None, Verdict::Rejected),
        (small, Some(CUSTOM), Verdict::Rejected),
        (large, Some(CUSTOM), Verdict::Rejected),
        // This might be a signature, as far as anybody knows who does not fetch it.
        (large, None, Verdict::Undecided),
    ] {
        let store = repository().await;
        for number in 0..3 {
            refer(&store, CUSTOM, padding + number, named).await;
        }
        let refused = judge(&store, &policy(Purpose::Image, &signer())).await.unwrap_err();
        assert_eq!(refused.report().verdict(), alone, "{padding} {named:?}");

        let size = refer(&store, SIGN_PREDICATE, 0, named.map(|_| SIGN_PREDICATE)).await;
        let mut limits = Limits::DEFAULT;
        limits.signatures_total_bytes = size;
        let wanted = policy(Purpose::Image, &signer());
        let verified = judge_within(&limits, &store, &wanted).await.unwrap();
        assert_eq!(verified.signatures().len(), 1);
        let evidence = discover(&store, &image(), &wanted, &limits).await;
        let problems: Vec<&str> = evidence.problems.iter().map(|problem| problem.code).collect();
        let unread = evidence.items.iter().filter_map(|item| item.entity.as_ref().err());
        let reasons: Vec<&str> = unread.map(|error| Reason::Unreadable(error.clone()).code()).collect();
        let expected = match alone {
            Verdict::Undecided => (vec!["too-large"; 3], vec![]),
            _ => (vec![], vec!["predicate-type-mismatch"; 3]),
        };
        assert_eq!((problems, reasons), expected, "{padding} {named:?}");
    }
}

// Fails when the tag of attestations is taken for something else, or overwritten.
#[tokio::test]
async fn tag_that_holds_something_else_is_not_changed() {
    let store = repository().await;
    let target = by_tag(&attestation_tag(&image()));
    store.push_manifest(&target, media_type::OCI_MANIFEST, IMAGE.replace("[]", r#"[{"mediaType":"x","size":0,"digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}]"#).as_bytes()).await.unwrap();
    let envelope = EnvelopeAttachment {
        image: &image(),
        envelope: b"{}".into(),
        annotations: &BTreeMap::new(),
        predicate_type: CUSTOM,
        created: None,
        replaces: &[],
    };
    assert_eq!(envelope.attach(&store).await.unwrap_err().code(), "tag-occupied");
}
