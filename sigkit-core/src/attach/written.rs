//! What a writer stores besides a document that signers share: kept until it has been read back, so that it can be pushed again
//! where a place has lost it, or says so for a moment.

use std::borrow::Cow;
use std::time::Duration;

use super::AttachError;
use crate::digest::Digest;
use crate::oci::{Descriptor, TagOrDigest, media_type};
use crate::store::{BlobSource, StoreError, SubjectIndexed, TagWriter};

/// Largest blob that is kept to be pushed again, in bytes; signatures are far smaller.
const MAX_KEPT_BYTES: usize = 256 << 10;
/// Looks at a place that should have it.
const MAX_READS: u32 = 5;
/// Wait before the second look; it grows with each.
const DELAY: Duration = Duration::from_millis(100);

/// The blobs of one signature, the last of which carries it, and the manifest that names them, where there is one of its own.
#[derive(Debug, Default)]
pub(super) struct Own {
    blobs: Vec<Blob>,
    manifest: Option<Vec<u8>>,
}

#[derive(Debug)]
struct Blob {
    descriptor: Descriptor,
    kept: Option<Vec<u8>>,
}

impl Own {
    /// Pushes a blob and counts it among these.
    pub(super) async fn push<S: TagWriter>(
        &mut self,
        store: &S,
        descriptor: &Descriptor,
        bytes: Cow<'_, [u8]>,
    ) -> Result<(), StoreError> {
        let kept = (bytes.len() <= MAX_KEPT_BYTES).then(|| bytes.to_vec());
        store.push_blob(BlobSource::bytes(bytes, &descriptor.digest)).await?;
        let descriptor = Descriptor::new(&descriptor.media_type, descriptor.size, descriptor.digest);
        self.blobs.push(Blob { descriptor, kept });
        Ok(())
    }

    /// Writes the manifest under its own digest and counts it among these. Where the place says that it lacks a blob, that is pushed again.
    pub(super) async fn push_manifest<S: TagWriter>(
        &mut self,
        store: &S,
        manifest: Vec<u8>,
    ) -> Result<SubjectIndexed, StoreError> {
        for look in 1_u32.. {
            match write(store, &manifest).await {
                Err(StoreError::Lacks { .. }) if look < MAX_READS => {
                    store.pause(DELAY.saturating_mul(look)).await;
                    self.push_blobs(store).await?;
                }
                written => {
                    self.manifest = Some(manifest);
                    return written;
                }
            }
        }
        Ok(SubjectIndexed::NotStated)
    }

    /// Pushes all of it again, as far as it is kept.
    pub(super) async fn push_again<S: TagWriter>(&self, store: &S) -> Result<(), StoreError> {
        self.push_blobs(store).await?;
        match &self.manifest {
            Some(manifest) => write(store, manifest).await.map(|_| ()),
            None => Ok(()),
        }
    }

    async fn push_blobs<S: TagWriter>(&self, store: &S) -> Result<(), StoreError> {
        for Blob { descriptor, kept } in &self.blobs {
            if let Some(bytes) = kept {
                store.push_blob(BlobSource::bytes(bytes.into(), &descriptor.digest)).await?;
            }
        }
        Ok(())
    }

    /// Reads back what verification will read, which a place may have lost although it said that it took it.
    ///
    /// # Errors
    /// [`AttachError::NotConfirmed`] when it is not there, however often it is pushed.
    pub(super) async fn confirm<S: TagWriter>(&self, store: &S) -> Result<(), AttachError> {
        for look in 1_u32.. {
            match self.read(store).await {
                Err(error) if error.is_absent() && look < MAX_READS => {
                    store.pause(DELAY.saturating_mul(look)).await;
                    match self.push_again(store).await {
                        Ok(()) | Err(StoreError::Lacks { .. }) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                Err(error) if error.is_absent() => {
                    return Err(AttachError::NotConfirmed { store: store.name(), attempts: look });
                }
                read => return Ok(read?),
            }
        }
        Ok(())
    }

    async fn read<S: TagWriter>(&self, store: &S) -> Result<(), StoreError> {
        if let Some(manifest) = &self.manifest {
            store.manifest(&TagOrDigest::Digest(Digest::sha256(manifest))).await?;
        }
        if let Some(Blob { descriptor, .. }) = self.blobs.last() {
            store.blob(descriptor, descriptor.size).await?;
        }
        Ok(())
    }
}

async fn write<S: TagWriter>(store: &S, manifest: &[u8]) -> Result<SubjectIndexed, StoreError> {
    let target = TagOrDigest::Digest(Digest::sha256(manifest));
    store.push_manifest(&target, media_type::OCI_MANIFEST, manifest).await
}
