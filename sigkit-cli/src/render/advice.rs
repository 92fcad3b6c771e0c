//! What to do about a refusal, at the place and the step where it happened.

use sigkit_core::content::SIGN_PREDICATE;
use sigkit_core::reason::Reason;
use sigkit_core::report::{Headline, Label, Outcome, Report};

use crate::escape;
use crate::explain::{self, Place};
use crate::outcome::verification::{Manifests, Refusal, VerificationOutcome, Wanted};

/// Platforms and types that are named one by one.
const MAX_NAMED: usize = 6;

/// The next step; escaped.
pub(super) fn next(judgement: &VerificationOutcome, refusal: &Refusal, code: &str) -> String {
    let subject = &judgement.subject;
    let name = escape::one_line(&subject.given);
    let headline = refusal.report().and_then(Report::headline);
    let reason = headline.as_ref().and_then(|headline| match headline.outcome {
        Outcome::Fail(reason) => Some((reason, headline)),
        _ => None,
    });
    let advice = match reason {
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
            let attest = format!("attest what is missing: {}", attest(&name));
            Some(if types.is_empty() { attest } else { format!("ask for a type that is there: {types}; or {attest}") })
        }
        Some((Reason::Signature(_), headline)) if code == "signature-invalid" && subject.place != Place::Blob => {
            Some(match signer(headline) {
                Signer::Key => format!(
                    "another key signed it, or what was signed has changed: verify with the public key of the signer, or sign it \
                     again: {}",
                    sign(&name, subject.wanted)
                ),
                Signer::Identity => "the signature or what was signed has changed since: sign it again".to_owned(),
                Signer::Policy => {
                    "another key signed it, or what was signed has changed: sign it with the key that the policy names"
                        .to_owned()
                }
            })
        }
        Some((Reason::AnnotationMismatch { name: annotation, expected, .. }, _)) => {
            let flag = format!("-a {}", quoted(&format!("{annotation}={expected}")));
            Some(format!(
                "sign it with this annotation: sigkit sign --key cosign.key {flag} {name}; or leave {flag} out, if the annotation \
                 need not be there"
            ))
        }
        Some((Reason::Unreadable(_), _)) if code == "bundle-malformed" && subject.place != Place::Blob => {
            Some(format!(
                "what is stored there is damaged, or not by a tool that follows the specification: {}",
                sign(&name, subject.wanted)
            ))
        }
        Some((Reason::SubjectMismatch { .. }, _)) if subject.place != Place::Blob => Some(format!(
            "the signature is good, but is that of another image: verify the digest that was signed, or sign this one: {}",
            sign(&name, subject.wanted)
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
        Some(Label::Demands { .. }) => Signer::Policy,
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
        (_, Wanted::Attestation, _) => format!("it has no attestations: {}", attest(name)),
        (_, Wanted::Signature, Signer::Key) => format!("it is not signed: {}", sign(name, Wanted::Signature)),
        (_, Wanted::Signature, Signer::Identity) => {
            "it is not signed: sign it as that identity, or verify with --key what is signed with a key".to_owned()
        }
    };
    format!("{what}{index}")
}

fn sign(name: &str, wanted: Wanted) -> String {
    match wanted {
        Wanted::Signature => format!("sigkit sign --key cosign.key {name}"),
        Wanted::Attestation => attest(name),
    }
}

fn attest(name: &str) -> String {
    format!("sigkit attest --key cosign.key --type TYPE --predicate FILE {name}")
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
