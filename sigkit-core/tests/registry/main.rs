//! The registry store against a registry that can be made to fail in every way.
#![cfg(feature = "registry")]

mod auth;
mod limits;
mod read;
mod redirects;
mod referrers;
mod retries;
mod support;
mod sweep;
mod tls;
mod write;
