//! Which other tools accept what was written, and what to do for the rest: one line after signing.

use crate::args::WrittenFormat;

/// What people should know who sign by tag.
pub(super) const TAGS_MOVE: &str = "note: tags move: the digest above is signed, whatever its tag names later";

/// What people should know who expect another tool to accept a signature or attestation by a key in this format.
pub(super) fn note(format: WrittenFormat) -> String {
    let log = "cosign verifies it with --insecure-ignore-tlog=true, since there is no log entry";
    let bundles = "cosign 2, podman and skopeo do not read bundles (--format both writes what they read)";
    match format {
        WrittenFormat::Bundle => format!("note: {log}; {bundles}"),
        WrittenFormat::Legacy | WrittenFormat::Both => format!("note: {log}"),
    }
}
