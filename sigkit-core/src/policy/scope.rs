use std::fmt;
use std::str::FromStr;

use crate::oci::host::spelled;
use crate::oci::{ImageReference, Repository};

/// Docker Hub as containers-policy.json(5) spells it, and as references here do.
const DOCKER_HUB: (&str, &str) = ("docker.io", "index.docker.io");

/// What a set of requirements is about, of images in registries. containers-policy.json(5), "docker:".
///
/// Compared as text with the one name that an image has, in which Docker Hub is `docker.io` and nothing is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageScope {
    text: String,
    reach: ScopeKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ScopeKind {
    /// One tag or digest.
    Image,
    /// A host, or all that begins with these parts.
    Below,
    /// All hosts below a domain.
    Subdomains,
}

/// How closely a scope fits an image; of several, the closest applies alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Specificity {
    /// A wildcard for subdomains, by its length.
    Subdomains(usize),
    /// The beginning of the name, by its length.
    Below(usize),
    /// This very image.
    Image,
}

/// Why no image is called so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected HOST[:PORT][/PATH][:TAG|@DIGEST] or *.DOMAIN with the host written out, found {found:?}{}", instead_words(.instead.as_ref()))]
pub struct ScopeError {
    /// The value found, cut to 200 characters.
    found: String,
    /// What images are called that may be meant.
    instead: Option<String>,
}

fn instead_words(name: Option<&String>) -> String {
    name.map_or_else(String::new, |name| format!("; the full name is {name}"))
}

impl ScopeError {
    fn new(found: &str, instead: Option<String>) -> Self {
        Self { found: found.chars().take(200).collect(), instead }
    }
}

impl ImageScope {
    /// As written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn specificity(&self, image: &ImageReference) -> Option<Specificity> {
        let name = || full_name(&image.repository);
        let length = self.text.len();
        match self.reach {
            ScopeKind::Image => (self.text == identity(image)).then_some(Specificity::Image),
            ScopeKind::Below => is_below(&name(), &self.text).then_some(Specificity::Below(length)),
            ScopeKind::Subdomains => {
                let name = name();
                let host = name.split('/').next().unwrap_or_default();
                let host = host.split_once(':').map_or(host, |(host, _)| host);
                let domain = self.text.strip_prefix('*').unwrap_or_default();
                host.ends_with(domain).then_some(Specificity::Subdomains(length))
            }
        }
    }
}

/// The repository as containers-policy.json(5) calls it.
pub(super) fn full_name(repository: &Repository) -> String {
    let (theirs, ours) = DOCKER_HUB;
    let host = if repository.registry() == ours { theirs } else { repository.registry() };
    format!("{host}/{}", repository.path())
}

/// The image as containers-policy.json(5) calls it: with a tag, a digest, or both.
fn identity(image: &ImageReference) -> String {
    let mut name = full_name(&image.repository);
    if image.tag.is_some() || image.digest.is_none() {
        let latest = crate::oci::Tag::latest();
        name.push_str(&format!(":{}", image.tag.as_ref().unwrap_or(&latest)));
    }
    if let Some(digest) = &image.digest {
        name.push_str(&format!("@{digest}"));
    }
    name
}

/// Returns true if the name begins with these parts.
pub(super) fn is_below(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The text with its host in its normalized spelling. Two scopes that differ in that alone have one meaning.
pub(super) fn respelled(text: &str) -> String {
    if text.starts_with("*.") {
        return text.to_ascii_lowercase();
    }
    let (host, rest) = text.find('/').map_or((text, ""), |at| text.split_at(at));
    spelled(host).map_or_else(|_| text.to_owned(), |host| format!("{host}{rest}"))
}

impl fmt::Display for ImageScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reach {
            ScopeKind::Image => f.write_str(&self.text),
            ScopeKind::Below => write!(f, "all of {}", self.text),
            ScopeKind::Subdomains => write!(f, "all hosts of {}", self.text),
        }
    }
}

impl FromStr for ImageScope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let refused = |instead| ScopeError::new(text, instead);
        let called = |name: String, reach| match name == text {
            true => Ok(Self { text: name, reach }),
            false => Err(refused(Some(name))),
        };
        if text.starts_with('*') {
            let domain = text.strip_prefix("*.").ok_or_else(|| refused(None))?;
            // A domain may follow what makes an address of it.
            Repository::new(&format!("{domain}.x"), "x").map_err(|_| refused(None))?;
            return called(text.to_ascii_lowercase(), ScopeKind::Subdomains);
        }
        let (host, path) = text.split_once('/').map_or((text, None), |(host, path)| (host, Some(path)));
        // A short name such as `busybox` would be taken for a host that does not exist.
        if !host.eq_ignore_ascii_case("localhost") && !host.contains(['.', ':']) {
            let short = text.parse::<ImageReference>().ok();
            let name = short.map(|image| match image.tag.is_some() || image.digest.is_some() {
                true => identity(&image),
                false => full_name(&image.repository),
            });
            return Err(refused(name));
        }
        if path.is_some() && (text.contains('@') || text.rsplit('/').next().is_some_and(|last| last.contains(':'))) {
            let image: ImageReference = text.parse().map_err(|_| refused(None))?;
            return called(identity(&image), ScopeKind::Image);
        }
        let of_host = Repository::new(host, path.unwrap_or("x")).map_err(|_| refused(None))?;
        let (theirs, ours) = DOCKER_HUB;
        let host = if of_host.registry() == ours { theirs } else { of_host.registry() };
        called(path.map_or_else(|| host.to_owned(), |path| format!("{host}/{path}")), ScopeKind::Below)
    }
}

