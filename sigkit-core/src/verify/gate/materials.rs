//! What a provenance names as built upon: images among other things.
//!
//! A material is an image in every spelling that builders use, or one of the forms that are known not to be images; anything else
//! could be an image and is an error.

use serde_json::Value;

use super::purl::{self, Purl};
use crate::digest::{Digest, DigestAlgorithm};
use crate::oci::{ImageReference, Repository, Tag};

/// Schemes that precede the name of an image.
const IMAGE_SCHEMES: [&str; 5] = ["containerd", "docker", "docker-daemon", "docker-image", "oci"];
/// Schemes of what is downloaded; `https://registry.example/app:v1` is an image nevertheless.
const DOWNLOAD_SCHEMES: [&str; 6] = ["ftp", "gs", "http", "https", "s3", "sftp"];
/// Schemes of sources and files, besides those that begin with `git`, `hg` and `svn`.
const SOURCE_SCHEMES: [&str; 2] = ["file", "ssh"];
/// What a media type has in it that is one of images.
const IMAGE_TYPES: [&str; 2] = ["vnd.oci.image", "vnd.docker.distribution.manifest"];

/// An image that something was built upon.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BaseImage {
    /// As the provenance names it.
    pub(super) text: String,
    /// By its tag, and by each of its digests.
    pub(super) names: Vec<ImageReference>,
}

/// A material that may be an image, and cannot be read as one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unclear {
    pub(super) text: String,
    pub(super) why: &'static str,
}

/// An image as a text names it.
struct Named {
    repository: Repository,
    tag: Option<Tag>,
    digests: Vec<Digest>,
}

/// The images among the materials.
pub(super) fn images(materials: Option<&Value>) -> Result<Vec<BaseImage>, Unclear> {
    match materials {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(materials)) => {
            let images = materials.iter().map(|material| {
                image(material).map_err(|why| Unclear { text: material.to_string().chars().take(200).collect(), why })
            });
            images.filter_map(Result::transpose).collect()
        }
        Some(other) => Err(Unclear { text: other.to_string().chars().take(200).collect(), why: "not a list" }),
    }
}

/// One material; `None` if it is not an image.
fn image(material: &Value) -> Result<Option<BaseImage>, &'static str> {
    let Value::Object(members) = material else { return Err("not an object") };
    let text = |name: &str| match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.as_str())),
        Some(_) => Err("a location that is not a string"),
    };
    let uri = text("uri")?;
    // With an address beside it, a name is for people.
    let place = if uri.is_some() { uri } else { text("name")? };
    let places: Vec<&str> = [place, text("downloadLocation")?].into_iter().flatten().collect();
    let Some(first) = places.first() else { return Err("neither uri nor name") };
    let mut found: Option<Named> = None;
    for place in &places {
        match (spelled(place)?, &mut found) {
            (Some(named), None) => found = Some(named),
            (Some(named), Some(known)) if named.repository == known.repository => known.digests.extend(named.digests),
            (Some(_), Some(_)) => return Err("two locations of two repositories"),
            (None, _) => {}
        }
    }
    let is_typed = text("mediaType")?.is_some_and(|kind| IMAGE_TYPES.iter().any(|known| kind.contains(known)));
    let Some(mut named) = found else {
        return if is_typed { Err("the media type of an image, without its name") } else { Ok(None) };
    };
    named.digests.extend(beside(members.get("digest"))?);
    let names = named.names()?;
    Ok(Some(BaseImage { text: (*first).to_owned(), names }))
}

/// The digests beside a name, of the algorithms that images have.
fn beside(digests: Option<&Value>) -> Result<Vec<Digest>, &'static str> {
    let members = match digests {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(members)) => members,
        Some(_) => return Err("digests that are not an object"),
    };
    let mut found = Vec::new();
    for (name, hex) in members {
        if let Some(algorithm) = DigestAlgorithm::from_name(&name.to_ascii_lowercase().replace('-', "")) {
            let hex = hex.as_str().ok_or("a digest that is not a string")?;
            found.push(Digest::from_hex(algorithm, hex).map_err(|_| "a digest that cannot be read")?);
        }
    }
    Ok(found)
}

impl Named {
    fn of(reference: ImageReference) -> Self {
        Self { repository: reference.repository, tag: reference.tag, digests: reference.digest.into_iter().collect() }
    }

