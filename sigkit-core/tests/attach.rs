//! Finding signatures wherever they are, and attaching them without losing anybody's.
#![cfg(feature = "sign")]
#![allow(clippy::disallowed_methods, reason = "vectors are files")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use sigkit_core::attach::{
    AttachError, AttachmentLocation, BundleAttachment, LayerAttachment, WriteReceipt, discover, fallback_tag,
    signature_tag,
};
use sigkit_core::bundle::{BundleError, Evidence, Origin};
use sigkit_core::crypto::Signature;
use sigkit_core::digest::Digest;
use sigkit_core::key::SigningKey as _;
use sigkit_core::limits::Limits;
use sigkit_core::oci::{Descriptor, Manifest, Tag, TagOrDigest, media_type};
use sigkit_core::policy::{KeyAuthority, Policy, Purpose};
use sigkit_core::store::{
    BlobSource, BlobStream, MemoryStore, Store, StoreError, StoreWrite as _, TagWriter, WriteConsistency,
};
use support::cases::{IMAGE, image};
use support::keys::signer;
use support::simulation::Simulation;
use support::stores::{Call, Remote, Watched};
use support::vector::{NOW, load_one};

const PREDICATE: &str = "https://sigstore.dev/cosign/sign/v1";

fn image_descriptor() -> Descriptor {
    Descriptor::of(media_type::OCI_MANIFEST, IMAGE.as_bytes())
}

fn by_tag(tag: &Tag) -> TagOrDigest {
    TagOrDigest::Tag(tag.clone())
}

async fn put(store: &MemoryStore, target: &TagOrDigest, document: &Value) -> Descriptor {
    let bytes = document.to_string().into_bytes();
    let kind = document["mediaType"].as_str().unwrap_or(media_type::OCI_MANIFEST);
    store.push_manifest(target, kind, &bytes).await.unwrap();
    Descriptor::of(kind, &bytes)
}

async fn put_blob(store: &MemoryStore, kind: &str, bytes: &[u8]) -> Descriptor {
    store.push_blob(BlobSource::bytes(bytes.into(), &Digest::sha256(bytes))).await.unwrap();
    Descriptor::of(kind, bytes)
}

/// A manifest with these layers; `subject` makes it a referrer.
fn manifest(layers: &[Descriptor], subject: Option<&Descriptor>, artifact_type: &str) -> Value {
    let mut document = json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "artifactType": artifact_type,
        "config": Descriptor::of(media_type::OCI_EMPTY, b"{}"), "layers": layers,
    });
    if let Some(subject) = subject {
        document["subject"] = json!(subject);
    }
    document
}

fn index(entries: &[Descriptor]) -> Value {
    json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": entries})
}

/// Stores a manifest under its own digest.
async fn put_manifest(store: &MemoryStore, document: &Value) -> Descriptor {
    let digest = Digest::sha256(document.to_string().as_bytes());
    put(store, &TagOrDigest::Digest(digest), document).await
}

/// A layer with the signature of the vector `legacy`, padded to be a signature of its own.
async fn legacy_layer(store: &MemoryStore) -> Descriptor {
    let vector = load_one("legacy");
    put_blob(store, media_type::SIMPLE_SIGNING, vector.file("payload.json")).await;
    vector.layer()
}

async fn bundle_layer(store: &MemoryStore, vector: &str) -> Descriptor {
    put_blob(store, media_type::BUNDLE_V03, load_one(vector).file("bundle.json")).await
}

/// A policy for image signatures.
fn wanting() -> Policy {
    Policy::key(Purpose::Image, KeyAuthority::new("a key", signer().public_key().clone()))
}

async fn found<S: Store>(store: &S) -> Evidence {
    discover(store, &image(), &wanting(), &Limits::DEFAULT).await
}

/// Every place where something was found.
fn places(evidence: &Evidence) -> Vec<&Origin> {
    evidence.items.iter().flat_map(|item| item.origin.places()).collect()
}

fn codes(evidence: &Evidence) -> Vec<&'static str> {
    evidence.problems.iter().map(|problem| problem.code).collect()
}

fn unavailable() -> StoreError {
    StoreError::Unavailable { place: "GET /v2/".to_owned(), detail: "status 500".to_owned() }
}

fn not_found() -> StoreError {
    StoreError::NotFound { place: "GET /v2/".to_owned() }
}

// threat: H05
// threat: E14
// Fails when any one of the places is not read, or when one found ends the search.
#[tokio::test]
async fn all_places_and_formats_are_one_union() {
    let store = MemoryStore::new();
    let subject = image_descriptor();
    let legacy = legacy_layer(&store).await;
    let bundle = bundle_layer(&store, "bundle").await;
    let other = bundle_layer(&store, "bundle-without-hint").await;
    // Each in its own place: the referrers list, a `.sig`-shaped referrer, the fallback tag alone, the `.sig` tag.
    let listed = put_manifest(&store, &manifest(&[bundle], Some(&subject), media_type::BUNDLE_V03)).await;
    let shaped = manifest(std::slice::from_ref(&legacy), Some(&subject), media_type::COSIGN_SIGNATURE_CONFIG);
    let shaped = put_manifest(&store, &shaped).await;
    put(&store, &by_tag(&signature_tag(&image())), &manifest(&[legacy], None, "")).await;

    let fallback = MemoryStore::new();
    bundle_layer(&fallback, "bundle-without-hint").await;
    let unlisted = manifest(&[other], Some(&subject), media_type::BUNDLE_V03);
    let unlisted = put_manifest(&store.clone().without_referrers(), &unlisted).await;
    put(&store, &by_tag(&fallback_tag(&image())), &index(std::slice::from_ref(&unlisted))).await;

    for store in [store.clone(), store.without_referrers()] {
        let evidence = found(&store).await;
        assert_eq!(codes(&evidence), [""; 0]);
        assert!(evidence.items.iter().all(|item| item.entity.is_ok()), "{evidence:?}");
        let origins: BTreeSet<String> = places(&evidence).into_iter().map(ToString::to_string).collect();
        let listed_too = !matches!(store.referrers(&image()).await, Ok(sigkit_core::store::Referrers::Unsupported));
        let mut expected =
            vec![format!("tag {}, layer 0", signature_tag(&image())), format!("referrer {}", unlisted.digest)];
        if listed_too {
            expected.extend([format!("referrer {}", listed.digest), format!("referrer {}", shaped.digest)]);
        }
        assert_eq!(origins, expected.into_iter().collect());
    }
}

// threat: E15
// Fails when lists are filtered by the type that they claim for an entry.
#[tokio::test]
async fn what_a_list_says_about_an_entry_decides_nothing() {
    for claimed in [None, Some(media_type::OCI_EMPTY), Some("application/spdx+json"), Some(media_type::BUNDLE_V03)] {
        let store = MemoryStore::new().without_referrers();
        let bundle = bundle_layer(&store, "bundle").await;
        let document = manifest(&[bundle], Some(&image_descriptor()), "application/x-anything");
        let mut entry = put_manifest(&store, &document).await;
        entry.artifact_type = claimed.map(str::to_owned);
        entry.size = 1;
        put(&store, &by_tag(&fallback_tag(&image())), &index(&[entry])).await;
        assert_eq!(found(&store).await.items.len(), 1, "{claimed:?}");
    }
}

