//! `policy.json` of containers-policy.json(5).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{Filled, Parsed, Reading, Shape, each, refused, shaped};
use crate::crypto::{PublicKey, decode_lines};
use crate::oci::{ImageReference, Repository};
use crate::policy::set::Choice;
use crate::policy::{
    Authority, Demand, Identity, ImageRule, Images, KeyAuthority, KeylessAuthority, Mode, NamePrefix, Pattern, Policy,
    PolicyDemand, PolicySet, Purpose, SignedName, Witnesses,
};
use crate::trust::{LogId, SubjectKind, TransparencyLog, TrustedRoot, Validity};

/// Transports whose images can be named here.
const LOCAL: [&str; 3] = ["oci", "oci-archive", "docker-archive"];
/// Transports that nothing here reads images by: what is said about them is checked for its form and says nothing here.
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
    key_path: Option<String>,
    key_paths: Option<Filled<String>>,
    key_data: Option<String>,
    key_datas: Option<Filled<String>>,
    fulcio: Option<Fulcio>,
    #[serde(rename = "pki")]
    _pki: Option<PkiRefused>,
    rekor_public_key_path: Option<String>,
    rekor_public_key_paths: Option<Filled<String>>,
    rekor_public_key_data: Option<String>,
    rekor_public_key_datas: Option<Filled<String>>,
    signed_identity: Option<Value>,
}

