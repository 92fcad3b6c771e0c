//! Whom to trust: a key, or an identity. Every verb that verifies has these flags.

use clap::Args;

use super::{CertificateArgs, IdentityArgs, LogRequirement, PublicKeyArgs, VerifyLogArgs, help};
use crate::error::CliError;

/// Switches that say what must come with a signature, as clap knows them.
pub(super) const SIGNER_SWITCHES: [&str; 7] = [
    "require_log",
    "insecure_ignore_tlog",
    "private_infrastructure",
    "use_signed_timestamps",
    "insecure_ignore_sct",
    "compat_unanchored_regexp",
    "certificate_oidc_issuer_absent",
];

/// Whose signatures are accepted, and what must come with them.
#[derive(Args, Clone, Debug)]
pub(crate) struct TrustArgs {
    #[command(flatten)]
    pub(crate) keys: PublicKeyArgs,
    #[command(flatten)]
    pub(crate) identities: IdentityArgs,
    #[command(flatten)]
    pub(crate) certificates: CertificateArgs,
    #[command(flatten)]
    pub(crate) log: VerifyLogArgs,
}

/// How signers are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignersBy {
    /// By their keys.
    Key,
    /// By identities in their certificates.
    Identity,
}

impl TrustArgs {
    /// How signers are known.
    ///
    /// # Errors
    /// [`CliError::usage`], when it is not said, or said in both ways.
    pub(crate) fn by(&self) -> Result<SignersBy, CliError> {
        let keyless = self.identities.is_given().then_some("--certificate-identity");
        match (self.keys.key.is_empty(), keyless.or(self.certificates.given())) {
            (false, None) => Ok(SignersBy::Key),
            (true, Some(_)) => self.identities.pairs().map(|_| SignersBy::Identity),
            // A switch: clap knows the other flags.
            (false, Some(flag)) => {
                Err(CliError::usage(format!("{flag} cannot be used with --key: it is about certificates: omit it")))
            }
            (true, None) => Err(CliError::usage(missing(""))),
        }
    }

    /// Rejects conflicting flags of `verb`, and warns about ineffective ones.
    ///
    /// # Errors
    /// [`CliError`].
    pub(crate) fn check(&self, verb: &str, notes: &mut Vec<String>) -> Result<(), CliError> {
        if self.keys.key.is_empty() && !self.identities.is_given() && self.certificates.given().is_none() {
            return Err(CliError::usage(missing(verb)));
        }
        self.log.check(self.by()?, notes)?;
        for flag in self.weakened() {
            notes.push(format!("WARNING: {flag}: {}", weaker(flag)));
        }
        Ok(())
    }

    /// The flag that says which authorities and logs to trust, if one is given.
    pub(crate) fn names_authorities(&self) -> Option<&'static str> {
        let certificates = &self.certificates;
        [
            ("--trusted-root", self.log.trusted_root.is_some()),
            ("--certificate-chain", certificates.certificate_chain.is_some()),
            ("--ca-roots", certificates.ca_roots.is_some()),
            ("--timestamp-certificate-chain", self.log.timestamp_certificate_chain.is_some()),
        ]
        .into_iter()
        .find_map(|(flag, given)| given.then_some(flag))
    }

    /// The flags by which less is asked for than usual, as they were given.
    pub(crate) fn weakened(&self) -> Vec<&'static str> {
        let by_identity = self.keys.key.is_empty();
        let waived = by_identity && matches!(self.log.requirement(), Ok(LogRequirement::Waived));
        [
            (self.log.insecure_ignore_tlog == Some(true) && waived, "--insecure-ignore-tlog"),
            (self.log.private_infrastructure && waived, "--private-infrastructure"),
            (self.certificates.insecure_ignore_sct, "--insecure-ignore-sct"),
            (self.identities.compat_unanchored_regexp, "--compat-unanchored-regexp"),
        ]
        .into_iter()
        .filter_map(|(given, flag)| given.then_some(flag))
        .collect()
    }
}

/// No signer is named: in which ways `verb` names signers, and how its lines look.
fn missing(verb: &str) -> String {
    let ways = if verb == "verify" { "with --key, with --policy, or with" } else { "with --key, or with" };
    let mut text = format!(
        "missing the signer: say who must have signed {ways} --certificate-identity and --certificate-oidc-issuer"
    );
    for (what, line) in help::of(verb).iter().flat_map(|help| help.examples.iter().take(2)) {
        text.push_str(&format!("\n  {what}:\n    {}", line.replace('\n', "\n    ")));
    }
    text
}

/// What becomes possible by a flag that weakens verification.
fn weaker(flag: &str) -> &'static str {
    match flag {
        "--insecure-ignore-sct" => "certificates are accepted without proof of certificate-transparency logging",
        "--compat-unanchored-regexp" => "a pattern that matches only a part of the identity is accepted",
        _ => {
            "signatures are accepted without a transparency log entry, and certificates without a trusted signing time"
        }
    }
}
