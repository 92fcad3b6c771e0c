use crate::http::Secret;
use crate::oci::Repository;

/// What opens a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credentials {
    /// A user name and a password, for `Basic` and for token servers.
    Basic {
        /// The user name.
        username: String,
        /// The password.
        password: Secret,
    },
    /// A refresh token, for token servers (OAuth 2.0, `grant_type=refresh_token`).
    Identity(Secret),
    /// A token for the registry itself; no token server is asked.
    Bearer(Secret),
}

/// Finds the credentials for a repository.
///
/// A source may block, as files and helper programs do: it is called when the registry has asked for credentials, on a thread of tokio
/// that is kept for blocking work, and never on one that runs futures. What it gives for a
/// repository is remembered for ten minutes at most, and not after the registry refused it; a failure is remembered by no request after
/// those that waited for it.
pub trait CredentialSource: Send + Sync {
    /// The credentials for `repository`. They are sent to its registry's host and port alone, for this repository, and to the
    /// token server that the registry names when that is related to it.
    ///
    /// # Errors
    /// [`CredentialError`] if credentials are configured and cannot be read. `None` means that there are none.
    fn credentials(&self, repository: &Repository) -> Result<Option<Credentials>, CredentialError>;

    /// Where the credentials for `repository` come from, for error messages: a path, a flag, the name of a helper.
    fn origin(&self, _repository: &Repository) -> Option<String> {
        None
    }
}

/// Credentials that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the credentials of {registry} cannot be read: {detail}")]
pub struct CredentialError {
    /// The registry asked for.
    pub registry: String,
    /// Where was looked and what is wrong.
    pub detail: String,
}

/// Has no credentials.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCredentials;

impl CredentialSource for NoCredentials {
    fn credentials(&self, _: &Repository) -> Result<Option<Credentials>, CredentialError> {
        Ok(None)
    }
}

/// The same credentials for one registry, given directly.
#[derive(Clone, Debug)]
pub struct StaticCredentials {
    registry: String,
    credentials: Credentials,
}

impl StaticCredentials {
    /// `credentials` for `registry`, given as in references, and none for any other.
    pub fn new(registry: impl Into<String>, credentials: Credentials) -> Self {
        Self { registry: registry.into(), credentials }
    }
}

impl CredentialSource for StaticCredentials {
    fn credentials(&self, repository: &Repository) -> Result<Option<Credentials>, CredentialError> {
        let is_meant =
            Repository::new(&self.registry, "any").is_ok_and(|named| named.registry() == repository.registry());
        Ok(is_meant.then(|| self.credentials.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_show() {
        let secret = || Secret::new("S3CRET");
        for credentials in [
            Credentials::Basic { username: "u".to_owned(), password: secret() },
            Credentials::Identity(secret()),
            Credentials::Bearer(secret()),
        ] {
            assert!(!format!("{credentials:?}").contains("S3CRET"));
        }
    }

    // threat: R04
    #[test]
    fn credentials_are_for_one_registry_however_it_is_spelled() {
        let credentials = Credentials::Bearer(Secret::new("S3CRET"));
        for (registry, image, expected) in [
            ("registry.example", "Registry.Example:443/app", true),
            ("REGISTRY.example:0443", "registry.example/app", true),
            ("docker.io", "app", true),
            ("registry-1.docker.io", "index.docker.io/team/app", true),
            ("registry.example:5000", "registry.example/app", false),
            ("registry.example", "registry.example.test/app", false),
            ("127.1", "127.0.0.1/app", false),
        ] {
            let source = StaticCredentials::new(registry, credentials.clone());
            let found = source.credentials(&image.parse().unwrap()).unwrap();
            assert_eq!(found.is_some(), expected, "{registry} {image}");
        }
    }
}
