//! One file per verb. A command returns what it found or did, and prints nothing but questions and warnings.

mod completion;
mod explain;
mod generate_key_pair;
mod images;
mod import_key_pair;
mod key_pair;
mod list_env;
mod no_log;
mod public_key;
mod sign;
mod sign_blob;
mod trust;
mod verify;
mod verify_blob;
mod version;

use crate::args::{GlobalArgs, RegistryArgs};
use crate::cli::Verb;
use crate::context::Context;
use crate::error::CliError;
use crate::output::Output;

/// Runs a verb.
///
/// # Errors
/// [`CliError`].
pub(crate) fn run(verb: Verb, context: &Context, global: &GlobalArgs) -> Result<Output, CliError> {
    match verb {
        Verb::GenerateKeyPair(args) => generate_key_pair::run(&args, context),
        Verb::ImportKeyPair(args) => import_key_pair::run(&args, context),
        Verb::PublicKey(args) => public_key::run(&args, context),
        Verb::Sign(args) => sign::run(&args, context, global),
        Verb::Verify(args) => verify::run(&args, context, global),
        Verb::SignBlob(args) => sign_blob::run(&args, context, global),
        Verb::VerifyBlob(args) => verify_blob::run(&args, context, global),
        Verb::Explain(args) => explain::run(&args),
        Verb::Version(args) => Ok(version::run(&args)),
        Verb::Completion(args) => Ok(completion::run(&args)),
        Verb::Env(args) => Ok(list_env::run(&args, context)),
    }
}

/// Flags about where signatures are kept that this build does not follow.
///
/// # Errors
/// [`CliError::Usage`] for one that would make it look in another place than asked.
fn storage_flags(args: &RegistryArgs) -> Result<(), CliError> {
    if args.attachment_tag_prefix.as_ref().is_some_and(|prefix| !prefix.is_empty()) {
        let why = "--attachment-tag-prefix is not supported: signatures are found and written under cosign's own tags";
        return Err(CliError::Usage(why.to_owned()));
    }
    Ok(())
}
