//! The image a user names: where it lives, and which one it is.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use sigkit_core::digest::Digest;
use sigkit_core::image::{TreeError, select_platform};
use sigkit_core::oci::{ImageReference, Platform, ReferenceError, Repository, Tag, TagOrDigest};
use sigkit_core::store::registry::RegistryClient;
use sigkit_core::store::{
    ArchiveStore, Asked, DockerArchiveStore, DynStore, FetchedManifest, LayoutStore, Store as _, StoreError,
};

use crate::explain::Place;

/// An image as named on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// In a registry.
    Registry(ImageReference),
    /// `oci:DIR[:TAG]`, `oci:DIR@DIGEST`
    Layout(LocalImage),
    /// `oci-archive:FILE[:TAG]`, `oci-archive:FILE@DIGEST`
    Archive(LocalImage),
    /// `docker-archive:FILE[:NAME:TAG]`
    DockerArchive { path: PathBuf, name: Option<ImageReference> },
}

/// An image in a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LocalImage {
    path: PathBuf,
    chosen: Option<TagOrDigest>,
}

/// Why a text names no image.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum TargetError {
    /// An empty text, as an unset variable gives.
    #[error("the image name is empty: expected REGISTRY/NAME:TAG or oci:DIR[:TAG]; check the variable that holds it")]
    Empty,
    /// Any other text.
    #[error("{text:?} is not an image name: {detail}")]
    Invalid {
        /// Cut to 200 characters.
        text: String,
        /// What was expected and found.
        detail: String,
    },
}

impl std::str::FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        if text.is_empty() {
            return Err(TargetError::Empty);
        }
        let refused = |detail: String| TargetError::Invalid { text: text.chars().take(200).collect(), detail };
        let reference = |error: ReferenceError| refused(error.to_string());
        if let Some(rest) = text.strip_prefix("oci-archive:") {
            return LocalImage::parse(rest).map(Self::Archive).map_err(refused);
        }
        if let Some(rest) = text.strip_prefix("docker-archive:") {
            let (path, name) = match rest.split_once(':') {
                Some((path, name)) => (path, Some(name.parse().map_err(reference)?)),
                None => (rest, None),
            };
            if path.is_empty() {
                return Err(refused("expected docker-archive:FILE[:NAME:TAG]".to_owned()));
            }
            return Ok(Self::DockerArchive { path: path.into(), name });
        }
        // `oci:v1` could also be the image `oci` on Docker Hub; that one can still be written docker.io/library/oci:v1.
        match text.strip_prefix("oci:") {
            Some(rest) => LocalImage::parse(rest).map(Self::Layout).map_err(refused),
            None if text.starts_with(['.', '/', '~']) => {
                Err(refused("a path is written oci:DIR, oci-archive:FILE or docker-archive:FILE".to_owned()))
            }
            None => text.parse().map(Self::Registry).map_err(reference),
        }
    }
}

impl LocalImage {
    fn parse(text: &str) -> Result<Self, String> {
        if let Some((path, digest)) = text.rsplit_once('@')
            && let Ok(digest) = digest.parse()
        {
            return Self::of(path, Some(TagOrDigest::Digest(digest)));
        }
        match text.rsplit_once(':') {
            // A colon in a directory name is followed by a slash sooner or later; one before a tag is not.
            Some((path, tag)) if !tag.contains('/') => {
                let tag: Tag = tag.parse().map_err(|error: ReferenceError| error.to_string())?;
                Self::of(path, Some(TagOrDigest::Tag(tag)))
            }
            _ => Self::of(text, None),
        }
    }

    fn of(path: &str, chosen: Option<TagOrDigest>) -> Result<Self, String> {
        if path.is_empty() {
            return Err("expected a path, as in oci:DIR[:TAG]".to_owned());
        }
        Ok(Self { path: path.into(), chosen })
    }

