//! A whole Sigstore in memory, for tests of verifiers: certificate authority, certificate transparency, transparency logs of both
//! generations, timestamp authority, and the trusted root that goes with them.
//!
//! ```
//! use testkit::sigstore::{Kind, Sigstore};
//!
//! let stack = Sigstore::new();
//! let root = stack.trusted_root().to_string();
//! let good = stack.blob(b"artifact").seal().bundle().to_string();
//! // One thing wrong with it: the certificate ran out before the signature was logged.
//! let expired = stack.blob(b"artifact").leaf(|leaf| leaf.valid(0, 1)).seal().bundle();
//! // The second generation, whose time comes from a timestamp authority.
//! let second = stack.blob(b"artifact").kind(Kind::HashedRekord2).stamped().seal().bundle();
//! # assert!(root.len() + good.len() > 4000 && expired != second);
//! ```
//!
//! Everything is made of known names, so it is the same in every run. Members of templates, entries and stamps are public: what a
//! test wants wrong, it sets before the thing is signed, and what it wants damaged, it changes in the JSON that comes out.

mod certificate;
mod ct;
pub mod der;
mod key;
mod log;
pub mod merkle;
mod signing;
mod time;
mod trusted_root;
mod tsa;

pub use certificate::{
    BASIC_CONSTRAINTS, CODE_SIGNING, Certificate, EXTENDED_KEY_USAGE, Extension, KEY_USAGE, SAN, SCT_LIST, San,
    TIME_STAMPING, Template, fulcio, name, names, purposes,
};
pub use ct::Sct;
pub use key::{Hash, Key, pem};
pub use log::{Entry, Log, Proof, canonical, cosignature_line, signature_line};
pub use signing::{Kind, Sealed, Signing};
pub use time::rfc3339;
pub use tsa::{Stamp, Tsa};

/// When all of the stack begins to be valid: 2020-09-13.
pub const BEGIN: i64 = 1_600_000_000;
/// When all of it ends: 2046-01-19.
pub const END: i64 = 2_400_000_000;
/// When signatures are made unless a test says otherwise: 2023-11-14, five minutes into the life of their certificates.
pub const SIGNED_AT: i64 = 1_700_000_000;
/// Whose signatures they are.
pub const IDENTITY: &str = "alice@stack.test";
/// Who says so.
pub const ISSUER: &str = "https://oidc.stack.test";

/// The services and their keys. A test changes members before it signs or writes the trusted root.
#[derive(Clone, Debug)]
pub struct Sigstore {
    /// Root of the certificate authority, P-384.
    pub root: Certificate,
    /// The authority that issues, P-384.
    pub intermediate: Certificate,
    /// Key of the certificate transparency log.
    pub ct: Key,
    /// Log of the first generation.
    pub rekor1: Log,
    /// Log of the second generation.
    pub rekor2: Log,
    /// Timestamp authority.
    pub tsa: Tsa,
}

impl Default for Sigstore {
    fn default() -> Self {
        Self::new()
    }
}

impl Sigstore {
    /// The usual one.
    pub fn new() -> Self {
        Self::named("stack")
    }

    /// Another one of the same build, with other keys.
    pub fn named(name: &str) -> Self {
        let root_key = Key::p384(&format!("{name} root"));
        let root = Template::authority(&format!("{name} root"), Some(1)).self_signed(&root_key);
        let intermediate = Template::authority(&format!("{name} intermediate"), Some(0))
            .with(purposes(&[CODE_SIGNING]))
            .issue(&Key::p384(&format!("{name} intermediate")), &root);
        Self {
            root,
            intermediate,
            ct: Key::p256(&format!("{name} ct")),
            rekor1: Log::rekor1(&format!("{name}-rekor1")),
            rekor2: Log::rekor2(&format!("{name}-rekor2")),
            tsa: Tsa::new(&format!("{name} tsa")),
        }
    }

    /// What Fulcio would issue for [`IDENTITY`], five minutes before `unix`.
    pub fn leaf(&self, unix: i64) -> Template {
        let from = unix - 300;
        Template::signer(San::Email(IDENTITY), ISSUER, from).with_scts(vec![Sct::new(&self.ct, from)])
    }

    /// A signature over the bytes of a file.
    pub fn blob(&self, artifact: &[u8]) -> Signing<'_> {
        Signing::message(self, artifact)
    }

    /// A signature over an in-toto statement.
    pub fn statement(&self, statement: &[u8]) -> Signing<'_> {
        Signing::envelope(self, "application/vnd.in-toto+json", statement)
    }
}
