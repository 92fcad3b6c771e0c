//! The pages, one for each code.

mod certificates;
mod policies;
mod signatures;
mod stores;

use super::page::Page;

/// All pages, by what they are about.
const PAGES: [&[Page]; 4] = [policies::PAGES, signatures::PAGES, stores::PAGES, certificates::PAGES];

/// All pages, by what they are about.
pub(crate) fn pages() -> impl Iterator<Item = &'static Page> {
    PAGES.into_iter().flatten()
}
