//! Certificates given on the command line, and private certificate authorities.

use std::path::PathBuf;

use clap::{ArgAction, Args};

/// Certificates to use instead of those in the signatures, and authorities to trust instead of those of the trusted root.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Certificates")]
pub(crate) struct CertificateArgs {
    /// Certificate of the signer, PEM or DER, for a signature that came without one
    #[arg(long, alias = "cert", value_name = "FILE")]
    pub(crate) certificate: Option<PathBuf>,
    /// Certificate authorities to trust, PEM: issuing ones first, the root last
    #[arg(long, alias = "cert-chain", value_name = "FILE", conflicts_with_all = ["ca_roots", "ca_intermediates"])]
    pub(crate) certificate_chain: Option<PathBuf>,
    /// Root certificate authorities to trust, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_roots: Option<PathBuf>,
    /// Authorities between those roots and the signer, PEM
    #[arg(long, value_name = "FILE", requires = "ca_roots")]
    pub(crate) ca_intermediates: Option<PathBuf>,
    /// Promise of a certificate transparency log that came apart from the certificate: the log's answer in JSON
    #[arg(long, value_name = "FILE", conflicts_with = "insecure_ignore_sct")]
    pub(crate) sct: Option<PathBuf>,
    /// Accept certificates that no certificate transparency log has promised to log
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub(crate) insecure_ignore_sct: bool,
}

impl CertificateArgs {
    /// The first of these flags that was given, by its name.
    pub(crate) fn given(&self) -> Option<&'static str> {
        [
            ("--certificate", self.certificate.is_some()),
            ("--certificate-chain", self.certificate_chain.is_some()),
            ("--ca-roots", self.ca_roots.is_some()),
            ("--ca-intermediates", self.ca_intermediates.is_some()),
            ("--sct", self.sct.is_some()),
            ("--insecure-ignore-sct", self.insecure_ignore_sct),
        ]
        .into_iter()
        .find_map(|(flag, given)| given.then_some(flag))
    }
}
