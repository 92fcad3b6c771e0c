//! Verification of a message in memory.

use crate::backend::signature as backend;

use crate::crypto::{
    Curve, KeyAlgorithm, MessageForm, PublicKey, Signature, SignatureError, SignatureScheme, ed25519, prehash,
};
use crate::digest::{Digest, DigestAlgorithm};

impl PublicKey {
    /// Verifies with any scheme that this key may have used, and says which one held.
    ///
    /// # Errors
    /// [`SignatureError::Invalid`] when none held; a malformed signature is named as such.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<SignatureScheme, SignatureError> {
        self.first_valid_scheme(self.accepted_schemes(), |scheme| self.verify_with(scheme, message, signature))
    }

    /// Verifies with exactly this scheme.
    ///
    /// # Errors
    /// [`SignatureError::SchemeMismatch`] for a scheme of other keys, [`SignatureError::Invalid`] when it does not hold.
    pub fn verify_with(
        &self,
        scheme: SignatureScheme,
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), SignatureError> {
        self.check_scheme(scheme)?;
        self.verify_as(scheme, message, signature)
    }

    /// Verifies with the scheme that a protocol names, whether or not artifacts may be signed by it.
    pub(crate) fn verify_as(
        &self,
        scheme: SignatureScheme,
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), SignatureError> {
        self.check_form(scheme, signature)?;
        match (algorithm(scheme), scheme.digest_algorithm()) {
            (Some(algorithm), _) => {
                let key = backend::UnparsedPublicKey::new(algorithm, self.raw());
                key.verify(message, signature.as_bytes()).map_err(|_| self.invalid(scheme))
            }
            (None, Some(digest)) => {
                prehash::verify(self, scheme, &Digest::of(digest, message), signature, MessageForm::Bytes)
            }
            (None, None) => Err(unsupported(scheme, MessageForm::Bytes)),
        }
    }

    /// Verifies a signature over a message of which only the digest is known.
    ///
    /// A digest is a type of its own, so neither call takes what belongs to the other:
    ///
    /// ```compile_fail,E0308
    /// # use sigkit_core::{crypto::{PublicKey, Signature}, digest::Digest};
    /// fn confused(key: &PublicKey, digest: &Digest, signature: &Signature) {
    ///     let _ = key.verify(digest, signature);
    /// }
    /// ```
    ///
    /// # Errors
    /// [`SignatureError::DigestMismatch`] unless the digest was made with the scheme's hash,
    /// [`SignatureError::NeedsMessage`] for Ed25519, otherwise as [`PublicKey::verify_with`].
    pub fn verify_digest(
        &self,
        scheme: SignatureScheme,
        digest: &Digest,
        signature: &Signature,
    ) -> Result<(), SignatureError> {
        self.check_scheme(scheme)?;
        self.check_form(scheme, signature)?;
        match scheme.digest_algorithm() {
            None => Err(SignatureError::NeedsMessage { scheme }),
            Some(expected) if expected != digest.algorithm() => {
                Err(SignatureError::DigestMismatch { scheme, expected, found: digest.algorithm() })
            }
            Some(_) => prehash::verify(self, scheme, digest, signature, MessageForm::Digest),
        }
    }

    /// Tries schemes in order. What is wrong with the signature whatever the scheme ends the search.
    ///
    /// Schemes are domain-separated or differ in the hash alone, so trying the few that are allowed gives a forger nothing.
    pub(crate) fn first_valid_scheme(
        &self,
        schemes: &[SignatureScheme],
        attempt: impl Fn(SignatureScheme) -> Result<(), SignatureError>,
    ) -> Result<SignatureScheme, SignatureError> {
        let (mut tried, mut untried) = (Vec::new(), Vec::new());
        let mut lacking = None;
        if schemes.is_empty() {
            return Err(SignatureError::NoScheme { algorithm: self.algorithm() });
        }
        for scheme in schemes {
            match attempt(*scheme) {
                Ok(()) => return Ok(*scheme),
                Err(SignatureError::Invalid { .. }) => tried.push(*scheme),
                // What this build or this form of the message cannot check does not decide; another scheme may.
                Err(
                    error @ (SignatureError::Unsupported { .. }
                    | SignatureError::NeedsMessage { .. }
                    | SignatureError::DigestMismatch { .. }),
                ) => {
                    untried.push(*scheme);
                    lacking = lacking.or(Some(error));
                }
                Err(error) => return Err(error),
            }
        }
        match lacking {
            Some(error) if tried.is_empty() => Err(error),
            _ => Err(SignatureError::Invalid { tried, untried, key: self.fingerprint() }),
        }
    }

    /// Whether keys of this kind may sign by that scheme.
    pub(super) fn check_scheme(&self, scheme: SignatureScheme) -> Result<(), SignatureError> {
        if self.algorithm().fits(scheme) {
            return Ok(());
        }
        Err(SignatureError::SchemeMismatch { scheme, algorithm: self.algorithm() })
    }

    /// The checks on the signature's form that come before any arithmetic.
    pub(super) fn check_form(&self, scheme: SignatureScheme, signature: &Signature) -> Result<(), SignatureError> {
        match scheme {
            SignatureScheme::Ecdsa(..) => signature.check_der(),
            SignatureScheme::RsaPkcs1(_) => {
                let expected = self.rsa_signature_len();
                let found = signature.as_bytes().len();
                if found == expected { Ok(()) } else { Err(SignatureError::Length { scheme, expected, found }) }
            }
            SignatureScheme::Ed25519 | SignatureScheme::Ed25519ph => {
                ed25519::check_signature(scheme, signature.as_bytes()).map(drop)
            }
        }
    }

    /// The answer when one scheme was tried and did not hold.
    pub(super) fn invalid(&self, scheme: SignatureScheme) -> SignatureError {
        SignatureError::Invalid { tried: vec![scheme], untried: Vec::new(), key: self.fingerprint() }
    }

    fn rsa_signature_len(&self) -> usize {
        match self.algorithm() {
            KeyAlgorithm::Rsa { bits } => usize::try_from(bits.div_ceil(8)).unwrap_or(usize::MAX),
            _ => 0,
        }
    }
}

