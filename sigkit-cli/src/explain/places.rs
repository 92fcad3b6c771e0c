//! What to do where the page of a code is not about the place.

/// For images in layouts and archives.
pub(super) const IN_FILES: &[(&str, &str)] = &[
    ("not-found", "Check the path and the tag: oci:DIR:TAG, oci-archive:FILE:TAG, docker-archive:FILE:NAME:TAG."),
    ("access-denied", "Check the permissions of the file that the message names."),
    (
        "store-unavailable",
        "Check that the file that the message names is there and can be read. Nothing is known about what it holds.",
    ),
    (
        "store-protocol",
        "Write the layout or archive again with a tool that follows the OCI image layout; the message names what is wrong.",
    ),
    ("digest-mismatch", "Copy the image again from where it came. If it stays so, the copy is not to be trusted."),
    ("size-mismatch", "Copy the image again from where it came. If it stays so, the copy is not to be trusted."),
    ("manifest-ambiguous", "Write the image again with a tool that follows the OCI image specification."),
    ("timed-out", "Give more time with --timeout."),
];

/// For files.
pub(super) const OF_BLOBS: &[(&str, &str)] = &[
    (
        "signature-invalid",
        "Compare the fingerprint in the report with that of the signer's public key. If it is the same, the file or its signature has \
         changed: fetch both again.",
    ),
    (
        "subject-mismatch",
        "The file is not the one that was signed: fetch it again, or fetch the signature that belongs to this version of it.",
    ),
    (
        "bundle-malformed",
        "Give the bundle or signature that was made for this file, whole and unchanged; the message names what is wrong.",
    ),
    ("payload-malformed", "Give the bundle or signature that was made for this file, whole and unchanged."),
    (
        "material-mismatch",
        "Verify by the identity of the signer: --certificate-identity and --certificate-oidc-issuer.",
    ),
];
