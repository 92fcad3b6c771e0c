//! OCI image layouts in tars: what is read, what is refused, what a write leaves alone.
#![cfg(all(unix, feature = "layout"))]
#![allow(clippy::disallowed_methods)] // these stores are files

mod store_fixtures;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use sigkit_core::digest::{Digest, DigestAlgorithm};
use sigkit_core::limits::Limits;
use sigkit_core::oci::{Descriptor, Tag, TagOrDigest, media_type};
use sigkit_core::store::{
    ArchiveStore, Asked, BlobSource, DockerArchiveStore, LayoutStore, Precondition, Referrers, Store, StoreError,
    StoreWrite as _, TagWriter,
};
use store_fixtures::tars::Tar;
use store_fixtures::{Fixture, REF_NAME, entry, image_manifest, index, referrer, tag};
use tar::EntryType;

const IMAGE_NAME: &str = "io.containerd.image.name";

struct Archive {
    _dir: tempfile::TempDir,
    path: PathBuf,
}

impl Archive {
    fn new(tar: Tar) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("image.tar");
        tar.write(&path);
        Self { _dir: dir, path }
    }

    /// As skopeo writes it: a tagged image; here with a referrer and a signature.
    fn of(fixture: &Fixture) -> Self {
        Self::new(tagged(fixture))
    }

    fn open(&self) -> ArchiveStore {
        ArchiveStore::open(&self.path).unwrap()
    }
}

fn tagged(fixture: &Fixture) -> Tar {
    Tar::of(&fixture.files(vec![entry(&fixture.image, &[(REF_NAME, "v1")])]))
}

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

fn refusal(tar: Tar) -> StoreError {
    ArchiveStore::open(Archive::new(tar).path).expect_err("must be refused")
}

#[tokio::test]
async fn an_archive_is_read_where_it_lies() {
    let fixture = Fixture::new();
    let archive = Archive::of(&fixture);
    let store = archive.open();
    assert_eq!(store.name(), format!("oci-archive:{}", archive.path.display()));
    assert_eq!(*store.only_image().unwrap().descriptor(), fixture.image);
    let fetched = store.manifest(&tag("v1")).await.unwrap();
    assert_eq!((fetched.descriptor(), fetched.bytes()), (&fixture.image, &fixture.blobs[&fixture.image.digest][..]));
    assert_eq!(listed(&store, &fixture.image).await, [fixture.bundle.digest]);
    for (digest, bytes) in &fixture.blobs {
        let descriptor = Descriptor::new("x/y", u64::try_from(bytes.len()).unwrap(), *digest);
        assert_eq!(&store.blob(&descriptor, 1 << 20).await.unwrap(), bytes);
    }
    let none = Descriptor::new("x/y", 1, Digest::sha256(b"none"));
    assert!(matches!(store.blob(&none, 1).await, Err(StoreError::NotFound { .. })));
    assert!(matches!(store.manifest(&tag("v2")).await, Err(StoreError::NotFound { .. })));
}

#[tokio::test]
async fn extra_entries_of_ordinary_tools_are_accepted() {
    let fixture = Fixture::new();
    let mut tar = Tar::default()
        .pax(EntryType::XGlobalHeader, &[("comment", "made by a test")])
        .entry(EntryType::Directory, "./", b"", 0)
        .entry(EntryType::Directory, "./blobs/", b"", 0)
        .pax(EntryType::XHeader, &[("mtime", "1.5")])
        .entry(EntryType::Directory, "./blobs/sha256/", b"", 0);
    for (name, bytes) in fixture.files(vec![entry(&fixture.image, &[(REF_NAME, "r.example/app:v1")])]) {
        let size = bytes.len().to_string();
        let name = format!("./{name}");
        tar = tar.pax(EntryType::XHeader, &[("size", &size), ("path", &name), ("uid", "1")]).file(&name, &bytes);
    }
    let archive = Archive::new(tar);
    assert_eq!(*archive.open().manifest(&tag("v1")).await.unwrap().descriptor(), fixture.image);
}

// threat: M3
// threat: X06
#[tokio::test]
async fn a_flipped_byte_in_any_blob_is_a_mismatch() {
    let fixture = Fixture::new();
    for (digest, bytes) in &fixture.blobs {
        for position in [0, bytes.len() - 1] {
            let mut files = fixture.files(vec![entry(&fixture.image, &[(REF_NAME, "v1")])]);
            let (_, content) = files.iter_mut().find(|(name, _)| name.ends_with(&digest.hex())).unwrap();
            content[position] ^= 1;
            let archive = Archive::new(Tar::of(&files));
            let descriptor = Descriptor::new("x/y", u64::try_from(bytes.len()).unwrap(), *digest);
            let error = archive.open().blob(&descriptor, 1 << 20).await.unwrap_err();
            assert!(matches!(error, StoreError::DigestMismatch { expected, .. } if expected == *digest), "{error}");
            let error = archive.open().manifest(&TagOrDigest::Digest(*digest)).await.unwrap_err();
            assert!(matches!(error, StoreError::DigestMismatch { expected, .. } if expected == *digest), "{error}");
        }
    }
}

// threat: X02
#[test]
fn links_and_devices_are_refused() {
    for kind in [EntryType::Symlink, EntryType::Link, EntryType::Fifo, EntryType::Char, EntryType::Block] {
        let error = refusal(tagged(&Fixture::new()).entry(kind, "blobs/sha256/x", b"", 0));
        assert!(
            matches!(&error, StoreError::Protocol { detail, .. } if detail.contains("link or device")),
            "{kind:?}: {error}"
        );
        let error = refusal(tagged(&Fixture::new()).entry(kind, "blobs/sha256/x", b"hidden", 6));
        assert!(
            matches!(&error, StoreError::Protocol { detail, .. } if detail.contains("entry type")),
            "{kind:?}: {error}"
        );
    }
}

