//! SubjectPublicKeyInfo, RFC 5280 §4.1.2.7, reduced to the closed list of accepted keys.

use der::asn1::{AnyRef, ObjectIdentifier, UintRef};
use der::{Decode, Reader, SliceReader, Tag, Tagged};
use spki::SubjectPublicKeyInfoRef;

use crate::crypto::{Curve, KeyAlgorithm, KeyError, curve, ed25519};

pub(crate) const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1"); // RFC 5480
pub(crate) const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1"); // RFC 3279
pub(crate) const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112"); // RFC 8410
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"); // RFC 5480
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34"); // RFC 5480
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35"); // RFC 5480

/// What people hold that is refused, for the sake of the message.
const REFUSED: [(&str, &str); 20] = [
    ("1.2.840.10040.4.1", "DSA"),
    ("1.2.840.113549.1.1.7", "RSA-OAEP"),
    ("1.2.840.113549.1.1.10", "RSA-PSS"),
    ("1.2.643.7.1.1.1.1", "GOST R 34.10-2012"),
    ("1.3.101.110", "X25519"),
    ("1.3.101.111", "X448"),
    ("1.3.101.113", "Ed448"),
    ("2.16.840.1.101.3.4.3.17", "ML-DSA-44"),
    ("2.16.840.1.101.3.4.3.18", "ML-DSA-65"),
    ("2.16.840.1.101.3.4.3.19", "ML-DSA-87"),
    ("1.2.840.10045.3.1.1", "P-192"),
    ("1.3.132.0.33", "P-224"),
    ("1.3.132.0.10", "secp256k1"),
    ("1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1"),
    ("1.3.36.3.3.2.8.1.1.11", "brainpoolP384r1"),
    ("1.3.36.3.3.2.8.1.1.13", "brainpoolP512r1"),
    ("1.2.156.10197.1.301", "SM2"),
    ("1.2.840.10046.2.1", "X9.42 Diffie-Hellman"),
    ("1.3.132.1.12", "ECDH"),
    ("1.2.840.10045.2.13", "ECMQV"),
];

/// The kind of key in a strict DER encoding, and the length of the raw key, which is the encoding's tail.
pub(super) fn parse(bytes: &[u8]) -> Result<(KeyAlgorithm, usize), KeyError> {
    let info = SubjectPublicKeyInfoRef::from_der(bytes).map_err(malformed("SubjectPublicKeyInfo"))?;
    let raw = info.subject_public_key.as_bytes().ok_or_else(|| KeyError::Der {
        what: "subjectPublicKey",
        detail: "the bit string is not made of whole bytes".to_owned(),
    })?;
    let parameters = info.algorithm.parameters;
    let algorithm = match info.algorithm.oid {
        EC_PUBLIC_KEY => ecdsa(named_curve(parameters)?, raw)?,
        RSA_ENCRYPTION => {
            rsa_parameters(parameters)?;
            rsa(raw)?
        }
        ED25519 => {
            no_parameters(parameters)?;
            ed25519::check_key(raw)?;
            KeyAlgorithm::Ed25519
        }
        other => return Err(KeyError::UnsupportedAlgorithm { found: named(other) }),
    };
    Ok((algorithm, raw.len()))
}

/// The curve named by the parameters of an EC key.
pub(crate) fn named_curve(parameters: Option<AnyRef<'_>>) -> Result<Curve, KeyError> {
    let parameters = parameters.ok_or_else(|| KeyError::UnnamedCurve { found: "absent".to_owned() })?;
    if parameters.tag() != Tag::ObjectIdentifier {
        return Err(KeyError::UnnamedCurve { found: format!("a {}", parameters.tag()) });
    }
    curve_of(parameters.decode_as::<ObjectIdentifier>().map_err(malformed("curve name"))?)
}

/// The curve of that name.
pub(crate) fn curve_of(oid: ObjectIdentifier) -> Result<Curve, KeyError> {
    match oid {
        P256 => Ok(Curve::P256),
        P384 => Ok(Curve::P384),
        P521 => Ok(Curve::P521),
        other => Err(KeyError::UnsupportedCurve { found: named(other) }),
    }
}

/// RFC 3279 §2.3.1: the parameters of an RSA key are NULL.
pub(crate) fn rsa_parameters(parameters: Option<AnyRef<'_>>) -> Result<(), KeyError> {
    match parameters {
        Some(any) if any == AnyRef::NULL => Ok(()),
        _ => Err(KeyError::Parameters { algorithm: "RSA", expected: "NULL" }),
    }
}

