//! OpenVEX 0.2: what a supplier says about a vulnerability in a product.
//!
//! Only statements of authorities that the policy names come here; of several the latest decides. A word clears for a product that
//! is named exactly: by digest, or by the exact package URL of the finding. A word against counts as soon as it may be about
//! the finding: whatever it leaves out, spells otherwise, or says in a way that is not understood here. What is not cleared stays a
//! finding.

use serde::Deserialize;
use serde_json::Value;

use super::purl::Purl;
use super::{CLOCK_SKEW_SECONDS, GateInput, VerifiedStatement};
use crate::content::ContentError;
use crate::content::scan::Finding;
use crate::digest::DigestAlgorithm;
use crate::json;
use crate::reason::Reason;
use crate::report::Fact;
use crate::time::UnixTime;

const DOCUMENT: &str = "OpenVEX document";

/// Why a product is not affected, OpenVEX 0.2, "Status Justifications".
const JUSTIFICATIONS: [&str; 5] = [
    "component_not_present",
    "vulnerable_code_not_present",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
];

/// One statement about one vulnerability.
pub(super) struct VexStatement {
    authority: String,
    vulnerability: Vec<String>,
    products: Vec<Product>,
    status: String,
    reasoned: Reasoned,
    time: UnixTime,
}

/// Whether a reason is given, in words that OpenVEX knows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reasoned {
    Yes,
    No,
    NotUnderstood,
}

struct Product {
    itself: Component,
    subcomponents: Subcomponents,
}

/// What a product or subcomponent is called, as far as it is understood.
#[derive(Default)]
struct Component {
    names: Vec<String>,
    /// By algorithm, as written.
    hashes: Vec<(String, String)>,
}

enum Subcomponents {
    /// None are named: the statement is about all of the product.
    All,
    Of(Vec<Component>),
    NotUnderstood,
}

/// How a name fits what is judged.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ProductMatch {
    /// Exactly.
    Exact,
    /// In other words.
    Loose,
    /// That cannot be told.
    Unclear,
    /// It is something else.
    Other,
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
    products: Option<Vec<Value>>,
    status: String,
    justification: Option<String>,
    impact_statement: Option<String>,
}

impl VexStatement {
    /// Returns true if there is nothing to fear, as it says.
    fn clears(&self) -> bool {
        matches!((self.status.as_str(), self.reasoned), ("fixed", _) | ("not_affected", Reasoned::Yes))
    }

    /// Returns true if it is about the finding. A statement about one CVE among several of an advisory counts against the advisory, and
    /// never for it. What names no product is about the artifact of the attestation.
    fn is_about(&self, finding: &Finding, seen: &GateInput<'_>) -> bool {
        let mut products = self.products.iter();
        if self.clears() {
            return self.vulnerability.iter().any(|name| finding.is(name))
                && products.any(|product| product.is_exactly(finding, seen));
        }
        self.vulnerability.iter().any(|name| finding.touches(name))
            && (self.products.is_empty() || products.any(|product| product.may_be(finding, seen)))
    }
}

/// Every statement of every document that came; a document that cannot be read may hold a word against the artifact.
pub(super) fn read<'s>(said: impl Iterator<Item = VerifiedStatement<'s>>) -> Result<Vec<VexStatement>, Reason> {
    let mut words = Vec::new();
    for held in said {
        let bytes = held.statement.predicate().unwrap_or_default();
        let document: WireDocument =
            json::from_slice(bytes).map_err(|error| ContentError::Json { document: DOCUMENT, error })?;
        let general = document.last_updated.or(document.timestamp);
        for statement in document.statements {
            let time = statement.last_updated.or(statement.timestamp).or_else(|| general.clone());
            words.push(VexStatement {
                authority: held.authority.to_owned(),
                vulnerability: identifiers(&statement.vulnerability)?,
                products: statement.products.iter().flatten().map(Product::read).collect(),
                status: statement.status,
                reasoned: reasoned(statement.justification.as_deref(), statement.impact_statement.as_deref()),
                time: parse_time(time.as_deref().unwrap_or_default())?,
            });
        }
    }
    Ok(words)
}

/// A justification of the list, or an impact statement instead of one.
fn reasoned(justification: Option<&str>, impact: Option<&str>) -> Reasoned {
    match (justification, impact) {
        (Some(word), _) if JUSTIFICATIONS.contains(&word) => Reasoned::Yes,
        (Some(_), _) => Reasoned::NotUnderstood,
        (None, Some(impact)) if !impact.trim().is_empty() => Reasoned::Yes,
        (None, _) => Reasoned::No,
    }
}

