//! Why a key or a signature is refused.

use std::fmt;

use crate::crypto::{Curve, KeyAlgorithm, KeyFingerprint, PemError, SignatureScheme};
use crate::digest::DigestAlgorithm;

/// Why bytes are not a key that may be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The text is not one PEM block of the wanted type.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// The bytes are not the DER structure they should be.
    #[error("the {what} is not valid DER: {detail}")]
    Der {
        /// The structure expected there.
        what: &'static str,
        /// What the decoder met, and at which byte.
        detail: String,
    },
    /// A key of a kind that is never accepted.
    #[error(
        "key algorithm {found} is not accepted; accepted are ECDSA on P-256, P-384 and P-521, Ed25519, and RSA of 2048 to 8192 bits"
    )]
    UnsupportedAlgorithm {
        /// The algorithm's name where known, and its object identifier.
        found: String,
    },
    /// An elliptic curve that is never accepted.
    #[error("curve {found} is not accepted; accepted are P-256, P-384 and P-521")]
    UnsupportedCurve {
        /// The curve's name where known, and its object identifier.
        found: String,
    },
    /// Curve parameters written out, or absent, instead of a curve's name.
    #[error("the curve must be given by its name, but the parameters are {found}")]
    UnnamedCurve {
        /// What was found instead of the object identifier.
        found: String,
    },
    /// Algorithm parameters that do not belong to the algorithm.
    #[error("an {algorithm} key must have {expected} as algorithm parameters")]
    Parameters {
        /// The algorithm named: `RSA` or `Ed25519`.
        algorithm: &'static str,
        /// The expected value.
        expected: &'static str,
    },
    /// A point in another encoding than the uncompressed one.
    #[error("the public point must be uncompressed: byte 04 and two coordinates, {expected} bytes; found {found}")]
    PointEncoding {
        /// Length of an uncompressed point of the curve, in bytes.
        expected: usize,
        /// Form and length found.
        found: String,
    },
    /// A point which does not satisfy the equation of its curve.
    #[error("the public point is not on {curve}")]
    NotOnCurve {
        /// The curve named by the key.
        curve: Curve,
    },
    /// An Ed25519 key of the wrong length.
    #[error("an Ed25519 key is 32 bytes, found {found}")]
    Ed25519Length {
        /// Length found, in bytes.
        found: usize,
    },
    /// An Ed25519 public key for which signatures can be made without a private key, or which has a non-canonical encoding.
    #[error("the Ed25519 public key is refused: {0}")]
    Ed25519(Ed25519Rule),
    /// An RSA modulus that is too short or too long.
    #[error(
        "the RSA modulus has {found} bits; accepted are {} to {}",
        KeyAlgorithm::RSA_MIN_BITS,
        KeyAlgorithm::RSA_MAX_BITS
    )]
    RsaModulus {
        /// Length of the modulus in bits.
        found: usize,
    },
    /// An RSA modulus that is even, hence no product of two large primes.
    #[error("the RSA modulus is even")]
    RsaModulusEven,
    /// An RSA public exponent that is even, too small or too large.
    #[error("the RSA public exponent must be odd, at least 65537 and shorter than 34 bits; found {found}")]
    RsaExponent {
        /// The exponent in hex.
        found: String,
    },
    /// A private key that contradicts itself or is out of range.
    #[error("the private key is invalid: {problem}")]
    Inconsistent {
        /// Which relation does not hold.
        problem: &'static str,
    },
    /// A name which is not one of a key algorithm.
    #[error(
        "{found:?} is not a key algorithm; expected ecdsa-p256, ecdsa-p384, ecdsa-p521, ed25519, or rsa-<bits> with 2048 to 8192 bits"
    )]
    UnknownName {
        /// The name, cut to 80 characters.
        found: String,
    },
    /// This build has no implementation.
    #[error("this build cannot {action} {algorithm} keys: {needs}")]
    Unsupported {
        /// What was asked for: `generate`, `use`.
        action: &'static str,
        /// The kind of key.
        algorithm: KeyAlgorithm,
        /// What would be needed.
        needs: &'static str,
    },
    /// The operating system gave no randomness.
    #[error("the operating system provides no random numbers: {detail}")]
    Randomness {
        /// The operating system's error.
        detail: String,
    },
}

/// What a signature of that length may be, or else what the decoder met.
fn other_scheme(length: usize, detail: &str) -> String {
    match length {
        64 => ", the length of an Ed25519 signature".to_owned(),
        256 | 384 | 512 => ", the length of an RSA signature".to_owned(),
        _ => format!(": {detail}"),
    }
}

