//! Servers for tests: an OCI registry on a free loopback port, whose every answer can be made to fail.
//!
//! [`Registry`] keeps images in memory and speaks the OCI distribution specification 1.1 over HTTP/1.1. Which optional parts it
//! offers is chosen in [`RegistryBuilder`]; single requests are made to fail by pairs of [`Rule`] and [`Action`]; what was asked
//! is read from [`Registry::requests`]. [`RecordingServer`] answers anything and only remembers, to prove that a client stayed away.
//! All servers end with their handle. [`sigstore`] is not a server: it makes keyless signatures, good and bad, in memory.

mod auth;
mod content;
mod digest;
mod fault;
mod fault_catalogue;
pub mod http;
pub mod image;
mod json;
mod recording_server;
mod registry;
mod route;
mod server;
pub mod sigstore;

pub use auth::{Auth, TokenService};
pub use content::{Content, StoredManifest};
pub use digest::{sha256, sha512};
pub use fault::{Action, Change, Rule};
pub use fault_catalogue::{Extent, catalogue};
pub use recording_server::{RecordingServer, refused_address};
pub use registry::{Registry, RegistryBuilder, Switch};
