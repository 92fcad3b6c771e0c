//! What was checked and how it went: a tree whose verdict is computed, never stored.

mod headline;

pub use headline::Headline;

use std::fmt;
use std::num::NonZeroUsize;

use crate::bundle::{LogProof, LookupError, Origin};
use crate::content::scan::Severity;
use crate::crypto::{KeyFingerprint, SignatureScheme};
use crate::digest::Digest;
use crate::reason::Reason;
use crate::time::UnixTime;

/// The full account of one verification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The time that the verification was asked for.
    pub time: UnixTime,
    /// The checks.
    pub root: Node,
}

impl Report {
    /// What the checks amount to.
    pub fn verdict(&self) -> Verdict {
        self.root.verdict()
    }
}

/// A check, or a group of checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// One check that ran.
    Leaf {
        /// Which.
        check: CheckId,
        /// How it went.
        outcome: Outcome,
    },
    /// Checks that belong together.
    Group {
        /// What they are about.
        label: Label,
        /// How they fold into one verdict.
        rule: Rule,
        /// The checks.
        parts: Vec<Node>,
    },
}

/// What a group is about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Label {
    /// The whole policy: so many distinct authorities of so many must have signed.
    Policy {
        /// How many must.
        threshold: NonZeroUsize,
        /// Of how many.
        authorities: usize,
    },
    /// A key that may sign.
    Key {
        /// The caller's name for it.
        name: String,
        /// Its fingerprint.
        fingerprint: KeyFingerprint,
    },
    /// The rules about an image, or one of them, or requirements that belong together.
    Requirements {
        /// The image, or the rule's name, or what the requirements are about.
        name: String,
    },
    /// A signer with an identity.
    Identity {
        /// Subject and issuer, as required.
        name: String,
    },
    /// One thing found.
    Signature {
        /// Counted from 1, in the order found.
        number: usize,
        /// Where it was found.
        origin: Origin,
    },
}

/// How a group folds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Every part must hold.
    All,
    /// So many parts must hold.
    AtLeast(NonZeroUsize),
    /// Every part should hold; when one does not, nothing is refused for it.
    Advisory,
}

/// Which check a leaf records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CheckId {
    /// What the policy says of an image without looking at signatures.
    Policy,
    /// Something to judge was found.
    Evidence,
    /// The verification material is of the kind that the authority judges by.
    Material,
    /// What was signed is of the kind asked for, and parses.
    Content,
    /// The signature verifies.
    Signature,
    /// The signed document names this artifact.
    Subject,
    /// The wanted annotations are signed.
    Annotations,
    /// The signature was made for this repository.
    Reference,
    /// Transparency log entries.
    LogEntry,
    /// Signed timestamps.
    Timestamp,
    /// The scanner's report as a whole.
    Scan,
    /// When the scanner looked.
    ScanTime,
    /// One finding of a scanner that is too severe to be ignored.
    Finding,
    /// VEX statements about findings.
    Vex,
    /// How the artifact was built.
    Provenance,
    /// What the artifact was built upon.
    BaseImage,
    /// A policy in Rego.
    Rego,
    /// When the signature was made.
    Time,
    /// A path leads from the certificate to the trusted root.
    Certificate,
    /// A certificate transparency log has the certificate.
    Sct,
    /// The certificate names the signer asked for.
    Identity,
}

impl CheckId {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Evidence => "evidence",
            Self::Material => "material",
            Self::Content => "content",
            Self::Signature => "signature",
            Self::Subject => "subject",
            Self::Annotations => "annotations",
            Self::Reference => "reference",
            Self::LogEntry => "log-entry",
            Self::Timestamp => "timestamp",
            Self::Scan => "scan",
            Self::ScanTime => "scan-time",
            Self::Finding => "finding",
            Self::Vex => "vex",
            Self::Provenance => "provenance",
            Self::BaseImage => "base-image",
            Self::Rego => "rego",
            Self::Time => "time",
            Self::Certificate => "certificate",
            Self::Sct => "sct",
            Self::Identity => "identity",
        }
    }
}

