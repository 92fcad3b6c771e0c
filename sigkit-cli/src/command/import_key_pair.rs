use super::key_pair::{KeyPairFiles, Overwrite};
use crate::args::ImportKeyPairArgs;
use crate::context::Context;
use crate::error::CliError;
use crate::outcome::Output;

pub(super) fn run(args: &ImportKeyPairArgs, context: &Context) -> Result<Output, CliError> {
    // Read first: what was read is never overwritten, not even with --yes.
    let key = context.foreign_key(&args.key)?;
    let files = KeyPairFiles::reserve(&args.output_key_prefix, Overwrite::from_yes(args.yes), context)?;
    files.write(&key, args.password.password_file.as_deref(), context)
}
