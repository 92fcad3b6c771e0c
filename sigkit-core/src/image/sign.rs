use std::collections::BTreeMap;

use crate::attach::{AttachError, BundleAttachment, LayerAttachment, WriteReceipt, discover};
use crate::bundle::{LookupError, Origin, SignedEntity};
use crate::content::{Content, ContentError, SIGN_PREDICATE, UnsignedDocument};
use crate::json::JsonError;
use crate::key::SignError;
use crate::oci::TagOrDigest;
use crate::policy::{Policy, Purpose};
use crate::sign::{Signer, SigningError, sign_document};
use crate::store::{Completed, FetchedManifest, StoreError, TagWriter};
use crate::time::UnixTime;
use crate::trust::Trust;
use crate::verify::{Artifact, NotVerified, Verifier};

/// In which format a signature is written.
///
/// There are no other formats, so matches may be exhaustive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A sigstore bundle on the referrers list; what cosign 3 writes.
    Bundle,
    /// cosign's `.sig` tag; what cosign 2 writes and older tools read.
    Legacy,
    /// Both.
    Both,
}

impl Format {
    pub(super) const fn has_bundle(self) -> bool {
        matches!(self, Self::Bundle | Self::Both)
    }

    pub(super) const fn has_legacy(self) -> bool {
        matches!(self, Self::Legacy | Self::Both)
    }
}

/// What to sign into an image signature, and how to store it.
#[derive(Clone, Debug)]
#[must_use]
pub struct SignOptions {
    format: Format,
    annotations: BTreeMap<String, String>,
    references: Vec<String>,
    payload: Option<Vec<u8>>,
    legacy_created: Option<UnixTime>,
    existing: ExistingSignature,
}

/// What to do when the same signer has signed the same document before.
///
/// There is nothing else to do, so matches may be exhaustive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExistingSignature {
    /// Leave it at that; signing twice is the same as signing once.
    Skip,
    /// Write another signature.
    Write,
}

impl SignOptions {
    /// A signature in this format without annotations, for images of `repository`, which legacy signatures name.
    pub fn new(format: Format, repository: impl Into<String>) -> Self {
        Self {
            format,
            annotations: BTreeMap::new(),
            references: vec![repository.into()],
            payload: None,
            legacy_created: None,
            existing: ExistingSignature::Skip,
        }
    }

    /// Signs this annotation as well.
    pub fn with_annotation(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.annotations.insert(name.into(), value.into());
        self
    }

    /// Names these repositories in legacy signatures, one signature each, and not the one of [`SignOptions::new`].
    pub fn with_references(mut self, repositories: impl IntoIterator<Item = String>) -> Self {
        self.references = repositories.into_iter().collect();
        self
    }

    /// Signs this payload instead of the generated document, legacy format only. It must name the image.
    pub fn with_payload(mut self, payload: Vec<u8>) -> Self {
        self.payload = Some(payload);
        self
    }

    /// Writes this time into the legacy configuration, instead of cosign's reproducible zero time.
    pub fn with_legacy_created(mut self, time: UnixTime) -> Self {
        self.legacy_created = Some(time);
        self
    }

    /// What to do when the same signer has signed the same document before; unless this is called, nothing is written.
    pub fn with_existing(mut self, existing: ExistingSignature) -> Self {
        self.existing = existing;
        self
    }

    /// The format.
    pub const fn format(&self) -> Format {
        self.format
    }

    /// Signs, and verifies what was signed. It is not stored yet.
    ///
    /// # Errors
    /// [`SignImageError::Sign`]; [`SignImageError::Rejected`] when the result would not verify, such as a given payload that
    /// names another image, or a certificate that has expired.
    pub async fn sign(
        &self,
        image: &FetchedManifest,
        signer: &dyn Signer,
        now: UnixTime,
    ) -> Result<Vec<SignedEntity>, SignImageError> {
        let policy = self.own_policy(signer);
        let artifact = Artifact::Bytes(image.bytes());
        let mut entities = Vec::new();
        for document in self.documents(image)? {
            entities.push(sign_document(signer, document, &policy, &artifact, now).await?);
        }
        Ok(entities)
    }

    fn documents(&self, image: &FetchedManifest) -> Result<Vec<UnsignedDocument>, JsonError> {
        let digest = &image.digest();
        let mut documents = Vec::new();
        if self.format.has_bundle() {
            documents.push(UnsignedDocument::statement(digest, &self.annotations)?);
        }
        if self.format.has_legacy() {
            match &self.payload {
                Some(payload) => documents.push(UnsignedDocument::SimpleSigning { payload: payload.clone() }),
                None => {
                    for reference in &self.references {
                        documents.push(UnsignedDocument::simple_signing(digest, reference, &self.annotations)?);
                    }
                }
            }
        }
        Ok(documents)
    }

    /// The policy that the new signature must meet: the signer's own authority, with the annotations asked for.
    fn own_policy(&self, signer: &dyn Signer) -> Policy {
        let annotations = if self.payload.is_some() { &BTreeMap::new() } else { &self.annotations };
        annotations.iter().fold(Policy::authority(Purpose::Image, signer.authority()), |policy, (name, value)| {
            policy.with_annotation(name, value)
        })
    }
}

