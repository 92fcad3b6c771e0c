use std::sync::Arc;

use super::content::Claim;
#[cfg(feature = "keyless")]
use super::identity::IdentityTrusted;
use super::material::KeyTrusted;
use super::signature::SignatureValid;
use super::subject::SubjectBound;
use crate::bundle::{LogEntry, LogId, LogProof, Origin, SignedTimestamp};
use crate::content::{Envelope, SimpleSigning, Statement, Subject};
use crate::crypto::{KeyFingerprint, SignatureScheme};
use crate::digest::Digest;
use crate::oci::media_type;
use crate::report::{NOTHING_VERIFIED, Report, Verdict};
use crate::text::escape;
use crate::time::UnixTime;
#[cfg(feature = "keyless")]
use crate::trust::{Certificate, SignerIdentity};

/// Proof that an artifact meets a policy. Only the verifier makes one.
#[derive(Clone, Debug)]
pub struct Verified {
    report: Report,
    signatures: Vec<VerifiedSignature>,
}

impl Verified {
    /// Every check that ran.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The signatures that hold, by authority, then in the order found; never empty.
    pub fn signatures(&self) -> &[VerifiedSignature] {
        &self.signatures
    }
}

/// One signature that holds, and what it says.
#[derive(Clone, Debug)]
pub struct VerifiedSignature {
    origin: Origin,
    authority: String,
    key: KeyFingerprint,
    scheme: SignatureScheme,
    digest: Option<Digest>,
    claim: Claim,
    signer: SignerTrusted,
    transparency: TransparencyMaterial,
}

/// Who made a verified signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignedBy<'v> {
    /// A key of the policy.
    Key {
        /// The caller's name for it.
        name: &'v str,
        /// Its fingerprint.
        fingerprint: &'v KeyFingerprint,
    },
    /// An identity, as the certificate of a trusted authority names it.
    #[cfg(feature = "keyless")]
    Identity(&'v SignerIdentity),
}

/// Proof that the signer is one whom the policy names.
#[derive(Clone, Debug)]
pub(super) enum SignerTrusted {
    Key(KeyTrusted),
    #[cfg(feature = "keyless")]
    Identity(IdentityTrusted, Box<VerifiedCertificate>),
}

/// The log entries and timestamps that verified.
#[derive(Clone, Debug, Default)]
pub(super) struct TransparencyMaterial {
    pub(super) logs: Vec<LogRecord>,
    /// The same entries as they came.
    pub(super) entries: Vec<LogEntry>,
    pub(super) timestamps: Vec<usize>,
    /// The same timestamps as they came.
    pub(super) stamps: Vec<SignedTimestamp>,
    pub(super) times: Vec<UnixTime>,
}

/// An entry of a trusted log about the signature.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogRecord {
    /// The log's name.
    pub log: LogId,
    /// The entry's number, as it is proved: in the log where the log signed a promise, in the tree by an inclusion proof alone.
    pub index: u64,
    /// When the log took it, if the log signed that.
    pub time: Option<UnixTime>,
    /// What proves the entry.
    pub proof: LogProof,
}

/// The certificate of a signer, issued by a trusted authority.
#[cfg(feature = "keyless")]
#[derive(Clone, Debug)]
pub struct VerifiedCertificate {
    certificate: Certificate,
    identity: SignerIdentity,
}

#[cfg(feature = "keyless")]
impl VerifiedCertificate {
    pub(super) fn new(certificate: Certificate, identity: SignerIdentity) -> Self {
        Self { certificate, identity }
    }

    /// The certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Whom it names.
    pub fn identity(&self) -> &SignerIdentity {
        &self.identity
    }
}

impl VerifiedSignature {
    /// The three markers are the authority to exist; each is minted by its own step alone.
    #[allow(clippy::too_many_arguments, reason = "three proofs, and what they are about")]
    pub(super) fn new(
        signer: SignerTrusted,
        valid: SignatureValid,
        bound: SubjectBound,
        authority: String,
        key: KeyFingerprint,
        claim: Claim,
        origin: Origin,
        transparency: TransparencyMaterial,
    ) -> Self {
        Self { origin, authority, key, scheme: valid.scheme(), digest: bound.digest(), claim, signer, transparency }
    }

