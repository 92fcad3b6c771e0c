use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::concurrent::{gather, join};
use super::{attestation_tag, fallback_tag, signature_tag};
use crate::bundle::{BundleError, Evidence, EvidenceItem, Origin, Problem, SignedEntity};
use crate::content::{PredicateType, SIGN_PREDICATE};
use crate::digest::Digest;
use crate::limits::Limits;
use crate::oci::{Descriptor, Manifest, Tag, TagOrDigest, media_type};
use crate::policy::{Policy, Purpose};
use crate::store::{Referrers, Store, StoreError};

/// Finds every signature of an image that may serve the policy, in every format and place, in one union: signatures or
/// attestations, as its purpose says.
///
/// Nothing found hides anything else. "Not found" from the place itself means that there is none there; every other trouble
/// becomes a [`Problem`] of the evidence.
pub async fn discover<S: Store>(store: &S, image: &Digest, policy: &Policy) -> Evidence {
    let wanted = match policy.purpose() {
        Purpose::Attestation(kind) => Wanted::Attestations(Some(kind)),
        Purpose::Image | Purpose::Blob => Wanted::Signatures,
    };
    let found = find(store, image, wanted, policy.limits()).await;
    // One after the other: what was read of one goes before the next is decoded.
    let items = found.items.into_iter().map(|item| item.parse(policy.limits())).collect();
    Evidence { items, problems: found.problems }
}

/// What is looked for beside an image.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'a> {
    /// Signatures of the image.
    Signatures,
    /// Attestations about the image: of one predicate type, or of all.
    Attestations(Option<&'a PredicateType>),
}

impl Wanted<'_> {
    /// cosign's tag for them.
    fn tag(self, image: &Digest) -> Tag {
        match self {
            Self::Signatures => signature_tag(image),
            Self::Attestations(_) => attestation_tag(image),
        }
    }

    /// Whether a referrer's layer can be one of them, going by its type.
    fn takes(self, layer: &Descriptor) -> bool {
        let legacy = match self {
            Self::Signatures => media_type::SIMPLE_SIGNING,
            Self::Attestations(_) => media_type::DSSE_ENVELOPE,
        };
        layer.media_type.starts_with(media_type::BUNDLE_PREFIX) || layer.media_type == legacy
    }

    /// Whether an annotation says that it is about something else. The annotation is unsigned: believing it can only refuse.
    fn passes_over(self, named: Option<&str>) -> Result<(), BundleError> {
        let Some(named) = named else { return Ok(()) };
        let expected = match self {
            Self::Signatures if named != SIGN_PREDICATE => SIGN_PREDICATE,
            Self::Attestations(Some(kind)) if named != kind.uri() => kind.uri(),
            Self::Attestations(None) if named == SIGN_PREDICATE => "any but that of signatures",
            _ => return Ok(()),
        };
        Err(BundleError::PassedOver { expected: expected.to_owned(), found: named.chars().take(200).collect() })
    }

    const fn noun(self) -> &'static str {
        match self {
            Self::Signatures => "signatures",
            Self::Attestations(_) => "attestations",
        }
    }
}

/// What was found beside an image, as it is stored, and what could not be looked at.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// What was found, in the order found. Nothing found is dropped, the unreadable included.
    pub items: Vec<FoundItem>,
    /// What could not be looked at.
    pub problems: Vec<Problem>,
}

/// One thing found, as it is stored.
#[derive(Clone, Debug)]
pub struct FoundItem {
    /// Where it was found.
    pub origin: Origin,
    /// The layer that describes it.
    pub layer: Descriptor,
    /// Its bytes, compared with the layer, or why they were not read.
    pub blob: Result<Arc<Vec<u8>>, BundleError>,
}

impl FoundItem {
    /// Reads it as a signature or attestation.
    pub fn parse(self, limits: &Limits) -> EvidenceItem {
        let entity = self.blob.and_then(|blob| {
            if self.layer.media_type.starts_with(media_type::BUNDLE_PREFIX) {
                SignedEntity::from_bundle(&blob, limits)
            } else {
                SignedEntity::from_layer(&self.layer, Arc::unwrap_or_clone(blob), limits)
            }
        });
        EvidenceItem { origin: self.origin, entity }
    }
}

impl Found {
    /// One thing that cannot be read.
    fn unreadable(origin: Origin, error: BundleError) -> Self {
        let layer = Descriptor::of("", b"");
        Self { items: vec![FoundItem { origin, layer, blob: Err(error) }], problems: Vec::new() }
    }

