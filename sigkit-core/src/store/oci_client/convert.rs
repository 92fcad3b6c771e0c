//! The client's types and ours.

use std::collections::BTreeMap;

use ::oci_client::Reference;
use ::oci_client::manifest::{ImageIndexEntry, OciDescriptor};

use crate::digest::{Digest, DigestError};
use crate::oci::{Descriptor, ImageReference, ReferenceError, Repository};

/// Docker Hub as the client writes it, and as this crate does.
const DOCKER_HUB: [&str; 2] = ["docker.io", "index.docker.io"];

/// The registry as the client's own references name it.
pub(super) fn registry_name(repository: &Repository) -> String {
    let [theirs, ours] = DOCKER_HUB;
    if repository.registry() == ours { theirs.to_owned() } else { repository.registry().to_owned() }
}

/// Without parsing anything.
impl From<&ImageReference> for Reference {
    fn from(image: &ImageReference) -> Self {
        let (registry, path) = (registry_name(&image.repository), image.repository.path().to_owned());
        match (&image.tag, &image.digest) {
            (Some(tag), Some(digest)) => Self::with_tag_and_digest(registry, path, tag.to_string(), digest.to_string()),
            (None, Some(digest)) => Self::with_digest(registry, path, digest.to_string()),
            (_, None) => Self::with_tag(registry, path, image.target().to_string()),
        }
    }
}

/// A mirror, when one is set, is the client's business alone and is left out.
impl TryFrom<&Reference> for ImageReference {
    type Error = ReferenceError;

    fn try_from(reference: &Reference) -> Result<Self, ReferenceError> {
        let repository = Repository::new(reference.registry(), reference.repository())?;
        let tag = reference.tag().map(str::parse).transpose()?;
        Ok(Self { repository, tag, digest: reference.digest().map(str::parse).transpose()? })
    }
}

/// Why a descriptor describes nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DescriptorError {
    /// A size below zero.
    #[error("a size of {found} bytes")]
    Size {
        /// The size.
        found: i64,
    },
    /// Not a digest.
    #[error("invalid digest: {0}")]
    Digest(#[from] DigestError),
}

impl TryFrom<&OciDescriptor> for Descriptor {
    type Error = DescriptorError;

    fn try_from(theirs: &OciDescriptor) -> Result<Self, DescriptorError> {
        let artifact_type = theirs.artifact_type.clone();
        descriptor(&theirs.media_type, &theirs.digest, theirs.size, artifact_type, theirs.annotations.as_ref())
    }
}

/// The platform is left out.
impl TryFrom<&ImageIndexEntry> for Descriptor {
    type Error = DescriptorError;

    fn try_from(theirs: &ImageIndexEntry) -> Result<Self, DescriptorError> {
        let artifact_type = theirs.artifact_type.clone();
        descriptor(&theirs.media_type, &theirs.digest, theirs.size, artifact_type, theirs.annotations.as_ref())
    }
}

fn descriptor(
    media_type: &str,
    digest: &str,
    size: i64,
    artifact_type: Option<String>,
    annotations: Option<&BTreeMap<String, String>>,
) -> Result<Descriptor, DescriptorError> {
    let digest: Digest = digest.parse()?;
    let bytes = u64::try_from(size).map_err(|_| DescriptorError::Size { found: size })?;
    let annotations = annotations.cloned().unwrap_or_default();
    Ok(Descriptor { artifact_type, annotations, ..Descriptor::new(media_type, bytes, digest) })
}
