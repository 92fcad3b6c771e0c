use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::host::{self, DOCKER_HUB};
use super::reference_error::{MAX_NAME, ReferenceError, clip};
use crate::digest::Digest;

/// Longest tag, OCI distribution specification.
const MAX_TAG: usize = 128;

/// The name of an image: `registry/repository[:tag][@digest]`.
///
/// OCI distribution specification, "Pulling manifests", with Docker's short forms: `app` is
/// `index.docker.io/library/app:latest`.
///
/// ```
/// use sigkit_core::ImageReference;
///
/// let image: ImageReference = "registry.example:5000/team/app:v1".parse()?;
/// assert_eq!(image.repository.registry(), "registry.example:5000");
/// assert_eq!(image.repository.path(), "team/app");
/// assert_eq!("app".parse::<ImageReference>()?.to_string(), "index.docker.io/library/app");
/// # Ok::<(), sigkit_core::oci::ReferenceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ImageReference {
    /// The repository.
    pub repository: Repository,
    /// The tag, when one was written.
    pub tag: Option<Tag>,
    /// The digest, when one was written; it decides, whatever the tag says.
    pub digest: Option<Digest>,
}

impl ImageReference {
    /// What to ask the registry for: the digest, else the tag, else `latest`.
    pub fn target(&self) -> TagOrDigest {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => TagOrDigest::Digest(*digest),
            (None, Some(tag)) => TagOrDigest::Tag(tag.clone()),
            (None, None) => TagOrDigest::Tag(Tag::latest()),
        }
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for ImageReference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        Self::read(text).map_err(|error| match Self::meant(text) {
            Some(meant) => ReferenceError::Meant { error: Box::new(error), meant },
            None => error,
        })
    }
}

impl ImageReference {
    /// The probable name for an invalid one: without a scheme, quotation marks or white space, in lower case, with
    /// the digest behind `@`.
    fn meant(text: &str) -> Option<String> {
        let bare = text.trim().trim_matches(['"', '\'']).trim_matches('/');
        let bare = bare.split_once("://").map_or(bare, |(_, name)| name);
        let (name, version) =
            match bare.rfind('/').and_then(|slash| bare.get(slash..)?.find([':', '@'])?.checked_add(slash)) {
                Some(end) => bare.split_at(end),
                None => bare.split_at(bare.find([':', '@']).unwrap_or(bare.len())),
            };
        // A host alone is not a name, though it could be read as one.
        if !name.contains('/') && looks_like_host(name) {
            return None;
        }
        let version = version.strip_prefix(":sha256:").map_or(version.to_owned(), |hex| format!("@sha256:{hex}"));
        let meant = format!("{}{version}", name.to_lowercase());
        (meant != text && Self::read(&meant).is_ok()).then_some(meant)
    }

    fn read(text: &str) -> Result<Self, ReferenceError> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse()?)),
            None => (text, None),
        };
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag.parse()?)),
            _ => (rest, None),
        };
        Ok(Self { repository: name.parse()?, tag, digest })
    }
}

/// A registry and a repository in it.
///
/// Names of the same place are equal: of a host in capitals, with its default port, with zeros before a port or an address in
/// another form, one spelling is kept, and Docker Hub has one name. So the spelling never chooses which policy, which credentials
/// and which connection there are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Repository {
    registry: String,
    path: String,
}

impl Repository {
    /// A repository by its two parts.
    ///
    /// # Errors
    /// [`ReferenceError::Registry`], [`ReferenceError::Address`], [`ReferenceError::Path`].
    pub fn new(registry: &str, path: &str) -> Result<Self, ReferenceError> {
        let registry = host::canonical(registry)?;
        let path = if registry == DOCKER_HUB { on_docker_hub(path) } else { path.into() };
        if path.len() > MAX_NAME || !path.split('/').all(is_component) {
            return Err(ReferenceError::Path { found: clip(&path) });
        }
        Ok(Self { registry, path: path.into_owned() })
    }

