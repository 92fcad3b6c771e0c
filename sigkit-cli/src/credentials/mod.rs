//! Credentials that other programs have stored: docker's `config.json`, podman's `auth.json`, and the helpers these name.
//!
//! Nothing is read before a registry asks for credentials. Places, in order; the first that knows the registry decides:
//! 1. `config.json` in the directory `DOCKER_CONFIG`, or else `$HOME/.docker/config.json`;
//! 2. the file `REGISTRY_AUTH_FILE`, or else `$XDG_RUNTIME_DIR/containers/auth.json` and `$HOME/.config/containers/auth.json`.
//!
//! Within a file: the helper that `credHelpers` names for this registry, then `auths`, then the helper of `credsStore`. Of several
//! entries, one for the repository or what it lies below (`host/namespace`) goes before one for the registry, the closest first.
//! No helper is asked that no file names: there are none for clouds that would be tried by the look of a host.

mod auth_entry;
mod config_file;
mod file_store;
mod helper;
mod server_address;
mod store;
mod stored;

pub(crate) use self::helper::stop_all as stop_helpers;
pub(crate) use self::server_address::registry_of;
pub(crate) use self::store::{CredentialStore, StoredIn};
pub(crate) use self::stored::StoredCredentials;
