//! The verifier: a pure function of trust, policy, artifact, evidence and time.
//!
//! For each authority of the policy and each thing found, in this order:
//!
//! 1. `material`, `certificate`: does the format leave the judgement to this kind of authority, or present a certificate to it?
//! 2. `content`: is it the kind of thing asked for, and does it parse?
//! 3. `signature`: does the authority's key, or that of the certificate, verify it?
//! 4. `subject`: does the signed document name this artifact?
//! 5. `claims`: are the wanted annotations signed, for the wanted repository?
//! 6. `timestamp`: did timestamp authorities of the trusted root see this signature?
//! 7. `log`: do logs of the trusted root hold entries about it?
//! 8. `time`: when was it made, and was the key trusted then?
//! 9. `certificate`: does a path lead to the trusted root at all of these times?
//! 10. `sct`: was the certificate logged?
//! 11. `identity`: does it name the signer asked for?
//!
//! Steps 9 to 11 are for identities. A key without a trusted root reports instead of steps 6 to 8 the log entries and timestamps that
//! were not needed (`transparency`).
//!
//! Every step leaves a leaf in the report. Without the markers of a trusted signer (step 1 or 11), a valid signature (3) and a bound
//! subject (4), each minted by its own step alone, there is no [`VerifiedSignature`].

mod artifact;
#[cfg(feature = "keyless")]
mod certificate;
mod claims;
mod content;
mod digest_cache;
mod gate;
#[cfg(feature = "keyless")]
mod identity;
mod json;
#[cfg(feature = "keyless")]
mod log;
mod material;
mod requirement;
#[cfg(feature = "keyless")]
mod sct;
mod signature;
mod signers;
mod streamed_artifact;
mod subject;
#[cfg(feature = "keyless")]
mod time;
#[cfg(feature = "keyless")]
mod timestamp;
mod unchecked_material;
mod verified;
#[cfg(feature = "rego")]
mod whole_policy;

pub use artifact::Artifact;
pub use requirement::{Allowed, Decision, EvidenceSet};
pub use streamed_artifact::{ArtifactHasher, StreamedArtifact};
#[cfg(feature = "keyless")]
pub use verified::VerifiedCertificate;
pub use verified::{LogRecord, NotVerified, SignedBy, Verified, VerifiedSignature};

#[cfg(feature = "keyless")]
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::time::Duration;

use artifact::ArtifactDigests;
use content::Claim;
use digest_cache::DigestCache;
use requirement::{RequirementContext, Source};
use signature::SignatureValid;
use subject::SubjectBound;
use verified::{SignerTrusted, TransparencyMaterial};

use crate::bundle::{BundleError, Evidence, EvidenceItem, LookupError, SignedEntity};
use crate::content::SIGN_PREDICATE;
use crate::crypto::{KeyFingerprint, PublicKey, SignatureScheme};
use crate::limits::Limits;
use crate::policy::{Authority, KeyAuthority, Policy, Purpose, Requirement};
#[cfg(feature = "keyless")]
use crate::policy::{KeylessAuthority, TransparencyRequirements};
use crate::reason::Reason;
use crate::report::{CheckId, Fact, Label, Node, Outcome, Report, Rule, Verdict};
use crate::time::UnixTime;
use crate::trust::Trust;
#[cfg(feature = "keyless")]
use crate::trust::TrustedRoot;
#[cfg(feature = "keyless")]
use crate::trust::log::{SignerKey, VerifiedEntry};

/// Judges evidence by policies, in a deployment.
#[derive(Clone, Copy, Debug)]
pub struct Verifier<'t> {
    trust: &'t Trust,
    deadline: Deadline<'t>,
}

/// Asked before each step that takes time whether there is any left.
#[derive(Clone, Copy, Default)]
pub(crate) enum Deadline<'p> {
    /// There is always time.
    #[default]
    Endless,
    /// Whether there is time.
    Asked(&'p (dyn Fn() -> bool + Sync)),
    /// How much there is.
    Told(&'p (dyn Fn() -> Duration + Sync)),
}

impl Deadline<'_> {
    fn is_over(self) -> bool {
        match self {
            Self::Endless => false,
            Self::Asked(goes_on) => !goes_on(),
            Self::Told(left) => left().is_zero(),
        }
    }

    /// How long one step may take that can be stopped.
    #[cfg(feature = "rego")]
    fn left(self) -> Duration {
        match self {
            Self::Endless | Self::Asked(_) => Duration::MAX,
            Self::Told(left) => left(),
        }
    }
}

