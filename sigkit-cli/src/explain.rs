//! Reason codes, explained.

mod page;
mod pages;
mod places;

use page::Page;

pub(crate) use pages::pages;

/// The page of a code.
pub(crate) fn page(code: &str) -> Option<&'static Page> {
    pages().find(|page| page.code == code)
}

/// Where something was looked for, as far as the next step depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A registry.
    Registry,
    /// An OCI layout, in a directory or an archive.
    Layout,
    /// What `docker save` writes, which is only read.
    DockerArchive,
    /// A signed file.
    Blob,
}

/// What to do about a code in this place.
pub(crate) fn next(code: &str, place: Place) -> &'static str {
    let own: &[(&str, &str)] = match place {
        Place::Registry => &[],
        Place::Layout | Place::DockerArchive => places::IN_FILES,
        Place::Blob => places::OF_BLOBS,
    };
    let own = own.iter().find_map(|(known, next)| (*known == code).then_some(*next));
    own.or_else(|| page(code).map(|page| page.next)).unwrap_or("Run sigkit explain for what the code means.")
}

/// The most similar code.
pub(crate) fn nearest(code: &str) -> Option<&'static str> {
    // No code is this long.
    let code = code.get(..64).unwrap_or(code);
    let closest = pages().map(|page| (strsim::levenshtein(page.code, code), page.code)).min()?;
    (closest.0 <= closest.1.len() / 3).then_some(closest.1)
}

#[cfg(test)]
mod tests {
    use sigkit_core::attach::AttachError;
    use sigkit_core::reason::Reason;
    use sigkit_core::report::Waiver;

    use super::*;

    #[test]
    fn every_code_has_one_page_with_something_on_it() {
        let mut codes: Vec<&str> = pages().map(|page| page.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), pages().count());
        for page in pages() {
            assert!(page.code.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", page.code);
            for text in [page.meaning, page.cause, page.next] {
                assert!(text.ends_with('.') || text.ends_with('"'), "{}: {text}", page.code);
            }
        }
    }

    #[test]
    fn every_code_is_explained() {
        let rest = [
            "access-denied",
            "digest-mismatch",
            "file-error",
            "manifest-ambiguous",
            "not-an-index",
            "not-found",
            "platform-ambiguous",
            "platform-not-found",
            "sign-failed",
            "signature-rejected",
            "size-mismatch",
            "store-conflict",
            "store-lacks",
            "store-options",
            "store-protocol",
            "store-read-only",
            "store-refused",
            "store-unavailable",
            "tag-immutable",
            "timed-out",
            "too-large",
            "trusted-root-missing",
        ];
        let all = [&Reason::CODES[..], &Waiver::CODES, &AttachError::CODES, &rest].concat();
        for code in &all {
            assert!(page(code).is_some(), "{code} has no page");
        }
        for page in pages() {
            assert!(all.contains(&page.code), "nothing says {}", page.code);
        }
    }

    #[test]
    fn next_step_fits_the_place() {
        for place in [Place::Layout, Place::DockerArchive] {
            for code in ["not-found", "access-denied", "store-unavailable", "timed-out"] {
                let next = next(code, place).to_lowercase();
                for word in ["log in", "private", "registry", "credentials"] {
                    assert!(!next.contains(word), "{code}, {place:?}: {next}");
                }
            }
        }
        for (code, next) in places::IN_FILES.iter().chain(places::OF_BLOBS) {
            assert!(page(code).is_some() && next.ends_with('.'), "{code}: {next}");
        }
        assert!(next("not-found", Place::Registry).contains("log in"));
    }

    #[test]
    fn a_slip_of_the_finger_finds_its_code() {
        assert_eq!(nearest("signature-invald"), Some("signature-invalid"));
        assert_eq!(nearest("subject-missmatch"), Some("subject-mismatch"));
        assert_eq!(nearest("x"), None);
    }
}
