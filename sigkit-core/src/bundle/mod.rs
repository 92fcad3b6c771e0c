//! Signatures with their verification material, whatever format they came in: one normal form, [`SignedEntity`].

mod blob;
mod layer;
mod log_entry;
mod sigstore;

pub(crate) use layer::signature_annotations;
pub use log_entry::{EntryKind, InclusionProof, LogEntry, LogId, LogProof, SignedTimestamp};
#[cfg(feature = "keyless")]
pub(crate) use sigstore::protobuf_name;

use std::fmt;

use crate::content::{Content, ContentError, EnvelopeError};
use crate::crypto::SignatureError;
use crate::digest::Digest;
use crate::json::JsonError;
use crate::oci::Tag;
use crate::text::clip;

/// One signature and what came with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedEntity {
    /// What was signed, and the signature.
    pub content: Content,
    /// What the format says about the signer's key.
    pub material: VerificationMaterial,
    /// Its transparency log entries, in the order found.
    pub log_entries: Vec<LogEntry>,
    /// Its signed timestamps, in the order found.
    pub timestamps: Vec<SignedTimestamp>,
}

impl SignedEntity {
    /// A signature without proofs of time and log.
    pub const fn new(content: Content, material: VerificationMaterial) -> Self {
        Self { content, material, log_entries: Vec::new(), timestamps: Vec::new() }
    }
}

/// What a format says about the key that made a signature. It is a statement of the format, never a reason to trust a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerificationMaterial {
    /// Nothing.
    Unspecified,
    /// A hint at a public key; base64 of the SHA-256 of its DER SubjectPublicKeyInfo when sigstore tools wrote it.
    KeyHint(String),
    /// X.509 certificates in DER, leaf first.
    Certificate(Vec<Vec<u8>>),
}

/// All that was found about an artifact, and all that could not be read.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// What was found, in the order found. Nothing found is dropped, the unreadable included.
    pub items: Vec<EvidenceItem>,
    /// What could not be looked at.
    pub problems: Vec<LookupError>,
}

/// One thing found, and where.
#[derive(Clone, Debug)]
pub struct EvidenceItem {
    /// Where it was found.
    pub origin: Origin,
    /// The signature, or why it is invalid.
    pub entity: Result<SignedEntity, BundleError>,
}

impl EvidenceItem {
    /// Every signature of one place, or why there is none.
    pub fn each(origin: Origin, entities: Result<Vec<SignedEntity>, BundleError>) -> Vec<Self> {
        match entities {
            Ok(entities) => {
                entities.into_iter().map(|entity| Self { origin: origin.clone(), entity: Ok(entity) }).collect()
            }
            Err(error) => vec![Self { origin, entity: Err(error) }],
        }
    }
}

impl Evidence {
    /// Evidence of one place, with one signature or several.
    pub fn each(origin: Origin, entities: Result<Vec<SignedEntity>, BundleError>) -> Self {
        Self { items: EvidenceItem::each(origin, entities), problems: Vec::new() }
    }

    /// Evidence of one thing.
    pub fn of(origin: Origin, entity: Result<SignedEntity, BundleError>) -> Self {
        Self { items: vec![EvidenceItem { origin, entity }], problems: Vec::new() }
    }

    /// The same, found in `repository` and not in that of the artifact: two places of one name stay two.
    pub fn within(mut self, repository: &str) -> Self {
        self.items = self
            .items
            .into_iter()
            .map(|item| EvidenceItem { origin: item.origin.within(repository), ..item })
            .collect();
        self
    }

    /// How many things were found that could be signatures.
    pub fn count(&self) -> usize {
        let is_one = |item: &&EvidenceItem| !matches!(item.entity, Err(BundleError::NotASignature { .. }));
        self.items.iter().filter(is_one).count()
    }
}

/// Where a signature was found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// A layer of the manifest under cosign's legacy tag.
    Layer {
        /// The tag.
        tag: Tag,
        /// Zero-based position of the layer.
        index: usize,
    },
    /// All that is under a tag.
    Tag(Tag),
    /// A layer of a manifest that refers to the image.
    Referrer {
        /// The manifest.
        manifest: Digest,
        /// Zero-based position of the layer.
        index: usize,
    },
    /// A file, or text given on a command line; the name is the caller's.
    File(String),
    /// A place in another repository than that of the artifact.
    Elsewhere {
        /// The repository, in words that name no other.
        repository: String,
        /// The place in it.
        found: Box<Origin>,
    },
    /// Several places that hold the very same; never fewer than two.
    Several(Vec<Self>),
}

