use clap::{Args, Subcommand};
use sigkit_core::content::PredicateType;
use sigkit_core::oci::Platform;

use super::RegistryArgs;

/// `download`
#[derive(Args, Clone, Debug)]
pub(crate) struct DownloadArgs {
    #[command(subcommand)]
    pub(crate) what: Download,
}

impl DownloadArgs {
    /// How to reach the registry of the image.
    pub(crate) const fn registry(&self) -> &RegistryArgs {
        match &self.what {
            Download::Attestation(args) => &args.beside.registry,
            Download::Signature(args) => &args.registry,
        }
    }
}

/// What to download.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Download {
    /// Print the attestations about an image as they are stored, one per line, without verifying them
    Attestation(DownloadAttestationArgs),
    /// Print the signatures of an image as they are stored, one per line, without verifying them
    Signature(BesideArgs),
}

/// `download attestation`
#[derive(Args, Clone, Debug)]
pub(crate) struct DownloadAttestationArgs {
    #[command(flatten)]
    pub(crate) beside: BesideArgs,
    /// Only attestations of this type: a name as for attest --type, or any other text
    #[arg(long, value_name = "TYPE", value_parser = PredicateType::wanted)]
    pub(crate) predicate_type: Option<PredicateType>,
}

/// Beside which image to look.
#[derive(Args, Clone, Debug)]
#[allow(rustdoc::broken_intra_doc_links, reason = "help text in which brackets mean what may be left out")]
pub(crate) struct BesideArgs {
    /// Image: NAME[:TAG][@DIGEST], oci:DIR[:TAG], or oci-archive:FILE[:TAG]
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,
    /// Take the image of an index that serves this platform instead of the index
    #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
    pub(crate) platform: Option<Platform>,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}
