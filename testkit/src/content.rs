use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::server::lock;
use crate::{digest, json};

/// A manifest and the type it was pushed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredManifest {
    /// The `Content-Type` of the push.
    pub media_type: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// What a registry holds, for set-up and assertions behind the network's back.
#[derive(Debug, Default)]
pub struct Content {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    repositories: BTreeMap<String, Repository>,
    uploads: BTreeMap<String, Vec<u8>>,
    next_upload: u64,
}

#[derive(Clone, Debug, Default)]
struct Repository {
    blobs: BTreeMap<String, Vec<u8>>,
    manifests: BTreeMap<String, StoredManifest>,
    tags: BTreeMap<String, String>,
}

/// How a conditional write went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    Done,
    ConditionFailed,
    Immutable,
}

impl Content {
    /// Holds what `other` holds, instead of anything that was here.
    pub fn copy(&self, other: &Self) {
        let repositories = lock(&other.state).repositories.clone();
        lock(&self.state).repositories = repositories;
    }

    /// Stores a blob under its SHA-256 digest, which is returned.
    pub fn put_blob(&self, repository: &str, bytes: &[u8]) -> String {
        let digest = digest::sha256(bytes);
        self.put_blob_as(repository, &digest, bytes);
        digest
    }

    /// Stores a blob under any name, whether or not it fits.
    pub fn put_blob_as(&self, repository: &str, digest: &str, bytes: &[u8]) {
        lock(&self.state).repository(repository).blobs.insert(digest.to_owned(), bytes.to_vec());
    }

    /// Stores a manifest under its SHA-256 digest, which is returned, and under `tag`.
    pub fn put_manifest(&self, repository: &str, tag: Option<&str>, media_type: &str, bytes: &[u8]) -> String {
        let digest = digest::sha256(bytes);
        self.put_manifest_as(repository, &digest, media_type, bytes);
        if let Some(tag) = tag {
            self.put_tag(repository, tag, &digest);
        }
        digest
    }

    /// Stores a manifest under any digest, whether or not it fits.
    pub fn put_manifest_as(&self, repository: &str, digest: &str, media_type: &str, bytes: &[u8]) {
        let manifest = StoredManifest { media_type: media_type.to_owned(), bytes: bytes.to_vec() };
        lock(&self.state).repository(repository).manifests.insert(digest.to_owned(), manifest);
    }

    /// Points a tag to a digest.
    pub fn put_tag(&self, repository: &str, tag: &str, digest: &str) {
        lock(&self.state).repository(repository).tags.insert(tag.to_owned(), digest.to_owned());
    }

    /// A blob by its digest.
    pub fn blob(&self, repository: &str, digest: &str) -> Option<Vec<u8>> {
        lock(&self.state).repositories.get(repository)?.blobs.get(digest).cloned()
    }

    /// A manifest by tag or digest.
    pub fn manifest(&self, repository: &str, reference: &str) -> Option<StoredManifest> {
        self.resolve(repository, reference).map(|(_, manifest)| manifest)
    }

    /// A manifest by tag or digest, and its digest: both of one moment, since a tag may move at any time.
    pub(crate) fn resolve(&self, repository: &str, reference: &str) -> Option<(String, StoredManifest)> {
        let state = lock(&self.state);
        let repository = state.repositories.get(repository)?;
        let digest = if reference.contains(':') { reference } else { repository.tags.get(reference)? };
        Some((digest.to_owned(), repository.manifests.get(digest)?.clone()))
    }

    /// The digest a tag points to.
    pub fn tag(&self, repository: &str, tag: &str) -> Option<String> {
        lock(&self.state).repositories.get(repository)?.tags.get(tag).cloned()
    }

    /// All tags in order; `None` when nothing was ever stored in the repository.
    pub fn tags(&self, repository: &str) -> Option<Vec<String>> {
        Some(lock(&self.state).repositories.get(repository)?.tags.keys().cloned().collect())
    }

