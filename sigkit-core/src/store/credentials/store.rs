use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::http::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::fs::{FlockOperation, flock};
use zeroize::Zeroizing;

use super::config_file::Document;
use super::file_store::{AuthFile, AuthFileError, read_file};
use super::files::CredentialFiles;
use super::helper::{HelperError, Helpers};
use super::server_address::RegistryKey;
use crate::store::atomic_file::{AtomicFile, Like, open_directory};

/// Docker's `config.json` and the helpers that it names, as a place to store credentials in, as `docker login` does.
///
/// All of its functions read and write files, and may run a helper program: they block.
#[derive(Debug)]
pub struct CredentialStore {
    path: PathBuf,
    podman: Vec<PathBuf>,
    helpers: Helpers,
}

/// Where credentials are kept now.
#[derive(Debug, PartialEq, Eq)]
pub enum StoredIn {
    /// In this file, as they are.
    File(PathBuf),
    /// By this helper.
    Helper(String),
}

/// Why credentials were not kept, or not forgotten.
#[derive(Debug, thiserror::Error)]
pub enum CredentialStoreError {
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
    #[error("cannot write {}: {error}; nothing was changed", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The operating system's words.
        error: io::Error,
    },
}

impl CredentialStore {
    /// Returns the store in docker's file. Reads nothing.
    ///
    /// # Errors
    /// [`CredentialStoreError::NoPlace`] when there is no such file among `files`.
    pub fn new(files: CredentialFiles) -> Result<Self, CredentialStoreError> {
        let path = files.docker.ok_or(CredentialStoreError::NoPlace)?;
        Ok(Self { path, podman: files.podman, helpers: Helpers::new(files.search_path) })
    }

    /// Stores an account of `registry`, replacing any other: with the configured helper, else in the file.
    ///
    /// # Errors
    /// [`CredentialStoreError`].
    pub fn store(&self, registry: &str, username: &str, password: &Secret) -> Result<StoredIn, CredentialStoreError> {
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
    pub fn erase(&self, registry: &str) -> Result<Vec<String>, CredentialStoreError> {
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
    pub fn also_known_in(&self, registry: &str) -> Vec<PathBuf> {
        let knows = |path: &Path| {
            let file = AuthFile::read(path, &RegistryKey::new(registry)).ok().flatten();
            file.is_some_and(|file| !file.entries.is_empty() || file.helper.is_some())
        };
        self.podman.iter().filter(|path| knows(path)).cloned().collect()
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
            self.replace(&after).map_err(|error| CredentialStoreError::Write { path: self.path.clone(), error })?;
        }
        Ok(())
    }

    /// Replaces the file in one step; a link to it stays one, and a file that is there keeps its permissions.
    fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        let place = match self.path.canonicalize() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.path.clone(),
            found => found?,
        };
        let folder = open_directory(place.parent().unwrap_or(Path::new("/")))?;
        let name = place.file_name().unwrap_or_default();
        let replaced = match File::open(&place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            opened => Some(opened?),
        };
        let like = replaced.as_ref().map_or(Like::Own, Like::Replaced);
        AtomicFile::create_private(folder.try_clone()?)?.write(folder, name, bytes, like)
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
    use super::super::files::tests::files;
    use super::super::server_address::registry_of;
    use super::*;

    #[test]
    fn docker_hub_is_kept_under_the_name_that_docker_looks_for() {
        for spelling in ["docker.io", "index.docker.io", "https://index.docker.io/v1/", "registry-1.docker.io"] {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("config.json");
            std::fs::write(&path, r#"{"auths":{"docker.io":{"auth":"b2xk"},"https://index.docker.io":{}}}"#).unwrap();
            let store = CredentialStore::new(files(&[("DOCKER_CONFIG", directory.path().to_str().unwrap())])).unwrap();
            let kept = store.store(&registry_of(spelling).unwrap(), "u", &Secret::new("p")).unwrap();
            assert_eq!(kept, StoredIn::File(path.clone()));
            let json: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            assert_eq!(json, serde_json::json!({"auths": {"https://index.docker.io/v1/": {"auth": "dTpw"}}}));
        }
    }

    // threat: G05
    #[test]
    fn file_is_for_its_owner_alone_and_keeps_permissions_and_link() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.json");
        let store = || {
            let store = CredentialStore::new(files(&[("DOCKER_CONFIG", directory.path().to_str().unwrap())])).unwrap();
            store.store("r.example", "u", &Secret::new("p")).unwrap();
            path.metadata().unwrap().permissions().mode() & 0o777
        };
        assert_eq!(store(), 0o600);
        let real = directory.path().join("real.json");
        std::fs::write(&real, "{}").unwrap();
        std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("real.json", &path).unwrap();
        assert_eq!(store(), 0o640);
        assert!(path.is_symlink() && std::fs::read_to_string(&real).unwrap().contains("r.example"));
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
