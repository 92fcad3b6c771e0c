use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::collect_evidence;
use crate::oci::{ImageReference, Repository};
use crate::policy::document::{DocumentError, DocumentResolver};
use crate::policy::{ImageIdentity, PolicySet};
use crate::store::{FetchedManifest, Store, StoreError};
use crate::time::UnixTime;
use crate::trust::{RootName, Trust, TrustedRoot};
use crate::verify::{Artifact, Decision, Verifier};

/// The policies of a file, and the deployment that they are judged in.
#[derive(Clone, Debug)]
pub struct PolicyFile {
    policies: PolicySet,
    trust: Trust,
}

/// Why a file holds no policies that can be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyFileError {
    /// The file cannot be read.
    #[error("{}: {error}", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// What it holds is not a policy, or asks for what is not there.
    #[error("{}: {error}", path.display())]
    Document {
        /// Its path.
        path: PathBuf,
        /// What is wrong, and where.
        #[source]
        error: DocumentError,
    },
}

impl PolicyFile {
    /// Reads a file of policies, of any kind that [`PolicySet::from_file`] knows. Files that it names are looked for beside it, and what it
    /// asks of trusted roots in `trust`.
    ///
    /// # Errors
    /// [`PolicyFileError`].
    pub fn read(path: &Path, trust: Trust) -> Result<Self, PolicyFileError> {
        let limit = u64::try_from(trust.limits().policy_bytes).unwrap_or(u64::MAX);
        let bytes = read_file(path, limit).map_err(|error| PolicyFileError::File { path: path.to_owned(), error })?;
        let resolver = Folder { path: path.parent().unwrap_or(Path::new("")), trust: &trust };
        let policies = PolicySet::from_file(&bytes, &resolver, trust.limits())
            .map_err(|error| PolicyFileError::Document { path: path.to_owned(), error })?;
        Ok(Self { policies, trust })
    }

    /// The policies.
    pub const fn policies(&self) -> &PolicySet {
        &self.policies
    }

    /// The deployment that they are judged in.
    pub const fn trust(&self) -> &Trust {
        &self.trust
    }

    /// The same policies in another deployment: with a trusted root exchanged, say. Nothing is read again.
    #[must_use]
    pub fn with_trust(self, trust: Trust) -> Self {
        Self { trust, ..self }
    }
}

/// What documents refer to: files in a folder, and the roots of a deployment.
struct Folder<'f> {
    path: &'f Path,
    trust: &'f Trust,
}

impl DocumentResolver for Folder<'_> {
    fn file(&self, path: &str, limit: u64) -> Result<Vec<u8>, String> {
        let path = self.path.join(path);
        read_file(&path, limit).map_err(|error| format!("{}: {error}", path.display()))
    }

    fn trusted_root(&self, name: &RootName) -> Result<Arc<TrustedRoot>, String> {
        let root = self.trust.resolve(&name.clone().into()).map_err(|error| format!("{name}: {error}"))?;
        Ok(Arc::new(root.into_owned()))
    }
}

/// The bytes of a regular file: reading a pipe might never end.
#[allow(clippy::disallowed_methods, reason = "this is where an embedder's files are read")]
fn read_file(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|read| read <= limit) {
        return Ok(bytes);
    }
    Err(io::Error::other(format!("more than {limit} bytes")))
}

/// What policies make of an image.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ImageDecision {
    /// The manifest judged. The image must be used by `image.descriptor().digest`: the tag may have moved.
    pub image: FetchedManifest,
    /// The verdict, with its report.
    pub decision: Decision,
}

/// Verifies an image by the policies of a file: resolves its tag once, finds what each policy about its name asks for, beside the image and
/// in the repositories that the policies name, and judges it. `open` gives the store of a repository:
/// `|repository| client.repository(repository)`.
///
/// # Errors
/// [`StoreError`] when the image itself cannot be read. What else could not be read is in the report.
pub async fn verify_image_by_policies<S: Store>(
    open: impl Fn(&Repository) -> S,
    image: &ImageReference,
    policies: &PolicyFile,
    now: UnixTime,
) -> Result<ImageDecision, StoreError> {
    let PolicyFile { policies, trust } = policies;
    let store = open(&image.repository);
    let fetched = store.manifest(&image.target()).await?;
    let requirement = policies.requirement_for(ImageIdentity::Registry(image));
    let collected = collect_evidence(&store, open, &fetched.descriptor().digest, &requirement, trust.limits()).await;
    let decision = Verifier::new(trust).evaluate(&requirement, &Artifact::Bytes(fetched.bytes()), &collected, now);
    Ok(ImageDecision { image: fetched, decision })
}
