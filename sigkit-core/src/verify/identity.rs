//! Step 11: the certificate names the signer that the policy asks for.

use super::certificate::{PathFound, Presented};
use super::sct::CertificateLogged;
use crate::policy::KeylessAuthority;
use crate::reason::Reason;
use crate::report::Fact;
use crate::trust::escaped;

/// Proof that a trusted authority vouches for a signer whom the policy names.
#[derive(Clone, Debug)]
pub(crate) struct IdentityTrusted(());

/// What the certificate says is compared in any case; the marker needs the proof that it may be believed.
pub(super) fn check(
    authority: &KeylessAuthority,
    presented: &Presented,
    proofs: Option<(PathFound, CertificateLogged)>,
) -> Result<(Fact, Option<IdentityTrusted>), Reason> {
    let found = &presented.identity;
    let mut refusal = None;
    for identity in &authority.identities {
        match identity.check(found) {
            Ok(()) => {
                let issuer = found.issuer.as_deref().map(escaped).unwrap_or_default();
                let fact = Fact::Identified { subject: escaped(&found.subject), issuer };
                return Ok((fact, proofs.map(|_| IdentityTrusted(()))));
            }
            Err(reason) => refusal = refusal.or(Some(reason)),
        }
    }
    Err(refusal.unwrap_or_else(|| Reason::IdentityMismatch {
        expected: "somebody".to_owned(),
        found: escaped(&found.subject),
    }))
}
