//! `policy.json` of containers-policy.json(5).
//!
//! What that format does not allow is an error. What it allows and cannot be judged here, because it asks for what is not checked or
//! names a file that cannot be read, makes its own scope refuse every image, and leaves the others alone.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{Filled, Parsed, Reading, Shape, each, shaped};
use crate::crypto::{PublicKey, decode_lines};
use crate::oci::{ImageReference, Repository};
use crate::policy::scope::respelled;
use crate::policy::set::Choice;
use crate::policy::{
    Authority, EnforcementMode, Identity, ImageMatcher, ImageRule, ImageScope, KeyAuthority, KeylessAuthority,
    NamePrefix, Pattern, Policy, PolicyRequirement, PolicySet, Purpose, Requirement, SignedIdentity,
    TransparencyRequirements,
};
use crate::trust::{LogId, RootReference, SanType, TransparencyLog, Validity};

/// Transports whose images can be named here.
const LOCAL: [&str; 3] = ["oci", "oci-archive", "docker-archive"];
/// Transports that sigkit does not read: their policies are parsed and have no effect.
const ELSEWHERE: [&str; 9] =
    ["atomic", "containers-storage", "dir", "docker-daemon", "ostree", "sif", "tarball", "openshift", "docker-storage"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    default: Filled<Value>,
    #[serde(default)]
    transports: BTreeMap<String, BTreeMap<String, Filled<Value>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TypeOnly {
    #[serde(rename = "type")]
    _kind: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SigstoreSigned {
    #[serde(rename = "type")]
    _kind: String,
    #[serde(default, deserialize_with = "present")]
    key_path: Option<String>,
    #[serde(default, deserialize_with = "present")]
    key_paths: Option<Filled<String>>,
    #[serde(default, deserialize_with = "present")]
    key_data: Option<String>,
    #[serde(default, deserialize_with = "present")]
    key_datas: Option<Filled<String>>,
    #[serde(default, deserialize_with = "present")]
    fulcio: Option<Fulcio>,
    #[serde(default, deserialize_with = "present")]
    pki: Option<Pki>,
    #[serde(default, deserialize_with = "present")]
    rekor_public_key_path: Option<String>,
    #[serde(default, deserialize_with = "present")]
    rekor_public_key_paths: Option<Filled<String>>,
    #[serde(default, deserialize_with = "present")]
    rekor_public_key_data: Option<String>,
    #[serde(default, deserialize_with = "present")]
    rekor_public_key_datas: Option<Filled<String>>,
    #[serde(default, deserialize_with = "present")]
    signed_identity: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Fulcio {
    #[serde(default, deserialize_with = "present")]
    ca_path: Option<String>,
    #[serde(default, deserialize_with = "present")]
    ca_data: Option<String>,
    oidc_issuer: String,
    subject_email: String,
}

/// Read for its form alone.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Pki {
    #[serde(rename = "caRootsPath")]
    _ca_roots_path: Option<String>,
    #[serde(rename = "caRootsData")]
    _ca_roots_data: Option<String>,
    #[serde(rename = "caIntermediatesPath")]
    _ca_intermediates_path: Option<String>,
    #[serde(rename = "caIntermediatesData")]
    _ca_intermediates_data: Option<String>,
    #[serde(rename = "subjectEmail")]
    _subject_email: Option<String>,
    #[serde(rename = "subjectHostname")]
    _subject_hostname: Option<String>,
}

/// Read for its form alone.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SignedBy {
    #[serde(rename = "type")]
    _kind: String,
    #[serde(rename = "keyType")]
    _key_type: KeyType,
    #[serde(default, deserialize_with = "present")]
    key_path: Option<String>,
    #[serde(default, deserialize_with = "present")]
    key_paths: Option<Filled<String>>,
    #[serde(default, deserialize_with = "present")]
    key_data: Option<String>,
    #[serde(default, deserialize_with = "present")]
    signed_identity: Option<Value>,
}

#[derive(Deserialize)]
enum KeyType {
    #[serde(rename = "GPGKeys")]
    GpgKeys,
    #[serde(rename = "signedByGPGKeys")]
    SignedByGpgKeys,
    #[serde(rename = "X509Certificates")]
    X509Certificates,
    #[serde(rename = "signedByX509CAs")]
    SignedByX509Cas,
}

/// Read for its form alone.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SignedBaseLayer {
    #[serde(rename = "type")]
    _kind: String,
    base_layer_identity: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ExactReference {
    #[serde(rename = "type")]
    _kind: String,
    docker_reference: Parsed<ImageReference>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ExactRepository {
    #[serde(rename = "type")]
    _kind: String,
    docker_repository: Parsed<Repository>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RemapIdentity {
    #[serde(rename = "type")]
    _kind: String,
    prefix: Parsed<NamePrefix>,
    signed_prefix: Parsed<NamePrefix>,
}

/// A member that is there has a value: `null` is not a value, and not a way to omit it.
fn present<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A requirement of the right form.
enum WireRequirement {
    Accept,
    Reject,
    Sigstore(Box<SigstoreSigned>, SignedIdentity),
    /// One that is not judged here, and why.
    NotJudged(&'static str),
}

/// The document as a set of which the closest rule applies.
pub(super) fn set(document: &Value, reading: &Reading<'_>) -> Result<PolicySet, Shape> {
    let wire: Wire = shaped(document)?;
    let mut rules = vec![rule("default".to_owned(), ImageMatcher::Rest, &wire.default, reading)?];
    for (transport, scopes) in &wire.transports {
        let at = format!("transports.{transport}");
        if transport == "docker" {
            distinct(scopes.keys(), &at)?;
        }
        for (scope, requirements) in scopes {
            let at = format!("{at}.{scope:?}");
            let is_local = LOCAL.contains(&transport.as_str());
            let images = match (transport.as_str(), scope.as_str()) {
                ("docker", "") => ImageMatcher::Transport(transport.clone()),
                ("docker", scope) => match scope.parse::<ImageScope>() {
                    Ok(scope) => ImageMatcher::Scope(scope),
                    Err(error) => ImageMatcher::None { why: error.to_string() },
                },
                (_, "") if is_local => ImageMatcher::Transport(transport.clone()),
                (_, path) if is_local => {
                    requirements_of(requirements, &at)?;
                    let why = format!(
                        "{at}: paths are not distinguished, so no image by this transport is allowed: expected the scope \"\" alone, found {path:?}"
                    );
                    let images = ImageMatcher::Transport(transport.clone());
                    let requirement = Requirement::Refuse { why: Some(why) };
                    rules.push(ImageRule { name: at, images, mode: EnforcementMode::Enforce, requirement });
                    continue;
                }
                (elsewhere, _) => {
                    requirements_of(requirements, &at)?;
                    if ELSEWHERE.contains(&elsewhere) {
                        continue;
                    }
                    ImageMatcher::None { why: format!("no images are read by transport {elsewhere}") }
                }
            };
            rules.push(rule(at, images, requirements, reading)?);
        }
    }
    Ok(PolicySet { choice: Choice::Closest, ..PolicySet::new(rules) })
}

/// Of two scopes that differ only in the spelling of a host, it is undefined which applies.
fn distinct<'s>(scopes: impl Iterator<Item = &'s String>, at: &str) -> Result<(), Shape> {
    let mut known: BTreeMap<String, &str> = BTreeMap::new();
    for scope in scopes {
        if let Some(other) = known.insert(respelled(scope), scope) {
            return Err(Shape::at(at, format!("{other:?} and {scope:?} match the same images: omit one")));
        }
    }
    Ok(())
}

fn requirements_of(requirements: &Filled<Value>, name: &str) -> Result<Vec<WireRequirement>, Shape> {
    each(&requirements.0, name, |_, value| parse(value))
}

fn rule(
    name: String,
    images: ImageMatcher,
    requirements: &Filled<Value>,
    reading: &Reading<'_>,
) -> Result<ImageRule, Shape> {
    let requirements = requirements_of(requirements, &name)?;
    let parts = (0..).zip(&requirements).map(|(i, wire)| requirement(wire, &format!("{name}[{i}]"), reading));
    let requirement = Requirement::all("all of the requirements", parts.collect());
    Ok(ImageRule { name, images, mode: EnforcementMode::Enforce, requirement })
}

/// Reads one requirement, and none of the files that it names.
fn parse(value: &Value) -> Result<WireRequirement, Shape> {
    match value.get("type").and_then(Value::as_str) {
        Some("insecureAcceptAnything") => shaped::<TypeOnly>(value).map(|_| WireRequirement::Accept),
        Some("reject") => shaped::<TypeOnly>(value).map(|_| WireRequirement::Reject),
        Some("sigstoreSigned") => sigstore_signed(shaped(value)?),
        Some("signedBy") => {
            let wire: SignedBy = shaped(value)?;
            let sources = [is_given(&wire.key_path), wire.key_paths.is_some(), wire.key_data.is_some()];
            one_of(&sources, "expected exactly one of keyPath, keyPaths and keyData")?;
            encoded("keyData", wire.key_data.as_deref())?;
            signed_identity(wire.signed_identity.as_ref())?;
            Ok(WireRequirement::NotJudged(
                "signedBy: signatures by OpenPGP keys are not supported: sign with a sigstore key and use sigstoreSigned",
            ))
        }
        Some("signedBaseLayer") => {
            let wire: SignedBaseLayer = shaped(value)?;
            signed_name(&wire.base_layer_identity).map_err(|error| error.below("baseLayerIdentity"))?;
            Ok(WireRequirement::NotJudged(
                "signedBaseLayer: not supported, nor by skopeo and podman: use sigstoreSigned",
            ))
        }
        found => Err(Shape::at(
            "type",
            format!(
                "expected sigstoreSigned, signedBy, insecureAcceptAnything or reject, found {}",
                found.unwrap_or("none")
            ),
        )),
    }
}

/// Exactly one of these is there.
fn one_of(sources: &[bool], expected: &str) -> Result<(), Shape> {
    match sources.iter().filter(|is_there| **is_there).count() {
        1 => Ok(()),
        _ => Err(Shape::at("", expected)),
    }
}

fn encoded(member: &str, text: Option<&str>) -> Result<(), Shape> {
    let decoded = text.map(|text| decode_lines(text).map_err(|error| format!("expected base64: {error}"))).transpose();
    decoded.map(|_| ()).map_err(|problem| Shape::at(member, problem))
}

fn signed_identity(value: Option<&Value>) -> Result<SignedIdentity, Shape> {
    let name = value.map_or(Ok(SignedIdentity::ExactOrRepositoryOfDigest), signed_name);
    name.map_err(|error| error.below("signedIdentity"))
}

/// An empty path is an error.
fn is_given(path: &Option<String>) -> bool {
    path.as_ref().is_some_and(|path| !path.is_empty())
}

fn sigstore_signed(wire: SigstoreSigned) -> Result<WireRequirement, Shape> {
    let keys = [
        is_given(&wire.key_path),
        wire.key_paths.is_some(),
        wire.key_data.is_some(),
        wire.key_datas.is_some(),
        wire.fulcio.is_some(),
        wire.pki.is_some(),
    ];
    one_of(&keys, "expected exactly one of keyPath, keyPaths, keyData, keyDatas, fulcio and pki")?;
    let logs = [
        is_given(&wire.rekor_public_key_path),
        wire.rekor_public_key_paths.is_some(),
        wire.rekor_public_key_data.is_some(),
        wire.rekor_public_key_datas.is_some(),
    ];
    if logs.contains(&true) {
        one_of(
            &logs,
            "expected at most one of rekorPublicKeyPath, rekorPublicKeyPaths, rekorPublicKeyData and rekorPublicKeyDatas",
        )?;
    }
    for (member, texts) in [("keyDatas", &wire.key_datas), ("rekorPublicKeyDatas", &wire.rekor_public_key_datas)] {
        let texts = texts.as_ref().map_or_else(Default::default, |texts| texts.0.as_slice());
        each(texts, member, |_, text| encoded("", Some(text)))?;
    }
    encoded("keyData", wire.key_data.as_deref())?;
    encoded("rekorPublicKeyData", wire.rekor_public_key_data.as_deref())?;
    if let Some(fulcio) = &wire.fulcio {
        let sources = [is_given(&fulcio.ca_path), fulcio.ca_data.is_some()];
        one_of(&sources, "expected exactly one of caPath and caData").map_err(|error| error.below("fulcio"))?;
        encoded("fulcio.caData", fulcio.ca_data.as_deref())?;
        if !logs.contains(&true) {
            let expected = "expected the key of a log in rekorPublicKeyPath or rekorPublicKeyData beside it";
            return Err(Shape::at("fulcio", expected));
        }
    }
    let name = signed_identity(wire.signed_identity.as_ref())?;
    if wire.pki.is_some() {
        return Ok(WireRequirement::NotJudged(
            "pki: certificates of a private authority without a log are not supported: use keys or fulcio",
        ));
    }
    Ok(WireRequirement::Sigstore(Box::new(wire), name))
}

/// What a requirement asks for; what cannot be judged refuses, and says why.
fn requirement(wire: &WireRequirement, at: &str, reading: &Reading<'_>) -> Requirement {
    let refused = |why: String| Requirement::Refuse { why: Some(why) };
    match wire {
        WireRequirement::Accept => Requirement::Nothing,
        WireRequirement::Reject => Requirement::Refuse { why: None },
        WireRequirement::NotJudged(why) => refused(format!("{at}: {why}")),
        WireRequirement::Sigstore(wire, name) => match policy(wire, reading).map_err(|error| error.below(at)) {
            Ok(policy) => PolicyRequirement::new(policy).with_signed_identity(name.clone()).into(),
            Err(Shape { path, problem }) => refused(format!("{path}: {problem}")),
        },
    }
}

fn policy(wire: &SigstoreSigned, reading: &Reading<'_>) -> Result<Policy, Shape> {
    let keys = given(
        [("keyPath", &wire.key_path), ("keyData", &wire.key_data)],
        [("keyPaths", &wire.key_paths), ("keyDatas", &wire.key_datas)],
        reading,
    )?;
    let logs = given(
        [("rekorPublicKeyPath", &wire.rekor_public_key_path), ("rekorPublicKeyData", &wire.rekor_public_key_data)],
        [("rekorPublicKeyPaths", &wire.rekor_public_key_paths), ("rekorPublicKeyDatas", &wire.rekor_public_key_datas)],
        reading,
    )?;
    let logs = logs.iter().map(log).collect::<Result<Vec<_>, _>>()?;
    if let Some(fulcio) = &wire.fulcio {
        return Ok(Policy::authority(Purpose::Image, Authority::Keyless(identity(fulcio, logs, reading)?)));
    }
    let authorities = keys.iter().map(|key| {
        let public = PublicKey::from_pem(&key.bytes).map_err(|error| Shape::at(&key.member, error))?;
        let authority = KeyAuthority::new(key.name.clone(), public);
        if logs.is_empty() {
            return Ok(authority);
        }
        let root = reading.checked(RootReference::own().with_logs(logs.clone()))?;
        Ok(authority.with_transparency(root, TransparencyRequirements::LOGGED))
    });
    let authorities = authorities.collect::<Result<Vec<_>, Shape>>()?;
    Ok(Policy::keys(Purpose::Image, std::num::NonZeroUsize::MIN, authorities)?)
}

/// Bytes that a member holds or names.
struct Given {
    member: String,
    name: String,
    bytes: Vec<u8>,
}

/// What the members of these that are there give.
fn given(
    [path, data]: [(&str, &Option<String>); 2],
    [paths, datas]: [(&str, &Option<Filled<String>>); 2],
    reading: &Reading<'_>,
) -> Result<Vec<Given>, Shape> {
    let single = |(name, value): (&str, &Option<String>)| {
        value.iter().map(|text| (name.to_owned(), text.clone())).collect::<Vec<_>>()
    };
    let several = |(name, value): (&str, &Option<Filled<String>>)| {
        let texts = value.iter().flat_map(|texts| (0..).zip(&texts.0));
        texts.map(|(i, text)| (format!("{name}[{i}]"), text.clone())).collect::<Vec<_>>()
    };
    let mut found = Vec::new();
    for (member, path) in single(path).into_iter().chain(several(paths)) {
        let bytes =
            reading.resolver.file(&path, reading.limits.key_file_bytes).map_err(|error| Shape::at(&member, error))?;
        found.push(Given { member, name: path, bytes });
    }
    for (member, text) in single(data).into_iter().chain(several(datas)) {
        let bytes = decode_lines(&text).map_err(|error| Shape::at(&member, format!("expected base64: {error}")))?;
        found.push(Given { name: member.clone(), member, bytes });
    }
    Ok(found)
}

fn log(given: &Given) -> Result<TransparencyLog, Shape> {
    let key = PublicKey::from_pem(&given.bytes).map_err(|error| Shape::at(&given.member, error))?;
    Ok(TransparencyLog::new("", LogId::of_key(&key), key, Validity::ALWAYS))
}

fn identity(fulcio: &Fulcio, logs: Vec<TransparencyLog>, reading: &Reading<'_>) -> Result<KeylessAuthority, Shape> {
    let certificates = given(
        [("fulcio.caPath", &fulcio.ca_path), ("fulcio.caData", &fulcio.ca_data)],
        [("", &None), ("", &None)],
        reading,
    )?;
    let [certificates] = certificates.as_slice() else {
        return Err(Shape::at("fulcio", "expected exactly one of caPath and caData"));
    };
    let root = reading.checked(reading.root()).map_err(|error| error.below("fulcio"))?;
    let issuer = reading.issuer(&certificates.bytes).map_err(|error| error.below(&certificates.member))?;
    let root =
        reading.checked(root.with_issuer(issuer).with_logs(logs)).map_err(|error| error.below(&certificates.member))?;
    let pattern =
        |name: &str, text: &str| Pattern::exact(text).map_err(|error| Shape::at(format!("fulcio.{name}"), error));
    let identity =
        Identity::new(pattern("subjectEmail", &fulcio.subject_email)?, pattern("oidcIssuer", &fulcio.oidc_issuer)?);
    Ok(KeylessAuthority::new(identity.with_kind(SanType::Email)).with_root(root))
}

fn signed_name(identity: &Value) -> Result<SignedIdentity, Shape> {
    let plain = |name| shaped::<TypeOnly>(identity).map(|_| name);
    match identity.get("type").and_then(Value::as_str) {
        Some("matchExact") => plain(SignedIdentity::Exact),
        Some("matchRepoDigestOrExact") => plain(SignedIdentity::ExactOrRepositoryOfDigest),
        Some("matchRepository") => plain(SignedIdentity::Repository),
        Some("exactReference") => {
            let reference = shaped::<ExactReference>(identity)?.docker_reference.0;
            if reference.tag.is_none() && reference.digest.is_none() {
                return Err(Shape::at("dockerReference", "expected a tag or digest behind the repository"));
            }
            Ok(SignedIdentity::ThisReference(reference))
        }
        Some("exactRepository") => {
            Ok(SignedIdentity::ThisRepository(shaped::<ExactRepository>(identity)?.docker_repository.0))
        }
        Some("remapIdentity") => {
            let RemapIdentity { prefix, signed_prefix, .. } = shaped(identity)?;
            Ok(SignedIdentity::Remapped { prefix: prefix.0, signed_prefix: signed_prefix.0 })
        }
        found => Err(Shape::at("type", format!("unknown type of signedIdentity: {}", found.unwrap_or("none")))),
    }
}
