//! What checks established, and what was skipped.

use std::fmt;

use crate::bundle::LogProof;
use crate::content::scan::Severity;
use crate::crypto::{KeyFingerprint, SignatureScheme};
use crate::digest::Digest;
use crate::text::quoted;
use crate::time::UnixTime;

/// What a check established.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fact {
    /// The material leaves the choice of the key to the policy.
    KeyFromPolicy,
    /// The signature comes with a certificate, or one was given.
    CertificateFound {
        /// The subject that it names.
        subject: String,
    },
    /// A statement about bytes, taken for a signature over them.
    BlobStatement {
        /// The predicate type.
        predicate_type: String,
    },
    /// A log holds an entry about this signature.
    Logged {
        /// The log's address, or its name where it has none.
        log: String,
        /// The entry's number.
        index: u64,
        /// When the log says that it took the entry, if it signed that.
        time: Option<UnixTime>,
        /// What proves the entry.
        proof: LogProof,
    },
    /// A timestamp authority signed the time.
    Timestamped {
        /// The subject of its certificate.
        authority: String,
        /// The time.
        time: UnixTime,
    },
    /// Logs and timestamp authorities state that the signature was made at these times.
    MadeAt {
        /// The first one.
        first: UnixTime,
        /// The last one.
        last: UnixTime,
    },
    /// A path leads to the trusted root at every one of the times.
    CertificateTrusted {
        /// The certificate's issuer.
        issuer: String,
    },
    /// A certificate transparency log has the certificate.
    CertificateLogged {
        /// The log's name.
        log: String,
        /// When.
        time: UnixTime,
    },
    /// The certificate names the signer asked for.
    Identified {
        /// Its subject.
        subject: String,
        /// The OIDC issuer of the subject, if the certificate names one.
        issuer: Option<String>,
    },
    /// A simple signing document.
    SimpleSigning,
    /// A statement with this predicate type.
    Statement {
        /// The predicate type.
        predicate_type: String,
    },
    /// A signature over the artifact's own bytes.
    Message,
    /// The signature verifies.
    Signed {
        /// How.
        scheme: SignatureScheme,
        /// By which key.
        key: KeyFingerprint,
    },
    /// The artifact is the one named.
    Subject {
        /// The digest compared.
        digest: Digest,
    },
    /// All wanted annotations are signed.
    Annotations {
        /// How many.
        count: usize,
    },
    /// The repository is the one signed for.
    Reference {
        /// The signed reference.
        reference: String,
    },
    /// The report of a scanner, in which nothing is too severe that is not accounted for.
    Scan {
        /// Who scanned.
        scanner: String,
        /// How many findings there are, of every severity.
        findings: usize,
        /// How severe they may be.
        maximum: Severity,
    },
    /// When the scan ended, if it says so.
    ScanTime {
        /// That time.
        finished: Option<UnixTime>,
    },
    /// A finding that is excepted until a date.
    Excepted {
        /// The vulnerability.
        id: String,
        /// Until then.
        until: UnixTime,
        /// Why, in the words of the policy.
        reason: Option<String>,
    },
    /// A finding that a trusted VEX statement clears.
    Cleared {
        /// The vulnerability.
        id: String,
        /// How.
        status: String,
        /// Who says so.
        authority: String,
        /// When.
        time: UnixTime,
    },
    /// The artifact was built as required.
    Provenance {
        /// What was compared.
        field: &'static str,
        /// What the provenance says.
        value: String,
    },
    /// The artifact was built upon these images, all of them allowed.
    BaseImages {
        /// The images.
        images: String,
    },
    /// A policy in Rego allows the statement.
    PolicyAllows {
        /// The policy.
        policy: String,
    },
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyFromPolicy => f.write_str("to be verified with the key of the policy"),
            Self::CertificateFound { subject } => write!(f, "certificate of {}", quoted(subject)),
            Self::BlobStatement { predicate_type } => {
                write!(f, "statement {predicate_type}, accepted as a signature of the file that it names")
            }
            Self::Logged { log, index, time, proof } => {
                write!(f, "entry {index} of {log}")?;
                time.map_or(Ok(()), |time| write!(f, ", added at {time}"))?;
                write!(f, ", shown by {proof}")
            }
            Self::Timestamped { authority, time } => write!(f, "{time} by {authority}"),
            Self::MadeAt { first, last } if first == last => write!(f, "made at {first}"),
            Self::MadeAt { first, last } => write!(f, "made between {first} and {last}"),
            Self::CertificateTrusted { issuer } => write!(f, "issued by {issuer}, which the trusted root names"),
            Self::CertificateLogged { log, time } => write!(f, "certificate log {log} at {time}"),
            Self::Identified { subject, issuer: Some(issuer) } => {
                write!(f, "{} by {}", quoted(subject), quoted(issuer))
            }
            Self::Identified { subject, issuer: None } => write!(f, "{} by no issuer", quoted(subject)),
            Self::SimpleSigning => f.write_str("simple signing"),
            Self::Statement { predicate_type } => write!(f, "statement {predicate_type}"),
            Self::Message => f.write_str("signature over the artifact itself"),
            Self::Signed { scheme, key } => write!(f, "{scheme}, key {key}"),
            Self::Subject { digest } => write!(f, "names {digest}"),
            Self::Annotations { count: 1 } => f.write_str("1 annotation signed as required"),
            Self::Annotations { count } => write!(f, "{count} annotations signed as required"),
            Self::Reference { reference } => write!(f, "made for {reference}"),
            Self::Scan { scanner, findings, maximum } => {
                write!(f, "{findings} findings by {scanner}, and no other one is above severity {}", maximum.name())
            }
            Self::ScanTime { finished: Some(finished) } => write!(f, "ended {finished}"),
            Self::ScanTime { finished: None } => f.write_str("not dated, no maximum age is set"),
            Self::Excepted { id, until, reason } => {
                write!(f, "{id} is excepted until {until}")?;
                reason.as_ref().map_or(Ok(()), |reason| write!(f, ": {reason}"))
            }
            Self::Cleared { id, status, authority, time } => {
                write!(f, "{id} is {status} according to {authority} at {time}")
            }
            Self::Provenance { field, value } => write!(f, "{field} {value}"),
            Self::BaseImages { images } => write!(f, "built on {images}"),
            Self::PolicyAllows { policy } => write!(f, "{policy} allows it"),
        }
    }
}

