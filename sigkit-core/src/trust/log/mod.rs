//! Transparency logs: that an entry is about this very signature, and that a log of the trusted root vouches for it.

mod body;
mod checkpoint;
mod merkle;

pub use body::BodyError;
pub use checkpoint::CheckpointError;
pub use merkle::InclusionError;

pub(crate) use body::{Logged, SignerKey};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use checkpoint::Checkpoint;

use super::{TransparencyLog, TrustedRoot, Validity};
use crate::bundle::{InclusionProof, LogEntry, LogId};
use crate::crypto::{Signature, SignatureError};
use crate::limits::Limits;
use crate::time::UnixTime;

/// Why a log entry does not vouch for a signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// Neither promise nor proof.
    #[error("log entry: expected a signed promise or an inclusion proof, found neither")]
    Unproved,
    /// A log that the trusted root does not name.
    #[error("log entry: expected one of the {known} logs of the trusted root, found log {found}")]
    UnknownLog {
        /// The entry's log.
        found: LogId,
        /// How many logs the trusted root has.
        known: usize,
    },
    /// The trust in the log's key does not cover the time of signing.
    #[error("the key of log {log} is trusted {window}, but the signature was made at {time}")]
    NotValidAt {
        /// The log.
        log: LogId,
        /// When its key is trusted.
        window: Validity,
        /// A time of signing.
        time: UnixTime,
    },
    /// Nothing tells when the signature was made.
    #[error("the key of log {log} is trusted {window}, and nothing tells when the signature was made")]
    NoTime {
        /// The log.
        log: LogId,
        /// When its key is trusted.
        window: Validity,
    },
    /// A member that such entries do not have, or that says something else than the proof.
    #[error("log entry, {what}: expected {expected}, found {found}")]
    Entry {
        /// Which member.
        what: &'static str,
        /// What must stand there.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// The entry is not about this signature.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The promise is not the log's.
    #[error("the log's signed promise: {0}")]
    Promise(SignatureError),
    /// The entry is not in the tree.
    #[error(transparent)]
    Inclusion(#[from] InclusionError),
    /// The tree is not the log's.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

impl LogError {
    /// Every code, sorted.
    pub const CODES: [&'static str; 9] = [
        "checkpoint-invalid",
        "checkpoint-malformed",
        "inclusion-proof-invalid",
        "log-entry-malformed",
        "log-entry-mismatch",
        "log-entry-unproved",
        "log-key-not-valid",
        "log-promise-invalid",
        "log-unknown",
    ];

    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unproved => "log-entry-unproved",
            Self::UnknownLog { .. } => "log-unknown",
            Self::NotValidAt { .. } | Self::NoTime { .. } => "log-key-not-valid",
            Self::Entry { .. } => "log-entry-malformed",
            Self::Body(BodyError::Mismatch { .. } | BodyError::Incomparable { .. }) => "log-entry-mismatch",
            Self::Body(_) => "log-entry-malformed",
            Self::Promise(_) => "log-promise-invalid",
            Self::Inclusion(_) => "inclusion-proof-invalid",
            Self::Checkpoint(CheckpointError::Malformed { .. } | CheckpointError::TooMuch { .. }) => {
                "checkpoint-malformed"
            }
            Self::Checkpoint(_) => "checkpoint-invalid",
        }
    }
}

/// An entry that a trusted log vouches for, and that is about the signature it came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VerifiedEntry {
    /// The log. Two entries of one log are one witness.
    pub(crate) log: LogId,
    /// The entry's number in the log.
    pub(crate) index: u64,
    /// When the log took it; only a promise says so with a signature.
    pub(crate) time: Option<UnixTime>,
    /// What vouches for it.
    pub(crate) proof: LogProof,
}

/// What vouches for an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogProof {
    /// The log's signed promise.
    Promise,
    /// An inclusion proof and a signed checkpoint.
    Inclusion,
    /// Both.
    Both,
}

