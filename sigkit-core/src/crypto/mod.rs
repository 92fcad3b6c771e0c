//! Public keys, signatures, and the one question asked of them: does this signature by this key hold for this message?
//!
//! The algorithm follows from the key and never from the message. Verification of a message in memory is done by the
//! backend (`ring` or `aws-lc-rs`); what neither offers comes from RustCrypto when the feature `sign` is on, and is an
//! `Unsupported` error otherwise.

mod algorithm;
mod curve;
mod ed25519;
mod error;
pub(crate) mod pem;
mod prehash;
mod public_key;
mod signature;
pub(crate) mod spki;
mod stream;
mod supported;
mod verify;

pub use self::algorithm::{Curve, KeyAlgorithm, SignatureScheme};
pub use self::error::{Ed25519Rule, KeyError, MessageForm, SignatureError};
pub use self::pem::PemError;
#[cfg(feature = "oci")]
pub use self::pem::certificates as certificates_from_pem;
#[cfg(feature = "oci")]
pub(crate) use self::pem::from_certificate as certificate_to_pem;
pub use self::public_key::{KeyFingerprint, PublicKey};
pub use self::signature::Signature;
#[cfg(feature = "policy-files")]
pub(crate) use self::signature::decode_lines;
pub use self::stream::StreamVerifier;
