use std::path::PathBuf;

use clap::Args;

use super::{FormatsReadArgs, ReportFormat, SignatureDigest, TrustArgs};
use crate::error::CliError;

/// `verify-blob`
#[derive(Args, Clone, Debug)]
pub(crate) struct VerifyBlobArgs {
    /// A file, - for standard input, or sha256:HEX for its digest
    #[arg(value_name = "BLOB")]
    pub(crate) blob: PathBuf,
    /// Bundle that holds the signature, in the sigstore or the legacy format
    #[arg(long, value_name = "FILE", required_unless_present = "signature")]
    pub(crate) bundle: Option<PathBuf>,
    /// Signature: a file, or the base64 itself
    #[arg(long, value_name = "SIGNATURE", conflicts_with = "bundle")]
    pub(crate) signature: Option<String>,
    /// Signed timestamp of the signature: RFC 3161, as it is or in the JSON that cosign writes
    #[arg(long, value_name = "FILE")]
    pub(crate) rfc3161_timestamp: Option<PathBuf>,
    /// Shape of the result on stdout, which is empty by default; for a blob only report
    #[arg(long, short = 'o', value_enum, value_name = "SHAPE")]
    pub(crate) output: Option<ReportFormat>,
    /// Digest of the blob under the signature, where the key does not tell
    #[arg(long, value_enum, value_name = "DIGEST")]
    pub(crate) signature_digest_algorithm: Option<SignatureDigest>,
    #[command(flatten)]
    formats: FormatsReadArgs,
    /// No effect: blobs are verified one after the other
    #[arg(long, hide = true, value_name = "N")]
    pub(crate) max_workers: Option<std::num::NonZeroUsize>,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
}

impl VerifyBlobArgs {
    /// Refuses what this build cannot do, and tells once what has no effect.
    ///
    /// # Errors
    /// [`CliError`].
    pub(crate) fn check(&self, notes: &mut Vec<String>) -> Result<(), CliError> {
        if matches!(self.output, Some(ReportFormat::Json | ReportFormat::Text)) {
            let why = "--output: the signature of a blob has no payload to print; give --output report, or omit it";
            return Err(CliError::usage(why.to_owned()));
        }
        if self.max_workers.is_some() {
            notes.push("note: --max-workers has no effect: one blob is verified at a time".to_owned());
        }
        self.formats.note(notes);
        self.trust.check("verify-blob", notes)
    }
}
