//! Registries, layouts, archives and files.

use crate::explain::page::{Page, page_of};

pub(super) const PAGES: &[Page] = &[
    page_of(
        "platform-not-found",
        "The index has no image for the requested platform.",
        "The image was not built for it, or the platform is spelled in another way.",
        "Choose one of the platforms that the message lists.",
    ),
    page_of(
        "platform-ambiguous",
        "The index has several images that match the requested platform.",
        "They differ in their variant or in the version of the operating system, or two images have the same platform.",
        "Name the variant too (linux/arm/v7), or the image by its digest, which the message lists.",
    ),
    page_of(
        "not-an-index",
        "A platform was requested, but this is a single image.",
        "The image was built for one platform only.",
        "Verify or sign it without --platform.",
    ),
    page_of(
        "not-a-signature",
        "A manifest or layer stored as a signature or attestation is neither typed nor annotated as one. It was not read.",
        "Another tool has put an image or another artifact under the tag of signatures, or a list names a manifest that is gone or of a retired type.",
        "Nothing, if the image is signed elsewhere. Otherwise sign it with --format bundle, or move what is under the tag.",
    ),
    page_of(
        "timed-out",
        "The time given by --timeout ran out before this was read or verified.",
        "A slow registry or network, or very many images.",
        "Give more time with --timeout.",
    ),
    page_of(
        "store-options",
        "The registry client cannot be set up with these options.",
        "A certificate, key or server name among the registry flags is invalid.",
        "Fix the flag that the message names.",
    ),
    page_of(
        "not-found",
        "The registry, layout or archive does not have this.",
        "A misspelled name or tag, an image that was never pushed, or a registry that answers \"not found\" without credentials.",
        "Check the name; log in if the repository is private.",
    ),
    page_of(
        "access-denied",
        "The registry requires credentials, or rejects those that it got; for files, the permissions do not allow it.",
        "No login for this registry, an expired token, or an account without permission for this repository.",
        "Log in to the registry, or give --registry-username and --registry-password; the message says which credentials were used. Some registries, \
         Artifactory among them, answer this for a tag that does not exist: verifying cannot tell the difference, signing finds out by writing.",
    ),
    page_of(
        "store-unavailable",
        "The registry, layout or archive could not be reached or read. What it holds is unknown, which is never taken for \"no signatures\".",
        "A network failure, a proxy, a rate limit, or a failure of the registry.",
        "If there was no answer, check the name, the port, the network and the proxy; if the message has a status, try again later.",
    ),
    page_of(
        "store-protocol",
        "The answer violates the registry protocol.",
        "A proxy or login page in between, or a registry that does not follow the OCI distribution specification.",
        "Open the address that the message names, and check for proxies between here and the registry.",
    ),
    page_of(
        "too-large",
        "There are more bytes or entries than the limit allows.",
        "A damaged or hostile repository; rarely, an image with very many signatures, or a large attestation without a declared type.",
        "Check what the message names and remove what does not belong there. COSIGN_MAX_ATTACHMENT_SIZE raises the limit.",
    ),
    page_of(
        "digest-mismatch",
        "The content does not match its digest.",
        "A damaged file or transfer, or content that was replaced.",
        "Retry. If it persists, the registry (or file) has wrong content: do not use it.",
    ),
    page_of(
        "size-mismatch",
        "The content is shorter or longer than its descriptor says.",
        "An interrupted transfer, or content that was replaced.",
        "Retry. If it persists, the registry (or file) has wrong content: do not use it.",
    ),
    page_of(
        "manifest-ambiguous",
        "A manifest is invalid, or could be read as two different things.",
        "A media type that contradicts the content, fields of both an image and an index, or a duplicate field.",
        "Push the image again with a tool that follows the OCI image specification.",
    ),
    page_of(
        "store-conflict",
        "Another process wrote to the same name at the same time.",
        "Several signers at once.",
        "Sign again: none of their signatures was overwritten.",
    ),
    page_of(
        "tag-immutable",
        "The registry does not allow this tag to be overwritten.",
        "A repository with immutable tags (a setting of ECR, Harbor and others): a second signature has to extend the signature tag or, without the referrers \
         API, the list of referrers under the tag sha256-….",
        "Write bundles (--format bundle) to a registry with the referrers API, which needs no tag; or exempt tags that begin with sha256- from the rule, or \
         store signatures in a repository without it (--signature-repo).",
    ),
    page_of(
        "store-refused",
        "The registry rejects the content to be written.",
        "An old registry that does not support OCI manifests, or manifests with a subject and an artifact type, as bundles have.",
        "Write the legacy format (--format legacy), or store signatures in a repository of another registry (--signature-repo).",
    ),
    page_of(
        "store-lacks",
        "The registry says that something is missing that the new manifest names.",
        "Temporarily, many signers at once; permanently, a list of signatures with an entry that no longer exists, where the registry does not clearly say so.",
        "Sign again. If it persists, find the entry of the list that the registry does not show, and remove it or the tag that the message names.",
    ),
    page_of(
        "store-read-only",
        "The registry or file can be read but not written.",
        "A file without write permission, a mirror, or a docker save archive without an OCI layout.",
        "Sign where the image can be written, and copy it with its signatures.",
    ),
    page_of(
        "file-error",
        "A file operation failed.",
        "A missing file, missing permission, or a full disk.",
        "The message names the path and the error of the operating system.",
    ),
    page_of(
        "internal-error",
        "A bug in sigkit.",
        "The program reached a state that should be impossible.",
        "Please report it, with the message.",
    ),
];
