//! Whom to believe about certificates and time, and the checks against it: trusted roots, certificates, logs, timestamps.
//!
//! Nothing here reads a clock: every time is one that a witness of the trusted root has signed, or an argument.

mod authority;
mod certificate;
mod log_key;
mod root;
mod validity;

pub use authority::{AuthorityError, CertificateAuthority, PathError};
pub use certificate::{Certificate, CertificateError};
pub use log_key::{LogId, TransparencyLog};
pub use root::{TrustedRoot, TrustedRootError};
pub use validity::Validity;
