use super::content::Claim;
use super::material::SignerTrusted;
use super::signature::SignatureValid;
use super::subject::SubjectBound;
use crate::bundle::Origin;
use crate::content::{SimpleSigning, Statement, Subject};
use crate::crypto::{KeyFingerprint, SignatureScheme};
use crate::digest::Digest;
use crate::policy::KeyAuthority;
use crate::report::{Report, Verdict};

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
}

impl VerifiedSignature {
    /// The three markers are the authority to exist; each is minted by its own step alone.
    pub(super) fn new(
        _: SignerTrusted,
        valid: SignatureValid,
        bound: SubjectBound,
        authority: &KeyAuthority,
        claim: Claim,
        origin: Origin,
    ) -> Self {
        Self {
            origin,
            authority: authority.name.clone(),
            key: authority.key.fingerprint(),
            scheme: valid.scheme(),
            digest: bound.digest(),
            claim,
        }
    }

    /// Where it was found.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The caller's name for the key that verified it.
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

    /// The subject of the signed statement that is the artifact, for a signature in the bundle format.
    pub fn subject(&self) -> Option<&Subject> {
        let subjects = &self.statement()?.subjects;
        let named = |subject: &&Subject| self.digest.is_none_or(|d| subject.digest(d.algorithm()) == Some(d));
        subjects.iter().find(named)
    }

    /// The exact signed document; `None` when the signature is over the artifact itself.
    pub fn payload(&self) -> Option<&[u8]> {
        match &self.claim {
            Claim::Message { .. } => None,
            Claim::SimpleSigning { payload, .. } | Claim::Statement { payload, .. } => Some(payload),
        }
    }

    /// The signed simple signing document, for a signature in cosign's legacy format.
    pub fn simple_signing(&self) -> Option<&SimpleSigning> {
        match &self.claim {
            Claim::SimpleSigning { document, .. } => Some(document),
            _ => None,
        }
    }

    /// The signed statement, for a signature in the bundle format.
    pub fn statement(&self) -> Option<&Statement> {
        match &self.claim {
            Claim::Statement { statement, .. } => Some(statement),
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

    /// How many things were found that could have been signatures.
    pub const fn found(&self) -> usize {
        self.found
    }
}

impl std::fmt::Display for NotVerified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.report.verdict().name())?;
        let Some(trouble) = self.report.first_trouble() else { return Ok(()) };
        write!(f, ": {}: {trouble}", trouble.code().unwrap_or_default())
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
