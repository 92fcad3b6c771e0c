use std::path::PathBuf;

use clap::Args;

use super::PasswordArgs;
use super::key_source::{KeySource, key_source};

/// `public-key`
#[derive(Args, Clone, Debug)]
pub(crate) struct PublicKeyVerbArgs {
    /// Private or public key: a file, env://VARIABLE, or - for standard input
    #[arg(long, value_name = "KEY", value_parser = key_source())]
    pub(crate) key: KeySource,
    /// File to write the public key to instead of stdout
    #[arg(long, value_name = "FILE")]
    pub(crate) outfile: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) password: PasswordArgs,
}
