//! The members of an object, each named once.

use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::BuildHasher as _;

/// The prefix of names by which serde_json, and interpreters built on it, mark values that are not plain JSON: a value under one would
/// be taken for another value, which nothing here has looked at.
const PRIVATE: &str = "$serde_json::private::";

/// Refuses what some readers do not take for the name of a member.
///
/// # Errors
/// Why it is refused.
pub(crate) fn check(name: &str) -> Result<(), String> {
    if name.starts_with(PRIVATE) {
        return Err(format!("member {name:?} is refused: some JSON readers do not take it for a name"));
    }
    Ok(())
}

/// Up to so many members, comparing costs less than hashing; nearly all objects are small.
pub(super) const MAX_LINEAR_NAMES: usize = 16;

/// Room for so many names is kept for the next object.
const MAX_POOLED_NAMES: usize = 1024;

/// The names of an object's members so far.
#[derive(Default)]
pub(super) struct MemberNames<'a> {
    pub(super) few: Vec<Cow<'a, str>>,
    /// Hashes with a random key of the others: a long list of names would take many times its text.
    pub(super) many: HashSet<u64>,
}

impl<'a> MemberNames<'a> {
    /// Adds a name, unless it is there already.
    ///
    /// # Errors
    /// That it is, or what is wrong with it.
    pub(super) fn add(&mut self, name: Cow<'a, str>) -> Result<(), String> {
        check(&name)?;
        let is_new = !self.few.contains(&name)
            && (self.few.len() < MAX_LINEAR_NAMES || self.many.insert(self.many.hasher().hash_one(&name)));
        if !is_new {
            return Err(format!("member {name:?} appears twice"));
        }
        if self.few.len() < MAX_LINEAR_NAMES {
            self.few.push(name);
        }
        Ok(())
    }

    /// The same for another object. What grew large is given back, since many of these may wait for others.
    pub(super) fn cleared(mut self) -> Self {
        self.few.clear();
        if self.many.capacity() > MAX_POOLED_NAMES {
            self.many = HashSet::new()
        } else {
            self.many.clear()
        }
        self
    }
}
