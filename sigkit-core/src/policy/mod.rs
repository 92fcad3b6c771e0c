//! Who must have signed, and what else must hold.

#[cfg(feature = "policy-files")]
pub mod document;
mod gate;
mod glob;
mod names;
mod outline;
mod quantifier;
#[cfg(feature = "rego")]
mod rego;
#[cfg(feature = "rego")]
mod rego_dialect;
#[cfg(feature = "rego")]
mod rego_functions;
#[cfg(feature = "rego")]
mod rego_limits;
mod requirement;
mod scope;
mod set;
mod signed_identity;
#[cfg(feature = "rego")]
mod whole_policy;

pub use gate::{Age, AgeError, Exception, FindingFilter, Gate, ProvenanceGate, ScanGate};
pub use glob::{GlobError, ImageGlob, TextGlob};
pub use outline::{OutlineLine, PolicyLint};
pub use quantifier::Quantifier;
#[cfg(feature = "rego")]
pub(crate) use rego::RegoRefusal;
#[cfg(feature = "rego")]
pub use rego::{RegoError, RegoPolicy};
pub use requirement::{PolicyRequirement, Requirement};
pub use scope::{ImageScope, NamePrefix, ScopeError};
pub use set::{EnforcementMode, ImageIdentity, ImageMatcher, ImageRule, PolicySet};
pub use signed_identity::SignedIdentity;
pub(crate) use signed_identity::SignedReference;
#[cfg(feature = "rego")]
pub(crate) use whole_policy::Shows;
#[cfg(feature = "rego")]
pub use whole_policy::{NamedAuthority, WholePolicy};
#[cfg(feature = "keyless")]
mod identity;
#[cfg(feature = "keyless")]
mod keyless;

#[cfg(feature = "keyless")]
pub use identity::{Identity, Pattern, PatternError};
#[cfg(feature = "keyless")]
pub use keyless::{KeylessAuthority, TransparencyRequirements};
#[cfg(feature = "keyless")]
pub(crate) use keyless::{LogRule, SctRule};

use std::num::NonZeroUsize;

use crate::content::PredicateType;
use crate::crypto::{PublicKey, SignatureError, SignatureScheme};
use crate::digest::DigestAlgorithm;
use crate::oci::Repository;
#[cfg(feature = "keyless")]
use crate::trust::RootReference;

/// What an artifact must show to be accepted. Command line flags, policy files and embedders all end here.
///
/// There is no default policy: a policy names at least one authority.
#[derive(Clone, Debug)]
pub struct Policy {
    pub(crate) purpose: Purpose,
    pub(crate) threshold: NonZeroUsize,
    pub(crate) authorities: Vec<Authority>,
    pub(crate) annotations: Vec<(String, String)>,
    pub(crate) reference: Option<SignedReference>,
    pub(crate) claims: Claims,
    pub(crate) gates: Vec<Gate>,
}

/// What a signature must have been made for; one never counts for another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Purpose {
    /// Signing an image: a simple signing document, or a statement with the sign predicate. An attestation does not count.
    Image,
    /// Signing bytes: a signature over the bytes themselves.
    Blob,
    /// Saying something of this type about an image or a blob, in an in-toto statement. A signature does not count.
    Attestation(PredicateType),
}

/// A signer that is allowed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Authority {
    /// The holder of a key.
    Key(KeyAuthority),
    /// The holder of an identity.
    #[cfg(feature = "keyless")]
    Keyless(KeylessAuthority),
}

impl Authority {
    /// Returns true if it is the same signer by the same key or identity.
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Key(key), Self::Key(other)) => key.key == other.key,
            #[cfg(feature = "keyless")]
            (Self::Keyless(identity), Self::Keyless(other)) => identity.name() == other.name(),
            #[cfg(feature = "keyless")]
            _ => false,
        }
    }

    /// Their names, if one signer could match both.
    #[cfg(feature = "keyless")]
    fn meeting(&self, other: &Self) -> Option<(String, String)> {
        match (self, other) {
            (Self::Keyless(one), Self::Keyless(other)) if one.overlaps(other) => Some((one.name(), other.name())),
            _ => None,
        }
    }
}

