use std::collections::HashSet;

use super::configuration;
use crate::attach::gather;
use crate::digest::Digest;
use crate::limits::Limits;
use crate::oci::{Descriptor, Manifest, ManifestError, Platform, TagOrDigest};
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
    /// Several images of the index serve the platform.
    #[error(
        "{image}: expected one entry for platform {wanted}, found {found}: name the variant too, or the image by its digest"
    )]
    Ambiguous {
        /// The index.
        image: Digest,
        /// The platform asked for.
        wanted: Platform,
        /// The entries that serve it, each with its digest.
        found: String,
    },
    /// An index lists a manifest that is not where the index is.
    #[error(
        "{image}: lists {child}, which is missing here: copy the image with all its platforms, or name a platform that is here"
    )]
    Absent {
        /// The outermost index.
        image: Digest,
        /// The entry, as [`label`] shows it.
        child: String,
    },
    /// The image is for one platform only, not an index to choose from.
    #[error("{image}: platform {wanted} was requested, but this is a single image")]
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
            Self::Ambiguous { .. } => "platform-ambiguous",
            Self::Absent { .. } => "not-found",
            Self::NotAnIndex { .. } => "not-an-index",
        }
    }
}

/// What there is below an index.
struct Below {
    /// Every manifest that is there, each once, in the order listed.
    present: Vec<FetchedManifest>,
    /// The entries whose manifests are not.
    absent: Vec<Descriptor>,
}

/// Manifests of an index that are read at once.
const MAX_CONCURRENT_FETCHES: usize = 8;

/// Reads every manifest below an index, each once, in the order listed; a single image has none.
///
/// # Errors
/// [`TreeError::Absent`], [`TreeError::Store`], [`TreeError::TooLarge`].
pub async fn walk_index<S: Store>(
    store: &S,
    image: &FetchedManifest,
    limits: &Limits,
) -> Result<Vec<FetchedManifest>, TreeError> {
    let below = below(store, image, limits).await?;
    match below.absent.first() {
        Some(child) => Err(TreeError::Absent { image: image.digest(), child: label(child) }),
        None => Ok(below.present),
    }
}

async fn below<S: Store>(store: &S, image: &FetchedManifest, limits: &Limits) -> Result<Below, TreeError> {
    let mut descent = Descent::new(image, limits);
    let mut found = Below { present: Vec::new(), absent: Vec::new() };
    loop {
        let level = descent.level()?;
        if level.is_empty() {
            return Ok(found);
        }
        // A few at a time, so that what is too much is noticed before all of it is here.
        for some in level.chunks(MAX_CONCURRENT_FETCHES) {
            let reads = gather(some.iter().map(|entry| descent.read(store, entry)).collect()).await;
            for (entry, read) in some.iter().zip(reads) {
                match read {
                    Err(TreeError::Absent { .. }) => found.absent.push(entry.clone()),
                    read => {
                        let read = read?;
                        descent.add(Branch::of(&read))?;
                        found.present.push(read);
                    }
                }
            }
        }
    }
}

/// The way down an index, level by level: what to read next, and whether that is too much.
#[derive(Clone, Debug)]
pub struct Descent<'a> {
    image: Digest,
    limits: &'a Limits,
    seen: HashSet<Digest>,
    depth: usize,
    weight: usize,
    next: Vec<Descriptor>,
}

/// What a manifest adds to the way down.
#[derive(Clone, Debug)]
pub struct Branch {
    weight: usize,
    entries: Vec<Descriptor>,
}

impl Branch {
    /// What `image` adds.
    pub fn of(image: &FetchedManifest) -> Self {
        Self { weight: image.weight(), entries: entries(image) }
    }
}

impl<'a> Descent<'a> {
    /// The way down from `image`, which has been read.
    pub fn new(image: &FetchedManifest, limits: &'a Limits) -> Self {
        let digest = image.digest();
        Self { image: digest, limits, seen: HashSet::from([digest]), depth: 0, weight: 0, next: entries(image) }
    }

    /// The next level: what the manifests of the last one list and no earlier one did, in order. Empty at the end.
    ///
    /// # Errors
    /// [`TreeError::TooLarge`].
    pub fn level(&mut self) -> Result<Vec<Descriptor>, TreeError> {
        let seen = &mut self.seen;
        let mut level = std::mem::take(&mut self.next);
        level.retain(|entry| seen.insert(entry.digest));
        if !level.is_empty() && self.depth == self.limits.index_depth {
            return Err(self.too_large("levels of index", self.limits.index_depth));
        }
        if self.seen.len() > self.limits.index_children.saturating_add(1) {
            return Err(self.too_large("manifests", self.limits.index_children));
        }
        self.depth = self.depth.saturating_add(1);
        Ok(level)
    }

    /// Reads a manifest of this level.
    ///
    /// # Errors
    /// [`TreeError::Absent`], [`TreeError::Store`].
    pub async fn read<S: Store>(&self, store: &S, entry: &Descriptor) -> Result<FetchedManifest, TreeError> {
        match child(store, entry).await {
            Err(error) if error.is_absent() => Err(TreeError::Absent { image: self.image, child: label(entry) }),
            read => Ok(read?),
        }
    }