/// The answer when this build has no implementation.
pub(super) const fn unsupported(scheme: SignatureScheme, input: MessageForm) -> SignatureError {
    // RustCrypto has no RSA that is fit for use, so only the other backend helps there.
    let needs = match scheme {
        SignatureScheme::RsaPkcs1(_) => "enable the feature `aws-lc-rs` of sigkit-core, or give the message in memory",
        SignatureScheme::Ecdsa(..) => "enable the feature `aws-lc-rs` or `sign` of sigkit-core",
        SignatureScheme::Ed25519 | SignatureScheme::Ed25519ph => "enable the feature `sign` of sigkit-core",
    };
    SignatureError::Unsupported { scheme, input, needs }
}

/// The backend's algorithm for a message in memory, where it has one.
pub(super) fn algorithm(scheme: SignatureScheme) -> Option<&'static dyn backend::VerificationAlgorithm> {
    use DigestAlgorithm::{Sha256, Sha384, Sha512};
    match scheme {
        SignatureScheme::Ecdsa(Curve::P256, Sha256) => Some(&backend::ECDSA_P256_SHA256_ASN1),
        SignatureScheme::Ecdsa(Curve::P256, Sha384) => Some(&backend::ECDSA_P256_SHA384_ASN1),
        SignatureScheme::Ecdsa(Curve::P384, Sha256) => Some(&backend::ECDSA_P384_SHA256_ASN1),
        SignatureScheme::Ecdsa(Curve::P384, Sha384) => Some(&backend::ECDSA_P384_SHA384_ASN1),
        #[cfg(feature = "aws-lc-rs")]
        SignatureScheme::Ecdsa(Curve::P256, Sha512) => Some(&backend::ECDSA_P256_SHA512_ASN1),
        #[cfg(feature = "aws-lc-rs")]
        SignatureScheme::Ecdsa(Curve::P384, Sha512) => Some(&backend::ECDSA_P384_SHA512_ASN1),
        #[cfg(feature = "aws-lc-rs")]
        SignatureScheme::Ecdsa(Curve::P521, Sha384) => Some(&backend::ECDSA_P521_SHA384_ASN1),
        #[cfg(feature = "aws-lc-rs")]
        SignatureScheme::Ecdsa(Curve::P521, Sha256) => Some(&backend::ECDSA_P521_SHA256_ASN1),
        #[cfg(feature = "aws-lc-rs")]
        SignatureScheme::Ecdsa(Curve::P521, Sha512) => Some(&backend::ECDSA_P521_SHA512_ASN1),
        SignatureScheme::RsaPkcs1(Sha256) => Some(&backend::RSA_PKCS1_2048_8192_SHA256),
        SignatureScheme::RsaPkcs1(Sha384) => Some(&backend::RSA_PKCS1_2048_8192_SHA384),
        SignatureScheme::RsaPkcs1(Sha512) => Some(&backend::RSA_PKCS1_2048_8192_SHA512),
        SignatureScheme::Ed25519 => Some(&backend::ED25519),
        #[cfg(not(feature = "aws-lc-rs"))]
        SignatureScheme::Ecdsa(..) => None,
        SignatureScheme::Ed25519ph => None,
    }
}