    fn names(self) -> Result<Vec<ImageReference>, &'static str> {
        let Self { repository, tag, mut digests } = self;
        digests.dedup();
        let contradicts = |one: &Digest| digests.iter().any(|two| one.algorithm() == two.algorithm() && one != two);
        if digests.iter().any(contradicts) {
            return Err("digests that contradict each other");
        }
        let is_bare = digests.is_empty();
        let name = |tag, digest| ImageReference { repository: repository.clone(), tag, digest };
        let tagged = (is_bare || tag.is_some()).then(|| name(tag, None));
        Ok(tagged.into_iter().chain(digests.into_iter().map(|digest| name(None, Some(digest)))).collect())
    }
}

/// The image that a text names; `None` when it is known to name none.
fn spelled(text: &str) -> Result<Option<Named>, &'static str> {
    const NO_NAME: &str = "neither the name of an image, nor a known form of something else";
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("blanks");
    }
    if purl::without_scheme(text).is_some() {
        return by_purl(&Purl::parse(text).ok_or("a package URL that cannot be read")?);
    }
    let parse = |text: &str| text.parse().map(Named::of).map_err(|_| NO_NAME);
    let Some((scheme, rest)) = text.split_once("://") else {
        return if is_scp(text) { Ok(None) } else { parse(text).map(Some) };
    };
    let scheme = scheme.to_ascii_lowercase();
    if IMAGE_SCHEMES.contains(&scheme.as_str()) {
        return parse(rest).map(Some);
    }
    if DOWNLOAD_SCHEMES.contains(&scheme.as_str()) {
        let rest = purl::decoded(rest).ok_or(NO_NAME)?;
        let mut parts = rest.split('/').skip(1).filter(|part| !part.is_empty());
        if parts.next().is_some_and(|part| part.eq_ignore_ascii_case("v2")) {
            return Err("an address in the API of a registry");
        }
        let image: Option<ImageReference> = rest.parse().ok();
        let image = image.filter(|image| image.tag.is_some() || image.digest.is_some());
        return Ok(image.map(Named::of));
    }
    let is_source = SOURCE_SCHEMES.contains(&scheme.as_str())
        || ["git", "hg", "svn"].iter().any(|known| scheme == *known || scheme.starts_with(&format!("{known}+")));
    if is_source { Ok(None) } else { Err(NO_NAME) }
}

/// `git@host.example:owner/name.git`
fn is_scp(text: &str) -> bool {
    let host =
        text.split_once('@').filter(|(user, _)| !user.contains([':', '/'])).and_then(|(_, rest)| rest.split_once(':'));
    host.is_some_and(|(host, path)| host.contains('.') && !host.contains('/') && !path.is_empty())
}