// Fails when something other than a signature becomes evidence.
#[tokio::test]
async fn referrers_of_other_kinds_are_nobodys_business() {
    let store = MemoryStore::new();
    let subject = image_descriptor();
    let sbom = put_blob(&store, "application/spdx+json", b"{}").await;
    // It claims to be a bundle, and holds none.
    put_manifest(&store, &manifest(&[sbom], Some(&subject), media_type::BUNDLE_V03)).await;
    put_manifest(&store, &manifest(&[], Some(&subject), "application/x-empty")).await;
    let mut nested = index(&[]);
    nested["subject"] = json!(subject);
    put_manifest(&store, &nested).await;
    // A copy tool may put an image under the fallback tag.
    put(&store, &by_tag(&fallback_tag(&image())), &manifest(&[], None, "")).await;
    let evidence = found(&store).await;
    assert!(evidence.items.is_empty() && evidence.problems.is_empty(), "{evidence:?}");
}

// threat: E04
// Fails when the subject of a referrer is not compared with the image.
#[tokio::test]
async fn a_referrer_of_another_image_is_found_and_refused() {
    let store = MemoryStore::new();
    let bundle = bundle_layer(&store, "bundle").await;
    let elsewhere = Descriptor::of(media_type::OCI_MANIFEST, b"another image");
    let theirs = put_manifest(&store, &manifest(std::slice::from_ref(&bundle), Some(&elsewhere), "")).await;
    let nobodys = put_manifest(&store, &manifest(&[bundle], None, "")).await;
    put(&store, &by_tag(&fallback_tag(&image())), &index(&[theirs, nobodys])).await;
    let evidence = found(&store).await;
    assert_eq!(evidence.items.len(), 2);
    for item in &evidence.items {
        let error = item.entity.as_ref().expect_err("another subject");
        assert!(matches!(error, BundleError::Member { member: "subject", .. }), "{error}");
    }
    assert!(load_one("bundle").judge().is_ok(), "the bundle itself is good");
}

// threat: M16
// Fails when lists are not merged by digest, or blobs not fetched by digest.
#[tokio::test]
async fn nothing_is_fetched_twice() {
    let store = MemoryStore::new();
    let bundle = bundle_layer(&store, "bundle").await;
    let document = manifest(std::slice::from_ref(&bundle), Some(&image_descriptor()), "");
    let entry = put_manifest(&store, &document).await;
    put(&store, &by_tag(&fallback_tag(&image())), &index(&[entry.clone(), entry.clone()])).await;
    let legacy = legacy_layer(&store).await;
    let layers = vec![legacy.clone(); 1000];
    put(&store, &by_tag(&signature_tag(&image())), &manifest(&layers, None, "")).await;
    let store = Watched::new(store).listing(vec![entry.clone()]);

    let mut limits = Limits::DEFAULT;
    limits.attachments = 1001;
    let evidence = discover(&store, &image(), &wanting(), &limits).await;
    // Equal ones are one, with all its places.
    assert_eq!((evidence.items.len(), places(&evidence).len(), evidence.problems.len()), (2, 1001, 0));
    assert_eq!(store.count(&Call::Manifest(TagOrDigest::Digest(entry.digest))), 1);
    assert_eq!(store.count(&Call::Blob(bundle.digest)), 1);
    assert_eq!(store.count(&Call::Blob(legacy.digest)), 1);
    assert_eq!(store.calls().len(), 6, "{:?}", store.calls());
}

// threat: M16
// Fails when the limit is off by one, or is kept for each place by itself.
#[tokio::test]
async fn signatures_are_bounded_over_all_places() {
    let with = |layers: usize, referrers: usize| async move {
        let store = MemoryStore::new();
        let legacy = legacy_layer(&store).await;
        let document = manifest(&vec![legacy.clone(); layers], None, "");
        put(&store, &by_tag(&signature_tag(&image())), &document).await;
        for number in 0..referrers {
            let document = manifest(std::slice::from_ref(&legacy), Some(&image_descriptor()), &format!("x/{number}"));
            put_manifest(&store, &document).await;
        }
        let evidence = found(&store).await;
        (places(&evidence).len(), codes(&evidence))
    };
    assert_eq!(with(1000, 0).await, (1000, vec![]));
    assert_eq!(with(1001, 0).await, (1000, vec!["too-large"]), "a limit hides nothing that is within it");
    assert_eq!(with(997, 3).await, (1000, vec![]));
    assert_eq!(with(998, 3).await, (1000, vec!["too-large"]));
    assert_eq!(with(0, 1000).await, (1000, vec![]));
    assert_eq!(with(0, 1001).await, (1000, vec!["too-large"]));
}

// threat: F15
// Fails when sizes are added without looking where they end.
#[tokio::test]
async fn sizes_that_no_number_holds_are_too_large() {
    let store = MemoryStore::new();
    let legacy = legacy_layer(&store).await;
    for sizes in [[u64::MAX, u64::MAX], [u64::MAX, 1], [1 << 63, 1 << 63]] {
        let layers = sizes.map(|size| Descriptor { size, ..legacy.clone() });
        put(&store, &by_tag(&signature_tag(&image())), &manifest(&layers, None, "")).await;
        let mut limits = Limits::DEFAULT;
        limits.signature_bytes = u64::MAX;
        let evidence = discover(&store, &image(), &wanting(), &limits).await;
        assert_eq!(evidence.items.len(), 0);
        assert_eq!(codes(&evidence)[0], "too-large");
    }
}

// threat: D07
// Fails when referrers other than signatures are read without end.
#[tokio::test]
async fn referrers_of_any_kind_are_bounded() {
    let inner = MemoryStore::new();
    for number in 0..4 {
        put_manifest(&inner, &manifest(&[], Some(&image_descriptor()), &format!("x/{number}"))).await;
    }
    let mut limits = Limits::DEFAULT;
    for (limit, expected) in [(4, &[][..]), (3, &["too-large"])] {
        limits.attachments = limit;
        let store = Watched::new(inner.clone());
        let evidence = discover(&store, &image(), &wanting(), &limits).await;
        assert_eq!(codes(&evidence), expected);
        let read = |call: &&Call| matches!(call, Call::Manifest(TagOrDigest::Digest(_)));
        assert_eq!(store.calls().iter().filter(read).count(), limit);
    }
}

// threat: M16
// Fails when bytes are not summed, are summed for each place by itself, or are read before they are compared with the limit.
#[tokio::test]
async fn bytes_are_bounded_over_all_places() {
    let inner = MemoryStore::new();
    let mut total = 0;
    for vector in ["bundle", "bundle-without-hint", "bundle-v0.1"] {
        let bundle = bundle_layer(&inner, vector).await;
        total += bundle.size;
        let mut document = manifest(&[bundle], Some(&image_descriptor()), "");
        document["annotations"] = json!({media_type::ANNOTATION_PREDICATE_TYPE: PREDICATE});
        put_manifest(&inner, &document).await;
    }
    let legacy = legacy_layer(&inner).await;
    // What is kept of its annotations counts as well.
    total += legacy.size + legacy.annotations.values().map(|value| value.len() as u64).sum::<u64>();
    put(&inner, &by_tag(&signature_tag(&image())), &manifest(&[legacy.clone(), legacy], None, "")).await;
    for (missing, items, problems) in [(0, 4, 0), (1, 3, 1), (total, 0, 4)] {
        let store = Watched::new(inner.clone());
        let mut limits = Limits::DEFAULT;
        limits.signatures_total_bytes = total - missing;
        let evidence = discover(&store, &image(), &wanting(), &limits).await;
        assert_eq!(codes(&evidence), vec!["too-large"; problems]);
        assert!(evidence.items.len() >= items.min(3) && (missing > 0 || evidence.items.len() == items));
        let blobs = store.calls().iter().filter(|call| matches!(call, Call::Blob(_))).count();
        assert_eq!(blobs, 4 - problems);
    }
    let mut limits = Limits::DEFAULT;
    limits.signature_bytes = 10;
    let store = Watched::new(inner.clone());
    let evidence = discover(&store, &image(), &wanting(), &limits).await;
    assert_eq!((evidence.items.len(), codes(&evidence)), (0, vec!["too-large"; 5]));
    assert!(!store.calls().iter().any(|call| matches!(call, Call::Blob(_))));
}

