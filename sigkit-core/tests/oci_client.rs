//! A store over another project's client: what it reads, what it refuses, and what it does not take for absence.
#![cfg(all(feature = "oci-client", feature = "registry", feature = "sign"))]

use std::path::Path;

use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::manifest::OciDescriptor;
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};
use sigkit_core::digest::Digest;
use sigkit_core::key::{Password, SigningKey as _, file};
use sigkit_core::limits::Limits;
use sigkit_core::oci::{Descriptor, Repository, TagOrDigest, media_type};
use sigkit_core::report::Verdict;
use sigkit_core::store::oci_client::{DescriptorError, OciClientStore};
use sigkit_core::store::registry::RegistryClient;
use sigkit_core::store::{Referrers, Store as _, StoreError};
use sigkit_core::time::UnixTime;
use sigkit_core::trust::Trust;
use sigkit_core::{
    Format, ImageReference, KeyAuthority, KeyPair, Policy, Purpose, SignOptions, sign_image, verify_image,
};
use testkit::http::{Delivery, Response};
use testkit::image::{self, Image, OCI_INDEX, OCI_MANIFEST};
use testkit::{Action, Auth, Change, Registry, RegistryBuilder, Rule, Switch, TokenService};

const NOW: UnixTime = UnixTime(1_795_410_210);

fn client(registry: &Registry) -> Client {
    // The first test to come installs the provider of all.
    #[cfg(feature = "aws-lc-rs")]
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    #[cfg(not(feature = "aws-lc-rs"))]
    let provider = rustls::crypto::ring::default_provider();
    drop(provider.install_default());
    let protocol = ClientProtocol::HttpsExcept(vec![registry.host().to_owned()]);
    Client::try_from(ClientConfig { protocol, ..ClientConfig::default() }).unwrap()
}

fn repository(registry: &Registry) -> Repository {
    Repository::new(registry.host(), "app").unwrap()
}

fn store(registry: &Registry) -> OciClientStore {
    OciClientStore::new(client(registry), RegistryAuth::Anonymous, &repository(registry))
}

fn tag(name: &str) -> TagOrDigest {
    TagOrDigest::Tag(name.parse().unwrap())
}

fn with_image(builder: RegistryBuilder) -> (Registry, Image, TagOrDigest) {
    let registry = builder.start();
    let image = image::image(registry.content(), "app", "v1", "layer");
    let target = TagOrDigest::Digest(image.digest.parse().unwrap());
    (registry, image, target)
}

fn key() -> KeyPair {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../keys/TEST-ONLY-ecdsa-p256.key");
    #[allow(clippy::disallowed_methods, reason = "test keys are files")]
    file::decrypt(&std::fs::read(path).unwrap(), &Password::new("test-only")).unwrap()
}

fn policy(key: &KeyPair) -> Policy {
    Policy::key(Purpose::Image, KeyAuthority::new("the test key", key.public_key().clone()))
}

#[tokio::test]
async fn signatures_are_found_wherever_they_are() {
    let key = key();
    for referrers in [Switch::On, Switch::Off] {
        for format in [Format::Bundle, Format::Legacy] {
            let (registry, image, target) = with_image(Registry::builder().referrers(referrers));
            let theirs = store(&registry);
            let refusal = verify_image(&theirs, &target, &Trust::default(), &policy(&key), NOW).await.unwrap_err();
            assert_eq!((refusal.verdict(), refusal.code()), (Verdict::Rejected, "no-signatures"));

            let ours = RegistryClient::default().repository(&repository(&registry));
            sign_image(&ours, &target, &key, &SignOptions::new(format, ours.name()), NOW).await.unwrap();
            for target in [&target, &tag("v1")] {
                let verified = verify_image(&theirs, target, &Trust::default(), &policy(&key), NOW).await.unwrap();
                assert_eq!(verified.image.digest().to_string(), image.digest, "{referrers:?} {format:?}");
                assert_eq!(verified.image.bytes(), image.bytes);
            }
        }
    }
}

/// An answer with the error document of the distribution specification.
fn refusal(status: u16, code: &str) -> Action {
    Action::Respond(Response::error(status, code, "\u{1b}[2J\u{202e}why"))
}

