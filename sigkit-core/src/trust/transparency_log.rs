//! Logs by their keys: transparency logs of signatures, and those of certificates.

use super::Validity;
use crate::bundle::LogId;
use crate::crypto::PublicKey;
use crate::digest::Digest;

impl LogId {
    /// The identifier of Rekor v1 and of certificate logs: the SHA-256 of the key's SubjectPublicKeyInfo, RFC 6962 §3.2.
    pub fn of_key(key: &PublicKey) -> Self {
        Self::of_digest(key.fingerprint().digest())
    }

    /// The identifier of a Rekor v2 log: the key id of C2SP signed notes for an Ed25519 key, not cut to four bytes.
    pub fn of_note_key(origin: &str, key: &PublicKey) -> Self {
        Self::of_digest(&Digest::sha256(&[origin.as_bytes(), b"\n\x01", key.raw()].concat()))
    }

    fn of_digest(digest: &Digest) -> Self {
        Self::from_bytes(digest.as_bytes()).unwrap_or_default()
    }
}

/// A trusted log.
#[derive(Clone, Debug)]
pub struct TransparencyLog {
    base_url: String,
    id: LogId,
    key: PublicKey,
    validity: Validity,
    checkpoint_key: Option<CheckpointKeyId>,
}

/// What the signature lines of a log's checkpoints name its key by; the first bytes of a longer digest.
pub(crate) type CheckpointKeyId = [u8; 4];

impl TransparencyLog {
    /// A log at that address, by name and key, trusted during that period.
    pub fn new(base_url: impl Into<String>, id: LogId, key: PublicKey, validity: Validity) -> Self {
        Self { base_url: base_url.into(), id, key, validity, checkpoint_key: None }
    }

    /// The signature lines of its checkpoints name the key by these bytes, and not by the beginning of the log's name.
    #[must_use]
    pub fn with_checkpoint_key(mut self, id: [u8; 4]) -> Self {
        self.checkpoint_key = Some(id);
        self
    }

    /// What the signature lines of its checkpoints name the key by, where that is not the beginning of the log's name.
    pub(crate) const fn checkpoint_key(&self) -> Option<CheckpointKeyId> {
        self.checkpoint_key
    }

    /// The address as the trusted root has it; may be empty.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The origin in a Rekor v2 log's checkpoints: the address without scheme and without the slash at its end.
    pub fn origin(&self) -> &str {
        let url = self.base_url.split_once("://").map_or(self.base_url.as_str(), |(_, rest)| rest);
        url.strip_suffix('/').unwrap_or(url)
    }

    /// The log's name.
    pub const fn id(&self) -> &LogId {
        &self.id
    }

    /// The key with which it signs.
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// When its signatures are trusted.
    pub const fn validity(&self) -> Validity {
        self.validity
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = include_bytes!("../../../keys/TEST-ONLY-ed25519.pub");

    #[test]
    fn the_origin_is_the_address_without_scheme() {
        let key = PublicKey::from_pem(KEY).unwrap();
        for (url, origin) in [
            ("https://log2025-1.rekor.sigstore.dev", "log2025-1.rekor.sigstore.dev"),
            ("http://127.0.0.1:3000/", "127.0.0.1:3000"),
            ("rekor-local/a", "rekor-local/a"),
            ("", ""),
        ] {
            let log = TransparencyLog::new(url, LogId::of_key(&key), key.clone(), Validity::ALWAYS);
            assert_eq!(log.origin(), origin);
        }
    }

    #[test]
    fn a_name_is_32_bytes() {
        assert_eq!(LogId::from_bytes(&[7; 31]), None);
        assert_eq!(LogId::from_bytes(&[7; 32]).unwrap().as_bytes(), &[7; 32]);
    }
}