/// How a check went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Pass(Fact),
    /// It does not.
    Fail(Reason),
    /// It was not made, with leave.
    Skip(Waiver),
    /// It could not be made.
    Unknown(LookupError),
}

impl Outcome {
    /// The stable code of anything but a pass.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::Pass(_) => None,
            Self::Fail(reason) => Some(reason.code()),
            Self::Skip(waiver) => Some(waiver.code()),
            Self::Unknown(problem) => Some(problem.code),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass(fact) => fact.fmt(f),
            Self::Fail(reason) => reason.fmt(f),
            Self::Skip(waiver) => waiver.fmt(f),
            Self::Unknown(problem) => problem.fmt(f),
        }
    }
}

/// What a check established.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fact {
    /// The material leaves the choice of the key to the policy.
    KeyFromPolicy,
    /// The signature comes with a certificate, or one was given.
    CertificateFound {
        /// The subject that it names, look-alike characters escaped.
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
        /// Its subject, look-alike characters escaped.
        subject: String,
        /// The OIDC issuer of the subject.
        issuer: String,
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
            Self::CertificateFound { subject } => write!(f, "certificate of {subject}"),
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
            Self::Identified { subject, issuer } => write!(f, "{subject} by {issuer}"),
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

/// What a report amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The policy is met.
    Verified,
    /// The policy allows the artifact without verification.
    Allowed,
    /// It is not.
    Rejected,
    /// It could not be told: something that might have decided could not be looked at.
    Undecided,
}

impl Verdict {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Allowed => "allowed",
            Self::Rejected => "rejected",
            Self::Undecided => "undecided",
        }
    }
}

impl Node {
    /// Folds the tree. A group in which nothing passed is never verified: empty does not mean yes.
    pub fn verdict(&self) -> Verdict {
        self.tally().unwrap_or(Verdict::Rejected)
    }

