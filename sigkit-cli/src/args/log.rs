//! What a command line says about transparency logs and timestamp authorities.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use super::signer::SignersBy;
use crate::error::CliError;

/// The ways to say, when signing, that no log is to be used. Anything else is refused.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Transparency log")]
pub(crate) struct NoLogArgs {
    /// Upload to a transparency log: only false is possible, and the default
    #[arg(long, action = ArgAction::Set)]
    pub(crate) tlog_upload: Option<bool>,
    /// Use the signing configuration of the public services: only false is possible, and the default
    #[arg(long, action = ArgAction::Set)]
    pub(crate) use_signing_config: Option<bool>,
    /// Signing configuration; must name no services
    #[arg(long, value_name = "FILE")]
    pub(crate) signing_config: Option<PathBuf>,
    /// Trusted root; a signature by a key alone needs none
    #[arg(long, value_name = "FILE")]
    pub(crate) trusted_root: Option<PathBuf>,
}

/// What to ask of transparency logs and timestamp authorities when verifying.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Transparency log and time")]
pub(crate) struct VerifyLogArgs {
    /// Trusted root that names logs and authorities, instead of the built-in one of the public services
    #[arg(long, value_name = "FILE")]
    pub(crate) trusted_root: Option<PathBuf>,
    /// Ask for an entry of a transparency log: the default with an identity, not with a key
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub(crate) require_log: bool,
    /// Ask for no log entry: the default with a key, a weaker check with an identity
    #[arg(long, action = ArgAction::Set)]
    pub(crate) insecure_ignore_tlog: Option<bool>,
    /// Ask for no log entry, the services being private
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub(crate) private_infrastructure: bool,
    /// Ask for a timestamp of a timestamp authority
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub(crate) use_signed_timestamps: bool,
    /// Timestamp authority to trust instead of the trusted root's, PEM: its certificate first, the root last
    #[arg(long, value_name = "FILE")]
    pub(crate) timestamp_certificate_chain: Option<PathBuf>,
    /// No effect: verifying contacts the registry of the image and nothing else
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub(crate) offline: bool,
    /// No effect: entries of the log come with the signature
    #[arg(long, hide = true, value_name = "URL")]
    pub(crate) rekor_url: Option<String>,
}

/// Whether an entry of a transparency log is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogRequirement {
    /// As is usual for the kind of signer.
    Usual,
    /// Always.
    Required,
    /// Never.
    Waived,
}

impl NoLogArgs {
    /// Refuses what would need a log.
    ///
    /// # Errors
    /// [`CliError::usage`].
    pub(crate) fn check(&self) -> Result<(), CliError> {
        for (flag, value) in [("--tlog-upload", self.tlog_upload), ("--use-signing-config", self.use_signing_config)] {
            if value == Some(true) {
                return Err(CliError::usage(format!(
                    "{flag}=true needs a transparency log, and this build signs without one: omit it, or give {flag}=false"
                )));
            }
        }
        Ok(())
    }
}

impl VerifyLogArgs {
    /// Whether a log entry is asked for.
    ///
    /// # Errors
    /// [`CliError::usage`], when flags contradict each other.
    pub(crate) fn requirement(&self) -> Result<LogRequirement, CliError> {
        let required = self.require_log || self.insecure_ignore_tlog == Some(false);
        let waived = self.insecure_ignore_tlog == Some(true) || self.private_infrastructure;
        match (required, waived) {
            (true, true) => Err(CliError::usage(
                "a log entry is both required and waived: keep --require-log, or --insecure-ignore-tlog or --private-infrastructure"
                    .to_owned(),
            )),
            (true, false) => Ok(LogRequirement::Required),
            (false, true) => Ok(LogRequirement::Waived),
            (false, false) => Ok(LogRequirement::Usual),
        }
    }

    /// Rejects conflicting flags, and warns about ineffective ones.
    ///
    /// # Errors
    /// [`CliError::usage`].
    pub(crate) fn check(&self, by: SignersBy, notes: &mut Vec<String>) -> Result<(), CliError> {
        if self.offline {
            notes.push(
                "note: --offline has no effect: verifying contacts the registry of the image and nothing else"
                    .to_owned(),
            );
        }
        if self.rekor_url.is_some() {
            let why = "log entries come with the signature, and no log is contacted";
            notes.push(format!("note: --rekor-url has no effect: {why}"));
        }
        if self.requirement()? == LogRequirement::Waived && by == SignersBy::Key {
            let flag = if self.private_infrastructure { "--private-infrastructure" } else { "--insecure-ignore-tlog" };
            notes.push(format!("note: {flag} has no effect: verifying with a key requires no log entry"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::{Command, FromArgMatches};

    use super::*;
    use crate::error::ErrorKind;

    fn read<T: Args + FromArgMatches>(flags: &[&str]) -> T {
        let command = T::augment_args(Command::new("test"));
        T::from_arg_matches(&command.get_matches_from(std::iter::once(&"test").chain(flags))).unwrap()
    }

    fn usage(result: Result<(), CliError>) -> String {
        match result {
            Err(error) if error.kind() == ErrorKind::Usage => error.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn asking_for_a_log_is_refused() {
        for flags in [&[][..], &["--tlog-upload=false", "--use-signing-config=false"]] {
            read::<NoLogArgs>(flags).check().unwrap();
        }
        for flag in ["--tlog-upload=true", "--use-signing-config=true"] {
            assert!(usage(read::<NoLogArgs>(&[flag]).check()).contains("needs a transparency log"));
        }
    }

    #[test]
    fn a_log_entry_is_asked_for_or_waived_and_not_both() {
        for (flags, requirement) in [
            (&[][..], LogRequirement::Usual),
            (&["--require-log=true"], LogRequirement::Required),
            (&["--insecure-ignore-tlog=false"], LogRequirement::Required),
            (&["--insecure-ignore-tlog=true"], LogRequirement::Waived),
            (&["--private-infrastructure=true"], LogRequirement::Waived),
        ] {
            let args = read::<VerifyLogArgs>(flags);
            assert_eq!(args.requirement().unwrap(), requirement, "{flags:?}");
            args.check(SignersBy::Key, &mut Vec::new()).unwrap();
        }
        for flag in ["--insecure-ignore-tlog=true", "--private-infrastructure=true"] {
            let text =
                usage(read::<VerifyLogArgs>(&["--require-log=true", flag]).check(SignersBy::Key, &mut Vec::new()));
            assert!(text.contains("both required and waived"), "{text}");
        }
    }
}
