//! What `docker save` writes.

use std::collections::BTreeSet;
use std::path::Path;

use super::snapshot::Snapshot;
use super::{ArchiveStore, LayoutFile, Reader};
use crate::digest::Digest;
use crate::limits::Limits;
use crate::oci::media_type::ANNOTATION_REF_NAME;
use crate::oci::{Descriptor, ImageReference, Platform, Tag, TagOrDigest};
use crate::store::layout::files::protocol;
use crate::store::layout::lists::{self, IMAGE_NAME};
use crate::store::{
    Asked, BlobSource, BlobStream, Completed, FetchedManifest, Precondition, Referrers, Store, StoreError, StoreWrite,
    SubjectIndexed, TagWriter,
};

/// An archive of `docker save` that carries an OCI image layout, which Docker writes since version 25.
///
/// Older archives have neither manifests nor their digests, so there is nothing that a signature could name.
#[derive(Debug)]
pub struct DockerArchiveStore {
    inner: ArchiveStore,
}

impl DockerArchiveStore {
    /// Opens the archive at `path`.
    ///
    /// # Errors
    /// As [`ArchiveStore::open`]; [`StoreError::Protocol`] with the way out for an archive without an OCI layout.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let snapshot = Snapshot::open(path, &Limits::DEFAULT)?;
        let has_layout = snapshot.has(LayoutFile::Marker) && snapshot.has(LayoutFile::Index);
        if !has_layout && snapshot.has(LayoutFile::DockerManifest) {
            return Err(protocol(
                &path.display().to_string(),
                "this docker archive holds no OCI image layout, so it has no manifest digest that a signature could name; \
                 save it again with Docker 25 or later, or copy the image from its registry: \
                 crane pull --format=oci IMAGE DIR, skopeo copy docker://IMAGE oci-archive:FILE",
            ));
        }
        Ok(Self { inner: ArchiveStore::open(path)? })
    }

    /// The same archive read within other bounds.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { inner: self.inner.with_limits(limits) }
    }

    /// How many manifests `index.json` lists: many tools take a layout of one only.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn listed(&self) -> Result<usize, StoreError> {
        self.inner.listed()
    }

    /// The archive's image, when it holds one only: what `docker-archive:FILE` without a name means.
    ///
    /// # Errors
    /// [`StoreError::Protocol`] naming the choices when there are none or several.
    pub fn only_image(&self) -> Result<FetchedManifest, StoreError> {
        self.inner.only_image()
    }

    /// The image of that name: `docker-archive:FILE:NAME:TAG`.
    ///
    /// Both lists of names count, that of the layout and that of Docker.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] with the names there are; [`StoreError::Protocol`] when the lists mean different images.
    pub fn named_image(&self, reference: &ImageReference) -> Result<FetchedManifest, StoreError> {
        if let Some(digest) = reference.digest {
            return self.inner.reading(|reader| reader.manifest(&TagOrDigest::Digest(digest)));
        }
        self.inner.reading(|reader| {
            let index = reader.index()?;
            let saved = lists::saved(reader)?;
            let configs: BTreeSet<Digest> = saved
                .iter()
                .filter(|image| image.names.iter().any(|name| names(name, reference)))
                .filter_map(|image| lists::blob_digest(&image.config))
                .collect();
            let mut found = BTreeSet::new();
            for entry in index.descriptors() {
                if named(entry).any(|name| names(name, reference)) || runs(reader, entry, &configs)? {
                    found.insert(entry.digest);
                }
            }
            let place = reader.index_place();
            match found.iter().collect::<Vec<_>>().as_slice() {
                [digest] => reader.manifest(&TagOrDigest::Digest(**digest)),
                [] => {
                    let names: BTreeSet<&str> = index
                        .descriptors()
                        .flat_map(named)
                        .chain(saved.iter().flat_map(|image| image.names.iter().map(String::as_str)))
                        .collect();
                    let names = names.into_iter().collect::<Vec<_>>().join(", ");
                    Err(StoreError::NotFound { place: format!("{place}, image {reference} (names there: {names})") })
                }
                several => {
                    let found = several.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                    Err(protocol(&place, format!("expected one image named {reference}, found {found}")))
                }
            }
        })
    }
}

/// The full names of an entry.
fn named(entry: &Descriptor) -> impl Iterator<Item = &str> {
    let full = entry.annotations.get(ANNOTATION_REF_NAME).filter(|name| name.contains(':'));
    entry.annotations.get(IMAGE_NAME).into_iter().chain(full).map(String::as_str)
}

fn names(name: &str, wanted: &ImageReference) -> bool {
    name.parse::<ImageReference>().is_ok_and(|name| lists::is_same_name(&name, wanted))
}

/// Whether an entry is an image, or an index over one, with one of these configurations.
fn runs(reader: &Reader<'_>, entry: &Descriptor, configs: &BTreeSet<Digest>) -> Result<bool, StoreError> {
    if configs.is_empty() {
        return Ok(false);
    }
    let images = reader.images_of(&reader.listed(entry)?)?;
    Ok(images.iter().any(|(_, image)| configs.contains(&image.config.digest)))
}

impl Store for DockerArchiveStore {
    fn name(&self) -> String {
        format!("docker-archive:{}", self.inner.path.display())
    }

    async fn manifest(&self, target: &TagOrDigest) -> Result<FetchedManifest, StoreError> {
        self.inner.manifest(target).await
    }

    async fn read_blob(&self, descriptor: &Descriptor) -> Result<BlobStream<'_>, StoreError> {
        self.inner.read_blob(descriptor).await
    }

    async fn exists(&self, descriptor: &Descriptor) -> Result<bool, StoreError> {
        self.inner.exists(descriptor).await
    }

    async fn tags(&self) -> Result<Vec<Tag>, StoreError> {
        self.inner.tags().await
    }

    async fn image(&self, asked: &Asked) -> Result<FetchedManifest, StoreError> {
        match asked {
            Asked::Name(name) => self.named_image(name),
            Asked::Only | Asked::Tag(_) | Asked::Digest(_) => self.inner.image(asked).await,
        }
    }

    async fn check_blob(&self, descriptor: &Descriptor) -> Result<(), StoreError> {
        self.inner.check_blob(descriptor).await
    }

    async fn check_lists(
        &self,
        asked: &Asked,
        image: &FetchedManifest,
        platform: Option<&Platform>,
    ) -> Result<(), StoreError> {
        self.inner.check_lists(asked, image, platform).await
    }

    async fn referrers(&self, subject: &Digest) -> Result<Referrers, StoreError> {
        self.inner.referrers(subject).await
    }

    async fn list_referrers(&self, subject: &Digest, each: &mut (dyn FnMut(Result<Descriptor, StoreError>) + Send)) {
        self.inner.list_referrers(subject, each).await;
    }
}

impl StoreWrite for DockerArchiveStore {
    async fn push_blob(&self, blob: BlobSource<'_>) -> Result<(), StoreError> {
        self.inner.push_blob(blob).await
    }

    async fn push_manifest(
        &self,
        target: &TagOrDigest,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<SubjectIndexed, StoreError> {
        self.inner.push_manifest(target, media_type, bytes).await
    }
}

impl TagWriter for DockerArchiveStore {
    async fn push_tag(
        &self,
        tag: &Tag,
        media_type: &str,
        bytes: &[u8],
        expected: Precondition,
    ) -> Result<SubjectIndexed, StoreError> {
        self.inner.push_tag(tag, media_type, bytes, expected).await
    }

    async fn complete(&self, manifest: &Digest) -> Result<Completed, StoreError> {
        self.inner.complete(manifest).await
    }
}
