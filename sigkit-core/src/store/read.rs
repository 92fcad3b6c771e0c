//! Reading one repository.

use std::future::Future;

use super::{BlobStream, FetchedManifest, StoreError, verified};
use crate::digest::Digest;
use crate::oci::{Descriptor, ImageReference, Platform, Tag, TagOrDigest};

/// Read access to one repository.
///
/// An implementation gives bytes as it finds them: [`FetchedManifest`] and [`BlobStream`] compare them with their names. All that has a
/// default may be left to it.
pub trait Store: Sync {
    /// The name of the repository for people and origins: `registry.example.com/app`, `oci:DIR`.
    fn name(&self) -> String;

    /// Reads a manifest, by a tag once or by a digest that its bytes must have.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] only when the place says that there is none; anything else is doubt.
    fn manifest(&self, target: &TagOrDigest) -> impl Future<Output = Result<FetchedManifest, StoreError>> + Send;

    /// Begins to read a blob, of any size, in constant memory.
    ///
    /// # Errors
    /// [`StoreError`]; what is wrong with its bytes comes at the end of the stream.
    fn read_blob(&self, descriptor: &Descriptor) -> impl Future<Output = Result<BlobStream<'_>, StoreError>> + Send;

    /// Reads a whole blob; size and digest are checked before a byte is returned. `limit` bounds the size in bytes.
    ///
    /// # Errors
    /// [`StoreError`], with [`StoreError::TooLarge`] before any transfer when the descriptor already exceeds `limit`.
    fn blob(&self, descriptor: &Descriptor, limit: u64) -> impl Future<Output = Result<Vec<u8>, StoreError>> + Send {
        async move {
            verified::within(&format!("{}@{}", self.name(), descriptor.digest), descriptor.size, limit)?;
            self.read_blob(descriptor).await?.read_to_end().await
        }
    }

    /// Whether the place has a blob of that digest and size. Its bytes are not compared.
    ///
    /// # Errors
    /// [`StoreError`] when the place does not tell.
    fn exists(&self, descriptor: &Descriptor) -> impl Future<Output = Result<bool, StoreError>> + Send {
        async move {
            match self.read_blob(descriptor).await {
                Ok(_) => Ok(true),
                Err(error) if error.is_absent() => Ok(false),
                Err(error) => Err(error),
            }
        }
    }

    /// Every tag of the repository, in the order of their names.
    ///
    /// # Errors
    /// [`StoreError`], with [`StoreError::Refused`] from a place that has no such list.
    fn tags(&self) -> impl Future<Output = Result<Vec<Tag>, StoreError>> + Send {
        std::future::ready(Err(StoreError::Refused {
            place: self.name(),
            detail: "it does not list its tags".to_owned(),
        }))
    }

    /// Reads the image that was `asked` for.
    ///
    /// # Errors
    /// As [`Self::manifest`]; [`StoreError::Protocol`] when one image is expected and the place holds none, or several.
    fn image(&self, asked: &Asked) -> impl Future<Output = Result<FetchedManifest, StoreError>> + Send {
        async move {
            match asked {
                Asked::Only => Err(StoreError::Protocol {
                    place: self.name(),
                    detail: "expected the tag or digest of an image, found none".to_owned(),
                }),
                Asked::Tag(tag) => self.manifest(&TagOrDigest::Tag(tag.clone())).await,
                Asked::Digest(digest) => self.manifest(&TagOrDigest::Digest(*digest)).await,
                Asked::Name(reference) => self.manifest(&reference.target()).await,
            }
        }
    }

    /// Reads a blob through and compares it with its descriptor, where the store has its bytes locally; of any size, in constant
    /// memory. A registry does not: what is pulled from it later is compared then.
    ///
    /// # Errors
    /// [`StoreError`] of a blob that is not there or not what its descriptor says.
    fn check_blob(&self, _: &Descriptor) -> impl Future<Output = Result<(), StoreError>> + Send {
        std::future::ready(Ok(()))
    }

    /// Whether other readers of the same place take the same image: loaders of archives go by other lists than those that sigkit reads.
    /// `image` is what this store means by what was `asked`, an index above the one for `platform` when one was named.
    ///
    /// # Errors
    /// [`StoreError::Protocol`] that names both images; other errors in reading the lists.
    fn check_lists(
        &self,
        _asked: &Asked,
        _image: &FetchedManifest,
        _platform: Option<&Platform>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        std::future::ready(Ok(()))
    }

    /// What the place itself lists as referring to `subject`, over all pages, unfiltered.
    ///
    /// # Errors
    /// [`StoreError`]. That the place keeps no such list is [`Referrers::Unsupported`], not an error.
    fn referrers(&self, subject: &Digest) -> impl Future<Output = Result<Referrers, StoreError>> + Send;

    /// Lists the same piece by piece: every entry, and every error that leaves the list incomplete, is passed on as soon as it is
    /// known. An error in one part keeps the others, and so does a caller that stops waiting. By default all comes at the end, or
    /// nothing.
    fn list_referrers(
        &self,
        subject: &Digest,
        each: &mut (dyn FnMut(Result<Descriptor, StoreError>) + Send),
    ) -> impl Future<Output = ()> + Send {
        async move {
            match self.referrers(subject).await {
                Ok(Referrers::Listed(entries)) => entries.into_iter().for_each(|entry| each(Ok(entry))),
                Ok(Referrers::Unsupported) => {}
                Err(error) => each(Err(error)),
            }
        }
    }
}

/// How an image was asked for in a place that holds several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Without a name: the only one.
    Only,
    /// By its tag in a layout.
    Tag(Tag),
    /// By its digest.
    Digest(Digest),
    /// By its full name: in an archive of Docker, or in a registry.
    Name(ImageReference),
}

/// Answer of the referrers API, OCI distribution specification 1.1, "Listing Referrers".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Referrers {
    /// The list, possibly empty.
    Listed(Vec<Descriptor>),
    /// The place has no such list; the fallback tag is where to look.
    Unsupported,
}
