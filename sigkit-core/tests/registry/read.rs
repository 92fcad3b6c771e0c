use sigkit_core::digest::{Digest, DigestAlgorithm};
use sigkit_core::oci::{Descriptor, Manifest, media_type};
use sigkit_core::store::{Store as _, StoreError};
use testkit::http::Delivery;
use testkit::{Action, Change, RecordingServer, Registry, Rule, image};

use crate::support::{LIMIT, REPOSITORY, blob, by_digest, digest, store, tag, with_image};

#[tokio::test]
async fn a_tag_is_resolved_by_one_request() {
    let (registry, image) = with_image();
    let fetched = store(&registry).manifest(&tag("v1")).await.unwrap();
    assert_eq!(fetched.digest(), digest(&image.digest));
    assert_eq!(fetched.descriptor().media_type, media_type::OCI_MANIFEST);
    assert_eq!(fetched.bytes(), image.bytes);
    assert!(matches!(fetched.manifest(), Manifest::Image(_)));
    let requests = registry.requests();
    assert_eq!(registry.request_lines(), ["GET /v2/my/app/manifests/v1"]);
    let accept = requests[0].header("accept").unwrap();
    assert!(media_type::MANIFESTS.iter().all(|kind| accept.contains(kind)), "{accept}");
    assert_eq!(requests[0].header("authorization"), None);
    assert!(requests[0].header("user-agent").unwrap().starts_with("sigkit/"));
}

#[tokio::test]
async fn an_index_and_its_children_are_read_by_digest() {
    let registry = Registry::start();
    let index = image::index(registry.content(), REPOSITORY, "v1", "layer");
    let store = store(&registry);
    let Manifest::Index(found) = store.manifest(&by_digest(&index.digest)).await.unwrap().into_manifest() else {
        panic!("expected an index")
    };
    for child in &found.manifests {
        assert!(store.manifest(&by_digest(&child.digest.to_string())).await.is_ok());
    }
    assert_eq!(found.manifests.len(), 2);
}

#[tokio::test]
async fn blobs_are_read() {
    let registry = Registry::start();
    let store = store(&registry);
    for bytes in [b"".to_vec(), b"hello".to_vec(), vec![7; 300_000]] {
        let descriptor = blob(&registry, &bytes);
        assert_eq!(store.blob(&descriptor, LIMIT).await.unwrap(), bytes);
    }
}

#[tokio::test]
async fn names_by_sha512_are_served_and_others_never_asked_for() {
    let registry = Registry::start();
    registry.content().put_blob_as(REPOSITORY, &testkit::sha512(b"x"), b"x");
    let named_by = |algorithm| Descriptor::new("m", 1, Digest::of(algorithm, b"x"));
    let store = store(&registry);
    assert_eq!(store.blob(&named_by(DigestAlgorithm::Sha512), LIMIT).await.unwrap(), b"x");
    registry.clear_log();
    let error = store.blob(&named_by(DigestAlgorithm::Sha384), LIMIT).await.unwrap_err();
    assert!(matches!(error, StoreError::Protocol { .. }), "{error}");
    assert_eq!(registry.requests().len(), 0);
}

#[tokio::test]
async fn absence_is_what_a_404_says() {
    let (registry, _) = with_image();
    let store = store(&registry);
    let nothing = Digest::sha256(b"nothing");
    for error in [
        store.manifest(&tag("v2")).await.unwrap_err(),
        store.manifest(&by_digest(&nothing.to_string())).await.unwrap_err(),
        store.blob(&Descriptor::new("m", 7, nothing), LIMIT).await.unwrap_err(),
    ] {
        assert!(error.is_absent() && error.to_string().contains("/v2/my/app/"), "{error}");
    }
}

// threat: E01
#[tokio::test]
async fn one_flipped_byte_is_found_whatever_the_digest_header_says() {
    let (registry, image) = with_image();
    let descriptor = blob(&registry, b"hello");
    let store = store(&registry);
    let other = testkit::sha256(b"other");
    let header = |value: &str| Change::Header("Docker-Content-Digest".to_owned(), value.to_owned());
    for stated in [None, Some(Change::NoHeader("Docker-Content-Digest".to_owned())), Some(header(&other))] {
        for (path, flipped) in [("/v2/my/app/manifests/*", 20), ("/v2/my/app/blobs/*", 2)] {
            registry.clear_faults();
            let mut changes = vec![Change::FlipByte(flipped)];
            changes.extend(stated.clone());
            registry.fault(Rule::new("GET", path), Action::Change(Change::All(changes)));
            let error = if path.contains("blobs") {
                store.blob(&descriptor, LIMIT).await.unwrap_err()
            } else {
                store.manifest(&by_digest(&image.digest)).await.unwrap_err()
            };
            assert!(matches!(error, StoreError::DigestMismatch { .. }), "{path} {stated:?}: {error}");
        }
    }
}

