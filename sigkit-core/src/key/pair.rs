//! A private key in memory.

use std::cell::RefCell;
use std::fmt;

use ed25519_dalek::hazmat::{ExpandedSecretKey, raw_sign_byupdate};
use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use pkcs8::{EncodePrivateKey as _, EncodePublicKey as _, PrivateKeyInfoRef};
use sec1::EcPrivateKey;
use sha2::digest::Update as _;
use zeroize::Zeroizing;

use crate::crypto::{Curve, KeyAlgorithm, KeyError, PublicKey, Signature, SignatureScheme, spki};
use crate::digest::{Digest, DigestAlgorithm};
use crate::key::rsa::{RsaKey, pkcs8_der, pkcs8_malformed};
use crate::key::{Blocking, ReadSeek, SignError, SignedStream, SigningKey, WHOLE_MESSAGE, stream};

/// A private key together with its public key, which cannot be exchanged for another.
///
/// The secret is wiped when dropped, is never copied, and does not show in `Debug`. It cannot be cloned, and there is no way
/// to sign under another public key, which for Ed25519 would give the secret away:
///
/// ```compile_fail,E0599
/// # use sigkit_core::key::KeyPair;
/// fn copy(pair: &KeyPair) -> KeyPair {
///     KeyPair::clone(pair)
/// }
/// ```
///
/// ```compile_fail,E0616
/// # use sigkit_core::{crypto::PublicKey, key::KeyPair};
/// fn exchange(pair: &mut KeyPair, other: PublicKey) {
///     pair.public = other;
/// }
/// ```
pub struct KeyPair {
    secret: Secret,
    public: PublicKey,
}

/// Boxed, so that moving a pair leaves no copy of the secret on the stack.
enum Secret {
    P256(Box<p256::ecdsa::SigningKey>),
    P384(Box<p384::ecdsa::SigningKey>),
    P521(Box<p521::ecdsa::SigningKey>),
    Ed25519(Box<ed25519_dalek::SigningKey>),
    Rsa(Box<RsaKey>),
}

impl From<p256::ecdsa::SigningKey> for Secret {
    fn from(key: p256::ecdsa::SigningKey) -> Self {
        Self::P256(Box::new(key))
    }
}

impl From<p384::ecdsa::SigningKey> for Secret {
    fn from(key: p384::ecdsa::SigningKey) -> Self {
        Self::P384(Box::new(key))
    }
}

impl From<p521::ecdsa::SigningKey> for Secret {
    fn from(key: p521::ecdsa::SigningKey) -> Self {
        Self::P521(Box::new(key))
    }
}

/// One expression for each of the three curves, whose crates share names but no useful trait.
macro_rules! on_curve {
    ($curve:expr, $krate:ident, $body:expr) => {
        match $curve {
            Curve::P256 => {
                use p256 as $krate;
                $body
            }
            Curve::P384 => {
                use p384 as $krate;
                $body
            }
            Curve::P521 => {
                use p521 as $krate;
                $body
            }
        }
    };
}

impl KeyPair {
    /// Makes a new key from the operating system's randomness.
    ///
    /// # Errors
    /// [`KeyError::Randomness`]; [`KeyError::Unsupported`] for RSA unless the backend is `aws-lc-rs`.
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, KeyError> {
        if let Some(curve) = algorithm.curve() {
            return Self::generate_ecdsa(curve);
        }
        if let KeyAlgorithm::Rsa { bits } = algorithm {
            return RsaKey::generate(bits).map(Self::from_rsa);
        }
        let mut seed = Zeroizing::new([0_u8; 32]);
        randomness(seed.as_mut())?;
        Self::from_ed25519(&seed)
    }

