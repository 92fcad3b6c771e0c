//! SLSA provenance 0.2 and 1.0: who built what from where.

use serde::Deserialize;
use serde_json::Value;

use super::{Seen, group, leaf};
use crate::content::{ContentError, PredicateType, Statement};
use crate::json;
use crate::oci::ImageReference;
use crate::policy::{ImageGlob, ProvenanceGate, TextGlob};
use crate::reason::Reason;
use crate::report::{CheckId, Fact, Node, Rule};

const DOCUMENT: &str = "SLSA provenance";

/// What a provenance says, in the words of no version.
#[derive(Debug, Default, PartialEq, Eq)]
struct Provenance {
    builder: Option<String>,
    source: Option<String>,
    reference: Option<String>,
    materials: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version1 {
    build_definition: Option<Value>,
    run_details: Option<Value>,
}

#[derive(Deserialize)]
struct Version02 {
    builder: Option<Value>,
    invocation: Option<Value>,
    materials: Option<Value>,
}

/// One provenance must say all that is asked.
pub(super) fn check(gate: &ProvenanceGate, seen: &Seen<'_>) -> Node {
    let judged = seen.statements.iter().map(|held| match read(held.statement) {
        Ok(provenance) => group("one provenance", Rule::All, compare(gate, &provenance)),
        Err(reason) => leaf(CheckId::Provenance, Err(reason)),
    });
    group("provenance", Rule::AtLeast(std::num::NonZeroUsize::MIN), judged.collect())
}

fn compare(gate: &ProvenanceGate, provenance: &Provenance) -> Vec<Node> {
    let mut parts = Vec::new();
    for (field, wanted, found) in [
        ("builder", &gate.builder, &provenance.builder),
        ("source", &gate.source, &provenance.source),
        ("ref", &gate.reference, &provenance.reference),
    ] {
        if let Some(wanted) = wanted {
            parts.push(leaf(CheckId::Provenance, field_is(field, wanted, found.as_deref())));
        }
    }
    if !gate.base_images.is_empty() {
        parts.push(leaf(CheckId::BaseImage, built_upon(&gate.base_images, &provenance.materials)));
    }
    parts
}

fn field_is(field: &'static str, wanted: &TextGlob, found: Option<&str>) -> Result<Fact, Reason> {
    match found {
        Some(found) if wanted.matches(found) => Ok(Fact::Provenance { field, value: found.to_owned() }),
        found => {
            Err(Reason::ProvenanceMismatch { field, expected: wanted.to_string(), found: found.map(str::to_owned) })
        }
    }
}

/// Every image among the materials is an allowed one, and there is one.
fn built_upon(allowed: &[ImageGlob], materials: &[String]) -> Result<Fact, Reason> {
    let not_allowed = |found: Option<&str>| Reason::BaseImageNotAllowed {
        allowed: allowed.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        found: found.map(str::to_owned),
    };
    let mut images = Vec::new();
    for material in
        materials.iter().filter(|material| material.starts_with("pkg:docker/") || material.starts_with("pkg:oci/"))
    {
        let image = image(material).filter(|image| allowed.iter().any(|glob| glob.matches(image)));
        images.push(image.ok_or_else(|| not_allowed(Some(material)))?.to_string());
    }
    if images.is_empty() { Err(not_allowed(None)) } else { Ok(Fact::BaseImages { images: images.join(", ") }) }
}

fn read(statement: &Statement) -> Result<Provenance, Reason> {
    let bytes = statement.predicate().unwrap_or_default();
    let malformed = |error| Reason::from(ContentError::Json { document: DOCUMENT, error });
    if statement.predicate_type == PredicateType::SlsaProvenance1.uri() {
        json::from_slice(bytes).map(version_1).map_err(malformed)
    } else if statement.predicate_type == PredicateType::SlsaProvenance02.uri() {
        json::from_slice(bytes).map(version_02).map_err(malformed)
    } else {
        let expected = "https://slsa.dev/provenance/v1";
        Err(Reason::PredicateTypeMismatch { expected: expected.into(), found: statement.predicate_type.clone() })
    }
}

fn version_1(wire: Version1) -> Provenance {
    let parameters = wire.build_definition.as_ref().and_then(|definition| definition.get("externalParameters"));
    let workflow = parameters.and_then(|parameters| parameters.get("workflow"));
    let (source, reference) = match workflow {
        Some(workflow) => (text(workflow.get("repository")), text(workflow.get("ref"))),
        None => origin(parameters.and_then(|parameters| parameters.get("configSource"))),
    };
    Provenance {
        builder: text(at(wire.run_details.as_ref(), &["builder", "id"])),
        source,
        reference,
        materials: uris(wire.build_definition.as_ref().and_then(|definition| definition.get("resolvedDependencies"))),
    }
}

fn version_02(wire: Version02) -> Provenance {
    let (source, reference) = origin(at(wire.invocation.as_ref(), &["configSource"]));
    Provenance {
        builder: text(at(wire.builder.as_ref(), &["id"])),
        source,
        reference,
        materials: uris(wire.materials.as_ref()),
    }
}

fn at<'v>(value: Option<&'v Value>, path: &[&str]) -> Option<&'v Value> {
    path.iter().try_fold(value?, |value, name| value.get(name))
}

