//! What turns a draft into a signature, and the check of what came back.
//!
//! A [`Signer`] is a key ([`KeyPair`](crate::KeyPair) in memory, any other [`SigningKey`](crate::key::SigningKey) in a [`KeySigner`]),
//! or a key with its certificate ([`CertificateSigner`]). Images, attestations and blobs are signed by any of them on one path: sign,
//! verify the result as [`Signer::authority`] says, and only then store it.
//!
//! A key that may block signs on a thread of its own, so that no thread of an executor is held. Blobs are read on the caller's thread.

mod blob;
#[cfg(feature = "keyless")]
mod certificate_signer;
mod document;
mod draft;
mod error;
mod key_signer;
mod off_thread;
mod signer;
mod statement;

pub use blob::sign_blob;
#[cfg(feature = "keyless")]
pub use certificate_signer::{CertificateSigner, CertificateSignerError};
pub(crate) use document::sign_document;
pub use draft::Draft;
pub use error::SigningError;
pub use key_signer::KeySigner;
pub use signer::Signer;
pub use statement::sign_statement;
