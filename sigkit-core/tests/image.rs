//! The paved path: an image is resolved once, signed and verified, alone or as part of an index.
#![cfg(feature = "sign")]
#![allow(clippy::disallowed_methods, reason = "vectors are files")]

mod support;

use serde_json::{Value, json};
use sigkit_core::attach::{BundleAttachment, fallback_tag, signature_tag};
use sigkit_core::bundle::{Origin, SignedEntity, VerificationMaterial};
use sigkit_core::content::{Content, Envelope};
use sigkit_core::digest::Digest;
use sigkit_core::image::{
    Attached, Format, ImageError, SignImageError, SignOptions, TreeError, select_platform, sign_image,
    verify_blob_digests, verify_fetched, verify_image, walk_index,
};
use sigkit_core::key::{KeyPair, SigningKey as _};
use sigkit_core::limits::Limits;
use sigkit_core::oci::{Descriptor, Platform, TagOrDigest, media_type};
use sigkit_core::policy::{KeyAuthority, Policy, Purpose};
use sigkit_core::report::Verdict;
use sigkit_core::store::{
    BlobSource, BlobStream, FetchedManifest, MemoryStore, Referrers, Store, StoreError, StoreWrite as _, TagWriter,
};
use sigkit_core::time::UnixTime;
use sigkit_core::trust::Trust;
use support::cases::{IMAGE, image, statement, subject_of};
use support::keys::{other_key, signer};
use support::stores::{Call, Watched};
use support::vector::{NOW, seen};

const REPOSITORY: &str = "registry.example/app";
const FORMATS: [Format; 3] = [Format::Bundle, Format::Legacy, Format::Both];

fn tag(name: &str) -> TagOrDigest {
    TagOrDigest::Tag(name.parse().unwrap())
}

fn by_digest(digest: Digest) -> TagOrDigest {
    TagOrDigest::Digest(digest)
}

fn policy(key: &KeyPair) -> Policy {
    Policy::key(Purpose::Image, KeyAuthority::new("a key", key.public_key().clone()))
}

async fn push(store: &MemoryStore, target: &TagOrDigest, document: &str) -> Digest {
    let kind: Value = serde_json::from_str(document).unwrap();
    let kind = kind["mediaType"].as_str().unwrap().to_owned();
    store.push_manifest(target, &kind, document.as_bytes()).await.unwrap();
    Digest::sha256(document.as_bytes())
}

/// A repository with the image under the tag `v1`.
async fn repository() -> MemoryStore {
    let store = MemoryStore::new().with_name(REPOSITORY);
    push(&store, &tag("v1"), IMAGE).await;
    store
}

/// Another image, different in `note`.
fn other(note: &str) -> String {
    IMAGE.replacen("\"layers\":[]", &format!("\"layers\":[],\"annotations\":{{\"note\":\"{note}\"}}"), 1)
}

async fn sign<S: TagWriter>(store: &S, key: &KeyPair, signing: &SignOptions) -> Result<Vec<Attached>, SignImageError> {
    sign_image(store, &tag("v1"), key, signing, NOW).await.map(|signed| signed.attached)
}

/// What is stored besides the image: entries of all formats.
async fn signatures(store: &MemoryStore) -> usize {
    sigkit_core::attach::discover(store, &image(), &policy(&signer()), &Limits::DEFAULT).await.items.len()
}

#[tokio::test]
async fn what_is_signed_verifies_in_every_format_and_place() {
    for format in FORMATS {
        for store in [repository().await, repository().await.without_referrers()] {
            let signing = SignOptions::new(format, REPOSITORY).with_annotation("env", "<prod>");
            let attached = sign(&store, &signer(), &signing).await.unwrap();
            let count = if format == Format::Both { 2 } else { 1 };
            assert!(attached.len() == count && attached.iter().all(|one| matches!(one, Attached::Written(_))));

            let policy = policy(&signer()).with_annotation("env", "<prod>");
            let verified = verify_image(&store, &tag("v1"), &Trust::default(), &policy, NOW).await.unwrap();
            assert_eq!(verified.image.digest(), image());
            assert_eq!(verified.verified.signatures().len(), count, "{format:?}");
            assert!(verify_image(&store, &by_digest(image()), &Trust::default(), &policy, NOW).await.is_ok());
            assert!(
                verify_image(&store, &tag("v1"), &Trust::default(), &policy.with_annotation("x", "y"), NOW)
                    .await
                    .is_err()
            );
        }
    }
}

