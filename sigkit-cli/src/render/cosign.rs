//! The shapes that cosign prints, filled from signed bytes only.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use sigkit_core::content::SIGN_PREDICATE;
use sigkit_core::digest::DigestAlgorithm;
use sigkit_core::report::{Label, Node, Outcome, Report, Verdict};
use sigkit_core::trust::{FulcioExtension, SignerIdentity};
use sigkit_core::verify::{Verified, VerifiedSignature};

use super::cosign_bundle;
use crate::spool::Document;
use sigkit_core::text::escape;

/// The arc of Fulcio's extensions.
const FULCIO: &str = "1.3.6.1.4.1.57264.1";
/// The arc of sigstore, with its dot.
const FULCIO_ARC: &str = "1.3.6.1.4.1.57264.";

/// The extensions that cosign prints, with their numbers below that arc.
const WORKFLOW: [(u8, FulcioExtension); 5] = [
    (2, FulcioExtension::GithubWorkflowTrigger),
    (3, FulcioExtension::GithubWorkflowSha),
    (4, FulcioExtension::GithubWorkflowName),
    (5, FulcioExtension::GithubWorkflowRepository),
    (6, FulcioExtension::GithubWorkflowRef),
];

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
pub(super) fn envelopes(verified: &Verified) -> impl Iterator<Item = Document> {
    distinct(verified).filter_map(VerifiedSignature::envelope).map(Document::Envelope)
}

/// Each signature once, though several authorities may name its key. One document may have several signatures, each by a key of its own.
fn distinct(verified: &Verified) -> impl Iterator<Item = &VerifiedSignature> {
    let mut seen = BTreeSet::new();
    let is_new = move |signature: &&VerifiedSignature| {
        seen.insert((signature.origin().to_string(), signature.key().to_string()))
    };
    verified.signatures().iter().filter(is_new)
}

/// One element for each distinct signature; one that several keys verify is printed once.
fn elements(verified: &Verified) -> Vec<String> {
    distinct(verified).map(|signature| escape::json(&element(signature).to_string())).collect()
}

fn element(signature: &VerifiedSignature) -> Value {
    let mut signer = signature.certificate().map(|certificate| signer(certificate.identity())).unwrap_or_default();
    signer.extend(cosign_bundle::members(signature));
    let with_signer = |mut optional: Map<String, Value>| {
        optional.extend(signer);
        if optional.is_empty() { Value::Null } else { Value::Object(optional) }
    };
    if let Some(document) = signature.simple_signing() {
        let signed = own(document.optional.clone());
        return claim(&document.reference, &document.digest.to_string(), &document.kind, with_signer(signed));
    }
    // A statement names no repository, so there is none to print.
    let subject = signature.subject();
    let named = || subject.and_then(|subject| DigestAlgorithm::ALL.into_iter().find_map(|a| subject.digest(a)));
    let digest = signature.digest().or_else(named).map(|digest| digest.to_string()).unwrap_or_default();
    let annotations = subject.map(|subject| subject.annotations.clone()).unwrap_or_default();
    let annotations = own(annotations.into_iter().map(|(name, value)| (name, json!(value))));
    // By a policy file an attestation may be what was asked for; it is not called a signature.
    let kind = signature.statement().map_or(SIGN_PREDICATE, |statement| &statement.predicate_type);
    claim("", &digest, kind, with_signer(annotations))
}

/// Annotations under names of their own. A signer may write any; names that cosign gives to fields of certificates, logs and timestamps
/// are left out.
fn own(annotations: impl IntoIterator<Item = (String, Value)>) -> Map<String, Value> {
    annotations.into_iter().filter(|(name, _)| !is_of_certificate(name)).collect()
}

/// Returns true if programs take the member of that name for a field of a certificate, log entry or timestamp. Programs in Go compare names
/// without case, and take U+017F and U+212A for the letters s and k.
fn is_of_certificate(name: &str) -> bool {
    let fold = |c| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    let folded: String = name.chars().map(fold).collect();
    matches!(folded.as_str(), "subject" | "issuer" | "bundle" | "rfc3161timestamp")
        || folded.starts_with("githubworkflow")
        || folded.starts_with(FULCIO_ARC)
        || FulcioExtension::from_name(name).is_some()
}

/// What the verified certificate says of the signer, under the names that cosign gives it.
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

/// A line of cosign's, and when it is true.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    /// That something was checked: of each signature, or not at all.
    OfEach,
    /// That something was not: also when it is so of some.
    OfAny,
}

