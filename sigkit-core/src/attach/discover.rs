use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};

use super::concurrent::{gather, join};
use super::{fallback_tag, signature_tag};
use crate::bundle::{BundleError, Evidence, EvidenceItem, Origin, Problem, SignedEntity};
use crate::digest::Digest;
use crate::limits::Limits;
use crate::oci::{Descriptor, ImageManifest, Manifest, Tag, TagOrDigest, media_type};
use crate::store::{Referrers, Store, StoreError};

/// Finds every signature of an image, in every format and place, in one union.
///
/// Nothing found hides anything else. "Not found" from the place itself means that there is none there; every other trouble
/// becomes a [`Problem`] of the evidence.
pub async fn discover<S: Store>(store: &S, image: &Digest, limits: &Limits) -> Evidence {
    let budget = Budget::new(limits);
    let (mut referring, tagged) =
        join(referring(store, image, limits, &budget), tagged(store, image, limits, &budget)).await;
    referring.items.extend(tagged.items);
    referring.problems.extend(tagged.problems);
    referring
}

/// Signatures on manifests that refer to the image.
async fn referring<S: Store>(store: &S, image: &Digest, limits: &Limits, budget: &Budget) -> Evidence {
    let mut evidence = Evidence::default();
    let mut listed: Vec<Descriptor> = Vec::new();
    // A registry may answer with an empty list although older tools keep entries under the fallback tag: read both.
    let fallback = TagOrDigest::Tag(fallback_tag(image));
    let (api, fallback) = join(store.referrers(image), store.manifest(&fallback)).await;
    match api {
        Ok(Referrers::Listed(descriptors)) => listed.extend(descriptors),
        Ok(Referrers::Unsupported) => {}
        Err(error) => evidence.problems.push(problem("referrers", &error)),
    }
    match fallback {
        Ok(fetched) => {
            // A copy tool may have put the image itself under this tag; then it is no list, and hides none.
            if let Manifest::Index(index) = fetched.manifest {
                listed.extend(index.manifests);
            }
        }
        Err(error) if error.is_absent() => {}
        Err(error) => evidence.problems.push(problem("referrers (fallback tag)", &error)),
    }
    let mut known = HashSet::new();
    let mut distinct: Vec<Descriptor> =
        listed.into_iter().filter(|descriptor| known.insert(descriptor.digest)).collect();
    if distinct.len() > limits.attachments {
        evidence.problems.push(too_many(store, distinct.len(), limits));
        distinct.truncate(limits.attachments);
    }
    let reads = distinct.iter().map(|descriptor| read_referrer(store, image, descriptor, limits, budget)).collect();
    for part in gather(reads).await {
        evidence.items.extend(part.items);
        evidence.problems.extend(part.problems);
    }
    evidence
}

/// Reads one referrer by what it is; the types claimed in lists are often wrong. What is no signature is nobody's business here.
async fn read_referrer<S: Store>(
    store: &S,
    image: &Digest,
    listed: &Descriptor,
    limits: &Limits,
    budget: &Budget,
) -> Evidence {
    let manifest = match store.manifest(&TagOrDigest::Digest(listed.digest)).await {
        Ok(fetched) => match fetched.manifest {
            Manifest::Image(manifest) => manifest,
            Manifest::Index(_) => return Evidence::default(),
        },
        Err(error) => {
            let problems = vec![problem(&format!("referrer {}", listed.digest), &error)];
            return Evidence { items: Vec::new(), problems };
        }
    };
    let signature = |layer: &Descriptor| {
        layer.media_type.starts_with(media_type::BUNDLE_PREFIX) || layer.media_type == media_type::SIMPLE_SIGNING
    };
    if !manifest.layers.iter().any(signature) {
        return Evidence::default();
    }
    let origin = |index| Origin::Referrer { manifest: listed.digest, index };
    let named = manifest.subject.as_ref().map(|subject| subject.digest);
    if named != Some(*image) {
        let found = named.map_or("none".to_owned(), |digest| digest.to_string());
        let expected = "the digest of this image";
        let error = BundleError::Member { document: "referrer manifest", member: "subject", expected, found };
        return Evidence::of(origin(0), Err(error));
    }
    read_layers(store, &manifest, origin, limits, budget).await
}

