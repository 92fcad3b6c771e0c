//! The list of tags, whole or asked about one of them. OCI distribution specification 1.1, "Listing Tags".

use std::collections::{BTreeSet, HashSet};

use reqwest::Method;
use serde::Deserialize;

use super::auth::Access;
use super::client::RegistryStore;
use super::pagination::next_page;
use crate::http::{Idempotency, Request};
use crate::json;
use crate::limits::MANIFEST_VALUES;
use crate::oci::Tag;
use crate::store::{StoreError, TagListed};

/// Tags asked for. The list is in lexical order and is read from right before the tag, which is then among the first; a registry
/// that does not know how to do that sends the whole list or another part of it.
const TAGS: usize = 20;

#[derive(Deserialize)]
struct Tags {
    #[serde(default)]
    tags: Option<Vec<String>>,
}

/// Whether the registry lists the tag.
pub(super) async fn listed(store: &RegistryStore, tag: &Tag) -> Result<TagListed, StoreError> {
    let name = tag.to_string();
    let before: String = name.chars().take(name.len().saturating_sub(1)).collect();
    let mut call = Request::new(Method::GET, store.url(&format!("tags/list?n={TAGS}&last={before}")).await?);
    call.limit = store.context().limits.manifest_bytes;
    let reply = store.send(&call, Access::Pull, Idempotency::Safe).await?;
    if reply.status.as_u16() != 200 {
        return Ok(TagListed::NotStated);
    }
    let list: Option<Tags> = json::from_slice_within(reply.body(), MANIFEST_VALUES).ok();
    let among = list.and_then(|list| list.tags).is_some_and(|tags| tags.contains(&name));
    Ok(if among { TagListed::Yes } else { TagListed::NotStated })
}

/// Every tag, over all pages.
pub(super) async fn list(store: &RegistryStore) -> Result<Vec<Tag>, StoreError> {
    let limits = &store.context().limits;
    let mut url = store.url("tags/list").await?;
    let (mut tags, mut seen) = (BTreeSet::new(), HashSet::new());
    loop {
        let mut request = Request::new(Method::GET, url.clone());
        request.limit = limits.manifest_bytes;
        let reply = store.send(&request, Access::Pull, Idempotency::Safe).await?;
        if reply.status.as_u16() != 200 {
            return Err(reply.read_error("a list of tags (200)"));
        }
        let place = reply.place.clone();
        let protocol = |detail: String| StoreError::Protocol { place: place.clone(), detail };
        let page: Tags = json::from_slice_within(reply.body(), limits.tags)
            .map_err(|error| protocol(format!("expected a list of tags: {error}")))?;
        tags.extend(page.tags.unwrap_or_default().iter().filter_map(|tag| tag.parse::<Tag>().ok()));
        if tags.len() > limits.tags || seen.len() > limits.tags {
            return Err(StoreError::TooLarge { place, limit: format!("{} tags", limits.tags) });
        }
        let Some(next) = next_page(&reply, &url, "tags")? else { return Ok(tags.into_iter().collect()) };
        if !seen.insert(next.clone()) {
            return Err(protocol("expected a further page of tags, found a link to one that was read".to_owned()));
        }
        url = next;
    }
}
