//! Images with statements about them, policies, and what becomes of the one by the other.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use sigkit_core::bundle::{Evidence, EvidenceItem, LookupError, Origin, SignedEntity};
use sigkit_core::content::{Content, PredicateType, Statement, UnsignedDocument};
use sigkit_core::crypto::KeyAlgorithm;
use sigkit_core::digest::Digest;
use sigkit_core::key::{KeyPair, SigningKey as _};
use sigkit_core::limits::Limits;
use sigkit_core::oci::{Descriptor, media_type};
use sigkit_core::policy::document::DocumentResolver;
use sigkit_core::policy::{ImageIdentity, PolicySet, Purpose, Requirement};
use sigkit_core::report::{Node, Outcome, Verdict};
use sigkit_core::time::UnixTime;
use sigkit_core::trust::{RootName, Trust, TrustedRoot};
use sigkit_core::verify::{Artifact, Decision, EvidenceSet, Verifier};

use crate::support::cases::{IMAGE, bundle, image, statement, subject_of};
use crate::support::keyless::{deployment, trust};
use crate::support::keys::test_only;

pub(crate) const SIGN: &str = "https://sigstore.dev/cosign/sign/v1";
/// 2026-11-23T06:00:00Z: within a day of what the scanners reported.
pub(crate) const NOW: UnixTime = UnixTime(1_795_413_600);

pub(crate) fn key(name: &str) -> KeyPair {
    test_only(KeyAlgorithm::EcdsaP256, name)
}

/// Files by name, and a trusted root: that of the public services when there is no other.
#[derive(Default)]
pub(crate) struct Files {
    named: BTreeMap<String, Vec<u8>>,
    root: Option<RootName>,
}

impl Files {
    /// The public keys of these names, each in `NAME.pub`.
    pub(crate) fn keys(names: &[&str]) -> Self {
        let file = |name: &&str| (format!("{name}.pub"), key(name).public_key().to_pem().into_bytes());
        Self { named: names.iter().map(file).collect(), root: None }
    }

    pub(crate) fn with(mut self, name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.named.insert(name.to_owned(), bytes.into());
        self
    }

    pub(crate) fn with_root(self, root: &Value) -> Self {
        Self { root: Some(trust(root)), ..self }
    }
}

impl DocumentResolver for Files {
    fn file(&self, path: &str, limit: u64) -> Result<Vec<u8>, String> {
        let bytes = self.named.get(path).ok_or_else(|| format!("no file {path}"))?;
        if bytes.len() as u64 > limit { Err("too large".to_owned()) } else { Ok(bytes.clone()) }
    }

    fn default_root(&self) -> RootName {
        self.root.clone().unwrap_or(RootName::PUBLIC_GOOD)
    }

    fn trusted_root(&self, name: &RootName) -> Result<Arc<TrustedRoot>, String> {
        let root = deployment().root(name).cloned();
        root.map(Arc::new).ok_or_else(|| format!("there is no trusted root {name}"))
    }
}

pub(crate) fn read(text: &str, files: &Files) -> Result<PolicySet, String> {
    PolicySet::from_file(text.as_bytes(), files, &Limits::DEFAULT).map_err(|error| error.to_string())
}

/// A signature of the image.
pub(crate) fn signed(by: &str) -> EvidenceItem {
    item(&statement(SIGN, &subject_of(&image().to_string())), by)
}

/// A statement about the image.
pub(crate) fn attested(kind: &PredicateType, predicate: &[u8], by: &str) -> EvidenceItem {
    attested_of(&image(), kind, predicate, by)
}

/// A statement about something.
pub(crate) fn attested_of(subject: &Digest, kind: &PredicateType, predicate: &[u8], by: &str) -> EvidenceItem {
    let payload = Statement::attest(&[("app", *subject)], kind, predicate.to_vec()).unwrap();
    item(&String::from_utf8(payload).unwrap(), by)
}

fn item(statement: &str, by: &str) -> EvidenceItem {
    bundle("", statement, &key(by)).evidence().items.remove(0)
}

/// A signature in cosign's older format, made for this name; `annotations` of its payload hold the rest.
pub(crate) fn legacy(name: &str, annotations: impl FnOnce(&[u8]) -> BTreeMap<String, String>) -> EvidenceItem {
    let payload = UnsignedDocument::simple_signing(&image(), name, &Default::default()).unwrap().bytes().into_owned();
    let mut layer = Descriptor::of(media_type::SIMPLE_SIGNING, &payload);
    layer.annotations = annotations(&payload);
    let entity = SignedEntity::from_layer(&layer, payload, &Limits::DEFAULT);
    EvidenceItem { origin: Origin::File(name.to_owned()), entity }
}

