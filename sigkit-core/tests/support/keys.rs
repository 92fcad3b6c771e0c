//! TEST-ONLY private keys, made from their published names: nothing signed with them means anything.

use sigkit_core::crypto::KeyAlgorithm;
use sigkit_core::digest::{Digest, DigestAlgorithm};
use sigkit_core::key::KeyPair;

/// The key of that name; equal names give equal keys, here and in every other run.
pub(crate) fn test_only(algorithm: KeyAlgorithm, name: &str) -> KeyPair {
    let secret = Digest::of(DigestAlgorithm::Sha512, format!("sigkit TEST-ONLY key {name}").as_bytes());
    let secret = secret.as_bytes();
    // PKCS#8 up to the private scalar or seed, RFC 5958, RFC 5915, RFC 8410.
    let (head, secret): (&[u8], Vec<u8>) = match algorithm {
        KeyAlgorithm::EcdsaP256 => (
            b"\x30\x41\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x04\x27\x30\x25\x02\x01\x01\x04\x20",
            secret[..32].to_vec(),
        ),
        KeyAlgorithm::EcdsaP384 => (
            b"\x30\x4e\x02\x01\x00\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x04\x37\x30\x35\x02\x01\x01\x04\x30",
            secret[..48].to_vec(),
        ),
        KeyAlgorithm::EcdsaP521 => (
            b"\x30\x60\x02\x01\x00\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23\x04\x49\x30\x47\x02\x01\x01\x04\x42",
            [&[0, 0], secret].concat(),
        ),
        KeyAlgorithm::Ed25519 => {
            (b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20", secret[..32].to_vec())
        }
        other => panic!("no test key of kind {other}"),
    };
    KeyPair::from_pkcs8_der(&[head, &secret].concat()).unwrap()
}

/// The key that the vectors trust.
pub(crate) fn signer() -> KeyPair {
    test_only(KeyAlgorithm::EcdsaP256, "signer")
}

/// Another key.
pub(crate) fn other_key() -> KeyPair {
    test_only(KeyAlgorithm::EcdsaP256, "stranger")
}
