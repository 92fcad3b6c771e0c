//! Verification of a message known by its digest.
//!
//! `aws-lc-rs` takes digests; `ring` does not expose prehashed verification, so there ECDSA comes from RustCrypto. Ed25519ph has no
//! implementation in either backend.

#[cfg(all(feature = "sign", not(feature = "aws-lc-rs")))]
use crate::crypto::Curve;

use super::supported;
use crate::crypto::{MessageForm, PublicKey, Signature, SignatureError, SignatureScheme};
use crate::digest::Digest;

/// Verifies over `digest`, which the caller made with the scheme's hash, a signature whose form was checked.
pub(super) fn verify(
    key: &PublicKey,
    scheme: SignatureScheme,
    digest: &Digest,
    signature: &Signature,
    input: MessageForm,
) -> Result<(), SignatureError> {
    match scheme {
        SignatureScheme::Ed25519ph => ed25519ph(key, digest, signature, input),
        _ => by_backend(key, scheme, digest, signature, input),
    }
}

/// Returns true if [`verify()`] has an implementation.
pub(super) const fn is_supported(scheme: SignatureScheme) -> bool {
    match scheme {
        SignatureScheme::Ed25519 => false,
        SignatureScheme::Ed25519ph => cfg!(feature = "sign"),
        SignatureScheme::Ecdsa(..) => cfg!(any(feature = "aws-lc-rs", feature = "sign")),
        SignatureScheme::RsaPkcs1(_) => cfg!(feature = "aws-lc-rs"),
    }
}

#[cfg(feature = "aws-lc-rs")]
fn by_backend(
    key: &PublicKey,
    scheme: SignatureScheme,
    digest: &Digest,
    signature: &Signature,
    input: MessageForm,
) -> Result<(), SignatureError> {
    use crate::backend::{digest as hash, signature as backend};
    let algorithm = supported::algorithm(scheme).ok_or_else(|| supported::unsupported(scheme, input))?;
    hash::Digest::import_less_safe(digest.as_bytes(), digest.algorithm().backend())
        .and_then(|digest| {
            backend::UnparsedPublicKey::new(algorithm, key.raw()).verify_digest(&digest, signature.as_bytes())
        })
        .map_err(|_| key.invalid(scheme))
}

#[cfg(all(feature = "sign", not(feature = "aws-lc-rs")))]
fn by_backend(
    key: &PublicKey,
    scheme: SignatureScheme,
    digest: &Digest,
    signature: &Signature,
    input: MessageForm,
) -> Result<(), SignatureError> {
    use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
    macro_rules! with {
        ($krate:ident) => {
            $krate::ecdsa::VerifyingKey::from_sec1_bytes(key.raw()).and_then(|key| {
                key.verify_prehash(digest.as_bytes(), &$krate::ecdsa::Signature::from_der(signature.as_bytes())?)
            })
        };
    }
    let outcome = match scheme {
        SignatureScheme::Ecdsa(Curve::P256, _) => with!(p256),
        SignatureScheme::Ecdsa(Curve::P384, _) => with!(p384),
        SignatureScheme::Ecdsa(Curve::P521, _) => with!(p521),
        _ => return Err(supported::unsupported(scheme, input)),
    };
    outcome.map_err(|_| key.invalid(scheme))
}

#[cfg(not(any(feature = "sign", feature = "aws-lc-rs")))]
fn by_backend(
    _: &PublicKey,
    scheme: SignatureScheme,
    _: &Digest,
    _: &Signature,
    input: MessageForm,
) -> Result<(), SignatureError> {
    Err(supported::unsupported(scheme, input))
}

#[cfg(feature = "sign")]
fn ed25519ph(key: &PublicKey, digest: &Digest, signature: &Signature, _: MessageForm) -> Result<(), SignatureError> {
    let scheme = SignatureScheme::Ed25519ph;
    let bytes = crate::crypto::ed25519::check_signature(scheme, signature.as_bytes())?;
    let raw = key.raw().try_into().map_err(|_| key.invalid(scheme))?;
    let finished = finished::Finished::from(digest);
    ed25519_dalek::VerifyingKey::from_bytes(raw)
        .and_then(|key| key.verify_prehashed_strict(finished, None, &ed25519_dalek::Signature::from_bytes(&bytes)))
        .map_err(|_| key.invalid(scheme))
}

#[cfg(not(feature = "sign"))]
fn ed25519ph(_: &PublicKey, _: &Digest, _: &Signature, input: MessageForm) -> Result<(), SignatureError> {
    Err(supported::unsupported(SignatureScheme::Ed25519ph, input))
}

/// A digest that is already there, for an interface that wants to finish hashing by itself.
#[cfg(feature = "sign")]
mod finished {
    use sha2::digest::array::Array;
    use sha2::digest::typenum::U64;
    use sha2::digest::{FixedOutput, HashMarker, Output, OutputSizeUser, Update};

    use crate::digest::Digest;

    #[derive(Default)]
    pub(super) struct Finished(Array<u8, U64>);

    impl From<&Digest> for Finished {
        fn from(digest: &Digest) -> Self {
            let mut bytes = Array::default();
            for (to, from) in bytes.iter_mut().zip(digest.as_bytes()) {
                *to = *from;
            }
            Self(bytes)
        }
    }

    impl HashMarker for Finished {}

    impl OutputSizeUser for Finished {
        type OutputSize = U64;
    }

    impl Update for Finished {
        /// Nothing can be added to a message whose digest is fixed; the only caller finishes at once.
        fn update(&mut self, _: &[u8]) {}
    }

    impl FixedOutput for Finished {
        fn finalize_into(self, out: &mut Output<Self>) {
            *out = self.0;
        }
    }
}
