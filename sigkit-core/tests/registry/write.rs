use std::sync::Arc;

use sigkit_core::digest::Digest;
use sigkit_core::oci::{Descriptor, TagOrDigest};
use sigkit_core::store::{
    BlobSource, Precondition, Store as _, StoreError, StoreWrite as _, SubjectIndexed, TagListed, TagWriter as _,
};
use testkit::http::{Delivery, Response};
use testkit::image::{self, OCI_MANIFEST};
use testkit::{Action, Change, Registry, Rule, Switch};

use crate::support::{LIMIT, REPOSITORY, by_digest, digest, name, open, quick, store, tag, with_image};

#[tokio::test]
async fn a_blob_is_uploaded_once() {
    let registry = Registry::start();
    let store = store(&registry);
    let name = Digest::sha256(b"hello");
    for _ in 0..2 {
        store.push_blob(BlobSource::bytes(b"hello".into(), &name)).await.unwrap();
    }
    let methods: Vec<String> = registry.requests().into_iter().map(|request| request.method).collect();
    assert_eq!(methods, ["HEAD", "POST", "PUT", "HEAD"]);
    assert_eq!(store.blob(&Descriptor::of("m", b"hello"), LIMIT).await.unwrap(), b"hello");
    store.push_blob(BlobSource::bytes(b"".into(), &Digest::sha256(b""))).await.unwrap();
    assert_eq!(registry.content().blob(REPOSITORY, &testkit::sha256(b"")).unwrap(), b"");
}

#[tokio::test]
async fn bytes_are_not_pushed_under_a_name_that_is_not_theirs() {
    let registry = Registry::start();
    let store = store(&registry);
    let other = Digest::sha256(b"other");
    assert!(matches!(
        store.push_blob(BlobSource::bytes(b"hello".into(), &other)).await,
        Err(StoreError::DigestMismatch { .. })
    ));
    let pushed = store.push_manifest(&TagOrDigest::Digest(other), OCI_MANIFEST, b"{}").await;
    assert!(matches!(pushed, Err(StoreError::DigestMismatch { .. })));
    assert_eq!(registry.requests().len(), 0);
}

#[tokio::test]
async fn manifests_are_pushed_byte_for_byte() {
    let (registry, image) = with_image();
    let store = store(&registry);
    for target in [tag("v2"), by_digest(&image.digest)] {
        store.push_manifest(&target, OCI_MANIFEST, &image.bytes).await.unwrap();
    }
    let stored = registry.content().manifest(REPOSITORY, "v2").unwrap();
    assert_eq!((stored.media_type.as_str(), stored.bytes), (OCI_MANIFEST, image.bytes));
}

#[tokio::test]
async fn a_registry_may_leave_out_location() {
    let registry = Registry::builder().push_location(Switch::Off).start();
    let image = image::image(registry.content(), REPOSITORY, "v1", "layer");
    let store = store(&registry);
    store.push_blob(BlobSource::bytes(b"hello".into(), &Digest::sha256(b"hello"))).await.unwrap();
    store.push_manifest(&by_digest(&image.digest), OCI_MANIFEST, &image.bytes).await.unwrap();
}

#[tokio::test]
async fn the_subject_is_indexed_when_the_registry_says_so() {
    for (header, expected) in [(Switch::On, SubjectIndexed::Yes), (Switch::Off, SubjectIndexed::NotStated)] {
        let registry = Registry::builder().oci_subject_header(header).start();
        let subject = image::image(registry.content(), REPOSITORY, "v1", "layer");
        let bytes = image::referrer(registry.content(), REPOSITORY, &subject, "application/x", b"payload");
        let target = TagOrDigest::Digest(Digest::sha256(&bytes));
        let pushed = store(&registry).push_manifest(&target, OCI_MANIFEST, &bytes).await.unwrap();
        assert_eq!(pushed, expected);
        let plain = store(&registry).push_manifest(&tag("v2"), OCI_MANIFEST, &subject.bytes).await;
        assert_eq!(plain.unwrap(), SubjectIndexed::NotStated);
    }
}

