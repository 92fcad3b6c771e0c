//! OCI image layouts in tar archives.

// An archive is a file: with the layout's directory, this is the only code of the library that touches files.
#![allow(clippy::disallowed_methods)]

mod docker;
mod snapshot;
mod tar_index;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use self::docker::DockerArchiveStore;
use self::snapshot::{Change, Snapshot};
use super::atomic_file::AtomicFile;
use super::blob::Slices;
use super::layout::files::{LayoutFile, io_error, stream};
use super::layout::index;
use super::layout::lists;
use super::layout::lock::Lock;
use super::layout::reader::{MARKER, Reader};
use super::layout::update::{self, Update};
use super::{
    Asked, BlobSource, BlobStream, Completed, FetchedManifest, Precondition, Referrers, Store, StoreError, StoreWrite,
    SubjectIndexed, TagWriter,
};
use crate::digest::Digest;
use crate::limits::Limits;
use crate::oci::{Descriptor, Platform, Tag, TagOrDigest};

/// Bytes of blobs that wait in memory for the manifest that names them, before they are written without it.
const PENDING_BYTES: usize = 64 << 20;

/// An OCI image layout in an uncompressed tar, for reading and writing.
///
/// Nothing is ever unpacked: bytes are read where they lie, and hashed on every read. Each operation sees one state of the
/// archive, the file that has the name when it begins.
///
/// A write makes a new archive beside the old one and gives it the name in one step; entries that stay keep their bytes. Writers
/// take turns by an advisory lock on the archive itself. Since every write copies the archive, pushed blobs wait for the manifest that
/// names them: bytes in memory, up to 64 MiB together, streams in a file without a name beside the archive. This store reads them
/// meanwhile, others do not see them.
///
/// The futures do their file operations on the calling thread, and give it back between two blobs or pieces of the archive and while
/// another writer has the lock. One that is dropped before its end leaves the archive as it was.
#[derive(Debug)]
pub struct ArchiveStore {
    /// As the user wrote it.
    path: PathBuf,
    /// The same with links resolved, so that a write replaces the archive and not a link to it.
    target: PathBuf,
    limits: Limits,
    pending: Mutex<Pending>,
}

/// Blobs that wait for the manifest that names them.
type Pending = BTreeMap<Digest, Waiting>;

/// A blob that waits, compared with its digest.
#[derive(Clone, Debug)]
enum Waiting {
    Bytes(Arc<Vec<u8>>),
    /// So many bytes.
    Spooled(Arc<AtomicFile>, u64),
}

impl Waiting {
    /// What it takes of memory, in bytes.
    fn weight(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Spooled(..) => 0,
        }
    }

    fn change(&self) -> Change<'_> {
        match self {
            Self::Bytes(bytes) => Change::Bytes(bytes),
            Self::Spooled(spool, size) => Change::File(spool.file(), *size),
        }
    }

    fn stream(self, place: String, descriptor: &Descriptor) -> Result<BlobStream<'static>, StoreError> {
        match self {
            Self::Bytes(bytes) => Ok(BlobStream::new(place, descriptor, Slices::shared(bytes))),
            Self::Spooled(spool, size) => stream(place, descriptor, snapshot::opened_spool(spool, size)),
        }
    }
}