impl std::fmt::Debug for Deadline<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Endless => "Deadline(endless)",
            Self::Asked(_) => "Deadline(asked)",
            Self::Told(_) => "Deadline(told)",
        })
    }
}

impl<'t> Verifier<'t> {
    /// A verifier for all policies of one deployment.
    pub const fn new(trust: &'t Trust) -> Self {
        Self { trust, deadline: Deadline::Endless }
    }

    /// The same verifier, which stops when `goes_on` says no; it is asked before each thing found and each further requirement. What was
    /// not judged by then leaves a doubt.
    #[must_use]
    pub const fn with_cancellation(self, goes_on: &'t (dyn Fn() -> bool + Sync)) -> Self {
        Self { deadline: Deadline::Asked(goes_on), ..self }
    }

    /// The same with a limit of time: a policy in Rego is stopped when it is over.
    #[must_use]
    pub const fn with_time_left(self, left: &'t (dyn Fn() -> Duration + Sync)) -> Self {
        Self { deadline: Deadline::Told(left), ..self }
    }

    /// Judges evidence by one policy. The verdict of the report and the variant of the result always agree.
    ///
    /// # Errors
    /// [`NotVerified`], whose report tells refusal from doubt and names every reason.
    pub fn verify(
        &self,
        policy: &Policy,
        artifact: &Artifact<'_>,
        evidence: &Evidence,
        now: UnixTime,
    ) -> Result<Verified, NotVerified> {
        let artifact = ArtifactDigests::new(artifact);
        let (root, signatures) = self.judge_policy(policy, &artifact, Source::Given(evidence), now);
        verified::conclude(Report::new(now, root), signatures, evidence.count())
    }

    /// Judges by a requirement: each policy of it by itself, the whole by the fold of their reports.
    pub fn evaluate(
        &self,
        requirement: &Requirement,
        artifact: &Artifact<'_>,
        collected: &EvidenceSet,
        now: UnixTime,
    ) -> Decision {
        let mut signatures = Vec::new();
        let around = RequirementContext { verifier: *self, artifact: &ArtifactDigests::new(artifact), collected, now };
        let root = requirement::judge(requirement, &around, &mut signatures);
        Decision::new(Report::new(now, root), signatures, collected.count())
    }

    fn judge_policy(
        &self,
        policy: &Policy,
        artifact: &ArtifactDigests<'_>,
        source: Source<'_>,
        now: UnixTime,
    ) -> (Node, Vec<VerifiedSignature>) {
        let Some(evidence) = source.of(policy) else {
            let problem = LookupError {
                target: "what the policy asks for".to_owned(),
                code: "store-unavailable",
                detail: "no evidence was collected".to_owned(),
            };
            return (could_not_look(&problem), Vec::new());
        };
        let mut signatures = Vec::new();
        let mut parts: Vec<Node> = Vec::new();
        let mut signers: Vec<BTreeSet<KeyFingerprint>> = Vec::new();
        let mut gates =
            gate::Gates::new(policy, gate::GateContext { verifier: *self, artifact, source, evidence, now });
        for authority in &policy.authorities {
            let (node, found) = self.judge_authority(policy, authority, artifact, evidence, now);
            let (node, found) = gates.pass(node, found);
            if node.verdict() == Verdict::Verified {
                signers.push(found.iter().map(|signature| *signature.key()).collect());
            }
            parts.push(node);
            signatures.extend(found);
        }
        let threshold = policy.threshold;
        let label = Label::Policy { threshold, authorities: policy.authorities.len() };
        let distinct = signers::distinct(&signers);
        let mut node = Node::Group { label: label.clone(), rule: Rule::AtLeast(threshold), parts };
        if node.verdict() == Verdict::Verified && distinct < threshold.get() {
            let reason = Reason::SignersNotDistinct { expected: threshold, found: distinct };
            let leaf = Node::Leaf { check: CheckId::Policy, outcome: Outcome::Fail(reason) };
            node = Node::Group { label, rule: Rule::All, parts: vec![leaf, node] };
        }
        gates.whole(node, signatures)
    }

