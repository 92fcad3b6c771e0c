//! OCI image layouts in directories, as other tools write them and as hostile hands do.
#![cfg(all(unix, feature = "layout"))]
#![allow(clippy::disallowed_methods)] // these stores are files

mod store_fixtures;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use sigkit_core::digest::Digest;
use sigkit_core::limits::Limits;
use sigkit_core::oci::{Descriptor, Tag, TagOrDigest, media_type};
use sigkit_core::store::{
    BlobSource, LayoutStore, Precondition, Referrers, Store, StoreError, StoreWrite as _, SubjectIndexed, TagWriter,
};
use store_fixtures::{Fixture, KIND, REF_NAME, entry, image_manifest, index, referrer, snapshot, tag};

async fn listed(store: &impl Store, subject: &Descriptor) -> Vec<Digest> {
    match store.referrers(&subject.digest).await.unwrap() {
        Referrers::Listed(list) => list.into_iter().map(|descriptor| descriptor.digest).collect(),
        Referrers::Unsupported => panic!("a layout lists its referrers"),
    }
}

async fn push(
    store: &impl TagWriter,
    target: &TagOrDigest,
    bytes: &[u8],
    expected: Precondition,
) -> Result<(), StoreError> {
    match target {
        TagOrDigest::Tag(tag) => store.push_tag(tag, media_type::OCI_MANIFEST, bytes, expected).await,
        TagOrDigest::Digest(_) => store.push_manifest(target, media_type::OCI_MANIFEST, bytes).await,
    }
    .map(|_| ())
}

fn blob_path(dir: &Path, digest: &Digest) -> std::path::PathBuf {
    dir.join("blobs/sha256").join(digest.hex())
}

#[tokio::test]
async fn a_layout_of_crane_is_read() {
    let (dir, fixture) = (tempfile::tempdir().unwrap(), Fixture::new());
    for name in [None, Some("registry.example:5000/app:v1")] {
        fixture.crane(dir.path(), name);
        let store = LayoutStore::open(dir.path()).unwrap();
        assert_eq!(store.name(), format!("oci:{}", dir.path().display()));
        let by_digest = store.manifest(&TagOrDigest::Digest(fixture.image.digest)).await.unwrap();
        assert_eq!(*by_digest.descriptor(), fixture.image);
        assert_eq!(by_digest.bytes(), fixture.blobs[&fixture.image.digest]);
        let by_tag = store.manifest(&tag("v1")).await;
        match name {
            Some(_) => assert_eq!(*by_tag.unwrap().descriptor(), fixture.image),
            None => assert!(matches!(by_tag, Err(StoreError::NotFound { .. }))),
        }
        assert_eq!(*store.only_image().unwrap().descriptor(), fixture.image);
    }
}

#[tokio::test]
async fn a_layout_of_oras_is_read_with_its_referrers() {
    let (dir, fixture) = (tempfile::tempdir().unwrap(), Fixture::new());
    fixture.oras(dir.path());
    let store = LayoutStore::open(dir.path()).unwrap();
    assert_eq!(*store.manifest(&tag("v1")).await.unwrap().descriptor(), fixture.image);
    assert_eq!(*store.only_image().unwrap().descriptor(), fixture.image);
    assert_eq!(listed(&store, &fixture.image).await, [fixture.bundle.digest]);
    assert!(listed(&store, &fixture.bundle).await.is_empty());
}

#[tokio::test]
async fn cosign_save_layout_reads_tags_and_loose_referrers() {
    let (dir, fixture) = (tempfile::tempdir().unwrap(), Fixture::new());
    fixture.cosign_save(dir.path());
    let store = LayoutStore::open(dir.path()).unwrap();
    assert_eq!(*store.only_image().unwrap().descriptor(), fixture.image);
    let signature = TagOrDigest::Tag(Tag::for_digest(&fixture.image.digest, ".sig"));
    assert_eq!(*store.manifest(&signature).await.unwrap().descriptor(), fixture.signature);
    let Referrers::Listed(list) = store.referrers(&fixture.image.digest).await.unwrap() else { panic!() };
    assert_eq!(list.len(), 1);
    assert_eq!(
        (list[0].digest, list[0].artifact_type.as_deref()),
        (fixture.bundle.digest, Some(media_type::BUNDLE_V03))
    );
    assert_eq!(store.manifest(&TagOrDigest::Digest(list[0].digest)).await.unwrap().descriptor().size, list[0].size);
}

