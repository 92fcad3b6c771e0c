//! RSA private keys, which only the backend may touch: the `rsa` crate leaks its key through timing (RUSTSEC-2023-0071).

use crypto_bigint::{BoxedUint, ConcatenatingMul as _, NonZero};
use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef, UintRef};
use der::{Decode as _, Encode as _, Reader as _, SliceReader, Tag};
use pkcs8::{AlgorithmIdentifierRef, PrivateKeyInfoRef};
use zeroize::Zeroizing;

use crate::backend::signature as backend;
use crate::crypto::{KeyAlgorithm, KeyError, PublicKey, Signature, SignatureScheme, spki};
use crate::digest::Digest;
use crate::key::SignError;

const SCHEME: SignatureScheme = SignatureScheme::RsaPkcs1(crate::digest::DigestAlgorithm::Sha256);

/// A private key that passed every check, and its PKCS#8 encoding.
pub(super) struct RsaKey {
    pair: backend::RsaKeyPair,
    pkcs8: Zeroizing<Vec<u8>>,
    signature_len: usize,
}

impl RsaKey {
    /// A new key of 2048, 3072, 4096 or 8192 bits.
    #[cfg(feature = "aws-lc-rs")]
    pub(super) fn generate(bits: u32) -> Result<(Self, PublicKey), KeyError> {
        use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
        use aws_lc_rs::rsa::KeySize;
        let size = match bits {
            2048 => KeySize::Rsa2048,
            3072 => KeySize::Rsa3072,
            4096 => KeySize::Rsa4096,
            8192 => KeySize::Rsa8192,
            _ => {
                return Err(KeyError::Unsupported {
                    action: "generate",
                    algorithm: KeyAlgorithm::Rsa { bits },
                    needs: "choose 2048, 3072, 4096 or 8192 bits",
                });
            }
        };
        let failed = |_| KeyError::Randomness { detail: "RSA key generation failed".to_owned() };
        let pair = backend::RsaKeyPair::generate(size).map_err(failed)?;
        let der: Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
        let info = PrivateKeyInfoRef::try_from(der.as_ref()).map_err(pkcs8_malformed)?;
        Self::from_pkcs1_der(info.private_key.as_bytes())
    }

    /// Key generation is nothing that `ring` offers.
    #[cfg(not(feature = "aws-lc-rs"))]
    pub(super) fn generate(bits: u32) -> Result<(Self, PublicKey), KeyError> {
        Err(KeyError::Unsupported {
            action: "generate",
            algorithm: KeyAlgorithm::Rsa { bits },
            needs: "enable the feature `aws-lc-rs` of sigkit-core, or import a key made by `openssl genrsa`",
        })
    }

    /// Reads RSAPrivateKey, RFC 8017 §A.1.2, and checks every relation between its numbers.
    pub(super) fn from_pkcs1_der(bytes: &[u8]) -> Result<(Self, PublicKey), KeyError> {
        let key = Numbers::parse(bytes).map_err(spki::malformed("RSAPrivateKey"))?;
        let KeyAlgorithm::Rsa { bits } = spki::rsa_public(key.n, key.e)? else {
            return Err(KeyError::Inconsistent { problem: "it is not an RSA key" });
        };
        check_relations(&key)?;
        let pair = load(bytes, bits)?;
        let raw = key.public_der().map_err(spki::malformed("RSAPublicKey"))?;
        let parameters = Some(AnyRef::NULL);
        let public = PublicKey::from_spki_der(&spki::encode(spki::RSA_ENCRYPTION, parameters, &raw)?)?;
        let pkcs8 = pkcs8_der(spki::RSA_ENCRYPTION, parameters, bytes)?;
        let signature_len = usize::try_from(bits.div_ceil(8)).unwrap_or(0);
        Ok((Self { pair, pkcs8, signature_len }, public))
    }

    pub(super) fn pkcs8(&self) -> Zeroizing<Vec<u8>> {
        self.pkcs8.clone()
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        let mut signature = vec![0_u8; self.signature_len];
        self.pair
            .sign(&backend::RSA_PKCS1_SHA256, &crate::backend::rand::SystemRandom::new(), message, &mut signature)
            .map_err(|_| SignError::Backend { scheme: SCHEME })?;
        Ok(Signature::from_bytes(signature))
    }

    /// Signs a message known by its SHA-256.
    #[cfg(feature = "aws-lc-rs")]
    pub(super) fn sign_digest(&self, digest: &Digest) -> Result<Signature, SignError> {
        let mut signature = vec![0_u8; self.signature_len];
        aws_lc_rs::digest::Digest::import_less_safe(digest.as_bytes(), digest.algorithm().backend())
            .and_then(|digest| self.pair.sign_digest(&backend::RSA_PKCS1_SHA256, &digest, &mut signature))
            .map_err(|_| SignError::Backend { scheme: SCHEME })?;
        Ok(Signature::from_bytes(signature))
    }

