//! Transparency logs: that an entry is about this very signature, and is in a log of the trusted root.

mod body;
mod checkpoint;
mod merkle;

pub use body::BodyError;
pub use checkpoint::CheckpointError;
pub use merkle::InclusionError;

pub(crate) use body::{Logged, SignerKey};

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use checkpoint::Checkpoint;

use super::{TransparencyLog, TrustedRoot, Validity};
pub use crate::bundle::LogProof;
use crate::bundle::{InclusionProof, LogEntry, LogId};
use crate::crypto::{Signature, SignatureError};
use crate::digest::hex;
use crate::limits::Limits;
use crate::time::UnixTime;

/// Why a log entry is invalid for a signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// Neither promise nor proof.
    #[error("log entry: expected an inclusion promise or an inclusion proof, found neither")]
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
    #[error("the key of log {log} is trusted {window}, and the time of the signature is unknown")]
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
        /// The expected value.
        expected: String,
        /// The value found.
        found: String,
    },
    /// The entry is not about this signature.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The promise is not the log's.
    #[error("the log's inclusion promise: {0}")]
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

impl LogError {
    /// What was expected and what was found, for machines; `None` where the message says it all.
    pub(crate) fn evidence(&self) -> Option<(String, String)> {
        let pair = |expected: &dyn ToString, found: &dyn ToString| Some((expected.to_string(), found.to_string()));
        match self {
            Self::Unproved => pair(&"a promise or a proof", &"neither"),
            Self::UnknownLog { found, .. } => pair(&"a log of the trusted root", found),
            Self::NotValidAt { window, time, .. } => pair(window, time),
            Self::NoTime { window, .. } => pair(window, &"no time"),
            Self::Entry { expected, found, .. }
            | Self::Body(BodyError::Mismatch { expected, found, .. })
            | Self::Inclusion(InclusionError::Root { expected, found })
            | Self::Checkpoint(
                CheckpointError::NotSigned { expected, found } | CheckpointError::Mismatch { expected, found, .. },
            ) => pair(expected, found),
            Self::Inclusion(InclusionError::Index { index, size }) => pair(&format!("below {size}"), index),
            Self::Inclusion(InclusionError::Length { expected, found }) => pair(expected, found),
            Self::Checkpoint(CheckpointError::Malformed { expected, found, .. }) => pair(expected, found),
            Self::Checkpoint(CheckpointError::Origin { expected, found }) => pair(expected, found),
            Self::Body(_) | Self::Promise(_) | Self::Checkpoint(_) => None,
        }
    }
}

/// An entry that is in a trusted log, and is about the signature it came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VerifiedEntry {
    /// The log. Two entries of one log count once.
    pub(crate) log: LogId,
    /// The entry's number, as it is proved: in the log by a promise, in the tree by a proof alone.
    pub(crate) index: u64,
    /// When the log took it; only a promise says so with a signature.
    pub(crate) time: Option<UnixTime>,
    /// What proves it.
    pub(crate) proof: LogProof,
}

/// Verifies one entry: about this signature, of a log of the trusted root, by every proof that it has.
///
/// `times` are those at which the signature is known to have been made, otherwise than by this entry; where nothing tells, the time
/// of verification is used, as long as the log's key is still trusted then.
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
    // The promise signs the number in the log, the proof that in the tree.
    let index = match (&entry.inclusion_promise, &entry.inclusion_proof) {
        (None, Some(proof)) => proof.index,
        _ => entry.log_index,
    };
    Ok(VerifiedEntry { log: entry.log_id, index, time, proof })
}

