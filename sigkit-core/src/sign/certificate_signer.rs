use std::pin::Pin;
use std::sync::Arc;

use super::key_signer::sign_by;
use super::{Draft, Signer};
use crate::bundle::{SignedEntity, VerificationMaterial};
use crate::crypto::KeyFingerprint;
use crate::digest::DigestAlgorithm;
use crate::key::{SignError, SigningKey};
use crate::limits::Limits;
use crate::policy::{Authority, Identity, KeylessAuthority, Pattern, TransparencyRequirements};
use crate::trust::{AuthorityError, Certificate, CertificateAuthority, CertificateError, RootReference, Validity};

/// A signer that is a key with a certificate of a private authority. Its signatures carry the certificate, and verify under the name
/// in it.
///
/// No log and no timestamp authority takes part, so a signature verifies as long as the certificate is valid.
#[derive(Clone)]
pub struct CertificateSigner {
    key: Arc<dyn SigningKey>,
    /// In DER, the signer's own first.
    certificates: Vec<Vec<u8>>,
    authority: KeylessAuthority,
}

/// Why a certificate cannot be used for signing with a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateSignerError {
    /// It is the certificate of another key.
    #[error("the certificate belongs to another key: expected {expected}, found {found}")]
    OtherKey {
        /// The key that signs.
        expected: Box<KeyFingerprint>,
        /// The key of the certificate.
        found: Box<KeyFingerprint>,
    },
    /// It is not for signing artifacts, or does not name the signer.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The chain does not lead from the certificate to an authority, each certificate issued by the next. The certificate itself is
    /// number 1.
    #[error(transparent)]
    Chain(#[from] AuthorityError),
}

impl CertificateSigner {
    /// A signer by that key, whose certificate is `certificate`. `chain` has the authorities above it in order, the issuer first and
    /// the root last; it may be empty, and those who verify must have all of it then.
    ///
    /// # Errors
    /// [`CertificateSignerError`]. Whether the certificate is valid at the time is seen when it signs.
    pub fn new(
        key: Arc<dyn SigningKey>,
        certificate: &Certificate,
        chain: &[Certificate],
    ) -> Result<Self, CertificateSignerError> {
        let of_certificate = certificate.public_key()?;
        if of_certificate != *key.public_key() {
            return Err(CertificateSignerError::OtherKey {
                expected: Box::new(key.public_key().fingerprint()),
                found: Box::new(of_certificate.fingerprint()),
            });
        }
        let identity = identity(certificate)?;
        let certificates: Vec<Vec<u8>> =
            std::iter::once(certificate).chain(chain).map(|certificate| certificate.der().to_vec()).collect();
        let authority =
            |chain: &[Vec<u8>]| CertificateAuthority::from_chain("", chain, Validity::ALWAYS, &Limits::DEFAULT);
        // The order of the whole, and then what those see who trust the authorities alone. Without any, the certificate is its own.
        let whole = authority(&certificates)?;
        let above = match certificates.split_first() {
            Some((_, above)) if !above.is_empty() => authority(above)?,
            _ => whole,
        };
        let authority = KeylessAuthority::new(identity)
            .with_root(RootReference::own().with_issuer(above))
            .with_transparency(TransparencyRequirements::LOGGED.dangerous_without_log())
            .dangerous_without_sct();
        Ok(Self { key, certificates, authority })
    }
}

/// Exactly whom the certificate names.
fn identity(certificate: &Certificate) -> Result<Identity, CertificateError> {
    let named = certificate.signer()?;
    let exact = |what, text: String| {
        Pattern::exact(text).map_err(|_| CertificateError::Profile {
            what,
            expected: "a name",
            found: "none".to_owned(),
        })
    };
    let subject = exact("subjectAltName", named.subject)?;
    let identity = match named.issuer {
        Some(issuer) => Identity::new(subject, exact("issuer", issuer)?),
        None => Identity::without_issuer(subject),
    };
    Ok(identity.with_kind(named.kind))
}

impl Signer for CertificateSigner {
    fn sign_draft<'a>(
        &'a self,
        draft: Draft<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<SignedEntity, SignError>> + Send + 'a>> {
        Box::pin(async move {
            let content = sign_by(&self.key, draft).await?;
            Ok(SignedEntity::new(content, VerificationMaterial::Certificate(self.certificates.clone())))
        })
    }

    fn authority(&self) -> Authority {
        Authority::Keyless(self.authority.clone())
    }

    fn digest_algorithm(&self) -> Option<DigestAlgorithm> {
        self.key.scheme().digest_algorithm()
    }
}