/// The holder of a key.
#[derive(Clone, Debug)]
pub struct KeyAuthority {
    pub(crate) name: String,
    pub(crate) key: PublicKey,
    pub(crate) schemes: Vec<SignatureScheme>,
    #[cfg(feature = "keyless")]
    pub(crate) transparency: Option<(RootReference, TransparencyRequirements)>,
    #[cfg(feature = "keyless")]
    pub(crate) validity: crate::trust::Validity,
}

impl KeyAuthority {
    /// A key with a name for reports: a path, a URI.
    pub fn new(name: impl Into<String>, key: PublicKey) -> Self {
        let schemes = key.accepted_schemes().to_vec();
        Self {
            name: name.into(),
            key,
            schemes,
            #[cfg(feature = "keyless")]
            transparency: None,
            #[cfg(feature = "keyless")]
            validity: crate::trust::Validity::ALWAYS,
        }
    }

    /// Accepts only this scheme instead of those usual for the key.
    #[must_use]
    pub fn with_scheme(mut self, scheme: SignatureScheme) -> Self {
        self.schemes = vec![scheme];
        self
    }

    /// Accepts only signatures over this hash instead of those usual for the key.
    ///
    /// # Errors
    /// [`SignatureError::NoScheme`] when the key cannot sign so.
    pub fn with_hash(mut self, hash: DigestAlgorithm) -> Result<Self, SignatureError> {
        let algorithm = self.key.algorithm();
        self.schemes = algorithm.schemes_over(hash);
        if self.schemes.is_empty() { Err(SignatureError::NoScheme { algorithm }) } else { Ok(self) }
    }

    /// Checks log entries and timestamps against this trusted root of the deployment, and asks for so many of them.
    #[cfg(feature = "keyless")]
    #[must_use]
    pub fn with_transparency(mut self, root: impl Into<RootReference>, transparency: TransparencyRequirements) -> Self {
        self.transparency = Some((root.into(), transparency));
        self
    }

    /// The key is trusted during that period only: a log or timestamp authority must say when the signature was made.
    #[cfg(feature = "keyless")]
    #[must_use]
    pub fn with_validity(mut self, validity: crate::trust::Validity) -> Self {
        self.validity = validity;
        self
    }
}

/// Whether the signed claims are compared with the artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claims {
    Checked,
    Waived,
}

/// Why a policy is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The policy names no signer.
    #[error("a policy needs at least one key or identity")]
    NoAuthority,
    /// More signers are asked for than there are.
    #[error("{threshold} distinct signers must sign, but only {authorities} distinct ones are given")]
    ThresholdUnreachable {
        /// How many must sign.
        threshold: NonZeroUsize,
        /// How many distinct authorities there are.
        authorities: usize,
    },
    /// Several signers are required, and one could match two of them.
    #[error(
        "{threshold} distinct signers must sign, but one alone could be both {first} and {second}; name subjects that exclude each other"
    )]
    SignersNotDistinct {
        /// How many must sign.
        threshold: NonZeroUsize,
        /// An identity.
        first: String,
        /// One that a certificate could show as well.
        second: String,
    },
}

impl Policy {
    /// One key must have signed.
    ///
    /// ```
    /// # const KEY: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../keys/TEST-ONLY-ecdsa-p256.pub"));
    /// use sigkit_core::{KeyAuthority, Policy, PublicKey, Purpose};
    ///
    /// let authority = KeyAuthority::new("cosign.pub", PublicKey::from_pem(KEY)?);
    /// let policy = Policy::key(Purpose::Image, authority).with_annotation("env", "production");
    /// assert_eq!(policy.purpose(), &Purpose::Image);
    /// # Ok::<(), sigkit_core::crypto::KeyError>(())
    /// ```
    pub fn key(purpose: Purpose, authority: KeyAuthority) -> Self {
        Self::authority(purpose, Authority::Key(authority))
    }

    /// One identity must have signed.
    #[cfg(feature = "keyless")]
    pub fn keyless(purpose: Purpose, authority: KeylessAuthority) -> Self {
        Self::authority(purpose, Authority::Keyless(authority))
    }

