use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::fs::{FlockOperation, flock};
use sigkit_core::http::Secret;
use zeroize::Zeroizing;

use super::config_file::Document;
use super::file_store::{AuthFile, AuthFileError, read_file};
use super::helper::{HelperError, Helpers};
use super::server_address::RegistryKey;
use super::stored::places;
use crate::context::Context;
use crate::files::{Access, FileError};

/// Docker's `config.json` and the helpers that it names, as a place to keep credentials in.
#[derive(Debug)]
pub(crate) struct CredentialStore<'a> {
    context: &'a Context,
    path: PathBuf,
    helpers: Helpers,
}

/// Where credentials are kept now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum StoredIn {
    /// In this file, as they are.
    File(PathBuf),
    /// By this helper.
    Helper(String),
}

/// Why credentials were not kept, or not forgotten.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CredentialStoreError {
    /// Neither variable is set.
    #[error("cannot store credentials: set DOCKER_CONFIG or HOME")]
    NoPlace,
    /// The file is not as it should be, and is left as it is.
    #[error("{}: {error}; nothing was changed", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: AuthFileError,
    },
    /// The helper failed.
    #[error("{error} (named in {})", path.display())]
    Helper {
        /// The file that names it.
        path: PathBuf,
        /// What went wrong.
        error: HelperError,
    },
    /// The directory could not be made or locked.
    #[error("{}: {error}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The operating system's words.
        error: io::Error,
    },
    /// The file could not be written.
    #[error(transparent)]
    Write(#[from] FileError),
}

impl<'a> CredentialStore<'a> {
    /// The file that the environment names. Reads nothing.
    ///
    /// # Errors
    /// [`CredentialStoreError::NoPlace`].
    pub(crate) fn new(context: &'a Context) -> Result<Self, CredentialStoreError> {
        let path = places(&context.environment).docker.ok_or(CredentialStoreError::NoPlace)?;
        let helpers = Helpers::new(context.environment.get("PATH").unwrap_or_default());
        Ok(Self { context, path, helpers })
    }

    /// Stores an account of `registry`, replacing any other: with the configured helper, else in the file.
    ///
    /// # Errors
    /// [`CredentialStoreError`].
    pub(crate) fn keep(
        &self,
        registry: &str,
        username: &str,
        password: &Secret,
    ) -> Result<StoredIn, CredentialStoreError> {
        let server = RegistryKey::new(registry);
        let helper = self.helper(&server)?;
        if let Some(name) = &helper {
            self.helpers.store(name, &server, username, password).map_err(|error| self.of_helper(error))?;
        }
        self.edit(&server, |auths| {
            // Another spelling of the registry's name could be found first.
            let url = server.url().unwrap_or(registry);
            auths.retain(|key| key == url || !server.is_named(key));
            // Of what a helper keeps, the file holds the name alone, as docker leaves it.
            auths.put(url, if helper.is_some() { Document::default() } else { entry(username, password) });
        })?;
        Ok(match helper {
            Some(name) => StoredIn::Helper(format!("docker-credential-{name}, named in {}", self.path.display())),
            None => StoredIn::File(self.path.clone()),
        })
    }

    /// Forgets the account of `registry`, with the helper in charge and in the file; says where something was forgotten.
    ///
    /// # Errors
    /// [`CredentialStoreError`].
    pub(crate) fn forget(&self, registry: &str) -> Result<Vec<String>, CredentialStoreError> {
        let server = RegistryKey::new(registry);
        let mut forgotten = Vec::new();
        if let Some(name) = self.helper(&server)? {
            self.helpers.erase(&name, &server).map_err(|error| self.of_helper(error))?;
            forgotten.push(format!("docker-credential-{name}"));
        }
        let mut removed = 0;
        self.edit(&server, |auths| removed = auths.retain(|key| !server.is_named(key)))?;
        if removed > 0 {
            forgotten.push(self.path.display().to_string());
        }
        Ok(forgotten)
    }