// threat: M3
// threat: X06
// threat: E01
// threat: R34
#[tokio::test]
async fn a_flipped_byte_in_any_blob_is_a_mismatch() {
    let fixture = Fixture::new();
    for (digest, bytes) in &fixture.blobs {
        for position in [0, bytes.len() / 2, bytes.len() - 1] {
            let dir = tempfile::tempdir().unwrap();
            fixture.cosign_save(dir.path());
            let mut flipped = bytes.clone();
            flipped[position] ^= 1;
            fs::write(blob_path(dir.path(), digest), &flipped).unwrap();
            let store = LayoutStore::open(dir.path()).unwrap();
            let size = u64::try_from(bytes.len()).unwrap();
            let blob = store.blob(&Descriptor::new("x/y", size, *digest), 1 << 20).await;
            let manifest = store.manifest(&TagOrDigest::Digest(*digest)).await;
            for error in [blob.map(|_| ()).unwrap_err(), manifest.map(|_| ()).unwrap_err()] {
                let StoreError::DigestMismatch { expected, found, place } = error else { panic!("{error}") };
                assert_eq!((expected, found), (*digest, Digest::sha256(&flipped)));
                assert!(place.contains(&digest.hex()), "{place}");
            }
            // A manifest or bundle that was changed might have been a referrer: doubt, not absence.
            if flipped[0] == b'{' {
                let others = fixture.bundle.digest != *digest;
                let mut listed = Vec::new();
                let mut troubles = 0;
                store
                    .list_referrers(&fixture.image.digest, &mut |entry| match entry {
                        Ok(entry) => listed.push(entry.digest),
                        Err(_) => troubles += 1,
                    })
                    .await;
                // It takes nothing from the rest of the list.
                assert_eq!((listed.contains(&fixture.bundle.digest), troubles), (others, 1), "{digest}");
                let doubt = store.referrers(&fixture.image.digest).await;
                assert!(matches!(doubt, Err(StoreError::DigestMismatch { .. })), "{digest} {position}: {doubt:?}");
            }
        }
    }
}

// threat: E11
#[tokio::test]
async fn sizes_are_exact_and_bounded() {
    let (dir, fixture) = (tempfile::tempdir().unwrap(), Fixture::new());
    fixture.crane(dir.path(), None);
    let store = LayoutStore::open(dir.path()).unwrap();
    let (digest, bytes) = fixture.blobs.iter().next().unwrap();
    let size = u64::try_from(bytes.len()).unwrap();
    let described = |size| Descriptor::new("x/y", size, *digest);
    assert_eq!(&store.blob(&described(size), size).await.unwrap(), bytes);
    for lie in [0, size - 1, size + 1, 1 << 62] {
        let error = store.blob(&described(lie), u64::MAX).await.unwrap_err();
        assert!(
            matches!(error, StoreError::SizeMismatch { expected, found, .. } if (expected, found) == (lie, size)),
            "{error}"
        );
    }
    assert!(matches!(store.blob(&described(size), size - 1).await, Err(StoreError::TooLarge { .. })));

    let mut limits = Limits::default();
    limits.manifest_bytes = 300;
    let tight = LayoutStore::open(dir.path()).unwrap().with_limits(limits);
    let error = tight.manifest(&TagOrDigest::Digest(fixture.image.digest)).await.unwrap_err();
    assert!(matches!(error, StoreError::TooLarge { .. }), "{error}");
}

