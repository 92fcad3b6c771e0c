//! The paved path for images: resolve once, find everything, judge; or sign, check what was signed, attach, confirm.

#[cfg(feature = "sign")]
mod attest;
mod clock;
mod configuration;
mod evidence;
#[cfg(feature = "policy-files")]
mod policy_file;
#[cfg(feature = "sign")]
mod sign;
mod tree;
mod verify;

#[cfg(feature = "sign")]
pub use attest::{AttestOptions, ReplaceMode, SignedAttestation, attest_image};
pub use evidence::{collect_evidence, collect_evidence_until};
#[cfg(feature = "policy-files")]
pub use policy_file::{ImageDecision, PolicyFile, PolicyFileError, verify_image_by_policies};
#[cfg(feature = "sign")]
pub use sign::{Attached, ExistingSignature, Format, SignImageError, SignOptions, SignedImage, attach, sign_image};
pub use tree::{Branch, Descent, TreeError, label, select_platform, verify_blob_digests, walk_index};
pub use verify::{ImageError, VerifiedImage, verify_fetched, verify_image};
