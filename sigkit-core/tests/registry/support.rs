//! What the tests share.

use std::sync::Arc;
use std::time::Duration;

use sigkit_core::digest::Digest;
use sigkit_core::http::{RetryPolicy, Secret, Timeouts};
use sigkit_core::oci::{Descriptor, Repository, Tag, TagOrDigest};
use sigkit_core::store::registry::{Credentials, RegistryClient, RegistryOptions, RegistryStore, StaticCredentials};
use testkit::Registry;
use testkit::image::{self, Image};

pub(crate) const REPOSITORY: &str = "my/app";
pub(crate) const LIMIT: u64 = 1 << 20;

/// Options that lose no time between tries, but are patient with a busy machine.
pub(crate) fn quick() -> RegistryOptions {
    with_patience(Duration::from_secs(10))
}

/// Options with so little patience that a hang ends at once.
pub(crate) fn impatient() -> RegistryOptions {
    with_patience(Duration::from_millis(300))
}

fn with_patience(idle: Duration) -> RegistryOptions {
    RegistryOptions::default()
        .with_timeouts(Timeouts { connect: idle, idle, total: idle * 4 })
        .with_retry_policy(RetryPolicy { max: 3, pause: Duration::from_millis(2) })
}

/// `quick`, with credentials for one registry.
pub(crate) fn with(registry: &str, credentials: Credentials) -> RegistryOptions {
    quick().with_credentials(Arc::new(StaticCredentials::new(registry, credentials)))
}

pub(crate) fn basic(username: &str, password: &str) -> Credentials {
    Credentials::Basic { username: username.to_owned(), password: Secret::new(password) }
}

pub(crate) fn open(host: &str, options: RegistryOptions) -> RegistryStore {
    RegistryClient::new(options).unwrap().repository(&Repository::new(host, REPOSITORY).unwrap())
}

/// The repository on that registry, for a client without credentials.
pub(crate) fn store(registry: &Registry) -> RegistryStore {
    open(registry.host(), quick())
}

/// A registry with one image under `v1`.
pub(crate) fn with_image() -> (Registry, Image) {
    let registry = Registry::start();
    let image = image::image(registry.content(), REPOSITORY, "v1", "layer");
    (registry, image)
}

pub(crate) fn name(text: &str) -> Tag {
    text.parse().unwrap()
}

pub(crate) fn tag(name: &str) -> TagOrDigest {
    TagOrDigest::Tag(name.parse().unwrap())
}

pub(crate) fn digest(text: &str) -> Digest {
    text.parse().unwrap()
}

pub(crate) fn by_digest(text: &str) -> TagOrDigest {
    TagOrDigest::Digest(digest(text))
}

/// Stores a blob behind the network's back.
pub(crate) fn blob(registry: &Registry, bytes: &[u8]) -> Descriptor {
    registry.content().put_blob(REPOSITORY, bytes);
    Descriptor::of("application/octet-stream", bytes)
}
