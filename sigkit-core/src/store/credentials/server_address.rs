use std::borrow::Cow;

use crate::oci::Repository;

const DOCKER_HUB: &str = "index.docker.io";
/// How docker itself writes Docker Hub, and what helpers know it by.
const DOCKER_HUB_URL: &str = "https://index.docker.io/v1/";

/// What credentials are wanted for: a registry, or a repository in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct RegistryKey<'a> {
    registry: &'a str,
    path: &'a str,
}

/// How closely a key of a file fits; the closest decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Specificity {
    /// It names the registry as a whole.
    Registry,
    /// It names the repository, or what it lies below: so many parts of its path.
    Path(usize),
}

impl<'a> RegistryKey<'a> {
    /// A registry as a whole: `host` or `host:port`.
    pub(super) const fn new(registry: &'a str) -> Self {
        Self { registry, path: "" }
    }

    /// A repository.
    pub(super) fn of(repository: &'a Repository) -> Self {
        Self { registry: repository.registry(), path: repository.path() }
    }

    /// The registry as a whole.
    pub(super) const fn whole(&self) -> Self {
        Self::new(self.registry)
    }

    /// What a helper is asked for, and how docker writes it; `None` for what must not be written to a helper, since it would be
    /// more than one line.
    pub(super) fn url(&self) -> Option<&'a str> {
        let url = if self.registry == DOCKER_HUB { DOCKER_HUB_URL } else { self.registry };
        (!url.is_empty() && !url.contains(|c: char| c.is_control() || c.is_whitespace())).then_some(url)
    }

    /// How `key`, as files and helpers write it, fits: the same host and the same port, with or without a scheme. Of a key without
    /// a scheme, a path other than that of the registry's API is that of a repository, or of all below it.
    pub(super) fn specificity(&self, key: &str) -> Option<Specificity> {
        let url = ["https://", "http://"].iter().find_map(|scheme| key.strip_prefix(scheme));
        let (authority, path) = url.unwrap_or(key).split_once('/').unwrap_or((url.unwrap_or(key), ""));
        if canonical(authority) != canonical(self.registry) {
            return None;
        }
        if url.is_some() || matches!(path, "" | "v1" | "v1/" | "v2" | "v2/") {
            return Some(Specificity::Registry);
        }
        let below = self.path.strip_prefix(path)?;
        (below.is_empty() || below.starts_with('/')).then(|| Specificity::Path(path.split('/').count()))
    }

    /// Returns true if `key` names the registry as a whole.
    pub(super) fn is_named(&self, key: &str) -> bool {
        self.specificity(key) == Some(Specificity::Registry)
    }
}

/// The registry that a person or docker's documentation names: `HOST[:PORT]`, perhaps as a URL, with the path of an API at most.
/// Docker Hub gets the name that it has in references.
pub fn registry_of(text: &str) -> Option<String> {
    let url = ["https://", "http://"].iter().find_map(|scheme| text.strip_prefix(scheme)).unwrap_or(text);
    let (authority, path) = url.split_once('/').unwrap_or((url, ""));
    if !matches!(path, "" | "v1" | "v1/" | "v2" | "v2/") {
        return None;
    }
    Some(canonical(authority).into_owned())
}

/// The spelling of references; what cannot be one is compared as it is.
fn canonical(authority: &str) -> Cow<'_, str> {
    Repository::new(authority, "any").map_or(authority.into(), |repository| repository.registry().to_owned().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_hub_has_many_names() {
        for key in [
            "https://index.docker.io/v1/",
            "https://index.docker.io/v1",
            "https://index.docker.io",
            "http://index.docker.io/v1/",
            "index.docker.io/v1/",
            "index.docker.io",
            "docker.io",
            "https://docker.io/",
            "registry-1.docker.io",
            "https://registry-1.docker.io/v2/",
            "registry.hub.docker.com",
        ] {
            assert!(RegistryKey::new("index.docker.io").is_named(key), "{key}");
            assert!(!RegistryKey::new("registry.example").is_named(key), "{key}");
        }
        assert_eq!(RegistryKey::new("index.docker.io").url(), Some("https://index.docker.io/v1/"));
    }

    // threat: G05
    #[test]
    fn a_key_with_a_path_is_for_what_lies_below_it_on_the_same_host() {
        let repository: Repository = "registry.example:5000/team/app/web".parse().unwrap();
        for (key, fit) in [
            ("registry.example:5000", Some(Specificity::Registry)),
            ("registry.example:5000/team", Some(Specificity::Path(1))),
            ("registry.example:5000/team/app", Some(Specificity::Path(2))),
            ("registry.example:5000/team/app/web", Some(Specificity::Path(3))),
            ("registry.example:5000/team/app/web/more", None),
            ("registry.example:5000/team/ap", None),
            ("registry.example:5000/team/", None),
            ("registry.example:5000/app/web", None),
            ("registry.example:5000//team", None),
            ("registry.example/team", None),
            ("evil.example/registry.example:5000/team", None),
            // Of a URL, the path is that of some API.
            ("https://registry.example:5000/team", Some(Specificity::Registry)),
        ] {
            assert_eq!(RegistryKey::of(&repository).specificity(key), fit, "{key}");
        }
        let hub: Repository = "library/app".parse().unwrap();
        assert_eq!(RegistryKey::of(&hub).specificity("docker.io/library/app"), Some(Specificity::Path(2)));
        assert_eq!(RegistryKey::of(&hub).whole().specificity("docker.io/library/app"), None);
    }

    // threat: G05
    #[test]
    fn another_host_or_port_is_another_registry() {
        let server = RegistryKey::new("registry.example:5000");
        for key in [
            "registry.example:5000",
            "Registry.Example:5000",
            "https://registry.example:5000",
            "http://registry.example:5000/v2/",
            "https://registry.example:5000/jwt/auth",
            "registry.example:5000/v1/",
            "REGISTRY.example:05000",
        ] {
            assert!(server.is_named(key), "{key}");
        }
        for key in [
            "",
            "registry.example",
            "registry.example:50000",
            "registry.example:443",
            "https://registry.example/",
            "a.registry.example:5000",
            "registry.example:5000.evil.example",
            "https://user@registry.example:5000",
            "https://evil.example/registry.example:5000",
            "ftp://registry.example:5000",
            "registry.example:5000/namespace",
            "registry.example:5000/v2/namespace",
            "https://index.docker.io/v1/",
            "*",
        ] {
            assert!(!server.is_named(key), "{key}");
        }
    }

    // threat: R04
    #[test]
    fn a_key_names_a_registry_in_any_spelling() {
        let server = RegistryKey::new("registry.example");
        for key in ["registry.example:443", "https://REGISTRY.example:443/v2/", "registry.example:0443"] {
            assert!(server.is_named(key), "{key}");
        }
        let repository: Repository = "Registry.Example:443/team/app".parse().unwrap();
        assert_eq!(RegistryKey::of(&repository).specificity("registry.example/team"), Some(Specificity::Path(1)));
        for key in ["registry.example:80", "registry.example.", "127.1"] {
            assert!(!server.is_named(key), "{key}");
        }
    }

    // threat: G08
    #[test]
    fn a_helper_is_given_one_line() {
        assert_eq!(RegistryKey::new("a.example:1").url(), Some("a.example:1"));
        for registry in ["", "a.example\nb.example", "a.example\r", "a.example\0", "a.example\u{85}", "a b"] {
            assert_eq!(RegistryKey::new(registry).url(), None);
        }
    }
}
