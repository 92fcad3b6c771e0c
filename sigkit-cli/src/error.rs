//! Why a command failed, in words, with its exit code.

use std::path::PathBuf;

use sigkit_core::store::StoreError;

use crate::context::PasswordError;
use crate::exit::ExitCode;
use crate::files::FileError;
use crate::outcome::Output;
use crate::settings::keys::KeyLoadError;
use crate::settings::target::TargetError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// Flags that make no sense together, or ask for what this build has not.
    #[error("{0}")]
    Usage(String),
    /// A file that an option names.
    #[error(transparent)]
    File(#[from] FileError),
    /// A key that an option names.
    #[error(transparent)]
    Key(#[from] KeyLoadError),
    /// The password of a key.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// A text that should name an image.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// Credentials could not be kept or forgotten.
    #[error(transparent)]
    Keep(#[from] crate::credentials::KeepError),
    /// The registry client cannot be set up as asked.
    #[error(transparent)]
    Registry(Box<StoreError>),
    /// A blob could not be signed.
    #[error("{}: {error}", path.display())]
    Blob {
        /// The blob.
        path: PathBuf,
        /// What went wrong.
        error: sigkit_core::key::SignError,
    },
    /// A document that is not what it is to be attested as.
    #[error("{}: {error}", path.display())]
    Predicate {
        /// The document.
        path: PathBuf,
        /// What is wrong with it.
        error: sigkit_core::content::ContentError,
    },
    /// An attestation could not be signed.
    #[error(transparent)]
    Attest(#[from] Box<sigkit_core::image::SignImageError>),
    /// Something could not be written as JSON.
    #[error(transparent)]
    Json(#[from] sigkit_core::JsonError),
    /// No key could be made.
    #[error("no key was made: {0}")]
    KeyGeneration(#[from] sigkit_core::crypto::KeyError),
    /// The key could not be sealed.
    #[error("the key was not written: {0}")]
    KeySealing(#[from] sigkit_core::key::KeyFileError),
    /// The answer to a question was no.
    #[error("{} exists and was left alone; answer y, give --yes, or choose another --output-key-prefix", path.display())]
    Declined {
        /// The file asked about.
        path: PathBuf,
    },
    /// The operating system gave no runtime, no answer to a question, …
    #[error("cannot {action}: {error}")]
    System {
        /// What was tried.
        action: &'static str,
        /// The operating system's words.
        error: std::io::Error,
    },
    /// `explain` of a code that does not exist.
    #[error("there is no reason code {code:?}{}; sigkit explain lists all", near.map(|near| format!(" (did you mean {near}?)")).unwrap_or_default())]
    NoSuchCode {
        /// The code asked for.
        code: String,
        /// The nearest that exists.
        near: Option<&'static str>,
    },
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        Self::Registry(Box::new(error))
    }
}

impl CliError {
    /// The exit code.
    pub(crate) const fn exit(&self) -> ExitCode {
        match self {
            Self::Usage(_) | Self::Target(_) => ExitCode::Usage,
            Self::File(_)
            | Self::Key(_)
            | Self::Password(_)
            | Self::Registry(_)
            | Self::Keep(_)
            | Self::Blob { .. }
            | Self::Predicate { .. }
            | Self::Attest(_)
            | Self::Json(_)
            | Self::KeyGeneration(_)
            | Self::KeySealing(_)
            | Self::Declined { .. }
            | Self::System { .. }
            | Self::NoSuchCode { .. } => ExitCode::Failed,
        }
    }

    /// What is printed of it.
    pub(crate) fn into_output(self) -> Output {
        Output::notes(vec![format!("Error: {self}")], self.exit())
    }
}
