//! Signers with an identity instead of a key, and the logs and timestamps that are required.

use std::num::NonZeroUsize;

use super::Identity;
use crate::crypto::{PublicKey, SignatureScheme};
use crate::digest::DigestAlgorithm;
use crate::trust::{Certificate, DetachedSct, RootName, RootReference};

/// A signer to whom a trusted authority issued a certificate. An identity, a subject and its issuer, is required.
#[derive(Clone, Debug)]
pub struct KeylessAuthority {
    pub(crate) identities: Vec<Identity>,
    pub(crate) root: RootReference,
    pub(crate) transparency: TransparencyRequirements,
    pub(crate) sct: SctRule,
    pub(crate) detached_sct: Option<DetachedSct>,
    pub(crate) certificates: Vec<Certificate>,
    hash: Option<DigestAlgorithm>,
}

/// The log entries and timestamps that a signature must have.
///
/// A proof that is present and broken is a failure whatever is asked for, unless the whole kind is waived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransparencyRequirements {
    pub(crate) logs: LogRule,
    /// Distinct timestamp authorities that must have signed; none if none must.
    pub(crate) timestamps: Option<NonZeroUsize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogRule {
    /// Entries are not checked.
    Waived,
    /// Entries that are present must verify.
    IfPresent,
    /// So many distinct logs must hold an entry.
    AtLeast(NonZeroUsize),
}

/// Whether the certificate must have been logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SctRule {
    Required,
    Waived,
}

impl TransparencyRequirements {
    /// One log must hold an entry: the usual for identities.
    pub const LOGGED: Self = Self { logs: LogRule::AtLeast(NonZeroUsize::MIN), timestamps: None };
    /// Entries and timestamps that are present must verify; they may be missing: the default for keys.
    pub const IF_PRESENT: Self = Self { logs: LogRule::IfPresent, timestamps: None };

    /// So many distinct logs must hold an entry; several entries in one log count once.
    #[must_use]
    pub const fn with_logs(mut self, threshold: NonZeroUsize) -> Self {
        self.logs = LogRule::AtLeast(threshold);
        self
    }

    /// So many distinct timestamp authorities must have signed the time.
    #[must_use]
    pub const fn with_timestamps(mut self, threshold: NonZeroUsize) -> Self {
        self.timestamps = Some(threshold);
        self
    }

    /// Log entries are not checked, and the report says so. Without a timestamp a certificate must be valid at the
    /// time of verification, for nothing tells when the signature was made.
    #[must_use]
    pub const fn dangerous_without_log(mut self) -> Self {
        self.logs = LogRule::Waived;
        self
    }
}

impl KeylessAuthority {
    /// One identity, by certificates of the root [`RootName::PUBLIC_GOOD`] of the deployment; one log must hold an entry, and the
    /// certificate must be logged.
    ///
    /// ```
    /// # let stack = testkit::sigstore::Sigstore::new();
    /// # let (root, bundle) = (stack.trusted_root().to_string(), stack.blob(b"bytes").seal().bundle().to_string());
    /// use sigkit_core::bundle::{Evidence, Origin, SignedEntity};
    /// use sigkit_core::limits::Limits;
    /// use sigkit_core::trust::RootName;
    /// use sigkit_core::verify::{Artifact, SignedBy, Verifier};
    /// use sigkit_core::{Identity, KeylessAuthority, Pattern, Policy, Purpose, Trust, TrustedRoot};
    ///
    /// let root = TrustedRoot::from_json(root.as_bytes(), &Limits::DEFAULT)?;
    /// # let (subject, issuer) = (testkit::sigstore::IDENTITY, testkit::sigstore::ISSUER);
    /// let identity = Identity::new(Pattern::exact(subject)?, Pattern::exact(issuer)?);
    /// let policy = Policy::keyless(Purpose::Blob, KeylessAuthority::new(identity));
    /// let evidence = Evidence::of(
    ///     Origin::File("bundle.json".to_owned()),
    ///     SignedEntity::from_bundle(bundle.as_bytes(), &Limits::DEFAULT),
    /// );
    /// let now = std::time::SystemTime::now().into();
    /// let trust = Trust::default().with_root(RootName::PUBLIC_GOOD, root);
    /// let verified = Verifier::new(&trust).verify(&policy, &Artifact::Bytes(b"bytes"), &evidence, now)?;
    /// let SignedBy::Identity(signer) = verified.signatures()[0].signer() else { unreachable!() };
    /// assert_eq!(signer.subject, subject);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(identity: Identity) -> Self {
        Self {
            identities: vec![identity],
            root: RootName::PUBLIC_GOOD.into(),
            transparency: TransparencyRequirements::LOGGED,
            sct: SctRule::Required,
            detached_sct: None,
            certificates: Vec::new(),
            hash: None,
        }
    }

    /// Certificates, logs and timestamps are checked against this trusted root.
    #[must_use]
    pub fn with_root(mut self, root: impl Into<RootReference>) -> Self {
        self.root = root.into();
        self
    }

    /// Another identity will do as well.
    #[must_use]
    pub fn with_identity(mut self, identity: Identity) -> Self {
        self.identities.push(identity);
        self
    }

    /// Which log entries and timestamps are required.
    #[must_use]
    pub fn with_transparency(mut self, transparency: TransparencyRequirements) -> Self {
        self.transparency = transparency;
        self
    }

    /// The signer's certificate, leaf first, for signatures without one; a certificate in the signature must be the same.
    #[must_use]
    pub fn with_certificates(mut self, leaf: Certificate, others: impl IntoIterator<Item = Certificate>) -> Self {
        self.certificates = std::iter::once(leaf).chain(others).collect();
        self
    }

    /// A certificate log's promise that came apart from the certificate. It must hold, beside those that the certificate carries.
    #[must_use]
    pub fn with_detached_sct(mut self, sct: DetachedSct) -> Self {
        self.detached_sct = Some(sct);
        self
    }

    /// Accepts only signatures over this hash instead of those usual for the certificate's key.
    #[must_use]
    pub fn with_hash(mut self, hash: DigestAlgorithm) -> Self {
        self.hash = Some(hash);
        self
    }

    /// How the key of a certificate may have signed.
    pub(crate) fn schemes(&self, key: &PublicKey) -> Vec<SignatureScheme> {
        match self.hash {
            Some(hash) => key.algorithm().schemes_over(hash),
            None => key.accepted_schemes().to_vec(),
        }
    }

    /// Does not ask whether the certificate was logged, and the report says so.
    #[must_use]
    pub fn dangerous_without_sct(mut self) -> Self {
        self.sct = SctRule::Waived;
        self
    }

    /// Returns true if one signer could match both.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.identities.iter().any(|identity| other.identities.iter().any(|another| identity.meets(another)))
    }

    /// How the authority is called in reports.
    pub fn name(&self) -> String {
        self.identities.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
    }
}
