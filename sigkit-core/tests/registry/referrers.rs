use sigkit_core::digest::Digest;
use sigkit_core::limits::Limits;
use sigkit_core::store::registry::RegistryStore;
use sigkit_core::store::{Referrers, Store as _, StoreError};
use testkit::http::Response;
use testkit::image::{self, Image, OCI_INDEX, OCI_MANIFEST};
use testkit::{Action, RecordingServer, Registry, Rule, Switch};

use crate::support::{REPOSITORY, digest, open, quick, store};

const KIND: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// An image with that many referrers.
fn with_referrers(registry: &Registry, count: usize) -> Image {
    let subject = image::image(registry.content(), REPOSITORY, "v1", "layer");
    for nth in 0..count {
        let manifest = image::referrer(registry.content(), REPOSITORY, &subject, KIND, format!("{nth}").as_bytes());
        registry.content().put_manifest(REPOSITORY, None, OCI_MANIFEST, &manifest);
    }
    subject
}

fn count(referrers: &Referrers) -> usize {
    match referrers {
        Referrers::Listed(listed) => listed.len(),
        Referrers::Unsupported => panic!("expected a list"),
    }
}

#[tokio::test]
async fn all_pages_are_read() {
    let registry = Registry::builder().referrers_page(3).start();
    let subject = with_referrers(&registry, 10);
    let Referrers::Listed(listed) = store(&registry).referrers(&digest(&subject.digest)).await.unwrap() else {
        panic!("expected a list")
    };
    assert_eq!(listed.len(), 10);
    assert!(listed.iter().all(|descriptor| descriptor.artifact_type.as_deref() == Some(KIND)));
    assert_eq!(registry.requests().len(), 4);
    assert!(registry.request_lines()[0].ends_with(&subject.digest), "nothing is filtered");
}

