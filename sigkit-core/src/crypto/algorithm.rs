//! The closed table of algorithms: which keys exist, and how each may sign.

use std::fmt;
use std::str::FromStr;

use crate::crypto::KeyError;
use crate::digest::DigestAlgorithm;

/// A NIST curve of FIPS 186-5 on which ECDSA keys are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Curve {
    /// P-256, also called secp256r1 and prime256v1.
    P256,
    /// P-384, also called secp384r1.
    P384,
    /// P-521, also called secp521r1.
    P521,
}

impl Curve {
    /// Length of a coordinate, and of a private scalar, in bytes.
    pub(crate) const fn coordinate_len(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// The hash that belongs to the curve, and with which we sign.
    const fn digest(self) -> DigestAlgorithm {
        match self {
            Self::P256 => DigestAlgorithm::Sha256,
            Self::P384 => DigestAlgorithm::Sha384,
            Self::P521 => DigestAlgorithm::Sha512,
        }
    }
}

impl fmt::Display for Curve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        })
    }
}

/// The kind of a key. Its text form is `ecdsa-p256`, `ecdsa-p384`, `ecdsa-p521`, `ed25519` or `rsa-<bits>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyAlgorithm {
    /// ECDSA on P-256.
    EcdsaP256,
    /// ECDSA on P-384.
    EcdsaP384,
    /// ECDSA on P-521.
    EcdsaP521,
    /// Ed25519, RFC 8032.
    Ed25519,
    /// RSA.
    Rsa {
        /// Length of the modulus in bits, 2048 to 8192.
        bits: u32,
    },
}

impl KeyAlgorithm {
    /// The shortest RSA modulus accepted, in bits.
    pub const RSA_MIN_BITS: u32 = 2048;
    /// The longest RSA modulus accepted, in bits.
    pub const RSA_MAX_BITS: u32 = 8192;

    /// The curve of an ECDSA key.
    pub const fn curve(self) -> Option<Curve> {
        match self {
            Self::EcdsaP256 => Some(Curve::P256),
            Self::EcdsaP384 => Some(Curve::P384),
            Self::EcdsaP521 => Some(Curve::P521),
            Self::Ed25519 | Self::Rsa { .. } => None,
        }
    }

    /// The ways in which a key of this kind may have signed, the preferred one first.
    ///
    /// SHA-256 with the larger curves is read because widespread tools default to it. Ed25519ph is read because cosign
    /// writes it.
    pub const fn accepted_schemes(self) -> &'static [SignatureScheme] {
        use DigestAlgorithm::{Sha256, Sha384, Sha512};
        use SignatureScheme::{Ecdsa, Ed25519, Ed25519ph, RsaPkcs1};
        match self {
            Self::EcdsaP256 => &[Ecdsa(Curve::P256, Sha256)],
            Self::EcdsaP384 => &[Ecdsa(Curve::P384, Sha384), Ecdsa(Curve::P384, Sha256)],
            Self::EcdsaP521 => &[Ecdsa(Curve::P521, Sha512), Ecdsa(Curve::P521, Sha256)],
            Self::Ed25519 => &[Ed25519, Ed25519ph],
            Self::Rsa { .. } => &[RsaPkcs1(Sha256)],
        }
    }

    /// The schemes that use that digest; none where a key of this kind cannot use it.
    ///
    /// Ed25519 has SHA-512 within and leaves no choice. SHA-256, which cosign and policy-controller write by default, has
    /// no effect on it.
    pub fn schemes_over(self, digest: DigestAlgorithm) -> Vec<SignatureScheme> {
        match (self.curve(), self, digest) {
            (Some(curve), ..) => vec![SignatureScheme::Ecdsa(curve, digest)],
            (None, Self::Rsa { .. }, _) => vec![SignatureScheme::RsaPkcs1(digest)],
            (None, _, DigestAlgorithm::Sha384) => Vec::new(),
            (None, ..) => self.accepted_schemes().to_vec(),
        }
    }

    /// Returns true if a key of this kind can sign by that scheme, whatever the hash.
    pub fn fits(self, scheme: SignatureScheme) -> bool {
        match scheme {
            SignatureScheme::Ecdsa(curve, _) => self.curve() == Some(curve),
            SignatureScheme::RsaPkcs1(_) => matches!(self, Self::Rsa { .. }),
            SignatureScheme::Ed25519 | SignatureScheme::Ed25519ph => self == Self::Ed25519,
        }
    }

    /// The scheme with which a key of this kind signs here.
    pub const fn signing_scheme(self) -> SignatureScheme {
        match self.curve() {
            Some(curve) => SignatureScheme::Ecdsa(curve, curve.digest()),
            None => match self {
                Self::Ed25519 => SignatureScheme::Ed25519,
                _ => SignatureScheme::RsaPkcs1(DigestAlgorithm::Sha256),
            },
        }
    }
}

