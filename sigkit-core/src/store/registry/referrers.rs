use std::collections::HashSet;

use reqwest::header::{ACCEPT, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::auth::Access;
use super::client::RegistryStore;
use super::error_body::RegistryResponse;
use super::pagination::next_page;
use crate::digest::Digest;
use crate::http::sanitize::printable;
use crate::http::{Body, Idempotency, Request, Source};
use crate::json;
use crate::limits::MANIFEST_VALUES;
use crate::oci::{Descriptor, media_type};
use crate::store::{Referrers, StoreError};

/// Says that a registry filtered the list by a query; sigkit sends none. Distribution specification 1.1.
const FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");

impl RegistryStore {
    /// All pages of the referrers API.
    pub(super) async fn all_referrers(&self, subject: &Digest) -> Result<Referrers, StoreError> {
        let (mut listed, mut trouble) = (Vec::new(), None);
        let mut each = |entry| match entry {
            Ok(entry) => listed.push(entry),
            Err(error) => {
                trouble.get_or_insert(error);
            }
        };
        let kept = self.pages(subject, &mut each).await?;
        match trouble {
            Some(error) => Err(error),
            None if kept == ListKept::Yes => Ok(Referrers::Listed(listed)),
            None => Ok(Referrers::Unsupported),
        }
    }

    /// Reads page by page. An error in an entry is passed on and keeps the others; an error of a page ends the list.
    pub(super) async fn pages(
        &self,
        subject: &Digest,
        each: &mut (dyn FnMut(Result<Descriptor, StoreError>) + Send),
    ) -> Result<ListKept, StoreError> {
        let limits = &self.context().limits;
        let mut url = self.url(&format!("referrers/{subject}")).await?;
        let mut seen: HashSet<Url> = HashSet::new();
        let (mut bytes, mut annotations, mut listed) = (0_u64, 0_usize, 0_usize);
        loop {
            let mut call = Request::new(Method::GET, url.clone());
            call.limit = limits.manifest_bytes;
            call.headers.insert(ACCEPT, HeaderValue::from_static(media_type::OCI_INDEX));
            let reply = self.send(&call, Access::Pull, Idempotency::Safe).await?;
            if reply.status.as_u16() != 200 {
                // Having answered once, the API exists; the rest of the list is missing, not absent.
                return if seen.is_empty() {
                    no_list(&reply).map(|()| ListKept::No)
                } else {
                    Err(reply.any_error("a page of referrers (200)"))
                };
            }
            let too_large = |limit: String| StoreError::TooLarge { place: reply.place.clone(), limit };
            bytes = bytes.saturating_add(u64::try_from(reply.body().len()).unwrap_or(u64::MAX));
            if bytes > limits.referrers_bytes {
                return Err(too_large(format!("{} bytes for all pages of referrers", limits.referrers_bytes)));
            }
            if reply.headers.contains_key(FILTERS_APPLIED) {
                let detail =
                    "expected all referrers, found a list from which the registry left some out (OCI-Filters-Applied)";
                each(Err(StoreError::Protocol { place: reply.place.clone(), detail: detail.to_owned() }));
            }
            for entry in page(&reply)? {
                listed = listed.saturating_add(1);
                if listed > limits.referrers {
                    return Err(too_large(format!("{} referrers", limits.referrers)));
                }
                let entry: Descriptor = match json::from_slice(entry.get().as_bytes()) {
                    Ok(entry) => entry,
                    Err(error) => {
                        each(Err(protocol(&reply, format!("an entry that is not a descriptor ({error})"))));
                        continue;
                    }
                };
                annotations = annotations.saturating_add(entry.annotations.len());
                if annotations > MANIFEST_VALUES {
                    return Err(too_large(format!("{MANIFEST_VALUES} annotations of referrers")));
                }
                each(Ok(entry));
            }
            seen.insert(url.clone());
            let Some(next) = next_page(&reply, &url, "referrers")? else { return Ok(ListKept::Yes) };
            if seen.len() >= limits.referrer_pages {
                return Err(too_large(format!("{} pages of referrers", limits.referrer_pages)));
            }
            if seen.contains(&next) {
                let detail = "expected a further page of referrers, found a link to one that was read".to_owned();
                return Err(StoreError::Protocol { place: reply.response.place, detail });
            }
            url = next;
        }
    }
}

/// Whether a registry keeps lists of referrers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListKept {
    Yes,
    No,
}

/// Whether a refusal means that there is no referrers API. Anything that speaks of permission, load or failure does not.
fn no_list(reply: &RegistryResponse) -> Result<(), StoreError> {
    let other_reason = ["UNAUTHORIZED", "DENIED", "TOOMANYREQUESTS", "UNAVAILABLE", "UNKNOWN_ERROR"];
    match reply.status.as_u16() {
        400 | 404 | 405 | 406 | 501 if reply.source == Source::Object && !reply.has_code(&other_reason) => Ok(()),
        _ => Err(reply.any_error("a list of referrers (200), or 404 where there is no such API")),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page<'a> {
    schema_version: u64,
    #[serde(default)]
    media_type: Option<String>,
    #[serde(borrow, deserialize_with = "list_or_null")]
    manifests: Vec<&'a RawValue>,
}

/// Some registries write the empty list as `null`; a missing member is an error.
fn list_or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<&'de RawValue>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// The entries of one page, each to be read by itself: one that cannot be read hides no other.
fn page(reply: &RegistryResponse) -> Result<Vec<&RawValue>, StoreError> {
    let Body::Whole(body) = &reply.body else {
        let limit = "the bytes of a manifest, for one page of referrers".to_owned();
        return Err(StoreError::TooLarge { place: reply.place.clone(), limit });
    };
    let kind = reply.content_type().unwrap_or_default();
    if !matches!(
        kind.as_str(),
        media_type::OCI_INDEX | "application/json" | "application/octet-stream" | "text/plain" | ""
    ) {
        return Err(protocol(reply, format!("a document of type {:?}", printable(&kind, 100))));
    }
    let page: Page<'_> = json::from_slice_within(body, MANIFEST_VALUES).map_err(|error| match error.exceeds() {
        Some(limit) => {
            StoreError::TooLarge { place: reply.place.clone(), limit: format!("{limit} values in one page") }
        }
        None => protocol(reply, format!("another document ({error})")),
    })?;
    if page.schema_version != 2 || page.media_type.as_deref().is_some_and(|found| found != media_type::OCI_INDEX) {
        let kind = printable(page.media_type.as_deref().unwrap_or("none"), 100);
        return Err(protocol(reply, format!("schema version {}, media type {kind:?}", page.schema_version)));
    }
    Ok(page.manifests)
}

fn protocol(reply: &RegistryResponse, found: String) -> StoreError {
    let detail = format!("expected an OCI index of referrers, found {found}");
    StoreError::Protocol { place: reply.place.clone(), detail }
}
