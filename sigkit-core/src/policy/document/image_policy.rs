//! Our own documents, for what the others cannot say: `kind: ImagePolicy` of `sigkit.dev/v1`.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use serde::Deserialize;
use serde_json::Value;

use super::keys::{PemKey, WireIdentity};
use super::{Filled, Parsed, Reading, Shape, WantedType, WireMode, each, filled, shaped};
use crate::content::PredicateType;
use crate::content::scan::Severity;
use crate::crypto::PublicKey;
use crate::policy::gate::Age;
use crate::policy::{
    Authority, Exception, FindingFilter, Gate, ImageGlob, ImageMatcher, ImageRule, KeyAuthority, KeylessAuthority,
    Policy, ProvenanceGate, Purpose, Requirement, ScanGate, TextGlob,
};
use crate::time::UnixTime;

/// Predicate types of OpenVEX documents: as cosign writes them, and as their specification names them.
const VEX_TYPES: [PredicateType; 1] = [PredicateType::OpenVex];
const VEX_TYPE_02: &str = "https://openvex.dev/ns/v0.2.0";

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Wire {
    #[serde(rename = "apiVersion")]
    _version: String,
    #[serde(rename = "kind")]
    _kind: String,
    name: String,
    images: Filled<Parsed<ImageGlob>>,
    #[serde(default)]
    mode: WireMode,
    authorities: BTreeMap<String, WireAuthority>,
    require: Filled<WireRequirement>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WireAuthority {
    key: Option<String>,
    key_data: Option<PemKey>,
    identity: Option<WireIdentity>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum WireRequirement {
    Signature(SignatureRequirement),
    Attestation(Box<AttestationRequirement>),
    AnyOf(Filled<WireRequirement>),
    AllOf(Filled<WireRequirement>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SignatureRequirement {
    by: Filled<String>,
    at_least: NonZeroUsize,
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct AttestationRequirement {
    #[serde(rename = "type")]
    kind: Parsed<WantedType>,
    by: Filled<String>,
    at_least: NonZeroUsize,
    scan: Option<ScanRequirement>,
    provenance: Option<ProvenanceRequirement>,
    rego: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ScanRequirement {
    maximum_severity: WireSeverity,
    #[serde(default)]
    only_fixable: bool,
    max_age: Parsed<Age>,
    exceptions: Option<Filled<WireException>>,
    vex: Option<VexRequirement>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WireSeverity {
    None,
    Negligible,
    Low,
    Medium,
    High,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WireException {
    id: String,
    until: Day,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct VexRequirement {
    by: Filled<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ProvenanceRequirement {
    builder: Option<Parsed<TextGlob>>,
    source: Option<Parsed<TextGlob>>,
    #[serde(rename = "ref")]
    reference: Option<Parsed<TextGlob>>,
    base_images: Option<Filled<Parsed<ImageGlob>>>,
}

/// A day in UTC, `2026-12-31`; kept as the moment after its end.
#[derive(Clone, Copy, Debug)]
struct Day(UnixTime);

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let start = if text.len() == 10 { UnixTime::parse(&format!("{text}T00:00:00Z")) } else { None };
        let (start, _) = start
            .ok_or_else(|| serde::de::Error::custom(format!("expected a day such as 2026-12-31, found {text:?}")))?;
        Ok(Self(start.plus(86_400)))
    }
}

/// One document as a rule.
pub(super) fn rule(document: &Value, reading: &Reading<'_>) -> Result<ImageRule, Shape> {
    filled(document)?;
    let wire: Wire = shaped(document)?;
    let mut authorities = BTreeMap::new();
    for (name, authority) in &wire.authorities {
        let read = authority.read(name, reading).map_err(|error| error.below(&format!("authorities.{name}")))?;
        authorities.insert(name.as_str(), read);
    }
    let builder = Builder { authorities, reading };
    let requirements = builder.requirements(&wire.require.0).map_err(|error| error.below("require"))?;
    if let Some(unused) =
        wire.authorities.keys().find(|name| !wire.require.0.iter().any(|requirement| requirement.names(name)))
    {
        return Err(Shape::at(format!("authorities.{unused}"), "no requirement names this authority"));
    }
    Ok(ImageRule {
        name: format!("policy {}", wire.name),
        images: ImageMatcher::Globs(wire.images.0.into_iter().map(|glob| glob.0).collect()),
        mode: wire.mode.into(),
        requirement: Requirement::all("all of the requirements", requirements),
    })
}

impl WireAuthority {
    fn read(&self, name: &str, reading: &Reading<'_>) -> Result<Authority, Shape> {
        match (&self.key, &self.key_data, &self.identity) {
            (Some(path), None, None) => {
                let bytes = reading
                    .resolver
                    .file(path, reading.limits.key_file_bytes)
                    .map_err(|error| Shape::at("key", error))?;
                let key = PublicKey::from_pem(&bytes).map_err(|error| Shape::at("key", error))?;
                Ok(Authority::Key(KeyAuthority::new(name, key)))
            }
            (None, Some(PemKey(key)), None) => Ok(Authority::Key(KeyAuthority::new(name, key.clone()))),
            (None, None, Some(identity)) => {
                let identity = identity.own_identity().map_err(|error| error.below("identity"))?;
                let root = reading.checked(reading.root()).map_err(|error| error.below("identity"))?;
                Ok(Authority::Keyless(KeylessAuthority::new(identity).with_root(root)))
            }
            _ => Err(Shape::at("", "expected exactly one of key, keyData and identity")),
        }
    }
}

impl WireRequirement {
    fn names(&self, name: &str) -> bool {
        let among = |names: &Filled<String>| names.0.iter().any(|known| known == name);
        match self {
            Self::Signature(signature) => among(&signature.by),
            Self::Attestation(attestation) => {
                let vex = attestation.scan.as_ref().and_then(|scan| scan.vex.as_ref());
                among(&attestation.by) || vex.is_some_and(|vex| among(&vex.by))
            }
            Self::AnyOf(parts) | Self::AllOf(parts) => parts.0.iter().any(|part| part.names(name)),
        }
    }
}

/// Reads requirements.
struct Builder<'b> {
    authorities: BTreeMap<&'b str, Authority>,
    reading: &'b Reading<'b>,
}

impl Builder<'_> {
    fn requirements(&self, requirements: &[WireRequirement]) -> Result<Vec<Requirement>, Shape> {
        each(requirements, "", |_, requirement| self.requirement(requirement))
    }

    fn requirement(&self, requirement: &WireRequirement) -> Result<Requirement, Shape> {
        match requirement {
            WireRequirement::Signature(signature) => {
                self.signature(signature).map_err(|error| error.below("signature"))
            }
            WireRequirement::Attestation(attestation) => {
                self.attestation(attestation).map_err(|error| error.below("attestation"))
            }
            WireRequirement::AnyOf(parts) => {
                let parts = self.requirements(&parts.0).map_err(|error| error.below("anyOf"))?;
                Ok(Requirement::any("any of", parts))
            }
            WireRequirement::AllOf(parts) => {
                let parts = self.requirements(&parts.0).map_err(|error| error.below("allOf"))?;
                Ok(Requirement::all("all of", parts))
            }
        }
    }

    fn policy(&self, purpose: Purpose, by: &Filled<String>, at_least: NonZeroUsize) -> Result<Policy, Shape> {
        let authorities = each(&by.0, "by", |_, name| {
            let known = self.authorities.get(name.as_str());
            known.cloned().ok_or_else(|| Shape::at("", format!("there is no authority {name:?}")))
        })?;
        Policy::at_least(purpose, at_least, authorities).map_err(|error| Shape::at("atLeast", error))
    }

    fn signature(&self, wire: &SignatureRequirement) -> Result<Requirement, Shape> {
        let mut policy = self.policy(Purpose::Image, &wire.by, wire.at_least)?;
        if wire.annotations.as_ref().is_some_and(BTreeMap::is_empty) {
            return Err(Shape::at("annotations", "expected at least one"));
        }
        for (name, value) in wire.annotations.iter().flatten() {
            policy = policy.with_annotation(name, value);
        }
        Ok(policy.into())
    }

    fn attestation(&self, wire: &AttestationRequirement) -> Result<Requirement, Shape> {
        let kind = &wire.kind.0.0;
        let mut policy = self.policy(Purpose::Attestation(kind.clone()), &wire.by, wire.at_least)?;
        if let Some(scan) = &wire.scan {
            if *kind != PredicateType::Vuln {
                return Err(Shape::at("scan", "says something about type vuln alone"));
            }
            policy = policy.with_gate(self.scan(scan).map_err(|error| error.below("scan"))?);
        }
        if let Some(provenance) = &wire.provenance {
            if !matches!(kind, PredicateType::SlsaProvenance1 | PredicateType::SlsaProvenance02) {
                return Err(Shape::at(
                    "provenance",
                    "says something about types slsaprovenance1 and slsaprovenance02 alone",
                ));
            }
            policy = policy.with_gate(provenance.gate().map_err(|error| error.below("provenance"))?);
        }
        if let Some(path) = &wire.rego {
            let limit = u64::try_from(self.reading.limits.policy_bytes).unwrap_or(u64::MAX);
            let source = self.reading.resolver.file(path, limit).map_err(|error| Shape::at("rego", error))?;
            let source = String::from_utf8(source).map_err(|_| Shape::at("rego", "expected UTF-8"))?;
            let gate = super::rego_gate(path, &source, crate::policy::Quantifier::Every);
            policy = policy.with_gate(gate.map_err(|error| error.below("rego"))?);
        }
        Ok(policy.into())
    }

    fn scan(&self, wire: &ScanRequirement) -> Result<Gate, Shape> {
        let maximum = match wire.maximum_severity {
            WireSeverity::None => Severity::Unknown,
            WireSeverity::Negligible => Severity::Negligible,
            WireSeverity::Low => Severity::Low,
            WireSeverity::Medium => Severity::Medium,
            WireSeverity::High => Severity::High,
        };
        let counted = if wire.only_fixable { FindingFilter::Fixable } else { FindingFilter::All };
        let mut gate = ScanGate::new(maximum).with_filter(counted).with_max_age(wire.max_age.0);
        for exception in wire.exceptions.iter().flat_map(|exceptions| &exceptions.0) {
            if exception.id.trim().is_empty() {
                return Err(Shape::at("exceptions", "expected the identifier of a finding in id, found none"));
            }
            let reason = Some(exception.reason.clone());
            gate = gate.with_exception(Exception { id: exception.id.clone(), until: exception.until.0, reason });
        }
        if let Some(vex) = &wire.vex {
            let other = PredicateType::Uri(VEX_TYPE_02.to_owned());
            for kind in VEX_TYPES.into_iter().chain([other]) {
                let policy = self.policy(Purpose::Attestation(kind), &vex.by, NonZeroUsize::MIN);
                gate = gate.with_vex(policy.map_err(|error| error.below("vex"))?);
            }
        }
        Ok(Gate::Scan(Box::new(gate)))
    }
}

impl ProvenanceRequirement {
    fn gate(&self) -> Result<Gate, Shape> {
        let glob = |glob: &Option<Parsed<TextGlob>>| glob.as_ref().map(|glob| glob.0.clone());
        let gate = ProvenanceGate {
            builder: glob(&self.builder),
            source: glob(&self.source),
            reference: glob(&self.reference),
            base_images: self.base_images.iter().flat_map(|globs| globs.0.iter().map(|glob| glob.0.clone())).collect(),
        };
        if [&gate.builder, &gate.source, &gate.reference].iter().all(|field| field.is_none())
            && gate.base_images.is_empty()
        {
            return Err(Shape::at("", "expected builder, source, ref or baseImages, found none"));
        }
        Ok(Gate::Provenance(Box::new(gate)))
    }
}