// threat: X03
#[test]
fn headers_that_readers_understand_differently_are_refused() {
    let base = || tagged(&Fixture::new());
    let file = |tar: Tar| tar.file("x", b"abc");
    let local = |records: &[(&str, &str)]| file(base().pax(EntryType::XHeader, records));
    let cases: [(Tar, &str); 16] = [
        (local(&[("size", "600")]), "the header says 3 bytes, the extended header 600"),
        (local(&[("size", "0")]), "extended header 0"),
        (local(&[("size", "03")]), "extended header 03"),
        (local(&[("size", "3"), ("size", "600")]), "not a pax header"),
        (local(&[("path", "index.json")]), "the extended header \"index.json\""),
        (local(&[("linkpath", "y")]), "pax record linkpath"),
        (local(&[("GNU.sparse.realsize", "9")]), "pax record GNU.sparse.realsize"),
        (file(base().entry(EntryType::XHeader, "p", b"9 size=3\n\n", 10)), "not a pax header"),
        (file(base().entry(EntryType::XHeader, "p", b"99 size=3\n", 10)), "not a pax header"),
        (
            file(base().pax(EntryType::XHeader, &[("mtime", "1")]).pax(EntryType::XHeader, &[("size", "3")])),
            "entry type 'x'",
        ),
        (file(base().pax(EntryType::XHeader, &[("size", "3")]).pax(EntryType::XGlobalHeader, &[])), "entry type 'g'"),
        (file(base().pax(EntryType::XGlobalHeader, &[("size", "3")])), "global pax header"),
        (
            file(base().entry(EntryType::GNULongName, "././@LongLink", b"index.json\0", 11)),
            "the extended header \"index.json\"",
        ),
        (file(base().entry(EntryType::GNULongLink, "././@LongLink", b"x\0", 2)), "entry type 'K'"),
        (base().file("./index.json", b"{}"), "index.json appears twice"),
        (base().pax(EntryType::XHeader, &[("mtime", "1")]), "ends after an extended header"),
    ];
    for (tar, expected) in cases {
        let error = refusal(tar);
        assert!(
            matches!(&error, StoreError::Protocol { detail, .. } if detail.contains(expected)),
            "{expected}: {error}"
        );
    }
    assert!(ArchiveStore::open(Archive::new(local(&[("size", "3"), ("path", "x")])).path).is_ok());
}

/// A name of more than 100 bytes, as blobs have them that are named by SHA-512.
fn long_name(rest: &str) -> String {
    format!("blobs/sha512/{}{rest}", "ab".repeat(64))
}

// Fails when long names are refused as GNU tar and others write them, or when a write loses them.
#[tokio::test]
async fn long_names_are_read_in_both_forms_and_survive_a_write() {
    let fixture = Fixture::new();
    let digest = Digest::of(DigestAlgorithm::Sha512, b"layer");
    let name = format!("blobs/sha512/{}", digest.hex());
    let blob = Descriptor::new("m", 5, digest);
    let short = &name[..100];
    let gnu =
        tagged(&fixture).entry(EntryType::GNULongName, "././@LongLink", format!("{name}\0").as_bytes(), name.len() + 1);
    let pax = tagged(&fixture).pax(EntryType::XHeader, &[("mtime", "1"), ("path", &name)]);
    for tar in [gnu.file(short, b"layer"), pax.file(short, b"layer")] {
        let archive = Archive::new(tar);
        let store = ArchiveStore::open(&archive.path).unwrap();
        assert_eq!(store.blob(&blob, 5).await.unwrap(), b"layer");
        let bytes = referrer(&fixture.image, "signed");
        push(&store, &TagOrDigest::Digest(Digest::sha256(&bytes)), &bytes, Precondition::Any).await.unwrap();
        let bytes = referrer(&fixture.image, "by another hash");
        push(&store, &TagOrDigest::Digest(Digest::of(DigestAlgorithm::Sha512, &bytes)), &bytes, Precondition::Any)
            .await
            .unwrap();
        let again = ArchiveStore::open(&archive.path).unwrap();
        assert_eq!(again.blob(&blob, 5).await.unwrap(), b"layer");
        assert_eq!(listed(&again, &fixture.image).await.len(), 3);
    }
}

// threat: X03
#[test]
fn long_names_without_continuation_are_refused() {
    let base = || tagged(&Fixture::new());
    let gnu = |tar: Tar, name: &str| {
        tar.entry(EntryType::GNULongName, "././@LongLink", format!("{name}\0").as_bytes(), name.len() + 1)
    };
    let name = long_name("");
    let other = long_name("").replace("ab", "cd");
    let long = |tar: Tar| tar.pax(EntryType::XHeader, &[("path", &name)]);
    for (tar, expected) in [
        (gnu(base(), &name).file("index.json", b"{}"), "the header says \"index.json\""),
        (long(base()).file("index.json", b"{}"), "the header says \"index.json\""),
        (gnu(base(), &name).file(&other[..100], b"x"), "the extended header"),
        (long(base()).file(&name[..98], b"x"), "the extended header"),
        (long(gnu(base(), &name)).file(&name[..100], b"x"), "entry type 'x'"),
        (gnu(long(base()), &name).file(&name[..100], b"x"), "entry type 'L'"),
        (gnu(base(), &name), "ends after an extended header"),
        (gnu(base(), &long_name("/../x")).file(&name[..100], b"x"), "relative name"),
        (gnu(base(), &long_name("\0/x")).file(&name[..100], b"x"), "relative name"),
        (long(gnu(base(), &name).file(&name[..100], b"x")).file(&name[..100], b"y"), "appears twice"),
    ] {
        let error = refusal(tar);
        assert!(
            matches!(&error, StoreError::Protocol { detail, .. } if detail.contains(expected)),
            "{expected}: {error}"
        );
    }
}

