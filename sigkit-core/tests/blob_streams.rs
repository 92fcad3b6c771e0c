//! Blobs as streams between stores of every kind, and what else a store is asked: exists, tags, mount, delete.
#![cfg(all(unix, feature = "layout", feature = "registry"))]
#![allow(clippy::disallowed_methods)] // these stores are files

mod store_fixtures;

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::StreamExt as _;
use sigkit_core::digest::Digest;
use sigkit_core::http::RetryPolicy;
use sigkit_core::oci::{Descriptor, Repository, TagOrDigest, media_type};
use sigkit_core::store::registry::{RegistryClient, RegistryOptions, RegistryStore};
use sigkit_core::store::{
    ArchiveStore, BlobSource, BlobStream, DynStore, LayoutStore, MemoryStore, Mounted, Precondition, ReadOnly,
    Store as _, StoreError, StoreWrite as _, TagWriter as _,
};
use store_fixtures::{Fixture, snapshot, tag};
use testkit::{Action, Registry, Rule};

/// The largest piece of a blob that a store holds at once, in bytes.
const MAX_CHUNK_BYTES: usize = 1 << 20;

fn repository(registry: &Registry, path: &str) -> Repository {
    Repository::new(registry.host(), path).unwrap()
}

fn registry_store(registry: &Registry) -> RegistryStore {
    let options = RegistryOptions::default().with_retry_policy(RetryPolicy { max: 2, pause: Duration::from_millis(1) });
    RegistryClient::new(options).unwrap().repository(&repository(registry, "app"))
}

/// Every kind of store that can be written, empty.
fn stores(dir: &Path, registry: &Registry) -> Vec<DynStore> {
    vec![
        DynStore::new(MemoryStore::new()),
        DynStore::new(LayoutStore::create(dir.join("layout")).unwrap()),
        DynStore::new(ArchiveStore::create(dir.join("archive.tar")).unwrap()),
        DynStore::new(registry_store(registry)),
    ]
}

fn content(seed: u8) -> (Descriptor, Vec<u8>) {
    let bytes: Vec<u8> = (0..3_000_001_u32).map(|number| number.to_le_bytes()[1] ^ seed).collect();
    (Descriptor::of("application/vnd.oci.image.layer.v1.tar", &bytes), bytes)
}

/// A source that notes the largest chunk that passes.
fn watched<'a>(store: &'a DynStore, blob: &'a Descriptor, largest: &'a Mutex<usize>) -> BlobSource<'a> {
    BlobSource::new(blob, move || async move {
        let stream = store.read_blob(blob).await?;
        let noted = stream.inspect(move |chunk| {
            let length = chunk.as_ref().map_or(0, Vec::len);
            let mut largest = largest.lock().unwrap();
            *largest = (*largest).max(length);
        });
        Ok(BlobStream::new("watched", blob, noted))
    })
}

// threat: E01
#[tokio::test]
async fn blob_streams_between_all_kinds_of_stores_piece_by_piece() {
    let registry = Registry::start();
    let dir = tempfile::tempdir().unwrap();
    for source in 0..4 {
        for target in 0..4 {
            let (from, to) = (tempfile::tempdir_in(dir.path()).unwrap(), tempfile::tempdir_in(dir.path()).unwrap());
            let (blob, bytes) = content(u8::try_from(source * 4 + target).unwrap());
            let (from, to) = (&stores(from.path(), &registry)[source], &stores(to.path(), &registry)[target]);
            assert!(!from.exists(&blob).await.unwrap() && !to.exists(&blob).await.unwrap());
            from.push_blob(BlobSource::bytes(bytes.as_slice().into(), &blob.digest)).await.unwrap();
            let largest = Mutex::new(0);
            to.push_blob(watched(from, &blob, &largest)).await.unwrap();
            let largest = largest.into_inner().unwrap();
            // The same registry has it already.
            assert!(largest > 0 || source == 3, "{from:?} {to:?}");
            assert!(largest <= MAX_CHUNK_BYTES, "{largest} bytes at once: {from:?} {to:?}");
            assert!(to.exists(&blob).await.unwrap());
            assert_eq!(to.blob(&blob, blob.size).await.unwrap(), bytes, "{from:?} {to:?}");
            let larger = Descriptor { size: blob.size + 1, ..blob.clone() };
            assert_eq!(to.blob(&larger, u64::MAX).await.unwrap_err().code(), "size-mismatch", "{to:?}");
        }
    }
}

