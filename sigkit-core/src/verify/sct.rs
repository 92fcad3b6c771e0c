//! Step 10: a certificate transparency log of the trusted root has the certificate.

use super::certificate::{PathFound, Presented};
use crate::policy::{KeylessAuthority, SctRule};
use crate::reason::Reason;
use crate::report::{Fact, Outcome, Waiver};
use crate::time::UnixTime;
use crate::trust::{TrustedRoot, verify_sct};

/// Proof that the certificate was logged, or the record that the check was not requested.
pub(super) struct CertificateLogged(());

pub(super) fn check(
    authority: &KeylessAuthority,
    root: &TrustedRoot,
    presented: &Presented,
    path: &PathFound,
    now: UnixTime,
) -> (Outcome, Option<CertificateLogged>) {
    if authority.sct == SctRule::Waived {
        return (Outcome::Skip(Waiver::SctWaived), Some(CertificateLogged(())));
    }
    match verify_sct(root, &presented.leaf, path.issuer(), authority.detached_sct.as_ref(), now) {
        Ok(sct) => {
            let fact = Fact::CertificateLogged { log: sct.log.to_string(), time: sct.time };
            (Outcome::Pass(fact), Some(CertificateLogged(())))
        }
        Err(error) => (Outcome::Fail(Reason::Sct(error)), None),
    }
}