/// How many different logs have an entry.
pub(crate) fn distinct_logs<'e>(entries: impl Iterator<Item = &'e VerifiedEntry>) -> usize {
    entries.map(|entry| entry.log).collect::<BTreeSet<_>>().len()
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
    let id = hex(entry.log_id.as_bytes());
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
        return Err(mismatch("root", hex(&proof.root), hex(&checkpoint.root)).into());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::{SignedEntity, VerificationMaterial};
    use crate::content::Content;
    use crate::crypto::PublicKey;
    use crate::digest::{Digest, DigestAlgorithm};
    use crate::trust::Certificate;

    const ARTIFACT: &[u8] = include_bytes!("../../../../testdata/vectors/sigstore/a.txt");
    /// A time at which the keys of all logs of the vectors are trusted.
    const NOW: UnixTime = UnixTime(1_800_000_000);

    macro_rules! vector {
        ($name:literal, $file:literal) => {
            include_str!(concat!("../../../../testdata/vectors/sigstore/", $name, "/", $file))
        };
        ($name:literal) => {
            Case::new(vector!($name, "bundle.json"), vector!($name, "trusted_root.json").as_bytes())
        };
        (public $name:literal) => {
            Case::new(vector!($name, "bundle.json"), TrustedRoot::public_good_json())
        };
    }

    /// A signature, its signer, and the trusted root.
    struct Case {
        entity: SignedEntity,
        root: TrustedRoot,
        certificate: Option<Vec<u8>>,
        key: PublicKey,
        artifact: &'static [u8],
    }

    impl Case {
        fn new(bundle: &str, root: &[u8]) -> Self {
            Self::by(vector!("managed-key-happy-path", "key.pub"), bundle, root)
        }

        /// The key is that of a bundle without certificate.
        fn by(key: &str, bundle: &str, root: &[u8]) -> Self {
            let entity = SignedEntity::from_any_bundle(bundle.as_bytes(), &Limits::DEFAULT).unwrap();
            let root = TrustedRoot::from_json(root, &Limits::DEFAULT).unwrap();
            let (certificate, key) = match &entity.material {
                VerificationMaterial::Certificate(chain) => {
                    (Some(chain[0].clone()), Certificate::from_der(&chain[0]).unwrap().public_key().unwrap())
                }
                _ => (None, PublicKey::from_pem(key.as_bytes()).unwrap()),
            };
            Self { entity, root, certificate, key, artifact: ARTIFACT }
        }

        fn entry(&mut self) -> &mut LogEntry {
            &mut self.entity.log_entries[0]
        }

        fn proof(&mut self) -> &mut InclusionProof {
            self.entry().inclusion_proof.as_mut().unwrap()
        }

        fn verify_at(&self, times: &[UnixTime]) -> Result<VerifiedEntry, LogError> {
            let artifact = |algorithm| Some(Digest::of(algorithm, self.artifact));
            let signer = match &self.certificate {
                Some(der) => SignerKey::Certificate { der, key: &self.key },
                None => SignerKey::Key(&self.key),
            };
            let digest = |algorithm| self.entity.content.signed_digest(algorithm, artifact);
            let logged = Logged { content: &self.entity.content, digest: &digest, signer };
            verify(&self.entity.log_entries[0], &self.root, &logged, times, &Limits::DEFAULT)
        }

        fn verify(&self) -> Result<VerifiedEntry, LogError> {
            self.verify_at(&[NOW])
        }

        fn code(&self) -> &'static str {
            self.verify().expect_err("must be refused").code()
        }
    }

    fn all() -> Vec<(&'static str, Case)> {
        vec![
            ("hashedrekord 0.0.1", vector!(public "happy-path-v0.1")),
            ("hashedrekord 0.0.1 by key", vector!(public "managed-key-happy-path")),
            ("dsse 0.0.1", vector!(public "happy-path-intoto-in-dsse-v3")),
            ("intoto 0.0.2", vector!("intoto-with-custom-trust-root")),
            ("hashedrekord 0.0.2", vector!("rekor2-happy-path")),
            ("hashedrekord 0.0.2 of an envelope", vector!("rekor2-dsse-happy-path")),
        ]
    }

    #[test]
    fn every_kind_of_entry_is_verified_by_all_its_material() {
        for (name, case) in all() {
            let verified = case.verify().unwrap_or_else(|error| panic!("{name}: {error}"));
            let v2 = name.contains("0.0.2") && !name.contains("intoto");
            assert_eq!(verified.proof, if v2 { LogProof::Inclusion } else { LogProof::Both }, "{name}");
            assert_eq!(verified.time.is_some(), !v2, "{name}: only a promise tells a time");
            assert_eq!(verified.log, case.entity.log_entries[0].log_id, "{name}");
            assert_eq!(verified.index, case.entity.log_entries[0].log_index, "{name}");
        }
    }

    #[test]
    fn log_index_is_of_the_promise_or_else_of_the_tree() {
        let mut case = vector!(public "happy-path-v0.1");
        let in_tree = case.proof().index;
        case.entry().inclusion_promise = None;
        case.entry().log_index += 1;
        assert_ne!(case.entry().log_index, in_tree);
        let verified = case.verify().unwrap();
        assert_eq!((verified.proof, verified.index), (LogProof::Inclusion, in_tree));
    }

    // threat: R31
    #[test]
    fn rekor_v1_checkpoint_is_known_by_key_at_any_address() {
        let mut case = vector!(public "happy-path-v0.1");
        let id = case.entry().log_id;
        let known = case.root.log(&id).unwrap().clone();
        let of = |hint: [u8; 4]| {
            TransparencyLog::new("https://mirror.test", id, known.key().clone(), known.validity())
                .with_checkpoint_key(hint)
        };
        let checkpoint = Checkpoint::parse(&case.proof().checkpoint, &Limits::DEFAULT).unwrap();
        let hint = *LogId::of_key(known.key()).as_bytes().first_chunk().unwrap();
        assert_eq!(checkpoint.check_signed_by(&of(hint)), Ok(()));
        assert!(matches!(checkpoint.check_signed_by(&of(*b"else")), Err(CheckpointError::Origin { .. })));
    }

    // threat: A01
    #[test]
    fn a_key_of_another_curve_and_a_promise_alone_are_taken() {
        let (bundle, root) =
            (vector!("cosign3-rekor2-p384", "bundle.json"), vector!("cosign3-rekor2-p384", "trusted_root.json"));
        let case = Case::by(vector!("cosign3-rekor2-p384", "key.pub"), bundle, root.as_bytes());
        assert_eq!(case.verify().unwrap().proof, LogProof::Inclusion);
        // cosign 2 keeps the promise and not the proof.
        let mut case = vector!("cosign2-legacy-blob");
        let verified = case.verify().unwrap();
        assert_eq!((verified.proof, verified.time), (LogProof::Promise, case.entry().integrated_time));
        case.entry().inclusion_promise = Some(vec![0x30, 0]);
        assert_eq!(case.code(), "log-promise-invalid");
    }

    // threat: B01
    #[test]
    fn cosignatures_are_ignored_in_any_position() {
        for case in [
            vector!("rekor2-checkpoint-cosigned"),
            vector!("rekor2-checkpoint-two-sigs-cosigned"),
            vector!("rekor2-checkpoint-origin-not-first"),
        ] {
            case.verify().unwrap();
        }
    }

    // threat: A01 A02 A05 A12
    #[test]
    fn log_entry_of_another_artifact_or_signer_is_refused() {
        for (name, mut case) in all() {
            let other = Signature::from_bytes(*b"another signature");
            match &mut case.entity.content {
                Content::Message(message) => message.signature = other,
                Content::Envelope(envelope) => envelope.signature = other,
                Content::SimpleSigning { .. } => unreachable!(),
            }
            assert_eq!(case.code(), "log-entry-mismatch", "{name}: signature");
        }
        for (name, mut case) in all() {
            match &mut case.entity.content {
                Content::Envelope(envelope) => std::sync::Arc::make_mut(&mut envelope.payload).push(b' '),
                _ => case.artifact = b"another artifact",
            }
            assert_eq!(case.code(), "log-entry-mismatch", "{name}: artifact");
        }
        for (name, mut case) in all() {
            match &mut case.certificate {
                Some(der) => *der.last_mut().unwrap() ^= 1,
                None => {
                    case.key = PublicKey::from_pem(include_bytes!("../../../../keys/TEST-ONLY-ecdsa-p256.pub")).unwrap()
                }
            }
            assert_eq!(case.code(), "log-entry-mismatch", "{name}: signer");
        }
        // The same key by itself is not the certificate that carries it.
        for (name, mut case) in all() {
            if case.certificate.take().is_some() {
                assert_eq!(case.code(), "log-entry-mismatch", "{name}: key instead of its certificate");
            }
        }
    }

    // threat: A03 A17 A18
    #[test]
    fn promise_invalid_is_an_error_and_missing_has_no_time() {
        for (name, mut case) in all() {
            let Some(promise) = case.entry().inclusion_promise.clone() else { continue };
            let mut bad = promise.clone();
            *bad.last_mut().unwrap() ^= 1;
            case.entry().inclusion_promise = Some(bad);
            assert_eq!(case.code(), "log-promise-invalid", "{name}");
            case.entry().inclusion_promise = Some(promise.clone());
            case.entry().integrated_time = Some(UnixTime(case.entry().integrated_time.unwrap().0 + 1));
            assert_eq!(case.code(), "log-promise-invalid", "{name}: time");
            case.entry().inclusion_promise = None;
            let verified = case.verify().unwrap();
            assert_eq!((verified.time, verified.proof), (None, LogProof::Inclusion), "{name}");
        }
        let mut case = vector!(public "happy-path-v0.1");
        case.entry().log_index += 1;
        assert_eq!(case.code(), "log-promise-invalid");
        case.entry().log_index -= 1;
        case.entry().inclusion_proof = None;
        assert_eq!(case.verify().unwrap().proof, LogProof::Promise);
        case.entry().inclusion_promise = None;
        assert_eq!(case.code(), "log-entry-unproved");
    }

    // threat: A03 A17 B03
    #[test]
    fn a_broken_proof_is_an_error_beside_a_promise() {
        for (name, _) in all() {
            let case = || all().into_iter().find(|(other, _)| *other == name).unwrap().1;
            let with = |change: &dyn Fn(&mut InclusionProof)| {
                let mut case = case();
                change(case.proof());
                case.code()
            };
            assert_eq!(with(&|proof| proof.root[0] ^= 1), "inclusion-proof-invalid", "{name}");
            assert_eq!(with(&|proof| proof.hashes.push([0; 32])), "inclusion-proof-invalid", "{name}");
            assert_eq!(with(&|proof| proof.size = proof.index), "inclusion-proof-invalid", "{name}");
            assert_eq!(with(&|proof| proof.checkpoint.clear()), "checkpoint-malformed", "{name}");
            assert_eq!(
                with(&|proof| proof.checkpoint = proof.checkpoint.replacen('\n', "\n1", 1)),
                "checkpoint-invalid",
                "{name}"
            );
            let mut case = case();
            case.entry().body.push(b' ');
            assert_eq!(case.code(), "log-entry-malformed", "{name}");
        }
        // Another checkpoint that the log really signed.
        let mut case = vector!("rekor2-happy-path");
        let mut other = vector!("rekor2-dsse-happy-path");
        case.proof().checkpoint = other.proof().checkpoint.clone();
        assert_eq!(case.code(), "checkpoint-invalid");
    }

    // threat: A06
    #[test]
    fn a_body_in_other_words_is_refused() {
        for (name, _) in all() {
            let with = |from: &str, to: &str| {
                let mut case = all().into_iter().find(|(other, _)| *other == name).unwrap().1;
                let text = String::from_utf8(case.entry().body.clone()).unwrap();
                assert!(text.contains(from), "{name}: {from}");
                case.entry().body = text.replacen(from, to, 1).into_bytes();
                (case.code(), case.verify().unwrap_err().to_string())
            };
            let canonical = "log entry: expected canonical JSON, found another text of the same meaning";
            assert_eq!(with("\":", "\": "), ("log-entry-malformed", canonical.to_owned()), "{name}: space");
            assert_eq!(with("{\"", "{\"extra\":1,\"").0, "log-entry-malformed", "{name}: member");
            assert_eq!(with("\"spec\":{", "\"spec\":{\"extra\":1,").0, "log-entry-malformed", "{name}: member within");
            let kind = if name.starts_with('h') {
                "hashedrekord"
            } else if name.starts_with('d') {
                "dsse"
            } else {
                "intoto"
            };
            assert_eq!(
                with(&format!("\"kind\":\"{kind}\""), "\"kind\":\"rekord\"").0,
                "log-entry-mismatch",
                "{name}: kind"
            );
            let reordered = with("{\"apiVersion\":\"0.0.", "{\"kind\":\"x\",\"apiVersion\":\"0.0.");
            assert_eq!(reordered.0, "log-entry-malformed", "{name}: twice");
        }
    }

    // threat: A01
    #[test]
    fn the_kind_is_the_one_that_is_said() {
        for (name, _) in all() {
            for (kind, version) in [
                ("hashedrekord", "0.0.1"),
                ("hashedrekord", "0.0.2"),
                ("dsse", "0.0.1"),
                ("dsse", "0.0.2"),
                ("intoto", "0.0.1"),
                ("intoto", "0.0.2"),
                ("rekord", "0.0.1"),
                ("hashedrekord", "0.0.3"),
            ] {
                let mut case = all().into_iter().find(|(other, _)| *other == name).unwrap().1;
                if case.entry().kind.kind == kind && case.entry().kind.version == version {
                    continue;
                }
                case.entry().kind = crate::bundle::EntryKind { kind: kind.to_owned(), version: version.to_owned() };
                assert!(
                    ["log-entry-malformed", "log-entry-mismatch"].contains(&case.code()),
                    "{name} as {kind} {version}"
                );
            }
        }
    }

    // threat: A18
    #[test]
    fn rekor_v2_makes_no_promises_states_no_time_and_has_one_tree() {
        for change in [
            (|entry| entry.integrated_time = Some(NOW)) as fn(&mut LogEntry),
            |entry| entry.inclusion_promise = Some(b"x".to_vec()),
            |entry| entry.log_index += 1,
        ] {
            let mut case = vector!("rekor2-happy-path");
            change(case.entry());
            assert_eq!(case.code(), "log-entry-malformed");
        }
        let mut case = vector!("rekor2-happy-path");
        case.entry().inclusion_proof = None;
        assert_eq!(case.code(), "log-entry-unproved");
    }

    // threat: A07 B14
    #[test]
    fn the_log_is_one_of_the_root() {
        let mut case = vector!(public "happy-path-v0.1");
        case.entry().log_id = LogId::default();
        assert_eq!(case.code(), "log-unknown");
        let mut case = vector!("rekor2-happy-path");
        case.root = TrustedRoot::public_good().unwrap();
        assert_eq!(case.code(), "log-unknown");
        // An entry of one log, said to be of another.
        let mut case = vector!("rekor2-dsse-happy-path");
        let first = *vector!("rekor2-dsse-happy-path")
            .root
            .logs()
            .iter()
            .map(|log| log.id())
            .find(|id| **id != case.entry().log_id)
            .unwrap();
        case.entry().log_id = first;
        assert_eq!(case.code(), "checkpoint-invalid");
    }

    /// The same root, the window of all its logs another.
    fn narrowed(case: &Case, window: Validity) -> TrustedRoot {
        let mut root = TrustedRoot::default();
        for log in case.root.logs() {
            root.add_log(TransparencyLog::new(log.base_url(), *log.id(), log.key().clone(), window)).unwrap();
        }
        root
    }

    // threat: B05
    #[test]
    fn the_logs_key_was_trusted_when_it_signed() {
        let mut case = vector!(public "happy-path-v0.1");
        let time = case.entry().integrated_time.unwrap();
        for (window, ok) in [
            (Validity::new(UnixTime(0), Some(time)), true),
            (Validity::new(time, None), true),
            (Validity::new(UnixTime(0), Some(UnixTime(time.0 - 1))), false),
            (Validity::new(UnixTime(time.0 + 1), None), false),
        ] {
            case.root = narrowed(&case, window);
            // The log's own time decides where there is one, whatever others say.
            for times in [&[][..], &[UnixTime(0)], &[NOW]] {
                assert_eq!(
                    case.verify_at(times).map_err(|error| error.code()).err(),
                    (!ok).then_some("log-key-not-valid"),
                    "{window}"
                );
            }
        }
        let mut case = vector!("rekor2-happy-path");
        case.root = narrowed(&case, Validity::new(UnixTime(10), Some(UnixTime(20))));
        for (times, ok) in [(&[10, 20][..], true), (&[], false), (&[9], false), (&[15, 21], false)] {
            let times: Vec<_> = times.iter().copied().map(UnixTime).collect();
            assert_eq!(
                case.verify_at(&times).map_err(|error| error.code()).err(),
                (!ok).then_some("log-key-not-valid"),
                "{times:?}"
            );
        }
    }

    #[test]
    fn refusals_carry_what_was_expected_and_what_was_found() {
        let refused = |change: &dyn Fn(&mut Case)| {
            let mut case = vector!("rekor2-happy-path");
            change(&mut case);
            let error = case.verify().unwrap_err();
            let (expected, found) = error.evidence().unwrap_or_default();
            let text = error.to_string();
            assert!(text.contains(&found), "{text}: {found}");
            (expected, found)
        };
        let pair = |expected: &str, found: &str| (expected.to_owned(), found.to_owned());
        assert_eq!(refused(&|case| case.entry().inclusion_proof = None), pair("a promise or a proof", "neither"));
        assert_eq!(
            refused(&|case| case.entry().log_id = LogId::default()),
            pair("a log of the trusted root", &LogId::default().to_string())
        );
        assert_eq!(refused(&|case| case.proof().size = 735), pair("below 735", "735"));
        assert_eq!(refused(&|case| case.proof().hashes.clear()), pair("8", "0"));
        assert_eq!(refused(&|case| case.entry().log_index = 1), pair("735, as in the inclusion proof", "1"));
        assert_eq!(
            refused(&|case| case.proof().checkpoint = "o\n1".to_owned()),
            pair("an empty line before the signatures", "")
        );
        let root = refused(&|case| case.proof().root = [0; 32]);
        assert_eq!(root, (hex(&[0; 32]), hex(&vector!("rekor2-happy-path").proof().root)));
        let size = refused(&|case| {
            let text = case.proof().checkpoint.replacen("736", "737", 1);
            case.proof().checkpoint = text;
        });
        assert_eq!(size, pair("736", "737"));
        let data = refused(&|case| case.artifact = b"");
        assert_eq!(data.0, STANDARD.encode(Digest::sha256(b"").as_bytes()));
        assert_ne!(data.1, data.0);
    }

    // threat: A12
    #[test]
    fn one_log_counts_once() {
        let one = vector!("rekor2-happy-path").verify().unwrap();
        let other = vector!(public "happy-path-v0.1").verify().unwrap();
        for (entries, count) in [(&[][..], 0), (&[one], 1), (&[one, one], 1), (&[one, other, one], 2)] {
            assert_eq!(distinct_logs(entries.iter()), count);
        }
    }

    // threat: A01
    #[test]
    fn digests_that_are_not_known_are_not_assumed() {
        let case = vector!(public "happy-path-v0.1");
        let digest = |_: DigestAlgorithm| None;
        let signer = SignerKey::Certificate { der: case.certificate.as_deref().unwrap(), key: &case.key };
        let logged = Logged { content: &case.entity.content, digest: &digest, signer };
        let error = verify(&case.entity.log_entries[0], &case.root, &logged, &[NOW], &Limits::DEFAULT).unwrap_err();
        assert!(matches!(error, LogError::Body(BodyError::Incomparable { .. })), "{error}");
        assert_eq!(error.code(), "log-entry-mismatch");
    }

    /// The places of all values below one.
    fn places(value: &serde_json::Value, at: &str, found: &mut Vec<String>) {
        found.push(at.to_owned());
        match value {
            serde_json::Value::Object(members) => {
                members.iter().for_each(|(name, value)| places(value, &format!("{at}/{name}"), found));
            }
            serde_json::Value::Array(items) => {
                items.iter().enumerate().for_each(|(index, value)| places(value, &format!("{at}/{index}"), found));
            }
            _ => {}
        }
    }

    /// The bundle with that value replaced by others: nothing, the next number, one character changed, a part of it.
    fn mutants(document: &serde_json::Value, place: &str) -> Vec<serde_json::Value> {
        let mut values = vec![
            serde_json::Value::Null,
            "".into(),
            "0".into(),
            0.into(),
            serde_json::json!({}),
            serde_json::json!([]),
        ];
        match document.pointer(place).unwrap() {
            serde_json::Value::String(text) => {
                values.extend(text.parse::<i64>().ok().map(|number| (number + 1).to_string().into()));
                for at in [0, text.len() / 2, text.len().saturating_sub(6)].into_iter().filter(|at| *at < text.len()) {
                    let mut bytes = text.clone().into_bytes();
                    bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
                    values.extend(String::from_utf8(bytes).ok().map(Into::into));
                }
                values.push(text.get(..text.len() / 8 * 4).unwrap_or_default().into());
            }
            serde_json::Value::Array(items) => {
                values.push(items.iter().rev().cloned().collect());
                values.push(items.iter().skip(1).cloned().collect());
                values.push(items.iter().chain(items).cloned().collect());
            }
            _ => {}
        }
        let replaced = values.into_iter().map(|value| {
            let mut mutant = document.clone();
            *mutant.pointer_mut(place).unwrap() = value;
            mutant
        });
        replaced.filter(|mutant| mutant != document).collect()
    }

    // threat: A01 A02 A03 A17 A18 B03 D13
    #[test]
    fn no_member_of_an_entry_may_differ() {
        let mut tried = 0;
        for (name, bundle, case) in [
            ("hashedrekord 0.0.1", vector!("happy-path-v0.1", "bundle.json"), vector!(public "happy-path-v0.1")),
            (
                "dsse 0.0.1",
                vector!("happy-path-intoto-in-dsse-v3", "bundle.json"),
                vector!(public "happy-path-intoto-in-dsse-v3"),
            ),
            ("hashedrekord 0.0.2", vector!("rekor2-happy-path", "bundle.json"), vector!("rekor2-happy-path")),
        ] {
            let document: serde_json::Value = serde_json::from_str(bundle).unwrap();
            let entry = "/verificationMaterial/tlogEntries/0";
            let mut found = Vec::new();
            places(document.pointer(entry).unwrap(), entry, &mut found);
            let mut accepted = Vec::new();
            for place in found {
                for mutant in mutants(&document, &place) {
                    tried += 1;
                    let text = mutant.to_string();
                    let Ok(entity) = SignedEntity::from_bundle(text.as_bytes(), &Limits::DEFAULT) else { continue };
                    if entity == case.entity {
                        continue;
                    }
                    let mutant = Case {
                        entity,
                        root: case.root.clone(),
                        certificate: case.certificate.clone(),
                        key: case.key.clone(),
                        artifact: case.artifact,
                    };
                    if mutant.verify().is_ok() {
                        accepted.push((place.trim_start_matches(entry).to_owned(), text));
                    }
                }
            }
            // Either proof may be missing where the format lets it; it is then neither counted nor a time.
            let places: Vec<_> = accepted.iter().map(|(place, _)| place.as_str()).collect();
            match name {
                // Absent, and twice without the checkpoint, which this version ignores.
                "hashedrekord 0.0.1" => {
                    assert_eq!(places, ["/inclusionProof", "/inclusionProof", "/inclusionProof/checkpoint"], "{name}")
                }
                "dsse 0.0.1" => assert_eq!(places, ["/inclusionPromise"], "{name}"),
                _ => assert_eq!(places, [""; 0], "{name}"),
            }
        }
        assert!(tried > 500, "only {tried} mutants");
    }
}
