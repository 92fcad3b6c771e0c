//! The trusted root: what a verifier is told about the services.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::certificate::Certificate;
use super::key::{Hash, Key};
use super::{BEGIN, Log, Sigstore, rfc3339};

impl Sigstore {
    /// `trusted_root.json` of all services, valid from [`BEGIN`] on.
    pub fn trusted_root(&self) -> Value {
        json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [log(&self.rekor1), log(&self.rekor2)],
            "certificateAuthorities": [authority(&[&self.intermediate, &self.root])],
            "ctlogs": [transparency("https://ct.stack.test", &self.ct, &Hash::Sha256.of(&self.ct.spki()))],
            "timestampAuthorities": [authority(&[&self.tsa.leaf, &self.tsa.root])],
        })
    }
}

impl Log {
    /// The log as trusted roots name it.
    pub fn trusted(&self) -> Value {
        log(self)
    }
}

fn log(log: &Log) -> Value {
    transparency(&format!("https://{}", log.origin), &log.key, &log.id())
}

fn transparency(url: &str, key: &Key, id: &[u8]) -> Value {
    json!({
        "baseUrl": url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": STANDARD.encode(key.spki()), "keyDetails": key.details(), "validFor": { "start": rfc3339(BEGIN) },
        },
        "logId": { "keyId": STANDARD.encode(id) },
    })
}

/// An authority as trusted roots name it; its chain from the leaf upwards.
fn authority(chain: &[&Certificate]) -> Value {
    let certificates: Vec<Value> =
        chain.iter().map(|certificate| json!({ "rawBytes": STANDARD.encode(&certificate.der) })).collect();
    json!({
        "subject": { "organization": "stack.test", "commonName": "stack.test" },
        "uri": "https://authority.stack.test",
        "certChain": { "certificates": certificates },
        "validFor": { "start": rfc3339(BEGIN) },
    })
}