    /// One signature by this authority is enough for it; further ones are judged and reported all the same.
    fn judge_authority(
        &self,
        policy: &Policy,
        authority: &Authority,
        artifact: &ArtifactDigests<'_>,
        evidence: &Evidence,
        now: UnixTime,
    ) -> (Node, Vec<VerifiedSignature>) {
        let mut parts = Vec::new();
        let mut signatures = Vec::new();
        let label = match authority {
            Authority::Key(key) => Label::Key { name: key.name.clone(), fingerprint: key.key.fingerprint() },
            #[cfg(feature = "keyless")]
            Authority::Keyless(keyless) => Label::Identity { name: keyless.name() },
        };
        let signer = match Signer::new(authority, self.trust) {
            Ok(signer) => signer,
            Err(problem) => {
                let leaf = Node::Leaf { check: CheckId::Policy, outcome: Outcome::Unknown(problem) };
                return (Node::Group { label, rule: Rule::All, parts: vec![leaf] }, signatures);
            }
        };
        for (number, item) in (1..).zip(&evidence.items) {
            if self.deadline.is_over() {
                parts.push(not_judged(format!("number {number} of {} found", evidence.items.len())));
                break;
            }
            let (node, signature) = self.judge(policy, &signer, artifact, number, item, now);
            parts.push(node);
            signatures.extend(signature);
        }
        parts.extend(evidence.problems.iter().map(could_not_look));
        if evidence.count() == 0 && evidence.problems.is_empty() {
            let looked_for = match &policy.purpose {
                Purpose::Image => "sigstore bundles (referrers) and cosign signatures (tag)",
                Purpose::Blob => "a bundle or a detached signature",
                Purpose::Attestation(_) => "sigstore bundles (referrers or files) and cosign attestations (tag)",
            };
            let reason = Reason::NoSignatures { looked_for: looked_for.to_owned() };
            parts.insert(0, Node::Leaf { check: CheckId::Evidence, outcome: Outcome::Fail(reason) });
        }
        if let Purpose::Attestation(wanted) = &policy.purpose
            && let Some(found) = other_types(&parts)
        {
            let reason = Reason::NoAttestationOfType { expected: wanted.uri().to_owned(), found };
            parts.insert(0, Node::Leaf { check: CheckId::Evidence, outcome: Outcome::Fail(reason) });
        }
        (Node::Group { label, rule: Rule::AtLeast(NonZeroUsize::MIN), parts }, signatures)
    }

    fn judge(
        &self,
        policy: &Policy,
        signer: &Signer<'_>,
        artifact: &ArtifactDigests<'_>,
        number: usize,
        item: &EvidenceItem,
        now: UnixTime,
    ) -> (Node, Option<VerifiedSignature>) {
        let label = Label::Signature { number, origin: item.origin.clone() };
        let mut checks = Checks::default();
        let signature = match &item.entity {
            Err(error) => {
                checks.record(CheckId::Content, Err::<(Fact, ()), _>(Reason::Unreadable(error.clone())));
                None
            }
            Ok(entity) => {
                let signed = DigestCache::new(&entity.content, artifact);
                let case = Judgement {
                    policy,
                    limits: self.trust.limits(),
                    #[cfg(feature = "keyless")]
                    root: &signer.root,
                    artifact,
                    entity,
                    signed,
                    item,
                    now,
                };
                match signer.authority {
                    Authority::Key(key) => case.by_key(&mut checks, key),
                    #[cfg(feature = "keyless")]
                    Authority::Keyless(keyless) => case.by_identity(&mut checks, keyless),
                }
            }
        };
        (Node::Group { label, rule: Rule::All, parts: checks.parts }, signature)
    }
}

/// An authority of the policy, and the trusted root that it refers to: an empty one if it refers to none.
struct Signer<'a> {
    authority: &'a Authority,
    #[cfg(feature = "keyless")]
    root: Cow<'a, TrustedRoot>,
}

impl<'a> Signer<'a> {
    #[cfg(not(feature = "keyless"))]
    const fn new(authority: &'a Authority, _: &'a Trust) -> Result<Self, LookupError> {
        Ok(Self { authority })
    }

    #[cfg(feature = "keyless")]
    fn new(authority: &'a Authority, trust: &'a Trust) -> Result<Self, LookupError> {
        let reference = match authority {
            Authority::Key(key) => key.transparency.as_ref().map(|(reference, _)| reference),
            Authority::Keyless(keyless) => Some(&keyless.root),
        };
        let Some(reference) = reference else { return Ok(Self { authority, root: Cow::default() }) };
        match trust.resolve(reference) {
            Ok(root) => Ok(Self { authority, root }),
            Err(error) => {
                let name = reference.name().map(|name| format!(" {name:?}", name = name.as_str()));
                Err(LookupError {
                    target: format!("trusted root{}", name.unwrap_or_default()),
                    code: "trusted-root-missing",
                    detail: error.to_string(),
                })
            }
        }
    }
}

