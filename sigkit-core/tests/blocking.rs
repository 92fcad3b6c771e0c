//! The paved path without a runtime: from plain threads, from inside runtimes of every kind, over a network.
#![cfg(all(feature = "registry", feature = "sign"))]
#![allow(clippy::disallowed_methods, reason = "test keys are files, and callers have clocks")]

use std::path::Path;
use std::time::SystemTime;

use sigkit_core::crypto::KeyAlgorithm;
use sigkit_core::image::{Attached, ImageError, SignImageError};
use sigkit_core::key::{Password, SigningKey as _, file};
use sigkit_core::oci::{Descriptor, TagOrDigest, media_type};
use sigkit_core::report::Verdict;
use sigkit_core::store::registry::RegistryStore;
use sigkit_core::store::{BlobSource, MemoryStore, Store as _, StoreError, StoreWrite as _};
use sigkit_core::time::UnixTime;
use sigkit_core::trust::Trust;
use sigkit_core::{
    Format, ImageReference, KeyAuthority, KeyPair, Policy, PublicKey, Purpose, RegistryClient, SignOptions, blocking,
};
use testkit::{Action, Registry, Rule};

fn keys() -> (KeyPair, PublicKey) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../keys/TEST-ONLY-ecdsa-p256.key");
    let pair = file::decrypt(&std::fs::read(path).unwrap(), &Password::new("test-only")).unwrap();
    let public = pair.public_key().clone();
    (pair, public)
}

fn policy(key: &PublicKey) -> Policy {
    Policy::key(Purpose::Image, KeyAuthority::new("the test key", key.clone()))
}

const NOW: UnixTime = UnixTime(1_795_410_210);

/// A registry with one image, and its repository over a client with everything by default.
fn registry() -> (Registry, RegistryStore, TagOrDigest) {
    let registry = Registry::start();
    testkit::image::image(registry.content(), "app", "v1", "layer");
    let image: ImageReference = format!("{}/app:v1", registry.host()).parse().unwrap();
    let store = RegistryClient::default().repository(&image.repository);
    (registry, store, image.target())
}

#[test]
fn both_formats_are_signed_and_verified_without_a_runtime() {
    let (pair, public) = keys();
    for format in [Format::Bundle, Format::Legacy, Format::Both] {
        let (registry, store, target) = registry();
        let refusal = blocking::verify_image(&store, &target, &Trust::default(), &policy(&public), NOW).unwrap_err();
        assert_eq!((refusal.verdict(), refusal.code()), (Verdict::Rejected, "no-signatures"));

        let signing = SignOptions::new(format, store.name());
        let signed = blocking::sign_image(&store, &target, &pair, &signing, NOW).unwrap();
        assert!(signed.attached.iter().all(|attached| matches!(attached, Attached::Written(_))));

        // The connections of the call before are gone with its runtime; the client does without them.
        let verified = blocking::verify_image(&store, &target, &Trust::default(), &policy(&public), NOW).unwrap();
        assert_eq!(verified.image.digest(), signed.image.digest());
        assert_eq!(verified.verified.signatures().len(), if format == Format::Both { 2 } else { 1 });
        drop(registry);
    }
}

#[test]
fn calls_inside_any_runtime_do_not_panic() {
    let (pair, public) = keys();
    let (_registry, store, target) = registry();
    let signing = SignOptions::new(Format::Bundle, store.name());
    let work = || {
        blocking::sign_image(&store, &target, &pair, &signing, NOW).unwrap();
        blocking::verify_image(&store, &target, &Trust::default(), &policy(&public), NOW).unwrap();
    };
    let current = tokio::runtime::Builder::new_current_thread().build().unwrap();
    current.block_on(async { work() });
    {
        let _inside = current.enter();
        work();
    }
    let threads = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    threads.block_on(async { work() });
    std::thread::scope(|scope| scope.spawn(|| threads.block_on(async { tokio::task::block_in_place(work) })).join())
        .unwrap();
}

#[test]
fn futures_of_the_paved_path_go_to_any_executor() {
    /// The future lives on the stack of the thread that polls it, and threads have little.
    fn send<T: Send>(work: T) -> T {
        assert!(size_of_val(&work) < 32 << 10, "{} bytes", size_of_val(&work));
        work
    }
    let (pair, public) = keys();
    let (_registry, store, target) = registry();
    let signing = SignOptions::new(Format::Both, store.name());
    let policy = policy(&public);
    let sign = send(sigkit_core::sign_image(&store, &target, &pair, &signing, NOW));
    let trust = Trust::default();
    let verify = send(sigkit_core::verify_image(&store, &target, &trust, &policy, NOW));
    blocking::block_on(async {
        sign.await.unwrap();
        verify.await.unwrap();
    })
    .unwrap();
}

