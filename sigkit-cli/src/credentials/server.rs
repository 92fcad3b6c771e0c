const DOCKER_HUB: &str = "index.docker.io";
/// How docker itself writes Docker Hub, and what helpers know it by.
const DOCKER_HUB_URL: &str = "https://index.docker.io/v1/";

/// The registry that credentials are wanted for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Server<'a>(&'a str);

impl<'a> Server<'a> {
    /// `registry` is `host` or `host:port`.
    pub(super) fn new(registry: &'a str) -> Self {
        Self(registry)
    }

    /// What a helper is asked for; `None` for what must not be written to one, since it would be more than one line.
    pub(super) fn url(&self) -> Option<&'a str> {
        let url = if is_docker_hub(self.0) { DOCKER_HUB_URL } else { self.0 };
        (!url.is_empty() && !url.contains(|c: char| c.is_control() || c.is_whitespace())).then_some(url)
    }

    /// Whether `key`, as files and helpers write it, names this registry: the same host and the same port, with or without a
    /// scheme. Of a key without a scheme, a path other than that of the registry's API makes it one for a repository.
    pub(super) fn is_named(&self, key: &str) -> bool {
        let url = ["https://", "http://"].iter().find_map(|scheme| key.strip_prefix(scheme));
        let authority = match url.unwrap_or(key).split_once('/') {
            None => url.unwrap_or(key),
            Some((authority, path)) if url.is_some() || matches!(path, "" | "v1" | "v1/" | "v2" | "v2/") => authority,
            Some(_) => return false,
        };
        authority.eq_ignore_ascii_case(self.0) || is_docker_hub(authority) && is_docker_hub(self.0)
    }
}

fn is_docker_hub(authority: &str) -> bool {
    [DOCKER_HUB, "docker.io", "registry-1.docker.io", "registry.hub.docker.com"]
        .iter()
        .any(|name| authority.eq_ignore_ascii_case(name))
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
            assert!(Server::new("index.docker.io").is_named(key), "{key}");
            assert!(!Server::new("registry.example").is_named(key), "{key}");
        }
        assert_eq!(Server::new("index.docker.io").url(), Some("https://index.docker.io/v1/"));
    }

    // threat: G05
    #[test]
    fn another_host_or_port_is_another_registry() {
        let server = Server::new("registry.example:5000");
        for key in [
            "registry.example:5000",
            "Registry.Example:5000",
            "https://registry.example:5000",
            "http://registry.example:5000/v2/",
            "https://registry.example:5000/jwt/auth",
            "registry.example:5000/v1/",
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

    // threat: G08
    #[test]
    fn a_helper_is_given_one_line() {
        assert_eq!(Server::new("a.example:1").url(), Some("a.example:1"));
        for registry in ["", "a.example\nb.example", "a.example\r", "a.example\0", "a.example\u{85}", "a b"] {
            assert_eq!(Server::new(registry).url(), None);
        }
    }
}
