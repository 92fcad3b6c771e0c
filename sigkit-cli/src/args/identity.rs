//! Identities whose signatures are accepted, and the issuers that confirm them.

use clap::{ArgAction, Args};
use sigkit_core::trust::FulcioExtension;

use crate::error::CliError;

/// Flags about certificates, as clap knows them: they say who must have signed, as a key does. Switches are not among them, since one that
/// is false says nothing.
pub(super) const CERTIFICATE_FLAGS: [&str; 14] = [
    "certificate_identity",
    "certificate_identity_regexp",
    "certificate_oidc_issuer",
    "certificate_oidc_issuer_regexp",
    "certificate_github_workflow_trigger",
    "certificate_github_workflow_sha",
    "certificate_github_workflow_name",
    "certificate_github_workflow_repository",
    "certificate_github_workflow_ref",
    "certificate",
    "certificate_chain",
    "ca_roots",
    "ca_intermediates",
    "sct",
];

/// The identities that may have signed.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Identity")]
pub(crate) struct IdentityArgs {
    /// Identity in the certificate of the signer: an e-mail address, a URI; may be repeated
    #[arg(long, alias = "cert-identity", value_name = "IDENTITY", conflicts_with = "certificate_identity_regexp")]
    certificate_identity: Vec<String>,
    /// The same as a regular expression, which must match all of the identity
    #[arg(long, alias = "cert-identity-regexp", value_name = "REGEXP")]
    certificate_identity_regexp: Vec<String>,
    /// Issuer of the identity; one for all identities, or one for each in the same order
    #[arg(long, alias = "cert-oidc-issuer", value_name = "URL", conflicts_with = "certificate_oidc_issuer_regexp")]
    certificate_oidc_issuer: Vec<String>,
    /// The same as a regular expression, which must match all of the issuer
    #[arg(long, alias = "cert-oidc-issuer-regexp", value_name = "REGEXP")]
    certificate_oidc_issuer_regexp: Vec<String>,
    /// Accept a certificate without an OIDC issuer, as GitHub's release attestations have
    #[arg(long, action = ArgAction::Set, default_value_t = false, conflicts_with_all = ["certificate_oidc_issuer", "certificate_oidc_issuer_regexp"])]
    certificate_oidc_issuer_absent: bool,
    /// Event that triggered the GitHub workflow
    #[arg(long, value_name = "EVENT")]
    certificate_github_workflow_trigger: Option<String>,
    /// Commit that the GitHub workflow ran on
    #[arg(long, value_name = "COMMIT")]
    certificate_github_workflow_sha: Option<String>,
    /// Name of the GitHub workflow
    #[arg(long, value_name = "NAME")]
    certificate_github_workflow_name: Option<String>,
    /// Repository of the GitHub workflow
    #[arg(long, value_name = "OWNER/NAME")]
    certificate_github_workflow_repository: Option<String>,
    /// Branch or tag that the GitHub workflow ran on
    #[arg(long, value_name = "REF")]
    certificate_github_workflow_ref: Option<String>,
    /// Let a regular expression match any part of an identity or issuer, as cosign does
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub(crate) compat_unanchored_regexp: bool,
}

/// A text to be matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted<'a> {
    /// Byte for byte.
    Exact(&'a str),
    /// By a regular expression.
    Regexp(&'a str),
}

/// An identity, and the issuer that must confirm it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WantedIdentity<'a> {
    pub(crate) identity: Wanted<'a>,
    /// None: the certificate must name no issuer.
    pub(crate) issuer: Option<Wanted<'a>>,
}

impl IdentityArgs {
    /// Returns true if a flag says what certificates must contain.
    pub(crate) fn is_given(&self) -> bool {
        !(self.identities().is_empty() && self.issuers().is_empty() && self.workflow().next().is_none())
            || self.compat_unanchored_regexp
            || self.certificate_oidc_issuer_absent
    }

