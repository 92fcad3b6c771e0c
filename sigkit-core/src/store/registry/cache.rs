//! What was read by its digest, kept for a while: several images may need it, and its bytes cannot change.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::digest::Digest;
use crate::store::StoreError;

/// What one kept object is taken to cost beside its bytes.
const OVERHEAD: usize = 512;
/// How long an object is kept: a registry may lose it, or take away the permission to read it.
const LIFETIME: Duration = Duration::from_secs(600);

/// Objects of many repositories, up to so many bytes; the oldest make room.
pub(super) struct ContentCache<T> {
    capacity: usize,
    entries: Mutex<Entries<T>>,
}

/// How to get an object. On the heap: a future that keeps its parts by value doubles with every level of nesting.
pub(super) type Fetch<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A repository, and the name of an object in it. That one repository holds it says nothing about another.
pub(super) type Name = (String, Digest);

struct Entries<T> {
    objects: HashMap<Name, Arc<OnceCell<T>>>,
    /// In the order fetched.
    order: VecDeque<Kept>,
    bytes: usize,
}

/// An object that was fetched.
struct Kept {
    name: Name,
    cost: usize,
    fetched: Instant,
}

/// A request for an object. When it ends without one, because of an error or because it is dropped, and no other request waits for the
/// object, its place is given back.
struct Waiting<'a, T> {
    cache: &'a ContentCache<T>,
    name: Name,
    cell: Arc<OnceCell<T>>,
}

impl<T> Drop for Waiting<'_, T> {
    fn drop(&mut self) {
        let mut entries = self.cache.entries.lock().unwrap_or_else(PoisonError::into_inner);
        // Within the lock, so that of several requests that end at once one is the last.
        drop(std::mem::take(&mut self.cell));
        let is_abandoned = |cell: &Arc<OnceCell<T>>| Arc::strong_count(cell) == 1 && cell.get().is_none();
        if entries.objects.get(&self.name).is_some_and(is_abandoned) {
            entries.objects.remove(&self.name);
        }
    }
}

impl<T: Clone> ContentCache<T> {
    /// Room for so many bytes; nothing is kept where there is none.
    pub(super) fn new(room: usize) -> Self {
        let kept = Entries { objects: HashMap::new(), order: VecDeque::new(), bytes: 0 };
        Self { capacity: room, entries: Mutex::new(kept) }
    }

    /// The object, fetched unless it is cached; requests for it during the fetch wait. Errors are not cached.
    pub(super) async fn get(
        &self,
        name: Name,
        fetch: Fetch<'_, T>,
        size: impl Fn(&T) -> usize + Send,
    ) -> Result<T, StoreError> {
        if self.capacity == 0 {
            return fetch.await;
        }
        let waiting = self.wait_for(name);
        let mut cost = None;
        waiting
            .cell
            .get_or_try_init(|| async {
                let object = fetch.await;
                cost = object.as_ref().ok().map(|object| size(object).saturating_add(OVERHEAD));
                object
            })
            .await?;
        if let Some(cost) = cost {
            self.keep(&waiting.name, cost);
        }
        // What has no other owner is handed over: something large that found no room exists once.
        let (digest, cell) = (waiting.name.1, Arc::clone(&waiting.cell));
        drop(waiting);
        let object = match Arc::try_unwrap(cell) {
            Ok(cell) => cell.into_inner(),
            Err(cell) => cell.get().cloned(),
        };
        let lost = || StoreError::Unavailable { place: digest.to_string(), detail: "read, and not cached".to_owned() };
        object.ok_or_else(lost)
    }

    /// The cell of an object, after those that were kept long enough are dropped.
    fn wait_for(&self, name: Name) -> Waiting<'_, T> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        while entries.order.front().is_some_and(|kept| kept.fetched.elapsed() >= LIFETIME) {
            entries.drop_oldest();
        }
        let cell = Arc::clone(entries.objects.entry(name.clone()).or_default());
        Waiting { cache: self, name, cell }
    }

    /// The bytes that are kept, with their overhead.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).bytes
    }

    fn keep(&self, name: &Name, cost: usize) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        // It would take the place of all others, and then have none.
        if cost > self.capacity {
            entries.objects.remove(name);
            return;
        }
        entries.bytes = entries.bytes.saturating_add(cost);
        entries.order.push_back(Kept { name: name.clone(), cost, fetched: Instant::now() });
        while entries.bytes > self.capacity && !entries.order.is_empty() {
            entries.drop_oldest();
        }
    }
}

