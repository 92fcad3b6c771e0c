//! The flags by which pipelines say that no transparency log is to be used when signing.

use serde_json::Value;

use crate::args::NoLogArgs;
use crate::context::Context;
use crate::error::CliError;

/// Longest signing configuration, in bytes.
const MOST_CONFIG_BYTES: u64 = 1024 * 1024;

/// Lists of a signing configuration that name services.
const SERVICES: [&str; 4] = ["caUrls", "oidcUrls", "rekorTlogUrls", "tsaUrls"];

/// Refuses flags that ask for a log, and says once which others change nothing.
///
/// # Errors
/// [`CliError::Usage`], and files that cannot be read.
pub(crate) fn check(args: &NoLogArgs, context: &Context) -> Result<(), CliError> {
    let usage = |why: String| Err(CliError::Usage(why));
    if args.tlog_upload == Some(true) {
        return usage("--tlog-upload=true: this build signs with keys and uploads to no transparency log".to_owned());
    }
    if args.use_signing_config == Some(true) {
        return usage("--use-signing-config=true: this build signs with keys and uses no services".to_owned());
    }
    if let Some(path) = &args.signing_config {
        let file = context.files.read("--signing-config", path, "a signing configuration", MOST_CONFIG_BYTES)?;
        let config: Value = serde_json::from_slice(&file.bytes).map_err(|error| {
            CliError::Usage(format!("--signing-config: {}: expected JSON: {error}", path.display()))
        })?;
        let names = |list: &str| config.get(list).and_then(Value::as_array).is_some_and(|urls| !urls.is_empty());
        if let Some(list) = SERVICES.into_iter().find(|list| names(list)) {
            let path = path.display();
            return usage(format!(
                "--signing-config: {path} names services ({list}), and this build uses none; \
                                  give a signing configuration without them, or leave the flag out"
            ));
        }
    }
    if args.trusted_root.is_some() {
        context.stderr.line("note: a signature by a key needs no trusted root; --trusted-root is not read");
    }
    Ok(())
}
