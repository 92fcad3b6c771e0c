//! Texts from elsewhere cost what their length says, whatever they are made of.
#![allow(clippy::disallowed_methods, reason = "a stopwatch")]

use std::time::{Duration, Instant};

use sigkit_core::content::SimpleSigning;
use sigkit_core::crypto::{PublicKey, Signature};
use sigkit_core::digest::Digest;
use sigkit_core::oci::{ImageReference, Manifest, Platform};

/// A megabyte of each, the worst for parsers that look back or around.
fn hostile() -> impl Iterator<Item = String> {
    let repeated = [
        "=#",
        "/",
        ".",
        "-",
        ":",
        "@",
        "a",
        "a/",
        "a.",
        "a-",
        "_._",
        "sha256:",
        "[",
        "{\"a\":",
        "-----BEGIN ",
        "\\",
        "\n",
        "é",
    ];
    repeated.into_iter().map(|unit| unit.repeat((1 << 20) / unit.len()))
}

// threat: F07
// threat: F06
#[test]
fn a_megabyte_is_refused_in_no_time() {
    for text in hostile() {
        let began = Instant::now();
        assert!(text.parse::<ImageReference>().is_err());
        assert!(format!("r.example/{text}:v1").parse::<ImageReference>().is_err());
        assert!(text.parse::<Digest>().is_err());
        assert!(PublicKey::from_pem(text.as_bytes()).is_err());
        assert!(Manifest::parse(text.as_bytes(), None).is_err());
        assert!(SimpleSigning::parse(text.as_bytes()).is_err());
        // Some of these are of the right form, if long; what matters is the time.
        drop((text.parse::<Platform>(), Signature::from_base64(&text)));
        // Eight parsers and a megabyte, not optimised, on a busy machine; a quadratic one takes minutes.
        assert!(began.elapsed() < Duration::from_secs(10), "{:.10}: {:?}", text, began.elapsed());
    }
}
