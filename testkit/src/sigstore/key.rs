//! Keys of known names: public by nature, and the same in every run.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer as _;
use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::der;

/// A key that signs.
#[derive(Clone)]
pub struct Key(Inner);

type Sign = dyn Fn(&[u8]) -> Vec<u8> + Send + Sync;

#[derive(Clone)]
enum Inner {
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    Ed25519(ed25519_dalek::SigningKey),
    External { spki: Vec<u8>, details: &'static str, sign: Arc<Sign> },
}

/// Hash under an ECDSA signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// The digest of `bytes`.
    pub fn of(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Sha384 => Sha384::digest(bytes).to_vec(),
            Self::Sha512 => Sha512::digest(bytes).to_vec(),
        }
    }

    /// AlgorithmIdentifier of the hash.
    pub fn identifier(self) -> Vec<u8> {
        let last = match self {
            Self::Sha256 => 1,
            Self::Sha384 => 2,
            Self::Sha512 => 3,
        };
        der::sequence(&[der::oid(&format!("2.16.840.1.101.3.4.2.{last}"))])
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.details())
    }
}

impl Key {
    /// The ECDSA P-256 key of that name.
    pub fn p256(name: &str) -> Self {
        Self(Inner::P256(p256::ecdsa::SigningKey::from_slice(&Sha256::digest(name)).unwrap()))
    }

    /// The ECDSA P-384 key of that name.
    pub fn p384(name: &str) -> Self {
        Self(Inner::P384(p384::ecdsa::SigningKey::from_slice(&Sha384::digest(name)).unwrap()))
    }

    /// The Ed25519 key of that name.
    pub fn ed25519(name: &str) -> Self {
        Self(Inner::Ed25519(ed25519_dalek::SigningKey::from_bytes(&Sha256::digest(name).into())))
    }

    /// A key from elsewhere: its DER SubjectPublicKeyInfo, what Sigstore calls its kind, and how it signs a message.
    pub fn external(
        spki: Vec<u8>,
        details: &'static str,
        sign: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        Self(Inner::External { spki, details, sign: Arc::new(sign) })
    }

    /// Signs with the hash of the curve.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.0 {
            Inner::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
            Inner::External { sign, .. } => sign(message),
            Inner::P256(_) | Inner::P384(_) => self.sign_with(self.hash(), message),
        }
    }

    /// Signs with a hash of one's choice, where the algorithm has a choice.
    pub fn sign_with(&self, hash: Hash, message: &[u8]) -> Vec<u8> {
        let digest = hash.of(message);
        match &self.0 {
            Inner::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign_prehash(&digest).unwrap();
                signature.to_der().as_bytes().to_vec()
            }
            Inner::P384(key) => {
                let signature: p384::ecdsa::Signature = key.sign_prehash(&digest).unwrap();
                signature.to_der().as_bytes().to_vec()
            }
            Inner::Ed25519(_) | Inner::External { .. } => self.sign(message),
        }
    }

    /// The hash that goes with the curve.
    pub fn hash(&self) -> Hash {
        match &self.0 {
            Inner::P384(_) => Hash::Sha384,
            Inner::Ed25519(_) => Hash::Sha512,
            Inner::P256(_) | Inner::External { .. } => Hash::Sha256,
        }
    }

    /// AlgorithmIdentifier of the signatures made with `hash`.
    pub fn signature_identifier(&self, hash: Hash) -> Vec<u8> {
        let last = match hash {
            Hash::Sha256 => 2,
            Hash::Sha384 => 3,
            Hash::Sha512 => 4,
        };
        match &self.0 {
            Inner::P256(_) | Inner::P384(_) => der::sequence(&[der::oid(&format!("1.2.840.10045.4.3.{last}"))]),
            Inner::Ed25519(_) => der::sequence(&[der::oid("1.3.101.112")]),
            Inner::External { .. } => der::sequence(&[der::oid("1.2.840.113549.1.1.11"), der::null()]),
        }
    }

    /// DER SubjectPublicKeyInfo.
    pub fn spki(&self) -> Vec<u8> {
        let ec = |curve: &str, point: &[u8]| {
            let algorithm = der::sequence(&[der::oid("1.2.840.10045.2.1"), der::oid(curve)]);
            der::sequence(&[algorithm, der::bits(point)])
        };
        match &self.0 {
            Inner::P256(key) => ec("1.2.840.10045.3.1.7", key.verifying_key().to_sec1_point(false).as_bytes()),
            Inner::P384(key) => ec("1.3.132.0.34", key.verifying_key().to_sec1_point(false).as_bytes()),
            Inner::Ed25519(key) => {
                let algorithm = der::sequence(&[der::oid("1.3.101.112")]);
                der::sequence(&[algorithm, der::bits(key.verifying_key().as_bytes())])
            }
            Inner::External { spki, .. } => spki.clone(),
        }
    }

    /// The bare public key of an Ed25519 key, at the end of its SubjectPublicKeyInfo.
    pub(super) fn raw_ed25519(&self) -> Option<Vec<u8>> {
        match &self.0 {
            Inner::Ed25519(key) => Some(key.verifying_key().as_bytes().to_vec()),
            _ => None,
        }
    }

    /// The public key in PEM.
    pub fn public_pem(&self) -> String {
        pem("PUBLIC KEY", &self.spki())
    }

    /// What Sigstore calls this kind of key.
    pub fn details(&self) -> &'static str {
        match &self.0 {
            Inner::P256(_) => "PKIX_ECDSA_P256_SHA_256",
            Inner::P384(_) => "PKIX_ECDSA_P384_SHA_384",
            Inner::Ed25519(_) => "PKIX_ED25519",
            Inner::External { details, .. } => details,
        }
    }
}

/// PEM (RFC 7468).
pub fn pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let lines: Vec<&str> = body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
