use std::path::PathBuf;

use clap::{ArgAction, Args};

use super::{NoLogArgs, SigningKeyArgs};

/// `sign-blob`
#[derive(Args, Clone, Debug)]
pub(crate) struct SignBlobArgs {
    /// Files, or - for standard input
    #[arg(value_name = "BLOB", required = true)]
    pub(crate) blobs: Vec<PathBuf>,
    /// File to write the bundle to
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,
    /// File to write the signature to
    #[arg(long, alias = "output", value_name = "FILE")]
    pub(crate) output_signature: Option<PathBuf>,
    /// Write the signature in base64
    #[arg(long, action = ArgAction::Set, default_value_t = true)]
    pub(crate) b64: bool,
    /// Write the bundle in the sigstore format (true) or the legacy format (false)
    #[arg(long, action = ArgAction::Set)]
    pub(crate) new_bundle_format: Option<bool>,
    /// Do not prompt for confirmation
    #[arg(long, short = 'y', action = ArgAction::Set, default_value_t = false)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) key: SigningKeyArgs,
    #[command(flatten)]
    pub(crate) log: NoLogArgs,
}