    fn trouble(problem: Problem) -> Self {
        Self { items: Vec::new(), problems: vec![problem] }
    }

    fn extend(&mut self, other: Self) {
        self.items.extend(other.items);
        self.problems.extend(other.problems);
    }
}

/// Finds everything of a kind beside an image, in every format and place; [`discover`] reads it as well.
pub async fn find<S: Store>(store: &S, image: &Digest, wanted: Wanted<'_>, limits: &Limits) -> Found {
    let search = Search { store, image, wanted, limits, budget: Budget::new(limits) };
    let (mut found, tagged) = join(search.referring(), search.tagged()).await;
    found.extend(tagged);
    found
}

struct Search<'a, S> {
    store: &'a S,
    image: &'a Digest,
    wanted: Wanted<'a>,
    limits: &'a Limits,
    budget: Budget,
}

impl<S: Store> Search<'_, S> {
    /// What hangs on manifests that refer to the image.
    async fn referring(&self) -> Found {
        let mut found = Found::default();
        let mut listed: Vec<Descriptor> = Vec::new();
        // A registry may answer with an empty list although older tools keep entries under the fallback tag: read both.
        let fallback = TagOrDigest::Tag(fallback_tag(self.image));
        let (api, fallback) = join(self.store.referrers(self.image), self.store.manifest(&fallback)).await;
        match api {
            Ok(Referrers::Listed(descriptors)) => listed.extend(descriptors),
            Ok(Referrers::Unsupported) => {}
            Err(error) => found.problems.push(problem("referrers", &error)),
        }
        match fallback {
            Ok(fetched) => {
                // A copy tool may have put the image itself under this tag; then it is no list, and hides none.
                if let Manifest::Index(index) = fetched.manifest {
                    listed.extend(index.manifests);
                }
            }
            Err(error) if error.is_absent() => {}
            Err(error) => found.problems.push(problem("referrers (fallback tag)", &error)),
        }
        let mut known = HashSet::new();
        let mut distinct: Vec<Descriptor> =
            listed.into_iter().filter(|descriptor| known.insert(descriptor.digest)).collect();
        if distinct.len() > self.limits.attachments {
            found.problems.push(self.too_many(distinct.len()));
            distinct.truncate(self.limits.attachments);
        }
        let reads = distinct.iter().map(|descriptor| self.referrer(descriptor)).collect();
        for part in gather(reads).await {
            found.extend(part);
        }
        found
    }

    /// Reads one referrer by what it is; the types claimed in lists are often wrong. What is of another kind is nobody's business
    /// here.
    async fn referrer(&self, listed: &Descriptor) -> Found {
        let manifest = match self.store.manifest(&TagOrDigest::Digest(listed.digest)).await {
            Ok(fetched) => match fetched.manifest {
                Manifest::Image(manifest) => manifest,
                Manifest::Index(_) => return Found::default(),
            },
            Err(error) => return Found::trouble(problem(&format!("referrer {}", listed.digest), &error)),
        };
        if !manifest.layers.iter().any(|layer| self.wanted.takes(layer)) {
            return Found::default();
        }
        let origin = |index| Origin::Referrer { manifest: listed.digest, index };
        let named = manifest.subject.as_ref().map(|subject| subject.digest);
        if named != Some(*self.image) {
            let found = named.map_or("none".to_owned(), |digest| digest.to_string());
            let expected = "the digest of this image";
            let error = BundleError::Member { document: "referrer manifest", member: "subject", expected, found };
            return Found::unreadable(origin(0), error);
        }
        let named = manifest.annotations.get(media_type::ANNOTATION_PREDICATE_TYPE);
        let says =
            |layer: &Descriptor| named.filter(|_| layer.media_type.starts_with(media_type::BUNDLE_PREFIX)).cloned();
        self.layers(&manifest.layers, origin, says).await
    }

    /// What is under cosign's legacy tag.
    async fn tagged(&self) -> Found {
        let tag = self.wanted.tag(self.image);
        let origin = |index| Origin::Layer { tag: tag.clone(), index };
        match self.store.manifest(&TagOrDigest::Tag(tag.clone())).await {
            Ok(fetched) => match fetched.manifest {
                Manifest::Image(manifest) => {
                    let says = |layer: &Descriptor| {
                        layer.annotations.get(media_type::ANNOTATION_LAYER_PREDICATE_TYPE).cloned()
                    };
                    self.layers(&manifest.layers, origin, says).await
                }
                Manifest::Index(_) => {
                    let (expected, found) = ("an image manifest with layers of signatures", "an index".to_owned());
                    let document = "signature manifest";
                    Found::unreadable(origin(0), BundleError::Member { document, member: "layers", expected, found })
                }
            },
            Err(error) if error.is_absent() => Found::default(),
            Err(error) => Found::trouble(problem(&format!("cosign {} (tag)", self.wanted.noun()), &error)),
        }
    }

    /// Reads every layer that may serve; equal blobs are fetched once. `says` finds the annotation that names a predicate type.
    async fn layers(
        &self,
        layers: &[Descriptor],
        origin: impl Fn(usize) -> Origin,
        says: impl Fn(&Descriptor) -> Option<String>,
    ) -> Found {
        let mut found = Found::default();
        let serving: Vec<(&Descriptor, Result<(), BundleError>)> =
            layers.iter().map(|layer| (layer, self.wanted.passes_over(says(layer).as_deref()))).collect();
        // A layer that lies about its size must not speak for another that names the same bytes.
        let blobs: BTreeMap<(Digest, u64), &Descriptor> = serving
            .iter()
            .filter(|(_, serves)| serves.is_ok())
            .map(|(layer, _)| ((layer.digest, layer.size), *layer))
            .collect();
        // Each signature holds its payload, so that one which many share counts as often.
        let payloads = sizes(layers, |layer| layer.media_type == media_type::SIMPLE_SIGNING);
        let total = serving.iter().filter(|(_, serves)| serves.is_ok());
        let total = total.fold(0_u64, |sum, (layer, _)| sum.saturating_add(layer.size));
        let taken = match payloads > self.limits.payloads_bytes {
            true => Err(format!("{} bytes for all payloads together", self.limits.payloads_bytes)),
            false => self.budget.take(layers.len(), total, self.wanted.noun()),
        };
        if let Err(limit) = taken {
            let error = StoreError::TooLarge { place: self.store.name(), limit };
            found.problems.push(problem(self.wanted.noun(), &error));
            return found;
        }
        let fetches = blobs.values().map(|layer| self.store.blob(layer, self.limits.attachment_bytes)).collect();
        let fetched = gather(fetches).await.into_iter().map(|blob| blob.map(Arc::new));
        let fetched: BTreeMap<(Digest, u64), _> = blobs.keys().copied().zip(fetched).collect();
        for (index, (layer, serves)) in serving.into_iter().enumerate() {
            let blob = match (serves, fetched.get(&(layer.digest, layer.size))) {
                (Err(passed_over), _) => Err(passed_over),
                (Ok(()), Some(Ok(bytes))) => Ok(Arc::clone(bytes)),
                (Ok(()), Some(Err(error))) => {
                    found.problems.push(problem(&origin(index).to_string(), error));
                    continue;
                }
                (Ok(()), None) => continue,
            };
            found.items.push(FoundItem { origin: origin(index), layer: layer.clone(), blob });
        }
        found
    }

    fn too_many(&self, found: usize) -> Problem {
        let limit = format!("{} referrers of one image ({found} are listed)", self.limits.attachments);
        problem(self.wanted.noun(), &StoreError::TooLarge { place: self.store.name(), limit })
    }
}

