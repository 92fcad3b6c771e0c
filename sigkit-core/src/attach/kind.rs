//! What is looked for beside an image, and which layers may be it.

use super::{attestation_tag, signature_tag};
use crate::bundle::{BundleError, signature_annotations};
use crate::content::{PredicateType, SIGN_PREDICATE};
use crate::digest::{Digest, DigestAlgorithm, Hasher};
use crate::limits::Limits;
use crate::oci::{Descriptor, Tag, media_type};

/// The longest media type there is: RFC 6838 §4.2 allows twice 127 characters.
const MAX_TYPE_BYTES: usize = 255;

/// What is looked for beside an image.
#[derive(Clone, Copy, Debug)]
pub enum AttachmentKind<'a> {
    /// Signatures of the image.
    Signatures,
    /// Attestations about the image: of one predicate type, or of all.
    Attestations(Option<&'a PredicateType>),
}

impl AttachmentKind<'_> {
    /// cosign's tag for them.
    pub(super) fn tag(self, image: &Digest) -> Tag {
        match self {
            Self::Signatures => signature_tag(image),
            Self::Attestations(_) => attestation_tag(image),
        }
    }

    /// cosign's type of a layer with one of them.
    const fn legacy(self) -> &'static str {
        match self {
            Self::Signatures => media_type::SIMPLE_SIGNING,
            Self::Attestations(_) => media_type::DSSE_ENVELOPE,
        }
    }

    /// Why a predicate type is not that of what is looked for; `None` when it is.
    pub(super) fn skips(self, found: &str) -> Option<BundleError> {
        let expected = match self {
            Self::Signatures if found != SIGN_PREDICATE => SIGN_PREDICATE,
            Self::Attestations(Some(kind)) if found != kind.uri() => kind.uri(),
            Self::Attestations(None) if found == SIGN_PREDICATE => "any but that of signatures",
            _ => return None,
        };
        Some(BundleError::PassedOver { expected: expected.to_owned(), found: found.chars().take(200).collect() })
    }

    /// The most bytes of one, and of all together.
    pub(super) const fn bounds(self, limits: &Limits) -> (u64, u64) {
        match self {
            Self::Signatures => (limits.signature_bytes, limits.signatures_total_bytes),
            Self::Attestations(_) => (limits.attachment_bytes, limits.attachments_total_bytes),
        }
    }

    /// The most bytes of one that may be larger than all together.
    pub(super) const fn alone(self, limits: &Limits) -> u64 {
        match self {
            Self::Signatures => 0,
            Self::Attestations(_) => limits.attachment_bytes,
        }
    }

    pub(super) const fn noun(self) -> &'static str {
        match self {
            Self::Signatures => "signatures",
            Self::Attestations(_) => "attestations",
        }
    }

    /// The layers of a manifest that refers to the image which may be what is looked for, by their type. `named` is the predicate type
    /// in the manifest's annotations.
    pub(super) fn sort_referrer(self, layers: Vec<Descriptor>, named: Option<&str>, limits: &Limits) -> Sorted {
        let mut sorted = Sorted::default();
        for (index, layer) in layers.into_iter().enumerate() {
            let kind = kind(&layer);
            if kind == Kind::Bundle || layer.media_type == self.legacy() {
                let named = named.filter(|_| kind == Kind::Bundle);
                sorted.add(index, layer, kind, self, named, limits);
            }
        }
        sorted
    }

    /// The layers of the manifest under cosign's tag which may be what is looked for, by their type or by the annotations that signers
    /// write. A place makes nothing a signature.
    pub(super) fn sort_tagged(self, layers: Vec<Descriptor>, limits: &Limits) -> Sorted {
        let mut sorted = Sorted::default();
        let mut others: Option<(String, usize)> = None;
        for (index, layer) in layers.into_iter().enumerate() {
            let kind = kind(&layer);
            let named = layer.annotations.get(media_type::ANNOTATION_LAYER_PREDICATE_TYPE).cloned();
            let is_annotated = layer.annotations.contains_key(media_type::ANNOTATION_SIGNATURE)
                || (matches!(self, Self::Attestations(_)) && named.is_some());
            if kind == Kind::Other && !is_annotated {
                let (_, count) = others.get_or_insert_with(|| (clip(&layer.media_type), 0));
                *count = count.saturating_add(1);
            } else {
                sorted.add(index, layer, kind, self, named.as_deref(), limits);
            }
        }
        sorted.others = others.map(|(kind, count)| match count {
            1 => format!("a layer of type {kind:?} without a signature in its annotations"),
            _ => format!("{count} layers, the first of type {kind:?}, without signatures in their annotations"),
        });
        sorted
    }
}

