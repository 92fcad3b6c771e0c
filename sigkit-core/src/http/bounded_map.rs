//! What a client remembers between requests: at most so many entries, each for so long.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A map in which a new entry takes the place of the one that was used longest ago, where there are as many as there may be. An entry
/// is dropped when its lifetime is over, however often it was used.
pub(crate) struct BoundedMap<K, V> {
    capacity: usize,
    lifetime: Duration,
    entries: Mutex<Entries<K, V>>,
}

struct Entries<K, V> {
    map: HashMap<K, Entry<V>>,
    /// How often an entry was used so far.
    uses: u64,
}

struct Entry<V> {
    value: V,
    inserted: Instant,
    /// The number of its last use.
    used: u64,
}

impl<K: Eq + Hash + Clone, V: Clone> BoundedMap<K, V> {
    pub(crate) fn new(capacity: usize, lifetime: Duration) -> Self {
        Self { capacity, lifetime, entries: Mutex::new(Entries { map: HashMap::new(), uses: 0 }) }
    }

    /// The value under `key`, made if there is none.
    pub(crate) fn get_or_insert_with(&self, key: &K, make: impl FnOnce() -> V) -> V {
        let mut entries = self.lock();
        if let Some(value) = entries.get(key, self.lifetime) {
            return value;
        }
        let value = make();
        self.add(&mut entries, key.clone(), value.clone());
        value
    }

    pub(crate) fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.lock().get(key, self.lifetime)
    }

    pub(crate) fn insert(&self, key: K, value: V) {
        self.add(&mut self.lock(), key, value);
    }

    /// Removes the value under `key` if it is one of those meant.
    pub(crate) fn remove_if<Q: Eq + Hash + ?Sized>(&self, key: &Q, is_meant: impl FnOnce(&V) -> bool)
    where
        K: Borrow<Q>,
    {
        let mut entries = self.lock();
        if entries.map.get(key).is_some_and(|entry| is_meant(&entry.value)) {
            entries.map.remove(key);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().map.len()
    }

    fn add(&self, entries: &mut Entries<K, V>, key: K, value: V) {
        if entries.map.len() >= self.capacity && !entries.map.contains_key(&key) {
            entries.make_room(self.lifetime);
        }
        let used = entries.next_use();
        entries.map.insert(key, Entry { value, inserted: Instant::now(), used });
    }

    fn lock(&self) -> MutexGuard<'_, Entries<K, V>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Entries<K, V> {
    fn get<Q: Eq + Hash + ?Sized>(&mut self, key: &Q, lifetime: Duration) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let used = self.next_use();
        let entry = self.map.get_mut(key)?;
        if entry.inserted.elapsed() >= lifetime {
            self.map.remove(key);
            return None;
        }
        entry.used = used;
        Some(entry.value.clone())
    }

    const fn next_use(&mut self) -> u64 {
        self.uses = self.uses.saturating_add(1);
        self.uses
    }

    /// Drops what is over, or else what was used longest ago.
    fn make_room(&mut self, lifetime: Duration) {
        let before = self.map.len();
        self.map.retain(|_, entry| entry.inserted.elapsed() < lifetime);
        if self.map.len() < before {
            return;
        }
        let oldest = self.map.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone());
        if let Some(oldest) = oldest {
            self.map.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    // threat: N05
    #[test]
    fn new_entry_takes_the_place_of_the_one_used_longest_ago() {
        let map = BoundedMap::new(2, HOUR);
        map.insert("a", 1);
        map.insert("b", 2);
        assert_eq!(map.get_or_insert_with(&"a", || 9), 1);
        map.insert("c", 3);
        assert_eq!((map.get("a"), map.get("b"), map.get("c"), map.len()), (Some(1), None, Some(3), 2));
        map.insert("c", 4);
        assert_eq!((map.get("a"), map.get("c")), (Some(1), Some(4)));
    }

    #[test]
    fn entry_whose_lifetime_is_over_is_dropped() {
        let map = BoundedMap::new(2, Duration::ZERO);
        map.insert("a", 1);
        map.insert("b", 2);
        assert_eq!((map.get("a"), map.len()), (None, 1));
        map.insert("a", 1);
        map.insert("c", 3);
        assert_eq!(map.len(), 1, "those that are over make room before any other");
    }

    #[test]
    fn another_value_than_the_given_one_is_not_removed() {
        let map = BoundedMap::new(2, HOUR);
        map.insert("a", 1);
        map.remove_if("a", |value| *value == 2);
        assert_eq!(map.get("a"), Some(1));
        map.remove_if("a", |value| *value == 1);
        assert_eq!(map.get("a"), None);
    }
}