// threat: E01
#[tokio::test]
async fn digest_header_is_compared_and_never_trusted() {
    let (registry, image) = with_image();
    let lie = testkit::sha256(b"other");
    registry.fault(Rule::new("GET", "*"), Action::header("Docker-Content-Digest", &lie));
    let descriptor = blob(&registry, b"hello");
    let store = store(&registry);
    for error in [
        store.manifest(&tag("v1")).await.unwrap_err(),
        store.manifest(&by_digest(&image.digest)).await.unwrap_err(),
        store.blob(&descriptor, LIMIT).await.unwrap_err(),
    ] {
        let StoreError::DigestMismatch { expected, .. } = &error else { panic!("{error}") };
        assert_eq!(expected.to_string(), lie);
    }
    // One by another algorithm is compared as well.
    for (bytes, is_true) in [(image.bytes.as_slice(), true), (b"other", false)] {
        registry.clear_faults();
        let stated = Digest::of(DigestAlgorithm::Sha512, bytes).to_string();
        registry.fault(Rule::new("GET", "*"), Action::header("Docker-Content-Digest", &stated));
        let read = store.manifest(&by_digest(&image.digest)).await;
        match read {
            Err(StoreError::DigestMismatch { expected, .. }) => assert!(!is_true && expected.to_string() == stated),
            other => assert!(is_true && other.is_ok(), "{other:?}"),
        }
    }
    // A header that is not a digest at all says nothing.
    registry.clear_faults();
    registry.fault(Rule::new("GET", "*"), Action::header("Docker-Content-Digest", "sha256:../.."));
    assert!(store.manifest(&tag("v1")).await.is_ok());
}

// threat: E02
#[tokio::test]
async fn a_tag_is_named_by_the_body_that_was_read() {
    let (registry, image) = with_image();
    registry.fault(Rule::new("HEAD", "*"), Action::header("Docker-Content-Digest", testkit::sha256(b"other")));
    let fetched = store(&registry).manifest(&tag("v1")).await.unwrap();
    assert_eq!(fetched.digest().to_string(), image.digest);
    assert!(registry.requests().iter().all(|request| request.method == "GET"));
}

// threat: E03
#[tokio::test]
async fn digests_in_documents_are_read_by_their_grammar() {
    let registry = Registry::start();
    for bad in ["sha256:../..", "sha256:ABC", "sha-256:00", ":", "", "md5:d41d8cd98f00b204e9800998ecf8427e"] {
        let body = format!(r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"m","size":1,"digest":"{bad}"}}]}}"#);
        registry.content().put_manifest(REPOSITORY, Some("v1"), media_type::OCI_INDEX, body.as_bytes());
        let error = store(&registry).manifest(&tag("v1")).await.unwrap_err();
        assert!(matches!(error, StoreError::Manifest { .. }), "{bad}: {error}");
    }
    assert!(registry.request_lines().iter().all(|line| line == "GET /v2/my/app/manifests/v1"));
}

// threat: E05
// threat: E06
// threat: M17
#[tokio::test]
async fn manifests_that_can_be_read_in_two_ways_are_refused() {
    let (registry, image) = with_image();
    let text = String::from_utf8(image.bytes.clone()).unwrap();
    let both = text.replacen('{', r#"{"manifests":[],"#, 1);
    for (media_type, body) in [
        (media_type::OCI_MANIFEST, both.as_str()),
        (media_type::OCI_INDEX, text.as_str()),
        (media_type::OCI_MANIFEST, "hello"),
    ] {
        registry.content().put_manifest(REPOSITORY, Some("v2"), media_type, body.as_bytes());
        let error = store(&registry).manifest(&tag("v2")).await.unwrap_err();
        assert!(matches!(error, StoreError::Manifest { .. }), "{body}: {error}");
    }
}

// threat: E11
#[tokio::test]
async fn sizes_must_be_exact() {
    let registry = Registry::start();
    let right = blob(&registry, b"hello");
    let store = store(&registry);
    for chunked in [false, true] {
        registry.clear_faults();
        if chunked {
            registry.fault(Rule::new("GET", "*"), Action::delivery(Delivery::Chunked));
        }
        for size in [0, 4, 6, 1 << 20, 1 << 62] {
            let error = store.blob(&Descriptor { size, ..right.clone() }, u64::MAX).await.unwrap_err();
            let StoreError::SizeMismatch { expected, .. } = error else { panic!("{size}: {error}") };
            assert_eq!(expected, size);
        }
        assert_eq!(store.blob(&right, LIMIT).await.unwrap(), b"hello");
    }
    registry.clear_log();
    let error = store.blob(&Descriptor { size: 1 << 62, ..right }, LIMIT).await.unwrap_err();
    assert!(matches!(error, StoreError::TooLarge { .. }), "{error}");
    assert_eq!(registry.requests().len(), 0, "nothing is transferred that is announced as too large");
}

// threat: E12
#[tokio::test]
async fn urls_in_descriptors_are_never_followed() {
    let collector = RecordingServer::start();
    let registry = Registry::start();
    let layer = Digest::sha256(b"foreign");
    let manifest = format!(
        r#"{{"schemaVersion":2,"config":{{"mediaType":"m","size":2,"digest":"{0}"}},"layers":[{{"mediaType":"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip","size":7,"digest":"{0}","urls":["{1}/layer"]}}]}}"#,
        layer,
        collector.url()
    );
    registry.content().put_manifest(REPOSITORY, Some("v1"), media_type::OCI_MANIFEST, manifest.as_bytes());
    let store = store(&registry);
    let Manifest::Image(image) = store.manifest(&tag("v1")).await.unwrap().into_manifest() else {
        panic!("expected an image")
    };
    assert!(store.blob(&image.layers[0], LIMIT).await.unwrap_err().is_absent());
    assert_eq!(collector.requests().len(), 0);
}