fn by_purl(purl: &Purl) -> Result<Option<Named>, &'static str> {
    if !purl.is_image() {
        let places = purl.qualifiers.iter().filter(|(_, value)| value.contains("://"));
        for (_, value) in places {
            if spelled(value).map_or(true, |image| image.is_some()) {
                return Err("a package that is downloaded from where images are");
            }
        }
        return Ok(None);
    }
    let once = |name: &'static str| {
        let mut values = purl.values(name);
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            _ => Err("a qualifier twice"),
        }
    };
    let repository = match (purl.kind.as_str(), once("repository_url")?) {
        ("docker", None) => purl.path.clone(),
        ("docker", Some(host)) => {
            let is_host = host == "localhost" || host.contains(['.', ':']);
            let first = purl.path.split_once('/').map_or("", |(first, _)| first);
            if host.contains('/') || !is_host || first.contains(['.', ':']) {
                return Err("a repository_url that is not a host beside a name without one");
            }
            format!("{host}/{}", purl.path)
        }
        (_, Some(url)) => {
            let last = url.rsplit('/').next().unwrap_or(url);
            if !last.eq_ignore_ascii_case(&purl.path) {
                return Err("a repository_url that is not the repository of the name");
            }
            url.to_owned()
        }
        (_, None) => return Err("no repository_url"),
    };
    let repository = repository.parse().map_err(|_| "a repository that cannot be read")?;
    let (mut tag, mut digests) = (once("tag")?, Vec::new());
    let mut digest =
        |text: &str| text.parse().map(|digest| digests.push(digest)).map_err(|_| "a digest that cannot be read");
    match purl.version.as_deref() {
        Some(version) if version.contains(':') => digest(version)?,
        Some(version) if tag.is_none_or(|tag| tag == version) => tag = Some(version),
        Some(_) => return Err("tags that contradict each other"),
        None => {}
    }
    once("digest")?.map_or(Ok(()), digest)?;
    let tag = tag.map(str::parse).transpose().map_err(|_| "a tag that cannot be read")?;
    Ok(Some(Named { repository, tag, digests }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HEX: &str = "abababababababababababababababababababababababababababababababab";

    /// The names of the one image that a material is.
    fn read(material: &Value) -> Result<Vec<String>, &'static str> {
        let image = image(material)?.map_or_else(Vec::new, |image| image.names);
        Ok(image.iter().map(ToString::to_string).collect())
    }

    fn uri(text: &str) -> Result<Vec<String>, &'static str> {
        read(&json!({ "uri": text.replace("HEX", HEX) }))
    }

    // threat: R13
    #[test]
    fn every_spelling_of_an_image_is_one() {
        for (text, names) in [
            ("pkg:docker/alpine@3.18?platform=linux%2Famd64", &["index.docker.io/library/alpine:3.18"][..]),
            ("PKG:Docker/evil/base@1", &["index.docker.io/evil/base:1"]),
            ("pkg://docker/evil/base@1", &["index.docker.io/evil/base:1"]),
            ("pkg:docker/ev%69l/base@1", &["index.docker.io/evil/base:1"]),
            ("pkg:docker/ghcr.io/o/base@v1", &["ghcr.io/o/base:v1"]),
            ("pkg:docker/o/base", &["index.docker.io/o/base"]),
            ("pkg:docker/o/base@sha256:HEX", &["index.docker.io/o/base@sha256:HEX"]),
            (
                "pkg:docker/o/base@v1?digest=sha256:HEX&x=y",
                &["index.docker.io/o/base:v1", "index.docker.io/o/base@sha256:HEX"],
            ),
            (
                "pkg:docker/customer/dockerimage@sha256%3AHEX?repository_url=gcr.io",
                &["gcr.io/customer/dockerimage@sha256:HEX"],
            ),
            ("pkg:oci/base@sha256%3AHEX?repository_url=ghcr.io%2Fo%2Fbase", &["ghcr.io/o/base@sha256:HEX"]),
            (
                "pkg:OCI/base@sha256%3AHEX?repository_url=ghcr.io/o/base&tag=v1#sub",
                &["ghcr.io/o/base:v1", "ghcr.io/o/base@sha256:HEX"],
            ),
            ("oci://evil.test/base@sha256:HEX", &["evil.test/base@sha256:HEX"]),
            ("OCI://evil.test/base", &["evil.test/base"]),
            ("docker://evil.test/base:1", &["evil.test/base:1"]),
            ("docker-image://evil.test/base:1@sha256:HEX", &["evil.test/base:1", "evil.test/base@sha256:HEX"]),
            ("evil.test/base:1", &["evil.test/base:1"]),
            ("alpine", &["index.docker.io/library/alpine"]),
            ("https://gcr.io/cloud-builders/docker@sha256:HEX", &["gcr.io/cloud-builders/docker@sha256:HEX"]),
            ("https://evil.test/base:1", &["evil.test/base:1"]),
        ] {
            let names: Vec<String> = names.iter().map(|name| name.replace("HEX", HEX)).collect();
            assert_eq!(uri(text), Ok(names), "{text}");
        }
        let named = json!({"name": "evil.test/base", "digest": {"sha256": HEX}});
        assert_eq!(read(&named), Ok(vec![format!("evil.test/base@sha256:{HEX}")]));
        let elsewhere = json!({"uri": "git+https://host.test/x", "downloadLocation": "docker://evil.test/base:1"});
        assert_eq!(read(&elsewhere), Ok(vec!["evil.test/base:1".to_owned()]));
        let twice =
            json!({"uri": "pkg:docker/o/base@v1", "downloadLocation": format!("oci://docker.io/o/base@sha256:{HEX}")});
        let names = ["index.docker.io/o/base:v1".to_owned(), format!("index.docker.io/o/base@sha256:{HEX}")];
        assert_eq!(read(&twice), Ok(names.to_vec()));
    }

    // threat: R13
    #[test]
    fn material_known_not_to_be_an_image_is_skipped() {
        for text in [
            "git+https://github.com/o/r@refs/heads/main",
            "git+ssh://git@github.com/o/r@refs/heads/main",
            "git://host.test/r",
            "git@github.com:o/r.git#main",
            "ssh://git@github.com/o/r",
            "https://github.com/o/r",
            "https://github.com/o/r.git#refs/heads/main",
            "https://github.com/o/r@refs/heads/main",
            "https://host.test:8443/file.tar.gz",
            "https://host.test/a%20b.tar.gz?x=y:z",
            "pkg:deb/debian/openssl@3.0.1?arch=amd64",
            "pkg:npm/%40scope/name@1.0.0",
            "pkg:generic/openssl@1.1?download_url=https://openssl.org/source/openssl-1.1.0g.tar.gz",
            "pkg:github/o/r@v1",
            "file:///src/Dockerfile",
        ] {
            assert_eq!(uri(text), Ok(vec![]), "{text}");
        }
    }

    // threat: R13
    #[test]
    fn what_may_be_an_image_and_cannot_be_read_is_an_error() {
        for text in [
            "",
            " pkg:docker/evil/base@1",
            "pkg:docker%2Fevil/base",
            "pkg:docker/UPPER",
            "pkg:docker/a/../b",
            "pkg:docker/%2e%2e/base",
            "pkg:docker/a@",
            "pkg:docker/a@1@sha256:HEX",
            "pkg:docker/a@sha256:HEX?digest=sha256:00",
            "pkg:docker/a@1?tag=2",
            "pkg:docker/a@1?tag=1&tag=1",
            "pkg:docker/evil/malware@1?repository_url=alpine",
            "pkg:docker/evil/malware@1?repository_url=registry.good%2Fbase",
            "pkg:docker/ghcr.io/a?repository_url=registry.good",
            "pkg:docker/a?REPOSITORY_URL=registry.good/a",
            "pkg:oci/a@sha256%3AHEX",
            "pkg:oci/a@sha256%3AHEX?repository_url=registry.good/b",
            "pkg:oci/a@sha256%3AHEX?repository_url=registry.good/a:1",
            "pkg:oci/a?repository_url=registry.good/a&repository_url=evil.test/a",
            "pkg:generic/x?download_url=oci://evil.test/base",
            "pkg:generic/x?download_url=https://evil.test/v2/base/blobs/sha256:HEX",
            "oci-layout://x@sha256:HEX",
            "oci://",
            "oci://evil.test/../base",
            "magnet://x",
            "https://evil.test/v2/base/manifests/1",
            "https://evil.test/%76%32/base/manifests/1",
            "https://evil.test/a b",
            "git+https://evil.test/a\tb",
            "app@host:path",
            "git@host.test:",
            "git@host.test/o:r",
            "Dockerfile",
        ] {
            assert!(uri(text).is_err(), "{text}: {:?}", uri(text));
        }
        let good = "pkg:docker/a@1";
        for material in [
            json!("pkg:docker/a@1"),
            json!({}),
            json!({"digest": {"sha256": HEX}}),
            json!({"uri": ["pkg:docker/a@1"]}),
            json!({"uri": good, "digest": [HEX]}),
            json!({"uri": good, "digest": {"sha256": 1}}),
            json!({"uri": good, "digest": {"sha256": "00"}}),
            json!({"uri": good, "downloadLocation": "docker://evil.test/base:1"}),
            json!({"uri": "https://host.test/x", "mediaType": "application/vnd.oci.image.manifest.v1+json"}),
            json!({"uri": "https://host.test/x", "mediaType": ""}),
            json!({"downloadLocation": format!("https://evil.test/v2/x/blobs/sha256:{HEX}")}),
        ] {
            assert!(read(&material).is_err(), "{material}");
        }
        assert!(images(Some(&json!({"0": {"uri": good}}))).is_err());
    }

    // threat: R13
    #[test]
    fn digests_that_contradict_are_an_error() {
        let other = HEX.replace("ab", "cd");
        let pinned = format!("pkg:docker/a@1?digest=sha256:{HEX}");
        for (uri, digest) in [
            (pinned.clone(), json!({"sha256": other})),
            (pinned.clone(), json!({"SHA-256": other})),
            (format!("pkg:docker/a@sha256:{other}?digest=sha256:{HEX}"), json!({})),
            (format!("pkg:docker/a@1?digest=sha256:{HEX}&digest=sha256:{HEX}"), json!({})),
            (format!("oci://a.test/b@sha256:{HEX}"), json!({"sha256": other})),
        ] {
            assert!(read(&json!({"uri": uri, "digest": digest})).is_err(), "{uri} {digest}");
        }
        let same = json!({"uri": pinned, "digest": {"sha256": HEX, "sha1": "of a commit"}});
        assert_eq!(read(&same).map(|names| names.len()), Ok(2));
    }
}
