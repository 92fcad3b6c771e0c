//! Signatures by identities: every step of the recipe passes and fails, each for its own reason.
#![cfg(all(feature = "keyless", feature = "sign"))]
#![allow(clippy::disallowed_methods, reason = "the shared vectors are files")]

mod support;

use support::keyless::{self, BLOB, NOW, alice, exact};

// threat: A10 A16 A18
// threat: B04 B06 B12 B13 B14 B15 B18
// threat: I03 I04 I05
#[test]
fn every_case_passes_or_fails_for_its_own_reason() {
    let cases = keyless::all();
    assert!(cases.len() > 80, "only {} cases", cases.len());
    for case in &cases {
        case.check();
    }
}