impl ArchiveStore {
    /// Opens the archive at `path`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError`] naming what is compressed, malformed or not a layout.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let snapshot = Snapshot::open(path, &Limits::DEFAULT)?.without_links()?;
        Reader::new(&snapshot, &Limits::DEFAULT).check()?;
        Self::at(path)
    }

    /// Makes an archive with an empty layout at `path`, where nothing may be.
    ///
    /// # Errors
    /// [`StoreError::Protocol`] when something is there; [`StoreError::Io`].
    pub fn create(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        snapshot::create(path, &[(LayoutFile::Marker, MARKER), (LayoutFile::Index, &index::empty())])?;
        Self::at(path)
    }

    fn at(path: &Path) -> Result<Self, StoreError> {
        let target = std::fs::canonicalize(path).map_err(|error| io_error(&path.display().to_string(), &error))?;
        Ok(Self { path: path.to_owned(), target, limits: Limits::DEFAULT, pending: Mutex::default() })
    }

    /// The same archive read within other bounds.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// How many manifests `index.json` lists: many tools take a layout of one only.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn listed(&self) -> Result<usize, StoreError> {
        self.reading(|reader| Ok(reader.index()?.descriptors().count()))
    }

    /// The archive's image, when it holds one only beside signatures and other referrers: what `oci-archive:FILE` without a tag
    /// means.
    ///
    /// # Errors
    /// [`StoreError::Protocol`] naming the choices when there are none or several.
    pub fn only_image(&self) -> Result<FetchedManifest, StoreError> {
        self.reading(|reader| reader.only_image())
    }

    fn reading<T>(&self, work: impl FnOnce(&Reader<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        work(&Reader::new(&self.snapshot()?, &self.limits))
    }

    /// The archive as it is now.
    fn snapshot(&self) -> Result<Snapshot, StoreError> {
        Snapshot::open(&self.target, &self.limits)?.without_links()
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        // Every change is one insertion or one removal, so that a panic elsewhere leaves no half of it.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A blob that waits, or one of the archive as it is now.
    fn blob_stream(&self, descriptor: &Descriptor) -> Result<BlobStream<'static>, StoreError> {
        let waiting = self.pending().get(&descriptor.digest).cloned();
        if let Some(waiting) = waiting {
            return waiting.stream(format!("{}@{}", self.name(), descriptor.digest), descriptor);
        }
        let snapshot = self.snapshot()?;
        let member = LayoutFile::Blob(descriptor.digest);
        let place = Reader::new(&snapshot, &self.limits).place(member);
        match snapshot.into_opened(member) {
            Some(opened) => stream(place, descriptor, opened),
            None => Err(StoreError::NotFound { place }),
        }
    }

    async fn add_blob(&self, blob: BlobSource<'_>) -> Result<(), StoreError> {
        let (digest, size) = (blob.digest(), blob.size());
        let waiting = match blob.in_memory() {
            Some(_) => Waiting::Bytes(Arc::new(blob.into_bytes(u64::MAX).await?)),
            None => {
                let snapshot = self.snapshot()?;
                if Reader::new(&snapshot, &self.limits).check_blob(&blob.descriptor()).await.is_ok() {
                    return Ok(());
                }
                drop(snapshot);
                let mut spool = snapshot::spool(&self.target)?;
                let failed = |error: io::Error| io_error(&self.target.display().to_string(), &error);
                let mut stream = blob.open().await?;
                while let Some(chunk) = stream.chunk().await? {
                    spool.append(&chunk).map_err(failed)?;
                }
                Waiting::Spooled(Arc::new(spool), size)
            }
        };
        let weight = {
            let mut pending = self.pending();
            pending.insert(digest, waiting);
            pending.values().fold(0_usize, |sum, waiting| sum.saturating_add(waiting.weight()))
        };
        if weight <= PENDING_BYTES {
            return Ok(());
        }
        let (lock, snapshot) = self.locked().await?;
        self.write(&snapshot, &[]).await?;
        drop(lock);
        Ok(())
    }

    /// Lists a manifest that is there and is not listed.
    async fn list(&self, manifest: &Digest) -> Result<Completed, StoreError> {
        let unlisted = self.reading(|reader| reader.unlisted(manifest))?;
        let Some(found) = unlisted else { return Ok(Completed::Nothing) };
        let target = TagOrDigest::Digest(*manifest);
        self.write_manifest(&target, &found.descriptor().media_type, found.bytes(), Precondition::Any).await?;
        Ok(Completed::Listed)
    }

    async fn write_manifest(
        &self,
        target: &TagOrDigest,
        media_type: &str,
        bytes: &[u8],
        expected: Precondition,
    ) -> Result<SubjectIndexed, StoreError> {
        let update = Update::new(&self.name(), target, media_type, bytes)?;
        let (lock, snapshot) = self.locked().await?;
        let reader = Reader::new(&snapshot, &self.limits);
        let index = reader.index()?;
        update.check(expected, &reader, &index)?;
        let document = update.index(&reader, &index, &self.limits)?;
        let mut changes = vec![(LayoutFile::Blob(update.descriptor.digest), Change::Bytes(bytes))];
        changes.extend(document.as_ref().map(|document| (LayoutFile::Index, Change::Bytes(document))));
        self.write(&snapshot, &changes).await?;
        drop(lock);
        Ok(SubjectIndexed::Yes)
    }

    /// The right to write, and the state to start from.
    async fn locked(&self) -> Result<(Lock, Snapshot), StoreError> {
        let lock = Lock::acquire(&self.target).await?;
        let place = self.target.display().to_string();
        let file = lock.file().try_clone().map_err(|error| io_error(&place, &error))?;
        Ok((lock, Snapshot::of(place, file, &self.limits)?.without_links()?))
    }

    /// Makes `changes` and writes the waiting blobs, as far as they are not there already.
    async fn write(&self, snapshot: &Snapshot, changes: &[(LayoutFile, Change<'_>)]) -> Result<(), StoreError> {
        let pending = self.pending().clone();
        let waiting = pending.iter().map(|(digest, waiting)| (LayoutFile::Blob(*digest), waiting.change()));
        let mut missing: BTreeMap<LayoutFile, Change<'_>> = BTreeMap::new();
        for (member, change) in waiting.chain(changes.iter().copied()) {
            if !snapshot.is_done(member, change)? {
                missing.insert(member, change);
            }
        }
        if !missing.is_empty() {
            snapshot.rewrite(&self.target, &missing.into_iter().collect::<Vec<_>>()).await?;
        }
        // What came meanwhile still waits.
        self.pending().retain(|digest, _| !pending.contains_key(digest));
        Ok(())
    }

    async fn remove(&self, target: &TagOrDigest) -> Result<(), StoreError> {
        let (lock, snapshot) = self.locked().await?;
        let reader = Reader::new(&snapshot, &self.limits);
        let document = update::without(&reader, &reader.index()?, target)?;
        let mut changes = Vec::new();
        changes.extend(document.as_ref().map(|document| (LayoutFile::Index, Change::Bytes(document))));
        if let TagOrDigest::Digest(digest) = target {
            changes.push((LayoutFile::Blob(*digest), Change::Removed));
        }
        self.write(&snapshot, &changes).await?;
        drop(lock);
        Ok(())
    }
}

impl Store for ArchiveStore {
    fn name(&self) -> String {
        format!("oci-archive:{}", self.path.display())
    }

    async fn manifest(&self, target: &TagOrDigest) -> Result<FetchedManifest, StoreError> {
        self.reading(|reader| reader.manifest(target))
    }

    async fn read_blob(&self, descriptor: &Descriptor) -> Result<BlobStream<'_>, StoreError> {
        self.blob_stream(descriptor)
    }

    async fn exists(&self, descriptor: &Descriptor) -> Result<bool, StoreError> {
        let waits = self.pending().contains_key(&descriptor.digest);
        Ok(waits || self.reading(|reader| reader.holds(descriptor))?)
    }

    async fn tags(&self) -> Result<Vec<Tag>, StoreError> {
        self.reading(|reader| Ok(reader.index()?.tags()))
    }

    async fn image(&self, asked: &Asked) -> Result<FetchedManifest, StoreError> {
        self.reading(|reader| reader.image(asked))
    }

    async fn check_blob(&self, descriptor: &Descriptor) -> Result<(), StoreError> {
        let snapshot = self.snapshot()?;
        Reader::new(&snapshot, &self.limits).check_blob(descriptor).await
    }

    async fn check_lists(
        &self,
        asked: &Asked,
        image: &FetchedManifest,
        platform: Option<&Platform>,
    ) -> Result<(), StoreError> {
        self.reading(|reader| lists::check(reader, asked, image, platform))
    }

    async fn referrers(&self, subject: &Digest) -> Result<Referrers, StoreError> {
        let snapshot = self.snapshot()?;
        Reader::new(&snapshot, &self.limits).referrers(subject).await
    }

    async fn list_referrers(&self, subject: &Digest, each: &mut (dyn FnMut(Result<Descriptor, StoreError>) + Send)) {
        match self.snapshot() {
            Ok(snapshot) => Reader::new(&snapshot, &self.limits).list_referrers(subject, each).await,
            Err(error) => each(Err(error)),
        }
    }
}

impl StoreWrite for ArchiveStore {
    async fn push_blob(&self, blob: BlobSource<'_>) -> Result<(), StoreError> {
        self.add_blob(blob).await
    }

    async fn push_manifest(
        &self,
        target: &TagOrDigest,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<SubjectIndexed, StoreError> {
        self.write_manifest(target, media_type, bytes, Precondition::Any).await
    }

    async fn delete(&self, target: &TagOrDigest) -> Result<(), StoreError> {
        self.remove(target).await
    }
}

impl TagWriter for ArchiveStore {
    async fn push_tag(
        &self,
        tag: &Tag,
        media_type: &str,
        bytes: &[u8],
        expected: Precondition,
    ) -> Result<SubjectIndexed, StoreError> {
        self.write_manifest(&TagOrDigest::Tag(tag.clone()), media_type, bytes, expected).await
    }

    async fn complete(&self, manifest: &Digest) -> Result<Completed, StoreError> {
        self.list(manifest).await
    }
}
