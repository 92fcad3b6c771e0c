use std::fmt;

use super::scope::{NamePrefix, full_name, is_below, respelled};
use crate::oci::{ImageReference, Repository, Tag};

/// The name that a signature must have been made for, by that of the image. containers-policy.json(5), `signedIdentity`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignedIdentity {
    /// That of the image, tag and digest included: `matchExact`.
    Exact,
    /// That of the image, tag and digest included; for an image named by digest alone, one with any tag or digest in its repository:
    /// `matchRepoDigestOrExact`.
    ExactOrRepositoryOfDigest,
    /// Any in the repository of the image: `matchRepository`.
    Repository,
    /// This one: `exactReference`.
    ThisReference(ImageReference),
    /// Any in this repository: `exactRepository`.
    ThisRepository(Repository),
    /// As [`Self::ExactOrRepositoryOfDigest`], after the beginning of the image's name has been replaced:
    /// `remapIdentity`.
    Remapped {
        /// A host, or a host and the beginning of a path.
        prefix: NamePrefix,
        /// Its replacement.
        signed_prefix: NamePrefix,
    },
}

/// The name that a signature must have been made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SignedReference {
    /// Any in this repository.
    Repository(Repository),
    /// One in this repository that has a tag or a digest.
    Version(Repository),
    /// This one.
    Exact(ImageReference),
}

impl SignedReference {
    /// Returns true if a signature for this name is one that is wanted.
    pub(crate) fn is_met_by(&self, signed: &ImageReference) -> bool {
        match self {
            // cosign 2 wrote a tag or digest behind the repository when asked to sign for an identity; the repository decides.
            Self::Repository(repository) => signed.repository == *repository,
            Self::Version(repository) => signed.repository == *repository && has_version(signed),
            Self::Exact(reference) => has_version(signed) && signed == reference,
        }
    }

    /// What would fit the signature instead, where that is known.
    pub(crate) fn advice(&self, signed: &ImageReference) -> Option<&'static str> {
        let repository = match self {
            Self::Repository(_) => return None,
            Self::Version(repository) => repository,
            Self::Exact(reference) => &reference.repository,
        };
        (signed.repository == *repository && !has_version(signed)).then_some(NO_TAG)
    }
}

/// Nearly all signatures in cosign's format are so.
const NO_TAG: &str = "the signed name has no tag, as in signatures by cosign and sigkit: signedIdentity matchRepository (or exactRepository, for another name than the image's) fits those";

fn has_version(name: &ImageReference) -> bool {
    name.tag.is_some() || name.digest.is_some()
}

impl fmt::Display for SignedReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository(repository) => repository.fmt(f),
            Self::Version(repository) => write!(f, "{repository} with a tag or digest"),
            Self::Exact(reference) => reference.fmt(f),
        }
    }
}

impl fmt::Display for SignedIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact => f.write_str("exactly the name of the image, with its tag or digest"),
            Self::ExactOrRepositoryOfDigest => {
                f.write_str("exactly the name of the image, or for a digest any tag of its repository")
            }
            Self::Repository => f.write_str("the repository of the image"),
            Self::ThisReference(reference) => reference.fmt(f),
            Self::ThisRepository(repository) => repository.fmt(f),
            Self::Remapped { prefix, signed_prefix } => {
                write!(
                    f,
                    "exactly the name of the image with {} instead of {}, or for a digest any tag of that repository",
                    signed_prefix.0, prefix.0
                )
            }
        }
    }
}

