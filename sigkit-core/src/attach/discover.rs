use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::concurrent::{gather, join};
use super::{attestation_tag, fallback_tag, signature_tag};
use crate::bundle::{BundleError, Evidence, EvidenceItem, Origin, Problem, SignedEntity};
use crate::content::{Content, PredicateType, SIGN_PREDICATE, Statement};
use crate::digest::Digest;
use crate::limits::Limits;
use crate::oci::{Descriptor, Manifest, Tag, TagOrDigest, media_type};
use crate::policy::{Policy, Purpose};
use crate::store::{Referrers, Store, StoreError};

/// Characters of the words about one problem.
const DETAIL: usize = 1000;

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
    let items = found.items.into_iter().flat_map(|item| item.parse(policy.limits())).collect();
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

    /// The most bytes of one, and of all together.
    const fn bounds(self, limits: &Limits) -> (u64, u64) {
        match self {
            Self::Signatures => (limits.signature_bytes, limits.signatures_total_bytes),
            Self::Attestations(_) => (limits.attachment_bytes, limits.attachments_total_bytes),
        }
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
    /// Reads it as a signature or attestation; an envelope of the legacy format once for each of its signatures.
    pub fn parse(self, limits: &Limits) -> Vec<EvidenceItem> {
        let entities = self.blob.and_then(|blob| {
            if self.layer.media_type.starts_with(media_type::BUNDLE_PREFIX) {
                SignedEntity::from_bundle(&blob, limits).map(|entity| vec![entity])
            } else {
                SignedEntity::each_from_layer(&self.layer, Arc::unwrap_or_clone(blob), limits)
            }
        });
        EvidenceItem::each(self.origin, entities)
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
    let (each, together) = wanted.bounds(limits);
    let search = Search { store, image, wanted, limits, each, budget: Budget::new(limits.attachments, together) };
    let (mut found, tagged) = join(search.referring(), search.tagged()).await;
    found.extend(tagged);
    found
}

struct Search<'a, S> {
    store: &'a S,
    image: &'a Digest,
    wanted: Wanted<'a>,
    limits: &'a Limits,
    /// The most bytes of one thing looked for.
    each: u64,
    budget: Budget,
}