/// One thing found, and what it is judged against.
struct Judgement<'a> {
    policy: &'a Policy,
    limits: &'a Limits,
    #[cfg(feature = "keyless")]
    root: &'a TrustedRoot,
    artifact: &'a ArtifactDigests<'a>,
    entity: &'a SignedEntity,
    signed: DigestCache<'a>,
    item: &'a EvidenceItem,
    #[cfg_attr(
        not(feature = "keyless"),
        allow(dead_code, reason = "only log entries and timestamps are compared with the clock")
    )]
    now: UnixTime,
}

/// What steps 2 to 5 made of it.
struct Document {
    claim: Claim,
    valid: Option<SignatureValid>,
    bound: Option<SubjectBound>,
}

/// The recipe. Later steps run even when an earlier one failed, so that the report shows all that is wrong.
impl Judgement<'_> {
    fn by_key(&self, checks: &mut Checks, authority: &KeyAuthority) -> Option<VerifiedSignature> {
        let trusted = checks.record(CheckId::Material, material::check(self.entity)); // 1
        let document = self.document(checks, Some((&authority.key, &authority.schemes)))?; // 2 to 5
        #[cfg(feature = "keyless")]
        let transparency = self.transparency_of_key(checks, authority); // 6 to 8
        #[cfg(not(feature = "keyless"))]
        let transparency = unchecked_material::check(checks, self.entity);
        self.conclude(
            checks,
            authority.name.clone(),
            &authority.key,
            SignerTrusted::Key(trusted?),
            document,
            transparency,
        )
    }

    #[cfg(feature = "keyless")]
    fn by_identity(&self, checks: &mut Checks, authority: &KeylessAuthority) -> Option<VerifiedSignature> {
        let presented = certificate::present(authority, self.root, self.entity, self.limits);
        let presented = checks.record(CheckId::Material, presented); // 1
        let schemes = presented.as_ref().map(|presented| authority.schemes(&presented.key)).unwrap_or_default();
        let signer = presented.as_ref().map(|presented| (&presented.key, schemes.as_slice()));
        let document = self.document(checks, signer); // 2 to 5
        let presented = presented?;
        let signer = SignerKey::Certificate { der: presented.leaf.der(), key: &presented.key };
        let need = time::Need::Certificate;
        let (transparency, times) = self.transparency(checks, authority.transparency, signer, &need); // 6 to 8
        let path = certificate::path(self.root, &presented, times.all());
        let path = checks.record(CheckId::Certificate, path); // 9
        let proofs = path.and_then(|path| {
            let logged =
                checks.record_outcome(CheckId::Sct, sct::check(authority, self.root, &presented, &path, self.now))?; // 10
            Some((path, logged))
        });
        let trusted = checks.record(CheckId::Identity, identity::check(authority, &presented, proofs))?; // 11
        let certificate = VerifiedCertificate::new(presented.leaf, presented.identity);
        let trusted = SignerTrusted::Identity(trusted?, Box::new(certificate));
        self.conclude(checks, authority.name(), &presented.key, trusted, document?, transparency)
    }

    /// Steps 2 to 5. Without a signer's key the signature cannot be judged, and step 1 has said why.
    fn document(&self, checks: &mut Checks, signer: Option<(&PublicKey, &[SignatureScheme])>) -> Option<Document> {
        let (policy, artifact) = (self.policy, self.artifact);
        let claim = checks.record(CheckId::Content, content::check(&policy.purpose, self.entity, self.limits)); // 2
        let valid = signer.and_then(|(key, schemes)| {
            checks.record(CheckId::Signature, signature::check(key, schemes, &self.signed)) // 3
        });
        let claim = claim?;
        let bound = checks.record_outcome(CheckId::Subject, subject::check(policy.claims, &claim, artifact)); // 4
        claims::check(checks, policy, &claim, bound.as_ref()); // 5
        Some(Document { claim, valid, bound })
    }

    #[cfg(feature = "keyless")]
    fn transparency_of_key(&self, checks: &mut Checks, authority: &KeyAuthority) -> TransparencyMaterial {
        let need = time::Need::Key(authority.validity);
        match &authority.transparency {
            Some((_, transparency)) => {
                let signer = SignerKey::Key(&authority.key);
                self.transparency(checks, *transparency, signer, &need).0
            }
            None => {
                let transparency = unchecked_material::check(checks, self.entity);
                if authority.validity != crate::trust::Validity::ALWAYS {
                    time::check(checks, TransparencyRequirements::IF_PRESENT, &need, Vec::new(), self.now);
                }
                transparency
            }
        }
    }

    /// Steps 6 to 8.
    #[cfg(feature = "keyless")]
    fn transparency(
        &self,
        checks: &mut Checks,
        transparency: TransparencyRequirements,
        signer: SignerKey<'_>,
        need: &time::Need,
    ) -> (TransparencyMaterial, time::Times) {
        let stamped = timestamp::check(checks, self, transparency); // 6
        let (timestamps, mut times): (Vec<_>, Vec<_>) = stamped.into_iter().unzip();
        let entries = log::check(checks, self, transparency, signer, &times); // 7
        times.extend(entries.iter().filter_map(|(entry, _)| entry.time));
        let times = time::check(checks, transparency, need, times, self.now); // 8
        let record = |entry: &VerifiedEntry| {
            let VerifiedEntry { log, index, time, proof } = *entry;
            LogRecord { log, index, time, proof }
        };
        let stamps = timestamps.iter().filter_map(|position| self.entity.timestamps.get(*position).cloned());
        let transparency = TransparencyMaterial {
            logs: entries.iter().map(|(entry, _)| record(entry)).collect(),
            entries: entries.iter().map(|(_, entry)| (*entry).clone()).collect(),
            stamps: stamps.collect(),
            timestamps,
            times: times.all().to_vec(),
        };
        (transparency, times)
    }

    fn conclude(
        &self,
        checks: &Checks,
        authority: String,
        key: &PublicKey,
        trusted: SignerTrusted,
        document: Document,
        transparency: TransparencyMaterial,
    ) -> Option<VerifiedSignature> {
        if checks.failed() {
            return None;
        }
        let Document { claim, valid, bound } = document;
        let origin = self.item.origin.clone();
        Some(VerifiedSignature::new(trusted, valid?, bound?, authority, key.fingerprint(), claim, origin, transparency))
    }
}

