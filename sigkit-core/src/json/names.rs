//! The members of an object, each named once.

use std::borrow::Cow;
use std::collections::HashSet;

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
    /// That it is.
    pub(super) fn add(&mut self, name: Cow<'a, str>) -> Result<(), String> {
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