    /// Reads an unencrypted PKCS#8 PrivateKeyInfo in DER, RFC 5958, version 1 or 2.
    ///
    /// # Errors
    /// [`KeyError`]; [`KeyError::Inconsistent`] when a public part that is present does not belong to the private one.
    pub fn from_pkcs8_der(bytes: &[u8]) -> Result<Self, KeyError> {
        let info = PrivateKeyInfoRef::try_from(bytes).map_err(pkcs8_malformed)?;
        let parameters = info.algorithm.parameters;
        let secret = info.private_key.as_bytes();
        let public = match info.public_key {
            Some(bits) => {
                Some(bits.as_bytes().ok_or(KeyError::Inconsistent { problem: "its public part is not whole bytes" })?)
            }
            None => None,
        };
        match info.algorithm.oid {
            spki::EC_PUBLIC_KEY => Self::from_sec1(secret, Some(spki::named_curve(parameters)?), public),
            spki::RSA_ENCRYPTION => {
                spki::rsa_parameters(parameters)?;
                Self::from_pkcs1_der(secret)
            }
            spki::ED25519 => {
                spki::no_parameters(parameters)?;
                // RFC 8410 §7, as above.
                let [0x04, 0x20, seed @ ..] = secret else {
                    return Err(KeyError::Ed25519Length { found: secret.len().saturating_sub(2) });
                };
                let seed = seed.try_into().map_err(|_| KeyError::Ed25519Length { found: seed.len() })?;
                let pair = Self::from_ed25519(seed)?;
                if public.is_some_and(|public| public != pair.public.raw()) {
                    return Err(OTHER_PUBLIC_PART);
                }
                Ok(pair)
            }
            other => Err(KeyError::UnsupportedAlgorithm { found: spki::named(other) }),
        }
    }