// threat: X01
#[tokio::test]
async fn links_and_special_files_are_never_followed() {
    let fixture = Fixture::new();
    let image = TagOrDigest::Digest(fixture.image.digest);
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("blob"), &fixture.blobs[&fixture.image.digest]).unwrap();
    let before = snapshot(outside.path());
    let refused = |error: StoreError| assert!(matches!(error, StoreError::Protocol { .. }), "{error}");

    let dir = tempfile::tempdir().unwrap();
    fixture.crane(dir.path(), None);
    let blob = blob_path(dir.path(), &fixture.image.digest);
    fs::remove_file(&blob).unwrap();
    symlink(outside.path().join("blob"), &blob).unwrap();
    let store = LayoutStore::open(dir.path()).unwrap();
    refused(store.manifest(&image).await.unwrap_err());
    refused(store.blob(&fixture.image, 1 << 20).await.unwrap_err());
    refused(store.referrers(&fixture.bundle.digest).await.unwrap_err());
    refused(
        store
            .push_blob(BlobSource::bytes((&fixture.blobs[&fixture.image.digest]).into(), &fixture.image.digest))
            .await
            .unwrap_err(),
    );

    fs::remove_file(&blob).unwrap();
    assert!(Command::new("mkfifo").arg(&blob).status().unwrap().success());
    refused(store.manifest(&image).await.unwrap_err());

    for folder in ["blobs", "blobs/sha256"] {
        let dir = tempfile::tempdir().unwrap();
        fixture.crane(dir.path(), None);
        fs::remove_dir_all(dir.path().join(folder)).unwrap();
        symlink(outside.path(), dir.path().join(folder)).unwrap();
        let store = LayoutStore::open(dir.path()).unwrap();
        refused(store.manifest(&image).await.unwrap_err());
        refused(store.push_blob(BlobSource::bytes(b"new".into(), &Digest::sha256(b"new"))).await.unwrap_err());
        refused(push(&store, &tag("v2"), &referrer(&fixture.image, "x"), Precondition::Any).await.unwrap_err());
    }
    for file in ["index.json", "oci-layout"] {
        let dir = tempfile::tempdir().unwrap();
        fixture.crane(dir.path(), None);
        fs::rename(dir.path().join(file), outside.path().join(file)).unwrap();
        symlink(outside.path().join(file), dir.path().join(file)).unwrap();
        refused(LayoutStore::open(dir.path()).unwrap_err());
        fs::remove_file(outside.path().join(file)).unwrap();
    }
    assert_eq!(snapshot(outside.path()), before, "nothing outside the layout was touched");
}

