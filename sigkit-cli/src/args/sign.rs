use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};
use sigkit_core::image::Format;

use super::{AnnotationArgs, ImagesArgs, NoLogArgs, RegistryArgs, SigningKeyArgs};
use crate::error::CliError;

/// `sign`
#[derive(Args, Clone, Debug)]
pub(crate) struct SignArgs {
    #[command(flatten)]
    pub(crate) images: ImagesArgs,
    #[command(flatten)]
    pub(crate) annotations: AnnotationArgs,
    /// Format of the signature in the registry [default: bundle]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<WrittenFormat>,
    /// Write the bundle format (true) or the legacy format (false)
    #[arg(long, action = ArgAction::Set, hide = true)]
    new_bundle_format: Option<bool>,
    /// Store the signature beside the image
    #[arg(long, action = ArgAction::Set, default_value_t = true)]
    pub(crate) upload: bool,
    /// File to write the bundle to
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,
    /// Sign this payload, which must name the digest of the image, instead of making one
    #[arg(long, value_name = "FILE", conflicts_with_all = ["given", "sign_container_identity"])]
    pub(crate) payload: Option<PathBuf>,
    /// File to write the signature to, in base64
    #[arg(long, value_name = "FILE")]
    pub(crate) output_signature: Option<PathBuf>,
    /// File to write the signed payload to
    #[arg(long, value_name = "FILE")]
    pub(crate) output_payload: Option<PathBuf>,
    /// Name to sign for the image instead of the name it was given by; may be repeated
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) sign_container_identity: Vec<String>,
    /// Record the time of signing in the legacy format
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub(crate) record_creation_timestamp: bool,
    /// Sign again although the key has signed the image already
    #[arg(long, short = 'f', action = ArgAction::Set, default_value_t = false)]
    pub(crate) force: bool,
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

/// Format of a signature beside an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum WrittenFormat {
    /// Sigstore bundle, as a referrer of the image.
    Bundle,
    /// The tags of cosign 2, .sig for signatures and .att for attestations.
    Legacy,
    /// Both.
    Both,
}

impl WrittenFormat {
    /// The format that `--format` and cosign's `--new-bundle-format` ask for; a bundle unless they do.
    ///
    /// # Errors
    /// [`CliError::usage`], when the flags contradict each other.
    pub(crate) fn chosen(format: Option<Self>, new_bundle_format: Option<bool>) -> Result<Self, CliError> {
        match (format, new_bundle_format) {
            (Some(Self::Legacy), Some(true)) | (Some(Self::Bundle | Self::Both), Some(false)) => {
                Err(CliError::usage("--format and --new-bundle-format contradict each other: keep --format".to_owned()))
            }
            (Some(format), _) => Ok(format),
            (None, Some(false)) => Ok(Self::Legacy),
            (None, _) => Ok(Self::Bundle),
        }
    }
}

impl From<WrittenFormat> for Format {
    fn from(format: WrittenFormat) -> Self {
        match format {
            WrittenFormat::Bundle => Self::Bundle,
            WrittenFormat::Legacy => Self::Legacy,
            WrittenFormat::Both => Self::Both,
        }
    }
}

impl SignArgs {
    /// The format to write.
    ///
    /// # Errors
    /// [`CliError::usage`], when the flags contradict each other.
    pub(crate) fn format(&self) -> Result<WrittenFormat, CliError> {
        if self.payload.is_some()
            && (self.format == Some(WrittenFormat::Bundle)
                || (self.format, self.new_bundle_format) == (None, Some(true)))
        {
            let why = "--payload is signed in the legacy format, not as a bundle: give --format legacy, or omit it";
            return Err(CliError::usage(why.to_owned()));
        }
        match (self.format, self.new_bundle_format) {
            (None, None | Some(true)) if self.payload.is_some() => Ok(WrittenFormat::Legacy),
            (format, new_bundle_format) => WrittenFormat::chosen(format, new_bundle_format),
        }
    }

    /// Rejects conflicting or unsupported flags, and warns about ineffective ones.
    ///
    /// # Errors
    /// [`CliError`].
    pub(crate) fn check(&self, notes: &mut Vec<String>) -> Result<(), CliError> {
        if self.format()? == WrittenFormat::Bundle {
            for (flag, given, why) in [
                ("--sign-container-identity", !self.sign_container_identity.is_empty(), "a bundle names no repository"),
                (
                    "--record-creation-timestamp",
                    self.record_creation_timestamp,
                    "a bundle is always stored with its time",
                ),
            ] {
                if given {
                    notes.push(format!("note: {flag} has no effect: {why}"));
                }
            }
        }
        if !self.upload
            && [&self.bundle, &self.output_signature, &self.output_payload].iter().all(|file| file.is_none())
        {
            return Err(CliError::usage(
                "--upload=false would lose the signature: name a file for it with --bundle or --output-signature"
                    .to_owned(),
            ));
        }
        self.registry.check(notes)?;
        self.log.check()
    }
}
