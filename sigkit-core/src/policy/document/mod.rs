//! Policies in files: sigstore's `ClusterImagePolicy`, `policy.json` of containers-policy.json(5), and our own `ImagePolicy`.
//!
//! Every document is read strictly. A member that is not known, or that asks for something this library cannot check, is an
//! error that names the member; nothing that a document requires is ignored.

mod cluster_image_policy;
mod containers;
mod image_policy;
mod keys;
mod yaml;

use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{EnforcementMode, PolicyError, PolicySet};
use crate::cause::{LikelyCause, TextFormat, likely_cause};
use crate::content::{PredicateType, PredicateTypeError};
use crate::json::{self, JsonError, Objects};
use crate::limits::Limits;
use crate::trust::{RootName, TrustedRoot};

/// What a document may refer to outside itself.
pub trait DocumentResolver {
    /// The bytes of a file that the document names, of at most `limit` bytes.
    ///
    /// # Errors
    /// Why there are none, in words.
    fn file(&self, path: &str, limit: u64) -> Result<Vec<u8>, String>;

    /// The name of the trusted root for documents that name none.
    fn default_root(&self) -> RootName {
        RootName::PUBLIC_GOOD
    }

    /// The trusted root that the deployment has under this name. Policies keep the name alone; a document that asks for a log or authority
    /// that the root does not have is refused.
    ///
    /// # Errors
    /// Why there is none, as a message.
    fn trusted_root(&self, name: &RootName) -> Result<Arc<TrustedRoot>, String>;
}

/// Why a text is not a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// Neither UTF-8, nor JSON, nor the YAML that is read here.
    #[error("line {line}, column {column}: {problem}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        /// What is wrong.
        problem: String,
    },
    /// Not JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A member that is unknown, missing, of another type, or asks for what cannot be checked.
    #[error("document {document}{}{path}: {problem}", if path.is_empty() { "" } else { ", " })]
    Member {
        /// Counted from 1.
        document: usize,
        /// The way to the member: `spec.authorities[0].key`.
        path: String,
        /// What was expected and found, or why it is refused.
        problem: String,
    },
    /// A document of another kind.
    #[error("document {document}: expected {KINDS}, found {found}")]
    Kind {
        /// Counted from 1.
        document: usize,
        /// What the document says of itself.
        found: String,
    },
    /// Documents of other kinds alone.
    #[error("expected {KINDS}, found only others: {found}")]
    OthersOnly {
        /// The first of them.
        found: String,
    },
    /// More than the limit allows.
    #[error("more than {limit} {what}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// Nothing.
    #[error("expected {KINDS}, found no document")]
    Empty,
    /// Something happened to the file before it was read.
    #[error("{error}: {cause}")]
    Changed {
        /// What is wrong with it as it is.
        error: Box<DocumentError>,
        /// What probably happened.
        cause: LikelyCause,
    },
}

const KINDS: &str = "kind ClusterImagePolicy of policy.sigstore.dev/v1alpha1 or v1beta1, kind ImagePolicy of sigkit.dev/v1, or a containers policy.json";

impl DocumentError {
    fn syntax(line: usize, column: usize, problem: String) -> Self {
        Self::Syntax { line, column: column.saturating_add(1), problem }
    }
}

impl PolicySet {
    /// Reads the policies of a file, YAML or JSON, of every kind known; all that are about an image apply to it.
    ///
    /// # Errors
    /// [`DocumentError`], with the way to what is wrong.
    pub fn from_file(bytes: &[u8], resolver: &dyn DocumentResolver, limits: &Limits) -> Result<Self, DocumentError> {
        Self::read(bytes, resolver, limits).map_err(|error| match error {
            // JSON has its cause with it, and the rest was read.
            DocumentError::Syntax { .. } | DocumentError::Kind { .. } | DocumentError::Empty => {
                match likely_cause(bytes, TextFormat::Yaml) {
                    Some(cause) => DocumentError::Changed { error: Box::new(error), cause },
                    None => error,
                }
            }
            error => error,
        })
    }