    /// `host` or `host:port`: in lower case, and without a port that goes without saying. Docker Hub is always `index.docker.io`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The path within the registry: `library/app`.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.path)
    }
}

impl FromStr for Repository {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let (registry, path) = split(text);
        Self::new(registry, path)
    }
}

impl Repository {
    /// Host and path of a name, which may be a short one; whether they can be those of a repository is not checked.
    pub(crate) fn expand(name: &str) -> (Cow<'_, str>, Cow<'_, str>) {
        let (registry, path) = split(name);
        match host::canonical(registry) {
            Ok(hub) if hub == DOCKER_HUB => (hub.into(), on_docker_hub(path)),
            Ok(host) => (host.into(), path.into()),
            Err(_) => (registry.into(), path.into()),
        }
    }
}

/// Host and path as written; without a host, that of Docker Hub.
fn split(name: &str) -> (&str, &str) {
    match name.split_once('/') {
        Some((first, path)) if looks_like_host(first) => (first, path),
        _ => (DOCKER_HUB, name),
    }
}

/// Official images have no owner in their names. `**` of a pattern has room for one.
fn on_docker_hub(path: &str) -> Cow<'_, str> {
    if path.contains('/') || path.contains("**") { path.into() } else { format!("library/{path}").into() }
}

/// Docker's rule: a first part with a dot, a colon, or the name `localhost` is a host.
fn looks_like_host(first: &str) -> bool {
    first.contains(['.', ':']) || first.eq_ignore_ascii_case("localhost") || first.starts_with('[')
}

/// One path component: `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`.
fn is_component(text: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let edges = [text.bytes().next(), text.bytes().next_back()];
    if !edges.into_iter().all(|edge| edge.is_some_and(alphanumeric)) {
        return false;
    }
    text.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        .all(|separator| matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|b| b == b'-'))
}

/// A tag: `[A-Za-z0-9_][A-Za-z0-9._-]{0,127}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

impl Tag {
    /// The default tag.
    pub fn latest() -> Self {
        Self("latest".to_owned())
    }

    /// cosign's and OCI's tag for what is attached to a digest: `sha256-<hex><suffix>`.
    pub fn for_digest(digest: &Digest, suffix: &str) -> Self {
        Self(format!("{}-{}{suffix}", digest.algorithm(), digest.hex()))
    }

    /// The tag's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Tag {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let first = text.bytes().next().is_some_and(word);
        if first && text.len() <= MAX_TAG && text.bytes().all(|b| word(b) || b == b'.' || b == b'-') {
            return Ok(Self(text.to_owned()));
        }
        Err(ReferenceError::Tag { found: clip(text) })
    }
}

/// How one manifest of a repository is named. Exhaustive, as the OCI distribution specification is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TagOrDigest {
    /// A name that moves.
    Tag(Tag),
    /// A name that does not.
    Digest(Digest),
}

