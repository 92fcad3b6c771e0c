//! Every bound on untrusted input in one place, each with its unit and its source.

/// JSON values, at every depth, in one manifest, index or page of referrers: over three thousand referrers with their annotations.
pub(crate) const MANIFEST_VALUES: usize = 40_000;

/// Signatures of one DSSE envelope outside a sigstore bundle, at most; one that holds more is refused.
pub(crate) const ENVELOPE_SIGNATURES: usize = 32;

/// JSON values in one bundle, envelope, payload of a signature, list of subjects, or token server's answer. What an attestation is
/// about is one text in them.
pub(crate) const DOCUMENT_VALUES: usize = 10_000;

/// Bounds on what is read from registries, files and documents. Sizes are bytes.
///
/// ```
/// use sigkit_core::limits::Limits;
///
/// let mut limits = Limits::DEFAULT;
/// limits.attachments = 10;
/// assert!(limits.manifest_bytes >= 4 << 20);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// A manifest or index. The OCI distribution specification asks registries to accept at least 4 MiB.
    pub manifest_bytes: u64,
    /// A signature of an image as it is stored, a bundle or a payload: hundreds of times what signers write.
    pub signature_bytes: u64,
    /// All signatures of one image together: a thousand, each with certificate, log entry and timestamp.
    pub signatures_total_bytes: u64,
    /// An attestation, with whatever document it is about; cosign's `COSIGN_MAX_ATTACHMENT_SIZE` default.
    pub attachment_bytes: u64,
    /// Memory for all attachments of one image together, those on their way included: with it a program stays below 64 MiB.
    pub attachments_total_bytes: u64,
    /// Signatures and attestations read for one image; cosign's bound on layers of a `.sig`.
    pub attachments: usize,
    /// Descriptors taken from all pages of one referrers listing.
    pub referrers: usize,
    /// All pages of one referrers listing together.
    pub referrers_bytes: u64,
    /// Tags of one repository.
    pub tags: usize,
    /// Pages of one referrers listing.
    pub referrer_pages: usize,
    /// A registry's error body, of which 4 KiB are shown.
    pub error_body_bytes: u64,
    /// A token server's answer.
    pub token_bytes: u64,
    /// One annotation of a signature layer.
    pub annotation_bytes: usize,
    /// A key, certificate or password file.
    pub key_file_bytes: u64,
    /// Subjects of one in-toto statement.
    pub statement_subjects: usize,
    /// Digests of one subject.
    pub subject_digests: usize,
    /// Findings of one scan report; a large image with an old base has a few thousand.
    pub scan_findings: usize,
    /// Transparency log entries in one bundle.
    pub log_entries: usize,
    /// Signed timestamps in one bundle.
    pub timestamps: usize,
    /// Hashes of one inclusion proof; a tree of 2^63 leaves has 63 levels.
    pub proof_hashes: usize,
    /// A log's signed checkpoint.
    pub checkpoint_bytes: usize,
    /// Signatures of one checkpoint: the log's own, and those of its cosigners.
    pub checkpoint_signatures: usize,
    /// A trusted root.
    pub trusted_root_bytes: usize,
    /// Logs of one kind, or authorities of one kind, in one trusted root.
    pub trusted_root_entries: usize,
    /// Certificates of one authority, or of one signature.
    pub chain_certificates: usize,
    /// Levels of index within index.
    pub index_depth: usize,
    /// Manifests listed below one image, over all levels.
    pub index_children: usize,
    /// Memory for the manifests below one image, in bytes; a thousand of twenty layers take two thirds of it.
    pub index_weight: usize,
    /// Blobs of one layout that are looked through for referrers which its index does not list.
    pub layout_blobs: usize,
    /// Bytes read while looking through them.
    pub layout_scan_bytes: u64,
    /// Entries of one archive.
    pub archive_entries: usize,
    /// One extended header of an archive.
    pub archive_header_bytes: u64,
    /// A file of policies.
    pub policy_bytes: usize,
    /// Documents of one such file.
    pub policy_documents: usize,
    /// Values of one such file, over all documents.
    pub policy_nodes: usize,
    /// Levels of list within map within list.
    pub policy_depth: usize,
}

impl Limits {
    /// The bounds used unless an embedder sets others.
    pub const DEFAULT: Self = Self {
        manifest_bytes: 4 << 20,
        signature_bytes: 1 << 20,
        signatures_total_bytes: 12 << 20,
        attachment_bytes: 128 << 20,
        attachments_total_bytes: 48 << 20,
        attachments: 1000,
        referrers: 10_000,
        referrers_bytes: 8 << 20,
        tags: 100_000,
        referrer_pages: 100,
        error_body_bytes: 64 << 10,
        token_bytes: 1 << 20,
        annotation_bytes: 256 << 10,
        key_file_bytes: 64 << 10,
        statement_subjects: 1024,
        subject_digests: 32,
        scan_findings: 100_000,
        log_entries: 32,
        timestamps: 32,
        proof_hashes: 64,
        checkpoint_bytes: 64 << 10,
        checkpoint_signatures: 64,
        trusted_root_bytes: 1 << 20,
        trusted_root_entries: 64,
        chain_certificates: 16,
        index_depth: 4,
        index_children: 1000,
        index_weight: 20 << 20,
        layout_blobs: 100_000,
        layout_scan_bytes: 1 << 30,
        archive_entries: 100_000,
        archive_header_bytes: 1 << 20,
        policy_bytes: 1 << 20,
        policy_documents: 1000,
        policy_nodes: 100_000,
        policy_depth: 64,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
