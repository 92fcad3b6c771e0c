//! OpenVEX 0.2: what a supplier says about a vulnerability in a product.
//!
//! Only statements of authorities that the policy names come here. A word counts for a product that is named by digest or by the
//! exact package URL of the finding; of several the latest decides, and what it does not clear stays a finding.

use serde::Deserialize;
use serde_json::Value;

use super::{SKEW, Seen};
use crate::content::ContentError;
use crate::content::scan::Finding;
use crate::digest::DigestAlgorithm;
use crate::json;
use crate::reason::Reason;
use crate::report::Fact;
use crate::time::UnixTime;

const DOCUMENT: &str = "OpenVEX document";

/// One statement about one vulnerability.
pub(super) struct Word {
    authority: String,
    vulnerability: Vec<String>,
    products: Vec<Product>,
    status: String,
    is_reasoned: Reasoned,
    time: UnixTime,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reasoned {
    Yes,
    No,
}

struct Product {
    names: Vec<String>,
    sha256: Option<String>,
    subcomponents: Vec<String>,
}

#[derive(Deserialize)]
struct WireDocument {
    timestamp: Option<String>,
    last_updated: Option<String>,
    statements: Vec<WireStatement>,
}

#[derive(Deserialize)]
struct WireStatement {
    vulnerability: Value,
    timestamp: Option<String>,
    last_updated: Option<String>,
    #[serde(default)]
    products: Vec<Value>,
    status: String,
    justification: Option<String>,
    impact_statement: Option<String>,
}

impl Word {
    /// Whether there is nothing to fear, as it says.
    fn clears(&self) -> bool {
        matches!((self.status.as_str(), self.is_reasoned), ("fixed", _) | ("not_affected", Reasoned::Yes))
    }
}

/// Every statement of every document that came; a document that cannot be read may hold a word against the artifact.
pub(super) fn read(seen: &Seen<'_>) -> Result<Vec<Word>, Reason> {
    let mut words = Vec::new();
    for held in &seen.vex {
        let bytes = held.statement.predicate().unwrap_or_default();
        let document: WireDocument =
            json::from_slice(bytes).map_err(|error| ContentError::Json { document: DOCUMENT, error })?;
        let general = document.last_updated.or(document.timestamp);
        for statement in document.statements {
            let time = statement.last_updated.or(statement.timestamp).or_else(|| general.clone());
            words.push(Word {
                authority: held.authority.to_owned(),
                vulnerability: identifiers(&statement.vulnerability),
                products: statement.products.iter().map(product).collect(),
                status: statement.status,
                is_reasoned: match (&statement.justification, &statement.impact_statement) {
                    (None, None) => Reasoned::No,
                    _ => Reasoned::Yes,
                },
                time: parse_time(time.as_deref().unwrap_or_default())?,
            });
        }
    }
    Ok(words)
}

fn parse_time(text: &str) -> Result<UnixTime, Reason> {
    UnixTime::parse(text).map(|(time, _)| time).ok_or_else(|| {
        let found = text.chars().take(80).collect();
        ContentError::Member {
            document: DOCUMENT,
            member: "timestamp",
            expected: "a time such as 2026-11-23T05:03:30Z",
            found,
        }
        .into()
    })
}

/// The identifiers of a vulnerability: an object with name and aliases, or the name alone in older documents.
fn identifiers(vulnerability: &Value) -> Vec<String> {
    let texts = |value: Option<&Value>| match value {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    match vulnerability {
        Value::String(name) => vec![name.clone()],
        other => [texts(other.get("name")), texts(other.get("aliases")), texts(other.get("@id"))].concat(),
    }
}

fn names(component: &Value) -> Vec<String> {
    match component {
        Value::String(name) => vec![name.clone()],
        other => [other.get("@id"), other.get("identifiers").and_then(|identifiers| identifiers.get("purl"))]
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
    }
}

fn product(product: &Value) -> Product {
    let hash = product.get("hashes").and_then(|hashes| hashes.get("sha-256")).and_then(Value::as_str);
    let subcomponents = product.get("subcomponents").and_then(Value::as_array);
    Product {
        names: names(product),
        sha256: hash.map(str::to_owned),
        subcomponents: subcomponents.into_iter().flatten().flat_map(names).collect(),
    }
}

/// What the latest word about the finding amounts to; `None` when there is no word about it.
pub(super) fn decide(words: &[Word], finding: &Finding, seen: &Seen<'_>) -> Result<Option<Fact>, Reason> {
    // What is said of one CVE among several of an advisory speaks against the advisory, and never for it.
    let is_vulnerability = |word: &Word| match word.clears() {
        true => word.vulnerability.iter().any(|name| finding.is(name)),
        false => word.vulnerability.iter().any(|name| finding.touches(name)),
    };
    let about = words
        .iter()
        .filter(|word| is_vulnerability(word) && word.products.iter().any(|product| is_meant(product, finding, seen)));
    let about: Vec<&Word> = about.collect();
    let Some(latest) = about.iter().map(|word| word.time).max() else { return Ok(None) };
    let against = |word: &Word, found: String| Reason::NotCleared {
        id: finding.id.clone(),
        package: finding.package.clone(),
        authority: word.authority.clone(),
        found,
    };
    let mut cleared = None;
    for word in about.into_iter().filter(|word| word.time == latest) {
        if word.time > UnixTime(seen.now.0.saturating_add(SKEW)) {
            return Err(against(word, format!("a statement dated {}, which is yet to come", word.time)));
        }
        match word.status.as_str() {
            _ if word.clears() => cleared = Some(word),
            "not_affected" => return Err(against(word, "\"not_affected\" without a justification".to_owned())),
            status => return Err(against(word, format!("{:?}", status.chars().take(80).collect::<String>()))),
        }
    }
    Ok(cleared.map(|word| Fact::Cleared {
        id: finding.id.clone(),
        status: word.status.clone(),
        authority: word.authority.clone(),
        time: word.time,
    }))
}

/// The image itself by its digest, all of it or the package of the finding in it; or the package, wherever it is.
fn is_meant(product: &Product, finding: &Finding, seen: &Seen<'_>) -> bool {
    let is_package = |names: &[String]| finding.purl.as_ref().is_some_and(|purl| names.contains(purl));
    if is_package(&product.names) && product.subcomponents.is_empty() {
        return true;
    }
    let Some(digest) = seen.artifact.filter(|digest| digest.algorithm() == DigestAlgorithm::Sha256) else {
        return false;
    };
    let hex = digest.hex();
    let is_image = product.sha256.as_deref() == Some(hex.as_str())
        || product.names.iter().any(|name| oci_digest(name).is_some_and(|found| found == hex));
    is_image && (product.subcomponents.is_empty() || is_package(&product.subcomponents))
}

/// The digest of an image's package URL: `pkg:oci/app@sha256%3A…?repository_url=…`, purl-spec, type `oci`.
fn oci_digest(purl: &str) -> Option<&str> {
    let rest = purl.strip_prefix("pkg:oci/")?;
    let (_, version) = rest.split(['?', '#']).next()?.split_once('@')?;
    version
        .strip_prefix("sha256%3A")
        .or_else(|| version.strip_prefix("sha256%3a"))
        .or_else(|| version.strip_prefix("sha256:"))
}
