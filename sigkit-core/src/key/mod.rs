//! Private keys: making them, keeping them in files, bringing them from elsewhere, and signing with them.

mod error;
pub mod file;
pub mod import;
mod pair;
mod password;
mod rsa;
mod secretbox;
mod stream;

use std::io::{Read, Seek};

use crate::crypto::{PublicKey, Signature, SignatureScheme};
use crate::digest::Digest;

pub use self::error::{ImportError, KeyFileError, SignError};
pub use self::pair::KeyPair;
pub use self::password::Password;
pub(crate) use self::stream::read_pieces;

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
        stream::sign_digest_of(message, self)
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

/// A message that can be read from its beginning again.
pub trait ReadSeek: Read + Seek {}

impl<T: Read + Seek + ?Sized> ReadSeek for T {}

/// A signature, and what was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub struct SignedStream {
    /// The signature over the whole message.
    pub signature: Signature,
    /// The SHA-256 of the message.
    pub sha256: Digest,
    /// The digest of the message by the scheme's own hash; its SHA-256 where the scheme has none (Ed25519).
    pub digest: Digest,
    /// Length of the message in bytes.
    pub length: u64,
}

impl SignedStream {
    /// The result of signing a message, for those who implement [`SigningKey`].
    pub const fn new(signature: Signature, sha256: Digest, digest: Digest, length: u64) -> Self {
        Self { signature, sha256, digest, length }
    }
}
