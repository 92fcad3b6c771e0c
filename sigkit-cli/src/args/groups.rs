//! Groups of flags that verbs share.

use std::borrow::Cow;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};
use sigkit_core::oci::{Platform, Repository};

use super::identity::CERTIFICATE_FLAGS;
use super::key_source::{KeySource, key_source};
use super::values::{Annotation, Annotations, Secret, count};
use crate::error::CliError;

/// The key that signs.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Key")]
pub(crate) struct SigningKeyArgs {
    /// Private key: a file, env://VARIABLE, or - for standard input
    #[arg(long, value_name = "KEY", value_parser = key_source())]
    pub(crate) key: KeySource,
    #[command(flatten)]
    pub(crate) password: PasswordArgs,
}

/// Where the password of a private key comes from.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Key")]
pub(crate) struct PasswordArgs {
    /// File that holds the password of the private key, or - for standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}

/// The keys that may have signed.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Key")]
pub(crate) struct PublicKeyArgs {
    /// Public key: a file, env://VARIABLE, or - for standard input; may be repeated
    #[arg(long, value_name = "KEY", value_parser = key_source(), conflicts_with_all = CERTIFICATE_FLAGS)]
    pub(crate) key: Vec<KeySource>,
    /// How many of the keys or identities must have signed
    #[arg(long, value_name = "N", default_value = "1", value_parser = count)]
    pub(crate) threshold: NonZeroUsize,
}

/// What is signed beside the digest.
#[derive(Args, Clone, Debug)]
pub(crate) struct AnnotationArgs {
    /// Annotation under the signature; may be repeated
    #[arg(long = "annotations", short = 'a', alias = "annotation", value_name = "KEY=VALUE")]
    given: Vec<Annotations>,
}

impl AnnotationArgs {
    /// In the order given.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Annotation> {
        self.given.iter().flat_map(|annotations| &annotations.0)
    }
}

/// The images of a verb.
#[derive(Args, Clone, Debug)]
#[allow(rustdoc::broken_intra_doc_links, reason = "help text in which brackets mean what may be left out")]
pub(crate) struct ImagesArgs {
    /// Images: NAME[:TAG][@DIGEST], oci:DIR[:TAG], or oci-archive:FILE[:TAG]
    #[arg(value_name = "IMAGE", required_unless_present = "images_from")]
    pub(crate) images: Vec<String>,
    /// File that names more images, one per line, or - for standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) images_from: Option<PathBuf>,
    /// Take the images of an index as well, not only the index
    #[arg(long, short = 'r', action = ArgAction::Set, default_value_t = false)]
    pub(crate) recursive: bool,
    /// Take the image of an index that serves this platform instead of the index
    #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
    pub(crate) platform: Option<Platform>,
    /// How many images or signatures to work on at once
    #[arg(long, alias = "max-workers", value_name = "N", default_value = "8", value_parser = count)]
    pub(crate) jobs: NonZeroUsize,
}

/// The location of images outside of a registry.
#[derive(Args, Clone, Debug)]
pub(crate) struct LocalImageArgs {
    /// Take each IMAGE for a directory that holds an OCI layout, as oci:IMAGE does
    #[arg(long, action = ArgAction::Set, default_value_t = false, conflicts_with = "images_from")]
    local_image: bool,
}

impl LocalImageArgs {
    /// The given images.
    pub(crate) fn meant<'a>(&self, images: &'a ImagesArgs) -> Cow<'a, ImagesArgs> {
        if !self.local_image {
            return Cow::Borrowed(images);
        }
        let local =
            |text: &String| match ["oci:", "oci-archive:", "docker-archive:"].iter().any(|form| text.starts_with(form))
            {
                true => text.clone(),
                false => format!("oci:{text}"),
            };
        Cow::Owned(ImagesArgs { images: images.images.iter().map(local).collect(), ..images.clone() })
    }
}

