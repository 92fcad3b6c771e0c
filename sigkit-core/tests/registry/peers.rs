use sigkit_core::digest::Digest;
use sigkit_core::http::TlsOptions;
use sigkit_core::oci::{Descriptor, Repository, TagOrDigest};
use sigkit_core::store::registry::{RegistryClient, RegistryOptions};
use sigkit_core::store::{
    BlobSource, Precondition, Referrers, Store as _, StoreError, StoreWrite as _, SubjectIndexed, TagWriter as _,
};
use testkit::image::{self, OCI_MANIFEST};
use testkit::{Content, Registry};

use crate::support::tag;

/// Our own registry, or one of another make that is running, as in the step `registries` of `.ci/run`:
/// `SIGKIT_TEST_REGISTRY=127.0.0.1:5000`, with its root certificate in `SIGKIT_TEST_REGISTRY_CA` where it speaks TLS.
#[tokio::test]
async fn a_registry_takes_and_gives_everything() {
    let own = Registry::start();
    let host = std::env::var("SIGKIT_TEST_REGISTRY").unwrap_or_else(|_| own.host().to_owned());
    let path = format!("sigkit/test-{}", std::process::id());
    let mut options = RegistryOptions::default();
    if let Ok(root) = std::env::var("SIGKIT_TEST_REGISTRY_CA") {
        options = options.with_tls(TlsOptions::default().with_root(std::fs::read(root).unwrap()));
    }
    let client = RegistryClient::new(options).unwrap();
    let store = client.repository(&Repository::new(&host, &path).unwrap());
    assert!(store.manifest(&tag("v1")).await.unwrap_err().is_absent());

    let local = Content::default();
    let (one, two) = (image::image(&local, &path, "one", "one"), image::image(&local, &path, "two", "two"));
    let large = vec![7_u8; 3 << 20];
    for blob in [b"{}".as_slice(), b"one", b"two", &large] {
        for _ in 0..2 {
            store.push_blob(BlobSource::bytes(blob.into(), &Digest::sha256(blob))).await.unwrap();
        }
    }
    assert_eq!(store.blob(&Descriptor::of("m", &large), 4 << 20).await.unwrap(), large);

    store.push_tag(&"v1".parse().unwrap(), OCI_MANIFEST, &one.bytes, Precondition::Absent).await.unwrap();
    let read = store.manifest(&tag("v1")).await.unwrap();
    assert_eq!(read.bytes(), one.bytes);
    let unchanged = Precondition::Unchanged(read.digest());
    store.push_tag(&"v1".parse().unwrap(), OCI_MANIFEST, &two.bytes, unchanged).await.unwrap();
    let stale = store.push_tag(&"v1".parse().unwrap(), OCI_MANIFEST, &one.bytes, Precondition::Absent).await;
    println!("{host}: If-None-Match on a tag that exists: {stale:?}");
    assert!(matches!(stale, Ok(_) | Err(StoreError::Conflict { .. })));

    let subject = Digest::sha256(&one.bytes);
    println!("{host}: referrers before: {:?}", store.referrers(&subject).await.unwrap());
    let bytes = image::referrer(&local, &path, &one, "application/vnd.example+json", b"payload");
    store.push_blob(BlobSource::bytes(b"payload".into(), &Digest::sha256(b"payload"))).await.unwrap();
    let name = TagOrDigest::Digest(Digest::sha256(&bytes));
    let indexed = store.push_manifest(&name, OCI_MANIFEST, &bytes).await.unwrap();
    let referrers = store.referrers(&subject).await.unwrap();
    println!("{host}: {indexed:?}, {referrers:?}");
    match referrers {
        Referrers::Listed(listed) => assert_eq!(listed[0].digest, Digest::sha256(&bytes)),
        Referrers::Unsupported => assert_eq!(indexed, SubjectIndexed::NotStated),
    }
    assert_eq!(store.manifest(&name).await.unwrap().bytes(), bytes);
}
