//! Reading a message of any size from its beginning.

use std::io::{ErrorKind, Read, Seek, SeekFrom};

use super::SignError;
use crate::crypto::Signature;
use crate::digest::{Digest, DigestAlgorithm, Hasher};

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
    /// The result of signing a message, for those who implement [`SigningKey`](super::SigningKey).
    pub const fn new(signature: Signature, sha256: Digest, digest: Digest, length: u64) -> Self {
        Self { signature, sha256, digest, length }
    }
}

/// What one reading saw.
pub(super) struct Reading {
    pub(super) sha256: Digest,
    /// By the hash asked for.
    pub(super) digest: Digest,
    pub(super) length: u64,
}

/// Reads the whole message, hashing it, and shows every piece.
pub(super) fn read(
    message: &mut dyn ReadSeek,
    algorithm: DigestAlgorithm,
    mut piece: impl FnMut(&[u8]),
) -> Result<Reading, SignError> {
    let mut sha256 = Hasher::new(DigestAlgorithm::Sha256);
    let mut other = (algorithm != DigestAlgorithm::Sha256).then(|| Hasher::new(algorithm));
    let length = read_pieces(message, |bytes| {
        sha256.update(bytes);
        if let Some(other) = &mut other {
            other.update(bytes);
        }
        piece(bytes);
    })?;
    let sha256 = sha256.finish();
    Ok(Reading { sha256, digest: other.map_or(sha256, Hasher::finish), length })
}

/// Shows every piece of the whole message, and returns its length in bytes.
pub(crate) fn read_pieces(message: &mut dyn ReadSeek, mut piece: impl FnMut(&[u8])) -> Result<u64, SignError> {
    let mut length = 0_u64;
    let failed = |offset: u64, error: std::io::Error| SignError::Read { offset, detail: error.to_string() };
    message.seek(SeekFrom::Start(0)).map_err(|error| failed(0, error))?;
    let mut buffer = vec![0_u8; 64 << 10];
    loop {
        let count = match message.read(&mut buffer) {
            Ok(0) => return Ok(length),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed(length, error)),
        };
        piece(buffer.get(..count).unwrap_or(&[]));
        length = length.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
    }
}
