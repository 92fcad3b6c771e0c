//! Credentials that other programs have stored: docker's `config.json`, podman's `auth.json`, and the helpers these name.
//!
//! Nothing is read before a registry asks for credentials. Places, in order; the first that knows the registry decides:
//! 1. `config.json` in the directory `DOCKER_CONFIG`, or else `$HOME/.docker/config.json`;
//! 2. the file `REGISTRY_AUTH_FILE`, or else `$XDG_RUNTIME_DIR/containers/auth.json` and `$HOME/.config/containers/auth.json`.
//!
//! Within a file: the helper that `credHelpers` names for this registry, then `auths`, then the helper of `credsStore`. Of several
//! entries, one for the repository or what it lies below (`host/namespace`) goes before one for the registry, the closest first.
//! A helper that no file names is not called: clouds are not guessed from the host.

#![allow(clippy::disallowed_methods, reason = "files are read here, and helpers end in time")]

mod auth_entry;
mod bounded;
mod config_file;
mod docker;
mod file_store;
mod files;
mod helper;
mod server_address;
mod store;

pub use self::docker::DockerCredentials;
pub use self::file_store::AuthFileError;
pub use self::files::CredentialFiles;
pub use self::helper::{HelperError, stop_helpers};
pub use self::server_address::registry_of;
pub use self::store::{CredentialStore, CredentialStoreError, StoredIn};