// threat: M16
// Fails when bundles without annotations are not counted with the rest.
#[tokio::test]
async fn bytes_without_a_descriptor_are_bounded_as_well() {
    let store = MemoryStore::new();
    let mut total = 0;
    for vector in ["bundle", "bundle-without-hint", "bundle-v0.1"] {
        let bundle = bundle_layer(&store, vector).await;
        total += bundle.size;
        put_manifest(&store, &manifest(&[bundle], Some(&image_descriptor()), "")).await;
    }
    let mut limits = Limits::DEFAULT;
    for (missing, problems) in [(0, 0), (1, 1), (total, 3)] {
        limits.signatures_total_bytes = total - missing;
        let evidence = discover(&store, &image(), &wanting(), &limits).await;
        assert_eq!((evidence.items.len(), codes(&evidence)), (3 - problems, vec!["too-large"; problems]));
    }
}

// threat: E11
// Fails when one description of a blob is used for all layers that name it.
#[tokio::test]
async fn a_layer_that_lies_about_its_size_hides_no_other() {
    for lie_first in [false, true] {
        let store = MemoryStore::new();
        let honest = legacy_layer(&store).await;
        let mut lie = honest.clone();
        lie.size += 1;
        let layers = if lie_first { [lie, honest] } else { [honest, lie] };
        put(&store, &by_tag(&signature_tag(&image())), &manifest(&layers, None, "")).await;
        let evidence = found(&store).await;
        assert_eq!((evidence.items.len(), codes(&evidence)), (1, vec!["size-mismatch"]));
        assert!(evidence.items[0].entity.is_ok());
    }
}

/// A store with one signature of each format.
async fn both_formats() -> MemoryStore {
    let store = MemoryStore::new();
    let bundle = bundle_layer(&store, "bundle").await;
    put_manifest(&store, &manifest(&[bundle], Some(&image_descriptor()), "")).await;
    let legacy = legacy_layer(&store).await;
    put(&store, &by_tag(&signature_tag(&image())), &manifest(&[legacy], None, "")).await;
    put(&store, &by_tag(&fallback_tag(&image())), &index(&[])).await;
    store
}

// threat: M6
// threat: N05
// Fails when any error is taken for absence, or when absence of something that is listed is taken for nothing.
#[tokio::test]
async fn only_the_place_itself_may_say_that_nothing_is_there() {
    let inner = both_formats().await;
    let whole = Watched::new(inner.clone());
    assert_eq!(found(&whole).await.items.len(), 2);
    let calls = whole.calls();
    assert_eq!(calls.len(), 6, "{calls:?}");
    let errors: [fn() -> StoreError; 7] = [
        unavailable,
        || StoreError::Denied { place: String::new(), detail: "status 403".to_owned() },
        || StoreError::Protocol { place: String::new(), detail: "an empty answer".to_owned() },
        || StoreError::TooLarge { place: String::new(), limit: "4 MiB".to_owned() },
        || StoreError::DigestMismatch { place: String::new(), expected: image(), found: Digest::sha256(b"") },
        || StoreError::SizeMismatch { place: String::new(), expected: 1, found: 2 },
        || StoreError::Io { place: String::new(), detail: "EIO".to_owned() },
    ];
    for (number, call) in calls.iter().enumerate() {
        for error in errors {
            let store = Watched::new(inner.clone()).failing(move |n, _| (n == number).then(error));
            let evidence = found(&store).await;
            assert_eq!(codes(&evidence), [error().code()], "{call:?}");
            assert!(evidence.items.len() <= 2);
        }
        let store = Watched::new(inner.clone()).failing(move |n, _| (n == number).then(not_found));
        let evidence = found(&store).await;
        // A tag may be missing. A list that answers must not be, and neither must what something points to.
        let expected: &[&str] = if matches!(call, Call::Manifest(TagOrDigest::Tag(_))) { &[] } else { &["not-found"] };
        assert_eq!(codes(&evidence), expected, "{call:?}");
    }
}

// Fails when a manifest that cannot be judged is taken for absence.
#[tokio::test]
async fn an_index_under_the_signature_tag_is_seen() {
    let store = MemoryStore::new();
    put(&store, &by_tag(&signature_tag(&image())), &index(&[])).await;
    let evidence = found(&store).await;
    let error = evidence.items[0].entity.as_ref().expect_err("no signature");
    assert!(matches!(error, BundleError::Member { document: "signature manifest", .. }), "{error}");
}

// threat: R28
// Fails when a place makes signatures of what lies there, or when anything else is fetched or leaves a doubt.
#[tokio::test]
async fn layers_of_no_signature_under_the_tag_are_named_and_left() {
    let store = MemoryStore::new();
    let layer =
        |size| Descriptor::new("application/vnd.oci.image.layer.v1.tar+gzip", size, Digest::sha256(b"not there"));
    let good = legacy_layer(&store).await;
    let tag = by_tag(&signature_tag(&image()));
    for (layers, signatures) in [(vec![layer(50 << 20), layer(3)], 0), (vec![layer(3), good.clone()], 1)] {
        put(&store, &tag, &manifest(&layers, None, "")).await;
        let watched = Watched::new(store.clone());
        let evidence = found(&watched).await;
        assert_eq!((codes(&evidence), evidence.count()), (vec![], signatures));
        let error = evidence.items[0].entity.as_ref().expect_err("no signature");
        assert!(matches!(error, BundleError::NotASignature { .. }), "{error}");
        assert!(error.to_string().contains("image.layer.v1.tar+gzip"), "{error}");
        assert_eq!(watched.count(&Call::Blob(Digest::sha256(b"not there"))), 0);
    }
    // By its annotation, whatever its type.
    let untyped = Descriptor { media_type: "application/octet-stream".to_owned(), ..good };
    put(&store, &tag, &manifest(&[untyped], None, "")).await;
    assert!(found(&store).await.items[0].entity.is_ok());
}

