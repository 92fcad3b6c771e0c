//! OCI vocabulary: references, descriptors, manifests, media types.
//!
//! OCI image specification 1.1 and distribution specification 1.1. Everything here parses untrusted text and bytes; nothing here
//! does I/O.

mod descriptor;
pub(crate) mod host;
mod manifest;
pub mod media_type;
mod reference;
mod reference_error;

pub use descriptor::{Descriptor, Platform, PlatformError};
pub use manifest::{ImageManifest, Index, Manifest, ManifestError};
pub use reference::{ImageReference, Repository, Tag, TagOrDigest};
pub use reference_error::ReferenceError;
