//! What was read by its digest, kept for the rest of a run: several images may need it, and its bytes cannot change.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::digest::Digest;
use crate::store::StoreError;

/// What one kept object is taken to cost beside its bytes.
const OVERHEAD: usize = 512;

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
    /// In the order fetched, with their cost.
    order: VecDeque<(Name, usize)>,
    bytes: usize,
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
        let cell = Arc::clone(
            self.entries.lock().unwrap_or_else(PoisonError::into_inner).objects.entry(name.clone()).or_default(),
        );
        let (mut cost, digest) = (None, name.1);
        let fetched = cell
            .get_or_try_init(|| async {
                let object = fetch.await;
                cost = object.as_ref().ok().map(|object| size(object).saturating_add(OVERHEAD));
                object
            })
            .await
            .map(|_| ());
        match (&fetched, cost) {
            (Ok(()), Some(cost)) => self.keep(name, cost),
            (Ok(()), None) => {}
            (Err(_), _) => self.drop_empty(&name),
        }
        fetched?;
        // What has no other owner is moved: something large that found no room exists once.
        let object = match Arc::try_unwrap(cell) {
            Ok(cell) => cell.into_inner(),
            Err(cell) => cell.get().cloned(),
        };
        let lost = || StoreError::Unavailable { place: digest.to_string(), detail: "read, and not cached".to_owned() };
        object.ok_or_else(lost)
    }

    fn keep(&self, name: Name, cost: usize) {
        let mut kept = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        // It would take the place of all others, and then have none.
        if cost > self.capacity {
            kept.objects.remove(&name);
            return;
        }
        kept.bytes = kept.bytes.saturating_add(cost);
        kept.order.push_back((name, cost));
        while kept.bytes > self.capacity
            && let Some((oldest, cost)) = kept.order.pop_front()
        {
            kept.bytes = kept.bytes.saturating_sub(cost);
            kept.objects.remove(&oldest);
        }
    }

    fn drop_empty(&self, name: &Name) {
        let mut kept = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.objects.get(name).is_some_and(|cell| cell.get().is_none()) {
            kept.objects.remove(name);
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

    async fn read(shelf: &ContentCache<Vec<u8>>, text: &str, fetches: &Cell<usize>) -> Vec<u8> {
        let count = std::sync::atomic::AtomicUsize::new(0);
        let fetch = async {
            count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Ok(text.as_bytes().to_vec())
        };
        let object = shelf.get(name(text), Box::pin(fetch), Vec::len).await.unwrap();
        fetches.set(fetches.get() + count.into_inner());
        object
    }

    #[tokio::test]
    async fn an_object_is_fetched_once_while_there_is_room() {
        let (shelf, fetches) = (ContentCache::new(2 * OVERHEAD + 10), Cell::new(0));
        for text in ["a", "b", "a", "b"] {
            assert_eq!(read(&shelf, text, &fetches).await, text.as_bytes());
        }
        assert_eq!(fetches.get(), 2);
        // A third one takes the place of the first.
        for (text, fetched) in [("c", 3), ("b", 3), ("a", 4)] {
            read(&shelf, text, &fetches).await;
            assert_eq!(fetches.get(), fetched, "{text}");
        }
        let kept = shelf.entries.lock().unwrap();
        assert!(kept.bytes <= shelf.capacity && kept.objects.len() == 2 && kept.order.len() == 2);
    }

    #[tokio::test]
    async fn what_has_no_room_is_handed_over_and_takes_no_place() {
        let (shelf, fetches) = (ContentCache::new(2 * OVERHEAD + 10), Cell::new(0));
        read(&shelf, "a", &fetches).await;
        let large = vec![7; 2 * OVERHEAD];
        let place = large.as_ptr();
        let object = shelf.get(name("large"), Box::pin(async { Ok(large) }), Vec::len).await.unwrap();
        assert_eq!(object.as_ptr(), place, "no copy");
        read(&shelf, "a", &fetches).await;
        assert_eq!(fetches.get(), 1);
        assert_eq!(shelf.entries.lock().unwrap().objects.len(), 1);
    }

    #[tokio::test]
    async fn errors_are_not_cached_and_without_room_nothing_is() {
        let shelf: ContentCache<Vec<u8>> = ContentCache::new(OVERHEAD * 4);
        let failure = async { Err(StoreError::NotFound { place: "here".to_owned() }) };
        assert!(shelf.get(name("a"), Box::pin(failure), Vec::len).await.is_err());
        assert!(shelf.entries.lock().unwrap().objects.is_empty());
        let fetches = Cell::new(0);
        read(&shelf, "a", &fetches).await;
        assert_eq!(fetches.get(), 1);
        let (none, fetches) = (ContentCache::new(0), Cell::new(0));
        read(&none, "a", &fetches).await;
        read(&none, "a", &fetches).await;
        assert_eq!(fetches.get(), 2);
    }
}