// threat: E01
#[tokio::test]
async fn wrong_stream_is_refused_by_every_store_and_leaves_nothing() {
    let registry = Registry::start();
    let dir = tempfile::tempdir().unwrap();
    let (blob, bytes) = content(1);
    let mut other = bytes.clone();
    *other.last_mut().unwrap() ^= 1;
    for store in stores(dir.path(), &registry) {
        let before = snapshot(dir.path());
        for (bytes, code) in
            [(&other[..], "digest-mismatch"), (&bytes[..bytes.len() - 1], "size-mismatch"), (&[], "size-mismatch")]
        {
            let pieces = |bytes: &[u8]| {
                let pieces: Vec<_> = bytes.chunks(100_000).map(|piece| Ok(piece.to_vec())).collect();
                futures_util::stream::iter(pieces)
            };
            let blob = &blob;
            let source = BlobSource::new(blob, move || async move { Ok(BlobStream::new("x", blob, pieces(bytes))) });
            assert_eq!(store.push_blob(source).await.unwrap_err().code(), code, "{store:?}");
            assert!(!store.exists(blob).await.unwrap(), "{store:?}");
        }
        assert_eq!(snapshot(dir.path()), before, "{store:?}");
    }
}

#[tokio::test]
async fn upload_that_is_lost_starts_the_stream_again() {
    let registry = Registry::start();
    let store = registry_store(&registry);
    let (blob, bytes) = content(2);
    let opened = Mutex::new(0);
    let source = || {
        BlobSource::new(&blob, || async {
            *opened.lock().unwrap() += 1;
            Ok(BlobStream::new("x", &blob, futures_util::stream::iter([Ok(bytes.clone())])))
        })
    };
    registry.fault(Rule::new("PUT", "/v2/app/blobs/uploads/*").first(1), Action::status(503));
    store.push_blob(source()).await.unwrap();
    assert_eq!(*opened.lock().unwrap(), 2);
    assert_eq!(registry.content().blob("app", &blob.digest.to_string()).unwrap(), bytes);
    // What is there is not sent again.
    store.push_blob(source()).await.unwrap();
    assert_eq!(*opened.lock().unwrap(), 2);
    // A source that fails is not taken for a registry that fails.
    let (other, _) = content(3);
    let fails = || async { Err(StoreError::NotFound { place: "source".to_owned() }) };
    let error = store.push_blob(BlobSource::new(&other, fails)).await.unwrap_err();
    assert!(matches!(&error, StoreError::NotFound { place } if place == "source"), "{error}");
}

#[tokio::test]
async fn blob_is_mounted_from_another_repository_of_the_registry() {
    let registry = Registry::start();
    let store = registry_store(&registry);
    let digest: Digest = registry.content().put_blob("base", b"layer").parse().unwrap();
    let blob = Descriptor::new("a/b", 5, digest);
    assert_eq!(store.mount(&digest, &repository(&registry, "other")).await.unwrap(), Mounted::No);
    let elsewhere = Repository::new("registry.example.com", "base").unwrap();
    assert_eq!(store.mount(&digest, &elsewhere).await.unwrap(), Mounted::No);
    assert!(!store.exists(&blob).await.unwrap());
    assert_eq!(store.mount(&digest, &repository(&registry, "base")).await.unwrap(), Mounted::Yes);
    assert!(store.exists(&blob).await.unwrap());
    let memory = MemoryStore::new();
    assert_eq!(memory.mount(&digest, &elsewhere).await.unwrap(), Mounted::No);
}