    /// The verdict, or `None` for a skipped check, which neither helps nor hurts.
    fn tally(&self) -> Option<Verdict> {
        match self {
            Self::Leaf { outcome: Outcome::Pass(_), .. } => Some(Verdict::Verified),
            Self::Leaf { outcome: Outcome::Fail(_), .. } => Some(Verdict::Rejected),
            Self::Leaf { outcome: Outcome::Unknown(_), .. } => Some(Verdict::Undecided),
            Self::Leaf { outcome: Outcome::Skip(Waiver::NotRequired), .. } => Some(Verdict::Allowed),
            Self::Leaf { outcome: Outcome::Skip(_), .. } => None,
            Self::Group { rule, parts, .. } => {
                let verdicts: Vec<_> = parts.iter().filter_map(Self::tally).collect();
                let count = |wanted| verdicts.iter().filter(|verdict| **verdict == wanted).count();
                let (verified, undecided) = (count(Verdict::Verified), count(Verdict::Undecided));
                let let_in = verified.saturating_add(count(Verdict::Allowed));
                Some(match rule {
                    Rule::All if count(Verdict::Rejected) > 0 => Verdict::Rejected,
                    Rule::All if undecided > 0 => Verdict::Undecided,
                    Rule::All if verified > 0 => Verdict::Verified,
                    Rule::All if let_in > 0 => Verdict::Allowed,
                    Rule::AtLeast(threshold) if verified >= threshold.get() => Verdict::Verified,
                    Rule::AtLeast(threshold) if let_in >= threshold.get() => Verdict::Allowed,
                    Rule::AtLeast(threshold) if let_in.saturating_add(undecided) >= threshold.get() => {
                        Verdict::Undecided
                    }
                    Rule::Advisory if verified > 0 && verified == parts.len() => Verdict::Verified,
                    Rule::Advisory if !parts.is_empty() => Verdict::Allowed,
                    Rule::All | Rule::AtLeast(_) | Rule::Advisory => Verdict::Rejected,
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass() -> Node {
        Node::Leaf { check: CheckId::Content, outcome: Outcome::Pass(Fact::Message) }
    }
    fn fail() -> Node {
        let reason = Reason::NoSignatures { looked_for: String::new() };
        Node::Leaf { check: CheckId::Evidence, outcome: Outcome::Fail(reason) }
    }
    fn skip() -> Node {
        Node::Leaf { check: CheckId::Subject, outcome: Outcome::Skip(Waiver::ClaimsNotChecked) }
    }
    fn unknown() -> Node {
        let problem = LookupError { target: String::new(), code: "store-unavailable", detail: String::new() };
        Node::Leaf { check: CheckId::Evidence, outcome: Outcome::Unknown(problem) }
    }
    fn group(rule: Rule, parts: Vec<Node>) -> Verdict {
        let label = Label::Policy { threshold: NonZeroUsize::MIN, authorities: 1 };
        Node::Group { label, rule, parts }.verdict()
    }
    fn at_least(n: usize) -> Rule {
        Rule::AtLeast(NonZeroUsize::new(n).unwrap())
    }

    #[test]
    fn all_takes_the_worst() {
        use Verdict::{Rejected, Undecided, Verified};
        for (parts, verdict) in [
            (vec![pass(), pass()], Verified),
            (vec![pass(), skip()], Verified),
            (vec![pass(), fail()], Rejected),
            (vec![pass(), unknown()], Undecided),
            (vec![unknown(), fail()], Rejected),
            (vec![skip()], Rejected),
            (vec![], Rejected),
        ] {
            assert_eq!(group(Rule::All, parts.clone()), verdict, "{parts:?}");
        }
    }

    fn nothing() -> Node {
        Node::Leaf { check: CheckId::Policy, outcome: Outcome::Skip(Waiver::NotRequired) }
    }

    // threat: I06
    #[test]
    fn allowed_without_proof_is_never_called_verified() {
        use Verdict::{Allowed, Rejected, Undecided, Verified};
        for (rule, parts, verdict) in [
            (Rule::All, vec![nothing()], Allowed),
            (Rule::All, vec![nothing(), skip()], Allowed),
            (Rule::All, vec![nothing(), pass()], Verified),
            (Rule::All, vec![nothing(), fail()], Rejected),
            (Rule::All, vec![nothing(), unknown()], Undecided),
            (at_least(1), vec![nothing(), fail()], Allowed),
            (at_least(1), vec![nothing(), unknown()], Allowed),
            (at_least(1), vec![nothing(), pass()], Verified),
            (at_least(2), vec![nothing(), pass()], Allowed),
            (at_least(2), vec![nothing(), unknown()], Undecided),
            (at_least(2), vec![nothing(), fail()], Rejected),
            (Rule::Advisory, vec![pass()], Verified),
            (Rule::Advisory, vec![fail()], Allowed),
            (Rule::Advisory, vec![unknown()], Allowed),
            (Rule::Advisory, vec![skip()], Allowed),
            (Rule::Advisory, vec![pass(), fail()], Allowed),
            (Rule::Advisory, vec![], Rejected),
        ] {
            assert_eq!(group(rule, parts.clone()), verdict, "{rule:?} of {parts:?}");
        }
    }

    // threat: A10
    // threat: I06
    #[test]
    fn at_least_counts_and_doubt_is_neither_yes_nor_no() {
        use Verdict::{Rejected, Undecided, Verified};
        for (n, parts, verdict) in [
            (1, vec![fail(), pass(), unknown()], Verified),
            (1, vec![fail(), unknown()], Undecided),
            (1, vec![fail()], Rejected),
            (1, vec![], Rejected),
            (1, vec![skip()], Rejected),
            (2, vec![pass(), unknown()], Undecided),
            (2, vec![pass(), fail()], Rejected),
            (2, vec![pass(), pass()], Verified),
        ] {
            assert_eq!(group(at_least(n), parts.clone()), verdict, "{n} of {parts:?}");
        }
    }
}
