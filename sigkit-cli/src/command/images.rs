//! The images of a verb: named by arguments and files, opened, resolved, and worked on side by side.

use std::future::Future;
use std::path::Path;
use std::pin::pin;

use futures_util::StreamExt as _;
use sigkit_core::digest::Digest;
use sigkit_core::image::{check_contents, descendants, for_platform};
use sigkit_core::limits::Limits;
use sigkit_core::oci::{Repository, TagOrDigest};
use sigkit_core::store::registry::RegistryClient;
use sigkit_core::store::{FetchedManifest, StoreError};

use crate::args::{ImagesArgs, RegistryArgs};
use crate::context::Context;
use crate::error::CliError;
use crate::files::FileError;
use crate::registry;
use crate::store::AnyStore;
use crate::target::{OpenTarget, Target, TargetError, Unresolved};

/// Longest list of images, in bytes.
const MOST_LIST_BYTES: u64 = 16 * 1024 * 1024;

/// Longest name of an image, in bytes: a path of the file system with some room.
const MOST_LINE_BYTES: usize = 8 * 1024;

/// The images of a verb and the way to their registries.
#[derive(Debug)]
pub(crate) struct Images<'a> {
    args: &'a ImagesArgs,
    /// In the order named: the text as given, and what it means.
    pub(crate) named: Vec<(String, Target)>,
    client: RegistryClient,
    signatures: Option<&'a Repository>,
}

impl<'a> Images<'a> {
    /// Collects the images.
    ///
    /// # Errors
    /// Texts that name no image, files that cannot be read, flags that contradict each other.
    pub(crate) fn collect(
        args: &'a ImagesArgs,
        registry: &'a RegistryArgs,
        context: &Context,
    ) -> Result<Self, CliError> {
        Self::reached_by(registry::client, args, registry, context)
    }

    /// Collects the images of a verb that writes nothing.
    ///
    /// # Errors
    /// As [`Images::collect`].
    pub(crate) fn collect_to_read(
        args: &'a ImagesArgs,
        registry: &'a RegistryArgs,
        context: &Context,
    ) -> Result<Self, CliError> {
        Self::reached_by(registry::reader, args, registry, context)
    }

    fn reached_by(
        client: impl Fn(&RegistryArgs, &[Target], &Context) -> Result<RegistryClient, CliError>,
        args: &'a ImagesArgs,
        registry: &'a RegistryArgs,
        context: &Context,
    ) -> Result<Self, CliError> {
        let given = args.images.iter().map(|text| named(text).map_err(CliError::Target));
        let mut named = given.collect::<Result<Vec<_>, CliError>>()?;
        if let Some(path) = &args.images_from {
            named.extend(listed(path, context)?);
        }
        if named.is_empty() {
            return Err(CliError::Usage("--images-from names no image".to_owned()));
        }
        let targets: Vec<Target> = named.iter().map(|(_, target)| target.clone()).collect();
        let client = client(registry, &targets, context)?;
        Ok(Self { args, named, client, signatures: registry.signature_repo.as_ref() })
    }

    /// Works on every image, so many at once as `--jobs` says, and hands over what came of each in the order named.
    ///
    /// # Errors
    /// Those of `done`, after which nothing more is begun.
    pub(crate) async fn each<T, F: Future<Output = T>>(
        &self,
        work: impl Fn(String, Target) -> F,
        mut done: impl FnMut(T) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        let work = self.named.iter().map(|(text, target)| work(text.clone(), target.clone()));
        let mut results = pin!(futures_util::stream::iter(work).buffered(self.args.jobs.get()));
        while let Some(result) = results.next().await {
            done(result)?;
        }
        Ok(())
    }

    /// Opens the stores of one image.
    ///
    /// # Errors
    /// [`StoreError`] of a layout or archive.
    pub(crate) fn open(&self, target: Target) -> Result<OpenTarget, Box<StoreError>> {
        target.open(&self.client, self.signatures)
    }

