use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::concurrent::{Lateness, Next, Room, gather, join, pool};
use super::fallback_tag;
use super::part::{Item, Part};
use super::queue::{Listed, Queue, Source, add, close, lock};
use super::wanted::{Hint, Keep, Layer, Sorted, Stored, Wanted};
use crate::bundle::{BundleError, Evidence, EvidenceItem, Origin, Problem, SignedEntity};
use crate::digest::Digest;
use crate::limits::Limits;
use crate::oci::{Descriptor, Manifest, ManifestError, TagOrDigest, media_type};
use crate::policy::{Policy, Purpose};
use crate::store::{Store, StoreError};

/// Characters of the words about one problem.
const DETAIL: usize = 1000;
/// Errors of one list that are reported one by one.
const MOST_TROUBLES: usize = 100;
/// Bytes in transit at once; what is larger is fetched alone.
const IN_FLIGHT: u64 = 8 << 20;

/// Finds every signature of an image that may serve the policy, in every format and place, in one union: signatures or
/// attestations, as its purpose says.
///
/// Nothing found hides anything else. "Not found" from the store itself means that there is none; every other error
/// becomes a [`Problem`] of the evidence. What is found in several places is one thing with several places.
pub async fn discover<S: Store>(store: &S, image: &Digest, policy: &Policy) -> Evidence {
    discover_until(store, image, policy, std::future::pending()).await
}

/// The same, until `until` is ready. What was read by then is the evidence, and what was not is a
/// [`Problem`] of it: one place that stays silent hides no other.
pub async fn discover_until<S: Store>(
    store: &S,
    image: &Digest,
    policy: &Policy,
    until: impl Future<Output = ()> + Send,
) -> Evidence {
    let wanted = match policy.purpose() {
        Purpose::Attestation(kind) => Wanted::Attestations(Some(kind)),
        Purpose::Image | Purpose::Blob => Wanted::Signatures,
    };
    let part = search::<S, Vec<SignedEntity>>(store, image, wanted, policy.limits(), until).await;
    let items = part.items.into_iter().flat_map(|item| EvidenceItem::each(item.origin, item.value));
    Evidence { items: items.collect(), problems: part.problems }
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
    /// The layer that describes it, with the annotations that belong to a signature.
    pub layer: Descriptor,
    /// Its bytes, compared with the layer, or why they were not read.
    pub blob: Result<Arc<Vec<u8>>, BundleError>,
}

impl FoundItem {
    /// Reads it as a signature or attestation; an envelope of the legacy format once for each of its signatures.
    pub fn parse(self, limits: &Limits) -> Vec<EvidenceItem> {
        EvidenceItem::each(self.origin, self.blob.and_then(|blob| Vec::keep(&self.layer, blob, limits)))
    }
}

/// Finds everything of a kind beside an image, in every format and place; [`discover`] reads it as well.
pub async fn find<S: Store>(store: &S, image: &Digest, wanted: Wanted<'_>, limits: &Limits) -> Found {
    find_until(store, image, wanted, limits, std::future::pending()).await
}

/// The same, until `until` is ready; see [`discover_until`].
pub async fn find_until<S: Store>(
    store: &S,
    image: &Digest,
    wanted: Wanted<'_>,
    limits: &Limits,
    until: impl Future<Output = ()> + Send,
) -> Found {
    let part = search::<S, Stored>(store, image, wanted, limits, until).await;
    let items = part.items.into_iter().map(|item| match item.value {
        Ok(stored) => FoundItem { origin: item.origin, layer: stored.layer, blob: Ok(stored.blob) },
        Err(error) => FoundItem { origin: item.origin, layer: Descriptor::of("", b""), blob: Err(error) },
    });
    Found { items: items.collect(), problems: part.problems }
}

/// Looks everywhere until all is read, or `until` is ready.
async fn search<S: Store, K: Keep>(
    store: &S,
    image: &Digest,
    wanted: Wanted<'_>,
    limits: &Limits,
    until: impl Future<Output = ()> + Send,
) -> Part<K> {
    let (each, together) = wanted.bounds(limits);
    let search = Search {
        store,
        image,
        wanted,
        limits,
        each,
        budget: Budget::new(limits.attachments, together),
        room: Room::new(IN_FLIGHT),
        lateness: Lateness::default(),
        served: AtomicBool::new(false),
        deferred: Mutex::default(),
    };
    search.lateness.tell(until, search.everywhere()).await
}