    /// Every identity with its issuer, at least one.
    ///
    /// # Errors
    /// [`CliError::usage`], when an identity has no issuer, an issuer no identity, or their numbers do not fit.
    pub(crate) fn pairs(&self) -> Result<Vec<WantedIdentity<'_>>, CliError> {
        let (identities, issuers) = (self.identities(), self.issuers());
        let usage = |why: &str| Err(CliError::usage(why.to_owned()));
        let texts = identities.iter().chain(&issuers);
        if texts.into_iter().any(|(Wanted::Exact(text) | Wanted::Regexp(text))| text.is_empty()) {
            return usage("an identity or issuer is empty, which matches nothing: give a value");
        }
        if self.certificate_oidc_issuer_absent && !identities.is_empty() {
            return Ok(identities.into_iter().map(|identity| WantedIdentity { identity, issuer: None }).collect());
        }
        match (identities.len(), issuers.len()) {
            (0, _) => usage(
                "missing the identity: give --certificate-identity or --certificate-identity-regexp, since anyone can get a certificate",
            ),
            (_, 0) => usage(
                "missing the issuer of the identity: give --certificate-oidc-issuer or --certificate-oidc-issuer-regexp, since another issuer \
                 can give the same name to someone else (for a certificate that names no issuer: \
                 --certificate-oidc-issuer-absent)",
            ),
            (_, 1) => Ok(identities
                .iter()
                .flat_map(|identity| {
                    issuers.iter().map(|issuer| WantedIdentity { identity: *identity, issuer: Some(*issuer) })
                })
                .collect()),
            (all, named) if all == named => Ok(identities
                .into_iter()
                .zip(issuers)
                .map(|(identity, issuer)| WantedIdentity { identity, issuer: Some(issuer) })
                .collect()),
            (all, named) => Err(CliError::usage(format!(
                "{all} identities but {named} issuers: give one issuer for all identities, or one for each"
            ))),
        }
    }

    /// What the extensions of a GitHub workflow must say.
    pub(crate) fn workflow(&self) -> impl Iterator<Item = (FulcioExtension, &str)> {
        [
            (FulcioExtension::GithubWorkflowTrigger, &self.certificate_github_workflow_trigger),
            (FulcioExtension::GithubWorkflowSha, &self.certificate_github_workflow_sha),
            (FulcioExtension::GithubWorkflowName, &self.certificate_github_workflow_name),
            (FulcioExtension::GithubWorkflowRepository, &self.certificate_github_workflow_repository),
            (FulcioExtension::GithubWorkflowRef, &self.certificate_github_workflow_ref),
        ]
        .into_iter()
        .filter_map(|(extension, text)| Some((extension, text.as_deref()?)))
    }

    fn identities(&self) -> Vec<Wanted<'_>> {
        wanted(&self.certificate_identity, &self.certificate_identity_regexp)
    }

    fn issuers(&self) -> Vec<Wanted<'_>> {
        wanted(&self.certificate_oidc_issuer, &self.certificate_oidc_issuer_regexp)
    }
}

fn wanted<'a>(exact: &'a [String], regexps: &'a [String]) -> Vec<Wanted<'a>> {
    exact.iter().map(|text| Wanted::Exact(text)).chain(regexps.iter().map(|text| Wanted::Regexp(text))).collect()
}

#[cfg(test)]
mod tests {
    use clap::{Command, FromArgMatches as _};

    use super::*;
    use crate::error::ErrorKind;

    fn read(flags: &[&str]) -> IdentityArgs {
        let command = IdentityArgs::augment_args(Command::new("test"));
        let words = std::iter::once("test").chain(flags.iter().copied());
        IdentityArgs::from_arg_matches(&command.get_matches_from(words)).unwrap()
    }

    // threat: I03
    #[test]
    fn an_identity_needs_an_issuer_and_an_issuer_an_identity() {
        for flags in [
            &[][..],
            &["--certificate-identity=a"],
            &["--certificate-identity-regexp=a"],
            &["--certificate-oidc-issuer=i"],
            &["--certificate-oidc-issuer-regexp=i"],
            &["--certificate-github-workflow-ref=r"],
            &["--certificate-identity=", "--certificate-oidc-issuer=i"],
            &["--certificate-identity=a", "--certificate-oidc-issuer-regexp="],
        ] {
            assert_eq!(read(flags).pairs().unwrap_err().kind(), ErrorKind::Usage, "{flags:?}");
        }
        let absent = read(&["--cert-identity=a", "--certificate-oidc-issuer-absent=true"]);
        assert_eq!(absent.pairs().unwrap(), [WantedIdentity { identity: Wanted::Exact("a"), issuer: None }]);
        assert!(read(&["--certificate-oidc-issuer-absent=true"]).pairs().is_err());
        let args = read(&["--cert-identity=a", "--cert-oidc-issuer-regexp=i"]);
        let pair = WantedIdentity { identity: Wanted::Exact("a"), issuer: Some(Wanted::Regexp("i")) };
        assert_eq!(args.pairs().unwrap(), [pair]);
    }

    #[test]
    fn identities_share_an_issuer_or_have_one_each() {
        let shown = |flags: &[&str]| {
            let args = read(flags);
            let pairs = args.pairs()?;
            Ok::<_, CliError>(
                pairs.iter().map(|pair| format!("{:?} {:?}", pair.identity, pair.issuer.unwrap())).collect::<Vec<_>>(),
            )
        };
        let two = ["--certificate-identity=a", "--certificate-identity=b"];
        assert_eq!(
            shown(&[&two[..], &["--certificate-oidc-issuer=i"]].concat()).unwrap(),
            [r#"Exact("a") Exact("i")"#, r#"Exact("b") Exact("i")"#]
        );
        assert_eq!(
            shown(&[&two[..], &["--certificate-oidc-issuer=i", "--certificate-oidc-issuer=j"]].concat()).unwrap(),
            [r#"Exact("a") Exact("i")"#, r#"Exact("b") Exact("j")"#]
        );
        let three = ["--certificate-oidc-issuer=i", "--certificate-oidc-issuer=j", "--certificate-oidc-issuer=k"];
        assert_eq!(shown(&[&two[..], &three[..]].concat()).unwrap_err().kind(), ErrorKind::Usage);
        assert_eq!(shown(&["--certificate-identity=a", three[0], three[1]]).unwrap_err().kind(), ErrorKind::Usage);
    }
}
