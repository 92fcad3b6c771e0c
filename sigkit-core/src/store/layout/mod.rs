//! An OCI image layout in a directory. OCI image specification 1.1, "Image Layout".

// The only code of the library that touches files lies here and in the archive: a layout is a directory.
#![allow(clippy::disallowed_methods)]

mod directory;
pub(super) mod files;
pub(super) mod index;
pub(super) mod lists;
pub(super) mod lock;
pub(super) mod reader;
pub(super) mod update;

use std::io;
use std::path::{Path, PathBuf};

use self::directory::Directory;
use self::files::{LayoutFile, LayoutFiles, io_error, protocol};
use self::index::LayoutIndex;
use self::lock::Lock;
use self::reader::{MARKER, Reader};
use self::update::Update;
use super::{
    Asked, BlobSource, BlobStream, Completed, FetchedManifest, Precondition, Referrers, Store, StoreError, StoreWrite,
    SubjectIndexed, TagWriter, verified,
};
use crate::digest::Digest;
use crate::limits::Limits;
use crate::oci::{Descriptor, Platform, Tag, TagOrDigest};

/// An OCI image layout in a directory, for reading and writing.
///
/// Whatever it returns was hashed on this read. Links are not followed. Referrers are found whether `index.json` lists them, as
/// here and with oras, or not, as with `cosign save`.
///
/// Writers take turns by an advisory lock on `oci-layout`, and every file appears whole under its name or not at all. Tools that
/// do not take the lock may still overwrite each other's `index.json`.
///
/// The futures do their file operations on the calling thread, and give it back between two blobs and while another writer has the lock.
#[derive(Debug)]
pub struct LayoutStore {
    path: PathBuf,
    directory: Directory,
    limits: Limits,
}

impl LayoutStore {
    /// Opens the layout in the directory `path`.
    ///
    /// # Errors
    /// [`StoreError`] naming the file that is missing or not what a layout of version 1.0.0 has.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let found = std::fs::metadata(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => StoreError::NotFound { place: path.display().to_string() },
            _ => io_error(&path.display().to_string(), &error),
        })?;
        if !found.is_dir() {
            let detail =
                "expected a directory with an OCI image layout, found a file; an archive is named oci-archive:FILE";
            return Err(protocol(&path.display().to_string(), detail));
        }
        let store = Self::at(path);
        store.reader().check()?;
        Ok(store)
    }

    /// Makes an empty layout in the directory `path`, which must be new or empty.
    ///
    /// ```
    /// use sigkit_core::store::LayoutStore;
    ///
    /// let folder = tempfile::tempdir()?;
    /// let layout = LayoutStore::create(folder.path().join("layout"))?;
    /// assert_eq!(layout.listed()?, 0);
    /// assert!(LayoutStore::open(folder.path()).is_err(), "not a layout");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`StoreError::Protocol`] when the directory has content; [`StoreError::Io`].
    pub fn create(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let place = path.display().to_string();
        let failed = |error: io::Error| io_error(&place, &error);
        std::fs::create_dir_all(path).map_err(failed)?;
        if std::fs::read_dir(path).map_err(failed)?.next().is_some() {
            return Err(protocol(&place, "expected a new or empty directory, found one with content"));
        }
        let store = Self::at(path);
        std::fs::create_dir_all(path.join("blobs").join("sha256")).map_err(failed)?;
        store.directory.write_root(LayoutFile::Index, &index::empty())?;
        // Last, so that an unfinished folder is not a layout.
        store.directory.write_root(LayoutFile::Marker, MARKER)?;
        Ok(store)
    }

    fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), directory: Directory::new(path), limits: Limits::DEFAULT }
    }

    /// The same layout read within other bounds.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// How many manifests `index.json` lists: many tools take a layout of one only.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn listed(&self) -> Result<usize, StoreError> {
        Ok(self.reader().index()?.descriptors().count())
    }

    /// The layout's image, when it holds one only beside signatures and other referrers: what `oci:DIR` without a tag means.
    ///
    /// # Errors
    /// [`StoreError::Protocol`] naming the choices when there are none or several.
    pub fn only_image(&self) -> Result<FetchedManifest, StoreError> {
        self.reader().only_image()
    }

    fn reader(&self) -> Reader<'_> {
        Reader::new(&self.directory, &self.limits)
    }

    /// Lists a manifest that is there and is not listed.
    async fn list(&self, manifest: &Digest) -> Result<Completed, StoreError> {
        let unlisted = self.reader().unlisted(manifest)?;
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
        let lock = Lock::acquire(&self.directory.path_of(LayoutFile::Marker)).await?;
        let reader = self.reader();
        self.replace_index(&reader, |index| {
            update.check(expected, &reader, index)?;
            self.directory.write_blob(&update.descriptor.digest, bytes)?;
            update.index(&reader, index, &self.limits)
        })?;
        drop(lock);
        Ok(SubjectIndexed::Yes)
    }

    /// Writes what `change` makes of the index, if anything; the caller holds the lock.
    fn replace_index(
        &self,
        reader: &Reader<'_>,
        change: impl Fn(&LayoutIndex) -> Result<Option<Vec<u8>>, StoreError>,
    ) -> Result<(), StoreError> {
        for _ in 0..MAX_READS {
            let before = reader.index_bytes()?;
            let document = change(&LayoutIndex::parse(&reader.index_place(), &before)?)?;
            // Another program that takes no lock may have written it meanwhile.
            if reader.index_bytes()? == before {
                return document.map_or(Ok(()), |document| self.directory.write_root(LayoutFile::Index, &document));
            }
        }
        Err(StoreError::Conflict { place: reader.index_place() })
    }

    async fn remove(&self, target: &TagOrDigest) -> Result<(), StoreError> {
        let lock = Lock::acquire(&self.directory.path_of(LayoutFile::Marker)).await?;
        let reader = self.reader();
        self.replace_index(&reader, |index| update::without(&reader, index, target))?;
        // Last: until here the index may have led to it.
        if let TagOrDigest::Digest(digest) = target {
            self.directory.remove_blob(digest)?;
        }
        drop(lock);
        Ok(())
    }
}

