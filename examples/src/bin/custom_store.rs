//! Verifies an image in a store of your own: `custom_store COSIGN.PUB FOLDER DIGEST`
//!
//! The folder holds one file for every manifest and blob, under the hexadecimal digits of its digest. The store gives bytes as it finds
//! them: that they are those asked for is checked by the types that it has to return.

use std::error::Error;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::ExitCode;
use std::task::{Context, Poll};
use std::time::SystemTime;
use std::{env, fs};

use futures_core::Stream;
use sigkit_core::digest::Digest;
use sigkit_core::oci::{Descriptor, Manifest, TagOrDigest};
use sigkit_core::store::{BlobStream, FetchedManifest, Referrers, Store, StoreError};
use sigkit_core::{KeyAuthority, Policy, PublicKey, Purpose, Trust, verify_image};

/// A folder of files named by their digests.
struct Folder(PathBuf);

impl Folder {
    fn read(&self, digest: &Digest) -> Result<Vec<u8>, StoreError> {
        let path = self.0.join(digest.hex());
        let place = path.display().to_string();
        fs::read(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => StoreError::NotFound { place },
            _ => StoreError::Io { place, detail: error.to_string() },
        })
    }
}

impl Store for Folder {
    fn name(&self) -> String {
        self.0.display().to_string()
    }

    async fn manifest(&self, target: &TagOrDigest) -> Result<FetchedManifest, StoreError> {
        match target {
            TagOrDigest::Digest(digest) => FetchedManifest::new(&self.name(), target, self.read(digest)?, None),
            // The folder has no tags, so that it holds no signature under a tag either.
            TagOrDigest::Tag(tag) => Err(StoreError::NotFound { place: format!("{}:{tag}", self.name()) }),
        }
    }

    async fn read_blob(&self, descriptor: &Descriptor) -> Result<BlobStream<'_>, StoreError> {
        Ok(BlobStream::new(self.name(), descriptor, Once(Some(self.read(&descriptor.digest)?))))
    }

    async fn referrers(&self, subject: &Digest) -> Result<Referrers, StoreError> {
        let mut listed = Vec::new();
        let failed = |error: std::io::Error| StoreError::Io { place: self.name(), detail: error.to_string() };
        for entry in fs::read_dir(&self.0).map_err(failed)? {
            let bytes = fs::read(entry.map_err(failed)?.path()).map_err(failed)?;
            let target = TagOrDigest::Digest(Digest::sha256(&bytes));
            // What is not a manifest is not a referrer.
            let Ok(manifest) = FetchedManifest::new(&self.name(), &target, bytes, None) else { continue };
            let about = match manifest.manifest() {
                Manifest::Image(image) => &image.subject,
                Manifest::Index(index) => &index.subject,
            };
            if about.as_ref().is_some_and(|about| about.digest == *subject) {
                listed.push(manifest.descriptor().clone());
            }
        }
        Ok(Referrers::Listed(listed))
    }
}

/// A stream of one chunk.
struct Once(Option<Vec<u8>>);

impl Stream for Once {
    type Item = Result<Vec<u8>, StoreError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.take().map(Ok))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match verify(&env::args().skip(1).collect::<Vec<_>>()).await {
        Ok(digest) => println!("verified {digest}"),
        Err(error) => {
            eprintln!("Error: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

async fn verify(arguments: &[String]) -> Result<Digest, Box<dyn Error>> {
    let [key, folder, digest] = arguments else { return Err("usage: custom_store COSIGN.PUB FOLDER DIGEST".into()) };
    let policy = Policy::key(Purpose::Image, KeyAuthority::new(key, PublicKey::from_pem(&fs::read(key)?)?));
    let (store, target) = (Folder(folder.into()), TagOrDigest::Digest(digest.parse()?));
    let verified = verify_image(&store, &target, &Trust::default(), &policy, SystemTime::now().into()).await?;
    Ok(verified.image.digest())
}