impl Origin {
    /// The same place in `repository`, which is not that of the artifact.
    pub fn within(self, repository: impl Into<String>) -> Self {
        Self::Elsewhere { repository: repository.into(), found: Box::new(self) }
    }

    /// Adds a place that holds the same.
    pub(crate) fn add(&mut self, other: Self) {
        match self {
            Self::Several(places) => places.push(other),
            one => *one = Self::Several(vec![one.clone(), other]),
        }
    }

    /// Every place.
    pub fn places(&self) -> &[Self] {
        match self {
            Self::Several(places) => places,
            one => std::slice::from_ref(one),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Layer { tag, index } => write!(f, "tag {tag}, layer {index}"),
            Self::Tag(tag) => write!(f, "tag {tag}"),
            Self::Referrer { manifest, index: 0 } => write!(f, "referrer {manifest}"),
            Self::Referrer { manifest, index } => write!(f, "referrer {manifest}, layer {index}"),
            Self::File(name) => f.write_str(name),
            Self::Elsewhere { repository, found } => write!(f, "{repository}: {found}"),
            Self::Several(places) => {
                let mut places = places.iter();
                places.next().map_or(Ok(()), |first| first.fmt(f))?;
                match places.next() {
                    None => Ok(()),
                    Some(second) if places.len() == 0 => write!(f, "; {second}"),
                    Some(second) => write!(f, "; {second}; and {} more locations", places.len()),
                }
            }
        }
    }
}

/// Something that could not be looked at: neither a signature nor the absence of one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{target}: {detail}")]
pub struct LookupError {
    /// What was looked for.
    pub target: String,
    /// The reason code of the error.
    pub code: &'static str,
    /// The request or file, and what went wrong with it.
    pub detail: String,
}

/// Why something found is not a signature that can be judged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// Not strict JSON of the right shape.
    #[error("{document}: {error}")]
    Json {
        /// Which document.
        document: &'static str,
        /// Where and why.
        error: JsonError,
    },
    /// A media type that names no known version.
    #[error(
        "sigstore bundle: expected media type application/vnd.dev.sigstore.bundle.v0.3+json (or 0.1, 0.2), found {found:?}"
    )]
    Version {
        /// The media type, cut to 200 characters.
        found: String,
    },
    /// A member that is missing, doubled or cannot be meant.
    #[error("{document}: `{member}`: expected {expected}, found {found}")]
    Member {
        /// Which document.
        document: &'static str,
        /// The member's path.
        member: &'static str,
        /// The expected value.
        expected: &'static str,
        /// The value found.
        found: String,
    },
    /// More entries than the limit allows.
    #[error("{document}: more than {limit} {what}")]
    TooMany {
        /// Which document.
        document: &'static str,
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// Not fetched: its annotation says that it has another predicate type.
    #[error("predicate type: expected {expected:?}, found {found:?} in the annotations, so it was not read")]
    PassedOver {
        /// The predicate type asked for.
        expected: String,
        /// The predicate type that the annotation names, cut to 200 characters.
        found: String,
    },
    /// Something stored as a signature that is not one: it is ignored.
    #[error("expected a signature or an attestation, found {found}; it was not read")]
    NotASignature {
        /// What it is.
        found: String,
    },
    /// Not an envelope with one signature.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// A signed document that does not parse.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// A signature that is not one in any encoding allowed.
    #[error("signature: {0}")]
    Signature(#[from] SignatureError),
}

/// The one signature, where one is wanted.
fn only(each: Vec<SignedEntity>) -> Result<SignedEntity, BundleError> {
    let found = each.len();
    match <[SignedEntity; 1]>::try_from(each) {
        Ok([only]) => Ok(only),
        Err(_) => Err(EnvelopeError::SignatureCount { found }.into()),
    }
}

fn member(
    document: &'static str,
    member: &'static str,
    expected: &'static str,
    found: impl Into<String>,
) -> BundleError {
    BundleError::Member { document, member, expected, found: found.into() }
}

/// The certificates of a PEM text, and nothing but certificates; DER, in the order of the text.
fn certificates(document: &'static str, name: &'static str, text: &[u8]) -> Result<Vec<Vec<u8>>, BundleError> {
    crate::crypto::certificates_from_pem(text)
        .map_err(|error| member(document, name, "PEM blocks of type CERTIFICATE", clip(&error.to_string())))
}
