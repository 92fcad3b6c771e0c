//! The deployment that a policy is judged in; with feature `keyless` trusted roots, and the checks of certificates, logs and timestamps
//! against them.
//!
//! Nothing here reads a clock: every time is one that a log or authority of the trusted root has signed, or an argument.

#[cfg(feature = "keyless")]
mod authority;
#[cfg(feature = "keyless")]
mod certificate;
mod deployment;
#[cfg(feature = "keyless")]
mod fulcio;
#[cfg(feature = "keyless")]
pub(crate) mod log;
#[cfg(feature = "keyless")]
mod reference;
#[cfg(feature = "keyless")]
mod root;
#[cfg(feature = "keyless")]
mod sct;
#[cfg(feature = "keyless")]
pub(crate) mod timestamp;
#[cfg(feature = "keyless")]
mod transparency_log;
#[cfg(feature = "keyless")]
mod validity;

#[cfg(feature = "keyless")]
pub use authority::{AuthorityError, CertificateAuthority, PathError};
#[cfg(feature = "keyless")]
pub use certificate::{Certificate, CertificateError};
pub use deployment::Trust;
#[cfg(feature = "keyless")]
pub use fulcio::{FulcioExtension, SanType, SignerIdentity};
#[cfg(feature = "keyless")]
pub use log::{BodyError, CheckpointError, InclusionError, LogError, LogProof};
#[cfg(feature = "keyless")]
pub use reference::{RootError, RootName, RootReference};
#[cfg(feature = "keyless")]
pub use root::{SetAside, TrustedRoot, TrustedRootError};
#[cfg(feature = "keyless")]
pub use sct::{DetachedSct, SctError};
#[cfg(feature = "keyless")]
pub use timestamp::TimestampError;
#[cfg(feature = "keyless")]
pub use transparency_log::TransparencyLog;
#[cfg(feature = "keyless")]
pub use validity::Validity;

#[cfg(feature = "keyless")]
pub use crate::bundle::LogId;

#[cfg(feature = "keyless")]
pub(crate) use authority::{IssuerKey, Usage};
#[cfg(feature = "keyless")]
pub(crate) use sct::verify as verify_sct;
