//! Reading a message of any size from its beginning.

use std::io::{ErrorKind, SeekFrom};

use crate::digest::{Digest, DigestAlgorithm, Hasher};
use crate::key::{ReadSeek, SignError, SignedStream, SigningKey, WHOLE_MESSAGE};

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