// threat: H01
#[tokio::test]
async fn moved_tag_is_not_overwritten_with_conditional_writes() {
    let registry = Registry::builder().etags(Switch::On).start();
    let first = image::image(registry.content(), REPOSITORY, "v1", "first");
    let other = image::image(registry.content(), REPOSITORY, "other", "other");
    let store = store(&registry);
    let read = store.manifest(&tag("v1")).await.unwrap().digest();
    // Another writer moves the tag.
    registry.content().put_tag(REPOSITORY, "v1", &other.digest);
    let pushed = store.push_tag(&name("v1"), OCI_MANIFEST, &first.bytes, Precondition::Unchanged(read)).await;
    assert!(matches!(pushed, Err(StoreError::Conflict { .. })), "{pushed:?}");
    assert_eq!(registry.content().tag(REPOSITORY, "v1").unwrap(), other.digest);
    // Having looked again, we may write, and again after our own write.
    let read = store.manifest(&tag("v1")).await.unwrap().digest();
    store.push_tag(&name("v1"), OCI_MANIFEST, &first.bytes, Precondition::Unchanged(read)).await.unwrap();
    let ours = Precondition::Unchanged(digest(&first.digest));
    store.push_tag(&name("v1"), OCI_MANIFEST, &other.bytes, ours).await.unwrap();
}

// threat: H01
// threat: M8
#[tokio::test]
async fn new_tag_is_not_overwritten_with_conditional_writes() {
    let registry = Registry::builder().etags(Switch::On).start();
    let image = image::image(registry.content(), REPOSITORY, "v1", "first");
    let store = store(&registry);
    store.push_tag(&name("v2"), OCI_MANIFEST, &image.bytes, Precondition::Absent).await.unwrap();
    let pushed = store.push_tag(&name("v2"), OCI_MANIFEST, &image.bytes, Precondition::Absent).await;
    assert!(matches!(pushed, Err(StoreError::Conflict { .. })), "{pushed:?}");
}

// threat: H01
#[tokio::test]
async fn digest_not_read_here_is_not_a_condition() {
    let (registry, image) = with_image();
    let store = store(&registry);
    // Without an entity tag, or with a weak one, there is nothing to compare.
    for fault in [None, Some(Action::header("ETag", "W/\"1\""))] {
        registry.clear_faults();
        if let Some(fault) = fault {
            registry.fault(Rule::new("GET", "*"), fault);
        }
        let read = store.manifest(&tag("v1")).await.unwrap().digest();
        registry.clear_log();
        store.push_tag(&name("v1"), OCI_MANIFEST, &image.bytes, Precondition::Unchanged(read)).await.unwrap();
        assert_eq!(registry.requests()[0].header("if-match"), None);
    }
}

