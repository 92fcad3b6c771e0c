//! What witnesses are asked about, and what they answer.

use super::{Certificate, CertificateAuthority, TransparencyLog};
use crate::content::Content;
use crate::crypto::PublicKey;
use crate::digest::{Digest, DigestAlgorithm};
use crate::time::UnixTime;

/// The signature that a log entry must be about.
pub(crate) struct Signed<'a> {
    /// What was signed, and the signature.
    pub(crate) content: &'a Content,
    /// Who signed.
    pub(crate) signer: SignedBy<'a>,
    /// The digest of the very bytes that were signed: artifact, payload, or the envelope's pre-authentication encoding. `None` when
    /// only a digest by another algorithm is known.
    pub(crate) digest: &'a dyn Fn(DigestAlgorithm) -> Option<Digest>,
}

/// What a log entry must name as the verifier of the signature.
pub(crate) enum SignedBy<'a> {
    /// This key.
    Key(&'a PublicKey),
    /// This certificate.
    Certificate(&'a Certificate),
}

/// A log entry that holds.
pub(crate) struct VerifiedEntry<'r> {
    /// The log that holds it.
    pub(crate) log: &'r TransparencyLog,
    /// Its number in the log.
    pub(crate) index: u64,
    /// When the log took it, if the log signed that time (RFC 3161 has no part in it).
    pub(crate) time: Option<UnixTime>,
}

/// A timestamp that holds.
pub(crate) struct VerifiedTimestamp<'r> {
    /// The authority that signed it.
    pub(crate) authority: &'r CertificateAuthority,
    /// The time.
    pub(crate) time: UnixTime,
}
