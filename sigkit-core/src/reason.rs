//! Why something was refused, one stable code per reason.

use std::num::NonZeroUsize;

use crate::bundle::BundleError;
use crate::content::scan::Severity;
use crate::content::{ContentError, EnvelopeError};
use crate::crypto::SignatureError;
use crate::digest::Digest;
use crate::text::{quoted, quoted_pattern};
use crate::time::UnixTime;
#[cfg(feature = "keyless")]
use crate::trust::{CertificateError, LogError, PathError, SanType, SctError, TimestampError};

/// A reason for refusal, with what was expected and what was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// Nothing that could be a signature exists.
    #[error("no signature was found; looked for {looked_for}")]
    NoSignatures {
        /// The places and formats looked at.
        looked_for: String,
    },
    /// One signer counts for several authorities.
    #[error("expected signatures by {expected} distinct signers, found {found}: one key counts for several of them")]
    SignersNotDistinct {
        /// How many distinct signers are asked for.
        expected: NonZeroUsize,
        /// How many there are.
        found: usize,
    },
    /// No rule of the policy is about the artifact.
    #[error("no rule of the policy applies to {image}, and an image without a rule is refused{}", near_words(.near.as_ref()))]
    NoPolicyMatches {
        /// The image.
        image: String,
        /// A rule that nearly is about it, in words.
        near: Option<String>,
    },
    /// The policy refuses the artifact whatever it shows.
    #[error("the policy refuses it{}", .why.as_ref().map_or_else(String::new, |why| format!(": {why}")))]
    RefusedByPolicy {
        /// Why, in the words of the policy.
        why: Option<String>,
    },
    /// The scan does not say which scanner made it.
    #[error("expected the scanner in `scanner.uri` of the scan, found none")]
    ScannerUnnamed,
    /// The scanner looked at nothing.
    #[error("{scanner} reports no findings, and that it examined nothing")]
    ScanEmpty {
        /// Who scanned.
        scanner: String,
    },
    /// The scan is about something else.
    #[error("expected a scan of {expected}, found one of {found}")]
    ScanOfAnother {
        /// The image.
        expected: String,
        /// What was scanned, as the report says.
        found: String,
    },
    /// The scan does not say when it ended, and that is asked.
    #[error("expected the end of the scan in `metadata.scanFinishedOn`, found none")]
    ScanUndated,
    /// The scan is too old.
    #[error("expected a scan at most {age} old at {now}, found one of {finished}")]
    ScanStale {
        /// When the scan ended.
        finished: UnixTime,
        /// How old it may be.
        age: String,
        /// The time of verification.
        now: UnixTime,
    },
    /// The scan ended at a time in the future.
    #[error("expected a scan before {now}, found one of {finished}")]
    ScanFromFuture {
        /// When the scan says that it ended.
        finished: UnixTime,
        /// The time of verification.
        now: UnixTime,
    },
    /// The scanner found something that is more severe than allowed.
    #[error("{id} in {package} {version}: expected severity up to {}, found {}", .maximum.name(), .severity.name())]
    FindingTooSevere {
        /// The vulnerability.
        id: String,
        /// The package.
        package: String,
        /// Its version.
        version: String,
        /// How severe it is.
        severity: Severity,
        /// How severe it may be.
        maximum: Severity,
    },
    /// The exception for the finding has expired.
    #[error("{id} in {package}, severity {}: the exception ended at {until}", .severity.name())]
    ExceptionExpired {
        /// The vulnerability.
        id: String,
        /// The package.
        package: String,
        /// How severe it is.
        severity: Severity,
        /// When the exception ended.
        until: UnixTime,
    },
    /// The VEX statement about the finding does not clear it.
    #[error("{id} in {package}: expected not_affected or fixed, found {found} by {authority}")]
    VexNotResolved {
        /// The vulnerability.
        id: String,
        /// The package.
        package: String,
        /// Who says so.
        authority: String,
        /// What is said.
        found: String,
    },
    /// There are more findings than are named.
    #[error("and {count} more findings above severity {}", .maximum.name())]
    MoreFindings {
        /// How many.
        count: usize,
        /// How severe they may be.
        maximum: Severity,
    },
    /// The artifact was built otherwise, or the provenance does not say.
    #[error("provenance {field}: expected {expected}, found {}", .found.as_deref().unwrap_or("none"))]
    ProvenanceMismatch {
        /// What was compared.
        field: &'static str,
        /// What it should be.
        expected: String,
        /// What it is.
        found: Option<String>,
    },
    /// The artifact was built upon another image, or the provenance names none.
    #[error("base image: expected one of {allowed}, found {}", .found.as_deref().unwrap_or("none among the materials"))]
    BaseImageNotAllowed {
        /// The patterns allowed.
        allowed: String,
        /// The image.
        found: Option<String>,
    },
    /// A policy in Rego does not allow the statement.
    #[error("{policy}: expected data.signature.allow to be true, found {found}")]
    PolicyDenies {
        /// The policy.
        policy: String,
        /// What it is.
        found: String,
    },
    /// A policy in Rego could not be evaluated.
    #[error("{policy} could not be evaluated: {problem}")]
    PolicyFails {
        /// The policy.
        policy: String,
        /// Why.
        problem: String,
    },
    /// Attestations exist, and none says the kind of thing asked for.
    #[error("none of the attestations matched the predicate type: {expected}, found: {}", .found.join(","))]
    NoAttestationOfType {
        /// The predicate type asked for.
        expected: String,
        /// The predicate types found, each once, sorted.
        found: Vec<String>,
    },
    /// What was found cannot be read as a signature.
    #[error(transparent)]
    Unreadable(#[from] BundleError),
    /// The kind of verification material is not the one that the policy judges by.
    #[error("expected {expected}, found {found}")]
    MaterialMismatch {
        /// What the policy judges by.
        expected: &'static str,
        /// What the signature carries.
        found: &'static str,
    },
    /// What was signed is of another kind than asked for.
    #[error("expected {expected}, found {found}")]
    ContentMismatch {
        /// The kinds asked for.
        expected: &'static str,
        /// The kind found.
        found: &'static str,
    },
    /// The signed document does not parse.
    #[error(transparent)]
    Payload(#[from] ContentError),
    /// The envelope's payload is of another type.
    #[error("payload type: expected {expected:?}, found {found:?}")]
    PayloadTypeMismatch {
        /// The type asked for.
        expected: &'static str,
        /// The type found.
        found: String,
    },
    /// The statement says another kind of thing: an attestation is not a signature.
    #[error("predicate type: expected {expected:?}, found {found:?}")]
    PredicateTypeMismatch {
        /// The type asked for.
        expected: String,
        /// The type found.
        found: String,
    },
    /// `critical.type` of a simple signing document is another.
    #[error("critical.type: expected {expected:?}, found {found:?}")]
    ClaimTypeMismatch {
        /// The type asked for.
        expected: &'static str,
        /// The type found.
        found: String,
    },
    /// The signature does not verify.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The signed document names another artifact.
    #[error("signed digest: expected {expected}, found {found}")]
    SubjectMismatch {
        /// The artifact's digest.
        expected: String,
        /// What is named.
        found: String,
    },
    /// A wanted annotation is not signed, or has another value.
    #[error("annotation {name:?}: expected {expected:?}, found {}", .found.as_ref().map_or("none".to_owned(), |found| format!("{found:?}")))]
    AnnotationMismatch {
        /// The annotation.
        name: String,
        /// The value asked for.
        expected: String,
        /// The signed value.
        found: Option<String>,
    },
    /// The signature comes without a certificate, and none was given.
    #[error("expected a certificate, found {found}")]
    CertificateMissing {
        /// What the signature carries.
        found: &'static str,
    },
    /// The certificate is not one with which artifacts may be signed.
    #[cfg(feature = "keyless")]
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// No path leads from the certificate to the trusted root.
    #[cfg(feature = "keyless")]
    #[error(transparent)]
    Path(#[from] PathError),
    /// The certificate has no signed certificate timestamp.
    #[cfg(feature = "keyless")]
    #[error(transparent)]
    Sct(#[from] SctError),
    /// A log entry that does not hold, or is about something else.
    #[cfg(feature = "keyless")]
    #[error(transparent)]
    Log(#[from] LogError),
    /// A timestamp that does not hold, or is about something else.
    #[cfg(feature = "keyless")]
    #[error(transparent)]
    Timestamp(#[from] TimestampError),
    /// Too few logs hold an entry.
    #[error("expected {}, found {found}", threshold_words(*.expected, "an entry in a log of the trusted root", "entries in", "distinct logs of the trusted root"))]
    LogThreshold {
        /// How many logs must.
        expected: NonZeroUsize,
        /// How many do.
        found: usize,
    },
    /// Too few timestamp authorities signed the time.
    #[error("expected {}, found {found}", threshold_words(*.expected, "a timestamp by an authority of the trusted root", "timestamps by", "distinct authorities of the trusted root"))]
    TimestampThreshold {
        /// How many authorities must.
        expected: NonZeroUsize,
        /// How many did.
        found: usize,
    },
    /// No log and no timestamp authority states when the signature was made.
    #[error("no log and no timestamp authority states when the signature was made")]
    TimeMissing,
    /// A log or timestamp authority states a time in the future.
    #[error("expected a time up to {now}, found {found}")]
    TimeInFuture {
        /// The time of verification, and five minutes.
        now: UnixTime,
        /// The time named.
        found: UnixTime,
    },
    /// A key was used outside the period in which it is trusted.
    #[error("the key is trusted {window}, but was used at {time}")]
    KeyNotValid {
        /// The window.
        window: String,
        /// The time.
        time: UnixTime,
    },
    /// The certificate names another subject.
    #[cfg(feature = "keyless")]
    #[error("certificate subject: expected {expected}, found {kind} {}{}", quoted(.found), part_words(.anchored.as_ref()))]
    IdentityMismatch {
        /// The subject required, in words: its kind if that is required too, and the text or pattern.
        expected: String,
        /// The kind of name of the subject found.
        kind: SanType,
        /// The subject found.
        found: String,
        /// Where the pattern asked for matches a part of the subject, one that matches all of it.
        anchored: Option<String>,
    },
    /// The certificate names another issuer, or no issuer.
    #[error("certificate issuer: expected {expected}, found {}{}", quoted_or_none(.found.as_ref()), part_words(.anchored.as_ref()))]
    IssuerMismatch {
        /// The issuer asked for.
        expected: String,
        /// The issuer found, if the certificate names one.
        found: Option<String>,
        /// Where the pattern asked for matches a part of the issuer, one that matches all of it.
        anchored: Option<String>,
    },
    /// An extension of the certificate is missing or has another value.
    #[error("certificate extension {name}: expected {}, found {}", quoted_pattern(.expected), quoted_or_none(.found.as_ref()))]
    ExtensionMismatch {
        /// Its name in sigstore's JSON.
        name: &'static str,
        /// The value required.
        expected: String,
        /// The value found, if the certificate has the extension.
        found: Option<String>,
    },
    /// The signature was made for another name.
    #[error("docker-reference: expected {expected:?}, found {}{}", .found.as_ref().map_or("none signed".to_owned(), |found| format!("{found:?}")), .advice.map_or_else(String::new, |advice| format!("; {advice}")))]
    ReferenceMismatch {
        /// The name asked for.
        expected: String,
        /// The name signed, when the format signs one.
        found: Option<String>,
        /// What to ask for instead, where that is known.
        advice: Option<&'static str>,
    },
}

fn quoted_or_none(found: Option<&String>) -> String {
    found.map_or_else(|| "none".to_owned(), |found| quoted(found))
}

fn near_words(near: Option<&String>) -> String {
    near.map_or_else(String::new, |near| format!(": {near}"))
}

fn threshold_words(expected: NonZeroUsize, one: &str, several: &str, of: &str) -> String {
    if expected == NonZeroUsize::MIN { one.to_owned() } else { format!("{several} {expected} {of}") }
}

fn part_words(anchored: Option<&String>) -> &'static str {
    anchored.map_or("", |_| "; the pattern matches a part of it, and must match all of it")
}

impl Reason {
    /// Every code, sorted.
    ///
    /// ```
    /// use sigkit_core::reason::Reason;
    ///
    /// assert!(Reason::CODES.contains(&"signature-invalid"));
    /// assert_eq!(Reason::NoSignatures { looked_for: "bundles".to_owned() }.code(), "no-signatures");
    /// ```
    pub const CODES: [&'static str; 63] = [
        "algorithm-unsupported",
        "annotation-mismatch",
        "base-image-not-allowed",
        "bundle-malformed",
        "bundle-version-unsupported",
        "certificate-malformed",
        "certificate-missing",
        "certificate-not-valid",
        "certificate-unsuitable",
        "certificate-untrusted",
        "checkpoint-invalid",
        "checkpoint-malformed",
        "claim-type-mismatch",
        "content-mismatch",
        "exception-expired",
        "extension-mismatch",
        "finding-too-severe",
        "identity-mismatch",
        "inclusion-proof-invalid",
        "issuer-mismatch",
        "key-not-valid",
        "log-entry-malformed",
        "log-entry-mismatch",
        "log-entry-missing",
        "log-entry-unproved",
        "log-key-not-valid",
        "log-promise-invalid",
        "log-unknown",
        "material-mismatch",
        "message-needed",
        "no-attestation-of-type",
        "no-policy-matches",
        "no-signatures",
        "not-a-signature",
        "payload-malformed",
        "payload-type-mismatch",
        "policy-denies",
        "policy-fails",
        "predicate-type-mismatch",
        "provenance-mismatch",
        "reference-mismatch",
        "refused-by-policy",
        "scan-empty",
        "scan-from-future",
        "scan-of-another",
        "scan-stale",
        "scan-undated",
        "scanner-unnamed",
        "sct-invalid",
        "sct-missing",
        "signature-count",
        "signature-invalid",
        "signers-not-distinct",
        "subject-mismatch",
        "time-in-future",
        "time-missing",
        "timestamp-authority-untrusted",
        "timestamp-certificate-not-valid",
        "timestamp-malformed",
        "timestamp-mismatch",
        "timestamp-missing",
        "timestamp-signature-invalid",
        "vex-not-cleared",
    ];

    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoSignatures { .. } => "no-signatures",
            Self::SignersNotDistinct { .. } => "signers-not-distinct",
            Self::NoPolicyMatches { .. } => "no-policy-matches",
            Self::ScannerUnnamed => "scanner-unnamed",
            Self::ScanEmpty { .. } => "scan-empty",
            Self::ScanOfAnother { .. } => "scan-of-another",
            Self::ScanUndated => "scan-undated",
            Self::ScanStale { .. } => "scan-stale",
            Self::ScanFromFuture { .. } => "scan-from-future",
            Self::FindingTooSevere { .. } | Self::MoreFindings { .. } => "finding-too-severe",
            Self::ExceptionExpired { .. } => "exception-expired",
            Self::VexNotResolved { .. } => "vex-not-cleared",
            Self::ProvenanceMismatch { .. } => "provenance-mismatch",
            Self::BaseImageNotAllowed { .. } => "base-image-not-allowed",
            Self::PolicyDenies { .. } => "policy-denies",
            Self::PolicyFails { .. } => "policy-fails",
            Self::RefusedByPolicy { .. } => "refused-by-policy",
            Self::NoAttestationOfType { .. } => "no-attestation-of-type",
            Self::Unreadable(BundleError::PassedOver { .. }) => "predicate-type-mismatch",
            Self::Unreadable(BundleError::NotASignature { .. }) => "not-a-signature",
            Self::Unreadable(BundleError::Version { .. }) => "bundle-version-unsupported",
            Self::Unreadable(BundleError::Envelope(EnvelopeError::SignatureCount { .. })) => "signature-count",
            Self::Unreadable(_) => "bundle-malformed",
            Self::MaterialMismatch { .. } => "material-mismatch",
            Self::ContentMismatch { .. } => "content-mismatch",
            Self::Payload(_) => "payload-malformed",
            Self::PayloadTypeMismatch { .. } => "payload-type-mismatch",
            Self::PredicateTypeMismatch { .. } => "predicate-type-mismatch",
            Self::ClaimTypeMismatch { .. } => "claim-type-mismatch",
            Self::Signature(SignatureError::Unsupported { .. }) => "algorithm-unsupported",
            Self::Signature(SignatureError::NeedsMessage { .. } | SignatureError::DigestMismatch { .. }) => {
                "message-needed"
            }
            Self::Signature(_) => "signature-invalid",
            Self::SubjectMismatch { .. } => "subject-mismatch",
            Self::AnnotationMismatch { .. } => "annotation-mismatch",
            Self::ReferenceMismatch { .. } => "reference-mismatch",
            Self::CertificateMissing { .. } => "certificate-missing",
            #[cfg(feature = "keyless")]
            Self::Certificate(CertificateError::Profile { .. } | CertificateError::Key(_)) => "certificate-unsuitable",
            #[cfg(feature = "keyless")]
            Self::Certificate(_) => "certificate-malformed",
            #[cfg(feature = "keyless")]
            Self::Path(PathError::NotValidAt { .. }) => "certificate-not-valid",
            #[cfg(feature = "keyless")]
            Self::Path(_) => "certificate-untrusted",
            #[cfg(feature = "keyless")]
            Self::Sct(SctError::Missing) => "sct-missing",
            #[cfg(feature = "keyless")]
            Self::Sct(_) => "sct-invalid",
            #[cfg(feature = "keyless")]
            Self::Log(error) => error.code(),
            #[cfg(feature = "keyless")]
            Self::Timestamp(error) => error.code(),
            Self::LogThreshold { .. } => "log-entry-missing",
            Self::TimestampThreshold { .. } => "timestamp-missing",
            Self::TimeMissing => "time-missing",
            Self::TimeInFuture { .. } => "time-in-future",
            Self::KeyNotValid { .. } => "key-not-valid",
            #[cfg(feature = "keyless")]
            Self::IdentityMismatch { .. } => "identity-mismatch",
            Self::IssuerMismatch { .. } => "issuer-mismatch",
            Self::ExtensionMismatch { .. } => "extension-mismatch",
        }
    }

    /// What was expected, for machines; `None` where the message says it all.
    pub fn expected(&self) -> Option<String> {
        match self {
            Self::MaterialMismatch { expected, .. }
            | Self::ContentMismatch { expected, .. }
            | Self::PayloadTypeMismatch { expected, .. }
            | Self::ClaimTypeMismatch { expected, .. } => Some((*expected).to_owned()),
            Self::NoAttestationOfType { expected, .. }
            | Self::Unreadable(BundleError::PassedOver { expected, .. })
            | Self::PredicateTypeMismatch { expected, .. }
            | Self::SubjectMismatch { expected, .. }
            | Self::ScanOfAnother { expected, .. }
            | Self::AnnotationMismatch { expected, .. }
            | Self::IssuerMismatch { expected, .. }
            | Self::ReferenceMismatch { expected, .. } => Some(expected.clone()),
            #[cfg(feature = "keyless")]
            Self::IdentityMismatch { expected, .. } => Some(expected.clone()),
            Self::ExtensionMismatch { expected, .. } => Some(format!("\"{expected}\"")),
            Self::ProvenanceMismatch { expected, .. } => Some(expected.clone()),
            Self::BaseImageNotAllowed { allowed, .. } => Some(allowed.clone()),
            Self::FindingTooSevere { maximum, .. } => Some(maximum.name().to_owned()),
            Self::ScanStale { age, .. } => Some(age.clone()),
            Self::CertificateMissing { .. } => Some("a certificate".to_owned()),
            Self::LogThreshold { expected, .. } | Self::TimestampThreshold { expected, .. } => {
                Some(expected.to_string())
            }
            Self::SignersNotDistinct { expected, .. } => Some(expected.to_string()),
            Self::TimeInFuture { now, .. } => Some(now.to_string()),
            Self::KeyNotValid { window, .. } => Some(window.clone()),
            #[cfg(feature = "keyless")]
            Self::Path(PathError::NotValidAt { window, .. }) => Some(window.to_string()),
            #[cfg(feature = "keyless")]
            Self::Log(error) => error.evidence().map(|(expected, _)| expected),
            #[cfg(feature = "keyless")]
            Self::Timestamp(error) => error.evidence().map(|(expected, _)| expected),
            _ => None,
        }
    }

    /// What was found, for machines; `None` where nothing was, or the message says it all.
    pub fn actual(&self) -> Option<String> {
        match self {
            Self::MaterialMismatch { found, .. } | Self::ContentMismatch { found, .. } => Some((*found).to_owned()),
            Self::PayloadTypeMismatch { found, .. }
            | Self::PredicateTypeMismatch { found, .. }
            | Self::ClaimTypeMismatch { found, .. }
            | Self::Unreadable(BundleError::PassedOver { found, .. })
            | Self::ScanOfAnother { found, .. }
            | Self::SubjectMismatch { found, .. } => Some(found.clone()),
            Self::NoAttestationOfType { found, .. } => Some(found.join(",")),
            #[cfg(feature = "keyless")]
            Self::IdentityMismatch { kind, found, .. } => Some(format!("{kind} \"{found}\"")),
            Self::IssuerMismatch { found, .. } | Self::ExtensionMismatch { found, .. } => {
                found.as_ref().map(|found| format!("\"{found}\""))
            }
            Self::AnnotationMismatch { found, .. } | Self::ReferenceMismatch { found, .. } => found.clone(),
            Self::ProvenanceMismatch { found, .. } | Self::BaseImageNotAllowed { found, .. } => found.clone(),
            Self::FindingTooSevere { severity, .. } => Some(severity.name().to_owned()),
            Self::ScanStale { finished, .. } | Self::ScanFromFuture { finished, .. } => Some(finished.to_string()),
            Self::CertificateMissing { found } => Some((*found).to_owned()),
            Self::LogThreshold { found, .. } | Self::TimestampThreshold { found, .. } => Some(found.to_string()),
            Self::SignersNotDistinct { found, .. } => Some(found.to_string()),
            Self::TimeInFuture { found, .. } => Some(found.to_string()),
            Self::KeyNotValid { time, .. } => Some(time.to_string()),
            #[cfg(feature = "keyless")]
            Self::Path(PathError::NotValidAt { time, .. }) => Some(time.to_string()),
            #[cfg(feature = "keyless")]
            Self::Log(error) => error.evidence().map(|(_, found)| found),
            #[cfg(feature = "keyless")]
            Self::Timestamp(error) => error.evidence().map(|(_, found)| found),
            _ => None,
        }
    }

    pub(crate) fn subject(expected: &Digest, found: impl ToString) -> Self {
        Self::SubjectMismatch { expected: expected.to_string(), found: found.to_string() }
    }
}