/// A check that was explicitly skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Waiver {
    /// The signature has log entries; no trusted root was given to check them, and a key needs none.
    LogNotChecked {
        /// How many.
        entries: usize,
    },
    /// The signature has timestamps; no trusted root was given to check them, and a key needs none.
    TimestampNotChecked {
        /// How many.
        timestamps: usize,
    },
    /// The caller disabled the check of log entries.
    LogWaived {
        /// How many there are.
        entries: usize,
    },
    /// An entry in a log that the trusted root does not name: it is ignored.
    LogEntryIgnored {
        /// Which log it is.
        detail: String,
    },
    /// A timestamp that does not verify, beside one that does: it is ignored.
    TimestampIgnored {
        /// What is wrong with it.
        detail: String,
    },
    /// No log and no timestamp authority states when the signature was made; the time of verification is used instead.
    TimeNotWitnessed {
        /// That time.
        now: UnixTime,
    },
    /// The caller disabled the check of signed certificate timestamps.
    SctWaived,
    /// The caller disabled the comparison of the signed claims with the artifact.
    ClaimsNotChecked,
    /// The policy does not require verification of this artifact.
    NotRequired,
}

impl Waiver {
    /// Every code, sorted.
    pub const CODES: [&'static str; 9] = [
        "claims-not-checked",
        "log-entry-ignored",
        "log-not-checked",
        "log-waived",
        "nothing-demanded",
        "sct-waived",
        "time-not-witnessed",
        "timestamp-ignored",
        "timestamp-not-checked",
    ];

    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::LogNotChecked { .. } => "log-not-checked",
            Self::TimestampNotChecked { .. } => "timestamp-not-checked",
            Self::ClaimsNotChecked => "claims-not-checked",
            Self::NotRequired => "nothing-demanded",
            Self::LogWaived { .. } => "log-waived",
            Self::LogEntryIgnored { .. } => "log-entry-ignored",
            Self::TimestampIgnored { .. } => "timestamp-ignored",
            Self::TimeNotWitnessed { .. } => "time-not-witnessed",
            Self::SctWaived => "sct-waived",
        }
    }
}

impl fmt::Display for Waiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LogNotChecked { entries } => write!(f, "{entries} present, not checked: no trusted root was given"),
            Self::TimestampNotChecked { timestamps } => {
                write!(f, "{timestamps} present, not checked: no trusted root was given")
            }
            Self::LogWaived { entries } => write!(f, "{entries} present, NOT checked (disabled by flag)"),
            Self::LogEntryIgnored { detail } | Self::TimestampIgnored { detail } => {
                write!(f, "ignored: {detail}")
            }
            Self::TimeNotWitnessed { now } => {
                write!(f, "NOT attested by a log or timestamp authority; verified as of {now}")
            }
            Self::SctWaived => f.write_str("NOT checked (disabled by flag)"),
            Self::ClaimsNotChecked => f.write_str("NOT compared with the artifact (disabled by flag)"),
            Self::NotRequired => f.write_str("the policy demands no signature"),
        }
    }
}
