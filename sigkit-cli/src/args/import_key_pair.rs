use std::path::PathBuf;

use clap::{ArgAction, Args};

use super::PasswordArgs;
use super::key_source::{KeySource, key_source};

/// `import-key-pair`
#[derive(Args, Clone, Debug)]
pub(crate) struct ImportKeyPairArgs {
    /// Private key in PEM (PKCS#8, PKCS#1 or SEC1): a file, env://VARIABLE, or - for standard input
    #[arg(long, short = 'k', value_name = "KEY", value_parser = key_source())]
    pub(crate) key: KeySource,
    /// Name of the files before .key and .pub
    #[arg(long, short = 'o', value_name = "PREFIX", default_value = "import-cosign")]
    pub(crate) output_key_prefix: PathBuf,
    /// Replace existing files without asking
    #[arg(long, short = 'y', alias = "force", action = ArgAction::Set, default_value_t = false)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) password: PasswordArgs,
}
