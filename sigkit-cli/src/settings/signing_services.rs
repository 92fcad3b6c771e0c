//! The documents by which cosign chooses services when signing. A signature by a key alone needs none.

use std::path::Path;

use serde_json::Value;

use crate::args::NoLogArgs;
use crate::context::Context;
use crate::error::CliError;
use crate::files::FileError;

/// Largest trusted root or signing configuration, in bytes; that of the public services has 7 KiB.
const MAX_DOCUMENT_BYTES: u64 = 1024 * 1024;

/// Refuses a signing configuration that names services, and notes what has no effect.
///
/// # Errors
/// [`CliError::usage`], [`FileError`].
pub(crate) fn check(args: &NoLogArgs, context: &Context, notes: &mut Vec<String>) -> Result<(), CliError> {
    if let Some(path) = &args.signing_config {
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
                     authority: give one that names none, or omit it",
                    path.display()
                )));
            }
        }
    }
    if let Some(path) = &args.trusted_root {
        document(context, "--trusted-root", path, "a trusted root", "application/vnd.dev.sigstore.trustedroot")?;
        notes.push("note: --trusted-root has no effect: a signature by a key alone needs none".to_owned());
    }
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
    let value: Value = serde_json::from_slice(&file.bytes)
        .map_err(|error| FileError::json(option, path, expected, &error, &file.bytes))?;
    match value.get("mediaType").and_then(Value::as_str) {
        Some(found) if found.starts_with(media_type) => Ok(value),
        Some(found) => Err(refused(format!("mediaType {found:?}"))),
        None => Err(refused("no mediaType".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use clap::{Args as _, Command, FromArgMatches as _};

    use super::*;
    use crate::environment::Environment;
    use crate::error::ErrorKind;
    use crate::terminal::signals::Signals;

    fn check_flag(flag: &str) -> Result<(), CliError> {
        let command = NoLogArgs::augment_args(Command::new("test"));
        let args = NoLogArgs::from_arg_matches(&command.get_matches_from(["test", flag])).unwrap();
        check(&args, &Context::new(Environment::of(&[]), Signals::default()), &mut Vec::new())
    }

    fn check_config(json: &str) -> Result<(), CliError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(json.as_bytes()).unwrap();
        check_flag(&format!("--signing-config={}", file.path().display()))
    }

    const CONFIG: &str = r#""mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json""#;

    #[test]
    fn a_configuration_without_services_is_accepted() {
        check_config(&format!("{{{CONFIG}}}")).unwrap();
        check_config(&format!(
            r#"{{{CONFIG},"rekorTlogUrls":[],"tsaUrls":[],"rekorTlogConfig":{{}},"tsaConfig":{{}}}}"#
        ))
        .unwrap();
        check_config(&format!(r#"{{{CONFIG},"caUrls":[{{"url":"https://fulcio"}}]}}"#)).unwrap();
    }

    #[test]
    fn a_configuration_with_services_is_refused() {
        for services in [r#""rekorTlogUrls":[{"url":"https://rekor"}]"#, r#""tsaUrls":[{}]"#, r#""tlogUrls":"x""#] {
            let error = check_config(&format!("{{{CONFIG},{services}}}")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert!(error.to_string().contains("names services"), "{error}");
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
        let error = check_flag("--trusted-root=/").unwrap_err();
        assert_eq!(error.to_string(), "--trusted-root: /: expected a trusted root, found a directory");
    }
}
