//! What the configuration of an image says of its layers.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::json::{self, JsonError, refuse_others};
use crate::limits::Limits;
use crate::oci::ImageManifest;
use crate::oci::media_type::{DOCKER_CONFIG, OCI_CONFIG};
use crate::store::{Store, StoreError};

/// Compares the number of layers with that of `rootfs.diff_ids`: readers who go by the one must find what those find who go by the
/// other. A configuration without `rootfs` belongs to something that is never unpacked.
pub(super) async fn check<S: Store>(store: &S, image: &ImageManifest, limits: &Limits) -> Result<(), StoreError> {
    if !matches!(image.config.media_type.as_str(), OCI_CONFIG | DOCKER_CONFIG) {
        return Ok(());
    }
    let bytes = store.blob(&image.config, limits.manifest_bytes).await?;
    let refused = |detail: String| StoreError::Protocol {
        place: format!("{}, image configuration {}", store.name(), image.config.digest),
        detail,
    };
    let named = diff_ids(&bytes).map_err(|error| refused(error.to_string()))?;
    match named {
        Some(named) if named != image.layers.len() => Err(refused(format!(
            "names {named} layers (rootfs.diff_ids), but the manifest lists {}: build the image again, and sign it again",
            image.layers.len()
        ))),
        _ => Ok(()),
    }
}

/// How many layers a configuration names, if it says anything about them.
fn diff_ids(bytes: &[u8]) -> Result<Option<usize>, JsonError> {
    type Members<'a> = BTreeMap<String, &'a RawValue>;
    let members: Members<'_> = json::from_slice(bytes)?;
    refuse_others(members.keys().map(String::as_str), &["rootfs"])?;
    let Some(rootfs) = members.get("rootfs") else { return Ok(None) };
    let Some(rootfs) = json::from_slice::<Option<Members<'_>>>(rootfs.get().as_bytes())? else { return Ok(None) };
    refuse_others(rootfs.keys().map(String::as_str), &["diff_ids"])?;
    let Some(named) = rootfs.get("diff_ids") else { return Ok(Some(0)) };
    Ok(Some(json::from_slice::<Option<Vec<String>>>(named.get().as_bytes())?.unwrap_or_default().len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    // threat: R27
    #[test]
    fn layers_are_counted_as_go_reads_them() {
        for (config, expected) in [
            ("{}", Some(None)),
            (r#"{"rootfs":null}"#, Some(None)),
            (r#"{"rootfs":{"type":"layers"}}"#, Some(Some(0))),
            (r#"{"rootfs":{"type":"layers","diff_ids":null}}"#, Some(Some(0))),
            (r#"{"rootfs":{"type":"layers","diff_ids":["a","a"]}}"#, Some(Some(2))),
            (r#"{"rootfs":{"diff_ids":[]},"rootFS":{"diff_ids":["a"]}}"#, None),
            (r#"{"rootfs":{"diff_ids":[],"diff_IDs":["a"]}}"#, None),
            (r#"{"rootfs":{"diff_ids":[],"diff_ids":["a"]}}"#, None),
            (r#"{"rootfs":[]}"#, None),
        ] {
            assert_eq!(diff_ids(config.as_bytes()).ok(), expected, "{config}");
        }
    }
}
