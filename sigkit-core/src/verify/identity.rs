//! Step 11: the certificate names the signer that the policy asks for.

use super::certificate::{PathFound, Presented};
use super::sct::CertificateLogged;
use crate::policy::KeylessAuthority;
use crate::reason::Reason;
use crate::report::Fact;

/// Proof that a trusted authority has certified a signer whom the policy names.
#[derive(Clone, Debug)]
pub(crate) struct IdentityTrusted(());

/// What the certificate says is compared in any case; the marker needs the proof that it can be trusted.
pub(super) fn check(
    authority: &KeylessAuthority,
    presented: &Presented,
    proofs: Option<(PathFound, CertificateLogged)>,
) -> Result<(Fact, Option<IdentityTrusted>), Reason> {
    let found = &presented.identity;
    let mut refusal: Option<Reason> = None;
    for identity in &authority.identities {
        match identity.check(found) {
            Ok(()) => {
                let fact = Fact::Identified { subject: found.subject.clone(), issuer: found.issuer.clone() };
                return Ok((fact, proofs.map(|_| IdentityTrusted(()))));
            }
            // Of several identities, the one that fits best says the most.
            Err(reason) if refusal.as_ref().is_none_or(|other| progress(&reason) > progress(other)) => {
                refusal = Some(reason);
            }
            Err(_) => {}
        }
    }
    Err(refusal.unwrap_or_else(|| Reason::IdentityMismatch {
        expected: "an identity of the policy".to_owned(),
        kind: found.kind,
        found: found.subject.clone(),
        anchored: None,
    }))
}

/// How much of an identity fitted before this did not.
const fn progress(reason: &Reason) -> u8 {
    match reason {
        Reason::ExtensionMismatch { .. } => 4,
        Reason::IssuerMismatch { anchored: Some(_), .. } => 3,
        Reason::IssuerMismatch { .. } => 2,
        Reason::IdentityMismatch { anchored: Some(_), .. } => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::SanType;

    #[test]
    fn an_identity_fits_better_the_further_its_comparison_came() {
        let text = || "x".to_owned();
        let subject =
            |anchored| Reason::IdentityMismatch { expected: text(), kind: SanType::Email, found: text(), anchored };
        let issuer = |anchored| Reason::IssuerMismatch { expected: text(), found: None, anchored };
        let extension = Reason::ExtensionMismatch { name: "x", expected: text(), found: None };
        let all = [subject(None), subject(Some(text())), issuer(None), issuer(Some(text())), extension];
        assert!(all.map(|reason| progress(&reason)).is_sorted_by(|one, other| one < other));
    }
}
