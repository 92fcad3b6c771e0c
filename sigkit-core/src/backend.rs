//! The cryptographic backend behind one `use`.
//!
//! `ring` and `aws-lc-rs` share their API for hashing, randomness and signature verification, so the choice is made here
//! and nowhere else. With both features enabled `aws-lc-rs` is used.

#[cfg(feature = "aws-lc-rs")]
pub(crate) use aws_lc_rs::{digest, signature};
#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
pub(crate) use ring::{digest, signature};

#[cfg(all(feature = "sign", feature = "aws-lc-rs"))]
pub(crate) use aws_lc_rs::rand;
#[cfg(all(feature = "sign", feature = "ring", not(feature = "aws-lc-rs")))]
pub(crate) use ring::rand;

/// The same choice for signatures on certificates.
#[cfg(all(feature = "keyless", feature = "aws-lc-rs"))]
pub(crate) use webpki::aws_lc_rs as certificates;
#[cfg(all(feature = "keyless", feature = "ring", not(feature = "aws-lc-rs")))]
pub(crate) use webpki::ring as certificates;

#[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
compile_error!("sigkit-core needs a cryptographic backend: enable the feature `ring` or `aws-lc-rs`");