// threat: R29
// Fails when an index of something else is read as a list of referrers.
#[tokio::test]
async fn index_of_something_else_under_fallback_tag_is_not_a_list() {
    let store = MemoryStore::new().without_referrers();
    let absent = |number: u32| Descriptor::new(media_type::OCI_MANIFEST, 7, Digest::sha256(&number.to_be_bytes()));
    // A registry shows an index under the tag of its own digest.
    let own = index(&[absent(0), absent(1)]);
    let digest = Digest::sha256(own.to_string().as_bytes());
    put(&store, &by_tag(&fallback_tag(&digest)), &own).await;
    let watched = Watched::new(store.clone());
    let evidence = discover(&watched, &digest, &wanting(), &Limits::DEFAULT).await;
    assert_eq!((evidence.items.len(), codes(&evidence)), (0, vec![]));
    assert_eq!(watched.calls().len(), 3);
    // More than a list may have, and none of it about the image.
    let many: Vec<Descriptor> = (0..1001).map(absent).collect();
    put(&store, &by_tag(&fallback_tag(&image())), &index(&many)).await;
    let evidence = found(&store).await;
    assert_eq!((evidence.count(), codes(&evidence)), (0, vec![]));
    assert!(matches!(evidence.items[0].entity, Err(BundleError::NotASignature { .. })), "{evidence:?}");
    // With one that is, it is a list, and too long.
    let bundle = bundle_layer(&store, "bundle").await;
    let entry = put_manifest(&store, &manifest(&[bundle], Some(&image_descriptor()), "")).await;
    put(&store, &by_tag(&fallback_tag(&image())), &index(&[vec![entry], many].concat())).await;
    let evidence = found(&store).await;
    assert_eq!(evidence.count(), 1);
    assert!(codes(&evidence).contains(&"too-large") && codes(&evidence).contains(&"not-found"));
}

// threat: R22 R28
// Fails when a referrer that cannot hold a signature leaves a doubt, or when one that may does not.
#[tokio::test]
async fn retired_and_dead_referrers_are_reported_by_name() {
    struct Retired(MemoryStore, Digest);
    impl Store for Retired {
        fn name(&self) -> String {
            self.0.name()
        }
        async fn manifest(&self, target: &TagOrDigest) -> Result<sigkit_core::store::FetchedManifest, StoreError> {
            if *target == TagOrDigest::Digest(self.1) {
                let document = format!(r#"{{"mediaType":"{}","blobs":[]}}"#, media_type::RETIRED[0]);
                let error = Manifest::parse(document.as_bytes(), None).unwrap_err();
                return Err(StoreError::Manifest { place: "here".to_owned(), error });
            }
            self.0.manifest(target).await
        }
        async fn read_blob(&self, descriptor: &Descriptor) -> Result<BlobStream<'_>, StoreError> {
            self.0.read_blob(descriptor).await
        }
        async fn referrers(&self, subject: &Digest) -> Result<sigkit_core::store::Referrers, StoreError> {
            self.0.referrers(subject).await
        }
    }
    let store = MemoryStore::new().without_referrers();
    let entry = |kind: Option<&str>, name: &[u8]| {
        let mut entry = Descriptor::new(media_type::OCI_MANIFEST, 7, Digest::sha256(name));
        entry.artifact_type = kind.map(str::to_owned);
        entry
    };
    let retired = entry(None, b"retired");
    let dead = |kind| entry(kind, b"dead");
    for (kind, expected) in [
        (Some("application/spdx+json"), &[][..]),
        (Some(media_type::BUNDLE_V03), &["not-found"]),
        (Some(media_type::COSIGN_SIGNATURE_CONFIG), &["not-found"]),
        (None, &["not-found"]),
    ] {
        put(&store, &by_tag(&fallback_tag(&image())), &index(&[retired.clone(), dead(kind)])).await;
        let evidence = found(&Retired(store.clone(), retired.digest)).await;
        assert_eq!((evidence.count(), codes(&evidence)), (0, expected.to_vec()), "{kind:?}");
        let told: Vec<String> =
            evidence.items.iter().map(|item| item.entity.as_ref().unwrap_err().to_string()).collect();
        assert!(told[0].contains("retired type application/vnd.oci.artifact.manifest.v1+json"), "{told:?}");
        assert_eq!(told.len(), 2 - expected.len());
    }
}

/// A store of which some calls never end.
struct Silent<F>(MemoryStore, F);

impl<F: Fn(&Call) -> bool + Sync> Silent<F> {
    async fn perhaps(&self, call: Call) {
        if (self.1)(&call) {
            std::future::pending::<()>().await;
        }
    }
}

impl<F: Fn(&Call) -> bool + Sync> Store for Silent<F> {
    fn name(&self) -> String {
        self.0.name()
    }
    async fn manifest(&self, target: &TagOrDigest) -> Result<sigkit_core::store::FetchedManifest, StoreError> {
        self.perhaps(Call::Manifest(target.clone())).await;
        self.0.manifest(target).await
    }
    async fn read_blob(&self, descriptor: &Descriptor) -> Result<BlobStream<'_>, StoreError> {
        self.perhaps(Call::Blob(descriptor.digest)).await;
        self.0.read_blob(descriptor).await
    }
    async fn referrers(&self, subject: &Digest) -> Result<sigkit_core::store::Referrers, StoreError> {
        self.perhaps(Call::Referrers(*subject)).await;
        self.0.referrers(subject).await
    }
}

// threat: R33
// Fails when one place that never answers takes anything from the others.
#[tokio::test]
async fn one_silent_place_hides_no_other() {
    let inner = both_formats().await;
    let whole = Watched::new(inner.clone());
    found(&whole).await;
    let calls = whole.calls();
    assert_eq!(calls.len(), 6);
    for silent in calls {
        let store = Silent(inner.clone(), |call: &Call| *call == silent);
        let until = tokio::time::sleep(Duration::from_millis(50));
        let evidence = sigkit_core::attach::discover_until(&store, &image(), &wanting(), &Limits::DEFAULT, until).await;
        let expected = if matches!(&silent, Call::Manifest(TagOrDigest::Tag(tag)) if *tag == fallback_tag(&image())) {
            2
        } else {
            1
        };
        assert_eq!((evidence.items.len(), codes(&evidence)), (expected, vec!["timed-out"]), "{silent:?}");
        assert!(evidence.items.iter().all(|item| item.entity.is_ok()));
    }
    // What is listed beside the silent one, and was not read when time was up, is told in one sentence.
    for number in 0..50 {
        let document = manifest(&[], Some(&image_descriptor()), &format!("x/{number}"));
        put_manifest(&inner, &document).await;
    }
    let store = Silent(inner.clone(), |call: &Call| matches!(call, Call::Manifest(TagOrDigest::Digest(_))));
    let until = tokio::time::sleep(Duration::from_millis(50));
    let evidence = sigkit_core::attach::discover_until(&store, &image(), &wanting(), &Limits::DEFAULT, until).await;
    assert_eq!((evidence.items.len(), codes(&evidence).len()), (1, 9));
    assert!(evidence.problems.iter().any(|problem| problem.target == "43 of 51 referrers"), "{evidence:?}");
}

// threat: R32
// Fails when more is kept of a layer than makes up its signature.
#[tokio::test]
async fn only_what_makes_up_a_signature_is_kept_of_a_layer() {
    let store = MemoryStore::new();
    let mut layer = legacy_layer(&store).await;
    layer.annotations.insert("remark".to_owned(), "x".repeat(300_000));
    layer.platform = Some("linux/amd64".parse().unwrap());
    let mut wide = layer.clone();
    wide.annotations.insert(media_type::ANNOTATION_CERTIFICATE.to_owned(), "x".repeat(300_000));
    put(&store, &by_tag(&signature_tag(&image())), &manifest(&[layer.clone(), wide], None, "")).await;
    let found = sigkit_core::attach::fetch_attachments(
        &store,
        &image(),
        sigkit_core::attach::AttachmentKind::Signatures,
        &Limits::DEFAULT,
    )
    .await;
    let [good, wide] = &*found.items else { panic!("{:?}", found.items.len()) };
    assert!(good.blob.is_ok() && good.layer.platform.is_none());
    assert!(good.layer.annotations.keys().all(|name| name == media_type::ANNOTATION_SIGNATURE), "{:?}", good.layer);
    assert!(matches!(wide.blob, Err(BundleError::Member { member: "annotations", .. })));
}