    fn read(bytes: &[u8], resolver: &dyn DocumentResolver, limits: &Limits) -> Result<Self, DocumentError> {
        let reading = Reading { resolver, limits };
        let documents = items(documents(bytes, limits)?);
        let mut rules = Vec::new();
        let mut passed_over = Vec::new();
        for (number, document) in (1..).zip(&documents) {
            let member =
                |error: Shape| DocumentError::Member { document: number, path: error.path, problem: error.problem };
            let text = |name: &str| document.get(name).and_then(Value::as_str);
            match (text("apiVersion"), text("kind")) {
                (Some("policy.sigstore.dev/v1alpha1" | "policy.sigstore.dev/v1beta1"), Some("ClusterImagePolicy")) => {
                    rules.push(cluster_image_policy::rule(document, &reading).map_err(member)?);
                }
                (Some("sigkit.dev/v1"), Some("ImagePolicy")) => {
                    rules.push(image_policy::rule(document, &reading).map_err(member)?);
                }
                (None, None) if document.get("default").is_some() && documents.len() == 1 => {
                    return containers::set(document, &reading).map_err(member);
                }
                (Some(version), Some(kind)) if !OWN_GROUPS.contains(&group_of(version)) || kind == "TrustRoot" => {
                    passed_over.push(format!("document {number}, apiVersion {version}, kind {kind}"));
                }
                (version, kind) => {
                    let found = match (version, kind) {
                        (None, None) => "neither apiVersion and kind nor default".to_owned(),
                        (Some(version), Some(kind)) => format!("apiVersion {version:?}, kind {kind:?}"),
                        (Some(version), None) => format!("apiVersion {version:?} without a kind"),
                        (None, Some(kind)) => format!("kind {kind:?} without an apiVersion"),
                    };
                    return Err(DocumentError::Kind { document: number, found });
                }
            }
        }
        match passed_over.first() {
            _ if !rules.is_empty() => {}
            Some(found) => return Err(DocumentError::OthersOnly { found: found.clone() }),
            None => return Err(DocumentError::Empty),
        }
        Ok(Self { passed_over, ..Self::new(rules) })
    }
}

/// API groups whose documents are all read, so that an unknown kind of them is an error.
const OWN_GROUPS: [&str; 2] = ["policy.sigstore.dev", "sigkit.dev"];
/// Kinds that hold documents.
const LISTS: [&str; 2] = ["List", "ClusterImagePolicyList"];

/// The documents, with the items of each list in its place.
fn items(documents: Vec<Value>) -> Vec<Value> {
    let is_list =
        |document: &Value| document.get("kind").and_then(Value::as_str).is_some_and(|kind| LISTS.contains(&kind));
    let mut flat = Vec::new();
    for mut document in documents {
        match document.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) if is_list(&document) => flat.extend(items),
            Some(other) => {
                if let Some(place) = document.get_mut("items") {
                    *place = other;
                }
                flat.push(document);
            }
            None => flat.push(document),
        }
    }
    flat
}

fn group_of(version: &str) -> &str {
    version.split_once('/').map_or("", |(group, _)| group)
}

fn documents(bytes: &[u8], limits: &Limits) -> Result<Vec<Value>, DocumentError> {
    if bytes.len() > limits.policy_bytes {
        return Err(DocumentError::TooMany { what: "bytes", limit: limits.policy_bytes });
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| DocumentError::syntax(1, error.valid_up_to(), "expected UTF-8".to_owned()))?;
    if text.trim_start().starts_with('{') {
        return Ok(vec![json::from_slice(bytes)?]);
    }
    yaml::documents(text, limits)
}

/// Why policies in CUE are refused, and what to do instead.
pub const CUE: &str = "refused: CUE is not evaluated: write the same policy in Rego (package signature, allow), or as an ImagePolicy of sigkit.dev/v1";

#[cfg(feature = "rego")]
fn rego_gate(name: &str, source: &str, among: super::Quantifier) -> Result<super::Gate, Shape> {
    super::RegoPolicy::new(name, source, among)
        .map(|policy| super::Gate::Rego(Box::new(policy)))
        .map_err(|error| Shape::at("", error))
}

