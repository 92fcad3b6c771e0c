//! The shapes that cosign prints, filled from signed bytes only.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sigkit_core::content::SIGN_PREDICATE;
use sigkit_core::digest::DigestAlgorithm;
use sigkit_core::report::{CheckId, Node, Outcome, Report, Verdict, Waiver};
use sigkit_core::verify::{Verified, VerifiedSignature};

use crate::escape;

/// `-o json`: an empty line, an array with one element for each signature, a line end.
pub(super) fn array(verified: &Verified) -> Vec<u8> {
    let elements = elements(verified);
    let mut bytes = b"\n[".to_vec();
    bytes.extend(elements.join(",").into_bytes());
    bytes.extend_from_slice(b"]\n");
    bytes
}

/// `-o text`: one element on each line.
pub(super) fn lines(verified: &Verified) -> Vec<u8> {
    elements(verified).into_iter().flat_map(|element| [element.into_bytes(), b"\n".to_vec()].concat()).collect()
}

/// Of each distinct attestation its envelope, one on a line.
pub(super) fn envelopes(verified: &Verified, stdout: &mut Vec<u8>) {
    for envelope in distinct(verified).filter_map(VerifiedSignature::envelope) {
        // What these types hold can always be written.
        let mut line = envelope.to_json().unwrap_or_default();
        line.push(b'\n');
        // The first is handed on as it is: it may be large.
        if stdout.is_empty() { *stdout = line } else { stdout.extend(line) }
    }
}

/// Each signature once, though several keys may verify it.
fn distinct(verified: &Verified) -> impl Iterator<Item = &VerifiedSignature> {
    let mut origins = BTreeSet::new();
    verified.signatures().iter().filter(move |signature| origins.insert(signature.origin().to_string()))
}

/// One element for each distinct signature; one that several keys verify is printed once.
fn elements(verified: &Verified) -> Vec<String> {
    distinct(verified).map(|signature| element(signature).to_string()).collect()
}

fn element(signature: &VerifiedSignature) -> Value {
    if let Some(document) = signature.simple_signing() {
        let optional = (!document.optional.is_empty()).then(|| document.optional.clone());
        return claim(&document.reference, &document.digest.to_string(), &document.kind, json!(optional));
    }
    // A statement names no repository, so there is none to print.
    let subject = signature.subject();
    let named = || subject.and_then(|subject| DigestAlgorithm::ALL.into_iter().find_map(|a| subject.digest(a)));
    let digest = signature.digest().or_else(named).map(|digest| digest.to_string()).unwrap_or_default();
    let annotations = subject.map(|subject| &subject.annotations).filter(|annotations| !annotations.is_empty());
    claim("", &digest, SIGN_PREDICATE, json!(annotations))
}

fn claim(reference: &str, digest: &str, kind: &str, optional: Value) -> Value {
    json!({
        "critical": {
            "identity": {"docker-reference": reference},
            "image": {"docker-manifest-digest": digest},
            "type": kind,
        },
        "optional": optional,
    })
}

/// The words that cosign prints before its results, for the checks that really ran and hold.
pub(super) fn header(name: &str, report: &Report) -> String {
    let mut checks = BTreeSet::new();
    passed(&report.root, &mut checks);
    let mut text = format!(
        "\nVerification for {} --\nThe following checks were performed on each of these signatures:\n",
        escape::one_line(name)
    );
    for (check, words) in [
        ("annotations", "The specified annotations were verified."),
        ("reference", "The signed reference was compared with the repository"),
        ("subject", "The cosign claims were validated"),
        ("claims-not-checked", "The cosign claims were NOT compared with the image, as asked"),
        ("signature", "The signatures were verified against the specified public key"),
    ] {
        if checks.contains(check) {
            text.push_str(&format!("  - {words}\n"));
        }
    }
    text
}

/// The checks of every signature that holds.
fn passed(node: &Node, checks: &mut BTreeSet<&'static str>) {
    match node {
        Node::Leaf { check, outcome: Outcome::Pass(_) } => {
            checks.insert(check.name());
        }
        Node::Leaf { check: CheckId::Subject, outcome: Outcome::Skip(waiver @ Waiver::ClaimsNotChecked) } => {
            checks.insert(waiver.code());
        }
        Node::Leaf { .. } => {}
        Node::Group { parts, .. } if node.verdict() == Verdict::Verified => {
            parts.iter().for_each(|part| passed(part, checks));
        }
        Node::Group { .. } => {}
    }
}
