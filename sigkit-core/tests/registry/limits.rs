use std::time::{Duration, Instant};

use sigkit_core::digest::Digest;
use sigkit_core::limits::Limits;
use sigkit_core::oci::Descriptor;
use sigkit_core::store::{Store as _, StoreError};
use testkit::http::{Delivery, Response};
use testkit::{Action, Change, Registry, Rule};

use crate::support::{LIMIT, REPOSITORY, blob, impatient, open, quick, store, tag, with_image};

// threat: M14
#[tokio::test]
async fn an_endless_manifest_is_cut_off() {
    let (registry, _) = with_image();
    registry.fault(Rule::new("GET", "*"), Action::delivery(Delivery::Endless));
    let error = store(&registry).manifest(&tag("v1")).await.unwrap_err();
    assert!(matches!(error, StoreError::TooLarge { .. }), "{error}");
    assert_eq!(registry.requests().len(), 1);
}

#[tokio::test]
async fn a_manifest_may_be_as_large_as_the_limit() {
    let (registry, image) = with_image();
    let size = u64::try_from(image.bytes.len()).unwrap();
    for (limit, fits) in [(size, true), (size - 1, false)] {
        for delivery in [Delivery::Whole, Delivery::Chunked] {
            registry.clear_faults();
            registry.fault(Rule::new("GET", "*"), Action::delivery(delivery));
            let mut limits = Limits::DEFAULT;
            limits.manifest_bytes = limit;
            let found = open(registry.host(), quick().with_limits(limits)).manifest(&tag("v1")).await;
            match found {
                Ok(_) => assert!(fits, "{delivery:?}"),
                Err(StoreError::TooLarge { .. }) => assert!(!fits, "{delivery:?}"),
                Err(error) => panic!("{error}"),
            }
        }
    }
}

// threat: F03
#[tokio::test]
async fn a_blob_is_read_no_further_than_announced() {
    let registry = Registry::start();
    let descriptor = blob(&registry, b"hello");
    for action in [
        Action::delivery(Delivery::Endless),
        Action::content_length(1 << 40),
        Action::Change(Change::Append(vec![b'x'; 1 << 20])),
        Action::Change(Change::All(vec![Change::Append(vec![b'x'; 1 << 20]), Change::Delivery(Delivery::Chunked)])),
    ] {
        registry.clear_faults();
        registry.fault(Rule::new("GET", "*"), action.clone());
        let error = store(&registry).blob(&descriptor, LIMIT).await.unwrap_err();
        assert!(matches!(error, StoreError::SizeMismatch { expected: 5, found: 6, .. }), "{action:?}: {error}");
    }
}

// threat: F03
#[tokio::test]
async fn a_blob_may_be_as_large_as_the_limit() {
    let registry = Registry::start();
    let descriptor = blob(&registry, b"hello");
    assert!(store(&registry).blob(&descriptor, 5).await.is_ok());
    let error = store(&registry).blob(&descriptor, 4).await.unwrap_err();
    assert!(matches!(error, StoreError::TooLarge { .. }), "{error}");
}

// threat: F05
#[tokio::test]
async fn nothing_is_decompressed_in_transit() {
    let (registry, _) = with_image();
    let descriptor = blob(&registry, b"hello");
    let store = store(&registry);
    assert!(store.manifest(&tag("v1")).await.is_ok());
    assert_eq!(registry.requests()[0].header("accept-encoding"), Some("identity"));
    for coding in ["gzip", "br", "zstd", "deflate"] {
        registry.clear_faults();
        registry.fault(Rule::new("GET", "*"), Action::header("Content-Encoding", coding));
        for error in [store.manifest(&tag("v1")).await.unwrap_err(), store.blob(&descriptor, LIMIT).await.unwrap_err()]
        {
            assert!(matches!(error, StoreError::Protocol { .. }), "{coding}: {error}");
        }
    }
}

// threat: F09
#[tokio::test]
async fn drops_do_not_wear_us_down() {
    let (registry, _) = with_image();
    for delivery in [Delivery::Drip(Duration::from_millis(100)), Delivery::DripHead(Duration::from_millis(100))] {
        registry.clear_faults();
        registry.fault(Rule::new("GET", "*"), Action::delivery(delivery));
        let began = Instant::now();
        let error = open(registry.host(), impatient()).manifest(&tag("v1")).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{delivery:?}: {error}");
        assert!(began.elapsed() < Duration::from_secs(5), "{delivery:?}: {:?}", began.elapsed());
    }
}

// threat: M15
// threat: F09
#[tokio::test]
async fn silence_is_not_waited_out() {
    let (registry, _) = with_image();
    for action in [Action::Hang, Action::delivery(Delivery::HangAfter(10))] {
        registry.clear_faults();
        registry.fault(Rule::new("GET", "*"), action.clone());
        let began = Instant::now();
        let error = open(registry.host(), impatient()).manifest(&tag("v1")).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{action:?}: {error}");
        assert!(began.elapsed() < Duration::from_secs(5), "{action:?}: {:?}", began.elapsed());
    }
}

// threat: F11
// threat: M9
#[tokio::test]
async fn error_bodies_are_bounded_and_made_harmless() {
    let (registry, _) = with_image();
    let hostile = format!("\u{1b}[2J\rVerified OK\u{202e}{}", "x".repeat(50_000));
    for action in [
        Action::Respond(Response::error(403, "DENIED", &hostile)),
        Action::Respond(Response::new(403).with_body(hostile.clone())),
        Action::Respond(Response::new(403).with_delivery(Delivery::Endless)),
        Action::Respond(Response::new(403).with_delivery(Delivery::HangAfter(0)).with_header("Content-Length", "9")),
    ] {
        registry.clear_faults();
        registry.fault(Rule::new("GET", "*"), action.clone());
        let began = Instant::now();
        let error = open(registry.host(), impatient()).manifest(&tag("v1")).await.unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, StoreError::Denied { .. }), "{action:?}: {text}");
        assert!(text.len() < 5000, "{action:?}: {} bytes", text.len());
        assert!(!text.chars().any(|c| c.is_control() || c == '\u{202e}'), "{action:?}: {text}");
        assert!(began.elapsed() < Duration::from_secs(5), "{action:?}");
    }
}

// threat: F12
#[tokio::test]
async fn headers_are_bounded() {
    let (registry, _) = with_image();
    for count in [200, 100_000] {
        registry.clear_faults();
        registry.fault(Rule::new("GET", "*"), Action::Change(Change::ManyHeaders(count)));
        let error = store(&registry).manifest(&tag("v1")).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{count}: {error}");
    }
}

#[tokio::test]
async fn names_are_never_made_into_other_paths() {
    // The types admit no other names, so this is what remains: the longest ones reach the registry as they are.
    let registry = Registry::start();
    let long = "a".repeat(128);
    assert!(store(&registry).manifest(&tag(&long)).await.unwrap_err().is_absent());
    let nothing = Digest::sha256(b"nothing");
    assert!(store(&registry).blob(&Descriptor::new("m", 1, nothing), LIMIT).await.unwrap_err().is_absent());
    assert_eq!(
        registry.request_lines(),
        [format!("GET /v2/{REPOSITORY}/manifests/{long}"), format!("GET /v2/{REPOSITORY}/blobs/{nothing}")]
    );
}
