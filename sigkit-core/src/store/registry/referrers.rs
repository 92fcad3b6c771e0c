use std::collections::HashSet;

use reqwest::header::{ACCEPT, HeaderValue, LINK};
use reqwest::{Method, Url};
use serde::{Deserialize, Deserializer};

use super::reply::{Body, Reply, Source};
use super::token::Access;
use super::transport::{Call, Repeat};
use super::{RegistryStore, link};
use crate::digest::Digest;
use crate::json;
use crate::limits::MANIFEST_VALUES;
use crate::oci::{Descriptor, media_type};
use crate::store::{Referrers, StoreError};

impl RegistryStore {
    /// All pages of the referrers API.
    pub(super) async fn list_referrers(&self, subject: &Digest) -> Result<Referrers, StoreError> {
        let limits = &self.transport().options.limits;
        let mut url = self.url(&format!("referrers/{subject}")).await?;
        let mut seen: HashSet<Url> = HashSet::new();
        let mut listed: Vec<Descriptor> = Vec::new();
        let (mut bytes, mut annotations) = (0_u64, 0_usize);
        loop {
            let mut call = Call::new(Method::GET, url.clone());
            call.limit = limits.manifest_bytes;
            call.headers.insert(ACCEPT, HeaderValue::from_static(media_type::OCI_INDEX));
            let reply = self.exchange(&call, Access::Pull, Repeat::Safe).await?;
            if reply.status.as_u16() != 200 {
                // Having answered once, the API exists; the rest of the list is missing, not absent.
                return if seen.is_empty() {
                    no_list(&reply)
                } else {
                    Err(reply.any_error("a page of referrers (200)"))
                };
            }
            bytes = bytes.saturating_add(u64::try_from(reply.body().len()).unwrap_or(u64::MAX));
            if bytes > limits.referrers_bytes {
                let limit = format!("{} bytes for all pages of referrers", limits.referrers_bytes);
                return Err(StoreError::TooLarge { place: reply.place, limit });
            }
            let page = page(&reply)?;
            annotations = page.iter().fold(annotations, |sum, entry| sum.saturating_add(entry.annotations.len()));
            if annotations > MANIFEST_VALUES {
                let limit = format!("{MANIFEST_VALUES} annotations of referrers");
                return Err(StoreError::TooLarge { place: reply.place, limit });
            }
            listed.extend(page);
            if listed.len() > limits.referrers {
                let limit = format!("{} referrers", limits.referrers);
                return Err(StoreError::TooLarge { place: reply.place, limit });
            }
            seen.insert(url.clone());
            let Some(next) = next_page(&reply, &url)? else { return Ok(Referrers::Listed(listed)) };
            if seen.len() >= limits.referrer_pages {
                let limit = format!("{} pages of referrers", limits.referrer_pages);
                return Err(StoreError::TooLarge { place: reply.place, limit });
            }
            if seen.contains(&next) {
                let detail = "expected a further page of referrers, found a link to one that was read".to_owned();
                return Err(StoreError::Protocol { place: reply.place, detail });
            }
            url = next;
        }
    }
}

/// Whether a refusal means that there is no referrers API. Anything that speaks of permission, load or failure does not.
fn no_list(reply: &Reply) -> Result<Referrers, StoreError> {
    let other_reason = ["UNAUTHORIZED", "DENIED", "TOOMANYREQUESTS", "UNAVAILABLE", "UNKNOWN_ERROR"];
    match reply.status.as_u16() {
        400 | 404 | 405 | 406 | 501 if reply.source == Source::Object && !reply.has_code(&other_reason) => {
            Ok(Referrers::Unsupported)
        }
        _ => Err(reply.any_error("a list of referrers (200), or 404 where there is no such API")),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    schema_version: u64,
    #[serde(default)]
    media_type: Option<String>,
    #[serde(deserialize_with = "list_or_null")]
    manifests: Vec<Descriptor>,
}

/// Some registries write the empty list as `null`; a missing one is no list.
fn list_or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Descriptor>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn page(reply: &Reply) -> Result<Vec<Descriptor>, StoreError> {
    let protocol = |found: String| {
        let detail = format!("expected an OCI index of referrers, found {found}");
        StoreError::Protocol { place: reply.place.clone(), detail }
    };
    let Body::Whole(body) = &reply.body else {
        let limit = "the bytes of a manifest, for one page of referrers".to_owned();
        return Err(StoreError::TooLarge { place: reply.place.clone(), limit });
    };
    let kind = reply.content_type().unwrap_or_default();
    if !matches!(
        kind.as_str(),
        media_type::OCI_INDEX | "application/json" | "application/octet-stream" | "text/plain" | ""
    ) {
        return Err(protocol(format!("a document of type {:?}", super::text::printable(&kind, 100))));
    }
    let page: Page = json::from_slice_within(body, MANIFEST_VALUES).map_err(|error| match error.exceeds() {
        Some(limit) => {
            StoreError::TooLarge { place: reply.place.clone(), limit: format!("{limit} values in one page") }
        }
        None => protocol(format!("another document ({error})")),
    })?;
    if page.schema_version != 2 || page.media_type.as_deref().is_some_and(|found| found != media_type::OCI_INDEX) {
        return Err(protocol(format!(
            "schema version {}, media type {:?}",
            page.schema_version,
            super::text::printable(page.media_type.as_deref().unwrap_or("none"), 100)
        )));
    }
    Ok(page.manifests)
}

/// The next page, on the same origin.
fn next_page(reply: &Reply, current: &Url) -> Result<Option<Url>, StoreError> {
    let target = reply.headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok()).find_map(link::next);
    let Some(target) = target else { return Ok(None) };
    match current.join(target) {
        Ok(next) if next.origin() == current.origin() && next.username().is_empty() => Ok(Some(next)),
        _ => Err(StoreError::Protocol {
            place: reply.place.clone(),
            detail: format!(
                "expected the next page of referrers on the same registry, found {}",
                super::text::printable(target.split('?').next().unwrap_or_default(), 200)
            ),
        }),
    }
}
