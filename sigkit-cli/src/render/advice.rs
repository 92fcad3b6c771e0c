//! What to do about a rejection, at the place and the step where it happened.

use sigkit_core::content::SIGN_PREDICATE;
use sigkit_core::reason::Reason;
use sigkit_core::report::{Headline, Label, Node, Outcome, Report, Verdict};

use crate::explain::{self, Place};
use crate::outcome::verification::{Manifests, Rejected, VerificationOutcome, Wanted};
use sigkit_core::text::escape;

/// Platforms and types that are named one by one.
const MAX_NAMED: usize = 6;

/// The next step; escaped.
pub(super) fn next(judgement: &VerificationOutcome, rejected: &Rejected, code: &str) -> String {
    let subject = &judgement.subject;
    // What was looked at, and not what a tag names by now.
    let name = escape::one_line(&subject.name);
    let headline = rejected.report().and_then(Report::headline);
    let reason = headline.as_ref().and_then(|headline| match headline.outcome {
        Outcome::Fail(reason) => Some((reason, headline)),
        _ => None,
    });
    let advice = match reason {
        Some((_, headline)) if let Some(missing) = missing_signers(rejected, headline) => Some(missing),
        Some((Reason::NoSignatures { .. }, headline)) if subject.place != Place::Blob => {
            Some(not_signed(judgement, &name, headline))
        }
        Some((Reason::PredicateTypeMismatch { .. } | Reason::Unreadable(_), headline))
            if code == "predicate-type-mismatch" && subject.wanted == Wanted::Signature =>
        {
            let verify = "an attestation is verified by sigkit verify-attestation --type TYPE";
            Some(format!("{}; {verify}", not_signed(judgement, &name, headline)))
        }
        Some((Reason::NoAttestationOfType { found, .. }, _)) => {
            let types = found.iter().filter(|found| *found != SIGN_PREDICATE).take(MAX_NAMED);
            let types = types.map(|found| format!("--type {}", quoted(found))).collect::<Vec<_>>().join(", or ");
            let attest = format!("if you built it, {}", attest(&name));
            Some(if types.is_empty() { attest } else { format!("ask for a type that is there: {types}; or {attest}") })
        }
        Some((Reason::Signature(_), headline)) if code == "signature-invalid" && subject.place != Place::Blob => {
            Some(match signer(headline) {
                Signer::Key => format!(
                    "do not run it: another key signed it, or what was signed has changed. Compare the key's fingerprint with the \
                     signer's; if you built it, {}",
                    sign(&name, subject.wanted)
                ),
                Signer::Identity => "do not run it: what was signed has changed since; if you built it, sign it again".to_owned(),
                Signer::Policy => {
                    "do not run it: another key signed it, or what was signed has changed; if you built it, sign it with the key \
                     that the policy names"
                        .to_owned()
                }
            })
        }
        Some((Reason::AnnotationMismatch { name: annotation, expected, .. }, _)) => {
            let flag = format!("-a {}", quoted(&format!("{annotation}={expected}")));
            Some(format!(
                "it was signed without this annotation, or with another value; if that is a mistake, sign it with it: sigkit sign \
                 --key cosign.key {flag} {name}"
            ))
        }
        Some((Reason::Unreadable(_), _)) if code == "bundle-malformed" && subject.place != Place::Blob => {
            Some(format!(
                "what is stored there is damaged, or not by a tool that follows the specification; if you built the image, {}",
                sign(&name, subject.wanted)
            ))
        }
        Some((Reason::SubjectMismatch { .. }, _)) if subject.place != Place::Blob => Some(format!(
            "do not run it: the signature is that of another image. Verify the digest that was signed; if you built this one, {}",
            sign(&name, subject.wanted)
        )),
        Some((Reason::ReferenceMismatch { found: None, .. }, _)) => Some(format!(
            "a bundle names no repository, a signature in the legacy format does; if you built it, sign it in both: sigkit sign \
             --key cosign.key --format both {name}"
        )),
        Some((Reason::IdentityMismatch { anchored: Some(anchored), .. }, headline)) => {
            Some(pattern("--certificate-identity-regexp", anchored, headline))
        }
        Some((Reason::IssuerMismatch { anchored: Some(anchored), .. }, headline)) => {
            Some(pattern("--certificate-oidc-issuer-regexp", anchored, headline))
        }
        _ => None,
    };
    let advice = advice.unwrap_or_else(|| explain::next(code, subject.place).to_owned());
    let mut letters = advice.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => advice,
    }
}

