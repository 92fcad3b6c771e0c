//! A certificate transparency log (RFC 6962) and its promises.

use super::der;
use super::key::{Hash, Key};

/// A promise to log a certificate, yet to be signed.
#[derive(Clone, Debug)]
pub struct Sct {
    /// The log's key.
    pub key: Key,
    /// The log that it names: SHA-256 of a key's SubjectPublicKeyInfo.
    pub log_id: Vec<u8>,
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// Extensions of the promise.
    pub extensions: Vec<u8>,
}

impl Sct {
    /// The promise of the log with that key, at that second.
    pub fn new(key: &Key, unix: i64) -> Self {
        Self { key: key.clone(), log_id: Hash::Sha256.of(&key.spki()), timestamp: unix * 1000, extensions: Vec::new() }
    }

    /// The list for a certificate, as its extension holds it; `tbs` is the certificate to be signed without that extension.
    pub(super) fn list(scts: &[Self], tbs: &[u8], issuer_spki: &[u8]) -> Vec<u8> {
        let scts: Vec<u8> = scts.iter().flat_map(|sct| prefixed(&sct.sign(tbs, issuer_spki))).collect();
        der::octets(&prefixed(&scts))
    }

    fn sign(&self, tbs: &[u8], issuer_spki: &[u8]) -> Vec<u8> {
        let timestamp = self.timestamp.to_be_bytes();
        let length = u32::try_from(tbs.len()).unwrap().to_be_bytes();
        let signed = [
            &[0, 0][..], // v1, certificate_timestamp
            &timestamp,
            &[0, 1], // precert_entry
            &Hash::Sha256.of(issuer_spki),
            &length[1..],
            tbs,
            &prefixed(&self.extensions),
        ]
        .concat();
        let signature = self.key.sign_with(Hash::Sha256, &signed);
        let algorithms = [4, 3]; // sha256, ecdsa
        [&[0][..], &self.log_id, &timestamp, &prefixed(&self.extensions), &algorithms, &prefixed(&signature)].concat()
    }
}

/// TLS vector: two bytes of length before the content.
fn prefixed(content: &[u8]) -> Vec<u8> {
    [&u16::try_from(content.len()).unwrap().to_be_bytes()[..], content].concat()
}