refused!(PkiRefused, "certificates of a private authority without a log are not believed; use keys or fulcio");

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Fulcio {
    ca_path: Option<String>,
    ca_data: Option<String>,
    oidc_issuer: String,
    subject_email: String,
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

/// The document as a set of which the closest rule applies.
pub(super) fn set(document: &Value, reading: &Reading<'_>) -> Result<PolicySet, Shape> {
    let wire: Wire = shaped(document)?;
    let mut rules = vec![rule("default".to_owned(), Images::Rest, &wire.default, reading)?];
    for (transport, scopes) in &wire.transports {
        let at = format!("transports.{transport}");
        for (scope, requirements) in scopes {
            let at = format!("{at}.{scope:?}");
            let images = match (transport.as_str(), scope.as_str()) {
                ("docker", "") => Images::Transport(transport.clone()),
                ("docker", scope) => Images::Scope(scope.parse().map_err(|error| Shape::at(&at, error))?),
                (local, "") if LOCAL.contains(&local) => Images::Transport(transport.clone()),
                (local, _) if LOCAL.contains(&local) => {
                    return Err(Shape::at(at, "scopes of paths are not supported; only \"\", for the whole transport"));
                }
                (elsewhere, _) if ELSEWHERE.contains(&elsewhere) => {
                    each(&requirements.0, &at, |_, requirement| known_type(requirement))?;
                    continue;
                }
                _ => return Err(Shape::at(at, "no such transport")),
            };
            rules.push(rule(at, images, requirements, reading)?);
        }
    }
    Ok(PolicySet { choice: Choice::Closest, ..PolicySet::new(rules) })
}

fn rule(name: String, images: Images, requirements: &Filled<Value>, reading: &Reading<'_>) -> Result<ImageRule, Shape> {
    let parts = each(&requirements.0, &name, |_, requirement| demand(requirement, reading))?;
    Ok(ImageRule {
        name,
        images,
        mode: Mode::Enforce,
        demand: Demand::all("all of the requirements", parts).with_limits(reading.limits),
    })
}

/// What is said about images that nothing here can name.
fn known_type(requirement: &Value) -> Result<(), Shape> {
    match requirement.get("type").and_then(Value::as_str) {
        Some("insecureAcceptAnything" | "reject" | "sigstoreSigned" | "signedBy") => Ok(()),
        found => Err(Shape::at("type", format!("no such requirement: {}", found.unwrap_or("none")))),
    }
}

fn demand(requirement: &Value, reading: &Reading<'_>) -> Result<Demand, Shape> {
    match requirement.get("type").and_then(Value::as_str) {
        Some("insecureAcceptAnything") => shaped::<TypeOnly>(requirement).map(|_| Demand::Nothing),
        Some("reject") => shaped::<TypeOnly>(requirement).map(|_| Demand::Refuse { why: None }),
        Some("sigstoreSigned") => sigstore_signed(&shaped(requirement)?, reading),
        Some("signedBy") => Err(Shape::at(
            "type",
            "refused: signatures by OpenPGP keys are not read; sign with a sigstore key and use sigstoreSigned",
        )),
        found => Err(Shape::at(
            "type",
            format!("expected sigstoreSigned, insecureAcceptAnything or reject, found {}", found.unwrap_or("none")),
        )),
    }
}

fn sigstore_signed(wire: &SigstoreSigned, reading: &Reading<'_>) -> Result<Demand, Shape> {
    let keys = one_source(
        "expected exactly one of keyPath, keyPaths, keyData, keyDatas and fulcio",
        [("keyPath", &wire.key_path), ("keyData", &wire.key_data)],
        [("keyPaths", &wire.key_paths), ("keyDatas", &wire.key_datas)],
        reading,
    )?;
    let logs = one_source(
        "expected at most one of rekorPublicKeyPath, rekorPublicKeyPaths, rekorPublicKeyData and rekorPublicKeyDatas",
        [("rekorPublicKeyPath", &wire.rekor_public_key_path), ("rekorPublicKeyData", &wire.rekor_public_key_data)],
        [("rekorPublicKeyPaths", &wire.rekor_public_key_paths), ("rekorPublicKeyDatas", &wire.rekor_public_key_datas)],
        reading,
    )?;
    let logs = logs.iter().map(log).collect::<Result<Vec<_>, _>>()?;
    let policy = match (keys.as_slice(), &wire.fulcio) {
        ([], Some(fulcio)) => Policy::authority(Purpose::Image, Authority::Keyless(identity(fulcio, logs, reading)?)),
        ([_, ..], None) => {
            let authorities = keys.iter().map(|key| {
                let public = PublicKey::from_pem(&key.bytes).map_err(|error| Shape::at(&key.member, error))?;
                let authority = KeyAuthority::new(key.name.clone(), public);
                if logs.is_empty() {
                    return Ok(authority);
                }
                let mut root = TrustedRoot::default();
                logs.iter().try_for_each(|log| root.add_log(log.clone())).map_err(|error| Shape::at("", error))?;
                Ok(authority.with_trust(root.into(), Witnesses::LOGGED))
            });
            Policy::keys(Purpose::Image, std::num::NonZeroUsize::MIN, authorities.collect::<Result<Vec<_>, Shape>>()?)?
        }
        _ => return Err(Shape::at("", "expected exactly one of keyPath, keyPaths, keyData, keyDatas and fulcio")),
    };
    let name = wire.signed_identity.as_ref().map_or(Ok(SignedName::ExactOrRepositoryOfDigest), signed_name);
    let name = name.map_err(|error| error.below("signedIdentity"))?;
    Ok(PolicyDemand::new(policy).with_signed_name(name).into())
}

/// Bytes that a member holds or names.
struct Given {
    member: String,
    name: String,
    bytes: Vec<u8>,
}

/// What the one member of these that is there gives; nothing when none is.
fn one_source(
    expected: &str,
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
    let (paths, datas) = ([single(path), several(paths)], [single(data), several(datas)]);
    if paths.iter().chain(&datas).filter(|given| !given.is_empty()).count() > 1 {
        return Err(Shape::at("", expected));
    }
    let mut found = Vec::new();
    for (member, path) in paths.concat() {
        let bytes = reading
            .surroundings
            .file(&path, reading.limits.key_file_bytes)
            .map_err(|error| Shape::at(&member, error))?;
        found.push(Given { member, name: path, bytes });
    }
    for (member, text) in datas.concat() {
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
    if logs.is_empty() {
        return Err(Shape::at(
            "fulcio",
            "expected the key of a log in rekorPublicKeyPath or rekorPublicKeyData beside it",
        ));
    }
    let certificates = one_source(
        "expected exactly one of caPath and caData",
        [("fulcio.caPath", &fulcio.ca_path), ("fulcio.caData", &fulcio.ca_data)],
        [("", &None), ("", &None)],
        reading,
    )?;
    let [certificates] = certificates.as_slice() else {
        return Err(Shape::at("fulcio", "expected exactly one of caPath and caData"));
    };
    let base = reading.trusted_root().map_err(|error| error.below("fulcio"))?;
    let root = reading
        .root_with_authorities(&certificates.bytes, logs, &base)
        .map_err(|error| error.below(&certificates.member))?;
    let pattern =
        |name: &str, text: &str| Pattern::exact(text).map_err(|error| Shape::at(format!("fulcio.{name}"), error));
    let identity =
        Identity::new(pattern("subjectEmail", &fulcio.subject_email)?, pattern("oidcIssuer", &fulcio.oidc_issuer)?);
    Ok(KeylessAuthority::new(identity.with_kind(SubjectKind::Email), root))
}

fn signed_name(identity: &Value) -> Result<SignedName, Shape> {
    let plain = |name| shaped::<TypeOnly>(identity).map(|_| name);
    match identity.get("type").and_then(Value::as_str) {
        Some("matchExact") => plain(SignedName::Exact),
        Some("matchRepoDigestOrExact") => plain(SignedName::ExactOrRepositoryOfDigest),
        Some("matchRepository") => plain(SignedName::Repository),
        Some("exactReference") => {
            let reference = shaped::<ExactReference>(identity)?.docker_reference.0;
            if reference.tag.is_none() && reference.digest.is_none() {
                return Err(Shape::at("dockerReference", "expected a tag or digest behind the repository"));
            }
            Ok(SignedName::ThisReference(reference))
        }
        Some("exactRepository") => {
            Ok(SignedName::ThisRepository(shaped::<ExactRepository>(identity)?.docker_repository.0))
        }
        Some("remapIdentity") => {
            let RemapIdentity { prefix, signed_prefix, .. } = shaped(identity)?;
            Ok(SignedName::Remapped { prefix: prefix.0, signed_prefix: signed_prefix.0 })
        }
        found => Err(Shape::at("type", format!("no such way to compare names: {}", found.unwrap_or("none")))),
    }
}