/// How the signer is known that the headline is about.
enum Signer {
    Key,
    Identity,
    /// By a policy in a file.
    Policy,
}

fn signer(headline: &Headline<'_>) -> Signer {
    let by_identity = headline.path.iter().any(|label| matches!(label, Label::Identity { .. }));
    match headline.path.first() {
        Some(Label::Requirements { .. }) => Signer::Policy,
        _ if by_identity => Signer::Identity,
        _ => Signer::Key,
    }
}

fn not_signed(judgement: &VerificationOutcome, name: &str, headline: &Headline<'_>) -> String {
    let subject = &judgement.subject;
    if !judgement.platforms.is_empty() {
        let named: Vec<_> =
            judgement.platforms.iter().take(MAX_NAMED).map(|platform| escape::one_line(platform)).collect();
        let first = named.first().cloned().unwrap_or_default();
        let (what, verb) = match subject.wanted {
            Wanted::Signature => ("signed", "sigkit sign"),
            Wanted::Attestation => ("attested", "sigkit attest"),
        };
        return format!(
            "this is an index, which is not {what} itself, while its images are: {}. Verify one with --platform {first}, or have the \
             index and all of them {what} ({verb} -r) and verified (-r)",
            named.join(", ")
        );
    }
    let index = match subject.shape {
        Manifests::Several => {
            ". It is an index: --platform OS/ARCH verifies one of its images, -r the index and all of them"
        }
        Manifests::All => ". This is the index itself; sigkit sign -r signs it and all below it",
        Manifests::One => "",
    };
    let what = match (subject.place, subject.wanted, signer(headline)) {
        (Place::DockerArchive, ..) => {
            "it is not signed, and signatures cannot be added to what docker save writes: sign it in a registry or \
                                       an OCI layout"
                .to_owned()
        }
        (_, _, Signer::Policy) => {
            "what the policy demands is not there: sign or attest the image as one of the signers that it names"
                .to_owned()
        }
        (_, Wanted::Attestation, _) => format!("it has no attestations; if you built it, {}", attest(name)),
        (_, Wanted::Signature, Signer::Key) => {
            format!("it is not signed; if you built it, {}", sign(name, Wanted::Signature))
        }
        (_, Wanted::Signature, Signer::Identity) => {
            "it is not signed: sign it as that identity, or verify with --key what is signed with a key".to_owned()
        }
    };
    format!("{what}{index}")
}

/// How many of the signers that must have signed have done so, and who has not, where that is what is wrong.
fn missing_signers(rejected: &Rejected, headline: &Headline<'_>) -> Option<String> {
    let Node::Group { label: Label::Policy { threshold, .. }, parts, .. } = &rejected.report()?.root else {
        return None;
    };
    let signers = parts.iter().filter_map(|part| match part {
        Node::Group { label: Label::Key { name, .. } | Label::Identity { name }, .. } => Some((name, part.verdict())),
        _ => None,
    });
    let (signed, missing): (Vec<_>, Vec<_>) = signers.partition(|(_, verdict)| *verdict == Verdict::Verified);
    if threshold.get() < 2 || signed.is_empty() || matches!(headline.outcome, Outcome::Unknown(_)) {
        return None;
    }
    let names = |signers: &[(&String, Verdict)]| {
        signers.iter().map(|(name, _)| escape::one_line(name)).collect::<Vec<_>>().join(", ")
    };
    let (yes, no) = (names(&signed), names(&missing));
    Some(format!(
        "{} of the {threshold} signers that are needed have signed: {yes}; no valid signature by {no}",
        signed.len()
    ))
}

fn sign(name: &str, wanted: Wanted) -> String {
    match wanted {
        Wanted::Signature => format!("sign it: sigkit sign --key cosign.key {name}"),
        Wanted::Attestation => attest(name),
    }
}

fn attest(name: &str) -> String {
    format!("attest it: sigkit attest --key cosign.key --type TYPE --predicate FILE {name}")
}

/// Which pattern to ask for: by the flag, or in the policy where one was given.
fn pattern(flag: &str, anchored: &str, headline: &Headline<'_>) -> String {
    let anchored = quoted(anchored);
    match signer(headline) {
        Signer::Policy => format!("a pattern that matches all of it is {anchored}"),
        Signer::Key | Signer::Identity => format!(
            "{flag} {anchored} matches all of it; --compat-unanchored-regexp lets a part be enough, as cosign does"
        ),
    }
}

/// In single quotes, as a shell reads it.
fn quoted(text: &str) -> String {
    let text = escape::one_line(text);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | ':' | '.' | '-' | '_' | '@' | '=' | '+');
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
