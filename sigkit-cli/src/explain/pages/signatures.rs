//! Signatures and other signature documents: read, looked for and made.

use crate::explain::page::{Page, page_of};

pub(super) const PAGES: &[Page] = &[
    // Signatures that were read and verified.
    page_of(
        "signature-invalid",
        "The signature does not verify with this key.",
        "The image was signed with another key, or the payload was changed after signing.",
        "Do not run it. Compare the fingerprint in the report with that of the signer's public key; if you built it and the key has been replaced, sign \
         again.",
    ),
    page_of(
        "subject-mismatch",
        "The signature is valid, but it is for another digest.",
        "The signature of one image was copied next to another, or the tag or file has changed since it was signed.",
        "Do not run it. Verify the digest that was signed; if you built what the tag names now, sign it.",
    ),
    page_of(
        "payload-malformed",
        "The signed payload cannot be parsed as a signature of an image or as a statement.",
        "Another tool signed a document of its own format, or the payload is damaged.",
        "Check the payload at the location that the report names; sign the image again.",
    ),
    page_of(
        "payload-type-mismatch",
        "The envelope's payload type is not that of an in-toto statement.",
        "The envelope was made for another purpose than signing an artifact.",
        "Remove it from the image, or verify it with the tool that made it.",
    ),
    page_of(
        "claim-type-mismatch",
        "The payload's type is not that of a container image signature.",
        "A payload of another type was signed with the same key.",
        "Sign the image itself; a signature made for one purpose is not accepted for another.",
    ),
    page_of(
        "predicate-type-mismatch",
        "The statement is of another type than requested.",
        "The image has an attestation, such as an SBOM or provenance, which is not a signature of the image.",
        "Sign the image, or verify the attestation with verify-attestation --type.",
    ),
    page_of(
        "no-attestation-of-type",
        "Attestations were found, but none of the requested type.",
        "Another type was attested, or the same type under another name: slsaprovenance means version 0.2, and URIs are compared exactly.",
        "Compare --type with the types found; give the URI that the report names.",
    ),
    page_of(
        "annotation-mismatch",
        "The signature is valid, but lacks a requested annotation or has another value for it.",
        "The image was signed without -a, or for another stage or release.",
        "Compare the annotations in the report with those given by -a.",
    ),
    page_of(
        "material-mismatch",
        "The bundle was signed with a certificate, and a key was given to verify it.",
        "It was signed with an identity instead of a key, or the bundle is another signer's.",
        "Verify with --certificate-identity, or ask the signer for a signature by the key.",
    ),
    page_of(
        "message-needed",
        "Only a digest was given, and this signature needs the file itself or another digest of it.",
        "verify-blob was given sha256:HEX for an Ed25519 key, or for a signature with another hash.",
        "Give the file itself.",
    ),
    page_of(
        "reference-mismatch",
        "The signature is valid, but was made for another name of the image.",
        "The image was copied to another repository after it was signed, or a policy.json requires a tag and the signature names none.",
        "A bundle names no repository: sign with --format both, and under the new name with --sign-container-identity. In policy.json, signedIdentity \
         matchRepository accepts what cosign, and sigkit with --format both or legacy, have signed.",
    ),
    page_of(
        "signature-count",
        "The envelope does not have the number of signatures that its format requires.",
        "The tool that wrote it does not follow the sigstore bundle specification.",
        "Sign again with a tool that writes one signature per bundle.",
    ),
    page_of(
        "algorithm-unsupported",
        "The signature needs an algorithm that is not accepted or not in this build.",
        "A short RSA key, a curve other than P-256, P-384 and P-521, or a digest such as SHA-1.",
        "Sign with one of the algorithms of sigkit generate-key-pair --algorithm.",
    ),
    page_of(
        "content-mismatch",
        "The signed content is of another kind than this verb verifies.",
        "A signature of a file was given for an image, or a signature of an image for a file.",
        "Verify an image with verify and a file with verify-blob.",
    ),
    // Checks that were skipped.
    page_of(
        "claims-not-checked",
        "The signed digest was not compared with the digest of the image.",
        "--check-claims=false was given.",
        "Omit the flag: without the comparison, a signature of any other image passes.",
    ),
    page_of(
        "log-not-checked",
        "The signature has transparency log entries that were not verified.",
        "Verifying with a key needs no log entry, and no trusted root was given.",
        "Nothing, if you trust the key alone; with --trusted-root the entries are verified as well.",
    ),
    page_of(
        "timestamp-not-checked",
        "The signature has signed timestamps that were not verified.",
        "Verifying with a key needs no timestamp, and no trusted root was given.",
        "Nothing, if you trust the key alone; with --trusted-root the timestamps are verified as well.",
    ),
    // Missing signatures.
    page_of(
        "no-signatures",
        "All locations were read, and none has a signature of this artifact.",
        "The image was never signed, was rebuilt after signing, or was copied without its signatures.",
        "Compare the digest with the one that was signed; check the locations that the report names.",
    ),
    // Bundles and other signature documents.
    page_of(
        "bundle-malformed",
        "A bundle is not JSON as the sigstore bundle specification defines it.",
        "The file was truncated or edited, or is not a bundle.",
        "Fetch it again; the report names the field and what was expected there.",
    ),
    page_of(
        "bundle-version-unsupported",
        "A bundle has an unknown media type or version.",
        "It was written by a newer tool, or is another type of document.",
        "Use a version of sigkit that supports it, or write a bundle of version 0.3.",
    ),
    // Signing.
    page_of(
        "signature-rejected",
        "The new signature did not verify, so it was not written.",
        "A payload given by --payload does not name the digest of the image.",
        "Compare the payload with the digest of the image, or omit --payload.",
    ),
    page_of(
        "sign-failed",
        "The signature could not be created.",
        "The message names the cause.",
        "Fix what the message names, and sign again.",
    ),
    page_of(
        "tag-occupied",
        "The tag for signatures holds something else.",
        "A tag of that name was pushed by hand or by another tool.",
        "Remove or rename that tag; nothing was overwritten.",
    ),
    page_of(
        "not-confirmed",
        "The signature was written, but is missing from the list of signatures when that is read back.",
        "Other signers kept overwriting the list, or the registry answers from a cache.",
        "Sign again. Until then, treat the image as not signed by this key.",
    ),
    page_of(
        "entries-lost",
        "Signatures of others disappeared during the write and could not be restored.",
        "Another signer replaced the list at the same time and dropped its entries.",
        "Ask the other signers to sign again, one at a time.",
    ),
];