/// What the layers of a manifest are, before any is read.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    /// Those that may be what is looked for.
    pub(super) layers: Vec<Layer>,
    /// Those whose annotations make them unreadable.
    pub(super) unreadable: Vec<(usize, BundleError)>,
    /// The others, in words.
    pub(super) others: Option<String>,
}

impl Sorted {
    pub(super) fn is_empty(&self) -> bool {
        self.layers.is_empty() && self.unreadable.is_empty()
    }

    fn add(
        &mut self,
        index: usize,
        layer: Descriptor,
        kind: Kind,
        wanted: AttachmentKind<'_>,
        named: Option<&str>,
        limits: &Limits,
    ) {
        let media_type = match kind {
            Kind::Bundle => media_type::BUNDLE_V03,
            Kind::SimpleSigning => media_type::SIMPLE_SIGNING,
            Kind::Envelope => media_type::DSSE_ENVELOPE,
            Kind::Other => wanted.legacy(),
        };
        let hint = match named.filter(|named| !named.is_empty()) {
            Some(named) => wanted.skips(named).map_or(Hint::Wanted, Hint::Other),
            None if media_type == media_type::SIMPLE_SIGNING => Hint::Wanted,
            None => Hint::None,
        };
        let mut descriptor = Descriptor::new(media_type, layer.size, layer.digest);
        // A bundle has in itself what annotations say of a signature in the older format.
        let annotations = match kind {
            Kind::Bundle => Ok(Default::default()),
            _ => signature_annotations(layer.annotations, limits),
        };
        match annotations {
            Ok(annotations) => {
                descriptor.annotations = annotations;
                self.layers.push(Layer { index, descriptor, hint });
            }
            Err(error) => self.unreadable.push((index, error)),
        }
    }
}

/// A layer that may be what is looked for.
#[derive(Debug)]
pub(super) struct Layer {
    /// Its position in the manifest.
    pub(super) index: usize,
    /// What is needed of its description, and no more: there may be very many, and what strangers write into them has no bound.
    pub(super) descriptor: Descriptor,
    /// What its annotations say about its content.
    pub(super) hint: Hint,
}

/// What unsigned annotations say about the content of a layer.
#[derive(Debug)]
pub(super) enum Hint {
    /// That it is what is looked for.
    Wanted,
    /// Nothing.
    None,
    /// That it is something else.
    Other(BundleError),
}

impl Layer {
    /// What names everything that a signature is made of.
    pub(super) fn sameness(&self) -> Digest {
        let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
        let Descriptor { media_type, size, digest, annotations, .. } = &self.descriptor;
        hasher.update(format!("{media_type}\0{digest}\0{size}").as_bytes());
        for (name, value) in annotations {
            hasher.update(format!("\0{name}\0{}\0", value.len()).as_bytes());
            hasher.update(value.as_bytes());
        }
        hasher.finish()
    }

    /// Bytes that are kept of it for sure; what has to be looked into first counts later.
    pub(super) fn cost(&self) -> u64 {
        let annotations = self
            .descriptor
            .annotations
            .values()
            .fold(0_u64, |sum, value| sum.saturating_add(u64::try_from(value.len()).unwrap_or(u64::MAX)));
        match self.hint {
            Hint::Wanted => annotations.saturating_add(self.descriptor.size),
            Hint::None | Hint::Other(_) => annotations,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bundle,
    SimpleSigning,
    Envelope,
    Other,
}

fn kind(layer: &Descriptor) -> Kind {
    match layer.media_type.as_str() {
        kind if kind.len() > MAX_TYPE_BYTES => Kind::Other,
        kind if kind.starts_with(media_type::BUNDLE_PREFIX) => Kind::Bundle,
        media_type::SIMPLE_SIGNING => Kind::SimpleSigning,
        media_type::DSSE_ENVELOPE => Kind::Envelope,
        _ => Kind::Other,
    }
}

fn clip(text: &str) -> String {
    text.chars().take(100).collect()
}
