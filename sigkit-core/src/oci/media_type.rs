//! Media types and annotation keys of the OCI, Docker, cosign and sigstore specifications.

/// OCI image manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// OCI image index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// OCI image configuration.
pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// OCI empty JSON object, the two bytes `{}`.
pub const OCI_EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// Docker schema 2 image manifest.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker schema 2 manifest list.
pub const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Docker image configuration.
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
/// Docker schema 1, refused by name.
pub const DOCKER_SCHEMA1_PREFIX: &str = "application/vnd.docker.distribution.manifest.v1";

/// A cosign simple signing payload, as a layer of a `.sig` manifest.
pub const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// A DSSE envelope, as a layer of an `.att` manifest.
pub const DSSE_ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";
/// The configuration type of cosign's experimental referrer signatures.
pub const COSIGN_SIGNATURE_CONFIG: &str = "application/vnd.dev.cosign.artifact.sig.v1+json";
/// The sigstore bundle that is written.
pub const BUNDLE_V03: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// What the media type of every sigstore bundle begins with.
pub const BUNDLE_PREFIX: &str = "application/vnd.dev.sigstore.bundle";
/// An in-toto statement, as the payload type of a DSSE envelope.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";

/// Manifests that no specification has any more: of OCI 1.1's drafts, and of ORAS.
pub const RETIRED: [&str; 2] =
    ["application/vnd.oci.artifact.manifest.v1+json", "application/vnd.cncf.oras.artifact.manifest.v1+json"];
/// Every manifest type asked for and understood, in order of preference.
pub const MANIFESTS: [&str; 4] = [OCI_INDEX, OCI_MANIFEST, DOCKER_INDEX, DOCKER_MANIFEST];

/// Layer annotation: base64 of the signature.
pub const ANNOTATION_SIGNATURE: &str = "dev.cosignproject.cosign/signature";
/// Layer annotation: PEM leaf certificate.
pub const ANNOTATION_CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
/// Layer annotation: PEM chain.
pub const ANNOTATION_CHAIN: &str = "dev.sigstore.cosign/chain";
/// Layer annotation: Rekor entry.
pub const ANNOTATION_BUNDLE: &str = "dev.sigstore.cosign/bundle";
/// Layer annotation: RFC 3161 timestamp.
pub const ANNOTATION_TIMESTAMP: &str = "dev.sigstore.cosign/rfc3161timestamp";
/// Layer annotation: the predicate type of the statement in an `.att` layer.
pub const ANNOTATION_LAYER_PREDICATE_TYPE: &str = "predicateType";
/// Manifest annotation: what a sigstore bundle holds.
pub const ANNOTATION_BUNDLE_CONTENT: &str = "dev.sigstore.bundle.content";
/// Manifest annotation: the predicate type of the statement in a sigstore bundle.
pub const ANNOTATION_PREDICATE_TYPE: &str = "dev.sigstore.bundle.predicateType";
/// Manifest annotation: RFC 3339 time of creation.
pub const ANNOTATION_CREATED: &str = "org.opencontainers.image.created";
/// Layout index annotation: the tag of an entry.
pub const ANNOTATION_REF_NAME: &str = "org.opencontainers.image.ref.name";
