//! Verify and sign container images.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::as_conversions,
        clippy::arithmetic_side_effects,
        clippy::disallowed_methods
    )
)]

#[cfg(feature = "oci")]
pub mod attach;
mod backend;
#[cfg(feature = "registry")]
pub mod blocking;
#[cfg(feature = "oci")]
pub mod bundle;
#[cfg(feature = "oci")]
pub mod content;
pub mod crypto;
pub mod digest;
#[cfg(feature = "oci")]
pub mod image;
#[cfg(feature = "oci")]
mod json;
#[cfg(feature = "sign")]
pub mod key;
#[cfg(feature = "oci")]
pub mod limits;
#[cfg(feature = "oci")]
pub mod oci;
#[cfg(feature = "oci")]
pub mod policy;
#[cfg(feature = "oci")]
pub mod reason;
#[cfg(feature = "oci")]
pub mod report;
#[cfg(feature = "oci")]
pub mod store;
#[cfg(feature = "oci")]
pub mod time;
#[cfg(feature = "oci")]
pub mod verify;

#[cfg(feature = "oci")]
pub use json::JsonError;

pub use crypto::PublicKey;
#[cfg(feature = "oci")]
pub use image::verify_image;
#[cfg(feature = "sign")]
pub use image::{Format, Signing, sign_image};
#[cfg(feature = "sign")]
pub use key::KeyPair;
#[cfg(feature = "oci")]
pub use oci::ImageReference;
#[cfg(feature = "oci")]
pub use policy::{KeyAuthority, Policy, Purpose};
#[cfg(feature = "registry")]
pub use store::registry::RegistryClient;
#[cfg(feature = "oci")]
pub use verify::{NotVerified, Verified, Verifier};
