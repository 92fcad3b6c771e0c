//! What docker and podman store, as this process finds it; helper programs end with the process, whatever ends it.

use sigkit_core::oci::Repository;
use sigkit_core::store::credentials::{CredentialFiles, CredentialStore, DockerCredentials, stop_helpers};
use sigkit_core::store::registry::{CredentialError, CredentialSource, Credentials};

use crate::context::Context;
use crate::environment::Environment;
use crate::error::CliError;
use crate::terminal::signals::run_before_end;

/// Looks credentials up where docker and podman store them.
pub(crate) struct StoredCredentials(DockerCredentials);

impl StoredCredentials {
    /// Reads no file.
    pub(crate) fn new(environment: &Environment) -> Self {
        Self(DockerCredentials::new(files(environment)))
    }
}

impl CredentialSource for StoredCredentials {
    fn credentials(&self, repository: &Repository) -> Result<Option<Credentials>, CredentialError> {
        run_before_end(stop_helpers).map_err(|error| CredentialError {
            registry: repository.registry().to_owned(),
            detail: error.to_string(),
        })?;
        self.0.credentials(repository)
    }

    fn origin(&self, repository: &Repository) -> Option<String> {
        self.0.origin(repository)
    }
}

/// Where `login` stores credentials.
///
/// # Errors
/// [`CliError`] when no variable names the place.
pub(crate) fn store(context: &Context) -> Result<CredentialStore, CliError> {
    run_before_end(stop_helpers).map_err(|error| CliError::system("start a thread for signals", error))?;
    Ok(CredentialStore::new(files(&context.environment))?)
}

fn files(environment: &Environment) -> CredentialFiles {
    CredentialFiles::from_variables(|name| environment.get(name))
}
