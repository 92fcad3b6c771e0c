//! Authorities of a document that are met, and the policy over them.

use std::num::NonZeroUsize;

use serde_json::{Map, Value, json};

use super::VerifiedSignature;
use super::requirement::{self, RequirementContext};
use crate::bundle::{LookupError, Origin};
use crate::digest::Digest;
use crate::policy::{Gate, NamedAuthority, Requirement, Shows, WholePolicy};
use crate::report::{CheckId, Fact, Label, Node, Outcome, Rule, Verdict};

/// Judges each authority by itself, and the policy by what those show that are met. Without any authority the answer is negative,
/// whatever the policy says.
pub(super) fn judge(
    whole: &WholePolicy,
    around: &RequirementContext<'_>,
    signatures: &mut Vec<VerifiedSignature>,
) -> Node {
    let mut held = Vec::new();
    let mut nodes = Vec::new();
    let mut matches = Map::new();
    for authority in &whole.authorities {
        let (node, shown) = judge_authority(authority, around, &mut held);
        nodes.push(node);
        matches.extend(shown.map(|shown| (authority.name.clone(), shown)));
    }
    let doubt = nodes.iter().any(|node| node.verdict() == Verdict::Undecided);
    let any = Rule::AtLeast(NonZeroUsize::MIN);
    let met = group("any of the authorities", any, nodes);
    let verdict = met.verdict();
    if !matches!(verdict, Verdict::Verified | Verdict::Allowed) {
        return met;
    }
    let outcome = answer(whole, &matches, around);
    let outcome = match doubt {
        true => Outcome::Unknown(LookupError {
            target: format!("what {} judges", whole.rego.name()),
            code: "store-unavailable",
            detail: "whether another authority is met could not be told, and the policy may ask for it".to_owned(),
        }),
        false => outcome,
    };
    // Where nothing is proven, the policy's yes proves nothing either.
    if verdict == Verdict::Allowed && matches!(outcome, Outcome::Pass(_)) {
        return group(format!("{} complies", whole.rego.name()), Rule::All, vec![met]);
    }
    let node = group(
        format!("{} over the authorities that are met", whole.rego.name()),
        Rule::All,
        vec![met, Node::Leaf { check: CheckId::Rego, outcome }],
    );
    if node.verdict() == Verdict::Verified {
        signatures.extend(held);
    }
    node
}

fn answer(whole: &WholePolicy, matches: &Map<String, Value>, around: &RequirementContext<'_>) -> Outcome {
    let input = json!({ "authorityMatches": matches }).to_string();
    match whole.rego.check(input.as_bytes(), around.now, around.verifier.deadline.left()) {
        Ok(()) => Outcome::Pass(Fact::PolicyAllows { policy: whole.rego.name().to_owned() }),
        Err(refusal) => refusal.outcome(&whole.rego),
    }
}

/// The report of one authority, and what it shows if it is met.
fn judge_authority(
    authority: &NamedAuthority,
    around: &RequirementContext<'_>,
    held: &mut Vec<VerifiedSignature>,
) -> (Node, Option<Value>) {
    let mut own = Vec::new();
    let (node, shown) = match (&authority.shows, &authority.requirement) {
        (Shows::Attestations(names), Requirement::Group { name, rule, parts }) => {
            let mut nodes = Vec::new();
            let mut shown = Map::new();
            for (part, (attestation, kind)) in parts.iter().zip(names) {
                let mut of_part = Vec::new();
                nodes.push(requirement::judge(part, around, &mut of_part));
                let complying = of_part.iter().filter(|signature| complies(part, signature, around));
                let items = complying.map(|signature| described(signature, Some(kind))).collect();
                shown.insert(attestation.clone(), Value::Array(items));
                own.extend(of_part);
            }
            let label = Label::Requirements { name: name.clone() };
            (Node::Group { label, rule: *rule, parts: nodes }, json!({ "attestations": shown }))
        }
        (_, requirement) => {
            let node = requirement::judge(requirement, around, &mut own);
            let items: Vec<Value> = own.iter().map(|signature| described(signature, None)).collect();
            let shown = if items.is_empty() { json!({ "static": true }) } else { json!({ "signatures": items }) };
            (node, shown)
        }
    };
    let is_met = matches!(node.verdict(), Verdict::Verified | Verdict::Allowed);
    if is_met {
        held.extend(own);
    }
    (node, is_met.then_some(shown))
}

/// Returns true if the attestation passes every policy that the document asks of it by itself.
fn complies(part: &Requirement, signature: &VerifiedSignature, around: &RequirementContext<'_>) -> bool {
    let Some(statement) = signature.statement() else { return false };
    let mut all = true;
    part.each_policy(&mut |requirement| {
        for gate in &requirement.policy.gates {
            if let Gate::Rego(policy) = gate {
                all = all && policy.check(statement.payload(), around.now, around.verifier.deadline.left()).is_ok();
            }
        }
    });
    all
}

/// A signature as policy-controller describes it to policies: members without a value are left out.
fn described(signature: &VerifiedSignature, kind: Option<&String>) -> Value {
    let id = match (signature.simple_signing(), signature.origin().places().first()) {
        (None, Some(Origin::Referrer { manifest, .. })) => manifest.hex(),
        _ => Digest::sha256(signature.payload().unwrap_or_default()).hex(),
    };
    let mut members = Map::new();
    let mut insert = |name: &str, value: &str| {
        if !value.is_empty() {
            members.insert(name.to_owned(), Value::from(value));
        }
    };
    insert("id", &id);
    #[cfg(feature = "keyless")]
    if let Some(certificate) = signature.certificate() {
        use crate::trust::FulcioExtension as Extension;
        let identity = certificate.identity();
        insert("subject", &identity.subject);
        insert("issuer", identity.issuer.as_deref().unwrap_or_default());
        for (name, extension) in [
            ("githubWorkflowTrigger", Extension::GithubWorkflowTrigger),
            ("githubWorkflowSha", Extension::GithubWorkflowSha),
            ("githubWorkflowName", Extension::GithubWorkflowName),
            ("githubWorkflowRepo", Extension::GithubWorkflowRepository),
            ("githubWorkflowRef", Extension::GithubWorkflowRef),
        ] {
            insert(name, identity.extensions.get(&extension).map(String::as_str).unwrap_or_default());
        }
    }
    insert("predicateType", kind.map(String::as_str).unwrap_or_default());
    Value::Object(members)
}

fn group(name: impl Into<String>, rule: Rule, parts: Vec<Node>) -> Node {
    Node::Group { label: Label::Requirements { name: name.into() }, rule, parts }
}