// threat: X07
#[test]
fn what_is_not_a_layout_is_refused_with_the_name_of_the_file() {
    let fixture = Fixture::new();
    let cases: [(&str, Option<&str>); 12] = [
        ("oci-layout", None),
        ("oci-layout", Some("")),
        ("oci-layout", Some("{}")),
        ("oci-layout", Some(r#"{"imageLayoutVersion":"2.0.0"}"#)),
        ("oci-layout", Some(r#"{"imageLayoutVersion":"1.0.0","imageLayoutVersion":"1.0.0"}"#)),
        ("index.json", None),
        ("index.json", Some("")),
        ("index.json", Some("{}")),
        ("index.json", Some(r#"{"schemaVersion":1,"manifests":[]}"#)),
        ("index.json", Some(r#"{"schemaVersion":2,"manifests":[{"digest":"sha256:abc","size":1}]}"#)),
        ("index.json", Some(r#"{"schemaVersion":2,"manifests":[],"layers":[]}"#)),
        ("index.json", Some(r#"{"schemaVersion":2,"manifests":[],"manifests":[]}"#)),
    ];
    for (file, content) in cases {
        let dir = tempfile::tempdir().unwrap();
        fixture.crane(dir.path(), None);
        match content {
            Some(content) => fs::write(dir.path().join(file), content).unwrap(),
            None => fs::remove_file(dir.path().join(file)).unwrap(),
        }
        let error = LayoutStore::open(dir.path()).unwrap_err();
        assert!(matches!(error, StoreError::Protocol { .. } | StoreError::Manifest { .. }), "{content:?}: {error}");
        assert!(error.to_string().contains(file) && !error.is_absent(), "{content:?}: {error}");
    }
    let dir = tempfile::tempdir().unwrap();
    fixture.crane(dir.path(), None);
    fs::write(dir.path().join("index.json"), vec![b' '; (4 << 20) + 1]).unwrap();
    assert!(matches!(LayoutStore::open(dir.path()), Err(StoreError::TooLarge { .. })));
    assert!(matches!(LayoutStore::open(dir.path().join("index.json")), Err(StoreError::Protocol { .. })));
    assert!(matches!(LayoutStore::open(dir.path().join("none")), Err(StoreError::NotFound { .. })));
}

// threat: X07
#[tokio::test]
async fn an_index_that_lies_about_its_entries_is_refused() {
    let fixture = Fixture::new();
    let dir = tempfile::tempdir().unwrap();
    let larger = Descriptor { size: fixture.image.size + 1, ..fixture.image.clone() };
    fixture.write(dir.path(), vec![entry(&larger, &[(REF_NAME, "v1")])]);
    let store = LayoutStore::open(dir.path()).unwrap();
    assert!(matches!(store.manifest(&tag("v1")).await, Err(StoreError::SizeMismatch { .. })));
    assert!(matches!(store.referrers(&fixture.image.digest).await, Err(StoreError::SizeMismatch { .. })));

    let typed = Descriptor { media_type: media_type::OCI_INDEX.to_owned(), ..fixture.image.clone() };
    fixture.write(dir.path(), vec![entry(&typed, &[(REF_NAME, "v1")])]);
    assert!(matches!(store.manifest(&tag("v1")).await, Err(StoreError::Manifest { .. })));

    fixture.write(dir.path(), vec![entry(&fixture.image, &[(REF_NAME, "v1")])]);
    fs::remove_file(blob_path(dir.path(), &fixture.image.digest)).unwrap();
    for error in [
        store.manifest(&tag("v1")).await.unwrap_err(),
        store.manifest(&TagOrDigest::Digest(fixture.image.digest)).await.unwrap_err(),
        store.referrers(&fixture.image.digest).await.unwrap_err(),
    ] {
        let StoreError::Protocol { place, .. } = error else { panic!("a hole is not an absence: {error}") };
        assert!(place.ends_with("index.json"), "{place}");
    }
}

// threat: X07
#[test]
fn the_only_image_is_one_or_the_choices_are_named() {
    let mut fixture = Fixture::new();
    let dir = tempfile::tempdir().unwrap();
    let store = |entries| {
        fixture.write(dir.path(), entries);
        LayoutStore::open(dir.path()).unwrap()
    };
    let image = fixture.image.clone();
    let tagged = |name: &str| entry(&image, &[(REF_NAME, name)]);
    let signature_tag = Tag::for_digest(&image.digest, ".sig").to_string();
    let beside = store(vec![
        tagged("v1"),
        tagged("v2"),
        entry(&fixture.signature, &[(REF_NAME, &signature_tag)]),
        entry(&fixture.signature, &[]),
        entry(&fixture.bundle, &[]),
    ]);
    assert_eq!(*beside.only_image().unwrap().descriptor(), image);

    for entries in [vec![], vec![entry(&fixture.signature, &[]), entry(&fixture.bundle, &[(REF_NAME, "b")])]] {
        let StoreError::Protocol { place, detail } = store(entries).only_image().unwrap_err() else { panic!() };
        assert!(place.ends_with("index.json") && detail.contains("found none"), "{place}: {detail}");
    }

    let config = Descriptor::of(media_type::OCI_EMPTY, b"{}");
    let other = image_manifest(&config, &[], None);
    let other_descriptor = Descriptor::of(media_type::OCI_MANIFEST, &other);
    let both = index(vec![tagged("v1"), entry(&other_descriptor, &[(REF_NAME, "v2")])]);
    let both_descriptor = Descriptor::of(media_type::OCI_INDEX, &both);
    fixture.blobs.insert(other_descriptor.digest, other);
    fixture.blobs.insert(both_descriptor.digest, both);
    let two = vec![tagged("v1"), entry(&other_descriptor, &[(REF_NAME, "v2")])];
    fixture.write(dir.path(), two.clone());
    let StoreError::Protocol { detail, .. } = LayoutStore::open(dir.path()).unwrap().only_image().unwrap_err() else {
        panic!()
    };
    assert!(detail.contains("found 2") && detail.contains("v1 (sha256:") && detail.contains("v2 (sha256:"), "{detail}");

    // Children that are listed beside their index are not images of their own.
    fixture.write(dir.path(), [two, vec![entry(&both_descriptor, &[])]].concat());
    assert_eq!(*LayoutStore::open(dir.path()).unwrap().only_image().unwrap().descriptor(), both_descriptor);
}

// threat: R24
#[test]
fn a_second_image_is_not_hidden_by_what_it_is_called() {
    let config = Descriptor::of(media_type::OCI_CONFIG, br#"{"architecture":"amd64","os":"linux","second":1}"#);
    let empty = Descriptor::of(media_type::OCI_EMPTY, b"{}");
    let layer = |media_type: &str| Descriptor::of(media_type, b"a layer that is no JSON");
    let tar = layer("application/vnd.oci.image.layer.v1.tar");
    let (signing, envelope) = (layer(media_type::SIMPLE_SIGNING), layer(media_type::DSSE_ENVELOPE));
    let fixture = Fixture::new();
    let tag = |suffix| Tag::for_digest(&fixture.image.digest, suffix).to_string();
    let (sig, sbom, fallback) = (tag(".sig"), tag(".sbom"), tag(""));
    let kind = |kind: &str| format!("dev.cosignproject.cosign/{kind}");
    let (sigs, atts) = (kind("sigs"), kind("atts"));
    let subject = Some(&fixture.image);
    for (second, annotation, hidden) in [
        (image_manifest(&config, &[&tar], None), (REF_NAME, sig.as_str()), false),
        (image_manifest(&config, &[&tar], None), (REF_NAME, fallback.as_str()), false),
        (image_manifest(&config, &[&tar], None), (KIND, sigs.as_str()), false),
        (image_manifest(&config, &[&tar], None), (KIND, atts.as_str()), false),
        (image_manifest(&config, &[&tar, &signing], None), (REF_NAME, sig.as_str()), false),
        (image_manifest(&config, &[], None), (REF_NAME, sig.as_str()), false),
        (image_manifest(&empty, &[&tar], None), (REF_NAME, sig.as_str()), false),
        (image_manifest(&config, &[&tar], subject), (REF_NAME, "x"), false),
        (image_manifest(&config, &[&layer("application/octet-stream")], subject), (REF_NAME, sig.as_str()), false),
        (image_manifest(&config, &[&layer("")], None), (REF_NAME, sig.as_str()), false),
        (image_manifest(&config, &[&signing], None), (REF_NAME, "x"), true),
        (image_manifest(&config, &[&envelope], None), (REF_NAME, "x"), false),
        (image_manifest(&config, &[&envelope], None), (KIND, atts.as_str()), true),
        (image_manifest(&config, &[&layer("text/spdx")], None), (REF_NAME, sbom.as_str()), true),
        (image_manifest(&empty, &[&tar], subject), (REF_NAME, "x"), true),
        (image_manifest(&empty, &[], subject), (REF_NAME, "x"), true),
    ] {
        let mut fixture = Fixture::new();
        let list = index(vec![entry(&Descriptor::of(media_type::OCI_MANIFEST, &second), &[])]);
        for (document, media_type) in [(second.clone(), media_type::OCI_MANIFEST), (list, media_type::OCI_INDEX)] {
            let descriptor = Descriptor::of(media_type, &document);
            fixture.blobs.insert(descriptor.digest, document);
            let dir = tempfile::tempdir().unwrap();
            let annotation = match media_type == media_type::OCI_INDEX {
                true => (REF_NAME, fallback.as_str()),
                false => annotation,
            };
            let first = entry(&fixture.image, &[(REF_NAME, "v1")]);
            fixture.write(dir.path(), vec![first, entry(&descriptor, &[annotation])]);
            let found = LayoutStore::open(dir.path()).unwrap().only_image();
            let shown = String::from_utf8_lossy(&second);
            match found {
                Ok(image) => assert!(hidden && *image.descriptor() == fixture.image, "{annotation:?} {shown}"),
                Err(StoreError::Protocol { detail, .. }) => {
                    // A list holds attachments by what they are, whatever they are called.
                    let named = detail.contains(&descriptor.digest.to_string());
                    let is_list = media_type == media_type::OCI_INDEX;
                    assert!((!hidden || is_list) && named && detail.contains("v1 (sha256:"), "{annotation:?} {detail}");
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
}

// threat: R32
#[tokio::test]
async fn a_list_of_referrers_keeps_no_more_than_the_limit() {
    let (dir, mut fixture) = (tempfile::tempdir().unwrap(), Fixture::new());
    let config = Descriptor::of(media_type::OCI_EMPTY, b"{}");
    for number in 0..6 {
        let manifest = String::from_utf8(image_manifest(&config, &[], Some(&fixture.image))).unwrap();
        let remark = format!(r#"{{"annotations":{{"{number}":"{}"}},"#, "x".repeat(2 << 20));
        let manifest = manifest.replacen('{', &remark, 1).into_bytes();
        fixture.blobs.insert(Digest::sha256(&manifest), manifest);
    }
    fixture.cosign_save(dir.path());
    let store = LayoutStore::open(dir.path()).unwrap();
    let Referrers::Listed(list) = store.referrers(&fixture.image.digest).await.unwrap() else { panic!() };
    assert_eq!(list.len(), 7, "every one is listed");
    let kept: usize = list.iter().flat_map(|entry| entry.annotations.values()).map(String::len).sum();
    assert!((6 << 20..=8 << 20).contains(&kept), "{kept}");
}

// threat: R19 R32
#[tokio::test]
async fn a_loose_blob_that_names_the_subject_twice_is_listed() {
    for (member, expected) in [
        (r#""subject":{"digest":"D"},"subject":1"#, true),
        (r#""subject":{"digest":"x","digest":"D"}"#, true),
        (r#""subject":"D""#, false),
        (r#""other":{"subject":{"digest":"D"}}"#, false),
    ] {
        let (dir, mut fixture) = (tempfile::tempdir().unwrap(), Fixture::new());
        let blob = format!("{{{}}}", member.replace('D', &fixture.image.digest.to_string())).into_bytes();
        let digest = Digest::sha256(&blob);
        fixture.blobs.insert(digest, blob);
        fixture.cosign_save(dir.path());
        let store = LayoutStore::open(dir.path()).unwrap();
        assert_eq!(listed(&store, &fixture.image).await.contains(&digest), expected, "{member}");
    }
}

#[tokio::test]
async fn the_search_for_loose_referrers_is_bounded() {
    let (dir, fixture) = (tempfile::tempdir().unwrap(), Fixture::new());
    fixture.cosign_save(dir.path());
    let within = |change: fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        LayoutStore::open(dir.path()).unwrap().with_limits(limits)
    };
    assert_eq!(fixture.blobs.len(), 8);
    let check = async |change: fn(&mut Limits), fits: bool| {
        let answer = within(change).referrers(&fixture.image.digest).await;
        match fits {
            true => assert!(answer.is_ok(), "{answer:?}"),
            false => assert!(matches!(answer, Err(StoreError::TooLarge { .. })), "{answer:?}"),
        }
    };
    check(|limits| limits.layout_blobs = 8, true).await;
    check(|limits| limits.layout_blobs = 7, false).await;
    check(|limits| limits.layout_scan_bytes = 4096, true).await;
    check(|limits| limits.layout_scan_bytes = 10, false).await;
    check(|limits| limits.referrers = 1, true).await;
    check(|limits| limits.referrers = 0, false).await;
}

#[tokio::test]
async fn what_was_pushed_is_read_back_and_other_tools_entries_survive() {
    let (dir, fixture) = (tempfile::tempdir().unwrap(), Fixture::new());
    fixture.cosign_save(dir.path());
    let index_path = dir.path().join("index.json");
    let vendor = fs::read_to_string(&index_path).unwrap().replacen('{', r#"{"vendor":{"n":1.10},"#, 1);
    fs::write(&index_path, vendor).unwrap();
    let store = LayoutStore::open(dir.path()).unwrap();

    let bytes = referrer(&fixture.image, "new");
    let digest = Digest::sha256(&bytes);
    store.push_blob(BlobSource::bytes(b"{}".into(), &Digest::sha256(b"{}"))).await.unwrap();
    let target = TagOrDigest::Digest(digest);
    let indexed = store.push_manifest(&target, media_type::OCI_MANIFEST, &bytes).await.unwrap();
    assert_eq!(indexed, SubjectIndexed::Yes);
    assert_eq!(listed(&store, &fixture.image).await, [digest, fixture.bundle.digest]);
    let document = fs::read_to_string(&index_path).unwrap();
    assert!(document.contains(r#"{"n":1.10}"#) && document.contains(&digest.to_string()), "{document}");

    let signature = TagOrDigest::Tag(Tag::for_digest(&fixture.image.digest, ".sig"));
    let replaced = image_manifest(&Descriptor::of(media_type::OCI_EMPTY, b"{}"), &[], None);
    push(&store, &signature, &replaced, Precondition::Unchanged(fixture.signature.digest)).await.unwrap();
    assert_eq!(store.manifest(&signature).await.unwrap().bytes(), replaced);
    let document: serde_json::Value = serde_json::from_slice(&fs::read(&index_path).unwrap()).unwrap();
    assert_eq!(document["manifests"][1]["annotations"][KIND], "dev.cosignproject.cosign/sigs");
    assert_eq!(*store.only_image().unwrap().descriptor(), fixture.image);
}

#[tokio::test]
async fn a_new_layout_is_filled_and_found_empty_before() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new/layout");
    let store = LayoutStore::create(&path).unwrap();
    assert!(matches!(store.only_image(), Err(StoreError::Protocol { .. })));
    let fixture = Fixture::new();
    for (digest, bytes) in &fixture.blobs {
        store.push_blob(BlobSource::bytes(bytes.into(), digest)).await.unwrap();
    }
    let image = &fixture.blobs[&fixture.image.digest];
    push(&store, &TagOrDigest::Digest(fixture.image.digest), image, Precondition::Any).await.unwrap();
    push(&store, &tag("v1"), image, Precondition::Absent).await.unwrap();
    let again = LayoutStore::open(&path).unwrap();
    assert_eq!(*again.only_image().unwrap().descriptor(), fixture.image);
    assert_eq!(*again.manifest(&tag("v1")).await.unwrap().descriptor(), fixture.image);
    let taken = LayoutStore::create(&path).unwrap_err();
    assert!(
        matches!(&taken, StoreError::Protocol { detail, .. } if detail.contains("new or empty directory")),
        "{taken}"
    );
    let names: Vec<_> = snapshot(&path).into_keys().filter(|name| name.contains(".sigkit-")).collect();
    assert!(names.is_empty(), "{names:?}");
}

#[tokio::test]
async fn expectations_are_honoured_exactly() {
    let (dir, fixture) = (tempfile::tempdir().unwrap(), Fixture::new());
    fixture.crane(dir.path(), Some("v1"));
    let store = LayoutStore::open(dir.path()).unwrap();
    let (a, b) = (referrer(&fixture.image, "a"), referrer(&fixture.image, "b"));
    let before = snapshot(dir.path());
    let conflict = |result: Result<(), StoreError>| matches!(result, Err(StoreError::Conflict { .. }));
    assert!(conflict(push(&store, &tag("v1"), &a, Precondition::Absent).await));
    assert!(conflict(push(&store, &tag("v1"), &a, Precondition::Unchanged(Digest::sha256(&a))).await));
    assert!(conflict(push(&store, &tag("new"), &a, Precondition::Unchanged(fixture.image.digest)).await));
    assert_eq!(snapshot(dir.path()), before, "a refused write leaves nothing");
    push(&store, &tag("v1"), &a, Precondition::Unchanged(fixture.image.digest)).await.unwrap();
    push(&store, &tag("new"), &b, Precondition::Absent).await.unwrap();
    let wrong = push(&store, &TagOrDigest::Digest(Digest::sha256(&a)), &b, Precondition::Any).await;
    assert!(matches!(wrong, Err(StoreError::DigestMismatch { .. })));
    assert!(matches!(push(&store, &tag("x"), b"{}", Precondition::Any).await, Err(StoreError::Manifest { .. })));
    assert!(matches!(
        store.push_blob(BlobSource::bytes(b"a".into(), &Digest::sha256(b"b"))).await,
        Err(StoreError::DigestMismatch { .. })
    ));
}

#[tokio::test]
async fn an_index_never_grows_beyond_what_is_read_again() {
    let (dir, fixture) = (tempfile::tempdir().unwrap(), Fixture::new());
    fixture.crane(dir.path(), Some("v1"));
    let mut limits = Limits::default();
    limits.manifest_bytes = 2000;
    let store = LayoutStore::open(dir.path()).unwrap().with_limits(limits);
    let mut written = 0;
    let error = loop {
        let bytes = referrer(&fixture.image, &written.to_string());
        match push(&store, &TagOrDigest::Digest(Digest::sha256(&bytes)), &bytes, Precondition::Any).await {
            Ok(()) => written += 1,
            Err(error) => break error,
        }
    };
    assert!(written > 2 && matches!(error, StoreError::TooLarge { .. }), "{written}: {error}");
    assert_eq!(*store.manifest(&tag("v1")).await.unwrap().descriptor(), fixture.image);
    let document: serde_json::Value =
        serde_json::from_slice(&fs::read(dir.path().join("index.json")).unwrap()).unwrap();
    assert_eq!(document["manifests"].as_array().unwrap().len(), 1 + written);
}

#[tokio::test]
async fn a_damaged_blob_is_healed_by_pushing_it_again() {
    let (dir, fixture) = (tempfile::tempdir().unwrap(), Fixture::new());
    fixture.crane(dir.path(), None);
    let (digest, bytes) = fixture.blobs.iter().next().unwrap();
    let path = blob_path(dir.path(), digest);
    fs::write(&path, vec![b'x'; bytes.len()]).unwrap();
    LayoutStore::open(dir.path()).unwrap().push_blob(BlobSource::bytes(bytes.into(), digest)).await.unwrap();
    assert_eq!(&fs::read(&path).unwrap(), bytes);
}

const WRITERS: usize = 2;
const EACH: usize = 25;

/// Not a test of its own: the body of one writing process of the tests below, which name the layout and the writer.
#[tokio::test]
async fn writer_process() {
    let (Ok(path), Ok(writer)) = (std::env::var("SIGKIT_TEST_LAYOUT"), std::env::var("SIGKIT_TEST_WRITER")) else {
        return;
    };
    let store = LayoutStore::open(path).unwrap();
    let subject = Fixture::new().image;
    for number in 0..EACH {
        let bytes = referrer(&subject, &format!("{writer}.{number}"));
        push(&store, &TagOrDigest::Digest(Digest::sha256(&bytes)), &bytes, Precondition::Any).await.unwrap();
    }
}

fn start_writer(path: &Path, writer: &str) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "writer_process", "--nocapture"])
        .env("SIGKIT_TEST_LAYOUT", path)
        .env("SIGKIT_TEST_WRITER", writer)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn many_writers_in_two_processes_lose_nothing() {
    let (dir, fixture) = (tempfile::tempdir().unwrap(), Fixture::new());
    fixture.crane(dir.path(), Some("v1"));
    let writers: Vec<_> = (0..WRITERS).map(|writer| start_writer(dir.path(), &writer.to_string())).collect();
    for mut writer in writers {
        assert!(writer.wait().unwrap().success());
    }
    let document: serde_json::Value =
        serde_json::from_slice(&fs::read(dir.path().join("index.json")).unwrap()).unwrap();
    assert_eq!(document["manifests"].as_array().unwrap().len(), 1 + WRITERS * EACH);
    let store = LayoutStore::open(dir.path()).unwrap();
    assert_eq!(listed(&store, &fixture.image).await.len(), 1 + WRITERS * EACH, "the fixture's own among them");
}

#[test]
fn many_writers_lose_nothing_and_one_conditional_wins() {
    let (dir, fixture) = (tempfile::tempdir().unwrap(), Fixture::new());
    fixture.crane(dir.path(), Some("v1"));
    let won: usize = std::thread::scope(|scope| {
        let work = |writer: usize| {
            let (path, image) = (dir.path(), &fixture.image);
            move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                let store = LayoutStore::open(path).unwrap();
                (0..EACH)
                    .filter(|number| {
                        let bytes = referrer(image, &format!("{writer}.{number}"));
                        let name = tag(&format!("turn-{number}"));
                        runtime
                            .block_on(push(
                                &store,
                                &TagOrDigest::Digest(Digest::sha256(&bytes)),
                                &bytes,
                                Precondition::Any,
                            ))
                            .unwrap();
                        runtime.block_on(push(&store, &name, &bytes, Precondition::Absent)).is_ok()
                    })
                    .count()
            }
        };
        let threads: Vec<_> = (0..WRITERS).map(|writer| scope.spawn(work(writer))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(won, EACH, "each tag was absent for one writer only");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let store = LayoutStore::open(dir.path()).unwrap();
    assert_eq!(runtime.block_on(listed(&store, &fixture.image)).len(), 1 + WRITERS * EACH);
}

// threat: R38
// Fails when a writer that waits for another one holds the thread, or when giving up waiting does not end it.
#[tokio::test]
async fn a_writer_waits_for_the_lock_without_holding_its_thread() {
    let (dir, fixture) = (tempfile::tempdir().unwrap(), Fixture::new());
    fixture.oras(dir.path());
    let holder = fs::File::open(dir.path().join("oci-layout")).unwrap();
    holder.lock().unwrap();
    let store = LayoutStore::open(dir.path()).unwrap();
    let name = tag("waits");
    let bytes = fixture.blobs[&fixture.image.digest].clone();
    let began = std::time::Instant::now();
    let given_up =
        tokio::time::timeout(Duration::from_millis(200), push(&store, &name, &bytes, Precondition::Absent)).await;
    assert!(given_up.is_err() && began.elapsed() < Duration::from_secs(5));
    // On one thread: the lock is released only if the writer yields the thread.
    let release = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        holder.unlock().unwrap();
    };
    let (written, ()) = tokio::join!(push(&store, &name, &bytes, Precondition::Absent), release);
    written.unwrap();
}

// threat: X08
#[test]
fn a_killed_writer_leaves_a_whole_layout_and_no_lock() {
    let (dir, fixture) = (tempfile::tempdir().unwrap(), Fixture::new());
    fixture.crane(dir.path(), Some("v1"));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut reads = 0;
    for round in 0..10 {
        let mut writer = start_writer(dir.path(), &format!("round{round}"));
        // Every state that a reader meets meanwhile is whole, and so is the state that the kill leaves.
        let mut seen = 0;
        while seen < 5 + 7 * round && writer.try_wait().unwrap().is_none() {
            let store = LayoutStore::open(dir.path()).unwrap();
            runtime.block_on(listed(&store, &fixture.image));
            seen += 1;
        }
        writer.kill().unwrap();
        writer.wait().unwrap();
        let store = LayoutStore::open(dir.path()).unwrap();
        runtime.block_on(listed(&store, &fixture.image));
        let bytes = referrer(&fixture.image, &format!("after{round}"));
        runtime.block_on(push(&store, &tag(&format!("after{round}")), &bytes, Precondition::Absent)).unwrap();
        reads += seen;
    }
    assert!(reads > 0);
}
