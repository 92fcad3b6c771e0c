//! What was found in one place, and the union of several.

use std::collections::HashMap;

use crate::bundle::{BundleError, LookupError, Origin};
use crate::digest::Digest;

/// What was found in one place.
pub(super) struct Part<K> {
    pub(super) items: Vec<Item<K>>,
    pub(super) problems: Vec<LookupError>,
}

/// One thing found.
pub(super) struct Item<K> {
    pub(super) origin: Origin,
    /// What it is made of; two with the same are the same.
    pub(super) sameness: Option<Digest>,
    pub(super) value: Result<K, BundleError>,
}

impl<K> Default for Part<K> {
    fn default() -> Self {
        Self { items: Vec::new(), problems: Vec::new() }
    }
}

impl<K> Part<K> {
    /// One thing that is ignored, or cannot be read.
    pub(super) fn unreadable(origin: Origin, error: BundleError) -> Self {
        Self { items: vec![Item { origin, sameness: None, value: Err(error) }], problems: Vec::new() }
    }

    pub(super) fn not_a_signature(origin: Origin, found: impl Into<String>) -> Self {
        Self::unreadable(origin, BundleError::NotASignature { found: found.into() })
    }

    pub(super) fn trouble(problem: LookupError) -> Self {
        Self { items: Vec::new(), problems: vec![problem] }
    }

    pub(super) fn extend(&mut self, other: Self) {
        self.items.extend(other.items);
        self.problems.extend(other.problems);
    }

    /// Makes one thing with several places of what is the same.
    pub(super) fn merged(mut self) -> Self {
        let mut known: HashMap<Digest, usize> = HashMap::new();
        let mut items: Vec<Item<K>> = Vec::new();
        for item in self.items {
            let first = item.sameness.and_then(|sameness| match known.get(&sameness) {
                Some(first) => items.get_mut(*first),
                None => {
                    known.insert(sameness, items.len());
                    None
                }
            });
            match first {
                Some(first) => item.origin.places().iter().for_each(|place| first.origin.add(place.clone())),
                None => items.push(item),
            }
        }
        self.items = items;
        self
    }
}