// threat: N08
#[tokio::test]
async fn whatever_the_clock_says_a_key_signs_and_verifies() {
    let times = [i64::MIN, -1, 0, 951_827_696, 2_147_483_647, 2_147_483_648, 253_402_300_799, i64::MAX];
    for signed_at in times.map(UnixTime) {
        let store = repository().await;
        let signing = SignOptions::new(Format::Both, REPOSITORY).with_legacy_created(signed_at);
        sign_image(&store, &tag("v1"), &signer(), &signing, signed_at).await.unwrap();
        for read_at in times.map(UnixTime) {
            let verified =
                verify_image(&store, &tag("v1"), &Trust::default(), &policy(&signer()), read_at).await.unwrap();
            assert_eq!(verified.verified.signatures().len(), 2, "{signed_at:?}, {read_at:?}");
            assert!(verify_image(&store, &tag("v1"), &Trust::default(), &policy(&other_key()), read_at).await.is_err());
        }
    }
}

// threat: H06
// Fails when equal payloads signed by one key are not recognised, or when payloads or keys that differ are.
#[tokio::test]
async fn signing_again_adds_one_entry_only() {
    for format in FORMATS {
        let store = repository().await;
        let signing = SignOptions::new(format, REPOSITORY);
        sign(&store, &signer(), &signing).await.unwrap();
        let once = signatures(&store).await;
        let again = sign(&store, &signer(), &signing).await.unwrap();
        assert!(again.iter().all(|one| matches!(one, Attached::AlreadySigned(_))), "{again:?}");
        assert_eq!(signatures(&store).await, once);

        // Another key, and another payload, are other signatures.
        sign(&store, &other_key(), &signing).await.unwrap();
        assert_eq!(signatures(&store).await, 2 * once);
        let annotated = signing.clone().with_annotation("env", "prod");
        sign(&store, &signer(), &annotated).await.unwrap();
        assert_eq!(signatures(&store).await, 3 * once);
    }
    // A signature in one format does not count in the other.
    let store = repository().await;
    sign(&store, &signer(), &SignOptions::new(Format::Legacy, REPOSITORY)).await.unwrap();
    let both = sign(&store, &signer(), &SignOptions::new(Format::Both, REPOSITORY)).await.unwrap();
    assert!(matches!(&both[..], [Attached::Written(_), Attached::AlreadySigned(Origin::Layer { .. })]), "{both:?}");
}

// threat: A15
// Fails when a tag is resolved again between resolution and verdict.
#[tokio::test]
async fn a_tag_is_resolved_once() {
    let inner = repository().await;
    sign(&inner, &signer(), &SignOptions::new(Format::Both, REPOSITORY)).await.unwrap();
    let evil = other("evil");
    let evil_digest = Digest::sha256(evil.as_bytes());
    let store = Watched::new(inner.clone()).meddling(move |inner, call| {
        if *call == Call::Manifest(tag("v1")) {
            use futures_util::FutureExt as _;
            push(inner, &tag("v1"), &evil).now_or_never().unwrap();
        }
    });
    let verified = verify_image(&store, &tag("v1"), &Trust::default(), &policy(&signer()), NOW).await.unwrap();
    assert_eq!(verified.image.digest(), image());
    assert_eq!(store.count(&Call::Manifest(tag("v1"))), 1);
    assert_eq!(inner.manifest(&tag("v1")).await.unwrap().digest(), evil_digest);
    assert!(verify_image(&store, &tag("v1"), &Trust::default(), &policy(&signer()), NOW).await.is_err());

    let inner = repository().await;
    let store = Watched::new(inner.clone());
    let signed =
        sign_image(&store, &tag("v1"), &signer(), &SignOptions::new(Format::Both, REPOSITORY), NOW).await.unwrap();
    assert_eq!(signed.image.digest(), image());
    assert_eq!(store.count(&Call::Manifest(tag("v1"))), 1);
}