fn member(member: &'static str, expected: &'static str, found: impl ToString) -> Reason {
    let found = found.to_string().chars().take(80).collect();
    ContentError::Member { document: DOCUMENT, member, expected, found }.into()
}

fn parse_time(text: &str) -> Result<UnixTime, Reason> {
    // Go's zero time means that there is no time.
    let time = UnixTime::parse(text).filter(|_| !text.starts_with("0001-01-01T"));
    time.map(|(time, _)| time).ok_or_else(|| member("timestamp", "a time such as 2026-11-23T05:03:30Z", text))
}

/// The identifiers of a vulnerability: an object with name and aliases, or the name alone in older documents.
fn identifiers(vulnerability: &Value) -> Result<Vec<String>, Reason> {
    let wrong = |found: &Value| member("statements[].vulnerability", "its name, and other names of it", found);
    let mut names = Vec::new();
    let mut add = |value: &Value| match value {
        Value::String(text) if !text.is_empty() => {
            names.push(text.clone());
            Ok(())
        }
        Value::String(_) | Value::Null => Ok(()),
        other => Err(wrong(other)),
    };
    match vulnerability {
        Value::Object(members) => {
            for value in ["name", "@id", "aliases"].into_iter().filter_map(|name| members.get(name)) {
                match value {
                    Value::Array(items) => items.iter().try_for_each(&mut add)?,
                    value => add(value)?,
                }
            }
        }
        name => add(name)?,
    }
    if names.is_empty() { Err(wrong(vulnerability)) } else { Ok(names) }
}

impl Component {
    fn read(component: &Value) -> Self {
        let texts = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let identifier = component.get("identifiers").and_then(|identifiers| identifiers.get("purl"));
        let hashes = component.get("hashes").and_then(Value::as_object).into_iter().flatten();
        Self {
            names: [texts(Some(component)), texts(component.get("@id")), texts(identifier)]
                .into_iter()
                .flatten()
                .collect(),
            hashes: hashes.filter_map(|(name, hex)| Some((name.clone(), hex.as_str()?.to_owned()))).collect(),
        }
    }

    /// How it fits the package of the finding.
    fn package(&self, finding: &Finding) -> ProductMatch {
        let found = finding.purl.as_deref().and_then(Purl::parse);
        let fit = |name: &String| match (Purl::parse(name), &found) {
            (Some(purl), _) if purl.is_image() => ProductMatch::Unclear,
            (Some(_), _) if finding.purl.as_ref() == Some(name) => ProductMatch::Exact,
            (Some(purl), Some(found)) if purl.resembles(found) => ProductMatch::Loose,
            (Some(_), Some(_)) => ProductMatch::Other,
            _ => ProductMatch::Unclear,
        };
        summed(self.names.iter().map(fit))
    }

    /// How it fits the image.
    fn image(&self, seen: &GateInput<'_>) -> ProductMatch {
        let Some(ours) = seen.artifact.hex(DigestAlgorithm::Sha256) else { return ProductMatch::Unclear };
        let named = |name: &String| {
            let lower = name.to_ascii_lowercase();
            match () {
                () if oci_digest(name) == Some(ours) => ProductMatch::Exact,
                () if lower.contains(ours) => ProductMatch::Loose,
                () if lower.contains("sha256:") || lower.contains("sha256%3a") => ProductMatch::Other,
                () => ProductMatch::Unclear,
            }
        };
        let hashed = |(name, hex): &(String, String)| match name.to_ascii_lowercase().replace('-', "").as_str() {
            "sha256" if name == "sha-256" && hex == ours => ProductMatch::Exact,
            "sha256" if hex.to_ascii_lowercase().contains(ours) => ProductMatch::Loose,
            "sha256" => ProductMatch::Other,
            _ => ProductMatch::Unclear,
        };
        let fit = summed(self.names.iter().map(named).chain(self.hashes.iter().map(hashed)));
        // Of several digests none may be another's.
        let contradicts = |(name, hex): &(String, String)| {
            let spelled = name.to_ascii_lowercase().replace('-', "");
            let known = DigestAlgorithm::ALL.into_iter().find(|algorithm| algorithm.name() == spelled);
            known.and_then(|algorithm| seen.artifact.hex(algorithm)).is_some_and(|ours| !hex.eq_ignore_ascii_case(ours))
        };
        if fit == ProductMatch::Exact && self.hashes.iter().any(contradicts) { ProductMatch::Loose } else { fit }
    }
}

