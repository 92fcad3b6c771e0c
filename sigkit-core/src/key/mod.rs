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

/// What turns a message into a signature: a key in memory here, a key service or a token elsewhere.
pub trait Signer: Send + Sync {
    /// The key with which the signatures verify.
    fn public_key(&self) -> &PublicKey;

    /// The one scheme of every signature made here.
    fn scheme(&self) -> SignatureScheme;

    /// Signs a message in memory.
    ///
    /// # Errors
    /// [`SignError`].
    fn sign(&self, message: &[u8]) -> Result<Signature, SignError>;

    /// Signs a message in memory for cosign's legacy formats, whose other readers (cosign 2, skopeo, podman) know SHA-256 alone. Signers
    /// of one fixed scheme sign by that.
    ///
    /// # Errors
    /// [`SignError`].
    fn sign_legacy(&self, message: &[u8]) -> Result<Signature, SignError> {
        self.sign(message)
    }

    /// Signs all that `message` holds, from its first byte whatever its position, in constant memory.
    ///
    /// The message may be read more than once: Ed25519 hashes it twice. If the readings differ no signature leaves, since
    /// two Ed25519 signatures that share a nonce reveal the key.
    ///
    /// # Errors
    /// [`SignError::Read`], [`SignError::ChangedWhileReading`], and [`SignError::Unsupported`] where the build lacks the
    /// means; such a message can still be signed in memory.
    fn sign_stream(&self, message: &mut dyn ReadSeek) -> Result<SignedStream, SignError>;
}

/// A message that can be read from its beginning again.
pub trait ReadSeek: Read + Seek {}

impl<T: Read + Seek + ?Sized> ReadSeek for T {}

/// A signature, and what was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// The result of signing a message, for those who implement [`Signer`].
    pub const fn new(signature: Signature, sha256: Digest, digest: Digest, length: u64) -> Self {
        Self { signature, sha256, digest, length }
    }
}