/// A signature of its own for each writer; these are not verified.
fn signature(writer: usize) -> Signature {
    Signature::from_bytes(format!("signature {writer}").into_bytes())
}

async fn attach_layer<S: TagWriter>(store: &S, writer: usize) -> Result<WriteReceipt, AttachError> {
    let signature = signature(writer);
    let annotations = &BTreeMap::new();
    LayerAttachment { image: &image(), payload: b"{}", signature: &signature, annotations, created: None }
        .attach(store)
        .await
}

async fn attach_bundle<S: TagWriter>(store: &S, writer: usize) -> Result<WriteReceipt, AttachError> {
    let bundle = format!("bundle {writer}");
    let image = image_descriptor();
    BundleAttachment { image: &image, bundle: bundle.as_bytes().into(), predicate_type: PREDICATE, created: NOW }
        .attach(store)
        .await
}

/// The entries of the document under a tag, by what makes them different.
async fn entries<S: Store>(store: &S, tag: &Tag) -> Vec<String> {
    match store.manifest(&by_tag(tag)).await.unwrap().manifest() {
        Manifest::Image(image) => {
            image.layers.iter().map(|layer| layer.annotations[media_type::ANNOTATION_SIGNATURE].clone()).collect()
        }
        Manifest::Index(index) => index.manifests.iter().map(|entry| entry.digest.to_string()).collect(),
    }
}

#[tokio::test]
async fn an_attached_signature_is_where_the_receipt_says() {
    let store = MemoryStore::new().with_name("registry.example/app");
    let receipt = attach_layer(&store, 1).await.unwrap();
    assert_eq!(receipt.place, AttachmentLocation::SignatureTag(signature_tag(&image())));
    assert_eq!(receipt.to_string(), format!("registry.example/app:{}", signature_tag(&image())));
    let fetched = store.manifest(&by_tag(&signature_tag(&image()))).await.unwrap();
    assert_eq!(receipt.manifest, fetched.digest());

    let receipt = attach_bundle(&store, 1).await.unwrap();
    assert_eq!(receipt.place, AttachmentLocation::Referrers);
    assert!(store.manifest(&TagOrDigest::Digest(receipt.manifest)).await.is_ok());
    assert!(store.tagged().iter().all(|(tag, _)| *tag != fallback_tag(&image())), "a list that is kept needs no tag");

    let old = store.without_referrers();
    let receipt = attach_bundle(&old, 2).await.unwrap();
    assert_eq!(receipt.place, AttachmentLocation::FallbackTag(fallback_tag(&image())));
    assert_eq!(entries(&old, &fallback_tag(&image())).await, [receipt.manifest.to_string()]);
    let Manifest::Index(index) = old.manifest(&by_tag(&fallback_tag(&image()))).await.unwrap().into_manifest() else {
        panic!("an index")
    };
    assert_eq!(index.manifests[0].artifact_type.as_deref(), Some(media_type::BUNDLE_V03));
    assert_eq!(index.manifests[0].annotations[media_type::ANNOTATION_PREDICATE_TYPE], PREDICATE);
}

// threat: H06
// Fails when an entry that is there already is added again.
#[tokio::test]
async fn attaching_the_same_again_changes_nothing() {
    let store = MemoryStore::new().without_referrers();
    for _ in 0..3 {
        attach_layer(&store, 1).await.unwrap();
        attach_bundle(&store, 1).await.unwrap();
    }
    assert_eq!(entries(&store, &signature_tag(&image())).await.len(), 1);
    assert_eq!(entries(&store, &fallback_tag(&image())).await.len(), 1);
}

// Fails when what a tag holds is overwritten unseen.
#[tokio::test]
async fn tag_that_holds_something_else_is_not_changed() {
    let store = MemoryStore::new().without_referrers();
    put(&store, &by_tag(&signature_tag(&image())), &index(&[])).await;
    put(&store, &by_tag(&fallback_tag(&image())), &manifest(&[], None, "")).await;
    let before = store.tagged();
    for (error, belongs) in [
        (attach_layer(&store, 1).await.expect_err("an index"), "expected a manifest of signatures, found"),
        (attach_bundle(&store, 1).await.expect_err("an image"), "expected an index of referrers, found"),
    ] {
        assert!(matches!(&error, AttachError::Occupied { .. }) && error.to_string().contains(belongs), "{error}");
        assert_eq!(error.code(), "tag-occupied");
    }
    assert_eq!(store.tagged(), before);
}

// Fails when a merge keeps only what it understands.
#[tokio::test]
async fn entries_and_members_of_others_stay_as_they_are() {
    let store = MemoryStore::new().without_referrers();
    let theirs = json!({"mediaType": "application/x-theirs", "size": 2, "digest": Digest::sha256(b"{}"), "urls": ["x:"], "data": "e30=", "annotations": {"dev.cosignproject.cosign/signature": "theirs"}});
    let mut document = manifest(&[], None, "");
    document["layers"] = json!([theirs]);
    document["x-theirs"] = json!({"kept": true});
    put(&store, &by_tag(&signature_tag(&image())), &document).await;
    attach_layer(&store, 1).await.unwrap();
    let fetched = store.manifest(&by_tag(&signature_tag(&image()))).await.unwrap();
    let written: Value = serde_json::from_slice(fetched.bytes()).unwrap();
    assert_eq!(written["layers"][0], theirs);
    assert_eq!(written["layers"].as_array().unwrap().len(), 2);
    assert_eq!(written["x-theirs"], json!({"kept": true}));
}

/// Runs writers at once and gives what each said; then looks at what is there.
fn race(
    seed: u64,
    writers: usize,
    atomicity: WriteConsistency,
    latency: u64,
) -> (Vec<Result<WriteReceipt, AttachError>>, Vec<String>) {
    let inner = MemoryStore::new().without_referrers();
    let simulation = Simulation::new(seed);
    let remotes: Vec<Remote> = (0..writers)
        .map(|_| Remote { inner: inner.clone(), simulation: simulation.clone(), atomicity, latency })
        .collect();
    let tasks = remotes.iter().enumerate().map(
        |(writer, remote)| -> Pin<Box<dyn Future<Output = Result<WriteReceipt, AttachError>> + '_>> {
            let simulation = simulation.clone();
            Box::pin(async move {
                simulation.sleep(simulation.below(20)).await;
                if writer % 2 == 0 { attach_layer(remote, writer).await } else { attach_bundle(remote, writer).await }
            })
        },
    );
    let results = simulation.run(tasks.collect());
    let kept = simulation.run(vec![Box::pin(async {
        let mut kept = Vec::new();
        for tag in [signature_tag(&image()), fallback_tag(&image())] {
            if inner.manifest(&by_tag(&tag)).await.is_ok() {
                kept.extend(entries(&inner, &tag).await);
            }
        }
        kept
    })]);
    (results, kept.into_iter().flatten().collect())
}

