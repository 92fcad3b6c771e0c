//! Credentials that other programs have stored: docker's `config.json`, podman's `auth.json`, and the helpers these name.
//!
//! Nothing is read before a registry asks for credentials. Places, in order; the first that knows the registry decides:
//! 1. `config.json` in the directory `DOCKER_CONFIG`, or else `$HOME/.docker/config.json`;
//! 2. the file `REGISTRY_AUTH_FILE`, or else `$XDG_RUNTIME_DIR/containers/auth.json` and `$HOME/.config/containers/auth.json`.
//!
//! Within a file: the helper that `credHelpers` names for this registry, then `auths`, then the helper of `credsStore`. Entries of
//! podman for one repository (`host/repository`) are passed over, since credentials are looked up for a registry as a whole.

mod entry;
mod file;
mod helper;
mod server;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sigkit_core::store::registry::{CredentialError, CredentialSource, Credentials};

use self::file::AuthFile;
use self::helper::Helpers;
use self::server::Server;
use crate::context::Environment;
use crate::escape;

/// Looks credentials up where docker and podman keep them.
#[derive(Debug)]
pub(crate) struct StoredCredentials {
    files: Vec<PathBuf>,
    helpers: Helpers,
    origins: Mutex<BTreeMap<String, String>>,
}

/// Credentials and the place they come from, in words.
struct Found {
    credentials: Credentials,
    origin: String,
}

impl StoredCredentials {
    /// The places that `environment` names. Reads no file.
    pub(crate) fn new(environment: &Environment) -> Self {
        Self {
            files: places(environment),
            helpers: Helpers::new(environment.get("PATH").unwrap_or_default()),
            origins: Mutex::default(),
        }
    }

    fn find(&self, server: &Server<'_>) -> Result<Option<Found>, String> {
        for path in &self.files {
            if let Some(found) = self.find_in(path, server)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn find_in(&self, path: &Path, server: &Server<'_>) -> Result<Option<Found>, String> {
        let at = |detail: &dyn fmt::Display| format!("{}: {detail}", path.display());
        let Some(file) = AuthFile::read(path, server).map_err(|error| at(&error))? else { return Ok(None) };
        if let Some(found) = self.ask(file.helper.as_deref(), path, server)? {
            return Ok(Some(found));
        }
        for (key, entry) in file.entries {
            let credentials =
                entry.into_credentials().map_err(|error| at(&format!("auths, entry {key:?}: {error}")))?;
            if let Some(credentials) = credentials {
                return Ok(Some(Found { credentials, origin: path.display().to_string() }));
            }
        }
        self.ask(file.store.as_deref(), path, server)
    }

    fn ask(&self, helper: Option<&str>, path: &Path, server: &Server<'_>) -> Result<Option<Found>, String> {
        let Some(name) = helper.filter(|name| !name.is_empty()) else { return Ok(None) };
        let credentials =
            self.helpers.ask(name, server).map_err(|error| format!("{error} (named in {})", path.display()))?;
        let origin = || format!("docker-credential-{name}, named in {}", path.display());
        Ok(credentials.map(|credentials| Found { credentials, origin: origin() }))
    }
}

impl CredentialSource for StoredCredentials {
    fn credentials(&self, registry: &str) -> Result<Option<Credentials>, CredentialError> {
        let found = self
            .find(&Server::new(registry))
            .map_err(|detail| CredentialError { registry: registry.to_owned(), detail: escape::one_line(&detail) })?;
        Ok(found.map(|found| {
            let mut origins = self.origins.lock().unwrap_or_else(PoisonError::into_inner);
            origins.insert(registry.to_owned(), escape::one_line(&found.origin));
            found.credentials
        }))
    }

    fn origin(&self, registry: &str) -> Option<String> {
        self.origins.lock().unwrap_or_else(PoisonError::into_inner).get(registry).cloned()
    }
}

/// The files to look into, whether they exist or not.
fn places(environment: &Environment) -> Vec<PathBuf> {
    let directory = |name| environment.non_empty(name).map(PathBuf::from);
    let home = directory("HOME");
    let docker = directory("DOCKER_CONFIG").or_else(|| Some(home.as_ref()?.join(".docker")));
    let podman = match directory("REGISTRY_AUTH_FILE") {
        Some(file) => vec![file],
        None => {
            let runtime = directory("XDG_RUNTIME_DIR").map(|runtime| runtime.join("containers/auth.json"));
            runtime.into_iter().chain(home.map(|home| home.join(".config/containers/auth.json"))).collect()
        }
    };
    docker.map(|directory| directory.join("config.json")).into_iter().chain(podman).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_docker_and_podman() {
        for (variables, expected) in [
            (&[][..], &[][..]),
            (&[("HOME", "/h")], &["/h/.docker/config.json", "/h/.config/containers/auth.json"]),
            (
                &[("HOME", "/h"), ("XDG_RUNTIME_DIR", "/run/u")],
                &["/h/.docker/config.json", "/run/u/containers/auth.json", "/h/.config/containers/auth.json"],
            ),
            (
                &[("HOME", "/h"), ("DOCKER_CONFIG", "/d"), ("REGISTRY_AUTH_FILE", "/a.json")],
                &["/d/config.json", "/a.json"],
            ),
            (&[("HOME", ""), ("DOCKER_CONFIG", "")], &[]),
        ] {
            let expected: Vec<PathBuf> = expected.iter().map(PathBuf::from).collect();
            assert_eq!(places(&Environment::of(variables)), expected);
        }
    }

    #[test]
    fn the_first_place_that_knows_the_registry_decides_and_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        std::fs::write(path("config.json"), r#"{"auths":{"a.example":{"auth":"dTpkb2NrZXI="}}}"#).unwrap();
        let podman = r#"{"auths":{"a.example":{"auth":"dTpwb2RtYW4="},"b.example":{"auth":"dTpwb2RtYW4="}}}"#;
        std::fs::write(path("auth.json"), podman).unwrap();
        let (docker, auth) = (directory.path().to_str().unwrap(), path("auth.json"));
        let environment = [("DOCKER_CONFIG", docker), ("REGISTRY_AUTH_FILE", auth.to_str().unwrap())];
        let stored = StoredCredentials::new(&Environment::of(&environment));
        for (registry, password, place) in
            [("a.example", "docker", path("config.json")), ("b.example", "podman", path("auth.json"))]
        {
            let Ok(Some(Credentials::Basic { password: found, .. })) = stored.credentials(registry) else { panic!() };
            assert_eq!(found.expose(), password);
            assert_eq!(stored.origin(registry), Some(place.display().to_string()));
        }
        assert_eq!(stored.credentials("c.example"), Ok(None));
        assert_eq!(stored.origin("c.example"), None);
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said_with_its_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("auth\u{1b}.json");
        std::fs::write(&path, r#"{"auths":{"a.example":{"auth":"%"}}}"#).unwrap();
        let stored = StoredCredentials::new(&Environment::of(&[("REGISTRY_AUTH_FILE", path.to_str().unwrap())]));
        let error = stored.credentials("a.example").unwrap_err();
        assert_eq!(error.registry, "a.example");
        assert!(error.detail.contains("auth\\u{1b}.json: auths, entry \"a.example\": auth is not base64"), "{error}");
        assert_eq!(stored.credentials("b.example"), Ok(None));
    }
}
