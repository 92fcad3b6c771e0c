//! What a command line says about transparency logs and timestamp authorities.

use std::path::{Path, PathBuf};

use clap::{ArgAction, Args};
use serde_json::Value;

use super::signer::SignersBy;
use crate::context::Context;
use crate::error::CliError;
use crate::files::FileError;

/// Largest trusted root or signing configuration, in bytes; that of the public services has 7 KiB.
const MAX_DOCUMENT_BYTES: u64 = 1024 * 1024;

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
    /// Trusted root that names logs and authorities, in place of the built-in one of the public services
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
    /// Timestamp authority to believe in place of the trusted root's, PEM: its certificate first, the root last
    #[arg(long, value_name = "FILE")]
    pub(crate) timestamp_certificate_chain: Option<PathBuf>,
    /// Ask nobody but the registry of the image, as verifying always does
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub(crate) offline: bool,
    /// No effect: entries of the log come with the signature
    #[arg(long, hide = true, value_name = "URL")]
    pub(crate) rekor_url: Option<String>,
}

/// Whether an entry of a transparency log is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogDemand {
    /// As is usual for the kind of signer.
    Usual,
    /// Always.
    Required,
    /// Never.
    Waived,
}

impl NoLogArgs {
    /// Refuses what would need a log, and tells what has no effect.
    ///
    /// # Errors
    /// [`CliError::usage`], [`FileError`].
    pub(crate) fn check(&self, context: &Context) -> Result<(), CliError> {
        for (flag, value) in [("--tlog-upload", self.tlog_upload), ("--use-signing-config", self.use_signing_config)] {
            if value == Some(true) {
                return Err(CliError::usage(format!(
                    "{flag}=true asks for a transparency log, and this build signs without one; leave it out or say {flag}=false"
                )));
            }
        }
        if let Some(path) = &self.signing_config {
            let config = document(
                context,
                "--signing-config",
                path,
                "a signing configuration",
                "application/vnd.dev.sigstore.signingconfig.",
            )?;
            // Fulcio and identity providers serve signers without a key, so that their names change nothing here.
            for services in ["rekorTlogUrls", "tlogUrls", "tsaUrls"] {
                if !matches!(config.get(services), None | Some(Value::Null))
                    && config.get(services) != Some(&Value::Array(vec![]))
                {
                    return Err(CliError::usage(format!(
                        "--signing-config: {} names services ({services}), and this build signs without a log or a timestamp \
                         authority; give one that names none, or leave it out",
                        path.display()
                    )));
                }
            }
        }
        trusted_root(context, self.trusted_root.as_deref())
    }
}

impl VerifyLogArgs {
    /// Whether a log entry is asked for.
    ///
    /// # Errors
    /// [`CliError::usage`], when flags contradict each other.
    pub(crate) fn demand(&self) -> Result<LogDemand, CliError> {
        let required = self.require_log || self.insecure_ignore_tlog == Some(false);
        let waived = self.insecure_ignore_tlog == Some(true) || self.private_infrastructure;
        match (required, waived) {
            (true, true) => Err(CliError::usage(
                "a log entry is both asked for and waived; keep --require-log, or --insecure-ignore-tlog or --private-infrastructure"
                    .to_owned(),
            )),
            (true, false) => Ok(LogDemand::Required),
            (false, true) => Ok(LogDemand::Waived),
            (false, false) => Ok(LogDemand::Usual),
        }
    }

    /// Refuses what makes no sense together, and tells what has no effect.
    ///
    /// # Errors
    /// [`CliError::usage`].
    pub(crate) fn check(&self, by: SignersBy, context: &Context) -> Result<(), CliError> {
        if self.offline {
            context.stderr.line("note: --offline changes nothing: verifying asks nobody but the registry of the image");
        }
        if self.rekor_url.is_some() {
            let why = "log entries come with the signature, and no log is asked for them";
            context.stderr.line(&format!("note: --rekor-url has no effect: {why}"));
        }
        if self.demand()? == LogDemand::Waived && by == SignersBy::Key {
            let flag = if self.private_infrastructure { "--private-infrastructure" } else { "--insecure-ignore-tlog" };
            context.stderr.line(&format!("note: {flag} has no effect: verifying with a key asks for no log entry"));
        }
        Ok(())
    }
}

fn trusted_root(context: &Context, path: Option<&Path>) -> Result<(), CliError> {
    let Some(path) = path else { return Ok(()) };
    document(context, "--trusted-root", path, "a trusted root", "application/vnd.dev.sigstore.trustedroot")?;
    context.stderr.line("note: --trusted-root has no effect: a signature by a key alone needs none");
    Ok(())
}