    /// The last part of the path: the only name that a local image has.
    fn name(&self) -> String {
        let name = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
        name.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

/// A target whose store is open.
#[derive(Clone, Debug)]
pub(crate) struct OpenTarget {
    /// The store of the image.
    pub(crate) store: DynStore,
    /// The store of its signatures: the same, or the repository that they are kept in instead.
    pub(crate) signatures: DynStore,
    target: Target,
    /// What the name meant when it was resolved.
    meant: OnceLock<Digest>,
}

impl Target {
    /// The registry's host and port, for a target in a registry.
    pub(crate) fn registry(&self) -> Option<&str> {
        match self {
            Self::Registry(reference) => Some(reference.repository.registry()),
            Self::Layout(_) | Self::Archive(_) | Self::DockerArchive { .. } => None,
        }
    }

    /// Where the image is, as far as the next step depends on it.
    pub(crate) const fn place(&self) -> Place {
        match self {
            Self::Registry(_) => Place::Registry,
            Self::Layout(_) | Self::Archive(_) => Place::Layout,
            Self::DockerArchive { .. } => Place::DockerArchive,
        }
    }

    /// Opens the store of the image, and that of its signatures; no registry is asked yet. `signatures` names another repository
    /// for the signatures of images in registries; layouts and archives keep theirs inside.
    ///
    /// # Errors
    /// [`StoreError`] of a layout or archive.
    pub(crate) fn open(
        self,
        client: &RegistryClient,
        signatures: Option<&Repository>,
    ) -> Result<OpenTarget, Box<StoreError>> {
        let here = |error| self.not_here(error);
        let store = match &self {
            Self::Registry(reference) => DynStore::new(client.repository(&reference.repository)),
            Self::Layout(image) => DynStore::new(LayoutStore::open(&image.path).map_err(here)?),
            Self::Archive(image) => DynStore::new(ArchiveStore::open(&image.path).map_err(here)?),
            Self::DockerArchive { path, .. } => DynStore::new(DockerArchiveStore::open(path).map_err(here)?),
        };
        let signatures = match (&self, signatures) {
            (Self::Registry(_), Some(repository)) => DynStore::new(client.repository(repository)),
            _ => store.clone(),
        };
        Ok(OpenTarget { store, signatures, target: self, meant: OnceLock::new() })
    }

    /// The same error, which says of a missing image what is missing.
    fn not_here(&self, error: StoreError) -> StoreError {
        let StoreError::NotFound { place } = error else { return error };
        let place = match self {
            Self::Registry(reference) => {
                let what = match reference.target() {
                    TagOrDigest::Tag(tag) => format!("tag {tag}"),
                    TagOrDigest::Digest(digest) => format!("manifest {digest}"),
                };
                format!("there is no {what} in {}: {place}", reference.repository)
            }
            Self::Layout(image) if image.path.as_path() == Path::new(&place) => {
                format!("{place}: there is no such directory")
            }
            Self::Archive(LocalImage { path, .. }) | Self::DockerArchive { path, .. }
                if path.as_path() == Path::new(&place) =>
            {
                format!("{place}: there is no such file")
            }
            Self::Layout(_) | Self::Archive(_) | Self::DockerArchive { .. } => place,
        };
        StoreError::NotFound { place }
    }
}

impl OpenTarget {
    /// Reads the image meant; a tag is resolved here and nowhere else.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn resolve(&self) -> Result<FetchedManifest, StoreError> {
        self.store.image(&self.asked()).await
    }

    /// How many manifests the list of a layout or archive has, when it can be read.
    pub(crate) fn listed(&self) -> Option<usize> {
        match &self.target {
            Target::Registry(_) => None,
            Target::Layout(image) => LayoutStore::open(&image.path).and_then(|store| store.listed()).ok(),
            Target::Archive(LocalImage { path, .. }) | Target::DockerArchive { path, .. } => {
                ArchiveStore::open(path).and_then(|store| store.listed()).ok()
            }
        }
    }

    /// How the image was asked for, in a layout or archive.
    fn asked(&self) -> Asked {
        match &self.target {
            Target::Registry(reference) => Asked::Name(reference.clone()),
            Target::Layout(image) | Target::Archive(image) => match &image.chosen {
                Some(TagOrDigest::Tag(tag)) => Asked::Tag(tag.clone()),
                Some(TagOrDigest::Digest(digest)) => Asked::Digest(*digest),
                None => Asked::Only,
            },
            Target::DockerArchive { name, .. } => name.clone().map_or(Asked::Only, Asked::Name),
        }
    }

    /// The image meant, on one platform of those below it when one is named; other readers of the same place must find the same.
    ///
    /// # Errors
    /// [`TreeError`].
    pub(crate) async fn resolve_on(&self, platform: Option<&Platform>) -> Result<FetchedManifest, TreeError> {
        let named = self.resolve().await.map_err(|error| self.target.not_here(error))?;
        self.meant.get_or_init(|| named.digest());
        let image = match platform {
            Some(platform) => select_platform(&self.store, &named, platform).await?,
            None => named.clone(),
        };
        self.store.check_lists(&self.asked(), &named, platform).await?;
        Ok(image)
    }

    /// Refuses a layout or archive in which the name has come to mean another image since it was resolved: what is written now would
    /// lie beside an image that was not read.
    ///
    /// # Errors
    /// [`StoreError::Conflict`]; [`StoreError`] when it cannot be read any more.
    pub(crate) async fn refuse_changed(&self) -> Result<(), StoreError> {
        if self.reference().is_some() {
            return Ok(());
        }
        let now = self.resolve().await?.digest();
        match self.meant.get() {
            Some(meant) if *meant != now => {
                let place = format!(
                    "{}: {meant} is {now} now, so nothing was written: run the command again",
                    self.store.name()
                );
                Err(StoreError::Conflict { place })
            }
            _ => Ok(()),
        }
    }

    /// The name of the store of the image.
    pub(crate) fn name(&self) -> String {
        self.store.name()
    }

    /// The path of a layout or archive.
    pub(crate) fn path(&self) -> Option<std::path::Display<'_>> {
        match &self.target {
            Target::Registry(_) => None,
            Target::Layout(image) | Target::Archive(image) => Some(image.path.display()),
            Target::DockerArchive { path, .. } => Some(path.display()),
        }
    }

