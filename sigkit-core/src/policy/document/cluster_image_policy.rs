//! `ClusterImagePolicy` of sigstore's policy-controller, API versions v1alpha1 and v1beta1.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::keys::{HashAlgorithm, PemKey, WireIdentity};
use super::{Filled, Parsed, Reading, Shape, WireMode, each, shaped};
use crate::content::PredicateType;
use crate::oci::Repository;
use crate::policy::{
    Authority, ImageGlob, ImageMatcher, ImageRule, KeyAuthority, KeylessAuthority, Policy, PolicyRequirement, Purpose,
    Requirement, TransparencyRequirements,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    #[serde(rename = "apiVersion")]
    _version: String,
    #[serde(rename = "kind")]
    _kind: String,
    metadata: Metadata,
    spec: Spec,
    #[serde(rename = "status")]
    _status: Option<IgnoredAny>,
}

/// What Kubernetes keeps about the document. Only the name is used; nothing else in it is a requirement.
#[derive(Deserialize)]
struct Metadata {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    images: Filled<Pattern>,
    authorities: Filled<WireAuthority>,
    #[serde(default)]
    mode: WireMode,
    #[serde(rename = "match")]
    selected: Option<Vec<IgnoredAny>>,
    policy: Option<WirePolicy>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pattern {
    glob: ControllerGlob,
}

/// A pattern as policy-controller reads it.
struct ControllerGlob(ImageGlob);

impl<'de> Deserialize<'de> for ControllerGlob {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        ImageGlob::of_policy_controller(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WireAuthority {
    name: Option<String>,
    key: Option<Key>,
    keyless: Option<Keyless>,
    #[serde(rename = "static")]
    fixed: Option<Static>,
    source: Option<Filled<Source>>,
    ctlog: Option<Log>,
    attestations: Option<Filled<Attestation>>,
    #[serde(rename = "rfc3161timestamp")]
    timestamp: Option<Timestamp>,
    /// Where signatures lie decides nothing: every place is looked at.
    #[serde(rename = "signatureFormat")]
    _signature_format: Option<SignatureFormat>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Timestamp {
    #[serde(rename = "trustRootRef")]
    trust_root: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum SignatureFormat {
    Legacy,
    Bundle,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Key {
    data: Option<PemKey>,
    hash_algorithm: Option<HashAlgorithm>,
    kms: Option<IgnoredAny>,
    secret_ref: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keyless {
    url: Option<String>,
    identities: Filled<WireIdentity>,
    #[serde(rename = "ca-cert")]
    authority: Option<AuthorityCertificate>,
    #[serde(rename = "trustRootRef")]
    trust_root: Option<IgnoredAny>,
    #[serde(rename = "insecureIgnoreSCT")]
    ignore_sct: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AuthorityCertificate {
    data: Option<String>,
    kms: Option<IgnoredAny>,
    #[serde(rename = "secretRef")]
    secret: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Static {
    action: Action,
    message: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Pass,
    Fail,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    oci: Parsed<Repository>,
    /// Who reads signatures logs in beforehand.
    #[serde(rename = "signaturePullSecrets")]
    _secrets: Option<IgnoredAny>,
    #[serde(rename = "tagPrefix")]
    prefix: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Log {
    url: Option<String>,
    #[serde(rename = "trustRootRef")]
    trust_root: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Attestation {
    name: String,
    predicate_type: NamedType,
    policy: Option<WirePolicy>,
}

/// A predicate type, and how the document writes it.
struct NamedType {
    written: String,
    kind: PredicateType,
}

impl<'de> Deserialize<'de> for NamedType {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = String::deserialize(deserializer)?;
        let kind = PredicateType::wanted(&written).map_err(serde::de::Error::custom)?;
        Ok(Self { written, kind })
    }
}

/// A policy over one attestation, or over the whole document.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WirePolicy {
    #[serde(rename = "type")]
    language: Language,
    data: Option<String>,
    remote: Option<IgnoredAny>,
    url: Option<IgnoredAny>,
    config_map_ref: Option<IgnoredAny>,
    fetch_config_file: Option<bool>,
    include_spec: Option<bool>,
    include_object_meta: Option<bool>,
    include_type_meta: Option<bool>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Language {
    Rego,
    Cue,
}

/// Why an authority, or a whole rule, refuses what it is asked: what it needs is not there.
const KMS: &str = "keys in a key management service are not fetched: put the public key into `data`";
const SECRET: &str = "secrets of a cluster are not read: put the public key into `data`";
const TRUST_ROOT: &str = "TrustRoot resources are not read: give the trusted root on the command line";
const NO_SCT: &str = "certificates without a signed certificate timestamp are not trusted";
const TAG_PREFIX: &str = "signatures are found under cosign's own tags and as referrers, not under another prefix";
const REMOTE: &str = "policies are not fetched: put the policy into `data`";
const MATCH: &str = "it selects resources of a cluster, and there is no cluster here: write a policy without `match`";
const CLUSTER_INPUT: &str = "the policy needs the resource of a cluster, and there is no cluster here";
const CONFIG_INPUT: &str = "the policy needs the image's configuration, which is not signed and is not read";

/// One document as a rule. What cannot be evaluated here refuses by itself; the rest of the document applies.
pub(super) fn rule(document: &Value, reading: &Reading<'_>) -> Result<ImageRule, Shape> {
    let wire: Wire = shaped(document)?;
    let authorities =
        each(&wire.spec.authorities.0, "spec.authorities", |number, authority| named(number, authority, reading))?;
    let requirement = match (&wire.spec.selected, &wire.spec.policy) {
        (Some(selected), _) if !selected.is_empty() => refusal("spec.match", MATCH),
        (_, Some(policy)) => whole(policy, authorities).map_err(|error| error.below("spec.policy"))?,
        (_, None) => {
            let requirements = authorities.into_iter().map(|authority| authority.requirement).collect();
            Requirement::any("any of the authorities", requirements)
        }
    };
    Ok(ImageRule {
        name: format!("policy {}", wire.metadata.name),
        images: ImageMatcher::Globs(wire.spec.images.0.into_iter().map(|pattern| pattern.glob.0).collect()),
        mode: wire.spec.mode.into(),
        requirement,
    })
}

fn refusal(place: &str, why: &str) -> Requirement {
    Requirement::Refuse { why: Some(format!("{place}: {why}")) }
}

/// An authority as the document names it.
struct Named {
    #[cfg_attr(not(feature = "rego"), allow(dead_code, reason = "only policies over the whole ask for names"))]
    name: String,
    requirement: Requirement,
    /// Names and types of its attestations.
    #[cfg_attr(not(feature = "rego"), allow(dead_code, reason = "only policies over the whole ask for names"))]
    attestations: Vec<(String, String)>,
}

fn named(number: usize, authority: &WireAuthority, reading: &Reading<'_>) -> Result<Named, Shape> {
    let name = authority.name.clone().unwrap_or_else(|| format!("authority-{number}"));
    let requirement = match authority.unjudged() {
        Some((place, why)) => refusal(&format!("authority {name}, {place}"), why),
        None => requirement(&name, authority, reading)?,
    };
    let attestations = authority.attestations.iter().flat_map(|attestations| &attestations.0);
    let attestations = attestations.map(|one| (one.name.clone(), one.predicate_type.written.clone())).collect();
    Ok(Named { name, requirement, attestations })
}

impl WireAuthority {
    /// A member that asks for what is not here, and why not.
    fn unjudged(&self) -> Option<(&'static str, &'static str)> {
        let key = self.key.as_ref();
        let keyless = self.keyless.as_ref();
        let certificate = keyless.and_then(|keyless| keyless.authority.as_ref());
        let sources = || self.source.iter().flat_map(|sources| &sources.0);
        let policies = || self.attestations.iter().flat_map(|all| &all.0).filter_map(|one| one.policy.as_ref());
        let log_root = self.ctlog.as_ref().and_then(|log| log.trust_root.as_ref());
        let timestamp_root = self.timestamp.as_ref().and_then(|timestamp| timestamp.trust_root.as_ref());
        [
            ("key.kms", KMS, key.is_some_and(|key| key.kms.is_some())),
            ("key.secretRef", SECRET, key.is_some_and(|key| key.secret_ref.is_some())),
            ("keyless.ca-cert.kms", KMS, certificate.is_some_and(|certificate| certificate.kms.is_some())),
            ("keyless.ca-cert.secretRef", SECRET, certificate.is_some_and(|certificate| certificate.secret.is_some())),
            ("keyless.trustRootRef", TRUST_ROOT, keyless.is_some_and(|keyless| keyless.trust_root.is_some())),
            ("keyless.insecureIgnoreSCT", NO_SCT, keyless.is_some_and(|keyless| keyless.ignore_sct == Some(true))),
            ("ctlog.trustRootRef", TRUST_ROOT, log_root.is_some()),
            ("rfc3161timestamp.trustRootRef", TRUST_ROOT, timestamp_root.is_some()),
            ("source.tagPrefix", TAG_PREFIX, sources().any(|source| source.prefix.is_some())),
            ("attestations.policy.type", super::CUE, policies().any(|policy| policy.language == Language::Cue)),
            ("attestations.policy", REMOTE, policies().any(WirePolicy::is_elsewhere)),
        ]
        .into_iter()
        .find_map(|(place, why, asked)| asked.then_some((place, why)))
    }
}

impl WirePolicy {
    const fn is_elsewhere(&self) -> bool {
        self.remote.is_some() || self.url.is_some() || self.config_map_ref.is_some()
    }

    fn source(&self) -> Result<&str, Shape> {
        self.data.as_deref().ok_or_else(|| Shape::at("data", "expected the policy, found none"))
    }
}

/// The requirement of a document with a policy over all authorities that are met.
fn whole(policy: &WirePolicy, authorities: Vec<Named>) -> Result<Requirement, Shape> {
    let asks_cluster =
        [policy.include_spec, policy.include_object_meta, policy.include_type_meta].contains(&Some(true));
    let unjudged = [
        ("spec.policy.type", super::CUE, policy.language == Language::Cue),
        ("spec.policy", REMOTE, policy.is_elsewhere()),
        ("spec.policy", CLUSTER_INPUT, asks_cluster),
        ("spec.policy.fetchConfigFile", CONFIG_INPUT, policy.fetch_config_file == Some(true)),
    ];
    match unjudged.into_iter().find(|(_, _, asked)| *asked) {
        Some((place, why, _)) => Ok(refusal(place, why)),
        None => whole_rego(policy.source()?, authorities).map_err(|error| error.below("data")),
    }
}

#[cfg(feature = "rego")]
fn whole_rego(source: &str, authorities: Vec<Named>) -> Result<Requirement, Shape> {
    use crate::policy::{NamedAuthority, RegoPolicy, Shows, WholePolicy};
    let rego = RegoPolicy::of_policy_controller("spec.policy", source).map_err(|error| Shape::at("", error))?;
    let authorities = authorities.into_iter().map(|Named { name, requirement, attestations }| {
        let shows = if attestations.is_empty() { Shows::Signatures } else { Shows::Attestations(attestations) };
        NamedAuthority { name, requirement, shows }
    });
    Ok(Requirement::Whole(Box::new(WholePolicy { authorities: authorities.collect(), rego })))
}

#[cfg(not(feature = "rego"))]
fn whole_rego(_: &str, _: Vec<Named>) -> Result<Requirement, Shape> {
    Err(Shape::at("", super::NO_REGO))
}

fn requirement(name: &str, authority: &WireAuthority, reading: &Reading<'_>) -> Result<Requirement, Shape> {
    let who = match (&authority.key, &authority.keyless, &authority.fixed) {
        (Some(key), None, None) => Authority::Key(key_authority(name, key, authority.ctlog.as_ref(), reading)?),
        (None, Some(keyless), None) => {
            Authority::Keyless(keyless_authority(keyless, authority.ctlog.as_ref(), reading)?)
        }
        (None, None, Some(fixed)) => return static_requirement(authority, fixed),
        _ => return Err(Shape::at("", "expected exactly one of key, keyless and static")),
    };
    let Some(attestations) = &authority.attestations else {
        return Ok(placed(Policy::authority(Purpose::Image, who), authority));
    };
    let parts = each(&attestations.0, "attestations", |_, attestation| {
        let mut policy = Policy::authority(Purpose::Attestation(attestation.predicate_type.kind.clone()), who.clone());
        if let Some(gate) = &attestation.policy {
            policy = policy.with_gate(rego(&attestation.name, gate).map_err(|error| error.below("policy"))?);
        }
        Ok(Requirement::all(format!("attestation {}", attestation.name), vec![placed(policy, authority)]))
    })?;
    Ok(Requirement::all(format!("authority {name}"), parts))
}

fn rego(name: &str, policy: &WirePolicy) -> Result<crate::policy::Gate, Shape> {
    for (member, asked) in [
        ("fetchConfigFile", policy.fetch_config_file),
        ("includeSpec", policy.include_spec),
        ("includeObjectMeta", policy.include_object_meta),
        ("includeTypeMeta", policy.include_type_meta),
    ] {
        if asked == Some(true) {
            return Err(Shape::at(member, "a policy over an attestation sees the statement and nothing else"));
        }
    }
    super::controller_gate(name, policy.source()?).map_err(|error| error.below("data"))
}

fn static_requirement(authority: &WireAuthority, fixed: &Static) -> Result<Requirement, Shape> {
    for (name, given) in [
        ("attestations", authority.attestations.is_some()),
        ("source", authority.source.is_some()),
        ("ctlog", authority.ctlog.is_some()),
    ] {
        if given {
            return Err(Shape::at(name, "has no effect beside `static`, which checks no signature"));
        }
    }
    match (&fixed.action, &fixed.message) {
        (Action::Pass, None) => Ok(Requirement::Nothing),
        (Action::Pass, Some(_)) => Err(Shape::at("static.message", "is for `fail` alone")),
        (Action::Fail, message) => Ok(Requirement::Refuse { why: message.clone() }),
    }
}

/// Looks where the authority says; one of several places is enough.
fn placed(policy: Policy, authority: &WireAuthority) -> Requirement {
    let at = |source: &Source| PolicyRequirement::new(policy.clone()).with_source(source.oci.0.clone()).into();
    match authority.source.as_ref().map(|sources| sources.0.as_slice()) {
        None => policy.into(),
        Some([source]) => at(source),
        Some(sources) => Requirement::any("in any of the sources", sources.iter().map(at).collect()),
    }
}

fn key_authority(name: &str, key: &Key, log: Option<&Log>, reading: &Reading<'_>) -> Result<KeyAuthority, Shape> {
    let Some(PemKey(public)) = &key.data else { return Err(Shape::at("key", "expected a public key in `data`")) };
    let mut authority = KeyAuthority::new(name, public.clone());
    if let Some(hash) = key.hash_algorithm {
        authority = hash.narrow(authority).map_err(|error| error.below("key"))?;
    }
    match log.map(|log| log.url.as_deref()) {
        // Without an address the document says that no log is asked.
        None | Some(None) => Ok(authority),
        Some(Some(url)) => {
            let root = reading.checked(reading.root().with_log_at(url)).map_err(|error| error.below("ctlog"))?;
            Ok(authority.with_transparency(root, TransparencyRequirements::LOGGED))
        }
    }
}

fn keyless_authority(keyless: &Keyless, log: Option<&Log>, reading: &Reading<'_>) -> Result<KeylessAuthority, Shape> {
    let root = match log.map(|log| log.url.as_deref()) {
        None => reading.checked(reading.root()),
        Some(Some(url)) => reading.checked(reading.root().with_log_at(url)).map_err(|error| error.below("ctlog")),
        Some(None) => Err(Shape::at(
            "ctlog",
            "an identity needs a log, since its certificate is valid for minutes only: give its url",
        )),
    }?;
    let root = match (&keyless.url, &keyless.authority) {
        (None, Some(authority)) => {
            let data = authority.data.as_ref();
            let data = data.ok_or_else(|| Shape::at("keyless.ca-cert", "expected certificates in `data`"))?;
            let issuer = reading.issuer(data.as_bytes()).map_err(|error| error.below("keyless.ca-cert.data"))?;
            root.with_issuer(issuer)
        }
        (Some(url), None) => reading.checked(root.with_issuer_at(url)).map_err(|error| error.below("keyless"))?,
        (None, None) => root,
        (Some(_), Some(_)) => return Err(Shape::at("keyless", "expected url or ca-cert, found both")),
    };
    let mut identities =
        each(&keyless.identities.0, "keyless.identities", |_, identity| identity.identity())?.into_iter();
    let first = identities.next().ok_or_else(|| Shape::at("keyless.identities", "expected at least one"))?;
    Ok(identities.fold(KeylessAuthority::new(first).with_root(root), KeylessAuthority::with_identity))
}