fn document(
    context: &Context,
    option: &'static str,
    path: &Path,
    expected: &'static str,
    media_type: &str,
) -> Result<Value, FileError> {
    let file = context.files.read(option, path, expected, MAX_DOCUMENT_BYTES)?;
    let refused = |found: String| FileError::Content { option, path: path.to_owned(), expected, found };
    let value: Value = serde_json::from_slice(&file.bytes).map_err(|error| refused(format!("no JSON: {error}")))?;
    match value.get("mediaType").and_then(Value::as_str) {
        Some(found) if found.starts_with(media_type) => Ok(value),
        Some(found) => Err(refused(format!("mediaType {found:?}"))),
        None => Err(refused("no mediaType".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use clap::{Command, FromArgMatches};

    use super::*;
    use crate::context::Environment;
    use crate::error::ErrorKind;
    use crate::terminal::signals::Signals;

    fn read<T: Args + FromArgMatches>(flags: &[&str]) -> T {
        let command = T::augment_args(Command::new("test"));
        T::from_arg_matches(&command.get_matches_from(std::iter::once(&"test").chain(flags))).unwrap()
    }

    fn context() -> Context {
        Context::new(Environment::of(&[]), Signals::default())
    }

    fn usage(result: Result<(), CliError>) -> String {
        match result {
            Err(error) if error.kind() == ErrorKind::Usage => error.to_string(),
            other => panic!("{other:?}"),
        }
    }

    fn check_config(json: &str) -> Result<(), CliError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(json.as_bytes()).unwrap();
        let flag = format!("--signing-config={}", file.path().display());
        read::<NoLogArgs>(&[&flag]).check(&context())
    }

    const CONFIG: &str = r#""mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json""#;

    #[test]
    fn signing_without_a_log_may_be_said_in_every_way() {
        read::<NoLogArgs>(&[]).check(&context()).unwrap();
        read::<NoLogArgs>(&["--tlog-upload=false", "--use-signing-config=false"]).check(&context()).unwrap();
        check_config(&format!("{{{CONFIG}}}")).unwrap();
        check_config(&format!(
            r#"{{{CONFIG},"rekorTlogUrls":[],"tsaUrls":[],"rekorTlogConfig":{{}},"tsaConfig":{{}}}}"#
        ))
        .unwrap();
        check_config(&format!(r#"{{{CONFIG},"caUrls":[{{"url":"https://fulcio"}}]}}"#)).unwrap();
    }

    #[test]
    fn asking_for_a_log_is_refused() {
        for flag in ["--tlog-upload=true", "--use-signing-config=true"] {
            assert!(usage(read::<NoLogArgs>(&[flag]).check(&context())).contains("asks for a transparency log"));
        }
        for services in [r#""rekorTlogUrls":[{"url":"https://rekor"}]"#, r#""tsaUrls":[{}]"#, r#""tlogUrls":"x""#] {
            let text = usage(check_config(&format!("{{{CONFIG},{services}}}")));
            assert!(text.contains("names services"), "{text}");
        }
    }

    #[test]
    fn a_log_entry_is_asked_for_or_waived_and_not_both() {
        for (flags, demand) in [
            (&[][..], LogDemand::Usual),
            (&["--require-log=true"], LogDemand::Required),
            (&["--insecure-ignore-tlog=false"], LogDemand::Required),
            (&["--insecure-ignore-tlog=true"], LogDemand::Waived),
            (&["--private-infrastructure=true"], LogDemand::Waived),
        ] {
            let args = read::<VerifyLogArgs>(flags);
            assert_eq!(args.demand().unwrap(), demand, "{flags:?}");
            args.check(SignersBy::Key, &context()).unwrap();
        }
        for flag in ["--insecure-ignore-tlog=true", "--private-infrastructure=true"] {
            let text = usage(read::<VerifyLogArgs>(&["--require-log=true", flag]).check(SignersBy::Key, &context()));
            assert!(text.contains("both asked for and waived"), "{text}");
        }
    }

    // threat: N01
    #[test]
    fn a_document_of_another_kind_is_refused() {
        for json in ["{}", "[]", "null", "{", r#"{"mediaType":1}"#, r#"{"mediaType":"application/json"}"#, "\u{feff}{}"]
        {
            let error = check_config(json).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Failed, "{error:?}");
            let text = error.to_string();
            assert!(text.starts_with("--signing-config: "), "{text}");
            assert!(text.contains("expected a signing configuration, found "), "{text}");
        }
        let error = read::<NoLogArgs>(&["--trusted-root=/"]).check(&context()).unwrap_err();
        assert_eq!(error.to_string(), "--trusted-root: /: expected a trusted root, found a directory");
    }
}
