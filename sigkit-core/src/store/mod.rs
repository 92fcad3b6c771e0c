//! Where bytes live, in OCI terms.
//!
//! A [`Store`] is one repository. It answers in descriptors and in bytes that are compared with the descriptor asked for; it says "not
//! there" only when the registry, layout or archive itself says so, and every other problem is a [`StoreError`] that callers must not take
//! for absence. Blobs are streams, both ways ([`BlobStream`], [`BlobSource`]): what is copied never has to fit into memory.
//!
//! [`StoreWrite`] stores and deletes. [`TagWriter`] is what several writers of one tag need beyond that; only [`crate::attach`] asks for
//! it. [`DynStore`] is any of them, chosen at run time.

#[cfg(all(unix, feature = "layout"))]
mod archive;
#[cfg(all(unix, any(feature = "layout", feature = "registry")))]
#[cfg_attr(not(feature = "layout"), allow(dead_code, reason = "credentials are replaced, and need no more"))]
mod atomic_file;
mod blob;
mod blob_source;
#[cfg(all(unix, feature = "registry"))]
pub mod credentials;
mod dynamic;
mod error;
#[cfg(all(unix, feature = "layout"))]
mod layout;
mod manifest;
mod memory;
#[cfg(feature = "oci-client")]
pub mod oci_client;
mod read;
#[cfg(feature = "registry")]
pub mod registry;
mod verified;
mod write;

#[cfg(all(unix, feature = "layout"))]
pub use archive::{ArchiveStore, DockerArchiveStore};
pub use blob::BlobStream;
pub use blob_source::BlobSource;
pub use dynamic::{DynStore, ReadOnly};
pub use error::StoreError;
#[cfg(all(unix, feature = "layout"))]
pub use layout::LayoutStore;
pub use manifest::FetchedManifest;
pub use memory::MemoryStore;
pub use read::{Asked, Referrers, Store};
pub use write::{Completed, Mounted, Precondition, StoreWrite, SubjectIndexed, TagListed, TagWriter, WriteConsistency};