    /// The key as PKCS#8 DER: version 1, as cosign stores it under its password.
    ///
    /// # Errors
    /// [`KeyError::Der`] should the encoder fail.
    pub fn to_pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let document = match &self.secret {
            Secret::P256(key) => key.to_pkcs8_der(),
            Secret::P384(key) => key.to_pkcs8_der(),
            Secret::P521(key) => key.to_pkcs8_der(),
            Secret::Ed25519(key) => {
                // RFC 8410 §7: an octet string within the octet string.
                let mut secret = Zeroizing::new(vec![0x04, 0x20]);
                secret.reserve_exact(32);
                secret.extend_from_slice(&*Zeroizing::new(key.to_bytes()));
                return pkcs8_der(spki::ED25519, None, &secret);
            }
            Secret::Rsa(key) => return Ok(key.pkcs8()),
        };
        Ok(document.map_err(pkcs8_malformed)?.to_bytes())
    }

    /// Reads RSAPrivateKey in DER, RFC 8017 §A.1.2.
    pub(super) fn from_pkcs1_der(bytes: &[u8]) -> Result<Self, KeyError> {
        RsaKey::from_pkcs1_der(bytes).map(Self::from_rsa)
    }

    /// Reads ECPrivateKey in DER, RFC 5915. The curve is named around it or within it; both must agree.
    pub(super) fn from_sec1(
        bytes: &[u8],
        outer_curve: Option<Curve>,
        outer_public: Option<&[u8]>,
    ) -> Result<Self, KeyError> {
        let key = EcPrivateKey::try_from(bytes)
            .map_err(|error| KeyError::Der { what: "ECPrivateKey", detail: error.to_string() })?;
        let inner_curve = match key.parameters.and_then(sec1::EcParameters::named_curve) {
            Some(oid) => Some(spki::curve_of(oid)?),
            None => None,
        };
        let curve = match (outer_curve, inner_curve) {
            (Some(outer), Some(inner)) if outer != inner => {
                return Err(KeyError::Inconsistent { problem: "it names two curves" });
            }
            (Some(curve), _) | (None, Some(curve)) => curve,
            (None, None) => return Err(KeyError::UnnamedCurve { found: "absent".to_owned() }),
        };
        if key.private_key.len() != curve.coordinate_len() {
            return Err(KeyError::Inconsistent { problem: "the private scalar does not have the length of its curve" });
        }
        let pair = Self::from_scalar(curve, key.private_key)?;
        for public in [outer_public, key.public_key].into_iter().flatten() {
            pair.check_public_point(curve, public)?;
        }
        Ok(pair)
    }

    fn generate_ecdsa(curve: Curve) -> Result<Self, KeyError> {
        let mut scalar = Zeroizing::new(vec![0_u8; curve.coordinate_len()]);
        // A candidate at or above the order is drawn again; that happens with probability below 2^-32 for each curve.
        for _ in 0..64 {
            randomness(&mut scalar)?;
            if let (Curve::P521, Some(top)) = (curve, scalar.first_mut()) {
                *top &= 0x01;
            }
            if let Ok(pair) = Self::from_scalar(curve, &scalar) {
                return Ok(pair);
            }
        }
        Err(KeyError::Randomness { detail: "64 candidates for a private key were out of range".to_owned() })
    }

    fn from_scalar(curve: Curve, scalar: &[u8]) -> Result<Self, KeyError> {
        on_curve!(curve, krate, {
            let secret = krate::SecretKey::from_slice(scalar)
                .map_err(|_| KeyError::Inconsistent { problem: "the private scalar is zero or not below the order" })?;
            let document = secret
                .public_key()
                .to_public_key_der()
                .map_err(|error| KeyError::Der { what: "SubjectPublicKeyInfo", detail: error.to_string() })?;
            let public = PublicKey::from_spki_der(document.as_bytes())?;
            Ok(Self { secret: krate::ecdsa::SigningKey::from(secret).into(), public })
        })
    }

    /// A point given beside the private scalar, compressed or not, must be the scalar's own.
    fn check_public_point(&self, curve: Curve, point: &[u8]) -> Result<(), KeyError> {
        on_curve!(curve, krate, {
            let given = krate::PublicKey::from_sec1_bytes(point).map_err(|_| KeyError::NotOnCurve { curve })?;
            let own =
                krate::PublicKey::from_sec1_bytes(self.public.raw()).map_err(|_| KeyError::NotOnCurve { curve })?;
            if given == own { Ok(()) } else { Err(OTHER_PUBLIC_PART) }
        })
    }

    fn from_ed25519(seed: &[u8; 32]) -> Result<Self, KeyError> {
        let secret = Box::new(ed25519_dalek::SigningKey::from_bytes(seed));
        let raw = secret.verifying_key().to_bytes();
        let public = PublicKey::from_spki_der(&spki::encode(spki::ED25519, None, &raw)?)?;
        Ok(Self { secret: Secret::Ed25519(secret), public })
    }

    fn from_rsa((key, public): (RsaKey, PublicKey)) -> Self {
        Self { secret: Secret::Rsa(Box::new(key)), public }
    }

    /// Ed25519 hashes the message once for the nonce and once with it.
    fn sign_ed25519_stream(
        &self,
        key: &ed25519_dalek::SigningKey,
        message: &mut dyn ReadSeek,
    ) -> Result<SignedStream, SignError> {
        let expanded = ExpandedSecretKey::from(&*Zeroizing::new(key.to_bytes()));
        let message = RefCell::new(message);
        let readings = RefCell::new(Vec::new());
        let failure = RefCell::new(None);
        let pass = |hash: &mut ed25519_dalek::Sha512| match stream::read(
            *message.borrow_mut(),
            DigestAlgorithm::Sha256,
            |piece| hash.update(piece),
        ) {
            Ok(reading) => {
                readings.borrow_mut().push(reading);
                Ok(())
            }
            Err(error) => {
                *failure.borrow_mut() = Some(error);
                Err(ed25519_dalek::SignatureError::new())
            }
        };
        let outcome = raw_sign_byupdate::<ed25519_dalek::Sha512, _>(&expanded, pass, &key.verifying_key());
        if let Some(error) = failure.into_inner() {
            return Err(error);
        }
        let backend = || SignError::Backend { scheme: self.scheme() };
        let signature = outcome.map_err(|_| backend())?;
        let readings = readings.into_inner();
        let [first, second] = readings.as_slice() else { return Err(backend()) };
        if first.sha256 != second.sha256 {
            return Err(SignError::ChangedWhileReading {
                first: Box::new(first.sha256),
                second: Box::new(second.sha256),
            });
        }
        let signature = Signature::from_bytes(signature.to_bytes());
        Ok(SignedStream::new(signature, first.sha256, first.digest, first.length))
    }
}

