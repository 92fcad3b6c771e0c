//! Looking for one kind of thing in every place beside an image.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::budget::{Budget, Room};
use super::concurrent::{Lateness, Next, gather, join, pool};
use super::fallback_tag;
use super::keep::Keep;
use super::kind::{AttachmentKind, Hint, Layer, Sorted};
use super::part::{Item, Part};
use super::queue::{Listed, Queue, Source, add, close, lock};
use crate::bundle::{BundleError, LookupError, Origin};
use crate::digest::Digest;
use crate::limits::Limits;
use crate::oci::{Descriptor, Manifest, ManifestError, TagOrDigest, media_type};
use crate::store::{FetchedManifest, Store, StoreError};

/// Characters of the words about one problem.
const MAX_DETAIL_CHARS: usize = 1000;
/// Errors of one list that are reported one by one.
const MAX_PROBLEMS: usize = 100;

/// Looks everywhere until all is read, or `until` is ready.
pub(super) async fn search<S: Store, K: Keep>(
    store: &S,
    image: &Digest,
    wanted: AttachmentKind<'_>,
    limits: &Limits,
    keep: &K,
    room: &Room,
    until: impl Future<Output = ()> + Send,
) -> Part<K::Kept> {
    let (each, together) = wanted.bounds(limits);
    let search = Search {
        store,
        image,
        wanted,
        limits,
        each,
        keep,
        budget: Budget::new(limits.attachments, together, wanted.alone(limits), wanted.noun()),
        room,
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

/// What came of a blob: its items, each with the position of its layer, and what could not be read.
type ReadBlob<T> = (Vec<(usize, Item<T>)>, Vec<LookupError>);

/// How much of a blob the budget has been charged with before it is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Paid {
    /// All of it, if it is annotated as what is looked for.
    AsHinted,
    Nothing,
}

struct Search<'a, S, K> {
    store: &'a S,
    keep: &'a K,
    image: &'a Digest,
    wanted: AttachmentKind<'a>,
    limits: &'a Limits,
    /// The most bytes of one thing looked for.
    each: u64,
    budget: Budget,
    room: &'a Room,
    lateness: Lateness,
    /// Whether anything of the kind looked for was read.
    served: AtomicBool,
    /// What is larger than signatures are: read when all else has been.
    deferred: Mutex<Vec<(Layer, Origin)>>,
}

