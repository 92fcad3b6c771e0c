//! How policies refer to trusted roots, which the deployment holds.

use std::borrow::Cow;
use std::sync::Arc;

use super::{CertificateAuthority, LogId, TransparencyLog, TrustedRoot};

/// The name by which policies refer to a trusted root of the deployment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RootName(Cow<'static, str>);

impl RootName {
    /// The root of the public Sigstore instance.
    pub const PUBLIC_GOOD: Self = Self(Cow::Borrowed("public-good"));

    /// A name that a deployment gives to a root of its own.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self(name.into())
    }

    /// The same for a constant.
    pub const fn named(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for RootName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The trusted root that an authority of a policy is judged by: a name, and what the policy changes about the root of that name.
///
/// The root itself is looked up at each verification, so that one that was exchanged counts at once. What a policy brings itself, such as
/// the certificates of its own authority, belongs to the policy as a public key does.
#[derive(Clone, Debug)]
pub struct RootReference {
    /// `None` where the policy brings all that is trusted.
    name: Option<RootName>,
    logs: Selection<Vec<TransparencyLog>>,
    issuers: Selection<Arc<CertificateAuthority>>,
}

/// Which entries of a kind count.
#[derive(Clone, Debug)]
enum Selection<T> {
    /// All of the root.
    All,
    /// Those of the root at this address.
    At(String),
    /// These instead of those of the root.
    Own(T),
}

impl From<RootName> for RootReference {
    fn from(name: RootName) -> Self {
        Self { name: Some(name), logs: Selection::All, issuers: Selection::All }
    }
}

/// Why the root that a policy refers to cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RootError {
    /// The deployment has no root of that name.
    #[error("no trusted root of this name: add it to the deployment, or name one of {known}")]
    Unknown {
        /// Those that it has.
        known: String,
    },
    /// The root has no log at the address that the policy names.
    #[error("the trusted root does not have log {url:?}: it has {known}")]
    Log {
        /// The address.
        url: String,
        /// Those that it has.
        known: String,
    },
    /// The root has no certificate authority at the address that the policy names.
    #[error("the trusted root does not have certificate authority {url:?}")]
    Issuer {
        /// The address.
        url: String,
    },
    /// Two logs of the policy have one id.
    #[error("two logs have the id {id}")]
    DuplicateLog {
        /// The id.
        id: LogId,
    },
}

impl RootReference {
    /// No root of the deployment: what the policy brings itself is all that is trusted.
    pub const fn own() -> Self {
        Self { name: None, logs: Selection::All, issuers: Selection::All }
    }

    /// Only the logs of signatures at this address.
    #[must_use]
    pub fn with_log_at(self, url: impl Into<String>) -> Self {
        Self { logs: Selection::At(url.into()), ..self }
    }

    /// These logs of signatures instead of those of the root.
    #[must_use]
    pub fn with_logs(self, logs: Vec<TransparencyLog>) -> Self {
        Self { logs: Selection::Own(logs), ..self }
    }

    /// Only the issuers of signers' certificates at this address.
    #[must_use]
    pub fn with_issuer_at(self, url: impl Into<String>) -> Self {
        Self { issuers: Selection::At(url.into()), ..self }
    }

    /// This issuer of signers' certificates instead of those of the root.
    #[must_use]
    pub fn with_issuer(self, issuer: CertificateAuthority) -> Self {
        Self { issuers: Selection::Own(Arc::new(issuer)), ..self }
    }

    /// The name of the root; `None` where the policy brings all that is trusted.
    pub const fn name(&self) -> Option<&RootName> {
        self.name.as_ref()
    }

    /// What of `root` counts.
    ///
    /// # Errors
    /// [`RootError`] where it lacks what the policy selects.
    pub(crate) fn select<'r>(&self, root: &'r TrustedRoot) -> Result<Cow<'r, TrustedRoot>, RootError> {
        if matches!((&self.logs, &self.issuers), (Selection::All, Selection::All)) {
            return Ok(Cow::Borrowed(root));
        }
        let duplicate = |id| RootError::DuplicateLog { id };
        let mut selected = root.clone();
        match &self.logs {
            Selection::All => {}
            Selection::At(url) => {
                let at = |log: &&TransparencyLog| is_address(log.base_url(), url);
                let logs: Vec<_> = root.logs().iter().filter(at).cloned().collect();
                if logs.is_empty() {
                    let known = root.logs().iter().map(TransparencyLog::base_url).collect::<Vec<_>>().join(", ");
                    return Err(RootError::Log { url: url.clone(), known });
                }
                selected.replace_logs(logs).map_err(duplicate)?;
            }
            Selection::Own(logs) => selected.replace_logs(logs.clone()).map_err(duplicate)?,
        }
        match &self.issuers {
            Selection::All => {}
            Selection::At(url) => {
                let at = |issuer: &&CertificateAuthority| is_address(issuer.uri(), url);
                let issuers: Vec<_> = root.certificate_authorities().iter().filter(at).cloned().collect();
                if issuers.is_empty() {
                    return Err(RootError::Issuer { url: url.clone() });
                }
                selected.replace_certificate_authorities(issuers);
            }
            Selection::Own(issuer) => {
                selected.replace_certificate_authorities(vec![CertificateAuthority::clone(issuer)])
            }
        }
        Ok(Cow::Owned(selected))
    }
}

fn is_address(known: &str, url: &str) -> bool {
    known.trim_end_matches('/') == url.trim_end_matches('/')
}
