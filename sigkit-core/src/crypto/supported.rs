//! What the backend of this build implements.

use crate::backend::signature as backend;
use crate::crypto::{Curve, MessageForm, SignatureError, SignatureScheme};
use crate::digest::DigestAlgorithm;

/// The answer when this build has no implementation.
pub(super) const fn unsupported(scheme: SignatureScheme, input: MessageForm) -> SignatureError {
    // RustCrypto has no RSA that is fit for use, so only the other backend helps there.
    let needs = match scheme {
        SignatureScheme::RsaPkcs1(_) => "enable the feature `aws-lc-rs` of sigkit-core, or give the message in memory",
        SignatureScheme::Ecdsa(..) => "enable the feature `aws-lc-rs` or `sign` of sigkit-core",
        SignatureScheme::Ed25519 | SignatureScheme::Ed25519ph => "enable the feature `sign` of sigkit-core",
    };
    SignatureError::Unsupported { scheme, input, needs }
}

/// The backend's algorithm for a message in memory, where it has one.
pub(super) fn algorithm(scheme: SignatureScheme) -> Option<&'static dyn backend::VerificationAlgorithm> {
    use DigestAlgorithm::{Sha256, Sha384, Sha512};
    match scheme {
        SignatureScheme::Ecdsa(Curve::P256, Sha256) => Some(&backend::ECDSA_P256_SHA256_ASN1),
        SignatureScheme::Ecdsa(Curve::P256, Sha384) => Some(&backend::ECDSA_P256_SHA384_ASN1),
        SignatureScheme::Ecdsa(Curve::P384, Sha256) => Some(&backend::ECDSA_P384_SHA256_ASN1),
        SignatureScheme::Ecdsa(Curve::P384, Sha384) => Some(&backend::ECDSA_P384_SHA384_ASN1),
        #[cfg(feature = "aws-lc-rs")]
        SignatureScheme::Ecdsa(Curve::P256, Sha512) => Some(&backend::ECDSA_P256_SHA512_ASN1),
        #[cfg(feature = "aws-lc-rs")]
        SignatureScheme::Ecdsa(Curve::P384, Sha512) => Some(&backend::ECDSA_P384_SHA512_ASN1),
        #[cfg(feature = "aws-lc-rs")]
        SignatureScheme::Ecdsa(Curve::P521, Sha384) => Some(&backend::ECDSA_P521_SHA384_ASN1),
        #[cfg(feature = "aws-lc-rs")]
        SignatureScheme::Ecdsa(Curve::P521, Sha256) => Some(&backend::ECDSA_P521_SHA256_ASN1),
        #[cfg(feature = "aws-lc-rs")]
        SignatureScheme::Ecdsa(Curve::P521, Sha512) => Some(&backend::ECDSA_P521_SHA512_ASN1),
        SignatureScheme::RsaPkcs1(Sha256) => Some(&backend::RSA_PKCS1_2048_8192_SHA256),
        SignatureScheme::RsaPkcs1(Sha384) => Some(&backend::RSA_PKCS1_2048_8192_SHA384),
        SignatureScheme::RsaPkcs1(Sha512) => Some(&backend::RSA_PKCS1_2048_8192_SHA512),
        SignatureScheme::Ed25519 => Some(&backend::ED25519),
        #[cfg(not(feature = "aws-lc-rs"))]
        SignatureScheme::Ecdsa(..) => None,
        SignatureScheme::Ed25519ph => None,
    }
}