impl<S: Store, K: Keep> Search<'_, S, K> {
    async fn everywhere(&self) -> Part<K::Kept> {
        let (mut found, tagged) = join(self.referring(), self.tagged()).await;
        found.extend(tagged);
        let deferred = std::mem::take(&mut *lock(&self.deferred));
        let (others, large): (Vec<_>, Vec<_>) =
            deferred.into_iter().partition(|(layer, _)| matches!(layer.hint, Hint::Other(_)));
        found.extend(self.large(large).await);
        found.extend(self.said_to_be_others(others).await);
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
    async fn referring(&self) -> Part<K::Kept> {
        let queue = Mutex::new(Queue { open: 2, ..Queue::default() });
        // A registry may answer with an empty list although older tools keep entries under the fallback tag: read both.
        let lists = join(self.listed(&queue), self.listed_by_tag(&queue));
        let next = || match self.next(&queue) {
            Next::Work(listed) => Next::Work(self.referrer(listed)),
            Next::Later => Next::Later,
            Next::Done => Next::Done,
        };
        let ((api, (fallback, size)), mut reads): (_, Vec<Read<K::Kept>>) = join(lists, pool(next)).await;
        let mut found = Part::default();
        found.problems.extend(api.into_iter().chain(fallback));
        if size > self.limits.attachments {
            // So many manifests, and none of those read is about the image: an index of something else.
            let of_tag = |read: &Read<K::Kept>| read.source == Source::FallbackTag;
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
    fn unread(&self, queue: &Queue) -> LookupError {
        if self.is_late() {
            let error = StoreError::TimedOut { place: self.store.name() };
            return problem(&format!("{} of {} referrers", queue.waiting.len(), queue.known.len()), &error);
        }
        let limit = format!("{} referrers of one image ({} are listed)", self.limits.attachments, queue.known.len());
        problem(self.wanted.noun(), &StoreError::TooLarge { place: self.store.name(), limit })
    }

    /// The list that the place keeps, with what is wrong with it.
    async fn listed(&self, queue: &Mutex<Queue>) -> Vec<LookupError> {
        let mut problems = Vec::new();
        let mut each = |entry: Result<Descriptor, StoreError>| match entry {
            Ok(entry) => add(queue, &entry, Source::Referrers),
            Err(error) if problems.len() < MAX_PROBLEMS => problems.push(problem("referrers", &error)),
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
    async fn listed_by_tag(&self, queue: &Mutex<Queue>) -> (Option<LookupError>, usize) {
        let fetched = self.in_time(self.store.manifest(&TagOrDigest::Tag(fallback_tag(self.image)))).await;
        let outcome = match fetched {
            // A copy tool, or the registry itself, may have put the image under this tag; then it is not a list, and hides none.
            Ok(fetched) if fetched.digest() == *self.image => (None, 0),
            Ok(fetched) => match fetched.manifest() {
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
    async fn referrer(&self, listed: Listed) -> Read<K::Kept> {
        let Listed { digest, source, other } = listed;
        let origin = |index| Origin::Referrer { manifest: digest, index };
        let fetched =
            self.in_time(self.store.manifest(&TagOrDigest::Digest(digest))).await.map(FetchedManifest::into_manifest);
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
    async fn tagged(&self) -> Part<K::Kept> {
        let tag = self.wanted.tag(self.image);
        let origin = |index| Origin::Layer { tag: tag.clone(), index };
        let fetched = self.in_time(self.store.manifest(&TagOrDigest::Tag(tag.clone()))).await;
        match fetched.map(FetchedManifest::into_manifest) {
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
    async fn layers(&self, sorted: Sorted, origin: impl Fn(usize) -> Origin) -> Part<K::Kept> {
        let mut found = Part::default();
        let unreadable = sorted.unreadable.into_iter();
        let mut items: Vec<(usize, Item<K::Kept>)> = unreadable
            .map(|(index, error)| (index, Item { origin: origin(index), sameness: None, value: Err(error) }))
            .collect();
        let mut limit = None;
        let mut known: HashMap<Digest, usize> = HashMap::new();
        let mut distinct: Vec<(Layer, Origin)> = Vec::new();
        for layer in sorted.layers {
            if let Err(exceeded) = self.budget.take(1, 0) {
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
                _ if size > self.limits.signature_bytes => {
                    self.defer(layer, sameness, origin(index));
                    continue;
                }
                _ => {}
            }
            if let Err(exceeded) = self.budget.take(0, self.keep.cost(&layer)) {
                limit = limit.or(Some(exceeded));
                continue;
            }
            known.insert(sameness, distinct.len());
            distinct.push((layer, origin(index)));
        }
        found.problems.extend(limit.map(|limit| self.limit(limit)));
        // A layer that lies about its size must not speak for another that names the same bytes.
        let mut blobs: BTreeMap<(Digest, u64), Vec<(Layer, Origin)>> = BTreeMap::new();
        for (layer, origin) in distinct {
            blobs.entry((layer.descriptor.digest, layer.descriptor.size)).or_default().push((layer, origin));
        }
        for (some, problems) in gather(blobs.into_values().map(|layers| self.small(layers)).collect()).await {
            items.extend(some);
            found.problems.extend(problems);
        }
        items.sort_by_key(|(index, _)| *index);
        found.items.extend(items.into_iter().map(|(_, item)| item));
        found
    }

    /// Puts off what is large; the same in two places is read once.
    fn defer(&self, layer: Layer, sameness: Digest, origin: Origin) {
        let mut deferred = lock(&self.deferred);
        match deferred.iter_mut().find(|(known, _)| known.sameness() == sameness) {
            Some((_, first)) => first.add(origin),
            None => deferred.push((layer, origin)),
        }
    }

    /// Reads what is large, the smallest first, as far as there is room for it beside what is kept.
    async fn large(&self, mut layers: Vec<(Layer, Origin)>) -> Part<K::Kept> {
        layers.sort_by_key(|(layer, _)| layer.descriptor.size);
        let mut found = Part::default();
        let mut limit = None;
        for read in gather(layers.into_iter().map(|layer| self.one_large(layer)).collect()).await {
            match read {
                Ok((items, problems)) => {
                    found.items.extend(items.into_iter().map(|(_, item)| item));
                    found.problems.extend(problems);
                }
                Err(exceeded) => limit = limit.or(Some(exceeded)),
            }
        }
        found.problems.extend(limit.map(|limit| self.limit(limit)));
        found
    }

    /// The error is the limit that would be exceeded.
    async fn one_large(&self, layer: (Layer, Origin)) -> Result<ReadBlob<K::Kept>, String> {
        let size = layer.0.descriptor.size;
        let share = match self.in_time(async { Ok(self.room.reserve(size).await) }).await {
            Ok(share) => share.map_err(|_| self.budget.all_together())?,
            Err(error) => return Ok((Vec::new(), vec![problem(&layer.1.to_string(), &error)])),
        };
        let blob = self.fetch(&layer.0.descriptor).await;
        let (read, kept) = self.read(vec![layer], blob, Paid::Nothing);
        share.keep(kept);
        Ok(read)
    }

    /// Reads one small blob for all layers that name it.
    async fn small(&self, layers: Vec<(Layer, Origin)>) -> ReadBlob<K::Kept> {
        let Some((first, _)) = layers.first() else { return Default::default() };
        let descriptor = first.descriptor.clone();
        let fetch = async {
            let share = self.room.take(descriptor.size).await;
            Ok((self.fetch(&descriptor).await, share))
        };
        // The room is given back once what was read has become what is kept of it.
        let (blob, share) = match self.in_time(fetch).await {
            Ok((blob, share)) => (blob, Some(share)),
            Err(error) => (Err(error), None),
        };
        let (read, kept) = self.read(layers, blob, Paid::AsHinted);
        if let Some(share) = share {
            share.keep(kept);
        }
        read
    }

    async fn fetch(&self, layer: &Descriptor) -> Result<Vec<u8>, StoreError> {
        let descriptor = Descriptor::new(&layer.media_type, layer.size, layer.digest);
        self.in_time(self.store.blob(&descriptor, self.each)).await
    }

    /// What is kept of a blob for all layers that name it, and how many bytes that is. What may not be what is looked for is looked into
    /// here, and goes at once if it is not.
    fn read(
        &self,
        layers: Vec<(Layer, Origin)>,
        blob: Result<Vec<u8>, StoreError>,
        paid: Paid,
    ) -> (ReadBlob<K::Kept>, u64) {
        let (mut items, mut problems, mut weight) = (Vec::new(), Vec::new(), 0_u64);
        let mut blob = blob.map(|bytes| Some(Arc::new(bytes)));
        let last = layers.len().saturating_sub(1);
        for (number, (layer, origin)) in layers.into_iter().enumerate() {
            let sameness = layer.sameness();
            let blob = match &mut blob {
                Ok(blob) if number == last => Ok(blob.take().unwrap_or_default()),
                Ok(blob) => Ok(blob.clone().unwrap_or_default()),
                Err(error) => Err(&*error),
            };
            let (value, trouble) = match (blob, layer.hint) {
                (Ok(blob), hint) => match self.judged(&layer.descriptor, hint, blob, paid) {
                    Ok(Ok((kept, bytes))) => {
                        weight = weight.saturating_add(bytes);
                        (Some(Ok(kept)), None)
                    }
                    Ok(Err(error)) => (Some(Err(error)), None),
                    Err(limit) => (None, Some(self.limit(limit))),
                },
                // What says that it is something else is not missed.
                (Err(_), Hint::Other(other)) => (Some(Err(other)), None),
                (Err(error), _) => (None, Some(problem(&origin.to_string(), error))),
            };
            problems.extend(trouble);
            let sameness = Some(sameness).filter(|_| matches!(value, Some(Ok(_))));
            items.extend(value.map(|value| (layer.index, Item { origin, sameness, value })));
        }
        ((items, problems), weight)
    }

    /// What is kept of a blob, with its size; its content decides, and its annotations only where the content does not. The
    /// outer error is the limit that would be exceeded.
    fn judged(
        &self,
        layer: &Descriptor,
        hint: Hint,
        blob: Arc<Vec<u8>>,
        paid: Paid,
    ) -> Result<Result<(K::Kept, u64), BundleError>, String> {
        let of_another = |error| match hint {
            Hint::Other(ref other) => other.clone(),
            Hint::Wanted | Hint::None => error,
        };
        let read = match self.keep.read(layer, blob, self.limits) {
            Ok(read) => read,
            Err(error) => return Ok(Err(of_another(error))),
        };
        let mut serves = true;
        if !matches!(hint, Hint::Wanted) {
            match (self.keep.predicate_type(&read, layer, self.limits), &hint) {
                (Some(found), _) => {
                    if let Some(passed_over) = self.wanted.skips(&found) {
                        return Ok(Err(passed_over));
                    }
                }
                (None, Hint::Other(other)) => return Ok(Err(other.clone())),
                (None, _) => serves = false,
            }
        }
        let (kept, weight) = self.keep.finish(layer, read);
        if paid == Paid::Nothing || !matches!(hint, Hint::Wanted) {
            self.budget.take(0, weight)?;
        }
        if serves {
            self.served.store(true, Ordering::Relaxed);
        }
        Ok(Ok((kept, weight)))
    }

    /// Large ones that are annotated as something else: read only if there is no other.
    async fn said_to_be_others(&self, layers: Vec<(Layer, Origin)>) -> Part<K::Kept> {
        let mut found = Part::default();
        for (layer, origin) in layers {
            let other = match &layer.hint {
                Hint::Other(other) if self.served.load(Ordering::Relaxed) || self.is_late() => Some(other.clone()),
                _ => None,
            };
            match other {
                Some(other) => found.items.push(Item { origin, sameness: None, value: Err(other) }),
                None => found.extend(self.large(vec![(layer, origin)]).await),
            }
        }
        found
    }

    fn limit(&self, limit: String) -> LookupError {
        problem(self.wanted.noun(), &StoreError::TooLarge { place: self.store.name(), limit })
    }

    fn too_large(&self, size: u64) -> StoreError {
        let limit = format!("{} bytes for one of the {}, with {size}", self.each, self.wanted.noun());
        StoreError::TooLarge { place: self.store.name(), limit }
    }
}

fn is_retired(error: &StoreError) -> bool {
    matches!(error, StoreError::Manifest { error: ManifestError::Retired { .. }, .. })
}

/// There may be one for each of many referrers, each with a server's own words.
fn problem(looked_for: &str, error: &StoreError) -> LookupError {
    let detail = error.to_string().chars().take(MAX_DETAIL_CHARS).collect();
    LookupError { target: looked_for.to_owned(), code: error.code(), detail }
}
