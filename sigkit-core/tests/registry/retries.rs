use std::time::{Duration, Instant};

use sigkit_core::digest::Digest;
use sigkit_core::oci::TagOrDigest;
use sigkit_core::store::{BlobSource, Store as _, StoreError, StoreWrite as _};
use testkit::http::{Delivery, Response};
use testkit::{Action, Registry, Rule, image, refused_address};

use crate::support::{LIMIT, blob, open, quick, store, tag, with_image};

// threat: G14
#[tokio::test]
async fn transient_failure_is_retried() {
    for action in [
        Action::status(429),
        Action::status(500),
        Action::status(502),
        Action::status(503),
        Action::status(504),
        Action::status(408),
        Action::Disconnect,
        Action::delivery(Delivery::Cut(10)),
    ] {
        let (registry, _) = with_image();
        registry.fault(Rule::new("GET", "*").first(3), action.clone());
        let found = store(&registry).manifest(&tag("v1")).await;
        assert!(found.is_ok(), "{action:?}: {:?}", found.err());
        assert_eq!(registry.requests().len(), 4, "{action:?}");
    }
}

// threat: G14
#[tokio::test]
async fn four_tries_are_the_end() {
    for action in [Action::status(429), Action::status(503), Action::Disconnect] {
        let (registry, _) = with_image();
        registry.fault(Rule::new("GET", "*"), action.clone());
        let error = store(&registry).manifest(&tag("v1")).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{action:?}: {error}");
        assert!(error.to_string().contains("4 tries"), "{error}");
        assert_eq!(registry.requests().len(), 4, "{action:?}");
    }
}

// threat: G14
#[tokio::test]
async fn refusals_are_final() {
    for status in [400, 401, 403, 404, 405, 409, 410, 416, 451, 501] {
        let (registry, _) = with_image();
        registry.fault(Rule::new("GET", "*"), Action::status(status));
        assert!(store(&registry).manifest(&tag("v1")).await.is_err());
        // Who refuses and does not say what it wants is asked for that, once.
        let asked = if status == 401 { 2 } else { 1 };
        assert_eq!(registry.requests().len(), asked, "{status}");
    }
}

// threat: G14
#[tokio::test]
async fn retry_after_is_followed_within_bounds() {
    let after = |value: &str| Action::Respond(Response::new(429).with_header("Retry-After", value));
    let (registry, _) = with_image();
    registry.fault(Rule::new("GET", "*").first(1), after("1"));
    let began = Instant::now();
    assert!(store(&registry).manifest(&tag("v1")).await.is_ok());
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
    // A pause beyond a minute, or beyond the total of 40 s, is not waited for.
    for value in ["61", "1000000000", "99999999999999999999999", "50"] {
        let (registry, _) = with_image();
        registry.fault(Rule::new("GET", "*"), after(value));
        let began = Instant::now();
        let error = store(&registry).manifest(&tag("v1")).await.unwrap_err();
        assert!(error.to_string().contains("asks to retry after"), "{error}");
        assert_eq!(registry.requests().len(), 1, "{value}");
        assert!(began.elapsed() < Duration::from_secs(5), "{value}");
    }
    let (registry, _) = with_image();
    registry.fault(Rule::new("GET", "*").first(1), after("soon"));
    assert!(store(&registry).manifest(&tag("v1")).await.is_ok());
}

// threat: R39
#[tokio::test]
async fn too_many_requests_waits_while_others_are_served() {
    let (registry, image) = with_image();
    registry.content().put_tag(crate::support::REPOSITORY, "v2", &image.digest);
    registry.fault(Rule::new("GET", "*/manifests/v2").first(5), Action::status(429));
    let store = store(&registry);
    let (one, other) = (tag("v2"), tag("v1"));
    let waits = store.manifest(&one);
    let served = async {
        loop {
            store.manifest(&other).await.unwrap();
        }
    };
    let found = tokio::select! {
        found = waits => found,
        () = served => unreachable!("it goes on for ever"),
    };
    assert!(found.is_ok(), "{:?}", found.err());
}

