use std::path::PathBuf;

use clap::{ArgAction, Args};
use sigkit_core::crypto::KeyAlgorithm;

use super::PasswordArgs;

/// `generate-key-pair`
#[derive(Args, Clone, Debug)]
pub(crate) struct GenerateKeyPairArgs {
    /// Not supported: k8s://, gitlab:// or github:// target to write the pair to
    #[arg(value_name = "TARGET", hide = true)]
    pub(crate) target: Option<String>,
    /// Not supported: key management service to create the pair in
    #[arg(long, value_name = "URI", hide = true)]
    pub(crate) kms: Option<String>,
    /// Name of the files before .key and .pub
    #[arg(long, short = 'o', value_name = "PREFIX", default_value = "cosign")]
    pub(crate) output_key_prefix: PathBuf,
    /// Algorithm of the key
    #[arg(long, value_name = "ALGORITHM", default_value = "ecdsa-p256")]
    pub(crate) algorithm: KeyAlgorithm,
    /// Replace existing files without asking
    #[arg(long, short = 'y', alias = "force", action = ArgAction::Set, default_value_t = false)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) password: PasswordArgs,
}
