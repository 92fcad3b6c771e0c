//! The members of an object, each named once.

use std::borrow::Cow;
use std::collections::HashSet;

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
pub(super) const FEW: usize = 16;

/// The names of an object's members so far.
#[derive(Default)]
pub(super) struct Names<'a> {
    few: Vec<Cow<'a, str>>,
    many: HashSet<Cow<'a, str>>,
}

impl<'a> Names<'a> {
    /// Adds a name, unless it is there already.
    ///
    /// # Errors
    /// That it is, or what is wrong with it.
    pub(super) fn add(&mut self, name: Cow<'a, str>) -> Result<(), String> {
        check(&name)?;
        if self.few.contains(&name) || self.many.contains(&name) {
            return Err(format!("member {name:?} appears twice"));
        }
        if self.few.len() < FEW {
            self.few.push(name);
        } else {
            self.many.insert(name);
        }
        Ok(())
    }

    /// The same for another object.
    pub(super) fn emptied(mut self) -> Self {
        self.few.clear();
        self.many.clear();
        self
    }
}
