//! `ClusterImagePolicy` of sigstore's policy-controller, API versions v1alpha1 and v1beta1.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::keys::{HashAlgorithm, PemKey, WireIdentity};
use super::{Filled, Parsed, Reading, Shape, WireMode, each, refused, shaped};
use crate::content::PredicateType;
use crate::oci::Repository;
use crate::policy::{
    Authority, Demand, ImageGlob, ImageRule, Images, KeyAuthority, KeylessAuthority, Policy, PolicyDemand, Purpose,
    Witnesses,
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

/// What Kubernetes keeps about the document. Only the name is used; nothing else in it is a demand.
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
    _match: Option<MatchRefused>,
    #[serde(rename = "policy")]
    _policy: Option<WholePolicyRefused>,
}

refused!(
    MatchRefused,
    "it selects resources of a cluster, and there is no cluster here; write a policy without `match`"
);
refused!(
    WholePolicyRefused,
    "a policy over all authorities is not evaluated; put it below the attestation that it is about"
);

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
    _timestamp: Option<TrustRootRefused>,
    /// Where signatures lie decides nothing: every place is looked at.
    #[serde(rename = "signatureFormat")]
    _signature_format: Option<SignatureFormat>,
}

refused!(TrustRootRefused, "TrustRoot resources are not read; give the trusted root on the command line");

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
    #[serde(rename = "kms")]
    _kms: Option<KmsRefused>,
    #[serde(rename = "secretRef")]
    _secret: Option<SecretRefused>,
}

refused!(KmsRefused, "keys in a key management service are not fetched; put the public key into `data`");
refused!(SecretRefused, "secrets of a cluster are not read; put the public key into `data`");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keyless {
    url: Option<String>,
    identities: Filled<WireIdentity>,
    #[serde(rename = "ca-cert")]
    authority: Option<AuthorityCertificate>,
    #[serde(rename = "trustRootRef")]
    _trust_root: Option<TrustRootRefused>,
    #[serde(rename = "insecureIgnoreSCT")]
    _ignore_sct: Option<IgnoreSctRefused>,
}

refused!(IgnoreSctRefused, "certificates that no log has seen are not believed");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AuthorityCertificate {
    data: String,
    #[serde(rename = "kms")]
    _kms: Option<KmsRefused>,
    #[serde(rename = "secretRef")]
    _secret: Option<SecretRefused>,
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
    #[serde(rename = "signaturePullSecrets")]
    _secrets: Option<PullSecretsRefused>,
    #[serde(rename = "tagPrefix")]
    _prefix: Option<TagPrefixRefused>,
}

