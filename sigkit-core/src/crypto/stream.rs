//! Verification of a message too large for memory.

use std::fmt;

use crate::crypto::{MessageForm, PublicKey, Signature, SignatureError, SignatureScheme, prehash, supported};
use crate::digest::Hasher;

/// Verifies one signature over a message that comes in pieces.
///
/// ```text
/// let mut verifier = StreamVerifier::new(&key, scheme, &signature)?;
/// for piece in message { verifier.update(piece); }
/// verifier.finish()?;
/// ```
pub struct StreamVerifier {
    key: PublicKey,
    scheme: SignatureScheme,
    signature: Signature,
    state: State,
}

enum State {
    Hashing(Box<Hasher>),
    /// Ed25519 hashes the message behind R and the key.
    #[cfg(feature = "sign")]
    Ed25519(Box<ed25519_dalek::StreamVerifier>),
}

impl StreamVerifier {
    /// Begins; form and scheme are judged here, before the first byte is read.
    ///
    /// # Errors
    /// [`SignatureError::Unsupported`] where this build lacks the algorithm for streams, and every error that concerns
    /// the signature's form.
    pub fn new(key: &PublicKey, scheme: SignatureScheme, signature: &Signature) -> Result<Self, SignatureError> {
        key.check_scheme(scheme)?;
        key.check_form(scheme, signature)?;
        let state = match scheme.digest_algorithm() {
            Some(digest) if prehash::is_supported(scheme) => State::Hashing(Box::new(Hasher::new(digest))),
            Some(_) => return Err(supported::unsupported(scheme, MessageForm::Stream)),
            None => ed25519(key, scheme, signature)?,
        };
        Ok(Self { key: key.clone(), scheme, signature: signature.clone(), state })
    }

    /// Takes the next piece of the message.
    pub fn update(&mut self, piece: &[u8]) {
        match &mut self.state {
            State::Hashing(hasher) => hasher.update(piece),
            #[cfg(feature = "sign")]
            State::Ed25519(state) => state.update(piece),
        }
    }

    /// Judges the signature over all pieces.
    ///
    /// # Errors
    /// [`SignatureError::Invalid`].
    pub fn finish(self) -> Result<(), SignatureError> {
        let Self { key, scheme, signature, state } = self;
        match state {
            State::Hashing(hasher) => prehash::verify(&key, scheme, &hasher.finish(), &signature, MessageForm::Stream),
            #[cfg(feature = "sign")]
            State::Ed25519(state) => state.finalize_and_verify().map_err(|_| key.invalid(scheme)),
        }
    }
}

/// Up to here copying a message costs less than what some backends need to verify its digest.
#[cfg(feature = "oci")]
const CONCAT_LEN: usize = 64 << 10;

#[cfg(feature = "oci")]
impl PublicKey {
    /// Verifies with exactly this scheme a message that lies in pieces. A large one is not copied, where this build can do without.
    ///
    /// # Errors
    /// As [`PublicKey::verify_with`].
    pub(crate) fn verify_pieces(
        &self,
        scheme: SignatureScheme,
        pieces: &[&[u8]],
        signature: &Signature,
    ) -> Result<(), SignatureError> {
        let whole = || self.verify_with(scheme, &pieces.concat(), signature);
        if pieces.iter().fold(0_usize, |length, piece| length.saturating_add(piece.len())) <= CONCAT_LEN {
            return whole();
        }
        match StreamVerifier::new(self, scheme, signature) {
            Ok(mut verifier) => {
                pieces.iter().for_each(|piece| verifier.update(piece));
                verifier.finish()
            }
            Err(SignatureError::Unsupported { .. }) => whole(),
            Err(error) => Err(error),
        }
    }
}

impl fmt::Debug for StreamVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamVerifier").field("key", &self.key).field("scheme", &self.scheme).finish_non_exhaustive()
    }
}

/// The strict rules on R, S and the key were applied by `check_form` and when the key was read.
#[cfg(feature = "sign")]
fn ed25519(key: &PublicKey, scheme: SignatureScheme, signature: &Signature) -> Result<State, SignatureError> {
    let raw = key.raw().try_into().map_err(|_| key.invalid(scheme))?;
    let bytes = crate::crypto::ed25519::check_signature(scheme, signature.as_bytes())?;
    ed25519_dalek::VerifyingKey::from_bytes(raw)
        .and_then(|key| key.verify_stream(&ed25519_dalek::Signature::from_bytes(&bytes)))
        .map(|state| State::Ed25519(Box::new(state)))
        .map_err(|_| key.invalid(scheme))
}

#[cfg(not(feature = "sign"))]
fn ed25519(_: &PublicKey, scheme: SignatureScheme, _: &Signature) -> Result<State, SignatureError> {
    Err(supported::unsupported(scheme, MessageForm::Stream))
}