/// How often an index is read again that others write without the lock.
const MAX_READS: usize = 8;

impl Store for LayoutStore {
    fn name(&self) -> String {
        format!("oci:{}", self.path.display())
    }

    async fn manifest(&self, target: &TagOrDigest) -> Result<FetchedManifest, StoreError> {
        self.reader().manifest(target)
    }

    async fn read_blob(&self, descriptor: &Descriptor) -> Result<BlobStream<'_>, StoreError> {
        self.reader().read_blob(descriptor)
    }

    async fn exists(&self, descriptor: &Descriptor) -> Result<bool, StoreError> {
        self.reader().holds(descriptor)
    }

    async fn tags(&self) -> Result<Vec<Tag>, StoreError> {
        Ok(self.reader().index()?.tags())
    }

    async fn image(&self, asked: &Asked) -> Result<FetchedManifest, StoreError> {
        self.reader().image(asked)
    }

    async fn check_blob(&self, descriptor: &Descriptor) -> Result<(), StoreError> {
        self.reader().check_blob(descriptor).await
    }

    async fn check_lists(
        &self,
        asked: &Asked,
        image: &FetchedManifest,
        platform: Option<&Platform>,
    ) -> Result<(), StoreError> {
        lists::check(&self.reader(), asked, image, platform)
    }

    async fn referrers(&self, subject: &Digest) -> Result<Referrers, StoreError> {
        self.reader().referrers(subject).await
    }

    async fn list_referrers(&self, subject: &Digest, each: &mut (dyn FnMut(Result<Descriptor, StoreError>) + Send)) {
        self.reader().list_referrers(subject, each).await;
    }
}

impl StoreWrite for LayoutStore {
    async fn push_blob(&self, blob: BlobSource<'_>) -> Result<(), StoreError> {
        let digest = blob.digest();
        if let Some(bytes) = blob.in_memory() {
            verified::compare(&self.directory.place(LayoutFile::Blob(digest)), &digest, bytes)?;
            return self.directory.write_blob(&digest, bytes);
        }
        if self.reader().check_blob(&blob.descriptor()).await.is_ok() {
            return Ok(());
        }
        self.directory.write_stream(blob.open().await?).await
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

impl TagWriter for LayoutStore {
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
