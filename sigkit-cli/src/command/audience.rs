//! Which other tools accept what was written, and what to do for the rest: one line after signing.

use crate::args::WrittenFormat;

/// What people should know who sign by tag.
pub(super) const TAGS_MOVE: &str = "note: the digest above is signed; its tag may move";

const NO_LOG: &str = "note: cosign needs --insecure-ignore-tlog=true to verify it, since there is no log entry";

/// What people should know who expect another tool to accept a signature by a key in this format.
pub(super) fn of_signature(format: WrittenFormat) -> String {
    match format {
        WrittenFormat::Bundle => format!("{NO_LOG}; cosign 2, podman and skopeo need --format both"),
        WrittenFormat::Legacy | WrittenFormat::Both => NO_LOG.to_owned(),
    }
}

/// The same of an attestation.
pub(super) fn of_attestation(format: WrittenFormat) -> String {
    match format {
        WrittenFormat::Bundle => format!("{NO_LOG}; cosign 2 needs --format both"),
        WrittenFormat::Legacy | WrittenFormat::Both => NO_LOG.to_owned(),
    }
}