    /// Returns who signed.
    ///
    /// ```
    /// # const MESSAGE: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/vectors/key/message.txt"));
    /// # const SIGNATURE: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/vectors/key/cosign-3.1-ecdsa-p256.sig"));
    /// # const KEY: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/vectors/key/cosign-3.1-ecdsa-p256.pub"));
    /// use sigkit_core::bundle::{Evidence, Origin, SignedEntity};
    /// use sigkit_core::time::UnixTime;
    /// use sigkit_core::verify::Artifact;
    /// use sigkit_core::{KeyAuthority, Policy, PublicKey, Purpose, Trust, Verifier};
    /// use sigkit_core::verify::SignedBy;
    ///
    /// let policy = Policy::key(Purpose::Blob, KeyAuthority::new("cosign.pub", PublicKey::from_pem(KEY)?));
    /// let evidence = Evidence::of(Origin::File("file.sig".to_owned()), SignedEntity::from_detached(SIGNATURE));
    /// let trust = Trust::default();
    /// let verified = Verifier::new(&trust).verify(&policy, &Artifact::Bytes(MESSAGE), &evidence, UnixTime(0))?;
    /// assert!(matches!(verified.signatures()[0].signer(), SignedBy::Key { name: "cosign.pub", .. }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn signer(&self) -> SignedBy<'_> {
        match &self.signer {
            SignerTrusted::Key(_) => SignedBy::Key { name: &self.authority, fingerprint: &self.key },
            #[cfg(feature = "keyless")]
            SignerTrusted::Identity(_, certificate) => SignedBy::Identity(certificate.identity()),
        }
    }

    /// The signer's certificate; `None` for a key of the policy.
    #[cfg(feature = "keyless")]
    pub fn certificate(&self) -> Option<&VerifiedCertificate> {
        match &self.signer {
            SignerTrusted::Key(_) => None,
            SignerTrusted::Identity(_, certificate) => Some(certificate),
        }
    }

    /// The log entries that verified; empty if the check was not requested.
    pub fn log_records(&self) -> &[LogRecord] {
        &self.transparency.logs
    }

    /// The same entries as received, for callers that pass them on. The signature of an inclusion promise covers all of an entry except the
    /// proof; without a promise, index and time in the log are unsigned claims.
    pub fn log_entries(&self) -> &[LogEntry] {
        &self.transparency.entries
    }

    /// The timestamps that verified, by their positions in the signature; empty if the check was not requested.
    pub fn timestamps(&self) -> &[usize] {
        &self.transparency.timestamps
    }

    /// The same timestamps as they came.
    pub fn signed_timestamps(&self) -> &[SignedTimestamp] {
        &self.transparency.stamps
    }

    /// The times of the signature that trusted logs and timestamp authorities state, in ascending order.
    pub fn times(&self) -> &[UnixTime] {
        &self.transparency.times
    }

    /// Where it was found.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The caller's name for the key that verified it, or the identity asked for.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The key that verified it.
    pub fn key(&self) -> &KeyFingerprint {
        &self.key
    }

    /// How it was made.
    pub const fn scheme(&self) -> SignatureScheme {
        self.scheme
    }

    /// The digest by which the signature names the artifact; `None` when the policy waived the comparison.
    pub const fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// The subject of the signed statement that is the artifact.
    pub fn subject(&self) -> Option<&Subject> {
        let subjects = &self.statement()?.subjects;
        let named = |subject: &&Subject| self.digest.is_none_or(|d| subject.digest(d.algorithm()) == Some(d));
        subjects.iter().find(named)
    }

    /// The exact signed document; `None` when the signature is over the artifact itself.
    pub fn payload(&self) -> Option<&[u8]> {
        match &self.claim {
            Claim::Message { .. } => None,
            Claim::SimpleSigning { payload, .. } => Some(payload),
            Claim::Statement { statement, .. } => Some(statement.payload()),
        }
    }

    /// The signed simple signing document, for a signature in cosign's legacy format.
    pub fn simple_signing(&self) -> Option<&SimpleSigning> {
        match &self.claim {
            Claim::SimpleSigning { document, .. } => Some(document),
            _ => None,
        }
    }

    /// The signed statement, for an attestation and for a signature in the bundle format.
    pub fn statement(&self) -> Option<&Statement> {
        match &self.claim {
            Claim::Statement { statement, .. } => Some(statement),
            _ => None,
        }
    }

    /// What an attestation says, in its exact bytes.
    pub fn predicate(&self) -> Option<&[u8]> {
        self.statement()?.predicate()
    }

    /// The envelope around the signed statement. Its key ids and further members are unsigned, and are left out.
    pub fn envelope(&self) -> Option<Envelope> {
        match &self.claim {
            Claim::Statement { statement, signature } => Some(Envelope {
                payload_type: media_type::IN_TOTO.to_owned(),
                payload: Arc::clone(statement.shared_payload()),
                signature: signature.clone(),
            }),
            _ => None,
        }
    }
}

