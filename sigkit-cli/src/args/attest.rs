use std::path::PathBuf;

use clap::{ArgAction, Args};
use sigkit_core::content::PredicateType;

use super::mistake::nearest;
use super::{ImagesArgs, NoLogArgs, RegistryArgs, SigningKeyArgs, WrittenFormat};
use crate::error::CliError;

/// `attest`
#[derive(Args, Clone, Debug)]
pub(crate) struct AttestArgs {
    #[command(flatten)]
    pub(crate) images: ImagesArgs,
    /// What to say about the image: a file, or - for standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) predicate: PathBuf,
    #[command(flatten)]
    pub(crate) kind: PredicateTypeArgs,
    /// Format of the attestation in the registry [default: bundle]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<WrittenFormat>,
    /// Write the bundle format (true) or the legacy format (false)
    #[arg(long, action = ArgAction::Set)]
    new_bundle_format: Option<bool>,
    /// Take the place of attestations of the same type by the same key, in the legacy format
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub(crate) replace: bool,
    /// Store the attestation beside the image
    #[arg(long, action = ArgAction::Set, default_value_t = true)]
    upload: bool,
    /// Print the attestation instead of storing it beside the image
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    no_upload: bool,
    /// File to write the bundle to
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,
    /// Record the time of signing in the legacy format
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub(crate) record_creation_timestamp: bool,
    /// Do not prompt for confirmation
    #[arg(long, short = 'y', action = ArgAction::Set, default_value_t = false)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) key: SigningKeyArgs,
    #[command(flatten)]
    pub(crate) log: NoLogArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

/// What kind of thing is said.
#[derive(Args, Clone, Debug)]
pub(crate) struct PredicateTypeArgs {
    /// Type of the attestation: custom, cyclonedx, link, openvex, slsaprovenance[02|1], spdx, spdxjson, vuln, or a URI
    #[arg(id = "type", long = "type", alias = "predicate-type", value_name = "TYPE", default_value = "custom")]
    pub(crate) kind: PredicateType,
}

/// The type of the attestations to verify.
#[derive(Args, Clone, Debug)]
pub(crate) struct WantedTypeArgs {
    /// Type of the attestation: custom, cyclonedx, link, openvex, slsaprovenance[02|1], spdx, spdxjson, vuln, or any other text
    #[arg(id = "type", long = "type", alias = "predicate-type", value_name = "TYPE", default_value = "custom", value_parser = PredicateType::wanted)]
    pub(crate) kind: PredicateType,
}

impl WantedTypeArgs {
    /// Notes a word that is not a known name: it is compared as it is, and may be misspelled.
    pub(super) fn note(&self, notes: &mut Vec<String>) {
        let text = self.kind.uri();
        if !text.contains([':', '/']) {
            let near = nearest(text, PredicateType::names())
                .map_or_else(String::new, |near| format!("; did you mean {near}?"));
            notes.push(format!("note: --type {text} is not a known name, so it is compared as it is{near}"));
        }
    }
}

impl AttestArgs {
    /// The format to write.
    ///
    /// # Errors
    /// [`CliError::usage`], when the flags contradict each other.
    pub(crate) fn format(&self) -> Result<WrittenFormat, CliError> {
        WrittenFormat::chosen(self.format, self.new_bundle_format)
    }

    /// Returns true if the attestation is stored next to the image.
    pub(crate) const fn stores(&self) -> bool {
        self.upload && !self.no_upload
    }

    /// Rejects conflicting or unsupported flags, and warns about ineffective ones.
    ///
    /// # Errors
    /// [`CliError`].
    pub(crate) fn check(&self, notes: &mut Vec<String>) -> Result<(), CliError> {
        let format = self.format()?;
        if format == WrittenFormat::Bundle {
            for (flag, given, why) in [
                ("--replace", self.replace, "a bundle is a referrer of its own, and stays until it is deleted"),
                ("--record-creation-timestamp", self.record_creation_timestamp, "a bundle always records it"),
            ] {
                if given {
                    notes.push(format!("note: {flag} has no effect in the bundle format: {why}"));
                }
            }
        }
        if self.bundle.is_some() && format == WrittenFormat::Legacy {
            let why =
                "--bundle holds a sigstore bundle; with --format legacy give --no-upload, which prints the envelope";
            return Err(CliError::usage(why.to_owned()));
        }
        self.registry.check(notes)?;
        self.log.check()
    }
}