impl<T> Entries<T> {
    fn drop_oldest(&mut self) {
        if let Some(Kept { name, cost, .. }) = self.order.pop_front() {
            self.bytes = self.bytes.saturating_sub(cost);
            self.objects.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn name(text: &str) -> Name {
        ("r.example/app".to_owned(), Digest::sha256(text.as_bytes()))
    }

    async fn read(cache: &ContentCache<Vec<u8>>, text: &str, fetches: &Cell<usize>) -> Vec<u8> {
        let count = std::sync::atomic::AtomicUsize::new(0);
        let fetch = async {
            count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Ok(text.as_bytes().to_vec())
        };
        let object = cache.get(name(text), Box::pin(fetch), Vec::len).await.unwrap();
        fetches.set(fetches.get() + count.into_inner());
        object
    }

    #[tokio::test]
    async fn an_object_is_fetched_once_while_there_is_room() {
        let (cache, fetches) = (ContentCache::new(2 * OVERHEAD + 10), Cell::new(0));
        for text in ["a", "b", "a", "b"] {
            assert_eq!(read(&cache, text, &fetches).await, text.as_bytes());
        }
        assert_eq!(fetches.get(), 2);
        // A third one takes the place of the first.
        for (text, fetched) in [("c", 3), ("b", 3), ("a", 4)] {
            read(&cache, text, &fetches).await;
            assert_eq!(fetches.get(), fetched, "{text}");
        }
        let kept = cache.entries.lock().unwrap();
        assert!(kept.bytes <= cache.capacity && kept.objects.len() == 2 && kept.order.len() == 2);
    }

    #[tokio::test]
    async fn request_that_is_dropped_leaves_no_entry_and_the_next_one_fetches() {
        let (cache, fetches) = (ContentCache::new(OVERHEAD * 4), Cell::new(0));
        let never = || Box::pin(std::future::pending());
        let dropped = cache.get(name("a"), never(), Vec::len);
        assert!(tokio::time::timeout(Duration::from_millis(5), dropped).await.is_err());
        assert!(cache.entries.lock().unwrap().objects.is_empty());
        // One that waits for the dropped one takes its place.
        let first = cache.get(name("a"), never(), Vec::len);
        let first = tokio::time::timeout(Duration::from_millis(5), first);
        let (first, second) = tokio::join!(first, read(&cache, "a", &fetches));
        assert!(first.is_err() && second == b"a" && fetches.get() == 1);
    }

    #[tokio::test]
    async fn what_has_no_room_is_handed_over_and_takes_no_place() {
        let (cache, fetches) = (ContentCache::new(2 * OVERHEAD + 10), Cell::new(0));
        read(&cache, "a", &fetches).await;
        let large = vec![7; 2 * OVERHEAD];
        let place = large.as_ptr();
        let object = cache.get(name("large"), Box::pin(async { Ok(large) }), Vec::len).await.unwrap();
        assert_eq!(object.as_ptr(), place, "no copy");
        read(&cache, "a", &fetches).await;
        assert_eq!(fetches.get(), 1);
        assert_eq!(cache.entries.lock().unwrap().objects.len(), 1);
    }

    #[tokio::test]
    async fn errors_are_not_cached_and_without_room_nothing_is() {
        let cache: ContentCache<Vec<u8>> = ContentCache::new(OVERHEAD * 4);
        let failure = async { Err(StoreError::NotFound { place: "here".to_owned() }) };
        assert!(cache.get(name("a"), Box::pin(failure), Vec::len).await.is_err());
        assert!(cache.entries.lock().unwrap().objects.is_empty());
        let fetches = Cell::new(0);
        read(&cache, "a", &fetches).await;
        assert_eq!(fetches.get(), 1);
        let (none, fetches) = (ContentCache::new(0), Cell::new(0));
        read(&none, "a", &fetches).await;
        read(&none, "a", &fetches).await;
        assert_eq!(fetches.get(), 2);
    }
}