    /// The digest of the image that is meant, where the name itself says it.
    pub(crate) fn named_digest(&self, target: &Target) -> Option<Digest> {
        match (target, &self.args.platform) {
            (Target::Registry(reference), None) => match reference.target() {
                TagOrDigest::Digest(digest) => Some(digest),
                TagOrDigest::Tag(_) => None,
            },
            _ => None,
        }
    }

    /// Opens and resolves one image, once.
    ///
    /// # Errors
    /// [`Unresolved`].
    pub(crate) async fn resolve(&self, target: Target) -> Result<(OpenTarget, FetchedManifest), Unresolved> {
        let failed = Unresolved::of(target.registry());
        let open = self.open(target).map_err(|error| failed((*error).into()))?;
        let image = open.resolve().await.map_err(|error| failed(error.into()))?;
        let image = match &self.args.platform {
            Some(platform) => for_platform(&*open.store, &image, platform).await.map_err(failed)?,
            None => image,
        };
        Ok((open, image))
    }

    /// The store of another repository.
    pub(crate) fn repository(&self, repository: &Repository) -> AnyStore {
        AnyStore::Registry(self.client.repository(repository))
    }

    /// Compares all that a local image is made of with its descriptors. What a registry holds is compared by whoever pulls it.
    ///
    /// # Errors
    /// [`Unresolved`].
    pub(crate) async fn check_contents(&self, open: &OpenTarget, image: &FetchedManifest) -> Result<(), Unresolved> {
        match open.reference() {
            Some(_) => Ok(()),
            None => check_contents(&*open.store, image, &Limits::DEFAULT).await.map_err(Unresolved::of(None)),
        }
    }

    /// One image as [`Images::resolve`] and [`Images::check_contents`] leave it, and those below it when they are asked for.
    ///
    /// # Errors
    /// [`Unresolved`].
    pub(crate) async fn with_below(&self, target: Target) -> Result<(OpenTarget, Vec<FetchedManifest>), Unresolved> {
        let (open, image) = self.resolve(target).await?;
        self.check_contents(&open, &image).await?;
        let mut images = self.below(&open, &image).await?;
        images.insert(0, image);
        Ok((open, images))
    }

    /// The manifests below an image, when they are asked for.
    ///
    /// # Errors
    /// [`Unresolved`].
    pub(crate) async fn below(
        &self,
        open: &OpenTarget,
        image: &FetchedManifest,
    ) -> Result<Vec<FetchedManifest>, Unresolved> {
        if !self.args.recursive {
            return Ok(Vec::new());
        }
        let failed = Unresolved::of(open.reference().map(|reference| reference.repository.registry()));
        descendants(&*open.store, image, &Limits::DEFAULT).await.map_err(failed)
    }
}

fn named(text: &str) -> Result<(String, Target), TargetError> {
    Ok((text.to_owned(), text.parse()?))
}

/// The images of a list: one per line, without blank lines and those that start with `#`.
fn listed(path: &Path, context: &Context) -> Result<Vec<(String, Target)>, CliError> {
    let (option, expected) = ("--images-from", "a list of images");
    let refused = |found| FileError::Content { option, path: path.to_owned(), expected, found };
    let list = context.read_or_stdin(option, path, expected, MOST_LIST_BYTES)?;
    let list = std::str::from_utf8(&list).map_err(|_| refused("text that is not UTF-8".to_owned()))?;
    let lines = list.lines().map(str::trim).zip(1_u64..);
    let images = lines.filter(|(line, _)| !line.is_empty() && !line.starts_with('#')).map(|(line, number)| {
        if line.len() > MOST_LINE_BYTES {
            return Err(refused(format!("{} bytes on line {number}", line.len())));
        }
        named(line).map_err(|error| refused(format!("this on line {number}: {error}")))
    });
    Ok(images.collect::<Result<_, FileError>>()?)
}