    /// This authority must have signed.
    pub fn authority(purpose: Purpose, authority: Authority) -> Self {
        Self {
            purpose,
            threshold: NonZeroUsize::MIN,
            authorities: vec![authority],
            annotations: Vec::new(),
            reference: None,
            claims: Claims::Checked,
            gates: Vec::new(),
        }
    }

    /// At least `threshold` of these keys must have signed. The same key given twice counts once.
    ///
    /// ```
    /// # const KEY: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../keys/TEST-ONLY-ecdsa-p256.pub"));
    /// # const OTHER: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../keys/TEST-ONLY-ed25519.pub"));
    /// use std::num::NonZeroUsize;
    /// use sigkit_core::{KeyAuthority, Policy, PublicKey, Purpose};
    ///
    /// let two = NonZeroUsize::new(2).unwrap();
    /// let keys = [("build", KEY), ("release", OTHER)];
    /// let keys = keys.map(|(name, pem)| PublicKey::from_pem(pem).map(|key| KeyAuthority::new(name, key)));
    /// let keys = keys.into_iter().collect::<Result<Vec<_>, _>>()?;
    /// assert!(Policy::keys(Purpose::Image, two, keys.clone()).is_ok());
    /// assert!(Policy::keys(Purpose::Image, two, keys[..1].to_vec()).is_err(), "one key cannot make two signers");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn keys(
        purpose: Purpose,
        threshold: NonZeroUsize,
        authorities: impl IntoIterator<Item = KeyAuthority>,
    ) -> Result<Self, PolicyError> {
        Self::at_least(purpose, threshold, authorities.into_iter().map(Authority::Key))
    }

    /// At least `threshold` of these authorities must have signed. The same key, and the same identity, given twice counts once, and
    /// with a threshold above one no subject may fit two identities.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn at_least(
        purpose: Purpose,
        threshold: NonZeroUsize,
        authorities: impl IntoIterator<Item = Authority>,
    ) -> Result<Self, PolicyError> {
        let mut distinct: Vec<Authority> = Vec::new();
        for authority in authorities {
            if !distinct.iter().any(|known| known.is_same(&authority)) {
                distinct.push(authority);
            }
        }
        if distinct.len() < threshold.get() && !distinct.is_empty() {
            return Err(PolicyError::ThresholdUnreachable { threshold, authorities: distinct.len() });
        }
        #[cfg(feature = "keyless")]
        if threshold > NonZeroUsize::MIN {
            let mut rest = distinct.as_slice();
            while let [one, others @ ..] = rest {
                if let Some((first, second)) = others.iter().find_map(|other| one.meeting(other)) {
                    return Err(PolicyError::SignersNotDistinct { threshold, first, second });
                }
                rest = others;
            }
        }
        let mut rest = distinct.into_iter();
        let mut policy = Self::authority(purpose, rest.next().ok_or(PolicyError::NoAuthority)?);
        policy.authorities.extend(rest);
        policy.threshold = threshold;
        Ok(policy)
    }

    /// The same signature must also carry this signed annotation.
    #[must_use]
    pub fn with_annotation(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.annotations.push((name.into(), value.into()));
        self
    }

    /// The signature must have been made for this repository.
    #[must_use]
    pub fn with_reference(mut self, repository: Repository) -> Self {
        self.reference = Some(SignedReference::Repository(repository));
        self
    }

    pub(crate) fn with_signed_reference(mut self, reference: SignedReference) -> Self {
        self.reference = Some(reference);
        self
    }

    /// What is attested must also pass this gate.
    #[must_use]
    pub fn with_gate(mut self, gate: Gate) -> Self {
        self.gates.push(gate);
        self
    }

    /// Does not compare what was signed with the artifact: any payload by an authority is accepted, and the report says so.
    #[must_use]
    pub fn dangerous_without_claims(mut self) -> Self {
        self.claims = Claims::Waived;
        self
    }

    /// What a signature must have been made for.
    pub fn purpose(&self) -> &Purpose {
        &self.purpose
    }
}
