//! The images of a verb: named by arguments and files, opened, resolved, and worked on side by side.

use std::path::Path;
use std::time::Duration;

use sigkit_core::digest::Digest;
use sigkit_core::image::{label, verify_blob_digests, walk_index};
use sigkit_core::limits::Limits;
use sigkit_core::oci::{Repository, TagOrDigest};
use sigkit_core::store::registry::RegistryClient;
use sigkit_core::store::{DynStore, FetchedManifest, StoreError};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::in_order::in_order;
use crate::args::{GlobalArgs, ImagesArgs, RegistryArgs};
use crate::context::Context;
use crate::error::CliError;
use crate::files::FileError;
use crate::outcome::Output;
use crate::outcome::unresolved::Unresolved;
use crate::runtime::{self, Deadline};
use crate::settings::registry;
use crate::settings::target::{OpenTarget, Target, TargetError};
use crate::terminal::printer::Printer;

/// Longest list of images, in bytes.
const MAX_LIST_BYTES: u64 = 16 * 1024 * 1024;

/// Longest name of an image, in bytes: a path of the file system with some room.
const MAX_LINE_BYTES: usize = 8 * 1024;

/// The images of a verb and the way to their registries.
#[derive(Debug)]
pub(super) struct Images<'a> {
    args: &'a ImagesArgs,
    /// In the order named: the text as given, and what it means.
    pub(super) named: Vec<(String, Target)>,
    access: StoreAccess,
    client: RegistryClient,
    signatures: Option<&'a Repository>,
    /// As many as `--jobs` says, for all images together.
    turns: Semaphore,
}

/// What a verb does to its images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StoreAccess {
    /// It reads them, whole where they are local, and reads nothing twice.
    Read,
    /// It puts something beside them.
    Write,
}

/// An image as it was found.
pub(super) struct Resolved {
    pub(super) open: OpenTarget,
    pub(super) image: FetchedManifest,
    /// What an index lists and its place does not hold.
    pub(super) absent: Vec<String>,
}

impl<'a> Images<'a> {
    /// Collects the images.
    ///
    /// # Errors
    /// Texts that name no image, files that cannot be read, flags that contradict each other.
    pub(super) fn collect(
        access: StoreAccess,
        args: &'a ImagesArgs,
        registry: &'a RegistryArgs,
        context: &Context,
    ) -> Result<Self, CliError> {
        let given = args.images.iter().map(|text| named(text).map_err(CliError::usage));
        let mut named = given.collect::<Result<Vec<_>, CliError>>()?;
        if let Some(path) = &args.images_from {
            named.extend(listed(path, context)?);
        }
        if named.is_empty() {
            return Err(CliError::usage("--images-from names no image".to_owned()));
        }
        let targets: Vec<Target> = named.iter().map(|(_, target)| target.clone()).collect();
        let client = match access {
            StoreAccess::Read => registry::reader(registry, &targets, context),
            StoreAccess::Write => registry::client(registry, &targets, context),
        }?;
        let turns = Semaphore::new(args.jobs.get());
        Ok(Self { args, named, access, client, signatures: registry.signature_repo.as_ref(), turns })
    }

    /// Works on every image until time runs out, so many at once as `--jobs` says, and prints what came of each in the order named.
    /// `doing` is the verb for people: `SignOptions`.
    ///
    /// # Errors
    /// Those of printing, after which nothing more is begun.
    pub(super) fn each<T>(
        &self,
        doing: &'static str,
        global: &GlobalArgs,
        printer: &mut Printer<'_>,
        work: impl AsyncFn(&str, &Target) -> Vec<T>,
        timed_out: impl Fn(&str, Duration) -> T,
        render: impl FnMut(usize, Vec<T>) -> Output,
    ) -> Result<(), CliError> {
        let deadline = Deadline::after(global.timeout);
        let bounded = async |text: &str, target: &Target| {
            // What waits its turn is moved about, and should be small.
            let done = deadline.bound(Box::pin(work(text, target))).await;
            done.unwrap_or_else(|| vec![timed_out(text, global.timeout)])
        };
        self.each_by_itself(doing, printer, bounded, render)
    }