/// What all names together amount to. One that contradicts takes the exactness from the others, and not their weight.
fn summed(fits: impl Iterator<Item = ProductMatch>) -> ProductMatch {
    let fits: Vec<ProductMatch> = fits.collect();
    let has = |fit: ProductMatch| fits.contains(&fit);
    match () {
        () if has(ProductMatch::Exact) && !has(ProductMatch::Other) => ProductMatch::Exact,
        () if has(ProductMatch::Exact) || has(ProductMatch::Loose) => ProductMatch::Loose,
        () if has(ProductMatch::Other) => ProductMatch::Other,
        () => ProductMatch::Unclear,
    }
}

impl Product {
    fn read(product: &Value) -> Self {
        let subcomponents = match product.get("subcomponents") {
            None => Subcomponents::All,
            Some(Value::Array(parts)) if parts.is_empty() => Subcomponents::All,
            Some(Value::Array(parts)) => Subcomponents::Of(parts.iter().map(Component::read).collect()),
            Some(_) => Subcomponents::NotUnderstood,
        };
        Self { itself: Component::read(product), subcomponents }
    }

    /// The image itself by its digest, all of it or the package of the finding in it; or the package, wherever it is.
    fn is_exactly(&self, finding: &Finding, seen: &GateInput<'_>) -> bool {
        let is_image = || self.itself.image(seen) == ProductMatch::Exact;
        match &self.subcomponents {
            Subcomponents::All => self.itself.package(finding) == ProductMatch::Exact || is_image(),
            Subcomponents::Of(parts) => {
                is_image() && parts.iter().any(|part| part.package(finding) == ProductMatch::Exact)
            }
            Subcomponents::NotUnderstood => false,
        }
    }

    /// Returns true if it is not clearly something else.
    fn may_be(&self, finding: &Finding, seen: &GateInput<'_>) -> bool {
        let part = match &self.subcomponents {
            Subcomponents::All | Subcomponents::NotUnderstood => ProductMatch::Unclear,
            Subcomponents::Of(parts) => match summed(parts.iter().map(|part| part.package(finding))) {
                // Of several, one that is not understood may be the one.
                ProductMatch::Other if parts.iter().any(|part| part.package(finding) == ProductMatch::Unclear) => {
                    ProductMatch::Unclear
                }
                fit => fit,
            },
        };
        match (self.itself.image(seen), self.itself.package(finding)) {
            // The package, whatever hash its file has.
            (_, ProductMatch::Exact | ProductMatch::Loose) => true,
            (ProductMatch::Exact | ProductMatch::Loose, _) => part != ProductMatch::Other,
            (ProductMatch::Other, _) => false,
            // Another package, such as the application, may have this one in it.
            (ProductMatch::Unclear, ProductMatch::Other) => matches!(part, ProductMatch::Exact | ProductMatch::Loose),
            (ProductMatch::Unclear, ProductMatch::Unclear) => part != ProductMatch::Other,
        }
    }
}

/// What the latest word about the finding amounts to; `None` when there is no word about it.
pub(super) fn decide(words: &[VexStatement], finding: &Finding, seen: &GateInput<'_>) -> Result<Option<Fact>, Reason> {
    let about: Vec<&VexStatement> = words.iter().filter(|word| word.is_about(finding, seen)).collect();
    let Some(latest) = about.iter().map(|word| word.time).max() else { return Ok(None) };
    let against = |word: &VexStatement, found: String| Reason::VexNotResolved {
        id: finding.id.clone(),
        package: finding.package.clone(),
        authority: word.authority.clone(),
        found,
    };
    let mut cleared = None;
    for word in about.into_iter().filter(|word| word.time == latest) {
        if word.time > UnixTime(seen.now.0.saturating_add(CLOCK_SKEW_SECONDS)) {
            return Err(against(word, format!("a statement dated {}, which is in the future", word.time)));
        }
        match word.status.as_str() {
            _ if word.clears() => cleared = Some(word),
            "not_affected" if word.reasoned == Reasoned::No => {
                return Err(against(word, "\"not_affected\" without a justification".to_owned()));
            }
            "not_affected" => {
                let found = format!("\"not_affected\" without one of the justifications {}", JUSTIFICATIONS.join(", "));
                return Err(against(word, found));
            }
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

/// The digest of an image's package URL: `pkg:oci/app@sha256%3A…?repository_url=…`, purl-spec, type `oci`.
fn oci_digest(purl: &str) -> Option<&str> {
    let rest = purl.strip_prefix("pkg:oci/")?;
    let (_, version) = rest.split(['?', '#']).next()?.split_once('@')?;
    version
        .strip_prefix("sha256%3A")
        .or_else(|| version.strip_prefix("sha256%3a"))
        .or_else(|| version.strip_prefix("sha256:"))
}
