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
        /// The expected value.
        expected: &'static str,
        /// The value found, cut to 200 characters.
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

    /// Checks that the log itself signed this. Signatures of others, such as witnesses, are ignored.
    ///
    /// A signature is the log's when it carries the name in the origin and the hint computed from the log's key; such a signature must
    /// hold, and there must be one. The hint by itself proves nothing.
    pub(super) fn check_signed_by(&self, log: &TransparencyLog) -> Result<(), CheckpointError> {
        let (by_key, by_name) = (LogId::of_key(log.key()), LogId::of_note_key(self.origin, log.key()));
        // Rekor v2 binds name and key in the key's identifier; Rekor v1 adds the tree to its name: `rekor.sigstore.dev - 12345`.
        let (whole, before_tree) = (self.origin, self.origin.split_once(" - ").map_or(self.origin, |(name, _)| name));
        let (name, hint) = match log.checkpoint_key() {
            Some(hint) if hint == hint_of(&by_name) => (whole, hint),
            Some(hint) if hint == hint_of(&by_key) => (before_tree, hint),
            // An identifier of the log's own making: only its address tells whose checkpoint this is.
            Some(hint) if [whole, before_tree].contains(&log.origin()) => (log.origin(), hint),
            None if *log.id() == by_name => (whole, hint_of(log.id())),
            None if *log.id() == by_key => (before_tree, hint_of(log.id())),
            _ => return Err(CheckpointError::Origin { expected: *log.id(), found: clip(self.origin) }),
        };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::PublicKey;
    use crate::trust::Validity;

    /// Of a staging instance of Rekor v2: its checkpoint, and its key.
    const SIGNED: &str = "log2025-alpha1.rekor.sigstage.dev\n736\nrs1YPY0ydAV0lxgfrq5pE4oRpUJwo3syeps5+eGUTDI=\n\n\u{2014} log2025-alpha1.rekor.sigstage.dev 8w1amdbj1mjNN674dHAkD92+QZoEgBC7o0mXYSTRluDjQrOPjrps3zQB9ut+ShLepyZPsWBDi5IB3yXyjgjQT6OG9A8=\n";
    const LINE: &str = "\u{2014} log2025-alpha1.rekor.sigstage.dev 8w1amdbj1mjNN674dHAkD92+QZoEgBC7o0mXYSTRluDjQrOPjrps3zQB9ut+ShLepyZPsWBDi5IB3yXyjgjQT6OG9A8=\n";
    const KEY: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAPn+AREHoBaZ7wgS1zBqpxmLSGnyhxXj4lFxSdWVB8o8=\n-----END PUBLIC KEY-----\n";
    const ORIGIN: &str = "log2025-alpha1.rekor.sigstage.dev";

    fn log() -> TransparencyLog {
        let key = PublicKey::from_pem(KEY.as_bytes()).unwrap();
        TransparencyLog::new("", LogId::of_note_key(ORIGIN, &key), key, Validity::ALWAYS)
    }

    fn check(text: &str) -> Result<(), CheckpointError> {
        Checkpoint::parse(text, &Limits::DEFAULT)?.check_signed_by(&log())
    }

    #[test]
    fn a_checkpoint_says_size_and_root() {
        let checkpoint = Checkpoint::parse(SIGNED, &Limits::DEFAULT).unwrap();
        assert_eq!((checkpoint.origin, checkpoint.size, checkpoint.root[0]), (ORIGIN, 736, 0xae));
        check(SIGNED).unwrap();
    }

    /// The log's name only finds the entry; a trusted root may say by what its checkpoints name the key.
    // threat: R31
    #[test]
    fn the_key_is_named_as_the_trusted_root_says() {
        let key = PublicKey::from_pem(KEY.as_bytes()).unwrap();
        let of = |url: &str, id: LogId| TransparencyLog::new(url, id, key.clone(), Validity::ALWAYS);
        let (url, any) = (format!("https://{ORIGIN}/"), LogId::from_bytes(&[7; 32]).unwrap());
        let hint = *b"\xf3\x0d\x5a\x99";
        let judge = |log: TransparencyLog| Checkpoint::parse(SIGNED, &Limits::DEFAULT)?.check_signed_by(&log);
        assert!(matches!(judge(of(&url, any)), Err(CheckpointError::Origin { .. })));
        judge(of(&url, any).with_checkpoint_key(hint)).unwrap();
        judge(of("", any).with_checkpoint_key(hint)).unwrap();
        judge(of("", LogId::of_key(&key)).with_checkpoint_key(hint)).unwrap();
        let other = of(&url, LogId::of_note_key(ORIGIN, &key)).with_checkpoint_key(*b"else");
        assert!(matches!(judge(other), Err(CheckpointError::NotSigned { .. })));
        let elsewhere = of("https://other.test", any).with_checkpoint_key(*b"else");
        assert!(matches!(judge(elsewhere), Err(CheckpointError::Origin { .. })));
        let by_other = PublicKey::from_pem(include_bytes!("../../../../keys/TEST-ONLY-ed25519.pub")).unwrap();
        let by_other = TransparencyLog::new(url.as_str(), any, by_other, Validity::ALWAYS).with_checkpoint_key(hint);
        assert!(matches!(judge(by_other), Err(CheckpointError::Signature { .. })));
    }

    // threat: B02
    #[test]
    fn only_the_exact_grammar_is_a_checkpoint() {
        let root = "rs1YPY0ydAV0lxgfrq5pE4oRpUJwo3syeps5+eGUTDI=";
        for (from, to, line) in [
            (ORIGIN, "", 1),
            ("\n736\n", "\n+736\n", 2),
            ("\n736\n", "\n-736\n", 2),
            ("\n736\n", "\n0736\n", 2),
            ("\n736\n", "\n 736\n", 2),
            ("\n736\n", "\n736 \n", 2),
            ("\n736\n", "\n0x2e0\n", 2),
            ("\n736\n", "\n\n", 2),
            ("\n736\n", "\n9223372036854775808\n", 2),
            ("\n736\n", "\n18446744073709551616\n", 2),
            ("\n736", "", 2),
            (root, "rs1YPY0ydAV0lxgfrq5pE4oRpUJwo3syeps5+eGUTA==", 3),
            (root, "rs1YPY0ydAV0lxgfrq5pE4oRpUJwo3syeps5+eGUTDI", 3),
            (root, "rs1YPY0ydAV0lxgfrq5pE4oRpUJwo3syeps5-eGUTDI=", 3),
            (root, "", 3),
            ("DI=\n\n", "DI=\n", 4),
            ("DI=\n\n", "DI=\n\n\n", 5),
            ("\u{2014} ", "- ", 5),
            ("\u{2014} ", "\u{2014}", 5),
            ("\u{2014} ", "\u{2014}  ", 5),
            (" 8w1a", "  8w1a", 5),
            (" 8w1a", "+8w1a", 5),
            ("9A8=\n", "9A8=", 5),
            ("9A8=\n", "9A8\n", 5),
            ("9A8=\n", "9A8=\n\n", 6),
            ("9A8=\n", "9A8= \n", 5),
            ("9A8=\n", "9A8=\r\n", 5),
            ("\n736\n", "\r\n736\n", 1),
            ("\n736\n", "\n736\t\n", 2),
            ("\n736\n", "\n736\0\n", 2),
        ] {
            let text = SIGNED.replacen(from, to, 1);
            assert_ne!(text, SIGNED, "{from:?}");
            match Checkpoint::parse(&text, &Limits::DEFAULT) {
                Err(CheckpointError::Malformed { line: found, .. }) => assert_eq!(found, line, "{from:?} to {to:?}"),
                other => panic!("{from:?} to {to:?}: {other:?}"),
            }
        }
        let signed =
            |by: &str| Checkpoint::parse(&format!("o\n1\n{root}\n\n\u{2014} {by}\n"), &Limits::DEFAULT).map(|_| ());
        assert_eq!(signed("o 8w1amQAA"), Ok(()));
        for by in ["o ", "o 8w1a", "o 8w1amQ==", " 8w1amQAA", "o+x 8w1amQAA", "o\tx 8w1amQAA", "o\u{2003}x 8w1amQAA"] {
            assert!(matches!(signed(by), Err(CheckpointError::Malformed { line: 5, .. })), "{by:?}");
        }
        for end in 0..SIGNED.len() {
            if let Some(text) = SIGNED.get(..end) {
                assert!(check(text).is_err(), "{end}");
            }
        }
        // Further lines are the log's own business, and signed.
        let extended = Checkpoint::parse(&SIGNED.replacen("DI=\n", "DI=\nTimestamp: 1\n", 1), &Limits::DEFAULT)
            .unwrap()
            .check_signed_by(&log());
        assert!(matches!(extended, Err(CheckpointError::Signature { .. })), "{extended:?}");
    }

    // threat: B02
    #[test]
    fn a_checkpoint_is_bounded() {
        let limits = Limits::DEFAULT;
        let repeated = |n: usize| format!("{SIGNED}{}", LINE.repeat(n - 1));
        assert_eq!(Checkpoint::parse(&repeated(64), &limits).unwrap().signatures.len(), 64);
        assert_eq!(check(&repeated(65)), Err(CheckpointError::TooMuch { what: "signatures", limit: 64 }));
        let padded = |n: usize| SIGNED.replacen("DI=\n", &format!("DI=\n{}\n", "x".repeat(n - SIGNED.len() - 1)), 1);
        assert_eq!(padded(limits.checkpoint_bytes).len(), limits.checkpoint_bytes);
        assert!(Checkpoint::parse(&padded(limits.checkpoint_bytes), &limits).is_ok());
        let large = padded(limits.checkpoint_bytes + 1);
        assert_eq!(check(&large), Err(CheckpointError::TooMuch { what: "bytes", limit: limits.checkpoint_bytes }));
    }

    // threat: B01
    #[test]
    fn the_signature_is_the_logs_own() {
        let not_signed = |text: &str| match check(text) {
            Err(CheckpointError::NotSigned { expected, .. }) => assert_eq!(expected, format!("{ORIGIN}+f30d5a99")),
            other => panic!("{text}: {other:?}"),
        };
        // Another hint, and another name over the same signature.
        not_signed(&SIGNED.replacen(" 8w1a", " 9w1a", 1));
        not_signed(&SIGNED.replacen(&format!("\u{2014} {ORIGIN}"), "\u{2014} other", 1));
        // A hint proves nothing, not even beside a good signature.
        let forged = LINE.replacen("dbj1mj", "dbj2mj", 1);
        for text in [
            SIGNED.replacen(LINE, &forged, 1),
            format!("{SIGNED}{forged}"),
            SIGNED.replacen(LINE, &format!("{forged}{LINE}"), 1),
        ] {
            assert!(matches!(check(&text), Err(CheckpointError::Signature { .. })), "{text}");
        }
        assert!(matches!(check(&SIGNED.replacen("736", "737", 1)), Err(CheckpointError::Signature { .. })));
        // Witnesses sign after the log, or before.
        let witness = "\u{2014} witness.example O8PH5AAAAABopO8+\n";
        check(&format!("{SIGNED}{witness}")).unwrap();
        check(&SIGNED.replacen(LINE, &format!("{witness}{LINE}"), 1)).unwrap();
        not_signed(&SIGNED.replacen(LINE, witness, 1));
        // The identifier binds the name: a checkpoint of another name is another log's.
        let other = SIGNED.replace(ORIGIN, "other.example");
        assert!(matches!(check(&other), Err(CheckpointError::Origin { found, .. }) if found == "other.example"));
    }
}