// threat: E14
#[tokio::test]
async fn an_empty_list_is_a_list() {
    let registry = Registry::start();
    let unsigned = Digest::sha256(b"unsigned");
    assert_eq!(store(&registry).referrers(&unsigned).await.unwrap(), Referrers::Listed(Vec::new()));
    let null = format!(r#"{{"schemaVersion":2,"mediaType":"{OCI_INDEX}","manifests":null}}"#);
    registry.fault(Rule::new("GET", "*"), Action::body(null));
    assert_eq!(store(&registry).referrers(&unsigned).await.unwrap(), Referrers::Listed(Vec::new()));
}

#[tokio::test]
async fn a_registry_without_the_api_says_so() {
    let without = Registry::builder().referrers(Switch::Off).start();
    let unsigned = Digest::sha256(b"unsigned");
    assert_eq!(store(&without).referrers(&unsigned).await.unwrap(), Referrers::Unsupported);
    for status in [400, 404, 405, 406, 501] {
        let registry = Registry::start();
        registry.fault(Rule::new("GET", "*"), Action::Respond(Response::error(status, "UNSUPPORTED", "no")));
        assert_eq!(store(&registry).referrers(&unsigned).await.unwrap(), Referrers::Unsupported, "{status}");
    }
}

// threat: M6
// threat: E14
#[tokio::test]
async fn failure_is_never_taken_for_a_missing_api() {
    let unsigned = Digest::sha256(b"unsigned");
    for (action, denied) in [
        (Action::status(401), true),
        (Action::status(403), true),
        (Action::Respond(Response::error(404, "DENIED", "no")), true),
        (Action::Respond(Response::error(400, "UNAUTHORIZED", "no")), false),
        (Action::status(429), false),
        (Action::status(500), false),
        (Action::status(502), false),
        (Action::status(503), false),
        (Action::status(504), false),
        (Action::status(204), false),
        (Action::status(206), false),
        (Action::status(301), false),
        (Action::status(409), false),
        (Action::Disconnect, false),
        (Action::html(), false),
        (Action::body("{}"), false),
        (Action::body("[]"), false),
        (Action::body(""), false),
        (Action::body(r#"{"schemaVersion":2}"#), false),
        (Action::body(r#"{"schemaVersion":1,"manifests":[]}"#), false),
        (Action::body(r#"{"schemaVersion":2,"manifests":[],"manifests":[]}"#), false),
        (Action::body(format!(r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","manifests":[]}}"#)), false),
        (Action::body(r#"{"schemaVersion":2,"manifests":[{"digest":"sha256:x","size":1}]}"#), false),
    ] {
        let registry = Registry::start();
        registry.fault(Rule::new("GET", "*"), action.clone());
        match store(&registry).referrers(&unsigned).await {
            Ok(found) => panic!("{action:?}: {found:?}"),
            Err(StoreError::Denied { .. }) => assert!(denied, "{action:?}"),
            Err(StoreError::Unavailable { .. } | StoreError::Protocol { .. }) => assert!(!denied, "{action:?}"),
            Err(error) => panic!("{action:?}: {error}"),
        }
    }
}

// threat: F04
#[tokio::test]
async fn a_page_that_cannot_be_read_is_not_the_end_of_the_list() {
    for action in [Action::status(404), Action::status(500), Action::html(), Action::Disconnect] {
        let registry = Registry::builder().referrers_page(2).start();
        let subject = with_referrers(&registry, 5);
        registry.fault(Rule::new("GET", "*from=2*"), action.clone());
        let error = store(&registry).referrers(&digest(&subject.digest)).await.unwrap_err();
        assert!(!error.is_absent(), "{action:?}: {error}");
    }
}

// threat: R34
// Fails when an error of a later page, or a limit, takes away what was listed before it, or is not told.
#[tokio::test]
async fn failure_on_a_later_page_keeps_what_was_listed() {
    for action in [Action::status(404), Action::status(500), Action::html(), Action::Disconnect] {
        let registry = Registry::builder().referrers_page(2).start();
        let subject = with_referrers(&registry, 5);
        registry.fault(Rule::new("GET", "*from=2*"), action.clone());
        assert_eq!(listed(&store(&registry), &subject.digest).await, (2, 1), "{action:?}");
    }
    let mut limits = Limits::DEFAULT;
    (limits.referrers, limits.referrer_pages) = (4, 3);
    for (page, expected) in [(1, 3), (2, 4)] {
        let registry = Registry::builder().referrers_page(page).start();
        let subject = with_referrers(&registry, 9);
        let store = open(registry.host(), quick().with_limits(limits.clone()));
        assert_eq!(listed(&store, &subject.digest).await, (expected, 1), "pages of {page}");
    }
}

/// How many referrers a store lists, and how many errors it reports.
async fn listed(store: &RegistryStore, subject: &str) -> (usize, usize) {
    let (mut entries, mut troubles) = (0, 0);
    store
        .list_referrers(&digest(subject), &mut |entry| match entry {
            Ok(_) => entries += 1,
            Err(_) => troubles += 1,
        })
        .await;
    (entries, troubles)
}

// threat: F04
#[tokio::test]
async fn links_stay_on_the_registry_and_lead_on() {
    let elsewhere = RecordingServer::start();
    let registry = Registry::builder().referrers_page(1).start();
    let subject = with_referrers(&registry, 3);
    let path = format!("/v2/{REPOSITORY}/referrers/{}", subject.digest);
    for link in [
        format!("<{path}>; rel=\"next\""),
        format!("<{}{path}>; rel=next", elsewhere.url()),
        format!("<//{}{path}>; rel=next", elsewhere.host()),
        format!("<http://user@{}{path}?a=b>; rel=next", registry.host()),
        "<file:///etc/passwd>; rel=next".to_owned(),
    ] {
        registry.clear_faults();
        registry.fault(Rule::new("GET", "*"), Action::header("Link", &link));
        let error = store(&registry).referrers(&digest(&subject.digest)).await.unwrap_err();
        assert!(matches!(error, StoreError::Protocol { .. }), "{link}: {error}");
    }
    assert_eq!(elsewhere.requests().len(), 0);
}

// threat: F04
#[tokio::test]
async fn pages_and_entries_are_bounded() {
    let mut limits = Limits::DEFAULT;
    (limits.referrers, limits.referrer_pages) = (4, 3);
    for (page, entries, fits) in [(1, 3, true), (1, 4, false), (2, 4, true), (2, 5, false), (9, 4, true), (9, 5, false)]
    {
        let registry = Registry::builder().referrers_page(page).start();
        let subject = with_referrers(&registry, entries);
        let store = open(registry.host(), quick().with_limits(limits.clone()));
        let found = store.referrers(&digest(&subject.digest)).await;
        match found {
            Ok(found) => assert!(fits && count(&found) == entries, "{page} {entries}"),
            Err(StoreError::TooLarge { .. }) => assert!(!fits, "{page} {entries}"),
            Err(error) => panic!("{page} {entries}: {error}"),
        }
        assert!(registry.requests().len() <= 3);
    }
}
