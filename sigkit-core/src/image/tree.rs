use std::collections::HashSet;

use crate::digest::Digest;
use crate::limits::Limits;
use crate::oci::{Descriptor, Manifest, Platform, TagOrDigest};
use crate::store::{FetchedManifest, Store, StoreError};

/// Why the manifests below an index cannot be told.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// A manifest could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Index within index beyond the limit, or too many manifests.
    #[error("{image}: {what} exceed the limit of {limit}")]
    TooLarge {
        /// The outermost index.
        image: Digest,
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The index has no entry for the platform.
    #[error("{image}: no entry for platform {wanted}; there are {found}")]
    NoPlatform {
        /// The index.
        image: Digest,
        /// The platform asked for.
        wanted: Platform,
        /// The platforms listed.
        found: String,
    },
    /// The image runs on one platform only, and is no index to choose from.
    #[error("{image}: asked for platform {wanted}, but this is a single image and no index")]
    NotAnIndex {
        /// The image.
        image: Digest,
        /// The platform asked for.
        wanted: Platform,
    },
}

impl TreeError {
    /// The reason code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::TooLarge { .. } => "too-large",
            Self::NoPlatform { .. } => "platform-not-found",
            Self::NotAnIndex { .. } => "not-an-index",
        }
    }
}

/// Reads every manifest below an index, each once, in the order listed; a single image has none.
///
/// # Errors
/// [`TreeError::Store`], [`TreeError::TooLarge`].
pub async fn descendants<S: Store>(
    store: &S,
    image: &FetchedManifest,
    limits: &Limits,
) -> Result<Vec<FetchedManifest>, TreeError> {
    let too_large = |what, limit| TreeError::TooLarge { image: image.descriptor.digest, what, limit };
    let mut seen = HashSet::from([image.descriptor.digest]);
    let mut weight = 0_usize;
    let mut found: Vec<FetchedManifest> = Vec::new();
    let mut level = entries(image);
    for depth in 0.. {
        level.retain(|entry| seen.insert(entry.digest));
        if level.is_empty() {
            return Ok(found);
        }
        if depth == limits.index_depth {
            return Err(too_large("levels of index", limits.index_depth));
        }
        if seen.len() > limits.index_children.saturating_add(1) {
            return Err(too_large("manifests", limits.index_children));
        }
        let mut below = Vec::new();
        for entry in &level {
            let child = store.manifest(&TagOrDigest::Digest(entry.digest)).await?;
            weight = weight.saturating_add(child.weight());
            if weight > limits.index_weight {
                return Err(too_large("bytes of manifests in memory", limits.index_weight));
            }
            below.extend(entries(&child));
            found.push(child);
        }
        level = below;
    }
    Ok(found)
}

/// Compares everything that an image is made of with its descriptors, where the store holds it at hand ([`Store::check_blob`]):
/// configuration and layers, of every image below an index.
///
/// # Errors
/// [`TreeError::Store`] for the first that is missing or not what it should be.
pub async fn check_contents<S: Store>(store: &S, image: &FetchedManifest, limits: &Limits) -> Result<(), TreeError> {
    let below = descendants(store, image, limits).await?;
    for manifest in std::iter::once(image).chain(&below) {
        let Manifest::Image(manifest) = &manifest.manifest else { continue };
        for blob in std::iter::once(&manifest.config).chain(&manifest.layers).filter(|blob| !is_foreign(blob)) {
            store.check_blob(blob).await?;
        }
    }
    Ok(())
}

/// Layers that are not distributed with the image: Windows base layers.
fn is_foreign(layer: &Descriptor) -> bool {
    layer.media_type.contains("nondistributable") || layer.media_type.contains(".foreign.")
}

/// Reads the image that an index lists for a platform; the link from index to image is the digest.
///
/// # Errors
/// [`TreeError::NoPlatform`], [`TreeError::NotAnIndex`], [`TreeError::Store`].
pub async fn for_platform<S: Store>(
    store: &S,
    image: &FetchedManifest,
    wanted: &Platform,
) -> Result<FetchedManifest, TreeError> {
    let Manifest::Index(index) = &image.manifest else {
        return Err(TreeError::NotAnIndex { image: image.descriptor.digest, wanted: wanted.clone() });
    };
    let serves = |entry: &&Descriptor| entry.platform.as_ref().is_some_and(|platform| platform.serves(wanted));
    let Some(entry) = index.manifests.iter().find(serves) else {
        let platforms = index.manifests.iter().filter_map(|entry| entry.platform.as_ref());
        let found = platforms.map(ToString::to_string).collect::<Vec<_>>().join(", ");
        return Err(TreeError::NoPlatform { image: image.descriptor.digest, wanted: wanted.clone(), found });
    };
    Ok(store.manifest(&TagOrDigest::Digest(entry.digest)).await?)
}

fn entries(image: &FetchedManifest) -> Vec<Descriptor> {
    match &image.manifest {
        Manifest::Index(index) => index.manifests.clone(),
        Manifest::Image(_) => Vec::new(),
    }
}