    /// The digests of all manifests of a repository.
    pub fn manifests(&self, repository: &str) -> Vec<String> {
        let state = lock(&self.state);
        state.repositories.get(repository).map_or_else(Vec::new, |found| found.manifests.keys().cloned().collect())
    }

    /// Removes a blob; whether it was there.
    pub fn remove_blob(&self, repository: &str, digest: &str) -> bool {
        lock(&self.state).repository(repository).blobs.remove(digest).is_some()
    }

    /// Removes a tag, or a manifest with every tag that points to it; whether it was there.
    pub fn remove_manifest(&self, repository: &str, reference: &str) -> bool {
        let mut state = lock(&self.state);
        let repository = state.repository(repository);
        if !reference.contains(':') {
            return repository.tags.remove(reference).is_some();
        }
        repository.tags.retain(|_, digest| digest != reference);
        repository.manifests.remove(reference).is_some()
    }

    /// Descriptors of the manifests whose subject is `subject`, as JSON objects ordered by digest.
    pub fn referrers(&self, repository: &str, subject: &str) -> Vec<String> {
        let state = lock(&self.state);
        let Some(repository) = state.repositories.get(repository) else { return Vec::new() };
        repository
            .manifests
            .iter()
            .filter(|(_, manifest)| json::string(&manifest.bytes, &["subject", "digest"]) == Some(subject))
            .map(|(digest, manifest)| describe(digest, manifest))
            .collect()
    }

    /// Stores what a push brought: the manifest under `digest`, and `tag` once the conditions hold.
    pub(crate) fn push(
        &self,
        repository: &str,
        digest: &str,
        manifest: StoredManifest,
        tag: Option<&str>,
        condition: impl FnOnce(Option<&str>) -> Put,
    ) -> Put {
        let mut state = lock(&self.state);
        let repository = state.repository(repository);
        let current = tag.map_or_else(
            || repository.manifests.contains_key(digest).then_some(digest),
            |tag| repository.tags.get(tag).map(String::as_str),
        );
        let put = condition(current);
        if put == Put::Done {
            repository.manifests.insert(digest.to_owned(), manifest);
            if let Some(tag) = tag {
                repository.tags.insert(tag.to_owned(), digest.to_owned());
            }
        }
        put
    }

    pub(crate) fn start_upload(&self) -> String {
        let mut state = lock(&self.state);
        state.next_upload += 1;
        let id = format!("upload-{}", state.next_upload);
        state.uploads.insert(id.clone(), Vec::new());
        id
    }

    /// Adds bytes to an upload; its length afterwards.
    pub(crate) fn append(&self, upload: &str, bytes: &[u8]) -> Option<usize> {
        let mut state = lock(&self.state);
        let so_far = state.uploads.get_mut(upload)?;
        so_far.extend_from_slice(bytes);
        Some(so_far.len())
    }

    pub(crate) fn finish_upload(&self, upload: &str) -> Option<Vec<u8>> {
        lock(&self.state).uploads.remove(upload)
    }
}

impl State {
    fn repository(&mut self, name: &str) -> &mut Repository {
        self.repositories.entry(name.to_owned()).or_default()
    }
}

/// An index entry as the distribution specification asks for it: artifact type, else the configuration's type; annotations copied.
fn describe(digest: &str, manifest: &StoredManifest) -> String {
    let artifact_type = json::string(&manifest.bytes, &["artifactType"])
        .or_else(|| json::string(&manifest.bytes, &["config", "mediaType"]))
        .map(|found| format!(r#","artifactType":"{found}""#))
        .unwrap_or_default();
    let annotations = json::member(&manifest.bytes, &["annotations"])
        .map(|found| format!(r#","annotations":{found}"#))
        .unwrap_or_default();
    format!(
        r#"{{"mediaType":"{}","size":{},"digest":"{digest}"{artifact_type}{annotations}}}"#,
        manifest.media_type,
        manifest.bytes.len(),
    )
}
