//! An image that could not be read.

use sigkit_core::image::TreeError;

use crate::exit::{ExitCode, Medium};
use crate::explain::Place;

/// Why an image could not be read.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{error}")]
pub(crate) struct Unresolved {
    /// What went wrong.
    pub(crate) error: TreeError,
    medium: Medium,
}

impl Unresolved {
    /// What makes one of an error, for an image in this registry or in files.
    pub(crate) fn of(registry: Option<&str>) -> impl Fn(TreeError) -> Self + Copy + use<> {
        let medium = if registry.is_some() { Medium::Network } else { Medium::Files };
        move |error| Self { error, medium }
    }

    /// Where the image is, as far as the next step depends on it.
    pub(crate) const fn place(&self) -> Place {
        match self.medium {
            Medium::Network => Place::Registry,
            Medium::Files => Place::Layout,
        }
    }

    /// The exit code: a registry may do better next time, files stay as they are.
    pub(crate) const fn exit(&self) -> ExitCode {
        ExitCode::of_unresolved(&self.error, self.medium)
    }
}
