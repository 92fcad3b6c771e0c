use super::StoreError;
use crate::digest::Digest;
use crate::oci::{Descriptor, Manifest, TagOrDigest};

/// What a descriptor or an annotation takes in memory beside its texts, in bytes.
const PART_OVERHEAD_BYTES: usize = 256;

/// A manifest as it was read: its exact bytes, what they mean, and the descriptor that is computed from them.
///
/// There is no way to make one whose descriptor is not that of its bytes.
///
/// ```
/// use sigkit_core::digest::Digest;
/// use sigkit_core::oci::TagOrDigest;
/// use sigkit_core::store::FetchedManifest;
///
/// let bytes = br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
/// let digest = Digest::sha256(bytes);
/// let fetched = FetchedManifest::new("here", &TagOrDigest::Digest(digest), bytes.to_vec(), None)?;
/// assert_eq!(fetched.digest(), digest);
/// assert!(FetchedManifest::new("here", &TagOrDigest::Digest(Digest::sha256(b"")), bytes.to_vec(), None).is_err());
/// # Ok::<(), sigkit_core::store::StoreError>(())
/// ```
#[derive(Clone, Debug)]
pub struct FetchedManifest {
    descriptor: Descriptor,
    bytes: Vec<u8>,
    manifest: Manifest,
}

impl FetchedManifest {
    /// The manifest that `place` served as `target`, with the media type that it was served as, where one was said.
    ///
    /// Behind a digest, the bytes must be those that it names; behind a tag, they are named by their SHA-256 digest.
    ///
    /// # Errors
    /// [`StoreError::DigestMismatch`]; [`StoreError::Manifest`] for bytes that are not a manifest, or that can be read in several ways.
    pub fn new(place: &str, target: &TagOrDigest, bytes: Vec<u8>, served_as: Option<&str>) -> Result<Self, StoreError> {
        let digest = match target {
            TagOrDigest::Tag(_) => Digest::sha256(&bytes),
            TagOrDigest::Digest(expected) => {
                super::verified::compare(place, expected, &bytes)?;
                *expected
            }
        };
        Self::of_digest(place, digest, bytes, served_as)
    }

    /// The meaning of bytes that are already known to be those of `digest`.
    pub(super) fn of_digest(
        place: &str,
        digest: Digest,
        bytes: Vec<u8>,
        served_as: Option<&str>,
    ) -> Result<Self, StoreError> {
        let manifest = Manifest::parse(&bytes, served_as).map_err(|error| StoreError::of_manifest(place, error))?;
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Ok(Self { descriptor: Descriptor::new(manifest.media_type(), size, digest), bytes, manifest })
    }

    /// Returns the manifest itself if it has the digest that `target` asked for; a tag asks for none.
    ///
    /// # Errors
    /// [`StoreError::DigestMismatch`] of a store that answered with another manifest than the one asked for.
    pub(crate) fn answering(self, place: &str, target: &TagOrDigest) -> Result<Self, StoreError> {
        match target {
            TagOrDigest::Digest(expected) if *expected != self.descriptor.digest => Err(StoreError::DigestMismatch {
                place: place.to_owned(),
                expected: *expected,
                found: self.descriptor.digest,
            }),
            TagOrDigest::Tag(_) | TagOrDigest::Digest(_) => Ok(self),
        }
    }

    /// Type, size in bytes and digest, computed from the bytes.
    pub const fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// The digest of the bytes. Whatever is done with the image next is best done by it: a tag may move.
    pub const fn digest(&self) -> Digest {
        self.descriptor.digest
    }

    /// The bytes, never re-serialised.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The one thing that the bytes can mean.
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The bytes alone.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The meaning alone.
    pub fn into_manifest(self) -> Manifest {
        self.manifest
    }

    /// About how many bytes of memory it takes.
    pub(crate) fn weight(&self) -> usize {
        self.bytes.len().saturating_mul(2).saturating_add(self.manifest.parts().saturating_mul(PART_OVERHEAD_BYTES))
    }
}

/// The subject of a manifest, with the descriptor that a referrers list shows for the manifest.
///
/// OCI distribution specification 1.1, "Listing Referrers": the artifact type is the manifest's, else its configuration's media
/// type; the annotations are the manifest's.
pub(super) fn referrer(fetched: &FetchedManifest) -> Option<(Digest, Descriptor)> {
    let (subject, artifact_type, annotations) = match fetched.manifest() {
        Manifest::Image(image) => {
            let artifact_type = image.artifact_type.as_ref().unwrap_or(&image.config.media_type);
            (image.subject.as_ref()?, Some(artifact_type.clone()), &image.annotations)
        }
        Manifest::Index(index) => (index.subject.as_ref()?, None, &index.annotations),
    };
    let listed = Descriptor { artifact_type, annotations: annotations.clone(), ..fetched.descriptor().clone() };
    Some((subject.digest, listed))
}