// threat: M6
#[tokio::test]
async fn only_what_says_that_it_is_not_there_is_not_there() {
    let (registry, ..) = with_image(Registry::builder());
    let store = store(&registry);
    for (action, code) in [
        (None, "not-found"),
        (Some(Action::status(404)), "not-found"),
        (Some(refusal(404, "MANIFEST_UNKNOWN")), "not-found"),
        (Some(refusal(404, "NAME_UNKNOWN")), "not-found"),
        (Some(refusal(404, "DENIED")), "access-denied"),
        (Some(refusal(404, "SOMETHING_ELSE")), "store-protocol"),
        (Some(Action::status(401)), "access-denied"),
        (Some(Action::status(403)), "access-denied"),
        (Some(refusal(403, "DENIED")), "access-denied"),
        (Some(Action::status(429)), "store-unavailable"),
        (Some(refusal(429, "TOOMANYREQUESTS")), "store-unavailable"),
        (Some(Action::status(503)), "store-unavailable"),
        (Some(refusal(500, "MANIFEST_UNKNOWN")), "store-unavailable"),
        (Some(Action::status(418)), "store-protocol"),
        (Some(Action::Disconnect), "store-unavailable"),
        (Some(Action::html()), "manifest-ambiguous"),
    ] {
        registry.clear_faults();
        let shown = format!("{action:?}");
        if let Some(action) = action {
            registry.fault(Rule::new("GET", "/v2/app/manifests/missing"), action);
        }
        let error = store.manifest(&tag("missing")).await.unwrap_err();
        assert_eq!(error.code(), code, "{shown}: {error}");
        assert!(!error.to_string().contains(['\u{1b}', '\u{202e}']), "{error}");
    }
}

// threat: M6
#[tokio::test]
async fn a_list_that_cannot_be_read_is_not_an_empty_one() {
    let key = key();
    for (rule, action, code) in [
        ("/v2/app/manifests/sha256-*", refusal(403, "DENIED"), "access-denied"),
        ("/v2/app/manifests/sha256-*", refusal(429, "TOOMANYREQUESTS"), "store-unavailable"),
        ("/v2/app/referrers/*", Action::status(403), "access-denied"),
        ("/v2/app/referrers/*", refusal(403, "DENIED"), "access-denied"),
        ("/v2/app/referrers/*", refusal(429, "TOOMANYREQUESTS"), "store-unavailable"),
        ("/v2/app/referrers/*", Action::status(503), "store-unavailable"),
        ("/v2/app/referrers/*", Action::html(), "store-protocol"),
        ("/v2/app/referrers/*", Action::status(202), "store-protocol"),
    ] {
        let (registry, image, target) = with_image(Registry::builder().referrers(Switch::Off));
        let store = store(&registry);
        let digest = image.digest.parse().unwrap();
        assert_eq!(store.referrers(&digest).await.unwrap(), Referrers::Listed(Vec::new()));
        let shown = format!("{rule} {action:?}");
        registry.fault(Rule::new("GET", rule), action);
        let error = store.referrers(&digest).await.expect_err(&shown);
        assert_eq!(error.code(), code, "{shown}: {error}");
        let doubt = verify_image(&store, &target, &Trust::default(), &policy(&key), NOW).await.expect_err(&shown);
        assert_eq!(doubt.verdict(), Verdict::Undecided, "{shown}");
    }
}

#[tokio::test]
async fn a_registry_without_lists_says_so() {
    for action in [Action::status(405), Action::status(501), refusal(405, "UNSUPPORTED"), refusal(400, "NAME_UNKNOWN")]
    {
        let (registry, image, _) = with_image(Registry::builder());
        registry.fault(Rule::new("GET", "/v2/app/referrers/*"), action);
        let digest = image.digest.parse().unwrap();
        assert_eq!(store(&registry).referrers(&digest).await.unwrap(), Referrers::Unsupported);
    }
}