// threat: X01
#[test]
fn names_that_lead_out_of_the_archive_are_refused() {
    for name in ["/etc/passwd", "../x", "a/../x", "a//x", "a/./x", "..", "a\\x", "x/", ""] {
        let error = refusal(tagged(&Fixture::new()).file(name, b"x"));
        assert!(
            matches!(&error, StoreError::Protocol { detail, .. } if detail.contains("relative name")),
            "{name:?}: {error}"
        );
    }
    let error = refusal(tagged(&Fixture::new()).entry(EntryType::Directory, "../", b"", 0));
    assert!(matches!(&error, StoreError::Protocol { detail, .. } if detail.contains("relative name")), "{error}");
}

// threat: X05
// threat: E11
#[tokio::test]
async fn headers_sizes_and_counts_are_bounded() {
    let fixture = Fixture::new();
    let base = || tagged(&fixture);
    let protocol = |tar: Tar, expected: &str| {
        let error = refusal(tar);
        assert!(
            matches!(&error, StoreError::Protocol { detail, .. } if detail.contains(expected)),
            "{expected}: {error}"
        );
    };
    let comment = |size: usize| base().pax(EntryType::XHeader, &[("comment", &"c".repeat(size))]).file("x", b"");
    assert!(ArchiveStore::open(Archive::new(comment((1 << 20) - 17)).path).is_ok());
    assert!(matches!(refusal(comment((1 << 20) - 16)), StoreError::TooLarge { .. }));
    protocol(base().entry(EntryType::GNUSparse, "x", b"abc", 3), "entry type 'S'");
    protocol(base().entry(EntryType::Continuous, "x", b"abc", 3), "entry type '7'");
    protocol(base().entry(EntryType::new(b'Q'), "x", b"abc", 3), "entry type 'Q'");
    protocol(base().entry(EntryType::Regular, "x", b"", 1 << 32), "goes beyond the archive's end");
    protocol(base().entry(EntryType::Directory, "x/", b"abc", 3), "a directory with content");
    protocol(Tar([base().0, vec![1; 512]].concat()), "checksum");

    let mut altered = Tar::default().file("x", b"").0;
    altered[140] ^= 1; // within the time of modification, which nothing else looks at
    protocol(Tar([base().0, altered].concat()), "checksum");
    let mut binary = Tar::default().file("x", b"").0;
    binary[124..136].copy_from_slice(&[0xff; 12]);
    let error = refusal(Tar([base().0, binary].concat()));
    assert!(matches!(error, StoreError::Protocol { .. }), "{error}");

    let archive = Archive::of(&fixture);
    let whole = fs::read(&archive.path).unwrap();
    fs::write(&archive.path, &whole[..whole.len() - 1024 - 100]).unwrap();
    assert!(matches!(ArchiveStore::open(&archive.path), Err(StoreError::Protocol { .. })));
    fs::write(&archive.path, &whole[..whole.len() - 700]).unwrap();
    assert!(matches!(ArchiveStore::open(&archive.path), Err(StoreError::Protocol { .. })));
    fs::write(&archive.path, &whole).unwrap();

    let count = fixture.blobs.len() + 2;
    for (limit, fits) in [(count, true), (count - 1, false)] {
        let mut limits = Limits::default();
        limits.archive_entries = limit;
        let answer = archive.open().with_limits(limits).manifest(&tag("v1")).await;
        match fits {
            true => assert!(answer.is_ok(), "{answer:?}"),
            false => assert!(matches!(answer, Err(StoreError::TooLarge { .. })), "{answer:?}"),
        }
    }
}

// threat: X03
// threat: X06
#[tokio::test]
async fn no_flipped_bit_anywhere_yields_other_bytes() {
    let fixture = Fixture::new();
    let archive = Archive::of(&fixture);
    let whole = fs::read(&archive.path).unwrap();
    // Coprime to the block size, so that every field of a header has its turn.
    for position in (0..whole.len()).step_by(13) {
        let mut flipped = whole.clone();
        flipped[position] ^= 1 << (position % 8);
        fs::write(&archive.path, &flipped).unwrap();
        let Ok(store) = ArchiveStore::open(&archive.path) else { continue };
        for target in [tag("v1"), TagOrDigest::Digest(fixture.image.digest)] {
            if let Ok(fetched) = store.manifest(&target).await {
                assert_eq!(fetched.bytes(), fixture.blobs[&fetched.digest()], "{position}");
            }
        }
        if let Ok(Referrers::Listed(list)) = store.referrers(&fixture.image.digest).await {
            assert!(list.iter().all(|descriptor| descriptor.digest == fixture.bundle.digest), "{position}");
        }
    }
}

#[test]
fn a_compressed_archive_is_refused_with_the_way_out() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image.tar.gz");
    for (magic, command) in
        [(&b"\x1f\x8b\x08\0"[..], "gunzip -c"), (b"\x28\xb5\x2f\xfd", "zstd -dc"), (b"\xfd7zXZ\0", "xz -dc")]
    {
        fs::write(&path, [magic, &[0; 600]].concat()).unwrap();
        let error = ArchiveStore::open(&path).unwrap_err();
        assert!(matches!(&error, StoreError::Protocol { detail, .. } if detail.contains(command)), "{error}");
    }
}