/// Why a signature is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The text is not canonical base64 of the standard alphabet.
    #[error("the signature is not standard base64: {detail}")]
    Base64 {
        /// What is wrong, and at which byte.
        detail: String,
    },
    /// An ECDSA signature that is not the strict DER of two positive integers.
    #[error("expected an ECDSA signature, the DER of two integers, found {found} bytes{}", other_scheme(*.found, .detail))]
    NotDer {
        /// Length of the signature in bytes.
        found: usize,
        /// What the decoder met.
        detail: String,
    },
    /// A signature of a length that the scheme does not have.
    #[error("an {scheme} signature by this key is {expected} bytes, found {found}")]
    Length {
        /// The scheme tried.
        scheme: SignatureScheme,
        /// Length in bytes.
        expected: usize,
        /// Length found, in bytes.
        found: usize,
    },
    /// An Ed25519 signature which strict verification refuses whatever the message.
    #[error("the Ed25519 signature is refused: {0}")]
    Ed25519(Ed25519Rule),
    /// The signature is well formed, but not one by this key over this message.
    #[error("the signature does not verify with key {key}: tried {}{}{}", list(.tried), and_not(.untried), or_else(.tried))]
    Invalid {
        /// Every scheme that was tried.
        tried: Vec<SignatureScheme>,
        /// Schemes the key could have used which this build cannot check.
        untried: Vec<SignatureScheme>,
        /// The key.
        key: KeyFingerprint,
    },
    /// A scheme which keys of this kind do not use.
    #[error("{scheme} is not a scheme of {algorithm} keys; those are {}", list(.algorithm.accepted_schemes()))]
    SchemeMismatch {
        /// The scheme asked for.
        scheme: SignatureScheme,
        /// The kind of key.
        algorithm: KeyAlgorithm,
    },
    /// Such keys do not sign with the requested hash.
    #[error("{algorithm} keys sign with {}, not over the requested hash", list(.algorithm.accepted_schemes()))]
    NoScheme {
        /// The kind of key.
        algorithm: KeyAlgorithm,
    },
    /// A digest made with another hash than the scheme's.
    #[error("{scheme} signs a {expected} digest, found {found}")]
    DigestMismatch {
        /// The scheme asked for.
        scheme: SignatureScheme,
        /// The scheme's hash.
        expected: DigestAlgorithm,
        /// The hash of the digest given.
        found: DigestAlgorithm,
    },
    /// A scheme that signs the message itself, while only a digest is known.
    #[error("{scheme} signs the message itself, so a digest is not enough; give the message")]
    NeedsMessage {
        /// The scheme asked for.
        scheme: SignatureScheme,
    },
    /// This build has no implementation.
    #[error("this build cannot check {scheme}{}: {needs}", .input)]
    Unsupported {
        /// The scheme asked for.
        scheme: SignatureScheme,
        /// In what form the message was given.
        input: MessageForm,
        /// What would be needed.
        needs: &'static str,
    },
}

/// The form in which a message reaches verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessageForm {
    /// All bytes, in memory.
    Bytes,
    /// Only a digest of them.
    Digest,
    /// All bytes, one piece after another.
    Stream,
}

impl fmt::Display for MessageForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bytes => "",
            Self::Digest => " over a digest",
            Self::Stream => " over a stream",
        })
    }
}

/// What strict Ed25519 asks beyond the verification equation (RFC 8032 §5.1.7, and no points of small order).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ed25519Rule {
    /// S must be below the order of the group.
    ScalarRange,
    /// R must not be of small order.
    SmallOrderR,
    /// The public key must not be of small order.
    SmallOrderKey,
    /// The public key must be in its one canonical encoding.
    CanonicalKey,
}

impl fmt::Display for Ed25519Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ScalarRange => "S is not below the order of the group",
            Self::SmallOrderR => "R is a point of small order",
            Self::SmallOrderKey => "it is a point of small order",
            Self::CanonicalKey => "its coordinate is not below 2^255 - 19",
        })
    }
}

fn list(schemes: &[SignatureScheme]) -> String {
    schemes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// How else the signature may have been made, where tools differ.
fn or_else(tried: &[SignatureScheme]) -> &'static str {
    match tried.first() {
        Some(SignatureScheme::RsaPkcs1(_)) => {
            "; RSA-PSS is never accepted, and another hash only if requested: --signature-digest-algorithm"
        }
        Some(SignatureScheme::Ecdsa(Curve::P384 | Curve::P521, _)) => {
            "; another hash is accepted only if requested: --signature-digest-algorithm"
        }
        _ => "",
    }
}

fn and_not(schemes: &[SignatureScheme]) -> String {
    if schemes.is_empty() { String::new() } else { format!("; this build cannot check {}", list(schemes)) }
}