#[tokio::test]
async fn tags_are_listed_and_deleted_everywhere() {
    let fixture = Fixture::new();
    let image = &fixture.blobs[&fixture.image.digest];
    let dir = tempfile::tempdir().unwrap();
    let registry = Registry::start();
    for store in stores(dir.path(), &registry) {
        for digest in fixture.blobs.keys() {
            store.push_blob(BlobSource::bytes(fixture.blobs[digest].as_slice().into(), digest)).await.unwrap();
        }
        let by_digest = TagOrDigest::Digest(fixture.image.digest);
        for name in ["v2", "v1"] {
            let name = name.parse().unwrap();
            store.push_tag(&name, media_type::OCI_MANIFEST, image, Precondition::Absent).await.unwrap();
        }
        let tags =
            async |store: &DynStore| store.tags().await.unwrap().iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(tags(&store).await, ["v1", "v2"], "{store:?}");
        store.delete(&tag("v2")).await.unwrap();
        assert_eq!(tags(&store).await, ["v1"], "{store:?}");
        assert_eq!(store.manifest(&tag("v1")).await.unwrap().digest(), fixture.image.digest);
        assert!(store.manifest(&tag("v2")).await.unwrap_err().is_absent());
        assert_eq!(store.delete(&tag("v2")).await.unwrap_err().code(), "not-found", "{store:?}");
        store.delete(&tag("v1")).await.unwrap();
        assert_eq!(store.manifest(&by_digest).await.unwrap().digest(), fixture.image.digest, "{store:?}");
        store.delete(&by_digest).await.unwrap();
        assert!(store.manifest(&by_digest).await.unwrap_err().is_absent(), "{store:?}");
        assert_eq!(store.delete(&by_digest).await.unwrap_err().code(), "not-found", "{store:?}");
        let read_only = ReadOnly::new(store);
        for refused in [
            read_only.delete(&by_digest).await,
            read_only.push_blob(BlobSource::bytes(b"x".into(), &Digest::sha256(b"x"))).await,
            read_only.push_manifest(&by_digest, media_type::OCI_MANIFEST, image).await.map(|_| ()),
        ] {
            assert_eq!(refused.unwrap_err().code(), "store-read-only");
        }
    }
}

// threat: R38
// Fails when writers that wait for the lock of a layout or an archive hold the only thread, or when one of them is left out.
#[tokio::test(flavor = "current_thread")]
async fn sixty_four_signers_share_one_thread_and_one_lock() {
    let fixture = Fixture::new();
    let dir = tempfile::tempdir().unwrap();
    let registry = Registry::start();
    for (store, lock) in stores(dir.path(), &registry).into_iter().skip(1).zip(["layout/oci-layout", "archive.tar"]) {
        for digest in fixture.blobs.keys() {
            store.push_blob(BlobSource::bytes(fixture.blobs[digest].as_slice().into(), digest)).await.unwrap();
        }
        let image = &fixture.blobs[&fixture.image.digest];
        store.push_manifest(&tag("v1"), media_type::OCI_MANIFEST, image).await.unwrap();
        let holder = std::fs::File::open(dir.path().join(lock)).unwrap();
        holder.lock().unwrap();
        let signers = (0..64).map(|number| {
            let bytes = store_fixtures::referrer(&fixture.image, &format!("signer {number}"));
            let store = &store;
            async move {
                let target = TagOrDigest::Digest(Digest::sha256(&bytes));
                store.push_manifest(&target, media_type::OCI_MANIFEST, &bytes).await.unwrap();
            }
        });
        let ticks = async {
            for _ in 0..20 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            holder.unlock().unwrap();
        };
        tokio::join!(futures_util::future::join_all(signers), ticks);
        let sigkit_core::store::Referrers::Listed(listed) = store.referrers(&fixture.image.digest).await.unwrap()
        else {
            panic!("must be listed")
        };
        // And the one that the fixture brings.
        assert_eq!(listed.len(), 1 + 64, "{store:?}");
    }
}
