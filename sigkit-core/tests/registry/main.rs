//! The registry store against a registry that can be made to fail in every way.
#![cfg(feature = "registry")]
// Tests measure how long they were made to wait.
#![allow(clippy::disallowed_methods)]

mod auth;
mod limits;
mod peers;
mod read;
mod redirects;
mod referrers;
mod retries;
mod support;
mod sweep;
mod tls;
mod truncated;
mod write;
