//! Policies in files decide as they read: which images, which signers, which statements, and what these must say.
#![cfg(all(feature = "policy-files", feature = "sign"))]
#![allow(clippy::disallowed_methods, reason = "fixtures are files")]

mod cluster_image_policy;
mod containers;
mod file;
mod image_policy;
mod keyless;
mod lab;
mod names;
#[cfg(feature = "rego")]
mod rego;
mod scans;
#[path = "../support/mod.rs"]
mod support;
mod vex;