/// The words that cosign prints before its results, for the checks that really ran and hold of each signature.
pub(super) fn header(name: &str, report: &Report) -> String {
    let mut signatures = Vec::new();
    held(&report.root, &mut signatures);
    let mut text = format!(
        "\nVerification for {} --\nThe following checks were performed on each of these signatures:\n",
        escape::one_line(name)
    );
    for (check, said, words) in [
        ("annotations", Said::OfEach, "The specified annotations were verified."),
        ("reference", Said::OfEach, "The signed reference was compared with the repository"),
        ("subject", Said::OfEach, "The cosign claims were validated"),
        ("claims-not-checked", Said::OfAny, "The cosign claims were NOT compared with the image (disabled by flag)"),
        ("log-entry", Said::OfEach, "Existence of the claims in the transparency log was verified offline"),
        ("log-waived", Said::OfAny, "The transparency log was NOT checked (disabled by flag)"),
        ("timestamp", Said::OfEach, "The signed timestamps were verified"),
        ("time-not-witnessed", Said::OfAny, "The signing time is NOT attested by a log or timestamp authority"),
        ("sct-waived", Said::OfAny, "The signed certificate timestamp was NOT checked (disabled by flag)"),
        (
            "certificate",
            Said::OfEach,
            "The code-signing certificate was verified using trusted certificate authority certificates",
        ),
        ("signature", Said::OfEach, "The signatures were verified against the specified public key"),
    ] {
        let holds = |checks: &BTreeSet<&'static str>| checks.contains(check);
        if !signatures.is_empty() && signatures.iter().all(holds) {
            text.push_str(&format!("  - {words}\n"));
        } else if said == Said::OfAny && signatures.iter().any(holds) {
            text.push_str(&format!("  - {words} (of some of these signatures)\n"));
        }
    }
    text
}

/// Of every signature that holds its checks.
fn held(node: &Node, signatures: &mut Vec<BTreeSet<&'static str>>) {
    match node {
        Node::Group { label: Label::Signature { .. }, parts, .. } if node.verdict() == Verdict::Verified => {
            let mut checks = BTreeSet::new();
            parts.iter().for_each(|part| passed(part, &mut checks));
            // A certificate says more about the key than the signature does.
            if checks.contains("certificate") {
                checks.remove("signature");
            }
            signatures.push(checks);
        }
        Node::Group { parts, .. } if node.verdict() == Verdict::Verified => {
            parts.iter().for_each(|part| held(part, signatures));
        }
        Node::Group { .. } | Node::Leaf { .. } => {}
    }
}

/// The checks that hold, and those that were waived.
fn passed(node: &Node, checks: &mut BTreeSet<&'static str>) {
    match node {
        Node::Leaf { check, outcome: Outcome::Pass(_) } => {
            checks.insert(check.name());
        }
        Node::Leaf { outcome: Outcome::Skip(waiver), .. } => {
            checks.insert(waiver.code());
        }
        Node::Leaf { .. } => {}
        Node::Group { parts, .. } => parts.iter().for_each(|part| passed(part, checks)),
    }
}

#[cfg(test)]
mod tests {
    use sigkit_core::bundle::{LogProof, Origin};
    use sigkit_core::report::{CheckId, Fact, Rule, Waiver};
    use sigkit_core::time::UnixTime;

    use super::*;

    // threat: R21
    #[test]
    fn check_is_printed_if_it_holds_for_each_signature() {
        let leaf = |check, outcome| Node::Leaf { check, outcome };
        let entry = || Fact::Logged { log: "l".to_owned(), index: 1, time: None, proof: LogProof::Promise };
        let logged = || leaf(CheckId::LogEntry, Outcome::Pass(entry()));
        let waived = || leaf(CheckId::LogEntry, Outcome::Skip(Waiver::LogWaived { entries: 1 }));
        let header = |leaves: [Node; 2]| {
            let signature = |(number, leaf)| {
                let label = Label::Signature { number, origin: Origin::File("s".to_owned()) };
                let content = Node::Leaf { check: CheckId::Content, outcome: Outcome::Pass(Fact::KeyFromPolicy) };
                Node::Group { label, rule: Rule::All, parts: vec![content, leaf] }
            };
            let parts = (1..).zip(leaves).map(signature).collect();
            let label = Label::Requirements { name: String::new() };
            header("image", &Report::new(UnixTime(0), Node::Group { label, rule: Rule::All, parts }))
        };
        let (was, was_not) = ("verified offline\n", "NOT checked (disabled by flag)");
        let said = header([logged(), logged()]);
        assert!(said.contains(was) && !said.contains(was_not), "{said}");
        let said = header([logged(), waived()]);
        assert!(
            !said.contains(was) && said.contains("NOT checked (disabled by flag) (of some of these signatures)"),
            "{said}"
        );
        let said = header([waived(), waived()]);
        assert!(!said.contains(was) && said.contains("NOT checked (disabled by flag)\n"), "{said}");
    }

    // threat: R21
    #[test]
    fn an_annotation_never_has_the_name_of_a_certificates_field() {
        for name in [
            "Subject",
            "subject",
            "Issuer",
            "I\u{17f}\u{17f}uer",
            "Bundle",
            "RFC3161Timestamp",
            "githubWorkflowRef",
            "GitHubWorkflowSha",
            "1.3.6.1.4.1.57264.1.1",
            "1.3.6.1.4.1.57264.1.25",
            "buildSignerURI",
        ] {
            assert!(is_of_certificate(name), "{name}");
        }
        for name in ["", "env", "subjects", "sub", "creator", "timestamp", "org.example.issuer", "github"] {
            assert!(!is_of_certificate(name), "{name}");
        }
    }
}
