use std::path::PathBuf;

use clap::{ArgAction, Args};

use super::identity::CERTIFICATE_FLAGS;
use super::signer::SIGNER_SWITCHES;
use super::{
    AnnotationArgs, FormatsReadArgs, ImagesArgs, LocalImageArgs, RegistryArgs, ReportFormat, SignatureDigest, TrustArgs,
};
use crate::error::CliError;

/// `verify`
#[derive(Args, Clone, Debug)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub(crate) images: ImagesArgs,
    #[command(flatten)]
    pub(crate) local: LocalImageArgs,
    /// File of policies that say who must have signed which image, instead of --key
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "threshold", "given", "check_claims", "check_reference", "signature", "bundle", "signature_digest_algorithm"], conflicts_with_all = CERTIFICATE_FLAGS, conflicts_with_all = SIGNER_SWITCHES)]
    pub(crate) policy: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) annotations: AnnotationArgs,
    /// Compare the signed digest with that of the image
    #[arg(long, action = ArgAction::Set, default_value_t = true)]
    pub(crate) check_claims: bool,
    /// Compare the signed name with that of the image; only the legacy format names one
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub(crate) check_reference: bool,
    /// Shape of the result on stdout; by default a report on a terminal, and cosign's JSON elsewhere
    #[arg(long, short = 'o', value_enum, value_name = "SHAPE")]
    pub(crate) output: Option<ReportFormat>,
    /// Signature to check instead of those beside the image: a file, or the base64 itself
    #[arg(long, value_name = "SIGNATURE")]
    pub(crate) signature: Option<String>,
    /// Payload under --signature
    #[arg(long, value_name = "FILE", requires = "signature")]
    pub(crate) payload: Option<PathBuf>,
    /// Bundle to check instead of those beside the image
    #[arg(long, value_name = "FILE", conflicts_with = "signature")]
    pub(crate) bundle: Option<PathBuf>,
    /// Digest of the payload under the signature, where the key does not tell
    #[arg(long, value_enum, value_name = "DIGEST")]
    pub(crate) signature_digest_algorithm: Option<SignatureDigest>,
    #[command(flatten)]
    formats: FormatsReadArgs,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

impl VerifyArgs {
    /// The flags by which less is asked for than usual.
    pub(crate) fn weakened(&self) -> Vec<&'static str> {
        let mut flags = self.trust.weakened();
        if !self.check_claims {
            flags.push("--check-claims");
        }
        flags
    }

    /// Refuses what this build cannot do, and tells once what has no effect.
    ///
    /// # Errors
    /// [`CliError`].
    pub(crate) fn check(&self, notes: &mut Vec<String>) -> Result<(), CliError> {
        self.formats.note(notes);
        self.registry.check(notes)?;
        match &self.policy {
            None => self.trust.check("verify", notes),
            Some(_) => Ok(()),
        }
    }
}