/// Signatures under cosign's legacy tag.
async fn tagged<S: Store>(store: &S, image: &Digest, limits: &Limits, budget: &Budget) -> Evidence {
    let tag = signature_tag(image);
    match store.manifest(&TagOrDigest::Tag(tag.clone())).await {
        Ok(fetched) => match fetched.manifest {
            Manifest::Image(manifest) => {
                read_layers(store, &manifest, |index| layer(&tag, index), limits, budget).await
            }
            Manifest::Index(_) => {
                let (expected, found) = ("an image manifest with signature layers", "an index".to_owned());
                let error = BundleError::Member { document: "signature manifest", member: "layers", expected, found };
                Evidence::of(layer(&tag, 0), Err(error))
            }
        },
        Err(error) if error.is_absent() => Evidence::default(),
        Err(error) => Evidence { items: Vec::new(), problems: vec![problem("cosign signatures (tag)", &error)] },
    }
}

fn layer(tag: &Tag, index: usize) -> Origin {
    Origin::Layer { tag: tag.clone(), index }
}

/// Reads every layer; equal blobs are fetched once.
async fn read_layers<S: Store>(
    store: &S,
    manifest: &ImageManifest,
    origin: impl Fn(usize) -> Origin,
    limits: &Limits,
    budget: &Budget,
) -> Evidence {
    let mut evidence = Evidence::default();
    // A layer that lies about its size must not speak for another that names the same bytes.
    let blobs: BTreeMap<(Digest, u64), &Descriptor> =
        manifest.layers.iter().map(|layer| ((layer.digest, layer.size), layer)).collect();
    // Each signature holds its payload, so that one which many share counts as often.
    let total = sizes(&manifest.layers, |_| true);
    let taken = match sizes(&manifest.layers, |layer| layer.media_type == media_type::SIMPLE_SIGNING) {
        payloads if payloads > limits.payloads_bytes => {
            Err(format!("{} bytes for all payloads together", limits.payloads_bytes))
        }
        _ => budget.take(manifest.layers.len(), total),
    };
    if let Err(limit) = taken {
        evidence.problems.push(problem("signatures", &StoreError::TooLarge { place: store.name(), limit }));
        return evidence;
    }
    let fetches = blobs.values().map(|layer| store.blob(layer, limits.attachment_bytes)).collect();
    let fetched: BTreeMap<(Digest, u64), _> = blobs.keys().copied().zip(gather(fetches).await).collect();
    for (index, layer) in manifest.layers.iter().enumerate() {
        match fetched.get(&(layer.digest, layer.size)) {
            Some(Ok(bytes)) => {
                let entity = if layer.media_type.starts_with(media_type::BUNDLE_PREFIX) {
                    SignedEntity::from_bundle(bytes, limits)
                } else {
                    SignedEntity::from_layer(layer, bytes.clone(), limits)
                };
                evidence.items.push(EvidenceItem { origin: origin(index), entity });
            }
            Some(Err(error)) => evidence.problems.push(problem(&origin(index).to_string(), error)),
            None => {}
        }
    }
    evidence
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
    fn take(&self, signatures: usize, bytes: u64) -> Result<(), String> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let signatures_left = left.0.checked_sub(signatures);
        let signatures_left = signatures_left.ok_or_else(|| format!("{} signatures of one image", self.limits.0))?;
        let bytes_left = left.1.checked_sub(bytes);
        let bytes_left = bytes_left.ok_or_else(|| format!("{} bytes for all signatures together", self.limits.1))?;
        *left = (signatures_left, bytes_left);
        Ok(())
    }
}

fn problem(looked_for: &str, error: &StoreError) -> Problem {
    Problem { looked_for: looked_for.to_owned(), code: error.code(), detail: error.to_string() }
}

fn too_many<S: Store>(store: &S, found: usize, limits: &Limits) -> Problem {
    let limit = format!("{} referrers of one image ({found} are listed)", limits.attachments);
    problem("signatures", &StoreError::TooLarge { place: store.name(), limit })
}
