//! A certificate transparency log (RFC 6962) and its promises.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

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

    /// The detached SCT for the certificate with that DER, as the log answers when it is submitted.
    pub fn detached(&self, certificate: &[u8]) -> Value {
        json!({
            "sct_version": 0,
            "id": STANDARD.encode(&self.log_id),
            "timestamp": self.timestamp,
            "extensions": STANDARD.encode(&self.extensions),
            "signature": STANDARD.encode(self.signature(&[&[0, 0], &counted(certificate)[..]])),
        })
    }

    fn sign(&self, tbs: &[u8], issuer_spki: &[u8]) -> Vec<u8> {
        let timestamp = self.timestamp.to_be_bytes();
        let signature = self.signature(&[&[0, 1], &Hash::Sha256.of(issuer_spki)[..], &counted(tbs)]);
        [&[0][..], &self.log_id, &timestamp, &prefixed(&self.extensions), &signature].concat()
    }

    /// Over an entry: its type, and what it is about.
    fn signature(&self, entry: &[&[u8]]) -> Vec<u8> {
        let head = [&[0, 0], &self.timestamp.to_be_bytes()[..]].concat(); // v1, certificate_timestamp
        let signed = [head, entry.concat(), prefixed(&self.extensions)].concat();
        let signature = self.key.sign_with(Hash::Sha256, &signed);
        [&[4, 3][..], &prefixed(&signature)].concat() // sha256, ecdsa
    }
}

/// TLS vector: three bytes of length before the content.
fn counted(content: &[u8]) -> Vec<u8> {
    [&u32::try_from(content.len()).unwrap().to_be_bytes()[1..], content].concat()
}

/// TLS vector: two bytes of length before the content.
fn prefixed(content: &[u8]) -> Vec<u8> {
    [&u16::try_from(content.len()).unwrap().to_be_bytes()[..], content].concat()
}
