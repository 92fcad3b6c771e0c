use sigkit_core::key::KeyPair;

use super::key_pair::{KeyPairFiles, Overwrite};
use crate::args::GenerateKeyPairArgs;
use crate::context::Context;
use crate::error::CliError;
use crate::outcome::Output;

pub(super) fn run(args: &GenerateKeyPairArgs, context: &Context) -> Result<Output, CliError> {
    if let Some(target) = args.kms.as_ref().or(args.target.as_ref()) {
        return Err(CliError::usage(format!(
            "cannot make a key pair in {target}: only files are supported: omit it to write cosign.key and cosign.pub, \
             or name them with --output-key-prefix"
        )));
    }
    let files = KeyPairFiles::reserve(&args.output_key_prefix, Overwrite::from_yes(args.yes), context)?;
    let key = KeyPair::generate(args.algorithm)
        .map_err(|error| CliError::failed(format!("the key could not be generated: {error}")))?;
    files.write(&key, args.password.password_file.as_deref(), context)
}