impl From<Curve> for KeyAlgorithm {
    fn from(curve: Curve) -> Self {
        match curve {
            Curve::P256 => Self::EcdsaP256,
            Curve::P384 => Self::EcdsaP384,
            Curve::P521 => Self::EcdsaP521,
        }
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EcdsaP256 => f.write_str("ecdsa-p256"),
            Self::EcdsaP384 => f.write_str("ecdsa-p384"),
            Self::EcdsaP521 => f.write_str("ecdsa-p521"),
            Self::Ed25519 => f.write_str("ed25519"),
            Self::Rsa { bits } => write!(f, "rsa-{bits}"),
        }
    }
}

impl FromStr for KeyAlgorithm {
    type Err = KeyError;

    fn from_str(name: &str) -> Result<Self, KeyError> {
        let unknown = || KeyError::UnknownName { found: name.chars().take(80).collect() };
        match name {
            "ecdsa-p256" => Ok(Self::EcdsaP256),
            "ecdsa-p384" => Ok(Self::EcdsaP384),
            "ecdsa-p521" => Ok(Self::EcdsaP521),
            "ed25519" => Ok(Self::Ed25519),
            _ => {
                let digits = name.strip_prefix("rsa-").ok_or_else(unknown)?;
                let bits = digits.parse::<u32>().map_err(|_| unknown())?;
                let algorithm = Self::Rsa { bits };
                // `rsa-+2048` and `rsa-02048` parse as numbers, but they are not the name.
                if !(Self::RSA_MIN_BITS..=Self::RSA_MAX_BITS).contains(&bits) || algorithm.to_string() != name {
                    return Err(unknown());
                }
                Ok(algorithm)
            }
        }
    }
}

/// How a message becomes a signature: the algorithm together with its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignatureScheme {
    /// ECDSA on that curve over that hash of the message, FIPS 186-5; the signature is ASN.1 DER.
    Ecdsa(Curve, DigestAlgorithm),
    /// RSASSA-PKCS1-v1_5 over that hash of the message, RFC 8017.
    RsaPkcs1(DigestAlgorithm),
    /// Ed25519 over the message itself, RFC 8032.
    Ed25519,
    /// Ed25519ph over the SHA-512 of the message, with the empty context, RFC 8032.
    Ed25519ph,
}

impl SignatureScheme {
    /// The hash of the message that is signed; none for Ed25519, which signs the message itself.
    pub const fn digest_algorithm(self) -> Option<DigestAlgorithm> {
        match self {
            Self::Ecdsa(_, digest) | Self::RsaPkcs1(digest) => Some(digest),
            Self::Ed25519 => None,
            Self::Ed25519ph => Some(DigestAlgorithm::Sha512),
        }
    }
}

impl fmt::Display for SignatureScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ecdsa(curve, digest) => write!(f, "ECDSA {curve} {}", fips_name(*digest)),
            Self::RsaPkcs1(digest) => write!(f, "RSA PKCS#1 v1.5 {}", fips_name(*digest)),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Ed25519ph => f.write_str("Ed25519ph"),
        }
    }
}

const fn fips_name(digest: DigestAlgorithm) -> &'static str {
    match digest {
        DigestAlgorithm::Sha256 => "SHA-256",
        DigestAlgorithm::Sha384 => "SHA-384",
        DigestAlgorithm::Sha512 => "SHA-512",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for name in
            ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa-2048", "rsa-3072", "rsa-4096", "rsa-8192"]
        {
            assert_eq!(name.parse::<KeyAlgorithm>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn only_exact_names_are_algorithms() {
        for name in ["", "ECDSA-P256", "ecdsa", "p256", "rsa", "rsa-", "rsa-1024", "rsa-2047", "rsa-8193", "rsa-02048"]
        {
            assert_eq!(name.parse::<KeyAlgorithm>(), Err(KeyError::UnknownName { found: name.to_owned() }));
        }
        assert!("rsa-+2048".parse::<KeyAlgorithm>().is_err());
    }

    // threat: C13
    #[test]
    fn the_preferred_scheme_is_the_one_we_sign_with() {
        let shown: Vec<String> = ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa-2048"]
            .into_iter()
            .map(|name| {
                let algorithm: KeyAlgorithm = name.parse().unwrap();
                assert_eq!(algorithm.accepted_schemes()[0], algorithm.signing_scheme());
                algorithm.accepted_schemes().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            })
            .collect();
        assert_eq!(
            shown,
            [
                "ECDSA P-256 SHA-256",
                "ECDSA P-384 SHA-384, ECDSA P-384 SHA-256",
                "ECDSA P-521 SHA-512, ECDSA P-521 SHA-256",
                "Ed25519, Ed25519ph",
                "RSA PKCS#1 v1.5 SHA-256",
            ]
        );
    }
}
