//! The signer that options name.

use sigkit_core::sign::Signer;

use crate::args::SigningKeyArgs;
use crate::context::Context;
use crate::error::CliError;

impl Context {
    /// The signer that `--key` names.
    ///
    /// # Errors
    /// [`CliError`] when the key cannot be read.
    pub(crate) fn signer(&self, args: &SigningKeyArgs) -> Result<Box<dyn Signer>, CliError> {
        Ok(Box::new(self.signing_key(&args.key, args.password.password_file.as_deref())?))
    }
}