// threat: A14
// threat: E01
#[tokio::test]
async fn another_manifest_under_the_digest_is_an_error() {
    let store = repository().await;
    sign(&store, &signer(), &SignOptions::new(Format::Both, REPOSITORY)).await.unwrap();
    store.corrupt(&image(), other("evil").as_bytes());
    for target in [tag("v1"), by_digest(image())] {
        let error =
            verify_image(&store, &target, &Trust::default(), &policy(&signer()), NOW).await.expect_err("other bytes");
        assert!(matches!(error, ImageError::Image(StoreError::DigestMismatch { .. })), "{error}");
    }
    let error =
        verify_image(&store, &tag("v2"), &Trust::default(), &policy(&signer()), NOW).await.expect_err("no such tag");
    assert!(matches!(error, ImageError::Image(error) if error.is_absent()));
}

// threat: M6
// threat: I06
#[tokio::test]
async fn unreadable_signatures_are_undecided_and_absent_refused() {
    let store = repository().await;
    let refused = |error: ImageError| match error {
        ImageError::NotVerified { refusal, image: judged } => {
            assert_eq!(judged.digest(), image());
            refusal.report().verdict()
        }
        ImageError::Image(error) => panic!("{error}"),
        _ => panic!("a new kind of error"),
    };
    let error =
        verify_image(&store, &tag("v1"), &Trust::default(), &policy(&signer()), NOW).await.expect_err("unsigned");
    assert_eq!(refused(error), Verdict::Rejected);
    let down = Watched::new(store).failing(|_, call| {
        let signatures = *call != Call::Manifest(tag("v1"));
        signatures.then(|| StoreError::Unavailable { place: "GET".to_owned(), detail: "status 503".to_owned() })
    });
    let error = verify_image(&down, &tag("v1"), &Trust::default(), &policy(&signer()), NOW)
        .await
        .expect_err("nobody could look");
    assert_eq!(refused(error), Verdict::Undecided);
}

// threat: M1
// threat: D03
// Fails when the predicate type of a statement is not compared.
#[tokio::test]
async fn an_attestation_on_an_image_is_not_its_signature() {
    let store = repository().await;
    let fetched = store.manifest(&tag("v1")).await.unwrap();
    let predicate_type = "https://cosign.sigstore.dev/attestation/v1";
    let payload = statement(predicate_type, &subject_of(&image().to_string())).into_bytes();
    let mut envelope = Envelope {
        payload_type: media_type::IN_TOTO.to_owned(),
        payload: payload.into(),
        signature: sigkit_core::crypto::Signature::from_bytes(Vec::new()),
    };
    envelope.signature = signer().sign(&envelope.pae()).unwrap();
    let material = VerificationMaterial::KeyHint(signer().public_key().fingerprint().hint());
    let entity = SignedEntity::new(Content::Envelope(envelope), material);
    let bundle = entity.to_bundle().unwrap().unwrap();
    // It claims to be a signature in a member that is not signed.
    let attachment = BundleAttachment {
        image: fetched.descriptor(),
        bundle: bundle.into(),
        predicate_type: "https://sigstore.dev/cosign/sign/v1",
        created: NOW,
    };
    attachment.attach(&store).await.unwrap();
    let error = verify_image(&store, &tag("v1"), &Trust::default(), &policy(&signer()), NOW)
        .await
        .expect_err("only an attestation");
    let ImageError::NotVerified { refusal, .. } = error else { panic!("{error}") };
    assert_eq!(seen(&Err(refusal)).failures, [("content", "predicate-type-mismatch")]);
}

// threat: M20
#[tokio::test]
async fn signatures_may_live_in_another_repository() {
    let images = repository().await;
    let elsewhere = MemoryStore::new().with_name("registry.example/signatures");
    let fetched = images.manifest(&tag("v1")).await.unwrap();
    let signing = SignOptions::new(Format::Both, REPOSITORY);
    let entities = signing.sign(&fetched, &signer(), NOW).await.unwrap();
    sigkit_core::image::attach(&elsewhere, &fetched, &entities, &signer(), &signing, NOW).await.unwrap();
    assert_eq!((signatures(&images).await, signatures(&elsewhere).await), (0, 2));
    let policy = policy(&signer());
    assert!(verify_fetched(fetched.clone(), &images, &Trust::default(), &policy, NOW).await.is_err());
    assert!(verify_fetched(fetched, &elsewhere, &Trust::default(), &policy, NOW).await.is_ok());
}