impl<S: Store> Search<'_, S> {
    /// What hangs on manifests that refer to the image.
    async fn referring(&self) -> Found {
        let mut found = Found::default();
        let mut distinct: Vec<Digest> = Vec::new();
        // A registry may answer with an empty list although older tools keep entries under the fallback tag: read both.
        let (api, fallback) = join(self.listed(), self.listed_by_tag()).await;
        let mut known = HashSet::new();
        for list in [api, fallback] {
            match list {
                Ok(digests) => distinct.extend(digests.into_iter().filter(|digest| known.insert(*digest))),
                Err(problem) => found.problems.push(problem),
            }
        }
        if distinct.len() > self.limits.attachments {
            found.problems.push(self.too_many(distinct.len()));
            distinct.truncate(self.limits.attachments);
        }
        let reads = distinct.iter().map(|digest| self.referrer(digest)).collect();
        for part in gather(reads).await {
            found.extend(part);
        }
        found
    }

    /// The list that the place keeps. Like all that is read here it goes as soon as what matters has been taken from it.
    async fn listed(&self) -> Result<Vec<Digest>, Problem> {
        match self.store.referrers(self.image).await {
            Ok(Referrers::Listed(descriptors)) => Ok(descriptors.iter().map(|listed| listed.digest).collect()),
            Ok(Referrers::Unsupported) => Ok(Vec::new()),
            Err(error) => Err(problem("referrers", &error)),
        }
    }

    /// The list under the fallback tag.
    async fn listed_by_tag(&self) -> Result<Vec<Digest>, Problem> {
        match self.store.manifest(&TagOrDigest::Tag(fallback_tag(self.image))).await {
            Ok(fetched) => match fetched.manifest {
                Manifest::Index(index) => Ok(index.manifests.iter().map(|listed| listed.digest).collect()),
                // A copy tool may have put the image itself under this tag; then it is no list, and hides none.
                Manifest::Image(_) => Ok(Vec::new()),
            },
            Err(error) if error.is_absent() => Ok(Vec::new()),
            Err(error) => Err(problem("referrers (fallback tag)", &error)),
        }
    }

    /// Reads one referrer by what it is; the types claimed in lists are often wrong. What is of another kind is nobody's business
    /// here.
    async fn referrer(&self, listed: &Digest) -> Found {
        let layers = match self.store.manifest(&TagOrDigest::Digest(*listed)).await {
            Ok(fetched) => self.referring_layers(fetched.manifest),
            Err(error) if error.is_absent() => {
                return Found::trouble(problem(&format!("referrer {listed} (listed, but gone)"), &error));
            }
            Err(error) => return Found::trouble(problem(&format!("referrer {listed}"), &error)),
        };
        let origin = |index| Origin::Referrer { manifest: *listed, index };
        match layers {
            Ok(layers) if layers.is_empty() => Found::default(),
            Ok(layers) => self.layers(layers, origin).await,
            Err(error) => Found::unreadable(origin(0), error),
        }
    }

    /// The layers of a manifest that refers to the image; none unless one of them can serve.
    fn referring_layers(&self, manifest: Manifest) -> Result<Vec<Layer>, BundleError> {
        let Manifest::Image(manifest) = manifest else { return Ok(Vec::new()) };
        if !manifest.layers.iter().any(|layer| self.wanted.takes(layer)) {
            return Ok(Vec::new());
        }
        let named = manifest.subject.as_ref().map(|subject| subject.digest);
        if named != Some(*self.image) {
            let found = named.map_or("none".to_owned(), |digest| digest.to_string());
            let expected = "the digest of this image";
            return Err(BundleError::Member { document: "referrer manifest", member: "subject", expected, found });
        }
        let named = manifest.annotations.get(media_type::ANNOTATION_PREDICATE_TYPE).map(String::as_str);
        let of_bundles = |layer: &Descriptor| named.filter(|_| layer.media_type.starts_with(media_type::BUNDLE_PREFIX));
        let layers = manifest.layers.into_iter();
        Ok(layers.map(|layer| Layer { claim: self.claim(&layer, of_bundles(&layer)), descriptor: layer }).collect())
    }

    /// What is under cosign's legacy tag.
    async fn tagged(&self) -> Found {
        let tag = self.wanted.tag(self.image);
        let origin = |index| Origin::Layer { tag: tag.clone(), index };
        match self.store.manifest(&TagOrDigest::Tag(tag.clone())).await {
            Ok(fetched) => match fetched.manifest {
                Manifest::Image(manifest) => {
                    let layers = manifest.layers.into_iter().map(|layer| {
                        let named = layer.annotations.get(media_type::ANNOTATION_LAYER_PREDICATE_TYPE);
                        Layer { claim: self.claim(&layer, named.map(String::as_str)), descriptor: layer }
                    });
                    let layers = layers.collect();
                    self.layers(layers, origin).await
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

    /// What stands beside a layer about its content. `named` is the predicate type in the annotations.
    fn claim(&self, layer: &Descriptor, named: Option<&str>) -> Claim {
        let bundle = layer.media_type.starts_with(media_type::BUNDLE_PREFIX);
        match (self.wanted.passes_over(named), self.wanted) {
            (Err(passed_over), _) => Claim::Other(passed_over),
            (Ok(()), _) if layer.size > self.each => Claim::TooLarge,
            (Ok(()), Wanted::Signatures) if bundle && named.is_none() => Claim::Unnamed,
            (Ok(()), _) => Claim::Serves,
        }
    }

    /// Reads every layer that may serve; equal blobs are fetched once.
    async fn layers(&self, layers: Vec<Layer>, origin: impl Fn(usize) -> Origin) -> Found {
        let mut found = Found::default();
        // Each signature holds its payload, so that one which many share counts as often.
        let payloads = sizes(&layers, |layer| layer.media_type == media_type::SIMPLE_SIGNING);
        let known = sizes(&layers, |_| true);
        let taken = match payloads > self.limits.signatures_total_bytes {
            true => Err(format!("{} bytes for all payloads together", self.limits.signatures_total_bytes)),
            false => self.budget.take(layers.len(), known, self.wanted.noun()),
        };
        if let Err(limit) = taken {
            let error = StoreError::TooLarge { place: self.store.name(), limit };
            found.problems.push(problem(self.wanted.noun(), &error));
            return found;
        }
        // A layer that lies about its size must not speak for another that names the same bytes.
        let blobs: BTreeMap<(Digest, u64), (Descriptor, Looks)> = layers
            .iter()
            .filter_map(|Layer { descriptor, claim }| {
                let Descriptor { media_type, size, digest, .. } = descriptor;
                Some(((*digest, *size), (Descriptor::new(media_type, *size, *digest), claim.looks()?)))
            })
            .collect();
        let fetches = blobs.values().map(|(layer, looks)| self.blob(layer, *looks)).collect();
        let fetched: BTreeMap<(Digest, u64), _> = blobs.keys().copied().zip(gather(fetches).await).collect();
        for (index, Layer { descriptor: layer, claim }) in layers.into_iter().enumerate() {
            let blob = match (claim, fetched.get(&(layer.digest, layer.size))) {
                (Claim::Other(passed_over), _) => Err(passed_over),
                (Claim::TooLarge, _) => {
                    found.problems.push(problem(&origin(index).to_string(), &self.too_large(layer.size)));
                    continue;
                }
                (_, Some(Ok(blob))) => blob.clone(),
                (_, Some(Err(error))) => {
                    found.problems.push(problem(&origin(index).to_string(), error));
                    continue;
                }
                (_, None) => continue,
            };
            found.items.push(FoundItem { origin: origin(index), layer, blob });
        }
        found
    }

    /// Reads one blob. Of a bundle that nobody says anything about it is told here whether it is a signature at all, so that
    /// attestations which other tools left without annotations do not use up what is there for signatures.
    async fn blob(&self, layer: &Descriptor, looks: Looks) -> Result<Result<Arc<Vec<u8>>, BundleError>, StoreError> {
        let bytes = self.store.blob(layer, self.each).await?;
        if looks == Looks::Within {
            if let Some(passed_over) = attestation(&bytes, self.limits) {
                return Ok(Err(passed_over));
            }
            let taken = self.budget.take(0, layer.size, self.wanted.noun());
            taken.map_err(|limit| StoreError::TooLarge { place: self.store.name(), limit })?;
        }
        Ok(Ok(Arc::new(bytes)))
    }

    fn too_large(&self, size: u64) -> StoreError {
        let limit = format!("{} bytes for one of the {}, with {size}", self.each, self.wanted.noun());
        StoreError::TooLarge { place: self.store.name(), limit }
    }

    fn too_many(&self, found: usize) -> Problem {
        let limit = format!("{} referrers of one image ({found} are listed)", self.limits.attachments);
        problem(self.wanted.noun(), &StoreError::TooLarge { place: self.store.name(), limit })
    }
}

/// A layer, and what stands beside it.
struct Layer {
    descriptor: Descriptor,
    claim: Claim,
}

/// What stands beside a layer about its content.
enum Claim {
    /// That it may be what is looked for.
    Serves,
    /// Nothing, where a signature is looked for and a bundle can hold anything.
    Unnamed,
    /// That it is larger than anything looked for.
    TooLarge,
    /// That it is something else.
    Other(BundleError),
}

/// Whether bytes are looked into as soon as they are here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Looks {
    Not,
    Within,
}

impl Claim {
    /// How the layer is read, if it is.
    const fn looks(&self) -> Option<Looks> {
        match self {
            Self::Serves => Some(Looks::Not),
            Self::Unnamed => Some(Looks::Within),
            Self::TooLarge | Self::Other(_) => None,
        }
    }
}

/// Why a bundle, as far as it says so itself, is an attestation and no signature of an image.
fn attestation(bundle: &[u8], limits: &Limits) -> Option<BundleError> {
    let Content::Envelope(envelope) = SignedEntity::from_bundle(bundle, limits).ok()?.content else { return None };
    let found = Statement::parse(envelope.payload, limits).ok()?.predicate_type;
    Wanted::Signatures.passes_over(Some(&found)).err()
}

/// Bytes of the layers that may serve.
fn sizes(layers: &[Layer], counts: impl Fn(&Descriptor) -> bool) -> u64 {
    let serving = layers.iter().filter(|layer| matches!(layer.claim, Claim::Serves));
    let serving = serving.map(|layer| &layer.descriptor).filter(|layer| counts(layer));
    serving.fold(0, |sum, layer| sum.saturating_add(layer.size))
}

/// What may still be read for one image, whatever the number of places it is read from.
struct Budget {
    left: Mutex<(usize, u64)>,
    limits: (usize, u64),
}

impl Budget {
    fn new(things: usize, bytes: u64) -> Self {
        let limits = (things, bytes);
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

/// There may be one for each of many referrers, each with a server's own words.
fn problem(looked_for: &str, error: &StoreError) -> Problem {
    let detail = error.to_string().chars().take(DETAIL).collect();
    Problem { looked_for: looked_for.to_owned(), code: error.code(), detail }
}
