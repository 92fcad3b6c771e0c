//! The shapes that cosign prints, filled from signed bytes only.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use sigkit_core::content::SIGN_PREDICATE;
use sigkit_core::digest::DigestAlgorithm;
use sigkit_core::report::{Node, Outcome, Report, Verdict};
use sigkit_core::trust::{FulcioExtension, SignerIdentity};
use sigkit_core::verify::{Verified, VerifiedSignature};

use super::witness::Witnesses;
use crate::escape;

/// The arc of Fulcio's extensions.
const FULCIO: &str = "1.3.6.1.4.1.57264.1";

/// The extensions that cosign prints, with their numbers below that arc.
const WORKFLOW: [(u8, FulcioExtension); 5] = [
    (2, FulcioExtension::GithubWorkflowTrigger),
    (3, FulcioExtension::GithubWorkflowSha),
    (4, FulcioExtension::GithubWorkflowName),
    (5, FulcioExtension::GithubWorkflowRepository),
    (6, FulcioExtension::GithubWorkflowRef),
];

/// `-o json`: an empty line, an array with one element for each signature, a line end.
pub(super) fn array(verified: &Verified, witnesses: &Witnesses) -> Vec<u8> {
    let elements = elements(verified, witnesses);
    let mut bytes = b"\n[".to_vec();
    bytes.extend(elements.join(",").into_bytes());
    bytes.extend_from_slice(b"]\n");
    bytes
}

/// `-o text`: one element on each line.
pub(super) fn lines(verified: &Verified, witnesses: &Witnesses) -> Vec<u8> {
    elements(verified, witnesses)
        .into_iter()
        .flat_map(|element| [element.into_bytes(), b"\n".to_vec()].concat())
        .collect()
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
fn elements(verified: &Verified, witnesses: &Witnesses) -> Vec<String> {
    let element = |signature: &VerifiedSignature| {
        let witnesses = witnesses.get(&signature.origin().to_string()).cloned().unwrap_or_default();
        element(signature, witnesses).to_string()
    };
    distinct(verified).map(element).collect()
}

fn element(signature: &VerifiedSignature, witnesses: Map<String, Value>) -> Value {
    let mut signer = signature.certificate().map(|certificate| signer(certificate.identity())).unwrap_or_default();
    signer.extend(witnesses);
    let with_signer = |mut optional: Map<String, Value>| {
        optional.extend(signer);
        if optional.is_empty() { Value::Null } else { Value::Object(optional) }
    };
    if let Some(document) = signature.simple_signing() {
        let signed = document.optional.clone().into_iter().collect();
        return claim(&document.reference, &document.digest.to_string(), &document.kind, with_signer(signed));
    }
    // A statement names no repository, so there is none to print.
    let subject = signature.subject();
    let named = || subject.and_then(|subject| DigestAlgorithm::ALL.into_iter().find_map(|a| subject.digest(a)));
    let digest = signature.digest().or_else(named).map(|digest| digest.to_string()).unwrap_or_default();
    let annotations = subject.map(|subject| subject.annotations.clone()).unwrap_or_default();
    let annotations = annotations.into_iter().map(|(name, value)| (name, json!(value))).collect();
    // By a policy file an attestation may be what was asked for; it is not called a signature.
    let kind = signature.statement().map_or(SIGN_PREDICATE, |statement| &statement.predicate_type);
    claim("", &digest, kind, with_signer(annotations))
}

/// What the verified certificate says of the signer, under the names that cosign gives it. It comes last and so replaces annotations
/// of the same names, which anyone who may sign can write.
fn signer(identity: &SignerIdentity) -> Map<String, Value> {
    let mut members = Map::new();
    let mut add = |name: &str, value: &str| members.insert(name.to_owned(), json!(value));
    add("Subject", &identity.subject);
    if let Some(issuer) = &identity.issuer {
        add("Issuer", issuer);
        add(&format!("{FULCIO}.1"), issuer);
    }
    for (number, extension) in WORKFLOW {
        if let Some(value) = identity.extensions.get(&extension) {
            add(&format!("{FULCIO}.{number}"), value);
            add(extension.name(), value);
        }
    }
    members
}

/// Lines about the certificates of the signatures, one signer once.
pub(super) fn certificates(verified: &Verified) -> String {
    let mut lines: Vec<String> = Vec::new();
    for identity in verified.signatures().iter().filter_map(|signature| Some(signature.certificate()?.identity())) {
        let mut text = format!("Certificate subject: {}\n", escape::one_line(&identity.subject));
        if let Some(issuer) = &identity.issuer {
            text.push_str(&format!("Certificate issuer URL: {}\n", escape::one_line(issuer)));
        }
        for ((_, extension), words) in WORKFLOW.iter().zip(["Trigger", "SHA", "Name", "Repository", "Ref"]) {
            if let Some(value) = identity.extensions.get(extension) {
                text.push_str(&format!("GitHub Workflow {words}: {}\n", escape::one_line(value)));
            }
        }
        if !lines.contains(&text) {
            lines.push(text);
        }
    }
    lines.concat()
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
        ("log-entry", "Existence of the claims in the transparency log was verified offline"),
        ("log-waived", "The transparency log was NOT looked at, as asked"),
        ("timestamp", "The signed timestamps were verified"),
        ("time-not-witnessed", "NOBODY witnessed when the signatures were made"),
        ("sct-waived", "Whether the certificate was logged was NOT looked at, as asked"),
        ("certificate", "The code-signing certificate was verified using trusted certificate authority certificates"),
        ("signature", "The signatures were verified against the specified public key"),
    ] {
        // A certificate says more about the key than the signature does.
        if checks.contains(check) && !(check == "signature" && checks.contains("certificate")) {
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
        Node::Leaf { outcome: Outcome::Skip(waiver), .. } => {
            checks.insert(waiver.code());
        }
        Node::Leaf { .. } => {}
        Node::Group { parts, .. } if node.verdict() == Verdict::Verified => {
            parts.iter().for_each(|part| passed(part, checks));
        }
        Node::Group { .. } => {}
    }
}