    /// `ring` signs messages, not digests.
    #[cfg(not(feature = "aws-lc-rs"))]
    pub(super) fn sign_digest(&self, _: &Digest) -> Result<Signature, SignError> {
        Err(SignError::Unsupported {
            scheme: SCHEME,
            needs: "enable the feature `aws-lc-rs` of sigkit-core, or give the message in memory",
        })
    }
}

/// Hands the key to the backend.
fn load(bytes: &[u8], bits: u32) -> Result<backend::RsaKeyPair, KeyError> {
    #[cfg(not(feature = "aws-lc-rs"))]
    if bits > 4096 || !bits.is_multiple_of(1024) {
        return Err(KeyError::Unsupported {
            action: "use",
            algorithm: KeyAlgorithm::Rsa { bits },
            needs: "enable the feature `aws-lc-rs` of sigkit-core, or use 2048, 3072 or 4096 bits",
        });
    }
    let pair = backend::RsaKeyPair::from_der(bytes)
        .map_err(|_| KeyError::Inconsistent { problem: "the cryptographic backend refuses it" })?;
    debug_assert!(bits >= KeyAlgorithm::RSA_MIN_BITS);
    Ok(pair)
}

/// RSAPrivateKey, RFC 8017 §A.1.2. The numbers of a key with more than two primes would follow; such keys are refused.
struct Numbers<'a> {
    n: UintRef<'a>,
    e: UintRef<'a>,
    d: UintRef<'a>,
    p: UintRef<'a>,
    q: UintRef<'a>,
    d_p: UintRef<'a>,
    d_q: UintRef<'a>,
    q_inv: UintRef<'a>,
}

impl<'a> Numbers<'a> {
    fn parse(bytes: &'a [u8]) -> der::Result<Self> {
        let mut reader = SliceReader::new(bytes)?;
        let numbers = reader.sequence(|body| {
            if u8::decode(body)? != 0 {
                return Err(body.error(Tag::Integer.value_error()));
            }
            Ok(Self {
                n: UintRef::decode(body)?,
                e: UintRef::decode(body)?,
                d: UintRef::decode(body)?,
                p: UintRef::decode(body)?,
                q: UintRef::decode(body)?,
                d_p: UintRef::decode(body)?,
                d_q: UintRef::decode(body)?,
                q_inv: UintRef::decode(body)?,
            })
        })?;
        reader.finish()?;
        Ok(numbers)
    }

    /// RSAPublicKey, RFC 8017 §A.1.1.
    fn public_der(&self) -> der::Result<Vec<u8>> {
        let body = [self.n.to_der()?, self.e.to_der()?].concat();
        AnyRef::new(Tag::Sequence, &body)?.to_der()
    }
}

/// RFC 8017 §3.2: the relations between the numbers of a key. Neither backend looks at all of them, and a key with a
/// wrong exponent signs wrongly, or gives a factor away when it does.
fn check_relations(key: &Numbers<'_>) -> Result<(), KeyError> {
    let broken = |problem| KeyError::Inconsistent { problem };
    let number = |value: UintRef<'_>| Zeroizing::new(BoxedUint::from_be_slice_vartime(value.as_bytes()));
    let (n, e, d) = (number(key.n), number(key.e), number(key.d));
    let (p, q) = (number(key.p), number(key.q));
    let (d_p, d_q, q_inv) = (number(key.d_p), number(key.d_q), number(key.q_inv));
    let one = BoxedUint::one();
    if p.concatenating_mul(&*q) != *n {
        return Err(broken("the modulus is not the product of the primes"));
    }
    let less_one = |prime: &BoxedUint| Option::<NonZero<BoxedUint>>::from(NonZero::new(prime.wrapping_sub(&one)));
    let (Some(p_less), Some(q_less)) = (less_one(&p), less_one(&q)) else {
        return Err(broken("1 is not a prime"));
    };
    if d.rem(&p_less) != *d_p || d.rem(&q_less) != *d_q {
        return Err(broken("a CRT exponent is not the private exponent reduced"));
    }
    if e.concatenating_mul(&*d_p).rem(&p_less) != one || e.concatenating_mul(&*d_q).rem(&q_less) != one {
        return Err(broken("the private exponent is not the inverse of the public one"));
    }
    let Some(p) = Option::<NonZero<BoxedUint>>::from(NonZero::new((*p).clone())) else {
        return Err(broken("0 is not a prime"));
    };
    if q.concatenating_mul(&*q_inv).rem(&p) != one {
        return Err(broken("the CRT coefficient is not the inverse of the second prime"));
    }
    Ok(())
}

/// The DER of a PrivateKeyInfo of version 1, RFC 5208.
pub(super) fn pkcs8_der(
    oid: ObjectIdentifier,
    parameters: Option<AnyRef<'_>>,
    secret: &[u8],
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    OctetStringRef::new(secret)
        .and_then(|secret| PrivateKeyInfoRef::new(AlgorithmIdentifierRef { oid, parameters }, secret).to_der())
        .map(Zeroizing::new)
        .map_err(spki::malformed("PrivateKeyInfo"))
}

pub(super) fn pkcs8_malformed(error: pkcs8::Error) -> KeyError {
    KeyError::Der { what: "PrivateKeyInfo", detail: error.to_string() }
}