// threat: X07
#[test]
fn what_is_not_an_archive_with_a_layout_is_refused() {
    let fixture = Fixture::new();
    let files = fixture.files(vec![]);
    let without = |name: &str| Tar::of(&files.iter().filter(|(file, _)| file != name).cloned().collect::<Vec<_>>());
    for name in ["oci-layout", "index.json"] {
        let error = refusal(without(name));
        assert!(matches!(&error, StoreError::Protocol { place, .. } if place.ends_with(name)), "{error}");
    }
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(ArchiveStore::open(dir.path()), Err(StoreError::Protocol { .. })));
    assert!(matches!(ArchiveStore::open(dir.path().join("none")), Err(StoreError::NotFound { .. })));
    fs::write(dir.path().join("empty"), "").unwrap();
    assert!(matches!(ArchiveStore::open(dir.path().join("empty")), Err(StoreError::Protocol { .. })));
    let fifo = dir.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    assert!(matches!(ArchiveStore::open(fifo), Err(StoreError::Protocol { .. })));
}

#[tokio::test]
async fn a_write_copies_what_it_does_not_change() {
    let fixture = Fixture::new();
    let archive =
        Archive::new(tagged(&fixture).pax(EntryType::XHeader, &[("mtime", "1.5")]).file("vendor/note", b"kept"));
    fs::set_permissions(&archive.path, fs::Permissions::from_mode(0o640)).unwrap();
    let before = fs::read(&archive.path).unwrap();
    let store = archive.open();
    let (manifest, blob) = (referrer(&fixture.image, "new"), b"a new blob".as_slice());
    let described = Descriptor::of("x/y", blob);
    store.push_blob(BlobSource::bytes(blob.into(), &described.digest)).await.unwrap();
    assert_eq!(store.blob(&described, 64).await.unwrap(), blob);
    assert!(matches!(store.blob(&described, 4).await, Err(StoreError::TooLarge { .. })));
    assert_eq!(fs::read(&archive.path).unwrap(), before, "blobs wait for their manifest");
    let signature = Tag::for_digest(&fixture.image.digest, ".sig");
    push(&store, &TagOrDigest::Tag(signature.clone()), &manifest, Precondition::Absent).await.unwrap();

    let other = archive.open();
    assert_eq!(other.manifest(&TagOrDigest::Tag(signature)).await.unwrap().bytes(), manifest);
    assert_eq!(other.blob(&described, 64).await.unwrap(), blob);
    assert_eq!(*other.manifest(&tag("v1")).await.unwrap().descriptor(), fixture.image);
    assert_eq!(*other.only_image().unwrap().descriptor(), fixture.image);
    let after = fs::read(&archive.path).unwrap();
    // The entries before index.json and those after it, header blocks and padding included.
    let index_at = 1024;
    let index_end = index_at
        + 512
        + fixture.files(vec![entry(&fixture.image, &[(REF_NAME, "v1")])])[1].1.len().next_multiple_of(512);
    let kept = [&before[..index_at], &before[index_end..before.len() - 1024]].concat();
    assert_eq!(after[..kept.len()], kept);
    assert_eq!(fs::metadata(&archive.path).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read_dir(archive.path.parent().unwrap()).unwrap().count(), 1, "no file is left beside it");
    let listing = Command::new("tar").arg("-tf").arg(&archive.path).output().unwrap();
    assert!(listing.status.success() && String::from_utf8(listing.stdout).unwrap().contains("vendor/note"));
}

// threat: R35
// Fails when an archive is replaced that a writer without a lock has changed in the meantime.
#[tokio::test]
async fn an_archive_that_changes_while_it_is_copied_is_not_replaced() {
    let fixture = Fixture::new();
    let mut large = tagged(&fixture);
    for number in 0..40 {
        large = large.file(&format!("pad-{number}"), &vec![7_u8; 1 << 20]);
    }
    let archive = Archive::new(large);
    let path = archive.path.clone();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let writer = std::thread::spawn(move || {
        let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
        while stopped.recv_timeout(std::time::Duration::from_millis(1)).is_err() {
            std::io::Write::write_all(&mut file, &[0; 512]).unwrap();
        }
    });
    std::thread::sleep(std::time::Duration::from_millis(20));
    let bytes = referrer(&fixture.image, "signed");
    let pushed = push(&archive.open(), &TagOrDigest::Digest(Digest::sha256(&bytes)), &bytes, Precondition::Any).await;
    stop.send(()).unwrap();
    writer.join().unwrap();
    assert!(matches!(pushed, Err(StoreError::Conflict { .. })), "{pushed:?}");
    assert!(!listed(&archive.open(), &fixture.image).await.contains(&Digest::sha256(&bytes)));
}

// threat: R38
// Fails when an archive is copied in one go, so that the wait cannot be given up, or when giving up leaves anything.
#[tokio::test]
async fn abandoned_rewrite_leaves_the_archive_and_no_other_file() {
    let fixture = Fixture::new();
    let mut large = tagged(&fixture);
    for number in 0..20 {
        large = large.file(&format!("pad-{number}"), &vec![7_u8; 1 << 20]);
    }
    let archive = Archive::new(large);
    let before = fs::read(&archive.path).unwrap();
    let bytes = referrer(&fixture.image, "signed");
    let (store, target) = (archive.open(), TagOrDigest::Digest(Digest::sha256(&bytes)));
    {
        let mut pushed = std::pin::pin!(push(&store, &target, &bytes, Precondition::Any));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        for poll in 0..40 {
            assert!(pushed.as_mut().poll(&mut context).is_pending(), "{poll}");
        }
    }
    assert!(fs::read(&archive.path).unwrap() == before);
    assert_eq!(fs::read_dir(archive.path.parent().unwrap()).unwrap().count(), 1);
    // The next run finds no lock either.
    push(&store, &target, &bytes, Precondition::Any).await.unwrap();
    assert!(listed(&archive.open(), &fixture.image).await.contains(&Digest::sha256(&bytes)));
}

