//! The paved path for images: resolve once, find everything, judge; or sign, check what was signed, attach, confirm.

#[cfg(feature = "sign")]
mod attest;
mod clock;
mod configuration;
mod gather;
#[cfg(feature = "sign")]
mod sign;
mod tree;
mod verify;

#[cfg(feature = "sign")]
pub use attest::{Attesting, Earlier, attest_image, seal_statement};
pub use gather::{gather, gather_until};
#[cfg(feature = "sign")]
pub use sign::{Again, Attached, Format, SignImageError, SignedImage, Signing, attach, sign_image};
pub use tree::{Branch, Descent, TreeError, check_contents, descendants, for_platform, label};
pub use verify::{ImageError, VerifiedImage, judge_image, verify_image};