#[test]
fn any_store_will_do() {
    let (pair, public) = keys();
    let store = MemoryStore::new();
    let blob = Descriptor::of(media_type::OCI_CONFIG, b"{}");
    let entry = format!(r#"{{"mediaType":"{}","size":2,"digest":"{}"}}"#, blob.media_type, blob.digest);
    let manifest = format!(r#"{{"schemaVersion":2,"config":{entry},"layers":[]}}"#);
    let target = TagOrDigest::Tag("v1".parse().unwrap());
    blocking::block_on(async {
        store.push_blob(BlobSource::bytes(b"{}".into(), &blob.digest)).await?;
        store.push_manifest(&target, media_type::OCI_MANIFEST, manifest.as_bytes()).await
    })
    .unwrap()
    .unwrap();
    let signing = SignOptions::new(Format::Bundle, "registry.example.com/app");
    blocking::sign_image(&store, &target, &pair, &signing, NOW).unwrap();
    let verified =
        blocking::verify_image(&store, &target, &Trust::default(), &policy(&public), SystemTime::now().into()).unwrap();
    assert_eq!(verified.image.bytes(), manifest.as_bytes());
}

// threat: M6
#[test]
fn failure_is_told_from_refusal() {
    let (pair, public) = keys();
    let (registry, store, target) = registry();
    let missing = TagOrDigest::Tag("missing".parse().unwrap());
    let error = blocking::verify_image(&store, &missing, &Trust::default(), &policy(&public), NOW).unwrap_err();
    assert!(matches!(&error, ImageError::Image(StoreError::NotFound { .. })), "{error}");
    assert_eq!((error.verdict(), error.code()), (Verdict::Rejected, "not-found"));

    registry.fault(Rule::new("GET", "/v2/app/referrers/*"), Action::status(403));
    let error = blocking::verify_image(&store, &target, &Trust::default(), &policy(&public), NOW).unwrap_err();
    assert_eq!((error.verdict(), error.code()), (Verdict::Undecided, "access-denied"));

    // A signature by another signer is not a reason to refuse while others could not be looked at.
    let signing = SignOptions::new(Format::Legacy, store.name());
    blocking::sign_image(&store, &target, &pair, &signing, NOW).unwrap();
    let other = KeyPair::generate(KeyAlgorithm::EcdsaP256).unwrap();
    let error =
        blocking::verify_image(&store, &target, &Trust::default(), &policy(other.public_key()), NOW).unwrap_err();
    assert_eq!((error.verdict(), error.code()), (Verdict::Undecided, "access-denied"));
    registry.clear_faults();
    let error =
        blocking::verify_image(&store, &target, &Trust::default(), &policy(other.public_key()), NOW).unwrap_err();
    assert_eq!((error.verdict(), error.code()), (Verdict::Rejected, "signature-invalid"));

    registry.fault(Rule::new("GET", "/v2/app/manifests/v1"), Action::status(403));
    let error = blocking::verify_image(&store, &target, &Trust::default(), &policy(&public), NOW).unwrap_err();
    assert!(matches!(&error, ImageError::Image(StoreError::Denied { .. })), "{error}");
    assert_eq!((error.verdict(), error.code()), (Verdict::Undecided, "access-denied"));
    let signing = SignOptions::new(Format::Bundle, store.name());
    let error = blocking::sign_image(&store, &target, &pair, &signing, NOW).unwrap_err();
    assert!(matches!(&error, SignImageError::Image(StoreError::Denied { .. })), "{error}");
}

#[test]
fn a_panic_inside_is_the_callers_again() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let panicked = std::panic::catch_unwind(|| {
        runtime.block_on(async { blocking::block_on(async { std::panic::panic_any("inside") }) })
    });
    assert_eq!(panicked.unwrap_err().downcast_ref(), Some(&"inside"));
}

#[test]
fn helper_threads_still_at_work_do_not_hold_up_the_answer() {
    let (started, start) = std::sync::mpsc::channel();
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let work = async move {
        drop(tokio::task::spawn_blocking(move || {
            started.send(()).unwrap();
            assert!(wait.recv().is_err());
        }));
        start.recv().unwrap();
    };
    blocking::block_on(work).unwrap();
    drop(release);
}
