//! The list of tags, asked about one of them. OCI distribution specification 1.1, "Listing Tags".

use reqwest::Method;
use serde::Deserialize;

use super::auth::Access;
use super::client::RegistryStore;
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
