//! Trusted roots, and the checks of certificates, logs and timestamps against them.
//!
//! Nothing here reads a clock: every time is one that a log or authority of the trusted root has signed, or an argument.

mod authority;
mod certificate;
mod fulcio;
pub(crate) mod log;
mod root;
mod sct;
pub(crate) mod timestamp;
mod transparency_log;
mod validity;

pub use authority::{AuthorityError, CertificateAuthority, PathError};
pub use certificate::{Certificate, CertificateError};
pub use fulcio::{FulcioExtension, SanType, SignerIdentity};
pub use log::{BodyError, CheckpointError, InclusionError, LogError, LogProof};
pub use root::{SetAside, TrustedRoot, TrustedRootError};
pub use sct::{DetachedSct, SctError};
pub use timestamp::TimestampError;
pub use transparency_log::TransparencyLog;
pub use validity::Validity;

pub use crate::bundle::LogId;

pub(crate) use authority::{IssuerKey, Usage};
pub(crate) use fulcio::{as_written, escaped};
pub(crate) use sct::verify as verify_sct;