// Fails when a new signature is written before it was verified.
#[tokio::test]
async fn a_payload_that_names_another_image_is_not_written() {
    let store = repository().await;
    let signing = SignOptions::new(Format::Legacy, REPOSITORY);
    let elsewhere = Digest::sha256(b"another image").to_string();
    let good = format!(
        r#"{{"critical":{{"identity":{{"docker-reference":"x/y"}},"image":{{"docker-manifest-digest":"{}"}},"type":"cosign container image signature"}},"optional":null}}"#,
        image()
    );
    for bad in [good.replace(&image().to_string(), &elsewhere), good.replace("cosign", "other"), "junk".to_owned()] {
        let signing = signing.clone().with_payload(bad.into_bytes());
        let error = sign(&store, &signer(), &signing).await.expect_err("it would not verify");
        assert!(matches!(error, SignImageError::Rejected(_)), "{error}");
    }
    assert_eq!(store.tagged().len(), 1);
    sign(&store, &signer(), &signing.with_payload(good.clone().into_bytes())).await.unwrap();
    let verified = verify_image(&store, &tag("v1"), &Trust::default(), &policy(&signer()), NOW).await.unwrap();
    assert_eq!(verified.verified.signatures()[0].payload(), Some(good.as_bytes()));
}

#[tokio::test]
async fn every_reference_given_is_signed() {
    let store = repository().await;
    let both = ["registry.example/one", "registry.example/two"].map(str::to_owned);
    let signing = SignOptions::new(Format::Legacy, REPOSITORY).with_references(both);
    assert_eq!(sign(&store, &signer(), &signing).await.unwrap().len(), 2);
    for (repository, ok) in
        [("registry.example/one", true), ("registry.example/two", true), ("registry.example/three", false)]
    {
        let policy = policy(&signer()).with_reference(repository.parse().unwrap());
        assert_eq!(verify_image(&store, &tag("v1"), &Trust::default(), &policy, NOW).await.is_ok(), ok, "{repository}");
    }
}

// threat: M17
#[tokio::test]
async fn not_an_image_is_neither_signed_nor_verified() {
    let store = repository().await;
    store.corrupt(&image(), b"hello");
    assert!(matches!(
        sign(&store, &signer(), &SignOptions::new(Format::Both, REPOSITORY)).await,
        Err(SignImageError::Image(StoreError::DigestMismatch { .. }))
    ));
    assert_eq!(store.tagged().len(), 1);
}

// threat: H07
// threat: N05
// Fails when a failed call is ignored, or when the next run starts again instead of continuing.
#[tokio::test]
async fn signing_that_was_cut_off_is_finished_by_the_next_run() {
    for format in FORMATS {
        let wanted = if format == Format::Both { 2 } else { 1 };
        let signing = SignOptions::new(format, REPOSITORY);
        let whole = Watched::new(repository().await.without_referrers());
        sign(&whole, &signer(), &signing).await.unwrap();
        for number in 0..whole.calls().len() {
            let inner = repository().await.without_referrers();
            let store = Watched::new(inner.clone()).failing(move |n, _| {
                (n >= number).then(|| StoreError::Unavailable { place: "PUT".to_owned(), detail: "reset".to_owned() })
            });
            assert!(
                sign(&store, &signer(), &signing).await.is_err(),
                "{format:?}: nothing worked from call {number} on"
            );
            sign(&inner, &signer(), &signing).await.unwrap();
            assert_eq!(signatures(&inner).await, wanted, "{format:?}, cut off at call {number}");
            assert!(verify_image(&inner, &tag("v1"), &Trust::default(), &policy(&signer()), NOW).await.is_ok());
        }
    }
}

/// An index over these manifests, one platform each.
fn index(children: &[(&str, &str)]) -> String {
    let entries: Vec<Value> = children
        .iter()
        .map(|(architecture, document)| {
            let kind: Value = serde_json::from_str(document).unwrap();
            let mut entry = Descriptor::of(kind["mediaType"].as_str().unwrap(), document.as_bytes());
            entry.platform = Some(format!("linux/{architecture}").parse().unwrap());
            json!(entry)
        })
        .collect();
    json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": entries}).to_string()
}

