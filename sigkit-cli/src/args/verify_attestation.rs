use std::path::PathBuf;

use clap::{ArgAction, Args};

use super::{
    FormatsReadArgs, ImagesArgs, LocalImageArgs, RegistryArgs, ReportFormat, SignatureDigest, TrustArgs, WantedTypeArgs,
};
use crate::error::CliError;

/// `verify-attestation`
#[derive(Args, Clone, Debug)]
pub(crate) struct VerifyAttestationArgs {
    #[command(flatten)]
    pub(crate) images: ImagesArgs,
    #[command(flatten)]
    pub(crate) local: LocalImageArgs,
    #[command(flatten)]
    pub(crate) kind: WantedTypeArgs,
    /// Policy in Rego that must allow every attestation of the type; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Vec<PathBuf>,
    /// Compare the attested digest with that of the image
    #[arg(long, action = ArgAction::Set, default_value_t = true)]
    pub(crate) check_claims: bool,
    /// Shape of the result on stdout; by default a report on a terminal, and the signed envelopes elsewhere
    #[arg(long, short = 'o', value_enum, value_name = "SHAPE")]
    pub(crate) output: Option<ReportFormat>,
    /// Bundle or envelope to check instead of those beside the image
    #[arg(long, value_name = "FILE")]
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

impl VerifyAttestationArgs {
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
        self.kind.note(notes);
        self.registry.check(notes)?;
        self.trust.check("verify-attestation", notes)
    }
}