#[tokio::test]
async fn a_link_to_an_archive_stays_a_link() {
    let fixture = Fixture::new();
    let archive = Archive::of(&fixture);
    let elsewhere = tempfile::tempdir().unwrap();
    let link = elsewhere.path().join("link.tar");
    symlink(&archive.path, &link).unwrap();
    push(&ArchiveStore::open(&link).unwrap(), &tag("v2"), &referrer(&fixture.image, "x"), Precondition::Any)
        .await
        .unwrap();
    assert!(link.is_symlink());
    assert!(archive.open().manifest(&tag("v2")).await.is_ok());
}

#[tokio::test]
async fn a_new_archive_is_filled_and_never_replaces_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new.tar");
    let store = ArchiveStore::create(&path).unwrap();
    let taken = ArchiveStore::create(&path).unwrap_err();
    assert!(matches!(&taken, StoreError::Protocol { detail, .. } if detail.contains("a name that is free")), "{taken}");
    let large = vec![7_u8; (64 << 20) + 1];
    let described = Descriptor::of("x/y", &large);
    store.push_blob(BlobSource::bytes((&large).into(), &described.digest)).await.unwrap();
    assert!(fs::metadata(&path).unwrap().len() > 64 << 20, "more than may wait is written at once");
    assert_eq!(ArchiveStore::open(&path).unwrap().blob(&described, 1 << 30).await.unwrap(), large);
    let image = image_manifest(&Descriptor::of(media_type::OCI_EMPTY, b"{}"), &[], None);
    push(&store, &tag("v1"), &image, Precondition::Absent).await.unwrap();
    assert_eq!(ArchiveStore::open(&path).unwrap().only_image().unwrap().bytes(), image);
    assert!(matches!(
        store.push_blob(BlobSource::bytes(b"a".into(), &Digest::sha256(b"b"))).await,
        Err(StoreError::DigestMismatch { .. })
    ));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn expectations_are_honoured_exactly() {
    let fixture = Fixture::new();
    let archive = Archive::of(&fixture);
    let before = fs::read(&archive.path).unwrap();
    let (store, other) = (archive.open(), archive.open());
    let (a, b) = (referrer(&fixture.image, "a"), referrer(&fixture.image, "b"));
    let conflict = |result: Result<(), StoreError>| matches!(result, Err(StoreError::Conflict { .. }));
    assert!(conflict(push(&store, &tag("v1"), &a, Precondition::Absent).await));
    assert!(conflict(push(&store, &tag("v2"), &a, Precondition::Unchanged(Digest::sha256(&a))).await));
    assert_eq!(fs::read(&archive.path).unwrap(), before);
    push(&store, &tag("v2"), &a, Precondition::Absent).await.unwrap();
    assert!(conflict(push(&other, &tag("v2"), &b, Precondition::Absent).await));
    push(&other, &tag("v2"), &b, Precondition::Unchanged(Digest::sha256(&a))).await.unwrap();
    assert_eq!(store.manifest(&tag("v2")).await.unwrap().bytes(), b);
}

const WRITERS: usize = 2;
const EACH: usize = 25;

/// Not a test of its own: the body of one writing process of the tests below, which name the archive and the writer.
#[tokio::test]
async fn writer_process() {
    let (Ok(path), Ok(writer)) = (std::env::var("SIGKIT_TEST_ARCHIVE"), std::env::var("SIGKIT_TEST_WRITER")) else {
        return;
    };
    let store = ArchiveStore::open(path).unwrap();
    let subject = Fixture::new().image;
    for number in 0..EACH {
        let bytes = referrer(&subject, &format!("{writer}.{number}"));
        push(&store, &TagOrDigest::Digest(Digest::sha256(&bytes)), &bytes, Precondition::Any).await.unwrap();
    }
}

fn start_writer(path: &Path, writer: &str) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "writer_process", "--nocapture"])
        .env("SIGKIT_TEST_ARCHIVE", path)
        .env("SIGKIT_TEST_WRITER", writer)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn many_writers_in_two_processes_lose_nothing() {
    let fixture = Fixture::new();
    let archive = Archive::of(&fixture);
    let writers: Vec<_> = (0..WRITERS).map(|writer| start_writer(&archive.path, &writer.to_string())).collect();
    for mut writer in writers {
        assert!(writer.wait().unwrap().success());
    }
    assert_eq!(listed(&archive.open(), &fixture.image).await.len(), 1 + WRITERS * EACH, "the fixture's own among them");
}

// threat: X08
#[test]
fn a_killed_writer_leaves_a_whole_archive_and_no_lock() {
    let fixture = Fixture::new();
    let archive = Archive::of(&fixture);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for round in 0..6 {
        let mut writer = start_writer(&archive.path, &format!("round{round}"));
        let mut seen = 0;
        while seen < 5 + 11 * round && writer.try_wait().unwrap().is_none() {
            runtime.block_on(listed(&archive.open(), &fixture.image));
            seen += 1;
        }
        writer.kill().unwrap();
        writer.wait().unwrap();
        runtime.block_on(listed(&archive.open(), &fixture.image));
        let bytes = referrer(&fixture.image, &format!("after{round}"));
        runtime.block_on(push(&archive.open(), &tag(&format!("after{round}")), &bytes, Precondition::Absent)).unwrap();
    }
}