/// Refusal or doubt: the report tells which, and why.
#[derive(Clone, Debug)]
pub struct NotVerified {
    report: Report,
    found: usize,
}

impl NotVerified {
    /// Every check that ran.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Returns whether the artifact was rejected, or it could not be decided.
    pub fn verdict(&self) -> Verdict {
        self.report.verdict()
    }

    /// Returns the stable code of what decided: one of [`Reason::CODES`](crate::reason::Reason::CODES), or of an error that left it
    /// undecided.
    ///
    /// ```
    /// # const MESSAGE: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/vectors/key/message.txt"));
    /// # const SIGNATURE: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/vectors/key/cosign-3.1-ecdsa-p256.sig"));
    /// # const KEY: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/vectors/key/cosign-3.1-ecdsa-p256.pub"));
    /// use sigkit_core::bundle::{Evidence, Origin, SignedEntity};
    /// use sigkit_core::time::UnixTime;
    /// use sigkit_core::verify::Artifact;
    /// use sigkit_core::{KeyAuthority, Policy, PublicKey, Purpose, Trust, Verifier};
    /// use sigkit_core::report::Verdict;
    ///
    /// let policy = Policy::key(Purpose::Blob, KeyAuthority::new("cosign.pub", PublicKey::from_pem(KEY)?));
    /// let evidence = Evidence::of(Origin::File("file.sig".to_owned()), SignedEntity::from_detached(SIGNATURE));
    /// let trust = Trust::default();
    /// let error = Verifier::new(&trust).verify(&policy, &Artifact::Bytes(b"else"), &evidence, UnixTime(0)).unwrap_err();
    /// assert_eq!((error.verdict(), error.code()), (Verdict::Rejected, "signature-invalid"));
    /// assert_eq!(serde_json::to_value(&error)?["code"], "signature-invalid");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn code(&self) -> &'static str {
        self.report.code().unwrap_or(NOTHING_VERIFIED.0)
    }

    /// How many things were found that could have been signatures.
    pub const fn found(&self) -> usize {
        self.found
    }
}

/// Verdict, code and message on one line, escaped.
impl std::fmt::Display for NotVerified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.report.verdict().name())?;
        let Some(headline) = self.report.headline() else { return Ok(()) };
        let message = escape::one_line(&headline.outcome.to_string());
        write!(f, ": {}: {message}", headline.outcome.code().unwrap_or_default())
    }
}

impl std::error::Error for NotVerified {}

/// The one place where a verdict becomes a result.
pub(super) fn conclude(
    report: Report,
    signatures: Vec<VerifiedSignature>,
    found: usize,
) -> Result<Verified, NotVerified> {
    match report.verdict() {
        Verdict::Verified if !signatures.is_empty() => Ok(Verified { report, signatures }),
        _ => Err(NotVerified { report, found }),
    }
}
