//! Images as small as the specification allows.

use crate::Content;

/// Type of an OCI image manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Type of an OCI image index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// An image as it was stored.
#[derive(Clone, Debug)]
pub struct Image {
    /// Digest of the manifest or index.
    pub digest: String,
    /// The manifest or index.
    pub bytes: Vec<u8>,
    /// Digests of the platforms' manifests, of an index.
    pub children: Vec<String>,
}

/// Stores an image with an empty configuration and one layer that holds `seed`, and tags it.
pub fn image(content: &Content, repository: &str, tag: &str, seed: &str) -> Image {
    let bytes = manifest(content, repository, seed).into_bytes();
    let digest = content.put_manifest(repository, Some(tag), OCI_MANIFEST, &bytes);
    Image { digest, bytes, children: Vec::new() }
}

/// Stores an index of one image for linux/amd64 and one for linux/arm64, and tags it.
pub fn index(content: &Content, repository: &str, tag: &str, seed: &str) -> Image {
    let mut children = Vec::new();
    let mut entries = Vec::new();
    for architecture in ["amd64", "arm64"] {
        let bytes = manifest(content, repository, &format!("{seed} {architecture}"));
        let digest = content.put_manifest(repository, None, OCI_MANIFEST, bytes.as_bytes());
        entries.push(format!(
            r#"{{"mediaType":"{OCI_MANIFEST}","size":{},"digest":"{digest}","platform":{{"architecture":"{architecture}","os":"linux"}}}}"#,
            bytes.len()
        ));
        children.push(digest);
    }
    let bytes =
        format!(r#"{{"schemaVersion":2,"mediaType":"{OCI_INDEX}","manifests":[{}]}}"#, entries.join(",")).into_bytes();
    let digest = content.put_manifest(repository, Some(tag), OCI_INDEX, &bytes);
    Image { digest, bytes, children }
}

/// The manifest of an artifact about `subject`, with one layer of `artifact_type` that holds `payload`. Blobs are stored, the
/// manifest is not.
pub fn referrer(content: &Content, repository: &str, subject: &Image, artifact_type: &str, payload: &[u8]) -> Vec<u8> {
    let config = content.put_blob(repository, b"{}");
    let layer = content.put_blob(repository, payload);
    let subject_type = if subject.children.is_empty() { OCI_MANIFEST } else { OCI_INDEX };
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","artifactType":"{artifact_type}","config":{{"mediaType":"application/vnd.oci.empty.v1+json","size":2,"digest":"{config}"}},"layers":[{{"mediaType":"{artifact_type}","size":{},"digest":"{layer}"}}],"subject":{{"mediaType":"{subject_type}","size":{},"digest":"{}"}}}}"#,
        payload.len(),
        subject.bytes.len(),
        subject.digest
    )
    .into_bytes()
}

fn manifest(content: &Content, repository: &str, seed: &str) -> String {
    let config = content.put_blob(repository, b"{}");
    let layer = content.put_blob(repository, seed.as_bytes());
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","size":2,"digest":"{config}"}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","size":{},"digest":"{layer}"}}]}}"#,
        seed.len()
    )
}
