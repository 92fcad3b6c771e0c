use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `policy`
#[derive(Args, Clone, Debug)]
pub(crate) struct PolicyArgs {
    #[command(subcommand)]
    pub(crate) what: PolicyVerb,
}

/// What to do with a policy.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum PolicyVerb {
    /// Say what the policies of a file require, and where they are weak
    Check(PolicyCheckArgs),
}

/// `policy check`
#[derive(Args, Clone, Debug)]
pub(crate) struct PolicyCheckArgs {
    /// File of policies, or - for standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Trusted root for identities, instead of that of the public services
    #[arg(long, value_name = "FILE")]
    pub(crate) trusted_root: Option<PathBuf>,
}
