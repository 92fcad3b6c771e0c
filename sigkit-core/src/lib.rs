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

mod backend;
pub mod crypto;
pub mod digest;
#[cfg(feature = "oci")]
mod json;
#[cfg(feature = "sign")]
pub mod key;
#[cfg(feature = "oci")]
pub mod limits;
#[cfg(feature = "oci")]
pub mod oci;
#[cfg(feature = "oci")]
pub mod store;
