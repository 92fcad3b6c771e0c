use sigkit_core::http::AddressPolicy;
use sigkit_core::store::{Store as _, StoreError};
use testkit::http::Response;
use testkit::{Action, Auth, RecordingServer, Registry, Rule};

use crate::support::{LIMIT, REPOSITORY, basic, blob, open, quick, store, tag, with, with_image};

#[tokio::test]
async fn a_blob_may_lie_elsewhere() {
    let registry = Registry::start();
    let descriptor = blob(&registry, b"hello");
    let storage = RecordingServer::answering(Response::new(200).with_body("hello"));
    registry.fault(Rule::new("GET", "/v2/*"), Action::redirect(format!("{}/bucket/x?sig=1", storage.url())));
    assert_eq!(store(&registry).blob(&descriptor, LIMIT).await.unwrap(), b"hello");
    assert_eq!(storage.requests()[0].target, "/bucket/x?sig=1");
}

#[tokio::test]
async fn a_registry_that_moved_may_say_that_something_is_not_there() {
    let moved = Registry::start();
    let registry = Registry::start();
    registry.fault(Rule::new("GET", "*"), Action::redirect(format!("{}/v2/new/home/manifests/v1", moved.url())));
    assert!(store(&registry).manifest(&tag("v1")).await.unwrap_err().is_absent());
    // What lies elsewhere says nothing about the tag.
    registry.clear_faults();
    for elsewhere in ["/login", "/v2/new/home/manifests/v2", "/v2/new/home/blobs/v1"] {
        registry.fault(Rule::new("GET", "*").first(1), Action::redirect(format!("{}{elsewhere}", moved.url())));
        let error = store(&registry).manifest(&tag("v1")).await.unwrap_err();
        assert!(matches!(error, StoreError::Protocol { .. }), "{elsewhere}: {error}");
        registry.clear_faults();
    }
}

// threat: G03
#[tokio::test]
async fn credentials_are_dropped_at_a_redirect_for_good() {
    let registry = Registry::builder().auth(Auth::basic("u", "S3CRET")).start();
    let descriptor = blob(&registry, b"hello");
    let back =
        RecordingServer::answering(Response::new(302).with_header("Location", format!("{}/back", registry.url())));
    registry.fault(Rule::new("GET", "/back"), Action::Respond(Response::new(200).with_body("hello")));
    let path = format!("/v2/{REPOSITORY}/blobs/{}", descriptor.digest);
    registry.fault(Rule::new("GET", &path).nth(2), Action::redirect(format!("{}/away", back.url())));
    let store = open(registry.host(), with(registry.host(), basic("u", "S3CRET")));
    assert_eq!(store.blob(&descriptor, LIMIT).await.unwrap(), b"hello");
    assert_eq!((back.requests().len(), back.secrets()), (1, Vec::new()));
    let sent: Vec<bool> = registry.requests().iter().map(|request| request.header("authorization").is_some()).collect();
    assert_eq!(sent, [false, true, false], "challenge, answer, and nothing on the way back");
}

// threat: G03
#[tokio::test]
async fn a_challenge_from_elsewhere_is_not_answered() {
    let registry = Registry::builder().auth(Auth::basic("u", "S3CRET")).start();
    let descriptor = blob(&registry, b"hello");
    let challenge = Response::new(401).with_header("WWW-Authenticate", "Basic realm=\"x\"");
    let elsewhere = RecordingServer::answering(challenge);
    registry.fault(Rule::new("GET", "*"), Action::redirect(format!("{}/x", elsewhere.url())));
    let store = open(registry.host(), with(registry.host(), basic("u", "S3CRET")));
    let error = store.blob(&descriptor, LIMIT).await.unwrap_err();
    assert!(matches!(error, StoreError::Denied { .. }), "{error}");
    assert_eq!(elsewhere.secrets(), Vec::<String>::new());
    assert_eq!(registry.requests().len(), 1, "nor is it passed on to the registry");
}

// threat: F10
#[tokio::test]
async fn redirects_end() {
    let (registry, _) = with_image();
    registry.fault(Rule::new("GET", "*"), Action::redirect("/v2/my/app/manifests/v1"));
    let error = store(&registry).manifest(&tag("v1")).await.unwrap_err();
    assert!(matches!(error, StoreError::Protocol { .. }), "{error}");
    assert_eq!(registry.requests().len(), 6);
}

// threat: F10
#[tokio::test]
async fn five_redirects_are_followed() {
    let (registry, _) = with_image();
    for hop in 1..=5 {
        registry
            .fault(Rule::new("GET", "*v1*").nth(hop), Action::redirect(format!("/v2/my/app/manifests/v1?hop={hop}")));
    }
    assert!(store(&registry).manifest(&tag("v1")).await.is_ok());
}

// threat: G04
#[tokio::test]
async fn strange_targets_are_not_gone_to() {
    let (registry, _) = with_image();
    for target in ["file:///etc/passwd", "ftp://127.0.0.1/", "http://user:pw@127.0.0.1:1/", "http://", "gopher:x"] {
        registry.clear_faults();
        registry.fault(Rule::new("GET", "*").first(1), Action::redirect(target));
        let error = store(&registry).manifest(&tag("v1")).await.unwrap_err();
        assert!(!error.is_absent(), "{target}: {error}");
    }
}

// threat: G04
#[tokio::test]
async fn registry_that_the_client_may_not_contact_gets_no_request() {
    let (registry, _) = with_image();
    let port = registry.address().port();
    for host in [registry.host().to_owned(), format!("localhost:{port}")] {
        let options = quick().with_address_policy(AddressPolicy::NoLocal);
        let error = open(&host, options).manifest(&tag("v1")).await.unwrap_err();
        assert_eq!(error.code(), "store-protocol", "{error}");
        assert!(error.to_string().contains("may not contact"), "{error}");
        let options = quick().with_allowed_registries(["registry.example", "*.test"]);
        let error = open(&host, options).manifest(&tag("v1")).await.unwrap_err();
        assert_eq!(error.code(), "store-options", "{error}");
    }
    assert!(registry.requests().is_empty());
    let options = quick().with_allowed_registries([registry.host()]);
    assert!(open(registry.host(), options).manifest(&tag("v1")).await.is_ok());
}
