//! `bundle`: verbs on bundles as files.

use std::path::PathBuf;

use clap::{ArgAction, Args, Subcommand};

use super::key_source::{KeySource, key_source};

/// `bundle`
#[derive(Args, Clone, Debug)]
pub(crate) struct BundleVerbArgs {
    #[command(subcommand)]
    pub(crate) verb: BundleVerb,
}

/// What to do with bundles.
#[derive(Subcommand, Clone, Debug)]
pub(crate) enum BundleVerb {
    /// Show what is in a bundle of any format, and what is missing; nothing is verified
    Inspect(BundleInspectArgs),
    /// Make a bundle of version 0.3 from its parts
    Create(BundleCreateArgs),
    /// Write a bundle of an older version as one of version 0.3
    Upgrade(BundleUpgradeArgs),
}

/// `bundle inspect`
#[derive(Args, Clone, Debug)]
pub(crate) struct BundleInspectArgs {
    /// Bundle, or - for standard input
    #[arg(value_name = "BUNDLE")]
    pub(crate) bundle: PathBuf,
}

/// `bundle create`
#[derive(Args, Clone, Debug)]
pub(crate) struct BundleCreateArgs {
    /// File that was signed
    #[arg(long, value_name = "FILE", conflicts_with = "attestation")]
    pub(crate) artifact: Option<PathBuf>,
    /// Bundle in an older format to take what it has from
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,
    /// Signature: a file, or the base64 itself
    #[arg(long, value_name = "SIGNATURE")]
    pub(crate) signature: Option<String>,
    /// Certificate of the signer, PEM or DER
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    pub(crate) certificate: Option<PathBuf>,
    /// DSSE envelope with its signature
    #[arg(long, value_name = "FILE", conflicts_with = "signature")]
    pub(crate) attestation: Option<PathBuf>,
    /// Signed timestamp of the signature: RFC 3161, as it is or in the JSON that cosign writes
    #[arg(long, value_name = "FILE")]
    pub(crate) rfc3161_timestamp: Option<PathBuf>,
    /// Public key of the signer: a file, env://VARIABLE, or - for standard input
    #[arg(long, value_name = "KEY", value_parser = key_source())]
    pub(crate) key: Option<KeySource>,
    /// Make a bundle without an entry of a transparency log
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub(crate) ignore_tlog: bool,
    /// File to write instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// `bundle upgrade`
#[derive(Args, Clone, Debug)]
pub(crate) struct BundleUpgradeArgs {
    /// Bundle, or - for standard input
    #[arg(value_name = "BUNDLE")]
    pub(crate) bundle: PathBuf,
    /// File to write instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}