    /// What a legacy signature names the image by: `registry/repository`, or the name of the directory or file.
    pub(crate) fn docker_reference(&self) -> String {
        match &self.target {
            Target::Registry(reference) => reference.repository.to_string(),
            Target::Layout(image) | Target::Archive(image) => image.name(),
            Target::DockerArchive { path, .. } => LocalImage { path: path.clone(), chosen: None }.name(),
        }
    }

    /// How the image comes, in the words of containers-policy.json(5).
    pub(crate) const fn transport(&self) -> &'static str {
        match &self.target {
            Target::Registry(_) => "docker",
            Target::Layout(_) => "oci",
            Target::Archive(_) => "oci-archive",
            Target::DockerArchive { .. } => "docker-archive",
        }
    }

    /// Where the image is, as far as the next step depends on it.
    pub(crate) const fn place(&self) -> Place {
        self.target.place()
    }

    /// The registry reference, for a target in a registry.
    pub(crate) fn reference(&self) -> Option<&ImageReference> {
        match &self.target {
            Target::Registry(reference) => Some(reference),
            Target::Layout(_) | Target::Archive(_) | Target::DockerArchive { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(text: &str) -> (String, Option<String>) {
        match text.parse().unwrap() {
            Target::Layout(image) | Target::Archive(image) => {
                (image.path.display().to_string(), image.chosen.map(|chosen| chosen.to_string()))
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn local_forms() {
        let digest = format!("sha256:{}", "0".repeat(64));
        for (text, path, chosen) in [
            ("oci:dir", "dir", None),
            ("oci:dir:v1", "dir", Some("v1")),
            ("oci:/a:b/c", "/a:b/c", None),
            ("oci:/a:b/c:v1", "/a:b/c", Some("v1")),
            ("oci-archive:x.tar:v1", "x.tar", Some("v1")),
            (format!("oci:dir@{digest}").as_str(), "dir", Some(digest.as_str())),
        ] {
            assert_eq!(local(text), (path.to_owned(), chosen.map(str::to_owned)), "{text}");
        }
        for text in ["oci:", "oci::v1", "oci-archive:", "docker-archive:", "oci:dir:a b", "docker-archive:f:UPPER"] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }

    #[test]
    fn everything_else_is_a_registry_reference() {
        let target: Target = "localhost:5000/app:v1".parse().unwrap();
        assert_eq!(target.registry(), Some("localhost:5000"));
        let named: Target = "docker-archive:f.tar:app:v1".parse().unwrap();
        assert!(matches!(named, Target::DockerArchive { name: Some(_), .. }));
    }
}
