//! Documents of a registry, cut short at every byte.

use sigkit_core::store::{Referrers, Store as _, TagListed, TagWriter as _};
use testkit::{Action, Auth, Change, Registry, Rule, TokenService, image};

use crate::support::{REPOSITORY, basic, digest, open, store, tag, with, with_image};

/// Lets answers of `place` end after each number of bytes, up to a byte before their end.
async fn each_cut(registry: &Registry, place: &str, whole: usize, check: impl AsyncFn(usize)) {
    assert!(whole > 20, "{place}: {whole}");
    for length in 0..whole {
        registry.clear_faults();
        let without_digest = Change::NoHeader("Docker-Content-Digest".to_owned());
        let cut = Change::All(vec![Change::Truncate(length), without_digest]);
        registry.fault(Rule::new("GET", place), Action::Change(cut));
        check(length).await;
    }
}

// threat: N03
#[tokio::test]
async fn truncated_manifest_is_not_a_manifest() {
    let (registry, image) = with_image();
    each_cut(&registry, "*/manifests/v1", image.bytes.len(), async |length| {
        let error = store(&registry).manifest(&tag("v1")).await.expect_err("half a manifest");
        assert!(!error.is_absent(), "{length}: {error}");
    })
    .await;
}

// threat: N03 M6
#[tokio::test]
async fn a_list_of_referrers_cut_short_is_neither_empty_nor_missing() {
    let (registry, image) = with_image();
    let referrer = image::referrer(registry.content(), REPOSITORY, &image, "application/x", b"one");
    registry.content().put_manifest(REPOSITORY, None, image::OCI_MANIFEST, &referrer);
    let subject = digest(&image.digest);
    assert!(matches!(store(&registry).referrers(&subject).await, Ok(Referrers::Listed(list)) if list.len() == 1));
    let frame = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
    let whole = frame.len() + registry.content().referrers(REPOSITORY, &image.digest)[0].len();
    each_cut(&registry, "*/referrers/*", whole, async |length| {
        let error = store(&registry).referrers(&subject).await.expect_err("half a list");
        assert!(!error.is_absent(), "{length}: {error}");
    })
    .await;
}

// threat: N03 G13
#[tokio::test]
async fn truncated_token_is_not_a_token() {
    let registry = Registry::builder().auth(Auth::Token(TokenService::new("user", "TEST-ONLY"))).start();
    image::image(registry.content(), REPOSITORY, "v1", "layer");
    let read = async || {
        let options = with(registry.host(), basic("user", "TEST-ONLY"));
        open(registry.host(), options).manifest(&tag("v1")).await
    };
    assert!(read().await.is_ok());
    each_cut(&registry, "/token*", r#"{"token":"token-1"}"#.len() + 2, async |length| {
        let error = read().await.expect_err("half a token");
        assert!(!error.is_absent(), "{length}: {error}");
    })
    .await;
}

// threat: N03 M8
#[tokio::test]
async fn a_list_of_tags_cut_short_states_nothing() {
    let (registry, _) = with_image();
    assert_eq!(store(&registry).tag_listed(&"v1".parse().unwrap()).await, TagListed::Yes);
    each_cut(&registry, "*/tags/list*", r#"{"name":"my/app","tags":["v1"]}"#.len(), async |length| {
        let listed = store(&registry).tag_listed(&"v1".parse().unwrap()).await;
        assert_eq!(listed, TagListed::NotStated, "{length}");
    })
    .await;
}
