use std::fmt;

use crate::oci::{ImageReference, Repository, TagOrDigest};

/// The name that a signature must have been made for, by that of the image. containers-policy.json(5), `signedIdentity`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignedName {
    /// That of the image, tag or digest included: `matchExact`.
    Exact,
    /// That of the image, tag included; its repository, for an image named by digest: `matchRepoDigestOrExact`.
    ExactOrRepositoryOfDigest,
    /// Any in the repository of the image: `matchRepository`.
    Repository,
    /// This one: `exactReference`.
    ThisReference(ImageReference),
    /// Any in this repository: `exactRepository`.
    ThisRepository(Repository),
    /// As [`Self::ExactOrRepositoryOfDigest`], after what stands at the beginning of the image's name has been replaced:
    /// `remapIdentity`.
    Remapped {
        /// A host, or a host and the beginning of a path.
        prefix: NamePrefix,
        /// What stands there instead.
        signed_prefix: NamePrefix,
    },
}

/// A host, or a host and the first parts of a path; Docker Hub is `index.docker.io`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePrefix(pub(super) String);

/// The name that a signature must have been made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SignedReference {
    /// Any in this repository.
    Repository(Repository),
    /// This one.
    Exact(ImageReference),
}

impl fmt::Display for SignedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact => f.write_str("exactly the name of the image"),
            Self::ExactOrRepositoryOfDigest => f.write_str("the tag of the image, or the repository of its digest"),
            Self::Repository => f.write_str("the repository of the image"),
            Self::ThisReference(reference) => reference.fmt(f),
            Self::ThisRepository(repository) => repository.fmt(f),
            Self::Remapped { prefix, signed_prefix } => {
                write!(f, "the name of the image with {} in place of {}", signed_prefix.0, prefix.0)
            }
        }
    }
}

impl SignedName {
    /// The name wanted for an image.
    pub(super) fn wanted(&self, image: &ImageReference) -> SignedReference {
        match self {
            Self::Exact => SignedReference::Exact(tagged(image)),
            Self::ExactOrRepositoryOfDigest => exact_or_repository(image),
            Self::Repository => SignedReference::Repository(image.repository.clone()),
            Self::ThisReference(reference) => SignedReference::Exact(reference.clone()),
            Self::ThisRepository(repository) => SignedReference::Repository(repository.clone()),
            Self::Remapped { prefix, signed_prefix } => exact_or_repository(&prefix.replaced(signed_prefix, image)),
        }
    }

    /// The name wanted whatever the image is called; `None` when that depends on it.
    pub(super) fn fixed(&self) -> Option<SignedReference> {
        match self {
            Self::ThisReference(reference) => Some(SignedReference::Exact(reference.clone())),
            Self::ThisRepository(repository) => Some(SignedReference::Repository(repository.clone())),
            Self::Exact | Self::ExactOrRepositoryOfDigest | Self::Repository | Self::Remapped { .. } => None,
        }
    }
}

fn exact_or_repository(image: &ImageReference) -> SignedReference {
    match image.digest {
        Some(_) => SignedReference::Repository(image.repository.clone()),
        None => SignedReference::Exact(tagged(image)),
    }
}

/// The reference with the tag or digest that decides, and no other.
fn tagged(image: &ImageReference) -> ImageReference {
    let repository = image.repository.clone();
    match image.target() {
        TagOrDigest::Tag(tag) => ImageReference { repository, tag: Some(tag), digest: None },
        TagOrDigest::Digest(digest) => ImageReference { repository, tag: None, digest: Some(digest) },
    }
}

impl NamePrefix {
    /// The image with the prefix replaced; the image itself when its name does not begin so, part by part.
    fn replaced(&self, by: &Self, image: &ImageReference) -> ImageReference {
        let name = image.repository.to_string();
        let replaced = match name.strip_prefix(&self.0) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("{}{rest}", by.0).parse().ok(),
            _ => None,
        };
        ImageReference { repository: replaced.unwrap_or_else(|| image.repository.clone()), ..image.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(name: &SignedName, image: &str) -> String {
        match name.wanted(&image.parse().unwrap()) {
            SignedReference::Repository(repository) => repository.to_string(),
            SignedReference::Exact(reference) => reference.to_string(),
        }
    }

    #[test]
    fn each_kind_asks_for_its_name() {
        let hex = "0".repeat(64);
        let by_digest = format!("mirror.example:5000/vendor/app@sha256:{hex}");
        let tag = "mirror.example:5000/vendor/app:v1";
        let repository = "mirror.example:5000/vendor/app";
        let prefix = |text: &str| NamePrefix(text.to_owned());
        let remap = |from, to| SignedName::Remapped { prefix: prefix(from), signed_prefix: prefix(to) };
        for (name, image, expected) in [
            (SignedName::Exact, tag, tag),
            (SignedName::Exact, repository, "mirror.example:5000/vendor/app:latest"),
            (SignedName::Exact, by_digest.as_str(), by_digest.as_str()),
            (SignedName::ExactOrRepositoryOfDigest, tag, tag),
            (SignedName::ExactOrRepositoryOfDigest, by_digest.as_str(), repository),
            (SignedName::Repository, tag, repository),
            (remap("mirror.example:5000/vendor", "vendor.example"), tag, "vendor.example/app:v1"),
            (remap("mirror.example:5000", "vendor.example/x"), &by_digest, "vendor.example/x/vendor/app"),
            (remap("mirror.example:5000/vend", "vendor.example"), tag, tag),
            (remap("mirror.example", "vendor.example"), tag, tag),
        ] {
            assert_eq!(wanted(&name, image), expected, "{name:?} {image}");
        }
    }
}