    /// Files of others that know `registry` too.
    pub(crate) fn also_known_in(&self, registry: &str) -> Vec<PathBuf> {
        let knows = |path: &PathBuf| {
            let file = AuthFile::read(path, &RegistryKey::new(registry)).ok().flatten();
            file.is_some_and(|file| !file.entries.is_empty() || file.helper.is_some())
        };
        places(&self.context.environment).podman.into_iter().filter(knows).collect()
    }

    fn helper(&self, server: &RegistryKey<'_>) -> Result<Option<String>, CredentialStoreError> {
        let file = AuthFile::read(&self.path, server).map_err(|error| self.of_file(error))?.unwrap_or_default();
        Ok(file.helper.or(file.store).filter(|name| !name.is_empty()))
    }

    /// Changes `auths` and nothing else of the file, in one step; no other sigkit changes it meanwhile.
    fn edit(&self, server: &RegistryKey<'_>, change: impl FnOnce(&mut Document)) -> Result<(), CredentialStoreError> {
        let _lock = self.lock()?;
        let before = read_file(&self.path).map_err(|error| self.of_file(error))?;
        let before = before.unwrap_or_default();
        // What the readers of this file refuse is not written to either.
        AuthFile::parse(&before, server).map_err(|error| self.of_file(error))?;
        let mut document = Document::parse(&before).map_err(|error| self.of_file(error))?;
        change(document.object("auths").map_err(|error| self.of_file(error))?);
        let after = document.to_bytes().map_err(|error| self.of_file(AuthFileError::Io(error.into())))?;
        if *after != *before {
            self.context.files.write("docker configuration", &self.path, &after, Access::Owner)?;
        }
        Ok(())
    }

    /// Makes the directory, for its owner alone, and locks it until the guard is dropped.
    fn lock(&self) -> Result<File, CredentialStoreError> {
        let directory = self.path.parent().unwrap_or(Path::new("/"));
        let refused = |error| CredentialStoreError::Directory { path: directory.to_owned(), error };
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(refused)?;
        let opened = File::open(directory).map_err(refused)?;
        // A file system without locks has fewer writers, too.
        flock(&opened, FlockOperation::LockExclusive).unwrap_or_default();
        Ok(opened)
    }

    fn of_file(&self, error: AuthFileError) -> CredentialStoreError {
        CredentialStoreError::File { path: self.path.clone(), error }
    }

    fn of_helper(&self, error: HelperError) -> CredentialStoreError {
        CredentialStoreError::Helper { path: self.path.clone(), error }
    }
}

/// An entry of `auths`: RFC 7617's user-pass, which is not encrypted.
fn entry(username: &str, password: &Secret) -> Document {
    let pair = Zeroizing::new(format!("{username}:{}", password.expose()));
    Document::of("auth", Zeroizing::new(STANDARD.encode(pair.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::registry_of;
    use crate::environment::Environment;
    use crate::terminal::signals::Signals;

    #[test]
    fn docker_hub_is_kept_under_the_name_that_docker_looks_for() {
        for spelling in ["docker.io", "index.docker.io", "https://index.docker.io/v1/", "registry-1.docker.io"] {
            let directory = tempfile::tempdir().unwrap();
            let environment = Environment::of(&[("DOCKER_CONFIG", directory.path().to_str().unwrap())]);
            let context = Context::new(environment, Signals::default());
            let path = directory.path().join("config.json");
            std::fs::write(&path, r#"{"auths":{"docker.io":{"auth":"b2xk"},"https://index.docker.io":{}}}"#).unwrap();
            let store = CredentialStore::new(&context).unwrap();
            let kept = store.keep(&registry_of(spelling).unwrap(), "u", &Secret::new("p")).unwrap();
            assert_eq!(kept, StoredIn::File(path.clone()));
            let json: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            assert_eq!(json, serde_json::json!({"auths": {"https://index.docker.io/v1/": {"auth": "dTpw"}}}));
        }
    }

    #[test]
    fn a_path_names_no_registry() {
        assert_eq!(registry_of("https://r.example:5000/v2/").as_deref(), Some("r.example:5000"));
        assert_eq!(registry_of("https://R.example:0443/").as_deref(), Some("r.example"));
        for text in ["r.example/team", "https://r.example/team", "docker.io/library"] {
            assert_eq!(registry_of(text), None, "{text}");
        }
    }
}
