use std::path::PathBuf;

use clap::{ArgAction, Args};
use sigkit_core::digest::{Digest, DigestAlgorithm};

use super::{NoLogArgs, PredicateTypeArgs, SigningKeyArgs};

/// `attest-blob`
#[derive(Args, Clone, Debug)]
pub(crate) struct AttestBlobArgs {
    /// A file, or - for standard input; with --hash only its name
    #[arg(value_name = "BLOB", required_unless_present = "statement")]
    pub(crate) blob: Option<PathBuf>,
    /// What to say about the blob: a file, or - for standard input
    #[arg(long, value_name = "FILE", required_unless_present = "statement", conflicts_with = "statement")]
    pub(crate) predicate: Option<PathBuf>,
    /// Ready statement to sign as it is: a file, or - for standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) statement: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) kind: PredicateTypeArgs,
    /// SHA-256 of the blob in hex, instead of reading it
    #[arg(long, value_name = "HEX", value_parser = sha256)]
    pub(crate) hash: Option<Digest>,
    /// File to write the bundle to
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,
    /// File to write the signed envelope to
    #[arg(long, value_name = "FILE")]
    pub(crate) output_signature: Option<PathBuf>,
    /// File to write the statement to, without its signature
    #[arg(long, value_name = "FILE")]
    pub(crate) output_attestation: Option<PathBuf>,
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

/// SHA-256 in hex, with or without the algorithm before it.
fn sha256(text: &str) -> Result<Digest, String> {
    let hex = text.strip_prefix("sha256:").unwrap_or(text);
    Digest::from_hex(DigestAlgorithm::Sha256, hex).map_err(|error| error.to_string())
}