#[cfg(feature = "rego")]
fn controller_gate(name: &str, source: &str) -> Result<super::Gate, Shape> {
    super::RegoPolicy::of_policy_controller(name, source)
        .map(|policy| super::Gate::Rego(Box::new(policy)))
        .map_err(|error| Shape::at("", error))
}

#[cfg(not(feature = "rego"))]
const NO_REGO: &str = "refused: this build does not evaluate Rego";

#[cfg(not(feature = "rego"))]
fn rego_gate(_: &str, _: &str, _: super::Quantifier) -> Result<super::Gate, Shape> {
    Err(Shape::at("", NO_REGO))
}

#[cfg(not(feature = "rego"))]
fn controller_gate(_: &str, _: &str) -> Result<super::Gate, Shape> {
    Err(Shape::at("", NO_REGO))
}

/// What a document is read with.
struct Reading<'r> {
    resolver: &'r dyn DocumentResolver,
    limits: &'r Limits,
}

/// What is wrong, and where.
#[derive(Debug)]
struct Shape {
    path: String,
    problem: String,
}

impl Shape {
    fn at(path: impl Into<String>, problem: impl ToString) -> Self {
        Self { path: path.into(), problem: problem.to_string() }
    }

    /// The same, seen from further out.
    fn below(self, outer: &str) -> Self {
        let path = match self.path.as_str() {
            "" => outer.to_owned(),
            inner if inner.starts_with('[') => format!("{outer}{inner}"),
            inner => format!("{outer}.{inner}"),
        };
        Self { path, ..self }
    }
}

/// Reads a value of a known shape.
fn shaped<T: DeserializeOwned>(value: &Value) -> Result<T, Shape> {
    serde_path_to_error::deserialize(Objects(value)).map_err(|error| {
        // The way to the value itself is written as a dot.
        let path = error.path().to_string();
        Shape::at(if path == "." { "" } else { &path }, json::plain(&error.inner().to_string()))
    })
}

impl From<PolicyError> for Shape {
    fn from(error: PolicyError) -> Self {
        Self::at("", error)
    }
}

/// Text that is read by `FromStr`, so that an error names its member.
#[derive(Clone, Debug)]
struct Parsed<T>(T);

impl<'de, T> serde::Deserialize<'de> for Parsed<T>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

/// The type of attestations to look for.
#[derive(Clone, Debug)]
struct WantedType(PredicateType);

impl std::str::FromStr for WantedType {
    type Err = PredicateTypeError;

    fn from_str(text: &str) -> Result<Self, PredicateTypeError> {
        PredicateType::wanted(text).map(Self)
    }
}

/// Refuses members without a value: to omit one and to leave one empty are not the same, and the latter is probably a mistake.
fn filled(document: &Value) -> Result<(), Shape> {
    match document {
        Value::Null => Err(Shape::at("", "expected a value, found nothing")),
        Value::Array(items) => each(items, "", |_, item| filled(item)).map(drop),
        Value::Object(members) => members.iter().try_for_each(|(name, value)| filled(value).map_err(|e| e.below(name))),
        _ => Ok(()),
    }
}

/// A list that is not empty: an empty one is probably a mistake.
#[derive(Clone, Debug)]
struct Filled<T>(Vec<T>);

impl<'de, T: serde::Deserialize<'de>> serde::Deserialize<'de> for Filled<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items = Vec::deserialize(deserializer)?;
        if items.is_empty() {
            return Err(serde::de::Error::custom("expected at least one, found an empty list"));
        }
        Ok(Self(items))
    }
}

/// [`EnforcementMode`] as documents write it.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WireMode {
    #[default]
    Enforce,
    Warn,
}

impl From<WireMode> for EnforcementMode {
    fn from(mode: WireMode) -> Self {
        match mode {
            WireMode::Enforce => Self::Enforce,
            WireMode::Warn => Self::Warn,
        }
    }
}

/// Numbers what is listed, and puts the number into what is wrong.
fn each<T, U>(items: &[T], name: &str, read: impl Fn(usize, &T) -> Result<U, Shape>) -> Result<Vec<U>, Shape> {
    (0..).zip(items).map(|(i, item)| read(i, item).map_err(|error| error.below(&format!("{name}[{i}]")))).collect()
}
