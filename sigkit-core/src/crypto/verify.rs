//! Verification of a message in memory.

use crate::backend::signature as backend;

use super::supported::{algorithm, unsupported};
use crate::crypto::{
    KeyAlgorithm, MessageForm, PublicKey, Signature, SignatureError, SignatureScheme, ed25519, prehash,
};
use crate::digest::Digest;

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

    fn rsa_signature_len(&self) -> usize {
        match self.algorithm() {
            KeyAlgorithm::Rsa { bits } => usize::try_from(bits.div_ceil(8)).unwrap_or(usize::MAX),
            _ => 0,
        }
    }
}