#[tokio::test]
async fn immutable_tags_are_named_as_such() {
    let registry = Registry::builder().immutable_tags(Switch::On).start();
    let first = image::image(registry.content(), REPOSITORY, "v1", "first");
    let other = image::image(registry.content(), REPOSITORY, "v2", "other");
    let store = store(&registry);
    store.push_manifest(&tag("v1"), OCI_MANIFEST, &first.bytes).await.unwrap();
    let pushed = store.push_manifest(&tag("v1"), OCI_MANIFEST, &other.bytes).await;
    assert!(matches!(pushed, Err(StoreError::Immutable { .. })), "{pushed:?}");
    let ecr = "The image tag 'v1' already exists in the 'my/app' repository and cannot be overwritten because the tag is immutable.";
    for (status, code, message, immutable) in [
        (400, "TAG_INVALID", ecr, true),
        (400, "ImageTagAlreadyExistsException", "", true),
        (412, "PRECONDITION", "Failed to process request due to 'app:v1' configured as immutable.", true),
        (409, "DENIED", "tag v1 is immutable", true),
        (412, "PRECONDITION_FAILED", "", false),
        (409, "CONFLICT", "", false),
    ] {
        registry.clear_faults();
        registry.fault(Rule::new("PUT", "*"), Action::Respond(Response::error(status, code, message)));
        match store.push_manifest(&tag("v1"), OCI_MANIFEST, &first.bytes).await {
            Err(StoreError::Immutable { detail, .. }) => assert!(immutable && detail.contains(code), "{code}"),
            Err(StoreError::Conflict { .. }) => assert!(!immutable, "{code}"),
            other => panic!("{code}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn refused_writes_say_why() {
    let (registry, image) = with_image();
    let store = store(&registry);
    for (status, expected) in [
        (401, "access-denied"),
        (403, "access-denied"),
        (404, "store-protocol"),
        (405, "store-read-only"),
        (413, "store-refused"),
        (200, "store-protocol"),
    ] {
        registry.clear_faults();
        let answer = Response::error(status, "CODE", "the reason");
        registry.fault(Rule::new("PUT", "*"), Action::Respond(answer.clone()));
        registry.fault(Rule::new("POST", "*"), Action::Respond(answer));
        let manifest = store.push_manifest(&tag("v2"), OCI_MANIFEST, &image.bytes).await.unwrap_err();
        let blob = store.push_blob(BlobSource::bytes(b"new".into(), &Digest::sha256(b"new"))).await.unwrap_err();
        for error in [manifest, blob] {
            assert_eq!(error.code(), expected, "{status}: {error}");
            assert!(status == 200 || error.to_string().contains("the reason"), "{error}");
        }
    }
}

#[tokio::test]
async fn the_detail_of_an_error_is_shown() {
    for (detail, shown) in [
        (r#"{"Digest":"sha256:77"}"#, r#"(SOME_CODE: the reason: {"Digest":"sha256:77"})"#),
        (r#""unknown tag=v2""#, "(SOME_CODE: the reason: unknown tag=v2)"),
        ("null", "(SOME_CODE: the reason)"),
        ("{}", "(SOME_CODE: the reason)"),
    ] {
        let (registry, image) = with_image();
        let body = format!(r#"{{"errors":[{{"code":"SOME_CODE","message":"the reason","detail":{detail}}}]}}"#);
        let mut answer = Response::new(400);
        answer.body = body.into_bytes();
        registry.fault(Rule::new("PUT", "*"), Action::Respond(answer));
        let store = store(&registry);
        let error = store.push_manifest(&tag("v2"), OCI_MANIFEST, &image.bytes).await.unwrap_err();
        assert!(error.to_string().contains(shown), "{error}");
    }
}

// threat: R36
#[tokio::test]
async fn lost_upload_is_begun_again() {
    for (status, code) in [
        (404, "BLOB_UPLOAD_UNKNOWN"),
        (404, ""),
        (416, "RANGE_INVALID"),
        (400, "DIGEST_INVALID"),
        (400, "BLOB_UPLOAD_INVALID"),
    ] {
        let registry = Registry::start();
        let store = store(&registry);
        let lost = Action::Respond(Response::error(status, code, ""));
        registry.fault(Rule::new("PUT", "*").first(2), lost.clone());
        store.push_blob(BlobSource::bytes(b"hello".into(), &Digest::sha256(b"hello"))).await.unwrap();
        assert_eq!(registry.content().blob(REPOSITORY, &testkit::sha256(b"hello")).unwrap(), b"hello");
        registry.clear_faults();
        registry.fault(Rule::new("PUT", "*"), lost);
        let error = store.push_blob(BlobSource::bytes(b"more".into(), &Digest::sha256(b"more"))).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
        assert!(error.to_string().contains("the upload was lost") && error.to_string().contains("4 tries"), "{error}");
    }
}

// threat: R36
#[tokio::test]
async fn what_a_registry_says_it_lacks_is_an_error_of_its_own() {
    let (registry, image) = with_image();
    let store = store(&registry);
    for status in [400, 404] {
        for code in ["MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN", "MANIFEST_UNKNOWN", "DIGEST_INVALID"] {
            registry.clear_faults();
            registry.fault(Rule::new("PUT", "*"), Action::Respond(Response::error(status, code, "")));
            for target in [tag("v2"), by_digest(&image.digest)] {
                let error = store.push_manifest(&target, OCI_MANIFEST, &image.bytes).await.unwrap_err();
                assert_eq!(error.code(), "store-lacks", "{status} {code}: {error}");
            }
        }
    }
}

// threat: R36
#[tokio::test]
async fn registry_rejecting_conditions_is_written_without_them() {
    for status in [400, 405, 417, 428, 501] {
        let (registry, image) = with_image();
        let store = store(&registry);
        let refused = Response::error(status, "UNSUPPORTED", "no conditions");
        registry.fault(Rule::new("PUT", "*").first(1), Action::Respond(refused.clone()));
        let write = async || store.push_tag(&name("v2"), OCI_MANIFEST, &image.bytes, Precondition::Absent).await;
        let pushed = write().await;
        assert!(matches!(pushed, Err(StoreError::Conflict { .. })), "{status}: {pushed:?}");
        write().await.unwrap();
        let conditions =
            registry.requests().iter().map(|put| put.header("if-none-match").is_some()).collect::<Vec<_>>();
        assert_eq!(conditions, [true, false], "{status}");
        // Without a condition the same answer means what it says.
        registry.clear_faults();
        registry.fault(Rule::new("PUT", "*"), Action::Respond(refused));
        let error = write().await.unwrap_err();
        assert!(!matches!(error, StoreError::Conflict { .. }), "{status}: {error}");
    }
}

#[tokio::test]
async fn what_the_registry_says_it_stored_is_compared() {
    let (registry, image) = with_image();
    let other = testkit::sha256(b"other");
    registry.fault(Rule::new("PUT", "*"), Action::header("Docker-Content-Digest", other));
    let store = store(&registry);
    let manifest = store.push_manifest(&tag("v2"), OCI_MANIFEST, &image.bytes).await.unwrap_err();
    let blob = store.push_blob(BlobSource::bytes(b"new".into(), &Digest::sha256(b"new"))).await.unwrap_err();
    for error in [manifest, blob] {
        assert!(matches!(error, StoreError::DigestMismatch { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_blob_is_uploaded_unless_it_is_there_for_sure() {
    let registry = Registry::start();
    let chunked = Response::new(200).with_delivery(Delivery::Chunked);
    for answer in [Response::new(200).with_header("Content-Length", "3"), chunked] {
        registry.clear_faults();
        registry.content().remove_blob(REPOSITORY, &testkit::sha256(b"hello"));
        registry.fault(Rule::new("HEAD", "*"), Action::Respond(answer));
        store(&registry).push_blob(BlobSource::bytes(b"hello".into(), &Digest::sha256(b"hello"))).await.unwrap();
        assert_eq!(registry.content().blob(REPOSITORY, &testkit::sha256(b"hello")).unwrap(), b"hello");
    }
}

#[tokio::test]
async fn upload_places_keep_their_state() {
    let registry = Registry::start();
    let stateful = |location: &str| Action::Change(Change::Header("Location".to_owned(), location.to_owned()));
    for location in [
        "/v2/my/app/blobs/uploads/upload-1?_state=a%2Fb+c%3D%3D",
        "upload-2?_state=a%2Fb+c%3D%3D",
        &format!("{}/v2/my/app/blobs/uploads/upload-3?_state=a%2Fb+c%3D%3D", registry.url()),
    ] {
        registry.clear_faults();
        registry.clear_log();
        registry.fault(Rule::new("POST", "*"), stateful(location));
        store(&registry)
            .push_blob(BlobSource::bytes(location.as_bytes().into(), &Digest::sha256(location.as_bytes())))
            .await
            .unwrap();
        let put = registry.requests().into_iter().find(|request| request.method == "PUT").unwrap();
        assert!(put.target.contains("?_state=a%2Fb+c%3D%3D&digest=sha256:"), "{}", put.target);
    }
    for location in ["", "file:///tmp/x", "http://user:pw@127.0.0.1:1/x", "http://"] {
        registry.clear_faults();
        registry.fault(Rule::new("POST", "*"), stateful(location));
        let error =
            store(&registry).push_blob(BlobSource::bytes(b"z".into(), &Digest::sha256(b"z"))).await.unwrap_err();
        assert!(matches!(error, StoreError::Protocol { .. }), "{location}: {error}");
    }
    registry.clear_faults();
    registry.fault(Rule::new("POST", "*"), Action::Change(Change::NoHeader("Location".to_owned())));
    let error = store(&registry).push_blob(BlobSource::bytes(b"z".into(), &Digest::sha256(b"z"))).await.unwrap_err();
    assert!(matches!(error, StoreError::Protocol { .. }), "{error}");
}

#[tokio::test]
async fn another_writer_in_between_is_seen() {
    let registry = Arc::new(Registry::builder().etags(Switch::On).start());
    let first = image::image(registry.content(), REPOSITORY, "v1", "first");
    let other = image::image(registry.content(), REPOSITORY, "other", "other");
    let store = open(registry.host(), quick());
    let read = store.manifest(&tag("v1")).await.unwrap().digest();
    let writer = Arc::downgrade(&registry);
    registry.fault(
        Rule::new("PUT", "*").first(1),
        Action::Run(Arc::new(move || {
            if let Some(registry) = writer.upgrade() {
                registry.content().put_tag(REPOSITORY, "v1", &other.digest);
                // Not the last handle: dropping that one here would join this very thread.
                std::mem::drop(registry);
            }
        })),
    );
    let pushed = store.push_tag(&name("v1"), OCI_MANIFEST, &first.bytes, Precondition::Unchanged(read)).await;
    assert!(matches!(pushed, Err(StoreError::Conflict { .. })), "{pushed:?}");
}

// threat: M8 H01
#[tokio::test]
async fn the_list_of_tags_is_asked_for_the_part_that_matters() {
    let registry = Registry::start();
    let image = image::image(registry.content(), REPOSITORY, "v1", "layer");
    for number in 0..100 {
        registry.content().put_tag(REPOSITORY, &format!("a{number}"), &image.digest);
        registry.content().put_tag(REPOSITORY, &format!("z{number}"), &image.digest);
    }
    registry.content().put_tag(REPOSITORY, "sha256-0123.sig", &image.digest);
    let store = store(&registry);
    let listed = async |name: &str| store.tag_listed(&name.parse().unwrap()).await;
    assert_eq!(listed("sha256-0123.sig").await, TagListed::Yes);
    assert_eq!(listed("sha256-0123").await, TagListed::NotStated);
    assert_eq!(listed("v").await, TagListed::NotStated);
    assert_eq!(registry.request_lines()[0], "GET /v2/my/app/tags/list?n=20&last=sha256-0123.si");
    // A list that cannot be had says nothing; signing needs no right to read it.
    for action in [
        Action::status(403),
        Action::status(404),
        Action::status(500),
        Action::html(),
        Action::body("null"),
        Action::body(r#"{"name":"my/app","tags":null}"#),
        Action::Disconnect,
    ] {
        registry.clear_faults();
        registry.fault(Rule::new("GET", "*"), action.clone());
        assert_eq!(listed("sha256-0123.sig").await, TagListed::NotStated, "{action:?}");
    }
}
