//! The network store: OCI registries, distribution specification 1.1, over HTTP/1.1 and HTTP/2.
//!
//! A [`RegistryClient`] is made once and shares connections, tokens and credentials; a [`RegistryStore`] is one repository.
//! What is kept everywhere: bytes are compared with the digest asked for before anybody sees them; credentials never leave the
//! origin they belong to; every answer is bounded in size and time; "not found" is only what a 404 for that very object says.
//!
//! HTTPS is used for all registries except two kinds. Loopback (127.0.0.0/8, `::1`, `localhost`, `*.localhost`) is used with plain
//! HTTP. Registries for which plain HTTP is allowed, and loopback when TLS options are given, are tried over HTTPS first, and
//! that is remembered for ten minutes; plain HTTP follows only where no TLS connection comes about, never where a certificate is refused.

mod allowed_registries;
mod auth;
mod blob_stream;
mod cache;
mod client;
mod context;
mod endpoint;
mod error_body;
mod login;
mod options;
mod pagination;
mod read;
mod referrers;
mod tags;
mod upload;
mod write;
mod write_outcome;

pub use auth::{CredentialError, CredentialSource, Credentials, NoCredentials, StaticCredentials};
pub use client::{RegistryClient, RegistryStore};
pub use login::LoginOutcome;
pub use options::RegistryOptions;