fn assert_nothing_lost(seed: u64, results: &[Result<WriteReceipt, AttachError>], kept: &[String]) {
    for (writer, result) in results.iter().enumerate() {
        let Ok(receipt) = result else { continue };
        let entry = match receipt.place {
            AttachmentLocation::SignatureTag(_) => signature(writer).to_base64(),
            _ => receipt.manifest.to_string(),
        };
        let count = kept.iter().filter(|kept| **kept == entry).count();
        assert_eq!(count, 1, "seed {seed}: writer {writer} was told that all is well");
    }
}

// threat: M7
// threat: H01
// Fails without the second look of `WriteConsistency::Eventual`, or without waiting before it.
const SETTLE: std::time::Duration = std::time::Duration::from_millis(4);

#[test]
fn no_writer_loses_a_signature_where_writes_are_blind() {
    let mut said_ok = 0;
    let mut total = 0;
    for seed in 0..60 {
        for (writers, latency) in [(2, 3), (4, 3), (9, 1)] {
            let (results, kept) = race(seed, writers, WriteConsistency::Eventual { visibility_delay: SETTLE }, latency);
            assert_nothing_lost(seed, &results, &kept);
            said_ok += results.iter().filter(|result| result.is_ok()).count();
            total += writers;
        }
    }
    assert!(said_ok * 100 >= total * 99, "only {said_ok} of {total} writers got through");
}

// threat: M7
// threat: H02
// Fails when a conflict is taken for success, or ends the attempt.
#[test]
fn no_writer_loses_a_signature_where_writes_are_conditional() {
    for seed in 0..60 {
        for writers in [2, 5, 10] {
            let (results, kept) = race(seed, writers, WriteConsistency::Exact, 5);
            assert_nothing_lost(seed, &results, &kept);
            let errors: Vec<_> = results.iter().filter_map(|result| result.as_ref().err()).collect();
            assert!(errors.is_empty(), "seed {seed}: {errors:?}");
            assert_eq!(kept.len(), writers);
        }
    }
}

/// Rewrites the document under `tag` without the entries for which `drop` holds.
fn remove(store: &MemoryStore, tag: &Tag, drop: impl Fn(&Value) -> bool) {
    use futures_util::FutureExt as _;
    let Some(Ok(fetched)) = store.manifest(&by_tag(tag)).now_or_never() else { return };
    let mut document: Value = serde_json::from_slice(fetched.bytes()).unwrap();
    for list in ["layers", "manifests"] {
        if let Some(Value::Array(entries)) = document.get_mut(list) {
            entries.retain(|entry| !drop(entry));
        }
    }
    put(store, &by_tag(tag), &document).now_or_never().unwrap();
}

/// A store in which a stranger removes entries behind each of the first `times` writes to a tag.
fn sabotaged(
    inner: MemoryStore,
    times: usize,
    drop: impl Fn(&Value) -> bool + Send + Sync + Copy + 'static,
) -> Watched {
    let left = AtomicUsize::new(times);
    Watched::new(inner).meddling(move |store, call| {
        let Call::PushManifest(TagOrDigest::Tag(tag)) = call else { return };
        if left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
            remove(store, tag, drop);
        }
    })
}

// threat: M8
// threat: H01
// Fails without reading back what was written.
#[tokio::test]
async fn an_entry_removed_behind_the_writer_is_put_back_or_reported() {
    let last =
        |entry: &Value| entry.to_string().contains(&signature(2).to_base64()) || entry.get("annotations").is_none();
    for best_effort in [false, true] {
        let build = |times| {
            let store = sabotaged(MemoryStore::new().without_referrers(), times, last);
            if best_effort { store.best_effort() } else { store }
        };
        let store = build(3);
        attach_layer(&store, 2).await.unwrap();
        assert_eq!(entries(&store, &signature_tag(&image())).await, [signature(2).to_base64()]);

        let error = attach_layer(&build(usize::MAX), 2).await.expect_err("it never stays");
        assert_eq!(error.code(), "not-confirmed");
        assert!(matches!(error, AttachError::NotConfirmed { attempts: 40, .. }), "{error}");
    }
    let all = |_: &Value| true;
    let error = attach_bundle(&sabotaged(MemoryStore::new().without_referrers(), usize::MAX, all), 1).await;
    assert_eq!(error.expect_err("it never stays").code(), "not-confirmed");
}

// threat: M8
// threat: H06
// Fails when only the writer's own entry is looked for.
#[tokio::test]
async fn removed_entries_of_others_are_restored_or_reported() {
    let drop = |entry: &Value| entry.to_string().contains(&signature(1).to_base64());
    for (times, outcome) in [(2, Ok(3)), (usize::MAX, Err("entries-lost"))] {
        let inner = MemoryStore::new().without_referrers();
        attach_layer(&inner, 1).await.unwrap();
        attach_layer(&inner, 2).await.unwrap();
        let result = attach_layer(&sabotaged(inner.clone(), times, drop), 3).await;
        match outcome {
            Ok(count) => {
                result.unwrap();
                assert_eq!(entries(&inner, &signature_tag(&image())).await.len(), count);
            }
            Err(code) => {
                let error = result.expect_err("others are gone");
                assert_eq!(error.code(), code);
                assert!(matches!(error, AttachError::LostOthers { lost: 1, .. }), "{error}");
            }
        }
    }
}

// threat: M7
// Fails when a document is written over what came after it was read.
#[tokio::test]
async fn who_writes_while_blobs_are_pushed_is_noticed() {
    for already in [false, true] {
        let inner = MemoryStore::new();
        if already {
            attach_layer(&inner, 1).await.unwrap();
        }
        let calls = AtomicUsize::new(0);
        let store = Watched::new(inner.clone()).best_effort().meddling(move |store, call| {
            // The payload goes first, then the document is read, then its configuration is pushed.
            if matches!(call, Call::PushBlob(_)) && calls.fetch_add(1, Ordering::SeqCst) == 1 {
                use futures_util::FutureExt as _;
                attach_layer(store, 3).now_or_never().unwrap().unwrap();
            }
        });
        attach_layer(&store, 2).await.unwrap();
        let kept = entries(&inner, &signature_tag(&image())).await;
        assert_eq!(kept.len(), if already { 3 } else { 2 });
        assert!(kept.contains(&signature(3).to_base64()));
    }
}