async fn fetched(store: &MemoryStore, target: &TagOrDigest) -> FetchedManifest {
    store.manifest(target).await.unwrap()
}

// threat: E09
// Fails when the signature of an index is taken for one of its images, or the reverse.
#[tokio::test]
async fn an_index_and_its_images_are_signed_each_for_itself() {
    let store = MemoryStore::new();
    let (amd64, arm64) = (other("amd64"), other("arm64"));
    for child in [&amd64, &arm64] {
        push(&store, &by_digest(Digest::sha256(child.as_bytes())), child).await;
    }
    push(&store, &tag("v1"), &index(&[("amd64", &amd64), ("arm64/v8", &arm64)])).await;
    let amd64 = by_digest(Digest::sha256(amd64.as_bytes()));
    sign_image(&store, &amd64, &signer(), &SignOptions::new(Format::Bundle, REPOSITORY), NOW).await.unwrap();

    let policy = policy(&signer());
    let whole = fetched(&store, &tag("v1")).await;
    assert!(
        verify_image(&store, &tag("v1"), &Trust::default(), &policy, NOW).await.is_err(),
        "the index is not signed"
    );
    let platform = |text: &str| text.parse::<Platform>().unwrap();
    let child = select_platform(&store, &whole, &platform("linux/amd64")).await.unwrap();
    assert!(verify_fetched(child, &store, &Trust::default(), &policy, NOW).await.is_ok());
    let child = select_platform(&store, &whole, &platform("linux/arm64")).await.unwrap();
    assert!(verify_fetched(child, &store, &Trust::default(), &policy, NOW).await.is_err(), "arm64 is not signed");
    for wanted in ["linux/s390x", "windows/amd64", "linux/arm64/v7"] {
        let error = select_platform(&store, &whole, &platform(wanted)).await.expect_err(wanted);
        assert!(
            matches!(&error, TreeError::NoPlatform { found, .. } if found == "linux/amd64, linux/arm64/v8"),
            "{error}"
        );
    }
    let single = fetched(&store, &amd64).await;
    let error = select_platform(&store, &single, &platform("linux/amd64")).await.expect_err("one image");
    assert!(matches!(error, TreeError::NotAnIndex { .. }), "{error}");

    let signing = SignOptions::new(Format::Legacy, REPOSITORY);
    sign_image(&store, &tag("v1"), &signer(), &signing, NOW).await.unwrap();
    assert!(verify_image(&store, &tag("v1"), &Trust::default(), &policy, NOW).await.is_ok());
}

// threat: E10
// Fails when a limit is off by one, or when a manifest that is listed twice is read twice.
#[tokio::test]
async fn the_manifests_below_an_index_are_bounded_and_read_once() {
    let inner = MemoryStore::new();
    let leaf = other("leaf");
    push(&inner, &by_digest(Digest::sha256(leaf.as_bytes())), &leaf).await;
    let mut levels = vec![leaf.clone()];
    for depth in 1..=5 {
        let below = levels.last().unwrap();
        let level = index(&[("amd64", below), ("arm64", below)]);
        push(&inner, &tag(&format!("depth-{depth}")), &level).await;
        levels.push(level);
    }
    for depth in 1..=5_usize {
        let store = Watched::new(inner.clone());
        let top = fetched(&inner, &tag(&format!("depth-{depth}"))).await;
        let found = walk_index(&store, &top, &Limits::DEFAULT).await;
        if depth <= Limits::DEFAULT.index_depth {
            assert_eq!(found.unwrap().len(), depth, "each index below, and the leaf");
            assert_eq!(store.calls().len(), depth);
        } else {
            let error = found.map(drop).expect_err("too deep");
            assert!(matches!(error, TreeError::TooLarge { what: "levels of index", limit: 4, .. }), "{error}");
        }
    }
    assert!(
        walk_index(&inner, &fetched(&inner, &by_digest(Digest::sha256(leaf.as_bytes()))).await, &Limits::DEFAULT)
            .await
            .unwrap()
            .is_empty()
    );

    let mut limits = Limits::DEFAULT;
    let children: Vec<String> = (0..4).map(|number| other(&number.to_string())).collect();
    for child in &children {
        push(&inner, &by_digest(Digest::sha256(child.as_bytes())), child).await;
    }
    let wide: Vec<(&str, &str)> = children.iter().map(|child| ("amd64", child.as_str())).collect();
    push(&inner, &tag("wide"), &index(&wide)).await;
    let wide = fetched(&inner, &tag("wide")).await;
    limits.index_children = 4;
    assert_eq!(walk_index(&inner, &wide, &limits).await.unwrap().len(), 4);
    limits.index_children = 3;
    let store = Watched::new(inner.clone());
    let error = walk_index(&store, &wide, &limits).await.map(drop).expect_err("too many");
    assert!(matches!(error, TreeError::TooLarge { what: "manifests", limit: 3, .. }), "{error}");
    assert!(store.calls().is_empty(), "nothing is read once it is known to be too much");
}