/// The predicate types of the attestations found, each once, sorted; `None` when there are none, or one is of the type asked for.
fn other_types(parts: &[Node]) -> Option<Vec<String>> {
    let mut types: Vec<String> = Vec::new();
    let leaves = parts.iter().filter_map(|part| match part {
        Node::Group { parts, .. } => Some(parts),
        Node::Leaf { .. } => None,
    });
    for leaf in leaves.flatten() {
        match leaf {
            Node::Leaf { check: CheckId::Content, outcome: Outcome::Pass(_) } => return None,
            Node::Leaf {
                outcome:
                    Outcome::Fail(
                        Reason::PredicateTypeMismatch { found, .. }
                        | Reason::Unreadable(BundleError::PassedOver { found, .. }),
                    ),
                ..
            } if !types.contains(found) => types.push(found.clone()),
            _ => {}
        }
    }
    // A signature is not an attestation of another type, unless there is nothing else.
    if types.iter().any(|found| found != SIGN_PREDICATE) {
        types.retain(|found| found != SIGN_PREDICATE);
    }
    types.sort();
    (!types.is_empty()).then_some(types)
}

/// What there was no time for.
fn not_judged(what: String) -> Node {
    could_not_look(&LookupError {
        target: what,
        code: "timed-out",
        detail: "not verified within the timeout, nor what comes after it".to_owned(),
    })
}

fn could_not_look(problem: &LookupError) -> Node {
    Node::Leaf { check: CheckId::Evidence, outcome: Outcome::Unknown(problem.clone()) }
}

/// The leaves of one signature, in the order of the steps.
#[derive(Default)]
struct Checks {
    parts: Vec<Node>,
}

impl Checks {
    /// Records what a step found, and hands on what it minted.
    fn record<T>(&mut self, check: CheckId, result: Result<(Fact, T), Reason>) -> Option<T> {
        let (outcome, minted) = match result {
            Ok((fact, minted)) => (Outcome::Pass(fact), Some(minted)),
            Err(reason) => (Outcome::Fail(reason), None),
        };
        self.parts.push(Node::Leaf { check, outcome });
        minted
    }

    /// As [`Checks::record`], for a step that may also be waived.
    fn record_outcome<T>(&mut self, check: CheckId, (outcome, minted): (Outcome, Option<T>)) -> Option<T> {
        self.parts.push(Node::Leaf { check, outcome });
        minted
    }

    fn failed(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Node::Leaf { outcome: Outcome::Fail(_) | Outcome::Unknown(_), .. }))
    }
}
