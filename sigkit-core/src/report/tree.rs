//! The tree of checks.

use std::fmt;
use std::num::NonZeroUsize;

use super::{Fact, Waiver};
use crate::bundle::{LookupError, Origin};
use crate::crypto::KeyFingerprint;
use crate::reason::Reason;
use crate::time::UnixTime;

/// The full account of one verification.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The time for which the artifact was verified.
    pub time: UnixTime,
    /// The checks.
    pub root: Node,
}

impl Report {
    /// The report of these checks, made for this time.
    pub const fn new(time: UnixTime, root: Node) -> Self {
        Self { time, root }
    }
}

/// A check, or a group of checks. There is no third kind.
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
#[non_exhaustive]
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

/// How a check went. Exhaustive on purpose: code that decides by it must not compile if there is a fifth way.
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