impl fmt::Display for TagOrDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn a_text_that_is_nearly_a_name_is_told_the_name() {
        for (text, meant) in [
            ("https://ghcr.io/acme/app:v1".to_owned(), "ghcr.io/acme/app:v1".to_owned()),
            ("docker://ghcr.io/acme/app".to_owned(), "ghcr.io/acme/app".to_owned()),
            (format!("oci://ghcr.io/acme/app@sha256:{HEX}"), format!("ghcr.io/acme/app@sha256:{HEX}")),
            ("http://127.0.0.1:5000/App:V1".to_owned(), "127.0.0.1:5000/app:V1".to_owned()),
            (" ghcr.io/acme/app:v1\n".to_owned(), "ghcr.io/acme/app:v1".to_owned()),
            ("\"ghcr.io/acme/app\"".to_owned(), "ghcr.io/acme/app".to_owned()),
            ("ghcr.io/Acme/app".to_owned(), "ghcr.io/acme/app".to_owned()),
            ("ghcr.io/acme/app/".to_owned(), "ghcr.io/acme/app".to_owned()),
            (format!("ghcr.io/acme/app:sha256:{HEX}"), format!("ghcr.io/acme/app@sha256:{HEX}")),
            ("App:v1".to_owned(), "app:v1".to_owned()),
        ] {
            let error = text.parse::<ImageReference>().unwrap_err().to_string();
            assert!(error.ends_with(&format!(": write {meant}")), "{text}: {error}");
        }
        for text in
            ["", "https://", "https://ghcr.io", "ghcr.io/", "ghcr.io/acme/app:v1:v2", "ghcr.io/a b", "app@v1", "///"]
        {
            let error = text.parse::<ImageReference>().unwrap_err().to_string();
            assert!(!error.contains("write "), "{text}: {error}");
        }
    }

    #[test]
    fn short_forms_have_dockers_meaning() {
        let cases = [
            ("app", "index.docker.io/library/app", "latest"),
            ("user/app:v1", "index.docker.io/user/app", "v1"),
            ("docker.io/app", "index.docker.io/library/app", "latest"),
            ("registry-1.docker.io/u/app", "index.docker.io/u/app", "latest"),
            ("localhost/app", "localhost/app", "latest"),
            ("localhost:5000/a:b", "localhost:5000/a", "b"),
            ("127.0.0.1:5000/a/b__c/d--e:V.1_2-3", "127.0.0.1:5000/a/b__c/d--e", "V.1_2-3"),
            ("[::1]:5000/a:b", "[::1]:5000/a", "b"),
            ("Host.Example:443/app", "host.example/app", "latest"),
            ("LOCALHOST/app", "localhost/app", "latest"),
            ("Registry-1.Docker.io:443/app", "index.docker.io/library/app", "latest"),
        ];
        for (text, repository, target) in cases {
            let reference: ImageReference = text.parse().unwrap();
            assert_eq!(
                (reference.repository.to_string().as_str(), reference.target().to_string().as_str()),
                (repository, target),
                "{text}"
            );
        }
    }

    #[test]
    fn a_digest_decides_over_a_tag() {
        let reference: ImageReference = format!("localhost:5000/a:b@sha256:{HEX}").parse().unwrap();
        assert_eq!(reference.tag, Some("b".parse().unwrap()));
        assert_eq!(reference.target().to_string(), format!("sha256:{HEX}"));
        assert_eq!(reference.to_string(), format!("localhost:5000/a:b@sha256:{HEX}"));
    }

    // threat: E13
    #[test]
    fn anything_outside_the_grammar_is_refused() {
        let paths = [
            "", "UPPER", "a//b", "a/../b", "a/./b", "/a", "a/", "a..b", "a___b", "a_.b", "-a", "a-", "é", "a\r\nX/y",
            "a b", "a%2fb",
        ];
        // The messages for names that are nearly valid have a test of their own.
        let said = |error| match error {
            ReferenceError::Meant { error, .. } => *error,
            error => error,
        };
        for path in paths {
            let error = said(format!("r.example/{path}").parse::<ImageReference>().expect_err(path));
            assert!(matches!(error, ReferenceError::Path { .. } | ReferenceError::Registry { .. }), "{path}: {error}");
        }
        for tag in [":", ":.a", ":-a", ":a b", ":é", &format!(":{}", "a".repeat(129))] {
            let error = said(format!("r.example/a{tag}").parse::<ImageReference>().expect_err(tag));
            assert!(matches!(error, ReferenceError::Tag { .. }), "{tag}: {error}");
        }
        for host in [
            "r.example:0",
            "r.example:99999",
            "r.example:",
            "-r.example",
            "r..example",
            "[::1",
            "[x]:1",
            "r.example:5:6",
            "u@r.example",
        ] {
            assert!(format!("{host}/a").parse::<ImageReference>().is_err(), "{host}");
        }
        assert!(matches!("a@sha256:abc".parse::<ImageReference>(), Err(ReferenceError::Digest(_))));
    }
}
