//! Steps 1 and 9, for an identity: the certificate of the signature, and the path from it to the trusted root.

use crate::bundle::{SignedEntity, VerificationMaterial};
use crate::content::Content;
use crate::crypto::PublicKey;
use crate::limits::Limits;
use crate::policy::KeylessAuthority;
use crate::reason::Reason;
use crate::report::Fact;
use crate::time::UnixTime;
use crate::trust::{Certificate, IssuerKey, PathError, SignerIdentity, TrustedRoot, Usage};

/// A signer's certificate as received: parsed, of the right kind, and not yet trusted.
pub(super) struct Presented {
    pub(super) leaf: Certificate,
    pub(super) key: PublicKey,
    pub(super) identity: SignerIdentity,
    others: Vec<Certificate>,
}

/// Step 1. Certificates of the caller's are presented like those of the signature; neither is trusted for being there.
pub(super) fn present(
    authority: &KeylessAuthority,
    root: &TrustedRoot,
    entity: &SignedEntity,
    limits: &Limits,
) -> Result<(Fact, Presented), Reason> {
    let given = authority.certificates.split_first();
    let (leaf, others) = match (&entity.material, given) {
        (VerificationMaterial::Certificate(chain), given) => {
            if chain.len() > limits.chain_certificates {
                let found = "more certificates than are read";
                return Err(Reason::MaterialMismatch { expected: "a certificate and its chain", found });
            }
            let mut chain =
                chain.iter().map(|der| Certificate::from_der(der)).collect::<Result<Vec<_>, _>>()?.into_iter();
            let leaf = chain.next().ok_or(Reason::CertificateMissing { found: "an empty chain" })?;
            if given.is_some_and(|(given, _)| given.der() != leaf.der()) {
                let (expected, found) = ("the certificate given", "another certificate with the signature");
                return Err(Reason::MaterialMismatch { expected, found });
            }
            // A bundle holds no root (sigstore bundle specification). cosign's layers do, and bundles of 2023 hold the one that the
            // trusted root names: there it says nothing and is ignored like the rest.
            let layer = matches!(entity.content, Content::SimpleSigning { .. });
            let strange = |other: &Certificate| other.is_self_issued() && !root.names(other);
            if !layer && chain.as_slice().iter().any(strange) {
                let (expected, found) = ("a certificate and authorities below a root", "a root that is not trusted");
                return Err(Reason::MaterialMismatch { expected, found });
            }
            let given = given.map(|(_, others)| others).unwrap_or_default();
            (leaf, chain.chain(given.iter().cloned()).collect())
        }
        (VerificationMaterial::Unspecified, Some((leaf, others))) => (leaf.clone(), others.to_vec()),
        (VerificationMaterial::Unspecified, None) => return Err(Reason::CertificateMissing { found: "none" }),
        (VerificationMaterial::KeyHint(_), _) => {
            return Err(Reason::CertificateMissing { found: "a signature made with a key" });
        }
    };
    let identity = leaf.signer()?;
    let key = leaf.public_key()?;
    let subject = identity.subject.clone();
    Ok((Fact::CertificateFound { subject }, Presented { leaf, key, identity, others }))
}

/// Proof that a path leads from the certificate to the trusted root at every time at which the signature was made.
pub(super) struct PathFound {
    issuer: IssuerKey,
}

impl PathFound {
    /// The key that issued the certificate.
    pub(super) fn issuer(&self) -> &IssuerKey {
        &self.issuer
    }
}

/// Step 9. `times` are those of step 8; without one there is no answer.
pub(super) fn path(root: &TrustedRoot, presented: &Presented, times: &[UnixTime]) -> Result<(Fact, PathFound), Reason> {
    if times.is_empty() {
        return Err(Reason::TimeMissing);
    }
    let leaf = &presented.leaf;
    let mut trouble = None;
    for authority in root.certificate_authorities() {
        match authority.path(leaf, &presented.others, Usage::CodeSigning, times) {
            Ok(issuer) => return Ok((Fact::CertificateTrusted { issuer: leaf.issuer() }, PathFound { issuer })),
            // An authority of the right name that came too early or too late says more than one that is not concerned.
            Err(error @ PathError::NotValidAt { .. }) => trouble = Some(error),
            Err(error) if !matches!(trouble, Some(PathError::NotValidAt { .. })) => trouble = Some(error),
            Err(_) => {}
        }
    }
    let none = || PathError::NoPath { issuer: leaf.issuer(), detail: "none has a certificate of that name".to_owned() };
    Err(trouble.unwrap_or_else(none).into())
}
