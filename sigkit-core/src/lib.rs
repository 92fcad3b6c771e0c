//! Signs container images, and verifies them before they run. Reads and writes the formats of cosign 2 and 3.
//!
//! Whatever format a signature comes in, it is parsed into one normal form, judged by one pure function, and the report says exactly
//! what was seen. Here is an image in a registry, and a `cosign.pub`:
//!
#![cfg_attr(all(feature = "registry", feature = "sign"), doc = "```")]
#![cfg_attr(not(all(feature = "registry", feature = "sign")), doc = "```ignore")]
//! use sigkit_core::{ImageReference, KeyAuthority, Policy, PublicKey, Purpose, RegistryClient, Trust, blocking};
//!
//! fn name_to_run(image: &str, cosign_pub: &[u8]) -> Result<String, Box<dyn std::error::Error>> {
//!     let image: ImageReference = image.parse()?;
//!     let policy = Policy::key(Purpose::Image, KeyAuthority::new("cosign.pub", PublicKey::from_pem(cosign_pub)?));
//!     let store = RegistryClient::default().repository(&image.repository);
//!     let now = std::time::SystemTime::now().into();
//!     let verified = blocking::verify_image(&store, &image.target(), &Trust::default(), &policy, now)?;
//!     Ok(format!("{}@{}", image.repository, verified.image.digest()))
//! }
//! # use sigkit_core::key::{Password, file};
//! # use sigkit_core::{Format, SignOptions};
//! # const KEYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../keys/TEST-ONLY-");
//! # let read = |name: &str| std::fs::read(format!("{KEYS}{name}"));
//! # let registry = testkit::Registry::start();
//! # let digest = testkit::image::image(registry.content(), "app", "v1", "layer").digest;
//! # let name = format!("{}/app:v1", registry.host());
//! # let refusal = name_to_run(&name, &read("ecdsa-p256.pub")?).unwrap_err().to_string();
//! # assert!(refusal.contains("no-signatures"), "{refusal}");
//! # let image: ImageReference = name.parse()?;
//! # let key = file::decrypt(&read("ecdsa-p256.key")?, &Password::new("test-only"))?;
//! # let store = RegistryClient::default().repository(&image.repository);
//! # let signing = SignOptions::new(Format::Bundle, image.repository.to_string());
//! # blocking::sign_image(&store, &image.target(), &key, &signing, std::time::SystemTime::now().into())?;
//! # assert_eq!(name_to_run(&name, &read("ecdsa-p256.pub")?)?, format!("{}/app@{digest}", registry.host()));
//! # let refusal = name_to_run(&name, &read("rsa-2048.pub")?).unwrap_err().to_string();
//! # assert!(refusal.contains("signature-invalid"), "{refusal}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The image is to be run by the digest that comes back, never by the tag, which may have moved. Async code calls [`verify_image`]
//! itself; its futures are [`Send`] and belong to no executor. [`sign_image`] is the way back, [`image`] has the parts of both.
//!
//! # Ten nouns
//!
//! | noun | meaning |
//! |---|---|
//! | [`Artifact`](verify::Artifact) | what was signed: bytes, or their digest; an image is the digest of its manifest |
//! | [`SignedEntity`](bundle::SignedEntity) | one signature with what came along, whatever format it came in |
//! | [`Evidence`](bundle::Evidence) | all that was found, and all that could not be read, each with its origin |
//! | [`Policy`] | who must have signed, and what else must hold |
//! | [`Trust`] | the deployment: limits, and the trusted roots that policies name |
//! | [`Verifier`] | a pure function of trust, policy, artifact, evidence and time |
//! | [`Verified`], [`NotVerified`] | proof that only the verifier makes; refusal or doubt. Both carry a [`Report`](report::Report) |
//! | [`Store`](store::Store) | where bytes live: registry, OCI layout, archive, memory, or what you bring |
//! | scheme | how signatures hang on an image, in [`attach`]: cosign's tag, or OCI referrers |
//! | [`SigningKey`](key::SigningKey) | what signs bytes or a digest: a [`KeyPair`] in memory, or what you bring |
//! | [`Signer`](sign::Signer) | what turns a draft into a signed entity: a [`KeyPair`], any key, a key with its certificate |
//!
//! # What is promised
//!
//! - The verifier is pure. It and all that it is made of have no clock, no environment, no files and no network; time is an argument,
//!   `SystemTime::now().into()` at your edge. I/O happens in [`http`], [`store`], [`attach`], [`image`], [`sign`] and [`blocking`] alone.
//! - "Could not look" is neither "unsigned" nor "verified". A registry that refuses or fails makes the verdict
//!   [`Undecided`](report::Verdict::Undecided), unless a signature that was read suffices.
//! - Every refusal has a stable [code](reason::Reason::code), what was expected, what was found, and where.
//! - A key comes from the policy and never from what is being judged. An attestation is no signature.
//! - No input panics, and everything read from outside is bounded by [`Limits`](limits::Limits).
//! - Signing ends by reading back what was written; signatures of others that were seen are still there.
//!
//! # Features
//!
//! | feature | gives |
//! |---|---|
//! | none | [`PublicKey`], signatures, digests: [`crypto`], [`digest`] |
//! | `oci` (default) | references, manifests, signature formats, policy, the verifier, the paved path over any store |
//! | `keyless` | [`trust`]: certificates, transparency logs, signed timestamps, trusted roots; identities in policies |
//! | `layout` | images in OCI layouts and archives |
//! | `sign` | keys, encrypted key files, signing; with `ring` also P-521, Ed25519ph and streams |
//! | `policy-files` | [policies in files](policy::document): ClusterImagePolicy, containers policy.json, ImagePolicy |
//! | `rego` | policies in Rego over attestations |
//! | `registry` | [`RegistryClient`], and the paved path without an async runtime: [`blocking`] |
//! | `oci-client` | a [store](store::oci_client) over an `oci_client::Client` that you already hold |
//! | `ring` (default), `aws-lc-rs` | the cryptographic backend; with both, `aws-lc-rs` is used |
//!
//! Features add and never change what others do.
//!
//! # Map
//!
//! Pure, each using only what stands before it: [`digest`], [`limits`], [`time`]; [`crypto`], [`key`]; [`oci`], [`content`],
//! [`bundle`], [`trust`]; [`reason`], [`report`], [`policy`], [`verify`]. Around them, with I/O: [`http`], [`store`], [`attach`], [`sign`], [`image`],
//! [`blocking`].
//! What the paved path needs is at the root as well.
// docs.rs shows the feature of each item.
#![cfg_attr(docsrs, feature(doc_cfg))]
// The page speaks of every feature; without some of them the links to what they give lead nowhere.
#![cfg_attr(
    not(all(feature = "keyless", feature = "layout", feature = "sign", feature = "registry", feature = "oci-client")),
    allow(rustdoc::broken_intra_doc_links)
)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::as_conversions,
        clippy::arithmetic_side_effects,
        clippy::disallowed_methods
    )
)]

