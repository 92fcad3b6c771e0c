//! Checkpoints: a log's signed statement of its tree's size and root.
//!
//! C2SP `signed-note` and `tlog-checkpoint`, read strictly: nothing is trimmed, nothing is guessed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::merkle::Hash;
use crate::bundle::LogId;
use crate::crypto::{Signature, SignatureError};
use crate::limits::Limits;
use crate::trust::TransparencyLog;

/// Bytes of a signature line that say which key made the signature.
const HINT_LEN: usize = 4;

/// Why a checkpoint does not show what a log's tree was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// Not a signed note that holds a checkpoint.
    #[error("checkpoint, line {line}: expected {expected}, found {found:?}")]
    Malformed {
        /// Counted from 1.
        line: usize,
        /// What must stand there.
        expected: &'static str,
        /// What stands there, cut to 200 characters.
        found: String,
    },
    /// Larger than allowed.
    #[error("checkpoint: more than {limit} {what}")]
    TooMuch {
        /// Of what.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
    /// No signature by the log's key.
    #[error("checkpoint: expected a signature by {expected}, found {found}")]
    NotSigned {
        /// Key name and hint of the log.
        expected: String,
        /// Key names and hints of the signatures.
        found: String,
    },
    /// Another log's.
    #[error("checkpoint: expected the origin of log {expected}, found {found:?}")]
    Origin {
        /// The log's identifier.
        expected: LogId,
        /// The origin.
        found: String,
    },
    /// A signature that names the log's key and does not hold.
    #[error("checkpoint of {name}: {error}")]
    Signature {
        /// The key name.
        name: String,
        /// Why it does not hold.
        error: SignatureError,
    },
    /// Size or root of another tree than the proof's.
    #[error("checkpoint: expected {what} {expected}, as in the inclusion proof, found {found}")]
    Mismatch {
        /// Size or root.
        what: &'static str,
        /// The proof's.
        expected: String,
        /// The checkpoint's.
        found: String,
    },
}

/// A checkpoint that reads well; its signatures are not checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Checkpoint<'a> {
    /// What is signed: all lines before the empty one.
    signed: &'a str,
    /// The first line.
    origin: &'a str,
    pub(super) size: u64,
    pub(super) root: Hash,
    signatures: Vec<NoteSignature<'a>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct NoteSignature<'a> {
    name: &'a str,
    hint: [u8; HINT_LEN],
    signature: Signature,
}

impl<'a> Checkpoint<'a> {
    pub(super) fn parse(text: &'a str, limits: &Limits) -> Result<Self, CheckpointError> {
        if text.len() > limits.checkpoint_bytes {
            return Err(CheckpointError::TooMuch { what: "bytes", limit: limits.checkpoint_bytes });
        }
        for (line, found) in (1..).zip(text.split('\n')) {
            if found.contains(|c: char| c < ' ') {
                return Err(malformed(line, "no control characters", found));
            }
        }
        let lines_in = |text: &str| text.matches('\n').count();
        let (body, signatures) = text
            .split_once("\n\n")
            .ok_or_else(|| malformed(lines_in(text), "an empty line before the signatures", ""))?;
        let mut lines = body.split('\n');
        let mut next = |line, expected| lines.next().ok_or_else(|| malformed(line, expected, ""));

        let origin = next(1, "an origin")?;
        if origin.is_empty() {
            return Err(malformed(1, "an origin", origin));
        }
        let size = next(2, "a size")?;
        let size = decimal(size).ok_or_else(|| malformed(2, "a size in decimal digits, below 2^63", size))?;
        let root = next(3, "a root")?;
        let root = STANDARD
            .decode(root)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| malformed(3, "base64 of 32 bytes", root))?;

        let first = lines_in(body).saturating_add(3);
        let signatures = signatures
            .strip_suffix('\n')
            .ok_or_else(|| malformed(first, "signature lines, each ending in a newline", signatures))?;
        let signatures: Vec<_> =
            (first..).zip(signatures.split('\n')).take(limits.checkpoint_signatures.saturating_add(1)).collect();
        if signatures.len() > limits.checkpoint_signatures {
            return Err(CheckpointError::TooMuch { what: "signatures", limit: limits.checkpoint_signatures });
        }
        let signatures = signatures.into_iter().map(|(number, line)| NoteSignature::parse(number, line));
        Ok(Self {
            signed: text.get(..=body.len()).unwrap_or_default(),
            origin,
            size,
            root,
            signatures: signatures.collect::<Result<_, _>>()?,
        })
    }

    /// Checks that the log itself signed this. Signatures of others, witnesses for one, are passed over.
    ///
    /// A signature is the log's when it carries the name in the origin and the hint computed from the log's key; such a signature must
    /// hold, and there must be one. The hint by itself proves nothing.
    pub(super) fn check_signed_by(&self, log: &TransparencyLog) -> Result<(), CheckpointError> {
        let (by_key, by_name) = (LogId::of_key(log.key()), LogId::of_note_key(self.origin, log.key()));
        // Rekor v2 binds name and key in the log's identifier; Rekor v1 adds the tree to its name: `rekor.sigstore.dev - 12345`.
        let name = match *log.id() {
            id if id == by_name => self.origin,
            id if id == by_key => self.origin.split_once(" - ").map_or(self.origin, |(name, _)| name),
            expected => return Err(CheckpointError::Origin { expected, found: clip(self.origin) }),
        };
        let hint = hint_of(log.id());
        let mut signed = false;
        for line in self.signatures.iter().filter(|line| line.name == name && line.hint == hint) {
            log.key()
                .verify(self.signed.as_bytes(), &line.signature)
                .map_err(|error| CheckpointError::Signature { name: clip(name), error })?;
            signed = true;
        }
        if signed {
            return Ok(());
        }
        let found = self.signatures.iter().take(8).map(|line| shown(line.name, line.hint)).collect::<Vec<_>>();
        Err(CheckpointError::NotSigned { expected: shown(name, hint), found: found.join(", ") })
    }
}

impl<'a> NoteSignature<'a> {
    fn parse(number: usize, line: &'a str) -> Result<Self, CheckpointError> {
        let wrong = || malformed(number, "\u{2014} NAME BASE64, a signature", line);
        let (name, encoded) = line.strip_prefix("\u{2014} ").and_then(|rest| rest.split_once(' ')).ok_or_else(wrong)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| wrong())?;
        let (hint, signature) = bytes.split_first_chunk::<HINT_LEN>().ok_or_else(wrong)?;
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '+') || signature.is_empty() {
            return Err(wrong());
        }
        Ok(Self { name, hint: *hint, signature: Signature::from_bytes(signature) })
    }
}

/// A number without sign and without leading zeros.
fn decimal(text: &str) -> Option<u64> {
    let value = text.parse::<u64>().ok().filter(|value| i64::try_from(*value).is_ok())?;
    (value.to_string() == text).then_some(value)
}

fn hint_of(id: &LogId) -> [u8; HINT_LEN] {
    id.as_bytes().first_chunk().copied().unwrap_or_default()
}

fn shown(name: &str, hint: [u8; HINT_LEN]) -> String {
    format!("{}+{:08x}", clip(name), u32::from_be_bytes(hint))
}

fn malformed(line: usize, expected: &'static str, found: &str) -> CheckpointError {
    CheckpointError::Malformed { line, expected, found: clip(found) }
}

fn clip(text: &str) -> String {
    text.chars().take(200).collect()
}
