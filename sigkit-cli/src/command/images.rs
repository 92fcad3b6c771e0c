//! The images of a verb: named by arguments and files, opened, resolved, and worked on side by side.

use std::future::Future;

use futures_util::StreamExt as _;
use sigkit_core::image::{TreeError, descendants, for_platform};
use sigkit_core::limits::Limits;
use sigkit_core::store::FetchedManifest;
use sigkit_core::store::registry::RegistryClient;

use crate::args::{ImagesArgs, RegistryArgs};
use crate::context::Context;
use crate::error::CliError;
use crate::registry;
use crate::target::{OpenTarget, Target};

/// Longest list of images, in bytes.
const MOST_LIST_BYTES: u64 = 16 * 1024 * 1024;

/// The images of a verb and the way to their registries.
#[derive(Debug)]
pub(crate) struct Images<'a> {
    args: &'a ImagesArgs,
    /// In the order named: the text as given, and what it means.
    pub(crate) named: Vec<(String, Target)>,
    client: RegistryClient,
}

impl<'a> Images<'a> {
    /// Collects the images.
    ///
    /// # Errors
    /// Texts that name no image, files that cannot be read, flags that contradict each other.
    pub(crate) fn collect(args: &'a ImagesArgs, registry: &RegistryArgs, context: &Context) -> Result<Self, CliError> {
        let mut texts = args.images.clone();
        if let Some(path) = &args.images_from {
            let list = context.read_or_stdin("--images-from", path, "a list of images", MOST_LIST_BYTES)?;
            let list = std::str::from_utf8(&list)
                .map_err(|_| CliError::Usage(format!("--images-from: {} is not UTF-8 text", path.display())))?;
            let lines = list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
            texts.extend(lines.map(str::to_owned));
        }
        if texts.is_empty() {
            return Err(CliError::Usage("--images-from names no image".to_owned()));
        }
        let named = texts
            .into_iter()
            .map(|text| match text.parse() {
                Ok(target) => Ok((text, target)),
                Err(error) => Err(CliError::Target(error)),
            })
            .collect::<Result<Vec<(String, Target)>, CliError>>()?;
        let targets: Vec<Target> = named.iter().map(|(_, target)| target.clone()).collect();
        let client = registry::client(registry, &targets, context)?;
        Ok(Self { args, named, client })
    }

    /// Works on every image, so many at once as `--jobs` says, and keeps the order.
    pub(crate) async fn each<T, F: Future<Output = T>>(&self, work: impl Fn(String, Target) -> F) -> Vec<T> {
        let work = self.named.iter().map(|(text, target)| work(text.clone(), target.clone()));
        futures_util::stream::iter(work).buffered(self.args.jobs.get()).collect().await
    }

    /// Opens and resolves one image, once.
    ///
    /// # Errors
    /// [`TreeError`].
    pub(crate) async fn resolve(&self, target: Target) -> Result<(OpenTarget, FetchedManifest), TreeError> {
        let open = target.open(&self.client)?;
        let image = open.resolve().await?;
        let image = match &self.args.platform {
            Some(platform) => for_platform(&*open.store, &image, platform).await?,
            None => image,
        };
        Ok((open, image))
    }

    /// The manifests below an image, when they are asked for.
    ///
    /// # Errors
    /// [`TreeError`].
    pub(crate) async fn below(
        &self,
        open: &OpenTarget,
        image: &FetchedManifest,
    ) -> Result<Vec<FetchedManifest>, TreeError> {
        if self.args.recursive { descendants(&*open.store, image, &Limits::DEFAULT).await } else { Ok(Vec::new()) }
    }
}