/// `docker save app:v1 other:v2`, since version 25.
fn docker(fixture: &mut Fixture) -> Vec<(String, Vec<u8>)> {
    let config = br#"{"architecture":"arm64","os":"linux"}"#.to_vec();
    let config_descriptor = Descriptor::of(media_type::OCI_CONFIG, &config);
    let other = image_manifest(&config_descriptor, &[], None);
    let other_descriptor = Descriptor::of(media_type::OCI_MANIFEST, &other);
    let absent = Descriptor::of(media_type::OCI_MANIFEST, b"of another platform");
    let list = index(vec![entry(&absent, &[]), entry(&other_descriptor, &[])]);
    let list_descriptor = Descriptor::of(media_type::OCI_INDEX, &list);
    for (descriptor, bytes) in [(&config_descriptor, config), (&other_descriptor, other), (&list_descriptor, list)] {
        fixture.blobs.insert(descriptor.digest, bytes);
    }
    let mut files = fixture.files(vec![
        entry(&fixture.image, &[(IMAGE_NAME, "docker.io/library/app:v1"), (REF_NAME, "v1")]),
        entry(&list_descriptor, &[]),
    ]);
    let manifest = serde_json::json!([
        {"Config": "blobs/sha256/44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", "RepoTags": null, "Layers": []},
        {"Config": format!("blobs/sha256/{}", config_descriptor.digest.hex()), "RepoTags": ["other:v2"], "Layers": []},
    ]);
    files.push(("manifest.json".to_owned(), serde_json::to_vec(&manifest).unwrap()));
    files
}

#[tokio::test]
async fn an_archive_of_docker_save_is_read_by_name_and_signed() {
    let mut fixture = Fixture::new();
    let archive = Archive::new(Tar::of(&docker(&mut fixture)));
    let store = DockerArchiveStore::open(&archive.path).unwrap();
    assert_eq!(store.name(), format!("docker-archive:{}", archive.path.display()));
    let image = |name: &str| store.named_image(&name.parse().unwrap());
    for name in ["app:v1", "docker.io/library/app:v1", &format!("any@{}", fixture.image.digest)] {
        assert_eq!(*image(name).unwrap().descriptor(), fixture.image, "{name}");
    }
    assert_eq!(image("other:v2").unwrap().descriptor().media_type, media_type::OCI_INDEX);
    for name in ["app", "app:v2", "r.example/app:v1", "v1"] {
        let error = image(name).unwrap_err();
        assert!(matches!(&error, StoreError::NotFound { place } if place.contains("other:v2")), "{name}: {error}");
    }
    assert!(matches!(store.only_image(), Err(StoreError::Protocol { .. })));
    let bytes = referrer(&fixture.image, "signed");
    push(&store, &TagOrDigest::Digest(Digest::sha256(&bytes)), &bytes, Precondition::Any).await.unwrap();
    let again = DockerArchiveStore::open(&archive.path).unwrap();
    assert!(listed(&again, &fixture.image).await.contains(&Digest::sha256(&bytes)));
    assert_eq!(*again.manifest(&tag("v1")).await.unwrap().descriptor(), fixture.image);
}

#[test]
fn a_name_that_both_lists_give_to_different_images_is_refused() {
    let mut fixture = Fixture::new();
    let mut files = docker(&mut fixture);
    let (_, manifest) = files.iter_mut().find(|(name, _)| name == "manifest.json").unwrap();
    *manifest = String::from_utf8(manifest.clone()).unwrap().replace("other:v2", "app:v1").into_bytes();
    let archive = Archive::new(Tar::of(&files));
    let error = DockerArchiveStore::open(&archive.path).unwrap().named_image(&"app:v1".parse().unwrap()).unwrap_err();
    assert!(
        matches!(&error, StoreError::Protocol { detail, .. } if detail.contains("expected one image named")),
        "{error}"
    );
}

/// Two images as `docker save` writes them: `app:v1` is `good`, and `evil` is there without a name.
struct Two {
    fixture: Fixture,
    good: Value,
    evil: Value,
    evil_image: Descriptor,
}

impl Two {
    fn new() -> Self {
        let mut fixture = Fixture::new();
        let config = br#"{"architecture":"amd64","os":"linux","evil":1}"#.to_vec();
        let layer = b"another layer".to_vec();
        let config_descriptor = Descriptor::of(media_type::OCI_CONFIG, &config);
        let layer_descriptor = Descriptor::of("application/vnd.oci.image.layer.v1.tar", &layer);
        let image = image_manifest(&config_descriptor, &[&layer_descriptor], None);
        let evil_image = Descriptor::of(media_type::OCI_MANIFEST, &image);
        for bytes in [config, layer, image] {
            fixture.blobs.insert(Digest::sha256(&bytes), bytes);
        }
        let good = fixture.blobs[&fixture.image.digest].clone();
        let saved = |manifest: &[u8]| {
            let manifest: Value = serde_json::from_slice(manifest).unwrap();
            let path = |blob: &Value| format!("blobs/{}", blob["digest"].as_str().unwrap().replace(':', "/"));
            let layers: Vec<String> = manifest["layers"].as_array().unwrap().iter().map(path).collect();
            json!({"Config": path(&manifest["config"]), "RepoTags": ["app:v1"], "Layers": layers})
        };
        let (good, evil) = (saved(&good), saved(&fixture.blobs[&evil_image.digest]));
        Self { fixture, good, evil, evil_image }
    }

    /// The files of the archive, with that `manifest.json`.
    fn files(&self, manifest: &str) -> Vec<(String, Vec<u8>)> {
        let name = [(IMAGE_NAME, "docker.io/library/app:v1"), (REF_NAME, "v1")];
        let mut files = self.fixture.files(vec![entry(&self.fixture.image, &name)]);
        files.push(("manifest.json".to_owned(), manifest.as_bytes().to_vec()));
        files
    }