/// What came of one entry of a list.
struct Read<K> {
    source: Source,
    /// Whether it says that it is about the image.
    refers: bool,
    part: Part<K>,
}

struct Search<'a, S> {
    store: &'a S,
    image: &'a Digest,
    wanted: Wanted<'a>,
    limits: &'a Limits,
    /// The most bytes of one thing looked for.
    each: u64,
    budget: Budget,
    room: Room,
    lateness: Lateness,
    /// Whether anything of the kind looked for was read.
    served: AtomicBool,
    /// What is large, and said to be something else: read if nothing else serves.
    deferred: Mutex<Vec<(Layer, Origin)>>,
}

impl<S: Store> Search<'_, S> {
    async fn everywhere<K: Keep>(&self) -> Part<K> {
        let (mut found, tagged) = join(self.referring(), self.tagged()).await;
        found.extend(tagged);
        let deferred = std::mem::take(&mut *lock(&self.deferred));
        found.extend(self.said_to_be_others(deferred).await);
        found.merged()
    }

    fn is_late(&self) -> bool {
        self.lateness.is_late()
    }

    /// Gives `work` until time is up.
    async fn in_time<T>(&self, work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let done = self.lateness.bound(work).await;
        done.unwrap_or_else(|| Err(StoreError::TimedOut { place: self.store.name() }))
    }

    /// The manifests that refer to the image. Each is read as soon as a list names it.
    async fn referring<K: Keep>(&self) -> Part<K> {
        let queue = Mutex::new(Queue { open: 2, ..Queue::default() });
        // A registry may answer with an empty list although older tools keep entries under the fallback tag: read both.
        let lists = join(self.listed(&queue), self.listed_by_tag(&queue));
        let next = || match self.next(&queue) {
            Next::Work(listed) => Next::Work(self.referrer(listed)),
            Next::Later => Next::Later,
            Next::Done => Next::Done,
        };
        let ((api, (fallback, size)), mut reads): (_, Vec<Read<K>>) = join(lists, pool(next)).await;
        let mut found = Part::default();
        found.problems.extend(api.into_iter().chain(fallback));
        if size > self.limits.attachments {
            // So many manifests, and none of those read is about the image: an index of something else.
            let of_tag = |read: &Read<K>| read.source == Source::FallbackTag;
            if !reads.iter().any(|read| of_tag(read) && read.refers) && !self.is_late() {
                reads.retain(|read| !of_tag(read));
                let what = format!("an index of {size} manifests, none of which is about this image");
                found.extend(Part::not_a_signature(Origin::Tag(fallback_tag(self.image)), what));
                lock(&queue).waiting.clear();
            }
        }
        let queue = queue.into_inner().unwrap_or_else(PoisonError::into_inner);
        if !queue.waiting.is_empty() {
            found.problems.push(self.unread(&queue));
        }
        // In the order of the lists, whichever answered first.
        reads.sort_by_key(|read| read.source != Source::Referrers);
        reads.into_iter().for_each(|read| found.extend(read.part));
        found
    }

    /// The next manifest to read, as many as may be read.
    fn next(&self, queue: &Mutex<Queue>) -> Next<Listed> {
        let mut queue = lock(queue);
        let read = queue.known.len().saturating_sub(queue.waiting.len());
        if self.is_late() || read >= self.limits.attachments {
            return if queue.open == 0 { Next::Done } else { Next::Later };
        }
        match queue.waiting.pop_front() {
            Some(listed) => Next::Work(listed),
            None if queue.open == 0 => Next::Done,
            None => Next::Later,
        }
    }

    /// What is to be said about manifests that were listed and not read.
    fn unread(&self, queue: &Queue) -> Problem {
        if self.is_late() {
            let error = StoreError::TimedOut { place: self.store.name() };
            return problem(&format!("{} of {} referrers", queue.waiting.len(), queue.known.len()), &error);
        }
        let limit = format!("{} referrers of one image ({} are listed)", self.limits.attachments, queue.known.len());
        problem(self.wanted.noun(), &StoreError::TooLarge { place: self.store.name(), limit })
    }

    /// The list that the place keeps, with what is wrong with it.
    async fn listed(&self, queue: &Mutex<Queue>) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut each = |entry: Result<Descriptor, StoreError>| match entry {
            Ok(entry) => add(queue, &entry, Source::Referrers),
            Err(error) if problems.len() < MOST_TROUBLES => problems.push(problem("referrers", &error)),
            Err(_) => {}
        };
        let listing = async {
            self.store.list_referrers(self.image, &mut each).await;
            Ok(())
        };
        let listing = self.in_time(listing).await;
        problems.extend(listing.err().map(|error| problem("referrers", &error)));
        close(queue);
        problems
    }

    /// The list under the fallback tag: what is wrong with it, and how many manifests it names.
    async fn listed_by_tag(&self, queue: &Mutex<Queue>) -> (Option<Problem>, usize) {
        let fetched = self.in_time(self.store.manifest(&TagOrDigest::Tag(fallback_tag(self.image)))).await;
        let outcome = match fetched {
            // A copy tool, or the registry itself, may have put the image under this tag; then it is no list, and hides none.
            Ok(fetched) if fetched.descriptor.digest == *self.image => (None, 0),
            Ok(fetched) => match fetched.manifest {
                Manifest::Index(index) => {
                    index.manifests.iter().for_each(|entry| add(queue, entry, Source::FallbackTag));
                    (None, index.manifests.len())
                }
                Manifest::Image(_) => (None, 0),
            },
            Err(error) if error.is_absent() || is_retired(&error) => (None, 0),
            Err(error) => (Some(problem("referrers (fallback tag)", &error)), 0),
        };
        close(queue);
        outcome
    }

    /// Reads one referrer by what it is; the types claimed in lists are often wrong. What is of another kind is not read
    /// here.
    async fn referrer<K: Keep>(&self, listed: Listed) -> Read<K> {
        let Listed { digest, source, other } = listed;
        let origin = |index| Origin::Referrer { manifest: digest, index };
        let fetched =
            self.in_time(self.store.manifest(&TagOrDigest::Digest(digest))).await.map(|fetched| fetched.manifest);
        let read = |refers, part| Read { source, refers, part };
        let manifest = match (fetched, other) {
            (Ok(Manifest::Image(manifest)), _) => *manifest,
            (Ok(Manifest::Index(index)), _) => {
                return read(index.subject.is_some_and(|subject| subject.digest == *self.image), Part::default());
            }
            (Err(error), Some(other)) if error.is_absent() => {
                let found = format!("an entry for a manifest of type {other}, which is gone");
                return read(false, Part::not_a_signature(origin(0), found));
            }
            (Err(error), None) if error.is_absent() => {
                return read(false, Part::trouble(problem(&format!("referrer {digest} (listed, but gone)"), &error)));
            }
            (Err(StoreError::Manifest { error: ManifestError::Retired { media_type }, .. }), _) => {
                let found = format!("a manifest of the retired type {media_type}, in which no signature is kept");
                return read(false, Part::not_a_signature(origin(0), found));
            }
            (Err(error), _) => return read(false, Part::trouble(problem(&format!("referrer {digest}"), &error))),
        };
        let subject = manifest.subject.as_ref().map(|subject| subject.digest);
        let refers = subject == Some(*self.image);
        let named = manifest.annotations.get(media_type::ANNOTATION_PREDICATE_TYPE).map(String::as_str);
        let sorted = self.wanted.sort_referrer(manifest.layers, named, self.limits);
        if sorted.is_empty() {
            return read(refers, Part::default());
        }
        if !refers {
            let found = subject.map_or("none".to_owned(), |digest| digest.to_string());
            let expected = "the digest of this image";
            let error = BundleError::Member { document: "referrer manifest", member: "subject", expected, found };
            return read(refers, Part::unreadable(origin(0), error));
        }
        read(refers, self.layers(sorted, origin).await)
    }

    /// What is under cosign's legacy tag.
    async fn tagged<K: Keep>(&self) -> Part<K> {
        let tag = self.wanted.tag(self.image);
        let origin = |index| Origin::Layer { tag: tag.clone(), index };
        let fetched = self.in_time(self.store.manifest(&TagOrDigest::Tag(tag.clone()))).await;
        match fetched.map(|fetched| fetched.manifest) {
            Ok(Manifest::Image(manifest)) => {
                let mut sorted = self.wanted.sort_tagged(manifest.layers, self.limits);
                let mut part = match sorted.others.take() {
                    Some(others) => Part::not_a_signature(Origin::Tag(tag.clone()), others),
                    None => Part::default(),
                };
                part.extend(self.layers(sorted, origin).await);
                part
            }
            Ok(Manifest::Index(_)) => {
                let (expected, found) = ("an image manifest with layers of signatures", "an index".to_owned());
                let document = "signature manifest";
                Part::unreadable(origin(0), BundleError::Member { document, member: "layers", expected, found })
            }
            Err(error) if error.is_absent() => Part::default(),
            Err(error) => Part::trouble(problem(&format!("cosign {} (tag)", self.wanted.noun()), &error)),
        }
    }

    /// Reads every layer that may serve; equal ones are read once, and equal blobs fetched once.
    async fn layers<K: Keep>(&self, sorted: Sorted, origin: impl Fn(usize) -> Origin) -> Part<K> {
        let mut found = Part::default();
        let unreadable = sorted.unreadable.into_iter();
        let mut items: Vec<(usize, Item<K>)> = unreadable
            .map(|(index, error)| (index, Item { origin: origin(index), sameness: None, value: Err(error) }))
            .collect();
        let mut limit = None;
        let mut known: HashMap<Digest, usize> = HashMap::new();
        let mut distinct: Vec<(Layer, Origin)> = Vec::new();
        for layer in sorted.layers {
            if let Err(exceeded) = self.budget.take(1, 0, self.wanted.noun()) {
                limit = limit.or(Some(exceeded));
                break;
            }
            let (index, size) = (layer.index, layer.descriptor.size);
            let sameness = layer.sameness();
            if let Some((_, first)) = known.get(&sameness).and_then(|first| distinct.get_mut(*first)) {
                first.add(origin(index));
                continue;
            }
            match layer.hint {
                Hint::Other(other) if size > self.each => {
                    items.push((index, Item { origin: origin(index), sameness: None, value: Err(other) }));
                    continue;
                }
                _ if size > self.each => {
                    found.problems.push(problem(&origin(index).to_string(), &self.too_large(size)));
                    continue;
                }
                Hint::Other(_) if size > self.limits.signature_bytes => {
                    lock(&self.deferred).push((layer, origin(index)));
                    continue;
                }
                _ => {}
            }
            if let Err(exceeded) = self.budget.take(0, layer.cost(), self.wanted.noun()) {
                limit = limit.or(Some(exceeded));
                continue;
            }
            known.insert(sameness, distinct.len());
            distinct.push((layer, origin(index)));
        }
        if let Some(limit) = limit {
            let error = StoreError::TooLarge { place: self.store.name(), limit };
            found.problems.push(problem(self.wanted.noun(), &error));
        }
        // A layer that lies about its size must not speak for another that names the same bytes.
        let mut blobs: BTreeMap<(Digest, u64), Vec<(Layer, Origin)>> = BTreeMap::new();
        for (layer, origin) in distinct {
            blobs.entry((layer.descriptor.digest, layer.descriptor.size)).or_default().push((layer, origin));
        }
        for (some, problems) in gather(blobs.into_values().map(|layers| self.blob(layers)).collect()).await {
            items.extend(some);
            found.problems.extend(problems);
        }
        items.sort_by_key(|(index, _)| *index);
        found.items.extend(items.into_iter().map(|(_, item)| item));
        found
    }

    /// Reads one blob for all layers that name it. What may not be what is looked for is looked into here, and goes at once if it is
    /// not.
    async fn blob<K: Keep>(&self, layers: Vec<(Layer, Origin)>) -> (Vec<(usize, Item<K>)>, Vec<Problem>) {
        let (mut items, mut problems) = (Vec::new(), Vec::new());
        let Some((first, _)) = layers.first() else { return (items, problems) };
        let Descriptor { media_type, size, digest, .. } = &first.descriptor;
        let descriptor = Descriptor::new(media_type, *size, *digest);
        let fetch = async {
            let share = self.room.take(descriptor.size).await;
            let bytes = self.store.blob(&descriptor, self.each).await?;
            Ok((bytes, share))
        };
        // The room is given back once what was read has become what is kept of it.
        let (mut blob, _share) = match self.in_time(fetch).await {
            Ok((bytes, share)) => (Ok(Some(Arc::new(bytes))), Some(share)),
            Err(error) => (Err(error), None),
        };
        let last = layers.len().saturating_sub(1);
        for (number, (layer, origin)) in layers.into_iter().enumerate() {
            let sameness = layer.sameness();
            let blob = match &mut blob {
                Ok(blob) if number == last => Ok(blob.take().unwrap_or_default()),
                Ok(blob) => Ok(blob.clone().unwrap_or_default()),
                Err(error) => Err(&*error),
            };
            let (value, trouble) = match (blob, layer.hint) {
                (Ok(blob), hint) => match self.judged(&layer.descriptor, hint, blob) {
                    Ok(value) => (Some(value), None),
                    Err(limit) => (None, Some(problem(self.wanted.noun(), &limit))),
                },
                // What says that it is something else is not missed.
                (Err(_), Hint::Other(other)) => (Some(Err(other)), None),
                (Err(error), _) => (None, Some(problem(&origin.to_string(), error))),
            };
            problems.extend(trouble);
            let sameness = Some(sameness).filter(|_| matches!(value, Some(Ok(_))));
            items.extend(value.map(|value| (layer.index, Item { origin, sameness, value })));
        }
        (items, problems)
    }

    /// What is kept of a blob; its content decides, and its annotations only where the content does not.
    fn judged<K: Keep>(
        &self,
        layer: &Descriptor,
        hint: Hint,
        blob: Arc<Vec<u8>>,
    ) -> Result<Result<K, BundleError>, StoreError> {
        let kept = match (K::keep(layer, blob, self.limits), hint) {
            (Ok(kept), Hint::Wanted) => {
                self.served.store(true, Ordering::Relaxed);
                return Ok(Ok(kept));
            }
            (Err(_), Hint::Other(other)) => return Ok(Err(other)),
            (Err(error), _) => return Ok(Err(error)),
            (Ok(kept), hint) => match (kept.predicate_type(layer, self.limits), hint) {
                (Some(found), _) => match self.wanted.passes_over(&found) {
                    Some(passed_over) => return Ok(Err(passed_over)),
                    None => {
                        self.served.store(true, Ordering::Relaxed);
                        kept
                    }
                },
                (None, Hint::Other(other)) => return Ok(Err(other)),
                (None, _) => kept,
            },
        };
        let taken = self.budget.take(0, layer.size, self.wanted.noun());
        taken.map_err(|limit| StoreError::TooLarge { place: self.store.name(), limit })?;
        Ok(Ok(kept))
    }

    /// Large ones that are annotated as something else: read only if there is no other.
    async fn said_to_be_others<K: Keep>(&self, layers: Vec<(Layer, Origin)>) -> Part<K> {
        let mut found = Part::default();
        for (layer, origin) in layers {
            let (items, problems) = match (self.served.load(Ordering::Relaxed) || self.is_late(), &layer.hint) {
                (true, Hint::Other(other)) => {
                    let value = Err(other.clone());
                    (vec![(0, Item { origin, sameness: None, value })], Vec::new())
                }
                _ => self.blob(vec![(layer, origin)]).await,
            };
            found.items.extend(items.into_iter().map(|(_, item)| item));
            found.problems.extend(problems);
        }
        found
    }

    fn too_large(&self, size: u64) -> StoreError {
        let limit = format!("{} bytes for one of the {}, with {size}", self.each, self.wanted.noun());
        StoreError::TooLarge { place: self.store.name(), limit }
    }
}

fn is_retired(error: &StoreError) -> bool {
    matches!(error, StoreError::Manifest { error: ManifestError::Retired { .. }, .. })
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
