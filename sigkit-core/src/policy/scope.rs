use std::fmt;
use std::str::FromStr;

use super::signed_name::NamePrefix;
use crate::oci::{ImageReference, Repository};

/// Docker Hub as containers-policy.json(5) spells it.
const DOCKER_IO: &str = "docker.io";

/// What a set of requirements is about, of images in registries. containers-policy.json(5), "docker:".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope(Reach);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Reach {
    /// One tag or digest.
    Image(ImageReference),
    /// A host, or all that begins with these parts.
    Below(NamePrefix),
    /// All hosts below a domain; with the leading dot.
    Subdomains(String),
}

/// How closely a scope fits an image; of several, the closest applies alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// A wildcard for subdomains, by its length.
    Subdomains(usize),
    /// The beginning of the name, by its length.
    Below(usize),
    /// This very image.
    Image,
}

/// Why a text is no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected HOST[:PORT][/PATH][:TAG|@DIGEST] or *.DOMAIN with the host written out, found {found:?}")]
pub struct ScopeError {
    /// What stands there, cut to 200 characters.
    found: String,
}

impl Scope {
    pub(super) fn fit(&self, image: &ImageReference) -> Option<Fit> {
        match &self.0 {
            Reach::Image(scope) => {
                (scope.repository == image.repository && scope.target() == image.target()).then_some(Fit::Image)
            }
            Reach::Below(NamePrefix(prefix)) => {
                let name = image.repository.to_string();
                let rest = name.strip_prefix(prefix.as_str())?;
                (rest.is_empty() || rest.starts_with('/')).then_some(Fit::Below(prefix.len()))
            }
            Reach::Subdomains(domain) => {
                let host = image.repository.registry();
                let host = host.split_once(':').map_or(host, |(host, _)| host);
                host.ends_with(domain.as_str()).then_some(Fit::Subdomains(domain.len()))
            }
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Reach::Image(image) => image.fmt(f),
            Reach::Below(NamePrefix(prefix)) => write!(f, "all of {prefix}"),
            Reach::Subdomains(domain) => write!(f, "all hosts of *{domain}"),
        }
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let refused = || ScopeError { found: text.chars().take(200).collect() };
        if let Some(domain) = text.strip_prefix('*') {
            let host = domain.strip_prefix('.').ok_or_else(refused)?;
            if host.contains([':', '/']) {
                return Err(refused());
            }
            Repository::new(host, "x").map_err(|_| refused())?;
            return Ok(Self(Reach::Subdomains(domain.to_owned())));
        }
        let last = text.rsplit_once('/').map_or("", |(_, last)| last);
        if text.contains('@') || last.contains(':') {
            let image: ImageReference = text.parse().map_err(|_| refused())?;
            let (host, _) = text.split_once('/').ok_or_else(refused)?;
            host.parse::<NamePrefix>().map_err(|_| refused())?;
            return Ok(Self(Reach::Image(image)));
        }
        Ok(Self(Reach::Below(text.parse().map_err(|_| refused())?)))
    }
}

impl FromStr for NamePrefix {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let refused = || ScopeError { found: text.chars().take(200).collect() };
        let (host, path) = text.split_once('/').map_or((text, None), |(host, path)| (host, Some(path)));
        let (host, is_hub) = match host {
            DOCKER_IO => ("index.docker.io", true),
            host => (host, host == "index.docker.io"),
        };
        // A short name such as `busybox` would be taken for a host that nobody has.
        if !is_hub && host != "localhost" && !host.contains(['.', ':']) {
            return Err(refused());
        }
        Repository::new(host, path.unwrap_or("x")).map_err(|_| refused())?;
        Ok(Self(path.map_or_else(|| host.to_owned(), |path| format!("{host}/{path}"))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(scope: &str, image: &str) -> Option<Fit> {
        scope.parse::<Scope>().unwrap().fit(&image.parse().unwrap())
    }

    // threat: I08
    #[test]
    fn a_scope_is_a_beginning_of_whole_parts() {
        let digest = format!("registry.example/team/app@sha256:{}", "0".repeat(64));
        for (scope, image, expected) in [
            ("registry.example", "registry.example/team/app", Some(Fit::Below(16))),
            ("registry.example", "registry.example.evil/team/app", None),
            ("registry.example", "registry.example:5000/team/app", None),
            ("registry.example:5000", "registry.example:5000/app", Some(Fit::Below(21))),
            ("registry.example/team", "registry.example/team/app", Some(Fit::Below(21))),
            ("registry.example/team", "registry.example/team-evil/app", None),
            ("registry.example/team/app", "registry.example/team/app:v1", Some(Fit::Below(25))),
            ("registry.example/team/app:v1", "registry.example/team/app:v1", Some(Fit::Image)),
            ("registry.example/team/app:v1", "registry.example/team/app:v2", None),
            ("registry.example/team/app:latest", "registry.example/team/app", Some(Fit::Image)),
            (&digest, &digest, Some(Fit::Image)),
            ("docker.io/library/busybox", "busybox", Some(Fit::Below(31))),
            ("docker.io/openshift", "openshift/origin", Some(Fit::Below(25))),
            ("docker.io/openshift", "openshift", None),
            ("*.example.com", "a.example.com/app", Some(Fit::Subdomains(12))),
            ("*.example.com", "a.b.example.com:5000/app", Some(Fit::Subdomains(12))),
            ("*.example.com", "example.com/app", None),
            ("*.example.com", "aexample.com/app", None),
        ] {
            assert_eq!(fit(scope, image), expected, "{scope} {image}");
        }
        assert!(Fit::Image > Fit::Below(100) && Fit::Below(1) > Fit::Subdomains(100));
    }

    #[test]
    fn what_no_image_is_called_is_refused() {
        for scope in [
            "busybox",
            "*",
            "*.",
            "*.*.com",
            "example*.com",
            "*.example.com/app",
            "registry.example/",
            "registry.example/App",
            "a b",
        ] {
            assert!(scope.parse::<Scope>().is_err(), "{scope}");
        }
    }
}