    /// The same for work that keeps to the time by itself.
    ///
    /// # Errors
    /// As [`Self::each`].
    pub(super) fn each_by_itself<T>(
        &self,
        doing: &'static str,
        printer: &mut Printer<'_>,
        work: impl AsyncFn(&str, &Target) -> Vec<T>,
        render: impl FnMut(usize, Vec<T>) -> Output,
    ) -> Result<(), CliError> {
        printer.expect(doing, self.named.iter().map(|(text, _)| text.clone()));
        let bounded = async |(text, target): &(String, Target)| Box::pin(work(text, target)).await;
        let work = self.named.iter().map(&bounded);
        runtime::block_on(in_order(work, self.args.jobs.get(), render, printer))?
    }

    /// Waits until there is a turn for another image, be it named or below one that is.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.turns.acquire().await.ok()
    }

    /// Opens the stores of one image.
    ///
    /// # Errors
    /// [`StoreError`] of a layout or archive.
    pub(super) fn open(&self, target: &Target) -> Result<OpenTarget, Box<StoreError>> {
        target.clone().open(&self.client, self.signatures)
    }

    /// The digest of the image, where the name contains it.
    pub(super) fn named_digest(&self, target: &Target) -> Option<Digest> {
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
    pub(super) async fn resolve(&self, target: &Target) -> Result<(OpenTarget, Vec<FetchedManifest>), Unresolved> {
        let Resolved { open, image, .. } = self.resolve_one(target).await?;
        let below = match self.args.recursive {
            true => {
                walk_index(&open.store, &image, &Limits::DEFAULT).await.map_err(Unresolved::of(target.registry()))?
            }
            false => Vec::new(),
        };
        Ok((open, std::iter::once(image).chain(below).collect()))
    }

    /// Returns true if the images below those named are asked for.
    pub(super) const fn recursive(&self) -> bool {
        self.args.recursive
    }

    /// Opens and resolves one image, without those below it.
    ///
    /// # Errors
    /// [`Unresolved`].
    pub(super) async fn resolve_one(&self, target: &Target) -> Result<Resolved, Unresolved> {
        let failed = Unresolved::of(target.registry());
        let open = self.open(target).map_err(|error| failed((*error).into()))?;
        let image = open.resolve_on(self.args.platform.as_ref()).await.map_err(failed)?;
        // The client that pulls from a registry compares its content with the descriptors.
        let absent = match self.access == StoreAccess::Read && target.registry().is_none() {
            true => verify_blob_digests(&open.store, &image, &Limits::DEFAULT).await.map_err(failed)?,
            false => Vec::new(),
        };
        let absent = absent.iter().map(label).collect();
        Ok(Resolved { open, image, absent })
    }

    /// The store of another repository.
    pub(super) fn repository(&self, repository: &Repository) -> DynStore {
        DynStore::new(self.client.repository(repository))
    }
}

fn named(text: &str) -> Result<(String, Target), TargetError> {
    Ok((text.to_owned(), text.parse()?))
}

/// The images of a list: one per line, without blank lines and those that start with `#`.
fn listed(path: &Path, context: &Context) -> Result<Vec<(String, Target)>, CliError> {
    let (option, expected) = ("--images-from", "a list of images");
    let refused = |found| FileError::Content { option, path: path.to_owned(), expected, found };
    let list = context.read_or_stdin(option, path, expected, MAX_LIST_BYTES)?;
    let list = std::str::from_utf8(&list).map_err(|_| refused("text that is not UTF-8".to_owned()))?;
    let lines = list.lines().map(str::trim).zip(1_u64..);
    let images = lines.filter(|(line, _)| !line.is_empty() && !line.starts_with('#')).map(|(line, number)| {
        if line.len() > MAX_LINE_BYTES {
            return Err(refused(format!("{} bytes on line {number}", line.len())));
        }
        named(line).map_err(|error| refused(format!("this on line {number}: {error}")))
    });
    Ok(images.collect::<Result<_, FileError>>()?)
}
