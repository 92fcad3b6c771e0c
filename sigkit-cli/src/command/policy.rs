use crate::args::{PolicyArgs, PolicyVerb};
use crate::context::Context;
use crate::error::CliError;
use crate::outcome::Output;
use crate::settings::trusted_root::{public_good, read_root};
use sigkit_core::text::escape;

/// Says what the policies of a file require, and where they are weak.
///
/// # Errors
/// [`CliError`] for a file that is not a policy.
pub(crate) fn run(args: &PolicyArgs, context: &Context) -> Result<Output, CliError> {
    let PolicyVerb::Check(args) = &args.what;
    let root = || match &args.trusted_root {
        Some(path) => Ok(read_root(path, context)?),
        None => public_good(),
    };
    let (policies, _) = context.policies(&args.file, &root)?;
    let mut text = String::new();
    for line in policies.describe() {
        text.push_str(&format!("{}{}\n", "  ".repeat(line.depth), escape::one_line(&line.text)));
    }
    if !policies.skipped_documents().is_empty() {
        text.push_str("\nIgnored, not policies:\n");
    }
    for document in policies.skipped_documents() {
        text.push_str(&format!("  {}\n", escape::one_line(document)));
    }
    let lints = policies.lints(context.now());
    if !lints.is_empty() {
        text.push_str("\nWeak points:\n");
    }
    for lint in lints {
        text.push_str(&format!("  {}: {}\n", escape::one_line(&lint.rule), escape::one_line(&lint.text)));
    }
    Ok(Output::result(text))
}