fn sizes(layers: &[Descriptor], counts: impl Fn(&Descriptor) -> bool) -> u64 {
    layers.iter().filter(|layer| counts(layer)).fold(0, |sum, layer| sum.saturating_add(layer.size))
}

/// What may still be read for one image, whatever the number of places it is read from.
struct Budget {
    left: Mutex<(usize, u64)>,
    limits: (usize, u64),
}

impl Budget {
    fn new(limits: &Limits) -> Self {
        let limits = (limits.attachments, limits.attachments_total_bytes);
        Self { left: Mutex::new(limits), limits }
    }

    /// Takes all of it or nothing; the error is the limit that would be exceeded.
    fn take(&self, signatures: usize, bytes: u64, noun: &str) -> Result<(), String> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let signatures_left = left.0.checked_sub(signatures);
        let signatures_left = signatures_left.ok_or_else(|| format!("{} {noun} of one image", self.limits.0))?;
        let bytes_left = left.1.checked_sub(bytes);
        let bytes_left = bytes_left.ok_or_else(|| format!("{} bytes for all {noun} together", self.limits.1))?;
        *left = (signatures_left, bytes_left);
        Ok(())
    }
}

fn problem(looked_for: &str, error: &StoreError) -> Problem {
    Problem { looked_for: looked_for.to_owned(), code: error.code(), detail: error.to_string() }
}