/// How to connect to a registry.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Registry")]
pub(crate) struct ConnectionArgs {
    /// Accept any TLS certificate of the registry
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub(crate) allow_insecure_registry: bool,
    /// Speak HTTP with a registry that has no HTTPS
    #[arg(long, action = ArgAction::Set, default_value_t = false)]
    pub(crate) allow_http_registry: bool,
    /// Certificate authority of the registry, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) registry_cacert: Option<PathBuf>,
    /// Certificate to show to the registry, PEM
    #[arg(long, value_name = "FILE", requires = "registry_client_key")]
    pub(crate) registry_client_cert: Option<PathBuf>,
    /// Private key of that certificate, PEM
    #[arg(long, value_name = "FILE", requires = "registry_client_cert")]
    pub(crate) registry_client_key: Option<PathBuf>,
    /// Name that the certificate of the registry must have
    #[arg(long, value_name = "NAME")]
    pub(crate) registry_server_name: Option<String>,
}

/// How to reach a registry.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Registry")]
pub(crate) struct RegistryArgs {
    /// User name for the registry
    #[arg(long, value_name = "NAME", requires = "registry_password")]
    pub(crate) registry_username: Option<String>,
    /// Password for the registry
    #[arg(long, value_name = "PASSWORD", requires = "registry_username")]
    pub(crate) registry_password: Option<Secret>,
    /// Bearer token for the registry
    #[arg(long, value_name = "TOKEN", conflicts_with_all = ["registry_username", "registry_password"])]
    pub(crate) registry_token: Option<Secret>,
    /// Repository of the signatures, instead of the image's own; also COSIGN_REPOSITORY
    #[arg(long, alias = "repository", value_name = "REPOSITORY")]
    pub(crate) signature_repo: Option<Repository>,
    /// No effect: signatures are read by tag and by the referrers API
    #[arg(long, value_enum, value_name = "MODE", hide = true)]
    pub(crate) registry_referrers_mode: Option<ReferrersMode>,
    /// Not supported: text before the tags of signatures
    #[arg(long, value_name = "PREFIX", hide = true)]
    pub(crate) attachment_tag_prefix: Option<String>,
    /// Not supported: use the Docker configuration of the service account
    #[arg(long, action = ArgAction::Set, default_value_t = false, hide = true)]
    pub(crate) k8s_keychain: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

/// Flags by which cosign chooses the format to read. Every format is read here.
#[derive(Args, Clone, Debug)]
pub(crate) struct FormatsReadArgs {
    /// No effect: every format is read
    #[arg(long, action = ArgAction::Set, hide = true)]
    new_bundle_format: Option<bool>,
    /// No effect: every format is read
    #[arg(long, action = ArgAction::Set, hide = true)]
    experimental_oci11: Option<bool>,
}

impl FormatsReadArgs {
    /// Says that these flags have no effect, if one is given.
    pub(crate) fn note(&self, notes: &mut Vec<String>) {
        for (flag, given) in
            [("--new-bundle-format", self.new_bundle_format), ("--experimental-oci11", self.experimental_oci11)]
        {
            if given.is_some() {
                notes.push(format!("note: {flag} has no effect: every format is read"));
            }
        }
    }
}

/// Value of `--registry-referrers-mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReferrersMode {
    /// Tags.
    Legacy,
    /// The referrers API of OCI distribution 1.1.
    #[value(name = "oci-1-1")]
    Oci11,
}

impl RegistryArgs {
    /// Refuses what this build cannot do, and tells what has no effect.
    ///
    /// # Errors
    /// [`CliError::usage`].
    pub(crate) fn check(&self, notes: &mut Vec<String>) -> Result<(), CliError> {
        if self.registry_referrers_mode.is_some() {
            let why = "signatures are read by tag and by the referrers API; --format chooses what is written";
            notes.push(format!("note: --registry-referrers-mode has no effect: {why}"));
        }
        if self.k8s_keychain {
            return Err(CliError::usage(
                "--k8s-keychain is not supported; log in to the registry, or give --registry-username and --registry-password"
                    .to_owned(),
            ));
        }
        if self.attachment_tag_prefix.as_ref().is_some_and(|prefix| !prefix.is_empty()) {
            return Err(CliError::usage(
                "--attachment-tag-prefix is not supported: signatures are found and written under cosign's own tags"
                    .to_owned(),
            ));
        }
        Ok(())
    }
}
