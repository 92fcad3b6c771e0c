//! Credentials looked up where docker and podman store them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::file_store::AuthFile;
use super::files::CredentialFiles;
use super::helper::Helpers;
use super::server_address::RegistryKey;
use crate::http::BoundedMap;
use crate::oci::Repository;
use crate::store::registry::{CredentialError, CredentialSource, Credentials};

/// The credentials that docker and podman have stored: those of `docker login`, of `podman login`, and of the helpers that their files
/// name.
///
/// Reads nothing before a registry asks for credentials. Looking them up reads files and may run a helper program, which blocks for up
/// to ten seconds; [`RegistryClient`](crate::RegistryClient) looks them up outside of the threads of its executor. What a helper says is
/// remembered for ten minutes; that it failed is not.
pub struct DockerCredentials {
    files: Vec<PathBuf>,
    helpers: Helpers,
    /// What helpers have said, by their name and the registry: a helper may prompt, and is not to do so for every repository.
    answers: BoundedMap<(String, String), Arc<Answer>>,
    origins: BoundedMap<Repository, String>,
}

/// Registries and repositories that are remembered.
const MAX_REMEMBERED: usize = 1024;
/// How long they are; tokens of clouds hold longer.
const LIFETIME: Duration = Duration::from_secs(600);

/// What a helper says about a registry. Those that wait while it runs get the same answer; a failure is for them alone.
#[derive(Default)]
struct Answer {
    /// How often the helper has answered.
    given: AtomicU64,
    last: Mutex<Option<Result<Option<Credentials>, String>>>,
}

impl Answer {
    fn get(&self, ask: impl FnOnce() -> Result<Option<Credentials>, String>) -> Result<Option<Credentials>, String> {
        let before = self.given.load(Ordering::Acquire);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.given.load(Ordering::Acquire) > before;
        match &*last {
            Some(answer) if waited || answer.is_ok() => answer.clone(),
            _ => {
                let answer = last.insert(ask()).clone();
                self.given.fetch_add(1, Ordering::Release);
                answer
            }
        }
    }
}

/// Credentials and the place they come from, in words.
struct Found {
    credentials: Credentials,
    origin: String,
}

impl fmt::Debug for DockerCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DockerCredentials").field("files", &self.files).finish_non_exhaustive()
    }
}

impl DockerCredentials {
    /// The credentials in these files.
    pub fn new(files: CredentialFiles) -> Self {
        Self {
            helpers: Helpers::new(files.search_path.clone()),
            files: files.all(),
            answers: BoundedMap::new(MAX_REMEMBERED, LIFETIME),
            origins: BoundedMap::new(MAX_REMEMBERED, LIFETIME),
        }
    }

    /// The credentials in the files that the variables of this process name, as [`CredentialFiles::from_variables`] reads them.
    pub fn from_environment() -> Self {
        Self::new(CredentialFiles::from_environment())
    }

    fn find(&self, server: &RegistryKey<'_>) -> Result<Option<Found>, String> {
        for path in &self.files {
            if let Some(found) = self.find_in(path, server)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn find_in(&self, path: &Path, server: &RegistryKey<'_>) -> Result<Option<Found>, String> {
        let at = |detail: &dyn fmt::Display| format!("{}: {detail}", path.display());
        let Some(file) = AuthFile::read(path, server).map_err(|error| at(&error))? else { return Ok(None) };
        if let Some(found) = self.ask(file.helper.as_deref(), path, server)? {
            return Ok(Some(found));
        }
        let store = file.store.clone();
        for (key, entry) in file.closest_first(server) {
            let credentials =
                entry.into_credentials().map_err(|error| at(&format!("auths, entry {key:?}: {error}")))?;
            if let Some(credentials) = credentials {
                return Ok(Some(Found { credentials, origin: path.display().to_string() }));
            }
        }
        self.ask(store.as_deref(), path, server)
    }

    fn ask(&self, helper: Option<&str>, path: &Path, server: &RegistryKey<'_>) -> Result<Option<Found>, String> {
        let Some(name) = helper.filter(|name| !name.is_empty()) else { return Ok(None) };
        let url = server.url().unwrap_or_default().to_owned();
        let answer = self.answers.get_or_insert_with(&(name.to_owned(), url), Arc::default);
        let answer = answer.get(|| self.helpers.get(name, server).map_err(|error| error.to_string()));
        let credentials = answer.map_err(|error| format!("{error} (named in {})", path.display()))?;
        let origin = || format!("docker-credential-{name}, named in {}", path.display());
        Ok(credentials.map(|credentials| Found { credentials, origin: origin() }))
    }
}

impl CredentialSource for DockerCredentials {
    fn credentials(&self, repository: &Repository) -> Result<Option<Credentials>, CredentialError> {
        let found = self
            .find(&RegistryKey::of(repository))
            .map_err(|detail| CredentialError { registry: repository.registry().to_owned(), detail })?;
        Ok(found.map(|found| {
            self.origins.insert(repository.clone(), found.origin);
            found.credentials
        }))
    }

    fn origin(&self, repository: &Repository) -> Option<String> {
        self.origins.get(repository)
    }
}

#[cfg(test)]
mod tests {
    use super::super::files::tests::files;
    use super::*;

    fn app(registry: &str) -> Repository {
        Repository::new(registry, "team/app").unwrap()
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
        let stored = DockerCredentials::new(files(&environment));
        for (registry, password, place) in
            [("a.example", "docker", path("config.json")), ("b.example", "podman", path("auth.json"))]
        {
            let Ok(Some(Credentials::Basic { password: found, .. })) = stored.credentials(&app(registry)) else {
                panic!()
            };
            assert_eq!(found.expose(), password);
            assert_eq!(stored.origin(&app(registry)), Some(place.display().to_string()));
        }
        assert_eq!(stored.credentials(&app("c.example")), Ok(None));
        assert_eq!(stored.origin(&app("c.example")), None);
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said_with_its_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("auth\u{1b}.json");
        std::fs::write(&path, r#"{"auths":{"a.example":{"auth":"%"}}}"#).unwrap();
        let stored = DockerCredentials::new(files(&[("REGISTRY_AUTH_FILE", path.to_str().unwrap())]));
        let error = stored.credentials(&app("a.example")).unwrap_err();
        assert_eq!(error.registry, "a.example");
        assert!(error.detail.contains("auth\u{1b}.json: auths, entry \"a.example\": auth is not base64"), "{error}");
        assert_eq!(stored.credentials(&app("b.example")), Ok(None));
    }

    #[test]
    fn answer_is_kept_and_a_failure_is_only_shared_by_those_who_wait() {
        let answer = Answer::default();
        let failure = || Err("locked".to_owned());
        assert_eq!(answer.get(failure), Err("locked".to_owned()));
        assert_eq!(answer.get(|| Ok(None)), Ok(None));
        assert_eq!(answer.get(failure), Ok(None));
        let (answer, asked) = (Answer::default(), AtomicU64::new(0));
        let slow = || {
            asked.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(300));
            failure()
        };
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| assert_eq!(answer.get(slow), Err("locked".to_owned())));
            }
        });
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }
}