pub(crate) fn problem() -> LookupError {
    LookupError { target: "referrers".to_owned(), code: "store-unavailable", detail: "status 500".to_owned() }
}

/// What becomes of an image.
#[derive(Debug)]
pub(crate) struct Outcomes {
    pub(crate) verdict: Verdict,
    /// Codes of all failed and doubtful leaves, sorted, each once.
    pub(crate) codes: Vec<&'static str>,
    /// Words of all leaves that hold.
    pub(crate) facts: Vec<String>,
    /// Words of all failed and doubtful leaves.
    pub(crate) troubles: Vec<String>,
}

pub(crate) fn judge(
    set: &PolicySet,
    name: &str,
    items: &[EvidenceItem],
    problems: &[LookupError],
    now: UnixTime,
) -> Outcomes {
    judge_in(&deployment(), set, name, items, problems, now)
}

/// The same in another deployment.
pub(crate) fn judge_in(
    trust: &Trust,
    set: &PolicySet,
    name: &str,
    items: &[EvidenceItem],
    problems: &[LookupError],
    now: UnixTime,
) -> Outcomes {
    let reference = name.parse().unwrap();
    evaluate(trust, &set.requirement_for(ImageIdentity::Registry(&reference)), items, problems, now)
}

pub(crate) fn judge_requirement(
    requirement: &Requirement,
    items: &[EvidenceItem],
    problems: &[LookupError],
    now: UnixTime,
) -> Outcomes {
    evaluate(&deployment(), requirement, items, problems, now)
}

fn evaluate(
    trust: &Trust,
    requirement: &Requirement,
    items: &[EvidenceItem],
    problems: &[LookupError],
    now: UnixTime,
) -> Outcomes {
    let mut findings = EvidenceSet::default();
    for (policy, source) in requirement.lookups() {
        let of_kind = items.iter().filter(|item| is_for(policy.purpose(), item)).cloned();
        let evidence = Evidence { items: of_kind.collect(), problems: problems.to_vec() };
        findings.add(policy.purpose().clone(), source.cloned(), evidence);
    }
    let decision = Verifier::new(trust).evaluate(requirement, &Artifact::Bytes(IMAGE.as_bytes()), &findings, now);
    let verdict = decision.verdict();
    assert_eq!(verdict, decision.report().verdict());
    match &decision {
        Decision::Verified(verified) => assert!(!verified.signatures().is_empty()),
        Decision::Allowed(_) => {}
        Decision::Rejected(refusal) | Decision::Undecided(refusal) => {
            assert_eq!(refusal.found(), findings.iter().map(|evidence| evidence.items.len()).sum::<usize>());
        }
    }
    let mut outcomes = Outcomes { verdict, codes: Vec::new(), facts: Vec::new(), troubles: Vec::new() };
    collect(&decision.report().root, &mut outcomes);
    outcomes.codes.sort_unstable();
    outcomes.codes.dedup();
    outcomes
}

/// Returns true if the item serves the purpose.
fn is_for(purpose: &Purpose, item: &EvidenceItem) -> bool {
    let Ok(entity) = &item.entity else { return true };
    let Content::Envelope(envelope) = &entity.content else { return *purpose == Purpose::Image };
    let kind = Statement::parse(envelope.payload.to_vec(), &Limits::DEFAULT).unwrap().predicate_type;
    match purpose {
        Purpose::Attestation(wanted) => wanted.uri() == kind,
        _ => kind == SIGN,
    }
}

fn collect(node: &Node, outcomes: &mut Outcomes) {
    match node {
        Node::Leaf { outcome: outcome @ (Outcome::Fail(_) | Outcome::Unknown(_)), .. } => {
            outcomes.codes.extend(outcome.code());
            outcomes.troubles.push(outcome.to_string());
        }
        Node::Leaf { outcome, .. } => outcomes.facts.push(outcome.to_string()),
        Node::Group { parts, .. } => parts.iter().for_each(|part| collect(part, outcomes)),
    }
}

/// An `ImagePolicy` of the authorities named, each with the key of its name.
pub(crate) fn image_policy(authorities: &[&str], require: &str) -> String {
    let authorities: BTreeMap<_, _> =
        authorities.iter().map(|name| (*name, json!({"key": format!("{name}.pub")}))).collect();
    format!(
        "apiVersion: sigkit.dev/v1\nkind: ImagePolicy\nname: test\nimages: ['registry.example/**']\nauthorities: {}\nrequire:\n{require}",
        json!(authorities)
    )
}
