use super::SignError;
use super::stream::{ReadSeek, SignedStream, read};
use crate::crypto::{PublicKey, Signature, SignatureScheme};
use crate::digest::Digest;

/// A private key that signs, wherever it is: in memory, in a key service, in a token.
///
/// Required is the signature over a digest; a key whose scheme has no digest (Ed25519) overrides [`SigningKey::sign`] instead. All calls
/// are synchronous, and [`SigningKey::blocking`] says whether one may wait for something outside of this process.
pub trait SigningKey: Send + Sync {
    /// The key with which the signatures verify.
    fn public_key(&self) -> &PublicKey;

    /// Whether a call may wait for a file, a device or a network. Unless a key says that it never does, async code signs on a thread of
    /// its own.
    fn blocking(&self) -> Blocking {
        Blocking::Possible
    }

    /// The scheme of every signature made here, except those in legacy formats.
    fn scheme(&self) -> SignatureScheme {
        self.public_key().algorithm().signing_scheme()
    }

    /// The scheme of signatures in cosign's legacy formats, whose other readers (cosign 2, skopeo, podman) know SHA-256 alone. A key
    /// of one fixed scheme signs by that.
    fn legacy_scheme(&self) -> SignatureScheme {
        self.scheme()
    }

    /// Signs a message known by its digest. The digest has the algorithm of [`SigningKey::scheme`] or [`SigningKey::legacy_scheme`].
    ///
    /// # Errors
    /// [`SignError::Unsupported`] when the key signs whole messages only; [`SignError::Remote`] when what holds the key fails.
    fn sign_prehashed(&self, digest: &Digest) -> Result<Signature, SignError>;

    /// Signs a message in memory.
    ///
    /// # Errors
    /// [`SignError`].
    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        match self.scheme().digest_algorithm() {
            Some(algorithm) => self.sign_prehashed(&Digest::of(algorithm, message)),
            None => Err(SignError::Unsupported { scheme: self.scheme(), needs: WHOLE_MESSAGE }),
        }
    }

    /// Signs all that `message` holds, from its first byte whatever its position, in constant memory.
    ///
    /// The message may be read more than once: Ed25519 hashes it twice. If the readings differ no signature leaves, since
    /// two Ed25519 signatures that share a nonce reveal the key.
    ///
    /// # Errors
    /// [`SignError::Read`], [`SignError::ChangedWhileReading`], and [`SignError::Unsupported`] where the key or the build lacks the
    /// means; such a message can still be signed in memory.
    fn sign_stream(&self, message: &mut dyn ReadSeek) -> Result<SignedStream, SignError> {
        sign_digest_of(message, self)
    }
}

/// Whether signing may wait for something outside of this process.
///
/// There are no other answers, so matches may be exhaustive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocking {
    /// It may: a file, a device, a network.
    Possible,
    /// It only computes.
    Never,
}

/// What a key of a scheme without a digest needs.
pub(crate) const WHOLE_MESSAGE: &str = "it signs the message itself: give it in memory";

/// Signs a message that is read once, by its digest.
pub(super) fn sign_digest_of<K: SigningKey + ?Sized>(
    message: &mut dyn ReadSeek,
    key: &K,
) -> Result<SignedStream, SignError> {
    let scheme = key.scheme();
    let algorithm = scheme.digest_algorithm().ok_or(SignError::Unsupported { scheme, needs: WHOLE_MESSAGE })?;
    let reading = read(message, algorithm, |_| {})?;
    let signature = key.sign_prehashed(&reading.digest)?;
    Ok(SignedStream::new(signature, reading.sha256, reading.digest, reading.length))
}