fn text(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).map(str::to_owned)
}

/// Repository and reference of a source: `git+https://host/owner/name@refs/heads/main`, or BuildKit's `…name.git#refs/heads/main`.
fn origin(source: Option<&Value>) -> (Option<String>, Option<String>) {
    let Some(uri) = at(source, &["uri"]).and_then(Value::as_str) else { return (None, None) };
    let uri = uri.strip_prefix("git+").unwrap_or(uri);
    // An `@` before the path belongs to a user.
    let path = uri.find("://").map_or(0, |start| start.saturating_add(3));
    let slash = uri.get(path..).and_then(|rest| rest.find('/')).map_or(uri.len(), |slash| path.saturating_add(slash));
    let (host, rest) = uri.split_at_checked(slash).unwrap_or((uri, ""));
    match rest.split_once(['@', '#']) {
        Some((repository, reference)) => (Some(format!("{host}{repository}")), Some(reference.to_owned())),
        None => (Some(uri.to_owned()), None),
    }
}

fn uris(materials: Option<&Value>) -> Vec<String> {
    materials.and_then(Value::as_array).into_iter().flatten().filter_map(|material| text(material.get("uri"))).collect()
}

/// The image of a package URL of type `docker` or `oci`, purl-spec.
fn image(purl: &str) -> Option<ImageReference> {
    let (kind, rest) = purl.strip_prefix("pkg:")?.split_once('/')?;
    let (rest, qualifiers) = rest.split_once('?').unwrap_or((rest, ""));
    let (name, version) = rest.split_once('@').map_or((rest, None), |(name, version)| (name, Some(version)));
    let qualifier =
        |wanted: &str| qualifiers.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == wanted));
    let repository = match (kind, qualifier("repository_url")) {
        (_, Some((_, url))) => decoded(url)?,
        ("docker", None) => decoded(name)?,
        _ => return None,
    };
    let version = version.map(decoded).map(|version| version.ok_or(())).transpose().ok()?;
    let tail = match (version, qualifier("digest")) {
        (_, Some((_, digest))) => format!("@{}", decoded(digest)?),
        (Some(version), None) if version.contains(':') => format!("@{version}"),
        (Some(version), None) => format!(":{version}"),
        (None, None) => String::new(),
    };
    format!("{repository}{tail}").parse().ok()
}

/// Percent-decoding, of the characters that occur in names of images.
fn decoded(text: &str) -> Option<String> {
    let text = text.replace("%2F", "/").replace("%2f", "/").replace("%3A", ":").replace("%3a", ":");
    (!text.contains('%')).then_some(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    // threat: D20
    #[test]
    fn the_source_is_split_from_its_reference() {
        for (uri, repository, reference) in [
            ("git+https://github.com/o/r@refs/heads/main", "https://github.com/o/r", Some("refs/heads/main")),
            ("git+https://github.com/o/r", "https://github.com/o/r", None),
            ("https://github.com/o/r.git#refs/tags/v1", "https://github.com/o/r.git", Some("refs/tags/v1")),
            ("git+ssh://git@github.com/o/r@refs/heads/x@y", "ssh://git@github.com/o/r", Some("refs/heads/x@y")),
            ("git+https://github.com@evil.test/o/r@main", "https://github.com@evil.test/o/r", Some("main")),
            ("", "", None),
        ] {
            let found = origin(Some(&json!({"uri": uri})));
            assert_eq!(found, (Some(repository.to_owned()), reference.map(str::to_owned)), "{uri}");
        }
    }

    #[test]
    fn images_are_read_from_package_urls() {
        let hex = "0".repeat(64);
        for (purl, expected) in [
            (
                "pkg:docker/alpine@3.18?platform=linux%2Famd64".to_owned(),
                Some("index.docker.io/library/alpine:3.18".to_owned()),
            ),
            ("pkg:docker/ghcr.io/o/base@v1".to_owned(), Some("ghcr.io/o/base:v1".to_owned())),
            (format!("pkg:docker/o/base@sha256:{hex}"), Some(format!("index.docker.io/o/base@sha256:{hex}"))),
            (
                format!("pkg:docker/o/base@v1?digest=sha256:{hex}&x=y"),
                Some(format!("index.docker.io/o/base@sha256:{hex}")),
            ),
            (
                format!("pkg:oci/base@sha256%3A{hex}?repository_url=ghcr.io%2Fo%2Fbase"),
                Some(format!("ghcr.io/o/base@sha256:{hex}")),
            ),
            ("pkg:oci/base@v1".to_owned(), None),
            ("pkg:docker/%2e%2e/base".to_owned(), None),
            ("pkg:docker/UPPER".to_owned(), None),
        ] {
            assert_eq!(image(&purl).map(|image| image.to_string()), expected, "{purl}");
        }
    }
}