/// A host, or a host and the first parts of a path, as written; Docker Hub is `docker.io`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePrefix(pub(super) String);

impl FromStr for NamePrefix {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let (host, path) = text.split_once('/').unwrap_or((text, "x"));
        match Repository::new(host, path) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(_) => Err(ScopeError::new(text, None)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(scope: &str, image: &str) -> Option<Specificity> {
        scope.parse::<ImageScope>().unwrap().specificity(&image.parse().unwrap())
    }

    // threat: I08
    #[test]
    fn a_scope_is_a_beginning_of_whole_parts() {
        let digest = format!("registry.example/team/app@sha256:{}", "0".repeat(64));
        let both = format!("registry.example/team/app:v1@sha256:{}", "0".repeat(64));
        for (scope, image, expected) in [
            ("registry.example", "registry.example/team/app", Some(Specificity::Below(16))),
            ("registry.example", "registry.example.evil/team/app", None),
            ("registry.example", "registry.example:5000/team/app", None),
            ("registry.example:5000", "registry.example:5000/app", Some(Specificity::Below(21))),
            ("registry.example/team", "registry.example/team/app", Some(Specificity::Below(21))),
            ("registry.example/team", "registry.example/team-evil/app", None),
            ("registry.example/team/app", "registry.example/team/app:v1", Some(Specificity::Below(25))),
            ("registry.example/team/app:v1", "registry.example/team/app:v1", Some(Specificity::Image)),
            ("registry.example/team/app:v1", "registry.example/team/app:v2", None),
            ("registry.example/team/app:latest", "registry.example/team/app", Some(Specificity::Image)),
            (&digest, &digest, Some(Specificity::Image)),
            (&both, &both, Some(Specificity::Image)),
            (&both, &digest, None),
            (&digest, &both, None),
            ("docker.io", "busybox", Some(Specificity::Below(9))),
            ("docker.io/library/busybox", "busybox", Some(Specificity::Below(25))),
            ("docker.io/library/busybox:latest", "busybox", Some(Specificity::Image)),
            ("docker.io/busybox", "busybox", None),
            ("docker.io/openshift", "openshift/origin", Some(Specificity::Below(19))),
            ("docker.io/openshift", "openshift", None),
            ("*.docker.io", "busybox", None),
            ("*.io", "busybox", Some(Specificity::Subdomains(4))),
            ("*.example.com", "a.example.com/app", Some(Specificity::Subdomains(13))),
            ("*.example.com", "a.b.example.com:5000/app", Some(Specificity::Subdomains(13))),
            ("*.example.com", "example.com/app", None),
            ("*.example.com", "aexample.com/app", None),
            ("*.0.0.1", "127.0.0.1:5000/app", Some(Specificity::Subdomains(7))),
        ] {
            assert_eq!(fit(scope, image), expected, "{scope} {image}");
        }
        assert!(Specificity::Image > Specificity::Below(100) && Specificity::Below(1) > Specificity::Subdomains(100));
    }

    // threat: R05
    #[test]
    fn what_no_image_is_called_is_refused() {
        for (scope, instead) in [
            ("busybox", Some("docker.io/library/busybox")),
            ("busybox:v1", None),
            ("team/app", Some("docker.io/team/app")),
            ("team/app:v1", Some("docker.io/team/app:v1")),
            ("index.docker.io", Some("docker.io")),
            ("index.docker.io/library", Some("docker.io/library")),
            ("registry-1.docker.io/library/app:v1", Some("docker.io/library/app:v1")),
            ("docker.io/busybox:v1", Some("docker.io/library/busybox:v1")),
            ("Registry.example/team", Some("registry.example/team")),
            ("registry.example:443", Some("registry.example")),
            ("registry.example:0443/app:v1", Some("registry.example/app:v1")),
            ("*.Example.com", Some("*.example.com")),
            ("*", None),
            ("*.", None),
            ("*.*.com", None),
            ("example*.com", None),
            ("*.example.com/app", None),
            ("*.example.com:5000", None),
            ("registry.example/", None),
            ("registry.example/App", None),
            ("127.1:5000", None),
            ("a b", None),
        ] {
            let error = scope.parse::<ImageScope>().expect_err(scope);
            assert_eq!(error.instead.as_deref(), instead, "{scope}");
        }
    }
}