// threat: H01
// Fails when others at work are not noticed, or are seen where there are none.
#[tokio::test]
async fn a_writer_waits_longer_among_others() {
    let crowded = Duration::from_millis(300);
    let mut shortest = Duration::MAX;
    // What else this machine does may hold a writer up, which then waits longer; not every time.
    for _ in 0..5 {
        let alone = Watched::new(MemoryStore::new()).best_effort();
        attach_layer(&alone, 1).await.unwrap();
        let [pause] = alone.pauses()[..] else { panic!("two looks have one wait between them") };
        shortest = shortest.min(pause);
    }
    assert!((Duration::from_millis(4)..crowded).contains(&shortest), "{shortest:?}");

    // Another entry appears between the write and the first look.
    let other = AtomicUsize::new(0);
    let joined = Watched::new(MemoryStore::new()).best_effort().meddling(move |store, call| {
        let wrote = matches!(call, Call::PushManifest(TagOrDigest::Tag(_)));
        if wrote && other.fetch_add(1, Ordering::SeqCst) == 0 {
            use futures_util::FutureExt as _;
            attach_layer(store, 2).now_or_never().unwrap().unwrap();
        }
    });
    attach_layer(&joined, 1).await.unwrap();
    assert!(joined.pauses().iter().all(|pause| *pause >= crowded), "{:?}", joined.pauses());

    // Another entry has replaced the one written, so that their number tells nothing.
    let left = AtomicUsize::new(1);
    let overwritten = Watched::new(MemoryStore::new()).best_effort().meddling(move |store, call| {
        let Call::PushManifest(TagOrDigest::Tag(tag)) = call else { return };
        if left.swap(0, Ordering::SeqCst) == 1 {
            use futures_util::FutureExt as _;
            remove(store, tag, |_| true);
            attach_layer(store, 2).now_or_never().unwrap().unwrap();
            remove(store, tag, |entry| entry.to_string().contains(&signature(1).to_base64()));
        }
    });
    attach_layer(&overwritten, 1).await.unwrap();
    assert_eq!(entries(&overwritten.inner, &signature_tag(&image())).await.len(), 2);
    assert!(overwritten.pauses().iter().all(|pause| *pause >= crowded), "{:?}", overwritten.pauses());

    let exact = Watched::new(MemoryStore::new());
    attach_layer(&exact, 1).await.unwrap();
    assert!(exact.pauses().is_empty(), "a write that is conditional needs no second look");
}

// threat: M8
// Fails when one answer "not found" is enough to start an empty document.
#[tokio::test]
async fn false_not_found_removes_no_signature() {
    for best_effort in [false, true] {
        let inner = MemoryStore::new().without_referrers();
        attach_layer(&inner, 1).await.unwrap();
        attach_bundle(&inner, 1).await.unwrap();
        for attach_one in [true, false] {
            let first = AtomicUsize::new(0);
            let store = Watched::new(inner.clone()).failing(move |_, call| {
                let tagged = matches!(call, Call::Manifest(TagOrDigest::Tag(_)));
                (tagged && first.fetch_add(1, Ordering::SeqCst) == 0).then(not_found)
            });
            let store = if best_effort { store.best_effort() } else { store };
            if attach_one {
                attach_layer(&store, 2).await.unwrap();
            } else {
                attach_bundle(&store, 2).await.unwrap();
            }
        }
        assert_eq!(entries(&inner, &signature_tag(&image())).await.len(), 2, "best effort: {best_effort}");
        assert_eq!(entries(&inner, &fallback_tag(&image())).await.len(), 2, "best effort: {best_effort}");
    }
}

// threat: M8 H01
// Fails when the list of tags is not read before an empty document is started.
#[tokio::test]
async fn listed_tag_is_never_recreated_when_not_found() {
    for attach_one in [true, false] {
        let inner = MemoryStore::new().without_referrers();
        attach_layer(&inner, 1).await.unwrap();
        attach_bundle(&inner, 1).await.unwrap();
        let before = inner.tagged();
        let never = |_, call: &Call| matches!(call, Call::Manifest(TagOrDigest::Tag(_))).then(not_found);
        let store = Watched::new(inner.clone()).failing(never).best_effort();
        let result = if attach_one { attach_layer(&store, 2).await } else { attach_bundle(&store, 2).await };
        let error = result.expect_err("the place contradicts itself");
        assert_eq!(error.code(), "store-unavailable");
        assert!(error.to_string().contains("expected the manifest of a tag that the registry lists"), "{error}");
        assert_eq!(inner.tagged(), before);
    }
}

// threat: H07
// threat: N05
// Fails when any failed call is ignored for good.
#[tokio::test]
async fn every_failed_call_is_an_error_and_the_next_run_finishes() {
    for kind in ["layer", "bundle", "bundle on a list", "layer, blindly", "bundle, blindly"] {
        let attach = |store: Watched| async move {
            let store = if kind.ends_with("blindly") { store.best_effort() } else { store };
            let result =
                if kind.starts_with("layer") { attach_layer(&store, 2).await } else { attach_bundle(&store, 2).await };
            (result, store.calls())
        };
        let fresh = || async {
            let inner = MemoryStore::new();
            let inner = if kind.ends_with("list") { inner } else { inner.without_referrers() };
            attach_layer(&inner, 1).await.unwrap();
            attach_bundle(&inner, 1).await.unwrap();
            inner
        };
        let (result, calls) = attach(Watched::new(fresh().await)).await;
        result.unwrap();
        assert!(calls.len() >= 4, "{calls:?}");
        for number in 0..calls.len() {
            let inner = fresh().await;
            let store = Watched::new(inner.clone()).failing(move |n, _| (n >= number).then(unavailable));
            let (result, _) = attach(store).await;
            let error = result.expect_err("a call failed");
            assert_eq!(error.code(), "store-unavailable", "{kind}, call {number}");
            attach(Watched::new(inner.clone())).await.0.unwrap();
            let evidence = found(&inner).await;
            let expected = if kind.starts_with("layer") { (2, 1) } else { (1, 2) };
            let layers = evidence.items.iter().filter(|item| matches!(item.origin, Origin::Layer { .. })).count();
            assert_eq!((layers, evidence.items.len() - layers), expected, "{kind}, call {number}");
            assert_eq!(codes(&evidence), [""; 0]);
        }
    }
}

// threat: M6
// Fails when an error in a look before or after a blind write is taken for a document that has changed.
#[tokio::test]
async fn one_refused_call_of_a_blind_write_is_an_error() {
    let prepared = || async {
        let inner = MemoryStore::new();
        attach_layer(&inner, 1).await.unwrap();
        Watched::new(inner).best_effort()
    };
    let whole = prepared().await;
    attach_layer(&whole, 2).await.unwrap();
    // A place that is unavailable for a moment is asked again; one that refuses is not.
    let denied = || StoreError::Denied { place: String::new(), detail: "status 403".to_owned() };
    for (number, call) in whole.calls().into_iter().enumerate() {
        let store = prepared().await.failing(move |n, _| (n == number).then(denied));
        let error = attach_layer(&store, 2).await.expect_err("a call was refused");
        assert_eq!(error.code(), "access-denied", "{call:?}");
    }
}

fn lacks() -> StoreError {
    StoreError::Lacks { place: "PUT /v2/".to_owned(), detail: "MANIFEST_BLOB_UNKNOWN".to_owned() }
}

async fn attach_any<S: TagWriter>(kind: &str, store: &S, writer: usize) -> Result<WriteReceipt, AttachError> {
    if kind == "layer" { attach_layer(store, writer).await } else { attach_bundle(store, writer).await }
}

// threat: R35
// Fails when the place's word is taken for what it says that it stored.
#[tokio::test]
async fn what_is_missing_afterwards_does_not_succeed() {
    for kind in ["layer", "bundle"] {
        for (times, outcome) in [(2, Ok(())), (usize::MAX, Err("not-confirmed"))] {
            let seen = AtomicUsize::new(0);
            let store = Watched::new(MemoryStore::new()).failing(move |_, call| {
                let read = matches!(call, Call::Blob(_));
                (read && seen.fetch_add(1, Ordering::SeqCst) < times).then(not_found)
            });
            let result = attach_any(kind, &store, 1).await.map(|_| ()).map_err(|error| error.code());
            assert_eq!(result, outcome, "{kind}");
        }
    }
    // Of a manifest with a name of its own just so, and then no list names it.
    let inner = MemoryStore::new().without_referrers();
    let store = Watched::new(inner.clone())
        .failing(|_, call| matches!(call, Call::Manifest(TagOrDigest::Digest(_))).then(not_found));
    assert_eq!(attach_bundle(&store, 1).await.expect_err("it is not there").code(), "not-confirmed");
    assert!(inner.manifest(&by_tag(&fallback_tag(&image()))).await.is_err());
}