// threat: R37
#[tokio::test]
async fn silent_registry_is_waited_for_once_by_overlapping_requests() {
    let (registry, _) = with_image();
    // One operation hangs while others begin and end.
    registry.fault(Rule::new("GET", "*/manifests/held"), Action::delivery(Delivery::Hang));
    registry.fault(Rule::new("*", "*"), Action::Disconnect);
    let store = store(&registry);
    let held = tag("held");
    let overlapping = async {
        while registry.requests().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let first = store.manifest(&tag("v1")).await.unwrap_err();
        assert!(first.to_string().contains("4 tries"), "{first}");
        for _ in 0..3 {
            let error = store.manifest(&tag("v1")).await.unwrap_err();
            assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
            assert!(error.to_string().contains("still does not answer"), "{error}");
        }
        assert_eq!(registry.requests().len(), 6, "one that hangs, four tries, one probe");
    };
    tokio::select! {
        found = store.manifest(&held) => unreachable!("{found:?}"),
        () = overlapping => {}
    }
    // With the last of them, what they found out is gone: the registry is asked as if nothing had been.
    registry.clear_log();
    let error = store.manifest(&tag("v1")).await.unwrap_err();
    assert!(error.to_string().contains("4 tries"), "{error}");
    assert_eq!(registry.requests().len(), 4);
    registry.clear_faults();
    assert!(store.manifest(&tag("v1")).await.is_ok());
    // Where only one thing is not answered, the others are.
    let (registry, _) = with_image();
    registry.fault(Rule::new("GET", "*/manifests/silent"), Action::Disconnect);
    let store = open(registry.host(), quick());
    assert!(store.manifest(&tag("silent")).await.is_err());
    assert!(store.manifest(&tag("v1")).await.is_ok());
}

// threat: N05
#[tokio::test]
async fn refused_connection_is_a_failure() {
    let refused = open(&refused_address().to_string(), quick());
    let error = refused.manifest(&tag("v1")).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    assert!(error.to_string().contains("refused") && error.to_string().contains("4 tries"), "{error}");
    let nowhere = open("no-such-host.invalid", quick());
    let error = nowhere.manifest(&tag("v1")).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
}

// threat: G14
#[tokio::test]
async fn a_tag_is_never_written_twice_without_looking_again() {
    for action in [
        Action::status(429),
        Action::status(503),
        Action::status(500),
        Action::status(502),
        Action::Disconnect,
        Action::DisconnectAfter,
    ] {
        let (registry, image) = with_image();
        registry.fault(Rule::new("PUT", "*"), action.clone());
        let pushed = store(&registry).push_manifest(&tag("v2"), image::OCI_MANIFEST, &image.bytes).await;
        assert!(matches!(pushed, Err(StoreError::Unavailable { .. })), "{action:?}: {pushed:?}");
        assert_eq!(registry.requests().len(), 1, "{action:?}");
    }
}

// threat: G14
#[tokio::test]
async fn what_is_named_by_its_content_is_written_again() {
    for action in [Action::status(500), Action::status(502), Action::Disconnect, Action::DisconnectAfter] {
        let (registry, image) = with_image();
        let store = store(&registry);
        registry.fault(Rule::new("PUT", "*").first(3), action.clone());
        let target = TagOrDigest::Digest(image.digest.parse().unwrap());
        let pushed = store.push_manifest(&target, image::OCI_MANIFEST, &image.bytes).await;
        assert!(pushed.is_ok(), "{action:?}: {pushed:?}");
        assert_eq!(registry.requests().len(), 4, "{action:?}");
        registry.clear_faults();
        registry.fault(Rule::new("PUT", "*").first(3), action.clone());
        store.push_blob(BlobSource::bytes(b"blob".into(), &Digest::sha256(b"blob"))).await.unwrap();
    }
}

// threat: G14
#[tokio::test]
async fn uploads_are_bounded_too() {
    let registry = Registry::start();
    registry.fault(Rule::new("POST", "*"), Action::status(503));
    assert!(store(&registry).push_blob(BlobSource::bytes(b"x".into(), &Digest::sha256(b"x"))).await.is_err());
    assert_eq!(registry.requests().len(), 5, "a look and four tries");
    registry.clear_faults();
    registry.clear_log();
    registry.fault(Rule::new("PUT", "*"), Action::Disconnect);
    assert!(store(&registry).push_blob(BlobSource::bytes(b"x".into(), &Digest::sha256(b"x"))).await.is_err());
    assert_eq!(registry.requests().len(), 9, "a look and four uploads of two requests");
}

#[tokio::test]
async fn a_cut_blob_is_fetched_again() {
    let registry = Registry::start();
    let descriptor = blob(&registry, &[7; 100_000]);
    registry.fault(Rule::new("GET", "*").first(2), Action::delivery(Delivery::Cut(50_000)));
    assert_eq!(store(&registry).blob(&descriptor, LIMIT).await.unwrap().len(), 100_000);
    assert_eq!(registry.requests().len(), 3);
}