/// Verifies one entry: about this signature, of a log of the trusted root, by every proof that came along.
///
/// `times` are those at which the signature is known to have been made, otherwise than by this entry; where nothing tells, the time
/// of verification stands in, as long as the log's key is still trusted then.
///
/// # Errors
/// [`LogError`]: a proof that is there and does not hold is an error, whether or not another one does.
pub(crate) fn verify(
    entry: &LogEntry,
    root: &TrustedRoot,
    logged: &Logged<'_>,
    times: &[UnixTime],
    limits: &Limits,
) -> Result<VerifiedEntry, LogError> {
    let proof = match (&entry.inclusion_promise, &entry.inclusion_proof) {
        (None, None) => return Err(LogError::Unproved),
        (Some(_), None) => LogProof::Promise,
        (None, Some(_)) => LogProof::Inclusion,
        (Some(_), Some(_)) => LogProof::Both,
    };
    let unknown = || LogError::UnknownLog { found: entry.log_id, known: root.logs().len() };
    let log = root.log(&entry.log_id).ok_or_else(unknown)?;
    check_form(entry)?;
    body::check(&entry.kind, &entry.body, logged)?;
    let time = match &entry.inclusion_promise {
        Some(promise) => {
            check_promise(entry, promise, log)?;
            entry.integrated_time
        }
        None => None,
    };
    if let Some(proof) = &entry.inclusion_proof {
        check_inclusion(&entry.body, proof, log, limits)?;
    }
    check_window(log, time, times)?;
    Ok(VerifiedEntry { log: entry.log_id, index: entry.log_index, time, proof })
}

/// How many different logs vouch.
pub(crate) fn distinct_logs(entries: &[VerifiedEntry]) -> usize {
    let first =
        |(number, entry): &(usize, &VerifiedEntry)| entries.iter().take(*number).all(|known| known.log != entry.log);
    entries.iter().enumerate().filter(first).count()
}

/// Rekor v2 has one tree per log, makes no promises and states no time (rekor-tiles, "CLIENTS").
fn check_form(entry: &LogEntry) -> Result<(), LogError> {
    if !body::is_v2(&entry.kind) {
        return Ok(());
    }
    let wrong = |what, expected: &str, found: String| LogError::Entry { what, expected: expected.to_owned(), found };
    if let Some(time) = entry.integrated_time {
        return Err(wrong("integrated time", "none in an entry of Rekor v2", time.to_string()));
    }
    if entry.inclusion_promise.is_some() {
        return Err(wrong("promise", "none in an entry of Rekor v2", "one".to_owned()));
    }
    match &entry.inclusion_proof {
        Some(proof) if proof.index != entry.log_index => {
            Err(wrong("log index", &format!("{}, as in the inclusion proof", proof.index), entry.log_index.to_string()))
        }
        _ => Ok(()),
    }
}

/// The "signed entry timestamp" of Rekor v1: a signature over the RFC 8785 form of entry, time and place.
fn check_promise(entry: &LogEntry, promise: &[u8], log: &TransparencyLog) -> Result<(), LogError> {
    let body = STANDARD.encode(&entry.body);
    let time = entry.integrated_time.map_or(0, |time| time.0);
    let id = merkle::hex(entry.log_id.as_bytes());
    let index = entry.log_index;
    // Members in the order of RFC 8785; none of the texts holds a character that JSON escapes.
    let signed = format!(r#"{{"body":"{body}","integratedTime":{time},"logID":"{id}","logIndex":{index}}}"#);
    log.key().verify(signed.as_bytes(), &Signature::from_bytes(promise)).map_err(LogError::Promise)?;
    Ok(())
}

fn check_inclusion(
    body: &[u8],
    proof: &InclusionProof,
    log: &TransparencyLog,
    limits: &Limits,
) -> Result<(), LogError> {
    merkle::check(body, proof)?;
    let checkpoint = Checkpoint::parse(&proof.checkpoint, limits)?;
    let mismatch = |what, expected, found| CheckpointError::Mismatch { what, expected, found };
    if checkpoint.size != proof.size {
        return Err(mismatch("size", proof.size.to_string(), checkpoint.size.to_string()).into());
    }
    if checkpoint.root != proof.root {
        return Err(mismatch("root", merkle::hex(&proof.root), merkle::hex(&checkpoint.root)).into());
    }
    Ok(checkpoint.check_signed_by(log)?)
}

fn check_window(log: &TransparencyLog, own: Option<UnixTime>, others: &[UnixTime]) -> Result<(), LogError> {
    let (id, window) = (*log.id(), log.validity());
    let times = own.as_ref().map_or(others, std::slice::from_ref);
    if times.is_empty() {
        return Err(LogError::NoTime { log: id, window });
    }
    match times.iter().find(|time| !window.contains(**time)) {
        Some(time) => Err(LogError::NotValidAt { log: id, window, time: *time }),
        None => Ok(()),
    }
}