// threat: R36
// Fails when a place that says so for a moment is trusted for good, or is asked for ever.
#[tokio::test]
async fn what_a_place_says_it_lacks_is_pushed_again() {
    for kind in ["layer", "bundle", "listed bundle"] {
        for (times, outcome) in [(3, Ok(())), (usize::MAX, Err("store-lacks"))] {
            let inner = MemoryStore::new();
            let inner = if kind == "listed bundle" { inner } else { inner.without_referrers() };
            attach_any(kind, &inner, 1).await.unwrap();
            let refused = AtomicUsize::new(0);
            let store = Watched::new(inner.clone()).failing(move |_, call| {
                let write = matches!(call, Call::PushManifest(_));
                (write && refused.fetch_add(1, Ordering::SeqCst) < times).then(lacks)
            });
            let result = attach_any(kind, &store, 2).await.map(|_| ()).map_err(|error| error.code());
            assert_eq!(result, outcome, "{kind}");
            let pushed = store.calls().iter().filter(|call| matches!(call, Call::PushBlob(_))).count();
            assert!((5..60).contains(&pushed), "{kind}: {pushed} blobs");
            let evidence = found(&inner).await;
            assert_eq!((evidence.items.len(), codes(&evidence).len()), (if times == 3 { 2 } else { 1 }, 0), "{kind}");
        }
    }
}

/// A store whose shared document, under this tag, has an entry that is gone beside one that is not, and which refuses every such document
/// until that entry has been looked for as often as `looks` says.
async fn with_an_entry_that_is_gone(kind: &str, looks: usize, answer: fn() -> StoreError) -> (Watched, Tag, Digest) {
    let inner = MemoryStore::new().without_referrers();
    attach_any(kind, &inner, 1).await.unwrap();
    let dead = Descriptor::of(media_type::OCI_MANIFEST, b"no longer there");
    let (tag, list) = match kind {
        "layer" => (signature_tag(&image()), "layers"),
        _ => (fallback_tag(&image()), "manifests"),
    };
    let fetched = inner.manifest(&by_tag(&tag)).await.unwrap();
    let mut document: Value = serde_json::from_slice(fetched.bytes()).unwrap();
    document[list].as_array_mut().unwrap().push(json!(dead));
    put(&inner, &by_tag(&tag), &document).await;
    let looked = AtomicUsize::new(0);
    let (digest, shared) = (dead.digest, tag.clone());
    let store = Watched::new(inner).failing(move |_, call| {
        if *call == Call::Manifest(TagOrDigest::Digest(digest)) || *call == Call::Blob(digest) {
            looked.fetch_add(1, Ordering::SeqCst);
            return Some(answer());
        }
        let refused = *call == Call::PushManifest(by_tag(&shared)) && looked.load(Ordering::SeqCst) < looks;
        refused.then(lacks)
    });
    (store, tag, dead.digest)
}

// threat: R29
// Fails when an entry that is gone stops everybody, or when one is left out that the place does not say is gone.
#[tokio::test]
async fn an_entry_that_is_gone_is_left_out_where_the_place_refuses_it() {
    for kind in ["layer", "bundle"] {
        let (store, tag, dead) = with_an_entry_that_is_gone(kind, 3, not_found).await;
        let receipt = attach_any(kind, &store, 2).await.unwrap();
        assert_eq!(receipt.left_out, [dead], "{kind}");
        assert!(receipt.to_string().contains(&format!("{dead} was listed, but no longer exists")), "{receipt}");
        let fetched = store.inner.manifest(&by_tag(&tag)).await.unwrap();
        let text = String::from_utf8(fetched.into_bytes()).unwrap();
        assert!(!text.contains(&dead.to_string()), "{kind}");
        assert_eq!(found(&store.inner).await.items.len(), 2, "{kind}");

        // One look is not enough, and an error while looking does not mean absent.
        let (store, tag, dead) = with_an_entry_that_is_gone(kind, usize::MAX, unavailable).await;
        assert_eq!(attach_any(kind, &store, 2).await.expect_err("refused").code(), "store-lacks", "{kind}");
        let fetched = store.inner.manifest(&by_tag(&tag)).await.unwrap();
        assert!(String::from_utf8(fetched.into_bytes()).unwrap().contains(&dead.to_string()), "{kind}");
        let (store, tag, dead) = with_an_entry_that_is_gone(kind, 1, not_found).await;
        attach_any(kind, &store, 2).await.unwrap();
        let fetched = store.inner.manifest(&by_tag(&tag)).await.unwrap();
        assert!(String::from_utf8(fetched.into_bytes()).unwrap().contains(&dead.to_string()), "{kind}");
    }
}

// threat: R36
// Fails when a condition that a place never keeps is stated for ever.
#[tokio::test]
async fn a_condition_that_is_always_refused_is_no_longer_stated() {
    for already in [false, true] {
        let inner = MemoryStore::new().without_referrers();
        if already {
            attach_layer(&inner, 1).await.unwrap();
        }
        let store = Watched::new(inner.clone()).best_effort().refusing_conditions();
        attach_layer(&store, 2).await.unwrap();
        assert_eq!(entries(&inner, &signature_tag(&image())).await.len(), if already { 2 } else { 1 });
        let writes = store.count(&Call::PushManifest(by_tag(&signature_tag(&image()))));
        assert!((5..8).contains(&writes), "{writes} writes");
        // A place that keeps conditions is never written to without.
        let exact = Watched::new(MemoryStore::new()).refusing_conditions();
        assert_eq!(attach_layer(&exact, 2).await.expect_err("a conflict").code(), "not-confirmed");
    }
}

// threat: E14
// Fails when a list is trusted to hold what was put on it, or when an empty one is taken for "not supported" or the reverse.
#[tokio::test]
async fn a_list_is_asked_whether_it_holds_the_entry() {
    // It said that it took the entry, and has not.
    let store = Watched::new(MemoryStore::new()).listing_nothing();
    let error = attach_bundle(&store, 1).await.expect_err("not listed");
    assert!(matches!(error, AttachError::NotConfirmed { attempts: 5, .. }), "{error}");
    // It said nothing, and lists nothing: the fallback tag is where readers look next.
    let store = Watched::new(MemoryStore::new().without_referrers()).listing_nothing();
    let receipt = attach_bundle(&store, 1).await.unwrap();
    assert_eq!(receipt.place, AttachmentLocation::FallbackTag(fallback_tag(&image())));
    assert_eq!(found(&store).await.items.len(), 1);
}

#[test]
fn codes_of_attaching_are_sorted_and_complete() {
    assert!(AttachError::CODES.is_sorted());
    let (store, tag) = (String::new(), signature_tag(&image()));
    for error in [
        AttachError::Occupied { store: store.clone(), tag, expected: "", found: String::new() },
        AttachError::NotConfirmed { store: store.clone(), attempts: 1 },
        AttachError::LostOthers { store, lost: 1, attempts: 1 },
    ] {
        assert!(AttachError::CODES.contains(&error.code()), "{error}");
    }
    assert_eq!(AttachError::Store(not_found()).code(), "not-found");
}