    /// Counts a manifest of this level, once it has been read; they are counted in their order.
    ///
    /// # Errors
    /// [`TreeError::TooLarge`].
    pub fn add(&mut self, below: Branch) -> Result<(), TreeError> {
        self.weight = self.weight.saturating_add(below.weight);
        if self.weight > self.limits.index_weight {
            return Err(self.too_large("bytes of manifests in memory", self.limits.index_weight));
        }
        self.next.extend(below.entries);
        Ok(())
    }

    const fn too_large(&self, what: &'static str, limit: usize) -> TreeError {
        TreeError::TooLarge { image: self.image, what, limit }
    }
}

/// Compares everything that an image is made of with its descriptors, where the store has it locally ([`Store::check_blob`]):
/// configuration and layers, of every image below an index; and what its configurations say of their layers with the layers there
/// are.
///
/// An index may be there with some of its images only, as `docker save` writes it: the entries that are not there are returned.
///
/// # Errors
/// [`TreeError::Store`] for the first that is missing or not what it should be; [`TreeError::Absent`] when nothing that an index
/// lists is there.
pub async fn verify_blob_digests<S: Store>(
    store: &S,
    image: &FetchedManifest,
    limits: &Limits,
) -> Result<Vec<Descriptor>, TreeError> {
    let below = below(store, image, limits).await?;
    if let (Some(child), []) = (below.absent.first(), below.present.as_slice()) {
        return Err(TreeError::Absent { image: image.digest(), child: label(child) });
    }
    for manifest in std::iter::once(image).chain(&below.present) {
        let Manifest::Image(manifest) = manifest.manifest() else { continue };
        for blob in std::iter::once(&manifest.config).chain(&manifest.layers).filter(|blob| !is_foreign(blob)) {
            store.check_blob(blob).await?;
        }
        configuration::check(store, manifest, limits).await?;
    }
    Ok(below.absent)
}

/// Layers that are not distributed with the image: Windows base layers.
fn is_foreign(layer: &Descriptor) -> bool {
    layer.media_type.contains("nondistributable") || layer.media_type.contains(".foreign.")
}

/// An entry of an index for people: its platform, where one is named, and its digest.
pub fn label(entry: &Descriptor) -> String {
    match &entry.platform {
        Some(platform) => format!("{platform} ({})", entry.digest),
        None => entry.digest.to_string(),
    }
}

/// Reads the image that an index lists for a platform; the link from index to image is the digest.
///
/// Readers choose in different ways among several that fit, so that there must be one only.
///
/// # Errors
/// [`TreeError::NoPlatform`], [`TreeError::Ambiguous`], [`TreeError::Absent`], [`TreeError::NotAnIndex`], [`TreeError::Store`].
pub async fn select_platform<S: Store>(
    store: &S,
    image: &FetchedManifest,
    wanted: &Platform,
) -> Result<FetchedManifest, TreeError> {
    let (digest, wanted) = (image.digest(), wanted.clone());
    let Manifest::Index(index) = image.manifest() else {
        return Err(TreeError::NotAnIndex { image: digest, wanted });
    };
    let serves = |entry: &&Descriptor| entry.platform.as_ref().is_some_and(|platform| platform.serves(&wanted));
    let mut fit: Vec<&Descriptor> = Vec::new();
    for entry in index.manifests.iter().filter(serves) {
        if !fit.iter().any(|other| other.digest == entry.digest) {
            fit.push(entry);
        }
    }
    match fit.as_slice() {
        [entry] => match child(store, entry).await {
            Err(error) if error.is_absent() => Err(TreeError::Absent { image: digest, child: label(entry) }),
            child => Ok(child?),
        },
        [] => {
            // An entry without a platform is not an image: BuildKit lists its attestations so.
            let platforms = index.manifests.iter().filter_map(|entry| entry.platform.as_ref());
            let platforms = platforms.filter(|platform| platform.os != "unknown").map(ToString::to_string);
            let found = platforms.collect::<Vec<_>>().join(", ");
            Err(TreeError::NoPlatform { image: digest, wanted, found })
        }
        several => {
            let found = several.iter().map(|entry| label(entry)).collect::<Vec<_>>().join(", ");
            Err(TreeError::Ambiguous { image: digest, wanted, found })
        }
    }
}

/// Reads a manifest that an index lists, which must be of the size and type that the index says.
async fn child<S: Store>(store: &S, entry: &Descriptor) -> Result<FetchedManifest, StoreError> {
    let target = TagOrDigest::Digest(entry.digest);
    let child = store.manifest(&target).await?.answering(&store.name(), &target)?;
    let place = || format!("{}@{}, listed by the index", store.name(), entry.digest);
    if child.descriptor().size != entry.size {
        return Err(StoreError::SizeMismatch { place: place(), expected: entry.size, found: child.descriptor().size });
    }
    if !entry.media_type.is_empty() && !entry.media_type.eq_ignore_ascii_case(&child.descriptor().media_type) {
        let expected = entry.media_type.chars().take(120).collect();
        let error = ManifestError::MediaType { expected, found: child.descriptor().media_type.clone() };
        return Err(StoreError::of_manifest(place(), error));
    }
    Ok(child)
}

fn entries(image: &FetchedManifest) -> Vec<Descriptor> {
    match image.manifest() {
        Manifest::Index(index) => index.manifests.clone(),
        Manifest::Image(_) => Vec::new(),
    }
}