impl SignedIdentity {
    /// The name wanted for an image.
    ///
    /// # Errors
    /// Why there is none; then no signature is wanted, whatever name it was made for.
    pub(super) fn wanted(&self, image: &ImageReference) -> Result<SignedReference, String> {
        Ok(match self {
            Self::Exact => SignedReference::Exact(versioned(image)),
            Self::ExactOrRepositoryOfDigest => exact_or_repository(image),
            Self::Repository => SignedReference::Repository(image.repository.clone()),
            Self::ThisReference(reference) => SignedReference::Exact(reference.clone()),
            Self::ThisRepository(repository) => SignedReference::Repository(repository.clone()),
            Self::Remapped { prefix, signed_prefix } => exact_or_repository(&prefix.replaced(signed_prefix, image)?),
        })
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
    match (&image.tag, &image.digest) {
        (None, Some(_)) => SignedReference::Version(image.repository.clone()),
        _ => SignedReference::Exact(versioned(image)),
    }
}

/// The reference with the default tag if it has no tag.
fn versioned(image: &ImageReference) -> ImageReference {
    match has_version(image) {
        true => image.clone(),
        false => ImageReference { tag: Some(Tag::latest()), ..image.clone() },
    }
}

impl NamePrefix {
    /// The image with the prefix replaced; the image itself when its name does not begin so, part by part.
    fn replaced(&self, by: &Self, image: &ImageReference) -> Result<ImageReference, String> {
        let name = full_name(&image.repository);
        if !is_below(&name, &self.0) {
            return Ok(image.clone());
        }
        let replaced = format!("{}{}", by.0, name.strip_prefix(&self.0).unwrap_or_default());
        let repository = replaced.parse::<Repository>().ok();
        // Signatures are not made for a short name, or for Docker Hub under another name.
        match repository.filter(|repository| full_name(repository) == respelled(&replaced)) {
            Some(repository) => Ok(ImageReference { repository, ..image.clone() }),
            None => Err(format!(
                "signedIdentity: with {} instead of {}, the image would be called {replaced}, which is not the full name of a repository",
                by.0, self.0
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(name: &SignedIdentity, image: &str) -> String {
        name.wanted(&image.parse().unwrap()).map_or_else(|_| "none".to_owned(), |wanted| wanted.to_string())
    }

    #[test]
    fn each_kind_asks_for_its_name() {
        let hex = "0".repeat(64);
        let by_digest = format!("mirror.example:5000/vendor/app@sha256:{hex}");
        let by_both = format!("mirror.example:5000/vendor/app:v1@sha256:{hex}");
        let tag = "mirror.example:5000/vendor/app:v1";
        let repository = "mirror.example:5000/vendor/app";
        let versions = format!("{repository} with a tag or digest");
        let prefix = |text: &str| NamePrefix(text.to_owned());
        let remap = |from, to| SignedIdentity::Remapped { prefix: prefix(from), signed_prefix: prefix(to) };
        for (name, image, expected) in [
            (SignedIdentity::Exact, tag, tag),
            (SignedIdentity::Exact, repository, "mirror.example:5000/vendor/app:latest"),
            (SignedIdentity::Exact, by_digest.as_str(), by_digest.as_str()),
            (SignedIdentity::Exact, by_both.as_str(), by_both.as_str()),
            (SignedIdentity::ExactOrRepositoryOfDigest, tag, tag),
            (SignedIdentity::ExactOrRepositoryOfDigest, by_digest.as_str(), versions.as_str()),
            (SignedIdentity::ExactOrRepositoryOfDigest, by_both.as_str(), by_both.as_str()),
            (SignedIdentity::Repository, tag, repository),
            (remap("mirror.example:5000/vendor", "vendor.example"), tag, "vendor.example/app:v1"),
            (
                remap("mirror.example:5000", "vendor.example/x"),
                &by_digest,
                "vendor.example/x/vendor/app with a tag or digest",
            ),
            (remap("mirror.example:5000", "Vendor.example:443"), tag, "vendor.example/vendor/app:v1"),
            (remap("mirror.example:5000/vend", "vendor.example"), tag, tag),
            (remap("mirror.example", "vendor.example"), tag, tag),
            (remap("docker.io", "vendor.example"), "app:v1", "vendor.example/library/app:v1"),
            (remap("index.docker.io", "vendor.example"), "app:v1", "index.docker.io/library/app:v1"),
            (remap("mirror.example:5000", "docker.io"), tag, "index.docker.io/vendor/app:v1"),
            // What cannot be the name of a repository is not the name of the image itself either.
            (remap("mirror.example:5000", "index.docker.io"), tag, "none"),
            (remap("mirror.example:5000", "vendor"), tag, "none"),
            (remap(repository, "vendor.example:5000"), tag, "none"),
            (remap(repository, "vendor.example"), tag, "none"),
            (remap("mirror.example:5000/vendor", "docker.io"), tag, "none"),
        ] {
            assert_eq!(wanted(&name, image), expected, "{name:?} {image}");
        }
    }

    /// A name as containers-policy.json(5) reads it: repository, tag, digest.
    fn split(name: &str) -> (&str, &str, &str) {
        let (name, digest) = name.split_once('@').unwrap_or((name, ""));
        match name.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, tag, digest),
            _ => (name, "", digest),
        }
    }

    /// What containers-policy.json(5) says of names that leave nothing out, told once more on texts.
    fn accepted(kind: &SignedIdentity, image: &str, signed: &str) -> bool {
        let (name, tag, digest) = split(image);
        let (signed_name, signed_tag, signed_digest) = split(signed);
        let names_more = !signed_tag.is_empty() || !signed_digest.is_empty();
        match kind {
            SignedIdentity::Repository => name == signed_name,
            SignedIdentity::ThisRepository(repository) => full_name(repository) == signed_name,
            SignedIdentity::Exact => names_more && image == signed,
            SignedIdentity::ThisReference(reference) => {
                let wanted = reference.to_string().replace("index.docker.io", "docker.io");
                names_more && wanted == signed
            }
            SignedIdentity::ExactOrRepositoryOfDigest => match tag {
                "" => names_more && !digest.is_empty() && name == signed_name,
                _ => names_more && image == signed,
            },
            SignedIdentity::Remapped { prefix, signed_prefix } => {
                let exact = SignedIdentity::ExactOrRepositoryOfDigest;
                let rest = name.strip_prefix(&prefix.0).filter(|rest| rest.is_empty() || rest.starts_with('/'));
                let Some(rest) = rest else { return accepted(&exact, image, signed) };
                let renamed = format!("{}{rest}", signed_prefix.0);
                let is_full = renamed.split_once('/').is_some_and(|(host, path)| {
                    host.contains(['.', ':'])
                        && host != "index.docker.io"
                        && (host != "docker.io" || path.contains('/'))
                });
                is_full && accepted(&exact, &image.replacen(name, &renamed, 1), signed)
            }
        }
    }

    // threat: R03
    #[test]
    fn every_combination_is_decided_as_containers_policy_says() {
        let digests = ["0".repeat(64), "1".repeat(64)].map(|hex| format!("sha256:{hex}"));
        let [one, other] = &digests;
        let versions = [
            String::new(),
            ":v1".to_owned(),
            ":v2".to_owned(),
            ":latest".to_owned(),
            format!("@{one}"),
            format!("@{other}"),
            format!(":v1@{one}"),
            format!(":v2@{one}"),
            format!(":v1@{other}"),
        ];
        let repositories = [
            "mirror.example:5000/cache/team/app",
            "registry.example/team/app",
            "registry.example/cache/team/app",
            "docker.io/team/app",
            "docker.io/library/app",
        ];
        let prefix = |text: &str| NamePrefix(text.to_owned());
        let remap = |from, to| SignedIdentity::Remapped { prefix: prefix(from), signed_prefix: prefix(to) };
        let kinds = [
            SignedIdentity::Exact,
            SignedIdentity::ExactOrRepositoryOfDigest,
            SignedIdentity::Repository,
            SignedIdentity::ThisReference("registry.example/team/app:v1".parse().unwrap()),
            SignedIdentity::ThisReference(format!("registry.example/team/app@{one}").parse().unwrap()),
            SignedIdentity::ThisReference(format!("docker.io/team/app:v1@{one}").parse().unwrap()),
            SignedIdentity::ThisRepository("registry.example/team/app".parse().unwrap()),
            SignedIdentity::ThisRepository("app".parse().unwrap()),
            remap("mirror.example:5000/cache", "registry.example"),
            remap("mirror.example:5000", "registry.example"),
            remap("mirror.example:5000/cache", "docker.io"),
            remap("mirror.example:5000/cache/team", "docker.io/library"),
            remap("mirror.example:5000/cache/team/app", "registry.example"),
            remap("mirror.example:5000/cache/te", "registry.example"),
            remap("mirror.example", "registry.example"),
            remap("docker.io/library", "registry.example/team"),
            remap("docker.io/team", "docker.io"),
            remap("index.docker.io", "registry.example"),
            remap("registry.example", "index.docker.io"),
            remap("registry.example", "team"),
        ];
        let names: Vec<String> = repositories
            .iter()
            .flat_map(|name| versions.iter().map(move |version| format!("{name}{version}")))
            .collect();
        let (mut asked, mut yes) = (0, 0);
        for kind in &kinds {
            for image in names.iter().filter(|image| !split(image).1.is_empty() || !split(image).2.is_empty()) {
                let wanted = kind.wanted(&image.parse().unwrap());
                for signed in &names {
                    let expected = accepted(kind, image, signed);
                    let decided = wanted.as_ref().is_ok_and(|wanted| wanted.is_met_by(&signed.parse().unwrap()));
                    assert_eq!(decided, expected, "{kind:?}: image {image}, signed {signed}");
                    (asked, yes) = (asked + 1, yes + u32::from(decided));
                }
            }
        }
        assert!(asked >= 1_575 && yes > 1_000, "{asked} asked, {yes} accepted");
    }

    // threat: R03
    #[test]
    fn a_signed_name_without_a_tag_comes_with_advice() {
        let image: ImageReference = "registry.example/app:v1".parse().unwrap();
        let signed = |name: &str| name.parse::<ImageReference>().unwrap();
        for (kind, name, expected) in [
            (SignedIdentity::Exact, "registry.example/app", true),
            (SignedIdentity::ExactOrRepositoryOfDigest, "registry.example/app", true),
            (SignedIdentity::Exact, "registry.example/app:v2", false),
            (SignedIdentity::Exact, "registry.example/other", false),
            (SignedIdentity::Repository, "registry.example/other", false),
        ] {
            let wanted = kind.wanted(&image).unwrap();
            assert_eq!(wanted.advice(&signed(name)).is_some(), expected, "{kind:?} {name}");
        }
    }
}