#[cfg(feature = "oci")]
pub mod attach;
mod backend;
#[cfg(feature = "registry")]
pub mod blocking;
#[cfg(feature = "oci")]
pub mod bundle;
pub mod cause;
#[cfg(feature = "oci")]
pub mod content;
pub mod crypto;
pub mod digest;
#[cfg(feature = "registry")]
pub mod http;
#[cfg(feature = "oci")]
pub mod image;
#[cfg(feature = "oci")]
mod json;
#[cfg(feature = "sign")]
pub mod key;
#[cfg(feature = "oci")]
pub mod limits;
#[cfg(feature = "oci")]
pub mod oci;
#[cfg(feature = "oci")]
pub mod policy;
#[cfg(feature = "oci")]
pub mod reason;
#[cfg(feature = "oci")]
pub mod report;
#[cfg(feature = "sign")]
pub mod sign;
#[cfg(feature = "oci")]
pub mod store;
#[cfg(feature = "oci")]
pub mod text;
#[cfg(feature = "oci")]
pub mod time;
#[cfg(feature = "oci")]
pub mod trust;
#[cfg(feature = "oci")]
pub mod verify;

#[cfg(feature = "oci")]
pub use json::JsonError;

pub use crypto::PublicKey;
#[cfg(feature = "oci")]
pub use image::verify_image;
#[cfg(feature = "sign")]
pub use image::{Format, SignOptions, sign_image};
#[cfg(feature = "sign")]
pub use key::KeyPair;
#[cfg(feature = "oci")]
pub use oci::ImageReference;
#[cfg(feature = "keyless")]
pub use policy::{Identity, KeylessAuthority, Pattern, TransparencyRequirements};
#[cfg(feature = "oci")]
pub use policy::{KeyAuthority, Policy, Purpose};
#[cfg(feature = "registry")]
pub use store::registry::RegistryClient;
#[cfg(feature = "oci")]
pub use trust::Trust;
#[cfg(feature = "keyless")]
pub use trust::TrustedRoot;
#[cfg(feature = "oci")]
pub use verify::{NotVerified, Verified, Verifier};