/// Nothing here waits: a signature takes microseconds, with RSA milliseconds.
impl SigningKey for KeyPair {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn blocking(&self) -> Blocking {
        Blocking::Never
    }

    fn legacy_scheme(&self) -> SignatureScheme {
        match self.scheme() {
            SignatureScheme::Ecdsa(curve, _) => SignatureScheme::Ecdsa(curve, DigestAlgorithm::Sha256),
            scheme => scheme,
        }
    }

    fn sign_prehashed(&self, digest: &Digest) -> Result<Signature, SignError> {
        let schemes = [self.scheme(), self.legacy_scheme()];
        if !schemes.iter().any(|scheme| scheme.digest_algorithm() == Some(digest.algorithm())) {
            let needs = if self.scheme().digest_algorithm().is_none() { WHOLE_MESSAGE } else { OTHER_DIGEST };
            return Err(SignError::Unsupported { scheme: self.scheme(), needs });
        }
        let failed = |_| SignError::Backend { scheme: self.scheme() };
        // RFC 6979 nonces: they depend on key and message alone, so no bad randomness can reveal the key.
        match &self.secret {
            Secret::P256(key) => {
                let signature: p256::ecdsa::DerSignature = key.sign_prehash(digest.as_bytes()).map_err(failed)?;
                Ok(Signature::from_bytes(signature.as_bytes()))
            }
            Secret::P384(key) => {
                let signature: p384::ecdsa::DerSignature = key.sign_prehash(digest.as_bytes()).map_err(failed)?;
                Ok(Signature::from_bytes(signature.as_bytes()))
            }
            Secret::P521(key) => {
                // SHA-256 is shorter than the interface takes; the number is the same with a zero before it.
                let number = [&[0][..], digest.as_bytes()].concat();
                let number = if digest.algorithm() == DigestAlgorithm::Sha256 { &number } else { digest.as_bytes() };
                let signature: p521::ecdsa::DerSignature = key.sign_prehash(number).map_err(failed)?;
                Ok(Signature::from_bytes(signature.as_bytes()))
            }
            Secret::Rsa(key) => key.sign_digest(digest),
            Secret::Ed25519(_) => Err(SignError::Backend { scheme: self.scheme() }),
        }
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        match (&self.secret, self.scheme().digest_algorithm()) {
            // `ring` signs with RSA over messages alone.
            (Secret::Rsa(key), _) => key.sign(message),
            (Secret::Ed25519(key), _) => {
                use ed25519_dalek::Signer as _;
                let signature =
                    key.try_sign(message).map_err(|_| SignError::Backend { scheme: SignatureScheme::Ed25519 })?;
                Ok(Signature::from_bytes(signature.to_bytes()))
            }
            (_, Some(algorithm)) => self.sign_prehashed(&Digest::of(algorithm, message)),
            (_, None) => Err(SignError::Backend { scheme: self.scheme() }),
        }
    }

    fn sign_stream(&self, message: &mut dyn ReadSeek) -> Result<SignedStream, SignError> {
        match &self.secret {
            Secret::Ed25519(key) => self.sign_ed25519_stream(key, message),
            _ => super::signing_key::sign_digest_of(message, self),
        }
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").field("public", &self.public).finish_non_exhaustive()
    }
}

const OTHER_PUBLIC_PART: KeyError =
    KeyError::Inconsistent { problem: "its public part belongs to another private key" };

/// What a key needs that is given the digest of another hash.
const OTHER_DIGEST: &str = "give a digest by the hash of the key's scheme";

/// Fills with the operating system's randomness; there is no other source, and no fallback.
pub(super) fn randomness(bytes: &mut [u8]) -> Result<(), KeyError> {
    getrandom::fill(bytes).map_err(|error| KeyError::Randomness { detail: error.to_string() })
}