// threat: E10
#[tokio::test]
async fn missing_child_is_an_error_and_not_a_leaf() {
    let store = MemoryStore::new();
    push(&store, &tag("v1"), &index(&[("amd64", &other("nowhere"))])).await;
    let top = fetched(&store, &tag("v1")).await;
    let error = walk_index(&store, &top, &Limits::DEFAULT).await.map(drop).expect_err("missing");
    assert!(matches!(&error, TreeError::Absent { child, .. } if child.starts_with("linux/amd64 (sha256:")), "{error}");
    assert_eq!(error.code(), "not-found");
    let error = verify_blob_digests(&store, &top, &Limits::DEFAULT).await.expect_err("nothing is there");
    assert!(matches!(error, TreeError::Absent { .. }), "{error}");
    let error = select_platform(&store, &top, &"linux/amd64".parse().unwrap()).await.map(drop).expect_err("not there");
    assert!(matches!(error, TreeError::Absent { .. }), "{error}");
}

// Fails when an index with some of its images is refused, or when the missing ones are not named.
#[tokio::test]
async fn partial_index_is_compared_as_far_as_present() {
    let store = MemoryStore::new();
    let (here, gone) = (other("here"), other("gone"));
    store.push_blob(BlobSource::bytes(b"{}".into(), &Digest::sha256(b"{}"))).await.unwrap();
    push(&store, &by_digest(Digest::sha256(here.as_bytes())), &here).await;
    push(&store, &tag("v1"), &index(&[("amd64", &here), ("arm64", &gone)])).await;
    let top = fetched(&store, &tag("v1")).await;
    let absent = verify_blob_digests(&store, &top, &Limits::DEFAULT).await.unwrap();
    assert_eq!(absent.iter().map(|entry| entry.digest).collect::<Vec<_>>(), [Digest::sha256(gone.as_bytes())]);
}

// threat: R24
#[tokio::test]
async fn two_images_that_fit_a_platform_are_both_named() {
    let store = MemoryStore::new();
    let (first, second) = (other("first"), other("second"));
    for child in [&first, &second] {
        push(&store, &by_digest(Digest::sha256(child.as_bytes())), child).await;
    }
    let digest = |child: &str| Digest::sha256(child.as_bytes()).to_string();
    for (platforms, wanted, fits) in [
        (["amd64", "amd64"], "linux/amd64", 2),
        (["arm/v6", "arm/v7"], "linux/arm", 2),
        (["arm64", "arm64/v8"], "linux/arm64", 2),
        (["amd64/v2", "amd64"], "linux/amd64", 2),
        (["arm/v7", "arm/v7"], "linux/arm/v7", 2),
        (["arm/v6", "arm/v7"], "linux/arm/v7", 1),
        (["amd64", "arm64"], "linux/amd64", 1),
    ] {
        push(&store, &tag("v1"), &index(&[(platforms[0], &first), (platforms[1], &second)])).await;
        let top = fetched(&store, &tag("v1")).await;
        let found = select_platform(&store, &top, &wanted.parse().unwrap()).await;
        match fits {
            1 => assert!(found.is_ok(), "{platforms:?} {wanted}"),
            _ => {
                let error = found.map(drop).expect_err(wanted);
                assert_eq!(error.code(), "platform-ambiguous", "{platforms:?}");
                let text = error.to_string();
                assert!(text.contains(&digest(&first)) && text.contains(&digest(&second)), "{text}");
            }
        }
    }
    push(&store, &tag("v1"), &index(&[("amd64", &first), ("amd64", &first)])).await;
    let top = fetched(&store, &tag("v1")).await;
    assert!(
        select_platform(&store, &top, &"linux/amd64".parse().unwrap()).await.is_ok(),
        "the same image, listed twice"
    );
}

