//! Public keys, and the name of a key.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use crate::crypto::{KeyAlgorithm, KeyError, SignatureError, SignatureScheme, pem, spki};
use crate::digest::Digest;

const LABEL: &str = "PUBLIC KEY";

/// A public key that passed every check at reading: a known kind, a point on its curve, a modulus of sound size.
///
/// Two keys are equal when their SubjectPublicKeyInfo is.
#[derive(Clone)]
pub struct PublicKey {
    algorithm: KeyAlgorithm,
    spki: Arc<[u8]>,
    /// The raw key is the tail of `spki`, of this length.
    raw_len: usize,
}

impl PublicKey {
    /// The answer when one scheme was tried and did not hold.
    pub(super) fn invalid(&self, scheme: SignatureScheme) -> SignatureError {
        SignatureError::Invalid { tried: vec![scheme], untried: Vec::new(), key: self.fingerprint() }
    }

    /// Reads the one `PUBLIC KEY` block of a PEM file, RFC 7468 §13. White space may surround it, nothing else.
    ///
    /// ```
    /// # const KEY: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../keys/TEST-ONLY-ecdsa-p256.pub"));
    /// use sigkit_core::PublicKey;
    ///
    /// let key = PublicKey::from_pem(KEY)?;
    /// assert_eq!(key.algorithm().to_string(), "ecdsa-p256");
    /// assert_eq!(PublicKey::from_spki_der(key.spki_der())?.to_pem().as_bytes(), KEY);
    /// # Ok::<(), sigkit_core::crypto::KeyError>(())
    /// ```
    ///
    /// # Errors
    /// [`KeyError::Pem`] for the text, the other variants of [`KeyError`] for the key.
    pub fn from_pem(text: &[u8]) -> Result<Self, KeyError> {
        Self::from_spki_der(&pem::single(text, &[LABEL])?.decode()?)
    }

    /// Reads the DER of a SubjectPublicKeyInfo, RFC 5280 §4.1.2.7.
    ///
    /// # Errors
    /// [`KeyError`] names what is wrong: encoding, algorithm, curve, point, or size.
    pub fn from_spki_der(bytes: &[u8]) -> Result<Self, KeyError> {
        let (algorithm, raw_len) = spki::parse(bytes)?;
        Ok(Self { algorithm, spki: bytes.into(), raw_len })
    }

    /// Reads the DER of an RSAPublicKey, RFC 8017 §A.1.1, as some trusted roots hold RSA keys.
    ///
    /// # Errors
    /// [`KeyError`], as for [`PublicKey::from_spki_der`].
    pub fn from_rsa_der(bytes: &[u8]) -> Result<Self, KeyError> {
        Self::from_spki_der(&spki::encode(spki::RSA_ENCRYPTION, Some(der::asn1::AnyRef::NULL), bytes)?)
    }

    /// The kind of key.
    pub const fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// The DER of the SubjectPublicKeyInfo, as read.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// One PEM block of type `PUBLIC KEY`, ending in a newline.
    pub fn to_pem(&self) -> String {
        pem::encode(LABEL, &self.spki).to_string()
    }

    /// The name of this key: the SHA-256 of its SubjectPublicKeyInfo.
    pub fn fingerprint(&self) -> KeyFingerprint {
        KeyFingerprint(Digest::sha256(&self.spki))
    }

    /// The schemes by which this key may have signed, the preferred one first.
    pub const fn accepted_schemes(&self) -> &'static [SignatureScheme] {
        self.algorithm.accepted_schemes()
    }

    /// The key as the backends take it: an uncompressed point, an RSAPublicKey in DER, or 32 bytes of Ed25519.
    pub(crate) fn raw(&self) -> &[u8] {
        self.spki.get(self.spki.len().saturating_sub(self.raw_len)..).unwrap_or(&[])
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.spki == other.spki
    }
}

impl Eq for PublicKey {}

impl Hash for PublicKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.spki.hash(state);
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({} {})", self.algorithm, self.fingerprint())
    }
}

/// The name of a public key: the SHA-256 of the DER of its SubjectPublicKeyInfo.
///
/// Shown as `SHA256:` and unpadded base64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyFingerprint(Digest);

impl KeyFingerprint {
    /// The key hint of a sigstore bundle: padded standard base64. It says where to look, never whom to trust.
    pub fn hint(&self) -> String {
        STANDARD.encode(self.0.as_bytes())
    }

    /// The digest itself.
    pub const fn digest(&self) -> &Digest {
        &self.0
    }
}

impl fmt::Display for KeyFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SHA256:{}", STANDARD_NO_PAD.encode(self.0.as_bytes()))
    }
}

impl fmt::Debug for KeyFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