#[tokio::test]
async fn the_fallback_list_is_read_beside_the_registrys_own() {
    for (referrers, expected) in [(Switch::On, 2), (Switch::Off, 1)] {
        let (registry, subject, _) = with_image(Registry::builder().referrers(referrers));
        let listed = image::referrer(registry.content(), "app", &subject, "text/plain", b"listed");
        registry.content().put_manifest("app", None, OCI_MANIFEST, &listed);
        let other = Descriptor::of(OCI_MANIFEST, b"another");
        let entries = serde_json::to_string(&[&other]).unwrap();
        let index = format!(r#"{{"schemaVersion":2,"mediaType":"{OCI_INDEX}","manifests":{entries}}}"#);
        let fallback = subject.digest.replace(':', "-");
        registry.content().put_manifest("app", Some(&fallback), OCI_INDEX, index.as_bytes());

        let digest = subject.digest.parse().unwrap();
        let Referrers::Listed(found) = store(&registry).referrers(&digest).await.unwrap() else { panic!("no list") };
        assert_eq!(found.len(), expected);
        assert!(found.contains(&other));
    }
}

#[tokio::test]
async fn image_under_the_fallback_tag_is_not_a_list_nor_an_error() {
    for (referrers, expected) in [(Switch::On, Referrers::Listed(Vec::new())), (Switch::Off, Referrers::Unsupported)] {
        let (registry, subject, _) = with_image(Registry::builder().referrers(referrers));
        let fallback = subject.digest.replace(':', "-");
        registry.content().put_manifest("app", Some(&fallback), OCI_MANIFEST, &subject.bytes);
        let digest = subject.digest.parse().unwrap();
        assert_eq!(store(&registry).referrers(&digest).await.unwrap(), expected);
    }
}

// threat: E01
#[tokio::test]
async fn other_bytes_are_refused() {
    let (registry, image, target) = with_image(Registry::builder());
    let store = store(&registry);
    let blob = Descriptor::of("text/plain", b"bytes");
    registry.content().put_blob("app", b"bytes");
    assert_eq!(store.blob(&blob, 100).await.unwrap(), b"bytes");
    assert_eq!(store.manifest(&target).await.unwrap().bytes(), image.bytes);

    registry.fault(Rule::new("GET", "*"), Action::Change(Change::FlipByte(1)));
    let error = store.manifest(&target).await.unwrap_err();
    let expected: Digest = image.digest.parse().unwrap();
    assert!(matches!(error, StoreError::DigestMismatch { expected: e, found, .. } if e == expected && found != e));
    let error = store.blob(&blob, 100).await.unwrap_err();
    assert!(
        matches!(error, StoreError::DigestMismatch { expected, found, .. } if expected == blob.digest && found != expected)
    );

    // The same, by a registry that has no opinion about digests.
    registry.clear_faults();
    registry.fault(Rule::new("GET", "/v2/app/manifests/*"), Action::body(image::OCI_INDEX));
    assert!(matches!(store.manifest(&target).await, Err(StoreError::DigestMismatch { .. })));
}

// threat: F03
#[tokio::test]
async fn sizes_are_kept() {
    let (registry, image, target) = with_image(Registry::builder());
    let store = store(&registry);
    let blob = Descriptor::of("text/plain", b"bytes");
    registry.content().put_blob("app", b"bytes");
    for (size, found) in [(4, 5), (6, 5)] {
        let error = store.blob(&Descriptor { size, ..blob.clone() }, 100).await.unwrap_err();
        assert!(
            matches!(error, StoreError::SizeMismatch { expected, found: f, .. } if expected == size && f == found),
            "{error}"
        );
    }
    registry.fault(Rule::new("GET", "/v2/app/blobs/*"), Action::delivery(Delivery::Endless));
    let error = store.blob(&blob, 100).await.unwrap_err();
    assert!(matches!(error, StoreError::SizeMismatch { expected: 5, found: 6, .. }), "{error}");
    registry.clear_faults();
    registry.clear_log();
    assert!(matches!(store.blob(&blob, 4).await, Err(StoreError::TooLarge { .. })));
    assert_eq!(registry.requests().len(), 0);
    assert!(matches!(store.blob(&Descriptor::of("text/plain", b"none"), 100).await, Err(StoreError::NotFound { .. })));

    let mut limits = Limits::DEFAULT;
    limits.manifest_bytes = u64::try_from(image.bytes.len()).unwrap();
    assert!(store.clone().with_limits(limits.clone()).manifest(&target).await.is_ok());
    limits.manifest_bytes -= 1;
    assert!(matches!(store.with_limits(limits).manifest(&target).await, Err(StoreError::TooLarge { .. })));
}

// threat: F04
#[tokio::test]
async fn referrers_are_counted() {
    let (registry, subject, _) = with_image(Registry::builder());
    for payload in [b"a", b"b"] {
        let manifest = image::referrer(registry.content(), "app", &subject, "text/plain", payload);
        registry.content().put_manifest("app", None, OCI_MANIFEST, &manifest);
    }
    let digest = subject.digest.parse().unwrap();
    for (most, fits) in [(2, true), (1, false)] {
        let mut limits = Limits::DEFAULT;
        limits.referrers = most;
        match store(&registry).with_limits(limits).referrers(&digest).await {
            Ok(Referrers::Listed(listed)) => assert!(fits && listed.len() == 2),
            Err(StoreError::TooLarge { .. }) => assert!(!fits),
            other => panic!("{other:?}"),
        }
    }
}

/// The documented gap: the day on which this fails, the client reads every page, and the documentation can say so.
#[tokio::test]
async fn of_a_list_in_pages_only_the_first_is_read() {
    let (registry, subject, _) = with_image(Registry::builder().referrers_page(1));
    for payload in [b"a", b"b"] {
        let manifest = image::referrer(registry.content(), "app", &subject, "text/plain", payload);
        registry.content().put_manifest("app", None, OCI_MANIFEST, &manifest);
    }
    let listed = store(&registry).referrers(&subject.digest.parse().unwrap()).await.unwrap();
    assert!(matches!(listed, Referrers::Listed(found) if found.len() == 1));
}

#[tokio::test]
async fn the_given_account_is_used() {
    let auths = [Auth::basic("user", "s3cret"), Auth::Token(TokenService::new("user", "s3cret"))];
    for auth in auths {
        let (registry, image, target) = with_image(Registry::builder().auth(auth));
        let blob = Descriptor::of("text/plain", b"bytes");
        registry.content().put_blob("app", b"bytes");
        let account = |password: &str| RegistryAuth::Basic("user".to_owned(), password.to_owned());
        let store = |auth| OciClientStore::new(client(&registry), auth, &repository(&registry));
        // Whichever comes first, for each signs in by itself.
        assert_eq!(store(account("s3cret")).blob(&blob, 100).await.unwrap(), b"bytes");
        assert_eq!(store(account("s3cret")).manifest(&target).await.unwrap().bytes(), image.bytes);
        assert!(store(account("s3cret")).referrers(&image.digest.parse().unwrap()).await.is_ok());
        for auth in [account("wrong"), RegistryAuth::Anonymous] {
            assert!(matches!(store(auth).manifest(&target).await, Err(StoreError::Denied { .. })));
        }
        let shown = format!("{:?}", store(account("s3cret")));
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}

#[test]
fn references_convert_both_ways() {
    let digest = Digest::sha256(b"");
    for text in ["app", "user/app:v1", "r.example:5000/a/b", "localhost/a:b", "r.example/a", "[::1]:5000/a:b"] {
        for text in [text.to_owned(), format!("{text}@{digest}")] {
            let ours: ImageReference = text.parse().unwrap();
            let theirs = Reference::from(&ours);
            if !text.starts_with('[') {
                assert_eq!(theirs, text.parse::<Reference>().unwrap(), "{text}");
            }
            let back = ImageReference::try_from(&theirs).unwrap();
            assert_eq!((back.target(), &back.repository), (ours.target(), &ours.repository), "{text}");
        }
    }
    let odd = Reference::with_tag("r.example".to_owned(), "app".to_owned(), "../../secret".to_owned());
    assert!(ImageReference::try_from(&odd).is_err());
}

#[test]
fn descriptors_convert() {
    let ours = Descriptor::of(media_type::OCI_CONFIG, b"{}");
    let theirs = OciDescriptor {
        media_type: ours.media_type.clone(),
        digest: ours.digest.to_string(),
        size: 2,
        ..OciDescriptor::default()
    };
    assert_eq!(Descriptor::try_from(&theirs).unwrap(), ours);
    let negative = OciDescriptor { size: -1, ..theirs.clone() };
    assert_eq!(Descriptor::try_from(&negative), Err(DescriptorError::Size { found: -1 }));
    let nameless = OciDescriptor { digest: "sha256:x".to_owned(), ..theirs };
    assert!(matches!(Descriptor::try_from(&nameless), Err(DescriptorError::Digest(_))));
}