/// RFC 8410 §3: an Ed25519 key has no parameters.
pub(crate) fn no_parameters(parameters: Option<AnyRef<'_>>) -> Result<(), KeyError> {
    match parameters {
        None => Ok(()),
        Some(_) => Err(KeyError::Parameters { algorithm: "Ed25519", expected: "nothing" }),
    }
}

/// An algorithm of which we hold no name but a number.
pub(crate) fn named(oid: ObjectIdentifier) -> String {
    let number = oid.to_string();
    match REFUSED.iter().find(|(known, _)| *known == number) {
        Some((_, name)) => format!("{name} ({number})"),
        None => number,
    }
}

/// The DER of a SubjectPublicKeyInfo.
pub(crate) fn encode(oid: ObjectIdentifier, parameters: Option<AnyRef<'_>>, raw: &[u8]) -> Result<Vec<u8>, KeyError> {
    use der::Encode as _;
    der::asn1::BitStringRef::from_bytes(raw)
        .and_then(|subject_public_key| {
            let algorithm = spki::AlgorithmIdentifierRef { oid, parameters };
            SubjectPublicKeyInfoRef { algorithm, subject_public_key }.to_der()
        })
        .map_err(malformed("SubjectPublicKeyInfo"))
}

/// Wraps a decoder's error.
pub(crate) fn malformed(what: &'static str) -> impl Fn(der::Error) -> KeyError {
    move |error| KeyError::Der { what, detail: error.to_string() }
}

fn ecdsa(curve: Curve, point: &[u8]) -> Result<KeyAlgorithm, KeyError> {
    let length = curve.coordinate_len();
    let expected = length.saturating_mul(2).saturating_add(1);
    let [0x04, coordinates @ ..] = point else {
        let form = match point {
            [] => "nothing",
            [0x00, ..] => "the point at infinity",
            [0x02 | 0x03, ..] => "a compressed point",
            _ => "an unknown form",
        };
        return Err(KeyError::PointEncoding { expected, found: format!("{form}, {} bytes", point.len()) });
    };
    if point.len() != expected {
        return Err(KeyError::PointEncoding { expected, found: format!("{} bytes", point.len()) });
    }
    let (x, y) = coordinates.split_at_checked(length).unwrap_or_default();
    if !curve::holds(curve, x, y) {
        return Err(KeyError::NotOnCurve { curve });
    }
    Ok(curve.into())
}

fn rsa(bytes: &[u8]) -> Result<KeyAlgorithm, KeyError> {
    let (modulus, exponent) = rsa_integers(bytes).map_err(malformed("RSAPublicKey"))?;
    rsa_public(modulus, exponent)
}

/// RSAPublicKey, RFC 8017 §A.1.1: modulus and exponent.
fn rsa_integers(bytes: &[u8]) -> Result<(UintRef<'_>, UintRef<'_>), der::Error> {
    let mut reader = SliceReader::new(bytes)?;
    let integers = reader.sequence(|body| Ok::<_, der::Error>((UintRef::decode(body)?, UintRef::decode(body)?)))?;
    reader.finish()?;
    Ok(integers)
}

/// The rules on RSA keys, public or private.
pub(crate) fn rsa_public(modulus: UintRef<'_>, exponent: UintRef<'_>) -> Result<KeyAlgorithm, KeyError> {
    let (modulus, exponent) = (modulus.as_bytes(), exponent.as_bytes());
    let found = bit_length(modulus);
    let bits = u32::try_from(found)
        .ok()
        .filter(|bits| (KeyAlgorithm::RSA_MIN_BITS..=KeyAlgorithm::RSA_MAX_BITS).contains(bits))
        .ok_or(KeyError::RsaModulus { found })?;
    if modulus.last().is_none_or(|low| low & 1 == 0) {
        return Err(KeyError::RsaModulusEven);
    }
    // The upper bound is that of both backends: a longer exponent only makes verification slow.
    let value = exponent.iter().try_fold(0_u64, |value, byte| Some(value.checked_mul(256)? | u64::from(*byte)));
    match value {
        Some(value) if value >= 65_537 && value & 1 == 1 && value < 1 << 33 => Ok(KeyAlgorithm::Rsa { bits }),
        _ => {
            let hex: String = exponent.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
            let tail = if exponent.len() > 16 { "..." } else { "" };
            Err(KeyError::RsaExponent { found: format!("0x{hex}{tail}") })
        }
    }
}

/// Length in bits of a big-endian number without leading zero bytes.
fn bit_length(bytes: &[u8]) -> usize {
    let Some(top) = bytes.first() else { return 0 };
    let unused = usize::try_from(top.leading_zeros()).unwrap_or(0);
    bytes.len().saturating_mul(8).saturating_sub(unused)
}
