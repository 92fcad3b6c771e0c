//! SLSA provenance 0.2 and 1.0: who built what from where.

use serde::Deserialize;
use serde_json::Value;

use super::materials::{self, Unclear};
use super::{GateInput, group, leaf};
use crate::content::{ContentError, PredicateType, Statement};
use crate::json;
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
    materials: Option<Value>,
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
pub(super) fn check(gate: &ProvenanceGate, seen: &GateInput<'_>) -> Node {
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
        parts.push(leaf(CheckId::BaseImage, built_upon(&gate.base_images, provenance.materials.as_ref())));
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

/// Every image among the materials is an allowed one, by its tag or its digest, and there is one.
fn built_upon(allowed: &[ImageGlob], materials: Option<&Value>) -> Result<Fact, Reason> {
    let not_allowed = |found: Option<String>| Reason::BaseImageNotAllowed {
        allowed: allowed.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        found,
    };
    let images =
        materials::images(materials).map_err(|Unclear { text, why }| not_allowed(Some(format!("{text}: {why}"))))?;
    let is_allowed =
        |image: &&materials::BaseImage| image.names.iter().any(|name| allowed.iter().any(|glob| glob.matches(name)));
    if let Some(other) = images.iter().find(|image| !is_allowed(image)) {
        return Err(not_allowed(Some(other.text.clone())));
    }
    let names: Vec<String> = images.iter().filter_map(|image| image.names.last()).map(ToString::to_string).collect();
    if names.is_empty() { Err(not_allowed(None)) } else { Ok(Fact::BaseImages { images: names.join(", ") }) }
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
    let parameter =
        |name: &str| parameters.and_then(|parameters| parameters.get(name)).filter(|value| !value.is_null());
    let (source, reference) = match parameter("workflow") {
        Some(workflow) => (text(workflow.get("repository")), text(workflow.get("ref"))),
        None => origin(parameter("configSource").or_else(|| parameter("source"))),
    };
    Provenance {
        builder: text(at(wire.run_details.as_ref(), &["builder", "id"])),
        source,
        reference,
        materials: at(wire.build_definition.as_ref(), &["resolvedDependencies"]).cloned(),
    }
}

fn version_02(wire: Version02) -> Provenance {
    let (source, reference) = origin(at(wire.invocation.as_ref(), &["configSource"]));
    Provenance { builder: text(at(wire.builder.as_ref(), &["id"])), source, reference, materials: wire.materials }
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
        Some((repository, reference)) => {
            // BuildKit puts a directory behind the reference, which has no colon: `#refs/heads/main:src`.
            let reference = reference.split_once(':').map_or(reference, |(reference, _)| reference);
            (Some(format!("{host}{repository}")), Some(reference.to_owned()))
        }
        None => (Some(uri.to_owned()), None),
    }
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
            ("https://github.com/o/r.git#refs/tags/v1:src", "https://github.com/o/r.git", Some("refs/tags/v1")),
            ("git+ssh://git@github.com/o/r@refs/heads/x@y", "ssh://git@github.com/o/r", Some("refs/heads/x@y")),
            ("git+https://github.com@evil.test/o/r@main", "https://github.com@evil.test/o/r", Some("main")),
            ("", "", None),
        ] {
            let found = origin(Some(&json!({"uri": uri})));
            assert_eq!(found, (Some(repository.to_owned()), reference.map(str::to_owned)), "{uri}");
        }
    }
}
