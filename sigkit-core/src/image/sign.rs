use std::collections::BTreeMap;

use crate::attach::{AttachError, BundleAttachment, LayerAttachment, WriteReceipt, discover};
use crate::bundle::{Evidence, LookupError, Origin, SignedEntity, VerificationMaterial};
use crate::content::{Content, ContentError, Draft, SIGN_PREDICATE};
use crate::json::JsonError;
use crate::key::{SignError, Signer};
use crate::oci::TagOrDigest;
use crate::policy::{KeyAuthority, Policy, Purpose};
use crate::store::{Completed, FetchedManifest, StoreError, TagWriter};
use crate::time::UnixTime;
use crate::trust::Trust;
use crate::verify::{Artifact, NotVerified, Verifier};

/// In which format a signature is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A sigstore bundle on the referrers list; what cosign 3 writes.
    Bundle,
    /// cosign's `.sig` tag; what cosign 2 writes and older tools read.
    Legacy,
    /// Both.
    Both,
}

/// What to sign into an image signature, and how to store it.
#[derive(Clone, Debug)]
pub struct SignOptions {
    /// The format.
    pub format: Format,
    /// Annotations to sign.
    pub annotations: BTreeMap<String, String>,
    /// Repositories to name in legacy signatures, one signature each.
    pub references: Vec<String>,
    /// A payload to sign instead of the generated document, legacy format only.
    pub payload: Option<Vec<u8>>,
    /// Time written into the legacy configuration; none writes cosign's reproducible zero time.
    pub legacy_created: Option<UnixTime>,
    /// What to do when the same key has signed the same document before.
    pub again: ExistingSignature,
}

/// What to do when the same key has signed the same document before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExistingSignature {
    /// Leave it at that; signing twice is the same as signing once.
    Skip,
    /// Write another signature.
    Write,
}

impl SignOptions {
    /// A signature in this format without annotations, for images of `repository`.
    pub fn new(format: Format, repository: impl Into<String>) -> Self {
        Self {
            format,
            annotations: BTreeMap::new(),
            references: vec![repository.into()],
            payload: None,
            legacy_created: None,
            again: ExistingSignature::Skip,
        }
    }

    /// Signs, and verifies what was signed.
    ///
    /// # Errors
    /// [`SignImageError::Sign`]; [`SignImageError::Rejected`] when the result would not verify, such as a given payload that
    /// names another image.
    pub fn sign(
        &self,
        image: &FetchedManifest,
        signer: &dyn Signer,
        now: UnixTime,
    ) -> Result<Vec<SignedEntity>, SignImageError> {
        let policy = own_policy(signer, self);
        let mut entities = Vec::new();
        for draft in self.drafts(image)? {
            let (signature, material) = match &draft {
                Draft::SimpleSigning { payload } => (signer.sign_legacy(payload)?, VerificationMaterial::Unspecified),
                Draft::Statement { .. } => {
                    let hint = signer.public_key().fingerprint().hint();
                    (signer.sign(&draft.bytes())?, VerificationMaterial::KeyHint(hint))
                }
            };
            let entity = SignedEntity::new(draft.sign(signature), material);
            let evidence = Evidence::of(Origin::File("the new signature".to_owned()), Ok(entity.clone()));
            Verifier::new(&Trust::default()).verify(&policy, &Artifact::Bytes(image.bytes()), &evidence, now)?;
            entities.push(entity);
        }
        Ok(entities)
    }

    fn drafts(&self, image: &FetchedManifest) -> Result<Vec<Draft>, JsonError> {
        let digest = &image.digest();
        let mut drafts = Vec::new();
        if matches!(self.format, Format::Bundle | Format::Both) {
            drafts.push(Draft::statement(digest, &self.annotations)?);
        }
        if matches!(self.format, Format::Legacy | Format::Both) {
            match &self.payload {
                Some(payload) => drafts.push(Draft::SimpleSigning { payload: payload.clone() }),
                None => {
                    for reference in &self.references {
                        drafts.push(Draft::simple_signing(digest, reference, &self.annotations)?);
                    }
                }
            }
        }
        Ok(drafts)
    }
}

/// The policy that the new signature must meet: the signer's own key, with the annotations asked for.
fn own_policy(signer: &dyn Signer, signing: &SignOptions) -> Policy {
    let authority = KeyAuthority::new("the signing key", signer.public_key().clone());
    let annotations = if signing.payload.is_some() { &BTreeMap::new() } else { &signing.annotations };
    annotations
        .iter()
        .fold(Policy::key(Purpose::Image, authority), |policy, (name, value)| policy.with_annotation(name, value))
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
#[derive(Clone, Debug)]
pub enum Attached {
    /// Written, and read back.
    Written(WriteReceipt),
    /// The same document was already signed by the same key.
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
    let entities = signing.sign(&image, signer, now)?;
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
    let present = match signing.again {
        ExistingSignature::Skip => {
            let policy = own_policy(signer, signing);
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
        let layer = LayerAttachment { image, payload, signature, created: signing.legacy_created };
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