refused!(PullSecretsRefused, "secrets of a cluster are not read; log in to the registry");
refused!(TagPrefixRefused, "signatures are found under cosign's own tags and as referrers");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Log {
    url: Option<String>,
    #[serde(rename = "trustRootRef")]
    _trust_root: Option<TrustRootRefused>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Attestation {
    name: String,
    predicate_type: Parsed<PredicateType>,
    policy: Option<AttestationPolicy>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AttestationPolicy {
    #[serde(rename = "type")]
    language: Language,
    data: Option<String>,
    #[serde(rename = "remote")]
    _remote: Option<RemoteRefused>,
    #[serde(rename = "url")]
    _url: Option<RemoteRefused>,
    #[serde(rename = "configMapRef")]
    _config_map: Option<RemoteRefused>,
    #[serde(rename = "fetchConfigFile")]
    _config_file: Option<MoreInputRefused>,
    #[serde(rename = "includeSpec")]
    _spec: Option<MoreInputRefused>,
    #[serde(rename = "includeObjectMeta")]
    _object_meta: Option<MoreInputRefused>,
    #[serde(rename = "includeTypeMeta")]
    _type_meta: Option<MoreInputRefused>,
}

refused!(RemoteRefused, "policies are not fetched; put the policy into `data`");
refused!(MoreInputRefused, "a policy sees the statement and nothing else");

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Language {
    Rego,
    Cue,
}

/// One document as a rule.
pub(super) fn rule(document: &Value, reading: &Reading<'_>) -> Result<ImageRule, Shape> {
    let wire: Wire = shaped(document)?;
    let demands =
        each(&wire.spec.authorities.0, "spec.authorities", |number, authority| demand(number, authority, reading))?;
    Ok(ImageRule {
        name: format!("policy {}", wire.metadata.name),
        images: Images::Globs(wire.spec.images.0.into_iter().map(|pattern| pattern.glob.0).collect()),
        mode: wire.spec.mode.into(),
        demand: Demand::any("any of the authorities", demands),
    })
}

fn demand(number: usize, authority: &WireAuthority, reading: &Reading<'_>) -> Result<Demand, Shape> {
    let name = authority.name.clone().unwrap_or_else(|| format!("authority-{number}"));
    let who = match (&authority.key, &authority.keyless, &authority.fixed) {
        (Some(key), None, None) => Authority::Key(key_authority(&name, key, authority.ctlog.as_ref(), reading)?),
        (None, Some(keyless), None) => {
            Authority::Keyless(keyless_authority(keyless, authority.ctlog.as_ref(), reading)?)
        }
        (None, None, Some(fixed)) => return static_demand(authority, fixed),
        _ => return Err(Shape::at("", "expected exactly one of key, keyless and static")),
    };
    let Some(attestations) = &authority.attestations else {
        return Ok(placed(Policy::authority(Purpose::Image, who), authority));
    };
    let parts = each(&attestations.0, "attestations", |_, attestation| {
        let mut policy = Policy::authority(Purpose::Attestation(attestation.predicate_type.0.clone()), who.clone());
        if let Some(gate) = &attestation.policy {
            policy = policy.with_gate(rego(&attestation.name, gate).map_err(|error| error.below("policy"))?);
        }
        Ok(Demand::all(format!("attestation {}", attestation.name), vec![placed(policy, authority)]))
    })?;
    Ok(Demand::all(format!("authority {name}"), parts))
}

fn rego(name: &str, policy: &AttestationPolicy) -> Result<crate::policy::Gate, Shape> {
    let data = policy.data.as_ref().ok_or_else(|| Shape::at("data", "expected the policy, found none"))?;
    match policy.language {
        Language::Rego => super::rego_gate(name, data, crate::policy::Among::Any).map_err(|error| error.below("data")),
        Language::Cue => Err(Shape::at("type", super::CUE)),
    }
}

fn static_demand(authority: &WireAuthority, fixed: &Static) -> Result<Demand, Shape> {
    for (name, given) in [
        ("attestations", authority.attestations.is_some()),
        ("source", authority.source.is_some()),
        ("ctlog", authority.ctlog.is_some()),
    ] {
        if given {
            return Err(Shape::at(name, "says nothing beside `static`, which looks at no signature"));
        }
    }
    match (&fixed.action, &fixed.message) {
        (Action::Pass, None) => Ok(Demand::Nothing),
        (Action::Pass, Some(_)) => Err(Shape::at("static.message", "is for `fail` alone")),
        (Action::Fail, message) => Ok(Demand::Refuse { why: message.clone() }),
    }
}

/// Looks where the authority says; one of several places is enough.
fn placed(policy: Policy, authority: &WireAuthority) -> Demand {
    let at = |source: &Source| PolicyDemand::new(policy.clone()).with_source(source.oci.0.clone()).into();
    match authority.source.as_ref().map(|sources| sources.0.as_slice()) {
        None => policy.into(),
        Some([source]) => at(source),
        Some(sources) => Demand::any("in any of the sources", sources.iter().map(at).collect()),
    }
}

fn key_authority(name: &str, key: &Key, log: Option<&Log>, reading: &Reading<'_>) -> Result<KeyAuthority, Shape> {
    let Some(PemKey(public)) = &key.data else { return Err(Shape::at("key", "expected a public key in `data`")) };
    let mut authority = KeyAuthority::new(name, public.clone());
    if let Some(hash) = key.hash_algorithm {
        authority = authority.with_scheme(hash.scheme(public).map_err(|error| error.below("key"))?);
    }
    match log.map(|log| log.url.as_deref()) {
        // Without an address the document says that no log is asked.
        None | Some(None) => Ok(authority),
        Some(Some(url)) => {
            let root = reading.root_with_log(url).map_err(|error| error.below("ctlog"))?;
            Ok(authority.with_trust(root, Witnesses::LOGGED))
        }
    }
}

fn keyless_authority(keyless: &Keyless, log: Option<&Log>, reading: &Reading<'_>) -> Result<KeylessAuthority, Shape> {
    let root = match log.map(|log| log.url.as_deref()) {
        None => reading.trusted_root(),
        Some(Some(url)) => reading.root_with_log(url).map_err(|error| error.below("ctlog")),
        Some(None) => Err(Shape::at(
            "ctlog",
            "an identity needs a log, for its certificate is valid for minutes only; give its url",
        )),
    }?;
    let root = match (&keyless.url, &keyless.authority) {
        (None, Some(authority)) => reading
            .root_with_authorities(authority.data.as_bytes(), root.logs().to_vec(), &root)
            .map_err(|error| error.below("keyless.ca-cert.data"))?,
        (Some(url), None) => reading.root_with_authority(url, &root).map_err(|error| error.below("keyless"))?,
        (None, None) => root,
        (Some(_), Some(_)) => return Err(Shape::at("keyless", "expected url or ca-cert, found both")),
    };
    let mut identities =
        each(&keyless.identities.0, "keyless.identities", |_, identity| identity.identity())?.into_iter();
    let first = identities.next().ok_or_else(|| Shape::at("keyless.identities", "expected at least one"))?;
    Ok(identities.fold(KeylessAuthority::new(first, root), KeylessAuthority::or))
}