/// A signed image.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SignedImage {
    /// The manifest signed.
    pub image: FetchedManifest,
    /// What became of each signature.
    pub attached: Vec<Attached>,
}

/// What became of one signature.
///
/// Callers tell people each of them, so another one would be a breaking change on purpose.
#[derive(Clone, Debug)]
pub enum Attached {
    /// Written, and read back.
    Written(WriteReceipt),
    /// The same document was already signed by the same signer.
    AlreadySigned(Origin),
    /// The same, by a run that was cut off before the place listed the signature, which it does now.
    Completed(Origin),
}

/// Why an image is not signed. Without an error every signature is in place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignImageError {
    /// The image could not be read.
    #[error(transparent)]
    Image(#[from] StoreError),
    /// The signer failed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// What was signed does not verify, so it is not written.
    #[error("the new signature does not verify: {0}")]
    Rejected(#[from] NotVerified),
    /// The signature could not be stored.
    #[error(transparent)]
    Attach(#[from] AttachError),
    /// What is to be attested is not the document that it should be.
    #[error(transparent)]
    Document(#[from] ContentError),
    /// Whether there are earlier attestations to replace could not be told.
    #[error(transparent)]
    Earlier(LookupError),
    /// What these types hold cannot be written as JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
}

impl From<SigningError> for SignImageError {
    fn from(error: SigningError) -> Self {
        match error {
            SigningError::Sign(error) => Self::Sign(error),
            SigningError::Rejected(error) => Self::Rejected(*error),
        }
    }
}

/// Signs an image and stores the signature beside it. A tag is resolved once.
///
/// # Errors
/// [`SignImageError`].
pub async fn sign_image<S: TagWriter>(
    store: &S,
    target: &TagOrDigest,
    signer: &dyn Signer,
    signing: &SignOptions,
    now: UnixTime,
) -> Result<SignedImage, SignImageError> {
    let image = store.manifest(target).await?.answering(&store.name(), target)?;
    let entities = signing.sign(&image, signer, now).await?;
    let attached = attach(store, &image, &entities, signer, signing, now).await?;
    Ok(SignedImage { image, attached })
}

/// Stores signatures made by [`SignOptions::sign`] in `signatures`, which may be another repository than the image's.
///
/// # Errors
/// [`SignImageError::Attach`].
pub async fn attach<S: TagWriter>(
    signatures: &S,
    image: &FetchedManifest,
    entities: &[SignedEntity],
    signer: &dyn Signer,
    signing: &SignOptions,
    now: UnixTime,
) -> Result<Vec<Attached>, SignImageError> {
    let present = match signing.existing {
        ExistingSignature::Skip => {
            let policy = signing.own_policy(signer);
            // A failure to look only means that an equal signature may be written twice.
            let trust = Trust::default();
            let present = discover(signatures, &image.digest(), &policy, trust.limits()).await;
            Verifier::new(&trust).verify(&policy, &Artifact::Bytes(image.bytes()), &present, now).ok()
        }
        ExistingSignature::Write => None,
    };
    let mut attached = Vec::new();
    for entity in entities {
        let twin = present.iter().flat_map(|present| present.signatures()).find(|signature| {
            let of_format = match &entity.content {
                Content::SimpleSigning { .. } => signature.simple_signing().is_some(),
                Content::Envelope(_) | Content::Message(_) => signature.statement().is_some(),
            };
            of_format && signature.payload() == payload(entity)
        });
        attached.push(match twin {
            Some(twin) => {
                let origin = twin.origin().clone();
                let mut completed = Completed::Nothing;
                for place in origin.places() {
                    if let Origin::Referrer { manifest, .. } = place
                        && let Completed::Listed = signatures.complete(manifest).await.map_err(AttachError::from)?
                    {
                        completed = Completed::Listed;
                    }
                }
                match completed {
                    Completed::Nothing => Attached::AlreadySigned(origin),
                    Completed::Listed => Attached::Completed(origin),
                }
            }
            None => Attached::Written(attach_one(signatures, image, entity, signing, now).await?),
        });
    }
    Ok(attached)
}

async fn attach_one<S: TagWriter>(
    signatures: &S,
    image: &FetchedManifest,
    entity: &SignedEntity,
    signing: &SignOptions,
    now: UnixTime,
) -> Result<WriteReceipt, AttachError> {
    if let Content::SimpleSigning { payload, signature } = &entity.content {
        let image = &image.digest();
        let (annotations, created) = (&entity.layer_annotations(), signing.legacy_created);
        let layer = LayerAttachment { image, payload, signature, annotations, created };
        return layer.attach(signatures).await;
    }
    let bundle = entity.to_bundle()?.unwrap_or_default();
    let image = image.descriptor();
    BundleAttachment { image, bundle: bundle.into(), predicate_type: SIGN_PREDICATE, created: now }
        .attach(signatures)
        .await
}

fn payload(entity: &SignedEntity) -> Option<&[u8]> {
    match &entity.content {
        Content::SimpleSigning { payload, .. } => Some(payload),
        Content::Envelope(envelope) => Some(envelope.payload.as_slice()),
        Content::Message(_) => None,
    }
}