    /// The ways to ask for `app:v1`.
    fn asked(&self) -> [Asked; 6] {
        [
            Asked::Only,
            Asked::Tag("v1".parse().unwrap()),
            Asked::Digest(self.fixture.image.digest),
            Asked::Name("app:v1".parse().unwrap()),
            Asked::Name(format!("app@{}", self.fixture.image.digest).parse().unwrap()),
            Asked::Name(format!("app:v1@{}", self.fixture.image.digest).parse().unwrap()),
        ]
    }

    /// Whether each way of asking is answered, in an archive, as one of Docker, and in a directory.
    async fn answers(&self, files: &[(String, Vec<u8>)]) -> Vec<Result<(), StoreError>> {
        let archive = Archive::new(Tar::of(files));
        let directory = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        let (plain, docker) =
            (ArchiveStore::open(&archive.path).unwrap(), DockerArchiveStore::open(&archive.path).unwrap());
        let layout = LayoutStore::open(directory.path()).unwrap();
        let mut answers = Vec::new();
        for asked in self.asked() {
            let image = plain.manifest(&TagOrDigest::Digest(self.fixture.image.digest)).await.unwrap();
            answers.push(plain.check_lists(&asked, &image, None).await);
            answers.push(docker.check_lists(&asked, &image, None).await);
            answers.push(layout.check_lists(&asked, &image, None).await);
        }
        answers
    }
}

// threat: R01
#[tokio::test]
async fn docker_list_of_another_image_is_refused_for_every_name() {
    let two = Two::new();
    let (good, evil) = (&two.good, &two.evil);
    let with = |image: &Value, member: &str, value: Value| {
        let mut image = image.clone();
        image[member] = value;
        image
    };
    let unnamed = |image: &Value| with(image, "RepoTags", Value::Null);
    let mixed = with(good, "Layers", evil["Layers"].clone());
    let swapped = with(evil, "Layers", good["Layers"].clone());
    let fewer = with(good, "Layers", json!([]));
    let unreadable = with(evil, "RepoTags", json!(["APP:v1"]));
    let elsewhere = with(evil, "Config", json!("config.json"));
    for list in [
        json!([evil]),
        json!([mixed]),
        json!([swapped]),
        json!([fewer]),
        json!([good, evil]),
        json!([evil, good]),
        json!([unnamed(good), evil]),
        json!([unnamed(evil)]),
        json!([with(evil, "RepoTags", json!(["other:v2"]))]),
        json!([good, unreadable]),
        json!([elsewhere]),
    ] {
        for (asked, answer) in two.answers(&two.files(&list.to_string())).await.iter().enumerate() {
            let Err(StoreError::Protocol { place, detail }) = answer else { panic!("{list} {asked}: {answer:?}") };
            assert!(place.contains("manifest.json"), "{place}");
            assert!(
                detail.contains(&two.fixture.image.digest.to_string()) && detail.contains("configuration"),
                "{detail}"
            );
        }
    }
    for list in [json!([good]), json!([unnamed(good)]), json!([good, good]), json!([]), Value::Null] {
        for answer in two.answers(&two.files(&list.to_string())).await {
            answer.unwrap_or_else(|error| panic!("{list}: {error}"));
        }
    }
}

// threat: R01
#[tokio::test]
async fn another_image_of_another_name_does_not_matter() {
    let two = Two::new();
    let mut other = two.evil.clone();
    other["RepoTags"] = json!(["other:v2"]);
    let list = json!([two.good, other]).to_string();
    let refused = |answers: Vec<Result<(), StoreError>>| answers.iter().map(Result::is_err).collect::<Vec<_>>();
    // Of the six ways to ask, each in three places: without a name and by digest, nothing tells the two apart.
    let each = |ways: [bool; 6]| ways.into_iter().flat_map(|refused| [refused; 3]).collect::<Vec<_>>();
    assert_eq!(refused(two.answers(&two.files(&list)).await), each([true, false, true, false, true, true]));
    // Where the layout lists the other image too, both lists agree.
    let mut files = two.files(&list);
    let named = [(IMAGE_NAME, "docker.io/library/other:v2"), (REF_NAME, "v2")];
    files[1].1 = index(vec![
        entry(&two.fixture.image, &[(IMAGE_NAME, "docker.io/library/app:v1"), (REF_NAME, "v1")]),
        entry(&two.evil_image, &named),
    ]);
    assert_eq!(refused(two.answers(&files).await), each([true, false, false, false, false, false]));
}

// threat: R01
#[tokio::test]
async fn member_in_other_spelling_is_refused() {
    let two = Two::new();
    let good = two.good.to_string();
    let evil = |member: &str| two.evil[member].to_string();
    for (name, member) in
        [("config", "Config"), ("LAYERS", "Layers"), ("repotags", "RepoTags"), ("Layer\u{17f}", "Layers")]
    {
        let list = format!("[{},{name:?}:{}}}]", good.strip_suffix('}').unwrap(), evil(member));
        for answer in two.answers(&two.files(&list)).await {
            let Err(StoreError::Protocol { detail, .. }) = &answer else { panic!("{list}: {answer:?}") };
            assert!(detail.contains(&format!("{member:?}")), "{detail}");
        }
    }
    let mut files = two.files("[]");
    let index = String::from_utf8(files[1].1.clone()).unwrap();
    let entry = entry(&two.evil_image, &[]);
    for spelled in [
        index.replacen("\"manifests\"", &format!("\"Manifests\":[{entry}],\"manifests\""), 1),
        index.replacen("\"digest\"", &format!("\"Digest\":{},\"digest\"", entry["digest"]), 1),
    ] {
        files[1].1 = spelled.clone().into_bytes();
        let error = ArchiveStore::open(Archive::new(Tar::of(&files)).path).map(drop).expect_err(&spelled);
        assert!(matches!(&error, StoreError::Protocol { detail, .. } if detail.contains("same member")), "{error}");
    }
}