// threat: R27
#[tokio::test]
async fn layers_in_configuration_but_not_manifest_are_refused() {
    let store = MemoryStore::new();
    let layer = Descriptor::of("application/vnd.oci.image.layer.v1.tar", b"layer");
    for (config, layers, holds) in [
        (r#"{"rootfs":{"type":"layers","diff_ids":["sha256:1"]}}"#, 1, true),
        (r#"{"rootfs":{"type":"layers","diff_ids":["sha256:1"]}}"#, 0, false),
        (r#"{"rootfs":{"type":"layers","diff_ids":["sha256:1","sha256:2"]}}"#, 1, false),
        (r#"{"rootfs":{"type":"layers","diff_ids":[]}}"#, 1, false),
        (r#"{"rootfs":{"type":"layers"}}"#, 1, false),
        (r#"{"rootfs":{"type":"layers","diff_ids":null},"RootFS":{"diff_ids":[]}}"#, 0, false),
        (r#"{"rootfs":{"type":"layers","diff_ids":[]}}"#, 0, true),
        (r#"{"architecture":"amd64"}"#, 1, true),
    ] {
        store.push_blob(BlobSource::bytes(config.as_bytes().into(), &Digest::sha256(config.as_bytes()))).await.unwrap();
        for media_type in [media_type::OCI_CONFIG, media_type::DOCKER_CONFIG] {
            let document = serde_json::json!({"schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
                "config": Descriptor::of(media_type, config.as_bytes()), "layers": vec![&layer; layers]});
            push(&store, &tag("v1"), &document.to_string()).await;
            let image = fetched(&store, &tag("v1")).await;
            match verify_blob_digests(&store, &image, &Limits::DEFAULT).await {
                Ok(_) => assert!(holds, "{config}"),
                Err(error) => assert!(!holds && error.code() == "store-protocol", "{config}: {error}"),
            }
        }
    }
}

#[test]
fn the_tags_are_cosigns() {
    let hex = image().hex();
    assert_eq!(signature_tag(&image()).to_string(), format!("sha256-{hex}.sig"));
    assert_eq!(fallback_tag(&image()).to_string(), format!("sha256-{hex}"));
}

/// A store that answers one digest with the manifest of another image, as one written elsewhere might.
struct Lying(MemoryStore, Digest);

impl Store for Lying {
    fn name(&self) -> String {
        self.0.name()
    }

    async fn manifest(&self, target: &TagOrDigest) -> Result<FetchedManifest, StoreError> {
        let target = if *target == by_digest(self.1) { &by_digest(image()) } else { target };
        self.0.manifest(target).await
    }

    async fn read_blob(&self, descriptor: &Descriptor) -> Result<BlobStream<'_>, StoreError> {
        self.0.read_blob(descriptor).await
    }

    async fn referrers(&self, subject: &Digest) -> Result<Referrers, StoreError> {
        self.0.referrers(subject).await
    }
}

// threat: E01
// Fails when a store can make the image that was verified another one than the digest that was asked for.
#[tokio::test]
async fn store_cannot_answer_a_digest_with_another_image() {
    let store = MemoryStore::new();
    store.push_manifest(&tag("v1"), media_type::OCI_MANIFEST, IMAGE.as_bytes()).await.unwrap();
    sign(&store, &signer(), &SignOptions::new(Format::Bundle, "registry.example.com/app")).await.unwrap();
    let asked = Digest::sha256(b"another image");
    let store = Lying(store, asked);
    let trust = Trust::default();
    let verified = verify_image(&store, &by_digest(image()), &trust, &policy(&signer()), NOW).await.unwrap();
    assert_eq!(verified.image.digest(), image());
    let error = verify_image(&store, &by_digest(asked), &trust, &policy(&signer()), NOW).await.unwrap_err();
    assert_eq!(error.code(), "digest-mismatch");
    let given = store.manifest(&by_digest(asked)).await.unwrap();
    let renamed = FetchedManifest::new("here", &by_digest(asked), given.into_bytes(), None);
    assert_eq!(renamed.unwrap_err().code(), "digest-mismatch");
}
