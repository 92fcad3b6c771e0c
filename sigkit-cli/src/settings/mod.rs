//! What arguments, environment and files together ask for: policy, keys, stores, registry client.

pub(crate) mod credentials;
mod detached;
pub(crate) mod keys;
pub(crate) mod policy;
pub(crate) mod policy_files;
pub(crate) mod registry;
mod signer;
pub(crate) mod signing_services;
pub(crate) mod target;
pub(crate) mod trusted_root;
mod variables;