// threat: R01
#[tokio::test]
async fn names_by_which_other_readers_of_the_index_go_are_compared() {
    let two = Two::new();
    let mut files = two.files("[]");
    files[1].1 = index(vec![
        entry(&two.fixture.image, &[(IMAGE_NAME, "docker.io/library/app:v1"), (REF_NAME, "v1")]),
        entry(&two.evil_image, &[(IMAGE_NAME, "app:v1"), (REF_NAME, "hidden")]),
    ]);
    let answers = two.answers(&files).await;
    for (asked, refused) in [(1, true), (2, false), (3, true), (4, false), (5, true)] {
        for answer in &answers[asked * 3..asked * 3 + 3] {
            assert_eq!(answer.is_err(), refused, "{asked}: {answer:?}");
        }
    }
    let Err(StoreError::Protocol { detail, .. }) = &answers[3] else { panic!() };
    for digest in [two.fixture.image.digest, two.evil_image.digest] {
        assert!(detail.contains(&digest.to_string()), "{detail}");
    }
}

// threat: R01
#[tokio::test]
async fn other_second_lists_are_refused_unless_they_mean_the_same() {
    let two = Two::new();
    let manifest = |digest: &Digest| String::from_utf8(two.fixture.blobs[digest].clone()).unwrap();
    for answer in two.answers(&two.files(&manifest(&two.fixture.image.digest))).await {
        answer.unwrap();
    }
    for answer in two.answers(&two.files(&manifest(&two.evil_image.digest))).await {
        let Err(StoreError::Protocol { detail, .. }) = &answer else { panic!("{answer:?}") };
        assert!(detail.contains(&two.evil_image.digest.to_string()), "{detail}");
    }
    let mut files = two.files("");
    files.pop();
    files.push(("repositories".to_owned(), br#"{"app":{"v1":"abc"}}"#.to_vec()));
    for (number, answer) in two.answers(&files).await.iter().enumerate() {
        // No loader reads it in a directory.
        assert_eq!(answer.is_err(), number % 3 != 2, "{answer:?}");
    }
}

// threat: R01
#[tokio::test]
async fn docker_list_with_compatible_platform_is_refused() {
    for (architecture, refused) in [("amd64", true), ("arm64", false)] {
        let mut two = Two::new();
        let config = format!(r#"{{"architecture":"{architecture}","os":"linux"}}"#).into_bytes();
        let config_descriptor = Descriptor::of(media_type::OCI_CONFIG, &config);
        let other = image_manifest(&config_descriptor, &[], None);
        let on = |descriptor: &Descriptor, architecture: &str| {
            let mut entry = entry(descriptor, &[]);
            entry["platform"] = json!({"os": "linux", "architecture": architecture});
            entry
        };
        let list = index(vec![
            on(&two.fixture.image, "amd64"),
            on(&Descriptor::of(media_type::OCI_MANIFEST, &other), "arm64"),
        ]);
        let list_descriptor = Descriptor::of(media_type::OCI_INDEX, &list);
        let saved = json!([{"Config": format!("blobs/sha256/{}", config_descriptor.digest.hex()), "RepoTags": ["app:v1"], "Layers": []}]);
        for bytes in [config, other, list] {
            two.fixture.blobs.insert(Digest::sha256(&bytes), bytes);
        }
        let mut files = two.fixture.files(vec![entry(&list_descriptor, &[(IMAGE_NAME, "docker.io/library/app:v1")])]);
        files.push(("manifest.json".to_owned(), saved.to_string().into_bytes()));
        let archive = Archive::new(Tar::of(&files));
        let store = DockerArchiveStore::open(&archive.path).unwrap();
        let asked = Asked::Name("app:v1".parse().unwrap());
        let root = store.only_image().unwrap();
        store.check_lists(&asked, &root, None).await.unwrap();
        let answer = store.check_lists(&asked, &root, Some(&"linux/amd64".parse().unwrap())).await;
        assert_eq!(answer.is_err(), refused, "{architecture}: {answer:?}");
    }
}

#[test]
fn an_old_archive_of_docker_save_is_refused_with_the_way_out() {
    let old = Tar::default()
        .file("manifest.json", br#"[{"Config":"abc.json","RepoTags":["app:v1"],"Layers":["1/layer.tar"]}]"#)
        .file("abc.json", b"{}")
        .entry(EntryType::Symlink, "2/layer.tar", b"", 0);
    let error = DockerArchiveStore::open(Archive::new(old).path).unwrap_err();
    assert!(
        matches!(&error, StoreError::Protocol { detail, .. } if detail.contains("no manifest digest") && detail.contains("skopeo")),
        "{error}"
    );
    let error = DockerArchiveStore::open(Archive::new(Tar::default().file("x", b"")).path).unwrap_err();
    assert!(matches!(&error, StoreError::Protocol { place, .. } if place.ends_with("oci-layout")), "{error}");
    let mut fixture = Fixture::new();
    let linked = Tar::of(&docker(&mut fixture)).entry(EntryType::Symlink, "2/layer.tar", b"", 0);
    let error = DockerArchiveStore::open(Archive::new(linked).path).unwrap_err();
    assert!(matches!(&error, StoreError::Protocol { detail, .. } if detail.contains("link or device")), "{error}");
}
